//! Accounts: who is invited, changed and removed, by whom, and who stays.

use std::sync::Barrier;

use serde_json::{Value, json};

use crate::platform::{self, expect_problem};
use crate::support::admins::{
    ADMIN, PASSWORD, admin, cli_with_stdin, create_admin, guest, send, sign_in, with_grant,
};
use crate::support::app::TestApp;
use crate::support::backend::{Backend, both};
use crate::support::effort::rounds;
use crate::support::http::{Client, Reply, id_of};

both!(
    an_owner_invites_and_changes_accounts,
    case_129_links_are_good_once,
    an_open_session_gets_no_link_to_its_own_account,
    who_may_what,
    the_last_active_owner_stays,
    two_owners_do_not_remove_each_other,
    accounts_of_another_tenant_are_not_there,
    the_platform_invites_the_first_owner,
    the_command_line_does_the_same,
    wrong_bodies_change_nothing,
    a_tenant_has_so_many_accounts,
);

/// What the audit log says, in its order.
fn actions(app: &TestApp) -> Vec<String> {
    app.db.db_texts("SELECT action AS value FROM audit_log ORDER BY tenant_id, seq")
}

fn accept(app: &TestApp, invited: &Value, password: &str) -> Reply {
    let (secret, purpose) = (&invited["link"]["secret"], invited["link"]["purpose"].as_str().unwrap());
    let path = format!("/{purpose}s/accept");
    send(&guest(app), "POST", &path, &json!({"secret": secret, "password": password}))
}

fn invite(client: &Client, email: &str, role: &str) -> Reply {
    send(client, "POST", "/admins", &json!({"email": email, "role": role}))
}

fn post(client: &Client, path: &str) -> Reply {
    client.request("POST", path).send()
}

fn an_owner_invites_and_changes_accounts(backend: Backend) {
    let app = TestApp::start(backend);
    let owner = admin(&app, "owner");
    let reply = invite(&owner, "Jane@example.com", "admin");
    let made = reply.expect(201).json();
    let path = format!("/admins/{}", id_of(&made));
    assert_eq!(reply.header("Location"), Some(format!("{}{ADMIN}{path}", app.server.url).as_str()));
    assert_eq!((&made["state"], &made["role"]), (&json!("invited"), &json!("admin")));
    assert_eq!(made["link"]["purpose"], "invitation");
    let secret = made["link"]["secret"].as_str().unwrap().to_owned();
    assert!(secret.starts_with("rci_"), "{secret}");
    let mut shown = made.clone();
    shown.as_object_mut().unwrap().remove("link");
    assert_eq!(owner.get(&path).expect(200).json(), shown);
    expect_problem(&invite(&owner, "JANE@example.com", "auditor"), 409, "conflict");
    // Nobody signs in before the invitation is accepted, and a bad password leaves it open.
    let login = json!({"tenant": "acme", "email": "jane@example.com", "password": PASSWORD});
    expect_problem(&send(&guest(&app), "POST", "/session", &login), 401, "unauthorized");
    expect_problem(&accept(&app, &made, "too short"), 400, "invalid-value");
    let accepted = accept(&app, &made, PASSWORD).expect(200).json();
    assert_eq!((&accepted["state"], &accepted["tenant"]["slug"]), (&json!("active"), &json!("acme")));
    let jane = with_grant(&app, &sign_in(&app, app.acme(), "jane@example.com"));
    assert_eq!(jane.get("/me").expect(200).json()["role"], "admin");

    let changed = send(&owner, "PATCH", &path, &json!({"role": "auditor"})).expect(200).json();
    assert_eq!(changed["role"], "auditor");
    send(&owner, "PATCH", &path, &json!({"role": "auditor"})).expect(200);
    send(&owner, "PATCH", &path, &json!({})).expect(200);
    for state in ["disabled", "disabled", "active", "active"] {
        let verb = if state == "disabled" { "disable" } else { "enable" };
        assert_eq!(post(&owner, &format!("{path}/{verb}")).expect(200).json()["state"], state);
    }
    owner.delete(&path).expect(204);
    expect_problem(&owner.get(&path), 404, "not-found");
    expect_problem(&owner.delete(&path), 404, "not-found");
    assert_eq!(owner.get("/admins").expect(200).json()["admins"].as_array().unwrap().len(), 1);
    let log = actions(&app);
    let of_jane: Vec<&str> = log.iter().map(String::as_str).skip(2).collect();
    assert_eq!(
        of_jane,
        [
            "admin_invited",
            "sign_in_refused",
            "admin_invitation_accepted",
            "admin_signed_in",
            "admin_role_changed",
            "admin_disabled",
            "admin_enabled",
            "admin_deleted"
        ]
    );
    let text = app.db.db_dump().join("\n") + &app.server.log_text();
    assert!(!text.contains(&secret) && !text.contains(PASSWORD), "a secret is kept as it is");
    let detail = app.db.db_texts("SELECT detail AS value FROM audit_log WHERE action = 'admin_deleted'");
    assert_eq!(detail, ["auditor Jane@example.com"]);
}

fn case_129_links_are_good_once(backend: Backend) {
    let app = TestApp::start(backend);
    let owner = admin(&app, "owner");
    let made = invite(&owner, "jane@example.com", "admin").expect(201).json();
    let path = format!("/admins/{}", id_of(&made));
    // Another one takes the place of the first.
    let again = send(&owner, "POST", &format!("{path}/reset"), &json!({})).expect(200).json();
    assert_eq!(again["link"]["purpose"], "invitation");
    assert_eq!(app.db.db_count("admin_links", "1 = 1"), 1);
    expect_problem(&accept(&app, &made, PASSWORD), 400, "invalid-value");
    accept(&app, &again, PASSWORD).expect(200);
    expect_problem(&accept(&app, &again, PASSWORD), 400, "invalid-value");
    assert_eq!(app.db.db_count("admin_links", "1 = 1"), 0);

    let session = sign_in(&app, app.acme(), "jane@example.com");
    let reset = || send(&owner, "POST", &format!("{path}/reset"), &json!({})).expect(200).json();
    let new = "another phrase of blue quartz";
    // A link of one kind is none of the other.
    let link = reset();
    assert_eq!(link["link"]["purpose"], "reset");
    let body = json!({"secret": link["link"]["secret"], "password": new});
    expect_problem(&send(&guest(&app), "POST", "/invitations/accept", &body), 400, "invalid-value");
    // Half an hour, to the second.
    let left = |link: &Value| {
        let ends = link["link"]["expiresAt"].as_str().unwrap();
        chrono::DateTime::parse_from_rfc3339(ends).unwrap().to_utc() - chrono::Utc::now()
    };
    assert!((25..=30).contains(&left(&link).num_minutes()), "{link}");
    app.db.db_execute("UPDATE admin_links SET ends_at = '2020-01-01T00:00:00.000000Z'");
    expect_problem(&accept(&app, &link, new), 400, "invalid-value");
    // Disabling takes a link away, and a disabled account gets none.
    let link = reset();
    post(&owner, &format!("{path}/disable")).expect(200);
    expect_problem(&accept(&app, &link, new), 400, "invalid-value");
    expect_problem(&send(&owner, "POST", &format!("{path}/reset"), &json!({})), 409, "conflict");
    post(&owner, &format!("{path}/enable")).expect(200);
    expect_problem(&accept(&app, &link, new), 400, "invalid-value");
    let digests = app.db.db_count("admin_links", "1 = 1");
    assert_eq!(digests, 0);
    // The host of the request plays no part, and the password changes with the link alone.
    sign_in(&app, app.acme(), "jane@example.com");
    let link = reset();
    sign_in(&app, app.acme(), "jane@example.com");
    let body = json!({"secret": link["link"]["secret"], "password": new});
    let reply = guest(&app)
        .request("POST", "/resets/accept")
        .header("X-Forwarded-Host", "evil.example")
        .body(body.to_string(), "application/json")
        .send();
    assert!(!reply.expect(200).text.contains("evil"));
    assert_eq!(app.db.db_count("admin_sessions", "1 = 1"), 1, "only the owner is signed in");
    expect_problem(&with_grant(&app, &session).get("/me"), 401, "unauthorized");
    let login = |password: &str| {
        let body = json!({"tenant": "acme", "email": "jane@example.com", "password": password});
        send(&guest(&app), "POST", "/session", &body).status
    };
    assert_eq!((login(PASSWORD), login(new)), (401, 200));
    for wrong in ["", "rci_x", session["refreshToken"].as_str().unwrap()] {
        let body = json!({"secret": wrong, "password": new});
        expect_problem(&send(&guest(&app), "POST", "/resets/accept", &body), 400, "invalid-value");
    }
    let forged = auth::link::generate(domain::id::TenantId::parse(&app.acme().id).unwrap()).unwrap();
    let body = json!({"secret": forged.reveal(), "password": new});
    expect_problem(&send(&guest(&app), "POST", "/resets/accept", &body), 400, "invalid-value");
}

fn an_open_session_gets_no_link_to_its_own_account(backend: Backend) {
    let app = TestApp::start(backend);
    for role in ["owner", "admin"] {
        let client = admin(&app, role);
        let id = id_of(&client.get("/me").expect(200).json()).to_owned();
        let before = app.db.db_dump();
        for body in [json!({}), json!({"removeTotp": true})] {
            let reply = send(&client, "POST", &format!("/admins/{id}/reset"), &body);
            expect_problem(&reply, 403, "forbidden");
            assert!(reply.text.contains("/me/password"), "{}", reply.text);
        }
        app.db.db_assert_unchanged(&before);
    }
    // Another one who may gives a link.
    let (owner, other) = (admin(&app, "owner"), admin(&app, "owner"));
    let path = format!("/admins/{}/reset", id_of(&other.get("/me").expect(200).json()));
    send(&owner, "POST", &path, &json!({})).expect(200);
}

fn who_may_what(backend: Backend) {
    let app = TestApp::start(backend);
    let owner = admin(&app, "owner");
    let (manager, auditor) = (admin(&app, "admin"), admin(&app, "auditor"));
    let id_of_me = |client: &Client| id_of(&client.get("/me").expect(200).json()).to_owned();
    let (of_owner, of_admin) = (id_of_me(&owner), id_of_me(&manager));
    // Everybody reads.
    for client in [&owner, &manager, &auditor] {
        assert_eq!(client.get("/admins").expect(200).json()["admins"].as_array().unwrap().len(), 3);
        client.get(&format!("/admins/{of_owner}")).expect(200);
    }
    let before = app.db.db_dump();
    // An admin leaves owners alone and makes none.
    expect_problem(&invite(&manager, "x@example.com", "owner"), 403, "forbidden");
    let own = format!("/admins/{of_admin}");
    expect_problem(&send(&manager, "PATCH", &own, &json!({"role": "owner"})), 403, "forbidden");
    let path = format!("/admins/{of_owner}");
    for client in [&manager, &auditor] {
        expect_problem(&send(client, "PATCH", &path, &json!({"role": "auditor"})), 403, "forbidden");
        expect_problem(&post(client, &format!("{path}/disable")), 403, "forbidden");
        expect_problem(&post(client, &format!("{path}/enable")), 403, "forbidden");
        expect_problem(&send(client, "POST", &format!("{path}/reset"), &json!({})), 403, "forbidden");
        expect_problem(&client.delete(&path), 403, "forbidden");
    }
    // An auditor changes nobody, not even where there is nothing.
    expect_problem(&invite(&auditor, "x@example.com", "auditor"), 403, "forbidden");
    for path in [own.clone(), "/admins/nonsense".into(), "/nothing".into(), "/mean".into()] {
        expect_problem(&auditor.delete(&path), 403, "forbidden");
        expect_problem(&send(&auditor, "PATCH", &path, &json!({"role": "owner"})), 403, "forbidden");
        expect_problem(&post(&auditor, &path), 403, "forbidden");
    }
    app.db.db_assert_unchanged(&before);
    // But an auditor changes his own password, and signs out.
    let body = json!({"password": PASSWORD, "newPassword": "another phrase of blue quartz"});
    send(&auditor, "POST", "/me/password", &body).expect(204);
    auditor.delete("/session").expect(204);
    // An admin looks after other admins.
    let made = invite(&manager, "x@example.com", "admin").expect(201).json();
    let path = format!("/admins/{}", id_of(&made));
    send(&manager, "PATCH", &path, &json!({"role": "auditor"})).expect(200);
    manager.delete(&path).expect(204);
}

fn the_last_active_owner_stays(backend: Backend) {
    let app = TestApp::start(backend);
    let owner = admin(&app, "owner");
    let me = format!("/admins/{}", id_of(&owner.get("/me").expect(200).json()));
    // Neither an admin nor an owner who cannot sign in takes his place.
    admin(&app, "admin");
    let invited = invite(&owner, "next@example.com", "owner").expect(201).json();
    let before = app.db.db_dump();
    for reply in [
        send(&owner, "PATCH", &me, &json!({"role": "admin"})),
        post(&owner, &format!("{me}/disable")),
        owner.delete(&me),
    ] {
        expect_problem(&reply, 409, "conflict");
        assert!(reply.text.contains("last active owner"), "{}", reply.text);
    }
    app.db.db_assert_unchanged(&before);
    accept(&app, &invited, PASSWORD).expect(200);
    post(&owner, &format!("/admins/{}/disable", id_of(&invited))).expect(200);
    expect_problem(&owner.delete(&me), 409, "conflict");
    post(&owner, &format!("/admins/{}/enable", id_of(&invited))).expect(200);
    send(&owner, "PATCH", &me, &json!({"role": "admin"})).expect(200);
    let next = with_grant(&app, &sign_in(&app, app.acme(), "next@example.com"));
    expect_problem(&post(&next, &format!("/admins/{}/disable", id_of(&invited))), 409, "conflict");
    let arguments = ["admin", "disable", "--tenant", "acme", "next@example.com"];
    assert_eq!(cli_with_stdin(&app.db, &arguments, "").status.code(), Some(1), "nor on the command line");
}

fn two_owners_do_not_remove_each_other(backend: Backend) {
    let app = TestApp::start(backend);
    let (one, other) = (admin(&app, "owner"), admin(&app, "owner"));
    let path = |client: &Client| format!("/admins/{}", id_of(&client.get("/me").expect(200).json()));
    let (of_one, of_other) = (path(&one), path(&other));
    for _ in 0..rounds(20) {
        let start = Barrier::new(2);
        let demote = |by: &Client, whom: &str| {
            start.wait();
            send(by, "PATCH", whom, &json!({"role": "admin"})).status
        };
        let mut statuses = std::thread::scope(|scope| {
            let first = scope.spawn(|| demote(&one, &of_other));
            let second = scope.spawn(|| demote(&other, &of_one));
            [first.join().unwrap(), second.join().unwrap()]
        });
        statuses.sort_unstable();
        assert_eq!(statuses[0], 200);
        assert!([403, 409].contains(&statuses[1]), "{statuses:?}");
        assert_eq!(app.db.db_count("admins", "role = 'owner'"), 1);
        app.db.db_execute("UPDATE admins SET role = 'owner'");
        // What is remembered of their roles goes by.
        std::thread::sleep(std::time::Duration::from_millis(550));
    }
}

fn accounts_of_another_tenant_are_not_there(backend: Backend) {
    let app = TestApp::start(backend);
    let owner = admin(&app, "owner");
    let theirs = create_admin(&app.db, "globex", "theirs@example.com", "admin");
    let before = app.db.db_dump();
    let random = "0190a5c0-0000-7000-8000-000000000000";
    let as_read = |reply: Reply| {
        expect_problem(&reply, 404, "not-found");
        let mut body = reply.json();
        body["instance"] = Value::Null;
        body.to_string()
    };
    for (method, path) in [
        ("GET", ""),
        ("PATCH", ""),
        ("DELETE", ""),
        ("POST", "/disable"),
        ("POST", "/enable"),
        ("POST", "/reset"),
    ] {
        let ask = |id: &str| as_read(send(&owner, method, &format!("/admins/{id}{path}"), &json!({})));
        let absent = ask(random);
        for id in [id_of(&theirs), &id_of(&theirs).to_uppercase(), "nonsense"] {
            assert_eq!(ask(id), absent, "{method} {path}");
        }
    }
    assert!(!owner.get("/admins").expect(200).text.contains("theirs"));
    app.db.db_assert_unchanged(&before);
}

fn the_platform_invites_the_first_owner(backend: Backend) {
    let app = TestApp::start(backend);
    let client = app.client_with(platform::BASE, Some(platform::credential(&app)));
    let path = format!("/tenants/{}/admins", app.acme().id);
    let made = send(&client, "POST", &path, &json!({"email": "jane@example.com"})).expect(201).json();
    assert_eq!((&made["role"], &made["state"]), (&json!("owner"), &json!("invited")));
    accept(&app, &made, PASSWORD).expect(200);
    let jane = with_grant(&app, &sign_in(&app, app.acme(), "jane@example.com"));
    assert_eq!(jane.get("/me").expect(200).json()["role"], "owner");
    assert_eq!(app.db.db_count("audit_log", "action = 'admin_invited' AND actor_kind = 'platform'"), 1);
    expect_problem(&send(&client, "POST", &path, &json!({"email": "jane@example.com"})), 409, "conflict");
    expect_problem(&send(&client, "POST", &path, &json!({"role": "owner"})), 400, "invalid-value");
    let body = json!({"email": "john@example.com", "role": "auditor"});
    assert_eq!(send(&client, "POST", &path, &body).expect(201).json()["role"], "auditor");
    let nobody = "/tenants/0190a5c0-0000-7000-8000-000000000000/admins";
    expect_problem(&send(&client, "POST", nobody, &body), 404, "not-found");
    client.delete(&format!("/tenants/{}", app.acme().id)).expect(200);
    let body = json!({"email": "late@example.com"});
    expect_problem(&send(&client, "POST", &path, &body), 409, "conflict");
}

fn the_command_line_does_the_same(backend: Backend) {
    let app = TestApp::start(backend);
    let db = &app.db;
    let run = |verb: &str, more: &[&str]| {
        let mut arguments = vec!["admin", verb, "--tenant", "acme"];
        arguments.extend(more);
        db.cli_json(&arguments)
    };
    let secret = db.cli(&["admin", "invite", "--tenant", "acme", "--email", "first@example.com"]);
    assert!(secret.starts_with("rci_"), "{secret}");
    let body = json!({"secret": secret, "password": PASSWORD});
    send(&guest(&app), "POST", "/invitations/accept", &body).expect(200);
    let made = run("invite", &["--email", "second@example.com", "--role", "admin"]);
    accept(&app, &made, PASSWORD).expect(200);
    assert_eq!(run("set-role", &["SECOND@example.com", "auditor"])["role"], "auditor");
    assert_eq!(run("set-role", &[id_of(&made), "owner"])["role"], "owner");
    assert_eq!(run("disable", &["second@example.com"])["state"], "disabled");
    assert_eq!(run("enable", &["second@example.com"])["state"], "active");
    let reset = run("reset", &["second@example.com"]);
    accept(&app, &reset, "another phrase of blue quartz").expect(200);
    let all = run("list", &[]);
    assert_eq!(all.as_array().unwrap().len(), 2);
    assert!(!all.to_string().contains("rci_"));
    let lines = db.cli(&["admin", "list", "--tenant", "acme"]);
    assert!(lines.contains("\towner\tactive\tnever\tfirst@example.com"), "{lines}");
    run("delete", &["second@example.com", "--yes"]);
    assert_eq!(db.db_count("admins", "1 = 1"), 1);
    let kinds = db.db_texts("SELECT DISTINCT actor_kind AS value FROM audit_log ORDER BY 1");
    assert_eq!(kinds, ["admin", "operator"]);
    let verified = db.cli(&["audit", "verify", "--tenant", "acme"]);
    assert!(!verified.is_empty());
}

fn wrong_bodies_change_nothing(backend: Backend) {
    let app = TestApp::start(backend);
    let owner = admin(&app, "owner");
    let me = format!("/admins/{}", id_of(&owner.get("/me").expect(200).json()));
    let before = app.db.db_dump();
    let good = "x@example.com";
    for wrong in [
        json!([]),
        json!({}),
        json!({"email": good}),
        json!({"role": "owner"}),
        json!({"email": "no address", "role": "owner"}),
        json!({"email": "a@b\r\nBcc: c@d", "role": "owner"}),
        json!({"email": "pa\u{200b}y@example.com", "role": "owner"}),
        json!({"email": format!("{}@example.com", "a".repeat(243)), "role": "owner"}),
        json!({"email": good, "role": "emperor"}),
        json!({"email": good, "role": "Owner"}),
        json!({"email": good, "role": "owner", "password": PASSWORD}),
        json!({"email": good, "role": "owner", "tenant": "globex"}),
    ] {
        assert_eq!(send(&owner, "POST", "/admins", &wrong).status, 400, "{wrong}");
    }
    for wrong in [json!([]), json!({"role": "emperor"}), json!({"email": good}), json!({"state": "disabled"})]
    {
        assert_eq!(send(&owner, "PATCH", &me, &wrong).status, 400, "{wrong}");
    }
    for wrong in [json!([]), json!({"removeTotp": "yes"}), json!({"email": good})] {
        assert_eq!(send(&owner, "POST", &format!("{me}/reset"), &wrong).status, 400, "{wrong}");
    }
    let text = owner.request("POST", "/admins").body("{}", "text/plain").send();
    expect_problem(&text, 415, "unsupported-media-type");
    app.db.db_assert_unchanged(&before);
    let longest = json!({"email": format!("{}@example.com", "a".repeat(242)), "role": "owner"});
    send(&owner, "POST", "/admins", &longest).expect(201);
}

fn a_tenant_has_so_many_accounts(backend: Backend) {
    const MOST: usize = 200;
    let app = TestApp::start(backend);
    let owner = admin(&app, "owner");
    let made: Vec<Value> = (1..MOST)
        .map(|n| invite(&owner, &format!("a{n}@example.com"), "auditor").expect(201).json())
        .collect();
    let before = app.db.db_count("audit_log", "1 = 1");
    expect_problem(&invite(&owner, "more@example.com", "auditor"), 403, "forbidden");
    assert_eq!(app.db.db_count("admins", "1 = 1"), MOST as i64);
    assert_eq!(app.db.db_count("audit_log", "1 = 1"), before);
    owner.delete(&format!("/admins/{}", id_of(&made[0]))).expect(204);
    invite(&owner, "more@example.com", "auditor").expect(201);
}
