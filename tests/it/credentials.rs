//! Who is calling: four carriers of a token, and everything that is no credential.

use std::time::{Duration, Instant};

use crate::support::app::TestApp;
use crate::support::backend::{Backend, both};
use crate::support::db;
use crate::support::http::{BASES, Carrier, Client, RFC, base64};
use crate::support::program::Server;
use crate::support::users::user;
use serde_json::json;

both!(
    every_carrier_works_on_both_bases,
    what_is_no_credential_is_401,
    contradictions_are_400,
    scopes_are_kept,
    a_revoked_token_ends_within_a_second_everywhere,
    an_expired_token_is_refused,
    tenants_are_suspended_resumed_and_deleted,
    a_token_is_shown_once,
    case_15_refusals_are_alike,
);

const READ: &str = "/Users?count=1";

fn every_carrier_works_on_both_bases(backend: Backend) {
    let app = TestApp::start(backend);
    let token = &app.acme().token;
    let mut headers: Vec<(&'static str, String)> =
        Carrier::ALL.iter().map(|carrier| carrier.header(token)).collect();
    headers.extend([
        ("authorization", format!("bearer {token}")),
        ("AUTHORIZATION", format!("BEARER {token}")),
        ("apitoken", token.clone()),
        ("api-key", token.clone()),
        ("Authorization", format!("basic {}", base64(&format!("anybody:{token}")))),
        ("Authorization", format!("Basic {}", base64(&format!("{token}:")))),
        ("Authorization", format!("Basic {}", base64(token))),
    ]);
    for base in BASES {
        for header in &headers {
            let reply = app.client_with(base, Some(header.clone())).get(READ);
            assert_eq!(reply.status, 200, "{header:?} on {base}: {}", reply.text);
        }
        // The same token twice is no contradiction.
        let reply = app.client(base, app.acme()).request("GET", READ).header("apiToken", token).send();
        assert_eq!(reply.status, 200, "the same token in two carriers on {base}: {}", reply.text);
    }
}

fn what_is_no_credential_is_401(backend: Backend) {
    let app = TestApp::start(backend);
    let token = app.acme().token.clone();
    let mut wrong_checksum = token.clone().into_bytes();
    let last = wrong_checksum.last_mut().unwrap();
    *last = if *last == b'0' { b'1' } else { b'0' };
    let wrong_checksum = String::from_utf8(wrong_checksum).unwrap();
    let before = app.db.db_dump();
    let bad: Vec<Option<(&'static str, String)>> = vec![
        None,
        Some(("Authorization", "Bearer".into())),
        Some(("Authorization", "Bearer ".into())),
        Some(("Authorization", "Bearer null".into())),
        Some(("Authorization", "Bearer undefined".into())),
        Some(("Authorization", token.clone())),
        Some(("Authorization", format!("Bearer {wrong_checksum}"))),
        Some(("Authorization", format!("Bearer {token}x"))),
        Some(("Authorization", format!("Bearer {}", token.to_uppercase()))),
        Some(("Authorization", format!("Digest {token}"))),
        Some(("Authorization", format!("Basic {}", base64("apikey:")))),
        Some(("Authorization", "Basic ".into())),
        Some(("Authorization", "Basic ???".into())),
        Some(("Authorization", format!("Basic {}", base64("apikey:wrong")))),
        Some(("apiToken", String::new())),
        Some(("apiToken", "wrong".into())),
        Some(("API-Key", "' OR 1 = 1 --".into())),
    ];
    let mut bodies = Vec::new();
    for base in BASES {
        for credential in &bad {
            let client = app.client_with(base, credential.clone());
            // Authentication is settled before anything else is looked at.
            for (method, path) in [
                ("GET", READ),
                ("POST", "/Users"),
                ("PUT", "/Users/1"),
                ("PATCH", "/Users/1"),
                ("DELETE", "/Users/1"),
                ("GET", "/Nothing"),
                ("TRACE", "/Users"),
                ("GET", "/ServiceProviderConfig"),
                ("GET", "/Schemas"),
                ("GET", "/ResourceTypes"),
                ("GET", "/Users?filter=broken%20("),
            ] {
                let reply = if method.starts_with('P') {
                    client.request(method, path).body("{broken", "application/json").send()
                } else {
                    client.request(method, path).send()
                };
                assert_eq!(reply.status, 401, "{method} {path} with {credential:?}: {}", reply.text);
                reply.expect_error(401, None);
                let challenge = reply.header_values("WWW-Authenticate").join(", ");
                for scheme in ["Bearer realm=\"scim\"", "Basic realm=\"scim\""] {
                    assert!(challenge.contains(scheme), "{scheme} is not in {challenge:?}");
                }
                bodies.push(reply.text);
            }
        }
        // Never in the URL.
        for name in ["access_token", "apiToken", "api_key", "token"] {
            let reply = app.client_with(base, None).get(&format!("/Users?{name}={token}"));
            reply.expect_error(401, None);
        }
    }
    bodies.sort();
    bodies.dedup();
    assert_eq!(bodies.len(), 1, "all refusals read the same: {bodies:?}");
    app.db.db_assert_unchanged(&before);
    assert!(!app.server.log_text().contains(&token), "the log holds a token");
}

fn contradictions_are_400(backend: Backend) {
    let app = TestApp::start(backend);
    let (one, other) = (app.acme().token.clone(), app.globex().token.clone());
    let before = app.db.db_dump();
    let bearer = |token: &str| ("Authorization", format!("Bearer {token}"));
    for headers in [
        [("apiToken", one.clone()), bearer(&other)],
        [("API-Key", one.clone()), ("apiToken", other.clone())],
        [bearer(&one), bearer(&other)],
        [bearer(&one), bearer(&one)],
        [bearer(&one), ("API-Key", "wrong".into())],
    ] {
        let client = app.client_with(RFC, None);
        let mut request = client.request("POST", "/Users").json(&user("mia"));
        for (name, value) in &headers {
            request = request.header(name, value);
        }
        let reply = request.send();
        assert_eq!(reply.status, 400, "{headers:?}: {}", reply.text);
        reply.expect_error(400, None);
        // RFC 6750 section 3.1.
        let challenge = reply.header_values("WWW-Authenticate").join(", ");
        assert!(challenge.contains("invalid_request"), "{headers:?}: {challenge:?}");
    }
    app.db.db_assert_unchanged(&before);
}

fn scopes_are_kept(backend: Backend) {
    let app = TestApp::start(backend);
    let made = app.rfc().create(&user("mia"));
    let path = format!("/Users/{}", made["id"].as_str().unwrap());
    let reader = app.rfc_with_token(&["--scope", "users:read"]);
    let stranger = app.rfc_with_token(&["--scope", "groups:write"]);
    let before = app.db.db_dump();
    reader.get(&path).expect(200);
    reader.get(READ).expect(200);
    let write = |client: &Client| {
        [
            client.post("/Users", &user("kai")),
            client.put(&path, &user("mia")),
            client.patch(&path, json!([{"op": "replace", "path": "title", "value": "x"}])),
            client.delete(&path),
        ]
    };
    for reply in write(&reader) {
        reply.expect_error(403, None);
    }
    for reply in [stranger.get(&path), stranger.get(READ)].iter().chain(&write(&stranger)) {
        reply.expect_error(403, None);
    }
    // Discovery needs a credential and no scope.
    stranger.get("/Schemas").expect(200);
    app.db.db_assert_unchanged(&before);
    let writer = app.rfc_with_token(&["--scope", "users:write"]);
    writer.get(&path).expect(200);
    writer.delete(&path).expect(204);
}

fn a_revoked_token_ends_within_a_second_everywhere(backend: Backend) {
    let app = TestApp::start(backend);
    let second = Server::start(&app.db.folder, &app.db.url);
    let made = app.db.cli_json(&["token", "create", "--tenant", "acme", "--name", "short"]);
    let (id, token) = (made["id"].as_str().unwrap(), made["token"].as_str().unwrap());
    let bearer = Some(Carrier::Bearer.header(token));
    let clients = [app.client_with(RFC, bearer.clone()), Client::new(format!("{}{RFC}", second.url), bearer)];
    for client in &clients {
        client.get(READ).expect(200);
    }
    app.db.cli(&["token", "revoke", "--tenant", "acme", id]);
    let revoked = Instant::now();
    for client in &clients {
        while client.get(READ).status == 200 {
            // The tests share two cores: half a second is what they may add to the promised one.
            assert!(
                revoked.elapsed() < Duration::from_millis(1_500),
                "{} still lets a revoked token in",
                client.base_url
            );
        }
        client.get(READ).expect_error(401, None);
    }
    // The tokens beside it go on.
    app.rfc().get(READ).expect(200);
}

fn an_expired_token_is_refused(backend: Backend) {
    let app = TestApp::start(backend);
    let tokens = [&["--expires-in", "1d"][..], &["--expires-in", "never"], &[]];
    let clients: Vec<Client> = tokens.iter().map(|options| app.rfc_with_token(options)).collect();
    for client in &clients {
        client.get(READ).expect(200);
    }
    assert_eq!(
        app.db.db_count("api_tokens", "expires_at IS NULL"),
        1,
        "one never expires, the default is not never"
    );
    // Time travel: the same rows, expired an hour ago.
    let past = (chrono::Utc::now() - chrono::Duration::hours(1)).format("%Y-%m-%dT%H:%M:%S%.6fZ");
    app.db.db_execute(&format!("UPDATE api_tokens SET expires_at = '{past}' WHERE expires_at IS NOT NULL"));
    let fresh = Server::start(&app.db.folder, &app.db.url);
    let statuses: Vec<u16> =
        clients.iter().map(|client| client.at(format!("{}{RFC}", fresh.url)).get(READ).status).collect();
    assert_eq!(statuses, [401, 200, 401], "only the token without an end goes on");
}

fn tenants_are_suspended_resumed_and_deleted(backend: Backend) {
    let app = TestApp::start(backend);
    let client = app.rfc();
    client.create(&user("mia"));
    let within_a_second = |status: u16| {
        let since = Instant::now();
        while client.get(READ).status != status {
            assert!(
                since.elapsed() < Duration::from_millis(1_500),
                "expected {status}, got {}",
                client.get(READ).status
            );
        }
        client.get(READ)
    };
    app.db.cli(&["tenant", "suspend", "acme"]);
    within_a_second(403).expect_error(403, None);
    client.post("/Users", &user("kai")).expect_error(403, None);
    app.db.cli(&["tenant", "resume", "acme"]);
    assert_eq!(within_a_second(200).total(), 1);
    app.db.cli(&["tenant", "delete", "acme", "--yes"]);
    within_a_second(401).expect_error(401, None);
    app.client(RFC, app.globex()).get(READ).expect(200);
    // The slug is free; what was there before belongs to nobody.
    let again = db::create_tenant(&app.db, "acme");
    assert_eq!(app.client(RFC, &again).get(READ).total(), 0);
}

fn a_token_is_shown_once(backend: Backend) {
    let app = TestApp::start(backend);
    let made = app.db.cli_json(&["token", "create", "--tenant", "acme", "--name", "once"]);
    let token = made["token"].as_str().unwrap();
    assert!(made["expiresAt"].is_string(), "90 days unless said otherwise: {made}");
    assert!(
        made["scopes"].as_array().is_some_and(|scopes| scopes.len() > 4),
        "everything unless said otherwise: {made}"
    );
    let plain = app.db.cli(&["token", "create", "--tenant", "acme", "--name", "plain"]);
    assert_eq!(plain.len(), token.len(), "the token alone is printed: {plain:?}");
    assert_eq!(
        plain.rsplit_once('_').unwrap().0.split('_').next(),
        token.split('_').next(),
        "a fixed prefix"
    );
    let listed = app.db.cli(&["token", "list", "--tenant", "acme", "--json"]);
    assert!(listed.contains("once"), "{listed}");
    assert!(!listed.contains(token), "a list shows a token");
    assert!(!app.db.db_dump().join("\n").contains(token), "the database holds a token");
    app.client_with(RFC, Some(Carrier::Bearer.header(token))).get(READ).expect(200);
}

/// What a token is refused for shows in nothing that the client gets.
fn case_15_refusals_are_alike(backend: Backend) {
    let app = TestApp::start(backend);
    let create = |name: &str| app.db.cli_json(&["token", "create", "--tenant", "acme", "--name", name]);
    let secret = |made: &serde_json::Value| made["token"].as_str().unwrap().to_owned();
    let [revoked, expired, replaced, purged] = ["revoked", "expired", "replaced", "purged"].map(create);
    let id = |made: &serde_json::Value| made["id"].as_str().unwrap().to_owned();
    app.db.cli(&["token", "revoke", "--tenant", "acme", &id(&revoked)]);
    app.db.cli(&["token", "rotate", "--tenant", "acme", &id(&replaced), "--overlap", "0h"]);
    app.db.db_execute(
        "UPDATE api_tokens SET expires_at = '2020-01-01T00:00:00.000000Z' WHERE name = 'expired'; \
         DELETE FROM api_tokens WHERE name = 'purged'",
    );
    let wrong_prefix = format!("rcx_{}", &app.acme().token[4..]);
    let all = [secret(&revoked), secret(&expired), secret(&replaced), secret(&purged), wrong_prefix];
    let answer = |token: &String| {
        let reply = app.client_with(RFC, Some(Carrier::Bearer.header(token))).get(READ);
        reply.expect_error(401, None);
        let unlike = ["date", "x-request-id"];
        let mut headers: Vec<(String, String)> = reply
            .headers
            .into_iter()
            .filter(|(name, _)| !unlike.contains(&name.to_ascii_lowercase().as_str()))
            .collect();
        headers.sort();
        (reply.text, headers)
    };
    let first = answer(&all[0]);
    for token in &all {
        assert_eq!(answer(token), first);
    }
    let log = app.server.log_text();
    for reason in ["revoked token", "expired token", "replaced token", "unknown token", "not a token of ours"]
    {
        assert!(log.contains(reason), "the log does not know of: {reason}");
    }
}
