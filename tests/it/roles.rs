//! `/Roles`: the six roles, who has them, and moving users between them.

use serde_json::{Value, json};

use crate::support::app::TestApp;
use crate::support::backend::{Backend, both};
use crate::support::groups::{ROLE, people, person};
use crate::support::http::{BASES, Client, QA, RFC, id_of, user_path};
use crate::support::matching::assert_matches;
use crate::support::users::{QA_USER, user, with};

both!(
    roles_are_listed_by_rank,
    a_role_shows_pages_of_its_members,
    users_are_moved,
    nothing_else_is_changed,
    a_name_sent_without_a_path_is_no_exception,
    grants_pass_the_check,
    moves_are_counted_over_the_request,
    the_last_admin_is_not_moved,
);

const RANKS: [&str; 6] = ["admin", "limitedAdmin", "grader", "manager", "agent", "limited_agent"];

fn role_of(client: &Client, user: &Value) -> Value {
    client.with_role(client.get(&user_path(user)).expect(200).json())[QA_USER]["role"].clone()
}

/// The ids of the members of a role.
fn members(client: &Client, role: &str) -> Vec<String> {
    let body = client.get(&format!("/Roles/{role}?count=1000")).expect(200).json();
    let members = body["members"].as_array().unwrap_or_else(|| panic!("no members in {body}"));
    let id = |member: &Value| member.as_str().or(member["value"].as_str()).unwrap_or_default().to_owned();
    members.iter().map(id).collect()
}

fn roles_are_listed_by_rank(backend: Backend) {
    let app = TestApp::start(backend);
    for (name, role, active) in
        [("a", "admin", true), ("b", "grader", true), ("c", "grader", false), ("d", "agent", true)]
    {
        app.rfc().create(&with(user(name), json!({"roles": [role], "active": active})));
    }
    let gone = app.rfc().create(&with(user("e"), json!({"roles": ["grader"]})));
    app.rfc().delete(&user_path(&gone)).expect(204);
    for base in BASES {
        let client = app.client(base, app.acme());
        for path in ["/Roles", "/Roles/"] {
            let reply = client.get(path);
            let expected: Vec<Value> = RANKS
                .iter()
                .zip([1, 0, 2, 0, 1, 0])
                .map(|(role, count)| {
                    json!({
                        "schemas": [ROLE], "id": role, "displayName": "<string>", "memberCount": count, "members": "<absent>",
                        "meta": {"resourceType": "Role", "location": format!("<ends {base}/Roles/{role}>")}
                    })
                })
                .collect();
            let expected = json!({
                "schemas": ["urn:ietf:params:scim:api:messages:2.0:ListResponse"], "totalResults": 6, "startIndex": 1,
                "itemsPerPage": 6, "Resources": expected, "<exactly>": true
            });
            assert_matches(&expected, &reply.expect(200).json(), &format!("{base}{path}"));
        }
        let ids = |query: &str| client.get(&format!("/Roles?{query}")).ids();
        assert_eq!(ids("count=1&startIndex=1"), ["admin"]);
        assert_eq!(ids("count=2&startIndex=5"), ["agent", "limited_agent"]);
        assert!(ids("count=0").is_empty());
        assert!(ids("startIndex=7").is_empty());
        let page = client.get("/Roles?count=1&startIndex=1").json();
        assert_eq!((&page["itemsPerPage"], &page["totalResults"]), (&json!(1), &json!(6)), "{base}");
        client.get("/Roles?count=x").expect_error(400, Some("invalidValue"));
        // A filter is evaluated or refused, never ignored.
        let filtered = client.get("/Roles?filter=id%20eq%20%22grader%22");
        if filtered.status == 200 {
            assert_eq!(filtered.ids(), ["grader"]);
        } else {
            filtered.expect_error(400, Some("invalidFilter"));
        }
    }
}

fn a_role_shows_pages_of_its_members(backend: Backend) {
    let app = TestApp::start(backend);
    let rfc = app.rfc();
    let graders: Vec<Value> = (0..5)
        .map(|n| {
            let more = json!({"roles": ["grader"], "displayName": format!("U{n}"), "active": n != 2});
            rfc.create(&with(user(&format!("u{n}")), more))
        })
        .collect();
    for base in BASES {
        let client = app.client(base, app.acme());
        let shown = |users: &[Value]| -> Vec<Value> {
            let show = |user: &Value| match base {
                QA => user["id"].clone(),
                _ => json!({
                    "value": user["id"], "$ref": format!("<ends {RFC}/Users/{}>", id_of(user)), "display": user["displayName"],
                    "type": "User", "<exactly>": true
                }),
            };
            users.iter().map(show).collect()
        };
        for (query, users) in [
            ("", &graders[..]),
            ("?count=2", &graders[..2]),
            ("?startIndex=3&count=2", &graders[2..4]),
            ("?startIndex=5&count=100", &graders[4..]),
            ("?startIndex=6", &[][..]),
            ("?count=0", &[][..]),
        ] {
            let expected = json!({
                "schemas": [ROLE], "id": "grader", "displayName": "Grader", "memberCount": 5, "members": shown(users)
            });
            let reply = client.get(&format!("/Roles/grader{query}"));
            assert_matches(&expected, &reply.expect(200).json(), &format!("{base} {query}"));
        }
        assert_eq!(client.get("/Roles/manager").expect(200).json()["members"], json!([]));
        assert_eq!(client.get("/Roles/grader?excludedAttributes=members").json().get("members"), None);
        for path in [
            "/Roles/Grader",
            "/Roles/GRADER",
            "/Roles/nobody",
            "/Roles/limitedadmin",
            "/roles",
            "/roles/grader",
        ] {
            client.get(path).expect_error(404, None);
            client.patch(path, json!([])).expect_error(404, None);
        }
        for (method, path, allowed) in [
            ("POST", "/Roles", vec!["GET"]),
            ("PUT", "/Roles", vec!["GET"]),
            ("PATCH", "/Roles", vec!["GET"]),
            ("DELETE", "/Roles", vec!["GET"]),
            ("POST", "/Roles/grader", vec!["GET", "PATCH"]),
            ("PUT", "/Roles/grader", vec!["GET", "PATCH"]),
            ("DELETE", "/Roles/grader", vec!["GET", "PATCH"]),
        ] {
            let reply = client.request(method, path).json(&json!({"displayName": "x"})).send();
            reply.expect_error(405, None);
            let allow: Vec<&str> = reply.header("Allow").unwrap_or_default().split(", ").collect();
            assert!(allowed.iter().all(|method| allow.contains(method)), "{method} {path}: {allow:?}");
            assert!(!allow.contains(&method), "{method} {path}: {allow:?}");
        }
    }
}

fn users_are_moved(backend: Backend) {
    let app = TestApp::start(backend);
    let rfc = app.rfc();
    let [mia, kai, zoe] = people(&rfc);
    rfc.create(&with(user("root"), json!({"roles": ["admin"]})));
    // Everybody is an agent, mia and kai are graders at the start; the operation, and who is a grader afterwards.
    let (m, k, z) = (id_of(&mia), id_of(&kai), id_of(&zoe));
    let cases: Vec<(Value, Vec<&str>)> = vec![
        (json!({"op": "add", "path": "members", "value": [z]}), vec![m, k, z]),
        (json!({"op": "Add", "path": "members", "value": [{"value": z}]}), vec![m, k, z]),
        (json!({"op": "add", "path": "members", "value": "zoe@example.com"}), vec![m, k, z]),
        (json!({"op": "add", "value": {"members": ["ext-zoe"]}}), vec![m, k, z]),
        (json!({"op": "add", "path": "members", "value": [m]}), vec![m, k]),
        (json!({"op": "remove", "path": "members", "value": [k]}), vec![m]),
        (json!({"op": "remove", "path": "members", "value": [{"value": k}]}), vec![m]),
        (json!({"op": "remove", "path": format!("members[value eq \"{k}\"]")}), vec![m]),
        (json!({"op": "remove", "path": "members", "value": [z]}), vec![m, k]),
        (json!({"op": "remove", "path": "members", "value": ["nobody"]}), vec![m, k]),
        (json!({"op": "remove", "path": "members"}), vec![]),
        (json!({"op": "replace", "path": "members", "value": [z]}), vec![z]),
        (json!({"op": "replace", "path": "members", "value": [{"value": k}, {"value": z}]}), vec![k, z]),
        (json!({"op": "replace", "path": "members", "value": []}), vec![]),
        (json!({"op": "replace", "value": {"members": [m]}}), vec![m]),
    ];
    for base in BASES {
        let client = app.client(base, app.acme());
        for (operation, expected) in &cases {
            let start = json!([{"op": "replace", "path": "members", "value": [m, k]}]);
            rfc.patch("/Roles/grader", start).expect(200);
            assert_eq!(members(&client, "grader"), [m, k]);
            let versions = |client: &Client| {
                [&mia, &kai, &zoe].map(|user| {
                    let user = client.get(&user_path(user)).json();
                    (user["meta"]["version"].clone(), role_of(&rfc, &user))
                })
            };
            let before = versions(&client);
            let reply = client.patch("/Roles/grader", json!([operation]));
            let body = reply.expect(200).json();
            assert_matches(
                &json!({"id": "grader", "memberCount": expected.len(), "members": format!("<length {}>", expected.len())}),
                &body,
                &format!("{base} {operation}"),
            );
            assert_eq!(members(&client, "grader"), *expected, "{base} {operation}");
            let after = versions(&client);
            for ((user, (version, role)), (now, new)) in [m, k, z].iter().zip(&before).zip(&after) {
                let right = if expected.contains(user) { "grader" } else { "agent" };
                assert_eq!(*new, right, "{base} {operation}");
                assert_eq!(version != now, role != new, "{base} {operation}: only a user who moves changes");
            }
        }
        // A user has one role: who is added to another leaves this one.
        client
            .patch("/Roles/grader", json!([{"op": "replace", "path": "members", "value": [m]}]))
            .expect(200);
        client.patch("/Roles/manager", json!([{"op": "add", "path": "members", "value": [m]}])).expect(200);
        assert!(members(&client, "grader").is_empty());
        assert_eq!(client.filter("userAccessLevel eq \"manager\"").ids(), [m]);
        let id = app.db.literal(m);
        assert!(
            app.db.db_count("audit_log", &format!("resource_id = {id} AND attributes LIKE '%role%'")) > 0
        );
        client.patch("/Roles/manager", json!([{"op": "remove", "path": "members"}])).expect(200);
        assert_eq!(role_of(&rfc, &mia), "agent");
    }
    // On `rfc` a user keeps the role names that are not ours.
    let kept = rfc.create(&with(
        user("kept"),
        json!({"roles": [{"value": "theirs"}, {"value": "grader", "primary": true}]}),
    ));
    rfc.patch("/Roles/manager", json!([{"op": "add", "path": "members", "value": [kept["id"]]}])).expect(200);
    let roles = rfc.get(&user_path(&kept)).json()["roles"].clone();
    let mut values: Vec<&str> =
        roles.as_array().unwrap().iter().map(|role| role["value"].as_str().unwrap()).collect();
    values.sort_unstable();
    assert_eq!(values, ["manager", "theirs"], "only the entry that counted is replaced: {roles}");
}

fn nothing_else_is_changed(backend: Backend) {
    let app = TestApp::start(backend);
    let [mia, ..] = people(&app.rfc());
    let before = app.db.db_dump();
    for base in BASES {
        let client = app.client(base, app.acme());
        for (operations, scim_type) in [
            (json!([{"op": "replace", "path": "displayName", "value": "Boss"}]), "mutability"),
            (json!([{"op": "remove", "path": "displayName"}]), "mutability"),
            (json!([{"op": "replace", "path": "memberCount", "value": 7}]), "mutability"),
            (json!([{"op": "replace", "path": "id", "value": "boss"}]), "mutability"),
            (
                json!([
                    {"op": "add", "path": "members", "value": [mia["id"]]},
                    {"op": "replace", "path": "displayName", "value": "Boss"}
                ]),
                "mutability",
            ),
            (json!([{"op": "add", "path": "members", "value": [mia["id"], "nobody"]}]), "invalidValue"),
            (json!([{"op": "add", "path": "members", "value": [{}]}]), "invalidValue"),
            (json!([{"op": "add", "path": "members[shoeSize eq 4]", "value": []}]), "invalidPath"),
        ] {
            let reply = client.patch("/Roles/grader", operations.clone());
            assert_eq!(reply.status, 400, "{base} {operations}: {}", reply.text);
            let got = reply.json()["scimType"].as_str().unwrap_or_default().to_owned();
            let fits = got == scim_type || scim_type == "invalidPath" && got == "invalidFilter";
            assert!(fits, "{base} {operations}: expected {scim_type}: {}", reply.text);
        }
        client.patch("/Roles/grader", json!([])).expect(200);
    }
    app.db.db_assert_unchanged(&before);
}

fn a_name_sent_without_a_path_is_no_exception(backend: Backend) {
    let app = TestApp::start(backend);
    let before = app.db.db_dump();
    for base in BASES {
        let client = app.client(base, app.acme());
        // What was read may be sent back.
        let same =
            json!([{"op": "replace", "value": {"id": "grader", "displayName": "Grader", "members": []}}]);
        client.patch("/Roles/grader", same).expect(200);
        let rename = json!([{"op": "replace", "value": {"displayName": "Boss"}}]);
        client.patch("/Roles/grader", rename).expect_error(400, Some("mutability"));
    }
    app.db.db_assert_unchanged(&before);
}

fn grants_pass_the_check(backend: Backend) {
    let app = TestApp::start(backend);
    let rfc = app.rfc();
    let [mia, ..] = people(&rfc);
    rfc.create(&with(user("root"), json!({"roles": ["admin"]})));
    let qa = |client: &Client| client.at(client.base_url.replace("/scim/v2", QA));
    let reader = app.rfc_with_token(&["--scope", "roles:read", "--scope", "users:write"]);
    let users = app.rfc_with_token(&["--scope", "users:write"]);
    let ceiling = app.rfc_with_token(&["--role-ceiling", "manager"]);
    let operation = |op: &str| json!([{"op": op, "path": "members", "value": [mia["id"]]}]);
    let before = app.db.db_dump();
    for (client, role) in [
        (&reader, "agent"),
        (&reader, "grader"),
        (&users, "grader"),
        (&ceiling, "admin"),
        (&ceiling, "grader"),
    ] {
        for client in [client, &qa(client)] {
            for op in ["add", "replace"] {
                let reply = client.patch(&format!("/Roles/{role}"), operation(op));
                assert_eq!(reply.status, 403, "{role} {op}: {}", reply.text);
            }
        }
    }
    app.db.db_assert_unchanged(&before);
    for client in [&users, &qa(&users)] {
        client.get("/Roles").expect_error(403, None);
        client.get("/Roles/grader").expect_error(403, None);
    }
    for client in [&reader, &qa(&reader)] {
        client.get("/Roles").expect(200);
        client.get("/Roles/grader").expect(200);
    }
    for role in ["manager", "agent"] {
        for client in [&ceiling, &qa(&ceiling)] {
            client.patch(&format!("/Roles/{role}"), operation("add")).expect(200);
            assert_eq!(role_of(&rfc, &mia), role);
        }
    }
}

fn the_last_admin_is_not_moved(backend: Backend) {
    let app = TestApp::start(backend);
    let rfc = app.rfc();
    let root = rfc.create(&with(user("root"), json!({"roles": ["admin"]})));
    rfc.create(&with(user("asleep"), json!({"roles": ["admin"], "active": false})));
    let kai = person(&rfc, "kai");
    let before = app.db.db_dump();
    for base in BASES {
        let client = app.client(base, app.acme());
        for (role, operation) in [
            ("admin", json!({"op": "remove", "path": "members", "value": [root["id"]]})),
            ("admin", json!({"op": "remove", "path": format!("members[value eq \"{}\"]", id_of(&root))})),
            ("admin", json!({"op": "remove", "path": "members"})),
            ("admin", json!({"op": "replace", "path": "members", "value": []})),
            ("agent", json!({"op": "add", "path": "members", "value": [root["id"]]})),
            ("grader", json!({"op": "replace", "path": "members", "value": [kai["id"], root["id"]]})),
        ] {
            let reply = client.patch(&format!("/Roles/{role}"), json!([operation]));
            assert_eq!(reply.status, 409, "{base} {role} {operation}: {}", reply.text);
            reply.expect_error(409, None);
        }
    }
    app.db.db_assert_unchanged(&before);
    // The last admin may be replaced in one request.
    for (base, user) in BASES.iter().zip([&kai, &root]) {
        let client = app.client(base, app.acme());
        let replace = json!([{"op": "replace", "path": "members", "value": [user["id"]]}]);
        assert_eq!(client.patch("/Roles/admin", replace).expect(200).json()["memberCount"], 1);
        assert_eq!(members(&client, "admin"), [id_of(user)]);
    }
}

/// The limit is one of the request, whatever operations it is spread over.
fn moves_are_counted_over_the_request(backend: Backend) {
    let app = TestApp::start(backend);
    app.db.cli(&["load", "--tenant", "acme", "--users", "1001"]);
    let client = app.rfc();
    let mut users = client.get("/Users?count=1000&attributes=id").expect(200).ids();
    users.extend(client.get("/Users?count=1&startIndex=1001&attributes=id").expect(200).ids());
    let graders = || client.get("/Roles/grader?count=0").expect(200).json()["memberCount"].as_u64().unwrap();
    let before = (graders(), app.db.db_dump());
    let add = |users: &[String]| json!({"op": "add", "path": "members", "value": users});
    let too_many = json!([add(&users[..500]), add(&users[500..])]);
    client.patch("/Roles/grader", too_many).expect_error(413, None);
    app.db.db_assert_unchanged(&before.1);
    client.patch("/Roles/grader", json!([add(&users[..500]), add(&users[500..1_000])])).expect(200);
    let last = client.get(&format!("/Users/{}", users[1_000])).expect(200).json();
    let is_grader = last["roles"][0]["value"] == "grader";
    assert_eq!(graders(), 1_000 + u64::from(is_grader));
}
