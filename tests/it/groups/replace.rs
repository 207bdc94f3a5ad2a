//! `PUT /Groups/{id}`: replace on one contract, merge on the other.

use serde_json::{Value, json};

use crate::support::app::TestApp;
use crate::support::backend::{Backend, both};
use crate::support::groups::{KINDS, QA_GROUP, db_changes, db_last_audit, db_list, people, plain_ids};
use crate::support::http::{QA, RFC, id_of};
use crate::support::matching::assert_matches;
use crate::support::users::with;

both!(what_was_not_sent_is_cleared_or_stays, a_put_of_what_was_read_changes_nothing);

fn what_was_not_sent_is_cleared_or_stays(backend: Backend) {
    let app = TestApp::start(backend);
    let rfc = app.rfc();
    let [mia, kai, zoe] = people(&rfc);
    // People by their first letters, in the order of ids.
    let chosen = |letters: &str| -> Vec<&Value> {
        let is_chosen =
            |user: &&Value| user["userName"].as_str().is_some_and(|name| letters.contains(&name[..1]));
        [&mia, &kai, &zoe].into_iter().filter(is_chosen).collect()
    };
    // The group has mia and kai as members and mia as owner. Base, body, then members and owners afterwards.
    type Case = (&'static str, Value, &'static str, &'static str);
    let cases: Vec<Case> = vec![
        (RFC, json!({"displayName": "Ops"}), "", ""),
        (RFC, json!({"displayName": "Ops", "members": []}), "", ""),
        (RFC, json!({"displayName": "Ops", "members": null}), "", ""),
        (RFC, json!({"displayName": "Ops", "members": [{"value": zoe["id"]}]}), "z", ""),
        (RFC, json!({"displayName": "Ops", "owners": [zoe["id"]]}), "", "z"),
        (
            RFC,
            json!({"displayName": "Ops", "members": [{"value": mia["id"], "$ref": format!("Users/{}", id_of(&mia))}],
                QA_GROUP: {"owners": [{"value": zoe["id"]}]}}),
            "m",
            "z",
        ),
        (
            RFC,
            json!({"displayName": "Ops", "members": [{"$ref": format!("Users/{}", id_of(&zoe))}, "ext-zoe"]}),
            "z",
            "",
        ),
        (QA, json!({}), "mk", "m"),
        (QA, json!({"displayName": "Late"}), "mk", "m"),
        (QA, json!({"members": []}), "", "m"),
        (QA, json!({"members": null}), "", "m"),
        (QA, json!({"owners": []}), "mk", ""),
        (QA, json!({"members": ["zoe@example.com", "ext-kai"]}), "kz", "m"),
        (QA, json!({"owners": ["ext-zoe", mia["id"]], "members": [mia["id"]]}), "m", "mz"),
    ];
    for kind in KINDS {
        for (base, body, members, owners) in &cases {
            let [members, owners] = [*members, *owners].map(chosen);
            let what = format!("{base}{} {body}", kind.collection);
            let client = app.client(base, app.acme());
            let start = json!({
                "displayName": "Ops", "externalId": "g-1", "members": [mia["id"], kai["id"]], "owners": [mia["id"]]
            });
            let group = kind.create(&rfc, &start);
            let reply = client.put(&kind.path(&group), body);
            let after = reply.expect(200).json();
            assert_eq!(db_list(&app, &group, "members"), plain_ids(&members), "{what}");
            assert_eq!(db_list(&app, &group, "owners"), plain_ids(&owners), "{what}");
            let shown: Vec<Value> = members.iter().map(|user| kind.member(base, user)).collect();
            assert_matches(&json!({"id": group["id"], "members": shown}), &after, &what);
            assert_eq!(after.get("externalId").is_some(), *base == QA, "{what}: {after}");
            assert_eq!(client.get(&kind.path(&group)).json(), after, "{what}");
            let changed = body.as_object().is_some_and(|body| !body.is_empty());
            let version = if changed { 2 } else { 1 };
            assert_eq!(after["meta"]["version"], format!("W/\"{version}\""), "{what}");
            assert_eq!(db_changes(&app, kind, &group), version, "{what}");
            let [_, audited, detail] = db_last_audit(&app, &group);
            assert_eq!(audited, version.to_string(), "{what}");
            // `members +ID -ID owners +ID`, each list once or twice.
            let mut list = "";
            let mut of_members = Vec::new();
            for word in detail.split(' ') {
                match word.starts_with(['+', '-']) {
                    true if list == "members" => of_members.push(word.to_owned()),
                    true => {}
                    false => list = word,
                }
            }
            for user in [&mia, &kai, &zoe].into_iter().filter(|_| changed) {
                let is = members.iter().any(|one| id_of(one) == id_of(user));
                let was = id_of(user) != id_of(&zoe);
                let sign = format!("{}{}", if is { '+' } else { '-' }, id_of(user));
                let listed = of_members.contains(&sign);
                assert_eq!(listed, is != was, "{what}: {sign} in {detail:?}");
            }
            client.delete(&kind.path(&group)).expect(204);
        }
        // The name is required where a PUT replaces.
        let group = kind.create(&rfc, &json!({"displayName": "Ops", "members": [mia["id"]]}));
        let before = app.db.db_dump();
        rfc.put(&kind.path(&group), &json!({"members": []})).expect_error(400, Some("invalidValue"));
        for client in [app.rfc(), app.qa()] {
            client
                .put(&kind.path(&group), &json!({"displayName": null}))
                .expect_error(400, Some("invalidValue"));
        }
        app.db.db_assert_unchanged(&before);
        rfc.delete(&kind.path(&group)).expect(204);
    }
}

fn a_put_of_what_was_read_changes_nothing(backend: Backend) {
    let app = TestApp::start(backend);
    let rfc = app.rfc();
    let [mia, kai, _] = people(&rfc);
    for kind in KINDS {
        let start = json!({"displayName": "Ops", "members": [mia["id"], kai["id"]], "owners": [kai["id"]]});
        let path = kind.path(&kind.create(&rfc, &start));
        let before = app.db.db_dump();
        for client in [app.rfc(), app.qa()] {
            let read = client.get(&path).json();
            let more = json!({"meta": {"version": "W/\"99\"", "resourceType": "Other"}, "id": "other"});
            assert_eq!(client.put(&path, &with(read.clone(), more)).expect(200).json(), read);
        }
        app.db.db_assert_unchanged(&before);
    }
}
