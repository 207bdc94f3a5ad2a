//! Links that are good once: the first password of somebody who was invited, and another one for who has lost it.

use chrono::{DateTime, Utc};
use domain::admin::{Account, Hidden, Link, Purpose};
use domain::audit::Entry;
use domain::store::admins::{self, AdminTx};
use domain::tenant::Tenant;
use domain::{Error, Result};

use super::{Sessions, Visitor, serves};
use crate::link;
use crate::password::{self, Password};

/// A link that was found good, and whose it is.
pub struct Invited {
    tenant: Tenant,
    account: Account,
    digest: [u8; 32],
    purpose: Purpose,
}

impl Sessions {
    /// Whether a link is good. Cheap, so that nobody without one takes a seat from who signs in. Blocks.
    ///
    /// # Errors
    /// [`Error::InvalidValue`] for a link that is not good, whatever the reason; [`Error::Forbidden`] in a suspended
    /// tenant.
    pub fn invited(&self, secret: &str, purpose: Purpose, now: DateTime<Utc>) -> Result<Invited> {
        let parsed = link::parse(secret).ok_or_else(not_good)?;
        let tenant = self.store.platform().tenant(parsed.tenant)?.ok_or_else(not_good)?.tenant;
        let digest = parsed.digest;
        let account = admins::read(self.store.admins(), tenant.id, |tx| {
            let Link { admin, .. } = good(tx, &digest, purpose, now)?;
            tx.account(admin)?.ok_or_else(not_good)
        })?;
        serves(&tenant).map_err(|error| match error {
            Error::Unauthorized(_) => not_good(),
            other => other,
        })?;
        Ok(Invited { tenant, account, digest, purpose })
    }

    /// Gives the account of a link its password. The link is used up then, and nobody is signed in any more. A password
    /// that may not be leaves the link as it is. Blocks, and hashes.
    ///
    /// # Errors
    /// [`Error::InvalidValue`] for a password that may not be, and for a link that has become bad meanwhile.
    pub fn accept(
        &self,
        invited: &Invited,
        password: &Password,
        visitor: &Visitor,
        now: DateTime<Utc>,
    ) -> Result<(Tenant, Account)> {
        let Invited { tenant, account, digest, purpose } = invited;
        password.judge(&password::Account { email: &account.email, tenant: &tenant.slug })?;
        let hash = self.hasher().hash(password)?;
        let account = admins::write(self.store.admins(), tenant.id, |tx| {
            let mut account = tx.lock_account(account.id)?.ok_or_else(not_good)?;
            let link = good(tx, digest, *purpose, now)?;
            if link.admin != account.id || account.disabled.is_some() {
                return Err(not_good());
            }
            account.password = Some(Hidden(hash.clone()));
            tx.update_account(&account)?;
            tx.remove_link(account.id)?;
            tx.end_sessions(account.id, None)?;
            let action = match purpose {
                Purpose::Invitation => "admin_invitation_accepted",
                Purpose::Reset => "admin_password_reset",
            };
            tx.audit(Entry::admin(action, &account, None, now, &visitor.origin(account.id)));
            Ok(account)
        })?;
        Ok((tenant.clone(), account))
    }
}

fn good(tx: &mut dyn AdminTx, digest: &[u8; 32], purpose: Purpose, now: DateTime<Utc>) -> Result<Link> {
    let found = tx.link(digest)?.filter(|link| link.purpose == purpose && now < link.ends);
    found.ok_or_else(not_good)
}

/// One answer for every reason.
fn not_good() -> Error {
    Error::InvalidValue("the link was used, has ended, or is none".into())
}
