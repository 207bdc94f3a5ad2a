//! The effective role of a user: who may grant it, and that the last admin is not demoted.

use serde_json::{Value, json};

use crate::support::app::TestApp;
use crate::support::backend::{Backend, both};
use crate::support::http::{Client, QA, user_path};
use crate::support::users::{QA_USER, user, with};

both!(every_grant_passes_the_check, the_last_admin_is_not_demoted, access_can_always_be_taken_away);

/// The forms in which a role can be sent to an existing user.
fn grants(role: &str) -> Vec<Value> {
    let core = "urn:ietf:params:scim:schemas:core:2.0:User:roles";
    vec![
        json!([{"op": "replace", "path": "roles", "value": [role]}]),
        json!([{"op": "Add", "path": "ROLES", "value": role}]),
        json!([{"op": "add", "path": core, "value": [{"value": role}]}]),
        json!([{"op": "replace", "path": "roles[primary eq \"True\"].value", "value": role}]),
        json!([{"op": "replace", "value": {"roles": [{"value": role, "primary": true}]}}]),
        json!([{"op": "add", "value": {core: [{"value": role}]}}]),
        json!([{"op": "add", "path": "roles", "value": [{"value": format!("{{\"value\":\"{role}\"}}")}]}]),
    ]
}

fn every_grant_passes_the_check(backend: Backend) {
    let app = TestApp::start(backend);
    let full = app.rfc();
    let path = user_path(&full.create(&user("mia")));
    let users_only = app.rfc_with_token(&["--scope", "users:write"]);
    let ceiling = app.rfc_with_token(&["--role-ceiling", "manager"]);
    let qa = |client: &Client| client.at(client.base_url.replace("/scim/v2", QA));
    let before = app.db.db_dump();
    for (what, client, role) in [
        ("no scope for roles", &users_only, "admin"),
        ("no scope for roles", &users_only, "limited_agent"),
        ("a ceiling", &ceiling, "admin"),
        ("a ceiling", &ceiling, "limitedAdmin"),
        ("a ceiling", &ceiling, "grader"),
    ] {
        for client in [client, &qa(client)] {
            for operations in grants(role) {
                let reply = client.patch(&path, operations.clone());
                assert_eq!(reply.status, 403, "{what}, {role}, {operations}: {}", reply.text);
            }
            for body in [json!([role]), json!(role), json!([{"value": role}])] {
                let body = with(user("mia"), json!({"roles": body}));
                let new = with(body.clone(), json!({"userName": "new@example.com"}));
                let replies = [client.put(&path, &body), client.post("/Users", &new)];
                for reply in &replies {
                    reply.expect_error(403, None);
                }
            }
        }
    }
    app.db.db_assert_unchanged(&before);

    // What the token may do it can do: users without naming a role, and roles up to the ceiling.
    users_only.create(&user("plain"));
    users_only.patch(&path, json!([{"op": "replace", "path": "title", "value": "x"}])).expect(200);
    for (n, operations) in grants("manager").into_iter().enumerate() {
        let made = full.create(&user(&format!("n{n}")));
        let reply = ceiling.patch(&user_path(&made), operations.clone());
        let changed = full.with_role(reply.expect(200).json());
        assert_eq!(changed[QA_USER]["role"], "manager", "{operations}: {}", reply.text);
    }
}

fn the_last_admin_is_not_demoted(backend: Backend) {
    let app = TestApp::start(backend);
    let (rfc, qa) = (app.rfc(), app.qa());
    let admin = rfc.create(&with(user("root"), json!({"roles": ["admin"]})));
    let path = user_path(&admin);
    // An inactive admin does not count.
    rfc.create(&with(user("asleep"), json!({"roles": ["admin"], "active": false})));
    let before = app.db.db_dump();
    let mut replies = vec![
        rfc.put(&path, &with(user("root"), json!({"roles": ["agent"]}))),
        qa.put(&path, &json!({"roles": ["agent"]})),
        rfc.patch(&path, json!([{"op": "remove", "path": "roles"}])),
        rfc.patch(&path, json!([{"op": "remove", "path": "roles[value eq \"admin\"]"}])),
        qa.patch(&path, json!([{"op": "replace", "path": "roles", "value": "manager"}])),
    ];
    replies.push(rfc.patch(&path, json!([{"op": "replace", "value": {"roles": [{"value": "agent"}]}}])));
    for reply in &replies {
        reply.expect_error(409, None);
    }
    app.db.db_assert_unchanged(&before);
    // With another active one it may go.
    rfc.create(&with(user("second"), json!({"roles": ["admin"]})));
    assert_eq!(qa.put(&path, &json!({"roles": ["agent"]})).expect(200).json()["roles"], json!(["agent"]));
}

fn access_can_always_be_taken_away(backend: Backend) {
    let app = TestApp::start(backend);
    let rfc = app.rfc();
    let path = user_path(&rfc.create(&with(user("root"), json!({"roles": ["admin"]}))));
    rfc.patch(&path, json!([{"op": "replace", "path": "active", "value": false}])).expect(200);
    rfc.patch(&path, json!([{"op": "replace", "path": "active", "value": true}])).expect(200);
    rfc.delete(&path).expect(204);
    let warned = app
        .db
        .db_texts("SELECT action AS value FROM audit_log WHERE warning IS NOT NULL ORDER BY new_version");
    assert_eq!(warned, ["updated", "deleted"], "taking access from the last admin leaves a warning");
}
