//! Rows of the accounts of tenant admins.

use diesel::prelude::*;
use domain::admin::{Account, AdminRole, Hidden, Link, Purpose, Session, Totp, email_key};
use domain::id::{AdminId, SessionId, TenantId};
use domain::store::admins::StoredKey;
use domain::{Error, Result};

use crate::schema::{admin_links, admin_sessions, admins, signing_keys};
use crate::types::{At, Id};

#[derive(Queryable, Selectable, Insertable)]
#[diesel(table_name = admins, treat_none_as_default_value = false)]
pub(crate) struct AccountRow {
    pub(crate) tenant_id: Id,
    pub(crate) id: Id,
    pub(crate) email: String,
    pub(crate) email_key: String,
    #[diesel(embed)]
    pub(crate) change: AccountChange,
    pub(crate) created_at: At,
}

/// The columns of an account that change.
#[derive(Queryable, Selectable, Insertable, AsChangeset)]
#[diesel(table_name = admins, treat_none_as_default_value = false, treat_none_as_null = true)]
pub(crate) struct AccountChange {
    pub(crate) role: String,
    pub(crate) password: Option<String>,
    pub(crate) totp_secret: Option<Vec<u8>>,
    pub(crate) totp_confirmed_at: Option<At>,
    pub(crate) totp_step: Option<i64>,
    pub(crate) disabled_at: Option<At>,
    pub(crate) signed_in_at: Option<At>,
}

impl AccountRow {
    pub(crate) fn new(tenant: TenantId, account: &Account) -> Result<Self> {
        Ok(Self {
            tenant_id: Id(tenant.0),
            id: Id(account.id.0),
            email: account.email.clone(),
            email_key: email_key(&account.email),
            change: AccountChange::new(account)?,
            created_at: At(account.created),
        })
    }

    pub(crate) fn meaning(self) -> Result<Account> {
        let AccountChange { role, password, totp_secret, totp_confirmed_at, totp_step, .. } = self.change;
        // A role that cannot be read must not become any.
        let role = AdminRole::parse(&role).ok_or_else(|| Error::internal("unknown role of an admin"))?;
        let step = totp_step.map(u64::try_from).transpose().map_err(Error::internal)?;
        let totp = totp_secret.map(|secret| Totp {
            secret: Hidden(secret),
            confirmed: totp_confirmed_at.map(|at| at.0),
            step,
        });
        Ok(Account {
            id: AdminId(self.id.0),
            email: self.email,
            role,
            password: password.map(Hidden),
            totp,
            created: self.created_at.0,
            disabled: self.change.disabled_at.map(|at| at.0),
            signed_in: self.change.signed_in_at.map(|at| at.0),
        })
    }
}

impl AccountChange {
    pub(crate) fn new(account: &Account) -> Result<Self> {
        let totp = account.totp.as_ref();
        let step = totp.and_then(|totp| totp.step).map(i64::try_from).transpose();
        Ok(Self {
            role: account.role.name().into(),
            password: account.password.as_ref().map(|hash| hash.0.clone()),
            totp_secret: totp.map(|totp| totp.secret.0.clone()),
            totp_confirmed_at: totp.and_then(|totp| totp.confirmed).map(At),
            totp_step: step.map_err(Error::internal)?,
            disabled_at: account.disabled.map(At),
            signed_in_at: account.signed_in.map(At),
        })
    }
}

#[derive(Queryable, Selectable, Insertable)]
#[diesel(table_name = admin_sessions)]
pub(crate) struct SessionRow {
    pub(crate) tenant_id: Id,
    pub(crate) id: Id,
    pub(crate) admin_id: Id,
    pub(crate) lineage: Id,
    pub(crate) digest: Vec<u8>,
    pub(crate) created_at: At,
    pub(crate) idle_at: At,
    pub(crate) ends_at: At,
    pub(crate) address: String,
}

impl SessionRow {
    pub(crate) fn new(tenant: TenantId, session: &Session) -> Self {
        Self {
            tenant_id: Id(tenant.0),
            id: Id(session.id.0),
            admin_id: Id(session.admin.0),
            lineage: Id(session.lineage),
            digest: session.digest.to_vec(),
            created_at: At(session.created),
            idle_at: At(session.idle),
            ends_at: At(session.ends),
            address: session.address.clone(),
        }
    }

    pub(crate) fn meaning(self) -> Result<Session> {
        Ok(Session {
            id: SessionId(self.id.0),
            admin: AdminId(self.admin_id.0),
            lineage: self.lineage.0,
            digest: digest(&self.digest)?,
            created: self.created_at.0,
            idle: self.idle_at.0,
            ends: self.ends_at.0,
            address: self.address,
        })
    }
}

#[derive(Queryable, Selectable, Insertable)]
#[diesel(table_name = admin_links)]
pub(crate) struct LinkRow {
    pub(crate) tenant_id: Id,
    pub(crate) admin_id: Id,
    pub(crate) purpose: String,
    pub(crate) digest: Vec<u8>,
    pub(crate) created_at: At,
    pub(crate) ends_at: At,
}

impl LinkRow {
    pub(crate) fn new(tenant: TenantId, link: &Link) -> Self {
        Self {
            tenant_id: Id(tenant.0),
            admin_id: Id(link.admin.0),
            purpose: link.purpose.name().into(),
            digest: link.digest.to_vec(),
            created_at: At(link.created),
            ends_at: At(link.ends),
        }
    }

    pub(crate) fn meaning(self) -> Result<Link> {
        let purpose = Purpose::parse(&self.purpose);
        Ok(Link {
            admin: AdminId(self.admin_id.0),
            purpose: purpose.ok_or_else(|| Error::internal("unknown purpose of a link"))?,
            digest: digest(&self.digest)?,
            created: self.created_at.0,
            ends: self.ends_at.0,
        })
    }
}

#[derive(Queryable, Selectable, Insertable)]
#[diesel(table_name = signing_keys)]
pub(crate) struct KeyRow {
    pub(crate) id: Id,
    pub(crate) secret: Vec<u8>,
    pub(crate) created_at: At,
}

impl KeyRow {
    pub(crate) fn new(key: &StoredKey) -> Self {
        Self { id: Id(key.id), secret: key.secret.0.to_vec(), created_at: At(key.created) }
    }

    pub(crate) fn meaning(self) -> Result<StoredKey> {
        // A key that is too short must not become one that can be guessed.
        Ok(StoredKey { id: self.id.0, secret: Hidden(digest(&self.secret)?), created: self.created_at.0 })
    }
}

fn digest(bytes: &[u8]) -> Result<[u8; 32]> {
    <[u8; 32]>::try_from(bytes).map_err(Error::internal)
}
