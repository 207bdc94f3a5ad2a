//! Declared keys of the profile.

use serde_json::{Value, json};

use super::{apply, try_apply, wait_until_in_force};
use crate::support::app::TestApp;
use crate::support::backend::{Backend, both};
use crate::support::http::{BASES, QA, user_path};
use crate::support::users::{QA_USER, USER, user, with};

both!(declared_keys_have_their_type, a_declaration_that_does_not_fit);

fn declaration(kind: &str) -> Value {
    json!({
        "id": QA_USER,
        "attributes": [{"name": "profile", "type": "complex", "subAttributes": [
            {"name": "Shift", "type": "integer", "description": "The shift."},
            {"name": "Remote", "type": "boolean"},
            {"name": "Rate", "type": "decimal"},
            {"name": "Start", "type": "dateTime"},
            {"name": "Location", "type": kind}
        ]}]
    })
}

fn declared_keys_have_their_type(backend: Backend) {
    let app = TestApp::start(backend);
    apply(&app.db, "acme", &declaration("string"));
    for (place, base) in BASES.into_iter().enumerate() {
        let client = app.client(base, app.acme());
        let profile = |value: &Value| {
            let found = if base == QA { &value["profile"] } else { &value[QA_USER]["profile"] };
            found.clone()
        };
        let all = json!({
            "Shift": 2, "Remote": true, "Rate": 1.5, "Start": "2024-05-01T10:00:00Z", "Location": "Porto", "Free": 7
        });
        let made = client.create(&with(user(&format!("u{place}")), json!({"profile": all})));
        assert_eq!(profile(&made), all);
        for (key, wrong) in [
            ("Shift", json!("two")),
            ("shift", json!(2.5)),
            ("Remote", json!(1)),
            ("Rate", json!("1")),
            ("Start", json!("soon")),
            ("Location", json!(5)),
        ] {
            let body = with(user("x"), json!({"profile": {key: wrong}}));
            client.post("/Users", &body).expect_error(400, Some("invalidValue"));
            let operation = json!([{"op": "add", "path": format!("profile.{key}"), "value": wrong}]);
            client.patch(&user_path(&made), operation).expect_error(400, Some("invalidValue"));
            let operation = json!([{"op": "add", "value": {"profile": {key: wrong}}}]);
            client.patch(&user_path(&made), operation).expect_error(400, Some("invalidValue"));
        }
        let patched = client.patch(&user_path(&made), json!([
            {"op": "replace", "path": "profile.shift", "value": 3}, {"op": "replace", "path": "profile.free", "value": "x"}
        ]));
        assert_eq!(profile(&patched.expect(200).json())["Shift"], 3);
        assert_eq!(
            client.filter("profile.Start lt \"2024-05-01T12:00:01+02:00\" and profile.shift gt 2").total(),
            1
        );
        client.filter("profile.Shift eq \"3\"").expect_error(400, Some("invalidFilter"));
        let schema = client.get(&format!("/Schemas/{}", if base == QA { USER } else { QA_USER })).json();
        let attributes = schema["attributes"].as_array().unwrap();
        let keys =
            &attributes.iter().find(|attribute| attribute["name"] == "profile").unwrap()["subAttributes"];
        let types: Vec<String> = keys
            .as_array()
            .unwrap()
            .iter()
            .map(|key| format!("{} {}", key["name"], key["type"]).replace('"', ""))
            .collect();
        assert_eq!(
            types,
            [
                "Shift integer",
                "Remote boolean",
                "Rate decimal",
                "Start dateTime",
                "Location string",
                "Free integer"
            ]
        );
        client.delete(&user_path(&made)).expect(204);
    }
}

fn a_declaration_that_does_not_fit(backend: Backend) {
    let app = TestApp::start(backend);
    let made = app.rfc().create(&with(
        user("mia"),
        json!({"profile": {"Location": "Porto", "start": "2024-05-01T10:00:00Z"}}),
    ));
    let before = app.db.db_dump();
    let (done, said) = try_apply(&app.db, "acme", &declaration("integer"));
    assert!(!done && said.contains("profile") && said.contains(made["id"].as_str().unwrap()), "{said}");
    app.db.db_assert_unchanged(&before);
    apply(&app.db, "acme", &declaration("string"));
    wait_until_in_force();
    // The key of the value is that of a time now.
    assert_eq!(app.rfc().filter("profile.Start eq \"2024-05-01T12:00:00+02:00\"").total(), 1);
}
