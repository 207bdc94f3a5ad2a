//! The tokens of a tenant, and a tenant by its slug or by a token.

use chrono::{DateTime, Utc};
use diesel::prelude::*;
use domain::Result;
use domain::audit::Entry;
use domain::id::{TenantId, TokenId};
use domain::store::Origin;
use domain::store::tokens::{AlterToken, TokenStore, Wanted};
use domain::tenant::{Tenant, TenantState};
use domain::token::{Credential, Digest, Noted, Token};

use super::super::{Conn, Db};
use super::scope::of_tenant;
use super::tenant_tx::Tx;
use super::wrap::{Alone, Cached, Entered, Locked};
use super::{Mode, Repo};
use crate::error::Failed;
use crate::rows::{NotedRow, TenantRow, TokenRow, WholeTokenRow};
use crate::schema::{api_tokens, tenant_counters, tenants};
use crate::types::{At, Id, Spoken};

type Done<T> = std::result::Result<T, Failed>;

/// The token with an id.
macro_rules! keyed {
    ($tenant:expr, $id:expr) => {
        api_tokens::table.filter(of_tenant!(api_tokens, $tenant)).filter(api_tokens::id.eq(Id($id.0)))
    };
}

impl TokenStore for Repo {
    fn create_token(&self, tenant: TenantId, credential: &Credential, origin: &Origin) -> Result<()> {
        self.change_tenant(tenant, |tx| create(tx, credential, origin))
    }

    fn list_tokens(&self, tenant: TenantId, wanted: &Wanted) -> Result<Vec<Token>> {
        self.transact(Mode::Read, tenant, |conn| list(conn, tenant, wanted))
    }

    fn token(&self, tenant: TenantId, id: TokenId) -> Result<Option<Token>> {
        self.transact(Mode::Read, tenant, |conn| {
            let row: Option<WholeTokenRow> =
                keyed!(tenant, id).select(WholeTokenRow::as_select()).get_result(conn).optional()?;
            Ok(row.map(WholeTokenRow::meaning).transpose()?)
        })
    }

    fn alter_token(&self, tenant: TenantId, id: TokenId, change: AlterToken<'_>) -> Result<Option<Token>> {
        self.change_tenant(tenant, |tx| {
            let row: Option<WholeTokenRow> = Locked(keyed!(tenant, id).select(WholeTokenRow::as_select()))
                .get_result(tx.conn)
                .optional()?;
            let Some(row) = row else { return Ok(None) };
            let mut credential = row.credential()?;
            if let Some(entry) = change(&mut credential)? {
                diesel::update(keyed!(tenant, id))
                    .set(&TokenRow::new(tenant, &credential))
                    .execute(tx.conn)?;
                tx.append(entry);
                tx.changes_credentials = true;
            }
            Ok(Some(credential.token))
        })
    }

    fn note_uses(&self, tenant: TenantId, uses: &[Noted]) -> Result<()> {
        // Two processes that write the same tokens take them in one order.
        let mut uses: Vec<&Noted> = uses.iter().collect();
        uses.sort_unstable_by_key(|noted| noted.token);
        self.transact(Mode::Write, tenant, |conn| {
            for noted in &uses {
                let older =
                    api_tokens::last_used_at.is_null().or(api_tokens::last_used_at.lt(At(noted.used.at)));
                let row = NotedRow::new(noted);
                Cached(diesel::update(keyed!(tenant, noted.token).filter(older)).set(&row)).run(conn)?;
            }
            Ok(())
        })
    }

    fn tokens_ending(&self, tenant: TenantId, from: DateTime<Utc>, to: DateTime<Utc>) -> Result<Vec<Token>> {
        self.transact(Mode::Read, tenant, |conn| {
            let rows: Vec<WholeTokenRow> = api_tokens::table
                .filter(of_tenant!(api_tokens, tenant))
                .filter(api_tokens::revoked_at.is_null())
                .filter(api_tokens::expires_at.gt(At(from)))
                .filter(api_tokens::expires_at.le(At(to)))
                .select(WholeTokenRow::as_select())
                .load(conn)?;
            meanings(rows)
        })
    }
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

/// What the digest of a secret finds. The tenant has the standard catalog.
pub(super) struct Match {
    pub(super) tenant: Tenant,
    /// The number of the definitions it has.
    pub(super) revision: i64,
    pub(super) token: Token,
    /// Whether the secret is the one before the present one.
    pub(super) is_previous: bool,
}

/// The tokens of a tenant with the tenant.
macro_rules! shown {
    ($tenant:expr) => {
        api_tokens::table
            .inner_join(tenants::table.on(tenants::id.eq(api_tokens::tenant_id)))
            .inner_join(tenant_counters::table.on(tenant_counters::tenant_id.eq(api_tokens::tenant_id)))
            .filter(of_tenant!(api_tokens, $tenant))
            .filter(of_tenant!(tenant_counters, $tenant))
            .filter(tenants::id.eq(Id($tenant.0)))
            .select((WholeTokenRow::as_select(), TenantRow::as_select(), tenant_counters::schema_revision))
    };
}

/// A row of [`shown`].
type Shown = (WholeTokenRow, TenantRow, i64);

/// The query for the token with a secret, present or previous: one look-up, whatever comes of it. Two branches, as with one
/// condition a planner may read all tokens of the tenant.
macro_rules! with_secret {
    ($tokens:expr, $digest:expr) => {
        $tokens
            .filter(api_tokens::digest.eq($digest.as_slice()))
            .union_all($tokens.filter(api_tokens::previous_digest.eq($digest.as_slice())))
    };
}

/// The token with this secret.
pub(super) fn find(conn: &mut Conn, tenant: TenantId, digest: &Digest) -> Done<Option<Match>> {
    found(with_secret!(shown!(tenant), digest).get_result(conn), digest)
}

/// The same, where it is a transaction of its own.
pub(super) fn find_alone(conn: &mut Conn, tenant: TenantId, digest: &Digest) -> Done<Option<Match>> {
    let query = with_secret!(shown!(tenant).filter(Entered), digest);
    found(Alone { query, tenant: Spoken(tenant) }.get_result(conn), digest)
}

fn found(row: QueryResult<Shown>, digest: &Digest) -> Done<Option<Match>> {
    let Some((token, tenant, revision)) = row.optional()? else { return Ok(None) };
    let is_previous = !token.is_present(digest);
    Ok(Some(Match { tenant: tenant.meaning()?, revision, token: token.meaning()?, is_previous }))
}

fn create(tx: &mut Tx<'_>, credential: &Credential, origin: &Origin) -> Done<()> {
    let (tenant, token) = (tx.tenant, &credential.token);
    diesel::insert_into(api_tokens::table).values(&TokenRow::new(tenant, credential)).execute(tx.conn)?;
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

/// In the order of ids, which is that of creation.
fn list(conn: &mut Conn, tenant: TenantId, wanted: &Wanted) -> Done<Vec<Token>> {
    let mut query = api_tokens::table
        .filter(of_tenant!(api_tokens, tenant))
        .order(api_tokens::id.desc())
        .limit(i64::try_from(wanted.limit).unwrap_or(i64::MAX))
        .select(WholeTokenRow::as_select())
        .into_boxed::<Db>();
    if let Some(after) = wanted.after {
        query = query.filter(api_tokens::id.lt(Id(after.0)));
    }
    meanings(query.load(conn)?)
}

fn meanings(rows: Vec<WholeTokenRow>) -> Done<Vec<Token>> {
    Ok(rows.into_iter().map(WholeTokenRow::meaning).collect::<Result<_>>()?)
}
