//! `PUT /Users/{id}`: replace on one contract, merge on the other.

use serde_json::{Value, json};

use crate::support::app::TestApp;
use crate::support::backend::{Backend, both};
use crate::support::http::{BASES, QA, RFC, SCIM_JSON, user_path};
use crate::support::matching::{assert_matches, differences};
use crate::support::users::{ENTERPRISE, QA_USER, full_user, user, with, without};

both!(
    what_was_not_sent_is_cleared_or_stays,
    merging_and_replacing,
    a_name_changes_where_it_may,
    refusals_change_nothing
);

fn what_was_not_sent_is_cleared_or_stays(backend: Backend) {
    let app = TestApp::start(backend);
    let rfc = app.rfc();
    let made = rfc.create(&with(full_user("rfc"), json!({"active": false})));
    let reply = rfc.put(&user_path(&made), &user("rfc"));
    let expected = json!({
        "schemas": "<array>", "id": made["id"], "userName": "rfc@example.com", "groups": [],
        // Nobody is reactivated or demoted by omission.
        "active": false, "roles": made["roles"],
        "meta": {"created": made["meta"]["created"], "version": "W/\"2\""},
        "<exactly>": true
    });
    assert_matches(&expected, &reply.expect(200).json(), "replace");
    assert_eq!(rfc.with_role(reply.json())[QA_USER]["role"], "grader");
    assert_eq!(
        app.db.db_count("attribute_values", "path LIKE 'emails%' OR path LIKE '%:employeenumber'"),
        0,
        "index entries are gone"
    );

    let qa = app.qa();
    let made = qa.create(&with(full_user("qa"), json!({"active": false})));
    let reply = qa.put(&user_path(&made), &json!({"title": "Boss"}));
    let expected =
        with(without(made.clone(), "meta"), json!({"title": "Boss", "<exactly>": true, "meta": "<any>"}));
    assert_matches(&expected, &reply.expect(200).json(), "merge");
}

fn merging_and_replacing(backend: Backend) {
    let app = TestApp::start(backend);
    let cases: Vec<(&str, &str, Value, Value)> = vec![
        (
            QA,
            "arrays are replaced whole",
            json!({"phoneNumbers": [{"value": "2"}]}),
            json!({"phoneNumbers": [{"value": "2", "type": "<absent>"}]}),
        ),
        (QA, "null clears", json!({"title": null}), json!({"title": "<absent>", "nickName": "Mi"})),
        (QA, "an empty list clears", json!({"phoneNumbers": []}), json!({"phoneNumbers": "<absent>"})),
        (
            QA,
            "the profile merges key by key",
            json!({"profile": {"Shift": 3, "Team": "x", "Remote": null}}),
            json!({"profile": {"Location": "Porto", "Shift": 3, "Team": "x", "<exactly>": true}}),
        ),
        (
            QA,
            "userName may be left out",
            json!({"active": false}),
            json!({"active": false, "userName": "<string>"}),
        ),
        (QA, "a role", json!({"roles": ["manager"]}), json!({"roles": ["manager"]})),
        (
            RFC,
            "what is sent counts",
            json!({"userName": "{n}@example.com", "title": "Boss", "profile": {"Team": "x"}}),
            json!({"title": "Boss", "nickName": "<absent>", QA_USER: {"profile": {"Team": "x", "<exactly>": true}}}),
        ),
        (
            RFC,
            "roles",
            json!({"userName": "{n}@example.com", "roles": [{"value": "manager"}]}),
            json!({"roles": [{"value": "manager"}], QA_USER: {"role": "manager"}}),
        ),
        (
            RFC,
            "foreign roles leave the role",
            json!({"userName": "{n}@example.com", "roles": [{"value": "Editor"}]}),
            json!({"roles": [{"value": "Editor"}], QA_USER: {"role": "grader"}}),
        ),
        (
            RFC,
            "read-only attributes are ignored",
            json!({"userName": "{n}@example.com", "id": "x", "groups": [{"value": "g"}], "meta": {"version": "x"}}),
            json!({"id": "<uuid>", "groups": [], "meta": {"version": "W/\"2\""}}),
        ),
    ];
    let mut wrong = Vec::new();
    for (n, (base, what, body, expected)) in cases.into_iter().enumerate() {
        let client = app.client(base, app.acme());
        let name = format!("u{n}");
        let path = user_path(&client.create(&full_user(&name)));
        let body: Value = serde_json::from_str(&body.to_string().replace("{n}", &name)).unwrap();
        let reply = client.put(&path, &body);
        let found = if reply.status == 200 {
            differences(&expected, &client.with_role(reply.json()))
        } else {
            vec!["expected 200".into()]
        };
        if !found.is_empty() {
            wrong.push(format!(
                "{what} on {base}: {}\n  got {} {}",
                found.join("; "),
                reply.status,
                reply.text
            ));
        } else if client.get(&path).json() != reply.json() {
            wrong.push(format!("{what} on {base}: GET gives something else than PUT gave"));
        }
    }
    assert!(wrong.is_empty(), "{} cases:\n{}", wrong.len(), wrong.join("\n"));
}

fn a_name_changes_where_it_may(backend: Backend) {
    let app = TestApp::start(backend);
    let rfc = app.rfc();
    let path = user_path(&rfc.create(&user("old")));
    assert_eq!(rfc.put(&path, &user("new")).expect(200).json()["userName"], "new@example.com");
    assert_eq!(rfc.filter("userName eq \"old@example.com\"").total(), 0);
    assert_eq!(rfc.filter("userName eq \"NEW@example.com\"").total(), 1);
    rfc.create(&user("old"));
    rfc.put(&path, &user("old")).expect_error(409, Some("uniqueness"));
    // The same name in another case is no change of the name that anybody could refuse, on both contracts.
    let qa = app.qa();
    qa.put(&path, &json!({"userName": "new@example.com"})).expect(200);
    qa.put(&path, &json!({"userName": "newer@example.com"})).expect_error(400, Some("mutability"));
    let mail = json!({"emails": [{"value": "newer@example.com", "primary": true}]});
    let reply = qa.put(&path, &mail);
    assert_eq!(
        reply.status, 400,
        "changing only the primary e-mail is refused like a changed userName: {}",
        reply.text
    );
}

fn refusals_change_nothing(backend: Backend) {
    let app = TestApp::start(backend);
    let path = user_path(&app.rfc().create(&full_user("mia")));
    let before = app.db.db_dump();
    let name = |more: Value| with(user("mia"), more);
    let cases = [
        (RFC, "userName is required", json!({"displayName": "x"}), "invalidValue"),
        (RFC, "a wrong type", name(json!({"active": "maybe"})), "invalidValue"),
        (RFC, "no object", json!([1]), "invalidSyntax"),
        (QA, "an unknown role", json!({"roles": ["boss"]}), "invalidValue"),
        (QA, "a nested profile", json!({"profile": {"a": {"b": 1}}}), "invalidValue"),
        (QA, "no e-mail address", json!({"userName": "mia"}), ""),
        (RFC, "a wrong manager", name(json!({ENTERPRISE: {"manager": 5}})), "invalidValue"),
    ];
    for (base, what, body, keyword) in cases {
        let reply = app.client(base, app.acme()).put(&path, &body);
        assert_eq!(reply.status, 400, "{what}: {}", reply.text);
        if !keyword.is_empty() {
            reply.expect_error(400, Some(keyword));
        }
    }
    for base in BASES {
        let client = app.client(base, app.acme());
        client
            .request("PUT", &path)
            .body("{\"userName\":", "application/json")
            .send()
            .expect_error(400, Some("invalidSyntax"));
        client.request("PUT", &path).body("", SCIM_JSON).send().expect_error(400, Some("invalidSyntax"));
    }
    app.db.db_assert_unchanged(&before);
}
