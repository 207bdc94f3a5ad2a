//! What a failure, a log and a process list could tell; and what the program is built of.

use std::collections::BTreeMap;

use serde_json::json;

use crate::support::app::TestApp;
use crate::support::backend::{Backend, both};
use crate::support::db::{TestDb, project};
use crate::support::http::{Client, QA, RFC, Reply};
use crate::support::program;
use crate::support::users::user;

both!(case_138_failures_say_nothing);

/// Words of ours that no client has any use for.
const INSIDES: [&str; 16] = [
    "canary",
    "select ",
    "insert ",
    "update ",
    "sqlite",
    "postgres",
    "diesel",
    "constraint",
    "trigger",
    "panicked",
    "backtrace",
    ".rs:",
    "/work",
    "/root",
    "rollcall_server",
    "0.0.0",
];

#[track_caller]
fn says_nothing(reply: &Reply, statuses: &[u16]) {
    assert!(statuses.contains(&reply.status), "{}: {} {}", reply.what, reply.status, reply.text);
    reply.expect_error(reply.status, None);
    let text = reply.text.to_lowercase();
    for word in INSIDES {
        assert!(!text.contains(word), "{} shows {word}: {}", reply.what, reply.text);
    }
    assert_eq!(reply.header("Server"), None);
    assert!(reply.header("X-Request-Id").is_some());
    assert!(reply.status != 503 || reply.header("Retry-After").is_some(), "{}", reply.what);
}

fn case_138_failures_say_nothing(backend: Backend) {
    let mut app = TestApp::start_with(
        backend,
        &[("ROLLCALL__DATABASE__POOL_TIMEOUT_MS", "300"), ("ROLLCALL__DATABASE__LOCK_TIMEOUT_MS", "300")],
    );
    // A failure inside the database.
    app.db.db_execute(match backend {
        Backend::Sqlite => {
            "CREATE TRIGGER breaks BEFORE INSERT ON resources WHEN new.name LIKE 'break%' \
             BEGIN SELECT RAISE(ABORT, 'canary SELECT secret FROM tokens'); END"
        }
        Backend::Postgres => {
            "CREATE FUNCTION breaks() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN \
             IF new.name LIKE 'break%' THEN RAISE EXCEPTION 'canary SELECT secret FROM tokens'; END IF; RETURN new; END $$; \
             CREATE TRIGGER breaks BEFORE INSERT ON resources FOR EACH ROW EXECUTE FUNCTION breaks()"
        }
    });
    for client in [app.rfc(), app.qa()] {
        says_nothing(&client.post("/Users", &user("breaks")), &[500]);
        says_nothing(&client.post("/Groups", &json!({"displayName": "break"})), &[500]);
    }
    // A table that is not there.
    app.db.db_execute("ALTER TABLE memberships RENAME TO memberships_away");
    says_nothing(&app.rfc().get("/Groups?filter=members%20pr"), &[500, 503]);
    app.db.db_execute("ALTER TABLE memberships_away RENAME TO memberships");
    app.db.db_execute(match backend {
        Backend::Sqlite => "DROP TRIGGER breaks",
        Backend::Postgres => "DROP TRIGGER breaks ON resources",
    });
    // The cause is in the log, beside the id that the client has; the database's own words may name rows and stay away.
    let log = app.server.log_text();
    assert!(log.lines().any(|line| line.contains("ERROR")), "the failures are not in the log");
    assert!(!log.contains(&app.acme().token));
    // Somebody holds what every write needs.
    {
        use diesel::connection::SimpleConnection;
        let (mut sqlite, mut postgres) = (None, None);
        match backend {
            Backend::Sqlite => {
                let mut connection = app.db.db_sqlite();
                connection.batch_execute("BEGIN IMMEDIATE").unwrap();
                sqlite = Some(connection);
            }
            Backend::Postgres => {
                let mut connection = app.db.db_postgres();
                connection
                    .batch_execute("BEGIN; LOCK TABLE tenant_counters IN ACCESS EXCLUSIVE MODE")
                    .unwrap();
                postgres = Some(connection);
            }
        }
        says_nothing(&app.rfc().post("/Users", &user("waits")), &[503]);
        drop((sqlite, postgres));
    }
    if backend == Backend::Postgres {
        // Connections that are cut.
        let cut = format!(
            "SELECT count(pg_terminate_backend(pid)) AS value FROM pg_stat_activity WHERE datname = '{}' AND pid <> pg_backend_pid()",
            app.db.name()
        );
        app.db.db_number(&cut);
        for n in 0..20 {
            let reply = app.rfc().post("/Users", &user(&format!("after{n}")));
            assert!(reply.status == 201 || reply.status == 503, "{}", reply.text);
            if reply.status == 503 {
                says_nothing(&reply, &[503]);
            }
        }
    }
    app.rfc().get("/Users").expect(200);
    assert!(app.server.is_running());
}

#[test]
fn case_140_the_password_of_the_database_is_told_nobody() {
    let db = TestDb::ready(Backend::Postgres);
    // The server of the tests asks for no password, so any one will do.
    let url = db.url.replacen("tests@", "tests:canary-password@", 1);
    assert!(url.contains("canary-password"));
    let mut command = program::command(&db.folder);
    command.args(["serve", "--listen", "127.0.0.1:0"]).env("DATABASE_URL", &url).env("RUST_LOG", "debug");
    let server = program::Server::start_with(&db.folder, command);
    let token = &db.tenants()[0].token;
    for base in [RFC, QA] {
        let header = crate::support::http::Carrier::Bearer.header(token);
        Client::new(format!("{}{base}", server.url), Some(header)).get("/Users").expect(200);
    }
    let shown = format!("{}\n{}", server.log_text(), server.greeting.join("\n"));
    assert!(!shown.contains("canary-password"), "{shown}");
    assert!(!shown.contains(token.as_str()), "the log holds a token");
    drop(server);
    // A command that fails prints one line; the URL with its password is not in it.
    for wrong in [
        url.replacen("127.0.0.1", "127.0.0.254", 1).replacen("localhost", "127.0.0.254", 1),
        url.replacen(db.name(), "no_such_database", 1),
        url.replacen("postgres://", "oracle://", 1),
        format!("{url}?canary-password=1"),
    ] {
        let mut command = program::command(&db.folder);
        let output = command
            .args(["tenant", "list"])
            .env("DATABASE_URL", &wrong)
            .env("RUST_LOG", "debug")
            .output()
            .unwrap();
        let said =
            format!("{}{}", String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr));
        assert!(!said.contains("canary-password"), "{said}");
    }
    let help = program::run(&db.folder, &["--help"]);
    assert!(!String::from_utf8_lossy(&help.stdout).contains("canary-password"));
}

/// A version as numbers.
fn version(text: &str) -> Vec<u64> {
    text.split(['.', '-', '+']).map_while(|part| part.parse().ok()).collect()
}

#[test]
fn case_142_no_crate_is_below_its_floor() {
    let read = |name: &str| std::fs::read_to_string(project().join(name)).unwrap();
    let lock = read("Cargo.lock");
    let mut locked: BTreeMap<&str, Vec<Vec<u64>>> = BTreeMap::new();
    for package in lock.split("[[package]]").skip(1) {
        let field = |name: &str| {
            let line = package.lines().find_map(|line| line.strip_prefix(&format!("{name} = \"")));
            line.and_then(|rest| rest.strip_suffix('"'))
        };
        let (name, at) = (field("name").unwrap(), field("version").unwrap());
        locked.entry(name).or_default().push(version(at));
        let source = field("source");
        assert!(
            source.is_none_or(|source| source == "registry+https://github.com/rust-lang/crates.io-index"),
            "{name} comes from {source:?}"
        );
        assert!(source.is_none() || field("checksum").is_some(), "{name} has no checksum");
    }
    let rules = read("deny.toml");
    let denied = rules.lines().filter_map(|line| line.trim().strip_prefix("{ crate = \"")?.split('"').next());
    let mut floors = 0;
    for rule in denied {
        match rule.split_once(":<") {
            Some((name, floor)) => {
                floors += 1;
                for at in locked.get(name).into_iter().flatten() {
                    assert!(*at >= version(floor), "{name} {at:?} is below {floor}");
                }
            }
            None => assert!(!locked.contains_key(rule), "{rule} is not to be used"),
        }
    }
    assert!(floors >= 6, "the floors are somewhere else");
    for name in ["actix-http", "actix-web", "diesel", "jsonwebtoken", "libsqlite3-sys"] {
        assert!(locked.contains_key(name), "{name} is not locked");
    }
}
