//! What is left of a deleted tenant: nothing, and nothing of anybody else is gone.

use std::time::{Duration, Instant};

use serde_json::{Value, json};

use super::{expect_problem, platform};
use crate::schemas;
use crate::support::admins;
use crate::support::app::TestApp;
use crate::support::backend::{Backend, both};
use crate::support::db::{Tenant, TestDb};
use crate::support::http::{RFC, id_of, user_path};
use crate::support::program::{self, Server};
use crate::support::records;
use crate::support::users::{full_user, user, with};

both!(a_purge_leaves_no_row_and_touches_nobody_else, a_purge_waits_for_its_time, a_purge_at_once);

/// Rows of a tenant, table by table.
fn rows(db: &TestDb, tenant: &Tenant) -> Vec<(String, i64)> {
    let condition = format!("tenant_id = {}", db.literal(&tenant.id));
    let count = |table: String| {
        let rows = db.db_count(&table, &condition);
        (table, rows)
    };
    db.db_tenant_tables().into_iter().map(count).collect()
}

/// Two tenants with rows in every table.
fn filled(backend: Backend) -> TestApp {
    let app = schemas::with_example(backend);
    app.db.cli(&["load", "--tenant", "acme", "--users", "700", "--groups", "3", "--members", "600"]);
    schemas::create(&app.rfc(), &with(schemas::least("x"), json!({"number": "1"})));
    let globex = app.client(RFC, app.globex());
    for client in [app.rfc(), globex] {
        let mia = client.create(&full_user("mia"));
        client.create(&user("kai"));
        client
            .post("/Groups", &json!({"displayName": "Ops", "members": [{"value": id_of(&mia)}]}))
            .expect(201);
        let kai = client.get("/Users?filter=userName%20sw%20%22kai%22").resources();
        client.delete(&user_path(&kai[0])).expect(204);
    }
    admins::fill(&app, app.acme());
    records::fill(&app, app.acme());
    let empty: Vec<_> = rows(&app.db, app.acme()).into_iter().filter(|(_, rows)| *rows == 0).collect();
    assert!(empty.is_empty(), "the purge is not tried on {empty:?}");
    app
}

/// The rows that do not belong to `acme`.
fn of_others(app: &TestApp) -> Vec<String> {
    let mine = app.acme().id.replace('-', "").to_uppercase();
    let is_mine = |row: &String| row.contains(&app.acme().id) || row.contains(&mine);
    app.db.db_dump().into_iter().filter(|row| !is_mine(row)).collect()
}

#[track_caller]
fn assert_gone(app: &TestApp, others: &[String]) {
    let left: Vec<_> = rows(&app.db, app.acme()).into_iter().filter(|(_, rows)| *rows > 0).collect();
    assert!(left.is_empty(), "rows of the tenant are left: {left:?}");
    assert_eq!(app.db.db_dump(), others, "nothing but the rows of the others is there, as they were");
    let tenant = format!("id = {}", app.db.literal(&app.acme().id));
    assert_eq!(app.db.db_count("tenants", &format!("{tenant} AND name = '' AND settings = '{{}}'")), 1);
    app.client(RFC, app.globex()).get("/Users").expect(200);
    app.rfc().get("/Users").expect_error(401, None);
}

fn with_days(app: &TestApp, days: &str) -> Server {
    let config = app.db.folder.join("days.toml");
    std::fs::write(&config, format!("[platform]\npurge_after_days = {days}\n")).unwrap();
    let config = config.to_string_lossy().into_owned();
    let mut command = program::command(&app.db.folder);
    command.args(["serve", "--listen", "127.0.0.1:0", "--database-url", &app.db.url, "--config", &config]);
    Server::start_with(&app.db.folder, command)
}

/// Waits for the end of the purge; gives how many rows were left each time somebody looked.
fn watch(app: &TestApp, path: &str) -> Vec<i64> {
    let client = platform(app);
    let (begun, mut seen) = (Instant::now(), Vec::new());
    loop {
        let purge: Value = client.get(path).expect(200).json()["purge"].clone();
        seen.extend(purge["remaining"].as_i64());
        match purge["state"].as_str() {
            Some("done") => return seen,
            Some("waiting" | "running") => {}
            _ => panic!("{purge}"),
        }
        assert!(begun.elapsed() < Duration::from_secs(60), "the purge does not end: {purge}");
        std::thread::sleep(Duration::from_millis(10));
    }
}

fn a_purge_leaves_no_row_and_touches_nobody_else(backend: Backend) {
    let app = filled(backend);
    let others = of_others(&app);
    let eager = with_days(&app, "0");
    let path = format!("/tenants/{}", app.acme().id);
    let client = platform(&app).at(format!("{}{}", eager.url, super::BASE));
    client.delete(&path).expect(200);
    let seen = watch(&app, &path);
    assert!(seen.is_sorted_by(|one, other| one >= other), "the number of rows only falls: {seen:?}");
    assert!(seen.len() > 1 && seen.last() == Some(&0), "{seen:?}");
    assert_gone(&app, &others);
    let purged = client.get(&path).expect(200).json();
    assert_eq!((&purged["state"], &purged["name"]), (&json!("deleted"), &json!("")));
    assert_eq!(client.get(&format!("{path}/tokens")).expect(200).json(), json!({"tokens": []}));
    expect_problem(&client.request("POST", &format!("{path}/resume")).send(), 409, "conflict");
}

fn a_purge_waits_for_its_time(backend: Backend) {
    let app = filled(backend);
    let path = format!("/tenants/{}", app.acme().id);
    platform(&app).delete(&path).expect(200);
    let before = app.db.db_dump();
    // A server that starts looks at once, and so has begun before it serves for long.
    let other = with_days(&app, "0");
    std::thread::sleep(Duration::from_secs(1));
    assert_eq!(platform(&app).get(&path).expect(200).json()["purge"]["state"], "waiting");
    app.db.db_assert_unchanged(&before);
    drop(other);
    // When the time has come, it is done by whoever looks next, this time two at once.
    let past = "'2020-01-01T00:00:00.000000Z'";
    app.db.db_execute(&format!("UPDATE tenants SET purge_after = {past} WHERE state = 'deleted'"));
    let others = of_others(&app);
    let servers = [with_days(&app, "30"), with_days(&app, "30")];
    watch(&app, &path);
    assert_gone(&app, &others);
    drop(servers);
}

fn a_purge_at_once(backend: Backend) {
    let app = filled(backend);
    let others = of_others(&app);
    let refused = program::run(&app.db.folder, &["tenant", "purge", "acme", "--database-url", &app.db.url]);
    assert_eq!(refused.status.code(), Some(2), "a purge wants --yes");
    assert!(rows(&app.db, app.acme()).iter().all(|(_, rows)| *rows > 0));
    let purged = app.db.cli_json(&["tenant", "purge", "acme", "--yes"]);
    assert_eq!(purged["purge"], json!({"state": "done", "remaining": 0}));
    std::thread::sleep(Duration::from_millis(600));
    assert_gone(&app, &others);
    // By its id, also a second time.
    let again = app.db.cli_json(&["tenant", "purge", &app.acme().id, "--yes"]);
    assert_eq!(again["purge"], purged["purge"]);
    app.db.cli(&["tenant", "delete", "globex", "--yes"]);
    app.db.cli(&["tenant", "purge", &app.globex().id, "--yes"]);
    assert!(app.db.db_dump().is_empty());
}
