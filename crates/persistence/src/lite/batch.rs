//! Lists of rows. SQLite prepares a text once and runs it for each row: there is no way to a server and back, and a
//! statement for any number of rows would have to be prepared each time.

use diesel::prelude::*;
use diesel::query_builder::QueryFragment;
use diesel::query_dsl::methods::ExecuteDsl;
use diesel::upsert::excluded;

use super::shared::Cached;
use super::{Conn, Db};
use crate::rows::{AttributeCountRow, NewResourceRow, ValueRow};
use crate::schema::{attribute_counts, attribute_values, resources};

/// Adds a resource with its values.
pub(super) fn insert_resource(
    conn: &mut Conn,
    resource: &NewResourceRow<'_>,
    values: &[ValueRow<'_>],
) -> QueryResult<()> {
    diesel::insert_into(resources::table).values(resource).execute(conn)?;
    insert_values(conn, values)
}

/// Adds the values of one resource to the index.
pub(super) fn insert_values(conn: &mut Conn, rows: &[ValueRow<'_>]) -> QueryResult<()> {
    for row in rows {
        diesel::insert_into(attribute_values::table).values(row).execute(conn)?;
    }
    Ok(())
}

/// Adds to the counters of a tenant.
pub(super) fn add_holders(conn: &mut Conn, rows: &[AttributeCountRow<'_>]) -> QueryResult<()> {
    for row in rows {
        let added = diesel::insert_into(attribute_counts::table)
            .values(row)
            .on_conflict((
                attribute_counts::tenant_id,
                attribute_counts::resource_type,
                attribute_counts::path,
            ))
            .do_update()
            .set(
                attribute_counts::holders.eq(attribute_counts::holders + excluded(attribute_counts::holders)),
            );
        Cached(added).run(conn)?;
    }
    Ok(())
}

/// Runs three statements that are independent of each other.
pub(super) fn together<A, B, C>(conn: &mut Conn, first: A, second: B, third: Cached<C>) -> QueryResult<()>
where
    A: ExecuteDsl<Conn>,
    B: ExecuteDsl<Conn>,
    C: QueryFragment<Db>,
{
    A::execute(first, conn)?;
    B::execute(second, conn)?;
    third.run(conn)
}
