//! The audit log: the chain that finds what was changed behind its back, what operators leave in it, and its lists.

mod read;
mod retention;

use std::time::{Duration, Instant};

use diesel::prelude::*;
use diesel::sql_query;
use serde_json::{Value, json};

use crate::support::app::TestApp;
use crate::support::backend::{Backend, both};
use crate::support::db::TestDb;
use crate::support::effort::size;
use crate::support::http::{id_of, user_path};
use crate::support::program;
use crate::support::users::user;

both!(
    case_134_what_cannot_be_recorded_is_not_done,
    case_135_a_row_that_was_edited,
    case_135_rows_that_were_taken_away_or_swapped,
    case_135_a_head_that_was_changed,
    rows_of_older_programs_stay_outside,
    writers_and_operators_share_a_chain,
    many_rows_are_verified_in_time,
    what_operators_do_is_recorded,
    the_log_is_listed,
);

/// What `audit verify` prints of a tenant, its exit status and the line on stderr.
fn verify(db: &TestDb, slug: &str) -> (Value, Option<i32>, String) {
    let arguments = ["audit", "verify", "--tenant", slug, "--json", "--database-url", &db.url];
    let output = program::run(&db.folder, &arguments);
    let printed = serde_json::from_slice(&output.stdout).unwrap_or(Value::Null);
    (printed, output.status.code(), String::from_utf8_lossy(&output.stderr).into_owned())
}

#[track_caller]
fn assert_whole(db: &TestDb, slug: &str, rows: i64) {
    let (printed, status, stderr) = verify(db, slug);
    assert_eq!((status, stderr.as_str()), (Some(0), ""), "{printed}");
    let found = (&printed["good"], &printed["head"]["seq"], &printed["flaw"]);
    assert_eq!(found, (&json!(rows), &json!(rows), &Value::Null), "{printed}");
}

/// The row `seq` is named, every row before it is good.
#[track_caller]
fn assert_broken(db: &TestDb, seq: i64, fault: &str, what: &str) {
    let (printed, status, stderr) = verify(db, "acme");
    assert_eq!(status, Some(1), "{what}: {printed}");
    let flaw = &printed["flaw"];
    assert_eq!((&flaw["seq"], &flaw["fault"]), (&json!(seq), &json!(fault)), "{what}: {printed}");
    let missing = fault == "is missing";
    assert_eq!(flaw["id"].is_null(), missing, "{what}: {printed}");
    assert_eq!(flaw["at"].is_null(), missing, "{what}: {printed}");
    assert!(stderr.contains(&format!("row {seq}")) && stderr.contains(fault), "{what}: {stderr}");
    if let Some(id) = flaw["id"].as_str() {
        assert!(stderr.contains(id), "{what}: the row is named on stderr: {stderr}");
    }
}

/// The columns of the log.
fn columns(db: &TestDb) -> Vec<String> {
    db.db_texts(match db.backend {
        Backend::Sqlite => "SELECT name AS value FROM pragma_table_info('audit_log')",
        Backend::Postgres => {
            "SELECT column_name::text AS value FROM information_schema.columns WHERE table_name = 'audit_log'"
        }
    })
}

const ALTERED: &str = "is not what was written";
const MISSING: &str = "is missing";

/// A tenant whose audit log has six rows, and a copy of it that can be put back.
fn six_rows(backend: Backend) -> TestApp {
    let app = TestApp::start(backend);
    let client = app.rfc();
    let path = user_path(&client.create(&user("mia")));
    for title in ["a", "b", "c", "d"] {
        client.patch(&path, json!([{"op": "replace", "path": "title", "value": title}])).expect(200);
    }
    client.delete(&path).expect(204);
    app.client(crate::support::http::RFC, app.globex()).create(&user("kai"));
    app.db.db_execute(
        "CREATE TABLE kept_log AS SELECT * FROM audit_log; CREATE TABLE kept_heads AS SELECT * FROM tenant_counters",
    );
    assert_whole(&app.db, "acme", 6);
    app
}

fn put_back(db: &TestDb) {
    db.db_execute(
        "DELETE FROM audit_log; INSERT INTO audit_log SELECT * FROM kept_log; UPDATE tenant_counters SET \
         audit_seq = (SELECT audit_seq FROM kept_heads k WHERE k.tenant_id = tenant_counters.tenant_id), \
         audit_hash = (SELECT audit_hash FROM kept_heads k WHERE k.tenant_id = tenant_counters.tenant_id)",
    );
    assert_whole(db, "acme", 6);
}

fn case_135_a_row_that_was_edited(backend: Backend) {
    let app = six_rows(backend);
    let db = &app.db;
    let acme = db.literal(&app.acme().id);
    let (id, bytes, later) = match backend {
        Backend::Sqlite => ("x'01960000000070008000000000000001'", "x'00'", "'2030-01-01T00:00:00.000000Z'"),
        Backend::Postgres => (
            "'01960000-0000-7000-8000-000000000001'::uuid",
            "'\\x00'::bytea",
            "at + interval '1 microsecond'",
        ),
    };
    let edits = [
        ("at", later),
        ("id", id),
        ("actor_id", "NULL"),
        ("actor_kind", "'nobody'"),
        ("actor_kind", "'admin'"),
        ("action", "'created'"),
        ("resource_type", "'Group'"),
        ("resource_id", id),
        ("old_version", "NULL"),
        ("new_version", "new_version + 1"),
        ("attributes", "attributes || ' '"),
        ("request_id", "''"),
        ("address", "'10.0.0.1'"),
        ("detail", "''"),
        ("warning", "''"),
        ("hash", bytes),
        ("hash", "NULL"),
    ];
    let columns = columns(db);
    for column in &columns {
        let tried = edits.iter().any(|(name, _)| name == column);
        assert!(tried || ["tenant_id", "seq"].contains(&column.as_str()), "{column} is not tried");
    }
    for (column, value) in edits {
        db.db_execute(&format!(
            "UPDATE audit_log SET {column} = {value} WHERE tenant_id = {acme} AND seq = 3"
        ));
        assert_broken(db, 3, ALTERED, column);
        put_back(db);
    }
    // The last one too, which no row follows.
    db.db_execute(&format!("UPDATE audit_log SET warning = 'x' WHERE tenant_id = {acme} AND seq = 6"));
    assert_broken(db, 6, ALTERED, "the last row");
    assert_whole(db, "globex", 1);
}

fn case_135_rows_that_were_taken_away_or_swapped(backend: Backend) {
    let app = six_rows(backend);
    let db = &app.db;
    let acme = db.literal(&app.acme().id);
    let globex = db.literal(&app.globex().id);
    for seq in 1..=6 {
        db.db_execute(&format!("DELETE FROM audit_log WHERE tenant_id = {acme} AND seq = {seq}"));
        assert_broken(db, seq, MISSING, "a deleted row");
        put_back(db);
    }
    db.db_execute(&format!("DELETE FROM audit_log WHERE tenant_id = {acme} AND seq > 4"));
    assert_broken(db, 5, MISSING, "the end was cut off");
    put_back(db);
    db.db_execute(&format!("DELETE FROM audit_log WHERE tenant_id = {acme}"));
    assert_broken(db, 1, MISSING, "everything was taken away");
    put_back(db);
    // Out of the chain is not out of sight.
    db.db_execute(&format!("UPDATE audit_log SET seq = NULL WHERE tenant_id = {acme} AND seq = 2"));
    assert_broken(db, 2, MISSING, "a row without a place");
    put_back(db);

    let columns = columns(db);
    let said: Vec<&str> =
        columns.iter().map(String::as_str).filter(|name| !["seq", "hash"].contains(name)).collect();
    let (into, from) = (said.join(", "), said.join(", k."));
    db.db_execute(&format!(
        "DELETE FROM audit_log WHERE tenant_id = {acme} AND seq IN (2, 5); \
         INSERT INTO audit_log ({into}, seq, hash) SELECT k.{from}, o.seq, o.hash FROM kept_log k \
         JOIN kept_log o ON o.tenant_id = k.tenant_id AND o.seq = 7 - k.seq \
         WHERE k.tenant_id = {acme} AND k.seq IN (2, 5)"
    ));
    assert_broken(db, 2, ALTERED, "what two rows say was swapped");
    put_back(db);
    for (from, to) in [(2, 77), (5, 2), (77, 5)] {
        db.db_execute(&format!("UPDATE audit_log SET seq = {to} WHERE tenant_id = {acme} AND seq = {from}"));
    }
    assert_broken(db, 2, ALTERED, "the places of two rows were swapped, with their hashes");
    put_back(db);

    db.db_execute(&format!("UPDATE audit_log SET tenant_id = {globex} WHERE tenant_id = {acme} AND seq = 2"));
    assert_broken(db, 2, MISSING, "a row was given to another tenant");
    let (printed, status, _) = verify(db, "globex");
    assert_eq!((status, &printed["flaw"]["seq"]), (Some(1), &json!(2)), "{printed}");
}

fn case_135_a_head_that_was_changed(backend: Backend) {
    let app = six_rows(backend);
    let db = &app.db;
    let acme = db.literal(&app.acme().id);
    let earlier = format!("(SELECT hash FROM audit_log WHERE tenant_id = {acme} AND seq = 5)");
    for (change, seq, fault) in [
        ("audit_seq = 7".to_owned(), 7, MISSING),
        ("audit_seq = 5".to_owned(), 6, "stands behind the head of the chain"),
        (format!("audit_seq = 5, audit_hash = {earlier}"), 6, "stands behind the head of the chain"),
        (format!("audit_hash = {earlier}"), 6, "is not the one that the head of the chain names"),
    ] {
        db.db_execute(&format!("UPDATE tenant_counters SET {change} WHERE tenant_id = {acme}"));
        assert_broken(db, seq, fault, &change);
        put_back(db);
    }
    // A chain that was cut off together with its head is whole in itself, but not to whoever has kept the head.
    let told = db.cli(&["audit", "verify", "--tenant", "acme"]);
    let kept = told.rsplit_once("ends with ").unwrap().1.trim().to_owned();
    let verify_past = |head: &str| {
        let arguments =
            ["audit", "verify", "--tenant", "acme", "--head", head, "--database-url", db.url.as_str()];
        let output = program::run(&db.folder, &arguments);
        (output.status.code(), String::from_utf8_lossy(&output.stderr).into_owned())
    };
    assert_eq!(verify_past(&kept).0, Some(0));
    db.db_execute(&format!(
        "UPDATE tenant_counters SET audit_seq = 5, audit_hash = {earlier} WHERE tenant_id = {acme}; \
         DELETE FROM audit_log WHERE tenant_id = {acme} AND seq = 6"
    ));
    assert_whole(db, "acme", 5);
    let (status, stderr) = verify_past(&kept);
    assert!(status == Some(1) && stderr.contains("row 6 of the audit log is missing"), "{stderr}");
    app.rfc().create(&user("ben"));
    let (status, stderr) = verify_past(&kept);
    assert!(status == Some(1) && stderr.contains("row 6 (") && stderr.contains("kept head"), "{stderr}");
    assert_eq!(verify_past("nonsense").0, Some(2));
    put_back(db);
    // A new row does not heal what was broken before it.
    db.db_execute(&format!("UPDATE audit_log SET address = '' WHERE tenant_id = {acme} AND seq = 4"));
    app.rfc().create(&user("zoe"));
    assert_broken(db, 4, ALTERED, "and then written on");
}

#[test]
fn case_135_the_server_cannot_change_the_record() {
    let app = six_rows(Backend::Postgres);
    let mut connection = app.db.db_postgres();
    let mut run = |sql: String| sql_query(sql).execute(&mut connection);
    run("SET ROLE rollcall_server".into()).unwrap();
    run(format!("SET app.tenant_id = '{}'", app.acme().id)).unwrap();
    for table in ["audit_log", "changes"] {
        assert_eq!(run(format!("SELECT 1 FROM {table}")), Ok(6), "{table} is there to be read");
        for statement in [
            format!("UPDATE {table} SET action = 'created'"),
            format!("UPDATE {table} SET seq = seq + 1"),
            format!("DELETE FROM {table}"),
            format!("TRUNCATE {table}"),
        ] {
            let message = run(statement.clone()).expect_err(&statement).to_string();
            assert!(message.contains("permission denied"), "{statement}: {message}");
        }
    }
    assert_whole(&app.db, "acme", 6);
}

fn case_134_what_cannot_be_recorded_is_not_done(backend: Backend) {
    let app = TestApp::start(backend);
    let client = app.rfc();
    let path = user_path(&client.create(&user("mia")));
    app.db.db_execute(match backend {
        Backend::Sqlite => {
            "CREATE TRIGGER no_record BEFORE INSERT ON audit_log BEGIN SELECT RAISE(ABORT, 'no record'); END"
        }
        Backend::Postgres => {
            "CREATE FUNCTION no_record() RETURNS trigger LANGUAGE plpgsql AS \
             $$ BEGIN RAISE EXCEPTION 'no record'; END $$; \
             CREATE TRIGGER no_record BEFORE INSERT ON audit_log FOR EACH ROW EXECUTE FUNCTION no_record()"
        }
    });
    let before = app.db.db_dump();
    client.post("/Users", &user("kai")).expect_error(503, None);
    client.patch(&path, json!([{"op": "replace", "path": "title", "value": "x"}])).expect_error(503, None);
    client.put(&path, &user("other")).expect_error(503, None);
    client.delete(&path).expect_error(503, None);
    let token = ["token", "create", "--tenant", "acme", "--name", "x", "--database-url", &app.db.url];
    for arguments in [&token[..], &["tenant", "suspend", "acme", "--database-url", &app.db.url]] {
        assert_eq!(program::run(&app.db.folder, arguments).status.code(), Some(1), "{arguments:?}");
    }
    app.db.db_assert_unchanged(&before);
    app.db.db_execute(match backend {
        Backend::Sqlite => "DROP TRIGGER no_record",
        Backend::Postgres => "DROP TRIGGER no_record ON audit_log",
    });
    client.create(&user("kai"));
    assert_whole(&app.db, "acme", 2);
}

fn rows_of_older_programs_stay_outside(backend: Backend) {
    let app = TestApp::start(backend);
    let client = app.rfc();
    client.create(&user("mia"));
    client.create(&user("kai"));
    let empty = if backend == Backend::Sqlite { "x''" } else { "''" };
    app.db.db_execute(&format!(
        "UPDATE audit_log SET seq = NULL, hash = NULL; UPDATE tenant_counters SET audit_seq = 0, audit_hash = {empty}"
    ));
    client.create(&user("zoe"));
    assert_whole(&app.db, "acme", 1);
    let (printed, _, _) = verify(&app.db, "acme");
    assert_eq!(printed["unchained"], 2, "{printed}");
    let told = app.db.cli(&["audit", "verify", "--tenant", "acme"]);
    assert!(told.starts_with("1 rows are what was written\n2 rows were written before"), "{told}");
}

fn writers_and_operators_share_a_chain(backend: Backend) {
    let app = TestApp::start(backend);
    let client = app.rfc();
    std::thread::scope(|scope| {
        for writer in 0..8 {
            let client = &client;
            scope.spawn(move || {
                for number in 0..10 {
                    client.create(&user(&format!("u{writer}-{number}")));
                }
            });
        }
        for _ in 0..2 {
            let db = &app.db;
            scope.spawn(move || {
                for _ in 0..5 {
                    crate::support::db::create_token(db, "acme", &[]);
                }
            });
        }
    });
    assert_whole(&app.db, "acme", 8 * 10 + 2 * 5);
    assert_eq!(app.db.db_number("SELECT max(change_seq) AS value FROM tenant_counters"), 80);
}

fn many_rows_are_verified_in_time(backend: Backend) {
    let rows = size(2_000, 10_000);
    let db = TestDb::ready(backend);
    db.cli(&["load", "--tenant", "acme", "--users", &rows.to_string()]);
    let started = Instant::now();
    assert_whole(&db, "acme", rows as i64);
    let taken = started.elapsed();
    assert!(taken < Duration::from_secs(5), "{rows} rows took {taken:?}");
}

/// The rows that `audit list` prints, with more options.
fn listed(db: &TestDb, options: &[&str]) -> Vec<Value> {
    let mut arguments = vec!["audit", "list", "--tenant", "acme", "--json"];
    arguments.extend(options);
    let printed = db.cli(&arguments);
    printed.lines().map(|line| serde_json::from_str(line).unwrap()).collect()
}

fn what_operators_do_is_recorded(backend: Backend) {
    let db = TestDb::ready(backend);
    let made = db.cli_json(&[
        "token",
        "create",
        "--tenant",
        "acme",
        "--name",
        "x",
        "--scope",
        "users:read",
        "--role-ceiling",
        "agent",
    ]);
    let id = made["id"].as_str().unwrap();
    db.cli(&["token", "revoke", "--tenant", "acme", id]);
    // What is so already leaves nothing behind.
    db.cli(&["token", "revoke", "--tenant", "acme", id]);
    db.cli(&["tenant", "resume", "acme"]);
    db.cli(&["tenant", "suspend", "acme"]);
    db.cli(&["tenant", "suspend", "acme"]);
    db.cli(&["tenant", "resume", "acme"]);
    let rows = listed(&db, &[]);
    let told: Vec<(&str, &str)> = rows
        .iter()
        .map(|row| (row["action"].as_str().unwrap(), row["resourceType"].as_str().unwrap()))
        .collect();
    assert_eq!(
        told,
        [
            ("token_created", "Token"),
            ("token_revoked", "Token"),
            ("tenant_suspended", "Tenant"),
            ("tenant_resumed", "Tenant")
        ]
    );
    let acme = db.tenants()[0].id.clone();
    let things: Vec<&str> = rows.iter().map(|row| row["resourceId"].as_str().unwrap()).collect();
    assert_eq!(things, [id, id, &acme, &acme]);
    for row in &rows {
        assert_eq!(
            (&row["actor"], &row["address"]),
            (&json!({"kind": "operator", "id": null}), &json!("localhost")),
            "the operator: {row}"
        );
    }
    let detail = rows[0]["detail"].as_str().unwrap();
    assert!(detail.starts_with("scopes users:read ceiling agent expires 20"), "{detail}");
    let secret = made["token"].as_str().unwrap();
    assert!(!db.db_dump().join("\n").contains(secret), "the token itself is nowhere");
    assert_whole(&db, "acme", 4);
    assert_whole(&db, "globex", 0);
    db.cli(&["tenant", "delete", "acme", "--yes"]);
    assert_eq!(db.db_count("audit_log", "action = 'tenant_deleted' AND seq = 5"), 1);
}

fn the_log_is_listed(backend: Backend) {
    let app = TestApp::start(backend);
    let client = app.rfc();
    let users = ["mia", "kai"].map(|name| client.create(&user(name)));
    client
        .patch(&user_path(&users[0]), json!([{"op": "replace", "path": "title", "value": "x"}]))
        .expect(200);
    app.client(crate::support::http::RFC, app.globex()).create(&user("theirs"));

    let rows = listed(&app.db, &[]);
    let places: Vec<i64> = rows.iter().map(|row| row["seq"].as_i64().unwrap()).collect();
    assert_eq!(places, [1, 2, 3], "in the order of writing, and nothing of another tenant");
    let updated = &rows[2];
    let seen = (&updated["action"], &updated["attributes"], &updated["oldVersion"], &updated["newVersion"]);
    assert_eq!(seen, (&json!("updated"), &json!(["title"]), &json!(1), &json!(2)));
    assert_eq!(updated["resourceId"], users[0]["id"]);

    let mia = id_of(&users[0]);
    let token = rows[0]["actor"]["id"].as_str().unwrap();
    assert_eq!(listed(&app.db, &["--user", mia]).len(), 2);
    assert_eq!(listed(&app.db, &["--user", mia, "--action", "updated"]), std::slice::from_ref(updated));
    assert_eq!(listed(&app.db, &["--token", token]).len(), 3);
    assert_eq!(listed(&app.db, &["--token", mia]).len(), 0, "nobody has done anything with it");
    let at = updated["at"].as_str().unwrap();
    assert!(listed(&app.db, &["--since", at]).contains(updated));
    assert_eq!(listed(&app.db, &["--since", "1h"]).len(), 3);
    assert_eq!(listed(&app.db, &["--since", "2999-01-01T00:00:00Z"]).len(), 0);

    let table = app.db.cli(&["audit", "list", "--tenant", "acme", "--user", mia]);
    let lines: Vec<Vec<&str>> = table.lines().map(|line| line.split('\t').collect()).collect();
    assert_eq!(lines.len(), 2, "{table}");
    assert_eq!(lines[1][..6], ["3", at, "updated", "User", mia, token], "{table}");

    for (option, status) in [(["--user", "mia"], 1), (["--token", "x"], 1), (["--since", "then"], 2)] {
        let mut arguments = vec!["audit", "list", "--tenant", "acme", "--database-url", &app.db.url];
        arguments.extend(option);
        let output = program::run(&app.db.folder, &arguments);
        assert_eq!(output.status.code(), Some(status), "{option:?}");
        assert!(output.stdout.is_empty() && !output.stderr.is_empty(), "{option:?}");
    }
}
