use chrono::DateTime;
use proptest::prelude::*;
use serde_json::{Value, json};

use super::*;
use crate::contract::{QA, RFC};
use crate::document::Document;
use crate::meta::{Meta, Version};
use crate::resource::Resource;
use crate::resource_type::USER;
use crate::schema::{enterprise, qa_user};
use crate::stored::Stored;
use crate::{decode, replace, user};

const ENT: &str = enterprise::URN;
const OWN: &str = qa_user::URN;
const CORE: &str = "urn:ietf:params:scim:schemas:core:2.0:User";

fn resource(document: Document) -> Resource {
    let time = DateTime::from_timestamp_millis(1_700_000_000_123).expect("a time");
    let meta = Meta { created: time, modified: time, version: Version(3) };
    Resource { id: ResourceId::parse("0190a0b0-0000-7000-8000-000000000001").expect("an id"), document, meta }
}

fn made(body: Value) -> Document {
    let caller = user::tests::principal(Default::default(), None);
    let document = decode::create(&USER, &RFC, &body).expect("decodes");
    user::settle(&RFC, &caller, None, document).expect("settles").document
}

fn mia() -> Resource {
    resource(made(json!({
        "userName": "mia", "externalId": "e-1", "name": {"givenName": "Mia", "familyName": "Roth"},
        "emails": [{"value": "w@x", "type": "work"}, {"type": "home"}], "roles": ["x", "grader"],
        ENT: {"department": "Retail", "manager": "0190a0b0-0000-7000-8000-000000000002"},
        "profile": {"Location": "Porto", "Shoe size": 43},
    })))
}

fn strings(names: &[&str]) -> Vec<String> {
    names.iter().map(|&name| name.to_owned()).collect()
}

fn shown(contract: &Contract, attributes: &[&str], excluded: &[&str]) -> Value {
    let projection =
        Projection::parse(&USER, &strings(attributes), &strings(excluded)).expect("a projection");
    let manager = ResourceId::parse("0190a0b0-0000-7000-8000-000000000002").expect("an id");
    let related = Related { managers: HashMap::from([(manager, Some("Kai".into()))]), ..Default::default() };
    shown_as(contract, &mia(), &related, &projection)
}

/// What is written from the document, which is what is written from its text.
fn shown_as(contract: &Contract, resource: &Resource, related: &Related, projection: &Projection) -> Value {
    let base = format!("https://h.test{}", contract.base);
    let text = serde_json::to_string(&resource.document.0).expect("a document is JSON");
    let stored = Stored { id: resource.id, text, meta: resource.meta.clone(), is_alone: false };
    let from_text = Source::try_from(&stored).expect("a document is an object");
    let [tree, text] = [&resource.into(), &from_text].map(|source| {
        let mut text = String::new();
        render(&mut text, &USER, contract, &base, source, related, projection).expect("renders");
        text
    });
    assert_eq!(tree, text);
    serde_json::from_str(&tree).expect("a reply is JSON")
}

#[test]
fn the_whole_resource_on_rfc() {
    let expected = json!({
        "schemas": [CORE, ENT, OWN],
        "id": "0190a0b0-0000-7000-8000-000000000001",
        "externalId": "e-1",
        "userName": "mia",
        "name": {"givenName": "Mia", "familyName": "Roth"},
        "active": true,
        "emails": [{"value": "w@x", "type": "work"}, {"type": "home"}],
        "groups": [],
        "roles": [{"value": "x"}, {"value": "grader", "display": "Grader", "primary": true}],
        ENT: {
            "department": "Retail",
            "manager": {
                "value": "0190a0b0-0000-7000-8000-000000000002",
                "$ref": "https://h.test/scim/v2/Users/0190a0b0-0000-7000-8000-000000000002",
                "displayName": "Kai",
            },
        },
        OWN: {"profile": {"Location": "Porto"}},
        "meta": {
            "resourceType": "User",
            "created": "2023-11-14T22:13:20.123Z",
            "lastModified": "2023-11-14T22:13:20.123Z",
            "location": "https://h.test/scim/v2/Users/0190a0b0-0000-7000-8000-000000000001",
            "version": "W/\"3\"",
        },
    });
    let body = shown(&RFC, &[], &[]);
    assert_eq!(body.to_string(), expected.to_string(), "the order of the keys counts too");
}

#[test]
fn the_whole_resource_on_qa() {
    let body = shown(&QA, &[], &[]);
    assert_eq!(body["schemas"], json!([CORE, ENT]));
    assert_eq!(body["roles"], json!(["grader"]));
    assert_eq!(body["profile"], json!({"Location": "Porto", "Shoe size": 43}));
    assert_eq!(body.get(OWN), None);
    assert_eq!(body.get("role"), None);
    assert_eq!(
        body["meta"]["location"],
        "https://h.test/api/v1/scim/v2/Users/0190a0b0-0000-7000-8000-000000000001"
    );
    let keys: Vec<_> = body.as_object().expect("an object").keys().map(String::as_str).collect();
    assert_eq!((keys[0], keys[1], keys[keys.len() - 1]), ("schemas", "id", "meta"));
}

#[test]
fn attributes_select() {
    let id = "0190a0b0-0000-7000-8000-000000000001";
    for (names, expected) in [
        (vec!["userName"], json!({"userName": "mia"})),
        (vec![" USERNAME ", ""], json!({"userName": "mia"})),
        (vec!["name.givenName"], json!({"name": {"givenName": "Mia"}})),
        (vec!["name.givenName", "name"], json!({"name": {"givenName": "Mia", "familyName": "Roth"}})),
        (vec!["emails.value"], json!({"emails": [{"value": "w@x"}]})),
        (vec!["emails.display"], json!({})),
        (vec!["groups", "nonsense"], json!({"groups": []})),
        (vec!["groups.value"], json!({"groups": []})),
        (vec!["nonsense", "password"], json!({})),
        (vec![&format!("{ENT}:department")], json!({ENT: {"department": "Retail"}})),
        (vec!["department"], json!({ENT: {"department": "Retail"}})),
        (vec![&format!("{ENT}:manager.displayName")], json!({ENT: {"manager": {"displayName": "Kai"}}})),
        (vec![&OWN.to_uppercase()], json!({OWN: {"profile": {"Location": "Porto"}, "role": "grader"}})),
        (vec!["profile"], json!({OWN: {"profile": {"Location": "Porto"}}})),
        (vec!["profile.LOCATION"], json!({OWN: {"profile": {"Location": "Porto"}}})),
        (vec!["userAccessLevel"], json!({OWN: {"role": "grader"}})),
        (
            vec![&format!("{CORE}:active"), "roles.display"],
            json!({"active": true, "roles": [{"display": "Grader"}]}),
        ),
        (vec!["meta.version"], json!({"meta": {"version": "W/\"3\""}})),
    ] {
        let mut expected = expected;
        expected["schemas"] = json!([CORE, ENT, OWN]);
        expected["id"] = id.into();
        assert_eq!(shown(&RFC, &names, &[]), expected, "{names:?}");
        assert_eq!(shown(&RFC, &names, &["id", "userName"]), expected, "`attributes` wins");
    }
    assert_eq!(shown(&QA, &["profile.shoe SIZE", "roles.value"], &[])["profile"], json!({"Shoe size": 43}));
    assert_eq!(shown(&QA, &["roles"], &[])["roles"], json!(["grader"]));
    assert_eq!(shown(&RFC, &[CORE], &[]).get(ENT), None);
    assert_eq!(shown(&RFC, &["", " "], &[]), shown(&RFC, &[], &[]));
}

#[test]
fn excluded_attributes_are_removed() {
    let whole = shown(&RFC, &[], &[]);
    for (name, pointer) in [
        ("groups", "/groups".to_owned()),
        ("NAME.givenname", "/name/givenName".into()),
        (ENT, format!("/{ENT}")),
        ("manager", format!("/{ENT}/manager")),
        ("profile", format!("/{OWN}/profile")),
        ("meta", "/meta".into()),
        ("meta.location", "/meta/location".into()),
        ("emails.type", "/emails/1".into()),
    ] {
        let body = shown(&RFC, &[], &[name]);
        assert!(whole.pointer(&pointer).is_some() && body.pointer(&pointer).is_none(), "{name}");
        assert_eq!(body["schemas"], whole["schemas"]);
    }
    assert_eq!(shown(&RFC, &[], &["id", "schemas", "nonsense"]), whole);
    assert_eq!(shown(&RFC, &[], &[CORE]).get("userName"), None);
}

#[test]
fn look_ups_can_be_skipped() {
    let wants = |attributes: &[&str], excluded: &[&str], name: &str| {
        Projection::parse(&USER, &strings(attributes), &strings(excluded))
            .expect("a projection")
            .wants(&USER, name)
    };
    assert!(wants(&[], &[], "groups"));
    assert!(!wants(&["userName"], &[], "groups"));
    assert!(wants(&["groups.display"], &[], "groups"));
    assert!(!wants(&[], &["groups"], "groups"));
    assert!(!wants(&[], &["manager.displayName"], "manager.displayName"));
    assert!(wants(&[], &["manager.displayName"], "manager.$ref"));
    assert!(!wants(&[], &[], "password"));
    assert!(!wants(&[], &[], "nonsense"));
    let names = |n| vec!["userName".to_owned(); n];
    Projection::parse(&USER, &names(limits::PROJECTION_NAMES), &[]).expect("at the limit");
    for (only, without) in
        [(names(limits::PROJECTION_NAMES + 1), vec![]), (vec![], names(limits::PROJECTION_NAMES + 1))]
    {
        assert!(matches!(Projection::parse(&USER, &only, &without), Err(Error::InvalidValue(_))));
    }
}

#[test]
fn groups_and_unknown_managers() {
    let group = Membership {
        id: ResourceId::parse("0190a0b0-0000-7000-8000-000000000009").expect("an id"),
        endpoint: "Groups",
        display: "Ops".into(),
    };
    let mia = mia();
    let related = Related { groups: HashMap::from([(mia.id, vec![group])]), ..Default::default() };
    let body = shown_as(&RFC, &mia, &related, &Projection::default());
    let expected = json!([{
        "value": "0190a0b0-0000-7000-8000-000000000009",
        "$ref": "https://h.test/scim/v2/Groups/0190a0b0-0000-7000-8000-000000000009",
        "display": "Ops",
        "type": "direct",
    }]);
    assert_eq!(body["groups"], expected);
    assert_eq!(body[ENT]["manager"], json!({"value": "0190a0b0-0000-7000-8000-000000000002"}));
}

fn body() -> impl Strategy<Value = Value> {
    let text = "[a-zA-Z@ é{}\"]{0,8}";
    let list =
        prop::collection::vec((text, prop::option::of("work|home"), any::<bool>()), 0..4).prop_map(|all| {
            all.into_iter()
                .map(|(value, kind, primary)| json!({"value": value, "type": kind, "primary": primary}))
                .collect::<Value>()
        });
    let scalar = prop_oneof![
        text.prop_map(Value::from),
        any::<i64>().prop_map(Value::from),
        any::<bool>().prop_map(Value::from)
    ];
    let roles = prop::sample::subsequence(vec!["admin", "grader", "agent", "x", "Admin"], 0..4);
    let profile = prop::collection::vec(("[A-Za-z -]{1,6}", scalar), 0..4);
    let manager = prop_oneof![
        Just(Value::Null),
        text.prop_map(Value::from),
        Just(json!({"value": "0190a0b0-0000-7000-8000-000000000002", "$ref": "x"})),
    ];
    ("[a-z]{1,8}", prop::option::of(text), list.clone(), list, roles, profile, (manager, any::<bool>()))
        .prop_map(|(name, title, emails, addresses, roles, profile, (manager, active))| {
            let profile: serde_json::Map<_, _> = profile.into_iter().collect();
            json!({
                "userName": name, "title": title, "emails": emails, "phoneNumbers": addresses, "roles": roles,
                "active": active, "profile": profile, ENT: {"manager": manager, "department": title},
                "name": {"givenName": title},
            })
        })
}

proptest! {
    /// What a GET shows can be sent back and changes nothing (Okta does so on every profile push).
    #[test]
    fn an_echo_changes_nothing(body in body()) {
        let caller = user::tests::principal(Default::default(), None);
        let before = resource(made(body));
        let manager = ResourceId::parse("0190a0b0-0000-7000-8000-000000000002").expect("an id");
        let known = Related { managers: HashMap::from([(manager, Some("Kai".into()))]), ..Default::default() };
        // The reference that a client gave to a manager we know is replaced by ours, so it is not in the echo.
        let computed = user::manager_of(&before.document) == Some(manager);
        let related = if computed { Related::default() } else { known };
        for contract in [&RFC, &QA] {
            let echo = shown_as(contract, &before, &related, &Projection::default());
            let after = replace::apply(&USER, contract, &before.document, &echo).expect("an echo is accepted");
            let after = user::settle(contract, &caller, Some(&before.document), after).expect("nothing is changed");
            prop_assert_eq!(&after.document, &before.document);
        }
    }
}
