//! Limits of groups, granted at n and refused at n + 1, and the answer to a PATCH of a large group.

use serde_json::{Value, json};

use crate::support::app::TestApp;
use crate::support::backend::{Backend, both};
use crate::support::groups::{KINDS, db_last_audit, db_list, people};
use crate::support::http::{BASES, id_of};

both!(names, users_in_one_request, a_large_group_is_not_sent_back);

fn names(backend: Backend) {
    let app = TestApp::start(backend);
    for base in BASES {
        let client = app.client(base, app.acme());
        for kind in KINDS {
            for name in ["displayName", "externalId"] {
                let body = |n: usize| {
                    let mut body = json!({"displayName": "Ops"});
                    body[name] = json!("ü".repeat(n));
                    body
                };
                let group = kind.create(&client, &body(256));
                let path = kind.path(&group);
                for reply in [
                    client.post(kind.collection, &body(257)),
                    client.put(&path, &body(257)),
                    client.patch(&path, json!([{"op": "replace", "path": name, "value": "ü".repeat(257)}])),
                ] {
                    reply.expect_error(400, Some("invalidValue"));
                }
                client.delete(&path).expect(204);
            }
        }
    }
}

fn users_in_one_request(backend: Backend) {
    let app = TestApp::start(backend);
    let [mia, ..] = people(&app.rfc());
    let many = |n: usize| Value::Array(vec![mia["id"].clone(); n]);
    for base in BASES {
        let client = app.client(base, app.acme());
        let kind = KINDS[0];
        let body = |n: usize| json!({"displayName": format!("Ops {}", base.len()), "members": many(n)});
        client.post(kind.collection, &body(10_001)).expect_error(413, None);
        // One user a thousand times is one member.
        let group = kind.create(&client, &body(10_000));
        assert_eq!(db_list(&app, &group, "members").len(), 1);
        let path = kind.path(&group);
        let before = app.db.db_dump();
        client.put(&path, &body(10_001)).expect_error(413, None);
        let add = |n: usize| json!([{"op": "add", "path": "members", "value": many(n)}]);
        client.patch(&path, add(10_001)).expect_error(413, None);
        // All operations and both lists count together.
        let two = json!([
            {"op": "add", "path": "members", "value": many(5_000)}, {"op": "remove", "path": "owners", "value": many(5_001)}
        ]);
        client.patch(&path, two).expect_error(413, None);
        client.patch(&path, add(10_000)).expect(200);
        let operations = |n: usize| -> Value {
            (0..n).map(|_| json!({"op": "add", "path": "members", "value": [{"value": mia["id"]}]})).collect()
        };
        client.patch(&path, operations(1_000)).expect(200);
        client.patch(&path, operations(1_001)).expect_error(413, None);
        app.db.db_assert_unchanged(&before);
    }
}

fn a_large_group_is_not_sent_back(backend: Backend) {
    let app = TestApp::start(backend);
    let client = app.rfc();
    app.db.cli(&["load", "--tenant", "acme", "--users", "1000"]);
    let users = client.get("/Users?count=1000&attributes=id").ids();
    let [mia, ..] = people(&client);
    for kind in KINDS {
        let group = kind.create(&client, &json!({"displayName": "Ops", "members": users}));
        let path = kind.path(&group);
        assert_eq!(group["members"].as_array().map(Vec::len), Some(1_000));
        let detail = db_last_audit(&app, &group)[2].clone();
        assert!(detail.ends_with("+900 more"), "the log names a hundred and counts the rest: {detail}");
        let rename = |name: &str| json!([{"op": "replace", "path": "displayName", "value": name}]);
        let reply = client.patch(&path, rename("Late"));
        assert_eq!(reply.expect(200).json()["members"].as_array().map(Vec::len), Some(1_000));
        // With one more the answer is short, on both bases.
        let add = json!([{"op": "add", "path": "members", "value": [mia["id"]]}]);
        let reply = client.patch(&path, add);
        assert_eq!((reply.expect(204).text.as_str(), reply.header("ETag")), ("", Some("W/\"3\"")));
        let reply = app.qa().patch(&path, rename("Later"));
        assert_eq!((reply.expect(204).text.as_str(), reply.header("ETag")), ("", Some("W/\"4\"")));
        // Who asks for attributes gets them.
        for (query, name) in [("attributes=displayName", "A"), ("excludedAttributes=members", "B")] {
            let request = client.request("PATCH", &format!("{path}?{query}"));
            let reply = request.json(&json!({"Operations": rename(name)})).send();
            let body = reply.expect(200).json();
            assert_eq!((&body["displayName"], body.get("members")), (&json!(name), None), "{query}");
        }
        let whole = client.get(&path).expect(200).json();
        let mut ids: Vec<&str> =
            whole["members"].as_array().unwrap().iter().map(|one| one["value"].as_str().unwrap()).collect();
        ids.sort_unstable();
        ids.dedup();
        assert_eq!(ids.len(), 1_001);
        assert!(ids.contains(&id_of(&mia)));
        // PUT has its body always.
        let reply = client.put(&path, &whole);
        assert_eq!(reply.expect(200).json()["members"].as_array().map(Vec::len), Some(1_001));
    }
}
