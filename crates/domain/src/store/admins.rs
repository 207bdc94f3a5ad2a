//! The part of the port that accounts of tenant admins use.

use chrono::{DateTime, Utc};
use uuid::Uuid;

use crate::Result;
use crate::admin::{Account, Hidden, Link, Session};
use crate::audit::Entry;
use crate::id::{AdminId, SessionId, TenantId};
use crate::tenant::Tenant;

/// A key of the access tokens as it is stored.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct StoredKey {
    /// Its public name.
    pub id: Uuid,
    /// The key itself.
    pub secret: Hidden<[u8; 32]>,
    /// When it was made.
    pub created: DateTime<Utc>,
}

/// A transaction on the accounts of one tenant. A transaction that changes more than one account locks them all first.
pub trait AdminTx {
    /// All accounts in the order of their ids, which is that of their creation.
    fn accounts(&mut self) -> Result<Vec<Account>>;

    /// The same, locked until the transaction ends.
    fn lock_accounts(&mut self) -> Result<Vec<Account>>;

    /// The account with this id.
    fn account(&mut self, id: AdminId) -> Result<Option<Account>>;

    /// The same, locked until the transaction ends.
    fn lock_account(&mut self, id: AdminId) -> Result<Option<Account>>;

    /// The account with this [`crate::admin::email_key`].
    fn account_named(&mut self, email_key: &str) -> Result<Option<Account>>;

    /// Stores a new account; a taken address is [`crate::Error::Conflict`]. Whoever makes another one waits until the
    /// transaction ends.
    fn insert_account(&mut self, account: &Account) -> Result<()>;

    /// Stores a changed account; its address stays.
    fn update_account(&mut self, account: &Account) -> Result<()>;

    /// Removes an account with everything that belongs to it.
    fn remove_account(&mut self, id: AdminId) -> Result<()>;

    /// The session with this id, locked until the transaction ends.
    fn lock_session(&mut self, id: SessionId) -> Result<Option<Session>>;

    /// The sessions of an account, the oldest first.
    fn sessions(&mut self, admin: AdminId) -> Result<Vec<Session>>;

    /// Stores a new session.
    fn insert_session(&mut self, session: &Session) -> Result<()>;

    /// Stores a prolonged session.
    fn update_session(&mut self, session: &Session) -> Result<()>;

    /// Ends a session.
    fn end_session(&mut self, id: SessionId) -> Result<()>;

    /// Ends the sessions of an account, but for one.
    fn end_sessions(&mut self, admin: AdminId, except: Option<SessionId>) -> Result<()>;

    /// The link with this digest.
    fn link(&mut self, digest: &[u8; 32]) -> Result<Option<Link>>;

    /// Stores a link in the place of the one that the account has.
    fn put_link(&mut self, link: &Link) -> Result<()>;

    /// Removes the link of an account.
    fn remove_link(&mut self, admin: AdminId) -> Result<()>;

    /// Stores these recovery codes in the place of those that the account has.
    fn put_recovery_codes(&mut self, admin: AdminId, digests: &[[u8; 32]]) -> Result<()>;

    /// How many recovery codes the account has left.
    fn recovery_codes(&mut self, admin: AdminId) -> Result<usize>;

    /// Removes a recovery code; `false` when the account does not have it.
    fn use_recovery_code(&mut self, admin: AdminId, digest: &[u8; 32]) -> Result<bool>;

    /// Appends an audit row.
    fn audit(&mut self, entry: Entry);
}

/// Work inside a transaction; as with [`super::Work`] it may run again.
pub type AdminWork<'a> = &'a mut dyn FnMut(&mut dyn AdminTx) -> Result<()>;

/// What the keys are to be, given those there are: a new one, or none.
pub type AddKey<'a> = &'a mut dyn FnMut(&[StoredKey]) -> Result<Option<StoredKey>>;

/// Accounts of tenant admins and what they sign in with.
pub trait AdminStore: Send + Sync {
    /// Runs `work` in a read-only transaction of the tenant.
    fn read_admins(&self, tenant: TenantId, work: AdminWork<'_>) -> Result<()>;

    /// Runs `work` in a transaction of the tenant; committed and flushed when this returns `Ok`.
    fn write_admins(&self, tenant: TenantId, work: AdminWork<'_>) -> Result<()>;

    /// The tenant, the session with this id and its account, whatever their state.
    fn find_session(
        &self,
        tenant: TenantId,
        session: SessionId,
    ) -> Result<Option<(Tenant, Account, Session)>>;

    /// The keys of the access tokens, in any order.
    fn signing_keys(&self) -> Result<Vec<StoredKey>>;

    /// Adds a key, with all other processes waiting where there are keys already, and removes all but the two newest.
    /// Returns the keys there are then.
    fn add_signing_key(&self, add: AddKey<'_>) -> Result<Vec<StoredKey>>;
}

/// [`AdminStore::read_admins`] with a value.
pub fn read<T>(
    store: &dyn AdminStore,
    tenant: TenantId,
    mut work: impl FnMut(&mut dyn AdminTx) -> Result<T>,
) -> Result<T> {
    super::value_of(|value| {
        store.read_admins(tenant, &mut |tx| {
            *value = Some(work(tx)?);
            Ok(())
        })
    })
}

/// [`AdminStore::write_admins`] with a value.
pub fn write<T>(
    store: &dyn AdminStore,
    tenant: TenantId,
    mut work: impl FnMut(&mut dyn AdminTx) -> Result<T>,
) -> Result<T> {
    super::value_of(|value| {
        store.write_admins(tenant, &mut |tx| {
            *value = Some(work(tx)?);
            Ok(())
        })
    })
}
