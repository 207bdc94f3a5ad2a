//! Scopes: each kind has its own, and what belongs to another area is neither shown nor told by a filter.

use serde_json::{Value, json};

use crate::support::app::TestApp;
use crate::support::backend::{Backend, both};
use crate::support::groups::{KINDS, QA_GROUP, people};
use crate::support::http::{Client, QA, encode, id_of, user_path};

both!(each_kind_has_its_scopes, what_belongs_to_another_area_is_not_told);

/// The same token on both bases.
fn bases(client: &Client) -> [Client; 2] {
    [client.clone(), client.at(client.base_url.replace("/scim/v2", QA))]
}

fn each_kind_has_its_scopes(backend: Backend) {
    let app = TestApp::start(backend);
    let rfc = app.rfc();
    let [mia, ..] = people(&rfc);
    let groups: Vec<Value> =
        KINDS.iter().map(|kind| kind.create(&rfc, &json!({"displayName": "Ops"}))).collect();
    let token = |scopes: &[&str]| {
        let options: Vec<&str> = scopes.iter().flat_map(|scope| ["--scope", *scope]).collect();
        app.rfc_with_token(&options)
    };
    for (scope, readable, writable) in [
        ("groups:read", [true, false], [false, false]),
        ("usergroups:read", [false, true], [false, false]),
        ("groups:write", [true, false], [true, false]),
        ("usergroups:write", [false, true], [false, true]),
        ("users:write", [false, false], [false, false]),
        ("roles:write", [false, false], [false, false]),
    ] {
        for client in bases(&token(&[scope])) {
            for ((kind, group), (reads, writes)) in
                KINDS.into_iter().zip(&groups).zip(readable.into_iter().zip(writable))
            {
                let path = kind.path(group);
                let search = format!("{}/.search", kind.collection);
                for reply in
                    [client.get(kind.collection), client.get(&path), client.post(&search, &json!({}))]
                {
                    assert_eq!(reply.status, if reads { 200 } else { 403 }, "{scope}: {}", reply.what);
                }
                let add = json!([{"op": "add", "path": "members", "value": [mia["id"]]}]);
                let made = client.post(kind.collection, &json!({"displayName": "New"}));
                assert_eq!(made.status, if writes { 201 } else { 403 }, "{scope}: {}", made.what);
                let gone = if writes { kind.path(&made.json()) } else { path.clone() };
                for reply in [client.put(&path, &json!({"displayName": "Ops"})), client.patch(&path, add)] {
                    assert_eq!(reply.status, if writes { 200 } else { 403 }, "{scope}: {}", reply.what);
                }
                assert_eq!(client.delete(&gone).status, if writes { 204 } else { 403 }, "{scope}: DELETE");
            }
        }
    }
}

fn what_belongs_to_another_area_is_not_told(backend: Backend) {
    let app = TestApp::start(backend);
    let rfc = app.rfc();
    let [mia, ..] = people(&rfc);
    let groups: Vec<Value> = KINDS
        .iter()
        .map(|kind| {
            kind.create(&rfc, &json!({"displayName": "Ops", "members": [mia["id"]], "owners": [mia["id"]]}))
        })
        .collect();
    for client in bases(&app.rfc_with_token(&["--scope", "users:read"])) {
        let shown = client.get(&user_path(&mia)).expect(200).json();
        assert_eq!(shown.get("groups"), None, "{shown}");
        assert!(client.get("/Users").resources().iter().all(|user| user.get("groups").is_none()));
        for filter in [
            format!("groups.value eq \"{}\"", id_of(&groups[0])),
            format!("userName pr and not (groups eq \"{}\")", id_of(&groups[1])),
            "groups pr".to_owned(),
        ] {
            client.filter(&filter).expect_error(403, None);
            client.post("/Users/.search", &json!({"filter": filter})).expect_error(403, None);
        }
    }
    for (scope, place) in [("groups:read", 0), ("usergroups:read", 1)] {
        for client in bases(&app.rfc_with_token(&["--scope", scope])) {
            let (kind, group) = (KINDS[place], &groups[place]);
            let shown = client.get(&kind.path(group)).expect(200).json();
            for name in ["members", "owners", QA_GROUP] {
                assert_eq!(shown.get(name), None, "{scope}: {shown}");
            }
            assert!(!client.get(kind.collection).text.contains(id_of(&mia)), "a list tells a user");
            for filter in [
                format!("members.value eq \"{}\"", id_of(&mia)),
                format!("members eq \"{}\"", id_of(&mia)),
                format!("displayName pr or owners eq \"{}\"", id_of(&mia)),
            ] {
                let reply = client.get(&format!("{}?filter={}", kind.collection, encode(&filter)));
                reply.expect_error(403, None);
            }
            client.get(&format!("{}?sortBy=displayName", kind.collection)).expect(200);
        }
        // With the other right both are told.
        let both = app.rfc_with_token(&["--scope", scope, "--scope", "users:read"]);
        assert_eq!(
            both.get(&KINDS[place].path(&groups[place])).json()["members"].as_array().map(Vec::len),
            Some(1)
        );
        let told = both.get(&user_path(&mia)).json();
        let kinds: Vec<bool> = told["groups"]
            .as_array()
            .unwrap()
            .iter()
            .map(|one| one["$ref"].as_str().unwrap().contains(KINDS[place].collection))
            .collect();
        assert!(kinds.contains(&true), "{scope}: {told}");
    }
    // A search at the root says nothing of what the token may not read.
    for (scope, total) in [("users:read", 3), ("groups:read", 1), ("usergroups:read", 1)] {
        let client = app.rfc_with_token(&["--scope", scope]);
        let reply = client.post("/.search", &json!({}));
        if reply.status == 200 {
            assert_eq!((reply.total(), reply.resources().len()), (total, total as usize), "{scope}");
        } else {
            reply.expect_error(403, None);
        }
    }
}
