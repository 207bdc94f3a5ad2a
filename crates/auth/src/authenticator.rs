//! Whose token it is and whether it still holds.

use std::sync::Arc;
use std::time::{Duration, Instant};

use chrono::{DateTime, Utc};
use domain::principal::{Principal, Token};
use domain::store::Store;
use domain::tenant::{Tenant, TenantState};
use domain::{Error, Result};
use moka::sync::Cache;

use crate::token::{self, Parsed};

/// How long a look-up is believed. A revocation in any process is in force everywhere within a second.
const MEMORY: Duration = Duration::from_millis(500);
/// Tokens remembered at most, all tenants together.
const CAPACITY: u64 = 10_000;

/// Turns the text of a credential into a [`Principal`].
///
/// The three steps are separate because only the last one blocks: [`token::parse`] (or [`Self::parse`]),
/// [`Self::recall`] and [`Self::look_up`]. [`Self::authenticate`] is all of them.
pub struct Authenticator {
    store: Arc<dyn Store>,
    memory: Cache<[u8; 32], Known>,
}

#[derive(Clone)]
struct Known {
    tenant: Arc<Tenant>,
    token: Arc<Token>,
    /// When the database was asked, not when it answered: a slow answer must not prolong a revoked token.
    asked: Instant,
}

impl Authenticator {
    /// An authenticator with an empty memory.
    pub fn new(store: Arc<dyn Store>) -> Self {
        Self { store, memory: Cache::builder().max_capacity(CAPACITY).time_to_live(MEMORY).build() }
    }

    /// Shape and checksum; asks nobody.
    pub fn parse(text: &str) -> Result<Parsed> {
        token::parse(text).ok_or(Error::Unauthorized("not a token of ours"))
    }

    /// The principal, if the database was asked for this token a moment ago. Does not block.
    pub fn recall(&self, parsed: &Parsed, now: DateTime<Utc>) -> Result<Option<Principal>> {
        match self.memory.get(&parsed.digest) {
            Some(known) if known.asked.elapsed() < MEMORY => judge(&known.tenant, known.token, now).map(Some),
            _ => Ok(None),
        }
    }

    /// Asks the database. Blocks.
    pub fn look_up(&self, parsed: &Parsed, now: DateTime<Utc>) -> Result<Principal> {
        let asked = Instant::now();
        let (tenant, token) = self
            .store
            .find_token(parsed.tenant, &parsed.digest)?
            .ok_or(Error::Unauthorized("unknown token"))?;
        let (tenant, token) = (Arc::new(tenant), Arc::new(token));
        let principal = judge(&tenant, token.clone(), now)?;
        self.memory.insert(parsed.digest, Known { tenant, token, asked });
        Ok(principal)
    }

    /// The principal behind the text of a credential.
    ///
    /// # Errors
    /// [`Error::Unauthorized`] (one answer for every reason), [`Error::Forbidden`] for a suspended tenant,
    /// and what the store fails with.
    pub fn authenticate(&self, text: &str, now: DateTime<Utc>) -> Result<Principal> {
        let parsed = Self::parse(text)?;
        match self.recall(&parsed, now)? {
            Some(principal) => Ok(principal),
            None => self.look_up(&parsed, now),
        }
    }
}

/// The end of the token, then the state of the tenant: only a good token learns that its tenant is suspended.
fn judge(tenant: &Arc<Tenant>, token: Arc<Token>, now: DateTime<Utc>) -> Result<Principal> {
    // Whatever the clocks of the processes say, a revoked token does not come back: its time is not compared.
    if token.revoked.is_some() {
        return Err(Error::Unauthorized("revoked token"));
    }
    if token.expires.is_some_and(|end| end <= now) {
        return Err(Error::Unauthorized("expired token"));
    }
    match tenant.state {
        TenantState::Active => {}
        TenantState::Suspended => return Err(Error::Forbidden("the tenant is suspended".into())),
        TenantState::Deleted => return Err(Error::Unauthorized("deleted tenant")),
    }
    Ok(Principal { tenant: tenant.clone(), token })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::Secret;
    use chrono::TimeDelta;
    use domain::id::{TenantId, TokenId};
    use domain::list::ListQuery;
    use domain::principal::Scope;
    use domain::resource_type::ResourceType;
    use domain::store::log::LogStore;
    use domain::store::platform::PlatformStore;
    use domain::store::{Origin, Work};
    use domain::tenant::TenantSettings;
    use std::sync::Mutex;
    use std::sync::atomic::{AtomicUsize, Ordering};

    /// Knows one token and counts how often it is asked.
    struct OneToken {
        row: Mutex<(Tenant, Token)>,
        digest: [u8; 32],
        asked: AtomicUsize,
    }

    impl Store for OneToken {
        fn find_token(&self, tenant: TenantId, digest: &[u8; 32]) -> Result<Option<(Tenant, Token)>> {
            self.asked.fetch_add(1, Ordering::SeqCst);
            let row = self.row.lock().unwrap().clone();
            Ok((row.0.id == tenant && self.digest == *digest).then_some(row))
        }

        fn read_in(&self, _: TenantId, _: Work<'_>) -> Result<()> {
            unreachable!()
        }
        fn write_in(&self, _: TenantId, _: Work<'_>) -> Result<()> {
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
        fn log(&self) -> &dyn LogStore {
            unreachable!()
        }
        fn admins(&self) -> &dyn domain::store::admins::AdminStore {
            unreachable!()
        }
        fn tenant_named(&self, _: &str) -> Result<Option<Tenant>> {
            unreachable!()
        }
        fn create_token(&self, _: TenantId, _: &Token, _: &[u8; 32], _: &Origin) -> Result<()> {
            unreachable!()
        }
        fn tokens(&self, _: TenantId) -> Result<Vec<Token>> {
            unreachable!()
        }
        fn revoke_token(&self, _: TenantId, _: TokenId, _: &Origin, _: DateTime<Utc>) -> Result<bool> {
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
        let token = Token {
            id: TokenId::generate(),
            name: "t".into(),
            scopes: Scope::ALL.into_iter().collect(),
            role_ceiling: None,
            created: start(),
            expires: Some(start() + TimeDelta::seconds(10)),
            revoked: None,
        };
        let digest = secret.digest();
        let store =
            Arc::new(OneToken { row: Mutex::new((tenant, token)), digest, asked: AtomicUsize::new(0) });
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
}
