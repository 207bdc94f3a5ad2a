//! Ways out of a tenant: headers, filters, ids, and a connection that another tenant has used.

use std::io::Write;

use serde_json::{Value, json};
use uuid::Uuid;

use crate::platform;
use crate::support::admins;
use crate::support::app::TestApp;
use crate::support::backend::{Backend, both};
use crate::support::groups::KINDS;
use crate::support::http::{BASES, Client, QA, RFC, Reply, encode, id_of, user_path};
use crate::support::raw;
use crate::support::records::eventually;
use crate::support::users::{full_user, user, with};

both!(
    case_23_headers_that_name_another_place,
    case_26_filters_over_foreign_ids,
    case_29_ids_beside_a_known_one,
    case_30_external_ids_of_others,
    case_35_after_a_failure_the_next_tenant_is_alone,
    case_40_no_reply_is_kept,
);

fn case_23_headers_that_name_another_place(backend: Backend) {
    let app = TestApp::start(backend);
    let theirs = app.client(RFC, app.globex()).create(&user("stranger"));
    let headers = [
        ("X-Tenant-ID", app.globex().id.clone()),
        ("X-Forwarded-Host", "evil.example".into()),
        ("X-Forwarded-Proto", "https".into()),
        ("Forwarded", "host=evil.example;proto=https".into()),
        ("X-Original-URL", user_path(&theirs)),
        ("X-Rewrite-URL", "/platform/v1/tenants".into()),
        ("X-HTTP-Method-Override", "DELETE".into()),
        ("X-HTTP-Method", "DELETE".into()),
        ("X-Forwarded-For", "127.0.0.1".into()),
    ];
    for base in BASES {
        let client = app.client(base, app.acme());
        let mia = client.create(&user(&format!("mia{}", base.len())));
        let plain = client.get(&user_path(&mia)).expect(200).text.clone();
        let before = app.db.db_dump();
        for (name, value) in &headers {
            for method in ["GET", "POST"] {
                let path = if method == "GET" { user_path(&mia) } else { "/Users/.search".into() };
                let request = client.request(method, &path).header(name, value);
                let request = if method == "POST" { request.json(&json!({"count": 1000})) } else { request };
                let reply = request.send();
                reply.expect(200);
                assert!(!reply.text.contains("evil.example"), "{name}: {}", reply.text);
                assert!(!reply.text.contains(id_of(&theirs)), "{name}: {}", reply.text);
                if method == "GET" {
                    assert_eq!(reply.text, plain, "{name}");
                }
            }
        }
        // The host that the client names is no part of what it is told.
        let lines = [
            format!("GET {base}{} HTTP/1.1", user_path(&mia)),
            "Host: evil.example".into(),
            format!("Authorization: Bearer {}", app.acme().token),
            "Connection: close".into(),
        ];
        let reply = raw::exchange(app.server.address(), format!("{}\r\n\r\n", lines.join("\r\n")).as_bytes());
        assert_eq!(reply.expect(200).text, plain);
        app.db.db_assert_unchanged(&before);
    }
}

fn case_26_filters_over_foreign_ids(backend: Backend) {
    let app = TestApp::start(backend);
    let theirs = app.client(RFC, app.globex());
    let stranger = theirs.create(&full_user("stranger"));
    let groups = KINDS.map(|kind| {
        kind.create(
            &theirs,
            &json!({"displayName": "Theirs", "members": [stranger["id"]], "owners": [stranger["id"]]}),
        )
    });
    app.rfc().create(&user("mia"));
    KINDS[0].create(&app.rfc(), &json!({"displayName": "Ops", "members": ["mia@example.com"]}));
    let random = Uuid::now_v7().to_string();
    for base in BASES {
        let client = app.client(base, app.acme());
        for (collection, filter, foreign) in [
            ("/Users", "id eq ID", id_of(&stranger)),
            ("/Users", "groups.value eq ID", id_of(&groups[0])),
            ("/Users", "groups.value eq ID", id_of(&groups[1])),
            ("/Users", "groups[value eq ID]", id_of(&groups[0])),
            ("/Users", "meta.location co ID", id_of(&stranger)),
            ("/Users", "id sw ID", &id_of(&stranger)[..13]),
            ("/Groups", "id eq ID", id_of(&groups[0])),
            ("/Groups", "members.value eq ID", id_of(&stranger)),
            ("/Groups", "owners.value eq ID", id_of(&stranger)),
            ("/Groups", "not (members.value eq ID)", id_of(&stranger)),
            ("/Usergroups", "members.value eq ID", id_of(&stranger)),
        ] {
            let ask = |id: &str| {
                let filter = filter.replace("ID", &format!("\"{id}\""));
                let reply = client.get(&format!("{collection}?filter={}", encode(&filter)));
                (reply.status, reply.text.replace(id, "ID"))
            };
            let seen = ask(foreign);
            assert_eq!(seen, ask(&random[..foreign.len()]), "{filter} tells a foreign id from a random one");
            let negated = filter.starts_with("not");
            let total = serde_json::from_str::<Value>(&seen.1).unwrap()["totalResults"].as_i64();
            assert!(seen.0 == 400 || total == Some(negated.into()), "{filter}: {seen:?}");
            assert!(!seen.1.contains("stranger") && !seen.1.contains("Theirs"), "{seen:?}");
        }
    }
}

fn case_29_ids_beside_a_known_one(backend: Backend) {
    let app = TestApp::start(backend);
    let client = app.rfc();
    let made: Vec<String> =
        (0..50).map(|n| id_of(&client.create(&user(&format!("n{n}")))).to_owned()).collect();
    let known = Uuid::parse_str(&made[0]).unwrap().as_u128();
    let before = app.db.db_dump();
    let neighbours =
        [known - 1, known + 1, known ^ 1 << 64, 0, u128::MAX].map(|id| Uuid::from_u128(id).to_string());
    for id in ["1", "0", "-1", "00000000", "*", "%", "_", "null"].map(str::to_owned).iter().chain(&neighbours)
    {
        let path = format!("/Users/{}", encode(id));
        for base in BASES {
            let client = app.client(base, app.acme());
            client.get(&path).expect_error(404, None);
            client.put(&path, &user("x")).expect_error(404, None);
            client
                .patch(&path, json!([{"op": "add", "path": "title", "value": "x"}]))
                .expect_error(404, None);
            client.delete(&path).expect_error(404, None);
        }
    }
    app.db.db_assert_unchanged(&before);
    // What stands behind the time is random: no two of them share it, and none follows from the one before.
    let mut tails: Vec<&str> = made.iter().map(|id| &id[19..]).collect();
    tails.sort_unstable();
    tails.dedup();
    assert_eq!(tails.len(), 50);
}

fn case_30_external_ids_of_others(backend: Backend) {
    let app = TestApp::start(backend);
    let client = app.rfc();
    let owner = admins::create_admin(&app.db, "acme", "owner@example.com", "owner");
    let admins_rows = |app: &TestApp| -> Vec<String> {
        let rows = app.db.db_dump().into_iter();
        rows.filter(|row| row.starts_with("admins:")).collect()
    };
    let before = admins_rows(&app);
    assert_eq!(before.len(), 1);
    let victim = client.create(&user("victim"));
    let untouched = client.get(&user_path(&victim)).expect(200).text.clone();
    let foreign =
        ["1", "0", id_of(&victim), id_of(&owner), "owner@example.com", &app.acme().id, "victim@example.com"];
    for (n, external) in foreign.into_iter().enumerate() {
        let made = client.create(&with(user(&format!("n{n}")), json!({"externalId": external})));
        assert_eq!(made["externalId"], external);
        assert_ne!(made["id"], external);
        let found = client.filter(&format!("externalId eq \"{external}\""));
        assert_eq!(found.ids(), [id_of(&made)], "an external id is a text and nothing else");
        // Neither does it open the path of somebody.
        if external != id_of(&victim) {
            client.get(&format!("/Users/{}", encode(external))).expect_error(404, None);
        }
    }
    assert_eq!(client.get(&user_path(&victim)).expect(200).text, untouched);
    assert_eq!(admins_rows(&app), before);
    admins::sign_in(&app, app.acme(), "owner@example.com");
}

/// Lets every creation of a user whose name begins with `break` fail inside the database.
fn break_some_writes(app: &TestApp) {
    app.db.db_execute(match app.db.backend {
        Backend::Sqlite => {
            "CREATE TRIGGER breaks BEFORE INSERT ON resources WHEN new.name LIKE 'break%' \
             BEGIN SELECT RAISE(ABORT, 'canary of the database'); END"
        }
        Backend::Postgres => {
            "CREATE FUNCTION breaks() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN \
             IF new.name LIKE 'breakslowly%' THEN PERFORM pg_sleep(60); END IF; \
             IF new.name LIKE 'break%' THEN RAISE EXCEPTION 'canary of the database'; END IF; RETURN new; END $$; \
             CREATE TRIGGER breaks BEFORE INSERT ON resources FOR EACH ROW EXECUTE FUNCTION breaks()"
        }
    });
}

/// Both tenants see their own users and nobody else's.
#[track_caller]
fn assert_apart(clients: &[Client; 2]) {
    for (client, own) in clients.iter().zip(["mine", "theirs"]) {
        let reply = client.get("/Users");
        let names: Vec<Value> = reply.resources().iter().map(|user| user["userName"].clone()).collect();
        assert_eq!(names, [json!(format!("{own}@example.com"))], "{}", reply.text);
    }
}

fn case_35_after_a_failure_the_next_tenant_is_alone(backend: Backend) {
    // One connection: whoever comes next gets the one that has failed.
    let app = TestApp::start_with(backend, &[("ROLLCALL__DATABASE__POOL_SIZE", "1")]);
    let clients = [app.rfc(), app.client(RFC, app.globex())];
    clients[0].create(&user("mine"));
    clients[1].create(&user("theirs"));
    break_some_writes(&app);
    for n in 0..10 {
        let failed = clients[n % 2].post("/Users", &user(&format!("break{n}")));
        failed.expect_error(500, None);
        assert!(!failed.text.contains("canary"), "{}", failed.text);
        assert_apart(&clients);
        let other = clients[(n + 1) % 2].post("/Users", &user("guest"));
        let other = other.expect(201).json();
        clients[n % 2].get(&user_path(&other)).expect_error(404, None);
        clients[(n + 1) % 2].delete(&user_path(&other)).expect(204);
    }
    if backend == Backend::Postgres {
        let open = format!(
            "SELECT count(*) AS value FROM pg_stat_activity WHERE datname = '{}' AND state LIKE 'idle in transaction%'",
            app.db.name()
        );
        // What writes behind the requests has one open for a moment now and then.
        eventually("no transaction is left open", || (app.db.db_number(&open) == 0).then_some(()));
    }
}

#[test]
fn case_36_after_a_time_out_and_a_client_that_left() {
    let settings = [
        ("ROLLCALL__DATABASE__POOL_SIZE", "1"),
        ("ROLLCALL__DATABASE__STATEMENT_TIMEOUT_MS", "500"),
        ("ROLLCALL__DATABASE__LOCK_TIMEOUT_MS", "300"),
    ];
    let app = TestApp::start_with(Backend::Postgres, &settings);
    let clients = [app.rfc(), app.client(RFC, app.globex())];
    clients[0].create(&user("mine"));
    clients[1].create(&user("theirs"));
    break_some_writes(&app);
    for client in &clients {
        client.post("/Users", &user("breakslowly")).expect_error(503, None);
        assert_apart(&clients);
    }
    // Somebody who leaves in the middle of a statement.
    for round in 0..5 {
        let body = user(&format!("breakslowly{round}")).to_string();
        let head = format!(
            "POST {RFC}/Users HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer {}\r\nContent-Type: application/scim+json\r\n\
             Content-Length: {}\r\n\r\n{body}",
            app.acme().token,
            body.len()
        );
        let mut stream = raw::connect(app.server.address());
        stream.write_all(head.as_bytes()).unwrap();
        std::thread::sleep(std::time::Duration::from_millis(20 * round));
        drop(stream);
        let theirs = loop {
            // The connection may still be busy with what nobody waits for.
            let reply = clients[1].get("/Users");
            if reply.status != 503 {
                break reply;
            }
        };
        assert_eq!(theirs.total(), 1);
    }
    assert_apart(&clients);
    // The setting that names the tenant does not outlive a transaction: a bare statement of the role sees nothing.
    use diesel::{RunQueryDsl, sql_query};
    let mut connection = app.db.db_postgres();
    for end in ["ROLLBACK", "COMMIT"] {
        for sql in ["SET ROLE rollcall_server", "BEGIN"] {
            sql_query(sql).execute(&mut connection).unwrap();
        }
        sql_query(format!("SET LOCAL app.tenant_id = '{}'", app.acme().id)).execute(&mut connection).unwrap();
        assert!(sql_query("SELECT 1 FROM resources").execute(&mut connection).unwrap() > 0);
        sql_query(end).execute(&mut connection).unwrap();
        assert_eq!(sql_query("SELECT 1 FROM resources").execute(&mut connection), Ok(0), "after {end}");
    }
}

fn case_40_no_reply_is_kept(backend: Backend) {
    let app = TestApp::start(backend);
    let platform = app.client_with(platform::BASE, Some(platform::credential(&app)));
    let owner = admins::admin(&app, "owner");
    let stranger = app.client_with("", None);
    let mut replies: Vec<Reply> = Vec::new();
    for client in [app.client(RFC, app.acme()), app.client(QA, app.acme())] {
        let mia = client.post("/Users", &user(&format!("mia{}", client.base_url.len())));
        replies.extend([
            client.get(&user_path(&mia.json())),
            client.get("/Users"),
            client.get("/Roles"),
            client.get("/Schemas"),
            client.get("/nothing"),
            client.post("/Bulk", &json!({})),
            mia,
        ]);
    }
    for path in ["/tenants", "/tenants/x", "/nothing"] {
        replies.push(platform.get(path));
    }
    for path in ["/me", "/guard", "/nothing"] {
        replies.push(owner.get(path));
    }
    for path in ["/platform/v1/tenants", "/admin/v1/me", "/scim/v2/Users", "/healthz", "/readyz", "/nothing"]
    {
        replies.push(stranger.get(path));
    }
    for reply in &replies {
        assert_eq!(reply.header_values("Cache-Control"), ["no-store"], "{}", reply.what);
        assert_eq!(reply.header_values("X-Content-Type-Options"), ["nosniff"], "{}", reply.what);
        assert_eq!((reply.header("Server"), reply.header("X-Powered-By")), (None, None), "{}", reply.what);
        assert_eq!(reply.header("Set-Cookie"), None, "{}", reply.what);
    }
}
