//! Bringing a database to the version this program knows.

use std::collections::BTreeSet;

use diesel::backend::Backend;
use diesel::migration::{Migration, MigrationSource};
use diesel_migrations::{EmbeddedMigrations, MigrationHarness};
use domain::{Error, Result};

/// Applies what is missing and returns the versions; refuses a database that knows more than this program.
pub(crate) fn run<C, DB>(conn: &mut C, migrations: &EmbeddedMigrations) -> Result<Vec<String>>
where
    DB: Backend,
    C: MigrationHarness<DB>,
    EmbeddedMigrations: MigrationSource<DB>,
{
    let missing = missing(conn, migrations)?;
    let applied = conn.run_migrations(&missing).map_err(Error::unavailable)?;
    Ok(applied.iter().map(ToString::to_string).collect())
}

/// Whether the database is older than this program; [`Error::Conflict`] when it is newer.
pub(crate) fn is_older<C, DB>(conn: &mut C, migrations: &EmbeddedMigrations) -> Result<bool>
where
    DB: Backend,
    C: MigrationHarness<DB>,
    EmbeddedMigrations: MigrationSource<DB>,
{
    Ok(!missing(conn, migrations)?.is_empty())
}

fn missing<C, DB>(conn: &mut C, migrations: &EmbeddedMigrations) -> Result<Vec<Box<dyn Migration<DB>>>>
where
    DB: Backend,
    C: MigrationHarness<DB>,
    EmbeddedMigrations: MigrationSource<DB>,
{
    let version = |migration: &dyn Migration<DB>| migration.name().version().to_string();
    let mut known = MigrationSource::<DB>::migrations(migrations).map_err(Error::internal)?;
    let names: BTreeSet<String> = known.iter().map(|migration| version(migration)).collect();
    let applied = conn.applied_migrations().map_err(Error::unavailable)?;
    let applied: BTreeSet<String> = applied.iter().map(ToString::to_string).collect();
    if let Some(newer) = applied.difference(&names).next() {
        return Err(Error::Conflict(format!(
            "the database has been migrated to {newer} by a newer version of this program"
        )));
    }
    known.retain(|migration| !applied.contains(&version(migration)));
    known.sort_by_key(|migration| version(migration));
    Ok(known)
}
