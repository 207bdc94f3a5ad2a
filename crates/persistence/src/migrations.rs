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
    let missing = missing(applied(conn)?, migrations)?;
    let failed = |cause| Error::Conflict(format!("the database could not be migrated: {cause}"));
    let applied = conn.run_migrations(&missing).map_err(failed)?;
    Ok(applied.iter().map(ToString::to_string).collect())
}

/// Whether the database, which has these versions, is older than this program; [`Error::Conflict`] when it is newer.
pub(crate) fn is_older<DB>(applied: Vec<String>, migrations: &EmbeddedMigrations) -> Result<bool>
where
    DB: Backend,
    EmbeddedMigrations: MigrationSource<DB>,
{
    Ok(!missing::<DB>(applied, migrations)?.is_empty())
}

/// The versions the database has. Makes the table that holds them where there is none.
pub(crate) fn applied<C, DB>(conn: &mut C) -> Result<Vec<String>>
where
    DB: Backend,
    C: MigrationHarness<DB>,
{
    let failed = |cause| Error::Conflict(format!("the versions of the database cannot be read: {cause}"));
    let applied = conn.applied_migrations().map_err(failed)?;
    Ok(applied.iter().map(ToString::to_string).collect())
}

fn missing<DB>(applied: Vec<String>, migrations: &EmbeddedMigrations) -> Result<Vec<Box<dyn Migration<DB>>>>
where
    DB: Backend,
    EmbeddedMigrations: MigrationSource<DB>,
{
    let version = |migration: &dyn Migration<DB>| migration.name().version().to_string();
    let mut known = MigrationSource::<DB>::migrations(migrations).map_err(Error::internal)?;
    let names: BTreeSet<String> = known.iter().map(|migration| version(migration)).collect();
    if let Some(newer) = applied.iter().find(|&applied| !names.contains(applied)) {
        return Err(Error::Conflict(format!(
            "the database has been migrated to {newer} by a newer version of this program"
        )));
    }
    known.retain(|migration| !applied.contains(&version(migration)));
    known.sort_by_key(|migration| version(migration));
    Ok(known)
}
