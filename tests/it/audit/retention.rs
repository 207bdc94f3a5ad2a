//! The end of old audit rows: only from the old end, only those that are old enough, and the rest stays a chain.

use std::sync::Arc;
use std::time::Duration;

use chrono::{DateTime, TimeDelta, Utc};
use diesel::prelude::*;
use diesel::sql_query;
use domain::service::platform;
use domain::store::{Actor, Origin, Store};
use persistence::Options;
use serde_json::{Value, json};

use super::{MISSING, columns, verify};
use crate::support::app::TestApp;
use crate::support::backend::{Backend, both};
use crate::support::db::TestDb;
use crate::support::program::{self, Server};
use crate::support::records::eventually;
use crate::support::users::user;

both!(old_rows_go_and_the_rest_is_a_chain, a_beginning_that_was_moved_is_found, many_old_rows_go_in_steps);

fn open(db: &TestDb) -> Arc<dyn Store> {
    persistence::open(Options {
        url: db.url.clone(),
        pool_size: 2,
        at_once: 0,
        pool_timeout: Duration::from_secs(10),
        statement_timeout: Duration::from_secs(10),
        lock_timeout: Duration::from_secs(10),
        statement_cache: true,
        migrate: false,
    })
    .unwrap()
}

/// Leaves a row of `acme` for each of these numbers of days ago.
fn write_days_ago(db: &TestDb, days: &[i64]) {
    let (store, now) = (open(db), now(db));
    let origin = Origin { actor: Actor::Operator, request: "test".into(), address: "localhost".into() };
    for days in days {
        let name = format!("{days} {}", uuid::Uuid::now_v7());
        let at = now - TimeDelta::days(*days) - TimeDelta::hours(1);
        let id = &db.tenants()[0].id;
        platform::update(store.platform(), id, Some(&name), None, &origin, at).unwrap();
    }
}

/// The time of the database, which has a clock of its own.
fn now(db: &TestDb) -> DateTime<Utc> {
    let sql = match db.backend {
        Backend::Sqlite => "SELECT CAST(strftime('%s', 'now') AS INTEGER) AS value",
        Backend::Postgres => "SELECT extract(epoch FROM now())::bigint AS value",
    };
    DateTime::from_timestamp(db.db_number(sql), 0).unwrap()
}

fn keep_days(db: &TestDb, days: &str) {
    db.cli(&["tenant", "set", "acme", &format!("auditRetentionDays={days}")]);
}

fn rows(db: &TestDb) -> i64 {
    db.db_count("audit_log", &format!("tenant_id = {}", db.literal(&db.tenants()[0].id)))
}

fn old_rows_go_and_the_rest_is_a_chain(backend: Backend) {
    let db = TestDb::ready(backend);
    // The fourth came late: its place says that it stays with what it stands behind.
    write_days_ago(&db, &[100, 60, 45, 20, 40, 10]);
    let before = db.db_dump();
    let server = Server::start(&db.folder, &db.url);
    std::thread::sleep(Duration::from_secs(1));
    drop(server);
    db.db_assert_unchanged(&before);
    for wrong in ["29", "0", "x"] {
        let setting = format!("auditRetentionDays={wrong}");
        let arguments = ["tenant", "set", "acme", &setting, "--database-url", &db.url];
        assert_eq!(program::run(&db.folder, &arguments).status.code(), Some(1), "{wrong}");
    }
    let kept = db.cli(&["audit", "verify", "--tenant", "acme"]);
    let kept = kept.rsplit_once("ends with ").unwrap().1.trim().to_owned();
    keep_days(&db, "30");
    let server = Server::start(&db.folder, &db.url);
    // Three of six, the setting, and the row that says so.
    eventually("the old rows are gone", || (rows(&db) == 5).then_some(()));
    drop(server);
    let (printed, status, stderr) = verify(&db, "acme");
    assert_eq!((status, stderr.as_str()), (Some(0), ""), "{printed}");
    assert_eq!((&printed["good"], &printed["base"]["seq"]), (&json!(5), &json!(3)), "{printed}");
    assert_eq!(printed["head"]["seq"], 8);
    let hash = printed["base"]["hash"].as_str().unwrap();
    let listed = db.cli(&["audit", "list", "--tenant", "acme", "--action", "audit_log_trimmed", "--json"]);
    let row: Value = serde_json::from_str(&listed).unwrap();
    assert_eq!((&row["detail"], &row["actor"]["kind"]), (&json!(format!("3:{hash}")), &json!("operator")));
    // A head that was kept is still part of the chain.
    db.cli(&["audit", "verify", "--tenant", "acme", "--head", &kept]);
    // Nothing more goes while nothing more is old.
    let before = db.db_dump();
    let server = Server::start(&db.folder, &db.url);
    std::thread::sleep(Duration::from_secs(1));
    drop(server);
    db.db_assert_unchanged(&before);
    // And what is written later stands in the same chain.
    let app = TestApp { server: Server::start(&db.folder, &db.url), db };
    app.rfc().create(&user("mia"));
    let (printed, status, _) = verify(&app.db, "acme");
    assert_eq!((status, &printed["good"]), (Some(0), &json!(6)), "{printed}");
    let told = app.db.cli(&["audit", "verify", "--tenant", "acme"]);
    assert!(told.contains("the rows up to 3 were removed when they were old enough"), "{told}");
}

fn a_beginning_that_was_moved_is_found(backend: Backend) {
    let db = TestDb::ready(backend);
    write_days_ago(&db, &[100, 60, 20, 10]);
    keep_days(&db, "30");
    drop({
        let server = Server::start(&db.folder, &db.url);
        eventually("the old rows are gone", || (rows(&db) == 4).then_some(()));
        server
    });
    let acme = db.literal(&db.tenants()[0].id);
    let columns = columns(&db).join(", ");
    db.db_execute("CREATE TABLE kept_log AS SELECT * FROM audit_log");
    let put_back = || {
        db.db_execute(&format!(
            "DELETE FROM audit_log WHERE tenant_id = {acme}; INSERT INTO audit_log ({columns}) SELECT {columns} FROM kept_log WHERE tenant_id = {acme}; \
             DELETE FROM audit_bases WHERE seq > 2"
        ));
        assert_eq!(verify(&db, "acme").1, Some(0));
    };
    let broken = |seq: i64, fault: &str, what: &str| {
        let (printed, status, _) = verify(&db, "acme");
        assert_eq!(status, Some(1), "{what}: {printed}");
        assert_eq!(
            (&printed["flaw"]["seq"], &printed["flaw"]["fault"]),
            (&json!(seq), &json!(fault)),
            "{what}"
        );
    };
    // Whoever owns the database removes one row more and moves the beginning behind it.
    db.db_execute(&format!(
        "INSERT INTO audit_bases (tenant_id, seq, hash, at) SELECT tenant_id, seq, hash, at FROM audit_log WHERE tenant_id = {acme} AND seq = 3; \
         DELETE FROM audit_log WHERE tenant_id = {acme} AND seq = 3"
    ));
    broken(3, "is not one that the log says it begins behind", "moved");
    put_back();
    db.db_execute(&format!("DELETE FROM audit_log WHERE tenant_id = {acme} AND seq = 3"));
    broken(3, MISSING, "the first row");
    put_back();
    db.db_execute(&format!("UPDATE audit_log SET address = 'x' WHERE tenant_id = {acme} AND seq = 3"));
    broken(3, "is not what was written", "the first row, edited");
    put_back();
    db.db_execute(&format!("DELETE FROM audit_bases WHERE tenant_id = {acme}"));
    broken(1, MISSING, "no beginning");
}

fn many_old_rows_go_in_steps(backend: Backend) {
    let db = TestDb::ready(backend);
    write_days_ago(&db, &[40; 1_203]);
    keep_days(&db, "30");
    let server = Server::start(&db.folder, &db.url);
    let other = Server::start(&db.folder, &db.url);
    eventually("the old rows are gone", || (rows(&db) == 2).then_some(()));
    drop((server, other));
    let (printed, status, stderr) = verify(&db, "acme");
    assert_eq!((status, &printed["base"]["seq"]), (Some(0), &json!(1_203)), "{printed} {stderr}");
}

#[test]
fn the_server_removes_nothing_else() {
    let db = TestDb::ready(Backend::Postgres);
    write_days_ago(&db, &[100, 60, 20, 10]);
    let acme = &db.tenants()[0].id;
    let mut connection = db.db_postgres();
    let mut run = |sql: String| sql_query(sql).execute(&mut connection);
    run("SET ROLE rollcall_server".into()).unwrap();
    run(format!("SET app.tenant_id = '{acme}'")).unwrap();
    let base = |seq: i64| format!("INSERT INTO audit_bases VALUES ('{acme}', {seq}, '\\x00', now())");
    let left = |run: &mut dyn FnMut(String) -> QueryResult<usize>| {
        run("SELECT remove_records(1000)".into()).unwrap();
        run("SELECT 1 FROM audit_log".into()).unwrap()
    };
    assert_eq!(left(&mut run), 4, "there is no beginning");
    run(base(1)).unwrap();
    assert_eq!(left(&mut run), 3, "what stands before the beginning");
    run(base(1_000)).unwrap();
    assert_eq!(left(&mut run), 2, "and nothing that is younger than a month, whatever the server says");
    // The beginning only moves forward.
    for statement in [
        "UPDATE audit_bases SET seq = 0",
        "TRUNCATE audit_bases",
        "DELETE FROM audit_bases",
        "DELETE FROM audit_log",
    ] {
        let message = run(statement.into()).expect_err(statement).to_string();
        assert!(message.contains("permission denied"), "{statement}: {message}");
    }
    let other = format!("INSERT INTO audit_bases VALUES ('{}', 7, '\\x00', now())", db.tenants()[1].id);
    assert!(run(other).expect_err("another tenant").to_string().contains("row-level security"));
}
