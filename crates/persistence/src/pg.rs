//! PostgreSQL: what differs from SQLite.

mod batch;
mod role;
// The same files as in `lite.rs`, compiled for another database.
#[path = "shared/mod.rs"]
mod shared;
mod together;

use std::sync::Arc;
use std::time::Duration;

use diesel::connection::{
    AnsiTransactionManager as Transactions, CacheSize, SimpleConnection, TransactionManager,
};
use diesel::prelude::*;
use diesel::query_builder::AstPass;
use diesel::r2d2::{ConnectionManager, CustomizeConnection};
use diesel::result::Error as DieselError;
use diesel::sql_types::Text;
use diesel_migrations::{EmbeddedMigrations, embed_migrations};
use domain::Result;
use domain::id::TenantId;
use domain::store::{Store, Task};
use r2d2::Pool;

use crate::Options;
use crate::error::{self, Failed};
use crate::types::Spoken;
use shared::{Catalogs, FindEach, Repo, Whose};

pub(crate) type Conn = diesel::PgConnection;
pub(crate) type Db = diesel::pg::Pg;

const MIGRATIONS: EmbeddedMigrations = embed_migrations!("../../migrations/postgres");

/// Locks the rows of a query until the transaction ends.
const FOR_UPDATE: &str = " FOR UPDATE";
/// The same, but rows of other tables may go on pointing at these.
const FOR_NO_KEY_UPDATE: &str = " FOR NO KEY UPDATE";
/// Keeps the rows of a query from being deleted until the transaction ends; others may do the same.
const FOR_KEY_SHARE: &str = " FOR KEY SHARE";
/// The function that gives the place of a text in a text, from 1, or 0.
const TEXT_POSITION: &str = "strpos";
/// Rows and values of one statement: well below the number that PostgreSQL takes.
const BATCH: usize = 500;
/// Around a query of ids that are found before anything else is looked at. An array is one value, which no plan can join with.
const FOUND_IN: (&str, &str) = (" = ANY(ARRAY(", "))");
/// The end of a query that stays a query of its own wherever it stands.
const NOT_JOINED: &str = " OFFSET 0";
/// Around a value that is taken for any value also where it is known.
const HIDDEN: (&str, &str) = ("(SELECT ", ")");
/// A statement that is prepared may be planned for any values, see `Planned` in `shared/wrap.rs`.
const PLANS_BY_VALUES: bool = true;
/// What stands before a query whose plan is asked for.
const EXPLAIN: &str = "EXPLAIN ";
type ExplainRow = Text;

fn explain_text(line: String) -> String {
    line
}

/// A column of ids as text.
fn id_text(column: &str) -> String {
    format!("{column}::text COLLATE \"C\"")
}

#[declare_sql_function]
extern "SQL" {
    #[sql_name = "remove_records"]
    fn removed_records(room: diesel::sql_types::BigInt) -> diesel::sql_types::BigInt;
}

/// Removes about `room` rows of the audit log and the change feed of a deleted tenant, or else old rows from before the
/// beginning of its audit log. The server has no right to do it itself; the tenant is that of the transaction.
fn remove_records(conn: &mut Conn, _tenant: TenantId, room: i64) -> Result<i64, Failed> {
    Ok(diesel::select(removed_records(room)).get_result(conn)?)
}

/// What a statement begins with that is a transaction of its own: it says whose it is before its query runs. What stands in
/// [`ENTERED`] makes the query depend on that, so that no plan can have it the other way round; without it the query would
/// find nothing.
fn enter<'b>(out: &mut AstPass<'_, 'b, Db>, tenant: &'b Spoken) -> QueryResult<()> {
    out.push_sql("SELECT found.* FROM (SELECT set_config('app.tenant_id', ");
    out.push_bind_param::<Text, _>(tenant)?;
    out.push_sql(", TRUE) IS NOT NULL AS is_done OFFSET 0) AS entered CROSS JOIN LATERAL (");
    Ok(())
}

/// The condition inside the query.
const ENTERED: &str = "entered.is_done";
/// What the statement ends with.
const LEAVE: &str = " OFFSET 0) AS found";

/// Several resources by one statement: it costs little more than that for one, and goes the same way.
const FIND_EACH: Option<FindEach> = Some(together::find_each);

/// Each holds a connection of the pool.
const WRITERS: Option<usize> = None;

/// Connections for writing: the database itself says who waits for whom.
pub(crate) type Writers = Pool<ConnectionManager<Conn>>;

/// Short reads on the threads of the server: there are none, because this database is at least a process away.
pub(crate) enum Views {}

impl Views {
    pub(crate) fn read<T>(
        &self,
        _: impl FnOnce(&mut Conn) -> Result<T, Failed>,
    ) -> Option<Result<T, Failed>> {
        match *self {}
    }

    pub(crate) fn end(&self) {
        match *self {}
    }
}

/// Runs `work` in a transaction that only reads.
fn read<T>(
    conn: &mut Conn,
    whose: Whose,
    work: impl FnOnce(&mut Conn) -> Result<T, Failed>,
) -> Result<T, Failed> {
    // Several statements of one read must see one state: the total and the page belong together.
    run(conn, "ISOLATION LEVEL REPEATABLE READ READ ONLY", whose, work)
}

/// Work that writes waits for the server, on any thread that may.
fn hand_over(_: &Writers, task: Task) -> Option<Task> {
    Some(task)
}

/// Runs `work` in a transaction that writes.
fn write<T>(
    writers: &Writers,
    whose: Whose,
    work: impl FnOnce(&mut Conn) -> Result<T, Failed>,
) -> Result<T, Failed> {
    let mut conn = writers.get().map_err(error::from_pool)?;
    run(&mut conn, "ISOLATION LEVEL READ COMMITTED", whose, work)
}

/// The tenant is set for the transaction only; it is safe because a [`TenantId`] is hexadecimal digits and hyphens. `together`
/// it goes to the server with BEGIN, and otherwise as a statement of its own: that is the one form that reaches every node of
/// a distributed cluster.
fn run<T>(
    conn: &mut Conn,
    kind: &str,
    Whose { tenant, together }: Whose,
    work: impl FnOnce(&mut Conn) -> Result<T, Failed>,
) -> Result<T, Failed> {
    let begin = format!("BEGIN TRANSACTION {kind}");
    let enter = format!("SET LOCAL app.tenant_id = '{tenant}'");
    let begun = if together {
        Transactions::begin_transaction_sql(conn, &format!("{begin}; {enter}"))
    } else {
        Transactions::begin_transaction_sql(conn, &begin)
    };
    begun.inspect_err(|_| {
        // The first of the two may have been done.
        let _ = conn.batch_execute("ROLLBACK");
    })?;
    let entered = if together { Ok(()) } else { conn.batch_execute(&enter).map_err(Failed::from) };
    match entered.and_then(|()| work(conn)) {
        Ok(value) => {
            Transactions::commit_transaction(conn)?;
            Ok(value)
        }
        Err(failure) => match Transactions::rollback_transaction(conn) {
            Ok(()) | Err(DieselError::BrokenTransactionManager) => Err(failure),
            Err(error) => Err(error.into()),
        },
    }
}

pub(crate) fn open(options: &Options) -> Result<Arc<dyn Store>> {
    let duties = role::prepare(&options.url, options.migrate)?;
    let pool = |size: u32| {
        let settings = Settings {
            set_role: duties.set_role,
            statement_timeout: options.statement_timeout,
            lock_timeout: options.lock_timeout,
            statement_cache: options.statement_cache,
        };
        Pool::builder()
            .max_size(size)
            .min_idle(Some(1))
            .connection_timeout(options.pool_timeout)
            .max_lifetime(Some(Duration::from_secs(30 * 60)))
            // A connection that died is noticed by its first statement and the transaction runs again on another
            // one; asking first would cost every request a round trip.
            .test_on_check_out(false)
            .connection_customizer(Box::new(settings))
            .build(ConnectionManager::new(with_deadlines(&options.url)))
            .map_err(error::from_pool)
    };
    let common = pool(options.pool_size)?;
    Ok(Arc::new(Repo {
        readers: common.clone(),
        desk: pool(crate::DESK)?,
        at_once: None,
        is_one_server: !duties.is_distributed,
        writers: common,
        catalogs: Catalogs::default(),
    }))
}

pub(crate) fn migrate(url: &str) -> Result<Vec<String>> {
    role::migrate(url)
}

/// A server that is gone without a word must be noticed within a request's time: what the URL does not say itself.
fn with_deadlines(url: &str) -> String {
    const DEADLINES: [(&str, &str); 5] = [
        ("connect_timeout", "3"),
        ("tcp_user_timeout", "8000"),
        ("keepalives_idle", "5"),
        ("keepalives_interval", "3"),
        ("keepalives_count", "3"),
    ];
    let mut url = url.to_owned();
    for (name, value) in DEADLINES {
        if !url.contains(&format!("{name}=")) {
            url.push(if url.contains('?') { '&' } else { '?' });
            url.push_str(&format!("{name}={value}"));
        }
    }
    url
}

/// What every connection is told once.
#[derive(Debug)]
struct Settings {
    set_role: bool,
    statement_timeout: Duration,
    lock_timeout: Duration,
    statement_cache: bool,
}

impl CustomizeConnection<Conn, diesel::r2d2::Error> for Settings {
    fn on_acquire(&self, conn: &mut Conn) -> Result<(), diesel::r2d2::Error> {
        if !self.statement_cache {
            conn.set_prepared_statement_cache_size(CacheSize::Disabled);
        }
        let role = if self.set_role { format!("SET ROLE {};", role::SERVER) } else { String::new() };
        let (statement, lock) = (self.statement_timeout.as_millis(), self.lock_timeout.as_millis());
        conn.batch_execute(&format!(
            // A client may take half a minute over a piece of a long reply, which is read in one transaction.
            // A commit is acknowledged when it is flushed, whatever the server's default says.
            "{role} DO $$ BEGIN IF current_setting('synchronous_commit') = 'off' THEN \
                PERFORM set_config('synchronous_commit', 'on', false); END IF; END $$; \
             SET statement_timeout = {statement}; SET lock_timeout = {lock}; \
             SET idle_in_transaction_session_timeout = 35000; SET application_name = 'rollcall'"
        ))
        .map_err(diesel::r2d2::Error::QueryError)
    }
}
