//! The store on SQLite and PostgreSQL: one schema, one query layer, chosen by the URL of the database.
//!
//! The queries in `shared/` are written once and compiled twice, as [`pg`] and as [`lite`], because Diesel's
//! types name the database. What differs is in the two files of these names: connecting, beginning a
//! transaction, locking a row, and the few SQL functions that have two names.
//!
//! A transaction begins and ends here. It is bound to one tenant, and only inside it there are queries: every
//! one of them carries the tenant's id (the first wall), and on PostgreSQL row-level security is forced on every
//! tenant table for the role the server works under (the second wall).

mod error;
mod lite;
mod migrations;
mod pg;
mod rows;
mod schema;
mod types;

use std::sync::Arc;
use std::time::Duration;

use domain::store::Store;
use domain::{Error, Result};

/// How to reach a database.
#[derive(Clone)]
pub struct Options {
    /// `sqlite://PATH` or a libpq URL (`postgres://…`, several hosts too).
    pub url: String,
    /// Connections at most (PostgreSQL), readers beside the one writer (SQLite).
    pub pool_size: u32,
    /// Threads that call [`Store::read_at_once`]; each finds a connection there. Of use on SQLite only.
    pub at_once: u32,
    /// How long a request waits for a connection, and on SQLite for its turn to write.
    pub pool_timeout: Duration,
    /// PostgreSQL cancels a statement after this.
    pub statement_timeout: Duration,
    /// PostgreSQL gives up waiting for a lock after this.
    pub lock_timeout: Duration,
    /// Off behind a pooler that mixes up prepared statements (PgBouncer before 1.21).
    pub statement_cache: bool,
    /// Whether an empty or older database is migrated first.
    pub migrate: bool,
}

/// Opens the store. Refuses a database that is newer than this program, and one that is older unless
/// [`Options::migrate`] is set and the role may migrate it.
pub fn open(options: Options) -> Result<Arc<dyn Store>> {
    match Location::parse(&options.url)? {
        Location::Sqlite(path) => lite::open(path, &options),
        Location::Postgres => pg::open(&options),
    }
}

/// Migrates a database and returns the versions that were applied. On PostgreSQL this is done as the owner of the
/// tables; it also sets up the role the server works under.
pub fn migrate(url: &str) -> Result<Vec<String>> {
    match Location::parse(url)? {
        Location::Sqlite(path) => lite::migrate(path),
        Location::Postgres => pg::migrate(url),
    }
}

/// Connections that are kept for tokens and signs of life, beside [`Options::pool_size`].
const DESK: u32 = 2;

enum Location<'a> {
    Sqlite(&'a str),
    Postgres,
}

impl<'a> Location<'a> {
    fn parse(url: &'a str) -> Result<Self> {
        if let Some(path) = url.strip_prefix("sqlite://").filter(|path| !path.is_empty()) {
            return Ok(Self::Sqlite(path));
        }
        if url.starts_with("postgres://") || url.starts_with("postgresql://") {
            return Ok(Self::Postgres);
        }
        Err(Error::InvalidValue("the database URL must start with sqlite:// or postgres://".into()))
    }
}
