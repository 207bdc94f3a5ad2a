//! More than a credential may give: roles in every form, attributes that nobody may write, profiles that look like more.

use serde_json::{Value, json};

use crate::support::app::TestApp;
use crate::support::backend::{Backend, both};
use crate::support::http::{BASES, Client, QA, RFC, Reply, id_of, user_path};
use crate::support::users::{QA_USER, user, with};

both!(
    case_43_forms_of_a_role,
    case_47_every_way_to_every_role,
    case_56_what_nobody_may_write,
    case_58_profiles_that_look_like_more,
);

const ROLES: [&str; 6] = ["admin", "limitedAdmin", "grader", "manager", "agent", "limited_agent"];

/// The stored role of a user.
fn role_of(app: &TestApp, user: &Value) -> String {
    let path = format!("{}?attributes={QA_USER}:role", user_path(user));
    app.rfc().get(&path).expect(200).json()[QA_USER]["role"].as_str().unwrap().to_owned()
}

fn case_43_forms_of_a_role(backend: Backend) {
    let app = TestApp::start(backend);
    let users_only = app.rfc_with_token(&["--scope", "users:write"]);
    let ceiling = app.rfc_with_token(&["--role-ceiling", "manager"]);
    let forms = [
        json!("admin"),
        json!(["admin"]),
        json!(["ADMIN"]),
        json!(["Admin"]),
        json!(["admin "]),
        json!([" admin"]),
        json!(["admin\u{0}"]),
        json!(["adm\u{200b}in"]),
        json!(["ａｄｍｉｎ"]),
        json!(["аdmin"]),
        json!([{"value": "admin"}]),
        json!([{"VALUE": "admin"}]),
        json!([{"value": "agent", "display": "admin", "type": "admin"}]),
        json!([{"value": {"value": "admin"}}]),
        json!(["{\"value\":\"admin\"}"]),
        json!([null]),
        json!([["admin"]]),
        json!(["manager", "admin"]),
        json!([{"value": "manager", "primary": true}, {"value": "admin"}]),
        json!({"value": "admin"}),
        json!(true),
        json!(0),
    ];
    let mut n = 0;
    for base in BASES {
        for form in &forms {
            for (client, may) in [(&users_only, "agent"), (&ceiling, "manager"), (&app.rfc(), "admin")] {
                let client = client.at(client.base_url.replace(RFC, base));
                n += 1;
                let mia = app.rfc().create(&user(&format!("n{n}")));
                let key = format!("{QA_USER}:role");
                let replies = [
                    client.post("/Users", &with(user(&format!("new{n}")), json!({"roles": form}))),
                    client.put(&user_path(&mia), &with(mia.clone(), json!({"roles": form}))),
                    client.patch(&user_path(&mia), json!([{"op": "Add", "path": "ROLES", "value": form}])),
                    client.patch(&user_path(&mia), json!([{"op": "replace", "value": {"roles": form}}])),
                    client.post("/Users", &with(user(&format!("ext{n}")), json!({QA_USER: {"role": form}}))),
                    client.patch(&user_path(&mia), json!([{"op": "replace", "path": key, "value": form}])),
                ];
                for reply in &replies {
                    let known = [200, 201, 204, 400, 403].contains(&reply.status);
                    assert!(known, "{form}: {} {}", reply.status, reply.text);
                    let made = (reply.status == 201).then(|| reply.json());
                    for user in [Some(&mia), made.as_ref()].into_iter().flatten() {
                        let role = role_of(&app, user);
                        let place = |name: &str| ROLES.iter().position(|role| *role == name);
                        assert!(place(&role).is_some(), "{form} became the role {role}");
                        assert!(place(&role) >= place(may), "{form} on {base}: {role} is more than {may}");
                    }
                }
            }
        }
    }
    let paths = app.db.db_texts(
        "SELECT DISTINCT key AS value FROM attribute_values WHERE path LIKE '%:role' AND path LIKE '%user%'",
    );
    assert!(!paths.is_empty() && paths.len() <= ROLES.len(), "{paths:?}");
}

/// A token by what it may: `users:write`, `roles:write`, and the place of its ceiling in [`ROLES`].
struct Grantor {
    client: Client,
    users: bool,
    roles: bool,
    ceiling: usize,
}

/// Ways to give a user a role; the first two make a new one.
const WAYS: [&str; 6] = ["POST", "Bulk", "PUT", "PATCH", "PATCH without a path", "Roles"];

/// The rule, in a few lines.
fn may(way: &str, role: &str, by: &Grantor) -> bool {
    let place = ROLES.iter().position(|name| *name == role).unwrap();
    // Everybody here is an agent before.
    let grants = ["POST", "Bulk"].contains(&way) || role != "agent";
    let granted = !grants || (by.roles && by.ceiling <= place);
    if way == "Roles" { by.roles && granted } else { by.users && granted }
}

fn give(client: &Client, way: &str, role: &str, mia: &Value, new: &Value) -> Reply {
    let path = user_path(mia);
    let with_role = |user: &Value| with(user.clone(), json!({"roles": [role]}));
    match way {
        "POST" => client.post("/Users", &with_role(new)),
        "Bulk" => client.post(
            "/Bulk",
            &json!({
                "schemas": ["urn:ietf:params:scim:api:messages:2.0:BulkRequest"],
                "Operations": [{"method": "POST", "path": "/Users", "bulkId": "a", "data": with_role(new)}]
            }),
        ),
        "PUT" => client.put(&path, &with_role(mia)),
        "PATCH" => client.patch(&path, json!([{"op": "Replace", "path": "roles", "value": [role]}])),
        "Roles" => client.patch(
            &format!("/Roles/{role}"),
            json!([{"op": "add", "path": "members", "value": [{"value": mia["id"]}]}]),
        ),
        _ => client.patch(&path, json!([{"op": "add", "value": {"roles": [{"value": role}]}}])),
    }
}

fn case_47_every_way_to_every_role(backend: Backend) {
    let app = TestApp::start(backend);
    let full = app.rfc();
    full.create(&with(user("root"), json!({"roles": ["admin"]})));
    let token = |scopes: &[&str], ceiling: Option<&str>| {
        let mut options: Vec<&str> = scopes.iter().flat_map(|scope| ["--scope", scope]).collect();
        options.extend(ceiling.iter().flat_map(|role| ["--role-ceiling", role]));
        app.rfc_with_token(&options)
    };
    let (users, roles, bulk) = ("users:write", "roles:write", "bulk");
    let grantors = [
        Grantor { client: token(&[users, bulk], None), users: true, roles: false, ceiling: 0 },
        Grantor { client: token(&[users, roles, bulk], None), users: true, roles: true, ceiling: 0 },
        Grantor {
            client: token(&[users, roles, bulk], Some("manager")),
            users: true,
            roles: true,
            ceiling: 3,
        },
        Grantor { client: token(&["users:read", roles, bulk], None), users: false, roles: true, ceiling: 0 },
    ];
    let mut asked = 0;
    for base in BASES {
        for (way, role) in WAYS.into_iter().flat_map(|way| ROLES.map(|role| (way, role))) {
            for (n, by) in grantors.iter().enumerate() {
                asked += 1;
                let mia = app.client(base, app.acme()).create(&user(&format!("mia{asked}")));
                let name = format!("new{asked}");
                let client = by.client.at(by.client.base_url.replace(RFC, base));
                let reply = give(&client, way, role, &mia, &user(&name));
                let what = format!("{way} {role} by {n} on {base}: {} {}", reply.status, reply.text);
                let status = match way {
                    "Bulk" => reply.json()["Operations"][0]["status"].as_str().unwrap().parse().unwrap(),
                    _ => reply.status,
                };
                let new = full.filter(&format!("userName eq \"{name}@example.com\"")).resources();
                let makes = ["POST", "Bulk"].contains(&way);
                if may(way, role, by) {
                    assert_eq!(status, if makes { 201 } else { 200 }, "{what}");
                    assert_eq!(role_of(&app, new.first().unwrap_or(&mia)), role, "{what}");
                } else {
                    assert_eq!(status, 403, "{what}");
                    assert!(new.is_empty(), "{what}: and yet somebody was made");
                    assert_eq!(role_of(&app, &mia), "agent", "{what}");
                }
            }
        }
    }
    assert_eq!(asked, 2 * 144);
}

fn case_56_what_nobody_may_write(backend: Backend) {
    let app = TestApp::start(backend);
    for base in BASES {
        let client = app.client(base, app.acme());
        let mia = client.create(&user(&format!("mia{}", base.len())));
        let path = user_path(&mia);
        let stored = |reply: Reply| {
            let body = reply.expect(200).json();
            (
                body["id"].clone(),
                body["meta"]["created"].clone(),
                body["meta"]["location"].clone(),
                body.get("groups").cloned(),
            )
        };
        let before = stored(client.get(&path));
        let forged = json!({
            "id": "0190a1b2-c3d4-7000-8000-0123456789ab",
            "meta": {"created": "2001-01-01T00:00:00Z", "location": "https://evil.example", "version": "W/\"99\"", "resourceType": "Group"},
            "groups": [{"value": "0190a1b2-c3d4-7000-8000-0123456789ab"}]
        });
        // In a body that replaces, what is read-only is passed over (RFC 7644 section 3.5.1).
        assert_eq!(stored(client.put(&path, &with(mia.clone(), forged.clone()))), before, "{base}");
        let whole = client.post("/Users", &with(user(&format!("kai{}", base.len())), forged.clone()));
        assert_ne!(whole.expect(201).json()["id"], forged["id"]);
        assert!(!whole.text.contains("2001-01-01") && !whole.text.contains("evil.example"), "{}", whole.text);
        // Named in a PATCH it is refused (section 3.5.2).
        let rows = app.db.db_dump();
        for (name, value) in [
            ("id", forged["id"].clone()),
            ("ID", forged["id"].clone()),
            ("meta.created", json!("2001-01-01T00:00:00Z")),
            ("meta.version", json!("W/\"99\"")),
            ("meta", forged["meta"].clone()),
            ("groups", forged["groups"].clone()),
        ] {
            for op in ["replace", "add"] {
                let reply = client.patch(&path, json!([{"op": op, "path": name, "value": value}]));
                reply.expect_error(400, Some("mutability"));
            }
        }
        client.patch(&path, json!([{"op": "remove", "path": "id"}])).expect_error(400, Some("mutability"));
        app.db.db_assert_unchanged(&rows);
        assert_eq!(stored(client.get(&path)), before, "{base}");
    }
}

fn case_58_profiles_that_look_like_more(backend: Backend) {
    let app = TestApp::start(backend);
    let reader = app.rfc_with_token(&["--scope", "users:write"]);
    let keys = [
        "__proto__",
        "constructor",
        "prototype",
        "roles",
        "role",
        "tenant_id",
        "tenantId",
        "active",
        "id",
        "meta",
        "userName",
        "<script>alert(1)</script>",
        "'; drop table resources; --",
        "${jndi:ldap://x}",
        "../../etc/passwd",
    ];
    let profile: Value = keys
        .iter()
        .map(|key| ((*key).to_owned(), json!("<b>admin</b>")))
        .collect::<serde_json::Map<_, _>>()
        .into();
    for base in BASES {
        let client = reader.at(reader.base_url.replace(RFC, base));
        let name = format!("mia{}", base.len());
        let body =
            if base == QA { json!({"profile": profile}) } else { json!({QA_USER: {"profile": profile}}) };
        let made = client.create(&with(user(&name), body));
        assert_eq!(role_of(&app, &made), "agent");
        let shown = client.get(&user_path(&made)).expect(200).json();
        // On `rfc` keys that are no names of attributes are kept and not shown.
        let on_qa = app.qa().get(&user_path(&made)).expect(200).json();
        assert_eq!(on_qa["profile"], profile, "{base}: plain data");
        assert_eq!((&shown["id"], &shown["active"]), (&made["id"], &json!(true)));
        let tenant = app.db.literal(&app.acme().id);
        assert_eq!(app.db.db_count("resources", &format!("tenant_id <> {tenant}")), 0);
        // At the limits and one beyond.
        let many = |count: usize| -> Value {
            (0..count).map(|n| (format!("k{n}"), json!("x"))).collect::<serde_json::Map<_, _>>().into()
        };
        let long = |bytes: usize| json!({"k": "x".repeat(bytes)});
        let key = |bytes: usize| json!({"k".repeat(bytes): "x"});
        for (n, (profile, status)) in [
            (many(100), 201),
            (many(101), 400),
            (long(1_024), 201),
            (long(1_025), 400),
            (long(10 << 10), 400),
            (key(128), 201),
            (key(129), 400),
            (json!({"k": {"a": 1}}), 400),
            (json!({"k": ["a", "b"]}), 400),
            (json!("x"), 400),
        ]
        .into_iter()
        .enumerate()
        {
            let body =
                if base == QA { json!({"profile": profile}) } else { json!({QA_USER: {"profile": profile}}) };
            let reply = client.post("/Users", &with(user(&format!("p{}-{n}", base.len())), body));
            if status == 201 {
                reply.expect(201);
            } else {
                reply.expect_error(400, Some("invalidValue"));
            }
        }
    }
    assert_ne!(id_of(&app.rfc().create(&user("last"))), "");
}
