//! Accounts of tenant admins, their sessions, links and recovery codes, and the keys of their access tokens.

use diesel::prelude::*;
use diesel::result::{DatabaseErrorKind, Error as DieselError};
use domain::admin::{ACCOUNTS, Account, Link, Session};
use domain::audit::Entry;
use domain::id::{AdminId, SessionId, TenantId};
use domain::store::admins::{AddKey, AdminStore, AdminTx, AdminWork, StoredKey};
use domain::tenant::Tenant;
use domain::{Error, Result};
use uuid::Uuid;

use super::super::Conn;
use super::scope::of_tenant;
use super::tenant_tx::Tx;
use super::wrap::{Held, Locked};
use super::{Mode, Repo};
use crate::error::{Failed, from_diesel};
use crate::rows::TenantRow;
use crate::rows::admins::{AccountChange, AccountRow, KeyRow, LinkRow, SessionRow};
use crate::schema::{
    admin_links, admin_recovery_codes, admin_sessions, admins, signing_keys, tenant_counters, tenants,
};
use crate::types::{At, Id};

/// Keys that are kept: the present one, and the one before it.
const KEYS: usize = 2;

impl AdminStore for Repo {
    fn read_admins(&self, tenant: TenantId, work: AdminWork<'_>) -> Result<()> {
        self.transact(Mode::Read, tenant, |conn| Ok(work(&mut Tx::new(conn, tenant))?))
    }

    fn write_admins(&self, tenant: TenantId, work: AdminWork<'_>) -> Result<()> {
        self.change_tenant(tenant, |tx| Ok(work(tx)?))
    }

    fn find_session(
        &self,
        tenant: TenantId,
        session: SessionId,
    ) -> Result<Option<(Tenant, Account, Session)>> {
        self.transact(Mode::SignIn, tenant, |conn| {
            let Some((row, revision, account, session)) = find_session(conn, tenant, session)? else {
                return Ok(None);
            };
            let catalog = self.catalogs.get(conn, tenant, revision)?;
            Ok(Some((Tenant { catalog, ..row.meaning()? }, account.meaning()?, session.meaning()?)))
        })
    }

    fn signing_keys(&self) -> Result<Vec<StoredKey>> {
        self.outside(keys)
    }

    fn add_signing_key(&self, add: AddKey<'_>) -> Result<Vec<StoredKey>> {
        self.transact(Mode::Write, Self::nobody(), |conn| {
            let locked = signing_keys::table.order(signing_keys::id).select(signing_keys::id);
            let _: Vec<Id> = Locked(locked).load(conn)?;
            // Whoever has waited for the lock sees only now what the other one has added.
            let mut all = keys(conn)?;
            if let Some(key) = add(&all)? {
                diesel::insert_into(signing_keys::table).values(&KeyRow::new(&key)).execute(conn)?;
                all.push(key);
                all.sort_by_key(|key| (key.created, key.id));
                let surplus = all.len().saturating_sub(KEYS);
                let gone = all.drain(..surplus).map(|key| Id(key.id)).collect::<Vec<_>>();
                diesel::delete(signing_keys::table.filter(signing_keys::id.eq_any(gone))).execute(conn)?;
            }
            Ok(all)
        })
    }
}

fn keys(conn: &mut Conn) -> std::result::Result<Vec<StoredKey>, Failed> {
    let rows: Vec<KeyRow> =
        signing_keys::table.order(signing_keys::created_at).select(KeyRow::as_select()).load(conn)?;
    Ok(rows.into_iter().map(KeyRow::meaning).collect::<Result<_>>()?)
}

type Found = (TenantRow, i64, AccountRow, SessionRow);

fn find_session(
    conn: &mut Conn,
    tenant: TenantId,
    session: SessionId,
) -> std::result::Result<Option<Found>, Failed> {
    let session: Option<SessionRow> = admin_sessions::table
        .filter(of_tenant!(admin_sessions, tenant))
        .filter(admin_sessions::id.eq(Id(session.0)))
        .select(SessionRow::as_select())
        .get_result(conn)
        .optional()?;
    let Some(session) = session else { return Ok(None) };
    let account: Option<AccountRow> = admins::table
        .filter(of_tenant!(admins, tenant))
        .filter(admins::id.eq(session.admin_id))
        .select(AccountRow::as_select())
        .get_result(conn)
        .optional()?;
    // The counters of a tenant that is being purged are gone before its sessions are.
    let found: Option<(TenantRow, i64)> = tenants::table
        .inner_join(tenant_counters::table.on(tenant_counters::tenant_id.eq(tenants::id)))
        .filter(of_tenant!(tenant_counters, tenant))
        .filter(tenants::id.eq(Id(tenant.0)))
        .select((TenantRow::as_select(), tenant_counters::schema_revision))
        .get_result(conn)
        .optional()?;
    Ok(found.zip(account).map(|((tenant, revision), account)| (tenant, revision, account, session)))
}

/// The rows of the tenant in a table, those of one account in it, or the one with an id.
macro_rules! rows {
    ($self:ident, $table:ident) => {
        $table::table.filter(of_tenant!($table, $self.tenant))
    };
    ($self:ident, $table:ident, of $admin:expr) => {
        rows!($self, $table).filter($table::admin_id.eq(Id($admin.0)))
    };
    ($self:ident, $table:ident, $id:expr) => {
        rows!($self, $table).filter($table::id.eq(Id($id.0)))
    };
}

fn account(row: QueryResult<AccountRow>) -> Result<Option<Account>> {
    row.optional().map_err(from_diesel)?.map(AccountRow::meaning).transpose()
}

fn one(rows: QueryResult<usize>) -> Result<()> {
    match rows.map_err(from_diesel)? {
        1 => Ok(()),
        _ => Err(Error::internal("a locked row was not there to be stored")),
    }
}

impl AdminTx for Tx<'_> {
    fn accounts(&mut self) -> Result<Vec<Account>> {
        let all = rows!(self, admins).order(admins::id).select(AccountRow::as_select());
        let all: Vec<AccountRow> = all.load(self.conn).map_err(from_diesel)?;
        all.into_iter().map(AccountRow::meaning).collect()
    }

    fn lock_accounts(&mut self) -> Result<Vec<Account>> {
        let all = rows!(self, admins).order(admins::id).select(AccountRow::as_select());
        let all: Vec<AccountRow> = Held(all).load(self.conn).map_err(from_diesel)?;
        all.into_iter().map(AccountRow::meaning).collect()
    }

    fn account(&mut self, id: AdminId) -> Result<Option<Account>> {
        account(rows!(self, admins, id).select(AccountRow::as_select()).get_result(self.conn))
    }

    fn lock_account(&mut self, id: AdminId) -> Result<Option<Account>> {
        account(Held(rows!(self, admins, id).select(AccountRow::as_select())).get_result(self.conn))
    }

    fn account_named(&mut self, email_key: &str) -> Result<Option<Account>> {
        let named = rows!(self, admins).filter(admins::email_key.eq(email_key.to_owned()));
        account(named.select(AccountRow::as_select()).get_result(self.conn))
    }

    fn insert_account(&mut self, account: &Account) -> Result<()> {
        let row = AccountRow::new(self.tenant, account)?;
        diesel::insert_into(admins::table).values(&row).execute(self.conn).map_err(|error| match error {
            DieselError::DatabaseError(DatabaseErrorKind::UniqueViolation, _) => {
                Error::Conflict("there is an account with this address already".into())
            }
            other => from_diesel(other),
        })?;
        // Whoever makes another one waits here until this one can be counted.
        self.lock_counter()?;
        let all: i64 = rows!(self, admins).count().get_result(self.conn).map_err(from_diesel)?;
        if usize::try_from(all).is_ok_and(|all| all <= ACCOUNTS) {
            return Ok(());
        }
        Err(Error::Forbidden(format!("a tenant may have at most {ACCOUNTS} accounts of admins")))
    }

    fn update_account(&mut self, account: &Account) -> Result<()> {
        let change = AccountChange::new(account)?;
        one(diesel::update(rows!(self, admins, account.id)).set(&change).execute(self.conn))
    }

    fn remove_account(&mut self, id: AdminId) -> Result<()> {
        self.end_sessions(id, None)?;
        self.remove_link(id)?;
        self.put_recovery_codes(id, &[])?;
        one(diesel::delete(rows!(self, admins, id)).execute(self.conn))
    }

    fn lock_session(&mut self, id: SessionId) -> Result<Option<Session>> {
        let row: Option<SessionRow> = Held(rows!(self, admin_sessions, id).select(SessionRow::as_select()))
            .get_result(self.conn)
            .optional()
            .map_err(from_diesel)?;
        row.map(SessionRow::meaning).transpose()
    }

    fn sessions(&mut self, admin: AdminId) -> Result<Vec<Session>> {
        let all = rows!(self, admin_sessions, of admin).order(admin_sessions::id);
        let all: Vec<SessionRow> =
            all.select(SessionRow::as_select()).load(self.conn).map_err(from_diesel)?;
        all.into_iter().map(SessionRow::meaning).collect()
    }

    fn insert_session(&mut self, session: &Session) -> Result<()> {
        let row = SessionRow::new(self.tenant, session);
        diesel::insert_into(admin_sessions::table).values(&row).execute(self.conn).map_err(from_diesel)?;
        Ok(())
    }

    fn update_session(&mut self, session: &Session) -> Result<()> {
        let change = (
            admin_sessions::digest.eq(session.digest.to_vec()),
            admin_sessions::idle_at.eq(At(session.idle)),
        );
        one(diesel::update(rows!(self, admin_sessions, session.id)).set(change).execute(self.conn))
    }

    fn end_session(&mut self, id: SessionId) -> Result<()> {
        diesel::delete(rows!(self, admin_sessions, id)).execute(self.conn).map_err(from_diesel)?;
        Ok(())
    }

    fn end_sessions(&mut self, admin: AdminId, except: Option<SessionId>) -> Result<()> {
        let but = Id(except.map_or(Uuid::nil(), |id| id.0));
        let rows = rows!(self, admin_sessions, of admin).filter(admin_sessions::id.ne(but));
        diesel::delete(rows).execute(self.conn).map_err(from_diesel)?;
        Ok(())
    }

    fn link(&mut self, digest: &[u8; 32]) -> Result<Option<Link>> {
        let row: Option<LinkRow> = rows!(self, admin_links)
            .filter(admin_links::digest.eq(digest.to_vec()))
            .select(LinkRow::as_select())
            .get_result(self.conn)
            .optional()
            .map_err(from_diesel)?;
        row.map(LinkRow::meaning).transpose()
    }

    fn put_link(&mut self, link: &Link) -> Result<()> {
        self.remove_link(link.admin)?;
        let row = LinkRow::new(self.tenant, link);
        diesel::insert_into(admin_links::table).values(&row).execute(self.conn).map_err(from_diesel)?;
        Ok(())
    }

    fn remove_link(&mut self, admin: AdminId) -> Result<()> {
        diesel::delete(rows!(self, admin_links, of admin)).execute(self.conn).map_err(from_diesel)?;
        Ok(())
    }

    fn put_recovery_codes(&mut self, admin: AdminId, digests: &[[u8; 32]]) -> Result<()> {
        diesel::delete(rows!(self, admin_recovery_codes, of admin))
            .execute(self.conn)
            .map_err(from_diesel)?;
        let id = self.id();
        let rows: Vec<_> = digests
            .iter()
            .map(|digest| {
                (
                    admin_recovery_codes::tenant_id.eq(id),
                    admin_recovery_codes::admin_id.eq(Id(admin.0)),
                    admin_recovery_codes::digest.eq(digest.to_vec()),
                )
            })
            .collect();
        if !rows.is_empty() {
            diesel::insert_into(admin_recovery_codes::table)
                .values(&rows)
                .execute(self.conn)
                .map_err(from_diesel)?;
        }
        Ok(())
    }

    fn recovery_codes(&mut self, admin: AdminId) -> Result<usize> {
        let left: i64 =
            rows!(self, admin_recovery_codes, of admin).count().get_result(self.conn).map_err(from_diesel)?;
        usize::try_from(left).map_err(Error::internal)
    }

    fn use_recovery_code(&mut self, admin: AdminId, digest: &[u8; 32]) -> Result<bool> {
        let rows = rows!(self, admin_recovery_codes, of admin)
            .filter(admin_recovery_codes::digest.eq(digest.to_vec()));
        Ok(diesel::delete(rows).execute(self.conn).map_err(from_diesel)? == 1)
    }

    fn audit(&mut self, entry: Entry) {
        self.append(entry);
    }
}
