//! `GET /Groups/{id}`: ids, projections, conditions.

use serde_json::{Value, json};

use crate::support::app::TestApp;
use crate::support::backend::{Backend, both};
use crate::support::groups::{KINDS, QA_GROUP, people};
use crate::support::http::{BASES, QA, RFC, id_of, user_path};
use crate::support::matching::assert_matches;

both!(an_id_belongs_to_one_collection, only_what_is_asked_for_is_shown, versions_are_conditions);

fn an_id_belongs_to_one_collection(backend: Backend) {
    let app = TestApp::start(backend);
    let [mia, ..] = people(&app.rfc());
    let [agents, usergroups] = KINDS;
    let group = agents.create(&app.rfc(), &json!({"displayName": "Ops"}));
    let usergroup = usergroups.create(&app.rfc(), &json!({"displayName": "Ops"}));
    let before = app.db.db_dump();
    for base in BASES {
        let client = app.client(base, app.acme());
        for path in [
            format!("/Usergroups/{}", id_of(&group)),
            format!("/Users/{}", id_of(&group)),
            format!("/Groups/{}", id_of(&usergroup)),
            format!("/Groups/{}", id_of(&mia)),
            "/Groups/2f6c7f0e-6ac1-4a2c-9c3e-0a5b8a7d3f10".into(),
            "/Groups/1".into(),
            format!("/groups/{}", id_of(&group)),
            "/UserGroups".into(),
        ] {
            client.get(&path).expect_error(404, None);
            client.put(&path, &json!({"displayName": "x"})).expect_error(404, None);
            client.patch(&path, json!([])).expect_error(404, None);
            client.delete(&path).expect_error(404, None);
        }
        // The id is judged before the body.
        let broken = client.request("PATCH", "/Groups/2f6c7f0e-6ac1-4a2c-9c3e-0a5b8a7d3f10");
        broken.body("{broken", "application/json").send().expect_error(404, None);
    }
    app.db.db_assert_unchanged(&before);
}

fn only_what_is_asked_for_is_shown(backend: Backend) {
    let app = TestApp::start(backend);
    let [mia, ..] = people(&app.rfc());
    for kind in KINDS {
        let body = json!({
            "displayName": "Ops", "externalId": "g-1", "members": [mia["id"]], "owners": [mia["id"]]
        });
        let group = kind.create(&app.rfc(), &body);
        let path = kind.path(&group);
        let only = |more: Value| {
            let mut all = json!({"schemas": "<array>", "id": "<uuid>", "<exactly>": true});
            for (name, value) in more.as_object().unwrap() {
                all[name] = value.clone();
            }
            all
        };
        let cases: Vec<(&str, &str, Value)> = vec![
            (RFC, "attributes=displayName", only(json!({"displayName": "Ops"}))),
            (QA, "attributes=displayName", only(json!({"displayName": "Ops"}))),
            (RFC, "attributes=members", only(json!({"members": [kind.member(RFC, &mia)]}))),
            (QA, "attributes=MEMBERS", only(json!({"members": [kind.member(QA, &mia)]}))),
            (
                RFC,
                "attributes=members.value",
                only(json!({"members": [{"value": mia["id"], "<exactly>": true}]})),
            ),
            (RFC, "attributes=owners", only(json!({QA_GROUP: {"owners": [mia["id"]]}}))),
            (QA, "attributes=owners", only(json!({"owners": [mia["id"]]}))),
            (RFC, "attributes=nothing", only(json!({}))),
            (
                RFC,
                "excludedAttributes=members",
                json!({"members": "<absent>", "displayName": "Ops", QA_GROUP: {"owners": [mia["id"]]}, "externalId": "g-1"}),
            ),
            (
                QA,
                "excludedAttributes=members",
                json!({"members": "<absent>", "owners": [mia["id"]], "displayName": "Ops"}),
            ),
            (
                RFC,
                "excludedAttributes=owners,id",
                json!({QA_GROUP: "<absent>", "id": "<uuid>", "members": "<length 1>"}),
            ),
            (
                RFC,
                "excludedAttributes=members.display",
                json!({"members": [{"value": mia["id"], "display": "<absent>", "$ref": "<any>"}]}),
            ),
            (RFC, "excludedAttributes=meta,members", json!({"meta": "<absent>", "members": "<absent>"})),
        ];
        for (base, query, expected) in cases {
            let client = app.client(base, app.acme());
            let one = client.get(&format!("{path}?{query}"));
            assert_matches(&expected, &one.expect(200).json(), &format!("{base}{path} {query}"));
            let listed = client.get(&format!("{}?{query}", kind.collection)).resources();
            assert_eq!(listed, [one.json()], "a list shows the same: {query}");
        }
        app.rfc().delete(&path).expect(204);
    }
}

fn versions_are_conditions(backend: Backend) {
    let app = TestApp::start(backend);
    let [mia, ..] = people(&app.rfc());
    for base in BASES {
        let client = app.client(base, app.acme());
        for kind in KINDS {
            let group = kind.create(&client, &json!({"displayName": format!("Ops {}", base.len())}));
            let path = kind.path(&group);
            let request = |method: &str, name: &str, value: &str| {
                let request = client.request(method, &path).header(name, value);
                match method {
                    "PUT" => request.json(&json!({"displayName": format!("Late {}", base.len())})),
                    "PATCH" => request.json(
                        &json!({"Operations": [{"op": "add", "path": "members", "value": [mia["id"]]}]}),
                    ),
                    _ => request,
                }
                .send()
            };
            request("GET", "If-None-Match", "W/\"1\"").expect(304);
            request("GET", "If-None-Match", "W/\"2\"").expect(200);
            for method in ["PUT", "PATCH", "DELETE"] {
                request(method, "If-Match", "W/\"7\"").expect_error(412, None);
            }
            // A member moves the version, so that whoever has read before is told.
            let reply = request("PATCH", "If-Match", "W/\"1\"");
            assert_eq!(reply.expect(200).header("ETag"), Some("W/\"2\""));
            assert_eq!(reply.json()["meta"]["version"], "W/\"2\"");
            request("PATCH", "If-Match", "W/\"1\"").expect_error(412, None);
            request("GET", "If-None-Match", "W/\"2\"").expect(304);
            request("PUT", "If-Match", "W/\"2\"").expect(200);
            request("DELETE", "If-Match", "*").expect(204);
            // What is gone is gone whatever the condition.
            request("DELETE", "If-Match", "*").expect_error(404, None);
        }
    }
    app.rfc().get(&user_path(&mia)).expect(200);
}
