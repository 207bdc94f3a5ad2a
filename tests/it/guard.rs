//! The guard against mass changes: one token deactivates or deletes too many users, and is held until it is released.

use std::collections::BTreeMap;

use serde_json::{Value, json};

use crate::platform;
use crate::support::admins;
use crate::support::app::TestApp;
use crate::support::backend::{Backend, both};
use crate::support::db::create_token;
use crate::support::http::{Carrier, Client, QA, RFC, Reply, id_of, user_path};
use crate::support::program::{self, Server};
use crate::support::users::{user, with};

both!(
    case_59_one_user_too_many,
    case_59_a_share_of_the_users,
    case_59_at_once,
    case_59_operations_of_a_bulk_request,
    a_window_passes,
    a_guard_that_is_off_warns,
    tokens_are_released,
);

fn set(app: &TestApp, settings: &[&str]) {
    let mut arguments = vec!["tenant", "set", "acme"];
    arguments.extend(settings);
    app.db.cli(&arguments);
}

/// Three users may go, or a fifth of all.
const THREE: [&str; 2] = ["massChangeGuard=true", "massChangeUsers=3"];

fn users(client: &Client, count: usize) -> Vec<Value> {
    (0..count).map(|n| client.create(&user(&format!("user{n}")))).collect()
}

fn deactivate(client: &Client, user: &Value) -> Reply {
    client.patch(&user_path(user), json!([{"op": "replace", "path": "active", "value": false}]))
}

/// Deactivates by PUT.
fn replace(client: &Client, user: &Value) -> Reply {
    client.put(&user_path(user), &with(user.clone(), json!({"active": false})))
}

fn remove(client: &Client, user: &Value) -> Reply {
    client.delete(&user_path(user))
}

#[track_caller]
fn expect_held(reply: &Reply) {
    reply.expect_error(409, None);
    let detail = reply.json()["detail"].as_str().unwrap().to_owned();
    assert!(detail.contains("the guard against mass changes") && detail.contains("release"), "{detail}");
}

fn show(app: &TestApp) -> Vec<Value> {
    app.db.cli_json(&["guard", "show", "--tenant", "acme"])["tokens"].as_array().unwrap().clone()
}

fn release(app: &TestApp, options: &[&str]) -> Vec<Value> {
    let mut arguments = vec!["guard", "release", "--tenant", "acme"];
    arguments.extend(options);
    app.db.cli_json(&arguments)["released"].as_array().unwrap().clone()
}

/// Rows of the audit log with this action: detail and warning of each.
fn audited(app: &TestApp, action: &str) -> Vec<Value> {
    let text = app.db.cli(&["audit", "list", "--tenant", "acme", "--action", action, "--json"]);
    text.lines().map(|line| serde_json::from_str(line).unwrap()).collect()
}

fn warned(app: &TestApp) -> i64 {
    app.db.db_count("audit_log", "warning LIKE 'the token takes access away%'")
}

fn case_59_one_user_too_many(backend: Backend) {
    let app = TestApp::start(backend);
    set(&app, &THREE);
    let client = app.rfc();
    let all = users(&client, 10);
    deactivate(&client, &all[0]).expect(200);
    replace(&app.qa(), &all[1]).expect(200);
    remove(&client, &all[2]).expect(204);
    assert_eq!(show(&app)[0]["users"], 3);
    assert_eq!(show(&app)[0]["heldSince"], Value::Null);

    let version = |user: &Value| client.get(&user_path(user)).expect(200).json()["meta"]["version"].clone();
    expect_held(&remove(&client, &all[3]));
    assert_eq!((version(&all[3]), app.db_users(app.acme())), (json!("W/\"1\""), 9));
    let tallies = show(&app);
    assert_eq!((tallies.len(), &tallies[0]["users"], &tallies[0]["limit"]), (1, &json!(3), &json!(3)));
    assert!(tallies[0]["heldSince"].is_string(), "{tallies:?}");
    let held = audited(&app, "guard_held");
    assert_eq!(held.len(), 1);
    assert_eq!(held[0]["resourceId"], tallies[0]["id"]);
    assert_eq!(held[0]["actor"]["id"], tallies[0]["id"]);
    assert_eq!(held[0]["detail"], format!("user {}", id_of(&all[3])));
    assert_eq!(held[0]["warning"], "the token takes access away from more than 3 users within 10 minutes");

    // Refused ones change nothing and do not count.
    let before = app.db.db_dump();
    for client in [&client, &app.qa()] {
        for request in [deactivate, replace, remove] {
            expect_held(&request(client, &all[4]));
        }
        let taken = json!([{"op": "remove", "path": "active"}]);
        expect_held(&client.patch(&user_path(&all[4]), taken));
    }
    app.db.db_assert_unchanged(&before);

    // Whoever has lost access already is not one more, and everything else goes on.
    remove(&client, &all[0]).expect(204);
    client.patch(&user_path(&all[4]), json!([{"op": "add", "path": "title", "value": "x"}])).expect(200);
    client.patch(&user_path(&all[1]), json!([{"op": "add", "path": "active", "value": true}])).expect(200);
    deactivate(&client, &all[1]).expect(200);
    client.create(&with(user("born"), json!({"active": false})));
    client.post("/Groups", &json!({"displayName": "Ops"})).expect(201);
    assert_eq!(show(&app)[0]["users"], 3);
    // Another token is not held.
    let other = app.rfc_with_token(&[]);
    remove(&other, &all[5]).expect(204);

    assert_eq!(release(&app, &[]), [tallies[0]["id"].clone()]);
    let released = audited(&app, "guard_released");
    assert_eq!(
        (&released[0]["detail"], &released[0]["actor"]["kind"]),
        (&json!("users 3"), &json!("operator"))
    );
    for user in &all[6..9] {
        deactivate(&client, user).expect(200);
    }
    expect_held(&deactivate(&client, &all[9]));
    app.db.cli(&["audit", "verify", "--tenant", "acme"]);
}

fn case_59_a_share_of_the_users(backend: Backend) {
    let app = TestApp::start(backend);
    set(&app, &THREE);
    let client = app.rfc();
    let all = users(&client, 34);
    // A fifth of 34, and not of what is left.
    for user in &all[..6] {
        remove(&client, user).expect(204);
    }
    expect_held(&remove(&client, &all[6]));
    assert_eq!((app.db_users(app.acme()), &show(&app)[0]["limit"]), (28, &json!(6)));
}

fn case_59_at_once(backend: Backend) {
    let app = TestApp::start(backend);
    set(&app, &["massChangeGuard=true", "massChangeUsers=5"]);
    let client = app.rfc();
    let all = users(&client, 20);
    // SQLite has one process; PostgreSQL may have several.
    let second = (backend == Backend::Postgres).then(|| Server::start(&app.db.folder, &app.db.url));
    let clients = match &second {
        Some(server) => vec![client.clone(), client.at(format!("{}{RFC}", server.url))],
        None => vec![client.clone()],
    };
    let change = |n: usize, user: &Value| {
        let client = &clients[n % clients.len()];
        loop {
            let reply = if n % 4 < 2 { deactivate(client, user) } else { remove(client, user) };
            match reply.status {
                // On a busy machine a client tries again.
                408 | 503 => {}
                // Done already, when nobody could say so.
                404 => return 204,
                status => return status,
            }
        }
    };
    let change = &change;
    let statuses: BTreeMap<u16, usize> = std::thread::scope(|scope| {
        let threads: Vec<_> =
            all.iter().enumerate().map(|(n, user)| scope.spawn(move || change(n, user))).collect();
        let mut statuses = BTreeMap::new();
        for status in threads.into_iter().map(|thread| thread.join().unwrap()) {
            *statuses.entry(if status == 204 { 200 } else { status }).or_default() += 1;
        }
        statuses
    });
    assert_eq!(statuses, BTreeMap::from([(200, 5), (409, 15)]));
    assert_eq!(client.filter("active eq true").total(), 15);
    assert_eq!(app.db.db_count("mass_changes", "kind = 'counted'"), 5);
    assert_eq!(app.db.db_count("mass_changes", "kind = 'held'"), 1);
    assert_eq!(audited(&app, "guard_held").len(), 1);
    app.db.cli(&["audit", "verify", "--tenant", "acme"]);
}

fn case_59_operations_of_a_bulk_request(backend: Backend) {
    let app = TestApp::start(backend);
    set(&app, &THREE);
    for base in [RFC, QA] {
        let client = app.client(base, app.acme());
        let all = users(&client, 5);
        let operations: Vec<Value> =
            all.iter().map(|user| json!({"method": "DELETE", "path": user_path(user)})).collect();
        let body = json!({
            "schemas": ["urn:ietf:params:scim:api:messages:2.0:BulkRequest"], "Operations": operations
        });
        let reply = client.post("/Bulk", &body).expect(200).json();
        let statuses: Vec<&str> = reply["Operations"]
            .as_array()
            .unwrap()
            .iter()
            .map(|one| one["status"].as_str().unwrap())
            .collect();
        assert_eq!(statuses, ["204", "204", "204", "409", "409"], "{base}");
        assert_eq!(release(&app, &[]).len(), 1);
        for user in &all[3..] {
            remove(&client, user).expect(204);
        }
        release(&app, &["--token", show(&app)[0]["id"].as_str().unwrap()]);
    }
}

/// Lets everything that has been counted or warned of be eleven minutes old.
fn let_time_pass(app: &TestApp) {
    let earlier = match app.db.backend {
        Backend::Sqlite => "strftime('%Y-%m-%dT%H:%M:%f000Z', at, '-11 minutes')",
        Backend::Postgres => "at - interval '11 minutes'",
    };
    app.db.db_execute(&format!("UPDATE mass_changes SET at = {earlier}"));
}

fn a_window_passes(backend: Backend) {
    let app = TestApp::start(backend);
    set(&app, &THREE);
    let client = app.rfc();
    let all = users(&client, 12);
    for user in &all[..3] {
        deactivate(&client, user).expect(200);
    }
    let_time_pass(&app);
    assert_eq!(show(&app), Vec::<Value>::new());
    for user in &all[3..6] {
        deactivate(&client, user).expect(200);
    }
    assert_eq!(app.db.db_count("mass_changes", "1 = 1"), 3, "what does not count is not kept");
    expect_held(&deactivate(&client, &all[6]));
    // A token that is held stays so, however long.
    let_time_pass(&app);
    expect_held(&deactivate(&client, &all[6]));
    assert_eq!(show(&app)[0]["users"], 0);
    release(&app, &[]);
    deactivate(&client, &all[6]).expect(200);
}

fn a_guard_that_is_off_warns(backend: Backend) {
    let app = TestApp::start(backend);
    set(&app, &["massChangeUsers=3"]);
    let client = app.rfc();
    let all = users(&client, 15);
    let admin = client.create(&with(user("root"), json!({"roles": ["admin"]})));
    for user in &all[..3] {
        deactivate(&client, user).expect(200);
    }
    assert_eq!(warned(&app), 0);
    // A warning stands beside another one.
    deactivate(&client, &admin).expect(200);
    for user in &all[3..7] {
        remove(&client, user).expect(204);
    }
    assert_eq!(warned(&app) + app.db.db_count("audit_log", "warning LIKE '%; the token takes%'"), 1);
    let row = &audited(&app, "updated")[3];
    assert_eq!(
        (&row["resourceId"], &row["warning"]),
        (
            &admin["id"],
            &json!(
                "the tenant has no active admin any more; the token takes access away from more than 3 users within 10 minutes"
            )
        )
    );
    assert_eq!(audited(&app, "guard_held"), Vec::<Value>::new());
    // Once per window.
    let_time_pass(&app);
    for user in &all[7..12] {
        remove(&client, user).expect(204);
    }
    assert_eq!(warned(&app), 1);
    app.db.cli(&["audit", "verify", "--tenant", "acme"]);
}

fn tokens_are_released(backend: Backend) {
    let app = TestApp::start(backend);
    set(&app, &["massChangeGuard=true", "massChangeUsers=0", "massChangePercent=0"]);
    let platform = app.client_with(platform::BASE, Some(platform::credential(&app)));
    let client = app.rfc();
    let mia = client.create(&user("mia"));
    let held = [client.clone(), app.rfc_with_token(&[])];
    for client in &held {
        expect_held(&deactivate(client, &mia));
    }
    let ids: Vec<String> = show(&app).iter().map(|one| id_of(one).to_owned()).collect();
    assert_eq!(ids.len(), 2);
    let path = format!("/tenants/{}/guard", app.acme().id);
    let seen = platform.get(&path).expect(200).json();
    assert_eq!(
        (&seen["enabled"], &seen["minutes"], seen["tokens"].as_array().unwrap().len()),
        (&json!(true), &json!(10), 2)
    );
    let post = |query: &str| platform.request("POST", &format!("{path}/release{query}")).send();
    // A token of another tenant is as unknown as a random one.
    let theirs = app.db.cli_json(&["token", "list", "--tenant", "globex"]);
    for unknown in [id_of(&theirs[0]), "0190a1b2-c3d4-7000-8000-0123456789ab", "x", ""] {
        platform::expect_problem(&post(&format!("?token={unknown}")), 404, "not-found");
    }
    assert_eq!(show(&app).len(), 2);
    assert_eq!(post(&format!("?token={}", ids[0])).expect(200).json(), json!({"released": [ids[0]]}));
    assert_eq!(id_of(&show(&app)[0]), ids[1]);
    assert_eq!(post("").expect(200).json(), json!({"released": [ids[1]]}));
    assert_eq!(post("").expect(200).json(), json!({"released": []}));
    let released = audited(&app, "guard_released");
    assert_eq!(released.len(), 2);
    assert!(released.iter().all(|row| row["actor"]["kind"] == "platform"), "{released:?}");
    // The same for admins of the tenant.
    for client in &held {
        expect_held(&deactivate(client, &mia));
    }
    let [owner, auditor] = ["owner", "auditor"].map(|role| admins::admin(&app, role));
    let seen = auditor.get("/guard").expect(200).json();
    assert_eq!(seen, app.db.cli_json(&["guard", "show", "--tenant", "acme"]));
    let post =
        |client: &Client, query: &str| client.request("POST", &format!("/guard/release{query}")).send();
    platform::expect_problem(&post(&auditor, ""), 403, "forbidden");
    platform::expect_problem(&post(&owner, &format!("?token={}", id_of(&theirs[0]))), 404, "not-found");
    assert_eq!(show(&app).len(), 2);
    assert_eq!(post(&owner, &format!("?token={}", ids[0])).expect(200).json(), json!({"released": [ids[0]]}));
    assert_eq!(post(&owner, "").expect(200).json(), json!({"released": [ids[1]]}));
    let released = audited(&app, "guard_released");
    assert_eq!((released.len(), &released[3]["actor"]["kind"]), (4, &json!("admin")));
    // Other tenants are not concerned, and their guard is off.
    let globex = app.client(RFC, app.globex());
    let stranger = globex.create(&user("stranger"));
    deactivate(&globex, &stranger).expect(200);

    for arguments in [
        &["guard", "release", "--tenant", "acme", "--token", "x"][..],
        &["guard", "release", "--tenant", "nobody"],
        &["guard", "show", "--tenant", "nobody"],
    ] {
        let mut all = arguments.to_vec();
        all.extend(["--database-url", &app.db.url]);
        assert_eq!(program::run(&app.db.folder, &all).status.code(), Some(1), "{arguments:?}");
    }
    // With the guard off nobody is held any more.
    expect_held(&deactivate(&client, &mia));
    set(&app, &["massChangeGuard=false"]);
    let fresh = create_token(&app.db, "acme", &[]);
    let server = Server::start(&app.db.folder, &app.db.url);
    let other = Client::new(format!("{}{RFC}", server.url), Some(Carrier::Bearer.header(&fresh)));
    deactivate(&other, &mia).expect(200);
    let same = client.at(format!("{}{RFC}", server.url));
    remove(&same, &mia).expect(204);
}
