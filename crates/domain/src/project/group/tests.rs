use chrono::DateTime;
use proptest::prelude::*;
use serde_json::{Value, json};

use super::*;
use crate::contract::{QA, RFC};
use crate::document::Document;
use crate::meta::{Meta, Version};
use crate::resource::Resource;
use crate::resource_type::{GROUP, USERGROUP};
use crate::schema::qa_group;

const OWN: &str = qa_group::URN;

fn id(number: u32) -> ResourceId {
    ResourceId::parse(&format!("0190a0b0-0000-7000-8000-{number:012}")).expect("an id")
}

fn group(document: Value) -> Resource {
    let time = DateTime::from_timestamp_millis(1_700_000_000_123).expect("a time");
    let Value::Object(document) = document else { panic!("an object") };
    let meta = Meta { created: time, modified: time, version: Version(3) };
    Resource { id: id(1), document: Document(document), meta }
}

fn entry(number: u32, user_name: &str, display: Option<&str>) -> Entry {
    Entry { user: id(number), user_name: user_name.into(), display: display.map(str::to_owned) }
}

fn members() -> [Entry; 2] {
    [entry(2, "mia@shop.test", Some("Mia \"M\" Röth")), entry(3, "kai@shop.test", None)]
}

/// The whole text, as a service puts it together.
fn text(
    resource_type: &ResourceType,
    contract: &Contract,
    resource: &Resource,
    members: &[Entry],
    owners: &[ResourceId],
    projection: &Projection,
) -> String {
    let base = format!("https://h.test{}", contract.base);
    let frame = frame(resource_type, contract, &base, &resource.into(), owners, projection).expect("a frame");
    let mut text = frame.head;
    if frame.shows_members {
        let written = Members::new(resource_type, contract, &base, projection);
        for (place, member) in members.iter().enumerate() {
            if place > 0 {
                text.push(',');
            }
            written.write(&mut text, member);
        }
    }
    text + &frame.tail
}

fn strings(names: &[&str]) -> Vec<String> {
    names.iter().map(|&name| name.to_owned()).collect()
}

fn shown(contract: &Contract, attributes: &[&str], excluded: &[&str]) -> Value {
    let projection = Projection::parse(&GROUP, &strings(attributes), &strings(excluded)).expect("names");
    let ops = group(json!({"displayName": "Ops", "externalId": "e-1"}));
    let text = text(&GROUP, contract, &ops, &members(), &[id(3)], &projection);
    serde_json::from_str(&text).unwrap_or_else(|error| panic!("{error}: {text}"))
}

fn meta(contract: &Contract, resource_type: &ResourceType) -> Value {
    json!({
        "resourceType": resource_type.name,
        "created": "2023-11-14T22:13:20.123Z",
        "lastModified": "2023-11-14T22:13:20.123Z",
        "location": format!("https://h.test{}/{}/{}", contract.base, resource_type.endpoint, id(1)),
        "version": "W/\"3\"",
    })
}

#[test]
fn the_whole_group() {
    let ops = group(json!({"displayName": "Ops \"A\"", "externalId": "e-1"}));
    let whole = Projection::default();
    for (resource_type, core) in [
        (&GROUP, "urn:ietf:params:scim:schemas:core:2.0:Group"),
        (&USERGROUP, "urn:rollcall:params:scim:schemas:core:2.0:Usergroup"),
    ] {
        let rfc = text(resource_type, &RFC, &ops, &members(), &[id(3), id(2)], &whole);
        let expected = json!({
            "schemas": [core, OWN],
            "id": id(1).to_string(),
            "externalId": "e-1",
            "displayName": "Ops \"A\"",
            "members": [
                {
                    "value": id(2).to_string(),
                    "$ref": format!("https://h.test/scim/v2/Users/{}", id(2)),
                    "display": "Mia \"M\" Röth",
                    "type": "User",
                },
                {
                    "value": id(3).to_string(),
                    "$ref": format!("https://h.test/scim/v2/Users/{}", id(3)),
                    "type": "User",
                },
            ],
            OWN: {"owners": [id(3).to_string(), id(2).to_string()]},
            "meta": meta(&RFC, resource_type),
        });
        assert_eq!(rfc, expected.to_string(), "the order of the keys counts too");

        let qa = text(resource_type, &QA, &ops, &members(), &[id(3), id(2)], &whole);
        let flat = match resource_type.kind {
            Kind::Group(FlatMember::UserName) => json!(["mia@shop.test", "kai@shop.test"]),
            _ => json!([id(2).to_string(), id(3).to_string()]),
        };
        let expected = json!({
            "schemas": [core],
            "id": id(1).to_string(),
            "externalId": "e-1",
            "displayName": "Ops \"A\"",
            "members": flat,
            "owners": [id(3).to_string(), id(2).to_string()],
            "meta": meta(&QA, resource_type),
        });
        assert_eq!(qa, expected.to_string());

        let empty = group(json!({"displayName": "Ops"}));
        let rfc = text(resource_type, &RFC, &empty, &[], &[], &whole);
        let expected = json!({
            "schemas": [core], "id": id(1).to_string(), "displayName": "Ops", "members": [],
            "meta": meta(&RFC, resource_type),
        });
        assert_eq!(rfc, expected.to_string());
        let qa = text(resource_type, &QA, &empty, &[], &[], &whole);
        let expected = json!({
            "schemas": [core], "id": id(1).to_string(), "displayName": "Ops", "members": [], "owners": [],
            "meta": meta(&QA, resource_type),
        });
        assert_eq!(qa, expected.to_string());
    }
}

#[test]
fn attributes_select() {
    let core = crate::schema::group::URN;
    let [mia, kai] = [id(2).to_string(), id(3).to_string()];
    for (names, expected) in [
        (vec!["displayName"], json!({"displayName": "Ops"})),
        (vec!["members.value"], json!({"members": [{"value": mia}, {"value": kai}]})),
        (
            vec!["members.display", "members.type"],
            json!({"members": [
                {"display": "Mia \"M\" Röth", "type": "User"}, {"type": "User"},
            ]}),
        ),
        (vec!["members.nonsense"], json!({})),
        (vec!["owners"], json!({OWN: {"owners": [kai]}})),
        (vec!["owners.value"], json!({OWN: {"owners": [kai]}})),
        (vec![OWN], json!({OWN: {"owners": [kai]}})),
        (vec!["meta.version"], json!({"meta": {"version": "W/\"3\""}})),
        (vec![&format!("{core}:displayName")], json!({"displayName": "Ops"})),
    ] {
        let mut expected = expected;
        expected["schemas"] = json!([core, OWN]);
        expected["id"] = id(1).to_string().into();
        assert_eq!(shown(&RFC, &names, &[]), expected, "{names:?}");
    }
    let flat = json!(["mia@shop.test", "kai@shop.test"]);
    for name in ["members", "members.value", "members.display", core] {
        assert_eq!(shown(&QA, &[name], &[])["members"], flat, "{name}");
        assert_eq!(shown(&QA, &[name], &[]).get("owners"), None, "{name}");
    }
    for name in ["owners", OWN, "OWNERS"] {
        assert_eq!(shown(&QA, &[name], &[])["owners"], json!([kai]), "{name}");
        assert_eq!(shown(&QA, &[name], &[]).get("members"), None, "{name}");
    }
    assert_eq!(shown(&RFC, &["members"], &[])["members"].as_array().map(Vec::len), Some(2));

    // The core URN of the RFC names the attributes of user groups too.
    let projection = Projection::parse(&USERGROUP, &strings(&[&format!("{core}:members")]), &[]);
    let empty = group(json!({"displayName": "Ops"}));
    let text = text(&USERGROUP, &RFC, &empty, &[], &[], &projection.expect("names"));
    assert!(text.contains("\"members\":[]") && !text.contains("displayName"), "{text}");
}

#[test]
fn excluded_attributes_are_removed() {
    for contract in [&RFC, &QA] {
        let whole = shown(contract, &[], &[]);
        for name in ["members", "displayName", "externalId", "meta"] {
            let mut expected = whole.clone();
            assert!(expected.as_object_mut().expect("an object").shift_remove(name).is_some());
            assert_eq!(shown(contract, &[], &[name]), expected, "{name}");
        }
        assert_eq!(shown(contract, &[], &["id", "schemas", "nonsense"]), whole);
        let owners = shown(contract, &[], &["owners"]);
        assert_eq!((owners.get("owners"), owners.get(OWN)), (None, None));
        assert_eq!(owners["schemas"], whole["schemas"]);
    }
    let without = shown(&RFC, &[], &["members.display", "members.$ref"]);
    assert_eq!(without["members"][0], json!({"value": id(2).to_string(), "type": "User"}));
    let nothing = ["members.display", "members.$ref", "members.value", "members.type"];
    assert_eq!(shown(&RFC, &[], &nothing).get("members"), None);
    assert_eq!(shown(&QA, &[], &nothing)["members"].as_array().map(Vec::len), Some(2));
}

#[test]
fn what_is_not_shown_is_not_asked_for() {
    let wants = |attributes: &[&str], excluded: &[&str], name: &str| {
        let projection = Projection::parse(&GROUP, &strings(attributes), &strings(excluded)).expect("names");
        projection.wants(&GROUP, name)
    };
    assert!(wants(&[], &[], "members") && wants(&[], &[], "owners"));
    assert!(!wants(&["displayName"], &[], "members") && !wants(&["displayName"], &[], "owners"));
    assert!(!wants(&[], &["members"], "members") && wants(&[], &["members"], "owners"));
    assert!(wants(&["members.value"], &[], "members"));
}

proptest! {
    /// Whatever names contain, the text is JSON, and what a GET shows can be sent back (Okta does so).
    #[test]
    fn any_name_is_written(
        name in "\\PC{1,20}|[\"\\\\\u{1}-\u{1f}\u{2028}]{1,5}",
        users in prop::collection::vec(("\\PC{0,12}|[\"\\\\\n]{1,4}", prop::option::of("\\PC{0,8}|\"")), 0..4),
        owners in 0_u32..3,
    ) {
        let resource = group(json!({"displayName": name}));
        let members: Vec<Entry> = users
            .iter()
            .zip(2..)
            .map(|((user_name, display), number)| entry(number, user_name, display.as_deref()))
            .collect();
        let owners: Vec<ResourceId> = (0..owners).map(id).collect();
        for contract in [&RFC, &QA] {
            for resource_type in [&GROUP, &USERGROUP] {
                let text = text(resource_type, contract, &resource, &members, &owners, &Projection::default());
                let value: Value = serde_json::from_str(&text).expect("JSON");
                prop_assert_eq!(&value["displayName"], &json!(name));
                prop_assert_eq!(value["members"].as_array().map(Vec::len), Some(members.len()));
                if name.contains('\0') || users.iter().any(|(user_name, _)| user_name.is_empty()) {
                    continue;
                }
                let edit = crate::group::replace(resource_type, contract, &resource.document, &value);
                prop_assert_eq!(edit.expect("an echo is accepted").document, resource.document.clone());
            }
        }
    }
}

#[test]
fn a_whole_member_is_the_text_of_its_object() {
    let base = "https://h.test/\"scim\"";
    let projection = Projection::default();
    let members = Members::new(&GROUP, &RFC, base, &projection);
    assert!(matches!(members.form, Form::Object(_)), "nothing of it is cut");
    for display in [None, Some(""), Some("Mia \"M\" Röth\n")] {
        let member = entry(2, "mia@shop.test", display);
        let mut text = String::new();
        members.write(&mut text, &member);
        assert_eq!(text, member.as_object(base).to_string());
    }
}
