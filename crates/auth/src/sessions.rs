//! Signing in as an admin, and who is signed in.
//!
//! A session is a row. Its access token says who it is for a quarter of an hour, and on each request the row is asked
//! whether that is still so (or a cache of half a second). Its refresh token is good once.

mod factor;
mod keys;
mod links;
mod own;

use std::sync::Arc;
use std::time::{Duration, Instant};

use chrono::{DateTime, Utc};
use domain::admin::{Account, EMAIL_BYTES, Hidden, IDLE, SESSION, SESSIONS, Session, SignedIn, email_key};
use domain::audit::Entry;
use domain::id::{AdminId, SessionId, TenantId};
use domain::store::admins::{self, AdminTx};
use domain::store::{Actor, Origin, Store};
use domain::tenant::{SLUG_BYTES, Tenant, TenantState};
use domain::{Error, Result};
use moka::sync::Cache;

use crate::access::{Access, AccessTokens};
use crate::opaque::Secret;
use crate::password::Password;
use crate::password::hasher::{Hasher, Parameters};
use crate::refresh;
use factor::{Factor, factor};
use keys::Keys;
pub use own::{NewTotp, Own};

/// How long a look-up is believed. What ends a session is in force everywhere within a second.
const MEMORY: Duration = Duration::from_millis(500);
/// Sessions remembered at most, all tenants together.
const CAPACITY: u64 = 10_000;

const ENDED: Error = Error::Unauthorized("the session has ended");

/// What somebody types to sign in.
pub struct Login {
    /// The short name of the tenant.
    pub tenant: String,
    /// The address of the account.
    pub email: String,
    /// The password.
    pub password: Password,
    /// A code of the second factor, or a recovery code.
    pub code: Option<String>,
}

impl Login {
    /// What somebody has sent, which may be of any length.
    ///
    /// # Errors
    /// [`Error::Unauthorized`] for what is too long for any account; that needs no look at one.
    pub fn typed(tenant: String, email: String, password: String, code: Option<String>) -> Result<Self> {
        if tenant.len() > SLUG_BYTES || email.len() > EMAIL_BYTES {
            return Err(Error::Unauthorized("too long for any account"));
        }
        let password =
            Password::typed(password).map_err(|_| Error::Unauthorized("too long for any password"))?;
        Ok(Self { tenant, email, password, code })
    }
}

/// Where a request comes from that has no credential yet.
#[derive(Clone, Debug)]
pub struct Visitor {
    /// The id of the request.
    pub request: Arc<str>,
    /// The address of the peer.
    pub address: String,
}

impl Visitor {
    /// The same as the one it has turned out to be.
    pub fn origin(&self, admin: AdminId) -> Origin {
        Origin { actor: Actor::Admin(admin), request: self.request.clone(), address: self.address.clone() }
    }
}

/// The tokens of a session, shown this once.
#[derive(Debug)]
pub struct Grant {
    /// Who signed in.
    pub account: Account,
    /// For the next quarter of an hour.
    pub access: Secret,
    /// The end of that.
    pub access_ends: DateTime<Utc>,
    /// Good for the next grant.
    pub refresh: Secret,
    /// The session.
    pub session: Session,
}

/// How an attempt to sign in ends that is not refused.
#[derive(Debug)]
pub enum Entrance {
    /// Signed in.
    Open(Box<Grant>),
    /// The password is right, and a code of the second factor is missing.
    CodeRequired,
}

/// Sessions of admins.
pub struct Sessions {
    store: Arc<dyn Store>,
    hasher: Hasher,
    tokens: AccessTokens,
    keys: Keys,
    memory: Cache<SessionId, Known>,
}

#[derive(Clone)]
struct Known {
    tenant: Arc<Tenant>,
    account: Arc<Account>,
    session: Session,
    /// When the database was asked, not when it answered.
    asked: Instant,
}

impl Sessions {
    /// Sessions whose tokens name the server with this public address.
    ///
    /// # Errors
    /// As of [`Hasher::new`].
    pub fn new(store: Arc<dyn Store>, parameters: Parameters, issuer: &str) -> Result<Self> {
        Ok(Self {
            hasher: Hasher::new(parameters)?,
            tokens: AccessTokens::new(issuer),
            keys: Keys::new(Arc::clone(&store)),
            memory: Cache::builder().max_capacity(CAPACITY).time_to_live(MEMORY).build(),
            store,
        })
    }

    /// What makes and checks the hashes of passwords.
    pub fn hasher(&self) -> &Hasher {
        &self.hasher
    }

    /// Signs in. One run of Argon2, whatever the answer (a second one for a right password whose hash is made anew), with
    /// no connection to the database held meanwhile. Blocks.
    ///
    /// # Errors
    /// [`Error::Unauthorized`], one answer for every reason; [`Error::Forbidden`] for who has the right password in a
    /// suspended tenant.
    pub fn sign_in(&self, login: &Login, visitor: &Visitor, now: DateTime<Utc>) -> Result<Entrance> {
        let found = self.find(&login.tenant, &login.email)?;
        let usable = found.and_then(|(tenant, account)| {
            let hash = account.password.clone().filter(|_| account.is_active())?;
            Some((tenant, account.id, hash.0))
        });
        let Some((tenant, id, hash)) = usable else {
            self.hasher.verify_nobody(&login.password)?;
            return Err(Error::Unauthorized("no account that may sign in"));
        };
        if !self.hasher.verify(&login.password, &hash)? {
            return Err(Error::Unauthorized("wrong password"));
        }
        serves(&tenant)?;
        let better = match self.hasher.needs_rehash(&hash) {
            true => Some(self.hasher.hash(&login.password)?),
            false => None,
        };
        let keys = self.keys.get(now)?;
        let session = SessionId::generate();
        let lineage = refresh::lineage()?;
        let refresh = refresh::generate(tenant.id, session.0, lineage)?;
        let digest = refresh.digest();
        let entered = admins::write(self.store.admins(), tenant.id, |tx| {
            let mut account = tx.lock_account(id)?.ok_or(Error::Unauthorized("the account is gone"))?;
            if !account.is_active() || account.password.as_ref().map(|hash| &hash.0) != Some(&hash) {
                return Err(Error::Unauthorized("the account has changed meanwhile"));
            }
            let origin = visitor.origin(id);
            match factor(tx, &mut account, login.code.as_deref(), now, &origin)? {
                Factor::Fine => {}
                Factor::Missing => return Ok(None),
                Factor::Wrong => return Err(Error::Unauthorized("wrong code")),
            }
            if let Some(better) = &better {
                account.password = Some(Hidden(better.clone()));
            }
            account.signed_in = Some(now);
            tx.update_account(&account)?;
            let session = Session {
                id: session,
                admin: id,
                lineage,
                digest,
                created: now,
                idle: now + IDLE,
                ends: now + SESSION,
                address: visitor.address.clone(),
            };
            make_room(tx, id, now)?;
            tx.insert_session(&session)?;
            tx.audit(Entry::admin("admin_signed_in", &account, None, now, &origin));
            Ok(Some((account, session)))
        })?;
        let Some((account, session)) = entered else { return Ok(Entrance::CodeRequired) };
        let (access, access_ends) = self.tokens.issue(&keys, &said(tenant.id, &account, &session), now)?;
        Ok(Entrance::Open(Box::new(Grant { account, access, access_ends, refresh, session })))
    }

    /// Prolongs a session with its refresh token, which is good once. One that comes back a second time is in two hands,
    /// and ends the session. Blocks.
    ///
    /// # Errors
    /// As of [`Self::look_up`].
    pub fn refresh(&self, text: &str, visitor: &Visitor, now: DateTime<Utc>) -> Result<Grant> {
        let parsed = refresh::parse(text).ok_or(Error::Unauthorized("not a refresh token of ours"))?;
        let id = SessionId(parsed.session);
        let found = self.store.admins().find_session(parsed.tenant, id)?;
        let (tenant, _, session) = found.ok_or(ENDED)?;
        if session.lineage != parsed.lineage {
            // Made up by who has seen the id of the session: no reason to end it.
            return Err(Error::Unauthorized("not a refresh token of the session"));
        }
        if session.digest == parsed.digest {
            serves(&tenant)?;
        }
        let keys = self.keys.get(now)?;
        let next = refresh::generate(tenant.id, id.0, session.lineage)?;
        let prolonged = admins::write(self.store.admins(), tenant.id, |tx| {
            let Some(mut session) = tx.lock_session(id)? else { return Ok(Err(ENDED)) };
            let Some(account) = tx.account(session.admin)? else { return Ok(Err(ENDED)) };
            if session.digest != parsed.digest {
                tx.end_session(id)?;
                let origin = Origin { actor: Actor::Nobody, ..visitor.origin(account.id) };
                tx.audit(Entry::admin_session_reused(&account, now, &origin));
                return Ok(Err(Error::Unauthorized("a refresh token was used twice")));
            }
            if !session.lives(now) || !account.is_active() {
                tx.end_session(id)?;
                return Ok(Err(ENDED));
            }
            session.digest = next.digest();
            session.idle = now + IDLE;
            tx.update_session(&session)?;
            Ok(Ok((account, session)))
        })?;
        if prolonged.is_err() {
            self.memory.invalidate(&id);
        }
        let (account, session) = prolonged?;
        let (access, access_ends) = self.tokens.issue(&keys, &said(tenant.id, &account, &session), now)?;
        Ok(Grant { account, access, access_ends, refresh: next, session })
    }

    /// Ends the session. Blocks.
    ///
    /// # Errors
    /// What the store fails with.
    pub fn sign_out(&self, signed_in: &SignedIn, origin: &Origin, now: DateTime<Utc>) -> Result<()> {
        let SignedIn { tenant, account, session } = signed_in;
        admins::write(self.store.admins(), tenant.id, |tx| {
            if tx.lock_session(*session)?.is_some() {
                tx.end_session(*session)?;
                tx.audit(Entry::admin("admin_signed_out", account, None, now, origin));
            }
            Ok(())
        })?;
        self.memory.invalidate(session);
        Ok(())
    }

    /// Leaves an audit row of an attempt to sign in that was refused, in a tenant that there is. What was typed is not in
    /// it: it may be a password in the wrong field. So many before it have left none. Blocks.
    ///
    /// # Errors
    /// What the store fails with.
    pub fn record_refusal(
        &self,
        slug: &str,
        email: &str,
        suppressed: u64,
        visitor: &Visitor,
        now: DateTime<Utc>,
    ) -> Result<()> {
        let Some(tenant) = self.store.tenant_named(slug)? else { return Ok(()) };
        let Visitor { request, address } = visitor.clone();
        let origin = Origin { actor: Actor::Nobody, request, address };
        let key = email_key(email);
        admins::write(self.store.admins(), tenant.id, |tx| {
            let account = tx.account_named(&key)?.map(|account| account.id);
            tx.audit(Entry::sign_in_refused(tenant.id, account, suppressed, now, &origin));
            Ok(())
        })
    }

    /// Who the text of an access token is, if the database was asked a moment ago. Does not block.
    ///
    /// # Errors
    /// As of [`Self::look_up`].
    pub fn recall(&self, text: &str, now: DateTime<Utc>) -> Result<Option<SignedIn>> {
        let Some((keys, fresh)) = self.keys.recall() else { return Ok(None) };
        let access = match self.tokens.verify(&keys, text, now) {
            Ok(access) => access,
            // Its key may be one that another process has just made.
            Err(_) if !fresh => return Ok(None),
            Err(error) => return Err(error),
        };
        match self.memory.get(&SessionId(access.session)) {
            Some(known) if known.asked.elapsed() < MEMORY => judge(&known, &access, now).map(Some),
            _ => Ok(None),
        }
    }

    /// Who the text of an access token is. Blocks.
    ///
    /// # Errors
    /// [`Error::Unauthorized`], one answer for every reason; [`Error::Forbidden`] for a suspended tenant.
    pub fn look_up(&self, text: &str, now: DateTime<Utc>) -> Result<SignedIn> {
        let access = match self.tokens.verify(&*self.keys.get(now)?, text, now) {
            Ok(access) => access,
            Err(_) => self.tokens.verify(&*self.keys.renew(now)?, text, now)?,
        };
        let known = self.ask(access.tenant, SessionId(access.session))?;
        let signed_in = judge(&known, &access, now)?;
        self.memory.insert(signed_in.session, known);
        Ok(signed_in)
    }

    /// Whether who was signed in when a request began still is, in the same role. Blocks, unless the database was asked a
    /// moment ago.
    ///
    /// # Errors
    /// As of [`Self::look_up`]; [`Error::Forbidden`] with another role.
    pub fn still(&self, signed_in: &SignedIn, now: DateTime<Utc>) -> Result<()> {
        let known = match self.memory.get(&signed_in.session) {
            Some(known) if known.asked.elapsed() < MEMORY => known,
            _ => {
                let known = self.ask(signed_in.tenant.id, signed_in.session)?;
                self.memory.insert(signed_in.session, known.clone());
                known
            }
        };
        living(&known, now)?;
        if known.account.role != signed_in.account.role {
            return Err(Error::Forbidden("the role of the account has changed: ask again".into()));
        }
        Ok(())
    }

    fn ask(&self, tenant: TenantId, session: SessionId) -> Result<Known> {
        let asked = Instant::now();
        let (tenant, account, session) = self.store.admins().find_session(tenant, session)?.ok_or(ENDED)?;
        Ok(Known { tenant: Arc::new(tenant), account: Arc::new(account), session, asked })
    }

    fn find(&self, slug: &str, email: &str) -> Result<Option<(Tenant, Account)>> {
        let Some(tenant) = self.store.tenant_named(slug)? else { return Ok(None) };
        let key = email_key(email);
        let account = admins::read(self.store.admins(), tenant.id, |tx| tx.account_named(&key))?;
        Ok(account.map(|account| (tenant, account)))
    }
}

fn said(tenant: TenantId, account: &Account, session: &Session) -> Access {
    Access { account: account.id.0, tenant, session: session.id.0, role: account.role.name().to_owned() }
}

fn judge(known: &Known, access: &Access, now: DateTime<Utc>) -> Result<SignedIn> {
    let Known { tenant, account, session, .. } = known;
    if session.admin.0 != access.account || account.id != session.admin || tenant.id != access.tenant {
        return Err(Error::Unauthorized("the session is somebody else's"));
    }
    living(known, now)?;
    Ok(SignedIn { tenant: Arc::clone(tenant), account: Arc::clone(account), session: session.id })
}

/// The session, the account, then the state of the tenant: only who is signed in learns that it is suspended.
fn living(known: &Known, now: DateTime<Utc>) -> Result<()> {
    let Known { tenant, account, session, .. } = known;
    if !session.lives(now) {
        return Err(Error::Unauthorized("the session is over"));
    }
    if !account.is_active() {
        return Err(Error::Unauthorized("the account is disabled"));
    }
    serves(tenant)
}

fn serves(tenant: &Tenant) -> Result<()> {
    match tenant.state {
        TenantState::Active => Ok(()),
        TenantState::Suspended => Err(Error::Forbidden("the tenant is suspended".into())),
        TenantState::Deleted => Err(Error::Unauthorized("deleted tenant")),
    }
}

/// Ends what is over, and the oldest sessions where one more would be too many.
fn make_room(tx: &mut dyn AdminTx, admin: AdminId, now: DateTime<Utc>) -> Result<()> {
    let (living, over): (Vec<_>, Vec<_>) =
        tx.sessions(admin)?.into_iter().partition(|session| session.lives(now));
    let surplus = (living.len() + 1).saturating_sub(SESSIONS);
    for session in over.iter().chain(&living[..surplus]) {
        tx.end_session(session.id)?;
    }
    Ok(())
}
