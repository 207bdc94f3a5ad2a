//! `POST /Groups` and `POST /Usergroups`: what is made, who is found, and which names are taken.

use serde_json::{Value, json};

use crate::support::app::TestApp;
use crate::support::backend::{Backend, both};
use crate::support::groups::{
    GROUP, KINDS, QA_GROUP, db_changes, db_last_audit, db_list, people, person, plain_ids,
};
use crate::support::http::{BASES, QA, id_of, user_path};
use crate::support::matching::assert_matches;
use crate::support::users::{user, with};

both!(
    a_group_is_made_whole,
    users_are_found_by_id_name_and_external_id,
    who_is_unknown_is_named,
    a_name_is_given_once_per_kind,
    bodies_that_are_no_groups,
);

fn a_group_is_made_whole(backend: Backend) {
    let app = TestApp::start(backend);
    let [mia, kai, zoe] = people(&app.rfc());
    for base in BASES {
        let client = app.client(base, app.acme());
        for kind in KINDS {
            let name = format!("Night Shift {}", base.len());
            let body = json!({
                "schemas": [GROUP, "http://schemas.microsoft.com/2006/11/ResourceManagement/ADSCIM/2.0/Group"],
                "id": "mine", "externalId": name, "displayName": name, "meta": {"resourceType": "Group"}, "color": "red",
                "members": [{"value": mia["id"], "$ref": null, "display": "wrong"}, {"value": "KAI@example.com"}, "ext-kai"],
                "owners": ["ext-zoe"]
            });
            let reply = client.post(kind.collection, &body);
            let group = reply.expect(201).json();
            let mut expected = json!({
                "schemas": [kind.urn], "id": "<uuid>", "externalId": name, "displayName": name,
                "members": [kind.member(base, &mia), kind.member(base, &kai)],
                "meta": {
                    "resourceType": kind.name, "created": "<time>", "lastModified": "<time>", "version": "W/\"1\"",
                    "location": format!("<ends {base}{}>", kind.path(&group)), "<exactly>": true
                },
                "<exactly>": true
            });
            if base == QA {
                expected["owners"] = json!([zoe["id"]]);
            } else {
                expected["schemas"] = json!([kind.urn, QA_GROUP]);
                expected[QA_GROUP] = json!({"owners": [zoe["id"]], "<exactly>": true});
            }
            assert_matches(&expected, &group, &format!("POST {base}{}", kind.collection));
            assert_eq!(reply.header("Location"), group["meta"]["location"].as_str());
            assert_eq!(reply.header("ETag"), Some("W/\"1\""));
            assert_eq!(client.get(&kind.path(&group)).expect(200).json(), group);
            assert_eq!(db_list(&app, &group, "members"), plain_ids(&[&mia, &kai]));
            assert_eq!(db_list(&app, &group, "owners"), plain_ids(&[&zoe]));
            let [action, version, detail] = db_last_audit(&app, &group);
            assert_eq!((action.as_str(), version.as_str()), ("created", "1"));
            for user in [&mia, &kai, &zoe] {
                assert!(detail.contains(&format!("+{}", id_of(user))), "the log names who came: {detail}");
            }
            assert_eq!(db_changes(&app, kind, &group), 1);
            // Both lists are there when they are empty; owners only where they are no extension.
            let empty = kind.create(&client, &json!({"displayName": format!("Empty {}", base.len())}));
            assert_eq!(empty["members"], json!([]));
            assert_eq!(empty.get("owners"), (base == QA).then(|| json!([])).as_ref());
            assert_eq!(empty.get(QA_GROUP), None);
        }
    }
    for kind in KINDS {
        let condition = format!("resource_type = '{}' AND live = 4", kind.name);
        assert_eq!(app.db.db_count("collections", &condition), 1, "the counter of {}", kind.name);
    }
}

fn users_are_found_by_id_name_and_external_id(backend: Backend) {
    let app = TestApp::start(backend);
    let client = app.rfc();
    let [mia, kai, zoe] = people(&client);
    // An external id that is another user's id or name loses; one that is nothing else is found.
    let fake = |name: &str, external: &Value| {
        client.create(&with(user(name), json!({"externalId": external, "displayName": name})))
    };
    let fakes = [fake("f1", &mia["id"]), fake("f2", &json!("kai@example.com")), fake("f3", &json!("KAI@X"))];
    for (reference, expected) in [
        (mia["id"].clone(), &mia),
        (json!("kai@example.com"), &kai),
        (json!("KAI@Example.COM"), &kai),
        (json!("ext-zoe"), &zoe),
        (json!("KAI@X"), &fakes[2]),
    ] {
        for (n, form) in [reference.clone(), json!({"value": reference}), json!({"VALUE": [reference]})]
            .into_iter()
            .enumerate()
        {
            for kind in KINDS {
                let name = format!("{reference} {n}");
                let body = json!({"displayName": name, "members": [form], "owners": [form]});
                let group = kind.create(&client, &body);
                for list in ["members", "owners"] {
                    assert_eq!(db_list(&app, &group, list), plain_ids(&[expected]), "{list} {form}");
                }
                client.delete(&kind.path(&group)).expect(204);
            }
        }
    }
}

fn who_is_unknown_is_named(backend: Backend) {
    let app = TestApp::start(backend);
    let rfc = app.rfc();
    let [mia, kai, gone] = people(&rfc);
    rfc.delete(&user_path(&gone)).expect(204);
    for kind in KINDS {
        let start = json!({"displayName": "Ops", "members": [mia["id"]], "owners": [kai["id"]]});
        let group = kind.create(&rfc, &start);
        let path = kind.path(&group);
        let before = app.db.db_dump();
        for base in BASES {
            let client = app.client(base, app.acme());
            // What is sent, and the word that the answer has to name.
            let cases = [
                (json!("2f6c7f0e-6ac1-4a2c-9c3e-0a5b8a7d3f10"), "2f6c7f0e-6ac1-4a2c-9c3e-0a5b8a7d3f10"),
                (group["id"].clone(), id_of(&group)),
                (gone["id"].clone(), id_of(&gone)),
                (json!("zoe@example.com"), "zoe@example.com"),
                (json!("EXT-MIA"), "EXT-MIA"),
                (json!("agent"), "agent"),
                (json!({"value": "nobody", "display": "MIA"}), "nobody"),
                (json!({"$ref": "../Users/u-77"}), "u-77"),
                (json!(""), ""),
                (json!(7), ""),
                (json!(true), ""),
                (json!(null), ""),
                (json!({}), ""),
                (json!({"value": null}), ""),
                (json!(["mia@example.com"]), ""),
            ];
            for (sent, word) in &cases {
                for list in ["members", "owners"] {
                    let lists = json!({list: [kai["id"], sent]});
                    for reply in [
                        client.post(kind.collection, &with(json!({"displayName": "New"}), lists.clone())),
                        client.put(&path, &with(json!({"displayName": "Other"}), lists.clone())),
                        client.patch(
                            &path,
                            json!([
                                {"op": "replace", "path": "displayName", "value": "Other"},
                                {"op": "add", "path": list, "value": [kai["id"], sent]}
                            ]),
                        ),
                        client.patch(&path, json!([{"op": "replace", "value": lists}])),
                    ] {
                        assert_eq!(reply.status, 400, "{} {list} {sent}: {}", reply.what, reply.text);
                        reply.expect_error(400, Some("invalidValue"));
                        let detail = reply.json()["detail"].to_string();
                        assert!(detail.contains(word), "{}: {sent} is not named: {detail}", reply.what);
                    }
                }
            }
        }
        app.db.db_assert_unchanged(&before);
    }
}

fn a_name_is_given_once_per_kind(backend: Backend) {
    let app = TestApp::start(backend);
    let rfc = app.rfc();
    let [agents, usergroups] = KINDS;
    let first = agents.create(&rfc, &json!({"displayName": "Équipe Nuit", "externalId": "g-1"}));
    let other = agents.create(&rfc, &json!({"displayName": "Jour", "externalId": "g-2"}));
    let before = app.db.db_dump();
    for base in BASES {
        let client = app.client(base, app.acme());
        for name in ["Équipe Nuit", "équipe nuit", "E\u{301}QUIPE NUIT"] {
            client.post("/Groups", &json!({"displayName": name})).expect_error(409, Some("uniqueness"));
            let rename = json!([{"op": "replace", "path": "displayName", "value": name}]);
            client.patch(&agents.path(&other), rename).expect_error(409, Some("uniqueness"));
            client
                .put(&agents.path(&other), &json!({"displayName": name, "externalId": "g-2"}))
                .expect_error(409, Some("uniqueness"));
        }
        client
            .post("/Groups", &json!({"displayName": "New", "externalId": "g-1"}))
            .expect_error(409, Some("uniqueness"));
    }
    app.db.db_assert_unchanged(&before);
    // The other kind is another name space, and so are users; a group may change the case of its own name.
    usergroups.create(&rfc, &json!({"displayName": "équipe nuit", "externalId": "g-1"}));
    person(&rfc, "jour");
    let own = json!([{"op": "replace", "path": "displayName", "value": "ÉQUIPE NUIT"}]);
    assert_eq!(rfc.patch(&agents.path(&first), own).expect(200).json()["displayName"], "ÉQUIPE NUIT");
    // A deleted group gives its name and its external id back, and does not come back itself.
    rfc.delete(&agents.path(&first)).expect(204);
    let again = agents.create(&rfc, &json!({"displayName": "Équipe Nuit", "externalId": "g-1"}));
    assert_ne!(id_of(&again), id_of(&first));
}

fn bodies_that_are_no_groups(backend: Backend) {
    let app = TestApp::start(backend);
    let before = app.db.db_dump();
    for base in BASES {
        let client = app.client(base, app.acme());
        for kind in KINDS {
            for body in [
                json!({}),
                json!({"displayName": null}),
                json!({"displayName": ""}),
                json!({"displayName": 7}),
                json!({"members": []}),
                json!({"displayName": "x", "members": "nobody"}),
                json!({"displayName": "x", "externalId": {"a": 1}}),
            ] {
                let reply = client.post(kind.collection, &body);
                assert_eq!(reply.status, 400, "{base} {body}: {}", reply.text);
                reply.expect_error(400, Some("invalidValue"));
            }
        }
    }
    app.db.db_assert_unchanged(&before);
}
