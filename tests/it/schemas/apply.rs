//! `rollcall schema …`: what is applied, what is refused, and that a refusal changes nothing.

use serde_json::{Value, json};

use super::{
    COLLECTION, CORE, EXTENSION, apply, create, example, filter, least, try_apply, wait_until_in_force,
    with_example,
};
use crate::support::app::TestApp;
use crate::support::backend::{Backend, both};
use crate::support::db::TestDb;
use crate::support::http::id_of;
use crate::support::program;
use crate::support::users::with;

both!(
    every_form_of_a_file,
    commands,
    refusals,
    limits,
    what_is_stored_is_kept,
    keys_move_with_the_rules,
    in_force_within_a_second,
    existing_tokens_may_use_them,
);

const URN: &str = "urn:example:acme:1.0:Thing";

fn schema(attributes: Value) -> Value {
    json!({"id": URN, "attributes": attributes})
}

fn thing(attributes: Value) -> Value {
    json!([schema(attributes), {"name": "Thing", "endpoint": "/Things", "schema": URN}])
}

fn every_form_of_a_file(backend: Backend) {
    let db = TestDb::ready(backend);
    let schema_urn = "urn:ietf:params:scim:schemas:core:2.0:Schema";
    let one = json!({"schemas": [schema_urn], "id": URN, "attributes": [{"name": "a"}], "meta": {"resourceType": "Schema"}});
    assert_eq!(apply(&db, "acme", &one), format!("added\tschema\t{URN}\n"));
    let kind = json!({"name": "Thing", "endpoint": "/Things", "schema": URN});
    assert_eq!(apply(&db, "acme", &kind), "added\tresourceType\tThing\n");
    let both = format!("unchanged\tschema\t{URN}\nunchanged\tresourceType\tThing\n");
    assert_eq!(apply(&db, "acme", &json!([one, kind])), both);
    assert_eq!(apply(&db, "acme", &json!({"schemas": [one], "resourceTypes": [kind]})), both);
    let list = json!({"schemas": ["urn:ietf:params:scim:api:messages:2.0:ListResponse"], "totalResults": 2, "Resources": [one, kind]});
    assert_eq!(apply(&db, "acme", &list), both);
    let more = schema(json!([{"name": "a"}, {"name": "b"}]));
    assert_eq!(apply(&db, "acme", &more), format!("replaced\tschema\t{URN}\n"));
    // What was not named stays.
    assert_eq!(
        db.cli(&["schema", "list", "--tenant", "acme"]),
        format!("schema\t{URN}\t{URN}\nresourceType\tThing\tThing")
    );
    assert_eq!(db.db_number("SELECT max(schema_revision) AS value FROM tenant_counters"), 3);
    let audited = db.db_texts(
        "SELECT detail AS value FROM audit_log WHERE action = 'schema_applied' ORDER BY new_version",
    );
    assert_eq!(audited, [format!("added {URN}"), "added Thing".into(), format!("replaced {URN}")]);
}

fn commands(backend: Backend) {
    let db = TestDb::ready(backend);
    apply(&db, "acme", &example());
    let known = db.cli_json(&["schema", "list", "--tenant", "acme"]);
    assert_eq!(known.as_array().unwrap().len(), 3);
    let all = db.cli_json(&["schema", "show", "--tenant", "acme"]);
    assert!(apply(&db, "acme", &all).lines().all(|line| line.starts_with("unchanged")));
    let one =
        db.cli_json(&["schema", "show", "--tenant", "acme", &CORE.to_uppercase().replace("URN:", "urn:")]);
    assert_eq!(one["id"], CORE);
    let fails = |arguments: &[&str], word: &str| {
        let before = db.db_dump();
        let mut all = arguments.to_vec();
        all.extend(["--database-url", &db.url]);
        let output = program::run(&db.folder, &all);
        let said = String::from_utf8(output.stderr).unwrap();
        assert_eq!(output.status.code(), Some(1), "{arguments:?}: {said}");
        assert!(said.contains(word) && said.lines().count() == 1, "{arguments:?}: {said}");
        db.db_assert_unchanged(&before);
    };
    fails(&["schema", "show", "--tenant", "acme", "urn:x:y"], "urn:x:y");
    fails(&["schema", "remove", "--tenant", "acme", "urn:x:y"], "urn:x:y");
    fails(&["schema", "remove", "--tenant", "acme", EXTENSION], EXTENSION);
    fails(&["schema", "remove", "--tenant", "nobody", EXTENSION], "nobody");
    fails(&["schema", "apply", "--tenant", "acme", "missing.json"], "missing.json");
    std::fs::write(db.folder.join("broken.json"), "{\"a\": 1, \"a\": 2}").unwrap();
    fails(&["schema", "apply", "--tenant", "acme", "broken.json"], "broken.json");
    let removed = db.cli_json(&["schema", "remove", "--tenant", "acme", "TestResource"]);
    assert_eq!(
        removed["changes"],
        json!([{"change": "removed", "kind": "resourceType", "id": "TestResource"}])
    );
    db.cli(&["schema", "remove", "--tenant", "acme", EXTENSION]);
    db.cli(&["schema", "remove", "--tenant", "acme", CORE]);
    assert_eq!(db.db_count("tenant_schemas", "1 = 1"), 0);
}

fn refusals(backend: Backend) {
    let db = TestDb::ready(backend);
    apply(&db, "acme", &json!({"id": "urn:example:known", "attributes": [{"name": "a"}]}));
    let before = db.db_dump();
    let one = |attribute: Value| schema(json!([attribute]));
    let complex = |sub: Value| one(json!({"name": "c", "type": "complex", "subAttributes": [sub]}));
    let list = |sub: Value| {
        one(json!({"name": "c", "type": "complex", "multiValued": true, "subAttributes": [sub]}))
    };
    let urn = |id: &str| json!({"id": id, "attributes": [{"name": "a"}]});
    let kind = |members: Value| {
        json!([urn(URN), with(json!({"name": "Thing", "endpoint": "/Things", "schema": URN}), members)])
    };
    let user = |attribute: &str| {
        json!([
            schema(json!([{"name": attribute}])),
            {"name": "User", "schemaExtensions": [{"schema": URN, "required": false}]}
        ])
    };
    for (place, file) in [
        ("the file", json!(5)),
        ("nothing", json!([])),
        ("the file", json!({"name": "x"})),
        ("[0]", json!([{"name": "x"}])),
        ("[1]: `urn:example:acme:1.0:Thing` is defined at [0]", json!([urn(URN), urn(URN)])),
        ("colour", with(urn(URN), json!({"colour": 1}))),
        ("attributes[0].name", one(json!({"type": "string"}))),
        ("attributes[0].name", one(json!({"name": "1a"}))),
        ("attributes[0].name", one(json!({"name": "a.b"}))),
        ("attributes[0].name", one(json!({"name": "a".repeat(65)}))),
        ("attributes[0].name", one(json!({"name": "ID"}))),
        ("attributes[0].name", one(json!({"name": "externalid"}))),
        ("attributes[0].name", one(json!({"name": "meta"}))),
        ("attributes[0].name", one(json!({"name": "schemas"}))),
        ("attributes[1].name", schema(json!([{"name": "a"}, {"name": "A"}]))),
        ("attributes[0].type", one(json!({"name": "a", "type": "text"}))),
        ("attributes[0].mutability", one(json!({"name": "a", "mutability": "write"}))),
        ("attributes[0].returned", one(json!({"name": "a", "returned": "sometimes"}))),
        ("attributes[0].uniqueness", one(json!({"name": "a", "uniqueness": "galaxy"}))),
        ("tenants share no names", one(json!({"name": "a", "uniqueness": "global"}))),
        ("attributes[0].required", one(json!({"name": "a", "required": "yes"}))),
        ("multivalued", one(json!({"name": "a", "multivalued": true}))),
        (
            "attributes[0].returned",
            one(json!({"name": "a", "mutability": "writeOnly", "returned": "default"})),
        ),
        ("attributes[0].uniqueness", one(json!({"name": "a", "uniqueness": "server", "multiValued": true}))),
        ("attributes[0].uniqueness", one(json!({"name": "a", "uniqueness": "server", "type": "boolean"}))),
        ("attributes[0].uniqueness", one(json!({"name": "a", "uniqueness": "server", "returned": "never"}))),
        ("attributes[0].returned", one(json!({"name": "a", "mutability": "immutable", "returned": "never"}))),
        ("attributes[0].required", one(json!({"name": "a", "mutability": "readOnly", "required": true}))),
        ("attributes[0].caseExact", one(json!({"name": "a", "type": "binary", "caseExact": false}))),
        (
            "attributes[0].canonicalValues",
            one(json!({"name": "a", "type": "integer", "canonicalValues": ["1"]})),
        ),
        ("canonicalValues[1]", one(json!({"name": "a", "canonicalValues": ["x", "x"]}))),
        ("attributes[0].referenceTypes", one(json!({"name": "a", "referenceTypes": ["User"]}))),
        ("attributes[0].subAttributes", one(json!({"name": "a", "subAttributes": [{"name": "b"}]}))),
        ("attributes[0].subAttributes", one(json!({"name": "a", "type": "complex"}))),
        (
            "attributes[0].uniqueness",
            one(
                json!({"name": "a", "type": "complex", "uniqueness": "server", "subAttributes": [{"name": "b"}]}),
            ),
        ),
        (
            "subAttributes[0].type",
            complex(json!({"name": "b", "type": "complex", "subAttributes": [{"name": "d"}]})),
        ),
        ("subAttributes[0].multiValued", complex(json!({"name": "b", "multiValued": true}))),
        ("subAttributes[0].uniqueness", list(json!({"name": "b", "uniqueness": "server"}))),
        ("subAttributes[0].name", complex(json!({"name": "b c"}))),
        ("attributes", schema(json!([]))),
        ("id", json!({"attributes": [{"name": "a"}]})),
        ("id", urn("acme")),
        ("id", urn("urn:x:a")),
        ("id", urn("urn:example:a b")),
        ("id", urn("urn:example:a?b")),
        ("id", urn(&format!("urn:example:{}", "a".repeat(200)))),
        ("reserved", urn("urn:ietf:params:scim:schemas:core:2.0:Thing")),
        ("reserved", urn("urn:IETF:params:scim:schemas:core:2.0:User")),
        ("reserved", urn("urn:ietf:params:scim:api:messages:2.0:Thing")),
        ("reserved", urn("urn:rollcall:params:scim:schemas:extension:qa:2.0:Group")),
        ("every User", urn("urn:ietf:params:scim:schemas:extension:enterprise:2.0:User")),
        ("URN `urn:example:known`", urn("urn:example:known:more")),
        (
            "profile",
            json!({"id": "urn:rollcall:params:scim:schemas:extension:qa:2.0:User", "attributes": [{"name": "role"}]}),
        ),
        (
            "subAttributes[0].type",
            json!({"id": "urn:rollcall:params:scim:schemas:extension:qa:2.0:User", "attributes": [
            {"name": "profile", "subAttributes": [{"name": "a", "type": "binary"}]}]}),
        ),
        (
            "subAttributes[0]",
            json!({"id": "urn:rollcall:params:scim:schemas:extension:qa:2.0:User", "attributes": [
            {"name": "profile", "subAttributes": [{"name": "a", "required": true}]}]}),
        ),
        ("[1].name", kind(json!({"name": "user"}))),
        ("[1].name", kind(json!({"name": "Bulk"}))),
        ("[1].id", kind(json!({"id": "Other"}))),
        ("[1].endpoint", kind(json!({"endpoint": "Things"}))),
        ("[1].endpoint", kind(json!({"endpoint": "/Things/More"}))),
        ("[1].endpoint", kind(json!({"endpoint": "/Users"}))),
        ("[1].endpoint", kind(json!({"endpoint": "/groups"}))),
        ("[1].endpoint", kind(json!({"endpoint": "/Roles"}))),
        ("[1].endpoint", kind(json!({"endpoint": "/Schemas"}))),
        ("[1].endpoint", kind(json!({"endpoint": "/ResourceTypes"}))),
        ("[1].endpoint", kind(json!({"endpoint": "/ServiceProviderConfig"}))),
        ("[1].endpoint", kind(json!({"endpoint": "/Bulk"}))),
        ("[1].endpoint", kind(json!({"endpoint": "/Me"}))),
        ("[1].schema", kind(json!({"schema": "urn:example:none"}))),
        (
            "[1].schemaExtensions[0].schema",
            kind(json!({"schemaExtensions": [{"schema": URN, "required": true}]})),
        ),
        (
            "[1].schemaExtensions[0].schema",
            kind(json!({"schemaExtensions": [{"schema": "urn:example:none"}]})),
        ),
        (
            "[1].schemaExtensions[1].schema",
            kind(
                json!({"schemaExtensions": [{"schema": "urn:example:known"}, {"schema": "URN:EXAMPLE:known"}]}),
            ),
        ),
        (
            "[1].schemaExtensions[0].required",
            kind(json!({"schemaExtensions": [{"schema": "urn:example:known", "required": 1}]})),
        ),
        ("endpoint", json!({"name": "User", "endpoint": "/People", "schemaExtensions": []})),
        ("schema", json!({"name": "Group", "schema": URN, "schemaExtensions": []})),
        ("[1].schemaExtensions[0].schema", user("profile")),
        ("[1].schemaExtensions[0].schema", user("Owners")),
        ("[1].schemaExtensions[0].schema", user("role")),
        ("[1].schemaExtensions[0].schema", user("userAccessLevel")),
        ("[1].schemaExtensions[0].schema", user("groups")),
        (
            "resourceTypes[0].endpoint: `/Things` is that of Other",
            json!({"schemas": [urn(URN)], "resourceTypes": [
                {"name": "Thing", "endpoint": "/Things", "schema": URN}, {"name": "Other", "endpoint": "/things", "schema": URN}]}),
        ),
    ] {
        let (done, said) = try_apply(&db, "acme", &file);
        assert!(!done, "{file} was applied");
        assert!(said.contains(place) && said.lines().count() == 1, "{file}: `{place}` is not in: {said}");
    }
    db.db_assert_unchanged(&before);
}

fn limits(backend: Backend) {
    let db = TestDb::ready(backend);
    let names = |count: usize| -> Value { (0..count).map(|n| json!({"name": format!("a{n}")})).collect() };
    let (done, said) = try_apply(&db, "acme", &schema(names(201)));
    assert!(!done && said.contains("200"), "{said}");
    apply(&db, "acme", &schema(names(200)));
    let more = |count: usize| -> Value {
        (0..count)
            .map(|n| json!({"id": format!("urn:example:n{n}"), "attributes": [{"name": "a"}]}))
            .collect()
    };
    let (done, said) = try_apply(&db, "acme", &more(50));
    assert!(!done && said.contains("50"), "{said}");
    apply(&db, "acme", &more(49));
    let types = |count: usize| -> Value {
        let kind = |n| json!({"name": format!("T{n}"), "endpoint": format!("/T{n}"), "schema": URN});
        (0..count).map(kind).collect()
    };
    let (done, said) = try_apply(&db, "acme", &types(21));
    assert!(!done && said.contains("20"), "{said}");
    apply(&db, "acme", &types(20));
}

fn what_is_stored_is_kept(backend: Backend) {
    let app = TestApp::start(backend);
    let all = json!([
        {"name": "text"}, {"name": "number", "type": "integer"}, {"name": "tags", "multiValued": true},
        {"name": "part", "type": "complex", "subAttributes": [{"name": "a"}, {"name": "b"}]}, {"name": "unused"}
    ]);
    apply(&app.db, "acme", &thing(all.clone()));
    let client = app.rfc();
    let one = client
        .post("/Things", &json!({"text": "x", "number": 1, "tags": ["t"], "part": {"a": "1", "b": "2"}}))
        .expect(201)
        .json();
    let two = client.post("/Things", &json!({"text": "X"})).expect(201).json();
    let before = app.db.db_dump();
    let changed = |place: usize, attribute: Option<Value>| {
        let mut all = all.as_array().unwrap().clone();
        match attribute {
            Some(attribute) => all[place] = attribute,
            None => drop(all.remove(place)),
        }
        schema(all.into())
    };
    for (word, file) in [
        ("text has values that would be lost (2 resources, such as", changed(0, None)),
        ("number has values that", changed(1, Some(json!({"name": "number"})))),
        ("tags has values of the other cardinality", changed(2, Some(json!({"name": "tags"})))),
        (
            "text has values of the other cardinality",
            changed(0, Some(json!({"name": "text", "multiValued": true}))),
        ),
        (
            "part has sub-attributes",
            changed(3, Some(json!({"name": "part", "type": "complex", "subAttributes": [{"name": "a"}]}))),
        ),
        (
            "number is required (1 resource",
            changed(1, Some(json!({"name": "number", "type": "integer", "required": true}))),
        ),
        (
            "text has values that occur more than once",
            changed(0, Some(json!({"name": "text", "uniqueness": "server"}))),
        ),
        (
            "text has values that do not fit",
            changed(0, Some(json!({"name": "text", "canonicalValues": ["y"]}))),
        ),
        ("text has values that would be lost", changed(0, Some(json!({"name": "Text"})))),
    ] {
        let (done, said) = try_apply(&app.db, "acme", &file);
        assert!(!done && said.contains(word), "{word}: {said}");
        assert!(said.contains(id_of(&one)) || said.contains(id_of(&two)), "an example is named: {said}");
    }
    let output = program::run(
        &app.db.folder,
        &["schema", "remove", "--tenant", "acme", "Thing", "--database-url", &app.db.url],
    );
    let said = String::from_utf8(output.stderr).unwrap();
    assert!(!output.status.success() && said.contains("2 resources"), "{said}");
    app.db.db_assert_unchanged(&before);
    // What nobody uses may go, and what fits may be tightened.
    apply(&app.db, "acme", &changed(4, None));
    apply(
        &app.db,
        "acme",
        &changed(0, Some(json!({"name": "text", "canonicalValues": ["x"], "required": true}))),
    );
    assert_eq!(client.get(&format!("/Things/{}", id_of(&one))).expect(200).json()["number"], 1);
    for made in [&one, &two] {
        while client.delete(&format!("/Things/{}", id_of(made))).status == 503 {}
    }
    app.db.cli(&["schema", "remove", "--tenant", "acme", "Thing"]);
}

fn keys_move_with_the_rules(backend: Backend) {
    let app = with_example(backend);
    let client = app.rfc();
    let body = with(least("x"), json!({"code": "AbC", "number": "One", "notes": "n"}));
    let made = create(&client, &body);
    assert_eq!(filter(&client, "code eq \"abc\"").total(), 0);
    let mut file = example();
    let attributes = file["schemas"][0]["attributes"].as_array_mut().unwrap();
    attributes[1]["caseExact"] = false.into();
    attributes[1]["uniqueness"] = "server".into();
    attributes[2]["caseExact"] = true.into();
    apply(&app.db, "acme", &file);
    wait_until_in_force();
    assert_eq!(filter(&client, "code eq \"abc\"").ids(), [id_of(&made)]);
    assert_eq!(filter(&client, "number eq \"one\"").total(), 0);
    let keys = app.db.db_texts("SELECT path || ' ' || key AS value FROM unique_values ORDER BY path");
    assert_eq!(keys, ["code sabc", "number sOne"]);
    client.post(COLLECTION, &with(least("y"), json!({"code": "ABC"}))).expect_error(409, Some("uniqueness"));
    client.post(COLLECTION, &with(least("y"), json!({"number": "ONE"}))).expect(201);
}

fn in_force_within_a_second(backend: Backend) {
    let app = TestApp::start(backend);
    let client = app.rfc();
    client.get(COLLECTION).expect_error(404, None);
    apply(&app.db, "acme", &example());
    let began = std::time::Instant::now();
    while client.get(COLLECTION).status == 404 {
        assert!(began.elapsed() < std::time::Duration::from_secs(1), "not in force within a second");
    }
    app.db.cli(&["schema", "remove", "--tenant", "acme", "TestResource"]);
    let began = std::time::Instant::now();
    while client.get(COLLECTION).status == 200 {
        assert!(began.elapsed() < std::time::Duration::from_secs(1), "not gone within a second");
    }
}

fn existing_tokens_may_use_them(backend: Backend) {
    let app = with_example(backend);
    let folder = if backend == Backend::Sqlite { "sqlite" } else { "postgres" };
    let read = |name: &str| {
        let migrations = crate::support::db::project().join("migrations").join(folder);
        std::fs::read_to_string(migrations.join("2026-11-21-000410_widen_token_scopes").join(name)).unwrap()
    };
    let some = app.rfc_with_token(&["--scope", "users:write"]);
    app.db.db_execute(&read("down.sql"));
    assert_eq!(app.db.db_count("api_tokens", "scopes LIKE '%resources:%'"), 0);
    app.db.db_execute(&read("up.sql"));
    app.rfc().get(COLLECTION).expect(200);
    some.get(COLLECTION).expect_error(403, None);
    assert_eq!(app.db.db_count("api_tokens", "scopes NOT LIKE '%resources:write%'"), 1);
}
