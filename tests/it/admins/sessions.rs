//! Signing in, and what a session opens.

use serde_json::{Value, json};

use crate::platform::expect_problem;
use crate::support::admins::{
    ADMIN, PASSWORD, cli_with_stdin, create_admin, guest, send, sign_in, with_grant,
};
use crate::support::app::TestApp;
use crate::support::backend::{Backend, both};
use crate::support::http::{BASES, Carrier, id_of};

both!(
    an_admin_signs_in,
    the_command_line_makes_accounts,
    case_9_doors_of_admins_and_of_identity_providers,
    a_wrong_login_looks_like_any_other,
);

fn an_admin_signs_in(backend: Backend) {
    let app = TestApp::start(backend);
    let made = create_admin(&app.db, "acme", "Jane.Doe@example.com", "owner");
    assert_eq!(
        made,
        json!({
            "id": made["id"], "email": "Jane.Doe@example.com", "role": "owner", "state": "active", "totp": false,
            "createdAt": made["createdAt"], "lastSignInAt": null,
        })
    );
    let grant = sign_in(&app, app.acme(), "jane.doe@EXAMPLE.com");
    assert_eq!((&grant["tokenType"], &grant["admin"]["id"]), (&json!("Bearer"), &made["id"]));
    assert!(grant["refreshToken"].as_str().unwrap().starts_with("rcr_"));
    let me = with_grant(&app, &grant).get("/me").expect(200).json();
    assert_eq!(me["email"], "Jane.Doe@example.com");
    assert_eq!(me["tenant"], json!({"slug": "acme", "name": "acme"}));
    assert!(me["lastSignInAt"].is_string());
    assert_eq!(app.db.db_count("admin_sessions", "1 = 1"), 1);
    assert_eq!(app.db.db_count("audit_log", "action = 'admin_signed_in' AND actor_kind = 'admin'"), 1);
    for path in ["/nothing", "", "/me/nothing"] {
        expect_problem(&with_grant(&app, &grant).get(path), 404, "not-found");
    }
    let reply = with_grant(&app, &grant).request("PUT", "/me").send();
    expect_problem(&reply, 405, "method-not-allowed");
    // What is secret is in no log and in no table as it is.
    let log = app.server.log_text();
    for secret in [&grant["accessToken"], &grant["refreshToken"], &json!(PASSWORD)] {
        assert!(!log.contains(secret.as_str().unwrap()));
        assert!(!app.db.db_dump().iter().any(|row| row.contains(secret.as_str().unwrap())));
    }
    assert!(log.contains("/admin/v1/me"), "{log}");
}

fn the_command_line_makes_accounts(backend: Backend) {
    let app = TestApp::start(backend);
    let create = |email: &str, role: &str, password: &str| {
        let arguments =
            ["admin", "create", "--tenant", "acme", "--email", email, "--role", role, "--password-stdin"];
        cli_with_stdin(&app.db, &arguments, password)
    };
    let output = create("jane@example.com", "admin", PASSWORD);
    let id = String::from_utf8(output.stdout).unwrap();
    let condition = format!("id = {} AND role = 'admin'", app.db.literal(id.trim()));
    assert_eq!(app.db.db_count("admins", &condition), 1);
    assert_eq!(app.db.db_count("audit_log", "action = 'admin_created' AND actor_kind = 'operator'"), 1);
    let before = app.db.db_dump();
    for (email, role, password, status) in [
        ("JANE@example.com", "owner", PASSWORD, 1),
        ("no address", "owner", PASSWORD, 1),
        ("john@example.com", "owner", "short", 1),
        ("john@example.com", "owner", "", 1),
        ("john@example.com", "emperor", PASSWORD, 2),
    ] {
        let output = create(email, role, password);
        let stderr = String::from_utf8_lossy(&output.stderr);
        assert_eq!(output.status.code(), Some(status), "{email} {role}: {stderr}");
        assert!(!stderr.contains(PASSWORD));
    }
    let without = ["admin", "create", "--tenant", "acme", "--email", "john@example.com"];
    assert_eq!(cli_with_stdin(&app.db, &without, PASSWORD).status.code(), Some(2));
    app.db.db_assert_unchanged(&before);
    // The same address in another tenant is another account.
    let other = create_admin(&app.db, "globex", "jane@example.com", "owner");
    assert_ne!(id_of(&other), id.trim());
}

fn case_9_doors_of_admins_and_of_identity_providers(backend: Backend) {
    let app = TestApp::start(backend);
    create_admin(&app.db, "acme", "jane@example.com", "owner");
    let grant = sign_in(&app, app.acme(), "jane@example.com");
    let access = grant["accessToken"].as_str().unwrap();
    let before = app.db.db_dump();
    for base in BASES {
        for carrier in Carrier::ALL {
            let client = app.client_with(base, Some(carrier.header(access)));
            client.get("/Users").expect_error(401, None);
            client.get("/Schemas").expect_error(401, None);
        }
    }
    let platform = app.client_with(crate::platform::BASE, Some(Carrier::Bearer.header(access)));
    expect_problem(&platform.get("/tenants"), 401, "unauthorized");
    let refresh = grant["refreshToken"].as_str().unwrap().to_owned();
    let platform = crate::platform::credential(&app).1;
    let bad: Vec<Option<(&'static str, String)>> = vec![
        None,
        Some(("Authorization", "Bearer".into())),
        Some(("Authorization", access.to_owned())),
        Some(Carrier::Basic.header(access)),
        Some(("apiToken", access.to_owned())),
        Some(Carrier::Bearer.header(&app.acme().token)),
        Some(Carrier::Bearer.header(&refresh)),
        Some(("Authorization", platform)),
        Some(Carrier::Bearer.header(&format!("{access}x"))),
    ];
    let mut bodies = Vec::new();
    for credential in bad {
        for (method, path) in [("GET", "/me"), ("POST", "/me"), ("GET", "/nothing"), ("GET", "/session")] {
            let reply = app.client_with(ADMIN, credential.clone()).request(method, path).send();
            expect_problem(&reply, 401, "unauthorized");
            assert_eq!(reply.header_values("WWW-Authenticate"), ["Bearer realm=\"admin\""]);
            let mut body = reply.json();
            body["instance"] = Value::Null;
            bodies.push(body.to_string());
        }
    }
    bodies.sort();
    bodies.dedup();
    assert_eq!(bodies.len(), 1, "{bodies:?}");
    app.db.db_assert_unchanged(&before);
    with_grant(&app, &grant).get("/me").expect(200);
}

fn a_wrong_login_looks_like_any_other(backend: Backend) {
    let app = TestApp::start(backend);
    create_admin(&app.db, "acme", "jane@example.com", "owner");
    let mut bodies = Vec::new();
    for (tenant, email, password) in [
        ("acme", "jane@example.com", "xkcd tree window plun"),
        ("acme", "jane@example.com", ""),
        ("acme", "john@example.com", PASSWORD),
        ("acme", "", PASSWORD),
        ("globex", "jane@example.com", PASSWORD),
        ("nobody", "jane@example.com", PASSWORD),
    ] {
        let body = json!({"tenant": tenant, "email": email, "password": password});
        let reply = send(&guest(&app), "POST", "/session", &body);
        expect_problem(&reply, 401, "unauthorized");
        let mut body = reply.json();
        body["instance"] = Value::Null;
        bodies.push(body.to_string());
    }
    bodies.dedup();
    assert_eq!(bodies.len(), 1, "{bodies:?}");
    for wrong in [
        json!([]),
        json!({}),
        json!({"tenant": "acme", "email": "jane@example.com"}),
        json!({"tenant": "acme", "email": "jane@example.com", "password": 5}),
        json!({"tenant": "acme", "email": "jane@example.com", "password": PASSWORD, "role": "owner"}),
    ] {
        assert_eq!(send(&guest(&app), "POST", "/session", &wrong).status, 400, "{wrong}");
    }
    assert_eq!(app.db.db_count("admin_sessions", "1 = 1"), 0);
}
