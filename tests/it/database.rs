//! The database itself: what its catalogue has to say about tenants, roles and migrations.

use std::path::{Path, PathBuf};

use diesel::prelude::*;
use diesel::{PgConnection, sql_query};
use serde_json::json;

use crate::schemas;
use crate::support::admins;
use crate::support::app::TestApp;
use crate::support::backend::{Backend, both};
use crate::support::db::{self, TestDb, project};
use crate::support::http::user_path;
use crate::support::program::{self, Server};
use crate::support::records;
use crate::support::users::{full_user, user, with};

both!(
    the_tenant_comes_first,
    migrations_go_down_and_up,
    several_processes_migrate_once,
    a_newer_database_is_refused,
    every_table_holds_what_it_should,
);

/// Bookkeeping of the migrations and what belongs to no tenant.
const GLOBAL: [&str; 5] =
    ["__diesel_schema_migrations", "credential_changes", "platform_tokens", "signing_keys", "tenants"];
/// The role the server works under.
const SERVER_ROLE: &str = "rollcall_server";

fn tables(db: &TestDb) -> Vec<String> {
    db.db_texts(match db.backend {
        Backend::Sqlite => {
            "SELECT name AS value FROM sqlite_master WHERE type = 'table' AND name NOT LIKE 'sqlite_%' ORDER BY 1"
        }
        Backend::Postgres => {
            "SELECT relname::text AS value FROM pg_class WHERE relkind IN ('r', 'p') \
             AND relnamespace = 'public'::regnamespace ORDER BY 1"
        }
    })
}

/// Columns of each key of a table, joined by commas.
struct Keys {
    primary: Vec<String>,
    unique: Vec<String>,
    /// `from columns -> table(to columns)`.
    foreign: Vec<String>,
}

fn keys(db: &TestDb, table: &str) -> Keys {
    let texts = |sql: String| db.db_texts(&sql);
    match db.backend {
        Backend::Sqlite => {
            let columns = "(SELECT group_concat(name) FROM (SELECT name FROM pragma_index_info(i.name) ORDER BY seqno))";
            Keys {
                primary: texts(format!(
                    "SELECT group_concat(name) AS value FROM (SELECT name FROM pragma_table_info('{table}') WHERE pk > 0 ORDER BY pk)"
                )),
                unique: texts(format!(
                    "SELECT {columns} AS value FROM pragma_index_list('{table}') i WHERE i.\"unique\" = 1"
                )),
                foreign: texts(format!(
                    "SELECT group_concat(\"from\") || ' -> ' || \"table\" || '(' || coalesce(group_concat(\"to\"), 'id') || ')' AS value \
                     FROM (SELECT * FROM pragma_foreign_key_list('{table}') ORDER BY id, seq) GROUP BY id, \"table\""
                )),
            }
        }
        Backend::Postgres => {
            let columns = |relation: &str, numbers: &str| {
                format!(
                    "(SELECT string_agg(a.attname, ',' ORDER BY k.n) FROM unnest({numbers}) WITH ORDINALITY k(attnum, n) \
                     JOIN pg_attribute a ON a.attrelid = {relation} AND a.attnum = k.attnum)"
                )
            };
            let index = |condition: &str| {
                format!(
                    "SELECT {} AS value FROM pg_index i WHERE i.indrelid = '{table}'::regclass AND {condition}",
                    columns("i.indrelid", "i.indkey::int2[]")
                )
            };
            Keys {
                primary: texts(index("i.indisprimary")),
                unique: texts(index("i.indisunique")),
                foreign: texts(format!(
                    "SELECT {} || ' -> ' || c.confrelid::regclass || '(' || {} || ')' AS value FROM pg_constraint c \
                     WHERE c.contype = 'f' AND c.conrelid = '{table}'::regclass",
                    columns("c.conrelid", "c.conkey"),
                    columns("c.confrelid", "c.confkey")
                )),
            }
        }
    }
}

fn the_tenant_comes_first(backend: Backend) {
    let db = TestDb::ready(backend);
    let tenant_tables = db.db_tenant_tables();
    assert!(tenant_tables.len() > 5, "{tenant_tables:?}");
    for table in tables(&db) {
        let keys = keys(&db, &table);
        assert_eq!(keys.primary.len(), 1, "{table} has one primary key");
        if GLOBAL.contains(&table.as_str()) {
            continue;
        }
        assert!(tenant_tables.contains(&table), "{table} belongs to no tenant: is it meant to be global?");
        let first = db.db_texts(&match backend {
            Backend::Sqlite => format!(
                "SELECT name || ' ' || lower(type) || ' ' || \"notnull\" AS value FROM pragma_table_info('{table}') WHERE cid = 0"
            ),
            Backend::Postgres => format!(
                "SELECT column_name || ' ' || udt_name || ' ' || (is_nullable = 'NO')::int AS value \
                 FROM information_schema.columns WHERE table_name = '{table}' AND ordinal_position = 1"
            ),
        });
        let kind = if backend == Backend::Sqlite { "blob" } else { "uuid" };
        assert_eq!(first, [format!("tenant_id {kind} 1")], "the first column of {table}");
        for key in keys.primary.iter().chain(&keys.unique) {
            assert!(key.starts_with("tenant_id"), "{table}: the key ({key}) does not begin with the tenant");
        }
        for key in &keys.foreign {
            let to_tenants = key == "tenant_id -> tenants(id)";
            let inside = key.starts_with("tenant_id,") && key.contains("(tenant_id,");
            assert!(to_tenants || inside, "{table}: {key} could point at a row of another tenant");
        }
        assert!(!keys.foreign.is_empty(), "{table} is tied to no tenant");
    }
}

#[test]
fn the_catalogue_holds_what_a_cluster_needs() {
    let db = TestDb::ready(Backend::Postgres);
    let empty = |what: &str, sql: &str| {
        let found = db.db_texts(sql);
        assert!(found.is_empty(), "{what}: {found:?}");
    };
    let ours = "n.nspname = 'public'";
    empty("triggers", "SELECT tgname::text AS value FROM pg_trigger WHERE NOT tgisinternal");
    empty(
        "rules",
        &format!(
            "SELECT r.rulename::text AS value FROM pg_rewrite r JOIN pg_class c ON c.oid = r.ev_class JOIN pg_namespace n ON n.oid = c.relnamespace WHERE {ours}"
        ),
    );
    empty(
        "views",
        "SELECT table_name::text AS value FROM information_schema.views WHERE table_schema = 'public'",
    );
    empty(
        "sequences",
        "SELECT sequence_name::text AS value FROM information_schema.sequences WHERE sequence_schema = 'public'",
    );
    empty(
        "identity columns",
        "SELECT column_name::text AS value FROM information_schema.columns WHERE table_schema = 'public' AND (is_identity = 'YES' OR column_default LIKE 'nextval%')",
    );
    empty(
        "functions that run as their owner, but the one whose search path is fixed and that nobody else may call",
        &format!(
            "SELECT p.proname::text AS value FROM pg_proc p JOIN pg_namespace n ON n.oid = p.pronamespace \
             WHERE {ours} AND p.prosecdef AND (p.proname <> 'remove_records' \
             OR p.proconfig IS DISTINCT FROM ARRAY['search_path=public, pg_temp'] \
             OR EXISTS (SELECT FROM aclexplode(p.proacl) WHERE grantee = 0))"
        ),
    );
    empty(
        "names beyond 45 characters",
        &format!(
            "SELECT c.relname::text AS value FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace \
             WHERE {ours} AND length(c.relname) > 45 \
             UNION SELECT c.conname::text FROM pg_constraint c JOIN pg_namespace n ON n.oid = c.connamespace \
             WHERE {ours} AND length(c.conname) > 45"
        ),
    );
    empty(
        "constraint names given twice",
        &format!(
            "SELECT c.conname::text AS value FROM pg_constraint c JOIN pg_namespace n ON n.oid = c.connamespace \
             WHERE {ours} AND c.contype <> 'n' GROUP BY 1 HAVING count(*) > 1"
        ),
    );
    empty(
        "tables without a comment",
        &format!(
            "SELECT c.relname::text AS value FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace \
             WHERE {ours} AND c.relkind IN ('r', 'p') AND c.relname <> '__diesel_schema_migrations' \
             AND obj_description(c.oid, 'pg_class') IS NULL"
        ),
    );
    // Two databases have to sort alike: by bytes.
    empty(
        "keys whose order depends on a locale",
        "SELECT table_name || '.' || column_name AS value FROM information_schema.columns WHERE table_schema = 'public' \
         AND data_type = 'text' AND column_name IN ('name_key', 'external_id', 'key', 'full_key', 'path') AND collation_name IS DISTINCT FROM 'C'",
    );
}

#[test]
fn row_level_security_binds_the_server() {
    let app = schemas::with_example(Backend::Postgres);
    schemas::create(&app.rfc(), &with(schemas::least("x"), json!({"number": "1"})));
    app.rfc().create(&full_user("mia"));
    app.rfc().post("/Groups", &json!({"displayName": "Ops", "members": ["mia@example.com"]})).expect(201);
    app.rfc().delete(&user_path(&app.rfc().create(&user("kai")))).expect(204);
    admins::fill(&app, app.acme());
    records::fill(&app, app.acme());
    let db = &app.db;
    let empty = |what: &str, sql: &str| {
        let found = db.db_texts(sql);
        assert!(found.is_empty(), "{what}: {found:?}");
    };
    let tenant_tables = "(SELECT attrelid FROM pg_attribute WHERE attname = 'tenant_id' AND NOT attisdropped) t \
        JOIN pg_class c ON c.oid = t.attrelid AND c.relkind IN ('r', 'p') AND c.relnamespace = 'public'::regnamespace";
    empty(
        "tables without enabled and forced row-level security",
        &format!(
            "SELECT c.relname::text AS value FROM {tenant_tables} WHERE NOT (c.relrowsecurity AND c.relforcerowsecurity)"
        ),
    );
    empty(
        "tables without exactly one policy that binds reading and writing",
        &format!(
            "SELECT c.relname::text AS value FROM {tenant_tables} WHERE (SELECT count(*) FROM pg_policies p \
             WHERE p.schemaname = 'public' AND p.tablename = c.relname AND p.permissive = 'PERMISSIVE' AND p.cmd = 'ALL' \
             AND p.qual LIKE '%app.tenant_id%' AND p.with_check LIKE '%app.tenant_id%') <> 1 \
             OR (SELECT count(*) FROM pg_policies p WHERE p.schemaname = 'public' AND p.tablename = c.relname \
                 AND p.permissive = 'PERMISSIVE') <> 1"
        ),
    );
    let role = format!("FROM pg_roles WHERE rolname = '{SERVER_ROLE}'");
    assert_eq!(
        db.db_number(&format!("SELECT count(*) AS value {role}")),
        1,
        "the product sets up {SERVER_ROLE}"
    );
    empty(
        "rights of the server's role beyond its work",
        &format!(
            "SELECT rolname::text AS value {role} AND (rolsuper OR rolbypassrls OR rolcreaterole OR rolcreatedb)"
        ),
    );
    empty(
        "roles the server's role is a member of",
        &format!(
            "SELECT m.roleid::regrole::text AS value FROM pg_auth_members m WHERE m.member = '{SERVER_ROLE}'::regrole"
        ),
    );
    empty(
        "tables the server's role owns",
        &format!("SELECT relname::text AS value FROM pg_class WHERE relowner = '{SERVER_ROLE}'::regrole"),
    );
    empty(
        "grants beyond reading and writing rows",
        &format!(
            "SELECT table_name || ' ' || privilege_type AS value FROM information_schema.role_table_grants \
             WHERE grantee IN ('{SERVER_ROLE}', 'PUBLIC') AND table_schema = 'public' \
             AND privilege_type NOT IN ('SELECT', 'INSERT', 'UPDATE', 'DELETE')"
        ),
    );
    empty(
        "grants to change what has been recorded",
        &format!(
            "SELECT table_name || ' ' || privilege_type AS value FROM information_schema.role_table_grants \
             WHERE grantee = '{SERVER_ROLE}' AND table_name IN ('audit_log', 'changes') \
             AND privilege_type NOT IN ('SELECT', 'INSERT')"
        ),
    );

    // The same as seen by that role.
    let mut connection = db.db_postgres();
    let mut run = |sql: String| sql_query(sql).execute(&mut connection);
    run(format!("SET ROLE {SERVER_ROLE}")).unwrap();
    for table in db.db_tenant_tables() {
        assert_eq!(run(format!("SELECT 1 FROM {table}")), Ok(0), "{table} shows rows without a tenant");
        run(format!("SET app.tenant_id = '{}'", app.acme().id)).unwrap();
        let mine = run(format!("SELECT 1 FROM {table}")).unwrap();
        assert!(mine > 0, "{table} shows no row of its tenant");
        run(format!("SET app.tenant_id = '{}'", app.globex().id)).unwrap();
        let foreign =
            run(format!("SELECT 1 FROM {table} WHERE tenant_id <> current_setting('app.tenant_id')::uuid"));
        assert_eq!(foreign, Ok(0), "{table} shows rows of another tenant");
        run("RESET app.tenant_id".into()).unwrap();
    }
    // What has been recorded goes only together with its tenant.
    run(format!("SET app.tenant_id = '{}'", app.acme().id)).unwrap();
    let recorded = run("SELECT 1 FROM audit_log".into()).unwrap();
    run("SELECT remove_records(1000)".into()).unwrap();
    assert_eq!(run("SELECT 1 FROM audit_log".into()), Ok(recorded), "records of a living tenant are gone");
    for table in ["audit_log", "changes"] {
        let message = run(format!("DELETE FROM {table}")).expect_err("records can be deleted").to_string();
        assert!(message.contains("permission denied"), "{message}");
    }
    run(format!("SET app.tenant_id = '{}'", app.globex().id)).unwrap();
    let smuggled = run(format!(
        "INSERT INTO changes SELECT '{}'::uuid, 77, now(), 'created', 'User', '{}'::uuid, 1",
        app.acme().id,
        app.acme().id
    ));
    let message = smuggled.expect_err("a row of another tenant was written").to_string();
    assert!(message.contains("row-level security"), "{message}");
}

#[test]
fn an_owner_without_special_rights_is_enough() {
    let db = TestDb::empty(Backend::Postgres);
    let owner = format!("owner_{}", db.name());
    db.db_execute(&format!(
        "CREATE ROLE {owner} LOGIN CREATEROLE; ALTER DATABASE {} OWNER TO {owner}; ALTER SCHEMA public OWNER TO {owner}",
        db.name()
    ));
    let url = db.url.replacen("//tests@", &format!("//{owner}@"), 1);
    assert_ne!(url, db.url, "the URL names the superuser of the tests");
    // The role of the server belongs to the cluster and was made by whoever came first; an owner who came later has
    // been made its member by an administrator.
    if db.db_number(&format!("SELECT count(*) AS value FROM pg_roles WHERE rolname = '{SERVER_ROLE}'")) == 1 {
        db.db_execute(&format!("GRANT {SERVER_ROLE} TO {owner} WITH ADMIN OPTION"));
    }
    program::stdout_of(&db.folder, &["migrate", "--database-url", &url]);
    let id = program::stdout_of(&db.folder, &["tenant", "create", "acme", "--database-url", &url]);
    let token = program::stdout_of(
        &db.folder,
        &["token", "create", "--tenant", "acme", "--name", "x", "--database-url", &url],
    );
    let server = Server::start(&db.folder, &url);
    let header = crate::support::http::Carrier::Bearer.header(&token);
    let base = format!("{}{}", server.url, crate::support::http::RFC);
    crate::support::http::Client::new(base, Some(header)).create(&user("mia"));
    assert_eq!(db.db_count("resources", &format!("tenant_id = '{id}'")), 1);
    drop(server);
    let mut connection = PgConnection::establish(crate::support::postgres::admin_url()).unwrap();
    let name = db.name().to_owned();
    drop(db);
    for sql in [format!("DROP DATABASE IF EXISTS {name}"), format!("DROP ROLE {owner}")] {
        sql_query(sql).execute(&mut connection).unwrap();
    }
}

/// The folders of the migrations, in order.
fn migrations(backend: Backend) -> Vec<PathBuf> {
    let name = if backend == Backend::Sqlite { "sqlite" } else { "postgres" };
    let entries = std::fs::read_dir(project().join("migrations").join(name)).unwrap();
    let mut folders: Vec<PathBuf> =
        entries.map(|entry| entry.unwrap().path()).filter(|path| path.is_dir()).collect();
    folders.sort();
    assert!(!folders.is_empty());
    folders
}

fn run_sql(db: &TestDb, file: &Path) {
    let sql = std::fs::read_to_string(file).unwrap_or_else(|error| panic!("{}: {error}", file.display()));
    db.db_execute(&sql);
}

/// The whole schema as text.
fn schema(db: &TestDb) -> Vec<String> {
    match db.backend {
        Backend::Sqlite => {
            db.db_texts("SELECT sql AS value FROM sqlite_master WHERE name NOT LIKE 'sqlite_%' ORDER BY name")
        }
        Backend::Postgres => {
            let mut all = db.db_texts(
                "SELECT concat_ws(' ', table_name, ordinal_position, column_name, udt_name, is_nullable, collation_name, column_default) AS value \
                 FROM information_schema.columns WHERE table_schema = 'public' ORDER BY 1",
            );
            all.extend(db.db_texts(
                "SELECT indexdef::text AS value FROM pg_indexes WHERE schemaname = 'public' ORDER BY 1",
            ));
            all.extend(db.db_texts(
                "SELECT conrelid::regclass || ' ' || conname || ' ' || pg_get_constraintdef(oid) AS value FROM pg_constraint \
                 WHERE connamespace = 'public'::regnamespace ORDER BY 1",
            ));
            all.extend(db.db_texts("SELECT concat_ws(' ', tablename, policyname, cmd, qual, with_check) AS value FROM pg_policies ORDER BY 1"));
            all
        }
    }
}

fn migrations_go_down_and_up(backend: Backend) {
    let db = TestDb::empty(backend);
    let folders = migrations(backend);
    let empty = schema(&db);
    // Each step down gives the schema before the step up.
    let mut before = Vec::new();
    for folder in &folders {
        before.push(schema(&db));
        run_sql(&db, &folder.join("up.sql"));
    }
    let full = schema(&db);
    for (folder, before) in folders.iter().zip(&before).rev() {
        run_sql(&db, &folder.join("down.sql"));
        assert_eq!(
            schema(&db),
            *before,
            "{} does not undo what up.sql does",
            folder.join("down.sql").display()
        );
    }
    assert_eq!(schema(&db), empty);
    for folder in &folders {
        run_sql(&db, &folder.join("up.sql"));
    }
    assert_eq!(schema(&db), full);
}

fn several_processes_migrate_once(backend: Backend) {
    let db = TestDb::empty(backend);
    let servers: Vec<Server> = std::thread::scope(|scope| {
        let threads: Vec<_> = (0..3).map(|_| scope.spawn(|| Server::start(&db.folder, &db.url))).collect();
        threads.into_iter().map(|thread| thread.join().unwrap()).collect()
    });
    assert_eq!(servers.len(), 3, "each of them got ready");
    let applied = db.db_number("SELECT count(*) AS value FROM __diesel_schema_migrations");
    assert_eq!(applied, migrations(backend).len() as i64, "every migration was applied once");
    let printed = db.cli(&["migrate"]);
    assert_eq!(printed, "", "nothing is left to migrate");
}

fn a_newer_database_is_refused(backend: Backend) {
    let db = TestDb::ready(backend);
    db.db_execute("INSERT INTO __diesel_schema_migrations (version) VALUES ('29991231235959')");
    for command in [&["serve", "--listen", "127.0.0.1:0"][..], &["migrate"], &["tenant", "list"]] {
        let mut arguments = command.to_vec();
        arguments.extend(["--database-url", &db.url]);
        let output = program::run(&db.folder, &arguments);
        let stderr = String::from_utf8_lossy(&output.stderr);
        assert_eq!(output.status.code(), Some(1), "{command:?}: {stderr}");
        assert!(stderr.contains("newer"), "{command:?}: {stderr}");
    }
}

fn every_table_holds_what_it_should(backend: Backend) {
    let app = TestApp::start(backend);
    app.rfc().create(&full_user("mia"));
    if backend == Backend::Sqlite {
        let loose = app.db.db_texts(
            "SELECT name AS value FROM pragma_table_list WHERE schema = 'main' AND type = 'table' AND strict = 0 \
             AND name NOT LIKE 'sqlite_%' AND name NOT LIKE '__diesel%'",
        );
        assert!(loose.is_empty(), "tables that take any type: {loose:?}");
        assert_eq!(app.db.db_texts("SELECT journal_mode AS value FROM pragma_journal_mode"), ["wal"]);
        assert_eq!(app.db.db_texts("SELECT integrity_check AS value FROM pragma_integrity_check"), ["ok"]);
        assert_eq!(app.db.db_count("pragma_foreign_key_check", "1 = 1"), 0);
    } else {
        let invalid =
            app.db.db_texts("SELECT conname::text AS value FROM pg_constraint WHERE NOT convalidated");
        assert!(invalid.is_empty(), "{invalid:?}");
    }
    // A child of a resource cannot name a resource of another tenant, whoever writes.
    let (mine, theirs) = (app.db.literal(&app.acme().id), app.db.literal(&app.globex().id));
    let smuggle = format!(
        "INSERT INTO attribute_values (tenant_id, resource_id, path, ordinal, resource_type, key) \
         SELECT {theirs}, id, 'title', 0, 'User', 'sx' FROM resources WHERE tenant_id = {mine}"
    );
    let refused = match backend {
        Backend::Sqlite => {
            let mut connection = app.db.db_sqlite();
            sql_query("PRAGMA foreign_keys = on").execute(&mut connection).unwrap();
            sql_query(&smuggle).execute(&mut connection)
        }
        Backend::Postgres => sql_query(&smuggle).execute(&mut app.db.db_postgres()),
    };
    let message = refused.expect_err("a row points at another tenant's user").to_string().to_lowercase();
    assert!(message.contains("foreign key"), "{message}");
    assert!(db::same_id("AB-cd", "abCD"));
}
