//! `DELETE /Users/{id}`: gone for everybody, a tombstone in the database, and who comes back from it.

use serde_json::{Value, json};

use crate::support::app::TestApp;
use crate::support::backend::{Backend, both};
use crate::support::http::{BASES, id_of, user_path};
use crate::support::users::{full_user, user, with};

both!(a_deleted_user_is_gone_for_everybody, who_comes_back, a_revived_user_is_as_posted);

fn a_deleted_user_is_gone_for_everybody(backend: Backend) {
    let app = TestApp::start(backend);
    for (base, name) in BASES.iter().zip(["rfc", "qa"]) {
        let client = app.client(base, app.acme());
        let made = client.create(&full_user(name));
        let path = user_path(&made);
        let reply = client.delete(&path);
        assert_eq!(
            (reply.expect(204).text.as_str(), reply.header("Content-Type")),
            ("", None),
            "204 has no body"
        );
        let patch = json!([{"op": "replace", "path": "active", "value": true}]);
        for reply in [
            client.get(&path),
            client.put(&path, &full_user(name)),
            client.patch(&path, patch),
            client.delete(&path),
        ] {
            reply.expect_error(404, None);
        }
        assert_eq!(client.get("/Users").total(), 0, "in no list");
        for filter in [
            format!("id eq \"{}\"", id_of(&made)),
            format!("userName eq \"{name}@example.com\""),
            format!("externalId eq \"ext-{name}\""),
            "userName pr".into(),
            "not (title eq \"x\")".into(),
        ] {
            assert_eq!(client.filter(&filter).total(), 0, "{filter}");
        }
        let id = app.db.literal(id_of(&made));
        assert_eq!(
            app.db.db_count("resources", &format!("id = {id} AND deleted_at IS NOT NULL")),
            1,
            "a tombstone stays"
        );
        assert_eq!(
            app.db.db_count("attribute_values", &format!("resource_id = {id}")),
            0,
            "it is in no index"
        );
    }
    assert_eq!(app.db.db_count("collections", "resource_type = 'User' AND live <> 0"), 0);
}

fn who_comes_back(backend: Backend) {
    let app = TestApp::start(backend);
    let client = app.rfc();
    let external = |name: &str, external: &str| with(user(name), json!({"externalId": external}));
    // Deleted, posted, and whether the same id comes back.
    let cases: [(&str, Value, Value, bool); 7] = [
        ("equal externalId, equal name", external("a", "x-a"), external("a", "x-a"), true),
        ("equal externalId, another name", external("b", "x-b"), external("b2", "x-b"), true),
        ("another externalId, equal name", external("c", "x-c"), external("c", "x-c2"), false),
        ("an externalId against none", user("d"), external("d", "x-d"), false),
        ("none against an externalId", external("e", "x-e"), user("e"), false),
        ("neither has one, equal name", user("f"), user("f"), true),
        (
            "neither has one, equal name in another case",
            user("g"),
            json!({"userName": "G@EXAMPLE.com"}),
            true,
        ),
    ];
    for (what, old, new, same) in cases {
        let buried = client.create(&old);
        client.delete(&user_path(&buried)).expect(204);
        let made = client.create(&new);
        assert_eq!(id_of(&made) == id_of(&buried), same, "{what}: {made}");
        let action = if same { "revived" } else { "created" };
        let id = app.db.literal(id_of(&made));
        let recorded = format!("resource_id = {id} AND action = '{action}'");
        for table in ["audit_log", "changes"] {
            assert_eq!(app.db.db_count(table, &recorded), 1, "{what}: {table} says {action}");
        }
        client.get(&user_path(&made)).expect(200);
    }
    // A living user is not revived over: its name is taken.
    client.post("/Users", &user("f")).expect_error(409, Some("uniqueness"));
    assert_eq!(app.db_users(app.acme()), 7);
}

fn a_revived_user_is_as_posted(backend: Backend) {
    let app = TestApp::start(backend);
    let client = app.rfc();
    let first = client.create(&with(full_user("mia"), json!({"roles": ["admin"]})));
    client.delete(&user_path(&first)).expect(204);
    let again = client.create(&with(user("mia"), json!({"externalId": "ext-mia"})));
    assert_eq!(id_of(&again), id_of(&first));
    for attribute in ["title", "emails", "displayName", "phoneNumbers", crate::support::users::ENTERPRISE] {
        assert_eq!(again.get(attribute), None, "{attribute} of the former life came back: {again}");
    }
    let role = client.with_role(again.clone())[crate::support::users::QA_USER]["role"].clone();
    assert_eq!(role, "agent", "the role of the former life came back");
    assert_eq!((&again["active"], &again["groups"]), (&json!(true), &json!([])));
    assert_eq!(client.filter("title eq \"Team Lead\"").total(), 0, "the index knows the former life");
    assert!(again["meta"]["version"] != first["meta"]["version"], "a version is never given twice: {again}");
    assert_eq!(client.get(&user_path(&again)).expect(200).json(), again);
}
