use std::sync::Arc;

use proptest::prelude::*;
use serde_json::json;

use super::*;
use crate::contract::{QA, RFC};
use crate::resource_type::USER;
use crate::schema::{enterprise, qa_user};
use crate::{Error, limits};

const ENT: &str = enterprise::URN;
const OWN: &str = qa_user::URN;

fn document(value: Value) -> Document {
    Document(value.as_object().expect("an object").clone())
}

fn mia() -> Document {
    document(json!({
        "userName": "mia",
        "active": true,
        "name": {"givenName": "Mia", "familyName": "Roth"},
        "emails": [
            {"value": "w@x", "type": "work", "primary": true},
            {"value": "h@x", "type": "home"},
        ],
        ENT: {"department": "Retail", "manager": {"value": "u-1", "$ref": "../u-1"}},
        OWN: {"role": "agent", "profile": {"Location": "Porto", "Age": 5}},
    }))
}

fn message(ops: &Value) -> Value {
    json!({"schemas": ["urn:ietf:params:scim:api:messages:2.0:PatchOp"], "Operations": ops})
}

fn patched(ops: Value) -> Result<Value> {
    let before = mia();
    let after = apply(&USER, &RFC, &before, &message(&ops));
    assert_eq!(before, mia());
    after.map(|after| Value::Object(after.0))
}

/// The value at this pointer after the operations; extensions by their last word.
#[track_caller]
fn check(ops: Value, pointer: &str, expected: Value) {
    let after = patched(ops.clone()).unwrap_or_else(|error| panic!("{ops}: {error:?}"));
    let homes = [&after, &after[ENT], &after[OWN]];
    let found = homes.into_iter().find_map(|home| home.pointer(pointer)).unwrap_or(&Value::Null);
    assert_eq!(found, &expected, "{ops}");
}

fn one(op: &str, path: &str, value: Value) -> Value {
    json!([{"op": op, "path": path, "value": value}])
}

#[test]
fn simple_and_complex_attributes() {
    for op in ["add", "Replace"] {
        for (path, value, pointer, expected) in [
            ("displayName", json!("M"), "/displayName", json!("M")),
            ("DISPLAYNAME", json!(["M"]), "/displayName", json!("M")),
            ("active", json!("False"), "/active", json!(false)),
            ("active", json!(["false"]), "/active", json!(false)),
            ("active", json!(null), "/active", json!(true)),
            ("name.familyName", json!("Li"), "/name", json!({"givenName": "Mia", "familyName": "Li"})),
            ("name.familyName", json!(null), "/name", json!({"givenName": "Mia"})),
            ("name", json!({"familyName": "Li"}), "/name", json!({"givenName": "Mia", "familyName": "Li"})),
            (
                "name",
                json!({"familyName": null, "middleName": "B"}),
                "/name",
                json!({"givenName": "Mia", "middleName": "B"}),
            ),
            ("name", json!(null), "/name", json!(null)),
            (
                "profile",
                json!({"location": "Rome", "New": true}),
                "/profile",
                json!({"Location": "Rome", "Age": 5, "New": true}),
            ),
            ("profile", json!({"location": null}), "/profile", json!({"Age": 5})),
            ("profile.LOCATION", json!("Rome"), "/profile", json!({"Location": "Rome", "Age": 5})),
            (
                "profile.Start date",
                json!("2024-01-01T00:00:00.000Z"),
                "/profile/Start date",
                json!("2024-01-01T00:00:00.000Z"),
            ),
            ("profile.Age", json!(null), "/profile", json!({"Location": "Porto"})),
            ("profile", json!(null), "/profile", json!(null)),
            ("displayName", json!(null), "/displayName", json!(null)),
            ("externalId", json!("e-1"), "/externalId", json!("e-1")),
            (ENT, json!({"costCenter": "7", "department": null}), "/costCenter", json!("7")),
            (ENT, json!({"costCenter": "7"}), "/department", json!("Retail")),
            (&format!("{ENT}:department"), json!("X"), "/department", json!("X")),
            (&format!("{OWN}:profile.Location"), json!("X"), "/profile/Location", json!("X")),
            ("password", json!("secret"), "/password", json!(null)),
        ] {
            check(one(op, path, value), pointer, expected);
        }
    }
}

/// ENTRA-6
#[test]
fn managers() {
    let dotted = format!("{ENT}.manager");
    for path in [&format!("{ENT}:manager"), "manager", &dotted] {
        for (value, expected) in [
            (json!("u-2"), json!({"value": "u-2"})),
            (json!({"value": "u-2"}), json!({"value": "u-2"})),
            (json!({"value": "u-1"}), json!({"value": "u-1", "$ref": "../u-1"})),
            (
                json!([{"$ref": "../Users/u-2", "value": "u-2"}]),
                json!({"value": "u-2", "$ref": "../Users/u-2"}),
            ),
            (json!(""), json!(null)),
            (json!({"value": ""}), json!(null)),
            (json!(null), json!(null)),
            (json!([]), json!(null)),
        ] {
            check(one("Add", path, value.clone()), "/manager", expected.clone());
            check(one("Replace", path, value), "/manager", expected);
        }
        check(json!([{"op": "Remove", "path": path}]), "/manager", json!(null));
        check(json!([{"op": "Remove", "path": path}]), "/department", json!("Retail"));
    }
    check(one("replace", "manager.value", json!("")), "/manager", json!(null));
    check(one("replace", "manager.value", json!("u-3")), "/manager", json!({"value": "u-3"}));
}

#[test]
fn lists() {
    let (work, home) =
        (json!({"value": "w@x", "type": "work", "primary": true}), json!({"value": "h@x", "type": "home"}));
    let plain = json!({"value": "w@x", "type": "work", "primary": false});
    for (op, path, value, expected) in [
        ("add", "emails", json!("n@x"), json!([work, home, {"value": "n@x"}])),
        (
            "add",
            "emails",
            json!([{"value": "n@x", "primary": true}]),
            json!([plain, home, {"value": "n@x", "primary": true}]),
        ),
        ("add", "emails", json!([{"value": "w@x", "type": "work"}]), json!([work, home])),
        (
            "add",
            "emails",
            json!([{"value": "h@x", "type": "home", "display": "H"}]),
            json!([work, {"value": "h@x", "type": "home", "display": "H"}]),
        ),
        ("add", "emails", json!([]), json!([work, home])),
        ("replace", "emails", json!([{"value": "n@x"}]), json!([{"value": "n@x"}])),
        ("replace", "emails", json!([]), json!(null)),
        ("replace", "emails", json!(null), json!(null)),
        (
            "replace",
            "emails.display",
            json!("D"),
            json!([
            {"value": "w@x", "type": "work", "primary": true, "display": "D"}, {"value": "h@x", "type": "home", "display": "D"}]),
        ),
        (
            "replace",
            r#"emails[type eq "work"].value"#,
            json!("n@x"),
            json!([{"value": "n@x", "type": "work", "primary": true}, home]),
        ),
        (
            "replace",
            r#"emails[primary eq "True"].value"#,
            json!("n@x"),
            json!([{"value": "n@x", "type": "work", "primary": true}, home]),
        ),
        (
            "replace",
            r#"emails[type eq "home"].primary"#,
            json!("True"),
            json!([plain, {"value": "h@x", "type": "home", "primary": true}]),
        ),
        (
            "replace",
            r#"emails[type eq "work"]"#,
            json!({"value": "n@x"}),
            json!([{"value": "n@x", "type": "work"}, home]),
        ),
        (
            "add",
            r#"emails[type eq "work"]"#,
            json!({"value": "n@x"}),
            json!([{"value": "n@x", "type": "work", "primary": true}, home]),
        ),
        ("add", r#"emails[type eq "work"]"#, json!(null), json!([home])),
        (
            "add",
            r#"emails[type eq "other"]"#,
            json!([{"value": "n@x"}]),
            json!([work, home, {"type": "other", "value": "n@x"}]),
        ),
        (
            "replace",
            r#"emails[type eq "Other" and display eq "A]b"].value"#,
            json!("n@x"),
            json!([work, home, {"type": "Other", "display": "A]b", "value": "n@x"}]),
        ),
        ("replace", r#"emails[type eq "home"].value"#, json!(null), json!([work])),
        ("replace", r#"emails[type eq "other"].value"#, json!(null), json!([work, home])),
        ("remove", r#"emails[type eq "home"].value"#, json!("old@x.test"), json!([work])),
        ("remove", r#"emails[type eq "home"]"#, json!(null), json!([work])),
        ("remove", r#"emails[type eq "none"]"#, json!(null), json!([work, home])),
        (
            "remove",
            r#"emails[type eq "work"].primary"#,
            json!(null),
            json!([{"value": "w@x", "type": "work"}, home]),
        ),
        ("remove", "emails", json!([{"value": "W@x", "$ref": null}]), json!([home])),
        ("remove", "emails", json!("h@x"), json!([work])),
        ("remove", "emails", json!({"value": "h@x", "type": "work"}), json!([work, home])),
        ("remove", "emails", json!({"Emails": [{"value": "h@x"}]}), json!([work])),
        ("remove", "emails", json!([]), json!([work, home])),
        ("remove", "emails", json!(["h@x", "w@x", "none"]), json!(null)),
        ("remove", "emails", json!(null), json!(null)),
        ("remove", "emails.type", json!(null), json!([{"value": "w@x", "primary": true}, {"value": "h@x"}])),
    ] {
        check(one(op, path, value), "/emails", expected);
    }
}

/// ENTRA-5: elements that do not exist are made from the filter, one for all operations.
#[test]
fn missing_elements() {
    let add = |path: &str, value: &str| json!({"op": "Add", "path": path, "value": value});
    check(
        json!([
            add(r#"addresses[type eq "work"].streetAddress"#, "Elm 4"),
            add(r#"addresses[type eq "work"].locality"#, "Bonn"),
            add(r#"addresses[type eq "work"].postalCode"#, "53111"),
        ]),
        "/addresses",
        json!([{"type": "work", "streetAddress": "Elm 4", "locality": "Bonn", "postalCode": "53111"}]),
    );
    check(
        json!([add(r#"phoneNumbers[type eq "mobile"].value"#, "+49 30 5550")]),
        "/phoneNumbers",
        json!([{"type": "mobile", "value": "+49 30 5550"}]),
    );
    check(
        json!([
            add(r#"roles[primary eq "True"].display"#, "Editor"),
            add(r#"roles[primary eq "True"].value"#, "editor"),
            add(r#"roles[primary eq "True"].type"#, "App"),
        ]),
        "/roles",
        json!([{"primary": true, "display": "Editor", "value": "editor", "type": "App"}]),
    );
    check(
        json!([add(
            r#"roles[value eq "Ed"].value"#,
            "{\"id\":\"1\",\"value\":\"ed\",\"displayName\":\"E\"}"
        )]),
        "/roles",
        json!([{"value": "ed", "display": "E"}]),
    );
    let impossible = patched(one("add", r#"emails[value co "z"].type"#, json!("work")));
    assert!(matches!(impossible, Err(Error::NoTarget(_))), "{impossible:?}");
}

#[test]
fn without_path() {
    let work = r#"emails[type eq "work"].value"#;
    for (value, pointer, expected) in [
        // OKTA-4
        (json!({"active": false}), "/active", json!(false)),
        (json!({"password": "x"}), "/password", json!(null)),
        // ENTRA-8
        (
            json!({"name.givenName": "M", "name.familyName": "L"}),
            "/name",
            json!({"givenName": "M", "familyName": "L"}),
        ),
        (json!({"name.familyName": "L"}), "/name", json!({"givenName": "Mia", "familyName": "L"})),
        (json!({format!("{ENT}:department"): "X"}), "/department", json!("X")),
        (json!({format!("{ENT}:department"): "X"}), "/manager/value", json!("u-1")),
        (json!({ENT: {"employeeNumber": "701"}}), "/department", json!("Retail")),
        (json!({ENT: {"manager": ""}}), "/manager", json!(null)),
        (json!({ENT: null}), "/department", json!(null)),
        (json!({work: "n@x"}), "/emails/0/value", json!("n@x")),
        // OKTA-6, authentik: readOnly names in the value.
        (json!({"id": "x", "schemas": [], "meta": {}, "displayName": "M"}), "/displayName", json!("M")),
        (json!({"profile": {"Location": "Rome"}}), "/profile/Location", json!("Rome")),
        (json!({"name": {"familyName": "L"}}), "/name/givenName", json!("Mia")),
        (json!({"active": null, "nonsense": {"a": []}, "groups[x": 1}), "/active", json!(true)),
        (json!([{"displayName": "M"}]), "/displayName", json!("M")),
    ] {
        check(json!([{"op": "replace", "value": value}]), pointer, expected.clone());
        check(json!([{"OP": "ADD", "PATH": " ", "Value": value}]), pointer, expected);
    }
    check(json!([{"op": "add", "value": {"emails": ["n@x"]}}]), "/emails/2", json!({"value": "n@x"}));
    check(json!([{"op": "replace", "value": {"emails": ["n@x"]}}]), "/emails", json!([{"value": "n@x"}]));
}

#[test]
fn removals() {
    for (path, pointer, expected) in [
        ("title", "/title", json!(null)),
        ("name.givenName", "/name", json!({"familyName": "Roth"})),
        ("name", "/name", json!(null)),
        ("profile.location", "/profile", json!({"Age": 5})),
        ("profile.none", "/profile", json!({"Location": "Porto", "Age": 5})),
        ("profile", "/profile", json!(null)),
        (ENT, "/department", json!(null)),
        (OWN, "/role", json!("agent")),
        ("phoneNumbers[type eq \"work\"].value", "/phoneNumbers", json!(null)),
        ("nickName", "/nickName", json!(null)),
        ("manager.value", "/manager", json!(null)),
    ] {
        check(json!([{"op": "REMOVE", "path": path}]), pointer, expected.clone());
        check(one("remove", path, json!("whatever")), pointer, expected);
    }
    assert_eq!(patched(json!([{"op": "remove", "path": ENT}])).expect("fine").get(ENT), None);
}

#[test]
fn failures() {
    let is = |error: &Error| error.scim_type().unwrap_or_default();
    for (ops, kind) in [
        (json!([{"op": "remove"}]), "noTarget"),
        (json!([{"op": "remove", "path": "", "value": {"title": 1}}]), "noTarget"),
        (json!([{"op": "remove", "path": "userName"}]), "invalidValue"),
        (json!([{"op": "replace", "path": "userName", "value": null}]), "invalidValue"),
        (json!([{"op": "add", "path": "title"}]), "invalidValue"),
        (json!([{"op": "add"}]), "invalidValue"),
        (json!([{"op": "add", "value": "x"}]), "invalidValue"),
        (json!([{"op": "add", "value": null}]), "invalidValue"),
        (json!([{"op": "add", "path": ENT, "value": "x"}]), "invalidValue"),
        (json!([{"op": "add", "path": "profile", "value": "x"}]), "invalidValue"),
        (json!([{"op": "add", "path": "profile.x", "value": {"a": 1}}]), "invalidValue"),
        (json!([{"op": "add", "path": "emails[type eq \"work\"].value", "value": 5}]), "invalidValue"),
        (json!([{"op": "add", "path": "nonsense", "value": 5}]), "invalidPath"),
        (json!([{"op": "add", "path": 5, "value": 5}]), "invalidPath"),
        (json!([{"op": "move", "path": "title", "value": 5}]), "invalidSyntax"),
        (json!([{"path": "title", "value": 5}]), "invalidSyntax"),
        (json!(["x"]), "invalidSyntax"),
        (json!({}), "invalidSyntax"),
        (
            json!([{"op": "add", "path": "title", "value": "x"}, {"op": "add", "path": "active", "value": "x"}]),
            "invalidValue",
        ),
    ] {
        assert_eq!(patched(ops.clone()).as_ref().map_err(is).err(), Some(kind), "{ops}");
    }
    for path in [
        "id",
        "meta",
        "meta.created",
        "groups",
        "groups[value eq \"g\"]",
        "schemas",
        "manager.displayName",
        "userAccessLevel",
        &format!("{OWN}:role"),
    ] {
        for op in ["add", "replace", "remove"] {
            let error = patched(one(op, path, json!("x"))).expect_err(path);
            assert_eq!(is(&error), "mutability", "{path}");
        }
    }
    for (body, ok) in [
        (json!({"Operations": []}), true),
        (json!({"operations": [], "SCHEMAS": ["URN:IETF:PARAMS:SCIM:API:MESSAGES:2.0:PATCHOP"]}), true),
        (json!({"Operations": [], "schemas": null}), true),
        (json!({"Operations": [], "schemas": ["urn:x"]}), false),
        (json!({"Operations": null}), false),
        (json!({}), false),
        (json!([]), false),
    ] {
        let result = apply(&USER, &RFC, &mia(), &body);
        assert_eq!(result.is_ok(), ok, "{body}");
        assert!(ok || matches!(result, Err(Error::InvalidSyntax(_))), "{body}");
    }
    let many = |n| json!(vec![json!({"op": "add", "path": "title", "value": "x"}); n]);
    patched(many(limits::PATCH_OPERATIONS)).expect("at the limit");
    assert!(matches!(patched(many(limits::PATCH_OPERATIONS + 1)), Err(Error::TooLarge(_))));
    let emails: Value = (0..limits::ENTRIES).map(|n| json!(n.to_string())).collect();
    assert!(matches!(patched(one("add", "emails", emails)), Err(Error::InvalidValue(_))));
}

#[test]
fn what_changes_nothing_leaves_the_document_equal() {
    let before = Value::Object(mia().0);
    for ops in [
        json!([]),
        one("replace", "userName", json!("mia")),
        one("add", "emails", json!([{"type": "home", "value": "h@x"}])),
        one("replace", "name", json!({"givenName": "Mia"})),
        one("replace", "emails[type eq \"work\"].value", json!("w@x")),
        one("replace", "profile.location", json!("Porto")),
        one("replace", "manager", json!("u-1")),
        json!([{"op": "remove", "path": "title"}]),
        json!([{"op": "replace", "value": {"active": "True", "id": 5}}]),
    ] {
        assert_eq!(patched(ops.clone()).expect("fine"), before, "{ops}");
    }
}

fn small_json() -> impl Strategy<Value = Value> {
    let word = prop::sample::select(vec![
        "",
        "a",
        "work",
        "True",
        "value",
        "type",
        "primary",
        "manager",
        "name.givenName",
        "profile",
        "{\"value\":\"x\"}",
        "admin",
    ]);
    let leaf = prop_oneof![
        Just(Value::Null),
        any::<bool>().prop_map(Value::from),
        any::<f32>().prop_map(Value::from),
        word.clone().prop_map(Value::from),
    ];
    let key = prop::sample::select(vec![
        "value",
        "type",
        "primary",
        "emails",
        "roles",
        "active",
        "userName",
        "name",
        "name.givenName",
        "profile",
        "profile.a",
        "emails[type eq \"work\"].value",
        "manager",
        "$ref",
        ENT,
        OWN,
        "",
    ]);
    leaf.prop_recursive(3, 12, 3, move |inner| {
        prop_oneof![
            prop::collection::vec(inner.clone(), 0..3).prop_map(Value::from),
            prop::collection::vec((key.clone(), inner), 0..4).prop_map(|all| Value::Object(
                all.into_iter().map(|(key, value)| (key.to_owned(), value)).collect()
            )),
        ]
    })
}

fn small_path() -> impl Strategy<Value = Value> {
    let text = prop::sample::select(vec![
        "emails",
        "emails.value",
        "emails[type eq \"work\"]",
        "emails[type eq \"work\"].value",
        "roles[primary eq \"True\"].value",
        "roles",
        "active",
        "name",
        "name.givenName",
        "profile",
        "profile.a",
        "manager",
        "manager.value",
        "userName",
        "id",
        ENT,
        OWN,
        "addresses[type eq \"x\" and not (primary eq true)].region",
        "emails[",
        "x509Certificates[value eq \"QQ\"].type",
        "",
        "manager[value eq \"u-1\"].value",
        "emails[value pr].primary",
    ]);
    prop_oneof![8 => text.prop_map(Value::from), 1 => small_json()]
}

proptest! {
    /// Whatever is sent, the outcome is an error or a canonical document.
    #[test]
    fn no_message_breaks_it(ops in prop::collection::vec(("(?i)add|replace|remove", small_path(), small_json()), 0..5)) {
        let ops: Value = ops.into_iter().map(|(op, path, value)| json!({"op": op, "path": path, "value": value})).collect();
        for contract in [&RFC, &QA] {
            if let Ok(after) = apply(&USER, contract, &mia(), &json!({"Operations": ops})) {
                canonical(&Value::Object(after.0));
            }
        }
    }

    #[test]
    fn no_body_breaks_it(body in small_json()) {
        let _ = apply(&USER, &RFC, &mia(), &body);
        let _ = apply(&USER, &RFC, &mia(), &json!({"Operations": body}));
        for made in [decode::create(&USER, &RFC, &body), crate::replace::apply(&USER, &QA, &mia(), &body)].into_iter().flatten() {
            canonical(&Value::Object(made.0));
        }
    }
}

fn canonical(value: &Value) {
    match value {
        Value::Null => panic!("null in a document"),
        Value::Array(list) => {
            assert!(!list.is_empty());
            assert!(list.iter().filter(|element| element["primary"] == true).count() <= 1);
            list.iter().for_each(canonical);
        }
        Value::Object(object) => {
            assert!(!object.is_empty());
            object.values().for_each(canonical);
        }
        _ => {}
    }
}

/// A thousand operations are allowed, and so are long lists and filters of many terms, but not all at once: the
/// resource is locked meanwhile.
#[test]
fn the_work_of_a_patch_is_bounded() {
    let long = "é".repeat(200);
    let emails: Vec<Value> =
        (0..100).map(|n| json!({"value": format!("{n}{long}"), "type": "work"})).collect();
    let before =
        crate::decode::create(&USER, &RFC, &json!({"userName": "mia", "emails": emails})).expect("a user");
    let terms = (0..31).map(|n| format!("value eq \"{n}\"")).collect::<Vec<_>>().join(" or ");
    let path = format!("emails[{terms} or type eq \"work\"].display");
    let operations = |n: usize| -> Vec<Value> {
        (0..n).map(|n| json!({"op": "add", "path": path, "value": n.to_string()})).collect()
    };
    apply(&USER, &RFC, &before, &json!({"Operations": operations(2)})).expect("two such operations");
    let too_many = apply(&USER, &RFC, &before, &json!({"Operations": operations(100)}));
    assert!(matches!(too_many, Err(crate::Error::TooLarge(_))), "{too_many:?}");
    let plain: Vec<Value> =
        (0..1_000).map(|n| json!({"op": "add", "path": "title", "value": n.to_string()})).collect();
    apply(&USER, &RFC, &before, &json!({"Operations": plain})).expect("a thousand cheap ones");
}

/// Whether something was removed would tell the value to whoever guesses it.
#[test]
fn what_is_never_returned_is_removed_as_a_whole() {
    use crate::schema::build::string;
    use crate::schema::{Returned, Schema};

    let secrets = string("secrets", "Nobody is shown them.").multi_valued().returned(Returned::Never);
    let schema = Schema { attributes: vec![Arc::new(secrets)], ..Schema::clone(&USER.schema) };
    let resource_type = ResourceType { schema: Arc::new(schema), ..ResourceType::clone(&USER) };
    let mut before = Document::default();
    before.set("secrets", Some(json!(["one", "two"])));
    let patched = |operation: Value| apply(&resource_type, &RFC, &before, &message(&json!([operation])));
    for guess in ["one", "three"] {
        let refused = patched(json!({"op": "remove", "path": "secrets", "value": [guess]})).unwrap_err();
        assert_eq!(refused.scim_type(), Some("noTarget"), "{guess}");
    }
    assert_eq!(patched(json!({"op": "remove", "path": "secrets"})).unwrap().get("secrets"), None);
}
