//! Whatever guards a single request guards each operation: scopes, role ceiling, tenants, the last admin.

use serde_json::{Value, json};

use super::{id_in, outcomes, post_user, request, send, statuses};
use crate::support::app::TestApp;
use crate::support::backend::{Backend, both};
use crate::support::groups::{KINDS, db_list, people};
use crate::support::http::{BASES, QA, RFC, id_of, user_path};
use crate::support::users::{user, with};

both!(scopes, role_grants, tenants, the_last_admin);

fn scopes(backend: Backend) {
    let app = TestApp::start(backend);
    let [mia, ..] = people(&app.rfc());
    let path = user_path(&mia);
    let operations = json!([
        post_user("a", user("a")),
        {"method": "PUT", "path": path, "data": mia},
        {"method": "PATCH", "path": path, "data": [{"op": "add", "path": "title", "value": "x"}]},
        {"method": "DELETE", "path": path},
        {"method": "POST", "path": "/Groups", "bulkId": "g", "data": {"displayName": "G"}},
        {"method": "POST", "path": "/Usergroups", "bulkId": "u", "data": {"displayName": "U", "members": ["bulkId:none"]}},
        {"method": "PATCH", "path": "/Roles/grader", "data": []}
    ]);
    let without = app.rfc_with_token(&["--scope", "users:write", "--scope", "groups:write"]);
    let reader = app.rfc_with_token(&["--scope", "users:read", "--scope", "bulk"]);
    let before = app.db.db_dump();
    for base in BASES {
        let at = |client: &crate::support::http::Client| client.at(client.base_url.replace(RFC, base));
        let without = at(&without);
        send(&without, &operations).expect_error(403, None);
        // Before the body is waited for or read.
        without.request("POST", "/Bulk").body("{", "text/xml").send().expect_error(403, None);
        let outcomes = outcomes(&at(&reader), &operations);
        assert_eq!(statuses(&outcomes), ["403"; 7]);
        app.client_with(base, None).post("/Bulk", &request(&operations)).expect_error(401, None);
    }
    app.db.db_assert_unchanged(&before);
    let users = app.rfc_with_token(&["--scope", "users:write", "--scope", "bulk"]);
    assert_eq!(statuses(&outcomes(&users, &operations)), ["201", "200", "200", "204", "403", "403", "403"]);
}

fn role_grants(backend: Backend) {
    let app = TestApp::start(backend);
    let [mia, ..] = people(&app.rfc());
    let path = user_path(&mia);
    let scopes = ["--scope", "bulk", "--scope", "users:write"];
    let no_roles = app.rfc_with_token(&scopes);
    let ceiling =
        app.rfc_with_token(&[&scopes[..], &["--scope", "roles:write", "--role-ceiling", "manager"]].concat());
    let granting = |role: &str| {
        json!([
            post_user("a", with(user("a"), json!({"roles": [role]}))),
            {"method": "PUT", "path": path, "data": with(mia.clone(), json!({"roles": [role]}))},
            {"method": "PATCH", "path": path, "data": [{"op": "add", "path": "ROLES", "value": [{"value": role}]}]},
            {"method": "PATCH", "path": path, "data": [{"op": "Replace", "value": {"roles": role}}]},
            {"method": "PATCH", "path": format!("/Roles/{role}"), "data": [
                {"op": "add", "path": "members", "value": [mia["id"]]}
            ]}
        ])
    };
    let before = app.db.db_dump();
    for base in [RFC, QA] {
        for (client, role) in
            [(&no_roles, "grader"), (&no_roles, "admin"), (&ceiling, "admin"), (&ceiling, "grader")]
        {
            let client = client.at(client.base_url.replace(RFC, base));
            assert_eq!(statuses(&outcomes(&client, &granting(role))), ["403"; 5], "{base} {role}");
        }
    }
    app.db.db_assert_unchanged(&before);
    assert_eq!(statuses(&outcomes(&ceiling, &granting("manager"))), ["201", "200", "200", "200", "200"]);
}

fn tenants(backend: Backend) {
    let app = TestApp::start(backend);
    let theirs = app.client(RFC, app.globex());
    let stranger = theirs.create(&user("stranger"));
    let group = KINDS[0].create(&theirs, &json!({"displayName": "Theirs", "members": [stranger["id"]]}));
    let [mia, ..] = people(&app.rfc());
    let random = "0190a1b2-c3d4-7000-8000-0123456789ab";
    let before = app.db.db_dump();
    for base in BASES {
        let client = app.client(base, app.acme());
        let operations = |user: &str, group: &str| {
            json!([
                {"method": "PUT", "path": format!("/Users/{user}"), "data": mia},
                {"method": "PATCH", "path": format!("/Users/{user}"), "data": [{"op": "add", "path": "title", "value": "x"}]},
                {"method": "DELETE", "path": format!("/Users/{user}"), "version": "W/\"9\""},
                {"method": "PATCH", "path": format!("/Groups/{group}"), "data": [{"op": "remove", "path": "members"}]},
                {"method": "DELETE", "path": format!("/Groups/{group}")},
                {"method": "POST", "path": "/Groups", "bulkId": "a", "data": {"displayName": "A", "members": [user]}},
                {"method": "POST", "path": "/Usergroups", "bulkId": "b", "data": {"displayName": "B", "owners": [user]}},
                {"method": "PATCH", "path": "/Roles/grader", "data": [{"op": "add", "path": "members", "value": [user]}]}
            ])
        };
        // Nothing tells what another tenant has from what nobody has.
        let seen = |user: &str, group: &str| {
            let outcomes = outcomes(&client, &operations(user, group));
            assert_eq!(statuses(&outcomes), ["404", "404", "404", "404", "404", "400", "400", "400"]);
            Value::Array(outcomes).to_string().replace(user, "USER").replace(group, "GROUP")
        };
        assert_eq!(
            seen(id_of(&stranger), id_of(&group)),
            seen(random, random).replace("/Groups/USER", "/Groups/GROUP")
        );
    }
    app.db.db_assert_unchanged(&before);
}

fn the_last_admin(backend: Backend) {
    let app = TestApp::start(backend);
    let client = app.rfc();
    let root = client.create(&with(user("root"), json!({"roles": ["admin"]})));
    let path = user_path(&root);
    let demoting = json!([
        {"method": "PATCH", "path": path, "data": [{"op": "replace", "path": "roles", "value": ["agent"]}]},
        {"method": "PUT", "path": path, "data": with(user("root"), json!({"roles": ["agent"]}))},
        {"method": "PATCH", "path": "/Roles/admin", "data": [{"op": "remove", "path": "members"}]},
        {"method": "PATCH", "path": "/Roles/agent", "data": [{"op": "add", "path": "members", "value": [root["id"]]}]}
    ]);
    let before = app.db.db_dump();
    for base in BASES {
        assert_eq!(statuses(&outcomes(&app.client(base, app.acme()), &demoting)), ["409"; 4], "{base}");
    }
    app.db.db_assert_unchanged(&before);
    // Each operation sees what those before it have done: the second of two admins is the last.
    let demote = |path: String| json!({"method": "PATCH", "path": path, "data": [{"op": "replace", "path": "roles", "value": ["agent"]}]});
    let operations = json!([
        post_user("next", with(user("next"), json!({"roles": ["admin"]}))),
        demote(path),
        demote("/Users/bulkId:next".into()),
        {"method": "POST", "path": "/Groups", "bulkId": "g", "data": {"displayName": "G", "members": ["bulkId:next"]}}
    ]);
    let outcomes = outcomes(&client, &operations);
    assert_eq!(statuses(&outcomes), ["201", "200", "409", "201"]);
    assert_eq!(client.filter("userAccessLevel eq \"admin\"").ids(), [id_in(&outcomes[0])]);
    assert_eq!(db_list(&app, &json!({"id": id_in(&outcomes[3])}), "members").len(), 1);
}
