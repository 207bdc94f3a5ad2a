//! Lists of rows, by statements that stay prepared and are written down here: those that Diesel puts together take longer to
//! be put together than to be carried out, and a user has some twenty values.

use diesel::prelude::*;
use diesel::query_builder::{AstPass, Query, QueryFragment, QueryId};
use diesel::query_dsl::methods::ExecuteDsl;
use diesel::sql_types::{BigInt, Integer, Nullable, Text};

use super::shared::Fixed;
use super::{Conn, Db};
use crate::rows::{AttributeCountRow, NewResourceRow, ValueRow};
use crate::schema::resources;
use crate::types::Uid;

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
    rows.iter().try_for_each(|row| InsertValue(row).execute(conn).map(drop))
}

/// Adds to the counters of a tenant.
pub(super) fn add_holders(conn: &mut Conn, rows: &[AttributeCountRow<'_>]) -> QueryResult<()> {
    rows.chunks(MOST).try_for_each(|rows| AddHolders(rows).execute(conn).map(drop))
}

/// Rows of one statement. Each number of rows is a statement of its own, which stays prepared.
const MOST: usize = 32;

/// One row of the index. Several in one statement would be written twice: SQLite keeps a copy of each page, to take back the
/// whole statement in case a foreign key does not hold.
struct InsertValue<'a>(&'a ValueRow<'a>);

impl QueryFragment<Db> for InsertValue<'_> {
    fn walk_ast<'b>(&'b self, mut out: AstPass<'_, 'b, Db>) -> QueryResult<()> {
        let Self(row) = self;
        out.push_sql(
            "INSERT INTO attribute_values \
             (tenant_id, resource_id, path, ordinal, resource_type, key, full_key) VALUES (",
        );
        out.push_bind_param::<Uid, _>(&row.tenant_id)?;
        out.push_sql(", ");
        out.push_bind_param::<Uid, _>(&row.resource_id)?;
        out.push_sql(", ");
        out.push_bind_param::<Text, _>(row.path)?;
        out.push_sql(", ");
        out.push_bind_param::<Integer, _>(&row.ordinal)?;
        out.push_sql(", ");
        out.push_bind_param::<Text, _>(row.resource_type)?;
        out.push_sql(", ");
        out.push_bind_param::<Text, _>(&row.key)?;
        out.push_sql(", ");
        out.push_bind_param::<Nullable<Text>, _>(&row.full_key)?;
        out.push_sql(")");
        Ok(())
    }
}

impl QueryId for InsertValue<'_> {
    type QueryId = InsertValue<'static>;
    const HAS_STATIC_QUERY_ID: bool = true;
}

impl RunQueryDsl<Conn> for InsertValue<'_> {}

/// Counters of one tenant, which is bound once.
struct AddHolders<'a>(&'a [AttributeCountRow<'a>]);

impl QueryFragment<Db> for AddHolders<'_> {
    fn walk_ast<'b>(&'b self, mut out: AstPass<'_, 'b, Db>) -> QueryResult<()> {
        out.push_sql("INSERT INTO attribute_counts (tenant_id, resource_type, path, holders) VALUES (");
        for (place, row) in self.0.iter().enumerate() {
            if place == 0 {
                out.push_bind_param::<Uid, _>(&row.tenant_id)?;
                out.push_sql(", ");
            } else {
                out.push_sql("), (?1, ");
            }
            out.push_bind_param::<Text, _>(row.resource_type)?;
            out.push_sql(", ");
            out.push_bind_param::<Text, _>(row.path)?;
            out.push_sql(", ");
            out.push_bind_param::<BigInt, _>(&row.holders)?;
        }
        out.push_sql(
            ") ON CONFLICT (tenant_id, resource_type, path) DO UPDATE SET holders = holders + excluded.holders",
        );
        Ok(())
    }

    fn is_safe_to_cache_prepared(&self, _backend: &Db) -> QueryResult<bool> {
        Ok(true)
    }
}

impl QueryId for AddHolders<'_> {
    // Its text depends on the number of rows.
    type QueryId = ();
    const HAS_STATIC_QUERY_ID: bool = false;
}

impl RunQueryDsl<Conn> for AddHolders<'_> {}

/// Runs three statements that are independent of each other, and adds to the counters of the tenant.
pub(super) fn together<A, B, C, P>(
    conn: &mut Conn,
    first: A,
    second: B,
    third: Fixed<C, P>,
    holders: &[AttributeCountRow<'_>],
) -> QueryResult<()>
where
    A: ExecuteDsl<Conn>,
    B: ExecuteDsl<Conn>,
    C: QueryFragment<Db>,
    P: 'static,
{
    A::execute(first, conn)?;
    B::execute(second, conn)?;
    third.run(conn)?;
    add_holders(conn, holders)
}

/// Counts a resource in its collection; its block is left to whoever asks.
pub(super) fn count_in_both<A, B, P>(
    conn: &mut Conn,
    collection: Fixed<A, P>,
    _block: B,
) -> QueryResult<(i64, bool)>
where
    A: Query<SqlType = BigInt> + QueryFragment<Db>,
    P: 'static,
{
    Ok((collection.get_result(conn)?, false))
}
