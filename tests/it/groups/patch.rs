//! `PATCH /Groups/{id}`: every form that clients send, on both kinds and both bases.

use serde_json::{Value, json};

use crate::support::app::TestApp;
use crate::support::backend::{Backend, both};
use crate::support::groups::{KINDS, QA_GROUP, db_changes, db_last_audit, db_list, people, plain_ids};
use crate::support::http::{BASES, id_of};
use crate::support::matching::assert_matches;

both!(every_form, several_operations_are_one_change, what_is_there_already_changes_nothing, refusals);

fn every_form(backend: Backend) {
    let app = TestApp::start(backend);
    let rfc = app.rfc();
    let [mia, kai, zoe] = people(&rfc);
    let [m, k, z] = [&mia, &kai, &zoe].map(|user| user["id"].clone());
    let (mi, ki) = (id_of(&mia), id_of(&kai));
    let core = |name: &str, urn: &str| format!("{urn}:{name}");
    // Members are mia and kai, the owner is mia. One operation, then members and owners.
    // People by their first letters, in the order of ids.
    let chosen = |letters: &str| -> Vec<&Value> {
        let is_chosen =
            |user: &&Value| user["userName"].as_str().is_some_and(|name| letters.contains(&name[..1]));
        [&mia, &kai, &zoe].into_iter().filter(is_chosen).collect()
    };
    for kind in KINDS {
        type Case = (Value, &'static str, &'static str);
        let cases: Vec<Case> = vec![
            (json!({"op": "add", "path": "members", "value": [{"value": z}]}), "mkz", "m"),
            (json!({"op": "Add", "path": "Members", "value": [{"$ref": null, "value": z}]}), "mkz", "m"),
            (json!({"op": "add", "path": "members", "value": {"value": "zoe@example.com"}}), "mkz", "m"),
            (json!({"op": "add", "path": "members", "value": "ext-zoe"}), "mkz", "m"),
            (json!({"op": "add", "path": "members", "value": [z, {"value": z}, "ext-zoe"]}), "mkz", "m"),
            (json!({"op": "add", "path": core("members", kind.urn), "value": [z]}), "mkz", "m"),
            (json!({"op": "add", "value": {"members": [{"value": z}]}}), "mkz", "m"),
            (json!({"op": "add", "path": "owners", "value": [z]}), "mk", "mz"),
            (json!({"op": "add", "path": core("owners", QA_GROUP), "value": "ext-zoe"}), "mk", "mz"),
            (json!({"op": "add", "value": {QA_GROUP: {"owners": [{"value": z}]}}}), "mk", "mz"),
            (json!({"op": "remove", "path": "members", "value": [{"value": k}]}), "m", "m"),
            (json!({"op": "Remove", "path": "members", "value": [{"$ref": null, "value": k}]}), "m", "m"),
            (json!({"op": "remove", "path": "members", "value": {"members": [{"value": k}]}}), "m", "m"),
            (json!({"op": "remove", "path": "members", "value": "kai@example.com"}), "m", "m"),
            (json!({"op": "remove", "path": format!("members[value eq \"{ki}\"]")}), "m", "m"),
            (
                json!({"op": "remove", "path": format!("members[value eq \"{ki}\" or value eq \"{mi}\"]")}),
                "",
                "m",
            ),
            (json!({"op": "remove", "path": "members[display eq \"kai\"]"}), "m", "m"),
            (json!({"op": "remove", "path": "members[display sw \"K\" and type eq \"User\"]"}), "m", "m"),
            (json!({"op": "remove", "path": format!("members[not (value eq \"{mi}\")]")}), "m", "m"),
            (json!({"op": "remove", "path": "members[type eq \"User\"]"}), "", "m"),
            (json!({"op": "remove", "path": "members"}), "", "m"),
            (json!({"op": "remove", "path": "owners"}), "mk", ""),
            (json!({"op": "remove", "path": "owners", "value": [m]}), "mk", ""),
            (json!({"op": "remove", "path": format!("owners[value eq \"{mi}\"]")}), "mk", ""),
            (json!({"op": "replace", "path": "members", "value": [{"value": z, "display": "x"}]}), "z", "m"),
            (json!({"op": "replace", "path": "members", "value": [k, z]}), "kz", "m"),
            (json!({"op": "replace", "path": "members", "value": []}), "", "m"),
            (json!({"op": "replace", "path": "members", "value": null}), "", "m"),
            (json!({"op": "replace", "value": {"members": [], "id": "g-5", "displayName": "Ops"}}), "", "m"),
            (json!({"op": "replace", "value": {"members": [z], "owners": [k], "schemas": ["x"]}}), "z", "k"),
            (json!({"op": "replace", "path": "owners", "value": [k, z]}), "mk", "kz"),
        ];
        for (n, (operation, members, owners)) in cases.iter().enumerate() {
            let [members, owners] = [*members, *owners].map(chosen);
            for base in BASES {
                let what = format!("{base}{} {operation}", kind.collection);
                let client = app.client(base, app.acme());
                let name = format!("Ops {n} {}", base.len());
                let group =
                    kind.create(&rfc, &json!({"displayName": name, "members": [m, k], "owners": [m]}));
                let text = operation.to_string().replace("\"Ops\"", &format!("\"{name}\""));
                let operation: Value = serde_json::from_str(&text).unwrap();
                let after = client.patch(&kind.path(&group), json!([operation])).expect(200).json();
                assert_eq!(db_list(&app, &group, "members"), plain_ids(&members), "{what}");
                assert_eq!(db_list(&app, &group, "owners"), plain_ids(&owners), "{what}");
                let shown: Vec<Value> = members.iter().map(|user| kind.member(base, user)).collect();
                assert_matches(&json!({"members": shown, "displayName": name}), &after, &what);
                assert_eq!(after["meta"]["version"], "W/\"2\"", "{what}");
                assert_eq!(db_changes(&app, kind, &group), 2, "{what}");
            }
        }
    }
}

fn several_operations_are_one_change(backend: Backend) {
    let app = TestApp::start(backend);
    let rfc = app.rfc();
    let [mia, kai, zoe] = people(&rfc);
    for kind in KINDS {
        for base in BASES {
            let client = app.client(base, app.acme());
            let name = format!("Ops {}", base.len());
            let group = kind.create(&rfc, &json!({"displayName": name, "members": [mia["id"], kai["id"]]}));
            let after = client.patch(
                &kind.path(&group),
                json!([
                    {"op": "replace", "path": "displayName", "value": format!("Late {}", base.len())},
                    {"op": "replace", "path": "externalId", "value": name},
                    {"op": "remove", "path": format!("members[value eq \"{}\"]", id_of(&mia))},
                    {"op": "add", "path": "members", "value": [{"value": zoe["id"]}]},
                    {"op": "remove", "path": "members", "value": [{"value": kai["id"]}]},
                    {"op": "add", "path": "members", "value": [{"value": kai["id"]}]},
                    {"op": "add", "path": "owners", "value": [kai["id"]]}
                ]),
            );
            let after = after.expect(200).json();
            assert_eq!(db_list(&app, &group, "members"), plain_ids(&[&kai, &zoe]));
            assert_eq!(db_list(&app, &group, "owners"), plain_ids(&[&kai]));
            assert_eq!(
                (&after["displayName"], &after["externalId"], &after["meta"]["version"]),
                (&json!(format!("Late {}", base.len())), &json!(name), &json!("W/\"2\""))
            );
            let [action, version, detail] = db_last_audit(&app, &group);
            assert_eq!((action.as_str(), version.as_str()), ("updated", "2"));
            for word in [format!("-{}", id_of(&mia)), format!("+{}", id_of(&zoe))] {
                assert!(detail.contains(&word), "{word} is not in {detail}");
            }
            // Order counts: what is emptied last is empty.
            let order = json!([
                {"op": "add", "path": "members", "value": [mia["id"]]}, {"op": "remove", "path": "members"},
                {"op": "add", "path": "members", "value": [zoe["id"]]}
            ]);
            client.patch(&kind.path(&group), order).expect(200);
            assert_eq!(db_list(&app, &group, "members"), plain_ids(&[&zoe]));
        }
    }
}

fn what_is_there_already_changes_nothing(backend: Backend) {
    let app = TestApp::start(backend);
    let rfc = app.rfc();
    let [mia, kai, zoe] = people(&rfc);
    for kind in KINDS {
        let start = json!({"displayName": "Ops", "members": [mia["id"]], "owners": [kai["id"]]});
        let group = kind.create(&rfc, &start);
        let before = app.db.db_dump();
        for base in BASES {
            let client = app.client(base, app.acme());
            let shown = client.get(&kind.path(&group)).json();
            for operations in [
                json!([]),
                json!([{"op": "add", "path": "members", "value": [mia["id"]]}]),
                json!([{"op": "add", "path": "members", "value": []}]),
                json!([{"op": "add", "value": {"members": ["MIA@example.com"], "owners": ["ext-kai"]}}]),
                json!([{"op": "replace", "path": "members", "value": [{"value": mia["id"]}]}]),
                json!([{"op": "replace", "value": {"id": "g-5", "displayName": "Ops", "schemas": []}}]),
                json!([{"op": "remove", "path": "members", "value": [{"value": zoe["id"]}]}]),
                json!([{"op": "remove", "path": "members", "value": [{"value": "nobody"}]}]),
                json!([{"op": "remove", "path": format!("members[value eq \"{}\"]", id_of(&zoe))}]),
                json!([{"op": "remove", "path": "members[value eq \"u-12\"]"}]),
                json!([{"op": "remove", "path": "owners", "value": ["2f6c7f0e-6ac1-4a2c-9c3e-0a5b8a7d3f10"]}]),
                json!([{"op": "remove", "path": "externalId"}]),
            ] {
                let reply = client.patch(&kind.path(&group), operations.clone());
                assert_eq!(reply.expect(200).json(), shown, "{base} {operations}");
            }
        }
        app.db.db_assert_unchanged(&before);
    }
}

fn refusals(backend: Backend) {
    let app = TestApp::start(backend);
    let [mia, ..] = people(&app.rfc());
    for kind in KINDS {
        let group = kind.create(&app.rfc(), &json!({"displayName": "Ops", "members": [mia["id"]]}));
        let before = app.db.db_dump();
        for base in BASES {
            let client = app.client(base, app.acme());
            // Each is preceded by a good operation that must not stay.
            for (bad, scim_type) in [
                (json!({"op": "remove", "path": "displayName"}), "invalidValue"),
                (json!({"op": "replace", "path": "displayName", "value": ""}), "invalidValue"),
                (json!({"op": "replace", "path": "displayName", "value": null}), "invalidValue"),
                (json!({"op": "replace", "path": "id", "value": "x"}), "mutability"),
                (json!({"op": "replace", "path": "meta.version", "value": "x"}), "mutability"),
                (json!({"op": "remove", "path": "members[value eq"}), "invalidPath"),
                (json!({"op": "remove", "path": "members[shoeSize eq 4]"}), "invalidPath"),
                (json!({"op": "remove"}), "noTarget"),
                (json!({"op": "move", "path": "members", "value": []}), "invalidSyntax"),
                (json!({"op": "add", "path": "members", "value": 7}), "invalidValue"),
            ] {
                let good = json!({"op": "remove", "path": "members"});
                let reply = client.patch(&kind.path(&group), json!([good, bad]));
                assert_eq!(reply.status, 400, "{base} {bad}: {}", reply.text);
                let got = reply.json()["scimType"].as_str().unwrap_or_default().to_owned();
                // A filter in a path may be called wrong as a path or as a filter.
                let fits = got == scim_type || scim_type == "invalidPath" && got == "invalidFilter";
                assert!(fits, "{base} {bad}: expected {scim_type}: {}", reply.text);
            }
        }
        app.db.db_assert_unchanged(&before);
    }
}
