//! One resource by a value that no other has: the statements that identity providers cause most. Their texts are fixed, so
//! that each connection prepares them once.

use diesel::expression::{ValidGrouping, is_aggregate};
use diesel::prelude::*;
use diesel::query_builder::{AstPass, QueryFragment, QueryId};
use diesel::sql_types::Bool;
use domain::id::{ResourceId, TenantId};
use domain::index::Column;
use domain::store::By;
use domain::stored::Stored;
use domain::{Error, Result};

use super::super::{Conn, Db, NOT_JOINED};
use super::scope::of_tenant;
use super::wrap::{Alone, Entered, Typed};
use crate::error::from_diesel;
use crate::rows::ResourceRow;
use crate::schema::resources;
use crate::types::{At, Id, Spoken};

/// The resources of a tenant as they are shown: with type and state, which a query by key does not ask for, and whether they
/// are in any list. With something else of the row beside it, if that is wanted.
macro_rules! shown {
    ($tenant:expr $(, $beside:expr)?) => {
        resources::table.filter(of_tenant!(resources, $tenant)).select((
            resources::resource_type,
            resources::deleted_at,
            InList(of_tenant!(memberships, $tenant)),
            ResourceRow::as_select(),
            $($beside,)?
        ))
    };
}
#[allow(unused_imports, reason = "SQLite looks for one at a time")]
pub(crate) use shown;

/// The living ones of the type of this name.
macro_rules! of_type {
    ($resource_type:expr) => {
        resources::resource_type.eq($resource_type).and(resources::deleted_at.is_null())
    };
}
#[allow(unused_imports, reason = "SQLite looks for one at a time")]
pub(crate) use of_type;

/// Whether a resource is in a list of the tenant. In words of its own but for the tenant: each time that values are bound,
/// Diesel walks through all of a sub-select.
#[derive(Debug, Clone, Copy, QueryId)]
pub(crate) struct InList<T>(pub(crate) T);

impl<T: QueryFragment<Db>> QueryFragment<Db> for InList<T> {
    fn walk_ast<'b>(&'b self, mut out: AstPass<'_, 'b, Db>) -> QueryResult<()> {
        out.push_sql("EXISTS (SELECT 1 FROM memberships WHERE ");
        self.0.walk_ast(out.reborrow())?;
        out.push_sql(" AND memberships.user_id = resources.id");
        // For several resources a planner may want to read all memberships first.
        out.push_sql(NOT_JOINED);
        out.push_sql(")");
        Ok(())
    }
}

impl<T> Expression for InList<T> {
    type SqlType = Bool;
}

impl<QS: ?Sized, T> AppearsOnTable<QS> for InList<T> {}
impl<QS, T> SelectableExpression<QS> for InList<T> {}
impl<GB, T> ValidGrouping<GB> for InList<T> {
    type IsAggregate = is_aggregate::No;
}

/// A row of [`shown`].
type Shown = (String, Option<At>, bool, ResourceRow);

/// The statement for what a resource is looked up by. An id is looked up by the primary key and nothing else, see `keyed` of
/// [`super::tenant_tx`].
macro_rules! look_up {
    ($tenant:expr, $resource_type:expr, $by:expr, |$query:ident| $run:expr) => {{
        let of_type = || shown!($tenant).filter(of_type!($resource_type));
        let row: QueryResult<Shown> = match by_column($by)? {
            Key::Id(None) => Err(diesel::NotFound),
            Key::Id(Some(id)) => {
                let $query = shown!($tenant).filter(resources::id.eq(id));
                $run
            }
            Key::Name(name) => {
                let $query = of_type().filter(resources::name_key.eq(name));
                $run
            }
            Key::ExternalId(id) => {
                let $query = of_type().filter(resources::external_id.eq(id));
                $run
            }
        };
        let row = row.optional().map_err(from_diesel)?;
        Ok(row.and_then(|row| living(row, $resource_type)))
    }};
}

/// The living resource of the type of this name, or none.
pub(super) fn find(
    conn: &mut Conn,
    tenant: TenantId,
    resource_type: &str,
    by: By<'_>,
) -> Result<Option<Stored>> {
    look_up!(tenant, resource_type, by, |query| Typed(query).get_result(conn))
}

/// The same, where it is a transaction of its own.
pub(super) fn alone(
    conn: &mut Conn,
    tenant: TenantId,
    resource_type: &str,
    by: By<'_>,
) -> Result<Option<Stored>> {
    look_up!(tenant, resource_type, by, |query| {
        Alone { query: query.filter(Entered), tenant: Spoken(tenant) }.get_result(conn)
    })
}

/// A value in the column that is searched.
pub(crate) enum Key<'a> {
    /// None where it is no id.
    Id(Option<Id>),
    Name(&'a str),
    ExternalId(&'a str),
}

pub(crate) fn by_column(by: By<'_>) -> Result<Key<'_>> {
    Ok(match by {
        By::Id(id) => Key::Id(Some(Id(id.0))),
        By::Unique(Column::Id, key) => Key::Id(ResourceId::parse(key.body()).map(|id| Id(id.0))),
        By::Unique(Column::Name, key) => Key::Name(key.body()),
        By::Unique(Column::ExternalId, key) => Key::ExternalId(key.body()),
        By::Unique(Column::Created | Column::LastModified | Column::Version, _) => {
            return Err(Error::internal("a column that is not unique"));
        }
    })
}

pub(crate) fn living((kind, deleted_at, in_list, row): Shown, resource_type: &str) -> Option<Stored> {
    let is_living = deleted_at.is_none() && kind == resource_type;
    is_living.then(|| Stored { is_alone: !in_list, ..row.stored() })
}
