//! Places in an order as SQL: what stands behind a position, and what stands from one on.
//!
//! The condition is a comparison of rows, `(created_at, id) > (…, …)`: the one form that both databases answer by a
//! range of an index on all its columns, so that it costs the same when thousands were created in one moment.

use diesel::expression::{ValidGrouping, is_aggregate};
use diesel::prelude::*;
use diesel::query_builder::{AstPass, QueryFragment, QueryId};
use diesel::sql_types::{BigInt, Bool, Text};

use super::super::Db;
use crate::types::{At, Id, Ts, Uid};

/// The columns of an order, all in one direction.
#[derive(Clone, Copy)]
pub(super) struct Columns(pub(super) &'static [&'static str]);

/// A value of one of these columns.
pub(super) enum Bind {
    Time(At),
    Number(i64),
    Text(String),
    Id(Id),
}

/// On which side of a position.
#[derive(Clone, Copy)]
pub(super) enum Side {
    Before,
    UpTo,
    From,
    Behind,
}

impl Side {
    /// Behind a position in an order.
    pub(super) fn behind(descending: bool) -> Self {
        if descending { Self::Before } else { Self::Behind }
    }

    fn sign(self) -> &'static str {
        match self {
            Self::Before => " < ",
            Self::UpTo => " <= ",
            Self::From => " >= ",
            Self::Behind => " > ",
        }
    }
}

/// A condition on one side of a position, ready for `.filter(…)`.
pub(super) struct Bound {
    columns: Columns,
    side: Side,
    values: Vec<Bind>,
}

impl Bound {
    /// The values are those of the columns, in their order.
    pub(super) fn new(columns: Columns, side: Side, values: Vec<Bind>) -> Self {
        Self { columns, side, values }
    }
}

impl QueryFragment<Db> for Bound {
    fn walk_ast<'b>(&'b self, mut out: AstPass<'_, 'b, Db>) -> QueryResult<()> {
        out.push_sql("(");
        out.push_sql(&self.columns.0.join(", "));
        out.push_sql(")");
        out.push_sql(self.side.sign());
        out.push_sql("(");
        for (place, value) in self.values.iter().enumerate() {
            if place > 0 {
                out.push_sql(", ");
            }
            match value {
                Bind::Time(at) => out.push_bind_param::<Ts, _>(at)?,
                Bind::Number(number) => out.push_bind_param::<BigInt, _>(number)?,
                Bind::Text(text) => out.push_bind_param::<Text, _>(text)?,
                Bind::Id(id) => out.push_bind_param::<Uid, _>(id)?,
            }
        }
        out.push_sql(")");
        Ok(())
    }
}

impl QueryId for Bound {
    type QueryId = ();
    // The text depends on columns and side: the statement cache goes by the text.
    const HAS_STATIC_QUERY_ID: bool = false;
}

impl Expression for Bound {
    type SqlType = Bool;
}

impl<QS: ?Sized> AppearsOnTable<QS> for Bound {}
impl<QS> SelectableExpression<QS> for Bound {}
impl<GB> ValidGrouping<GB> for Bound {
    type IsAggregate = is_aggregate::No;
}
