//! Every characteristic of RFC 7643 section 2.2, on every verb, on both base paths.

use serde_json::{Value, json};

use super::{COLLECTION, CORE, EXTENSION, create, least, path, with_example};
use crate::support::backend::{Backend, both};
use crate::support::http::{BASES, Client, PATCH_OP, QA};
use crate::support::users::{with, without};

both!(
    required,
    read_only,
    immutable,
    immutable_parts,
    write_only_and_never,
    returned,
    unique,
    canonical_values_are_closed,
    types,
    lists,
);

/// The stored document.
fn db_document(app: &crate::support::app::TestApp, resource: &Value) -> Value {
    let id = app.db.literal(resource["id"].as_str().unwrap());
    let found = app.db.db_texts(&format!("SELECT document AS value FROM resources WHERE id = {id}"));
    serde_json::from_str(&found[0]).unwrap()
}

fn patch(client: &Client, resource: &Value, operation: Value) -> crate::support::http::Reply {
    client
        .request("PATCH", &path(resource))
        .json(&json!({"schemas": [PATCH_OP], "Operations": [operation]}))
        .send()
}

fn required(backend: Backend) {
    let app = with_example(backend);
    for base in BASES {
        let client = app.client(base, app.acme());
        let before = app.db.db_dump();
        let wrong = Some("invalidValue");
        client.post(COLLECTION, &without(least("x"), "title")).expect_error(400, wrong);
        client.post(COLLECTION, &without(least("x"), EXTENSION)).expect_error(400, wrong);
        client.post(COLLECTION, &with(least("x"), json!({EXTENSION: {"asset": 1}}))).expect_error(400, wrong);
        client
            .post(COLLECTION, &with(least("x"), json!({"address": {"country": "PT"}})))
            .expect_error(400, wrong);
        client
            .post(COLLECTION, &with(least("x"), json!({"items": [{"value": "a"}, {"display": "b"}]})))
            .expect_error(400, wrong);
        app.db.db_assert_unchanged(&before);
        let made = create(&client, &least("x"));
        let before = app.db.db_dump();
        for operation in [
            json!({"op": "remove", "path": "title"}),
            json!({"op": "remove", "path": EXTENSION}),
            json!({"op": "remove", "path": format!("{EXTENSION}:owner")}),
            json!({"op": "replace", "value": {"title": null}}),
            json!({"op": "add", "path": "address.country", "value": "PT"}),
            json!({"op": "add", "path": "items", "value": [{"display": "b"}]}),
        ] {
            patch(&client, &made, operation).expect_error(400, wrong);
        }
        if base == QA {
            client.put(&path(&made), &json!({"title": null})).expect_error(400, wrong);
            client.put(&path(&made), &json!({"count": 1})).expect(200);
        } else {
            client.put(&path(&made), &without(least("x"), EXTENSION)).expect_error(400, wrong);
            client.put(&path(&made), &without(least("x"), "title")).expect_error(400, wrong);
            app.db.db_assert_unchanged(&before);
        }
    }
}

fn read_only(backend: Backend) {
    let app = with_example(backend);
    for base in BASES {
        let client = app.client(base, app.acme());
        let body = with(least("x"), json!({"system": "mine", "address": {"street": "Elm", "checked": true}}));
        let made = create(&client, &body);
        assert_eq!((made.get("system"), made["address"].get("checked")), (None, None));
        let put = client.put(&path(&made), &body).expect(200).json();
        assert_eq!(put["meta"]["version"], "W/\"1\"");
        patch(&client, &made, json!({"op": "add", "value": {"system": "mine"}})).expect(200);
        for name in ["system", "address.checked"] {
            for op in ["add", "replace", "remove"] {
                patch(&client, &made, json!({"op": op, "path": name, "value": "true"}))
                    .expect_error(400, Some("mutability"));
            }
        }
        assert_eq!(db_document(&app, &made).get("system"), None);
    }
}

fn immutable(backend: Backend) {
    let app = with_example(backend);
    for base in BASES {
        let client = app.client(base, app.acme());
        let made = create(&client, &least("x"));
        // Set once, later than at birth too.
        let set =
            patch(&client, &made, json!({"op": "add", "value": {"origin": "Here", "marks": ["a", "b"]}}));
        let set = set.expect(200).json();
        assert_eq!((&set["origin"], &set["marks"]), (&json!("Here"), &json!(["a", "b"])));
        let before = app.db.db_dump();
        for same in [
            json!({"op": "replace", "path": "origin", "value": "here"}),
            json!({"op": "add", "path": "marks", "value": ["b"]}),
            json!({"op": "replace", "value": {"marks": ["b", "a"]}}),
        ] {
            assert_eq!(patch(&client, &made, same).expect(200).json(), set);
        }
        client.put(&path(&made), &with(least("x"), json!({"origin": "HERE"}))).expect(200);
        // Left out, it stays.
        assert_eq!(client.put(&path(&made), &least("x")).expect(200).json(), set);
        for other in [
            json!({"op": "replace", "path": "origin", "value": "there"}),
            json!({"op": "remove", "path": "origin"}),
            json!({"op": "add", "path": "marks", "value": ["c"]}),
            json!({"op": "remove", "path": "marks"}),
            json!({"op": "remove", "path": "marks", "value": ["a"]}),
            json!({"op": "replace", "value": {"origin": null}}),
        ] {
            patch(&client, &made, other).expect_error(400, Some("mutability"));
        }
        client
            .put(&path(&made), &with(least("x"), json!({"origin": "there"})))
            .expect_error(400, Some("mutability"));
        let cleared = client.put(&path(&made), &with(least("x"), json!({"marks": []})));
        if base == QA {
            cleared.expect_error(400, Some("mutability"));
        } else {
            assert_eq!(cleared.expect(200).json(), set, "an empty list is an omission where a PUT replaces");
        }
        app.db.db_assert_unchanged(&before);
    }
}

fn immutable_parts(backend: Backend) {
    let app = with_example(backend);
    for base in BASES {
        let client = app.client(base, app.acme());
        let body = with(
            least("x"),
            json!({
                "address": {"street": "Elm", "country": "PT"},
                "items": [{"value": "a", "origin": "here"}, {"value": "b"}]
            }),
        );
        let made = create(&client, &body);
        for wrong in [
            json!({"op": "replace", "path": "address.country", "value": "ES"}),
            json!({"op": "remove", "path": "address.country"}),
            json!({"op": "remove", "path": "address"}),
            json!({"op": "replace", "path": "address", "value": {"country": "ES"}}),
            json!({"op": "replace", "path": "items[value eq \"a\"].origin", "value": "there"}),
            json!({"op": "remove", "path": "items[value eq \"a\"].origin"}),
            json!({"op": "add", "path": "items[value eq \"a\"]", "value": {"origin": "there"}}),
            json!({"op": "replace", "path": "items.origin", "value": "there"}),
        ] {
            patch(&client, &made, wrong).expect_error(400, Some("mutability"));
        }
        let other = with(least("x"), json!({"address": {"street": "Elm", "country": "ES"}}));
        client.put(&path(&made), &other).expect_error(400, Some("mutability"));
        assert_eq!(client.get(&path(&made)).json(), made);
        let put = client
            .put(&path(&made), &with(body.clone(), json!({"address": {"street": "Oak"}})))
            .expect(200)
            .json();
        assert_eq!(put["address"], json!({"street": "Oak", "country": "PT"}));
        // Whole elements come and go, and what has no value gets one.
        let set = patch(
            &client,
            &made,
            json!({"op": "add", "path": "items[value eq \"b\"].origin", "value": "now"}),
        );
        assert_eq!(set.expect(200).json()["items"][1]["origin"], "now");
        let new = json!({"op": "replace", "path": "items", "value": [{"value": "a", "origin": "there"}]});
        assert_eq!(
            patch(&client, &made, new).expect(200).json()["items"],
            json!([{"value": "a", "origin": "there"}])
        );
        patch(&client, &made, json!({"op": "remove", "path": "items[value eq \"a\"]"})).expect(200);
    }
}

fn write_only_and_never(backend: Backend) {
    let app = with_example(backend);
    for base in BASES {
        let client = app.client(base, app.acme());
        let body = with(
            least("x"),
            json!({"secret": "s3", "hidden": "h", "address": {"street": "Elm", "pin": "1234"}}),
        );
        let made = create(&client, &body);
        let hides = |shown: &Value| {
            assert_eq!(
                (shown.get("secret"), shown.get("hidden"), shown["address"].get("pin")),
                (None, None, None)
            );
        };
        hides(&made);
        for query in ["?attributes=secret,hidden,address,address.pin", "?attributes=address.pin,title", ""] {
            let shown = client.get(&format!("{}{query}", path(&made))).expect(200).json();
            hides(&shown);
        }
        let kept = db_document(&app, &made);
        assert_eq!(
            (&kept["secret"], &kept["hidden"], &kept["address"]["pin"]),
            (&json!("s3"), &json!("h"), &json!("1234"))
        );
        let indexed = "path IN ('secret', 'hidden', 'address.pin')";
        assert_eq!(app.db.db_count("attribute_values", indexed), 0);
        // Who sends back what he was shown takes nothing away.
        client.put(&path(&made), &with(made.clone(), json!({"count": 2}))).expect(200);
        assert_eq!(db_document(&app, &made)["secret"], "s3");
        assert_eq!(db_document(&app, &made)["address"]["pin"], "1234");
        hides(
            &patch(&client, &made, json!({"op": "replace", "path": "secret", "value": "s4"}))
                .expect(200)
                .json(),
        );
        assert_eq!(db_document(&app, &made)["secret"], "s4");
        patch(&client, &made, json!({"op": "add", "path": "address[pin eq \"1234\"].street", "value": "x"}))
            .expect_error(400, Some("invalidPath"));
        patch(&client, &made, json!({"op": "remove", "path": "secret"})).expect(200);
        assert_eq!(db_document(&app, &made).get("secret"), None);
    }
}

fn returned(backend: Backend) {
    let app = with_example(backend);
    for base in BASES {
        let client = app.client(base, app.acme());
        let body = with(
            least("x"),
            json!({"notes": "n", "count": 1, "address": {"street": "Elm", "remark": "r", "zone": "z"}}),
        );
        let made = create(&client, &body);
        let shown = |query: &str| client.get(&format!("{}{query}", path(&made))).expect(200).json();
        // A write shows what it has written.
        assert_eq!((&made["notes"], &made["address"]), (&json!("n"), &body["address"]));
        let other =
            patch(&client, &made, json!({"op": "add", "path": "count", "value": 2})).expect(200).json();
        assert_eq!((other.get("notes"), other["address"].get("remark")), (None, None));
        let same =
            patch(&client, &made, json!({"op": "add", "path": "notes", "value": "m"})).expect(200).json();
        assert_eq!((&same["notes"], same["address"].get("remark")), (&json!("m"), None));
        patch(&client, &made, json!({"op": "add", "path": "notes", "value": "n"})).expect(200);
        let plain = shown("");
        assert_eq!((plain.get("notes"), plain["address"].get("remark")), (None, None));
        assert_eq!((&plain["title"], &plain["address"]["zone"]), (&json!("x"), &json!("z")));
        let asked = shown("?attributes=notes,address.remark");
        assert_eq!((&asked["notes"], &asked["title"]), (&json!("n"), &json!("x")));
        assert_eq!(asked["address"], json!({"remark": "r", "zone": "z"}));
        assert_eq!((asked.get("count"), asked.get(EXTENSION)), (None, None));
        assert_eq!(shown("?attributes=address,address.remark")["address"], body["address"]);
        let less = shown("?excludedAttributes=title,count,address.zone,address.street");
        assert_eq!((&less["title"], less.get("count")), (&json!("x"), None));
        assert_eq!(less["address"], json!({"zone": "z"}));
        let list = client.get(&format!("{COLLECTION}?attributes=notes")).resources();
        assert_eq!(list.last().unwrap()["notes"], "n");
    }
}

fn unique(backend: Backend) {
    let app = with_example(backend);
    for (place, base) in BASES.into_iter().enumerate() {
        let client = app.client(base, app.acme());
        let named = |members: Value| with(least("x"), members);
        let number = format!("No {place}");
        let first = named(json!({
            "number": number, "serial": format!("Se{place}"), "address": {"street": "a", "plot": format!("P{place}")},
            EXTENSION: {"owner": "m", "asset": place}
        }));
        let one = create(&client, &first);
        let taken = Some("uniqueness");
        let before = app.db.db_dump();
        for other in [
            json!({"number": number.to_uppercase()}),
            json!({"serial": format!("Se{place}")}),
            json!({"address": {"street": "b", "plot": format!("p{place}")}}),
            json!({EXTENSION: {"owner": "m", "asset": place}}),
        ] {
            client.post(COLLECTION, &named(other)).expect_error(409, taken);
        }
        app.db.db_assert_unchanged(&before);
        let two = create(
            &client,
            &named(json!({"serial": format!("SE{place}"), "number": format!("other {place}")})),
        );
        patch(&client, &two, json!({"op": "replace", "path": "number", "value": number}))
            .expect_error(409, taken);
        let same = named(json!({"number": number, "serial": format!("SE{place}")}));
        client.put(&path(&two), &same).expect_error(409, taken);
        // A change and a deletion make a value free.
        patch(&client, &one, json!({"op": "remove", "path": "number"})).expect(200);
        client.put(&path(&two), &same).expect(200);
        patch(&client, &one, json!({"op": "add", "path": "number", "value": number}))
            .expect_error(409, taken);
        client.delete(&path(&two)).expect(204);
        patch(&client, &one, json!({"op": "add", "path": "number", "value": number})).expect(200);
        client.delete(&path(&one)).expect(204);
        assert_eq!(app.db.db_count("unique_values", "1 = 1"), 0);
    }
}

fn canonical_values_are_closed(backend: Backend) {
    let app = with_example(backend);
    for base in BASES {
        let client = app.client(base, app.acme());
        let made = create(
            &client,
            &with(least("x"), json!({"state": "OPEN", "items": [{"value": "a", "type": "part"}]})),
        );
        assert_eq!(made["state"], "OPEN");
        client
            .post(COLLECTION, &with(least("x"), json!({"state": "gone"})))
            .expect_error(400, Some("invalidValue"));
        for operation in [
            json!({"op": "replace", "path": "state", "value": "gone"}),
            json!({"op": "replace", "path": "items[value eq \"a\"].type", "value": "none"}),
            json!({"op": "add", "value": {"items": [{"value": "b", "type": "none"}]}}),
        ] {
            patch(&client, &made, operation).expect_error(400, Some("invalidValue"));
        }
        // Those of our own schemas are suggestions.
        let user = json!({
            "userName": format!("u{}@example.com", base.len()),
            "phoneNumbers": [{"value": "1", "type": "satellite"}]
        });
        assert_eq!(client.create(&user)["phoneNumbers"][0]["type"], "satellite");
    }
}

fn types(backend: Backend) {
    let app = with_example(backend);
    for base in BASES {
        let client = app.client(base, app.acme());
        for (name, wrong) in [
            ("count", json!(1.5)),
            ("count", json!("1")),
            ("ratio", json!("x")),
            ("enabled", json!("maybe")),
            ("due", json!("yesterday")),
            ("blob", json!("*")),
            ("link", json!(5)),
            ("tags", json!([{"value": "a"}])),
            ("code", json!(["a", "b"])),
            ("address", json!("Elm")),
            ("title", json!("x".repeat(1_025))),
        ] {
            let reply = client.post(COLLECTION, &with(least("x"), json!({name: wrong})));
            reply.expect_error(400, Some("invalidValue"));
        }
        let coerced = json!({"count": [5.0], "enabled": "True", "tags": "one", "items": "a"});
        let made = create(&client, &with(least(&"x".repeat(1_024)), coerced));
        assert_eq!((&made["count"], &made["enabled"]), (&json!(5), &json!(true)));
        assert_eq!((&made["tags"], &made["items"]), (&json!(["one"]), &json!([{"value": "a"}])));
        // What nobody has declared is dropped.
        let unknown = with(
            least("x"),
            json!({"color": "red", "address": {"street": "a", "color": "red"}, EXTENSION: {"owner": "m", "color": "red"}}),
        );
        let made = create(&client, &unknown);
        assert!(!db_document(&app, &made).to_string().contains("red"));
        assert_eq!(made["schemas"], json!([CORE, EXTENSION]));
    }
}

fn lists(backend: Backend) {
    let app = with_example(backend);
    for base in BASES {
        let client = app.client(base, app.acme());
        let items = json!([{"value": "a", "primary": true}, {"value": "b", "primary": true}, {"value": "b", "display": "B"}]);
        let made = create(&client, &with(least("x"), json!({"items": items})));
        assert_eq!(
            made["items"],
            json!([{"value": "a", "primary": false}, {"value": "b", "primary": true, "display": "B"}])
        );
        let many: Vec<String> = (0..101).map(|n| n.to_string()).collect();
        client
            .post(COLLECTION, &with(least("x"), json!({"tags": many})))
            .expect_error(400, Some("invalidValue"));
        create(&client, &with(least("x"), json!({"tags": many[1..]})));
        let removed = patch(&client, &made, json!({"op": "remove", "path": "items[primary eq true]"}));
        assert_eq!(removed.expect(200).json()["items"], json!([{"value": "a", "primary": false}]));
        let built = patch(
            &client,
            &made,
            json!({"op": "add", "path": "items[value eq \"n\" and type eq \"whole\"].amount", "value": 3}),
        );
        assert_eq!(built.expect(200).json()["items"][1], json!({"value": "n", "type": "whole", "amount": 3}));
    }
}
