//! What a user shows of its groups, and what becomes of memberships when a user goes and comes back.

use serde_json::{Value, json};

use crate::support::app::TestApp;
use crate::support::backend::{Backend, both};
use crate::support::groups::{KINDS, db_changes, db_last_audit, db_list, people, plain_ids};
use crate::support::http::{BASES, id_of, user_path};
use crate::support::matching::assert_matches;
use crate::support::users::{user, with};

both!(
    a_user_shows_its_groups,
    users_are_found_by_their_groups,
    a_deleted_user_leaves_every_list,
    a_deactivated_user_stays,
);

fn a_user_shows_its_groups(backend: Backend) {
    let app = TestApp::start(backend);
    let rfc = app.rfc();
    let [mia, ..] = people(&rfc);
    let made: Vec<Value> = KINDS
        .iter()
        .map(|kind| {
            kind.create(&rfc, &json!({"displayName": format!("My {}", kind.name), "members": [mia["id"]]}))
        })
        .collect();
    // An owner is no member.
    KINDS[0].create(&rfc, &json!({"displayName": "Owned", "owners": [mia["id"]]}));
    for base in BASES {
        let client = app.client(base, app.acme());
        let shown: Vec<Value> = KINDS
            .iter()
            .zip(&made)
            .map(|(kind, group)| {
                json!({
                    "value": group["id"], "$ref": format!("<ends {base}{}>", kind.path(group)),
                    "display": group["displayName"], "type": "direct", "<exactly>": true
                })
            })
            .collect();
        let path = user_path(&mia);
        let one = client.get(&path).expect(200).json();
        assert_matches(&json!({"groups": shown, "meta": {"version": "W/\"1\""}}), &one, base);
        let listed = client.get("/Users").resources();
        assert!(listed.contains(&one), "{base}: a list shows what a GET shows");
        let only = client.get(&format!("{path}?attributes=groups")).json();
        assert_matches(&json!({"groups": shown, "userName": "<absent>"}), &only, base);
        assert_eq!(client.get(&format!("{path}?excludedAttributes=groups")).json().get("groups"), None);
        // Read-only: ignored in a body, refused as a path.
        let before = app.db.db_dump();
        client.put(&path, &with(one.clone(), json!({"groups": [{"value": "kc-1"}]}))).expect(200);
        client.patch(&path, json!([{"op": "replace", "value": {"groups": []}}])).expect(200);
        client
            .patch(&path, json!([{"op": "remove", "path": "groups"}]))
            .expect_error(400, Some("mutability"));
        app.db.db_assert_unchanged(&before);
        assert_eq!(client.get(&path).json(), one);
    }
    // A new name is shown at once.
    rfc.patch(&KINDS[0].path(&made[0]), json!([{"op": "replace", "path": "displayName", "value": "Late"}]))
        .expect(200);
    assert_eq!(rfc.get(&user_path(&mia)).json()["groups"][0]["display"], "Late");
}

fn users_are_found_by_their_groups(backend: Backend) {
    let app = TestApp::start(backend);
    let rfc = app.rfc();
    let [mia, kai, zoe] = people(&rfc);
    for kind in KINDS {
        let body = json!({"displayName": "Ops", "members": [mia["id"], kai["id"]], "owners": [zoe["id"]]});
        let group = kind.create(&rfc, &body);
        let id = id_of(&group);
        let cases = [
            (format!("groups.value eq \"{id}\""), vec![id_of(&mia), id_of(&kai)]),
            (format!("groups[value eq \"{id}\"]"), vec![id_of(&mia), id_of(&kai)]),
            (format!("groups eq \"{id}\""), vec![id_of(&mia), id_of(&kai)]),
            (format!("groups.value eq \"{id}\" and userName sw \"k\""), vec![id_of(&kai)]),
            (format!("not (groups.value eq \"{id}\")"), vec![id_of(&zoe)]),
            ("groups.value eq \"2f6c7f0e-6ac1-4a2c-9c3e-0a5b8a7d3f10\"".to_owned(), vec![]),
            ("groups.value eq \"g-5\"".to_owned(), vec![]),
        ];
        for base in BASES {
            let client = app.client(base, app.acme());
            for (filter, expected) in &cases {
                assert_eq!(client.filter(filter).ids(), *expected, "{base} {filter}");
            }
        }
        rfc.delete(&kind.path(&group)).expect(204);
    }
}

fn a_deleted_user_leaves_every_list(backend: Backend) {
    let app = TestApp::start(backend);
    let rfc = app.rfc();
    let [mia, kai, _] = people(&rfc);
    let groups: Vec<Value> = KINDS
        .iter()
        .map(|kind| {
            let body = json!({
                "displayName": "Ops", "members": [mia["id"], kai["id"]], "owners": [mia["id"]]
            });
            kind.create(&rfc, &body)
        })
        .collect();
    rfc.delete(&user_path(&mia)).expect(204);
    for (kind, group) in KINDS.into_iter().zip(&groups) {
        for base in BASES {
            let after = app.client(base, app.acme()).get(&kind.path(group)).expect(200).json();
            assert_matches(&json!({"members": [kind.member(base, &kai)]}), &after, kind.name);
            assert_ne!(after["meta"]["version"], group["meta"]["version"], "the group has changed");
            assert!(after["meta"]["lastModified"].as_str() > group["meta"]["lastModified"].as_str());
        }
        assert_eq!(db_list(&app, group, "members"), plain_ids(&[&kai]));
        assert!(db_list(&app, group, "owners").is_empty());
        let [action, version, detail] = db_last_audit(&app, group);
        assert_eq!(action, "updated");
        assert!(detail.contains(&format!("-{}", id_of(&mia))), "the log names who went: {detail}");
        assert_eq!(db_changes(&app, kind, group).to_string(), version, "a change row per version");
        let filter = format!("members.value%20eq%20%22{}%22", id_of(&mia));
        assert_eq!(rfc.get(&format!("{}?filter={filter}", kind.collection)).total(), 0);
        // Who is gone cannot be added, and removing them is no error.
        let add = json!([{"op": "add", "path": "members", "value": [mia["id"]]}]);
        rfc.patch(&kind.path(group), add).expect_error(400, Some("invalidValue"));
        let remove = json!([{"op": "remove", "path": "members", "value": [{"value": mia["id"]}]}]);
        rfc.patch(&kind.path(group), remove).expect(200);
    }
    // Who comes back comes back without memberships, and can be added again.
    let again = rfc.create(&with(user("mia"), json!({"externalId": "ext-mia"})));
    assert_eq!((id_of(&again), &again["groups"]), (id_of(&mia), &json!([])));
    for (kind, group) in KINDS.into_iter().zip(&groups) {
        assert_eq!(db_list(&app, group, "members"), plain_ids(&[&kai]));
        let add = json!([{"op": "add", "path": "members", "value": ["ext-mia"]}]);
        rfc.patch(&kind.path(group), add).expect(200);
        assert_eq!(db_list(&app, group, "members"), plain_ids(&[&mia, &kai]));
    }
    assert_eq!(rfc.get(&user_path(&again)).json()["groups"].as_array().map(Vec::len), Some(2));
}

fn a_deactivated_user_stays(backend: Backend) {
    let app = TestApp::start(backend);
    let rfc = app.rfc();
    let [mia, kai, _] = people(&rfc);
    for kind in KINDS {
        let group =
            kind.create(&rfc, &json!({"displayName": "Ops", "members": [mia["id"]], "owners": [mia["id"]]}));
        for active in [false, true] {
            rfc.patch(&user_path(&mia), json!([{"op": "replace", "path": "active", "value": active}]))
                .expect(200);
            assert_eq!(rfc.get(&kind.path(&group)).json(), group, "active is {active}");
            assert_eq!(rfc.get(&user_path(&mia)).json()["groups"].as_array().map(Vec::len), Some(1));
        }
        // Who is inactive can be added too.
        rfc.patch(&user_path(&kai), json!([{"op": "replace", "path": "active", "value": false}])).expect(200);
        rfc.patch(&kind.path(&group), json!([{"op": "add", "path": "members", "value": [kai["id"]]}]))
            .expect(200);
        assert_eq!(db_list(&app, &group, "members"), plain_ids(&[&mia, &kai]));
        rfc.delete(&kind.path(&group)).expect(204);
    }
}
