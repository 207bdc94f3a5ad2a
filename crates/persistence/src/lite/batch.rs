//! Lists of rows. SQLite prepares a text once and runs it for each row: there is no way to a server and back, and a
//! statement for any number of rows would have to be prepared each time.

use diesel::prelude::*;
use diesel::query_builder::{Query, QueryFragment};
use diesel::query_dsl::methods::ExecuteDsl;
use diesel::sql_types::BigInt;
use diesel::upsert::excluded;

use super::shared::Cached;
use super::{Conn, Db};
use crate::rows::{AttributeCountRow, NewResourceRow, ValueRow};
use crate::schema::{attribute_counts, attribute_values, resources};

/// Adds a resource with its values. A question is asked on the way only where that saves one.
pub(super) fn insert_resource<Q>(
    conn: &mut Conn,
    resource: &NewResourceRow<'_>,
    values: &[ValueRow<'_>],
    _question: Q,
) -> QueryResult<Option<Vec<(String, String)>>> {
    diesel::insert_into(resources::table).values(resource).execute(conn)?;
    insert_values(conn, values)?;
    Ok(None)
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

/// Runs three statements that are independent of each other, and adds to the counters of the tenant.
pub(super) fn together<A, B, C>(
    conn: &mut Conn,
    first: A,
    second: B,
    third: Cached<C>,
    holders: &[AttributeCountRow<'_>],
) -> QueryResult<()>
where
    A: ExecuteDsl<Conn>,
    B: ExecuteDsl<Conn>,
    C: QueryFragment<Db>,
{
    A::execute(first, conn)?;
    B::execute(second, conn)?;
    third.run(conn)?;
    add_holders(conn, holders)
}

/// Counts a resource in its collection; its block is left to whoever asks.
pub(super) fn count_in_both<A, B>(conn: &mut Conn, collection: A, _block: B) -> QueryResult<(i64, bool)>
where
    A: Query<SqlType = BigInt> + QueryFragment<Db>,
{
    Ok((Cached(collection).get_result(conn)?, false))
}
