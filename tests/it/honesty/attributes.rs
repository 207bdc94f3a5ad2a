//! What `/Schemas` says of an attribute is what happens to it. The announced JSON decides what is asked, so an attribute
//! that is new is held to its word without a line here.

use serde_json::{Value, json};

use super::world::{Declared, World, everywhere, sample};

use crate::support::backend::{Backend, both};
use crate::support::http::{QA, Reply, encode, id_of};

both!(
    required_ones_are_required,
    mutability_is_kept,
    returned_is_kept,
    unique_ones_are_unique,
    exact_ones_are_exact,
    types_are_kept,
    lists_are_lists,
    canonical_values_are_suggestions,
);

fn required_ones_are_required(backend: Backend) {
    everywhere(backend, |world| {
        // What is not required may be missing.
        let made = world.create(&world.least(1));
        let before = world.app.db.db_dump();
        for one in world.declared.iter().filter(|one| one.said["required"] == true) {
            for value in [None, Some(json!(null)), Some(json!("")), Some(json!([]))] {
                let mut body = world.full(2);
                match &value {
                    Some(value) => body = one.put(body, value.clone()),
                    None => {
                        body.as_object_mut().unwrap().remove(one.name());
                    }
                }
                world.post(&body).expect_error(400, Some("invalidValue"));
                // On the QA contract PUT merges: what is missing stays, but nothing required can be cleared.
                if world.base != QA || value.is_some() {
                    let reply = world.client.put(&world.path(&made), &body);
                    assert_eq!(reply.status, 400, "{} = {value:?}: {}", one.path(), reply.text);
                }
            }
            let removal = json!([{"op": "remove", "path": one.path()}]);
            let reply = world.client.patch(&world.path(&made), removal);
            assert_eq!(reply.status, 400, "remove {}: {}", one.path(), reply.text);
        }
        world.app.db.db_assert_unchanged(&before);
        world.delete(&made);
    });
}

fn mutability_is_kept(backend: Backend) {
    everywhere(backend, |world| {
        for one in &world.declared {
            let made = world.create(&world.full(1));
            let path = world.path(&made);
            let target = world.patch_path(one, &made);
            let value = sample(&one.said, 2);
            let patch =
                || world.client.patch(&path, json!([{"op": "replace", "path": target, "value": value}]));
            if one.names_users() && one.parent.is_some() {
                let reply = patch();
                // A reference to nobody.
                if reply.status == 400 && one.is("type", "reference") {
                    reply.expect_error(400, Some("invalidValue"));
                } else {
                    check_entry(world, &made, &reply);
                }
                world.delete(&made);
                continue;
            }
            let fixed = one.is("mutability", "readOnly") || one.is("mutability", "immutable");
            if fixed || one.whole()["mutability"] == "readOnly" {
                let before = world.app.db.db_dump();
                let reply = patch();
                assert_eq!(reply.status, 400, "{} {target}: {}", world.base, reply.text);
                reply.expect_error(400, Some("mutability"));
                world.app.db.db_assert_unchanged(&before);
                // In a body it is ignored.
                if one.is("mutability", "readOnly") {
                    let body = one.put(world.full(3), value.clone());
                    let other = world.create(&body);
                    let shown = world.get(&other, &format!("attributes={}", encode(&one.path())));
                    assert_ne!(one.of(&shown), Some(&value), "{target} was sent and taken");
                    world.delete(&other);
                }
            } else if world.qa_decides(one, &["userName", "emails"]) {
                patch();
            } else {
                let reply = patch();
                assert_eq!(reply.status, 200, "{} {target} = {value}: {}", world.base, reply.text);
                let shown = one.of(&reply.json()).cloned();
                if one.is("mutability", "writeOnly") {
                    assert_eq!(shown, None, "{target} is shown");
                } else {
                    check_shown(one, &value, shown.as_ref());
                }
            }
            world.delete(&made);
        }
    });
}

/// An entry of a list of users is never changed: a path to a part of it names another user, or nothing at all. Clients
/// send such paths, and each reply shows the entries of users as they are.
#[track_caller]
fn check_entry(world: &World<'_>, made: &Value, reply: &Reply) {
    let group = reply.expect(200).json();
    for entry in group["members"].as_array().unwrap() {
        let user =
            world.client.get(&format!("/Users/{}", entry["value"].as_str().unwrap())).expect(200).json();
        let expected = json!({
            "value": user["id"], "$ref": user["meta"]["location"], "display": user["displayName"], "type": "User"
        });
        assert_eq!(*entry, expected, "{}", reply.what);
    }
    assert_eq!(group["members"].as_array().map(Vec::len), made["members"].as_array().map(Vec::len));
}

/// What was written is shown; of a list of users, whom it means.
#[track_caller]
fn check_shown(one: &Declared, sent: &Value, shown: Option<&Value>) {
    let shown = shown.unwrap_or_else(|| panic!("{}: {sent} was written and is not there", one.path()));
    if one.names_users() {
        assert_eq!(shown.as_array().map(Vec::len), sent.as_array().map(Vec::len), "{}", one.path());
    } else if one.is_complex() {
        let first = |value: &Value| if value.is_array() { value[0].clone() } else { value.clone() };
        for (name, value) in first(sent).as_object().unwrap() {
            assert_eq!(first(shown).get(name), Some(value), "{}.{name}: {shown}", one.path());
        }
    } else {
        assert_eq!(shown, sent, "{}", one.path());
    }
}

fn returned_is_kept(backend: Backend) {
    everywhere(backend, |world| {
        let made = world.create(&world.full(1));
        if world.is_user() {
            // So that it has groups to be shown.
            world
                .client
                .post("/Groups", &json!({"displayName": "shown", "members": [made["id"]]}))
                .expect(201);
        }
        let mut seen = 0;
        for one in &world.declared {
            let path = encode(&one.path());
            let shown = |query: &str| one.of(&world.get(&made, query)).cloned();
            let listed = |query: &str| {
                let filter = encode(&format!("id eq \"{}\"", id_of(&made)));
                let all =
                    world.client.get(&format!("{}?filter={filter}&{query}", world.endpoint)).resources();
                assert_eq!(all.len(), 1);
                one.of(&all[0]).cloned()
            };
            let (asked, excluded) = (format!("attributes={path}"), format!("excludedAttributes={path}"));
            let plain = shown("");
            assert_eq!(plain, listed(""), "{path}: a list shows what a GET shows");
            let what = format!("{} {}", world.base, one.path());
            match one.said["returned"].as_str().unwrap() {
                "always" => {
                    for query in ["", &asked, &excluded, "attributes=meta"] {
                        assert!(shown(query).is_some(), "{what}: not there with {query:?}");
                    }
                }
                "never" => {
                    for query in ["", &asked, &excluded] {
                        assert_eq!(
                            (shown(query), listed(query)),
                            (None, None),
                            "{what}: there with {query:?}"
                        );
                    }
                }
                "request" => {
                    assert_eq!(plain, None, "{what}: there unasked");
                    assert!(shown(&asked).is_some(), "{what}: not there when asked for");
                }
                "default" => {
                    assert!(plain.is_some() || !one.is_writable(), "{what}: was written and is not there");
                    // Of what a reply computes there is not always something to compute.
                    if plain.is_none() {
                        continue;
                    }
                    seen += 1;
                    assert_eq!(shown(&asked), plain, "{what}: asked for");
                    assert_eq!(listed(&asked), plain, "{what}: asked for in a list");
                    for query in [excluded.as_str(), "attributes=meta"] {
                        assert_eq!(shown(query), None, "{what}: there with {query}");
                        assert_eq!(listed(query), None, "{what}: there in a list with {query}");
                    }
                }
                other => panic!("{what}: returned is {other}"),
            }
        }
        let written = world.declared.iter().filter(|one| one.is_writable()).count();
        assert!(seen + 2 >= written, "only {seen} of {written} were looked at");
        // These no schema declares, and they are always there (RFC 7643 section 3.1).
        for query in ["attributes=meta", "excludedAttributes=id,schemas"] {
            let shown = world.get(&made, query);
            assert!(shown["id"] == made["id"] && shown["schemas"].is_array(), "{query}: {shown}");
        }
        world.delete(&made);
    });
}

fn unique_ones_are_unique(backend: Backend) {
    everywhere(backend, |world| {
        let made = world.create(&world.full(1));
        let single = world.declared.iter().filter(|one| one.is_writable() && !one.is_complex());
        for one in single.filter(|one| one.said["multiValued"] != true) {
            let value = sample(&one.said, 1);
            let body = one.put(world.full(2), value.clone());
            if one.is("uniqueness", "server") {
                let body = one.put(world.least(2), value.clone());
                let before = world.app.db.db_dump();
                world.post(&body).expect_error(409, Some("uniqueness"));
                if one.said["caseExact"] == false {
                    let other = json!(value.as_str().unwrap().to_uppercase());
                    world.post(&one.put(world.least(2), other)).expect_error(409, Some("uniqueness"));
                }
                world.app.db.db_assert_unchanged(&before);
            } else if !world.qa_decides(one, &["emails"]) {
                let reply = world.post(&body);
                assert_eq!(reply.status, 201, "{} = {value}: {}", one.path(), reply.text);
                world.delete(&reply.json());
            }
        }
        world.delete(&made);
    });
}

fn swapped(text: &str) -> String {
    let swap = |c: char| if c.is_uppercase() { c.to_ascii_lowercase() } else { c.to_ascii_uppercase() };
    text.chars().map(swap).collect()
}

fn exact_ones_are_exact(backend: Backend) {
    everywhere(backend, |world| {
        let made = world.create(&world.full(1));
        let mut refused = Vec::new();
        let mut found = 0;
        for one in world.declared.iter().filter(|one| one.is("type", "string") || one.is("type", "reference"))
        {
            let shown = world.get(&made, &format!("attributes={}", encode(&one.path())));
            let value = one.of(&shown).cloned().unwrap_or_default();
            let value = if value.is_array() { value[0].clone() } else { value };
            let Some(value) = value.as_str() else { continue };
            let search = |value: &str| {
                let filter = format!("{} eq {}", one.path(), json!(value));
                world.client.get(&format!("{}?filter={}", world.endpoint, encode(&filter)))
            };
            let exact = search(value);
            if exact.status == 400 {
                exact.expect_error(400, Some("invalidFilter"));
                refused.push(one.path());
                continue;
            }
            let has = |reply: &Reply| reply.ids().contains(&id_of(&made).to_owned());
            assert!(has(&exact), "{} {} eq {value}: {}", world.base, one.path(), exact.text);
            let other = swapped(value);
            if other != value {
                let expected = one.said["caseExact"] == false;
                assert_eq!(has(&search(&other)), expected, "{} {} eq {other}", world.base, one.path());
                found += 1;
            }
        }
        assert!(found > 0, "{}: nothing could be found", world.endpoint);
        // What only a reply has cannot be searched for.
        for path in refused {
            let computed = [
                "manager.displayName",
                "members.display",
                "members.$ref",
                "members.type",
                "owners.display",
                "owners.$ref",
                "owners.type",
            ];
            assert!(computed.iter().any(|end| path.ends_with(end)), "{path} cannot be searched for");
        }
        world.delete(&made);
    });
}

fn types_are_kept(backend: Backend) {
    everywhere(backend, |world| {
        let before = world.app.db.db_dump();
        for one in world.declared.iter().filter(|one| one.is_writable()) {
            // A profile is a free map: its keys are announced as what they were first.
            if one.parent.as_ref().is_some_and(|parent| parent["name"] == "profile") {
                continue;
            }
            let object = json!({"nonsense": {"more": 1}});
            let wrong = match one.said["type"].as_str().unwrap() {
                "string" | "reference" => vec![json!(5), json!(true), object, json!([["a"]])],
                "binary" => vec![json!(5), json!("***"), object],
                "boolean" => vec![json!(5), json!("maybe"), object],
                "integer" => vec![json!("many"), json!(1.5), json!(true), object],
                "decimal" => vec![json!("many"), json!(true), object],
                "dateTime" => vec![json!("yesterday"), json!(5), object],
                "complex" => vec![json!(5), json!(true), json!([[1]])],
                other => panic!("there is no type {other}"),
            };
            // It is dropped unread: whatever it was, it is nowhere.
            if one.is("returned", "never") {
                continue;
            }
            for value in wrong {
                // Where the other contract has objects they are read as there: what they do not say is not said.
                if value.is_object() && world.qa_decides(one, &["roles"]) {
                    continue;
                }
                let sent = if one.said["multiValued"] == true { json!([value]) } else { value };
                let reply = world.post(&one.put(world.full(1), sent.clone()));
                assert_eq!(reply.status, 400, "{} {} = {sent}: {}", world.base, one.path(), reply.text);
                reply.expect_error(400, Some("invalidValue"));
            }
        }
        world.app.db.db_assert_unchanged(&before);
    });
}

fn lists_are_lists(backend: Backend) {
    everywhere(backend, |world| {
        for one in world.declared.iter().filter(|one| one.is_writable() && !one.is("returned", "never")) {
            let several = |one: &Value| match sample(one, 1) {
                Value::Array(mut list) => {
                    list.extend(sample(one, 2).as_array().unwrap().clone());
                    json!(list)
                }
                single => json!([single, sample(one, 2)]),
            };
            let reply = world.post(&one.put(world.full(2), several(&one.said)));
            let what = format!("{} {}: {}", world.base, one.path(), reply.text);
            if one.said["multiValued"] == true && !world.qa_decides(one, &["roles"]) {
                assert_eq!(reply.status, 201, "{what}");
                let shown = reply.json();
                assert_eq!(one.of(&shown).and_then(Value::as_array).map(Vec::len), Some(2), "{what}");
                world.delete(&shown);
            } else {
                assert_eq!(reply.status, 400, "{what}");
                reply.expect_error(400, Some("invalidValue"));
            }
        }
    });
}

fn canonical_values_are_suggestions(backend: Backend) {
    everywhere(backend, |world| {
        let suggested = world.declared.iter().filter(|one| one.said["canonicalValues"].is_array());
        for one in suggested.filter(|one| one.is_writable()) {
            let value = match one.said["multiValued"] == true {
                true => json!(["Something else"]),
                false => json!("Something else"),
            };
            let reply = world.post(&one.put(world.full(1), value.clone()));
            // A role that does not exist would grant nothing, and there nobody would see why.
            if world.qa_decides(one, &["roles"]) {
                reply.expect_error(400, Some("invalidValue"));
                continue;
            }
            assert_eq!(reply.status, 201, "{} {}: {}", world.base, one.path(), reply.text);
            assert_eq!(one.of(&reply.json()), Some(&value), "{} {}", world.base, one.path());
            world.delete(&reply.json());
        }
    });
}
