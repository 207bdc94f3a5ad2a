//! How much a tenant may have: users, groups of both kinds, tokens.

use std::sync::Barrier;

use serde_json::{Value, json};

use crate::support::app::TestApp;
use crate::support::backend::{Backend, both};
use crate::support::db::create_token;
use crate::support::http::{BASES, Client, RFC, Reply, id_of, user_path};
use crate::support::program;
use crate::support::users::user;

both!(
    case_141_users,
    case_141_groups_of_each_kind,
    case_141_tokens,
    nobody_is_faster_than_a_quota,
    a_bulk_request_ends_at_a_quota,
);

/// Sets quotas of `acme`, and waits until the server has seen them: it believes a token for half a second.
fn set(app: &TestApp, quotas: &[&str]) {
    app.db.cli(&[&["tenant", "set", "acme"], quotas].concat());
    std::thread::sleep(std::time::Duration::from_millis(600));
}

/// Asserts that a quota is named and nothing was done.
#[track_caller]
fn refused(app: &TestApp, request: impl FnOnce() -> Reply, quota: &str) {
    let before = app.db.db_dump();
    let reply = request();
    reply.expect_error(403, None);
    assert_eq!(reply.json()["detail"], format!("the quota of the tenant is reached: {quota}"));
    app.db.db_assert_unchanged(&before);
}

fn case_141_users(backend: Backend) {
    let app = TestApp::start(backend);
    set(&app, &["maxUsers=3"]);
    let clients: Vec<Client> = BASES.iter().map(|base| app.client(base, app.acme())).collect();
    let made: Vec<Value> = ["one", "two", "three"].map(|name| clients[0].create(&user(name))).into();
    for client in &clients {
        refused(&app, || client.post("/Users", &user("four")), "3 Users");
    }
    assert_eq!(app.db_users(app.acme()), 3);
    // Whoever is there can be changed, another kind can be made, and another tenant is another one.
    clients[0].patch(&user_path(&made[0]), json!([{"op": "add", "path": "title", "value": "x"}])).expect(200);
    clients[0].post("/Groups", &json!({"displayName": "team"})).expect(201);
    let other = app.client(RFC, app.globex());
    for name in ["one", "two", "three", "four"] {
        other.create(&user(name));
    }
    // Who goes leaves room for one, and does not come back when it is taken.
    clients[0].delete(&user_path(&made[2])).expect(204);
    clients[0].create(&user("four"));
    refused(&app, || clients[0].post("/Users", &user("three")), "3 Users");
    set(&app, &["maxUsers=4"]);
    let revived = clients[0].create(&user("three"));
    assert_eq!(id_of(&revived), id_of(&made[2]), "the same user is back");
    refused(&app, || clients[0].post("/Users", &user("five")), "4 Users");
    // A quota below what there is takes nothing away.
    set(&app, &["maxUsers=1"]);
    assert_eq!(clients[0].get("/Users").total(), 4);
    refused(&app, || clients[0].post("/Users", &user("five")), "1 Users");
    set(&app, &["maxUsers=default"]);
    clients[0].create(&user("five"));
}

fn case_141_groups_of_each_kind(backend: Backend) {
    let app = TestApp::start(backend);
    set(&app, &["maxGroups=2", "maxUsergroups=1"]);
    let client = app.rfc();
    let group = |name: &str| json!({"displayName": name});
    for name in ["one", "two"] {
        client.post("/Groups", &group(name)).expect(201);
    }
    refused(&app, || client.post("/Groups", &group("three")), "2 Groups");
    client.post("/Usergroups", &group("one")).expect(201);
    refused(&app, || client.post("/Usergroups", &group("two")), "1 Usergroups");
    client.create(&user("one"));
}

fn case_141_tokens(backend: Backend) {
    let app = TestApp::start(backend);
    let slug = app.acme().slug;
    // One that has ended takes no place.
    create_token(&app.db, slug, &["--expires-in", "7d"]);
    let past = (chrono::Utc::now() - chrono::Duration::hours(1)).format("%Y-%m-%dT%H:%M:%S%.6fZ");
    let newest = "id = (SELECT id FROM api_tokens ORDER BY created_at DESC LIMIT 1)";
    app.db.db_execute(&format!("UPDATE api_tokens SET expires_at = '{past}' WHERE {newest}"));
    // With the first one of the tenant there are two.
    set(&app, &["maxTokens=2"]);
    create_token(&app.db, slug, &[]);
    let one_more = ["token", "create", "--tenant", slug, "--name", "more", "--database-url", &app.db.url];
    let before = app.db.db_dump();
    let output = program::run(&app.db.folder, &one_more);
    let text = String::from_utf8_lossy(&output.stderr);
    assert_eq!(output.status.code(), Some(1), "{text}");
    assert!(text.contains("the quota of the tenant is reached: 2 active tokens"), "{text}");
    assert!(output.stdout.is_empty(), "no token is shown");
    app.db.db_assert_unchanged(&before);
    // One that is revoked leaves its place.
    let listed = app.db.cli_json(&["token", "list", "--tenant", slug]);
    let id = listed[0]["id"].as_str().unwrap();
    app.db.cli(&["token", "revoke", "--tenant", slug, id]);
    create_token(&app.db, slug, &[]);
    assert_eq!(program::run(&app.db.folder, &one_more).status.code(), Some(1));
    // Two at once for one place.
    set(&app, &["maxTokens=3"]);
    let run = || program::run(&app.db.folder, &one_more).status.success();
    let made = std::thread::scope(|scope| {
        let threads = [(); 4].map(|()| scope.spawn(run));
        threads.into_iter().map(|thread| thread.join().unwrap()).filter(|made| *made).count()
    });
    assert_eq!(made, 1);
}

fn nobody_is_faster_than_a_quota(backend: Backend) {
    let app = TestApp::start(backend);
    set(&app, &["maxUsers=5"]);
    let client = &app.rfc();
    let start = &Barrier::new(20);
    let replies: Vec<Reply> = std::thread::scope(|scope| {
        let post = |n: usize| {
            start.wait();
            client.post("/Users", &user(&format!("user{n}")))
        };
        let threads: Vec<_> = (0..20).map(|n| scope.spawn(move || post(n))).collect();
        threads.into_iter().map(|thread| thread.join().unwrap()).collect()
    });
    let made = replies.iter().filter(|reply| reply.status == 201).count();
    for reply in replies.iter().filter(|reply| reply.status != 201) {
        reply.expect_error(403, None);
    }
    assert_eq!((made, app.db_users(app.acme())), (5, 5));
    assert_eq!(app.db.db_count("audit_log", "action = 'created'"), 5);
}

fn a_bulk_request_ends_at_a_quota(backend: Backend) {
    let app = TestApp::start(backend);
    set(&app, &["maxUsers=2"]);
    let post = |n: usize| json!({"method": "POST", "path": "/Users", "bulkId": n.to_string(), "data": user(&format!("user{n}"))});
    let operations: Vec<Value> = (0..4).map(post).collect();
    let message = json!({
        "schemas": ["urn:ietf:params:scim:api:messages:2.0:BulkRequest"], "Operations": operations,
    });
    let reply = app.rfc().post("/Bulk", &message);
    let outcomes = reply.expect(200).json()["Operations"].as_array().unwrap().clone();
    let statuses: Vec<&str> = outcomes.iter().map(|one| one["status"].as_str().unwrap()).collect();
    assert_eq!(statuses, ["201", "201", "403", "403"]);
    assert_eq!(outcomes[2]["response"]["detail"], "the quota of the tenant is reached: 2 Users");
    assert_eq!(app.db_users(app.acme()), 2);
}
