//! The tokens of a tenant, and a tenant by its slug or by a token.

use chrono::{DateTime, Utc};
use diesel::prelude::*;
use domain::audit::Entry;
use domain::id::{TenantId, TokenId};
use domain::principal::Token;
use domain::store::Origin;
use domain::tenant::{Tenant, TenantState};

use super::super::Conn;
use super::scope::of_tenant;
use super::tenant_tx::Tx;
use super::wrap::Locked;
use crate::error::Failed;
use crate::rows::{TenantRow, TokenRow};
use crate::schema::{api_tokens, tenant_counters, tenants};
use crate::types::{At, Id};

type Done<T> = std::result::Result<T, Failed>;

pub(super) fn tenant_named(conn: &mut Conn, slug: &str) -> Done<Option<Tenant>> {
    let row: Option<TenantRow> = tenants::table
        .filter(tenants::slug.eq(slug))
        .filter(tenants::state.ne(TenantState::Deleted.name()))
        .select(TenantRow::as_select())
        .get_result(conn)
        .optional()?;
    Ok(row.map(TenantRow::meaning).transpose()?)
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
    Ok(row.meaning()?.settings.allow_tokens(active)?)
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
