//! What the hosting platform reads and writes: tenants as a whole, and its own tokens.

use chrono::{DateTime, Utc};
use diesel::prelude::*;
use diesel::result::{DatabaseErrorKind, Error as DieselError};
use domain::audit::Entry;
use domain::id::{PlatformTokenId, TenantId};
use domain::store::Origin;
use domain::store::platform::{Alter, PlatformStore, PlatformToken, Wanted};
use domain::tenant::{Purge, Record, TenantSettings, TenantState};
use domain::{Error, Result};

use super::super::Conn;
use super::wrap::Held;
use super::{Mode, Repo, purge};
use crate::error::{Failed, from_diesel};
use crate::rows::{PlatformTokenRow, RecordRow, TenantRow};
use crate::schema::{platform_tokens, tenant_counters, tenants};
use crate::types::{At, Id};

type Done<T> = std::result::Result<T, Failed>;

impl PlatformStore for Repo {
    fn create_tenant(&self, record: &Record) -> Result<()> {
        self.transact(Mode::Write, record.tenant.id, |conn| create_tenant(conn, record))
    }

    fn tenant(&self, id: TenantId) -> Result<Option<Record>> {
        self.outside(|conn| tenant(conn, id))
    }

    fn tenants(&self, wanted: &Wanted) -> Result<Vec<Record>> {
        self.outside(|conn| tenants(conn, wanted))
    }

    fn alter_tenant(
        &self,
        id: TenantId,
        change: Alter<'_>,
        origin: &Origin,
        at: DateTime<Utc>,
    ) -> Result<Option<Record>> {
        self.change_tenant(id, |tx| {
            // The counter first, as every writer may hold it while it refers to the row of the tenant.
            tx.lock_counter_if_any()?;
            let Some(mut record) = held(tx.conn, id)? else { return Ok(None) };
            let before = record.clone();
            change(&mut record)?;
            for entry in changes(&before, &record, origin, at)? {
                tx.append(entry);
            }
            if record.tenant.state == TenantState::Deleted {
                // The slug is free for somebody else.
                record.tenant.slug = format!("deleted:{id}");
            }
            if record != before {
                store(tx.conn, &record)?;
                tx.changes_credentials = true;
            }
            Ok(Some(record))
        })
    }

    fn tenants_to_purge(&self, now: DateTime<Utc>) -> Result<Vec<TenantId>> {
        self.outside(|conn| {
            let ids: Vec<Id> = tenants::table
                .filter(tenants::state.eq(TenantState::Deleted.name()))
                .filter(tenants::purge_after.le(At(now)))
                .filter(tenants::purged_at.is_null())
                .order(tenants::purge_after)
                .select(tenants::id)
                .load(conn)?;
            Ok(ids.into_iter().map(|id| TenantId(id.0)).collect())
        })
    }

    fn purge_step(&self, id: TenantId, room: usize, now: DateTime<Utc>) -> Result<Purge> {
        self.transact(Mode::Write, id, |conn| {
            let Some(mut record) = held(conn, id)? else {
                return Err(Error::NotFound("there is no such tenant".into()).into());
            };
            if record.tenant.state != TenantState::Deleted {
                return Err(Error::Conflict("the tenant is not deleted".into()).into());
            }
            let Purge { remaining, done, .. } = record.purge;
            if done.is_some() {
                return Ok(record.purge);
            }
            match remaining {
                None => {
                    purge::close(conn, id)?;
                    record.purge.remaining = Some(purge::count(conn, id)?);
                }
                Some(remaining) => {
                    let gone = purge::sweep(conn, id, room)?;
                    // What was in flight when the rows were counted makes the count a little wrong.
                    record.purge.remaining = Some((remaining - gone).max(0));
                    if gone == 0 {
                        record.purge.remaining = Some(0);
                        record.purge.done = Some(now);
                        record.tenant.name.clear();
                        record.tenant.settings = TenantSettings::default();
                    }
                }
            }
            store(conn, &record)?;
            Ok(record.purge)
        })
    }

    fn create_platform_token(&self, token: &PlatformToken, digest: &[u8; 32]) -> Result<()> {
        self.transact(Mode::Write, Self::nobody(), |conn| {
            diesel::insert_into(platform_tokens::table)
                .values(&PlatformTokenRow::new(token, digest))
                .execute(conn)?;
            Ok(())
        })
    }

    fn platform_tokens(&self) -> Result<Vec<PlatformToken>> {
        self.outside(|conn| {
            let rows: Vec<PlatformTokenRow> = platform_tokens::table
                .order((platform_tokens::created_at.desc(), platform_tokens::id.desc()))
                .select(PlatformTokenRow::as_select())
                .load(conn)?;
            Ok(rows.into_iter().map(PlatformTokenRow::meaning).collect())
        })
    }

    /// The first revocation counts; revoking again changes nothing.
    fn revoke_platform_token(&self, id: PlatformTokenId, at: DateTime<Utc>) -> Result<bool> {
        self.transact(Mode::Write, Self::nobody(), |conn| {
            let row = platform_tokens::table.find(Id(id.0));
            let open = row.filter(platform_tokens::revoked_at.is_null());
            diesel::update(open).set(platform_tokens::revoked_at.eq(Some(At(at)))).execute(conn)?;
            let known: Option<Id> = row.select(platform_tokens::id).get_result(conn).optional()?;
            Ok(known.is_some())
        })
    }

    fn find_platform_token(&self, digest: &[u8; 32]) -> Result<Option<PlatformToken>> {
        self.outside(|conn| {
            let row: Option<PlatformTokenRow> = platform_tokens::table
                .filter(platform_tokens::digest.eq(digest.as_slice()))
                .select(PlatformTokenRow::as_select())
                .get_result(conn)
                .optional()?;
            Ok(row.map(PlatformTokenRow::meaning))
        })
    }
}

/// What the audit log says of a change.
fn changes(before: &Record, after: &Record, origin: &Origin, at: DateTime<Utc>) -> Result<Vec<Entry>> {
    let (id, before, after) = (before.tenant.id, &before.tenant, &after.tenant);
    let state = (before.state != after.state).then(|| Entry::tenant_state(id, after.state, at, origin));
    let name =
        (before.name != after.name).then(|| Entry::tenant_renamed(id, &before.name, &after.name, at, origin));
    let settings = Entry::tenant_settings(id, &before.settings, &after.settings, at, origin)?;
    Ok([state, name, settings].into_iter().flatten().collect())
}

fn create_tenant(conn: &mut Conn, Record { tenant, created, .. }: &Record) -> Done<()> {
    let row = TenantRow {
        id: Id(tenant.id.0),
        slug: tenant.slug.clone(),
        name: tenant.name.clone(),
        state: tenant.state.name().into(),
        settings: settings_text(&tenant.settings)?,
        created_at: At(*created),
        cursor_key: tenant.cursor_key.reveal().to_vec(),
    };
    diesel::insert_into(tenants::table).values(&row).execute(conn).map_err(|error| match error {
        DieselError::DatabaseError(DatabaseErrorKind::UniqueViolation, _) => {
            Error::Uniqueness(format!("there is a tenant {} already", tenant.slug))
        }
        other => from_diesel(other),
    })?;
    diesel::insert_into(tenant_counters::table)
        .values((
            tenant_counters::tenant_id.eq(Id(tenant.id.0)),
            tenant_counters::change_seq.eq(0),
            tenant_counters::schema_revision.eq(0),
        ))
        .execute(conn)?;
    Ok(())
}

fn tenant(conn: &mut Conn, id: TenantId) -> Done<Option<Record>> {
    let row: Option<RecordRow> =
        tenants::table.find(Id(id.0)).select(RecordRow::as_select()).get_result(conn).optional()?;
    Ok(row.map(RecordRow::meaning).transpose()?)
}

fn tenants(conn: &mut Conn, wanted: &Wanted) -> Done<Vec<Record>> {
    let mut query = tenants::table.select(RecordRow::as_select()).into_boxed();
    query = match wanted.state {
        Some(state) => query.filter(tenants::state.eq(state.name())),
        None => query.filter(tenants::state.ne(TenantState::Deleted.name())),
    };
    if let Some(after) = wanted.after {
        query = query.filter(tenants::id.gt(Id(after.0)));
    }
    let limit = i64::try_from(wanted.limit).unwrap_or(i64::MAX);
    let rows: Vec<RecordRow> = query.order(tenants::id).limit(limit).load(conn)?;
    Ok(rows.into_iter().map(RecordRow::meaning).collect::<domain::Result<_>>()?)
}

/// The tenant, which nobody else changes until the transaction ends.
fn held(conn: &mut Conn, id: TenantId) -> Done<Option<Record>> {
    let row =
        Held(tenants::table.find(Id(id.0)).select(RecordRow::as_select())).get_result(conn).optional()?;
    Ok(row.map(RecordRow::meaning).transpose()?)
}

fn store(conn: &mut Conn, Record { tenant, purge, .. }: &Record) -> Done<()> {
    diesel::update(tenants::table.find(Id(tenant.id.0)))
        .set((
            tenants::slug.eq(&tenant.slug),
            tenants::name.eq(&tenant.name),
            tenants::state.eq(tenant.state.name()),
            tenants::settings.eq(settings_text(&tenant.settings)?),
            tenants::purge_after.eq(purge.after.map(At)),
            tenants::purge_remaining.eq(purge.remaining),
            tenants::purged_at.eq(purge.done.map(At)),
        ))
        .execute(conn)?;
    Ok(())
}

fn settings_text(settings: &TenantSettings) -> Result<String> {
    serde_json::to_string(settings).map_err(Error::internal)
}
