use proptest::prelude::*;

use super::*;
use crate::contract::{QA, RFC};
use crate::filter::Op;
use crate::resource_type::{GROUP, USERGROUP};
use crate::{Error, limits};

const CORE: &str = group::URN;
const OWN: &str = qa_group::URN;
const TYPES: [&std::sync::LazyLock<std::sync::Arc<ResourceType>>; 2] = [&GROUP, &USERGROUP];

fn ops() -> Document {
    Document(json!({"displayName": "Ops", "externalId": "e-1"}).as_object().expect("an object").clone())
}

/// Steps as short texts: `+` adds, `-` removes, `=` replaces; those on owners have an `o` before.
fn shown(steps: &[Step]) -> String {
    let list = |list: &List| if *list == List::Owners { "o" } else { "" };
    let step = |step: &Step| match step {
        Step::Add(of, users) => format!("{}+{}", list(of), users.join(",")),
        Step::Remove(of, users) => format!("{}-{}", list(of), users.join(",")),
        Step::Replace(of, users) => format!("{}={}", list(of), users.join(",")),
        Step::RemoveWhere(of, _) => format!("{}-?", list(of)),
    };
    steps.iter().map(step).collect::<Vec<_>>().join(" ")
}

fn patched(contract: &Contract, operations: &Value) -> Result<Edit> {
    let message =
        json!({"schemas": ["urn:ietf:params:scim:api:messages:2.0:PatchOp"], "Operations": operations});
    patch(&GROUP, contract, &ops(), &message)
}

/// The steps of the operations, on both contracts and both kinds of groups; the document stays as it is.
#[track_caller]
fn check(operations: Value, expected: &str) {
    check_with(operations, expected, json!({"displayName": "Ops", "externalId": "e-1"}));
}

#[track_caller]
fn check_with(operations: Value, expected: &str, document: Value) {
    for contract in [&RFC, &QA] {
        for resource_type in TYPES {
            let edit = patch(resource_type, contract, &ops(), &json!({"Operations": operations}))
                .unwrap_or_else(|error| panic!("{operations}: {error:?}"));
            assert_eq!(shown(&edit.steps), expected, "{operations}");
            assert_eq!(Value::Object(edit.document.0), document, "{operations}");
        }
    }
}

#[track_caller]
fn refused(operations: Value, scim_type: &str) {
    let error = patched(&RFC, &operations).expect_err("refused");
    assert_eq!(error.scim_type(), Some(scim_type), "{operations}: {error}");
}

fn one(op: &str, path: &str, value: Value) -> Value {
    json!([{"op": op, "path": path, "value": value}])
}

#[test]
fn references() {
    let ok = [
        (json!("u-1"), "+u-1"),
        (json!(["u-1", "mia@shop.test"]), "+u-1,mia@shop.test"),
        (json!({"value": "u-1"}), "+u-1"),
        (json!([{"value": "u-1"}, "u-2", {"VALUE": "u-3"}]), "+u-1,u-2,u-3"),
        (json!(["u-2", "u-1", "u-2", {"value": "u-1"}]), "+u-2,u-1"),
        (json!([{"value": ["u-1"]}]), "+u-1"),
        (json!([{"$ref": null, "value": "u-1"}]), "+u-1"),
        (json!([{"value": "u-1", "$ref": 5, "display": 5, "type": {}, "x": []}]), "+u-1"),
        (json!([{"value": "u-1", "$ref": "Users/u-2"}]), "+u-1"),
        (json!([{"$ref": "https://h.test/scim/v2/Users/u-1"}]), "+u-1"),
        (json!([{"$ref": "Users/u-1", "value": null}]), "+u-1"),
        (json!([{"$ref": "../Users/u-1?a=/b#/c"}]), "+u-1"),
        (json!([{"$REF": "u-1"}]), "+u-1"),
        (json!({"members": [{"value": "u-1"}]}), "+u-1"),
        (json!({"Members": "u-1"}), "+u-1"),
        (json!([" u-1 "]), "+ u-1 "),
        (json!("é".repeat(limits::NAME_CHARS)), &format!("+{}", "é".repeat(limits::NAME_CHARS))),
        (json!([]), ""),
        (json!(null), ""),
        (json!({"members": null}), ""),
    ];
    for (value, expected) in ok {
        check(one("add", "members", value), expected);
    }
    for value in [
        json!(""),
        json!([""]),
        json!([null]),
        json!({}),
        json!([{}]),
        json!(5),
        json!([true]),
        json!([["u-1"]]),
        json!([{"value": null}]),
        json!([{"value": ""}]),
        json!([{"value": "", "$ref": "Users/u-1"}]),
        json!([{"value": 5}]),
        json!([{"value": {"value": "u-1"}}]),
        json!([{"value": ["u-1", "u-2"]}]),
        json!([{"$ref": null}]),
        json!([{"$ref": ""}]),
        json!([{"$ref": "https://h.test/Users/"}]),
        json!([{"$ref": 5}]),
        json!([{"display": "Mia"}]),
        json!(["u\0"]),
        json!("é".repeat(limits::NAME_CHARS + 1)),
    ] {
        for op in ["add", "replace", "remove"] {
            for path in ["members", "owners"] {
                refused(one(op, path, value.clone()), "invalidValue");
            }
        }
        for key in ["members", "owners"] {
            refused(json!([{"op": "replace", "value": {key: value}}]), "invalidValue");
            for contract in [&RFC, &QA] {
                let body = json!({"displayName": "Ops", key: value});
                assert!(matches!(create(&GROUP, contract, &body), Err(Error::InvalidValue(_))), "{body}");
                assert!(matches!(replace(&GROUP, contract, &ops(), &body), Err(Error::InvalidValue(_))));
            }
        }
    }
}

#[test]
fn paths_of_the_lists() {
    let usergroup = format!("{}:members", group::USERGROUP_URN);
    for (path, list) in [
        ("members", ""),
        ("Members", ""),
        ("members.value", ""),
        (&format!("{CORE}:members"), ""),
        (&format!("{}:MEMBERS", CORE.to_uppercase()), ""),
        ("owners", "o"),
        ("OWNERS", "o"),
        ("owners.value", "o"),
        (&format!("{OWN}:owners"), "o"),
        (&format!("{CORE}:owners"), "o"),
    ] {
        for (op, value, expected) in [
            ("Add", json!([{"value": "u-1"}]), "+u-1"),
            ("add", json!("u-1"), "+u-1"),
            ("Replace", json!(["u-1"]), "=u-1"),
            ("replace", json!([]), "="),
            ("replace", json!(null), "="),
            ("Remove", json!([{"value": "u-1"}]), "-u-1"),
            ("remove", json!("u-1"), "-u-1"),
            ("remove", json!([]), ""),
            ("remove", json!(null), "="),
        ] {
            let expected = if expected.is_empty() { String::new() } else { format!("{list}{expected}") };
            check(one(op, path, value), &expected);
        }
        check(json!([{"op": "remove", "path": path}]), &format!("{list}="));
        let element = |rest: &str| format!("{}[value eq \"u-1\"]{rest}", path.trim_end_matches(".value"));
        for (op, rest, value, expected) in [
            ("remove", "", json!(null), "-u-1"),
            ("remove", "", json!([{"value": "u-9"}]), "-u-1"),
            ("remove", ".value", json!(null), "-u-1"),
            ("add", "", json!(null), "+u-1"),
            ("add", "", json!({"value": "u-1"}), "+u-1"),
            ("replace", "", json!({"value": "u-2"}), "-u-1 +u-2"),
            ("replace", "", json!("u-2"), "-u-1 +u-2"),
            ("replace", "", json!(["u-2", {"value": "u-1"}]), "+u-2,u-1"),
            ("replace", "", json!(null), "-u-1"),
            ("replace", "", json!([]), "-u-1"),
            ("replace", ".value", json!("u-2"), "-u-1 +u-2"),
            ("add", ".value", json!("u-1"), "+u-1"),
        ] {
            let expected: Vec<_> = expected.split(' ').map(|step| format!("{list}{step}")).collect();
            check(one(op, &element(rest), value), &expected.join(" "));
        }
        check(json!([{"op": "add", "path": element("")}]), &format!("{list}+u-1"));
    }
    let edit = patch(&USERGROUP, &RFC, &ops(), &json!({"Operations": one("add", &usergroup, json!("u-1"))}));
    assert_eq!(shown(&edit.expect("fine").steps), "+u-1");
    refused(one("add", &usergroup, json!("u-1")), "invalidPath");
    refused(json!([{"op": "replace", "path": "members[value eq \"u-1\"]"}]), "invalidValue");
    refused(json!([{"op": "add", "path": "members"}]), "invalidValue");
    for path in ["members[", "members[value eq \"u-1\"].x", "members.x", "owners[x pr]", "owners.x"] {
        refused(one("add", path, json!("u-1")), "invalidPath");
    }
}

#[test]
fn parts_that_follow_from_the_user() {
    let element = "members[value eq \"u-1\"]";
    for (op, path, value, expected) in [
        ("replace", "members.display", json!("Mia"), ""),
        ("add", "members.type", json!("User"), ""),
        ("remove", "members.display", json!(null), ""),
        ("remove", "members.$ref", json!(null), ""),
        ("replace", &format!("{element}.display"), json!("Mia"), ""),
        ("add", &format!("{element}.display"), json!("Mia"), ""),
        ("add", &format!("{element}.type"), json!(null), ""),
        ("remove", &format!("{element}.display"), json!(null), ""),
        ("replace", element, json!({"display": "Mia", "type": "User"}), ""),
        ("replace", element, json!([{"display": "Mia"}]), ""),
        ("add", element, json!({"display": "Mia"}), "+u-1"),
        ("replace", &format!("{element}.$ref"), json!("Users/u-2"), "-u-1 +u-2"),
        ("replace", &format!("{element}.$ref"), json!(null), ""),
        ("add", "members.$ref", json!(["Users/u-2", "Users/u-3"]), "+u-2,u-3"),
        ("replace", "members.$ref", json!("Users/u-2"), "=u-2"),
        ("replace", "members.$ref", json!(null), ""),
    ] {
        check(one(op, path, value), expected);
    }
}

#[test]
fn filters_inside() {
    let steps = |path: &str| patched(&RFC, &json!([{"op": "remove", "path": path}])).expect(path).steps;
    for (path, expected) in [
        ("members[value eq \"u-1\" or value eq \"u-2\" or value eq \"u-1\"]", "-u-1,u-2"),
        ("members[Value EQ u-A]", "-u-A"),
        ("members[value ne \"u-1\"]", "-?"),
        ("members[value eq \"u-1\" and type eq \"User\"]", "-?"),
        ("members[not (value eq \"u-1\")]", "-?"),
        ("members[display eq \"Mia\"]", "-?"),
        ("members[$ref ew \"/u-1\"]", "-?"),
        ("members[type pr].value", "-?"),
        ("owners[value sw \"u\"]", "o-?"),
    ] {
        assert_eq!(shown(&steps(path)), expected, "{path}");
    }
    let mia = Entry {
        user: ResourceId::parse("0190a0b0-0000-7000-8000-000000000001").expect("an id"),
        user_name: "mia@shop.test".into(),
        display: Some("Mia".into()),
    };
    let nameless = Entry { display: Some(String::new()), ..mia.clone() };
    assert_eq!(mia.as_object("")["display"], "Mia");
    assert_eq!(nameless.as_object("").get("display"), None);
    for (path, satisfied) in [
        ("members[display eq \"MIA\"]", true),
        ("members[display eq \"Mia\" and type eq \"User\" and value sw \"0190\"]", true),
        ("members[$ref eq \"https://h.test/scim/v2/Users/0190a0b0-0000-7000-8000-000000000001\"]", true),
        ("members[value ne \"u-1\"]", true),
        ("members[not (display pr)]", false),
        ("members[type eq \"Group\"]", false),
        ("owners[value ew \"0001\"]", true),
        ("owners[value gt \"1\"]", false),
    ] {
        let steps = steps(path);
        let [Step::RemoveWhere(list, filter)] = &steps[..] else { panic!("{path}: {steps:?}") };
        assert_eq!(mia.satisfies(filter, *list, "https://h.test/scim/v2"), satisfied, "{path}");
    }
    for (path, value, expected) in [
        ("members[display eq \"Mia\"]", json!("u-2"), "-? +u-2"),
        ("members[type eq \"User\"]", json!(null), "-?"),
    ] {
        check(one("replace", path, value), expected);
    }
    check(one("add", "members[type eq \"User\"]", json!("u-2")), "+u-2");
    refused(one("add", "members[type eq \"User\"]", json!({"display": "x"})), "noTarget");
    refused(json!([{"op": "add", "path": "members[type eq \"User\"]"}]), "noTarget");
}

#[test]
fn without_path() {
    let named = |name: &str| json!({"displayName": name, "externalId": "e-1"});
    for (op, value, expected, name) in [
        ("replace", json!({"members": ["u-1"], "owners": "u-2"}), "=u-1 o=u-2", "Ops"),
        ("add", json!({"members": [{"value": "u-1"}], "displayName": "Dev"}), "+u-1", "Dev"),
        ("add", json!({"members": [], "owners": null}), "", "Ops"),
        ("replace", json!({"MEMBERS": null}), "=", "Ops"),
        ("replace", json!({format!("{CORE}:members"): ["u-1"]}), "=u-1", "Ops"),
        ("replace", json!({CORE: {"members": ["u-1"], "displayName": "Dev"}}), "=u-1", "Dev"),
        ("add", json!({OWN: {"owners": ["u-1"]}}), "o+u-1", "Ops"),
        ("replace", json!({OWN: null}), "o=", "Ops"),
        ("add", json!({format!("{OWN}:owners"): "u-1"}), "o+u-1", "Ops"),
        ("add", json!({"members[value eq \"u-1\"]": null, "owners.value": "u-2"}), "o+u-2 +u-1", "Ops"),
        ("replace", json!({"id": 5, "schemas": [], "meta": {}, "unknown": {"members": 5}}), "", "Ops"),
        ("replace", json!([{"displayName": "Dev", "members.display": 5}]), "", "Dev"),
    ] {
        check_with(json!([{"op": op, "value": value}]), expected, named(name));
    }
    for (value, expected) in [
        (json!({"members": [{"value": "u-1"}]}), "-u-1"),
        (json!({"members": "u-1", "owners": ["u-2"], "id": "g", "schemas": []}), "-u-1 o-u-2"),
        (json!({OWN: {"owners": ["u-2"]}}), "o-u-2"),
        (json!({"members": []}), ""),
    ] {
        check(json!([{"op": "remove", "value": value}]), expected);
    }
    for value in [
        json!(null),
        json!({}),
        json!([]),
        json!("u-1"),
        json!({"members": null}),
        json!({"displayName": "Ops"}),
        json!({"members": ["u-1"], "displayName": "Ops"}),
        json!({"id": "g"}),
    ] {
        refused(json!([{"op": "remove", "value": value}]), "noTarget");
    }
    refused(json!([{"op": "remove"}]), "noTarget");
    check(json!([{"op": "remove", "path": OWN}]), "o=");
    check(one("remove", OWN, json!({"owners": ["u-1"]})), "o-u-1");
    check(one("add", OWN, json!({"owners": ["u-1"]})), "o+u-1");
    refused(json!([{"op": "add", "path": OWN}]), "invalidValue");
}

#[test]
fn the_rest_of_a_group() {
    for (operations, document) in [
        (one("Replace", "displayName", json!("Dev")), json!({"displayName": "Dev", "externalId": "e-1"})),
        (
            one("replace", &format!("{CORE}:displayName"), json!(["Dev"])),
            json!({"displayName": "Dev", "externalId": "e-1"}),
        ),
        (one("add", "externalId", json!("e-2")), json!({"displayName": "Ops", "externalId": "e-2"})),
        (json!([{"op": "remove", "path": "externalId"}]), json!({"displayName": "Ops"})),
        (
            json!([{"op": "replace", "value": {"displayName": "Dev", "externalId": null}}]),
            json!({"displayName": "Dev"}),
        ),
        (json!([]), json!({"displayName": "Ops", "externalId": "e-1"})),
    ] {
        check_with(operations, "", document);
    }
    for (operations, kind) in [
        (json!([{"op": "remove", "path": "displayName"}]), "invalidValue"),
        (one("replace", "displayName", json!("")), "invalidValue"),
        (one("replace", "displayName", json!("é".repeat(limits::NAME_CHARS + 1))), "invalidValue"),
        (one("replace", "displayName", json!(5)), "invalidValue"),
        (one("replace", "id", json!("x")), "mutability"),
        (one("replace", "meta.created", json!("x")), "mutability"),
        (one("replace", "schemas", json!(["x"])), "mutability"),
        (one("replace", "groups", json!(["x"])), "invalidPath"),
        (
            json!([{"op": "add", "path": "members", "value": "u-1"}, {"op": "add", "path": "x", "value": 1}]),
            "invalidPath",
        ),
    ] {
        refused(operations, kind);
    }
}

#[test]
fn neighbours_are_one_step() {
    let add = |path: &str, user: &str| json!({"op": "add", "path": path, "value": [{"value": user}]});
    let remove = |path: &str| json!({"op": "remove", "path": path});
    check(json!([add("members", "u-1"), add("members", "u-2"), add("members", "u-1")]), "+u-1,u-2");
    check(json!([add("members", "u-1"), add("owners", "u-2"), add("members", "u-3")]), "+u-1,u-3 o+u-2");
    check(
        json!([add("members", "u-1"), remove("members[value eq \"u-1\"]"), add("members", "u-1")]),
        "+u-1 -u-1 +u-1",
    );
    check(
        json!([remove("members"), {"op": "replace", "path": "members", "value": "u-1"}, add("members", "u-2")]),
        "=u-1 +u-2",
    );
    check(json!([add("members", "u-1"), {"op": "add", "path": "members", "value": []}]), "+u-1");
    let operations = json!([remove("members[display eq \"a\"]"), remove("members[display eq \"b\"]")]);
    let edit = patched(&RFC, &operations).expect("fine");
    let [Step::RemoveWhere(List::Members, Filter::Or(parts))] = &edit.steps[..] else { panic!("{edit:?}") };
    assert!(parts.iter().all(|part| matches!(part, Filter::Compare { op: Op::Eq, .. })));
}

/// OKTA-6, steps 2 and 4 to 7.
#[test]
fn okta() {
    let post = json!({"schemas": [CORE], "displayName": "Night Shift", "members": []});
    let put = |members: Value| json!({"schemas": [CORE], "displayName": "Night Shift", "members": members});
    for contract in [&RFC, &QA] {
        let edit = create(&GROUP, contract, &post).expect("created");
        assert_eq!(
            edit.document,
            Document(json!({"displayName": "Night Shift"}).as_object().expect("an object").clone())
        );
        assert_eq!(edit.steps, []);
        let edit =
            replace(&GROUP, contract, &ops(), &put(json!([{"value": "u-77", "display": "mia@shop.test"}])));
        assert!(edit.expect("replaced").steps.contains(&Step::Replace(List::Members, vec!["u-77".into()])));
        let edit = replace(&GROUP, contract, &ops(), &put(json!([]))).expect("replaced");
        assert!(edit.steps.contains(&Step::Replace(List::Members, vec![])));
    }
    let renamed = json!({"displayName": "Night Shift", "externalId": "e-1"});
    let value = json!({"id": "g-5", "displayName": "Night Shift"});
    check_with(json!([{"op": "replace", "value": value}]), "", renamed.clone());
    let delta = json!([
        {"op": "remove", "path": "members[value eq \"u-12\"]"},
        {"op": "add", "path": "members", "value": [{"value": "u-77", "display": "mia@shop.test"}]},
    ]);
    check(delta, "-u-12 +u-77");
    check(one("replace", "members", json!([{"value": "u-77", "display": "…"}])), "=u-77");
    check(one("replace", "members", json!([])), "=");
    let value = json!({"members": [], "id": "g-5", "displayName": "Night Shift"});
    check_with(json!([{"op": "replace", "value": value}]), "=", renamed);
}

/// ENTRA-10, steps 2 and 4 to 7 in both dialects.
#[test]
fn entra() {
    let post = json!({
        "schemas": [CORE, "http://schemas.microsoft.com/2006/11/ResourceManagement/ADSCIM/2.0/Group"],
        "externalId": "8aa1a0c0", "displayName": "Night Shift", "meta": {"resourceType": "Group"},
    });
    for resource_type in TYPES {
        let edit = create(resource_type, &RFC, &post).expect("created");
        assert_eq!(
            Value::Object(edit.document.0),
            json!({"externalId": "8aa1a0c0", "displayName": "Night Shift"})
        );
        assert_eq!(edit.steps, []);
    }
    let renamed = json!({"displayName": "Late Shift", "externalId": "e-1"});
    check_with(one("Replace", "displayName", json!("Late Shift")), "", renamed.clone());
    check_with(json!([{"op": "replace", "value": {"displayName": "Late Shift"}}]), "", renamed);
    let users = json!([{"$ref": null, "value": "u-77"}]);
    check(one("Add", "members", users.clone()), "+u-77");
    check(one("Remove", "members", users.clone()), "-u-77");
    check(json!([{"op": "remove", "path": "members[value eq \"u-77\"]"}]), "-u-77");
    check(
        json!([
            {"op": "Add", "path": "members", "value": users},
            {"op": "Remove", "path": "members", "value": [{"$ref": null, "value": "u-12"}]},
        ]),
        "+u-77 -u-12",
    );
}

/// authentik, steps 4 to 6: one member for each operation, hundreds of them.
#[test]
fn authentik() {
    let many = 500;
    let add = |number| json!({"op": "add", "path": "members", "value": [{"value": format!("u-{number}")}]});
    let edit = patched(&RFC, &(0..many).map(add).collect()).expect("added");
    let expected = Step::Add(List::Members, (0..many).map(|number| format!("u-{number}")).collect());
    assert_eq!(edit.steps, [expected]);
    let value = json!({"schemas": [CORE], "id": "g-5", "externalId": "e-7", "displayName": "Dev"});
    check_with(
        json!([{"op": "replace", "value": value}]),
        "",
        json!({"displayName": "Dev", "externalId": "e-7"}),
    );
    check(one("remove", "members", json!([{"value": "u-12"}])), "-u-12");
}

/// Keycloak (mitodl), step 3; ssosync, step 3; rauthy.
#[test]
fn other_clients() {
    let body = json!({"displayName": "Ops", "members": [{"value": "u-77", "$ref": "Users/u-77"}, {"$ref": "Users/u-78"}]});
    let edit = replace(&GROUP, &RFC, &ops(), &body).expect("replaced");
    assert_eq!(shown(&edit.steps), "=u-77,u-78 o=");
    check_with(
        json!([
            {"op": "replace", "path": "members", "value": [{"value": "u-77", "$ref": "Users/u-77"}]},
            {"op": "replace", "path": "displayName", "value": ["Dev"]},
            {"op": "replace", "path": "externalId", "value": ["kc-1"]},
        ]),
        "=u-77",
        json!({"displayName": "Dev", "externalId": "kc-1"}),
    );
    check(json!([{"op": "remove", "path": "members"}]), "=");

    let edit = create(&GROUP, &RFC, &json!({"displayName": "Ops", "members": null})).expect("created");
    assert_eq!(edit.steps, []);
    let hundred: Vec<String> = (0..100).map(|number| format!("u-{number}")).collect();
    let value: Value = hundred.iter().map(|user| json!({"value": user})).collect();
    check(one("add", "members", value.clone()), &format!("+{}", hundred.join(",")));
    check(one("remove", "members", value), &format!("-{}", hundred.join(",")));

    let rauthy = json!([{"value": "u-1", "display": "mia@shop.test"}]);
    check(one("add", "members", rauthy.clone()), "+u-1");
    check(one("remove", "members", rauthy), "-u-1");
}

#[test]
fn post_and_both_meanings_of_put() {
    let body = |rest: Value| {
        let mut body = json!({"displayName": "Ops"});
        body.as_object_mut().expect("an object").extend(rest.as_object().expect("an object").clone());
        body
    };
    for (rest, post, rfc, qa) in [
        (json!({}), "", "= o=", ""),
        (json!({"members": null}), "", "= o=", "="),
        (json!({"members": [], "owners": []}), "", "= o=", "= o="),
        (json!({"members": ["u-1", {"value": "u-1"}]}), "+u-1", "=u-1 o=", "=u-1"),
        (json!({"owners": "u-1"}), "o+u-1", "= o=u-1", "o=u-1"),
        (json!({OWN: {"owners": ["u-1"]}}), "o+u-1", "= o=u-1", "o=u-1"),
        (json!({OWN: null}), "", "= o=", "o="),
        (json!({"owners": ["u-2"], OWN: {"owners": ["u-1"]}}), "o+u-2", "= o=u-2", "o=u-2"),
        (json!({format!("{OWN}:owners"): ["u-1"]}), "o+u-1", "= o=u-1", "o=u-1"),
        (json!({format!("{CORE}:members"): {"value": "u-1"}}), "+u-1", "=u-1 o=", "=u-1"),
        (json!({"members.display": "x", "members.value": ["u-1"]}), "+u-1", "=u-1 o=", "=u-1"),
        (json!({"id": "g", "meta": {}, "schemas": ["urn:x"], "urn:x": {"members": [5]}}), "", "= o=", ""),
    ] {
        for resource_type in TYPES {
            let body = body(rest.clone());
            let replaced = |contract| replace(resource_type, contract, &ops(), &body).expect("replaced");
            let created = create(resource_type, &RFC, &body).expect("created");
            let steps = [&created, &replaced(&RFC), &replaced(&QA)].map(|edit| shown(&edit.steps));
            assert_eq!(steps, [post, rfc, qa], "{body}");
            assert_eq!(Value::Object(created.document.0), json!({"displayName": "Ops"}), "{body}");
        }
    }
    let kept = replace(&GROUP, &QA, &ops(), &json!({"members": ["u-1"]})).expect("merged");
    assert_eq!((kept.document, shown(&kept.steps).as_str()), (ops(), "=u-1"));
    for body in [json!({}), json!({"displayName": ""}), json!({"displayName": null})] {
        let missing = |result: Result<Edit>| matches!(result, Err(Error::InvalidValue(_)));
        assert!(missing(create(&GROUP, &RFC, &body)) && missing(create(&GROUP, &QA, &body)), "{body}");
        assert!(missing(replace(&GROUP, &RFC, &ops(), &body)), "{body}");
        assert_eq!(missing(replace(&GROUP, &QA, &ops(), &body)), body != json!({}), "{body}");
    }
    for body in [json!([]), json!("x"), json!(null)] {
        assert!(matches!(create(&GROUP, &RFC, &body), Err(Error::InvalidSyntax(_))));
        assert!(matches!(replace(&GROUP, &RFC, &ops(), &body), Err(Error::InvalidSyntax(_))));
        assert!(matches!(patch(&GROUP, &RFC, &ops(), &body), Err(Error::InvalidSyntax(_))));
    }
}

#[test]
fn limits_at_n_and_one_over() {
    let users = |n: usize| (0..n).map(|number| json!(format!("u-{number}"))).collect::<Value>();
    let too_large = |result: Result<Edit>| match result {
        Ok(_) => false,
        Err(Error::TooLarge(_)) => true,
        Err(other) => panic!("{other:?}"),
    };
    for over in [0, 1] {
        let n = limits::MEMBERS + over;
        let is_over = over == 1;
        let body = json!({"displayName": "Ops", "members": users(n)});
        assert_eq!(too_large(create(&GROUP, &RFC, &body)), is_over);
        assert_eq!(too_large(replace(&GROUP, &QA, &ops(), &body)), is_over);
        let body = json!({"displayName": "Ops", "members": users(n - 1), "owners": "u-0"});
        assert_eq!(too_large(create(&GROUP, &QA, &body)), is_over);
        assert_eq!(too_large(patched(&RFC, &one("remove", "members", users(n)))), is_over);
        let operations = json!([
            {"op": "replace", "path": "members", "value": users(n - 2)},
            {"op": "add", "path": "owners", "value": "u-0"},
            {"op": "remove", "path": "members[value eq \"u-0\"]"},
        ]);
        assert_eq!(too_large(patched(&RFC, &operations)), is_over);

        let operations = |n: usize| (0..n).map(|_| one("add", "members", json!("u-1"))[0].clone()).collect();
        assert_eq!(too_large(patched(&RFC, &operations(limits::PATCH_OPERATIONS + over))), is_over);

        let filter = json!({"op": "remove", "path": "members[display eq \"a\" and type pr]"});
        let last = json!({"op": "remove", "path": "owners[value ne \"a\"]"});
        let mut operations = vec![filter; limits::FILTER_TERMS / 2];
        operations.extend(is_over.then_some(last));
        assert_eq!(too_large(patched(&RFC, &operations.into())), is_over);
    }
}

fn small_json() -> impl Strategy<Value = Value> {
    let leaf = prop_oneof![
        Just(Value::Null),
        any::<bool>().prop_map(Value::from),
        any::<f32>().prop_map(Value::from),
        prop::sample::select(vec!["", "u-1", "Users/u-2", "Ops", "{\"value\":\"x\"}"]).prop_map(Value::from),
    ];
    let key = prop::sample::select(vec![
        "value",
        "$ref",
        "display",
        "type",
        "members",
        "owners",
        "Members",
        "displayName",
        "externalId",
        "id",
        "schemas",
        "members.value",
        "members.$ref",
        "owners.value",
        "members[value eq \"u-1\"]",
        "op",
        "path",
        CORE,
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
        "members",
        "members.value",
        "members.$ref",
        "members.display",
        "members[value eq \"u-1\"]",
        "members[value eq \"u-1\" or value eq \"u-2\"].value",
        "members[value eq \"u-1\"].$ref",
        "members[not (display sw \"M\")]",
        "members[",
        "owners",
        "owners[value eq \"u-1\"]",
        "owners[value pr].value",
        "displayName",
        "externalId",
        "id",
        CORE,
        OWN,
        "",
    ]);
    prop_oneof![8 => text.prop_map(Value::from), 1 => small_json()]
}

/// The document has none of the lists, users are named once in each step, and neighbours are of different kinds.
fn check_edit(edit: &Edit) {
    for name in ["members", "owners", OWN] {
        assert_eq!(edit.document.get(name), None);
    }
    assert!(edit.document.text("displayName").is_some_and(|name| !name.is_empty()));
    for list in List::ALL {
        let steps: Vec<_> = edit.steps.iter().filter(|step| step.list() == list).collect();
        for pair in steps.windows(2) {
            assert_ne!(std::mem::discriminant(pair[0]), std::mem::discriminant(pair[1]));
        }
        for step in steps {
            let (Step::Add(_, users) | Step::Remove(_, users) | Step::Replace(_, users)) = step else {
                continue;
            };
            let once: std::collections::HashSet<_> = users.iter().collect();
            assert_eq!(once.len(), users.len());
            assert!(matches!(step, Step::Replace(..)) || !users.is_empty());
        }
    }
}

proptest! {
    #[test]
    fn no_message_breaks_it(
        operations in prop::collection::vec(("(?i)add|replace|remove", small_path(), small_json()), 0..5),
    ) {
        let operations: Value = operations
            .into_iter()
            .map(|(op, path, value)| json!({"op": op, "path": path, "value": value}))
            .collect();
        for contract in [&RFC, &QA] {
            if let Ok(edit) = patched(contract, &operations) {
                check_edit(&edit);
            }
        }
    }

    #[test]
    fn no_body_breaks_it(body in small_json()) {
        for contract in [&RFC, &QA] {
            let _ = patched(contract, &body);
            let edits = [
                create(&GROUP, contract, &body),
                replace(&USERGROUP, contract, &ops(), &body),
                patch(&GROUP, contract, &ops(), &body),
            ];
            edits.iter().flatten().for_each(check_edit);
        }
    }
}
