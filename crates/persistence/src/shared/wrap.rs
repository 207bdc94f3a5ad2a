//! Queries around queries, for what Diesel has for one database only.

use std::any::TypeId;
use std::collections::BTreeMap;
use std::marker::PhantomData;
use std::sync::{Mutex, PoisonError};

use diesel::backend::Backend;
use diesel::expression::{ValidGrouping, is_aggregate};
use diesel::prelude::*;
use diesel::query_builder::{AstPass, Query, QueryBuilder, QueryFragment, QueryId};
use diesel::sql_types::{Bool, Integer};

use super::super::{
    Conn, Db, ENTERED, EXPLAIN, ExplainRow, FOR_KEY_SHARE, FOR_NO_KEY_UPDATE, FOR_UPDATE, LEAVE, enter,
};
use crate::types::Spoken;

/// The rows of a query, locked until the transaction ends. On SQLite the transaction itself is the lock.
#[derive(QueryId)]
pub(crate) struct Locked<Q>(pub(crate) Q);

impl<Q: Query> Query for Locked<Q> {
    type SqlType = Q::SqlType;
}

impl<Q> RunQueryDsl<Conn> for Locked<Q> {}

impl<Q: QueryFragment<Db>> QueryFragment<Db> for Locked<Q> {
    fn walk_ast<'b>(&'b self, mut out: AstPass<'_, 'b, Db>) -> QueryResult<()> {
        self.0.walk_ast(out.reborrow())?;
        out.push_sql(FOR_UPDATE);
        Ok(())
    }
}

/// The rows of a query, locked against other changes until the transaction ends; rows of other tables may go on pointing
/// at them.
#[derive(QueryId)]
pub(crate) struct Held<Q>(pub(crate) Q);

impl<Q: Query> Query for Held<Q> {
    type SqlType = Q::SqlType;
}

impl<Q> RunQueryDsl<Conn> for Held<Q> {}

impl<Q: QueryFragment<Db>> QueryFragment<Db> for Held<Q> {
    fn walk_ast<'b>(&'b self, mut out: AstPass<'_, 'b, Db>) -> QueryResult<()> {
        self.0.walk_ast(out.reborrow())?;
        out.push_sql(FOR_NO_KEY_UPDATE);
        Ok(())
    }
}

/// The rows of a query, kept from being deleted until the transaction ends.
#[derive(QueryId)]
pub(crate) struct Kept<Q>(pub(crate) Q);

impl<Q: Query> Query for Kept<Q> {
    type SqlType = Q::SqlType;
}

impl<Q> RunQueryDsl<Conn> for Kept<Q> {}

impl<Q: QueryFragment<Db>> QueryFragment<Db> for Kept<Q> {
    fn walk_ast<'b>(&'b self, mut out: AstPass<'_, 'b, Db>) -> QueryResult<()> {
        self.0.walk_ast(out.reborrow())?;
        out.push_sql(FOR_KEY_SHARE);
        Ok(())
    }
}

/// A query whose text never changes and is known by its type, so that nobody need walk through it to find out whether its
/// prepared statement may be kept: that is a tenth of a look-up by key.
#[derive(QueryId)]
pub(crate) struct Typed<Q>(pub(crate) Q);

impl<Q: Query> Query for Typed<Q> {
    type SqlType = Q::SqlType;
}

impl<Q> RunQueryDsl<Conn> for Typed<Q> {}

impl<Q: QueryFragment<Db>> QueryFragment<Db> for Typed<Q> {
    fn walk_ast<'b>(&'b self, out: AstPass<'_, 'b, Db>) -> QueryResult<()> {
        self.0.walk_ast(out)
    }

    fn is_safe_to_cache_prepared(&self, _backend: &Db) -> QueryResult<bool> {
        Ok(true)
    }
}

/// A query that is a transaction of its own: it also says whose it is. Its condition [`Entered`] holds once that is said. Its
/// text never changes, as that of [`Typed`].
pub(crate) struct Alone<Q> {
    pub(crate) query: Q,
    pub(crate) tenant: Spoken,
}

impl<Q: QueryId> QueryId for Alone<Q> {
    type QueryId = Alone<Q::QueryId>;
    const HAS_STATIC_QUERY_ID: bool = Q::HAS_STATIC_QUERY_ID;
}

impl<Q: Query> Query for Alone<Q> {
    type SqlType = Q::SqlType;
}

impl<Q> RunQueryDsl<Conn> for Alone<Q> {}

impl<Q: QueryFragment<Db>> QueryFragment<Db> for Alone<Q> {
    fn walk_ast<'b>(&'b self, mut out: AstPass<'_, 'b, Db>) -> QueryResult<()> {
        enter(&mut out, &self.tenant)?;
        self.query.walk_ast(out.reborrow())?;
        out.push_sql(LEAVE);
        Ok(())
    }

    fn is_safe_to_cache_prepared(&self, _backend: &Db) -> QueryResult<bool> {
        Ok(true)
    }
}

/// The condition on which a query depends on [`Alone`] around it.
#[derive(Debug, Clone, Copy, QueryId)]
pub(crate) struct Entered;

impl QueryFragment<Db> for Entered {
    fn walk_ast<'b>(&'b self, mut out: AstPass<'_, 'b, Db>) -> QueryResult<()> {
        out.push_sql(ENTERED);
        Ok(())
    }
}

impl Expression for Entered {
    type SqlType = Bool;
}

impl<QS: ?Sized> AppearsOnTable<QS> for Entered {}
impl<QS> SelectableExpression<QS> for Entered {}
impl<GB> ValidGrouping<GB> for Entered {
    type IsAggregate = is_aggregate::No;
}

/// A statement that is prepared once for each connection and found again by its text, of which there are a few. Diesel prepares
/// updates and upserts anew each time they run, because what they set may have any shape.
pub(crate) struct Cached<Q>(pub(crate) Q);

impl<Q> QueryId for Cached<Q> {
    type QueryId = ();
    const HAS_STATIC_QUERY_ID: bool = false;
}

impl<Q: Query> Query for Cached<Q> {
    type SqlType = Q::SqlType;
}

impl<Q> RunQueryDsl<Conn> for Cached<Q> {}

impl<Q: QueryFragment<Db>> QueryFragment<Db> for Cached<Q> {
    fn walk_ast<'b>(&'b self, out: AstPass<'_, 'b, Db>) -> QueryResult<()> {
        self.0.walk_ast(out)
    }

    fn is_safe_to_cache_prepared(&self, _backend: &Db) -> QueryResult<bool> {
        Ok(true)
    }
}

impl<Q: QueryFragment<Db>> Cached<Q> {
    /// Runs a statement that returns no rows. (`execute` would ask the statement itself whether it may be kept.)
    pub(crate) fn run(self, conn: &mut Conn) -> QueryResult<()> {
        let none: Vec<i32> = Cached(Silent(self.0)).load(conn)?;
        debug_assert!(none.is_empty());
        Ok(())
    }
}

/// The same for one of which there is one text, found again by the place in the program where it stands: nothing is written
/// to find it; where it is not `KEPT` it is prepared anew each time. Made by [`fixed!`] and [`planned!`] alone.
pub(crate) struct Fixed<Q, Place, const KEPT: bool = true> {
    pub(crate) query: Q,
    place: PhantomData<Place>,
}

/// A statement whose text is the same each time this line is reached, whatever its values are. (Not for a generic function:
/// there one line is many statements.)
macro_rules! fixed {
    ($query:expr) => {{
        struct Here;
        Fixed::<_, Here>::new($query)
    }};
}
pub(crate) use fixed;

/// The same for a query that is planned by its values, as [`Planned`], by a database that does so.
macro_rules! planned {
    ($query:expr) => {{
        struct Here;
        Fixed::<_, Here, { !PLANS_BY_VALUES }>::new($query)
    }};
}
pub(crate) use planned;

impl<Q, Place, const KEPT: bool> Fixed<Q, Place, KEPT> {
    pub(crate) fn new(query: Q) -> Self {
        Self { query, place: PhantomData }
    }
}

impl<Q, Place: 'static, const KEPT: bool> QueryId for Fixed<Q, Place, KEPT> {
    type QueryId = Place;
    const HAS_STATIC_QUERY_ID: bool = KEPT;
}

impl<Q: Query, Place, const KEPT: bool> Query for Fixed<Q, Place, KEPT> {
    type SqlType = Q::SqlType;
}

impl<Q, Place, const KEPT: bool> RunQueryDsl<Conn> for Fixed<Q, Place, KEPT> {}

impl<Q: QueryFragment<Db>, Place: 'static, const KEPT: bool> QueryFragment<Db> for Fixed<Q, Place, KEPT> {
    fn walk_ast<'b>(&'b self, out: AstPass<'_, 'b, Db>) -> QueryResult<()> {
        self.query.walk_ast(out)
    }

    fn is_safe_to_cache_prepared(&self, backend: &Db) -> QueryResult<bool> {
        if cfg!(debug_assertions) {
            self.check_text(backend)?;
        }
        Ok(KEPT)
    }
}

/// The texts of the statements that have run, for [`Fixed::check_text`].
static TEXTS: Mutex<BTreeMap<TypeId, String>> = Mutex::new(BTreeMap::new());

impl<Q: QueryFragment<Db>, Place: 'static, const KEPT: bool> Fixed<Q, Place, KEPT> {
    /// Another statement would be carried out if the text were not the same each time.
    fn check_text(&self, backend: &Db) -> QueryResult<()> {
        let mut text = <Db as Backend>::QueryBuilder::default();
        self.query.to_sql(&mut text, backend)?;
        let text = text.finish();
        let mut texts = TEXTS.lock().unwrap_or_else(PoisonError::into_inner);
        let first = texts.entry(TypeId::of::<Place>()).or_insert_with(|| text.clone());
        assert_eq!(*first, text, "a fixed statement has two texts");
        Ok(())
    }
}

impl<Q: QueryFragment<Db>, Place: 'static> Fixed<Q, Place> {
    /// Runs a statement that returns no rows.
    pub(crate) fn run(self, conn: &mut Conn) -> QueryResult<()> {
        let none: Vec<i32> = Fixed::<_, Place>::new(Silent(self.query)).load(conn)?;
        debug_assert!(none.is_empty());
        Ok(())
    }
}

/// A statement that returns no rows, as a query.
struct Silent<Q>(Q);

impl<Q> Query for Silent<Q> {
    type SqlType = Integer;
}

impl<Q: QueryFragment<Db>> QueryFragment<Db> for Silent<Q> {
    fn walk_ast<'b>(&'b self, out: AstPass<'_, 'b, Db>) -> QueryResult<()> {
        self.0.walk_ast(out)
    }
}

/// A query that is planned each time it runs, whatever its text. The plan of a prepared statement is made for any group; where
/// one group holds nearly all memberships of a tenant and others ten, PostgreSQL then reads all of them to find the ten.
pub(crate) struct Planned<Q>(pub(crate) Q);

impl<Q> QueryId for Planned<Q> {
    type QueryId = ();
    const HAS_STATIC_QUERY_ID: bool = false;
}

impl<Q: Query> Query for Planned<Q> {
    type SqlType = Q::SqlType;
}

impl<Q> RunQueryDsl<Conn> for Planned<Q> {}

impl<Q: QueryFragment<Db>> QueryFragment<Db> for Planned<Q> {
    fn walk_ast<'b>(&'b self, mut out: AstPass<'_, 'b, Db>) -> QueryResult<()> {
        out.unsafe_to_cache_prepared();
        self.0.walk_ast(out.reborrow())
    }
}

/// The plan of a query.
pub(crate) struct Explained<Q>(pub(crate) Q);

impl<Q> QueryId for Explained<Q> {
    type QueryId = ();
    const HAS_STATIC_QUERY_ID: bool = false;
}

impl<Q: Query> Query for Explained<Q> {
    type SqlType = ExplainRow;
}

impl<Q> RunQueryDsl<Conn> for Explained<Q> {}

impl<Q: QueryFragment<Db>> QueryFragment<Db> for Explained<Q> {
    fn walk_ast<'b>(&'b self, mut out: AstPass<'_, 'b, Db>) -> QueryResult<()> {
        out.push_sql(EXPLAIN);
        self.0.walk_ast(out.reborrow())
    }
}
