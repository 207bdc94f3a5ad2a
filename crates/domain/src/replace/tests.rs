use serde_json::json;

use super::*;
use crate::Error;
use crate::contract::{QA, RFC};
use crate::resource_type::USER;
use crate::schema::{enterprise, qa_user};

fn before() -> Document {
    let document = json!({
        "userName": "mia@shop.test",
        "externalId": "00uABC123",
        "name": {"givenName": "Mia", "familyName": "Roth"},
        "active": false,
        "roles": [{"value": "grader", "display": "Grader", "primary": true}],
        "emails": [{"value": "mia@shop.test", "type": "work", "primary": true}],
        enterprise::URN: {"department": "Retail", "manager": {"value": "u-2", "$ref": "../u-2"}},
        qa_user::URN: {"role": "grader", "profile": {"Location": "Porto", "Shoe size": 43}},
    });
    Document(document.as_object().expect("an object").clone())
}

fn after(contract: &Contract, body: Value) -> Value {
    let after = apply(&USER, contract, &before(), &body).expect("accepted");
    Value::Object(after.0)
}

#[test]
fn replace_clears_what_is_not_sent() {
    let expected = json!({
        "userName": "mia",
        "active": false,
        "roles": [{"value": "grader", "display": "Grader", "primary": true}],
        // Not shown on this contract, so not cleared by who could not send it.
        qa_user::URN: {"role": "grader", "profile": {"Shoe size": 43}},
    });
    for body in [
        json!({"userName": "mia"}),
        json!({"userName": "mia", "active": null, "roles": [], "emails": [], "name": {}}),
        json!({"userName": "mia", "profile": {}, qa_user::URN: {"role": "admin"}}),
    ] {
        assert_eq!(after(&RFC, body.clone()), expected, "{body}");
    }
    assert_eq!(after(&RFC, json!({"userName": "mia", "active": true}))["active"], true);
    assert_eq!(
        after(&RFC, json!({"userName": "mia", "profile": {"location": "Rome"}}))[qa_user::URN]["profile"],
        json!({"Location": "Rome", "Shoe size": 43}),
        "keys keep their spelling"
    );
    for body in [json!({}), json!({"userName": null}), json!({"displayName": "x"})] {
        assert!(matches!(apply(&USER, &RFC, &before(), &body), Err(Error::InvalidValue(_))), "{body}");
    }
    assert!(matches!(apply(&USER, &RFC, &before(), &json!([])), Err(Error::InvalidSyntax(_))));
}

/// OKTA-3: what the GET returned, with Okta's values laid over it.
#[test]
fn an_echo_is_accepted() {
    let body = json!({
        "schemas": ["urn:ietf:params:scim:schemas:core:2.0:User"],
        "id": "u-77", "externalId": "00uABC123", "userName": "mia@shop.test",
        "name": {"givenName": "Mia", "familyName": "Roth-Li", "formatted": "Mia Roth"},
        "emails": [{"primary": true, "value": "mia@shop.test", "type": "work"}],
        "active": true, "groups": [], "password": "x",
        "roles": [{"value": "grader", "display": "Grader", "primary": true}],
        "meta": {"resourceType": "User", "location": "https://h.test/scim/v2/Users/u-77"},
        enterprise::URN: {"department": "Retail", "manager": {"value": "u-2", "displayName": "Kai", "$ref": "../u-2"}},
        qa_user::URN: {"role": "admin", "profile": {"Location": "Porto"}},
        "profile": {"location": "Berlin"},
    });
    let expected = json!({
        "userName": "mia@shop.test", "externalId": "00uABC123", "active": true,
        "name": {"givenName": "Mia", "familyName": "Roth-Li", "formatted": "Mia Roth"},
        "emails": [{"primary": true, "value": "mia@shop.test", "type": "work"}],
        "roles": [{"value": "grader", "display": "Grader", "primary": true}],
        enterprise::URN: {"department": "Retail", "manager": {"value": "u-2", "$ref": "../u-2"}},
        qa_user::URN: {"role": "grader", "profile": {"Location": "Berlin", "Shoe size": 43}},
    });
    assert_eq!(after(&RFC, body), expected);
}

#[test]
fn merge_changes_what_is_sent() {
    // On the qa contract the roles are a view of the effective one.
    let unchanged = after(&QA, json!({}));
    assert_eq!(unchanged, Value::Object(before().0));
    let ent = enterprise::URN;
    for (body, pointer, expected) in [
        (json!({"name": {"givenName": "M"}}), "/name", json!({"givenName": "M"})),
        (json!({"emails": ["a@x"]}), "/emails", json!([{"value": "a@x"}])),
        (json!({"roles": ["agent"]}), "/roles", json!([{"value": "agent"}])),
        (json!({ent: {"department": "X"}}), "/manager", json!({"value": "u-2", "$ref": "../u-2"})),
        (json!({ent: {"manager": "u-3"}}), "/manager", json!({"value": "u-3"})),
        (json!({ent: {"manager": null}}), "/department", json!("Retail")),
        (
            json!({"profile": {"LOCATION": "Rome", "New": 1}}),
            "/profile",
            json!({"Location": "Rome", "Shoe size": 43, "New": 1}),
        ),
        (json!({"profile": {"location": null}}), "/profile", json!({"Shoe size": 43})),
        (json!({"profile": {}}), "/profile", json!({"Location": "Porto", "Shoe size": 43})),
        (json!({"userName": "m@x"}), "/userName", json!("m@x")),
        (json!({"active": null}), "/active", json!(false)),
    ] {
        let after = after(&QA, body.clone());
        let homes = [&after, &after[ent], &after[qa_user::URN]];
        let found = homes.into_iter().find_map(|home| home.pointer(pointer));
        assert_eq!(found, Some(&expected), "{body}");
    }
    for (body, gone) in [
        (json!({"emails": []}), "emails"),
        (json!({"name": null}), "name"),
        (json!({"externalId": null}), "externalId"),
        (json!({ent: null}), ent),
        (json!({"roles": null}), "roles"),
    ] {
        assert_eq!(after(&QA, body).get(gone), None, "{gone}");
    }
    assert_eq!(after(&QA, json!({"profile": null}))[qa_user::URN], json!({"role": "grader"}));
    assert!(matches!(apply(&USER, &QA, &before(), &json!({"userName": null})), Err(Error::InvalidValue(_))));
}
