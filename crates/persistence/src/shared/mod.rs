//! The query layer, written once and compiled for each database; `super` is the dialect.

mod accounts;
mod admins;
mod audit;
mod blocks;
mod counts;
mod credentials;
mod filter;
mod guard;
mod index;
mod keyset;
mod list;
mod lists;
mod logs;
pub(crate) mod one;
mod platform;
mod purge;
mod schemas;
pub(crate) mod scope;
mod tenant_tx;
mod tokens;
mod unique;
mod wrap;

use std::collections::hash_map::RandomState;
use std::hash::BuildHasher;
use std::sync::Arc;
use std::time::{Duration, Instant};

use diesel::RunQueryDsl;
use diesel::r2d2::ConnectionManager;
use domain::catalog::Catalog;
use domain::id::TenantId;
use domain::list::ListQuery;
use domain::resource_type::ResourceType;
use domain::store::admins::AdminStore;
use domain::store::log::LogStore;
use domain::store::platform::PlatformStore;
use domain::store::tokens::TokenStore;
use domain::store::{By, LookUp, Store, Task, Work};
use domain::stored::Stored;
use domain::tenant::Tenant;
use domain::token::Found;
use domain::{Error, Result};
use r2d2::Pool;
use uuid::Uuid;

use super::{Conn, Views, Writers, hand_over, read, write};
use crate::error::{self, Failed};

pub(crate) use schemas::Catalogs;
pub(crate) use tenant_tx::Tx;
#[allow(unused_imports, reason = "SQLite has no statement of several texts")]
pub(super) use wrap::{Alone, Cached, Entered, Fixed};

/// What a transaction is for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Mode {
    /// One consistent view, no writes.
    Read,
    /// The same, for a token or a sign of life.
    SignIn,
    /// One statement that is its own transaction.
    Alone,
    /// The same, for a token.
    SignInAlone,
    /// Reads and writes; committed and flushed at the end.
    Write,
}

/// Whose a transaction is.
#[derive(Clone, Copy)]
#[allow(dead_code, reason = "SQLite need not be told")]
pub(crate) struct Whose {
    pub(crate) tenant: TenantId,
    /// Whether the database takes that together with BEGIN.
    pub(crate) together: bool,
}

/// Finds the living resources of look-ups that are all like the first, in their order, by one statement that is a transaction
/// of its own.
pub(crate) type FindEach = fn(&mut Conn, TenantId, &[LookUp]) -> Result<Vec<Option<Stored>>>;

/// A store on one database.
pub(crate) struct Repo {
    /// Connections for reading.
    pub(crate) readers: Pool<ConnectionManager<Conn>>,
    /// Few connections for what every request begins with, so that the slow lists of one tenant do not keep others
    /// from signing in.
    pub(crate) desk: Pool<ConnectionManager<Conn>>,
    /// For reads of a few rows that wait for nobody: only where the database is part of this process.
    pub(crate) at_once: Option<Views>,
    /// Whether one server holds all rows, so that whose a statement is may be said together with it.
    pub(crate) is_one_server: bool,
    /// Those who write, and what they wait for.
    pub(crate) writers: Writers,
    /// What tenants have defined, compiled.
    pub(crate) catalogs: Catalogs,
}

/// A transaction runs again at most so often: after conflicts, and once for every connection of a pool that a
/// restart of the database has left dead.
const ATTEMPTS: u32 = 12;
/// No new attempt after this: the client has its answer soon, one way or the other.
const PATIENCE: Duration = Duration::from_secs(5);

impl Repo {
    /// Runs `work` in a transaction that is bound to the tenant; again when the database asks for it and nothing
    /// can have been committed.
    fn transact<T>(
        &self,
        mode: Mode,
        tenant: TenantId,
        mut work: impl FnMut(&mut Conn) -> Result<T, Failed>,
    ) -> Result<T> {
        let (mut attempt, started) = (1, Instant::now());
        loop {
            let mut committing = false;
            let outcome = match mode {
                Mode::Read => read_on(&self.readers, self.whose(tenant), &mut work),
                Mode::SignIn => read_on(&self.desk, self.whose(tenant), &mut work),
                Mode::Alone => alone_on(&self.readers, &mut work),
                Mode::SignInAlone => alone_on(&self.desk, &mut work),
                Mode::Write => write(&self.writers, self.whose(tenant), |conn| {
                    let value = work(conn)?;
                    committing = true;
                    Ok(value)
                }),
            };
            let outcome = outcome.map_err(|Failed(error)| error);
            match outcome {
                Err(error)
                    if attempt < ATTEMPTS
                        && started.elapsed() < PATIENCE
                        && error::may_run_again(&error, committing) =>
                {
                    log::debug!("a transaction runs again: {error:?}");
                    std::thread::sleep(pause(attempt));
                    attempt += 1;
                }
                outcome => return outcome,
            }
        }
    }
}

fn read_on<T>(
    pool: &Pool<ConnectionManager<Conn>>,
    whose: Whose,
    work: impl FnOnce(&mut Conn) -> Result<T, Failed>,
) -> Result<T, Failed> {
    let mut conn = pool.get().map_err(error::from_pool)?;
    read(&mut conn, whose, work)
}

fn alone_on<T>(
    pool: &Pool<ConnectionManager<Conn>>,
    work: impl FnOnce(&mut Conn) -> Result<T, Failed>,
) -> Result<T, Failed> {
    work(&mut *pool.get().map_err(error::from_pool)?)
}

/// Opponents in a conflict must not meet again in step, so every pause differs; randomness needs no crate here.
fn pause(attempt: u32) -> Duration {
    let random = RandomState::new().hash_one(attempt) % 1_000;
    Duration::from_micros(u64::from(attempt) * (500 + random))
}

impl Store for Repo {
    fn read_in(&self, tenant: TenantId, work: Work<'_>) -> Result<()> {
        self.transact(Mode::Read, tenant, |conn| Ok(work(&mut Tx::new(conn, tenant))?))
    }

    fn read_at_once(&self, tenant: TenantId, work: Work<'_>) -> Result<()> {
        self.at_once(|conn| Ok(work(&mut Tx::new(conn, tenant))?))
    }

    fn end_reads_at_once(&self) {
        if let Some(views) = &self.at_once {
            views.end();
        }
    }

    fn find_alone(
        &self,
        tenant: TenantId,
        resource_type: &ResourceType,
        by: By<'_>,
        at_once: bool,
    ) -> Result<Option<Stored>> {
        let alone = |conn: &mut Conn| Ok(one::alone(conn, tenant, &resource_type.name, by)?);
        if at_once {
            self.at_once(alone)
        } else if self.is_one_server {
            self.transact(Mode::Alone, tenant, alone)
        } else {
            self.transact(Mode::Read, tenant, |conn| Ok(one::find(conn, tenant, &resource_type.name, by)?))
        }
    }

    fn finds_together(&self) -> bool {
        self.find_each_at_once().is_some()
    }

    fn find_each(&self, tenant: TenantId, look_ups: &[LookUp]) -> Result<Vec<Option<Stored>>> {
        if let Some(find_each) = self.find_each_at_once() {
            return self.transact(Mode::Alone, tenant, |conn| Ok(find_each(conn, tenant, look_ups)?));
        }
        self.transact(Mode::Read, tenant, |conn| {
            let find = |look_up: &LookUp| one::find(conn, tenant, &look_up.resource_type, look_up.by());
            Ok(look_ups.iter().map(find).collect::<Result<_>>()?)
        })
    }

    fn writers(&self) -> Option<usize> {
        super::WRITERS
    }

    fn hand_over(&self, task: Task) -> Option<Task> {
        hand_over(&self.writers, task)
    }

    fn reads_at_once(&self) -> bool {
        self.at_once.is_some()
    }

    fn write_in(&self, tenant: TenantId, work: Work<'_>) -> Result<()> {
        self.change_tenant(tenant, |tx| Ok(work(tx)?))
    }

    fn ping(&self) -> Result<()> {
        self.ping_database()
    }

    fn platform(&self) -> &dyn PlatformStore {
        self
    }

    fn tokens(&self) -> &dyn TokenStore {
        self
    }

    fn log(&self) -> &dyn LogStore {
        self
    }

    fn admins(&self) -> &dyn AdminStore {
        self
    }

    fn tenant_named(&self, slug: &str) -> Result<Option<Tenant>> {
        let Some(tenant) = self.outside(|conn| tokens::tenant_named(conn, slug))? else { return Ok(None) };
        let catalog = self.catalog(tenant.id)?;
        Ok(Some(Tenant { catalog, ..tenant }))
    }

    fn find_token(&self, tenant: TenantId, digest: &[u8; 32]) -> Result<Option<Found>> {
        let found = if self.is_one_server {
            self.transact(Mode::SignInAlone, tenant, |conn| tokens::find_alone(conn, tenant, digest))
        } else {
            self.transact(Mode::SignIn, tenant, |conn| tokens::find(conn, tenant, digest))
        };
        let Some(tokens::Match { tenant, revision, token, is_previous }) = found? else { return Ok(None) };
        let catalog = self.catalogs.known(tenant.id, revision);
        let catalog = catalog.map_or_else(|| self.catalog(tenant.id), Ok)?;
        Ok(Some(Found { tenant: Tenant { catalog, ..tenant }, token, is_previous }))
    }

    fn credential_changes(&self) -> Result<Option<i64>> {
        self.counted_credential_changes()
    }

    fn explain(
        &self,
        tenant: TenantId,
        resource_type: &ResourceType,
        query: &ListQuery,
    ) -> Result<Vec<String>> {
        self.transact(Mode::Read, tenant, |conn| list::explain(conn, tenant, resource_type, query))
    }
}

impl Repo {
    fn find_each_at_once(&self) -> Option<FindEach> {
        super::FIND_EACH.filter(|_| self.is_one_server)
    }

    fn whose(&self, tenant: TenantId) -> Whose {
        Whose { tenant, together: self.is_one_server }
    }

    /// The catalog of the definitions that are in force.
    fn catalog(&self, tenant: TenantId) -> Result<Arc<Catalog>> {
        self.transact(Mode::SignIn, tenant, |conn| {
            let revision = schemas::revision(conn, tenant)?;
            self.catalogs.get(conn, tenant, revision)
        })
    }

    /// A change in a tenant, which ends with what it leaves in the log and the counters.
    fn change_tenant<T>(
        &self,
        tenant: TenantId,
        mut work: impl FnMut(&mut Tx<'_>) -> Result<T, Failed>,
    ) -> Result<T> {
        let mut refused = None;
        let outcome = self.transact(Mode::Write, tenant, |conn| {
            let mut tx = Tx::new(conn, tenant);
            let done = work(&mut tx).and_then(|value| {
                tx.store_records()?;
                tx.store_holders()?;
                if tx.changes_credentials {
                    self.count_credential_change(tx.conn)?;
                }
                Ok(value)
            });
            refused = tx.refused.take();
            done
        });
        if let Some(departure) = refused {
            let held = self.transact(Mode::Write, tenant, |conn| {
                let mut tx = Tx::new(conn, tenant);
                tx.hold(&departure)?;
                Ok(tx.store_records()?)
            });
            // The next one is refused as this one was, and tries again.
            held.unwrap_or_else(|error| log::error!("a token could not be held: {error:?}"));
        }
        outcome
    }

    /// Reads in a transaction, without waiting for anything.
    fn at_once<T>(&self, work: impl FnOnce(&mut Conn) -> Result<T, Failed>) -> Result<T> {
        let done = self.at_once.as_ref().and_then(|views| views.read(work)).ok_or(Error::WouldWait)?;
        done.map_err(|Failed(error)| match error {
            // Somebody repairs the file after a crash, say.
            Error::Unavailable(_) => Error::WouldWait,
            error => error,
        })
    }

    /// A query on global tables, outside any tenant.
    fn outside<T>(&self, query: impl Fn(&mut Conn) -> Result<T, Failed>) -> Result<T> {
        self.transact(Mode::SignIn, Self::nobody(), |conn| query(conn))
    }

    /// Who has no row in any tenant table.
    fn nobody() -> TenantId {
        TenantId(Uuid::nil())
    }

    fn ping_database(&self) -> Result<()> {
        self.outside(|conn| {
            diesel::select(diesel::dsl::sql::<diesel::sql_types::Integer>("1")).execute(conn)?;
            Ok(())
        })
    }
}
