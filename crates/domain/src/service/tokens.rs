//! What is done with API tokens: one set of use cases for every API and for the command line.

use std::collections::BTreeSet;

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use chrono::{DateTime, TimeDelta, Utc};
use uuid::Uuid;

use crate::admin::AdminRole;
use crate::audit::Entry;
use crate::id::{TenantId, TokenId};
use crate::principal::{Access, Scope};
use crate::role::Role;
use crate::store::platform::{self, PlatformStore};
use crate::store::tokens::{TokenStore, Wanted};
use crate::store::{Actor, Origin};
use crate::tenant::check_name;
use crate::token::{Credential, Digest, Previous, Token, WARNINGS, nearest};
use crate::{Error, Result, limits};

/// The first byte of a cursor over tokens.
const FORM: u8 = 2;
/// Tenants that are looked at together for tokens that end.
const TENANTS: usize = 500;

/// What somebody may hand on: nobody makes a token, or a new secret of one, that may do more than he may himself.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Means {
    scopes: BTreeSet<Scope>,
    role_ceiling: Option<Role>,
}

impl Means {
    /// Everything: what the tenant does not let SCIM do is refused at each grant, whatever a token may.
    pub fn all() -> Self {
        Self::of(Scope::ALL.into_iter().collect(), None)
    }

    /// What the account of an admin may hand on: nothing, unless it may change things.
    pub fn of_admin(role: AdminRole) -> Self {
        if role.writes() { Self::all() } else { Self::of(BTreeSet::new(), None) }
    }

    /// These scopes and roles up to this one.
    pub fn of(scopes: BTreeSet<Scope>, role_ceiling: Option<Role>) -> Self {
        Self { scopes, role_ceiling }
    }

    /// [`Error::Forbidden`] when a token with these scopes and this ceiling could do more.
    pub fn allow(&self, scopes: &BTreeSet<Scope>, role_ceiling: Option<Role>) -> Result<()> {
        if let Some(scope) = scopes.iter().find(|scope| !self.holds(**scope)) {
            return Err(Error::Forbidden(format!("who lacks the scope {scope} cannot hand it on")));
        }
        let within = match (self.role_ceiling, role_ceiling) {
            (None, _) => true,
            (Some(own), Some(wanted)) => own.covers(wanted),
            (Some(_), None) => false,
        };
        // A ceiling of somebody who may grant nothing at all bounds nothing.
        if within || !scopes.contains(&Scope::In(crate::principal::Area::Roles, Access::Write)) {
            return Ok(());
        }
        Err(Error::Forbidden("a token cannot grant a higher role than its maker".into()))
    }

    fn holds(&self, scope: Scope) -> bool {
        match scope {
            Scope::In(area, Access::Read) => {
                self.scopes.contains(&scope) || self.scopes.contains(&Scope::In(area, Access::Write))
            }
            other => self.scopes.contains(&other),
        }
    }
}

/// What is stored of a secret that was just made.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Fresh {
    /// Its digest.
    pub digest: Digest,
    /// Its last characters.
    pub last_four: String,
}

/// What a new token is to be.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct New {
    /// Its name for people.
    pub name: String,
    /// What it may do.
    pub scopes: BTreeSet<Scope>,
    /// The highest role it may grant; none: any.
    pub role_ceiling: Option<Role>,
    /// How long it lives; none: for ever.
    pub lifetime: Option<TimeDelta>,
}

/// How a secret is replaced.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Rotation {
    /// How long the secret before goes on.
    pub overlap: TimeDelta,
    /// How long the new one lives, when that is said; `Some(None)`: for ever. Unless said, as long as the one before was
    /// made for.
    pub lifetime: Option<Option<TimeDelta>>,
}

/// How long a secret goes on beside a new one, unless somebody says otherwise.
pub const OVERLAP: TimeDelta = TimeDelta::days(7);

/// A page of tokens.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Page {
    /// The youngest first.
    pub tokens: Vec<Token>,
    /// Where the next page begins; none: this is the last.
    pub next: Option<String>,
}

/// The tokens of a tenant in the hands of somebody.
pub struct Tokens<'a> {
    /// The database.
    pub store: &'a dyn TokenStore,
    /// Whose they are.
    pub tenant: TenantId,
    /// What he may hand on.
    pub means: Means,
    /// Who he is, for the audit log.
    pub origin: &'a Origin,
    /// The time of everything.
    pub now: DateTime<Utc>,
}

impl Tokens<'_> {
    /// A new token with this secret.
    ///
    /// # Errors
    /// [`Error::Forbidden`] for one that may do more than its maker, or beyond the quota of the tenant.
    pub fn create(&self, new: New, secret: Fresh) -> Result<Token> {
        check_name(&new.name)?;
        self.means.allow(&new.scopes, new.role_ceiling)?;
        let expires = new.lifetime.map(|time| self.now + time);
        let mut token = Token::new(&new.name, new.scopes, new.role_ceiling, self.now, expires);
        token.last_four = Some(secret.last_four);
        let credential = Credential { token, digest: secret.digest, previous_digest: None };
        self.store.create_token(self.tenant, &credential, self.origin)?;
        Ok(credential.token)
    }

    /// A page of the tokens, whatever their state.
    ///
    /// # Errors
    /// [`Error::InvalidCursor`] for a cursor that was not given for the tokens of this tenant.
    pub fn list(&self, cursor: Option<&str>, count: usize) -> Result<Page> {
        let after = cursor.map(|cursor| position(cursor, self.tenant)).transpose()?;
        let mut tokens = self.store.list_tokens(self.tenant, &Wanted { after, limit: count + 1 })?;
        let more = tokens.len() > count;
        tokens.truncate(count);
        let next = tokens.last().filter(|_| more).map(|last| cursor_behind(last.id, self.tenant));
        Ok(Page { tokens, next })
    }

    /// All of them.
    pub fn all(&self) -> Result<Vec<Token>> {
        self.store.list_tokens(self.tenant, &Wanted { after: None, limit: usize::MAX })
    }

    /// The token with this id.
    pub fn get(&self, id: &str) -> Result<Token> {
        let found = TokenId::parse(id).map(|id| self.store.token(self.tenant, id)).transpose()?.flatten();
        found.ok_or_else(no_token)
    }

    /// Gives a token another name.
    pub fn rename(&self, id: &str, name: &str) -> Result<Token> {
        check_name(name)?;
        self.alter(id, &mut |credential| {
            let before = std::mem::replace(&mut credential.token.name, name.to_owned());
            let changed = before != name;
            Ok(changed.then(|| Entry::token_renamed(&credential.token, &before, self.now, self.origin)))
        })
    }

    /// Replaces the secret of a token. The one before goes on for a while, but not beyond its own end, and the one
    /// before that ends now.
    ///
    /// # Errors
    /// [`Error::Conflict`] for a token that is revoked or has expired, [`Error::Forbidden`] for one that may do more than
    /// who asks.
    pub fn rotate(&self, id: &str, rotation: Rotation, secret: &Fresh) -> Result<Token> {
        check_overlap(rotation.overlap)?;
        self.alter(id, &mut |credential| {
            let now = self.now;
            let token = &mut credential.token;
            self.means.allow(&token.scopes, token.role_ceiling)?;
            if !token.is_active(now) {
                let state = if token.revoked.is_some() { "is revoked" } else { "has expired" };
                return Err(Error::Conflict(format!("the token {state}: create another one")));
            }
            let end = now + rotation.overlap;
            token.previous = Some(Previous {
                last_four: token.last_four.replace(secret.last_four.clone()),
                expires: token.expires.map_or(end, |own| own.min(end)),
                used: None,
            });
            credential.previous_digest = Some(std::mem::replace(&mut credential.digest, secret.digest));
            let lifetime = rotation.lifetime.unwrap_or_else(|| token.lifetime());
            token.expires = lifetime.map(|time| now + time);
            token.rotated = Some(now);
            token.warned = nearest(token.expires, now);
            Ok(Some(Entry::token_rotated(token, now, self.origin)))
        })
    }

    /// Ends a token with all its secrets. The first revocation counts; revoking again changes nothing.
    pub fn revoke(&self, id: &str) -> Result<Token> {
        self.alter(id, &mut |credential| {
            if credential.token.revoked.is_some() {
                return Ok(None);
            }
            credential.token.revoked = Some(self.now);
            Ok(Some(Entry::token_revoked(credential.token.id, self.now, self.origin)))
        })
    }

    fn alter(
        &self,
        id: &str,
        change: &mut dyn FnMut(&mut Credential) -> Result<Option<Entry>>,
    ) -> Result<Token> {
        let id = TokenId::parse(id).ok_or_else(no_token)?;
        self.store.alter_token(self.tenant, id, change)?.ok_or_else(no_token)
    }
}

/// [`Error::InvalidValue`] unless a secret may go on so long beside a new one.
pub fn check_overlap(overlap: TimeDelta) -> Result<()> {
    const MOST: i64 = limits::TOKEN_OVERLAP_DAYS;
    if (TimeDelta::zero()..=TimeDelta::days(MOST)).contains(&overlap) {
        return Ok(());
    }
    Err(Error::InvalidValue(format!("a secret goes on for at most {MOST} days beside a new one")))
}

/// Tells the audit logs of tokens that will end soon, each threshold once. Several processes may do so at once.
/// `goes_on` is asked after each tenant.
pub fn warn(
    tenants: &dyn PlatformStore,
    store: &dyn TokenStore,
    now: DateTime<Utc>,
    goes_on: &dyn Fn() -> bool,
) -> Result<()> {
    // One tenant that fails does not keep the others from their warnings.
    let (mut after, mut outcome) = (None, Ok(()));
    loop {
        let page = tenants.tenants(&platform::Wanted { state: None, after, limit: TENANTS })?;
        for record in &page {
            outcome = outcome.and(warn_tenant(store, record.tenant.id, now));
            if !goes_on() {
                return outcome;
            }
        }
        match page.last() {
            Some(last) if page.len() == TENANTS => after = Some(last.tenant.id),
            _ => return outcome,
        }
    }
}

fn warn_tenant(store: &dyn TokenStore, tenant: TenantId, now: DateTime<Utc>) -> Result<()> {
    let farthest = WARNINGS.into_iter().max().unwrap_or_default();
    let origin =
        Origin { actor: Actor::Operator, request: "token-expiry".into(), address: "localhost".into() };
    for token in store.tokens_ending(tenant, now, now + TimeDelta::days(farthest))? {
        if token.warning_due(now).is_none() {
            continue;
        }
        // Somebody else may have told it meanwhile.
        store.alter_token(tenant, token.id, &mut |credential| {
            let token = &mut credential.token;
            let Some(days) = token.warning_due(now) else { return Ok(None) };
            token.warned = Some(days);
            Ok(Some(Entry::token_expires_soon(token, days, now, &origin)))
        })?;
    }
    Ok(())
}

fn no_token() -> Error {
    Error::NotFound("the tenant has no such token".into())
}

/// Form, tenant and id, in base64url. There is nothing to protect: whoever reads the list reads all tokens.
fn cursor_behind(id: TokenId, tenant: TenantId) -> String {
    let bytes = [&[FORM], tenant.0.as_bytes().as_slice(), id.0.as_bytes()].concat();
    URL_SAFE_NO_PAD.encode(bytes)
}

fn position(cursor: &str, tenant: TenantId) -> Result<TokenId> {
    let bytes = URL_SAFE_NO_PAD.decode(cursor).ok();
    let id = match bytes.as_deref() {
        Some([FORM, rest @ ..]) => {
            rest.strip_prefix(tenant.0.as_bytes()).and_then(|id| Uuid::from_slice(id).ok())
        }
        _ => None,
    };
    id.map(TokenId).ok_or_else(|| Error::InvalidCursor("the cursor was not given for this list".into()))
}

#[cfg(test)]
mod tests;
