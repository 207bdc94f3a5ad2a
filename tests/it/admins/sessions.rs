//! Signing in, and what a session opens.

use std::time::{Duration, Instant};

use serde_json::{Value, json};

use crate::platform::expect_problem;
use crate::support::admins::{
    ADMIN, PASSWORD, cli_with_stdin, create_admin, guest, send, sign_in, with_grant,
};
use crate::support::app::TestApp;
use crate::support::backend::{Backend, both};
use crate::support::http::{BASES, Carrier, Client, Reply, id_of};
use crate::support::program::{self, Server};

both!(
    an_admin_signs_in,
    the_command_line_makes_accounts,
    case_9_doors_of_admins_and_of_identity_providers,
    a_wrong_login_looks_like_any_other,
    case_125_a_refresh_token_used_twice,
    case_123_what_ends_a_session_is_seen_by_another_process,
    a_session_ends_by_itself,
    case_6_sessions_of_suspended_and_deleted_tenants,
    an_account_has_so_many_sessions,
    keys_are_rotated_and_nobody_is_signed_out,
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
    // Where no credential is needed, none is needed to learn what else there is not.
    for path in ["/session", "/session/refresh", "/invitations/accept", "/resets/accept"] {
        expect_problem(&guest(&app).request("PATCH", path).send(), 405, "method-not-allowed");
    }
    expect_problem(&guest(&app).request("DELETE", "/session").send(), 401, "unauthorized");
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
        for (method, path) in [("GET", "/me"), ("POST", "/me"), ("GET", "/nothing"), ("DELETE", "/session")] {
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
        // Longer than any of it may be; a short hash for each would be a long one for all.
        (&"a".repeat(64), "jane@example.com", PASSWORD),
        ("acme", &"\u{1e69}".repeat(300_000), PASSWORD),
        ("acme", "jane@example.com", &"\u{1e69}".repeat(300_000)),
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

fn refresh(app: &TestApp, grant: &Value) -> Reply {
    send(&guest(app), "POST", "/session/refresh", &json!({"refreshToken": grant["refreshToken"]}))
}

/// Asks until the status is this; within a second, and some more on a busy machine that shows nothing.
#[track_caller]
fn soon(client: &Client, method: &str, path: &str, status: u16) -> Reply {
    let asked = Instant::now();
    loop {
        let begun = asked.elapsed();
        let reply = client.request(method, path).send();
        if reply.status == status {
            return reply;
        }
        assert!(begun < Duration::from_secs(1), "{path} is still {} after {begun:?}", reply.status);
        std::thread::sleep(Duration::from_millis(20));
    }
}

fn case_125_a_refresh_token_used_twice(backend: Backend) {
    let app = TestApp::start(backend);
    create_admin(&app.db, "acme", "jane@example.com", "owner");
    let first = sign_in(&app, app.acme(), "jane@example.com");
    let other = sign_in(&app, app.acme(), "jane@example.com");
    let second = refresh(&app, &first).expect(200).json();
    assert_ne!(second["refreshToken"], first["refreshToken"]);
    assert_ne!(second["accessToken"], first["accessToken"]);
    assert_eq!(second["sessionEndsAt"], first["sessionEndsAt"], "a session is not prolonged for ever");
    let third = refresh(&app, &second).expect(200).json();
    with_grant(&app, &third).get("/me").expect(200);
    assert_eq!(app.db.db_count("admin_sessions", "1 = 1"), 2);
    // Who has only seen the id of the session can make a token of the right form, which does not end it.
    let known = auth::refresh::parse(third["refreshToken"].as_str().unwrap()).unwrap();
    let forged =
        auth::refresh::generate(known.tenant, known.session, auth::refresh::lineage().unwrap()).unwrap();
    let reply = send(&guest(&app), "POST", "/session/refresh", &json!({"refreshToken": forged.reveal()}));
    expect_problem(&reply, 401, "unauthorized");
    assert_eq!(app.db.db_count("admin_sessions", "1 = 1"), 2);
    // Somebody has kept the first one.
    expect_problem(&refresh(&app, &first), 401, "unauthorized");
    assert_eq!(app.db.db_count("admin_sessions", "1 = 1"), 1, "the whole family has ended");
    for grant in [&first, &second, &third] {
        expect_problem(&refresh(&app, grant), 401, "unauthorized");
        soon(&with_grant(&app, grant), "GET", "/me", 401);
    }
    let reused = "action = 'admin_session_reused' AND actor_kind = 'nobody' AND warning IS NOT NULL";
    assert_eq!(app.db.db_count("audit_log", reused), 1);
    // The other session goes on.
    let other = refresh(&app, &other).expect(200).json();
    with_grant(&app, &other).get("/me").expect(200);
    let text = other["refreshToken"].as_str().unwrap();
    for wrong in [json!("rcr_x"), json!(""), other["accessToken"].clone(), json!(format!("{text}x"))] {
        let reply = send(&guest(&app), "POST", "/session/refresh", &json!({"refreshToken": wrong}));
        expect_problem(&reply, 401, "unauthorized");
    }
    for wrong in [json!({}), json!({"refreshToken": 5}), json!({"refreshToken": text, "more": 1})] {
        assert_eq!(send(&guest(&app), "POST", "/session/refresh", &wrong).status, 400, "{wrong}");
    }
    refresh(&app, &other).expect(200);
}

/// Another process of the same service.
fn another_process(app: &TestApp) -> Server {
    let mut command = program::command(&app.db.folder);
    command.args(["serve", "--listen", "127.0.0.1:0", "--database-url", &app.db.url]);
    // They have one address for clients, and it stands in their tokens.
    command.env("ROLLCALL__SERVER__PUBLIC_URL", &app.server.url);
    Server::start_with(&app.db.folder, command)
}

fn case_123_what_ends_a_session_is_seen_by_another_process(backend: Backend) {
    let app = TestApp::start(backend);
    let there = another_process(&app);
    let elsewhere = |client: &Client| client.at(format!("{}{ADMIN}", there.url));
    create_admin(&app.db, "acme", "owner@example.com", "owner");
    let owner = with_grant(&app, &sign_in(&app, app.acme(), "owner@example.com"));
    let made = create_admin(&app.db, "acme", "jane@example.com", "admin");
    let jane = format!("/admins/{}", id_of(&made));
    let enter = || {
        let grant = sign_in(&app, app.acme(), "jane@example.com");
        let client = elsewhere(&with_grant(&app, &grant));
        client.get("/me").expect(200);
        (grant, client)
    };
    let sessions = || {
        let of = format!("admin_id = {}", app.db.literal(id_of(&made)));
        app.db.db_count("admin_sessions", &of)
    };

    // Signing out ends this session and no other.
    let ((first, first_there), (second, second_there)) = (enter(), enter());
    let here = with_grant(&app, &first);
    here.delete("/session").expect(204);
    expect_problem(&here.delete("/session"), 401, "unauthorized");
    soon(&first_there, "GET", "/me", 401);
    expect_problem(&refresh(&app, &first), 401, "unauthorized");
    second_there.get("/me").expect(200);
    assert_eq!(sessions(), 1);

    // A new password ends all others.
    let (third, third_there) = enter();
    let new = "another phrase of blue quartz";
    let body = json!({"password": PASSWORD, "newPassword": new});
    send(&with_grant(&app, &third), "POST", "/me/password", &body).expect(204);
    soon(&second_there, "GET", "/me", 401);
    expect_problem(&refresh(&app, &second), 401, "unauthorized");
    third_there.get("/me").expect(200);
    assert_eq!(sessions(), 1);
    let login = |password: &str| {
        let body = json!({"tenant": "acme", "email": "jane@example.com", "password": password});
        send(&guest(&app), "POST", "/session", &body)
    };
    expect_problem(&login(PASSWORD), 401, "unauthorized");
    let body = json!({"password": new, "newPassword": PASSWORD});
    send(&with_grant(&app, &third), "POST", "/me/password", &body).expect(204);

    // Another role.
    let invitation = || json!({"email": "x y", "role": "auditor"});
    assert_eq!(send(&third_there, "POST", "/admins", &invitation()).status, 400);
    send(&owner, "PATCH", &jane, &json!({"role": "auditor"})).expect(200);
    let asked = Instant::now();
    while send(&third_there, "POST", "/admins", &invitation()).status != 403 {
        assert!(asked.elapsed() < Duration::from_secs(2), "the role is still believed");
        std::thread::sleep(Duration::from_millis(20));
    }
    third_there.get("/me").expect(200);

    // Disabled and enabled again, deleted.
    owner.request("POST", &format!("{jane}/disable")).send().expect(200);
    assert_eq!(sessions(), 0);
    soon(&third_there, "GET", "/me", 401);
    expect_problem(&refresh(&app, &third), 401, "unauthorized");
    expect_problem(&login(PASSWORD), 401, "unauthorized");
    owner.request("POST", &format!("{jane}/enable")).send().expect(200);
    expect_problem(&third_there.get("/me"), 401, "unauthorized");
    let (_, last_there) = enter();
    owner.delete(&jane).expect(204);
    soon(&last_there, "GET", "/me", 401);
}

fn a_session_ends_by_itself(backend: Backend) {
    let app = TestApp::start(backend);
    create_admin(&app.db, "acme", "jane@example.com", "owner");
    let past = "'2020-01-01T00:00:00.000000Z'";
    for column in ["idle_at", "ends_at"] {
        let grant = sign_in(&app, app.acme(), "jane@example.com");
        app.db.db_execute(&format!("UPDATE admin_sessions SET {column} = {past}"));
        expect_problem(&with_grant(&app, &grant).get("/me"), 401, "unauthorized");
        expect_problem(&refresh(&app, &grant), 401, "unauthorized");
        assert_eq!(app.db.db_count("admin_sessions", "1 = 1"), 0, "{column}");
    }
}

fn case_6_sessions_of_suspended_and_deleted_tenants(backend: Backend) {
    let app = TestApp::start(backend);
    create_admin(&app.db, "acme", "jane@example.com", "owner");
    let grant = sign_in(&app, app.acme(), "jane@example.com");
    let me = with_grant(&app, &grant);
    let login = |password: &str| {
        let body = json!({"tenant": "acme", "email": "jane@example.com", "password": password});
        send(&guest(&app), "POST", "/session", &body)
    };
    app.db.cli(&["tenant", "suspend", "acme"]);
    expect_problem(&soon(&me, "GET", "/me", 403), 403, "forbidden");
    for path in ["/admins", "/nothing"] {
        expect_problem(&me.get(path), 403, "forbidden");
    }
    expect_problem(&login(PASSWORD), 403, "forbidden");
    expect_problem(&login("not this one at all"), 401, "unauthorized");
    expect_problem(&refresh(&app, &grant), 403, "forbidden");
    app.db.cli(&["tenant", "resume", "acme"]);
    soon(&me, "GET", "/me", 200);
    let grant = refresh(&app, &grant).expect(200).json();
    app.db.cli(&["tenant", "delete", "acme", "--yes"]);
    soon(&me, "GET", "/me", 401);
    expect_problem(&login(PASSWORD), 401, "unauthorized");
    expect_problem(&refresh(&app, &grant), 401, "unauthorized");
    // A purge begins with the counters of the tenant; its sessions go later.
    app.db.db_execute(&format!(
        "DELETE FROM tenant_counters WHERE tenant_id = {}",
        app.db.literal(&app.acme().id)
    ));
    std::thread::sleep(Duration::from_secs(1));
    assert!(app.db.db_count("admin_sessions", "1 = 1") > 0);
    expect_problem(&me.get("/me"), 401, "unauthorized");
    expect_problem(&refresh(&app, &grant), 401, "unauthorized");
}

fn an_account_has_so_many_sessions(backend: Backend) {
    const MOST: usize = 20;
    let app = TestApp::start(backend);
    create_admin(&app.db, "acme", "jane@example.com", "owner");
    let grants: Vec<Value> = (0..=MOST).map(|_| sign_in(&app, app.acme(), "jane@example.com")).collect();
    assert_eq!(app.db.db_count("admin_sessions", "1 = 1"), MOST as i64);
    expect_problem(&refresh(&app, &grants[0]), 401, "unauthorized");
    refresh(&app, &grants[1]).expect(200);
    refresh(&app, &grants[MOST]).expect(200);
}

fn keys_are_rotated_and_nobody_is_signed_out(backend: Backend) {
    let app = TestApp::start(backend);
    create_admin(&app.db, "acme", "jane@example.com", "owner");
    let before = with_grant(&app, &sign_in(&app, app.acme(), "jane@example.com"));
    assert_eq!(app.db.db_count("signing_keys", "1 = 1"), 1);
    app.db.db_execute("UPDATE signing_keys SET created_at = '2020-01-01T00:00:00.000000Z'");
    // Whoever reads the keys next makes one, and only one of several.
    let others: Vec<Server> = (0..2).map(|_| another_process(&app)).collect();
    let there: Vec<Client> = others.iter().map(|other| before.at(format!("{}{ADMIN}", other.url))).collect();
    std::thread::scope(|scope| {
        for client in &there {
            scope.spawn(|| client.get("/me").expect(200).status);
        }
    });
    assert_eq!(app.db.db_count("signing_keys", "1 = 1"), 2);
    // All of them believe what any of them has signed.
    let body = json!({"tenant": "acme", "email": "jane@example.com", "password": PASSWORD});
    let anonymous = guest(&app).at(there[0].base_url.clone());
    let grant = send(&anonymous, "POST", "/session", &body).expect(200).json();
    for url in [&format!("{}{ADMIN}", app.server.url), &there[0].base_url, &there[1].base_url] {
        with_grant(&app, &grant).at(url.clone()).get("/me").expect(200);
        before.at(url.clone()).get("/me").expect(200);
    }
}
