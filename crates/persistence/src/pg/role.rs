//! The role the server works under. Row-level security does not bind superusers and would not bind the owner of
//! the tables without `force`; the server is neither, whoever it signed in as.

use diesel::connection::SimpleConnection;
use diesel::prelude::*;
use diesel::result::Error as DieselError;
use diesel::sql_types::{Bool, Text};
use domain::{Error, Result};

use super::{Conn, Db, MIGRATIONS};
use crate::error::{from_connect, from_diesel};
use crate::migrations;

/// Name of the role.
pub(super) const SERVER: &str = "rollcall_server";

/// One process migrates a database at a time; any number will do that nobody else uses.
const MIGRATION_LOCK: i64 = 0x726f_6c6c_6361_6c6c;

/// What the connections of the server have to do.
pub(super) struct Duties {
    /// Step down from the role they signed in as.
    pub(super) set_role: bool,
    /// Other servers hold the rows: what a statement says of whose it is does not reach them, only what a transaction says.
    pub(super) is_distributed: bool,
}

#[derive(QueryableByName)]
struct SignedInAs {
    /// May create tables here: the owner.
    #[diesel(sql_type = Bool)]
    may_migrate: bool,
    /// Row-level security would not bind it, or it could switch it off.
    #[diesel(sql_type = Bool)]
    too_mighty: bool,
    /// Citus is there.
    #[diesel(sql_type = Bool)]
    is_distributed: bool,
    #[diesel(sql_type = Text)]
    name: String,
}

/// Migrates if that is wanted and allowed, and refuses to go on under a role that row-level security does not bind.
pub(super) fn prepare(url: &str, may_migrate: bool) -> Result<Duties> {
    let mut conn = connect(url)?;
    let role = signed_in_as(&mut conn)?;
    if may_migrate && role.may_migrate {
        migrate_with(&mut conn)?;
    } else if migrations::is_older::<Db>(applied(&mut conn)?, &MIGRATIONS)? {
        return Err(Error::Conflict(format!(
            "the database is older than this program and the role {} may not change it: run `rollcall migrate` \
             as the owner of the tables",
            role.name
        )));
    }
    if role.too_mighty {
        conn.batch_execute(&format!("SET ROLE {SERVER}")).map_err(|cause| {
            log::error!("SET ROLE {SERVER} failed: {cause}");
            Error::Conflict(format!(
                "the role {} is not bound by row-level security and may not become {SERVER}",
                role.name
            ))
        })?;
        if signed_in_as(&mut conn)?.too_mighty {
            return Err(Error::Conflict(format!(
                "the role {SERVER} must not own tables or bypass row-level security"
            )));
        }
    }
    Ok(Duties { set_role: role.too_mighty, is_distributed: role.is_distributed })
}

/// Migrates as the owner and sets up the server's role. Returns the versions applied.
pub(super) fn migrate(url: &str) -> Result<Vec<String>> {
    migrate_with(&mut connect(url)?)
}

fn migrate_with(conn: &mut Conn) -> Result<Vec<String>> {
    diesel::sql_query(format!("SELECT pg_advisory_lock({MIGRATION_LOCK})"))
        .execute(conn)
        .map_err(from_diesel)?;
    let applied = migrations::run(conn, &MIGRATIONS).and_then(|applied| {
        match conn.batch_execute(include_str!("role.sql")) {
            Ok(()) => Ok(applied),
            Err(cause) => Err(Error::Conflict(format!("the role {SERVER} could not be set up: {cause}"))),
        }
    });
    diesel::sql_query(format!("SELECT pg_advisory_unlock({MIGRATION_LOCK})"))
        .execute(conn)
        .map_err(from_diesel)?;
    applied
}

#[derive(QueryableByName)]
struct Applied {
    #[diesel(sql_type = Text)]
    version: String,
}

/// The versions the database has, asked without the right to make tables.
fn applied(conn: &mut Conn) -> Result<Vec<String>> {
    let table = diesel::sql_query("SELECT version::text AS version FROM __diesel_schema_migrations");
    match table.load::<Applied>(conn) {
        Ok(rows) => Ok(rows.into_iter().map(|row| row.version).collect()),
        Err(DieselError::DatabaseError(_, info)) if info.message().contains("does not exist") => {
            Ok(Vec::new())
        }
        Err(error) => Err(from_diesel(error)),
    }
}

fn connect(url: &str) -> Result<Conn> {
    Conn::establish(url).map_err(from_connect)
}

fn signed_in_as(conn: &mut Conn) -> Result<SignedInAs> {
    diesel::sql_query(
        "SELECT current_user::text AS name, \
         EXISTS (SELECT 1 FROM pg_extension WHERE extname = 'citus') AS is_distributed, \
         has_schema_privilege(current_user, current_schema(), 'CREATE') AS may_migrate, \
         rolsuper OR rolbypassrls OR EXISTS (SELECT 1 FROM pg_class \
            WHERE relname IN ('tenants', 'resources') AND relnamespace = current_schema()::regnamespace \
            AND pg_has_role(current_user, relowner, 'MEMBER')) AS too_mighty \
         FROM pg_roles WHERE rolname = current_user",
    )
    .get_result(conn)
    .map_err(from_diesel)
}
