//! SQLite: what differs from PostgreSQL.

// The same files as in `pg.rs`, compiled for another database.
mod batch;
mod checkpoints;
#[path = "shared/mod.rs"]
#[allow(clippy::duplicate_mod, reason = "one query layer, compiled for each database")]
mod shared;
mod tasks;
mod views;
mod words;
mod writers;

use std::fs::OpenOptions;
use std::os::unix::fs::OpenOptionsExt;
use std::path::Path;
use std::sync::Arc;
use std::thread;
use std::time::{Duration, Instant};

use diesel::connection::SimpleConnection;
use diesel::prelude::*;
use diesel::query_builder::AstPass;
use diesel::r2d2::{ConnectionManager, CustomizeConnection};
use diesel::sql_query;
use diesel::sql_types::{BigInt, Integer, Text};
use diesel_migrations::{EmbeddedMigrations, embed_migrations};
use domain::id::TenantId;
use domain::store::{Store, Task};
use domain::tenant::TenantState;
use domain::{Error, Result};
use r2d2::Pool;

use crate::Options;
use crate::error::{self, Failed, from_connect, from_diesel};
use crate::migrations;
use crate::schema::tenants;
use crate::types::{Id, Spoken, Uid};
use shared::{Catalogs, FindEach, Repo, Whose};
use views::Commits;
use words::{Begin, end_read};
use writers::Writers;

pub(crate) use views::Views;

pub(crate) type Conn = diesel::SqliteConnection;
pub(crate) type Db = diesel::sqlite::Sqlite;

const MIGRATIONS: EmbeddedMigrations = embed_migrations!("../../migrations/sqlite");

/// A writing transaction has the database to itself.
const FOR_UPDATE: &str = "";
const FOR_NO_KEY_UPDATE: &str = "";
const FOR_KEY_SHARE: &str = "";
const TEXT_POSITION: &str = "instr";
/// Rows and values of one statement: those of another number would be another statement, to be prepared anew.
const BATCH: usize = 1;
/// Around a query of ids, and around a value: SQLite plans as the words stand there.
const FOUND_IN: (&str, &str) = (" IN (", ")");
const NOT_JOINED: &str = "";
const HIDDEN: (&str, &str) = ("", "");
/// As it is built here (`SQLITE_ENABLE_QPSG`), it plans by the words alone.
const PLANS_BY_VALUES: bool = false;
/// The database is part of the process: there is no way to save.
const FIND_EACH: Option<FindEach> = None;
const EXPLAIN: &str = "EXPLAIN QUERY PLAN ";
type ExplainRow = (Integer, Integer, Integer, Text);

fn explain_text((_, _, _, detail): (i32, i32, i32, String)) -> String {
    detail
}

/// There is nobody to whom a statement would have to say whose it is.
const ENTERED: &str = "TRUE";
const LEAVE: &str = "";

fn enter(_: &mut AstPass<'_, '_, Db>, _tenant: &Spoken) -> QueryResult<()> {
    Ok(())
}

/// A column of ids as text.
fn id_text(column: &str) -> String {
    let hex = format!("lower(hex({column}))");
    let part = |from: usize, chars: usize| format!("substr({hex}, {from}, {chars})");
    let parts = [part(1, 8), part(9, 4), part(13, 4), part(17, 4), part(21, 12)];
    format!("({})", parts.join(" || '-' || "))
}

/// Removes about `room` rows of the audit log and the change feed of a deleted tenant, or else old rows from before the
/// beginning of its audit log: what the function of this name does on PostgreSQL.
fn remove_records(conn: &mut Conn, tenant: TenantId, room: i64) -> Result<i64, Failed> {
    // The writers wait meanwhile, so each statement reads what it removes and no more.
    const OF_DELETED: [&str; 3] = [
        "DELETE FROM changes WHERE tenant_id = ?1 AND seq IN \
            (SELECT seq FROM changes WHERE tenant_id = ?1 ORDER BY seq LIMIT ?2)",
        "DELETE FROM audit_log WHERE tenant_id = ?1 AND (at, id) IN \
            (SELECT at, id FROM audit_log WHERE tenant_id = ?1 ORDER BY at, id LIMIT ?2)",
        "DELETE FROM audit_bases WHERE tenant_id = ?1 AND seq IN \
            (SELECT seq FROM audit_bases WHERE tenant_id = ?1 ORDER BY seq LIMIT ?2)",
    ];
    const BEFORE_BASE: [&str; 2] = [
        "DELETE FROM audit_log WHERE tenant_id = ?1 AND (at, id) IN \
            (SELECT at, id FROM audit_log WHERE tenant_id = ?1 \
                AND seq <= (SELECT max(seq) FROM audit_bases WHERE tenant_id = ?1) \
                AND at < strftime('%Y-%m-%dT%H:%M:%fZ', 'now', '-30 days') \
             ORDER BY seq LIMIT ?2)",
        // From before there was a chain.
        "DELETE FROM audit_log WHERE tenant_id = ?1 AND seq IS NULL AND (at, id) IN \
            (SELECT at, id FROM audit_log WHERE tenant_id = ?1 AND seq IS NULL \
                AND 0 <= (SELECT max(seq) FROM audit_bases WHERE tenant_id = ?1) \
                AND at < strftime('%Y-%m-%dT%H:%M:%fZ', 'now', '-30 days') LIMIT ?2)",
    ];
    let state = tenants::table.filter(tenants::id.eq(Id(tenant.0))).select(tenants::state);
    let state: Option<String> = state.get_result(conn).optional()?;
    let statements: &[&str] =
        if state.as_deref() == Some(TenantState::Deleted.name()) { &OF_DELETED } else { &BEFORE_BASE };
    let mut gone = 0;
    for statement in statements {
        let statement = sql_query(*statement).bind::<Uid, _>(Id(tenant.0)).bind::<BigInt, _>(room - gone);
        gone += i64::try_from(statement.execute(conn)?).unwrap_or(i64::MAX);
    }
    Ok(gone)
}

/// Runs `work` in a transaction that only reads. It has nothing to lose, so it need not be remembered as Diesel does it; its
/// two statements are prepared once. Whoever panics in it takes the connection with him.
fn read<T>(
    conn: &mut Conn,
    _whose: Whose,
    work: impl FnOnce(&mut Conn) -> Result<T, Failed>,
) -> Result<T, Failed> {
    Begin.execute(conn)?;
    let done = work(conn);
    let ended = end_read(conn);
    let value = done?;
    ended?;
    Ok(value)
}

/// Enough that a flush is worth it, and few enough that the last one's turn comes in time, also behind changes of large groups.
const WRITERS: Option<usize> = Some(24);

/// Runs `work` in a transaction that writes.
fn write<T>(
    writers: &Writers,
    _whose: Whose,
    work: impl FnOnce(&mut Conn) -> Result<T, Failed>,
) -> Result<T, Failed> {
    writers.run(work)
}

/// Takes work that will write.
fn hand_over(writers: &Writers, task: Task) -> Option<Task> {
    writers.give(task);
    None
}

pub(crate) fn open(path: &str, options: &Options) -> Result<Arc<dyn Store>> {
    let mut conn = connect(path)?;
    if options.migrate {
        migrate_with(&mut conn)?;
    } else if migrations::is_older::<Db>(migrations::applied(&mut conn)?, &MIGRATIONS)? {
        return Err(Error::Conflict(
            "the database is older than this program: run `rollcall migrate`".into(),
        ));
    }
    let pool = |size: u32, idle: u32, pragmas: Pragmas| {
        Pool::builder()
            .max_size(size)
            .min_idle(Some(idle))
            .connection_timeout(options.pool_timeout)
            // A connection to a file does not age.
            .max_lifetime(None)
            .idle_timeout(None)
            .test_on_check_out(false)
            .connection_customizer(Box::new(pragmas))
            .build(ConnectionManager::new(path))
            .map_err(error::from_pool)
    };
    let commits = Commits::default();
    let at_once = |threads| Ok(Views::new(pool(threads, threads, AT_ONCE)?, commits.clone()));
    Ok(Arc::new(Repo {
        readers: pool(options.pool_size, 1, PATIENT)?,
        desk: pool(crate::DESK, 1, PATIENT)?,
        at_once: (options.at_once > 0).then(|| at_once(options.at_once)).transpose()?,
        is_one_server: true,
        writers: Writers::open(path, options.pool_timeout, commits.clone())?,
        catalogs: Catalogs::default(),
    }))
}

pub(crate) fn migrate(path: &str) -> Result<Vec<String>> {
    migrate_with(&mut connect(path)?)
}

/// Other processes wait for the lock of the transaction. Each migration is a savepoint inside it.
fn migrate_with(conn: &mut Conn) -> Result<Vec<String>> {
    conn.batch_execute("PRAGMA busy_timeout = 60000").map_err(from_diesel)?;
    conn.immediate_transaction(|conn| Ok(migrations::run(conn, &MIGRATIONS)?)).map_err(|Failed(error)| error)
}

fn connect(path: &str) -> Result<Conn> {
    // Personal data: the file is made for its owner alone, and SQLite gives its companions the same rights.
    let file = Path::new(path);
    if !file.exists() {
        OpenOptions::new().create(true).append(true).mode(0o600).open(file).map_err(|cause| {
            log::error!("{path}: {cause}");
            Error::Conflict(format!("the database file {path} cannot be made: {cause}"))
        })?;
    }
    let mut conn = Conn::establish(path).map_err(from_connect)?;
    PATIENT.tell(&mut conn).map_err(from_diesel)?;
    log_ahead(&mut conn).map_err(from_diesel)?;
    Ok(conn)
}

/// Gives the file its write-ahead log, which it then has for good. Of several that do so at the same moment one is let
/// through, and SQLite refuses the others without the wait that they asked for: each may stand in the other's way.
fn log_ahead(conn: &mut Conn) -> QueryResult<()> {
    let end = Instant::now() + PATIENT.patience;
    loop {
        match conn.batch_execute("PRAGMA journal_mode = WAL") {
            Err(error) if error::is_passing(&error) && Instant::now() < end => {
                thread::sleep(Duration::from_millis(1));
            }
            done => return done,
        }
    }
}

/// What every connection is told once, and what differs.
#[derive(Debug)]
struct Pragmas {
    /// How long it waits for another process.
    patience: Duration,
    /// KiB of the file that it remembers.
    cache: u32,
}

const PATIENT: Pragmas = Pragmas { patience: Duration::from_secs(5), cache: 4 << 10 };
/// There are few, and most requests are theirs.
const AT_ONCE: Pragmas = Pragmas { patience: Duration::ZERO, cache: 16 << 10 };

impl CustomizeConnection<Conn, diesel::r2d2::Error> for Pragmas {
    fn on_acquire(&self, conn: &mut Conn) -> Result<(), diesel::r2d2::Error> {
        self.tell(conn).map_err(diesel::r2d2::Error::QueryError)
    }
}

impl Pragmas {
    /// `FULL`: a commit that has been acknowledged has been flushed. The log is cut by [`checkpoints`]; a commit that finds it
    /// at 32,000 pages all the same does it itself. The time-out speaks to other processes only: the
    /// writers of this one queue for the one connection that writes.
    fn tell(&self, conn: &mut Conn) -> QueryResult<()> {
        let Self { patience, cache } = self;
        conn.batch_execute(&format!("PRAGMA busy_timeout = {}", patience.as_millis()))?;
        conn.batch_execute(&format!(
            "PRAGMA synchronous = FULL; PRAGMA foreign_keys = ON; PRAGMA trusted_schema = OFF; \
             PRAGMA wal_autocheckpoint = 32000; \
             PRAGMA journal_size_limit = 134217728; PRAGMA cache_size = -{cache}"
        ))
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Barrier;

    use super::*;

    /// `.cargo/config.toml` says so, and what does not read it builds another SQLite.
    #[test]
    fn sqlite_plans_by_the_words_alone() {
        let mut conn = Conn::establish(":memory:").unwrap();
        let used = diesel::dsl::sql::<Integer>("SELECT sqlite_compileoption_used('ENABLE_QPSG')");
        assert_eq!(used.get_result::<i32>(&mut conn).unwrap(), 1);
    }

    #[test]
    fn several_may_make_the_database_at_the_same_moment() {
        const AT_ONCE: usize = 4;
        for _ in 0..50 {
            let folder = std::env::temp_dir().join(format!("rollcall-lite-{}", uuid::Uuid::now_v7()));
            std::fs::create_dir(&folder).unwrap();
            let path = folder.join("new.db");
            let (path, start) = (path.to_str().unwrap(), Barrier::new(AT_ONCE));
            let connected = || {
                start.wait();
                connect(path).map(drop)
            };
            let all: Vec<Result<()>> = thread::scope(|scope| {
                let threads: Vec<_> = (0..AT_ONCE).map(|_| scope.spawn(connected)).collect();
                threads.into_iter().map(|thread| thread.join().unwrap()).collect()
            });
            assert!(all.iter().all(Result::is_ok), "{all:?}");
            std::fs::remove_dir_all(&folder).unwrap();
        }
    }
}
