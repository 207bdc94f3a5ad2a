//! Removing every row of a deleted tenant, a few at a time.

use diesel::prelude::*;
use domain::id::TenantId;

use super::super::{Conn, remove_records};
use super::scope::of_tenant;
use crate::error::Failed;
use crate::schema::{
    admin_links, admin_recovery_codes, admin_sessions, admins, api_tokens, attribute_counts,
    attribute_values, audit_bases, audit_log, changes, collection_blocks, collections, group_sizes,
    mass_changes, memberships, profile_keys, requests, resources, tenant_counters, tenant_schemas,
    unique_values,
};
use crate::types::{At, Id};

/// Nobody signs in any more, and no change that has begun is stored: each takes the row of the counters last.
pub(super) fn close(conn: &mut Conn, tenant: TenantId) -> Result<(), Failed> {
    diesel::delete(api_tokens::table.filter(of_tenant!(api_tokens, tenant))).execute(conn)?;
    diesel::delete(tenant_counters::table.filter(of_tenant!(tenant_counters, tenant))).execute(conn)?;
    Ok(())
}

/// The tables that hold rows of a tenant beside those of [`close`] and the records: what points at a resource comes
/// before it. Beside
/// each is the column after `tenant_id` in its key, or another one by which it is cut into pieces.
macro_rules! tables {
    ($each:ident) => {
        $each!(admin_sessions, id, Id);
        $each!(admin_links, admin_id, Id);
        $each!(admin_recovery_codes, admin_id, Id);
        $each!(admins, id, Id);
        $each!(attribute_values, resource_id, Id);
        $each!(group_sizes, group_id, Id);
        $each!(unique_values, resource_id, Id);
        $each!(resources, id, Id);
        $each!(collection_blocks, from_created, At);
        $each!(collections, resource_type, String);
        $each!(attribute_counts, path, String);
        $each!(profile_keys, name_key, String);
        $each!(tenant_schemas, id_key, String);
        $each!(mass_changes, at, At);
        $each!(requests, id, Id);
    };
}

/// Rows that [`sweep`] will remove.
pub(super) fn count(conn: &mut Conn, tenant: TenantId) -> Result<i64, Failed> {
    let mut all: i64 = memberships::table.filter(of_tenant!(memberships, tenant)).count().get_result(conn)?;
    macro_rules! add {
        ($table:ident, $column:ident, $kind:ty) => {
            all += $table::table.filter(of_tenant!($table, tenant)).count().get_result::<i64>(conn)?;
        };
    }
    tables!(add);
    add!(changes, seq, i64);
    add!(audit_log, at, At);
    add!(audit_bases, seq, i64);
    Ok(all)
}

/// Removes about `room` rows, in the order of the tables, and gives how many; 0: there are none.
pub(super) fn sweep(conn: &mut Conn, tenant: TenantId, room: usize) -> Result<i64, Failed> {
    let room = i64::try_from(room).unwrap_or(i64::MAX);
    let mut gone = 0;
    while gone < room {
        match members(conn, tenant, room - gone)? {
            0 => break,
            some => gone += some,
        }
    }
    // The rows up to the one that fills the room, and those beside it that are equal in the column.
    macro_rules! remove {
        ($table:ident, $column:ident, $kind:ty) => {
            if gone < room {
                let some: Vec<$kind> = $table::table
                    .filter(of_tenant!($table, tenant))
                    .order($table::$column)
                    .limit(room - gone)
                    .select($table::$column)
                    .load(conn)?;
                if let Some(last) = some.into_iter().last() {
                    let rows =
                        $table::table.filter(of_tenant!($table, tenant)).filter($table::$column.le(last));
                    gone += rows_of(diesel::delete(rows).execute(conn)?);
                }
            }
        };
    }
    tables!(remove);
    if gone < room {
        gone += remove_records(conn, tenant, room - gone)?;
    }
    Ok(gone)
}

/// Members of one list of one group: a single group may have more than there is room for.
fn members(conn: &mut Conn, tenant: TenantId, room: i64) -> Result<i64, Failed> {
    let some: Vec<(String, Id, Id)> = memberships::table
        .filter(of_tenant!(memberships, tenant))
        .order((memberships::list, memberships::group_id, memberships::user_id))
        .limit(room)
        .select((memberships::list, memberships::group_id, memberships::user_id))
        .load(conn)?;
    let Some((list, group, _)) = some.first().cloned() else { return Ok(0) };
    let users: Vec<Id> =
        some.into_iter().filter(|row| (&row.0, row.1) == (&list, group)).map(|row| row.2).collect();
    let rows = memberships::table
        .filter(of_tenant!(memberships, tenant))
        .filter(memberships::list.eq(list))
        .filter(memberships::group_id.eq(group))
        .filter(memberships::user_id.eq_any(users));
    Ok(rows_of(diesel::delete(rows).execute(conn)?))
}

fn rows_of(count: usize) -> i64 {
    i64::try_from(count).unwrap_or(i64::MAX)
}
