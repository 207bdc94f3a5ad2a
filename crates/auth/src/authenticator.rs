//! Whose token it is and whether it still holds.

mod changes;

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use chrono::{DateTime, Utc};
use domain::principal::Principal;
use domain::store::Store;
use domain::tenant::{Tenant, TenantState};
use domain::token::{Found, Token};
use domain::{Error, Result};
use moka::sync::Cache;

use self::changes::Changes;
use crate::token::{self, Parsed};

/// How long it is believed that nothing has changed. A revocation in any process is in force everywhere within a second.
const MEMORY: Duration = Duration::from_millis(500);
/// After this what is in use is asked for again, so that no request has to wait for it.
const DUE: Duration = Duration::from_millis(450);
/// How long a look-up is believed at most, whatever the number of changes says: not everybody who could write into the
/// database need count.
const TRUST: Duration = Duration::from_secs(5);
const TRUST_DUE: Duration = Duration::from_millis(4_500);
/// Tokens remembered at most, all tenants together.
const CAPACITY: u64 = 10_000;

/// Turns the text of a credential into a [`Principal`].
///
/// The three steps are separate because only the last one blocks: [`token::parse`] (or [`Self::parse`]),
/// [`Self::recall`] and [`Self::look_up`]. [`Self::principal`] is the last two for whoever may block,
/// [`Self::authenticate`] all of them.
///
/// What is remembered of a token holds as long as the number of changes of credentials
/// ([`Store::credential_changes`]) is the one from before it was looked up. So one question keeps all of them, however many
/// there are.
pub struct Authenticator {
    store: Arc<dyn Store>,
    memory: Cache<[u8; 32], Known>,
    changes: Changes,
}

#[derive(Clone)]
struct Known {
    tenant: Arc<Tenant>,
    token: Arc<Token>,
    /// Whether it was shown by the secret before the present one.
    is_previous: bool,
    /// When the database was asked, not when it answered: a slow answer must not prolong a revoked token.
    asked: Instant,
    /// The number of changes before that; none where they are not counted.
    changes: Option<i64>,
    /// Whether somebody has been told to look it up again.
    is_told: Arc<AtomicBool>,
}

/// What memory has, and may believe.
struct Remembered {
    known: Known,
    /// Since it was looked up.
    age: Duration,
    /// Since it was asked for changes, where there were none.
    unchanged: Duration,
}

/// What memory has of a credential.
pub struct Recalled {
    /// Whose it is.
    pub principal: Principal,
    /// Whether it is time to [`Authenticator::look_up`] again, behind the request. That is told to one request only.
    pub is_due: bool,
}

impl Authenticator {
    /// An authenticator with an empty memory.
    pub fn new(store: Arc<dyn Store>) -> Self {
        let memory = Cache::builder().max_capacity(CAPACITY).time_to_live(TRUST).build();
        Self { store, memory, changes: Changes::new() }
    }

    /// Shape and checksum; asks nobody.
    pub fn parse(text: &str) -> Result<Parsed> {
        token::parse(text).ok_or(Error::Unauthorized("not a token of ours"))
    }

    /// The principal, if the database was asked for this token a moment ago, or for changes. Does not block.
    pub fn recall(&self, parsed: &Parsed, now: DateTime<Utc>) -> Result<Option<Recalled>> {
        let Some(Remembered { known, age, unchanged }) = self.remembered(parsed) else { return Ok(None) };
        let principal = judge(&known, now)?;
        let is_due = if unchanged < MEMORY && age < TRUST_DUE {
            unchanged >= DUE && self.changes.tell()
        } else {
            age >= DUE && !known.is_told.swap(true, Ordering::Relaxed)
        };
        Ok(Some(Recalled { principal, is_due }))
    }

    /// Whether [`Self::principal`] answers from memory. Does not block.
    pub fn remembers(&self, parsed: &Parsed) -> bool {
        self.remembered(parsed).is_some()
    }

    /// What is remembered and may still be believed.
    fn remembered(&self, parsed: &Parsed) -> Option<Remembered> {
        let known = self.memory.get(&parsed.digest)?;
        let age = known.asked.elapsed();
        let unchanged = self.changes.age_of(known.changes).unwrap_or(Duration::MAX);
        (age.min(unchanged) < MEMORY && age < TRUST).then_some(Remembered { known, age, unchanged })
    }

    /// Asks the database for changes, and where there are some for the token. Blocks. What it does not find, or finds ended,
    /// is not remembered any more.
    pub fn look_up(&self, parsed: &Parsed, now: DateTime<Utc>) -> Result<Principal> {
        // Before the token: what changes in between is found again.
        let changes = self.changes.renewed(&*self.store)?;
        if let Some(known) = self.memory.get(&parsed.digest)
            && changes.is_some()
            && known.changes == changes
            && known.asked.elapsed() < TRUST_DUE
        {
            return judge(&known, now);
        }
        let asked = Instant::now();
        let found = self.store.find_token(parsed.tenant, &parsed.digest)?;
        let known =
            found.ok_or(Error::Unauthorized("unknown token")).map(|found| Known::new(found, asked, changes));
        let judged = known.and_then(|known| Ok((judge(&known, now)?, known)));
        match judged {
            Ok((principal, known)) => {
                self.memory.insert(parsed.digest, known);
                Ok(principal)
            }
            Err(error) => {
                self.memory.invalidate(&parsed.digest);
                Err(error)
            }
        }
    }

    /// The principal behind a credential: from memory, or from the database. Whoever works for long asks again while he
    /// does. Tells nobody to look it up again. May block.
    ///
    /// # Errors
    /// [`Error::Unauthorized`] (one answer for every reason), [`Error::Forbidden`] for a suspended tenant,
    /// and what the store fails with.
    pub fn principal(&self, parsed: &Parsed, now: DateTime<Utc>) -> Result<Principal> {
        match self.remembered(parsed) {
            Some(Remembered { known, .. }) => judge(&known, now),
            None => self.look_up(parsed, now),
        }
    }

    /// The same for the text of a credential.
    pub fn authenticate(&self, text: &str, now: DateTime<Utc>) -> Result<Principal> {
        self.principal(&Self::parse(text)?, now)
    }
}

impl Known {
    fn new(found: Found, asked: Instant, changes: Option<i64>) -> Self {
        let Found { tenant, token, is_previous } = found;
        let (tenant, token) = (Arc::new(tenant), Arc::new(token));
        Self { tenant, token, is_previous, asked, changes, is_told: Arc::default() }
    }
}

/// The end of the token and of its secret, then the state of the tenant: only a good token learns that its tenant is
/// suspended.
fn judge(known: &Known, now: DateTime<Utc>) -> Result<Principal> {
    let Known { tenant, token, is_previous, .. } = known;
    // Whatever the clocks of the processes say, a revoked token does not come back: its time is not compared.
    if token.revoked.is_some() {
        return Err(Error::Unauthorized("revoked token"));
    }
    if token.expires.is_some_and(|end| end <= now) {
        return Err(Error::Unauthorized("expired token"));
    }
    if *is_previous && token.overlap(now).is_none() {
        return Err(Error::Unauthorized("replaced token"));
    }
    match tenant.state {
        TenantState::Active => {}
        TenantState::Suspended => return Err(Error::Forbidden("the tenant is suspended".into())),
        TenantState::Deleted => return Err(Error::Unauthorized("deleted tenant")),
    }
    Ok(Principal { tenant: tenant.clone(), token: token.clone(), by_previous: *is_previous })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::Secret;
    use chrono::TimeDelta;
    use domain::id::TenantId;
    use domain::list::ListQuery;
    use domain::principal::Scope;
    use domain::resource_type::ResourceType;
    use domain::store::Work;
    use domain::store::log::LogStore;
    use domain::store::platform::PlatformStore;
    use domain::store::tokens::TokenStore;
    use domain::tenant::TenantSettings;
    use domain::token::{Digest, Previous};
    use std::sync::Mutex;
    use std::sync::atomic::AtomicUsize;

    /// Knows one token with two secrets and counts how often it is asked.
    struct OneToken {
        row: Mutex<(Tenant, Token)>,
        digests: [Digest; 2],
        asked: AtomicUsize,
        /// How often it was changed, if that is counted, and how often that was asked.
        changes: Mutex<Option<i64>>,
        counted: AtomicUsize,
    }

    impl OneToken {
        fn count(&self) {
            *self.changes.lock().unwrap().get_or_insert_default() += 1;
        }

        /// How often the token was asked for, and changes.
        fn asked(&self) -> (usize, usize) {
            (self.asked.load(Ordering::SeqCst), self.counted.load(Ordering::SeqCst))
        }
    }

    impl Store for OneToken {
        fn credential_changes(&self) -> Result<Option<i64>> {
            self.counted.fetch_add(1, Ordering::SeqCst);
            Ok(*self.changes.lock().unwrap())
        }

        fn find_token(&self, tenant: TenantId, digest: &Digest) -> Result<Option<Found>> {
            self.asked.fetch_add(1, Ordering::SeqCst);
            let (own, token) = self.row.lock().unwrap().clone();
            let known = own.id == tenant && self.digests.contains(digest);
            Ok(known.then_some(Found { tenant: own, token, is_previous: self.digests[1] == *digest }))
        }

        fn read_in(&self, _: TenantId, _: Work<'_>) -> Result<()> {
            unreachable!()
        }
        fn write_in(&self, _: TenantId, _: Work<'_>) -> Result<()> {
            unreachable!()
        }
        fn find_alone(
            &self,
            _: TenantId,
            _: &ResourceType,
            _: domain::store::By<'_>,
            _: bool,
        ) -> Result<Option<domain::stored::Stored>> {
            unreachable!()
        }
        fn find_each(
            &self,
            _: TenantId,
            _: &[domain::store::LookUp],
        ) -> Result<Vec<Option<domain::stored::Stored>>> {
            unreachable!()
        }
        fn explain(&self, _: TenantId, _: &ResourceType, _: &ListQuery) -> Result<Vec<String>> {
            unreachable!()
        }
        fn ping(&self) -> Result<()> {
            unreachable!()
        }
        fn platform(&self) -> &dyn PlatformStore {
            unreachable!()
        }
        fn tokens(&self) -> &dyn TokenStore {
            unreachable!()
        }
        fn log(&self) -> &dyn LogStore {
            unreachable!()
        }
        fn admins(&self) -> &dyn domain::store::admins::AdminStore {
            unreachable!()
        }
        fn tenant_named(&self, _: &str) -> Result<Option<Tenant>> {
            unreachable!()
        }
    }

    fn start() -> DateTime<Utc> {
        DateTime::from_timestamp(1_750_000_000, 0).unwrap()
    }

    fn fixture() -> (Arc<OneToken>, Authenticator, Secret) {
        let tenant = Tenant {
            id: TenantId::generate(),
            slug: "acme".into(),
            name: "Acme".into(),
            state: TenantState::Active,
            settings: TenantSettings::default(),
            cursor_key: domain::cursor::CursorKey::new([7; 32]),
            catalog: domain::catalog::Catalog::standard(),
        };
        let secret = token::generate(tenant.id).unwrap();
        let scopes = Scope::ALL.into_iter().collect();
        let token = Token::new("t", scopes, None, start(), Some(start() + TimeDelta::seconds(10)));
        let digests = [secret.digest(), [0; 32]];
        let store = Arc::new(OneToken {
            row: Mutex::new((tenant, token)),
            digests,
            asked: AtomicUsize::default(),
            changes: Mutex::default(),
            counted: AtomicUsize::default(),
        });
        (store.clone(), Authenticator::new(store), secret)
    }

    fn reason(result: Result<Principal>) -> &'static str {
        match result {
            Err(Error::Unauthorized(reason)) => reason,
            other => panic!("{other:?}"),
        }
    }

    #[test]
    fn a_remembered_token_asks_nobody_and_still_expires() {
        let (store, authenticator, secret) = fixture();
        for _ in 0..3 {
            authenticator.authenticate(secret.reveal(), start()).unwrap();
        }
        assert_eq!(store.asked.load(Ordering::SeqCst), 1);
        let end = start() + TimeDelta::seconds(10);
        assert_eq!(reason(authenticator.authenticate(secret.reveal(), end)), "expired token");
    }

    #[test]
    fn one_request_is_told_to_look_up_again_before_a_token_is_forgotten() {
        let (store, authenticator, secret) = fixture();
        let parsed = Authenticator::parse(secret.reveal()).unwrap();
        let is_due = || authenticator.recall(&parsed, start()).unwrap().map(|recalled| recalled.is_due);
        assert_eq!(is_due(), None);
        authenticator.look_up(&parsed, start()).unwrap();
        assert_eq!(is_due(), Some(false));
        let known = authenticator.memory.get(&parsed.digest).unwrap();
        authenticator.memory.insert(parsed.digest, Known { asked: Instant::now() - DUE, ..known });
        assert_eq!((is_due(), is_due()), (Some(true), Some(false)));
        authenticator.look_up(&parsed, start()).unwrap();
        assert_eq!(is_due(), Some(false));
        // What such a look-up finds ended is over at once, and not when it would have been forgotten.
        store.row.lock().unwrap().1.revoked = Some(start());
        assert_eq!(reason(authenticator.look_up(&parsed, start())), "revoked token");
        assert_eq!(is_due(), None);
    }

    /// As if the token had been looked up so long ago.
    fn make_older(authenticator: &Authenticator, parsed: &Parsed, by: Duration) {
        let known = authenticator.memory.get(&parsed.digest).unwrap();
        authenticator.memory.insert(parsed.digest, Known { asked: known.asked - by, ..known });
    }

    #[test]
    fn a_token_is_remembered_while_nothing_changes() {
        let (store, authenticator, secret) = fixture();
        store.count();
        let parsed = Authenticator::parse(secret.reveal()).unwrap();
        let is_due = || authenticator.recall(&parsed, start()).unwrap().map(|recalled| recalled.is_due);
        authenticator.look_up(&parsed, start()).unwrap();
        make_older(&authenticator, &parsed, MEMORY);
        assert_eq!((is_due(), store.asked()), (Some(false), (1, 1)));
        // One is told to ask for changes; that serves all tokens.
        authenticator.changes.make_older(DUE);
        assert_eq!((is_due(), is_due()), (Some(true), Some(false)));
        authenticator.look_up(&parsed, start()).unwrap();
        assert_eq!((is_due(), store.asked()), (Some(false), (1, 2)));
        // And one after each answer, but nobody by whoever looks for himself.
        authenticator.changes.make_older(DUE + Duration::from_millis(2));
        authenticator.principal(&parsed, start()).unwrap();
        assert!(authenticator.remembers(&parsed));
        assert_eq!((is_due(), is_due()), (Some(true), Some(false)));
        // Nobody has asked for too long.
        authenticator.changes.make_older(MEMORY - DUE);
        assert!(!authenticator.remembers(&parsed));
        assert_eq!(is_due(), None);
        authenticator.look_up(&parsed, start()).unwrap();
        assert_eq!((is_due(), store.asked()), (Some(false), (1, 3)));
        // It is not believed for ever.
        make_older(&authenticator, &parsed, TRUST_DUE - MEMORY);
        assert_eq!((is_due(), is_due()), (Some(true), Some(false)));
        make_older(&authenticator, &parsed, TRUST - TRUST_DUE);
        assert_eq!(is_due(), None);
        authenticator.look_up(&parsed, start()).unwrap();
        assert_eq!(store.asked(), (2, 3));
    }

    #[test]
    fn a_change_of_any_token_sends_for_all() {
        let (store, authenticator, secret) = fixture();
        store.count();
        let parsed = Authenticator::parse(secret.reveal()).unwrap();
        authenticator.look_up(&parsed, start()).unwrap();
        make_older(&authenticator, &parsed, MEMORY);
        store.count();
        store.row.lock().unwrap().1.revoked = Some(start());
        // Until changes are asked for, which is half a second at most.
        assert!(authenticator.recall(&parsed, start()).unwrap().is_some());
        authenticator.changes.make_older(MEMORY);
        assert!(authenticator.recall(&parsed, start()).unwrap().is_none());
        assert_eq!(reason(authenticator.look_up(&parsed, start())), "revoked token");
        assert_eq!(store.asked(), (2, 2));
        // Another one has asked, and the number is another.
        store.row.lock().unwrap().1.revoked = None;
        authenticator.look_up(&parsed, start()).unwrap();
        make_older(&authenticator, &parsed, MEMORY);
        store.count();
        authenticator.changes.make_older(MEMORY);
        let stranger = token::generate(TenantId::generate()).unwrap();
        assert_eq!(reason(authenticator.authenticate(stranger.reveal(), start())), "unknown token");
        assert!(authenticator.recall(&parsed, start()).unwrap().is_none());
    }

    #[test]
    fn what_is_no_token_asks_nobody() {
        let (store, authenticator, secret) = fixture();
        assert_eq!(reason(authenticator.authenticate("null", start())), "not a token of ours");
        assert_eq!(reason(authenticator.authenticate(&secret.reveal()[1..], start())), "not a token of ours");
        assert_eq!(store.asked.load(Ordering::SeqCst), 0);
    }

    #[test]
    fn revocation_is_seen_within_a_second() {
        let (store, authenticator, secret) = fixture();
        authenticator.authenticate(secret.reveal(), start()).unwrap();
        store.row.lock().unwrap().1.revoked = Some(start());
        std::thread::sleep(MEMORY + Duration::from_millis(50));
        assert_eq!(reason(authenticator.authenticate(secret.reveal(), start())), "revoked token");
    }

    #[test]
    fn the_state_of_the_tenant_counts_and_failures_are_not_remembered() {
        let (store, authenticator, secret) = fixture();
        store.row.lock().unwrap().0.state = TenantState::Suspended;
        let suspended = authenticator.authenticate(secret.reveal(), start());
        assert!(matches!(suspended, Err(Error::Forbidden(_))));
        store.row.lock().unwrap().0.state = TenantState::Deleted;
        assert_eq!(reason(authenticator.authenticate(secret.reveal(), start())), "deleted tenant");
        store.row.lock().unwrap().0.state = TenantState::Active;
        authenticator.authenticate(secret.reveal(), start()).unwrap();
        let stranger = token::generate(TenantId::generate()).unwrap();
        assert_eq!(reason(authenticator.authenticate(stranger.reveal(), start())), "unknown token");
    }

    #[test]
    fn case_15_every_refusal_costs_one_look_up() {
        let (store, authenticator, secret) = fixture();
        let tenant = store.row.lock().unwrap().0.id;
        let unknown = token::generate(tenant).unwrap();
        let foreign = token::generate(TenantId::generate()).unwrap();
        store.row.lock().unwrap().1.revoked = Some(start());
        for (text, why) in
            [(&secret, "revoked token"), (&unknown, "unknown token"), (&foreign, "unknown token")]
        {
            for _ in 0..3 {
                let before = store.asked.load(Ordering::SeqCst);
                assert_eq!(reason(authenticator.authenticate(text.reveal(), start())), why);
                assert_eq!(store.asked.load(Ordering::SeqCst) - before, 1, "{why}");
            }
        }
    }

    #[test]
    fn a_replaced_secret_goes_on_until_its_end() {
        let (store, authenticator, secret) = fixture();
        let replaced = token::generate(store.row.lock().unwrap().0.id).unwrap();
        let store = Arc::new(OneToken {
            row: Mutex::new(store.row.lock().unwrap().clone()),
            digests: [secret.digest(), replaced.digest()],
            asked: AtomicUsize::default(),
            changes: Mutex::default(),
            counted: AtomicUsize::default(),
        });
        let authenticator = Authenticator { store: store.clone(), ..authenticator };
        let end = start() + TimeDelta::seconds(5);
        store.row.lock().unwrap().1.previous = Some(Previous { last_four: None, expires: end, used: None });
        let by_previous =
            |secret: &Secret, at| authenticator.authenticate(secret.reveal(), at).map(|one| one.by_previous);
        assert!(by_previous(&replaced, start()).unwrap() && !by_previous(&secret, start()).unwrap());
        // From memory as from the database.
        assert_eq!(store.asked.load(Ordering::SeqCst), 2);
        assert_eq!(reason(authenticator.authenticate(replaced.reveal(), end)), "replaced token");
        assert!(!by_previous(&secret, end).unwrap());
    }
}
