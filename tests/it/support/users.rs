//! Bodies of users.

use serde_json::{Value, json};

/// URN of the core User schema.
pub(crate) const USER: &str = "urn:ietf:params:scim:schemas:core:2.0:User";
/// URN of the enterprise extension.
pub(crate) const ENTERPRISE: &str = "urn:ietf:params:scim:schemas:extension:enterprise:2.0:User";
/// URN of the QA extension of User.
pub(crate) const QA_USER: &str = "urn:rollcall:params:scim:schemas:extension:qa:2.0:User";

/// The least a user needs; `name` becomes an e-mail address, so that it will do on both contracts.
pub(crate) fn user(name: &str) -> Value {
    json!({"schemas": [USER], "userName": format!("{name}@example.com")})
}

/// A user with a value for every attribute that can be written on both contracts.
pub(crate) fn full_user(name: &str) -> Value {
    let address = format!("{name}@example.com");
    json!({
        "schemas": [USER, ENTERPRISE],
        "externalId": format!("ext-{name}"),
        "userName": address,
        "name": {
            "formatted": "Dr. Mia Ann Roth III", "familyName": "Roth", "givenName": "Mia", "middleName": "Ann",
            "honorificPrefix": "Dr.", "honorificSuffix": "III"
        },
        "displayName": "Mia Roth",
        "nickName": "Mi",
        "profileUrl": "https://example.com/people/mia",
        "title": "Team Lead",
        "userType": "Employee",
        "preferredLanguage": "de-CH",
        "locale": "de-CH",
        "timezone": "Europe/Zurich",
        "active": true,
        "emails": [
            {"value": address, "type": "work", "display": "work", "primary": true},
            {"value": format!("{name}@home.example.com"), "type": "home"}
        ],
        "phoneNumbers": [{"value": "+49 30 5550", "type": "mobile"}],
        "ims": [{"value": "mia.roth", "type": "xmpp"}],
        "photos": [{"value": "https://example.com/mia.jpg", "type": "photo"}],
        "addresses": [{
            "formatted": "Elm 4, Zurich", "streetAddress": "Elm 4", "locality": "Zurich", "region": "ZH",
            "postalCode": "8000", "country": "CH", "type": "work", "primary": true
        }],
        "entitlements": [{"value": "gold", "display": "Gold", "type": "License"}],
        "roles": ["grader"],
        "x509Certificates": [{"value": "MIIB", "type": "signing"}],
        "profile": {"Location": "Porto", "Shift": 2, "Remote": true},
        ENTERPRISE: {
            "employeeNumber": "701", "costCenter": "4130", "organization": "Retail AG", "division": "Stores",
            "department": "Support", "manager": {"value": "boss-1"}
        }
    })
}

/// An object with some members replaced or added.
pub(crate) fn with(mut object: Value, members: Value) -> Value {
    let target = object.as_object_mut().expect("an object");
    for (name, value) in members.as_object().expect("an object") {
        target.insert(name.clone(), value.clone());
    }
    object
}

/// An object without one member.
pub(crate) fn without(mut object: Value, member: &str) -> Value {
    let removed = object.as_object_mut().expect("an object").remove(member);
    assert!(removed.is_some(), "there was no {member} to leave out");
    object
}
