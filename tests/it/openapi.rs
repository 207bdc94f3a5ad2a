//! `/openapi.json` and `/docs`: served to everybody, and true: what the document says is there, and nothing else is.

use std::collections::BTreeMap;

use serde_json::{Value, json};

use crate::platform;
use crate::support::admins::{ADMIN, create_admin, credential, send, sign_in};
use crate::support::app::TestApp;
use crate::support::backend::{Backend, both};
use crate::support::http::{Client, id_of};
use crate::support::records::eventually;
use crate::support::users::{USER, user};

both!(
    everybody_may_read_the_document,
    what_is_described_is_there_and_nothing_else,
    the_page_loads_nothing_from_elsewhere,
);

/// Every method that a client might try, and one that nobody knows.
const METHODS: [&str; 8] = ["GET", "POST", "PUT", "PATCH", "DELETE", "OPTIONS", "TRACE", "BREW"];

/// The methods that the document describes, by path.
fn described(document: &Value) -> BTreeMap<String, Vec<String>> {
    let paths = document["paths"].as_object().unwrap();
    let methods = |item: &Value| item.as_object().unwrap().keys().map(|name| name.to_uppercase()).collect();
    paths.iter().map(|(path, item)| (path.clone(), methods(item))).collect()
}

/// The parameters of a path, filled in with what the tenant has.
fn filled(client: &Client, path: &str) -> String {
    let id = match path {
        _ if !path.contains("{id}") => String::new(),
        _ if path.contains("/Roles/") => "agent".into(),
        _ if path.contains("/ResourceTypes/") => "User".into(),
        _ if path.contains("/Schemas/") => USER.into(),
        // Each use may delete it.
        _ if path.contains("/Groups/") => made(client, "/scim/v2/Groups", "displayName"),
        _ if path.contains("/Usergroups/") => made(client, "/scim/v2/Usergroups", "displayName"),
        _ => made(client, "/scim/v2/Users", "userName"),
    };
    path.replace("{id}", &id).replace("{collection}", "Users")
}

/// The same for the platform, with a tenant and a token that each use may take away.
fn filled_for(client: &Client, path: &str) -> String {
    let slug = uuid::Uuid::now_v7().to_string();
    let post = |path: &str, body| {
        let path = format!("{}{path}", platform::BASE);
        let body = serde_json::Value::to_string(&body);
        let reply = client.request("POST", &path).body(body, "application/json").send();
        id_of(&reply.expect(201).json()).to_owned()
    };
    let tenant = post("/tenants", json!({"slug": slug}));
    let token = post(&format!("/tenants/{tenant}/tokens"), json!({"name": "x"}));
    path.replace("{id}", &tenant).replace("{token}", &token)
}

/// The same for an admin, with a token or an account that each use may take away. Something has been asked of the tenant,
/// so there is a request in the log.
fn filled_for_admin(client: &Client, path: &str) -> String {
    let make = |collection: &str, body: Value| {
        let made = send(client, "POST", &format!("{ADMIN}/{collection}"), &body).expect(201).json();
        id_of(&made).to_owned()
    };
    if path.contains("{token}") {
        return path.replace("{token}", &make("tokens", json!({"name": "x"})));
    }
    if path.contains("/admins/{id}") {
        let email = format!("{}@example.com", uuid::Uuid::now_v7());
        return path.replace("{id}", &make("admins", json!({"email": email, "role": "auditor"})));
    }
    if !path.contains("/requests/{id}") {
        return path.replace("{id}", &uuid::Uuid::now_v7().to_string());
    }
    let newest =
        || client.get(&format!("{ADMIN}/requests?count=1")).expect(200).json()["requests"][0].clone();
    let newest = eventually("a request in the log", || Some(newest()).filter(|found| found.is_object()));
    path.replace("{id}", id_of(&newest))
}

fn made(client: &Client, collection: &str, name: &str) -> String {
    let unique = uuid::Uuid::now_v7().to_string();
    id_of(&client.post(collection, &json!({name: unique})).expect(201).json()).to_owned()
}

fn everybody_may_read_the_document(backend: Backend) {
    let app = TestApp::start(backend);
    let stranger = app.client_with("", None);
    let reply = stranger.get("/openapi.json");
    let document = reply.expect(200).json();
    assert_eq!(reply.header("Content-Type"), Some("application/json"));
    assert_eq!(reply.header("Cache-Control"), Some("no-store"));
    assert_eq!(document["openapi"], "3.1.0");
    assert_eq!(document["servers"][0]["url"], app.server.url);
    // It speaks of no tenant: what one of them holds changes nothing.
    app.rfc().create(&user("canary"));
    for client in [&stranger, &app.client("", app.acme()), &app.client("", app.globex())] {
        assert_eq!(client.get("/openapi.json/").expect(200).text, reply.text);
    }
    for name in [app.acme().slug, &app.acme().id, "canary"] {
        assert!(!reply.text.contains(name), "the document holds {name}");
    }
    for path in ["/scim/v2/Users", "/api/v1/scim/v2/Usergroups/{id}", "/scim/v2/{collection}"] {
        assert!(document["paths"].get(path).is_some(), "{path}");
    }
}

fn what_is_described_is_there_and_nothing_else(backend: Backend) {
    let app = TestApp::start(backend);
    let client = app.client("", app.acme());
    let platform = app.client_with("", Some(platform::credential(&app)));
    create_admin(&app.db, "acme", "owner@example.com", "owner");
    client.get("/scim/v2/Users").expect(200);
    let paths = described(&client.get("/openapi.json").expect(200).json());
    assert!(paths.len() > 40, "{paths:?}");
    for (path, methods) in &paths {
        let of_platform = path.starts_with(platform::BASE);
        let (of_admin, mut admin) = (path.starts_with(ADMIN), None);
        for method in METHODS {
            if of_admin && (admin.is_none() || path.ends_with("/session")) {
                // One who has not signed out yet.
                let grant = sign_in(&app, app.acme(), "owner@example.com");
                admin = Some(app.client_with("", Some(credential(&grant))));
            }
            let (caller, target) = match (of_platform, &admin) {
                (true, _) => (&platform, filled_for(&platform, path)),
                (false, Some(admin)) => (admin, filled_for_admin(admin, path)),
                (false, None) => (&client, filled(&client, path)),
            };
            let reply = caller.request(method, &target).send();
            if methods.iter().any(|one| one == method) {
                let unknown = reply.text.contains("no such endpoint");
                assert!(!unknown && reply.status != 405, "{method} {path}: {} {}", reply.status, reply.text);
                let stated = ["200", "201", "204", "400", "415", "501"];
                assert!(
                    stated.contains(&reply.status.to_string().as_str()),
                    "{method} {path}: {}",
                    reply.status
                );
            } else {
                if of_platform || of_admin {
                    platform::expect_problem(&reply, 405, "method-not-allowed");
                } else {
                    reply.expect_error(405, None);
                }
                assert_eq!(reply.header("Allow"), Some(methods.join(", ").as_str()), "{method} {path}");
            }
        }
    }
    // Below a collection that the tenant does not have nothing is allowed.
    for method in METHODS {
        for path in ["/scim/v2/Nothing", "/scim/v2/Nothing/1", "/scim/v2/Nothing/.search"] {
            client.request(method, path).send().expect_error(404, None);
        }
    }
}

fn the_page_loads_nothing_from_elsewhere(backend: Backend) {
    let app = TestApp::start(backend);
    let stranger = app.client_with("", None);
    for path in ["/docs", "/docs/"] {
        let reply = stranger.get(path);
        reply.expect(200);
        assert_eq!(reply.header("Content-Type"), Some("text/html; charset=utf-8"));
        assert_eq!(reply.header("X-Content-Type-Options"), Some("nosniff"));
        assert_eq!(reply.header("X-Frame-Options"), Some("DENY"));
        assert_eq!(reply.header("Referrer-Policy"), Some("no-referrer"));
        let policy = reply.header("Content-Security-Policy").unwrap();
        for word in ["default-src 'none'", "frame-ancestors 'none'", "base-uri 'none'", "form-action 'none'"]
        {
            assert!(policy.contains(word), "{policy}");
        }
        assert!(!policy.contains("unsafe") && !policy.contains("http"), "{policy}");
        let html = &reply.text;
        for word in
            ["<script", "<link", "<img", "<iframe", "<form", "src=", "url(", "@import", " on", " style="]
        {
            // Of the word itself only markup counts.
            let inside = html.split('<').filter_map(|part| part.split('>').next());
            let tags: Vec<&str> = inside.filter(|tag| format!("<{tag}").contains(word)).collect();
            assert!(tags.is_empty(), "{word}: {tags:?}");
        }
        let links: Vec<&str> =
            html.split("href=\"").skip(1).filter_map(|part| part.split('"').next()).collect();
        assert!(links.len() > 50);
        for link in links {
            match link.strip_prefix('#') {
                Some(name) => assert!(html.contains(&format!("id=\"{name}\"")), "{link} leads nowhere"),
                None => assert_eq!(link, format!("{}/openapi.json", app.server.url)),
            }
        }
        assert!(html.contains("/api/v1/scim/v2/Usergroups/{id}"));
    }
}
