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

/// Writes rows by statements of sixteen, eight and so on: few, and each of one text.
macro_rules! in_few_statements {
    ($statement:ident, $conn:ident, $rows:ident) => {{
        let (many, mut rows) = $rows.as_chunks();
        many.iter().try_for_each(|rows| $statement::<16>(rows).execute($conn).map(drop))?;
        in_few_statements!($statement, $conn, rows, 8, 4, 2, 1);
        debug_assert!(rows.is_empty());
        Ok(())
    }};
    ($statement:ident, $conn:ident, $rows:ident, $($number:literal),*) => {
        $(
            if let Some((first, others)) = $rows.split_first_chunk() {
                $statement::<$number>(first).execute($conn)?;
                $rows = others;
            }
        )*
    };
}

/// Adds the values of one resource to the index.
pub(super) fn insert_values(conn: &mut Conn, rows: &[ValueRow<'_>]) -> QueryResult<()> {
    in_few_statements!(InsertValues, conn, rows)
}

/// Adds to the counters of a tenant.
pub(super) fn add_holders(conn: &mut Conn, rows: &[AttributeCountRow<'_>]) -> QueryResult<()> {
    in_few_statements!(AddHolders, conn, rows)
}

/// Rows of the index of one resource, which is bound once. `OR FAIL`, because what has been written so far is taken back with the
/// whole transaction: for a statement that takes back its own rows SQLite keeps a copy of each page.
struct InsertValues<'r, 'a, const N: usize>(&'r [ValueRow<'a>; N]);

impl<const N: usize> QueryFragment<Db> for InsertValues<'_, '_, N> {
    fn walk_ast<'b>(&'b self, mut out: AstPass<'_, 'b, Db>) -> QueryResult<()> {
        out.push_sql(
            "INSERT OR FAIL INTO attribute_values \
             (tenant_id, resource_id, resource_type, path, ordinal, key, full_key) VALUES (",
        );
        for (place, row) in self.0.iter().enumerate() {
            if place == 0 {
                out.push_bind_param::<Uid, _>(&row.tenant_id)?;
                out.push_sql(", ");
                out.push_bind_param::<Uid, _>(&row.resource_id)?;
                out.push_sql(", ");
                out.push_bind_param::<Text, _>(row.resource_type)?;
                out.push_sql(", ");
            } else {
                out.push_sql("), (?1, ?2, ?3, ");
            }
            out.push_bind_param::<Text, _>(row.path)?;
            out.push_sql(", ");
            out.push_bind_param::<Integer, _>(&row.ordinal)?;
            out.push_sql(", ");
            out.push_bind_param::<Text, _>(&row.key)?;
            out.push_sql(", ");
            out.push_bind_param::<Nullable<Text>, _>(&row.full_key)?;
        }
        out.push_sql(")");
        Ok(())
    }

    fn is_safe_to_cache_prepared(&self, _backend: &Db) -> QueryResult<bool> {
        Ok(true)
    }
}

impl<const N: usize> QueryId for InsertValues<'_, '_, N> {
    type QueryId = InsertValues<'static, 'static, N>;
    const HAS_STATIC_QUERY_ID: bool = true;
}

impl<const N: usize> RunQueryDsl<Conn> for InsertValues<'_, '_, N> {}

/// Counters of one tenant, which is bound once.
struct AddHolders<'r, 'a, const N: usize>(&'r [AttributeCountRow<'a>; N]);

impl<const N: usize> QueryFragment<Db> for AddHolders<'_, '_, N> {
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

impl<const N: usize> QueryId for AddHolders<'_, '_, N> {
    type QueryId = AddHolders<'static, 'static, N>;
    const HAS_STATIC_QUERY_ID: bool = true;
}

impl<const N: usize> RunQueryDsl<Conn> for AddHolders<'_, '_, N> {}

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
