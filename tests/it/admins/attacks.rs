//! Attacks on accounts of admins, case by case.

use std::io::Write;
use std::time::{Duration, Instant};

use auth::Sessions;
use auth::password::Password;
use auth::password::hasher::Parameters;
use auth::sessions::{Login, Visitor};
use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use chrono::Utc;
use domain::Error;
use serde_json::{Value, json};

use crate::filters::open;
use crate::platform::expect_problem;
use crate::support::admins::{
    ADMIN, PASSWORD, admin, cli_with_stdin, create_admin, guest, send, sign_in, with_grant,
};
use crate::support::app::TestApp;
use crate::support::backend::{Backend, both};
use crate::support::db::TestDb;
use crate::support::http::{BASES, Carrier, Reply, id_of, user_path};
use crate::support::users::user;
use crate::support::{program, raw};

both!(
    case_50_scim_does_not_reach_accounts,
    case_52_a_user_with_the_address_of_an_admin,
    case_53_a_disabled_user_and_a_disabled_admin,
    case_110_one_address_in_several_forms,
    case_112_letters_that_look_like_others,
    case_116_every_attempt_is_one_hash,
    case_117_guesses_wait_and_the_owner_does_not,
    case_118_many_logins_at_once,
    case_119_passwords,
    case_120_access_tokens_of_other_forms,
    case_122_tokens_at_the_wrong_place,
    case_130_nobody_is_there_by_default,
);

fn login_as(app: &TestApp, tenant: &str, email: &str, password: &str) -> Reply {
    let body = json!({"tenant": tenant, "email": email, "password": password});
    send(&guest(app), "POST", "/session", &body)
}

/// The rows of accounts, to be compared.
fn accounts(db: &TestDb) -> Vec<String> {
    db.db_dump().into_iter().filter(|row| row.starts_with("admin")).collect()
}

fn case_50_scim_does_not_reach_accounts(backend: Backend) {
    let app = TestApp::start(backend);
    let made = create_admin(&app.db, "acme", "jane@example.com", "owner");
    let before = accounts(&app.db);
    let random = "0190a5c0-0000-7000-8000-000000000000";
    for base in BASES {
        let client = app.client(base, app.acme());
        for collection in ["/Users", "/Groups", "/Usergroups"] {
            let ask = |method: &str, id: &str| {
                let body = json!({"userName": "evil@example.com", "active": false});
                let reply = client.request(method, &format!("{collection}/{id}")).json(&body).send();
                (reply.status, reply.text)
            };
            for method in ["GET", "PUT", "DELETE"] {
                assert_eq!(ask(method, id_of(&made)), ask(method, random), "{method} {base}{collection}");
                assert_eq!(ask(method, id_of(&made)).0, 404);
                assert_eq!(ask(method, "jane@example.com").0, 404);
            }
        }
        for filter in ["userName eq \"jane@example.com\"", "emails.value eq \"jane@example.com\""] {
            assert_eq!(client.filter(filter).total(), 0, "{filter}");
        }
        assert_eq!(client.filter(&format!("id eq \"{}\"", id_of(&made))).total(), 0);
        for path in ["/admins", "/Admins", "/admin_sessions"] {
            client.get(path).expect_error(404, None);
        }
    }
    assert_eq!(accounts(&app.db), before);
    sign_in(&app, app.acme(), "jane@example.com");
}

fn case_52_a_user_with_the_address_of_an_admin(backend: Backend) {
    let app = TestApp::start(backend);
    create_admin(&app.db, "acme", "jane@example.com", "owner");
    let before = accounts(&app.db);
    // They are two, whatever becomes of the user; and the answer is that for any other address.
    let client = app.rfc();
    let body = json!({
        "userName": "jane@example.com", "password": "overwritten by SCIM 1", "active": true,
        "emails": [{"value": "jane@example.com", "primary": true}], "roles": ["agent"],
    });
    let made = client.post("/Users", &body).expect(201).json();
    let path = user_path(&made);
    client.patch(&path, json!([{"op": "replace", "value": {"active": false}}])).expect(200);
    client.delete(&path).expect(204);
    assert_eq!(accounts(&app.db), before, "nobody is adopted");
    assert_eq!(login_as(&app, "acme", "jane@example.com", "overwritten by SCIM 1").status, 401);
    sign_in(&app, app.acme(), "jane@example.com");
}

fn case_53_a_disabled_user_and_a_disabled_admin(backend: Backend) {
    let app = TestApp::start(backend);
    let owner = admin(&app, "owner");
    let made = create_admin(&app.db, "acme", "jane@example.com", "admin");
    let jane = with_grant(&app, &sign_in(&app, app.acme(), "jane@example.com"));
    // Through SCIM only a user of that name ends, not the admin.
    let user = app.rfc().create(&json!({"userName": "jane@example.com"}));
    app.rfc().patch(&user_path(&user), json!([{"op": "replace", "value": {"active": false}}])).expect(200);
    jane.get("/me").expect(200);
    let path = format!("/admins/{}/disable", id_of(&made));
    owner.request("POST", &path).send().expect(200);
    let of_jane = format!("admin_id = {}", app.db.literal(id_of(&made)));
    assert_eq!(app.db.db_count("admin_sessions", &of_jane), 0, "in the same transaction");
    let asked = Instant::now();
    while jane.get("/me").status != 401 {
        assert!(asked.elapsed() < Duration::from_secs(2), "a disabled admin is still let in");
        std::thread::sleep(Duration::from_millis(20));
    }
    expect_problem(&login_as(&app, "acme", "jane@example.com", PASSWORD), 401, "unauthorized");
}

fn case_110_one_address_in_several_forms(backend: Backend) {
    let app = TestApp::start(backend);
    let owner = admin(&app, "owner");
    let invite = |email: &str| send(&owner, "POST", "/admins", &json!({"email": email, "role": "admin"}));
    for (first, others) in [
        ("Admin@example.com", vec!["admin@example.com", "ADMIN@EXAMPLE.COM"]),
        (
            "Élodie@example.com",
            vec!["élodie@example.com", "E\u{301}lodie@example.com", "e\u{301}LODIE@EXAMPLE.com"],
        ),
    ] {
        invite(first).expect(201);
        for other in others {
            expect_problem(&invite(other), 409, "conflict");
        }
    }
    create_admin(&app.db, "acme", "Zoë@example.com", "admin");
    for form in ["zoë@example.com", "ZOE\u{308}@EXAMPLE.COM"] {
        login_as(&app, "acme", form, PASSWORD).expect(200);
    }
    assert_eq!(app.db.db_count("admins", "1 = 1"), 4);
}

fn case_112_letters_that_look_like_others(backend: Backend) {
    let app = TestApp::start(backend);
    create_admin(&app.db, "acme", "mike@example.com", "owner");
    for other in ["mıke@example.com", "mİke@example.com", "mi\u{307}ke@example.com", "ｍike@example.com"] {
        expect_problem(&login_as(&app, "acme", other, PASSWORD), 401, "unauthorized");
    }
    // A look-alike is another account, and a link is for the account it was made for.
    let other = create_admin(&app.db, "acme", "mıke@example.com", "auditor");
    let reset = app.db.cli_json(&["admin", "reset", "--tenant", "acme", "mıke@example.com"]);
    assert_eq!((id_of(&reset), &reset["email"]), (id_of(&other), &json!("mıke@example.com")));
    let body = json!({"secret": reset["link"]["secret"], "password": "another phrase of blue quartz"});
    send(&guest(&app), "POST", "/resets/accept", &body).expect(200);
    login_as(&app, "acme", "mike@example.com", PASSWORD).expect(200);
    app.rfc().create(&user("mike"));
    assert_eq!(app.rfc().filter("userName eq \"mıke@example.com\"").total(), 0);
}

fn case_116_every_attempt_is_one_hash(backend: Backend) {
    let db = TestDb::ready(backend);
    for (email, role) in [("jane", "owner"), ("disabled", "owner"), ("broken", "admin")] {
        create_admin(&db, "acme", &format!("{email}@example.com"), role);
    }
    db.cli(&["admin", "invite", "--tenant", "acme", "--email", "invited@example.com"]);
    db.cli(&["admin", "disable", "--tenant", "acme", "disabled@example.com"]);
    db.db_execute("UPDATE admins SET password = '$argon2id$broken' WHERE email_key = 'broken@example.com'");
    let sessions = Sessions::new(open(&db.url), Parameters::LEAST, "http://x").unwrap();
    let attempt = |tenant: &str, email: &str, password: &str| {
        let login = Login {
            tenant: tenant.into(),
            email: email.into(),
            password: Password::new(password.into()),
            code: None,
        };
        let visitor = Visitor { request: "r".into(), address: "a".into() };
        let before = sessions.hasher().runs();
        let outcome = sessions.sign_in(&login, &visitor, Utc::now());
        (outcome, sessions.hasher().runs() - before)
    };
    for (tenant, email, password) in [
        ("acme", "nobody@example.com", PASSWORD),
        ("nobody", "jane@example.com", PASSWORD),
        ("acme", "jane@example.com", "xkcd tree window plun"),
        ("acme", "disabled@example.com", PASSWORD),
        ("acme", "invited@example.com", PASSWORD),
        ("acme", "broken@example.com", PASSWORD),
        ("acme", "", ""),
    ] {
        let (outcome, runs) = attempt(tenant, email, password);
        assert!(matches!(outcome, Err(Error::Unauthorized(_))), "{tenant} {email}");
        assert_eq!(runs, 1, "{tenant} {email}");
    }
    let (outcome, runs) = attempt("acme", "jane@example.com", PASSWORD);
    assert!(outcome.is_ok() && runs == 1);
    // One with other parameters is made anew, once.
    let stronger = Parameters { iterations: 3, ..Parameters::LEAST };
    let sessions = Sessions::new(open(&db.url), stronger, "http://x").unwrap();
    for expected in [2, 1] {
        let login = Login {
            tenant: "acme".into(),
            email: "jane@example.com".into(),
            password: Password::new(PASSWORD.into()),
            code: None,
        };
        let visitor = Visitor { request: "r".into(), address: "a".into() };
        let before = sessions.hasher().runs();
        sessions.sign_in(&login, &visitor, Utc::now()).unwrap();
        assert_eq!(sessions.hasher().runs() - before, expected);
    }
    let stored = "SELECT password AS value FROM admins WHERE email_key = 'jane@example.com'";
    assert!(db.db_texts(stored)[0].contains("t=3"));
}

fn case_117_guesses_wait_and_the_owner_does_not(backend: Backend) {
    const FREE: usize = 10;
    let app = TestApp::start(backend);
    create_admin(&app.db, "acme", "jane@example.com", "owner");
    let grant = sign_in(&app, app.acme(), "jane@example.com");
    let guess = || login_as(&app, "acme", "jane@example.com", "not this one at all");
    for n in 0..FREE {
        expect_problem(&guess(), 401, "unauthorized");
        if n == 0 {
            expect_problem(&login_as(&app, "acme", "john@example.com", PASSWORD), 401, "unauthorized");
        }
    }
    let mut refused = 0;
    for _ in FREE..101 {
        let reply = guess();
        if reply.status == 429 {
            expect_problem(&reply, 429, "too-many-requests");
            let after = reply.header("Retry-After").unwrap().parse::<u64>().unwrap();
            assert!((1..=900).contains(&after));
            refused += 1;
        }
    }
    assert!(refused > 80, "{refused}");
    // The right one waits here too, or it would be another guess; who is signed in is not disturbed.
    assert_eq!(login_as(&app, "acme", "jane@example.com", PASSWORD).status, 429);
    let me = with_grant(&app, &grant);
    me.get("/me").expect(200);
    let body = json!({"password": PASSWORD, "newPassword": "another phrase of blue quartz"});
    expect_problem(&send(&me, "POST", "/me/password", &body), 429, "too-many-requests");
    // From another address the owner is let in.
    assert_eq!(status_from("127.0.0.2", &app, "jane@example.com"), 200);
    assert_eq!(app.db.db_count("audit_log", "action = 'sign_in_refused'"), 2, "one for each name");
    // Nobody else waits.
    create_admin(&app.db, "acme", "john@example.com", "owner");
    sign_in(&app, app.acme(), "john@example.com");
}

/// The status of a login that comes from another address of this machine.
fn status_from(source: &str, app: &TestApp, email: &str) -> u16 {
    let body = json!({"tenant": "acme", "email": email, "password": PASSWORD}).to_string();
    let mut stream = raw::connect_from(source, app.server.address());
    let head = format!(
        "POST {ADMIN}/session HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\nContent-Length: {}\r\n\r\n",
        body.len()
    );
    stream.write_all((head + &body).as_bytes()).unwrap();
    raw::read_reply(&mut stream, "a login from elsewhere").status
}

fn case_118_many_logins_at_once(backend: Backend) {
    const LOGINS: usize = 120;
    const MIB: u64 = 40;
    // Large enough that an allocator gives it back: below 32 MiB some keep it for each thread.
    let memory = ("ROLLCALL__ADMINS__HASH_MEMORY_KIB", &*(MIB << 10).to_string());
    let free = ("ROLLCALL__LIMITS__SIGN_IN_FAILURES", "0");
    let app = TestApp::start_with(backend, &[memory, free]);
    login_as(&app, "acme", "warm@example.com", PASSWORD);
    let before = app.server.resident_bytes();
    let replies: Vec<Reply> = std::thread::scope(|scope| {
        let threads: Vec<_> = (0..LOGINS)
            .map(|n| {
                let guest = guest(&app);
                let body =
                    json!({"tenant": "acme", "email": format!("a{n}@example.com"), "password": PASSWORD});
                scope.spawn(move || send(&guest, "POST", "/session", &body))
            })
            .collect();
        threads.into_iter().map(|thread| thread.join().unwrap()).collect()
    });
    let statuses: Vec<u16> = replies.iter().map(|reply| reply.status).collect();
    let of = |status: u16| statuses.iter().filter(|one| **one == status).count();
    // On a busy machine a queue may last longer than a request.
    assert_eq!(of(401) + of(429) + of(503), LOGINS, "{statuses:?}");
    assert!(of(401) >= 2 && of(429) > 0, "{statuses:?}");
    for reply in replies.iter().filter(|reply| reply.status == 429) {
        expect_problem(reply, 429, "too-many-requests");
        assert!(reply.header("retry-after").is_some_and(|text| text.parse::<u64>().is_ok_and(|n| n > 0)));
    }
    let grown = app.server.resident_bytes().saturating_sub(before);
    assert!(grown < 2 * (MIB << 20) + (32 << 20), "the server has grown by {grown} bytes");
    app.rfc().create(&user("mia"));
}

fn case_119_passwords(backend: Backend) {
    let app = TestApp::start(backend);
    let owner = admin(&app, "owner");
    let text = |characters: usize| -> String {
        "9fK2 mQ7x-W4bN ß8vT z3Rq".chars().cycle().take(characters).collect()
    };
    let invite = |email: &str| {
        let body = json!({"email": email, "role": "admin"});
        send(&owner, "POST", "/admins", &body).expect(201).json()
    };
    let accept = |invited: &Value, password: &str| {
        let body = json!({"secret": invited["link"]["secret"], "password": password});
        send(&guest(&app), "POST", "/invitations/accept", &body)
    };
    for (n, (characters, status)) in
        [(14, 400), (15, 200), (64, 200), (256, 200), (257, 400)].into_iter().enumerate()
    {
        let email = format!("jane{n}@example.org");
        let invited = invite(&email);
        let reply = accept(&invited, &text(characters));
        assert_eq!(reply.status, status, "{characters}: {}", reply.text);
        if status == 200 {
            login_as(&app, "acme", &email, &text(characters)).expect(200);
            expect_problem(&login_as(&app, "acme", &email, &text(characters - 1)), 401, "unauthorized");
        } else {
            expect_problem(&reply, 400, "invalid-value");
        }
    }
    let invited = invite("john.doe@example.org");
    for (bad, reason) in [
        ("password1234567", "easy to guess"),
        ("iloveyouiloveyou", "easy to guess"),
        ("xkcd tree window John.Doe", "e-mail address"),
        ("xkcd tree window acme", "organisation"),
    ] {
        let reply = accept(&invited, bad);
        expect_problem(&reply, 400, "invalid-value");
        assert!(reply.text.contains(reason) && !reply.text.contains(bad), "{}", reply.text);
    }
    expect_problem(&accept(&invited, &"x".repeat(1 << 20)), 413, "too-large");
    expect_problem(&login_as(&app, "acme", "john.doe@example.org", &"x".repeat(1 << 20)), 413, "too-large");
    // Two that differ far behind are two, and two forms of one text are one.
    let long = format!("{}ä", text(73));
    accept(&invited, &long).expect(200);
    let other = format!("{}ö", text(73));
    assert_eq!(login_as(&app, "acme", "john.doe@example.org", &other).status, 401);
    login_as(&app, "acme", "john.doe@example.org", &long.replace('ä', "a\u{308}")).expect(200);
}

fn case_120_access_tokens_of_other_forms(backend: Backend) {
    let app = TestApp::start(backend);
    create_admin(&app.db, "acme", "jane@example.com", "owner");
    let grant = sign_in(&app, app.acme(), "jane@example.com");
    let access = grant["accessToken"].as_str().unwrap();
    let parts: Vec<&str> = access.split('.').collect();
    let [header, claims, signature] = parts[..] else { panic!("{access}") };
    let encode = |value: &Value| URL_SAFE_NO_PAD.encode(value.to_string());
    let decoded: Value = serde_json::from_slice(&URL_SAFE_NO_PAD.decode(header).unwrap()).unwrap();
    let with = |name: &str, value: Value| {
        let mut changed = decoded.clone();
        changed[name] = value;
        encode(&changed)
    };
    let before = app.db.db_dump();
    let forged = [
        with("alg", json!("none")),
        with("alg", json!("HS384")),
        with("alg", json!("RS256")),
        with("kid", json!("../../x")),
        with("kid", json!("' or 1")),
        with("kid", Value::Null),
        with("jku", json!("http://127.0.0.1:1/keys")),
        with("x5u", json!("http://127.0.0.1:1/keys")),
        with("jwk", json!({"kty": "oct", "k": "AAAA"})),
        with("typ", json!("JWT")),
    ]
    .map(|header| [format!("{header}.{claims}.{signature}"), format!("{header}.{claims}.")])
    .concat();
    let others = [
        format!("{header}.{claims}."),
        format!("{header}.{claims}"),
        format!("{header}..{signature}"),
        format!(".{claims}.{signature}"),
        "..".into(),
        "a".repeat(4_000),
    ];
    for token in forged.iter().chain(&others) {
        let client = app.client_with(ADMIN, Some(Carrier::Bearer.header(token)));
        expect_problem(&client.get("/me"), 401, "unauthorized");
    }
    app.db.db_assert_unchanged(&before);
    with_grant(&app, &grant).get("/me").expect(200);
}

fn case_122_tokens_at_the_wrong_place(backend: Backend) {
    let app = TestApp::start(backend);
    create_admin(&app.db, "acme", "jane@example.com", "owner");
    let theirs = create_admin(&app.db, "globex", "jane@example.com", "owner");
    let grant = sign_in(&app, app.acme(), "jane@example.com");
    let text = |name: &str| grant[name].as_str().unwrap().to_owned();
    // A refresh token is no access token, nor the other way round.
    let client = app.client_with(ADMIN, Some(Carrier::Bearer.header(&text("refreshToken"))));
    expect_problem(&client.get("/me"), 401, "unauthorized");
    let body = json!({"refreshToken": text("accessToken")});
    expect_problem(&send(&guest(&app), "POST", "/session/refresh", &body), 401, "unauthorized");
    // Its tenant is that of the account, whatever a path names.
    let me = with_grant(&app, &grant);
    expect_problem(&me.get(&format!("/admins/{}", id_of(&theirs))), 404, "not-found");
    // A token for another server of the same database is none here.
    let mut command = program::command(&app.db.folder);
    command.args(["serve", "--listen", "127.0.0.1:0", "--database-url", &app.db.url]);
    command.env("ROLLCALL__SERVER__PUBLIC_URL", "https://other.example.com");
    let other = program::Server::start_with(&app.db.folder, command);
    expect_problem(&me.at(format!("{}{ADMIN}", other.url)).get("/me"), 401, "unauthorized");
    // Nor after the keys were replaced.
    app.db.db_execute("DELETE FROM signing_keys");
    let fresh = program::Server::start(&app.db.folder, &app.db.url);
    expect_problem(&me.at(format!("{}{ADMIN}", fresh.url)).get("/me"), 401, "unauthorized");
}

fn case_130_nobody_is_there_by_default(backend: Backend) {
    let db = TestDb::empty(backend);
    let mut command = program::command(&db.folder);
    command.args(["serve", "--demo", "--listen", "127.0.0.1:0", "--database-url", &db.url]);
    let server = program::Server::start_with(&db.folder, command);
    assert_eq!(db.db_count("admins", "1 = 1"), 0);
    let app = TestApp { server, db };
    for (email, password) in [("admin", "admin"), ("admin@example.com", "password"), ("root", "")] {
        expect_problem(&login_as(&app, "demo", email, password), 401, "unauthorized");
    }
    // The key is made here, and is as long as it must be.
    create_admin(&app.db, "demo", "jane@example.com", "owner");
    login_as(&app, "demo", "jane@example.com", PASSWORD).expect(200);
    let keys = app.db.db_number("SELECT sum(length(secret)) AS value FROM signing_keys");
    assert_eq!((keys, app.db.db_count("signing_keys", "1 = 1")), (32, 1));
    // Too little work stops the start, and the message says which setting.
    for (name, value) in [
        ("ROLLCALL__ADMINS__HASH_MEMORY_KIB", "19455"),
        ("ROLLCALL__ADMINS__HASH_ITERATIONS", "1"),
        ("ROLLCALL__ADMINS__HASH_LANES", "0"),
    ] {
        let mut command = program::command(&app.db.folder);
        command.args(["serve", "--listen", "127.0.0.1:0", "--database-url", &app.db.url]).env(name, value);
        let output = command.output().unwrap();
        let stderr = String::from_utf8_lossy(&output.stderr);
        assert_eq!(output.status.code(), Some(1), "{stderr}");
        assert!(stderr.contains("admins") && stderr.contains("19456"), "{stderr}");
    }
    // A key that was cut short signs nothing.
    drop(app.server);
    let short = if backend == Backend::Sqlite { "x'00'" } else { "'\\x00'" };
    app.db.db_execute(&format!("UPDATE signing_keys SET secret = {short}"));
    let server = program::Server::start(&app.db.folder, &app.db.url);
    let app = TestApp { server, db: app.db };
    expect_problem(&login_as(&app, "demo", "jane@example.com", PASSWORD), 500, "internal");
    let output = cli_with_stdin(&app.db, &["admin", "create", "--tenant", "demo", "--email", "a@b"], "");
    assert_eq!(output.status.code(), Some(2), "no password, no account");
}
