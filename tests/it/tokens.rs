//! API tokens after they were made: another name, another secret, the end; on the command line, for the platform and for
//! the admins of a tenant.

mod admins;
mod running;
mod uses;
mod warnings;

use std::sync::Barrier;
use std::time::{Duration, Instant};

use serde_json::{Value, json};

use crate::platform::{expect_problem, platform, soon};
use crate::schemas;
use crate::support::admins::{admin, send};
use crate::support::app::TestApp;
use crate::support::backend::{Backend, both};
use crate::support::effort::size;
use crate::support::http::{Carrier, Client, RFC, Reply, id_of};
use crate::support::program::{self, Server};
use crate::support::users::user;

both!(
    case_19_two_secrets_for_a_while,
    case_19_never_more_than_two_secrets,
    case_5_an_end_is_seen_by_another_process,
    rotations_at_once_leave_two_secrets,
    the_end_of_an_overlap_is_kept,
    three_doors_to_the_same_tokens,
    wrong_wishes_change_nothing,
    the_command_line,
    lists_are_paged,
    what_changes_a_credential_is_counted,
    tokens_hold_and_end_where_nothing_is_counted,
);

const READ: &str = "/Users?count=1";

/// A client of the RFC contract with a secret.
fn scim(app: &TestApp, secret: &str) -> Client {
    app.client_with(RFC, Some(Carrier::Bearer.header(secret)))
}

fn secret_of(made: &Value) -> String {
    made["token"].as_str().unwrap_or_else(|| panic!("no secret in {made}")).to_owned()
}

/// A token of `acme` with its id and secret.
fn token(app: &TestApp) -> (String, String) {
    let made = app.db.cli_json(&["token", "create", "--tenant", "acme", "--name", "okta"]);
    (id_of(&made).to_owned(), secret_of(&made))
}

fn rotate(app: &TestApp, id: &str, overlap: &str) -> Value {
    app.db.cli_json(&["token", "rotate", "--tenant", "acme", id, "--overlap", overlap])
}

fn show(app: &TestApp, id: &str) -> Value {
    app.db.cli_json(&["token", "show", "--tenant", "acme", id])
}

/// What was done to this token, in its order.
fn told(app: &TestApp, id: &str) -> Vec<String> {
    let id = app.db.literal(id);
    app.db.db_texts(&format!(
        "SELECT action AS value FROM audit_log WHERE resource_id = {id} AND action LIKE 'token%' ORDER BY seq"
    ))
}

fn case_19_two_secrets_for_a_while(backend: Backend) {
    let app = TestApp::start(backend);
    let other = Server::start(&app.db.folder, &app.db.url);
    let (id, first) = token(&app);
    let there = |secret: &str| scim(&app, secret).at(format!("{}{RFC}", other.url));
    scim(&app, &first).get(READ).expect(200);
    let made = show(&app, &id);
    let rotated = rotate(&app, &id, "7d");
    let second = secret_of(&rotated);
    assert_ne!(first, second);
    assert_eq!(
        (&rotated["id"], &rotated["name"], &rotated["scopes"]),
        (&json!(id), &json!("okta"), &made["scopes"])
    );
    assert!(second.ends_with(rotated["lastFour"].as_str().unwrap()), "{rotated}");
    assert!(first.ends_with(rotated["previousSecret"]["lastFour"].as_str().unwrap()), "{rotated}");
    assert!(rotated["expiresAt"].as_str() > made["expiresAt"].as_str(), "ninety days from now");
    // What is remembered of the first one for half a second does not hide that it is the one before.
    for secret in [&first, &second] {
        scim(&app, secret).get(READ).expect(200);
        there(secret).get(READ).expect(200);
    }
    // Time travel to the end of the overlap.
    app.db.db_execute(
        "UPDATE api_tokens SET previous_expires_at = '2020-01-01T00:00:00.000000Z' \
         WHERE previous_expires_at IS NOT NULL; UPDATE credential_changes SET count = count + 1",
    );
    for client in [scim(&app, &first), there(&first)] {
        soon(&client, READ, 401).expect_error(401, None);
    }
    scim(&app, &second).get(READ).expect(200);
    assert_eq!(show(&app, &id)["previousSecret"], Value::Null);
    assert_eq!(told(&app, &id), ["token_created", "token_rotated"]);
    let log = app.server.log_text();
    assert!(log.contains("replaced token"), "the log knows why");
    assert!(!log.contains(&first) && !log.contains(&second), "the log holds a secret");
}

fn case_19_never_more_than_two_secrets(backend: Backend) {
    let app = TestApp::start(backend);
    let (id, first) = token(&app);
    let secrets: Vec<String> =
        std::iter::once(first).chain((0..3).map(|_| secret_of(&rotate(&app, &id, "30d")))).collect();
    let clients: Vec<Client> = secrets.iter().map(|secret| scim(&app, secret)).collect();
    for gone in &clients[..2] {
        soon(gone, READ, 401);
    }
    let statuses: Vec<u16> = clients.iter().map(|client| client.get(READ).status).collect();
    assert_eq!(statuses, [401, 401, 200, 200]);
    assert_eq!(app.db.db_count("api_tokens", "name = 'okta'"), 1, "one token, whatever its secrets");
    // Without overlap the one before ends at once.
    let last = scim(&app, &secret_of(&rotate(&app, &id, "0h")));
    for gone in &clients[2..] {
        soon(gone, READ, 401);
    }
    last.get(READ).expect(200);
    // A revocation ends both.
    let both = [last, scim(&app, &secret_of(&rotate(&app, &id, "1d")))];
    for client in &both {
        client.get(READ).expect(200);
    }
    app.db.cli(&["token", "revoke", "--tenant", "acme", &id]);
    for client in &both {
        soon(client, READ, 401).expect_error(401, None);
    }
    let output = program::run(
        &app.db.folder,
        &["token", "rotate", "--tenant", "acme", &id, "--database-url", &app.db.url],
    );
    assert_eq!(output.status.code(), Some(1));
    assert!(String::from_utf8_lossy(&output.stderr).contains("is revoked"));
}

/// Show of what is promised: twenty times in a full run, and no exception.
fn case_5_an_end_is_seen_by_another_process(backend: Backend) {
    let app = TestApp::start(backend);
    let other = Server::start(&app.db.folder, &app.db.url);
    let platform = platform(&app);
    let acme = format!("/tenants/{}", app.acme().id);
    let watcher = app.rfc().at(format!("{}{RFC}", other.url));
    for _ in 0..size(3, 20) {
        let made =
            send(&platform, "POST", &format!("{acme}/tokens"), &json!({"name": "short"})).expect(201).json();
        let there = scim(&app, &secret_of(&made)).at(format!("{}{RFC}", other.url));
        there.get(READ).expect(200);
        platform.delete(&format!("{acme}/tokens/{}", id_of(&made))).expect(204);
        soon(&there, READ, 401).expect_error(401, None);
        watcher.get(READ).expect(200);
        for (verb, status) in [("suspend", 403), ("resume", 200)] {
            send(&platform, "POST", &format!("{acme}/{verb}"), &json!({})).expect(200);
            soon(&watcher, READ, status);
        }
        assert_eq!(told(&app, id_of(&made)), ["token_created", "token_revoked"]);
    }
    // Who comes with it is written down too, some seconds later and not each time.
    let refused = || app.db.db_count("audit_log", "action = 'authentication_refused'");
    let asked = Instant::now();
    while refused() == 0 {
        assert!(asked.elapsed() < Duration::from_secs(10), "nobody was refused");
        std::thread::sleep(Duration::from_millis(100));
    }
}

fn rotations_at_once_leave_two_secrets(backend: Backend) {
    const THREADS: usize = 8;
    let app = TestApp::start(backend);
    let (id, first) = token(&app);
    let path = format!("/tenants/{}/tokens/{id}/rotate", app.acme().id);
    let (client, start) = (&platform(&app), &Barrier::new(THREADS));
    let mut secrets: Vec<String> = std::thread::scope(|scope| {
        let rotate = || {
            start.wait();
            secret_of(&send(client, "POST", &path, &json!({"overlap": "1d"})).expect(200).json())
        };
        let threads: Vec<_> = (0..THREADS).map(|_| scope.spawn(rotate)).collect();
        threads.into_iter().map(|thread| thread.join().unwrap()).collect()
    });
    secrets.push(first);
    std::thread::sleep(Duration::from_secs(1));
    let alive = secrets.iter().filter(|secret| scim(&app, secret).get(READ).status == 200).count();
    assert_eq!(alive, 2);
    assert_eq!(told(&app, &id).len(), 1 + THREADS);
}

fn the_end_of_an_overlap_is_kept(backend: Backend) {
    let app = TestApp::start(backend);
    let made =
        app.db.cli_json(&["token", "create", "--tenant", "acme", "--name", "x", "--expires-in", "12h"]);
    let rotated = rotate(&app, id_of(&made), "30d");
    assert_eq!(rotated["previousSecret"]["expiresAt"], made["expiresAt"], "a rotation prolongs no secret");
    let forever = ["token", "rotate", "--tenant", "acme", id_of(&made), "--expires-in", "never"];
    assert_eq!(app.db.cli_json(&forever)["expiresAt"], Value::Null);
    assert_eq!(rotate(&app, id_of(&made), "1d")["expiresAt"], Value::Null, "as long as the one before");
    app.db.db_execute("UPDATE api_tokens SET expires_at = '2020-01-01T00:00:00.000000Z' WHERE name = 'x'");
    let path = format!("/tenants/{}/tokens/{}/rotate", app.acme().id, id_of(&made));
    let reply = send(&platform(&app), "POST", &path, &json!({}));
    expect_problem(&reply, 409, "conflict");
    assert!(reply.text.contains("has expired"), "{}", reply.text);
}

/// Where tokens of `acme` are looked after, with who asks.
fn doors(app: &TestApp) -> [(Client, String); 2] {
    let of_platform = (platform(app), format!("/tenants/{}/tokens", app.acme().id));
    [of_platform, (admin(app, "owner"), "/tokens".into())]
}

fn three_doors_to_the_same_tokens(backend: Backend) {
    let app = TestApp::start(backend);
    for (client, path) in doors(&app) {
        let body =
            json!({"name": "okta", "scopes": ["users:write"], "roleCeiling": "manager", "expiresIn": "12h"});
        let made = send(&client, "POST", &path, &body).expect(201).json();
        let (secret, own) = (secret_of(&made), format!("{path}/{}", id_of(&made)));
        assert_eq!(made["prefix"], "rcl_");
        assert_eq!(made["warning"], "expires within 1 day");
        let got = client.get(&own).expect(200).json();
        assert_eq!(got["token"], Value::Null);
        assert_eq!(show(&app, id_of(&made)), got);
        let renamed =
            client.request("PATCH", &own).body("{\"name\":\"Okta\"}", "application/merge-patch+json").send();
        assert_eq!(renamed.expect(200).json()["name"], "Okta");
        send(&client, "PATCH", &own, &json!({})).expect(200);
        // Without a body everything is as usual.
        let rotated = client.request("POST", &format!("{own}/rotate")).send().expect(200).json();
        assert_eq!(rotated["previousSecret"]["expiresAt"], made["expiresAt"]);
        let again =
            send(&client, "POST", &format!("{own}/rotate"), &json!({"overlap": "0h", "expiresIn": "never"}));
        assert_eq!(again.expect(200).json()["expiresAt"], Value::Null);
        assert_eq!(again.json()["previousSecret"], Value::Null);
        let last = scim(&app, &secret_of(&again.json()));
        last.get(READ).expect(200);
        soon(&scim(&app, &secret), READ, 401);
        for _ in 0..2 {
            client.delete(&own).expect(204);
        }
        soon(&last, READ, 401);
        let shown = client.get(&own).expect(200).json();
        assert!(shown["revokedAt"].is_string() && shown["warning"].is_null(), "{shown}");
        expect_problem(&send(&client, "POST", &format!("{own}/rotate"), &json!({})), 409, "conflict");
        let actions = ["token_created", "token_renamed", "token_rotated", "token_rotated", "token_revoked"];
        assert_eq!(told(&app, id_of(&made)), actions);
        let listed = client.get(&path).expect(200).json();
        assert!(listed["tokens"].as_array().unwrap().iter().any(|one| one["id"] == made["id"]));
    }
    // A change keeps who made it.
    let kinds = app.db.db_texts(
        "SELECT DISTINCT actor_kind AS value FROM audit_log WHERE action = 'token_rotated' ORDER BY 1",
    );
    assert_eq!(kinds, ["admin", "platform"]);
    // What the platform shows of a deleted tenant is only looked at.
    let [(client, path), _] = doors(&app);
    let (id, _) = token(&app);
    app.db.cli(&["tenant", "delete", "acme", "--yes"]);
    client.get(&format!("{path}/{id}")).expect(200);
    for (method, path) in [("PATCH", format!("{path}/{id}")), ("POST", format!("{path}/{id}/rotate"))] {
        expect_problem(&send(&client, method, &path, &json!({})), 409, "conflict");
    }
}

fn wrong_wishes_change_nothing(backend: Backend) {
    let app = TestApp::start(backend);
    let (id, secret) = token(&app);
    let doors = doors(&app);
    let before = app.db.db_dump();
    for (client, path) in &doors {
        let own = format!("{path}/{id}");
        let wrong = |method: &str, path: &str, body: Value| {
            let reply: Reply = send(client, method, path, &body);
            expect_problem(&reply, 400, "invalid-value");
        };
        for body in [
            json!({"overlap": "31d"}),
            json!({"overlap": "721h"}),
            json!({"overlap": "-1d"}),
            json!({"overlap": "never"}),
            json!({"overlap": 7}),
            json!({"expiresIn": "0d"}),
            json!({"secret": "rcl_mine"}),
        ] {
            wrong("POST", &format!("{own}/rotate"), body);
        }
        let longest = "x".repeat(257);
        for body in [
            json!({"name": null}),
            json!({"name": ""}),
            json!({"name": "a\u{7}"}),
            json!({"name": longest}),
            json!({"scopes": ["users:read"]}),
            json!({"name": "x", "expiresAt": null}),
        ] {
            wrong("PATCH", &own, body);
        }
        wrong("POST", path, json!({"name": "x", "tenant": "globex"}));
        expect_problem(&send(client, "PATCH", &own, &json!([])), 400, "invalid-syntax");
        expect_problem(&client.request("PUT", &own).send(), 405, "method-not-allowed");
        // There is no such token before anything is wrong with the body.
        let none = format!("{path}/0190a5c0-0000-7000-8000-000000000000");
        for (method, path) in [
            ("GET", none.clone()),
            ("PATCH", none.clone()),
            ("DELETE", none.clone()),
            ("POST", format!("{none}/rotate")),
            ("POST", format!("{path}/nonsense/rotate")),
        ] {
            expect_problem(&send(client, method, &path, &json!({"wrong": 1})), 404, "not-found");
        }
    }
    app.db.db_assert_unchanged(&before);
    scim(&app, &secret).get(READ).expect(200);
    let most = json!({"overlap": "30d"});
    let (client, path) = &doors[1];
    send(client, "POST", &format!("{path}/{id}/rotate"), &most).expect(200);
}

fn the_command_line(backend: Backend) {
    let app = TestApp::start(backend);
    let (id, first) = token(&app);
    let run = |arguments: &[&str]| {
        let all = [arguments, &["--database-url", &app.db.url]].concat();
        program::run(&app.db.folder, &all)
    };
    assert!(app.db.cli(&["token", "rename", "--tenant", "acme", &id, "--name", "Entra"]).is_empty());
    let shown = app.db.cli(&["token", "show", "--tenant", "acme", &id]);
    assert!(shown.contains("\"name\": \"Entra\"") && !shown.contains(&first), "{shown}");
    let plain = app.db.cli(&["token", "rotate", "--tenant", "acme", &id, "--overlap", "0h"]);
    assert_eq!(plain.len(), first.len(), "the secret alone is printed: {plain:?}");
    scim(&app, &plain).get(READ).expect(200);
    let lines = app.db.cli(&["token", "list", "--tenant", "acme"]);
    assert!(lines.contains(&format!("…{}", &plain[plain.len() - 4..])), "{lines}");
    for (wrong, status) in [
        (vec!["token", "show", "--tenant", "globex", &id], 1),
        (vec!["token", "rename", "--tenant", "globex", &id, "--name", "x"], 1),
        (vec!["token", "rotate", "--tenant", "globex", &id], 1),
        (vec!["token", "rotate", "--tenant", "acme", "nonsense"], 1),
        (vec!["token", "rotate", "--tenant", "acme", &id, "--overlap", "31d"], 2),
        (vec!["token", "rename", "--tenant", "acme", &id, "--name", ""], 2),
    ] {
        let output = run(&wrong);
        assert_eq!(output.status.code(), Some(status), "{wrong:?}");
        assert!(output.stdout.is_empty(), "{wrong:?} printed something");
    }
    assert_eq!(told(&app, &id), ["token_created", "token_renamed", "token_rotated"]);
}

fn lists_are_paged(backend: Backend) {
    let app = TestApp::start(backend);
    for (client, path) in doors(&app) {
        let made: Vec<String> = (0..4)
            .map(|n| send(&client, "POST", &path, &json!({"name": format!("t{n}")})).expect(201).json())
            .map(|made| id_of(&made).to_owned())
            .collect();
        let (mut seen, mut pages, mut next) = (Vec::new(), 0, String::new());
        let asked = Instant::now();
        loop {
            let body = client.get(&format!("{path}?count=2{next}")).expect(200).json();
            let tokens = body["tokens"].as_array().unwrap();
            assert!(tokens.len() <= 2 && !tokens.is_empty());
            seen.extend(tokens.iter().map(|token| id_of(token).to_owned()));
            pages += 1;
            match body["nextCursor"].as_str() {
                Some(cursor) => next = format!("&cursor={cursor}"),
                None => break,
            }
            assert!(asked.elapsed() < Duration::from_secs(30), "the list does not end");
        }
        let mut youngest_first = made.clone();
        youngest_first.reverse();
        assert_eq!(seen[..4], youngest_first, "the youngest first");
        let all = client.get(&path).expect(200).json();
        let all = all["tokens"].as_array().unwrap();
        assert_eq!((all.len(), pages), (seen.len(), seen.len().div_ceil(2)));
        for wrong in ["count=0", "count=x"] {
            expect_problem(&client.get(&format!("{path}?{wrong}")), 400, "invalid-value");
        }
        // A cursor of another tenant serves nobody here.
        let theirs = format!("/tenants/{}/tokens", app.globex().id);
        send(&platform(&app), "POST", &theirs, &json!({"name": "x"})).expect(201);
        let body = platform(&app).get(&format!("{theirs}?count=1")).json();
        let cursor = body["nextCursor"].as_str().unwrap();
        for wrong in [cursor, "", "x"] {
            expect_problem(&client.get(&format!("{path}?cursor={wrong}")), 400, "invalid-cursor");
        }
    }
}

/// Whoever remembers tokens asks for that number, so it has to move with whatever he remembers.
fn what_changes_a_credential_is_counted(backend: Backend) {
    let app = TestApp::start(backend);
    let (id, secret) = token(&app);
    let count = || app.db.db_number("SELECT count AS value FROM credential_changes");
    let start = count();
    scim(&app, &secret).get(READ).expect(200);
    scim(&app, &secret).post("/Users", &user("alice")).expect(201);
    app.db.cli_json(&["token", "list", "--tenant", "acme"]);
    app.db.cli_json(&["token", "create", "--tenant", "acme", "--name", "new"]);
    app.db.cli(&["tenant", "create", "newcomer"]);
    assert_eq!(count(), start, "what was not there before is remembered by nobody");
    let file = app.db.folder.join("definitions.json");
    std::fs::write(&file, schemas::example().to_string()).unwrap();
    let steps: [&[&str]; 7] = [
        &["token", "rotate", "--tenant", "acme", &id, "--overlap", "1d"],
        &["token", "revoke", "--tenant", "acme", &id],
        &["schema", "apply", "--tenant", "acme", file.to_str().unwrap()],
        &["tenant", "set", "acme", "defaultRole=grader"],
        &["tenant", "suspend", "acme"],
        &["tenant", "resume", "acme"],
        &["tenant", "delete", "acme", "--yes"],
    ];
    for (done, step) in (1..).zip(steps) {
        app.db.cli(step);
        assert_eq!(count(), start + done, "{step:?}");
    }
}

/// Somebody has brought back the tables without that row, say.
fn tokens_hold_and_end_where_nothing_is_counted(backend: Backend) {
    let app = TestApp::start(backend);
    app.db.db_execute("DELETE FROM credential_changes");
    let (id, secret) = token(&app);
    scim(&app, &secret).get(READ).expect(200);
    app.db.cli(&["token", "revoke", "--tenant", "acme", &id]);
    soon(&scim(&app, &secret), READ, 401);
    scim(&app, app.acme().token.as_str()).get(READ).expect(200);
}
