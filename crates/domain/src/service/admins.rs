//! What is done with the accounts of tenant admins: one set of use cases for the API and for the command line.

use chrono::{DateTime, Utc};

use crate::Result;
use crate::admin::{Account, AdminRole, Hidden};
use crate::audit::Entry;
use crate::id::TenantId;
use crate::store::Origin;
use crate::store::admins::{self, AdminStore};

/// A new account with a password, of which the hash is given.
pub fn create(
    store: &dyn AdminStore,
    tenant: TenantId,
    email: &str,
    role: AdminRole,
    hash: &str,
    origin: &Origin,
    now: DateTime<Utc>,
) -> Result<Account> {
    let account = Account { password: Some(Hidden(hash.to_owned())), ..Account::new(email, role, now)? };
    admins::write(store, tenant, |tx| {
        tx.insert_account(&account)?;
        tx.audit(Entry::admin("admin_created", &account, Some(described(&account)), now, origin));
        Ok(())
    })?;
    Ok(account)
}

/// Who an account belongs to, for rows of the audit log that are read when it is gone.
fn described(account: &Account) -> String {
    format!("{} {}", account.role.name(), account.email)
}
