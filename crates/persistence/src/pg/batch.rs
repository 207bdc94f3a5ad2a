//! Lists of rows, each by one statement of one text: it is prepared once for each connection, whatever the number of
//! rows, and takes one way to the server and back.

use diesel::prelude::*;
use diesel::query_builder::{AstPass, Query, QueryFragment};
use diesel::sql_types::{Array, BigInt, Bool, Integer, Nullable, Text};

use super::shared::{Cached, Fixed};
use super::{Conn, Db};
use crate::rows::{AttributeCountRow, NewResourceRow, ValueRow};
use crate::schema::resources;
use crate::types::{Id, Uid};

/// Adds a resource with its values, and asks something else on the way.
pub(super) fn insert_resource<Q>(
    conn: &mut Conn,
    resource: &NewResourceRow<'_>,
    values: &[ValueRow<'_>],
    question: Q,
) -> QueryResult<Option<Vec<(String, String)>>>
where
    Q: Query<SqlType = (Text, Text)> + QueryFragment<Db>,
{
    let resource = diesel::insert_into(resources::table).values(resource);
    let values = InsertValues::new(values);
    // Foreign keys are looked at when the whole statement is done.
    let mut parts: Vec<&dyn QueryFragment<Db>> = vec![&resource];
    parts.extend(values.as_ref().map(|values| values as &dyn QueryFragment<Db>));
    Cached(With { parts, last: question }).load(conn).map(Some)
}

/// Adds the values of one resource to the index.
pub(super) fn insert_values(conn: &mut Conn, rows: &[ValueRow<'_>]) -> QueryResult<()> {
    InsertValues::new(rows).map_or(Ok(()), |statement| Cached(statement).run(conn))
}

/// Adds to the counters of a tenant.
pub(super) fn add_holders(conn: &mut Conn, rows: &[AttributeCountRow<'_>]) -> QueryResult<()> {
    AddHolders::new(rows).map_or(Ok(()), |statement| Cached(statement).run(conn))
}

/// Runs three statements that are independent of each other as one, and adds to the counters of the tenant with them.
pub(super) fn together<A, B, C, P>(
    conn: &mut Conn,
    first: A,
    second: B,
    third: Fixed<C, P>,
    holders: &[AttributeCountRow<'_>],
) -> QueryResult<()>
where
    A: QueryFragment<Db>,
    B: QueryFragment<Db>,
    C: QueryFragment<Db>,
    P: 'static,
{
    let holders = AddHolders::new(holders);
    let mut parts: Vec<&dyn QueryFragment<Db>> = vec![&first, &second];
    parts.extend(holders.as_ref().map(|holders| holders as &dyn QueryFragment<Db>));
    Cached(With { parts, last: third.query }).run(conn)
}

/// Counts a resource in its collection and, with a statement that depends on it, in a block; gives the number of the
/// collection and whether a block was found.
pub(super) fn count_in_both<A, B, P>(
    conn: &mut Conn,
    collection: Fixed<A, P>,
    block: B,
) -> QueryResult<(i64, bool)>
where
    A: Query<SqlType = BigInt> + QueryFragment<Db>,
    B: QueryFragment<Db>,
{
    Cached(CountInBoth { collection: collection.query, block }).get_result(conn)
}

struct InsertValues<'a> {
    tenant: Id,
    resource: Id,
    resource_type: &'a str,
    paths: Vec<&'a str>,
    ordinals: Vec<i32>,
    keys: Vec<&'a str>,
    full_keys: Vec<Option<&'a str>>,
}

impl<'a> InsertValues<'a> {
    fn new(rows: &'a [ValueRow<'_>]) -> Option<Self> {
        let first = rows.first()?;
        Some(Self {
            tenant: first.tenant_id,
            resource: first.resource_id,
            resource_type: first.resource_type,
            paths: rows.iter().map(|row| row.path).collect(),
            ordinals: rows.iter().map(|row| row.ordinal).collect(),
            keys: rows.iter().map(|row| &*row.key).collect(),
            full_keys: rows.iter().map(|row| row.full_key).collect(),
        })
    }
}

impl QueryFragment<Db> for InsertValues<'_> {
    fn walk_ast<'b>(&'b self, mut out: AstPass<'_, 'b, Db>) -> QueryResult<()> {
        out.push_sql(
            "INSERT INTO attribute_values \
                (tenant_id, resource_id, resource_type, path, ordinal, key, full_key) SELECT ",
        );
        out.push_bind_param::<Uid, _>(&self.tenant)?;
        out.push_sql(", ");
        out.push_bind_param::<Uid, _>(&self.resource)?;
        out.push_sql(", ");
        out.push_bind_param::<Text, _>(self.resource_type)?;
        out.push_sql(", path, ordinal, key, full_key FROM unnest(");
        out.push_bind_param::<Array<Text>, _>(&self.paths)?;
        out.push_sql(", ");
        out.push_bind_param::<Array<Integer>, _>(&self.ordinals)?;
        out.push_sql(", ");
        out.push_bind_param::<Array<Text>, _>(&self.keys)?;
        out.push_sql(", ");
        out.push_bind_param::<Array<Nullable<Text>>, _>(&self.full_keys)?;
        out.push_sql(") AS given (path, ordinal, key, full_key)");
        Ok(())
    }
}

struct AddHolders<'a> {
    tenant: Id,
    types: Vec<&'a str>,
    paths: Vec<&'a str>,
    holders: Vec<i64>,
}

impl<'a> AddHolders<'a> {
    fn new(rows: &'a [AttributeCountRow<'_>]) -> Option<Self> {
        Some(Self {
            tenant: rows.first()?.tenant_id,
            types: rows.iter().map(|row| row.resource_type).collect(),
            paths: rows.iter().map(|row| row.path).collect(),
            holders: rows.iter().map(|row| row.holders).collect(),
        })
    }
}

impl QueryFragment<Db> for AddHolders<'_> {
    fn walk_ast<'b>(&'b self, mut out: AstPass<'_, 'b, Db>) -> QueryResult<()> {
        out.push_sql("INSERT INTO attribute_counts (tenant_id, resource_type, path, holders) SELECT ");
        out.push_bind_param::<Uid, _>(&self.tenant)?;
        out.push_sql(", resource_type, path, holders FROM unnest(");
        out.push_bind_param::<Array<Text>, _>(&self.types)?;
        out.push_sql(", ");
        out.push_bind_param::<Array<Text>, _>(&self.paths)?;
        out.push_sql(", ");
        out.push_bind_param::<Array<BigInt>, _>(&self.holders)?;
        out.push_sql(
            ") AS given (resource_type, path, holders) ON CONFLICT (tenant_id, resource_type, path) \
             DO UPDATE SET holders = attribute_counts.holders + excluded.holders",
        );
        Ok(())
    }
}

/// Statements as parts of another one, whose rows are those of the whole.
struct With<'a, Q> {
    parts: Vec<&'a dyn QueryFragment<Db>>,
    last: Q,
}

impl<Q: Query> Query for With<'_, Q> {
    type SqlType = Q::SqlType;
}

impl<Q: QueryFragment<Db>> QueryFragment<Db> for With<'_, Q> {
    fn walk_ast<'b>(&'b self, mut out: AstPass<'_, 'b, Db>) -> QueryResult<()> {
        for (part, begin) in self.parts.iter().zip(["WITH first AS (", "), second AS (", "), third AS ("]) {
            out.push_sql(begin);
            part.walk_ast(out.reborrow())?;
        }
        out.push_sql(") ");
        self.last.walk_ast(out.reborrow())
    }
}

struct CountInBoth<A, B> {
    collection: A,
    block: B,
}

impl<A, B> Query for CountInBoth<A, B> {
    type SqlType = (BigInt, Bool);
}

impl<A: QueryFragment<Db>, B: QueryFragment<Db>> QueryFragment<Db> for CountInBoth<A, B> {
    fn walk_ast<'b>(&'b self, mut out: AstPass<'_, 'b, Db>) -> QueryResult<()> {
        out.push_sql("WITH collection AS (");
        self.collection.walk_ast(out.reborrow())?;
        out.push_sql("), block AS (");
        self.block.walk_ast(out.reborrow())?;
        out.push_sql(") SELECT live, EXISTS (SELECT 1 FROM block) FROM collection");
        Ok(())
    }
}
