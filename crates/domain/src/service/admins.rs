//! What is done with the accounts of tenant admins: one set of use cases for the API, for the hosting platform and for the
//! command line. What an account does with itself needs its password, and stands in the crate `auth`.

use chrono::{DateTime, Utc};

use crate::admin::{Account, AdminRole, Hidden, Link, Purpose, email_key};
use crate::audit::Entry;
use crate::id::{AdminId, TenantId};
use crate::store::admins::{self, AdminStore, AdminTx};
use crate::store::{Actor, Origin};
use crate::{Error, Result};

/// Where accounts are looked after, and by whom.
pub struct Office<'a> {
    /// The database.
    pub store: &'a dyn AdminStore,
    /// The tenant of the accounts.
    pub tenant: TenantId,
    /// Who asks. The operator and the hosting platform are as mighty as an owner.
    pub by: AdminRole,
    /// The same, for the audit log.
    pub origin: Origin,
    /// The time of the request.
    pub now: DateTime<Utc>,
}

impl Office<'_> {
    /// All accounts in the order of their creation.
    pub fn list(&self) -> Result<Vec<Account>> {
        admins::read(self.store, self.tenant, |tx| tx.accounts())
    }

    /// The account with this id.
    pub fn get(&self, id: &str) -> Result<Account> {
        let id = parse(id)?;
        admins::read(self.store, self.tenant, |tx| tx.account(id))?.ok_or_else(no_account)
    }

    /// The account with this address, or with this id.
    pub fn named(&self, name: &str) -> Result<Account> {
        if AdminId::parse(name).is_some() {
            return self.get(name);
        }
        let key = email_key(name);
        admins::read(self.store, self.tenant, |tx| tx.account_named(&key))?.ok_or_else(no_account)
    }

    /// A new account with a password, of which the hash is given.
    pub fn create(&self, email: &str, role: AdminRole, hash: &str) -> Result<Account> {
        let account = Account::new(email, role, self.now)?;
        let account = Account { password: Some(Hidden(hash.to_owned())), ..account };
        self.insert(&account, "admin_created", None)?;
        Ok(account)
    }

    /// A new account, whose password is chosen by whoever knows the secret with this digest.
    pub fn invite(&self, email: &str, role: AdminRole, digest: [u8; 32]) -> Result<(Account, Link)> {
        let account = Account::new(email, role, self.now)?;
        let link = self.link(&account, digest);
        self.insert(&account, "admin_invited", Some(&link))?;
        Ok((account, link))
    }

    fn insert(&self, account: &Account, action: &str, link: Option<&Link>) -> Result<()> {
        allow(self.by, account.role)?;
        admins::write(self.store, self.tenant, |tx| {
            tx.insert_account(account)?;
            link.map_or(Ok(()), |link| tx.put_link(link))?;
            tx.audit(self.entry(action, account, Some(described(account))));
            Ok(())
        })
    }

    /// Gives the account another role.
    pub fn set_role(&self, id: &str, role: AdminRole) -> Result<Account> {
        self.change(id, |tx, account| {
            if account.role != role {
                let detail = format!("{} -> {}", account.role.name(), role.name());
                account.role = role;
                // It was made for an account that could do something else, by somebody who still knows it.
                tx.remove_link(account.id)?;
                tx.audit(self.entry("admin_role_changed", account, Some(detail)));
            }
            Ok(())
        })
    }

    /// Ends the account's sessions and lets nobody sign in to it, or lets them again.
    pub fn set_disabled(&self, id: &str, disabled: bool) -> Result<Account> {
        self.change(id, |tx, account| {
            if account.disabled.is_some() == disabled {
                return Ok(());
            }
            account.disabled = disabled.then_some(self.now);
            if disabled {
                tx.end_sessions(account.id, None)?;
                tx.remove_link(account.id)?;
            }
            let action = if disabled { "admin_disabled" } else { "admin_enabled" };
            tx.audit(self.entry(action, account, None));
            Ok(())
        })
    }

    /// A link by which the account gets its first or another password; the secret has this digest. Until it is used all
    /// stays as it is, except that the second factor can be taken away from who has lost it, with all sessions.
    ///
    /// Nobody gets one for the own account: an open session may be found by somebody else, who knows no password.
    pub fn reset(&self, id: &str, without_factor: bool, digest: [u8; 32]) -> Result<(Account, Link)> {
        if let Actor::Admin(asking) = self.origin.actor
            && AdminId::parse(id) == Some(asking)
        {
            return Err(Error::Forbidden("the own password is changed at /me/password".into()));
        }
        let mut issued = None;
        let account = self.change(id, |tx, account| {
            if account.disabled.is_some() {
                return Err(Error::Conflict("the account is disabled".into()));
            }
            if without_factor && account.totp.is_some() {
                account.totp = None;
                tx.put_recovery_codes(account.id, &[])?;
                tx.end_sessions(account.id, None)?;
                tx.audit(self.entry("admin_totp_disabled", account, None));
            }
            let link = self.link(account, digest);
            tx.put_link(&link)?;
            tx.audit(self.entry("admin_link_issued", account, Some(link.purpose.name().into())));
            issued = Some(link);
            Ok(())
        })?;
        let link = issued.ok_or_else(|| Error::internal("the work has not been done"))?;
        Ok((account, link))
    }

    /// Removes the account with its sessions.
    pub fn delete(&self, id: &str) -> Result<()> {
        let id = parse(id)?;
        admins::write(self.store, self.tenant, |tx| {
            let all = tx.lock_accounts()?;
            let account = self.permitted(&all, id)?;
            keep_an_owner(&all, account, false)?;
            tx.remove_account(id)?;
            tx.audit(self.entry("admin_deleted", account, Some(described(account))));
            Ok(())
        })
    }

    fn change(
        &self,
        id: &str,
        mut work: impl FnMut(&mut dyn AdminTx, &mut Account) -> Result<()>,
    ) -> Result<Account> {
        let id = parse(id)?;
        admins::write(self.store, self.tenant, |tx| {
            let all = tx.lock_accounts()?;
            let before = self.permitted(&all, id)?;
            let mut after = before.clone();
            work(tx, &mut after)?;
            allow(self.by, after.role)?;
            keep_an_owner(&all, before, is_active_owner(&after))?;
            if after != *before {
                tx.update_account(&after)?;
            }
            Ok(after)
        })
    }

    fn permitted<'a>(&self, all: &'a [Account], id: AdminId) -> Result<&'a Account> {
        let account = all.iter().find(|account| account.id == id).ok_or_else(no_account)?;
        allow(self.by, account.role)?;
        Ok(account)
    }

    fn link(&self, account: &Account, digest: [u8; 32]) -> Link {
        let purpose = if account.password.is_some() { Purpose::Reset } else { Purpose::Invitation };
        let ends = self.now + purpose.lifetime();
        Link { admin: account.id, purpose, digest, created: self.now, ends }
    }

    fn entry(&self, action: &str, account: &Account, detail: Option<String>) -> Entry {
        Entry::admin(action, account, detail, self.now, &self.origin)
    }
}

fn parse(id: &str) -> Result<AdminId> {
    AdminId::parse(id).ok_or_else(no_account)
}

fn no_account() -> Error {
    Error::NotFound("there is no such account".into())
}

/// Accounts of owners, and making somebody an owner, are for owners.
fn allow(by: AdminRole, role: AdminRole) -> Result<()> {
    match (by, role) {
        (AdminRole::Owner, _) | (AdminRole::Admin, AdminRole::Admin | AdminRole::Auditor) => Ok(()),
        (AdminRole::Admin, AdminRole::Owner) => {
            Err(Error::Forbidden("the accounts of owners are changed by owners only".into()))
        }
        (AdminRole::Auditor, _) => Err(Error::Forbidden("an auditor reads and changes nothing".into())),
    }
}

fn is_active_owner(account: &Account) -> bool {
    account.role == AdminRole::Owner && account.is_active()
}

/// Somebody has to be left who can do everything; all accounts are locked, so two cannot both be told yes of each other.
fn keep_an_owner(all: &[Account], before: &Account, stays: bool) -> Result<()> {
    let another = || all.iter().any(|one| one.id != before.id && is_active_owner(one));
    if stays || !is_active_owner(before) || another() {
        return Ok(());
    }
    Err(Error::Conflict("the last active owner stays".into()))
}

/// Who an account belongs to, for rows of the audit log that are read when it is gone.
fn described(account: &Account) -> String {
    format!("{} {}", account.role.name(), account.email)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn account(role: AdminRole, active: bool) -> Account {
        let mut account = Account::new("jane@example.com", role, DateTime::UNIX_EPOCH).unwrap();
        account.password = active.then(|| Hidden(String::new()));
        account
    }

    #[test]
    fn owners_are_for_owners() {
        use AdminRole::{Admin, Auditor, Owner};
        for (by, may) in [(Owner, [true; 3]), (Admin, [false, true, true]), (Auditor, [false; 3])] {
            assert_eq!(AdminRole::ALL.map(|role| allow(by, role).is_ok()), may, "{by:?}");
        }
    }

    #[test]
    fn an_active_owner_is_left() {
        let [owner, invited, admin] = [
            account(AdminRole::Owner, true),
            account(AdminRole::Owner, false),
            account(AdminRole::Admin, true),
        ];
        let disabled = Account { disabled: Some(DateTime::UNIX_EPOCH), ..account(AdminRole::Owner, true) };
        let all = [owner.clone(), invited.clone(), admin.clone(), disabled.clone()];
        assert!(matches!(keep_an_owner(&all, &owner, false), Err(Error::Conflict(_))));
        for other in [&invited, &admin, &disabled] {
            assert!(keep_an_owner(&all, other, false).is_ok());
        }
        assert!(keep_an_owner(&all, &owner, true).is_ok());
        let second = account(AdminRole::Owner, true);
        assert!(keep_an_owner(&[owner.clone(), second], &owner, false).is_ok());
    }
}
