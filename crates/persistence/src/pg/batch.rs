//! Lists of rows, each by one statement of one text: it is prepared once for each connection, whatever the number of
//! rows, and takes one way to the server and back.

use diesel::prelude::*;
use diesel::query_builder::{AstPass, QueryFragment};
use diesel::sql_types::{Array, BigInt, Integer, Nullable, Text};

use super::shared::{Fixed, fixed};
use super::{Conn, Db};
use crate::rows::{AttributeCountRow, NewResourceRow, ValueRow};
use crate::schema::resources;
use crate::types::{Id, Uid};

/// Adds a resource with its values.
pub(super) fn insert_resource(
    conn: &mut Conn,
    resource: &NewResourceRow<'_>,
    values: &[ValueRow<'_>],
) -> QueryResult<()> {
    let resource = diesel::insert_into(resources::table).values(resource);
    match InsertValues::new(values) {
        // Foreign keys are looked at when the whole statement is done.
        Some(values) => fixed!(Both(resource, values)).run(conn),
        None => fixed!(resource).run(conn),
    }
}

/// Adds the values of one resource to the index.
pub(super) fn insert_values(conn: &mut Conn, rows: &[ValueRow<'_>]) -> QueryResult<()> {
    InsertValues::new(rows).map_or(Ok(()), |statement| fixed!(statement).run(conn))
}

/// Adds to the counters of a tenant.
pub(super) fn add_holders(conn: &mut Conn, rows: &[AttributeCountRow<'_>]) -> QueryResult<()> {
    let Some(first) = rows.first() else { return Ok(()) };
    let statement = AddHolders {
        tenant: first.tenant_id,
        types: rows.iter().map(|row| row.resource_type).collect(),
        paths: rows.iter().map(|row| row.path).collect(),
        holders: rows.iter().map(|row| row.holders).collect(),
    };
    fixed!(statement).run(conn)
}

/// Runs three statements that are independent of each other as one.
pub(super) fn together<A, B, C, P>(
    conn: &mut Conn,
    first: A,
    second: B,
    third: Fixed<C, P>,
) -> QueryResult<()>
where
    A: QueryFragment<Db>,
    B: QueryFragment<Db>,
    C: QueryFragment<Db>,
    P: 'static,
{
    // Found again by the line of the caller, who knows what the first two are.
    Fixed::<_, P>::new(Three(first, second, third.query)).run(conn)
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
            keys: rows.iter().map(|row| row.key.as_str()).collect(),
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

/// A statement as a part of another one.
struct Both<A, B>(A, B);

impl<A: QueryFragment<Db>, B: QueryFragment<Db>> QueryFragment<Db> for Both<A, B> {
    fn walk_ast<'b>(&'b self, mut out: AstPass<'_, 'b, Db>) -> QueryResult<()> {
        out.push_sql("WITH first AS (");
        self.0.walk_ast(out.reborrow())?;
        out.push_sql(") ");
        self.1.walk_ast(out.reborrow())
    }
}

/// Two statements as parts of a third.
struct Three<A, B, C>(A, B, C);

impl<A: QueryFragment<Db>, B: QueryFragment<Db>, C: QueryFragment<Db>> QueryFragment<Db> for Three<A, B, C> {
    fn walk_ast<'b>(&'b self, mut out: AstPass<'_, 'b, Db>) -> QueryResult<()> {
        out.push_sql("WITH first AS (");
        self.0.walk_ast(out.reborrow())?;
        out.push_sql("), second AS (");
        self.1.walk_ast(out.reborrow())?;
        out.push_sql(") ");
        self.2.walk_ast(out.reborrow())
    }
}
