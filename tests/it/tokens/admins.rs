//! What the roles of admins may do with tokens, and who else may not.

use serde_json::{Value, json};

use super::{READ, scim, secret_of, token};
use crate::platform::expect_problem;
use crate::support::admins::{ADMIN, admin, create_admin, send, sign_in, with_grant};
use crate::support::app::TestApp;
use crate::support::backend::{Backend, both};
use crate::support::http::{Carrier, id_of};

both!(
    case_11_nobody_hands_on_what_he_has_not,
    case_12_tokens_of_another_tenant,
    case_13_a_secret_is_shown_once,
    a_quota_binds_admins_too,
);

const NAMES: [(&str, &str); 4] =
    [("POST", ""), ("PATCH", "/{id}"), ("DELETE", "/{id}"), ("POST", "/{id}/rotate")];

fn case_11_nobody_hands_on_what_he_has_not(backend: Backend) {
    let app = TestApp::start(backend);
    let (id, secret) = token(&app);
    let auditor = admin(&app, "auditor");
    let before = app.db.db_dump();
    for (method, pattern) in NAMES {
        let path = format!("/tokens{}", pattern.replace("{id}", &id));
        expect_problem(&send(&auditor, method, &path, &json!({"name": "more"})), 403, "forbidden");
    }
    app.db.db_assert_unchanged(&before);
    // Reading is what he is there for.
    let shown = auditor.get(&format!("/tokens/{id}"));
    shown.expect(200);
    assert!(!shown.text.contains(&secret));
    assert_eq!(auditor.get("/tokens").expect(200).json()["tokens"].as_array().unwrap().len(), 2);
    // Neither does a token make others, whatever it may do, nor does nobody.
    for client in
        [app.client_with(ADMIN, Some(Carrier::Bearer.header(&secret))), app.client_with(ADMIN, None)]
    {
        expect_problem(&send(&client, "POST", "/tokens", &json!({"name": "more"})), 401, "unauthorized");
        expect_problem(&client.get("/tokens"), 401, "unauthorized");
    }
    app.db.db_assert_unchanged(&before);
    for role in ["owner", "admin"] {
        let made = send(&admin(&app, role), "POST", "/tokens", &json!({"name": role}));
        made.expect(201);
        let location = made.header("Location").unwrap();
        assert_eq!(location, format!("{}{ADMIN}/tokens/{}", app.server.url, id_of(&made.json())));
        scim(&app, &secret_of(&made.json())).get(READ).expect(200);
    }
}

fn case_12_tokens_of_another_tenant(backend: Backend) {
    let app = TestApp::start(backend);
    let theirs = app.db.cli_json(&["token", "create", "--tenant", "globex", "--name", "theirs"]);
    let owner = admin(&app, "owner");
    let before = app.db.db_dump();
    let random = uuid::Uuid::now_v7().to_string();
    for (method, pattern) in NAMES.into_iter().skip(1).chain([("GET", "/{id}")]) {
        let answer = |id: &str| {
            let path = format!("/tokens{}", pattern.replace("{id}", id));
            let reply = send(&owner, method, &path, &json!({"name": "mine"}));
            expect_problem(&reply, 404, "not-found");
            let mut body = reply.json();
            body["instance"] = Value::Null;
            body
        };
        assert_eq!(answer(id_of(&theirs)), answer(&random), "{method} {pattern}: as absent");
    }
    assert!(!owner.get("/tokens?count=1000").expect(200).text.contains(id_of(&theirs)));
    app.db.db_assert_unchanged(&before);
    scim(&app, &secret_of(&theirs)).get(READ).expect(200);
    // Whose they are sees it.
    create_admin(&app.db, "globex", "owner@globex.example", "owner");
    let other = with_grant(&app, &sign_in(&app, app.globex(), "owner@globex.example"));
    other.get(&format!("/tokens/{}", id_of(&theirs))).expect(200);
}

/// Everything that the database holds.
fn db_bytes(app: &TestApp) -> Vec<u8> {
    match app.db.backend {
        Backend::Sqlite => {
            let file = app.db.sqlite_file();
            let beside = |end: &str| std::fs::read(format!("{}{end}", file.display())).unwrap_or_default();
            [beside(""), beside("-wal")].concat()
        }
        Backend::Postgres => {
            let tables = app.db.db_texts(
                "SELECT relname::text AS value FROM pg_class WHERE relkind = 'r' AND relnamespace = 'public'::regnamespace",
            );
            assert!(tables.len() > 10);
            let rows = tables
                .iter()
                .flat_map(|table| app.db.db_texts(&format!("SELECT r::text AS value FROM {table} r")));
            rows.collect::<Vec<_>>().join("\n").into_bytes()
        }
    }
}

fn holds(bytes: &[u8], text: &str) -> bool {
    bytes.windows(text.len()).any(|window| window == text.as_bytes())
}

fn case_13_a_secret_is_shown_once(backend: Backend) {
    let app = TestApp::start(backend);
    let owner = admin(&app, "owner");
    let made = send(&owner, "POST", "/tokens", &json!({"name": "once"})).expect(201).json();
    let path = format!("/tokens/{}", id_of(&made));
    let rotated = send(&owner, "POST", &format!("{path}/rotate"), &json!({})).expect(200).json();
    let secrets = [secret_of(&made), secret_of(&rotated)];
    for secret in &secrets {
        scim(&app, secret).get(READ).expect(200);
    }
    let shown = owner.get(&path).expect(200).json();
    for name in ["prefix", "lastFour", "createdAt", "expiresAt", "rotatedAt"] {
        assert!(shown[name].is_string(), "{name}: {shown}");
    }
    send(&owner, "PATCH", &path, &json!({"name": "renamed"})).expect(200);
    let said = [
        owner.get(&path).text,
        owner.get("/tokens").text,
        send(&owner, "PATCH", &path, &json!({"name": "again"})).text,
        app.db.cli(&["token", "list", "--tenant", "acme", "--json"]),
        app.db.cli(&["audit", "list", "--tenant", "acme", "--json"]),
        app.server.log_text(),
    ]
    .join("\n");
    let bytes = db_bytes(&app);
    assert!(holds(&bytes, "token_rotated"), "the search finds what is there");
    for secret in &secrets {
        // Behind prefix and tenant, and without the checksum at the end.
        let random = &secret[27..59];
        assert!(!said.contains(random), "a secret is shown again");
        assert!(!holds(&bytes, random), "the database holds a secret");
    }
}

fn a_quota_binds_admins_too(backend: Backend) {
    let app = TestApp::start(backend);
    let owner = admin(&app, "owner");
    app.db.cli(&["tenant", "set", "acme", "maxTokens=2"]);
    let made = send(&owner, "POST", "/tokens", &json!({"name": "second"})).expect(201).json();
    let reply = send(&owner, "POST", "/tokens", &json!({"name": "third"}));
    expect_problem(&reply, 403, "forbidden");
    assert!(reply.text.contains("quota"), "{}", reply.text);
    // Another secret is no other token.
    send(&owner, "POST", &format!("/tokens/{}/rotate", id_of(&made)), &json!({})).expect(200);
    assert_eq!(app.db.db_count("api_tokens", "name IN ('second', 'third')"), 1);
}
