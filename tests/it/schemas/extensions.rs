//! Extensions of the types that every tenant has.

use serde_json::{Value, json};

use super::{apply, try_apply, wait_until_in_force};
use crate::support::app::TestApp;
use crate::support::backend::{Backend, both};
use crate::support::http::{BASES, RFC, encode, id_of, user_path};
use crate::support::users::{USER, user, with};

both!(users_are_extended, groups_are_extended, a_required_extension_of_users, others_drop_the_values);

const ACME: &str = "urn:ietf:params:scim:schemas:extension:acme:2.0:User";
const TEAM: &str = "urn:example:acme:1.0:Team";

fn user_extension(required: bool) -> Value {
    json!([
        {"schemas": ["urn:ietf:params:scim:schemas:core:2.0:Schema"], "id": ACME, "name": "Acme", "attributes": [
            {"name": "badge", "uniqueness": "server", "required": true},
            {"name": "manager", "description": "Not the one of the enterprise extension."},
            {"name": "joined", "type": "dateTime", "mutability": "immutable"},
            {"name": "pin", "mutability": "writeOnly"}
        ]},
        {"schemas": ["urn:ietf:params:scim:schemas:core:2.0:ResourceType"], "name": "User", "endpoint": "/Users",
         "schema": USER, "schemaExtensions": [{"schema": ACME, "required": required}]}
    ])
}

fn users_are_extended(backend: Backend) {
    let app = TestApp::start(backend);
    let plain = app.rfc().create(&user("plain"));
    apply(&app.db, "acme", &user_extension(false));
    wait_until_in_force();
    for base in BASES {
        let client = app.client(base, app.acme());
        let badge = format!("B{}", base.len());
        let name = format!("u{}", base.len());
        let values = json!({"badge": badge, "manager": "kai", "joined": "2024-05-01T10:00:00Z", "pin": "1"});
        let made = client.create(&with(user(&name), json!({ACME: values})));
        assert_eq!(made[ACME], json!({"badge": badge, "manager": "kai", "joined": "2024-05-01T10:00:00Z"}));
        assert!(made["schemas"].as_array().unwrap().contains(&json!(ACME)));
        assert_eq!(
            client.filter(&format!("{ACME}:badge eq \"{}\"", badge.to_lowercase())).ids(),
            [id_of(&made)]
        );
        assert_eq!(
            client.filter(&format!("schemas eq \"{ACME}\" and userName sw \"{name}\"")).ids(),
            [id_of(&made)]
        );
        client
            .post("/Users", &with(user("other"), json!({ACME: {"badge": badge}})))
            .expect_error(409, Some("uniqueness"));
        client
            .post("/Users", &with(user("other"), json!({ACME: {"manager": "x"}})))
            .expect_error(400, Some("invalidValue"));
        let joined = format!("{ACME}:joined");
        let wrong = json!([{"op": "replace", "path": joined, "value": "2025-05-01T10:00:00Z"}]);
        client.patch(&user_path(&made), wrong).expect_error(400, Some("mutability"));
        let same = json!([{"op": "replace", "path": joined, "value": "2024-05-01T12:00:00+02:00"}]);
        assert_eq!(client.patch(&user_path(&made), same).expect(200).json(), made);
        let put = with(user(&name), json!({ACME: {"badge": badge}}));
        assert_eq!(
            client.put(&user_path(&made), &put).expect(200).json()[ACME]["joined"],
            made[ACME]["joined"]
        );
        // An optional extension is not asked of anybody, and a deleted user frees its values.
        client.get(&user_path(&plain)).expect(200);
        client.create(&user(&format!("without{}", base.len())));
        client.delete(&user_path(&made)).expect(204);
        client.create(&with(user(&format!("next{}", base.len())), json!({ACME: {"badge": badge}})));
        let announced = client.get("/ResourceTypes/User").json();
        let ours =
            announced["schemaExtensions"].as_array().unwrap().iter().find(|known| known["schema"] == ACME);
        assert_eq!(ours.unwrap()["required"], false);
        assert_eq!(
            client.get(&format!("/Schemas/{ACME}")).expect(200).json()["attributes"][0]["name"],
            "badge"
        );
    }
}

fn groups_are_extended(backend: Backend) {
    let app = TestApp::start(backend);
    let file = json!({
        "schemas": [{"id": TEAM, "attributes": [{"name": "cost", "type": "integer"}, {"name": "code", "uniqueness": "server"}]}],
        "resourceTypes": [
            {"name": "Group", "schemaExtensions": [{"schema": TEAM, "required": false}]},
            {"name": "Usergroup", "schemaExtensions": [{"schema": TEAM, "required": true}]}
        ]
    });
    apply(&app.db, "acme", &file);
    for base in BASES {
        let client = app.client(base, app.acme());
        for collection in ["/Groups", "/Usergroups"] {
            let code = format!("c{}", base.len());
            let body =
                json!({"displayName": format!("Team {}", base.len()), TEAM: {"cost": 5, "code": code}});
            let made = client.post(collection, &body).expect(201).json();
            assert_eq!(made[TEAM], body[TEAM]);
            assert!(made["schemas"].as_array().unwrap().contains(&json!(TEAM)));
            let found = client.get(&format!(
                "{collection}?filter={}",
                encode(&format!("{TEAM}:cost gt 4 and {TEAM}:code eq \"{code}\""))
            ));
            assert_eq!(found.ids(), [id_of(&made)]);
            // Each kind has its own names.
            client
                .post(collection, &with(body.clone(), json!({"displayName": "Other"})))
                .expect_error(409, Some("uniqueness"));
            let path = format!("{collection}/{}", id_of(&made));
            let patched =
                client.patch(&path, json!([{"op": "replace", "path": format!("{TEAM}:cost"), "value": 6}]));
            assert_eq!(patched.expect(200).json()[TEAM]["cost"], 6);
        }
        client.post("/Groups", &json!({"displayName": format!("Bare {}", base.len())})).expect(201);
        client.post("/Usergroups", &json!({"displayName": "Bare"})).expect_error(400, Some("invalidValue"));
    }
}

fn a_required_extension_of_users(backend: Backend) {
    let app = TestApp::start(backend);
    let client = app.rfc();
    let plain = client.create(&user("plain"));
    let before = app.db.db_dump();
    let (done, said) = try_apply(&app.db, "acme", &user_extension(true));
    assert!(!done && said.contains(ACME) && said.contains(id_of(&plain)), "{said}");
    app.db.db_assert_unchanged(&before);
    client.delete(&user_path(&plain)).expect(204);
    apply(&app.db, "acme", &user_extension(true));
    wait_until_in_force();
    client.post("/Users", &user("mia")).expect_error(400, Some("invalidValue"));
    client.create(&with(user("mia"), json!({ACME: {"badge": "1"}})));
}

fn others_drop_the_values(backend: Backend) {
    let app = TestApp::start(backend);
    apply(&app.db, "acme", &user_extension(false));
    let client = app.client(RFC, app.globex());
    let made = client.create(&with(user("mia"), json!({ACME: {"badge": "B"}})));
    assert_eq!((made.get(ACME), &made["schemas"]), (None, &json!([USER])));
    client.filter(&format!("{ACME}:badge eq \"B\"")).expect_error(400, Some("invalidFilter"));
    client.get(&format!("/Schemas/{ACME}")).expect_error(404, None);
}
