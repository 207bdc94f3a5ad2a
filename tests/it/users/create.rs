//! `POST /Users`: what is accepted and how it comes back, what is refused, and what the database then holds.

use serde_json::{Value, json};

use crate::support::app::TestApp;
use crate::support::backend::{Backend, both};
use crate::support::db::same_id;
use crate::support::http::{BASES, QA, RFC, id_of, user_path};
use crate::support::matching::assert_matches;
use crate::support::users::{ENTERPRISE, QA_USER, USER, full_user, user, with, without};

both!(
    a_full_user_comes_back_as_sent,
    a_user_leaves_one_row_of_everything,
    what_clients_send_is_accepted,
    what_makes_no_sense_is_refused_and_leaves_nothing,
    names_are_unique_without_regard_to_case,
    external_ids_are_unique_and_case_exact,
    a_password_is_kept_nowhere,
    foreign_fields_do_not_reach_the_row,
);

fn a_full_user_comes_back_as_sent(backend: Backend) {
    let app = TestApp::start(backend);
    for (base, name) in [(RFC, "rfc"), (QA, "qa")] {
        let client = app.client(base, app.acme());
        let sent = full_user(name);
        let reply = client.post("/Users", &sent);
        reply.expect(201);
        let body = reply.json();
        let id = id_of(&body);
        let location = format!("{}{base}/Users/{id}", app.server.url);
        assert_eq!(reply.header("Location"), Some(location.as_str()));
        assert_eq!(reply.header("ETag"), body["meta"]["version"].as_str());

        // The two contracts write the attributes of our own differently; all others come back as they were sent.
        let profile = sent["profile"].clone();
        let mut expected = without(without(without(sent, "profile"), "roles"), "schemas");
        expected = with(
            expected,
            json!({
                "id": id, "groups": [],
                "meta": {
                    "resourceType": "User", "created": "<time>", "lastModified": "<time>", "version": "<etag>",
                    "location": location, "<exactly>": true
                },
                "<exactly>": true
            }),
        );
        expected = if base == QA {
            with(expected, json!({"schemas": "<array>", "roles": ["grader"], "profile": profile}))
        } else {
            with(
                expected,
                json!({
                    "schemas": "<length 3>", "roles": "<length 1>",
                    QA_USER: {"profile": profile, "<exactly>": true}
                }),
            )
        };
        assert_matches(&expected, &body, base);
        let schemas = body["schemas"].as_array().unwrap();
        assert!(
            schemas.contains(&json!(USER)) && schemas.contains(&json!(ENTERPRISE)),
            "{base}: {schemas:?}"
        );
        if base == RFC {
            assert_eq!(body["roles"][0]["value"], "grader", "{body}");
        }
        if base == RFC {
            assert_eq!(client.with_role(body.clone())[QA_USER]["role"], "grader");
        }
        let read = client.get(&user_path(&body));
        assert_eq!(read.expect(200).json(), body, "GET gives what POST gave");
    }
}

fn a_user_leaves_one_row_of_everything(backend: Backend) {
    let app = TestApp::start(backend);
    let tenant = app.db.literal(&app.acme().id);
    let of_tenant = format!("tenant_id = {tenant}");
    let body = app.rfc().post("/Users", &full_user("mia"));
    let body = body.expect(201).json();
    let id = app.db.literal(id_of(&body));

    let count =
        |table: &str, condition: &str| app.db.db_count(table, &format!("{of_tenant} AND {condition}"));
    assert_eq!(count("resources", &format!("id = {id} AND version = 1 AND deleted_at IS NULL")), 1);
    assert_eq!(count("resources", "1 = 1"), 1, "one row and no other");
    assert_eq!(count("collections", "resource_type = 'User' AND live = 1"), 1);
    assert_eq!(count("attribute_values", "path = 'emails.value'"), 2, "an entry per e-mail");
    assert_eq!(count("attribute_values", &format!("resource_id = {id} AND path LIKE '%:employeenumber'")), 1);
    assert_eq!(count("profile_keys", "1 = 1"), 3, "the keys of the profile are announced");
    let audited = format!(
        "resource_id = {id} AND action = 'created' AND resource_type = 'User' AND old_version IS NULL \
         AND new_version = 1 AND actor_id IS NOT NULL AND actor_kind = 'token' AND request_id <> '' AND address <> ''"
    );
    assert_eq!(count("audit_log", &audited), 1, "the change is in the audit log, whole");
    assert_eq!(
        count("changes", &format!("resource_id = {id} AND action = 'created' AND seq = 1 AND version = 1")),
        1
    );
    assert_eq!(count("tenant_counters", "change_seq = 1"), 1);
    let attributes = app.db.db_texts("SELECT attributes AS value FROM audit_log").join(" ");
    assert!(attributes.contains("userName") && attributes.contains("displayName"), "{attributes}");
    assert!(!attributes.contains("Mia"), "the audit log keeps names of attributes, no values: {attributes}");
}

fn what_clients_send_is_accepted(backend: Backend) {
    let app = TestApp::start(backend);
    // Where the base is none, both have to accept the body. `{n}` makes names of this row's own.
    let role = |name: &str| json!({QA_USER: {"role": name}});
    let cases: Vec<(&str, Option<&str>, Value, Value)> = vec![
        ("no schemas", None, json!({}), json!({"active": true, "groups": []})),
        (
            "unknown schemas and attributes",
            None,
            json!({"schemas": [USER, "urn:nobody:knows:this"], "shoeSize": 43, "urn:nobody:knows:this": {"a": 1}}),
            json!({"shoeSize": "<absent>", "urn:nobody:knows:this": "<absent>"}),
        ),
        (
            "a URN of SCIM 1.1",
            None,
            json!({"schemas": ["urn:scim:schemas:core:1.0"]}),
            json!({"active": true}),
        ),
        (
            "attribute names in any case",
            None,
            json!({"DISPLAYNAME": "Mia", "Active": false}),
            json!({"displayName": "Mia", "active": false}),
        ),
        ("truth as text", None, json!({"active": "False"}), json!({"active": false})),
        ("truth as text in lower case", None, json!({"active": "false"}), json!({"active": false})),
        ("null for active is not sent", None, json!({"active": null}), json!({"active": true})),
        (
            "scalars as arrays of one",
            None,
            json!({"displayName": ["Mia"], "active": ["true"]}),
            json!({"displayName": "Mia", "active": true}),
        ),
        (
            "nulls and empty arrays",
            None,
            json!({"title": null, "addresses": null, "phoneNumbers": [], "name": null, ENTERPRISE: {"manager": null}}),
            json!({"title": "<absent>", "addresses": "<absent>", "phoneNumbers": "<absent>", "name": "<absent>",
                   ENTERPRISE: "<absent>"}),
        ),
        (
            "read-only attributes",
            None,
            json!({"id": "mine", "meta": {"created": "1999-01-01T00:00:00Z"}, "groups": [{"value": "g-1"}]}),
            json!({"id": "<uuid>", "groups": [], "meta": {"created": "<time>"}}),
        ),
        (
            "several primaries: the last one stays",
            None,
            json!({"phoneNumbers": [{"value": "1", "primary": true}, {"value": "2", "primary": "True"}]}),
            json!({"phoneNumbers": [{"value": "1", "primary": false}, {"value": "2", "primary": true}]}),
        ),
        (
            "equal pairs of type and value collapse",
            None,
            json!({"phoneNumbers": [{"value": "1", "type": "work"}, {"value": "1", "type": "work"}, {"value": "1", "type": "fax"}]}),
            json!({"phoneNumbers": [{"value": "1", "type": "work"}, {"value": "1", "type": "fax"}]}),
        ),
        (
            "values are kept as sent",
            None,
            json!({"displayName": "  É\u{301} %_\\\"' ", "phoneNumbers": [{"value": "+49 (30) 1-2"}]}),
            json!({"displayName": "  É\u{301} %_\\\"' ", "phoneNumbers": [{"value": "+49 (30) 1-2"}]}),
        ),
        (
            "a manager as text",
            None,
            json!({ENTERPRISE: {"manager": "u-1"}}),
            json!({ENTERPRISE: {"manager": {"value": "u-1"}}}),
        ),
        (
            "a manager as a list",
            None,
            json!({ENTERPRISE: {"manager": [{"value": "u-1"}]}}),
            json!({ENTERPRISE: {"manager": {"value": "u-1"}}}),
        ),
        (
            "no manager",
            None,
            json!({ENTERPRISE: {"manager": {"value": ""}, "department": "D"}}),
            json!({ENTERPRISE: {"manager": "<absent>", "department": "D"}}),
        ),
        (
            "a boolean, a number and a date in the profile",
            Some(QA),
            json!({"profile": {"Remote": false, "Shift": 2.5, "Start": "2026-01-02T00:00:00.000Z"}}),
            json!({"profile": {"Remote": false, "Shift": 2.5, "Start": "2026-01-02T00:00:00.000Z"}}),
        ),
        (
            "the profile at the root",
            Some(RFC),
            json!({"profile": {"Location": "Porto"}}),
            json!({"profile": "<absent>", QA_USER: {"profile": {"Location": "Porto"}}}),
        ),
        (
            "the profile in the extension",
            Some(QA),
            json!({QA_USER: {"profile": {"Location": "Porto"}}}),
            json!({"profile": {"Location": "Porto"}, QA_USER: "<absent>"}),
        ),
        (
            "a profile key that is no attribute name is shown on qa",
            Some(QA),
            json!({"profile": {"Start date": "x"}}),
            json!({"profile": {"Start date": "x"}}),
        ),
        (
            "and left out on rfc",
            Some(RFC),
            json!({"profile": {"Start date": "x", "Team": "y"}}),
            json!({QA_USER: {"profile": {"Team": "y", "<exactly>": true}}}),
        ),
        (
            "profile keys of other languages' insides",
            Some(QA),
            json!({"profile": {"__proto__": "a", "constructor": "b", "roles": "admin", "tenant_id": "c"}}),
            json!({"profile": {"__proto__": "a", "constructor": "b", "roles": "admin", "tenant_id": "c"}, "roles": ["agent"]}),
        ),
        ("no role", Some(QA), json!({}), json!({"roles": ["agent"]})),
        ("no role", Some(RFC), json!({}), role("agent")),
        ("a role as text", Some(QA), json!({"roles": "grader"}), json!({"roles": ["grader"]})),
        (
            "a role as an object",
            Some(QA),
            json!({"roles": [{"value": "grader", "primary": "True"}]}),
            json!({"roles": ["grader"]}),
        ),
        (
            "a role as JSON in a text",
            Some(QA),
            json!({"roles": [{"value": "{\"id\":\"1\",\"value\":\"grader\"}"}]}),
            json!({"roles": ["grader"]}),
        ),
        ("a role as text", Some(RFC), json!({"roles": "grader"}), role("grader")),
        (
            "a foreign role",
            Some(RFC),
            json!({"roles": [{"value": "Editor", "type": "x"}]}),
            json!({"roles": [{"value": "Editor", "type": "x"}], QA_USER: {"role": "agent"}}),
        ),
        (
            "the highest of several roles counts",
            Some(RFC),
            json!({"roles": ["agent", "limitedAdmin", "Editor", "manager"]}),
            json!({"roles": "<length 4>", QA_USER: {"role": "limitedAdmin"}}),
        ),
        ("role names are case-exact", Some(RFC), json!({"roles": ["ADMIN"]}), role("agent")),
        (
            "no e-mail: it is the userName",
            Some(QA),
            json!({}),
            json!({"emails": [{"value": "{n}@example.com", "primary": true}]}),
        ),
        ("no e-mail: none", Some(RFC), json!({}), json!({"emails": "<absent>"})),
        (
            "another primary e-mail",
            Some(RFC),
            json!({"emails": [{"value": "a@b.test", "primary": true}]}),
            json!({"emails": [{"value": "a@b.test", "primary": true}]}),
        ),
        (
            "any userName",
            Some(RFC),
            json!({"userName": "{n} Übung 社員"}),
            json!({"userName": "{n} Übung 社員"}),
        ),
        ("mixed scripts", Some(RFC), json!({"userName": "pаypal {n}"}), json!({"userName": "pаypal {n}"})),
    ];
    let mut wrong = Vec::new();
    for (n, (what, base, more, expected)) in cases.into_iter().enumerate() {
        for one in BASES.into_iter().filter(|one| base.is_none_or(|base| base == *one)) {
            let name = format!("u{n}-{}", if one == QA { "qa" } else { "rfc" });
            let fill = |value: &Value| -> Value {
                serde_json::from_str(&value.to_string().replace("{n}", &name)).unwrap()
            };
            let body = with(without(user(&name), "schemas"), fill(&more));
            let client = app.client(one, app.acme());
            let reply = client.post("/Users", &body);
            let differences = if reply.status == 201 {
                crate::support::matching::differences(&fill(&expected), &client.with_role(reply.json()))
            } else {
                vec!["expected 201".into()]
            };
            if !differences.is_empty() {
                wrong.push(format!(
                    "{what} on {one}: {}\n  sent {body}\n  got {} {}",
                    differences.join("; "),
                    reply.status,
                    reply.text
                ));
            }
        }
    }
    assert!(wrong.is_empty(), "{} cases:\n{}", wrong.len(), wrong.join("\n"));
}

fn what_makes_no_sense_is_refused_and_leaves_nothing(backend: Backend) {
    let app = TestApp::start(backend);
    let before = app.db.db_dump();
    let name = |value: &str| json!({"userName": value});
    let mail = |more: Value| with(user("mia"), more);
    let cases: Vec<(&str, Option<&str>, Value, &str)> = vec![
        ("no userName", None, json!({"schemas": [USER]}), "invalidValue"),
        ("an empty userName", None, name(""), "invalidValue"),
        ("null for userName", None, json!({"userName": null}), "invalidValue"),
        ("a number for userName", None, json!({"userName": 5}), "invalidValue"),
        ("two names for one", None, json!({"userName": ["a@b.test", "c@d.test"]}), "invalidValue"),
        ("a control character", None, name("a\u{7}@b.test"), "invalidValue"),
        ("a line break", None, name("a@b.test\r\nBcc: c@d.test"), "invalidValue"),
        ("a zero-width character", None, name("a\u{200b}@b.test"), "invalidValue"),
        ("a bidirectional control", None, name("a\u{202e}@b.test"), "invalidValue"),
        ("a blank before", None, name(" a@b.test"), "invalidValue"),
        ("a blank behind", None, name("a@b.test "), "invalidValue"),
        ("an unknown truth", None, mail(json!({"active": "maybe"})), "invalidValue"),
        ("a number for a truth", None, mail(json!({"active": 1})), "invalidValue"),
        ("an object for a text", None, mail(json!({"displayName": {"a": 1}})), "invalidValue"),
        ("a truth for a text", None, mail(json!({"displayName": true})), "invalidValue"),
        ("a text for an object", None, mail(json!({"name": "Mia"})), "invalidValue"),
        ("a number for an e-mail", None, mail(json!({"emails": [{"value": 5}]})), "invalidValue"),
        (
            "an unknown primary",
            None,
            mail(json!({"phoneNumbers": [{"value": "1", "primary": "perhaps"}]})),
            "invalidValue",
        ),
        ("a text for an extension", None, mail(json!({ENTERPRISE: "x"})), "invalidValue"),
        ("a nested profile", None, mail(json!({"profile": {"a": {"b": 1}}})), "invalidValue"),
        ("a list in the profile", None, mail(json!({"profile": {"a": [1, 2]}})), "invalidValue"),
        ("a text for the profile", None, mail(json!({"profile": "x"})), "invalidValue"),
        ("no object", None, json!([]), "invalidSyntax"),
        ("a text", None, json!("mia"), "invalidSyntax"),
        ("no e-mail address", Some(QA), name("mia"), "invalidValue"),
        (
            "another primary e-mail",
            Some(QA),
            mail(json!({"emails": [{"value": "x@b.test", "primary": true}]})),
            "invalidValue",
        ),
        ("an unknown role", Some(QA), mail(json!({"roles": ["boss"]})), "invalidValue"),
        ("a role in another case", Some(QA), mail(json!({"roles": ["ADMIN"]})), "invalidValue"),
        ("a role with a blank", Some(QA), mail(json!({"roles": ["admin "]})), "invalidValue"),
        ("a role in wide letters", Some(QA), mail(json!({"roles": ["ａｄｍｉｎ"]})), "invalidValue"),
        ("several roles", Some(QA), mail(json!({"roles": ["manager", "admin"]})), "invalidValue"),
    ];
    let mut wrong = Vec::new();
    for (what, base, body, keyword) in cases {
        for one in BASES.into_iter().filter(|one| base.is_none_or(|base| base == *one)) {
            let reply = app.client(one, app.acme()).post("/Users", &body);
            if reply.status != 400 || reply.json()["scimType"] != keyword {
                wrong.push(format!(
                    "{what} on {one}: expected 400 {keyword}, got {} {}",
                    reply.status, reply.text
                ));
            } else {
                reply.expect_error(400, Some(keyword));
            }
        }
    }
    assert!(wrong.is_empty(), "{} cases:\n{}", wrong.len(), wrong.join("\n"));
    app.db.db_assert_unchanged(&before);
}

fn names_are_unique_without_regard_to_case(backend: Backend) {
    let app = TestApp::start(backend);
    let client = app.rfc();
    for (first, same) in [
        ("Admin@example.com", vec!["admin@example.com", "ADMIN@EXAMPLE.COM"]),
        ("Élodie", vec!["élodie", "e\u{301}lodie", "E\u{301}LODIE"]),
        ("ΟΔΥΣΣΕΥΣ", vec!["οδυσσευς", "οδυσσευσ"]),
    ] {
        let made = client.create(&json!({"userName": first}));
        assert_eq!(made["userName"], first, "the name is kept as sent");
        for name in same {
            client.post("/Users", &json!({"userName": name})).expect_error(409, Some("uniqueness"));
            assert_eq!(client.filter(&format!("userName eq \"{name}\"")).ids(), [id_of(&made)], "{name}");
        }
    }
    // What only looks alike is another name: nobody gets at an account through a look-alike.
    client.create(&json!({"userName": "mike@example.com"}));
    for other in ["mıke@example.com", "MİKE@example.com"] {
        assert_eq!(client.filter(&format!("userName eq \"{other}\"")).total(), 0, "{other}");
        client.create(&json!({"userName": other}));
    }
    assert_eq!(app.db_users(app.acme()), 6);
}

fn external_ids_are_unique_and_case_exact(backend: Backend) {
    let app = TestApp::start(backend);
    let client = app.rfc();
    client.create(&with(user("a"), json!({"externalId": "X1"})));
    client
        .post("/Users", &with(user("b"), json!({"externalId": "X1"})))
        .expect_error(409, Some("uniqueness"));
    client.create(&with(user("c"), json!({"externalId": "x1"})));
    assert_eq!(client.filter("externalId eq \"X1\"").total(), 1);
    // Opaque, whatever it looks like; and no id.
    let other = client.create(&with(user("d"), json!({"externalId": "1"})));
    let taken = client.create(&with(user("e"), json!({"externalId": id_of(&other)})));
    assert_eq!(client.get(&user_path(&other)).json()["userName"], "d@example.com");
    assert_eq!(client.filter(&format!("id eq \"{}\"", id_of(&other))).ids(), [id_of(&other)]);
    client.get("/Users/X1").expect_error(404, None);
    assert!(!same_id(id_of(&taken), id_of(&other)));
}

fn a_password_is_kept_nowhere(backend: Backend) {
    let app = TestApp::start(backend);
    let secret = "1mz050nq-canary";
    for (base, name) in [(RFC, "rfc"), (QA, "qa")] {
        let client = app.client(base, app.acme());
        let made = client.create(&with(user(name), json!({"password": secret})));
        let path = user_path(&made);
        client.put(&path, &with(user(name), json!({"password": secret}))).expect(200);
        client.patch(&path, json!([{"op": "replace", "path": "password", "value": secret}])).expect(200);
        let read = client.get(&format!("{path}?attributes=password,userName"));
        assert!(read.expect(200).json().get("password").is_none(), "{}", read.text);
        client.filter("password sw \"1\"").expect_error(400, Some("invalidFilter"));
        client.get("/Users?sortBy=password").expect_error(400, Some("invalidValue"));
    }
    let held = app.db.db_dump().join("\n");
    assert!(held.contains("rfc@example.com"), "the dump shows what is stored");
    assert!(!held.contains(secret), "the database holds a password");
    assert!(!app.server.log_text().contains(secret), "the log holds a password");
}

fn foreign_fields_do_not_reach_the_row(backend: Backend) {
    let app = TestApp::start(backend);
    let other = &app.globex().id;
    let body = with(
        user("mia"),
        json!({"tenant_id": other, "tenantId": other, "organization": other, "orgId": other, "deleted_at": "2020-01-01"}),
    );
    let client = app.rfc();
    let reply = client.request("POST", "/Users").json(&body).header("X-Tenant-ID", other);
    let reply =
        reply.header("X-Forwarded-Host", "evil.test").header("X-HTTP-Method-Override", "DELETE").send();
    let made = reply.expect(201).json();
    assert_eq!((app.db_users(app.acme()), app.db_users(app.globex())), (1, 0));
    let location = made["meta"]["location"].as_str().unwrap();
    assert!(location.starts_with(&app.server.url), "meta.location comes from the settings: {location}");
}
