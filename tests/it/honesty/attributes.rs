//! What `/Schemas` says of an attribute is what happens to it. The announced JSON decides what is asked, so an attribute
//! that is new is held to its word without a line here.

use serde_json::{Map, Value, json};

use crate::support::app::TestApp;
use crate::support::backend::{Backend, both};
use crate::support::http::{BASES, Client, QA, Reply, encode, id_of};
use crate::support::users::user;

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

/// An attribute or sub-attribute of a resource type.
#[derive(Clone)]
struct Declared {
    /// The extension it belongs to.
    urn: Option<String>,
    /// The attribute, for a sub-attribute.
    parent: Option<Value>,
    said: Value,
}

impl Declared {
    fn name(&self) -> &str {
        self.said["name"].as_str().unwrap()
    }

    fn is(&self, characteristic: &str, value: &str) -> bool {
        self.said[characteristic] == value
    }

    fn is_complex(&self) -> bool {
        self.is("type", "complex")
    }

    /// The attribute itself or the one it belongs to.
    fn whole(&self) -> &Value {
        self.parent.as_ref().unwrap_or(&self.said)
    }

    /// Whether it is a list of users, or part of one.
    fn names_users(&self) -> bool {
        ["members", "owners"].iter().any(|list| self.whole()["name"] == *list)
    }

    fn in_list(&self) -> bool {
        self.parent.as_ref().is_some_and(|parent| parent["multiValued"] == true)
    }

    /// `name.givenName`, with the URN of an extension.
    fn path(&self) -> String {
        let urn = self.urn.as_ref().map(|urn| format!("{urn}:")).unwrap_or_default();
        match &self.parent {
            Some(parent) => format!("{urn}{}.{}", parent["name"].as_str().unwrap(), self.name()),
            None => format!("{urn}{}", self.name()),
        }
    }

    /// Whether a client may write it, with all it is part of.
    fn is_writable(&self) -> bool {
        let writable = |one: &Value| one["mutability"] == "readWrite" || one["mutability"] == "writeOnly";
        writable(&self.said) && writable(self.whole())
    }

    /// Its value in a resource; in a list, that of the first element.
    fn of<'a>(&self, resource: &'a Value) -> Option<&'a Value> {
        let object = self.urn.as_ref().map_or(Some(resource), |urn| resource.get(urn))?;
        let value = object.get(self.whole()["name"].as_str().unwrap())?;
        let value = if self.parent.is_some() && value.is_array() { value.get(0)? } else { value };
        if self.parent.is_some() { value.get(self.name()) } else { Some(value) }
    }

    /// The body with this value of it.
    fn put(&self, mut body: Value, value: Value) -> Value {
        let mut at = match &self.urn {
            Some(urn) => &mut body[urn],
            None => &mut body,
        };
        if let Some(parent) = &self.parent {
            at = &mut at[parent["name"].as_str().unwrap()];
            if self.in_list() {
                if at.is_null() {
                    *at = json!([{}]);
                }
                at = &mut at[0];
            }
        }
        at[self.name()] = value;
        body
    }
}

/// A value that fits, another one for each `n`. Every text is one and the same, and an e-mail address of a user:
/// that will do for names, addresses and members alike.
fn sample(said: &Value, n: usize) -> Value {
    let one = match said["type"].as_str().unwrap() {
        "string" => match said["canonicalValues"].as_array() {
            Some(values) => values[n % values.len()].clone(),
            None => json!(text(n)),
        },
        "reference" => json!(format!("https://example.com/Ref{n}")),
        "binary" => json!(["TUlJQQ==", "TUlJQg==", "TUlJQw==", "TUlJRA=="][n % 4]),
        "boolean" => json!(n % 2 == 0),
        "integer" => json!(n),
        "decimal" => json!(n as f64 + 0.5),
        "dateTime" => json!(format!("2026-01-0{n}T03:04:05.000Z")),
        "complex" => {
            let subs = said["subAttributes"].as_array().unwrap().iter();
            // The value of a member is what it is: fixed, but it has to be named.
            let sent = subs.filter(|sub| sub["mutability"] == "readWrite" || sub["name"] == "value");
            sent.map(|sub| (sub["name"].as_str().unwrap().to_owned(), sample(sub, n)))
                .collect::<Map<_, _>>()
                .into()
        }
        other => panic!("there is no type {other}"),
    };
    if said["multiValued"] == true { json!([one]) } else { one }
}

fn text(n: usize) -> String {
    format!("Person{n}@example.com")
}

/// One resource type on one base.
struct World<'a> {
    app: &'a TestApp,
    base: &'static str,
    client: Client,
    endpoint: String,
    declared: Vec<Declared>,
}

impl World<'_> {
    fn is_user(&self) -> bool {
        self.endpoint == "/Users"
    }

    /// What the QA contract decides beyond what a schema has words for: the primary e-mail address is the `userName`,
    /// which only a setting lets change, and a user has exactly one role, of those there are.
    fn qa_decides(&self, declared: &Declared, whole: &[&str]) -> bool {
        self.base == QA && self.is_user() && whole.iter().any(|name| declared.whole()["name"] == *name)
    }

    /// A body with a value for all that can be written.
    fn full(&self, n: usize) -> Value {
        let mut body = json!({});
        for one in self.declared.iter().filter(|one| one.parent.is_none() && one.is_writable()) {
            body = one.put(body, sample(&one.said, n));
        }
        body
    }

    /// A body with what has to be there.
    fn least(&self, n: usize) -> Value {
        let required =
            self.declared.iter().filter(|one| one.parent.is_none() && one.said["required"] == true);
        required.fold(json!({}), |body, one| one.put(body, sample(&one.said, n)))
    }

    fn post(&self, body: &Value) -> Reply {
        self.client.post(&self.endpoint, body)
    }

    #[track_caller]
    fn create(&self, body: &Value) -> Value {
        self.post(body).expect(201).json()
    }

    fn path(&self, resource: &Value) -> String {
        format!("{}/{}", self.endpoint, id_of(resource))
    }

    fn get(&self, resource: &Value, query: &str) -> Value {
        self.client.get(&format!("{}?{query}", self.path(resource))).expect(200).json()
    }

    fn delete(&self, resource: &Value) {
        self.client.delete(&self.path(resource)).expect(204);
    }

    /// The path of PATCH to it in this resource: an element of a list is found by one of its texts.
    fn patch_path(&self, declared: &Declared, resource: &Value) -> String {
        if !declared.in_list() {
            return declared.path();
        }
        let subs = declared.whole()["subAttributes"].as_array().unwrap();
        let is_text = |sub: &&Value| sub["type"] == "string" && sub["canonicalValues"].is_null();
        let by_value = subs.iter().find(|sub| sub["name"] == "value");
        let key = by_value.or_else(|| subs.iter().find(is_text)).unwrap()["name"].as_str().unwrap();
        let list = Declared { parent: None, said: declared.whole().clone(), ..declared.clone() };
        let value = list.of(resource).map(|list| list[0][key].clone()).filter(|value| !value.is_null());
        let value = value.unwrap_or_else(|| json!("x"));
        format!("{}[{key} eq {value}].{}", list.path(), declared.name())
    }
}

/// Runs `check` on every resource type of both bases; there it finds users by the names of [`text`], of whom one has
/// used everything that is announced only where it is used.
fn everywhere(backend: Backend, check: impl Fn(&World<'_>)) {
    for base in BASES {
        let app = TestApp::start(backend);
        let client = app.client(base, app.acme());
        let mut used = user("used");
        used["profile"] = json!({"Location": "Porto", "Shift": 2, "Quota": 2.5, "Remote": true});
        let used = client.create(&used);
        for endpoint in ["/Groups", "/Usergroups"] {
            let group = json!({"displayName": "used", "members": [used["id"]], "owners": [used["id"]]});
            client.post(endpoint, &group).expect(201);
        }
        let schemas = client.get("/Schemas").resources();
        let mut kinds = client.get("/ResourceTypes").resources();
        assert_eq!(kinds[0]["endpoint"], "/Users", "the groups need the users of the others");
        kinds.rotate_left(1);
        for n in 1..4 {
            client.create(&json!({"userName": text(n), "displayName": format!("Shown{n}")}));
        }
        for kind in kinds {
            let endpoint = kind["endpoint"].as_str().unwrap().to_owned();
            if endpoint == "/Users" {
                // Their names are wanted now.
                for found in client.filter("userName sw \"person\"").ids() {
                    client.delete(&format!("/Users/{found}")).expect(204);
                }
            }
            let attributes = |urn: &Value| {
                let schema = schemas.iter().find(|schema| schema["id"] == *urn).expect("it is announced");
                schema["attributes"].as_array().unwrap().clone()
            };
            let mut declared = Vec::new();
            let extensions = kind["schemaExtensions"].as_array().into_iter().flatten();
            let urns =
                extensions.map(|one| (Some(one["schema"].as_str().unwrap().to_owned()), &one["schema"]));
            for (urn, schema) in std::iter::once((None, &kind["schema"])).chain(urns) {
                for attribute in attributes(schema) {
                    let subs = attribute["subAttributes"].as_array().cloned().unwrap_or_default();
                    declared.push(Declared { urn: urn.clone(), parent: None, said: attribute.clone() });
                    for said in subs {
                        declared.push(Declared { urn: urn.clone(), parent: Some(attribute.clone()), said });
                    }
                }
            }
            assert!(declared.len() > 2, "{endpoint} has attributes");
            check(&World { app: &app, base, client: client.clone(), endpoint, declared });
        }
    }
}

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
