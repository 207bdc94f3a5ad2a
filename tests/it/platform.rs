//! `/platform/v1` and the same on the command line: tenants from creation to purge, and whose credential opens what.

mod purge;
mod settings;

use std::time::{Duration, Instant};

use serde_json::{Value, json};

use crate::support::app::TestApp;
use crate::support::backend::{Backend, both};
use crate::support::db;
use crate::support::http::{BASES, Carrier, Client, RFC, Reply, id_of};
use crate::support::program::Server;
use crate::support::users::user;

both!(
    a_tenant_lives_and_is_deleted,
    case_9_credentials_open_their_own_doors,
    failures_are_problem_documents,
    wrong_bodies_change_nothing,
    lists_are_paged,
    a_suspension_is_seen_by_another_process,
    tokens_of_a_tenant,
    platform_tokens_on_the_command_line,
);

pub(crate) const BASE: &str = "/platform/v1";

/// The header with a new platform token.
pub(crate) fn credential(app: &TestApp) -> (&'static str, String) {
    let made = app.db.cli_json(&["platform-token", "create", "--name", "tests"]);
    Carrier::Bearer.header(made["token"].as_str().unwrap())
}

pub(crate) fn platform(app: &TestApp) -> Client {
    app.client_with(BASE, Some(credential(app)))
}

/// A request with a JSON body.
fn send(client: &Client, method: &str, path: &str, body: &Value) -> Reply {
    let media = if method == "PATCH" { "application/merge-patch+json" } else { "application/json" };
    client.request(method, path).body(body.to_string(), media).send()
}

fn create(client: &Client, slug: &str) -> Value {
    send(client, "POST", "/tenants", &json!({"slug": slug})).expect(201).json()
}

/// Asserts a problem document with this status and the end of its type.
#[track_caller]
pub(crate) fn expect_problem(reply: &Reply, status: u16, kind: &str) {
    reply.expect(status);
    assert_eq!(reply.header("Content-Type"), Some("application/problem+json"), "{}", reply.what);
    let body = reply.json();
    assert_eq!(body["type"], format!("urn:rollcall:problem:{kind}"), "{}: {}", reply.what, reply.text);
    assert_eq!(body["status"], status, "{}", reply.text);
    assert!(body["title"].is_string() && body["detail"].is_string(), "{}", reply.text);
    assert_eq!(body["instance"].as_str(), reply.header("X-Request-Id"), "{}", reply.text);
    assert_eq!(body.as_object().unwrap().len(), 5, "{}", reply.text);
    assert!(!reply.text.contains("urn:ietf:params:scim"), "{}", reply.text);
}

/// Asks until the status is this; within a second, and some more on a busy machine that shows nothing.
#[track_caller]
pub(crate) fn soon(client: &Client, path: &str, status: u16) -> Reply {
    let asked = Instant::now();
    loop {
        let begun = asked.elapsed();
        let reply = client.get(path);
        if reply.status == status {
            return reply;
        }
        assert!(begun < Duration::from_secs(1), "{path} is still {} after {begun:?}", reply.status);
        std::thread::sleep(Duration::from_millis(20));
    }
}

fn a_tenant_lives_and_is_deleted(backend: Backend) {
    let app = TestApp::start(backend);
    let client = platform(&app);
    let body = json!({"slug": "initech", "name": "Initech Inc", "settings": {"defaultRole": "grader"}});
    let reply = send(&client, "POST", "/tenants", &body);
    let made = reply.expect(201).json();
    let id = id_of(&made).to_owned();
    let path = format!("/tenants/{id}");
    assert_eq!(reply.header("Content-Type"), Some("application/json"));
    assert_eq!(reply.header("Location"), Some(format!("{}{path}", client.base_url).as_str()));
    assert_eq!(
        (&made["slug"], &made["name"], &made["state"]),
        (&json!("initech"), &json!("Initech Inc"), &json!("active"))
    );
    assert_eq!(made["settings"]["defaultRole"], "grader");
    assert_eq!(made["settings"]["revival"], true);
    assert!(made.get("purge").is_none() && made.get("purgeAfter").is_none());
    assert_eq!(client.get(&path).expect(200).json(), made);
    expect_problem(&send(&client, "POST", "/tenants", &body), 409, "slug-taken");

    let token = send(&client, "POST", &format!("{path}/tokens"), &json!({"name": "okta"})).expect(201).json();
    let scim = app.client_with(RFC, Some(Carrier::Bearer.header(token["token"].as_str().unwrap())));
    scim.create(&user("mia"));

    let changed = send(&client, "PATCH", &path, &json!({"name": "Initrode"})).expect(200).json();
    assert_eq!((&changed["name"], &changed["settings"]), (&json!("Initrode"), &made["settings"]));
    for _ in 0..2 {
        let reply = client.request("POST", &format!("{path}/suspend")).send();
        assert_eq!(reply.expect(200).json()["state"], "suspended");
    }
    soon(&scim, "/Users", 403);
    // A tenant that is suspended may still be looked after.
    send(&client, "PATCH", &path, &json!({"settings": {"revival": false}})).expect(200);
    assert_eq!(
        client.request("POST", &format!("{path}/resume")).send().expect(200).json()["state"],
        "active"
    );
    soon(&scim, "/Users", 200);

    let deleted = client.delete(&path).expect(200).json();
    assert_eq!((&deleted["state"], &deleted["slug"]), (&json!("deleted"), &Value::Null));
    assert_eq!(deleted["purge"], json!({"state": "waiting", "remaining": null}));
    let after = deleted["purgeAfter"].as_str().unwrap().to_owned();
    assert!(after.as_str() > deleted["createdAt"].as_str().unwrap());
    soon(&scim, "/Users", 401);
    assert_eq!(client.delete(&path).expect(200).json(), deleted, "deleting again prolongs nothing");
    assert_eq!(client.get(&path).expect(200).json(), deleted);
    for (method, path) in [
        ("POST", format!("{path}/suspend")),
        ("POST", format!("{path}/resume")),
        ("PATCH", path.clone()),
        ("POST", format!("{path}/tokens")),
    ] {
        expect_problem(&send(&client, method, &path, &json!({"name": "x"})), 409, "conflict");
    }
    // The slug is free for somebody else, who sees nothing of the former one.
    let second = create(&client, "initech");
    assert_ne!(second["id"], id);
    assert_eq!(app.db.cli_json(&["tenant", "show", "initech"]), second);
}

fn case_9_credentials_open_their_own_doors(backend: Backend) {
    let app = TestApp::start(backend);
    let db = &app.db;
    let (name, good) = credential(&app);
    let text = good.strip_prefix("Bearer ").unwrap().to_owned();
    let revoked = db.cli_json(&["platform-token", "create", "--name", "revoked"]);
    let expired = db.cli_json(&["platform-token", "create", "--name", "expired", "--expires-in", "1h"]);
    db.cli(&["platform-token", "revoke", id_of(&revoked)]);
    let past = "'2020-01-01T00:00:00.000000Z'";
    db.db_execute(&format!("UPDATE platform_tokens SET expires_at = {past} WHERE name = 'expired'"));
    let secret = |made: &Value| made["token"].as_str().unwrap().to_owned();
    let before = db.db_dump();
    let path = format!("/tenants/{}", app.acme().id);
    let bad: Vec<Option<(&'static str, String)>> = vec![
        None,
        Some((name, "Bearer".into())),
        Some((name, text.clone())),
        Some((name, format!("Bearer {}", app.acme().token))),
        Some(("apiToken", app.acme().token.clone())),
        // The right credential in any other place.
        Some(("apiToken", text.clone())),
        Some(("API-Key", text.clone())),
        Some(Carrier::Basic.header(&text)),
        Some((name, format!("Bearer {}x", &text[..text.len() - 1]))),
        Some((name, format!("Bearer {}", secret(&revoked)))),
        Some((name, format!("Bearer {}", secret(&expired)))),
    ];
    let mut bodies = Vec::new();
    for credential in bad {
        let client = app.client_with(BASE, credential.clone()).clone();
        for (method, path) in [
            ("GET", "/tenants"),
            ("POST", "/tenants"),
            ("GET", path.as_str()),
            ("PATCH", path.as_str()),
            ("DELETE", path.as_str()),
            ("GET", "/nothing"),
            ("PUT", "/tenants"),
            ("GET", ""),
        ] {
            let reply = send(&client, method, path, &json!({"slug": "evil", "name": "evil"}));
            assert_eq!(reply.status, 401, "{credential:?}: {} {}", reply.what, reply.text);
            expect_problem(&reply, 401, "unauthorized");
            assert_eq!(reply.header_values("WWW-Authenticate"), ["Bearer realm=\"platform\""]);
            let mut body = reply.json();
            body["instance"] = Value::Null;
            bodies.push(body.to_string());
        }
    }
    bodies.sort();
    bodies.dedup();
    assert_eq!(bodies.len(), 1, "all refusals read the same: {bodies:?}");
    // A platform token is nobody to a tenant, in any place that carries a token there.
    for base in BASES {
        for carrier in Carrier::ALL {
            let client = app.client_with(base, Some(carrier.header(&text)));
            client.get("/Users").expect_error(401, None);
            client.get("/Schemas").expect_error(401, None);
            client.post("/Users", &user("mia")).expect_error(401, None);
        }
    }
    let twice = app.client_with(BASE, Some((name, good.clone())));
    let reply = twice.request("GET", "/tenants").header(name, &good).send();
    expect_problem(&reply, 400, "invalid-request");
    assert!(reply.header("WWW-Authenticate").unwrap().contains("invalid_request"));
    db.db_assert_unchanged(&before);
    assert_eq!(db.db_count("tenants", "slug = 'evil' OR state <> 'active'"), 0);
    app.client_with(BASE, Some((name, good))).get(&path).expect(200);
    let log = app.server.log_text();
    for secret in [text, secret(&revoked), secret(&expired)] {
        assert!(!log.contains(&secret), "the log holds a platform token");
        assert!(!db.db_texts("SELECT name AS value FROM platform_tokens").contains(&secret));
    }
    // Nor does the API show who is in a tenant.
    app.rfc().create(&user("canary"));
    let client = platform(&app);
    for path in ["/tenants".to_owned(), path.clone(), format!("{path}/tokens")] {
        assert!(!client.get(&path).expect(200).text.contains("canary"), "{path}");
    }
    for inside in ["/Users", "/users", "/audit"] {
        expect_problem(&client.get(&format!("{path}{inside}")), 404, "not-found");
    }
}

fn failures_are_problem_documents(backend: Backend) {
    let app = TestApp::start(backend);
    let client = platform(&app);
    let nobody = "/tenants/0190a5c0-0000-7000-8000-000000000000";
    expect_problem(&client.get(nobody), 404, "not-found");
    for (method, path) in [
        ("GET", "/tenants/nonsense"),
        ("DELETE", nobody),
        ("POST", "/tenants/nonsense/suspend"),
        ("GET", "/tenants/nonsense/tokens"),
        ("GET", "/nothing/at/all"),
        ("GET", ""),
    ] {
        expect_problem(&client.request(method, path).send(), 404, "not-found");
    }
    let reply = client.request("PUT", "/tenants").send();
    expect_problem(&reply, 405, "method-not-allowed");
    assert_eq!(reply.header("Allow"), Some("GET, POST"));
    let reply = client.request("GET", nobody).header("X-Request-Id", "mine-1").send();
    expect_problem(&reply, 404, "not-found");
    assert_eq!(reply.json()["instance"], "mine-1");
    let log = app.server.log_text();
    let line = log.lines().find(|line| line.contains("mine-1")).expect("the request is in the log");
    assert!(line.contains("404") && line.contains("/platform/v1/tenants/{id}"), "{line}");
    let post = |body: &str, media: &str| client.request("POST", "/tenants").body(body, media).send();
    expect_problem(&post("{broken", "application/json"), 400, "invalid-syntax");
    expect_problem(&post("{\"slug\":\"a\",\"slug\":\"b\"}", "application/json"), 400, "invalid-syntax");
    expect_problem(&post("{}", "text/plain"), 415, "unsupported-media-type");
    let large = format!("{{\"slug\":\"{}\"}}", "a".repeat(1 << 20));
    expect_problem(&post(&large, "application/json"), 413, "too-large");
    let long = client.get(&format!("/tenants?x={}", "a".repeat(8 * 1024)));
    expect_problem(&long, 414, "too-large");
    // Elsewhere failures are what they were.
    app.rfc().get("/Users/nonsense").expect_error(404, None);
}

fn wrong_bodies_change_nothing(backend: Backend) {
    let app = TestApp::start(backend);
    let client = platform(&app);
    let before = client.get("/tenants").text;
    for body in [
        json!([]),
        json!({}),
        json!({"slug": null}),
        json!({"slug": 5}),
        json!({"slug": "No Slug"}),
        json!({"slug": "a".repeat(64)}),
        json!({"slug": "new", "name": "x".repeat(257)}),
        json!({"slug": "new", "name": "a\nb"}),
        json!({"slug": "new", "id": "0190a5c0-0000-7000-8000-000000000000"}),
        json!({"slug": "new", "settings": []}),
        json!({"slug": "new", "settings": {"revivel": true}}),
        json!({"slug": "new", "settings": {"revival": "no"}}),
    ] {
        let reply = send(&client, "POST", "/tenants", &body);
        assert_eq!(reply.status, 400, "{body}: {}", reply.text);
    }
    let path = format!("/tenants/{}", app.acme().id);
    for body in [
        json!([]),
        json!({"slug": "other"}),
        json!({"state": "deleted"}),
        json!({"name": null}),
        json!({"name": ""}),
        json!({"name": "new", "settings": {"defaultRole": "emperor"}}),
    ] {
        let reply = send(&client, "PATCH", &path, &body);
        assert_eq!(reply.status, 400, "{body}: {}", reply.text);
    }
    assert_eq!(client.get("/tenants").expect(200).text, before);
    let longest = json!({"slug": "a".repeat(63), "name": "x".repeat(256)});
    send(&client, "POST", "/tenants", &longest).expect(201);
}

fn lists_are_paged(backend: Backend) {
    let app = TestApp::start(backend);
    let client = platform(&app);
    let made: Vec<Value> = (0..5).map(|n| create(&client, &format!("t{n}"))).collect();
    let slugs = |reply: &Reply| -> Vec<String> {
        let body = reply.expect(200).json();
        let all = body["tenants"].as_array().unwrap();
        all.iter().map(|tenant| tenant["slug"].as_str().unwrap_or("-").to_owned()).collect()
    };
    let expected = ["acme", "globex", "t0", "t1", "t2", "t3", "t4"];
    let (mut seen, mut path, mut pages) = (Vec::new(), "/tenants?count=2".to_owned(), 0);
    loop {
        let reply = client.get(&path);
        seen.extend(slugs(&reply));
        pages += 1;
        match reply.json()["nextCursor"].as_str() {
            Some(cursor) => path = format!("/tenants?count=2&cursor={cursor}"),
            None => break,
        }
    }
    assert_eq!((seen, pages), (expected.map(str::to_owned).to_vec(), 4));
    // A page that is just full has nothing behind it.
    assert_eq!(slugs(&client.get("/tenants?count=7")).len(), 7);
    assert!(client.get("/tenants?count=7").json().get("nextCursor").is_none());
    assert!(client.get("/tenants?count=6").json().get("nextCursor").is_some());
    let of = |n: usize| format!("/tenants/{}", id_of(&made[n]));
    client.request("POST", &format!("{}/suspend", of(0))).send().expect(200);
    client.delete(&of(1)).expect(200);
    assert_eq!(slugs(&client.get("/tenants?state=suspended")), ["t0"]);
    assert_eq!(slugs(&client.get("/tenants?state=deleted")), ["-"]);
    assert_eq!(slugs(&client.get("/tenants?state=active")), ["acme", "globex", "t2", "t3", "t4"]);
    assert_eq!(slugs(&client.get("/tenants")), ["acme", "globex", "t0", "t2", "t3", "t4"]);
    let cursor =
        client.get("/tenants?state=active&count=1").json()["nextCursor"].as_str().unwrap().to_owned();
    for wrong in [format!("/tenants?cursor={cursor}"), "/tenants?cursor=".into(), "/tenants?cursor=x".into()]
    {
        expect_problem(&client.get(&wrong), 400, "invalid-cursor");
    }
    for wrong in ["state=gone", "state=", "count=0", "count=-1", "count=x"] {
        expect_problem(&client.get(&format!("/tenants?{wrong}")), 400, "invalid-value");
    }
}

fn a_suspension_is_seen_by_another_process(backend: Backend) {
    let app = TestApp::start(backend);
    let other = Server::start(&app.db.folder, &app.db.url);
    let client = platform(&app);
    let path = format!("/tenants/{}", app.acme().id);
    let there = app.rfc().at(format!("{}{RFC}", other.url));
    there.get("/Users").expect(200);
    client.request("POST", &format!("{path}/suspend")).send().expect(200);
    soon(&there, "/Users", 403).expect_error(403, None);
    for path in ["/Schemas", "/Groups", "/Roles", "/Bulk", "/nothing"] {
        there.get(path).expect_error(403, None);
    }
    // Nobody else is.
    app.client(RFC, app.globex()).get("/Users").expect(200);
    client.request("POST", &format!("{path}/resume")).send().expect(200);
    soon(&there, "/Users", 200);
    client.delete(&path).expect(200);
    soon(&there, "/Users", 401).expect_error(401, None);
}

fn tokens_of_a_tenant(backend: Backend) {
    let app = TestApp::start(backend);
    let client = platform(&app);
    let path = format!("/tenants/{}/tokens", app.acme().id);
    let body = json!({"name": "hr", "scopes": ["users:write", "roles:write"], "roleCeiling": "manager", "expiresIn": "12h"});
    let made = send(&client, "POST", &path, &body).expect(201).json();
    let secret = made["token"].as_str().unwrap().to_owned();
    let scim = app.client_with(RFC, Some(Carrier::Bearer.header(&secret)));
    scim.create(&user("mia"));
    scim.get("/Groups").expect_error(403, None);
    let listed = client.get(&path);
    listed.expect(200);
    assert!(!listed.text.contains(&secret), "a token is shown once");
    let (mut shown, mut first) = (made.clone(), listed.json()["tokens"][0].clone());
    shown.as_object_mut().unwrap().remove("token");
    // It may have been noted by now that it was used.
    first["lastUsed"] = Value::Null;
    assert_eq!(first, shown);
    assert_eq!(listed.json()["tokens"].as_array().unwrap().len(), 2);
    for wrong in [
        json!({}),
        json!({"name": ""}),
        json!({"name": "x", "scopes": []}),
        json!({"name": "x", "scopes": ["everything"]}),
        json!({"name": "x", "scopes": "users:read"}),
        json!({"name": "x", "roleCeiling": "emperor"}),
        json!({"name": "x", "expiresIn": "soon"}),
        json!({"name": "x", "tenant": "globex"}),
    ] {
        expect_problem(&send(&client, "POST", &path, &wrong), 400, "invalid-value");
    }
    assert_eq!(client.get(&path).json()["tokens"].as_array().unwrap().len(), 2);
    // In the tenant of the path, and nowhere else.
    let token = format!("/{}", id_of(&made));
    let foreign = format!("/tenants/{}/tokens{token}", app.globex().id);
    expect_problem(&client.delete(&foreign), 404, "not-found");
    scim.get("/Users").expect(200);
    for _ in 0..2 {
        client.delete(&format!("{path}{token}")).expect(204);
    }
    soon(&scim, "/Users", 401);
    expect_problem(&client.delete(&format!("{path}/nonsense")), 404, "not-found");
}

fn platform_tokens_on_the_command_line(backend: Backend) {
    let app = TestApp::start(backend);
    let plain = app.db.cli(&["platform-token", "create", "--name", "a"]);
    assert!(plain.starts_with("rcp_"), "{plain}");
    let made = app.db.cli_json(&["platform-token", "create", "--name", "b", "--expires-in", "never"]);
    assert_eq!((&made["name"], &made["expiresAt"]), (&json!("b"), &Value::Null));
    let client = app.client_with(BASE, Some(Carrier::Bearer.header(made["token"].as_str().unwrap())));
    client.get("/tenants").expect(200);
    let listed = app.db.cli_json(&["platform-token", "list"]);
    assert_eq!(listed.as_array().unwrap().len(), 2);
    assert!(!listed.to_string().contains("rcp_"), "{listed}");
    app.db.cli(&["platform-token", "revoke", id_of(&made)]);
    expect_problem(&client.get("/tenants"), 401, "unauthorized");
    let lines = app.db.cli(&["platform-token", "list"]);
    assert!(lines.contains("revoked") && lines.contains("active"), "{lines}");
    assert!(db::same_id(id_of(&made), id_of(&listed[0])));
}
