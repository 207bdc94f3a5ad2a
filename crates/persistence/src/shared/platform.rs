//! Tenants and their tokens.

use chrono::{DateTime, Utc};
use diesel::prelude::*;
use diesel::result::{DatabaseErrorKind, Error as DieselError};
use domain::Error;
use domain::audit::Entry;
use domain::id::{TenantId, TokenId};
use domain::principal::Token;
use domain::store::Origin;
use domain::tenant::{Tenant, TenantSettings, TenantState};

use super::super::Conn;
use super::scope::of_tenant;
use super::tenant_tx::Tx;
use super::wrap::Locked;
use crate::error::{Failed, from_diesel};
use crate::rows::{TenantRow, TokenRow};
use crate::schema::{api_tokens, tenant_counters, tenants};
use crate::types::{At, Id};

type Done<T> = std::result::Result<T, Failed>;

pub(super) fn create_tenant(conn: &mut Conn, tenant: &Tenant, at: DateTime<Utc>) -> Done<()> {
    let row = TenantRow {
        id: Id(tenant.id.0),
        slug: tenant.slug.clone(),
        name: tenant.name.clone(),
        state: tenant.state.name().into(),
        settings: settings_text(&tenant.settings)?,
        created_at: At(at),
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

pub(super) fn tenants(conn: &mut Conn) -> Done<Vec<Tenant>> {
    let rows: Vec<TenantRow> = tenants::table
        .filter(tenants::state.ne(TenantState::Deleted.name()))
        .order(tenants::slug)
        .select(TenantRow::as_select())
        .load(conn)?;
    Ok(rows.into_iter().map(TenantRow::meaning).collect::<domain::Result<_>>()?)
}

pub(super) fn tenant_named(conn: &mut Conn, slug: &str) -> Done<Option<Tenant>> {
    let row: Option<TenantRow> = tenants::table
        .filter(tenants::slug.eq(slug))
        .filter(tenants::state.ne(TenantState::Deleted.name()))
        .select(TenantRow::as_select())
        .get_result(conn)
        .optional()?;
    Ok(row.map(TenantRow::meaning).transpose()?)
}

/// A deleted tenant frees its slug: the row is renamed after its id.
pub(super) fn set_tenant_state(
    tx: &mut Tx<'_>,
    state: TenantState,
    origin: &Origin,
    at: DateTime<Utc>,
) -> Done<()> {
    // The counter first, as every writer may hold it while it refers to the row of the tenant.
    tx.lock_counter()?;
    let tenant = tx.tenant;
    let row = tenants::table.find(Id(tenant.0));
    let changed = diesel::update(row.filter(tenants::state.ne(state.name())))
        .set(tenants::state.eq(state.name()))
        .execute(tx.conn)?;
    if changed == 0 {
        return Ok(());
    }
    if state == TenantState::Deleted {
        diesel::update(row).set(tenants::slug.eq(format!("deleted:{tenant}"))).execute(tx.conn)?;
    }
    tx.append(Entry::tenant_state(tenant, state, at, origin));
    Ok(())
}

/// The counter is held while the former settings are compared, so the audit row tells what this change has changed.
pub(super) fn set_tenant_settings(
    tx: &mut Tx<'_>,
    settings: &TenantSettings,
    origin: &Origin,
    at: DateTime<Utc>,
) -> Done<()> {
    let row = tenants::table.find(Id(tx.tenant.0));
    tx.lock_counter()?;
    let before: TenantRow = row.select(TenantRow::as_select()).get_result(tx.conn)?;
    let before = before.meaning()?.settings;
    let Some(entry) = Entry::tenant_settings(tx.tenant, &before, settings, at, origin)? else {
        return Ok(());
    };
    diesel::update(row).set(tenants::settings.eq(settings_text(settings)?)).execute(tx.conn)?;
    tx.append(entry);
    Ok(())
}

fn settings_text(settings: &TenantSettings) -> domain::Result<String> {
    serde_json::to_string(settings).map_err(Error::internal)
}

pub(super) fn create_token(tx: &mut Tx<'_>, token: &Token, digest: &[u8; 32], origin: &Origin) -> Done<()> {
    let tenant = tx.tenant;
    let row = TokenRow::new(tenant, token, digest);
    diesel::insert_into(api_tokens::table).values(&row).execute(tx.conn)?;
    // Whoever makes another one waits here until this one can be counted.
    tx.lock_counter()?;
    tx.append(Entry::token_created(token, origin));
    let row: TenantRow =
        tenants::table.find(Id(tenant.0)).select(TenantRow::as_select()).get_result(tx.conn)?;
    let active = api_tokens::table
        .filter(of_tenant!(api_tokens, tenant))
        .filter(api_tokens::revoked_at.is_null())
        .filter(api_tokens::expires_at.is_null().or(api_tokens::expires_at.gt(At(token.created))))
        .count()
        .get_result(tx.conn)?;
    Ok(row.meaning()?.settings.quotas.allow_tokens(active)?)
}

pub(super) fn tokens(conn: &mut Conn, tenant: TenantId) -> Done<Vec<Token>> {
    let rows: Vec<TokenRow> = api_tokens::table
        .filter(of_tenant!(api_tokens, tenant))
        .order((api_tokens::created_at.desc(), api_tokens::id.desc()))
        .select(TokenRow::as_select())
        .load(conn)?;
    Ok(rows.into_iter().map(TokenRow::meaning).collect::<domain::Result<_>>()?)
}

/// The first revocation counts; revoking again changes nothing.
pub(super) fn revoke_token(
    tx: &mut Tx<'_>,
    token: TokenId,
    origin: &Origin,
    at: DateTime<Utc>,
) -> Done<bool> {
    let tenant = tx.tenant;
    let row =
        || api_tokens::table.filter(of_tenant!(api_tokens, tenant)).filter(api_tokens::id.eq(Id(token.0)));
    let known: Option<Option<At>> =
        Locked(row().select(api_tokens::revoked_at)).get_result(tx.conn).optional()?;
    let Some(revoked) = known else { return Ok(false) };
    if revoked.is_none() {
        diesel::update(row()).set(api_tokens::revoked_at.eq(Some(At(at)))).execute(tx.conn)?;
        tx.append(Entry::token_revoked(token, at, origin));
    }
    Ok(true)
}

/// The tenant has the standard catalog; beside it is the number of the definitions it has.
pub(super) fn find_token(
    conn: &mut Conn,
    tenant: TenantId,
    digest: &[u8; 32],
) -> Done<Option<(Tenant, i64, Token)>> {
    let token: Option<TokenRow> = api_tokens::table
        .filter(of_tenant!(api_tokens, tenant))
        .filter(api_tokens::digest.eq(digest.as_slice()))
        .select(TokenRow::as_select())
        .get_result(conn)
        .optional()?;
    let Some(token) = token else { return Ok(None) };
    let (row, revision): (TenantRow, i64) = tenants::table
        .inner_join(tenant_counters::table.on(tenant_counters::tenant_id.eq(tenants::id)))
        .filter(of_tenant!(tenant_counters, tenant))
        .filter(tenants::id.eq(Id(tenant.0)))
        .select((TenantRow::as_select(), tenant_counters::schema_revision))
        .get_result(conn)?;
    Ok(Some((row.meaning()?, revision, token.meaning()?)))
}
