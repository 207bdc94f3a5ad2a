use serde_json::{Value, json};

use super::*;
use crate::contract::{QA, RFC};
use crate::limits;
use crate::resource_type::USER;
use crate::schema::{Attribute, build, enterprise, qa_user};

/// What a POST of `mia` with these members makes, without the name.
fn made(body: Value) -> Result<Value> {
    let mut members = object(&body)?.clone();
    members.entry("userName").or_insert_with(|| "mia".into());
    let mut document = create(&USER, &RFC, &Value::Object(members.clone()))?;
    assert_eq!(document, create(&USER, &QA, &Value::Object(members))?, "both contracts read alike");
    document.set("userName", None);
    Ok(Value::Object(document.0))
}

#[track_caller]
fn refused(body: Value, attribute: &str) {
    match made(body.clone()) {
        Err(Error::InvalidValue(detail)) => assert!(detail.starts_with(attribute), "{detail} for {body}"),
        other => panic!("{body} gives {other:?}"),
    }
}

#[track_caller]
fn gives(body: Value, expected: Value) {
    match made(body.clone()) {
        Ok(document) => assert_eq!(document, expected, "{body}"),
        Err(error) => panic!("{body} gives {error:?}"),
    }
}

#[test]
fn names_in_every_notation() {
    let (ent, qa, core) = (enterprise::URN, qa_user::URN, &USER.schema.id);
    let department = json!({ent: {"department": "Retail"}});
    for (body, expected) in [
        (json!({"DISPLAYNAME": "Mia", "Schemas": ["x"]}), json!({"displayName": "Mia"})),
        (json!({"name": {"GIVENNAME": "Mia"}}), json!({"name": {"givenName": "Mia"}})),
        (json!({"name.givenName": "Mia"}), json!({"name": {"givenName": "Mia"}})),
        (
            json!({"name.givenName": "Mia", "name": {"familyName": "Li"}}),
            json!({"name": {"familyName": "Li", "givenName": "Mia"}}),
        ),
        (json!({ent: {"department": "Retail"}}), department.clone()),
        (json!({ent.to_lowercase(): {"Department": "Retail"}}), department.clone()),
        (json!({format!("{ent}:department"): "Retail"}), department.clone()),
        (json!({core: {"title": "Lead"}}), json!({"title": "Lead"})),
        (json!({format!("{core}:title"): "Lead"}), json!({"title": "Lead"})),
        (json!({format!("{ent}:manager.value"): "u-2"}), json!({ent: {"manager": {"value": "u-2"}}})),
        (json!({"profile": {"location": "Berlin"}}), json!({qa: {"profile": {"location": "Berlin"}}})),
        (json!({"profile.location": "Berlin"}), json!({qa: {"profile": {"location": "Berlin"}}})),
        (
            json!({"profile": {"a": 2}, qa: {"profile": {"A": 1, "b": 1}}}),
            json!({qa: {"profile": {"A": 2, "b": 1}}}),
        ),
        // Unknown and readOnly names.
        (json!({"department": "Retail", "urn:x:y": {"a": 1}, "nick": 1, "emails[0]": 1}), json!({})),
        (json!({"id": 1, "meta": "x", "groups": [{"value": "g"}], "password": 7}), json!({})),
        (json!({qa: {"role": "admin"}, "userAccessLevel": "admin", "role": "admin"}), json!({})),
        (json!({ent: {"manager": {"displayName": "Kai"}, "x": 1}}), json!({})),
        (json!({"name": {"x": 1}}), json!({})),
    ] {
        gives(body, expected);
    }
}

#[test]
fn unassigned() {
    let ent = enterprise::URN;
    for body in [
        json!({"title": null, "addresses": null, "roles": [], "name": {}, ent: {"department": null}}),
        json!({"name": {"givenName": null, "familyName": []}, ent: null, "emails": [null, {}]}),
        json!({"active": null, "ims": [], "profile": null, "externalId": "", "displayName": []}),
        json!({"active": [], "profile": {}, "emails": [{"value": null}], ent: {}}),
        json!({"profileUrl": "", "photos": [{"value": "", "type": null}]}),
    ] {
        gives(body, json!({}));
    }
    // ENTRA-6: every way to say that there is no manager.
    for manager in
        [json!(""), json!(null), json!({"value": ""}), json!([]), json!([{"value": ""}]), json!([""])]
    {
        gives(json!({ent: {"manager": manager}}), json!({}));
    }
    gives(json!({ent: {"manager": {"value": "", "$ref": "../Users/u-1"}}}), json!({}));
}

#[test]
fn coercions_follow_the_type() {
    let ent = enterprise::URN;
    for (body, expected) in [
        (json!({"active": "False"}), json!({"active": false})),
        (json!({"active": "tRUE"}), json!({"active": true})),
        // Keycloak's arrays of one.
        (json!({"active": ["true"]}), json!({"active": true})),
        (json!({"displayName": ["Mia"]}), json!({"displayName": "Mia"})),
        (json!({"name": [{"givenName": ["Mia"]}]}), json!({"name": {"givenName": "Mia"}})),
        (json!({"emails": "a@x"}), json!({"emails": [{"value": "a@x"}]})),
        (json!({"emails": {"value": "a@x"}}), json!({"emails": [{"value": "a@x"}]})),
        (
            json!({"emails": ["a@x", {"value": "b@x"}]}),
            json!({"emails": [{"value": "a@x"}, {"value": "b@x"}]}),
        ),
        (json!({"roles": "grader"}), json!({"roles": [{"value": "grader"}]})),
        (json!({"roles": ["grader"]}), json!({"roles": [{"value": "grader"}]})),
        (
            json!({"emails": [{"value": "a@x", "primary": "True"}]}),
            json!({"emails": [{"value": "a@x", "primary": true}]}),
        ),
        (json!({ent: {"manager": "u-2"}}), json!({ent: {"manager": {"value": "u-2"}}})),
        (json!({ent: {"manager": [{"value": "u-2"}]}}), json!({ent: {"manager": {"value": "u-2"}}})),
        (
            json!({ent: {"manager": [{"$ref": "../Users/u-2", "value": "u-2"}]}}),
            json!({ent: {"manager": {"$ref": "../Users/u-2", "value": "u-2"}}}),
        ),
        (json!({ent: [{"department": "R"}]}), json!({ent: {"department": "R"}})),
        // ENTRA-7, AppRoleAssignmentsComplex.
        (
            json!({"roles": [{"value": "{\"id\":\"r1\",\"value\":\"editor\",\"displayName\":\"Editor\"}"}]}),
            json!({"roles": [{"value": "editor", "display": "Editor"}]}),
        ),
        (
            json!({"roles": "{\"id\":\"r1\",\"value\":\"editor\",\"displayName\":\"Editor\"}"}),
            json!({"roles": [{"value": "editor", "display": "Editor"}]}),
        ),
        // Other JSON text is text.
        (
            json!({"entitlements": ["{\"a\":1}", "{x"]}),
            json!({"entitlements": [{"value": "{\"a\":1}"}, {"value": "{x"}]}),
        ),
        // Kept to the letter.
        (json!({"phoneNumbers": "+49 (30) 5550"}), json!({"phoneNumbers": [{"value": "+49 (30) 5550"}]})),
        (json!({"name": {"familyName": ""}}), json!({"name": {"familyName": ""}})),
    ] {
        gives(body, expected);
    }
}

#[test]
fn what_does_not_fit_is_refused() {
    let ent = enterprise::URN;
    for (body, attribute) in [
        (json!({"active": "yes"}), "active"),
        (json!({"active": 1}), "active"),
        (json!({"active": [true, false]}), "active"),
        (json!({"displayName": 5}), "displayName"),
        (json!({"displayName": true}), "displayName"),
        (json!({"displayName": {"a": 1}}), "displayName"),
        (json!({"displayName": ["a", "b"]}), "displayName"),
        (json!({"displayName": [["a"]]}), "displayName"),
        (json!({"displayName": "a\0b"}), "displayName"),
        (json!({"name": "Mia"}), "name"),
        (json!({"name": {"givenName": 1}}), "name.givenName"),
        (json!({"emails": [1]}), "emails.value"),
        (json!({"emails": [["a@x"]]}), "emails"),
        (json!({"emails": [{"value": "a", "primary": "x"}]}), "emails.primary"),
        (json!({"addresses": "Elm 4"}), "addresses"),
        (json!({ent: "x"}), ent),
        (json!({ent: {"manager": 5}}), &format!("{ent}:manager.value")),
        (json!({"x509Certificates": ["not base64!"]}), "x509Certificates.value"),
        (json!({"x509Certificates": ["QUJD="]}), "x509Certificates.value"),
        (json!({"x509Certificates": ["QUJDR"]}), "x509Certificates.value"),
    ] {
        refused(body, attribute);
    }
    for body in [json!([]), json!("x"), json!(null)] {
        assert!(matches!(create(&USER, &RFC, &body), Err(Error::InvalidSyntax(_))));
    }
    for body in [json!({}), json!({"userName": null}), json!({"userName": ""}), json!({"userName": []})] {
        assert!(
            matches!(create(&USER, &RFC, &body), Err(Error::InvalidValue(detail)) if detail.contains("required"))
        );
    }
    for good in ["QUJD", "QUI=", "QQ==", "QQ", "Q\nQ = =", "-_+/"] {
        made(json!({"x509Certificates": [good]})).expect(good);
    }
}

#[test]
fn limits_hold_at_the_limit_and_one_over() {
    let text = |n: usize| "é".repeat(n);
    let list = |n: usize| (0..n).map(|n| json!({"value": n.to_string()})).collect::<Value>();
    let keys = |n: usize| (0..n).map(|n| (format!("k{n}"), json!(n))).collect::<Map<_, _>>();
    for (at, over) in [
        (
            json!({"displayName": text(limits::NAME_CHARS)}),
            json!({"displayName": text(limits::NAME_CHARS + 1)}),
        ),
        (json!({"title": text(limits::TEXT_CHARS)}), json!({"title": text(limits::TEXT_CHARS + 1)})),
        (json!({"emails": list(limits::ENTRIES)}), json!({"emails": list(limits::ENTRIES + 1)})),
        (json!({"profile": keys(limits::PROFILE_KEYS)}), json!({"profile": keys(limits::PROFILE_KEYS + 1)})),
        (
            json!({"profile": {"k".repeat(limits::PROFILE_KEY_BYTES): 1}}),
            json!({"profile": {"k".repeat(limits::PROFILE_KEY_BYTES + 1): 1}}),
        ),
        (
            json!({"profile": {"k": "v".repeat(limits::PROFILE_VALUE_BYTES)}}),
            json!({"profile": {"k": "v".repeat(limits::PROFILE_VALUE_BYTES + 1)}}),
        ),
    ] {
        made(at).expect("at the limit");
        assert!(matches!(made(over), Err(Error::InvalidValue(detail)) if detail.chars().count() < 200));
    }
}

#[test]
fn lists() {
    for (emails, expected) in [
        (
            json!([{"value": "a", "primary": true}, {"value": "b", "primary": "True"}, {"value": "c"}]),
            json!([{"value": "a", "primary": false}, {"value": "b", "primary": true}, {"value": "c"}]),
        ),
        (
            json!([{"value": "a", "type": "work"}, {"value": "a", "type": "home"}, {"value": "a", "type": "work", "display": "A"}]),
            json!([{"value": "a", "type": "work", "display": "A"}, {"value": "a", "type": "home"}]),
        ),
        (json!(["a", "A", "a"]), json!([{"value": "a"}, {"value": "A"}])),
        (json!([{"type": "work"}, {"type": "home"}]), json!([{"type": "work"}, {"type": "home"}])),
    ] {
        gives(json!({"emails": emails}), json!({"emails": expected}));
    }
}

#[test]
fn the_profile_is_a_free_map() {
    let qa = qa_user::URN;
    for (profile, expected) in [
        (json!({"a": "x", "b": 1.5, "c": true, "d": null}), json!({"a": "x", "b": 1.5, "c": true})),
        (json!({"Place of work": ["Porto"]}), json!({"Place of work": "Porto"})),
        (json!({"a": "True", "b": "5"}), json!({"a": "True", "b": "5"})),
        (json!({"Ort": "x", "ORT": "y"}), json!({"Ort": "y"})),
        (json!({"n": i64::MAX}), json!({"n": i64::MAX})),
        (json!([{"a": 1}]), json!({"a": 1})),
    ] {
        gives(json!({"profile": profile}), json!({qa: {"profile": expected}}));
    }
    for profile in [
        json!({"a": {"b": 1}}),
        json!({"a": [1, 2]}),
        json!({"a": [[1]]}),
        json!({"": 1}),
        json!({"a": "\0"}),
        json!({"\0": "a"}),
        json!({"n": u64::MAX}),
        json!({"n": 1e19}),
        json!({"n": -1e19}),
        json!("x"),
    ] {
        refused(json!({"profile": profile}), qa);
    }
}

#[test]
fn numbers_and_times() {
    let check = |kind, raw: Value| {
        let attribute = build::attribute("x", kind, "");
        value::coerce(&"x", &Attribute::clone(&attribute), &raw)
    };
    for (kind, raw, expected) in [
        (Type::Integer, json!(5), json!(5)),
        (Type::Integer, json!(5.0), json!(5)),
        (Type::Integer, json!([i64::MIN]), json!(i64::MIN)),
        (Type::Decimal, json!(5), json!(5)),
        (Type::Decimal, json!(5.5), json!(5.5)),
        (Type::DateTime, json!("2024-01-01T00:00:00Z"), json!("2024-01-01T00:00:00Z")),
        (Type::DateTime, json!("2024-01-01T00:00:00.5+01:00"), json!("2024-01-01T00:00:00.5+01:00")),
    ] {
        assert_eq!(check(kind, raw.clone()).expect("fits"), Some(expected), "{raw}");
    }
    for (kind, raw) in [
        (Type::Integer, json!("5")),
        (Type::Integer, json!(5.5)),
        (Type::Integer, json!(true)),
        (Type::Integer, json!(u64::MAX)),
        (Type::Integer, json!(1e19)),
        (Type::Decimal, json!("5")),
        (Type::Decimal, json!(9_223_372_036_854_775_808_u64)),
        (Type::Decimal, json!(1e300)),
        (Type::DateTime, json!("yesterday")),
        (Type::DateTime, json!(5)),
        (Type::Reference, json!(5)),
    ] {
        assert!(matches!(check(kind, raw.clone()), Err(Error::InvalidValue(_))), "{raw}");
    }
}
