use std::sync::Arc;

use chrono::DateTime;
use serde_json::json;

use super::*;
use crate::contract::{QA, RFC};
use crate::id::TenantId;
use crate::principal::Scope;
use crate::resource_type::USER;
use crate::schema::qa_user;
use crate::tenant::{Tenant, TenantSettings, TenantState};
use crate::token::Token;
use crate::{Error, decode, patch, replace};

/// A caller with every scope.
pub(crate) fn principal(settings: TenantSettings, role_ceiling: Option<Role>) -> Principal {
    let tenant = Tenant {
        id: TenantId::generate(),
        slug: "shop".into(),
        name: "Shop".into(),
        state: TenantState::Active,
        settings,
        cursor_key: crate::cursor::CursorKey::new([7; 32]),
        catalog: crate::catalog::Catalog::standard(),
    };
    let scopes = Scope::ALL.into_iter().collect();
    let token = Token::new("test", scopes, role_ceiling, DateTime::UNIX_EPOCH, None);
    Principal { tenant: Arc::new(tenant), token: Arc::new(token), by_previous: false }
}

fn anybody() -> Principal {
    principal(TenantSettings::default(), None)
}

fn renamer() -> Principal {
    principal(TenantSettings { user_name_may_change: Some(true), ..Default::default() }, None)
}

fn post(contract: &Contract, body: Value) -> Result<Document> {
    let document = decode::create(&USER, contract, &body)?;
    Ok(settle(contract, &anybody(), None, document)?.document)
}

fn put(contract: &Contract, caller: &Principal, before: &Document, body: Value) -> Result<Settled> {
    settle(contract, caller, Some(before), replace::apply(&USER, contract, before, &body)?)
}

fn ops(contract: &Contract, caller: &Principal, before: &Document, ops: Value) -> Result<Settled> {
    let after = patch::apply(&USER, contract, before, &json!({"Operations": ops}))?;
    settle(contract, caller, Some(before), after)
}

fn rfc_user(roles: Value) -> Document {
    post(&RFC, json!({"userName": "mia", "roles": roles})).expect("a user")
}

fn qa_user() -> Document {
    post(&QA, json!({"userName": "mia@shop.test", "roles": ["grader"]})).expect("a user")
}

/// Effective role and names in the list.
fn roles(document: &Document) -> (&str, Vec<&str>) {
    let list = document.get("roles").and_then(Value::as_array).map_or(&[][..], Vec::as_slice);
    let names = list.iter().filter_map(|entry| entry["value"].as_str()).collect();
    (effective_role(document).expect("every user has a role").name(), names)
}

#[test]
fn a_new_user_is_active_and_has_a_role() {
    let user = rfc_user(json!([]));
    assert_eq!(user.get("active"), Some(&json!(true)));
    assert_eq!(roles(&user), ("agent", vec![]));
    let inactive = post(&RFC, json!({"userName": "mia", "active": "False"})).expect("a user");
    assert_eq!(inactive.get("active"), Some(&json!(false)));
    let caller = principal(
        TenantSettings { default_role: Some("manager".into()), ..Default::default() },
        Some(Role::Agent),
    );
    let document = decode::create(&USER, &RFC, &json!({"userName": "mia"})).expect("a user");
    let settled = settle(&RFC, &caller, None, document).expect("a default needs no grant");
    assert_eq!(roles(&settled.document), ("manager", vec![]));
}

#[test]
fn on_rfc_the_highest_of_ours_counts() {
    for (sent, role) in [
        (json!(["grader", "admin", "x"]), "admin"),
        (json!(["x", "limited_agent"]), "limited_agent"),
        (json!(["ADMIN", "Grader"]), "agent"),
        (json!([{"value": "{\"id\":\"1\",\"value\":\"manager\",\"displayName\":\"M\"}"}]), "manager"),
    ] {
        assert_eq!(roles(&rfc_user(sent.clone())).0, role, "{sent}");
    }
    let user = rfc_user(json!(["x", "grader"]));
    let expected = json!([{"value": "x"}, {"value": "grader", "display": "Grader", "primary": true}]);
    assert_eq!(user.get("roles"), Some(&expected), "the entry that counts is stored as it is shown");
    let kept = json!([{"value": "r", "primary": true}, {"value": "grader", "display": "G"}]);
    assert_eq!(rfc_user(kept.clone()).get("roles"), Some(&kept));
}

#[test]
fn on_rfc_updates_change_the_role_by_what_they_say() {
    let caller = anybody();
    let path = r#"roles[primary eq "True"].value"#;
    for (before, change, expected) in [
        // None of ours: no change.
        (json!([]), json!([{"op": "add", "path": "roles", "value": ["x"]}]), ("agent", vec!["x"])),
        (
            json!(["grader"]),
            json!([{"op": "add", "path": "roles", "value": ["x"]}]),
            ("grader", vec!["grader", "x"]),
        ),
        (
            json!(["grader"]),
            json!([{"op": "add", "path": "roles", "value": ["admin"]}]),
            ("admin", vec!["grader", "admin"]),
        ),
        // ENTRA-7.
        (
            json!(["grader"]),
            json!([{"op": "replace", "path": path, "value": "manager"}]),
            ("manager", vec!["manager"]),
        ),
        (json!([]), json!([{"op": "Add", "path": path, "value": "manager"}]), ("manager", vec!["manager"])),
        // The entry that counted is removed.
        (
            json!(["grader", "x"]),
            json!([{"op": "remove", "path": "roles[value eq \"grader\"]"}]),
            ("agent", vec!["x"]),
        ),
        (
            json!(["grader", "manager"]),
            json!([{"op": "remove", "path": "roles", "value": [{"value": "grader"}]}]),
            ("manager", vec!["manager"]),
        ),
        (json!(["grader"]), json!([{"op": "remove", "path": "roles"}]), ("agent", vec![])),
        (
            json!(["grader"]),
            json!([{"op": "replace", "path": "roles", "value": ["x"]}]),
            ("agent", vec!["x"]),
        ),
    ] {
        let user = rfc_user(before.clone());
        let settled = ops(&RFC, &caller, &user, change.clone()).expect("allowed");
        assert_eq!(roles(&settled.document), expected, "{before} {change}");
    }
    let changed = ops(
        &RFC,
        &caller,
        &rfc_user(json!(["grader"])),
        json!([{"op": "replace", "path": path, "value": "manager"}]),
    );
    let expected = json!([{"value": "manager", "display": "Manager", "primary": true}]);
    assert_eq!(changed.expect("allowed").document.get("roles"), Some(&expected));
    // A PUT takes no role away by omission, nor with names that are not ours.
    for (body, names) in [
        (json!({"userName": "mia"}), vec!["grader"]),
        (json!({"userName": "mia", "roles": []}), vec!["grader"]),
        (json!({"userName": "mia", "roles": [{"value": "r1"}]}), vec!["r1"]),
    ] {
        let settled = put(&RFC, &caller, &rfc_user(json!(["grader"])), body).expect("allowed");
        assert_eq!(roles(&settled.document), ("grader", names));
    }
}

#[test]
fn on_qa_a_user_has_one_role() {
    let caller = anybody();
    for wrong in [json!(["boss"]), json!(["Grader"]), json!(["admin", "grader"]), json!([{"type": "x"}])] {
        let body = json!({"userName": "mia@shop.test", "roles": wrong});
        assert!(matches!(post(&QA, body.clone()), Err(Error::InvalidValue(_))), "{body}");
        assert!(matches!(put(&QA, &caller, &qa_user(), body.clone()), Err(Error::InvalidValue(_))), "{body}");
    }
    assert_eq!(roles(&qa_user()), ("grader", vec!["grader"]));
    assert_eq!(roles(&post(&QA, json!({"userName": "a@x"})).expect("a user")), ("agent", vec![]));
    // Names pushed by an identity provider stay behind the one role.
    let user = rfc_user(json!(["x", "admin", "grader", "y"]));
    for (change, expected) in [
        (
            json!([{"op": "add", "path": "roles", "value": ["manager"]}]),
            ("manager", vec!["x", "manager", "y"]),
        ),
        (
            json!([{"op": "replace", "value": {"roles": "limited_agent"}}]),
            ("limited_agent", vec!["x", "limited_agent", "y"]),
        ),
        (
            json!([{"op": "add", "path": r#"roles[primary eq "True"].value"#, "value": "manager"}]),
            ("manager", vec!["x", "manager", "y"]),
        ),
        (
            json!([{"op": "add", "path": r#"roles[type eq "main"].value"#, "value": "manager"}]),
            ("manager", vec!["x", "manager", "y"]),
        ),
        (json!([{"op": "remove", "path": "roles"}]), ("agent", vec!["x", "y"])),
        (
            json!([{"op": "remove", "path": "roles", "value": ["x"]}]),
            ("admin", vec!["x", "admin", "grader", "y"]),
        ),
        (
            json!([{"op": "replace", "path": "roles", "value": ["admin"]}]),
            ("admin", vec!["x", "admin", "grader", "y"]),
        ),
        (
            json!([{"op": "replace", "path": "active", "value": false}]),
            ("admin", vec!["x", "admin", "grader", "y"]),
        ),
    ] {
        let settled = ops(&QA, &caller, &user, change.clone()).expect("allowed");
        assert_eq!(roles(&settled.document), expected, "{change}");
    }
    assert_eq!(
        roles(&put(&QA, &caller, &user, json!({"roles": null})).expect("allowed").document).0,
        "agent"
    );
    assert_eq!(
        roles(&put(&QA, &caller, &user, json!({"roles": ["manager"]})).expect("allowed").document).0,
        "manager"
    );
    assert_eq!(put(&QA, &caller, &user, json!({})).expect("allowed").document, user);
}

#[test]
fn grants_are_checked_and_defaults_are_not() {
    let caller = principal(TenantSettings::default(), Some(Role::Grader));
    let user = rfc_user(json!(["manager"]));
    let add = |role: &str| json!([{"op": "add", "path": "roles", "value": [role]}]);
    assert!(matches!(ops(&RFC, &caller, &user, add("admin")), Err(Error::Forbidden(_))));
    assert!(matches!(ops(&QA, &caller, &user, add("admin")), Err(Error::Forbidden(_))));
    ops(&RFC, &caller, &user, add("grader")).expect("under the ceiling");
    // An admin may be written by a token that could not make one.
    let admin = rfc_user(json!(["admin"]));
    ops(&RFC, &caller, &admin, json!([{"op": "replace", "path": "title", "value": "x"}])).expect("no grant");
    put(&RFC, &caller, &admin, json!({"userName": "mia", "roles": ["admin"]})).expect("no grant");
    ops(&RFC, &caller, &admin, json!([{"op": "remove", "path": "roles"}])).expect("the default");
    let body = decode::create(&USER, &RFC, &json!({"userName": "mia", "roles": ["admin"]})).expect("decodes");
    assert!(matches!(settle(&RFC, &caller, None, body), Err(Error::Forbidden(_))));
}

#[test]
fn demotion_of_an_active_admin_is_noticed() {
    let caller = anybody();
    let admin = rfc_user(json!(["admin"]));
    for (change, demotes) in [
        (json!([{"op": "remove", "path": "roles"}]), true),
        (json!([{"op": "replace", "path": "roles", "value": ["grader"]}]), true),
        (json!([{"op": "replace", "path": "active", "value": false}]), false),
        (
            json!([{"op": "remove", "path": "roles"}, {"op": "replace", "path": "active", "value": false}]),
            false,
        ),
        (json!([{"op": "add", "path": "roles", "value": ["grader"]}]), false),
    ] {
        for contract in [&RFC, &QA] {
            let change_is_the_same = contract == &RFC || change[0]["op"] != "add";
            if change_is_the_same {
                let settled = ops(contract, &caller, &admin, change.clone()).expect("allowed");
                assert_eq!(settled.demotes_admin, demotes, "{change}");
            }
        }
    }
    let inactive = ops(&RFC, &caller, &admin, json!([{"op": "replace", "path": "active", "value": false}]));
    let inactive = inactive.expect("allowed").document;
    assert!(
        !ops(&RFC, &caller, &inactive, json!([{"op": "remove", "path": "roles"}]))
            .expect("allowed")
            .demotes_admin
    );
}

#[test]
fn user_names() {
    for name in [
        "a\u{0}b",
        "a\nb",
        "a\u{200b}b",
        "a\u{202e}b",
        "a\u{2066}b",
        "\u{feff}a",
        " a",
        "a ",
        "a\u{a0}",
        "a\u{85}b",
    ] {
        for contract in [&RFC, &QA] {
            let refused = post(contract, json!({"userName": format!("{name}@x.test")})).is_err()
                || post(contract, json!({"userName": name})).is_err();
            assert!(refused, "{name:?}");
        }
    }
    for name in ["mia", "Mia Roth", "миа", "pаypal", "x"] {
        post(&RFC, json!({"userName": name})).expect(name);
        assert!(matches!(post(&QA, json!({"userName": name})), Err(Error::InvalidValue(_))), "{name}");
    }
    for name in ["@x", "x@", "a@b@c", "a b@c", "@"] {
        assert!(matches!(post(&QA, json!({"userName": name})), Err(Error::InvalidValue(_))), "{name}");
    }
    let line_break = json!({"userName": "mia", "emails": ["mia@x.test\r\nBcc: all@x.test"]});
    assert!(matches!(post(&RFC, line_break), Err(Error::InvalidValue(_))));
}

#[test]
fn on_qa_the_address_is_the_name() {
    let made = post(&QA, json!({"userName": "mia@shop.test"})).expect("a user");
    assert_eq!(made.get("emails"), Some(&json!([{"value": "mia@shop.test", "primary": true}])));
    for (emails, fits) in [
        (json!(["MIA@shop.test"]), true),
        (json!([{"value": "x@y"}, {"value": "mia@shop.test", "primary": "True"}]), true),
        (json!([{"value": "x@y"}, {"value": "mia@shop.test"}]), false),
        (json!([{"type": "work"}]), false),
        (json!([]), true),
    ] {
        let body = json!({"userName": "mia@shop.test", "emails": emails});
        assert_eq!(post(&QA, body.clone()).is_ok(), fits, "{body}");
    }
    assert!(matches!(post(&QA, json!({"emails": ["mia@shop.test"]})), Err(Error::InvalidValue(_))));
}

#[test]
fn changed_names_and_addresses() {
    let (caller, renamer) = (anybody(), renamer());
    let user = post(
        &QA,
        json!({"userName": "mia@shop.test", "emails": [{"value": "mia@shop.test", "type": "work"}]}),
    );
    let user = user.expect("a user");
    let work = r#"emails[type eq "work"].value"#;
    let emails = |settled: Result<Settled>| settled.expect("allowed").document.get("emails").cloned();
    // Not allowed on qa by default.
    for body in [json!({"userName": "new@shop.test"}), json!({"emails": ["new@shop.test"]})] {
        assert!(matches!(put(&QA, &caller, &user, body.clone()), Err(Error::Mutability(_))), "{body}");
    }
    let change = json!([{"op": "replace", "path": work, "value": "new@shop.test"}]);
    assert!(matches!(ops(&QA, &caller, &user, change.clone()), Err(Error::Mutability(_))));
    // Another case is no change, another entry is free, and a cleared list is filled again.
    put(&QA, &caller, &user, json!({"userName": "MIA@shop.test"})).expect("the same name");
    put(&QA, &caller, &user, json!({"emails": ["mia@shop.test", "b@x"]})).expect("the same address");
    assert_eq!(
        emails(put(&QA, &caller, &user, json!({"emails": null}))),
        Some(json!([{"value": "mia@shop.test", "primary": true}]))
    );
    // Allowed: both must agree, and the address follows the name.
    assert_eq!(
        emails(put(&QA, &renamer, &user, json!({"userName": "new@shop.test"}))),
        Some(json!([{"value": "new@shop.test", "type": "work"}]))
    );
    put(&QA, &renamer, &user, json!({"userName": "new@shop.test", "emails": ["new@shop.test"]}))
        .expect("agree");
    assert!(matches!(ops(&QA, &renamer, &user, change), Err(Error::InvalidValue(_))));
    assert!(matches!(
        put(&QA, &renamer, &user, json!({"userName": "a@x", "emails": ["b@x"]})),
        Err(Error::InvalidValue(_))
    ));
    assert!(matches!(put(&QA, &renamer, &user, json!({"userName": "new"})), Err(Error::InvalidValue(_))));
    assert!(matches!(put(&QA, &renamer, &user, json!({"userName": null})), Err(Error::InvalidValue(_))));
    // On rfc the name may change and e-mails are independent, unless the tenant says otherwise.
    put(&RFC, &caller, &user, json!({"userName": "new", "emails": ["b@x"]})).expect("free");
    let strict = principal(TenantSettings { user_name_may_change: Some(false), ..Default::default() }, None);
    assert!(matches!(put(&RFC, &strict, &user, json!({"userName": "new"})), Err(Error::Mutability(_))));
    put(&RFC, &strict, &user, json!({"userName": "mia@shop.test", "emails": ["b@x"]})).expect("free");
}

#[test]
fn a_qa_write_judges_only_what_it_changes() {
    let caller = anybody();
    for before in [
        json!({"userName": "mia"}),
        json!({"userName": "mia", "emails": ["other@x"]}),
        json!({"userName": "mia@x", "emails": ["other@x"]}),
    ] {
        let user = post(&RFC, before).expect("a user");
        for change in [
            json!([{"op": "replace", "value": {"active": false}}]),
            json!([{"op": "replace", "path": "roles", "value": ["grader"]}]),
            json!([{"op": "add", "path": "phoneNumbers", "value": "1"}]),
        ] {
            let settled = ops(&QA, &caller, &user, change).expect("allowed");
            assert_eq!(settled.document.get("emails"), user.get("emails"));
        }
        put(&QA, &caller, &user, json!({"displayName": "Mia"})).expect("allowed");
    }
}

#[test]
fn managers() {
    let id = crate::id::ResourceId::generate();
    let with = |manager: Value| {
        post(&RFC, json!({"userName": "m", enterprise::URN: {"manager": manager}})).expect("ok")
    };
    assert_eq!(manager_of(&with(json!(id.to_string()))), Some(id));
    assert_eq!(manager_of(&with(json!("u-2"))), None);
    assert_eq!(manager_of(&rfc_user(json!([]))), None);
    // The reference we computed is not kept, any other one is.
    let manager = |reference: String| {
        let document = with(json!({"value": id.to_string(), "$ref": reference}));
        document.extension(enterprise::URN, "manager").is_some_and(|manager| manager.get("$ref").is_some())
    };
    assert!(!manager(format!("https://h.test/scim/v2/Users/{id}")));
    assert!(!manager(format!("https://h.test/api/v1/scim/v2/Users/{id}")));
    assert!(manager(format!("../Users/{id}")));
}

#[test]
fn a_role_given_replaces_the_entry_that_counts() {
    let mut user = rfc_user(json!(["x", "admin", "grader"]));
    give_role(&mut user, Some(Role::Manager), Role::Agent);
    assert_eq!(roles(&user), ("manager", vec!["x", "manager"]));
    assert_eq!(user.extension(qa_user::URN, qa_user::ROLE), Some(&json!("manager")));
    give_role(&mut user, None, Role::Agent);
    assert_eq!(roles(&user), ("agent", vec!["x"]));
    give_role(&mut user, Some(Role::Admin), Role::Agent);
    let expected = json!([{"value": "x"}, {"value": "admin", "display": "Admin", "primary": true}]);
    assert_eq!(user.get("roles"), Some(&expected));
}

#[test]
fn a_removed_active_is_no_right_to_sign_in() {
    let document = decode::create(&USER, &RFC, &json!({"userName": "mia"})).expect("a user");
    let born = settle(&RFC, &anybody(), None, document).expect("a user").document;
    assert!(is_active(&born), "a new user may sign in");
    let body = json!({"Operations": [{"op": "remove", "path": "active"}]});
    let edited = patch::apply(&USER, &RFC, &born, &body).expect("a removal");
    let settled = settle(&RFC, &anybody(), Some(&born), edited).expect("a user").document;
    assert_eq!(settled.get("active"), None);
    assert!(!is_active(&settled));
}

/// A caller who may write users and grant nothing.
fn without_roles() -> Principal {
    let mut principal = anybody();
    let scopes = [Scope::In(crate::principal::Area::Users, crate::principal::Access::Write)];
    principal.token = Arc::new(Token { scopes: scopes.into(), ..Token::clone(&principal.token) });
    principal
}

#[test]
fn taking_a_role_away_grants_the_default() {
    let grader = json!({"userName": "mia@shop.test", "roles": ["grader"]});
    for contract in [&RFC, &QA] {
        let document = decode::create(&USER, contract, &grader).expect("a user");
        let born = settle(contract, &anybody(), None, document).expect("a user").document;
        for operation in
            [json!({"op": "remove", "path": "roles"}), json!({"op": "replace", "path": "roles", "value": []})]
        {
            let body = json!({"Operations": [operation]});
            let edited = patch::apply(&USER, contract, &born, &body).expect("a removal");
            let outcome = settle(contract, &without_roles(), Some(&born), edited.clone());
            assert!(matches!(outcome, Err(Error::Forbidden(_))), "{operation} on {}", contract.base);
            let document = settle(contract, &anybody(), Some(&born), edited).expect("a grant").document;
            assert_eq!(effective_role(&document), Some(Role::Agent), "{operation} on {}", contract.base);
        }
    }
    let document = decode::create(&USER, &RFC, &json!({"userName": "kai"})).expect("a user");
    settle(&RFC, &without_roles(), None, document).expect("a new user gets the default for free");
}
