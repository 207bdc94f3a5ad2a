//! `PATCH /Users/{id}`: every form of operation that clients send, and what is refused as a whole.

use serde_json::{Value, json};

use crate::support::app::TestApp;
use crate::support::backend::{Backend, both};
use crate::support::http::{BASES, PATCH_OP, QA, RFC, user_path};
use crate::support::matching::{assert_matches, differences};
use crate::support::users::{ENTERPRISE, QA_USER, USER, full_user, user};

both!(
    operations_in_every_form,
    a_refused_request_changes_nothing,
    what_changes_nothing_keeps_the_version,
    a_change_is_recorded_once,
    what_a_user_is_found_by_follows_each_change
);

/// One row: name, base (none: both), operations, what the user then is.
type Case = (&'static str, Option<&'static str>, Value, Value);

fn cases() -> Vec<Case> {
    let employee = format!("{ENTERPRISE}:employeeNumber");
    let profile_urn = format!("{QA_USER}:profile.Location");
    vec![
        (
            "replace",
            None,
            json!([{"op": "replace", "path": "title", "value": "Boss"}]),
            json!({"title": "Boss"}),
        ),
        ("add", None, json!([{"op": "add", "path": "title", "value": "Boss"}]), json!({"title": "Boss"})),
        (
            "op in any case",
            None,
            json!([{"op": "REPLACE", "path": "title", "value": "Boss"}]),
            json!({"title": "Boss"}),
        ),
        (
            "path in any case",
            None,
            json!([{"op": "Replace", "path": "NAME.FAMILYNAME", "value": "Li"}]),
            json!({"name": {"familyName": "Li", "givenName": "Mia"}}),
        ),
        (
            "path with the core URN",
            None,
            json!([{"op": "replace", "path": format!("{USER}:title"), "value": "Boss"}]),
            json!({"title": "Boss"}),
        ),
        ("remove", None, json!([{"op": "remove", "path": "title"}]), json!({"title": "<absent>"})),
        (
            "remove of a sub-attribute",
            None,
            json!([{"op": "remove", "path": "name.familyName"}]),
            json!({"name": {"familyName": "<absent>", "givenName": "Mia"}}),
        ),
        (
            "null removes",
            None,
            json!([{"op": "replace", "path": "title", "value": null}]),
            json!({"title": "<absent>"}),
        ),
        (
            "an object is merged",
            None,
            json!([{"op": "replace", "path": "name", "value": {"familyName": "Li"}}]),
            json!({"name": {"familyName": "Li", "givenName": "Mia"}}),
        ),
        (
            "truth as text",
            None,
            json!([{"op": "replace", "path": "active", "value": "False"}]),
            json!({"active": false}),
        ),
        (
            "an array of one",
            None,
            json!([{"op": "replace", "path": "active", "value": ["false"]}]),
            json!({"active": false}),
        ),
        (
            "no path",
            None,
            json!([{"op": "replace", "value": {"title": "Boss", "active": false}}]),
            json!({"title": "Boss", "active": false}),
        ),
        (
            "no path, add",
            None,
            json!([{"op": "add", "value": {"title": "Boss"}}]),
            json!({"title": "Boss", "nickName": "Mi"}),
        ),
        (
            "no path, dotted and URN keys",
            None,
            json!([{"op": "replace", "value": {"name.familyName": "Li", employee.as_str(): "702"}}]),
            json!({"name": {"familyName": "Li", "givenName": "Mia"}, ENTERPRISE: {"employeeNumber": "702", "department": "Support"}}),
        ),
        (
            "no path, an extension as an object",
            None,
            json!([{"op": "replace", "value": {ENTERPRISE: {"employeeNumber": "702"}}}]),
            json!({ENTERPRISE: {"employeeNumber": "702", "department": "Support"}}),
        ),
        (
            "no path, read-only and unknown keys are ignored",
            None,
            json!([{"op": "replace", "value": {"id": "x", "meta": {"created": "x"}, "schemas": [], "groups": [{"value": "g"}], "shoeSize": 4, "title": "Boss"}}]),
            json!({"title": "Boss", "id": "<uuid>", "groups": [], "shoeSize": "<absent>"}),
        ),
        (
            "an attribute of an extension",
            None,
            json!([{"op": "replace", "path": employee, "value": "702"}]),
            json!({ENTERPRISE: {"employeeNumber": "702", "department": "Support"}}),
        ),
        (
            "the short name of an attribute of an extension",
            None,
            json!([{"op": "replace", "path": "manager", "value": "u-9"}]),
            json!({ENTERPRISE: {"manager": {"value": "u-9"}}}),
        ),
        (
            "a filtered value",
            None,
            json!([{"op": "replace", "path": "emails[type eq \"home\"].value", "value": "x@home.test"}]),
            json!({"emails": [{"type": "work", "primary": true}, {"type": "home", "value": "x@home.test"}]}),
        ),
        (
            "a filtered value that is not there is made from the filter",
            None,
            json!([{"op": "Add", "path": "addresses[type eq \"home\"].streetAddress", "value": "Oak 1"},
                {"op": "Add", "path": "addresses[type eq \"home\"].locality", "value": "Basel"}]),
            json!({"addresses": [{"type": "work"}, {"type": "home", "streetAddress": "Oak 1", "locality": "Basel"}]}),
        ),
        (
            "a filtered element is removed",
            None,
            json!([{"op": "remove", "path": "emails[type eq \"home\"]"}]),
            json!({"emails": [{"type": "work"}]}),
        ),
        (
            "remove of a filtered element that is not there",
            None,
            json!([{"op": "remove", "path": "emails[type eq \"other\"]"}]),
            json!({"emails": "<length 2>"}),
        ),
        (
            "remove with a value",
            None,
            json!([{"op": "Remove", "path": "phoneNumbers[type eq \"fax\"].value", "value": "1"}]),
            json!({"phoneNumbers": "<length 1>"}),
        ),
        (
            "add appends",
            None,
            json!([{"op": "add", "path": "phoneNumbers", "value": [{"value": "2", "type": "fax"}]}]),
            json!({"phoneNumbers": [{"type": "mobile"}, {"value": "2", "type": "fax"}]}),
        ),
        (
            "add of one object",
            None,
            json!([{"op": "add", "path": "phoneNumbers", "value": {"value": "2", "type": "fax"}}]),
            json!({"phoneNumbers": "<length 2>"}),
        ),
        (
            "add of what is there",
            None,
            json!([{"op": "add", "path": "phoneNumbers", "value": [{"value": "+49 30 5550", "type": "mobile"}]}]),
            json!({"phoneNumbers": "<length 1>"}),
        ),
        (
            "a new primary takes over",
            None,
            json!([{"op": "add", "path": "addresses", "value": [{"type": "home", "primary": true}]}]),
            json!({"addresses": [{"type": "work", "primary": false}, {"type": "home", "primary": true}]}),
        ),
        (
            "replace of a list",
            None,
            json!([{"op": "replace", "path": "phoneNumbers", "value": [{"value": "2"}]}]),
            json!({"phoneNumbers": [{"value": "2", "type": "<absent>"}]}),
        ),
        (
            "an empty list clears",
            None,
            json!([{"op": "replace", "path": "phoneNumbers", "value": []}]),
            json!({"phoneNumbers": "<absent>"}),
        ),
        (
            "operations run in order",
            None,
            json!([{"op": "remove", "path": "title"}, {"op": "add", "path": "title", "value": "a"}, {"op": "replace", "path": "title", "value": "b"}]),
            json!({"title": "b"}),
        ),
        (
            "a profile key",
            Some(QA),
            json!([{"op": "replace", "path": "profile.Location", "value": "Lisbon"}]),
            json!({"profile": {"Location": "Lisbon", "Shift": 2}}),
        ),
        (
            "a profile key",
            Some(RFC),
            json!([{"op": "replace", "path": "profile.Location", "value": "Lisbon"}]),
            json!({QA_USER: {"profile": {"Location": "Lisbon", "Shift": 2}}}),
        ),
        (
            "a profile key by its URN",
            Some(RFC),
            json!([{"op": "replace", "path": profile_urn, "value": "Lisbon"}]),
            json!({QA_USER: {"profile": {"Location": "Lisbon"}}}),
        ),
        (
            "removal of a profile key",
            Some(QA),
            json!([{"op": "remove", "path": "profile.Location"}]),
            json!({"profile": {"Location": "<absent>", "Shift": 2}}),
        ),
        (
            "a profile key as null",
            Some(QA),
            json!([{"op": "replace", "path": "profile.Location", "value": null}]),
            json!({"profile": {"Location": "<absent>", "Shift": 2}}),
        ),
        (
            "the profile as an object is merged",
            Some(QA),
            json!([{"op": "add", "path": "profile", "value": {"Team": "x"}}]),
            json!({"profile": {"Location": "Porto", "Team": "x"}}),
        ),
        (
            "a role",
            Some(QA),
            json!([{"op": "replace", "path": "roles", "value": ["manager"]}]),
            json!({"roles": ["manager"]}),
        ),
        (
            "add of a role replaces it",
            Some(QA),
            json!([{"op": "add", "path": "roles", "value": "manager"}]),
            json!({"roles": ["manager"]}),
        ),
        (
            "add of a role appends",
            Some(RFC),
            json!([{"op": "add", "path": "roles", "value": [{"value": "admin"}]}]),
            json!({"roles": [{"value": "grader"}, {"value": "admin"}], QA_USER: {"role": "admin"}}),
        ),
        (
            "removal of roles gives the default",
            Some(RFC),
            json!([{"op": "remove", "path": "roles"}]),
            json!({"roles": "<absent>", QA_USER: {"role": "agent"}}),
        ),
        (
            "removal of roles gives the default",
            Some(QA),
            json!([{"op": "remove", "path": "roles"}]),
            json!({"roles": ["agent"]}),
        ),
        (
            "a foreign role keeps the role",
            Some(RFC),
            json!([{"op": "add", "path": "roles", "value": [{"value": "Editor"}]}]),
            json!({"roles": "<length 2>", QA_USER: {"role": "grader"}}),
        ),
        (
            "userName",
            Some(RFC),
            json!([{"op": "replace", "path": "userName", "value": "new {n}"}]),
            json!({"userName": "new {n}"}),
        ),
        (
            "externalId",
            None,
            json!([{"op": "replace", "path": "externalId", "value": "new-{n}"}]),
            json!({"externalId": "new-{n}"}),
        ),
    ]
}

fn operations_in_every_form(backend: Backend) {
    let app = TestApp::start(backend);
    let mut wrong = Vec::new();
    for (n, (what, base, operations, expected)) in cases().into_iter().enumerate() {
        for one in BASES.into_iter().filter(|one| base.is_none_or(|base| base == *one)) {
            let client = app.client(one, app.acme());
            let name = format!("u{n}-{}", if one == QA { "qa" } else { "rfc" });
            let fill = |value: &Value| -> Value {
                serde_json::from_str(&value.to_string().replace("{n}", &name)).unwrap()
            };
            let path = user_path(&client.create(&full_user(&name)));
            let reply = client.patch(&path, fill(&operations));
            let found = if reply.status == 200 {
                differences(&fill(&expected), &client.with_role(reply.json()))
            } else {
                vec!["expected 200".into()]
            };
            if !found.is_empty() {
                wrong.push(format!(
                    "{what} on {one}: {}\n  sent {operations}\n  got {} {}",
                    found.join("; "),
                    reply.status,
                    reply.text
                ));
            } else if client.get(&path).json() != reply.json() {
                wrong.push(format!("{what} on {one}: GET gives something else than PATCH gave"));
            }
        }
    }
    assert!(wrong.is_empty(), "{} cases:\n{}", wrong.len(), wrong.join("\n"));
}

/// One row: name, base (none: both), operation, status and keyword of the refusal (none: any).
type Refusal = (&'static str, Option<&'static str>, Value, u16, Option<&'static str>);

fn a_refused_request_changes_nothing(backend: Backend) {
    let app = TestApp::start(backend);
    let path = user_path(&app.rfc().create(&full_user("mia")));
    app.rfc().create(&full_user("other"));
    let before = app.db.db_dump();
    let replace = |path: &str, value: Value| json!({"op": "replace", "path": path, "value": value});
    let cases: Vec<Refusal> = vec![
        ("an unknown operation", None, json!({"op": "move", "path": "title"}), 400, Some("invalidSyntax")),
        ("no operation", None, json!({"path": "title", "value": "x"}), 400, Some("invalidSyntax")),
        ("an unknown path", None, replace("shoeSize", json!(4)), 400, Some("invalidPath")),
        ("a broken path", None, replace("emails[type eq", json!(4)), 400, Some("invalidPath")),
        ("an empty path", None, replace("", json!("x")), 400, None),
        ("remove without a path", None, json!({"op": "remove"}), 400, Some("noTarget")),
        ("id", None, replace("id", json!("x")), 400, Some("mutability")),
        ("meta", None, replace("meta.created", json!("2020-01-01T00:00:00Z")), 400, Some("mutability")),
        ("groups", None, replace("groups", json!([])), 400, Some("mutability")),
        ("schemas", None, replace("schemas", json!([USER])), 400, Some("mutability")),
        (
            "the effective role",
            Some(RFC),
            replace(&format!("{QA_USER}:role"), json!("admin")),
            400,
            Some("mutability"),
        ),
        ("no value", None, json!({"op": "replace", "path": "title"}), 400, None),
        ("a wrong type", None, replace("active", json!("maybe")), 400, Some("invalidValue")),
        ("a text for an object", None, replace("name", json!("Mia")), 400, Some("invalidValue")),
        ("userName is required", None, json!({"op": "remove", "path": "userName"}), 400, None),
        ("a nested profile", None, replace("profile", json!({"a": {"b": 1}})), 400, Some("invalidValue")),
        ("a taken name", Some(RFC), replace("userName", json!("OTHER@example.com")), 409, Some("uniqueness")),
        ("a taken externalId", None, replace("externalId", json!("ext-other")), 409, Some("uniqueness")),
        ("another name", Some(QA), replace("userName", json!("new@example.com")), 400, Some("mutability")),
        (
            "another primary e-mail",
            Some(QA),
            replace("emails[type eq \"work\"].value", json!("new@example.com")),
            400,
            Some("mutability"),
        ),
        ("an unknown role", Some(QA), replace("roles", json!(["boss"])), 400, Some("invalidValue")),
        ("several roles", Some(QA), replace("roles", json!(["agent", "admin"])), 400, Some("invalidValue")),
    ];
    let mut wrong = Vec::new();
    for (what, base, operation, status, keyword) in cases {
        for one in BASES.into_iter().filter(|one| base.is_none_or(|base| base == *one)) {
            // The good operation before it must not be done either.
            let reply = app
                .client(one, app.acme())
                .patch(&path, json!([replace("nickName", json!("never")), operation]));
            let same =
                reply.status == status && (keyword.is_none() || reply.json()["scimType"].as_str() == keyword);
            if !same {
                wrong.push(format!(
                    "{what} on {one}: expected {status} {keyword:?}, got {} {}",
                    reply.status, reply.text
                ));
            }
        }
    }
    for (what, body) in [
        ("no message", json!({})),
        ("another message", json!({"schemas": [USER], "userName": "x"})),
        ("operations that are no list", json!({"schemas": [PATCH_OP], "Operations": "x"})),
        ("an operation that is no object", json!({"schemas": [PATCH_OP], "Operations": ["x"]})),
    ] {
        let reply = app.rfc().request("PATCH", &path).json(&body).send();
        if reply.status != 400 || reply.json()["scimType"] != "invalidSyntax" {
            wrong.push(format!("{what}: expected 400 invalidSyntax, got {} {}", reply.status, reply.text));
        }
    }
    assert!(wrong.is_empty(), "{} cases:\n{}", wrong.len(), wrong.join("\n"));
    app.db.db_assert_unchanged(&before);
}

fn what_changes_nothing_keeps_the_version(backend: Backend) {
    let app = TestApp::start(backend);
    let client = app.rfc();
    let made = client.create(&full_user("mia"));
    let path = user_path(&made);
    let before = app.db.db_dump();
    for operations in [
        json!([]),
        json!([{"op": "replace", "path": "title", "value": "Team Lead"}]),
        json!([{"op": "replace", "value": {"active": true, "password": "x"}}]),
        json!([{"op": "remove", "path": "addresses[type eq \"home\"]"}]),
        json!([{"op": "add", "path": "phoneNumbers", "value": [{"value": "+49 30 5550", "type": "mobile"}]}]),
        json!([{"op": "add", "path": "title", "value": "x"}, {"op": "add", "path": "title", "value": "Team Lead"}]),
    ] {
        let reply = client.patch(&path, operations.clone());
        assert_eq!(reply.expect(200).json()["meta"], made["meta"], "{operations} changes nothing");
    }
    // RFC 7644 writes the key `Operations`; the envelope may come without its URN.
    let reply = client.request("PATCH", &path).json(&json!({"Operations": []})).send();
    assert_eq!(reply.expect(200).json(), made);
    app.db.db_assert_unchanged(&before);
}

fn a_change_is_recorded_once(backend: Backend) {
    let app = TestApp::start(backend);
    let client = app.rfc();
    let made = client.create(&full_user("mia"));
    let path = user_path(&made);
    let reply = client.patch(
        &path,
        json!([{"op": "replace", "path": "title", "value": "Boss"}, {"op": "remove", "path": "nickName"}]),
    );
    let changed = reply.expect(200).json();
    assert_matches(
        &json!({"version": "W/\"2\"", "created": made["meta"]["created"]}),
        &changed["meta"],
        "meta",
    );
    assert!(
        changed["meta"]["lastModified"].as_str() > made["meta"]["lastModified"].as_str(),
        "{}",
        changed["meta"]
    );
    client.delete(&path).expect(204);
    let rows = |table: &str| {
        app.db.db_texts(&format!(
            "SELECT action AS value FROM {table} ORDER BY {}",
            if table == "changes" { "seq" } else { "new_version" }
        ))
    };
    assert_eq!(rows("audit_log"), ["created", "updated", "deleted"]);
    assert_eq!(rows("changes"), ["created", "updated", "deleted"]);
    let named = app.db.db_texts("SELECT attributes AS value FROM audit_log WHERE action = 'updated'");
    let mut names: Vec<&str> = named[0].split(' ').collect();
    names.sort_unstable();
    assert_eq!(names, ["nickName", "title"], "the audit log names what changed");
    // Two writes in the same millisecond are still two times.
    let user = client.create(&user("kai"));
    let mut last = user["meta"]["lastModified"].as_str().unwrap().to_owned();
    for n in 0..20 {
        let reply = client
            .patch(&user_path(&user), json!([{"op": "replace", "path": "title", "value": format!("{n}")}]));
        let now = reply.expect(200).json()["meta"]["lastModified"].as_str().unwrap().to_owned();
        assert!(now > last, "lastModified goes forward: {last}, then {now}");
        last = now;
    }
}

fn what_a_user_is_found_by_follows_each_change(backend: Backend) {
    let app = TestApp::start(backend);
    let client = app.rfc();
    let path = user_path(&client.create(&user("mia")));
    let replace = |path: &str, value: Value| json!([{"op": "replace", "path": path, "value": value}]);
    // Operations, and then: name as written, its key, external id, display name.
    for (operations, expected) in [
        (replace("title", json!("Boss")), ["mia@example.com", "mia@example.com", "", ""]),
        (replace("displayName", json!("Mia")), ["mia@example.com", "mia@example.com", "", "Mia"]),
        (replace("userName", json!("Mia@Example.com")), ["Mia@Example.com", "mia@example.com", "", "Mia"]),
        (replace("externalId", json!("X1")), ["Mia@Example.com", "mia@example.com", "X1", "Mia"]),
        (replace("title", json!("Chief")), ["Mia@Example.com", "mia@example.com", "X1", "Mia"]),
        (replace("userName", json!("kai@example.com")), ["kai@example.com", "kai@example.com", "X1", "Mia"]),
        (
            json!([{"op": "remove", "path": "externalId"}, {"op": "remove", "path": "displayName"}]),
            ["kai@example.com", "kai@example.com", "", ""],
        ),
    ] {
        client.patch(&path, operations.clone()).expect(200);
        let kept = ["name", "name_key", "coalesce(external_id, '')", "coalesce(display, '')"].map(|column| {
            let sql = format!("SELECT {column} AS value FROM resources WHERE resource_type = 'User'");
            app.db.db_texts(&sql).join("|")
        });
        assert_eq!(kept, expected, "{operations}");
        assert_eq!(client.filter(&format!("userName eq \"{}\"", expected[1])).total(), 1, "{operations}");
        let by_external_id = client.filter("externalId eq \"X1\"").total();
        assert_eq!(by_external_id, i64::from(expected[2] == "X1"), "{operations}");
    }
    assert_eq!(client.filter("userName eq \"mia@example.com\"").total(), 0, "the old name is free");
    client.create(&user("mia"));
}
