//! The life of a resource of a type that a tenant has made, on both base paths.

use serde_json::{Value, json};

use super::{COLLECTION, CORE, EXTENSION, create, filter, least, path, with_example};
use crate::support::backend::{Backend, both};
use crate::support::http::{BASES, encode, id_of};
use crate::support::matching::assert_matches;
use crate::support::users::with;

both!(a_whole_life, every_type_is_filtered_and_sorted, it_is_announced, others_see_none_of_it, rights);

fn full(title: &str) -> Value {
    with(
        least(title),
        json!({
            "externalId": format!("ext-{title}"), "code": "AbC", "number": format!("No-{title}"), "state": "open",
            "tags": ["red", "blue"], "count": 7, "ratio": 2.5, "enabled": true, "due": "2024-05-01T10:00:00Z",
            "blob": "QUJD", "link": "https://example.com/x", "origin": "here",
            "address": {"street": "Elm 4", "country": "PT"},
            "items": [
                {"value": "a", "type": "part", "amount": 1, "$ref": "https://example.com/a"},
                {"value": "b", "type": "whole", "primary": true}
            ],
            EXTENSION: {"owner": "mia", "asset": 7, "labels": ["X", "y"]}
        }),
    )
}

fn a_whole_life(backend: Backend) {
    let app = with_example(backend);
    for base in BASES {
        let client = app.client(base, app.acme());
        let body = full(&format!("t{}", base.len()));
        let body = with(body.clone(), json!({EXTENSION: {"owner": "mia", "asset": base.len()}}));
        let reply = client.post(COLLECTION, &body);
        let made = reply.expect(201).json();
        let expected = with(
            body.clone(),
            json!({
                "schemas": [CORE, EXTENSION], "id": "<uuid>",
                "meta": {
                    "resourceType": "TestResource", "created": "<time>", "lastModified": "<time>",
                    "version": "W/\"1\"", "location": format!("<ends {base}{}>", path(&made)), "<exactly>": true
                },
                "<exactly>": true
            }),
        );
        assert_matches(&expected, &made, &format!("POST {base}{COLLECTION}"));
        assert_eq!(reply.header("Location"), made["meta"]["location"].as_str());
        assert_eq!(client.get(&path(&made)).expect(200).json(), made);
        // What was shown may be sent back: nothing changes.
        assert_eq!(client.put(&path(&made), &made).expect(200).json(), made);
        let patched = client
            .patch(&path(&made), json!([
                {"op": "replace", "path": "count", "value": 8},
                {"op": "add", "path": "tags", "value": ["green"]},
                {"op": "replace", "path": "items[type eq \"part\"].amount", "value": 5},
                {"op": "remove", "path": "link"},
                {"op": "replace", "value": {"ratio": 3, EXTENSION: {"owner": "kai"}, "address.street": "Oak 1"}},
                {"op": "add", "path": format!("{EXTENSION}:labels"), "value": ["n"]}
            ]))
            .expect(200)
            .json();
        assert_eq!(patched["count"], 8);
        assert_eq!(patched["tags"], json!(["red", "blue", "green"]));
        assert_eq!(patched["items"][0]["amount"], 5);
        assert_eq!(patched.get("link"), None);
        assert_eq!(patched["ratio"], 3);
        assert_eq!(patched["address"], json!({"street": "Oak 1", "country": "PT"}));
        assert_eq!(patched[EXTENSION]["owner"], "kai");
        assert_eq!(patched["meta"]["version"], "W/\"2\"");
        assert_eq!(client.get(COLLECTION).total(), 1);
        let search =
            json!({"filter": format!("number eq \"{}\"", body["number"].as_str().unwrap().to_uppercase())});
        assert_eq!(client.post(&format!("{COLLECTION}/.search"), &search).ids(), [id_of(&made)]);
        assert_eq!(client.post("/.search", &search).ids(), [id_of(&made)]);
        client.delete(&path(&made)).expect(204);
        client.get(&path(&made)).expect_error(404, None);
        client.delete(&path(&made)).expect_error(404, None);
        assert_eq!(client.get(COLLECTION).total(), 0);
        let row =
            format!("resource_id = {} AND resource_type = 'TestResource'", app.db.literal(id_of(&made)));
        assert_eq!(app.db.db_count("audit_log", &row), 3);
        assert_eq!(app.db.db_count("changes", &row), 3);
        assert_eq!(app.db.db_count("attribute_values", &row), 0);
        assert_eq!(app.db.db_count("unique_values", &row), 0);
        let buried = format!("id = {} AND deleted_at IS NOT NULL", app.db.literal(id_of(&made)));
        assert_eq!(app.db.db_count("resources", &buried), 1);
        // No revival: the next one with the same external id is another one.
        let again = create(&client, &body);
        assert_ne!(again["id"], made["id"]);
        client.delete(&path(&again)).expect(204);
    }
}

fn every_type_is_filtered_and_sorted(backend: Backend) {
    let app = with_example(backend);
    let client = app.rfc();
    let one = create(&client, &full("one"));
    let small = json!({
        "count": -3, "ratio": 0.5, "enabled": false, "due": "2024-05-01T11:00:00+02:00", "code": "abc",
        "blob": "QUJC", "link": "https://example.com/a", "state": "closed", "tags": ["green"],
        "address": {"street": "ash"}, "items": [{"value": "c", "amount": 0}], "number": "a",
        "externalId": "e2", EXTENSION: {"owner": "Zoe", "asset": 3}
    });
    let two = create(&client, &with(full("two"), small));
    let three = create(&client, &least("three"));
    let both = [id_of(&one), id_of(&two)];
    let first = &both[..1];
    let second = &both[1..];
    for (text, expected) in [
        ("title eq \"ONE\"".to_owned(), first),
        ("code eq \"AbC\"".into(), first),
        ("code eq \"abc\"".into(), second),
        ("code eq \"ABC\"".into(), &[]),
        ("state eq \"CLOSED\"".into(), second),
        ("tags eq \"RED\"".into(), first),
        ("count gt 0".into(), first),
        ("count le -3".into(), second),
        ("ratio lt 2.4".into(), second),
        ("enabled eq false".into(), second),
        ("due lt \"2024-05-01T09:30:00Z\"".into(), second),
        ("due eq \"2024-05-01T12:00:00+02:00\"".into(), first),
        ("blob eq \"QUJD\"".into(), first),
        ("link ew \"/x\"".into(), first),
        ("address.street sw \"ELM\"".into(), first),
        ("items[type eq \"part\" and amount eq 1]".into(), first),
        ("items.amount eq 0".into(), second),
        ("items eq \"b\"".into(), first),
        ("items.$ref co \"/a\"".into(), first),
        (format!("{EXTENSION}:owner eq \"zoe\""), second),
        (format!("{EXTENSION}:labels eq \"X\""), first),
        (format!("{EXTENSION}:labels eq \"x\""), &[]),
        (format!("{EXTENSION}:asset ge 7"), first),
        ("asset eq 3".into(), second),
        (format!("{CORE}:code pr"), &both),
        ("not (code pr)".into(), &[id_of(&three)]),
    ] {
        assert_eq!(filter(&client, &text).ids(), expected, "{text}");
    }
    for text in [
        "secret eq \"x\"",
        "hidden pr",
        "address.pin eq \"1\"",
        "count eq \"7\"",
        "nothing pr",
        "enabled gt true",
    ] {
        filter(&client, text).expect_error(400, Some("invalidFilter"));
    }
    for name in [
        "count",
        "ratio",
        "enabled",
        "due",
        "code",
        "blob",
        "link",
        "address.street",
        "number",
        "asset",
        "externalId",
    ] {
        let sorted = |order: &str| {
            client.get(&format!("{COLLECTION}?sortBy={}&sortOrder={order}", encode(name))).ids()
        };
        let (up, down) = (sorted("ascending"), sorted("descending"));
        let place = |ids: &[String], id: &str| ids.iter().position(|known| known == id).unwrap();
        let smaller = if name == "externalId" || name == "code" { id_of(&one) } else { id_of(&two) };
        let smaller = if name == "externalId" { id_of(&two) } else { smaller };
        assert_eq!(place(&up, smaller), 0, "{name} ascending");
        assert_eq!(place(&down, smaller), 2, "{name} descending");
        assert_eq!(up.last().map(String::as_str), Some(id_of(&three)), "{name}: no value comes last");
    }
    for name in ["secret", "hidden", "address", "address.pin"] {
        client.get(&format!("{COLLECTION}?sortBy={name}")).expect_error(400, Some("invalidValue"));
    }
}

fn it_is_announced(backend: Backend) {
    let app = with_example(backend);
    for base in BASES {
        let client = app.client(base, app.acme());
        let kind = client.get("/ResourceTypes/TestResource").expect(200).json();
        assert_matches(
            &json!({
                "schemas": ["urn:ietf:params:scim:schemas:core:2.0:ResourceType"], "id": "TestResource",
                "name": "TestResource", "endpoint": "/TestResources", "schema": CORE,
                "description": "A resource that a tenant has defined",
                "schemaExtensions": [{"schema": EXTENSION, "required": true, "<exactly>": true}],
                "meta": {"resourceType": "ResourceType", "location": format!("<ends {base}/ResourceTypes/TestResource>")},
                "<exactly>": true
            }),
            &kind,
            "the type",
        );
        assert_eq!(client.get("/ResourceTypes").total(), 4);
        let schema = client.get(&format!("/Schemas/{CORE}")).expect(200).json();
        let named = |name: &str| {
            let all = schema["attributes"].as_array().unwrap();
            all.iter().find(|attribute| attribute["name"] == name).unwrap().clone()
        };
        assert_eq!(named("secret")["mutability"], "writeOnly");
        assert_eq!(named("secret")["returned"], "never");
        assert_eq!(named("state")["canonicalValues"], json!(["draft", "open", "closed"]));
        assert_eq!(named("serial")["caseExact"], true);
        assert_eq!(named("number")["uniqueness"], "server");
        assert_eq!(named("link")["referenceTypes"], json!(["external"]));
        assert_eq!(named("address")["subAttributes"][0]["required"], true);
        assert_eq!(named("notes")["returned"], "request");
        client.get(&format!("/Schemas/{EXTENSION}")).expect(200);
    }
}

fn others_see_none_of_it(backend: Backend) {
    let app = with_example(backend);
    let made = create(&app.rfc(), &least("mine"));
    for base in BASES {
        let client = app.client(base, app.globex());
        client.get(COLLECTION).expect_error(404, None);
        client.get(&path(&made)).expect_error(404, None);
        client.post(COLLECTION, &least("x")).expect_error(404, None);
        client.get("/ResourceTypes/TestResource").expect_error(404, None);
        client.get(&format!("/Schemas/{CORE}")).expect_error(404, None);
        client.get(&format!("/Schemas/{EXTENSION}")).expect_error(404, None);
        client.post("/.search", &json!({"filter": "serial pr"})).expect_error(400, Some("invalidFilter"));
    }
    assert!(app.db.cli(&["schema", "list", "--tenant", "globex"]).is_empty());
}

fn rights(backend: Backend) {
    let app = with_example(backend);
    let made = create(&app.rfc(), &least("mine"));
    let reader = app.rfc_with_token(&["--scope", "resources:read"]);
    reader.get(&path(&made)).expect(200);
    reader.post(COLLECTION, &least("x")).expect_error(403, None);
    reader.delete(&path(&made)).expect_error(403, None);
    reader.get("/Users").expect_error(403, None);
    let other = app.rfc_with_token(&["--scope", "users:write", "--scope", "groups:write"]);
    other.get(COLLECTION).expect_error(403, None);
    other.get(&path(&made)).expect_error(403, None);
    let writer = app.rfc_with_token(&["--scope", "resources:write"]);
    writer.delete(&path(&made)).expect(204);
}
