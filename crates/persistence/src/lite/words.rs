//! How transactions begin and end. Diesel has its own words for that, which SQLite reads anew each time.

use diesel::prelude::*;
use diesel::query_builder::{AstPass, QueryFragment, QueryId};

use super::{Conn, Db};

macro_rules! words {
    ($($name:ident = $text:literal;)*) => {
        $(
            #[derive(QueryId)]
            pub(super) struct $name;

            impl QueryFragment<Db> for $name {
                fn walk_ast<'b>(&'b self, mut out: AstPass<'_, 'b, Db>) -> QueryResult<()> {
                    out.push_sql($text);
                    Ok(())
                }
            }

            impl RunQueryDsl<Conn> for $name {}
        )*
    };
}

// There is one savepoint at a time.
words! {
    Begin = "BEGIN";
    BeginImmediate = "BEGIN IMMEDIATE";
    Commit = "COMMIT";
    Rollback = "ROLLBACK";
    Savepoint = "SAVEPOINT part";
    Release = "RELEASE part";
    RollbackTo = "ROLLBACK TO part";
}

/// Ends a transaction that has only read.
pub(super) fn end_read(conn: &mut Conn) -> QueryResult<()> {
    let ended = Commit.execute(conn).map(drop);
    if ended.is_err() {
        // What is left open would fail whoever comes next.
        let _ = Rollback.execute(conn);
    }
    ended
}
