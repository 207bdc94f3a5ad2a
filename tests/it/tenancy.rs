//! Two tenants with equal users never meet. On PostgreSQL this module runs twice more: with the tenant predicate of
//! every query taken out, and with row-level security off; each of the two walls has to hold alone.

use serde_json::{Value, json};

use crate::platform::expect_problem;
use crate::schemas;
use crate::support::admins::{create_admin, send, sign_in, with_grant};
use crate::support::app::TestApp;
use crate::support::backend::{Backend, both};
use crate::support::db::{Tenant, same_id};
use crate::support::groups::{KINDS, people};
use crate::support::http::{BASES, Client, RFC, Reply, encode, id_of, user_path};
use crate::support::records::{self, eventually};
use crate::support::users::{full_user, user, with};

both!(
    equal_names_live_side_by_side,
    a_foreign_id_is_as_absent_as_a_random_one,
    lists_and_filters_see_one_tenant,
    a_foreign_tombstone_is_not_revived,
    written_rows_bear_the_tenant_of_the_token,
    tokens_of_another_tenant_are_out_of_reach,
    admins_of_another_tenant_are_out_of_reach,
    a_foreign_user_is_as_unknown_as_a_random_one,
    a_foreign_group_is_as_absent_as_a_random_one,
);

const RANDOM: &str = "2f6c7f0e-6ac1-4a2c-9c3e-0a5b8a7d3f10";

/// The tables of tenants but the log of requests, which is written beside them, a moment later.
fn tables(app: &TestApp) -> Vec<String> {
    let mut tables = app.db.db_tenant_tables();
    tables.retain(|table| table != "requests");
    tables
}

/// Rows in them that belong to one tenant.
fn rows_of(app: &TestApp, tenant: &Tenant) -> Vec<i64> {
    let literal = app.db.literal(&tenant.id);
    tables(app).iter().map(|table| app.db.db_count(table, &format!("tenant_id = {literal}"))).collect()
}

fn equal_names_live_side_by_side(backend: Backend) {
    let app = TestApp::start(backend);
    let (mine, theirs) = (app.rfc(), app.client(RFC, app.globex()));
    let body = full_user("mia");
    let (a, b) = (mine.create(&body), theirs.create(&body));
    assert_ne!(id_of(&a), id_of(&b));
    assert_eq!((app.db_users(app.acme()), app.db_users(app.globex())), (1, 1));
    for (client, own) in [(&mine, &a), (&theirs, &b)] {
        for filter in [
            "userName eq \"MIA@example.com\"",
            "externalId eq \"ext-mia\"",
            "emails.value eq \"mia@example.com\"",
        ] {
            assert_eq!(client.filter(filter).ids(), [id_of(own)], "{filter}");
        }
        client.post("/Users", &body).expect_error(409, Some("uniqueness"));
    }
    // A name that exists in the other tenant only is no secret that a conflict could tell.
    theirs.create(&with(user("only-there"), json!({"externalId": "there"})));
    mine.create(&with(user("only-there"), json!({"externalId": "there"})));
}

fn a_foreign_id_is_as_absent_as_a_random_one(backend: Backend) {
    let app = TestApp::start(backend);
    for base in BASES {
        let (mine, theirs) = (app.client(base, app.acme()), app.client(base, app.globex()));
        let name = base.replace('/', "-");
        let foreign = theirs.create(&full_user(&name));
        let etag = foreign["meta"]["version"].as_str().unwrap();
        let before = app.db.db_dump();
        let tries = |id: &str| -> Vec<Reply> {
            let path = format!("/Users/{id}");
            let patch = json!({"Operations": [{"op": "replace", "path": "active", "value": false}]});
            let requests: Vec<(&str, Option<Value>)> = vec![
                ("GET", None),
                ("PUT", Some(full_user(&name))),
                ("PATCH", Some(patch)),
                ("DELETE", None),
            ];
            let mut replies = Vec::new();
            for (method, body) in requests {
                for condition in [
                    None,
                    Some(("If-Match", etag)),
                    Some(("If-Match", "W/\"77\"")),
                    Some(("If-None-Match", etag)),
                    Some(("If-None-Match", "*")),
                ] {
                    let mut request = mine.request(method, &path);
                    if let Some((name, value)) = condition {
                        request = request.header(name, value);
                    }
                    if let Some(body) = &body {
                        request = request.json(body);
                    }
                    replies.push(request.send());
                }
            }
            replies
        };
        for (random, foreign) in tries(RANDOM).iter().zip(tries(id_of(&foreign))) {
            random.expect_error(404, None);
            assert_eq!((foreign.status, &foreign.text), (random.status, &random.text), "{}", foreign.what);
            let names =
                |reply: &Reply| reply.headers.iter().map(|(name, _)| name.clone()).collect::<Vec<_>>();
            assert_eq!(names(&foreign), names(random), "{}: the headers tell a foreign id", foreign.what);
        }
        app.db.db_assert_unchanged(&before);
        assert_eq!(theirs.get(&user_path(&foreign)).expect(200).json(), foreign);
    }
}

fn lists_and_filters_see_one_tenant(backend: Backend) {
    let app = TestApp::start(backend);
    let theirs = app.client(RFC, app.globex());
    let foreign = theirs.create(&full_user("mia"));
    theirs.create(&user("kai"));
    let mine = app.rfc();
    let id = id_of(&foreign);
    let count =
        |client: &Client, query: &str| (client.get(query).total(), client.get(query).resources().len());
    for filter in [
        format!("id eq \"{id}\""),
        "userName eq \"mia@example.com\"".into(),
        "externalId eq \"ext-mia\"".into(),
        "userName pr".into(),
        "not (userName eq \"nobody\")".into(),
        "emails.value sw \"mia\"".into(),
        "title co \"ea\"".into(),
        "profile.Location eq \"Porto\"".into(),
        "userAccessLevel eq \"grader\"".into(),
        format!("id eq \"{id}\" or userName eq \"kai@example.com\""),
        format!("meta.location co \"{id}\""),
    ] {
        let reply = mine.filter(&filter);
        // A filter on meta.location may be refused: it is not kept. Anything else is an empty list.
        if reply.status == 400 && filter.starts_with("meta.location") {
            continue;
        }
        assert_eq!(reply.total(), 0, "{filter} sees another tenant: {}", reply.text);
        assert!(reply.resources().is_empty(), "{filter}: {}", reply.text);
    }
    assert_eq!(count(&mine, "/Users"), (0, 0));
    assert_eq!(count(&mine, "/Users?sortBy=title"), (0, 0));
    assert_eq!(count(&mine, "/Users?sortBy=meta.created&sortOrder=descending"), (0, 0));
    assert_eq!(count(&mine, "/Users?startIndex=2"), (0, 0));
    // Sorting joins tables, and so does a filter: with users of both tenants each sees its own.
    mine.create(&with(user("zoe"), json!({"title": "A"})));
    for query in [
        "/Users?sortBy=title",
        "/Users?sortBy=displayName&sortOrder=descending",
        "/Users",
        "/Users?filter=title%20pr",
    ] {
        let names: Vec<Value> =
            mine.get(query).resources().iter().map(|user| user["userName"].clone()).collect();
        assert_eq!(names, ["zoe@example.com"], "{query}");
    }
    assert_eq!(theirs.get("/Users").total(), 2);
    // Profile keys of another tenant are in no schema of this one.
    assert!(!mine.get("/Schemas").text.contains("Location"), "a foreign profile key is announced");
    // A manager of another tenant is not looked up.
    let body = mine
        .create(&with(user("boss"), json!({crate::support::users::ENTERPRISE: {"manager": {"value": id}}})));
    let manager = &body[crate::support::users::ENTERPRISE]["manager"];
    assert_eq!(*manager, json!({"value": id}), "kept as sent, nothing is filled in");
}

fn a_foreign_tombstone_is_not_revived(backend: Backend) {
    let app = TestApp::start(backend);
    let theirs = app.client(RFC, app.globex());
    let buried =
        [theirs.create(&user("plain")), theirs.create(&with(user("named"), json!({"externalId": "x-1"})))];
    for one in &buried {
        theirs.delete(&user_path(one)).expect(204);
    }
    let before = rows_of(&app, app.globex());
    let mine = app.rfc();
    for body in [user("plain"), with(user("named"), json!({"externalId": "x-1"}))] {
        let made = mine.create(&body);
        assert!(buried.iter().all(|one| !same_id(id_of(one), id_of(&made))), "{made}");
        assert_eq!(made["meta"]["version"], "W/\"1\"", "{made}");
    }
    assert_eq!(rows_of(&app, app.globex()), before);
}

fn written_rows_bear_the_tenant_of_the_token(backend: Backend) {
    let app = schemas::with_example(backend);
    let before = rows_of(&app, app.globex());
    let client = app.rfc();
    schemas::create(&client, &with(schemas::least("x"), json!({"number": "1"})));
    let path = user_path(&client.create(&full_user("mia")));
    client.patch(&path, json!([{"op": "replace", "path": "profile.Team", "value": "x"}])).expect(200);
    client.put(&path, &full_user("mia")).expect(200);
    client.delete(&path).expect(204);
    client.create(&full_user("mia"));
    client.post("/Groups", &json!({"displayName": "Ops", "members": ["mia@example.com"]})).expect(201);
    assert_eq!(rows_of(&app, app.globex()), before, "a row was written for the other tenant");
    eventually("a request in the log", || (records::count(&app.db, app.acme()) > 0).then_some(()));
    assert_eq!(records::count(&app.db, app.globex()), 0);
    let written = tables(&app).into_iter().zip(rows_of(&app, app.acme()));
    // Written by admins and by the clock.
    let beside = |table: &str| table.starts_with("admin") || ["api_tokens", "audit_bases"].contains(&table);
    for (table, rows) in written.filter(|(table, _)| !beside(table)) {
        assert!(rows > 0, "{table} holds no row of the tenant that wrote");
    }
    // Positions and counters are the tenant's own.
    assert_eq!(app.client(RFC, app.globex()).create(&user("kai"))["meta"]["version"], "W/\"1\"");
    let tenant = app.db.literal(&app.globex().id);
    assert_eq!(app.db.db_count("changes", &format!("tenant_id = {tenant} AND seq = 1")), 1);
}

fn tokens_of_another_tenant_are_out_of_reach(backend: Backend) {
    let app = TestApp::start(backend);
    let listed = app.db.cli(&["token", "list", "--tenant", "globex", "--json"]);
    let listed: Value = serde_json::from_str(&listed).unwrap();
    let tokens = listed.as_array().unwrap();
    assert_eq!(tokens.len(), 1, "each tenant sees its own token: {listed}");
    let id = tokens[0]["id"].as_str().unwrap();
    let arguments = ["token", "revoke", "--tenant", "acme", id, "--database-url", &app.db.url];
    let refused = crate::support::program::run(&app.db.folder, &arguments);
    assert_eq!(refused.status.code(), Some(1), "{}", String::from_utf8_lossy(&refused.stdout));
    app.client(RFC, app.globex()).get(&format!("/Users?filter={}", encode("userName pr"))).expect(200);
}

fn admins_of_another_tenant_are_out_of_reach(backend: Backend) {
    let app = TestApp::start(backend);
    // The same address on both sides: an account belongs to its tenant.
    let owner = |tenant: &Tenant| {
        let made = create_admin(&app.db, tenant.slug, "jane@example.com", "owner");
        (with_grant(&app, &sign_in(&app, tenant, "jane@example.com")), id_of(&made).to_owned())
    };
    let ((mine, _), (theirs, jane)) = (owner(app.acme()), owner(app.globex()));
    let make = |path: &str, body: Value| send(&theirs, "POST", path, &body).expect(201).json();
    let kai = make("/admins", json!({"email": "kai@example.com", "role": "admin"}));
    let token = make("/tokens", json!({"name": "theirs", "scopes": ["users:read"]}));
    let user = app.client(RFC, app.globex()).create(&user("kai"));
    let request = eventually("a request in the log", || {
        let listed = theirs.get("/requests").expect(200).json();
        Some(id_of(listed["requests"].as_array()?.first()?).to_owned())
    });
    let before = app.db.db_dump();
    let ids = [jane.as_str(), id_of(&kai), id_of(&token), id_of(&user), &request];
    for list in ["/admins", "/tokens", "/requests", "/audit", "/audit/export?format=ndjson", "/guard"] {
        let reply = mine.get(list);
        assert_eq!(reply.status, 200, "{list}: {}", reply.text);
        for id in ids {
            assert!(!reply.text.contains(id), "{list} shows {id} of another tenant: {}", reply.text);
        }
    }
    let history = mine.get(&format!("/users/{}/history", id_of(&user)));
    assert_eq!(history.json()["events"], json!([]), "{}", history.text);
    for (method, path, body) in [
        ("GET", "/admins/{}", Value::Null),
        ("PATCH", "/admins/{}", json!({"role": "auditor"})),
        ("POST", "/admins/{}/disable", json!({})),
        ("POST", "/admins/{}/enable", json!({})),
        ("POST", "/admins/{}/reset", json!({})),
        ("DELETE", "/admins/{}", Value::Null),
        ("GET", "/tokens/{}", Value::Null),
        ("PATCH", "/tokens/{}", json!({"name": "mine"})),
        ("POST", "/tokens/{}/rotate", json!({})),
        ("DELETE", "/tokens/{}", Value::Null),
        ("GET", "/requests/{}", Value::Null),
    ] {
        let foreign = match path.split('/').nth(1) {
            Some("admins") => &ids[..2],
            Some("tokens") => &ids[2..3],
            _ => &ids[4..],
        };
        for id in foreign.iter().chain([&RANDOM]) {
            let path = path.replace("{}", id);
            let reply = match &body {
                Value::Null => mine.request(method, &path).send(),
                body => send(&mine, method, &path, body),
            };
            expect_problem(&reply, 404, "not-found");
        }
    }
    app.db.db_assert_unchanged(&before);
    theirs.get("/me").expect(200);
}

fn a_foreign_user_is_as_unknown_as_a_random_one(backend: Backend) {
    let app = TestApp::start(backend);
    let theirs = app.client(RFC, app.globex());
    let foreign = theirs.create(&full_user("foreign"));
    let own = people(&app.rfc());
    for base in BASES {
        let client = app.client(base, app.acme());
        let groups: Vec<String> = KINDS
            .iter()
            .map(|kind| {
                kind.path(&kind.create(&client, &json!({"displayName": base, "members": [own[0]["id"]]})))
            })
            .collect();
        let before = app.db.db_dump();
        let tries = |id: &str| -> Vec<Reply> {
            let mut replies = Vec::new();
            for (kind, path) in KINDS.iter().zip(&groups) {
                for list in ["members", "owners"] {
                    for value in [json!([id]), json!([{"value": id}]), json!([own[1]["id"], {"value": id}])] {
                        replies
                            .push(client.post(kind.collection, &json!({"displayName": "New", list: value})));
                        replies.push(client.put(path, &json!({"displayName": base, list: value})));
                        for op in ["add", "replace"] {
                            replies
                                .push(client.patch(path, json!([{"op": op, "path": list, "value": value}])));
                            replies.push(client.patch(path, json!([{"op": op, "value": {list: value}}])));
                        }
                    }
                }
            }
            for op in ["add", "replace"] {
                for value in [json!([id]), json!([{"value": id}])] {
                    replies.push(
                        client.patch("/Roles/agent", json!([{"op": op, "path": "members", "value": value}])),
                    );
                }
            }
            replies
        };
        // An id, a name and an external id of the other tenant, each against one that nobody has.
        for (foreign, random) in [
            (id_of(&foreign), RANDOM),
            ("foreign@example.com", "nothing@example.com"),
            ("ext-foreign", "ext-nothing"),
        ] {
            for (theirs, nobodys) in tries(foreign).iter().zip(tries(random)) {
                nobodys.expect_error(400, Some("invalidValue"));
                assert_eq!(
                    (theirs.status, theirs.text.replace(foreign, random)),
                    (nobodys.status, nobodys.text.clone()),
                    "{}",
                    theirs.what
                );
            }
            // Removing is success for both, and tells nothing.
            for path in &groups {
                let remove = |id: &str| {
                    client.patch(path, json!([{"op": "remove", "path": "members", "value": [{"value": id}]}]))
                };
                assert_eq!(remove(foreign).expect(200).json(), remove(random).expect(200).json());
            }
        }
        app.db.db_assert_unchanged(&before);
        for path in &groups {
            client.delete(path).expect(204);
        }
    }
    assert_eq!(theirs.get(&user_path(&foreign)).expect(200).json(), foreign);
}

fn a_foreign_group_is_as_absent_as_a_random_one(backend: Backend) {
    let app = TestApp::start(backend);
    let theirs = app.client(RFC, app.globex());
    let [mia, ..] = people(&theirs);
    let mine = app.rfc();
    people(&mine);
    for kind in KINDS {
        let foreign =
            kind.create(&theirs, &json!({"displayName": "Ops", "externalId": "g", "members": [mia["id"]]}));
        kind.create(&mine, &json!({"displayName": "Other"}));
        let before = app.db.db_dump();
        let tries = |id: &str| -> Vec<Reply> {
            let path = format!("{}/{id}", kind.collection);
            vec![
                mine.get(&path),
                mine.put(&path, &json!({"displayName": "x"})),
                mine.patch(&path, json!([{"op": "add", "path": "members", "value": ["ext-mia"]}])),
                mine.delete(&path),
            ]
        };
        for (random, foreign) in tries(RANDOM).iter().zip(tries(id_of(&foreign))) {
            random.expect_error(404, None);
            assert_eq!((foreign.status, &foreign.text), (random.status, &random.text), "{}", foreign.what);
        }
        for filter in [
            "displayName eq \"Ops\"".to_owned(),
            "externalId eq \"g\"".to_owned(),
            format!("members.value eq \"{}\"", id_of(&mia)),
            "members pr".to_owned(),
        ] {
            assert_eq!(
                mine.get(&format!("{}?filter={}", kind.collection, encode(&filter))).total(),
                0,
                "{filter}"
            );
        }
        assert_eq!(mine.filter(&format!("groups.value eq \"{}\"", id_of(&foreign))).total(), 0);
        app.db.db_assert_unchanged(&before);
        // The same name and external id live side by side.
        kind.create(&mine, &json!({"displayName": "Ops", "externalId": "g"}));
        assert_eq!(theirs.get(&kind.path(&foreign)).expect(200).json(), foreign);
    }
    let roles = |client: &Client| -> Vec<Value> {
        client.get("/Roles").resources().iter().map(|role| role["memberCount"].clone()).collect()
    };
    theirs.create(&with(user("boss"), json!({"roles": ["admin"]})));
    assert_eq!(roles(&mine), [0, 0, 0, 0, 3, 0], "a role counts the users of its tenant");
    assert_eq!(roles(&theirs), [1, 0, 0, 0, 3, 0]);
}

/// What the API never does the database does not let happen either.
#[test]
fn a_membership_cannot_join_two_tenants() {
    let app = TestApp::start(Backend::Postgres);
    let group = KINDS[0].create(&app.rfc(), &json!({"displayName": "Ops"}));
    let foreign = app.client(RFC, app.globex()).create(&user("foreign"));
    let insert = |tenant: &Tenant, role: &str| {
        use diesel::RunQueryDsl;
        let mut connection = app.db.db_postgres();
        let mut run = |sql: String| diesel::sql_query(sql).execute(&mut connection);
        run(format!("SET ROLE {role}")).unwrap();
        run(format!("SET app.tenant_id = '{}'", app.acme().id)).unwrap();
        let (group, user) = (id_of(&group), id_of(&foreign));
        run(format!(
            "INSERT INTO memberships (tenant_id, group_id, list, user_id) VALUES ('{}', '{group}', 'members', '{user}')",
            tenant.id
        ))
        .expect_err("a membership joins two tenants")
        .to_string()
    };
    // As the server: its own tenant cannot refer to the foreign user, another tenant it cannot write.
    assert!(insert(app.acme(), "rollcall_server").contains("foreign key"));
    let refused = insert(app.globex(), "rollcall_server");
    assert!(refused.contains("row-level security") || refused.contains("foreign key"), "{refused}");
    // Row-level security binds no superuser; the key binds everybody.
    assert!(insert(app.globex(), "tests").contains("foreign key"));
    assert_eq!(app.db.db_count("memberships", "1 = 1"), 0);
}
