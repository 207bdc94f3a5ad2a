//! One resource by a value that no other has: the statements that identity providers cause most. Their texts are fixed, so
//! that each connection prepares them once.

use diesel::dsl::exists;
use diesel::prelude::*;
use domain::id::{ResourceId, TenantId};
use domain::index::Column;
use domain::key::Key;
use domain::resource_type::ResourceType;
use domain::stored::Stored;
use domain::{Error, Result};

use super::super::Conn;
use super::scope::of_tenant;
use super::wrap::{Alone, Entered};
use crate::error::from_diesel;
use crate::rows::ResourceRow;
use crate::schema::{memberships, resources};
use crate::types::{At, Id};

/// The resources of a tenant as they are shown: with type and state, which a query by key does not ask for, and whether they
/// are in any list.
macro_rules! shown {
    ($tenant:expr) => {
        resources::table.filter(of_tenant!(resources, $tenant)).select((
            resources::resource_type,
            resources::deleted_at,
            exists(
                memberships::table
                    .filter(of_tenant!(memberships, $tenant))
                    .filter(memberships::user_id.eq(resources::id)),
            ),
            ResourceRow::as_select(),
        ))
    };
}

/// A row of [`shown`].
type Shown = (String, Option<At>, bool, ResourceRow);

/// The living resource of the type with this id. By the primary key and nothing else, see `keyed` of [`super::tenant_tx`].
pub(super) fn by_id(
    conn: &mut Conn,
    tenant: TenantId,
    resource_type: &ResourceType,
    id: ResourceId,
) -> Result<Option<Stored>> {
    let row: Option<Shown> =
        shown!(tenant).filter(resources::id.eq(Id(id.0))).get_result(conn).optional().map_err(from_diesel)?;
    Ok(row.and_then(|row| living(row, resource_type)))
}

/// The same, where it is a transaction of its own.
pub(super) fn alone(
    conn: &mut Conn,
    tenant: TenantId,
    resource_type: &ResourceType,
    id: ResourceId,
) -> Result<Option<Stored>> {
    let query = shown!(tenant).filter(resources::id.eq(Id(id.0))).filter(Entered);
    let query = Alone { query, tenant: tenant.to_string() };
    let row: Option<Shown> = query.get_result(conn).optional().map_err(from_diesel)?;
    Ok(row.and_then(|row| living(row, resource_type)))
}

/// The living resource of the type with this value in a unique column, or none.
pub(super) fn by_unique(
    conn: &mut Conn,
    tenant: TenantId,
    resource_type: &ResourceType,
    column: Column,
    key: &Key,
) -> Result<Vec<Stored>> {
    let of_type = || {
        shown!(tenant)
            .filter(resources::resource_type.eq(resource_type.name.clone()))
            .filter(resources::deleted_at.is_null())
    };
    let row: QueryResult<Shown> = match column {
        Column::Id => {
            let id = ResourceId::parse(key.body());
            let found = id.map(|id| by_id(conn, tenant, resource_type, id)).transpose()?;
            return Ok(found.flatten().into_iter().collect());
        }
        Column::Name => of_type().filter(resources::name_key.eq(key.body())).get_result(conn),
        Column::ExternalId => of_type().filter(resources::external_id.eq(key.body())).get_result(conn),
        Column::Created | Column::LastModified | Column::Version => {
            return Err(Error::internal("a column that is not unique"));
        }
    };
    let row = row.optional().map_err(from_diesel)?;
    Ok(row.and_then(|row| living(row, resource_type)).into_iter().collect())
}

fn living((kind, deleted_at, in_list, row): Shown, resource_type: &ResourceType) -> Option<Stored> {
    let is_living = deleted_at.is_none() && kind == resource_type.name;
    is_living.then(|| Stored { is_alone: !in_list, ..row.stored() })
}
