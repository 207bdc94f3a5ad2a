//! A database per test, and a look into it that bypasses the API (`db_`).

use std::path::{Path, PathBuf};
use std::sync::OnceLock;
use std::sync::atomic::{AtomicU32, Ordering};

use diesel::prelude::*;
use diesel::sql_types::{BigInt, Nullable, Text};
use diesel::{PgConnection, SqliteConnection, sql_query};
use serde_json::Value;

use super::backend::Backend;
use super::{canary, postgres, program};

/// A tenant of the template with a token that may do everything.
#[derive(Clone, Debug)]
pub(crate) struct Tenant {
    pub(crate) id: String,
    pub(crate) slug: &'static str,
    pub(crate) token: String,
}

/// The slugs of the two tenants that every test finds.
pub(crate) const TENANTS: [&str; 2] = ["acme", "globex"];

/// Columns that are written some seconds after a request, whatever came of it: how a token was last used.
const BEHIND_REQUESTS: [&str; 4] =
    ["last_used_at", "last_used_address", "last_used_agent", "previous_used_at"];

/// A database of its own for one test; gone when the test ends.
pub(crate) struct TestDb {
    pub(crate) backend: Backend,
    pub(crate) url: String,
    /// An empty folder of the test; on SQLite the database lies in it.
    pub(crate) folder: PathBuf,
    name: String,
    tenants: Vec<Tenant>,
}

#[derive(QueryableByName)]
struct Number {
    #[diesel(sql_type = BigInt)]
    value: i64,
}

#[derive(QueryableByName)]
struct Line {
    #[diesel(sql_type = Nullable<Text>)]
    value: Option<String>,
}

impl TestDb {
    /// A database with nothing in it.
    pub(crate) fn empty(backend: Backend) -> Self {
        let db = Self::unmade(backend);
        if backend == Backend::Postgres {
            admin(&format!("CREATE DATABASE {}", db.name));
        }
        db
    }

    /// A migrated database with the two tenants and a token for each.
    pub(crate) fn ready(backend: Backend) -> Self {
        let template = template(backend);
        let mut db = Self::unmade(backend);
        match backend {
            Backend::Sqlite => {
                std::fs::write(db.sqlite_file(), &template.file).expect("the folder of the test is writable");
            }
            Backend::Postgres => admin(&format!("CREATE DATABASE {} TEMPLATE {}", db.name, template.name)),
        }
        db.tenants.clone_from(&template.tenants);
        db
    }

    fn unmade(backend: Backend) -> Self {
        static NEXT: AtomicU32 = AtomicU32::new(0);
        let name = format!("t{}_{}", std::process::id(), NEXT.fetch_add(1, Ordering::Relaxed));
        let folder = std::env::temp_dir().join(format!("rollcall-{name}"));
        std::fs::create_dir_all(&folder).expect("the folder for temporary files is writable");
        let url = match backend {
            Backend::Sqlite => format!("sqlite://{}", folder.join("test.db").display()),
            Backend::Postgres => postgres::url_of(&name),
        };
        Self { backend, url, folder, name, tenants: Vec::new() }
    }

    /// The tenants of the template, in the order of [`TENANTS`].
    pub(crate) fn tenants(&self) -> &[Tenant] {
        &self.tenants
    }

    /// The name of the database on PostgreSQL.
    pub(crate) fn name(&self) -> &str {
        &self.name
    }

    /// Runs the program on this database; it has to succeed.
    pub(crate) fn cli(&self, arguments: &[&str]) -> String {
        let mut all = arguments.to_vec();
        all.extend(["--database-url", &self.url]);
        program::stdout_of(&self.folder, &all)
    }

    /// The same for a command that prints JSON.
    pub(crate) fn cli_json(&self, arguments: &[&str]) -> Value {
        let mut all = arguments.to_vec();
        all.push("--json");
        let text = self.cli(&all);
        serde_json::from_str(&text)
            .unwrap_or_else(|error| panic!("{arguments:?} printed no JSON ({error}): {text}"))
    }

    pub(crate) fn sqlite_file(&self) -> PathBuf {
        self.folder.join("test.db")
    }

    /// The one number that `sql` selects as `value`.
    pub(crate) fn db_number(&self, sql: &str) -> i64 {
        let result = match self.backend {
            Backend::Sqlite => sql_query(sql).get_result::<Number>(&mut self.db_sqlite()),
            Backend::Postgres => sql_query(sql).get_result::<Number>(&mut self.db_postgres()),
        };
        result.unwrap_or_else(|error| panic!("{sql}: {error}")).value
    }

    /// Rows of `table` for which `condition` holds.
    pub(crate) fn db_count(&self, table: &str, condition: &str) -> i64 {
        self.db_number(&format!("SELECT count(*) AS value FROM {table} WHERE {condition}"))
    }

    /// The texts that `sql` selects as `value`.
    pub(crate) fn db_texts(&self, sql: &str) -> Vec<String> {
        let result = match self.backend {
            Backend::Sqlite => sql_query(sql).load::<Line>(&mut self.db_sqlite()),
            Backend::Postgres => sql_query(sql).load::<Line>(&mut self.db_postgres()),
        };
        let lines = result.unwrap_or_else(|error| panic!("{sql}: {error}"));
        lines.into_iter().map(|line| line.value.unwrap_or_default()).collect()
    }

    /// Runs statements.
    pub(crate) fn db_execute(&self, sql: &str) {
        use diesel::connection::SimpleConnection;
        let result = match self.backend {
            Backend::Sqlite => self.db_sqlite().batch_execute(sql),
            Backend::Postgres => self.db_postgres().batch_execute(sql),
        };
        result.unwrap_or_else(|error| panic!("{sql}: {error}"));
    }

    /// A connection to the SQLite file.
    pub(crate) fn db_sqlite(&self) -> SqliteConnection {
        use diesel::connection::SimpleConnection;
        let file = self.sqlite_file();
        let mut connection =
            SqliteConnection::establish(&file.to_string_lossy()).expect("the database opens");
        connection.batch_execute("PRAGMA busy_timeout = 5000").expect("a pragma is no work");
        connection
    }

    /// A superuser's connection to the PostgreSQL database.
    pub(crate) fn db_postgres(&self) -> PgConnection {
        PgConnection::establish(&self.url).expect("the database takes connections")
    }

    /// An id as a literal of this database.
    pub(crate) fn literal(&self, id: &str) -> String {
        match self.backend {
            Backend::Sqlite => format!("x'{}'", id.replace('-', "")),
            Backend::Postgres => format!("'{id}'::uuid"),
        }
    }

    /// Everything the tenant tables hold but for [`BEHIND_REQUESTS`] and the log of requests, which is written beside them, a
    /// moment later; table by table, in a stable order: two equal texts mean that nothing has changed.
    pub(crate) fn db_dump(&self) -> Vec<String> {
        let mut tables = self.db_tenant_tables();
        tables.retain(|table| table != "requests");
        assert!(!tables.is_empty(), "there are tables with tenant_id");
        let mut dump = Vec::new();
        for table in tables {
            let sql = match self.backend {
                Backend::Sqlite => {
                    let columns = self.db_texts(&format!(
                        "SELECT name AS value FROM pragma_table_info('{table}') WHERE name NOT IN ('{}')",
                        BEHIND_REQUESTS.join("', '")
                    ));
                    let all: Vec<String> = columns.iter().map(|name| format!("quote({name})")).collect();
                    format!("SELECT {} AS value FROM {table}", all.join(" || ',' || "))
                }
                Backend::Postgres => format!(
                    "SELECT (to_jsonb(r) - '{{{}}}'::text[])::text AS value FROM {table} r",
                    BEHIND_REQUESTS.join(",")
                ),
            };
            let mut rows = self.db_texts(&sql);
            rows.sort();
            dump.extend(rows.into_iter().map(|row| format!("{table}: {row}")));
        }
        dump
    }

    /// Asserts that the tenant tables hold what they held when `before` was taken.
    #[track_caller]
    pub(crate) fn db_assert_unchanged(&self, before: &[String]) {
        let after = self.db_dump();
        let missing: Vec<_> = before.iter().filter(|row| !after.contains(row)).collect();
        let new: Vec<_> = after.iter().filter(|row| !before.contains(row)).collect();
        assert!(
            missing.is_empty() && new.is_empty() && before.len() == after.len(),
            "the database has changed:\nrows that are gone: {missing:#?}\nnew rows: {new:#?}"
        );
    }

    /// The tables that have a `tenant_id`.
    pub(crate) fn db_tenant_tables(&self) -> Vec<String> {
        self.db_texts(match self.backend {
            Backend::Sqlite => {
                "SELECT m.name AS value FROM sqlite_master m JOIN pragma_table_info(m.name) c \
                 WHERE m.type = 'table' AND c.name = 'tenant_id' ORDER BY 1"
            }
            Backend::Postgres => {
                "SELECT c.table_name::text AS value FROM information_schema.columns c \
                 JOIN information_schema.tables t USING (table_schema, table_name) \
                 WHERE c.column_name = 'tenant_id' AND t.table_type = 'BASE TABLE' \
                   AND c.table_schema = 'public' ORDER BY 1"
            }
        })
    }
}

impl TestDb {
    /// Where a secret is that should be nowhere: in the log of a server, or in the database.
    pub(super) fn leaks(&self) -> Vec<String> {
        let search = canary::Search::new();
        let mut found = Vec::new();
        let mut look = |what: String, bytes: &[u8]| {
            found.extend(search.find(bytes).map(|secret| format!("{what} holds {secret}")));
        };
        for entry in std::fs::read_dir(&self.folder).into_iter().flatten().flatten() {
            let path = entry.path();
            let name = entry.file_name().to_string_lossy().into_owned();
            // On SQLite the file itself and its log of writes: also what has been deleted.
            if name.ends_with(".log") || name.starts_with("test.db") {
                look(name, &std::fs::read(path).unwrap_or_default());
            }
        }
        if self.backend == Backend::Postgres {
            for (table, rows) in self.every_row() {
                look(table, rows.as_bytes());
            }
        }
        found
    }

    /// All tables of the PostgreSQL database as text, over one connection.
    fn every_row(&self) -> Vec<(String, String)> {
        let Ok(mut connection) = PgConnection::establish(&self.url) else { return Vec::new() };
        let mut texts = |sql: &str| -> Vec<String> {
            let lines = sql_query(sql).load::<Line>(&mut connection).unwrap_or_default();
            lines.into_iter().map(|line| line.value.unwrap_or_default()).collect()
        };
        let tables = texts(
            "SELECT relname::text AS value FROM pg_class WHERE relkind = 'r' AND relnamespace = 'public'::regnamespace",
        );
        let rows = |table: String| {
            let rows = texts(&format!("SELECT r::text AS value FROM {table} r")).join("\n");
            (table, rows)
        };
        tables.into_iter().map(rows).collect()
    }
}

impl Drop for TestDb {
    fn drop(&mut self) {
        let leaks = if std::thread::panicking() { Vec::new() } else { self.leaks() };
        if self.backend == Backend::Postgres {
            // A server that outlives the test by a moment must not keep the database.
            let sql = format!("DROP DATABASE IF EXISTS {} WITH (FORCE)", self.name);
            if let Ok(mut connection) = PgConnection::establish(postgres::admin_url()) {
                let _ = sql_query(sql).execute(&mut connection);
            }
        }
        let _ = std::fs::remove_dir_all(&self.folder);
        assert!(leaks.is_empty(), "secrets where they must not be: {leaks:#?}");
    }
}

/// What every database of a test is a copy of.
struct Template {
    /// The database on PostgreSQL.
    name: String,
    /// The whole file on SQLite.
    file: Vec<u8>,
    tenants: Vec<Tenant>,
}

/// Migrated once per run by the program itself.
fn template(backend: Backend) -> &'static Template {
    static SQLITE: OnceLock<Template> = OnceLock::new();
    static POSTGRES: OnceLock<Template> = OnceLock::new();
    let make = || {
        let db = TestDb::empty(backend);
        db.cli(&["migrate"]);
        let tenants = TENANTS.map(|slug| create_tenant(&db, slug)).to_vec();
        // Tests count what they have done themselves: their audit logs begin empty.
        let empty = if backend == Backend::Sqlite { "x''" } else { "''" };
        db.db_execute(&format!(
            "DELETE FROM audit_log; UPDATE tenant_counters SET audit_seq = 0, audit_hash = {empty}"
        ));
        let name = db.name.clone();
        let mut file = Vec::new();
        match backend {
            Backend::Sqlite => {
                // What is in the write-ahead log has to be in the file.
                db.db_execute("PRAGMA wal_checkpoint(truncate)");
                file = std::fs::read(db.sqlite_file()).expect("the template has been migrated");
            }
            Backend::Postgres => {
                if rls_is_off() {
                    disable_rls(&db);
                }
                // It lives as long as the server, which is this run's own.
                let _ = std::fs::remove_dir_all(&db.folder);
                std::mem::forget(db);
            }
        }
        Template { name, file, tenants }
    };
    match backend {
        Backend::Sqlite => SQLITE.get_or_init(make),
        Backend::Postgres => POSTGRES.get_or_init(make),
    }
}

/// Makes a tenant and a token with the command line.
pub(crate) fn create_tenant(db: &TestDb, slug: &'static str) -> Tenant {
    let made = db.cli_json(&["tenant", "create", slug]);
    let id = made["id"].as_str().expect("a new tenant has an id").to_owned();
    Tenant { id, slug, token: create_token(db, slug, &[]) }
}

/// Makes a token with the command line; `options` as on the command line.
pub(crate) fn create_token(db: &TestDb, slug: &str, options: &[&str]) -> String {
    let mut arguments = vec!["token", "create", "--tenant", slug, "--name", "tests"];
    arguments.extend(options);
    let made = db.cli_json(&arguments);
    made["token"].as_str().expect("a new token is shown").to_owned()
}

/// Whether this run proves that the predicate in every query isolates tenants without row-level security.
pub(crate) fn rls_is_off() -> bool {
    std::env::var_os("ROLLCALL_TEST_RLS").is_some_and(|value| value == "off")
}

fn disable_rls(db: &TestDb) {
    for table in db.db_tenant_tables() {
        db.db_execute(&format!(
            "ALTER TABLE {table} DISABLE ROW LEVEL SECURITY; ALTER TABLE {table} NO FORCE ROW LEVEL SECURITY"
        ));
    }
}

/// A statement on the maintenance database.
fn admin(sql: &str) {
    let mut connection =
        PgConnection::establish(postgres::admin_url()).expect("PostgreSQL takes connections");
    sql_query(sql).execute(&mut connection).unwrap_or_else(|error| panic!("{sql}: {error}"));
}

/// Whether two ids are the same, with or without hyphens.
pub(crate) fn same_id(one: &str, other: &str) -> bool {
    one.replace('-', "").eq_ignore_ascii_case(&other.replace('-', ""))
}

/// The folder of the project.
pub(crate) fn project() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR")).parent().expect("the tests are a folder of the project")
}
