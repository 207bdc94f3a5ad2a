//! The examples of RFC 7644 section 3.7, and how a whole request is answered.

use serde_json::{Value, json};

use super::{BULK_REQUEST, db_rows, id_in, outcomes, post_user, read, send, statuses};
use crate::support::app::TestApp;
use crate::support::backend::{Backend, both};
use crate::support::groups::db_list;
use crate::support::http::{BASES, QA, RFC, id_of, user_path};
use crate::support::matching::assert_matches;
use crate::support::users::{ENTERPRISE, USER, user, with};

both!(
    the_plain_example,
    the_example_of_a_user_in_a_new_group,
    the_example_of_a_circle,
    messages_that_are_none,
    names_in_any_case,
    failures_are_counted,
    flat_shapes_on_qa,
);

/// Section 3.7.3.
fn the_plain_example(backend: Backend) {
    let app = TestApp::start(backend);
    let client = app.rfc();
    let [bob, dave, gone] =
        ["bob", "dave", "gone"].map(|name| client.create(&with(user(name), json!({"nickName": "N"}))));
    let version = |user: &Value| user["meta"]["version"].clone();
    let before = db_rows(&app);
    let reply = client.post(
        "/Bulk",
        &json!({
            "schemas": [BULK_REQUEST],
            "failOnErrors": 1,
            "Operations": [
                {"method": "POST", "path": "/Users", "bulkId": "qwerty", "data": {"schemas": [USER], "userName": "Alice"}},
                {
                    "method": "PUT", "path": user_path(&bob), "version": version(&bob),
                    "data": {"schemas": [USER], "id": bob["id"], "userName": "Bob"}
                },
                {
                    "method": "PATCH", "path": user_path(&dave), "version": version(&dave),
                    "data": [{"op": "remove", "path": "nickName"}, {"op": "add", "path": "userName", "value": "Dave"}]
                },
                {"method": "DELETE", "path": user_path(&gone), "version": version(&gone)}
            ]
        }),
    );
    let outcomes = read(&reply);
    let alice = client.get(&format!("/Users/{}", id_in(&outcomes[0]))).expect(200).json();
    let location = |user: &Value| format!("{}/Users/{}", client.base_url, id_of(user));
    assert_matches(
        &json!([
            {
                "location": location(&alice), "method": "POST", "bulkId": "qwerty", "version": "W/\"1\"",
                "status": "201", "<exactly>": true
            },
            {"location": location(&bob), "method": "PUT", "version": "W/\"2\"", "status": "200", "<exactly>": true},
            {"location": location(&dave), "method": "PATCH", "version": "W/\"2\"", "status": "200", "<exactly>": true},
            {"location": location(&gone), "method": "DELETE", "status": "204", "<exactly>": true}
        ]),
        &Value::Array(outcomes),
        "the answer",
    );
    let name = |user: &Value| client.get(&user_path(user)).expect(200).json()["userName"].clone();
    assert_eq!([name(&alice), name(&bob), name(&dave)], ["Alice", "Bob", "Dave"]);
    client.get(&user_path(&gone)).expect_error(404, None);
    assert_eq!(db_rows(&app), (before.0 + 4, before.1 + 4));
}

/// Section 3.7.2, in both orders.
fn the_example_of_a_user_in_a_new_group(backend: Backend) {
    let app = TestApp::start(backend);
    for (base, backwards) in [(RFC, false), (RFC, true), (QA, false), (QA, true)] {
        let client = app.client(base, app.acme());
        let number = format!("{}{backwards}", base.len());
        let mut operations = vec![
            post_user("qwerty", user(&format!("alice{number}"))),
            json!({
                "method": "POST", "path": "/Groups", "bulkId": "ytrewq",
                "data": {
                    "schemas": ["urn:ietf:params:scim:schemas:core:2.0:Group"],
                    "displayName": format!("Tour Guides {number}"),
                    "members": [{"type": "User", "value": "bulkId:qwerty"}]
                }
            }),
        ];
        if backwards {
            operations.reverse();
        }
        let mut outcomes = outcomes(&client, &Value::Array(operations));
        if backwards {
            outcomes.reverse();
        }
        assert_eq!(statuses(&outcomes), ["201", "201"]);
        assert_eq!((&outcomes[0]["bulkId"], &outcomes[1]["bulkId"]), (&json!("qwerty"), &json!("ytrewq")));
        assert!(
            outcomes[1]["location"].as_str().unwrap().starts_with(&format!("{}/Groups/", client.base_url))
        );
        let group = json!({"id": id_in(&outcomes[1])});
        assert_eq!(db_list(&app, &group, "members"), [id_in(&outcomes[0]).replace('-', "")]);
    }
}

/// Section 3.7.1: two groups, each a member of the other. Groups have no groups in them, so it is tried and refused.
fn the_example_of_a_circle(backend: Backend) {
    let app = TestApp::start(backend);
    let group = |bulk_id: &str, member: &str| {
        json!({
            "method": "POST", "path": "/Groups", "bulkId": bulk_id,
            "data": {
                "displayName": format!("Group {bulk_id}"),
                "members": [{"type": "Group", "value": format!("bulkId:{member}")}]
            }
        })
    };
    let before = app.db.db_dump();
    let outcomes = outcomes(&app.rfc(), &json!([group("qwerty", "ytrewq"), group("ytrewq", "qwerty")]));
    assert_eq!(statuses(&outcomes), ["409", "409"]);
    assert!(outcomes.iter().all(|outcome| outcome.get("location").is_none()));
    app.db.db_assert_unchanged(&before);
}

fn messages_that_are_none(backend: Backend) {
    let app = TestApp::start(backend);
    let operations = json!([post_user("1", user("mia"))]);
    let before = app.db.db_dump();
    for base in BASES {
        let client = app.client(base, app.acme());
        for (body, keyword) in [
            (json!([]), "invalidSyntax"),
            (json!({"Operations": operations}), "invalidSyntax"),
            (json!({"schemas": [], "Operations": operations}), "invalidSyntax"),
            (json!({"schemas": [USER], "Operations": operations}), "invalidSyntax"),
            (json!({"schemas": [BULK_REQUEST]}), "invalidSyntax"),
            (json!({"schemas": [BULK_REQUEST], "Operations": null}), "invalidSyntax"),
            (json!({"schemas": [BULK_REQUEST], "Operations": operations[0]}), "invalidSyntax"),
            (json!({"schemas": [BULK_REQUEST], "failOnErrors": 0, "Operations": operations}), "invalidValue"),
            (
                json!({"schemas": [BULK_REQUEST], "failOnErrors": -1, "Operations": operations}),
                "invalidValue",
            ),
            (
                json!({"schemas": [BULK_REQUEST], "failOnErrors": 1.5, "Operations": operations}),
                "invalidValue",
            ),
            (
                json!({"schemas": [BULK_REQUEST], "failOnErrors": "many", "Operations": operations}),
                "invalidValue",
            ),
        ] {
            client.post("/Bulk", &body).expect_error(400, Some(keyword));
        }
        client
            .request("POST", "/Bulk")
            .body("{", "application/json")
            .send()
            .expect_error(400, Some("invalidSyntax"));
        client.request("POST", "/Bulk").body("<a/>", "text/xml").send().expect_error(415, None);
        for method in ["GET", "PUT", "PATCH", "DELETE"] {
            let reply = client.request(method, "/Bulk").json(&json!({})).send();
            assert_eq!(reply.expect_error(405, None).header("Allow"), Some("POST"));
        }
        client.post("/bulk", &super::request(&operations)).expect_error(404, None);
        assert!(outcomes(&client, &json!([])).is_empty());
        assert!(read(&client.post("/Bulk/?x=y", &super::request(&json!([])))).is_empty());
    }
    app.db.db_assert_unchanged(&before);
}

fn names_in_any_case(backend: Backend) {
    let app = TestApp::start(backend);
    let client = app.rfc();
    let body = json!({
        "SCHEMAS": [BULK_REQUEST.to_uppercase()],
        "failonerrors": null,
        "operations": [{"METHOD": "post", "Path": "Users/", "BULKID": "a", "Data": user("mia"), "version": null}]
    });
    let outcomes = read(&client.post("/Bulk", &body));
    assert_matches(
        &json!([{"method": "POST", "bulkId": "a", "status": "201"}]),
        &Value::Array(outcomes),
        "any case",
    );
    assert_eq!(app.db_users(app.acme()), 1);
}

fn failures_are_counted(backend: Backend) {
    let app = TestApp::start(backend);
    let client = app.rfc();
    client.create(&user("taken"));
    let operations = |round: &str| -> Value {
        (0..8)
            .map(|n| {
                let name = if n % 2 == 1 { "taken".to_owned() } else { format!("u{n}{round}") };
                post_user(&n.to_string(), user(&name))
            })
            .collect()
    };
    for (most, done) in [(1, 2), (2, 4), (3, 6), (4, 8), (5, 8), (u64::MAX, 8)] {
        let body = json!({
            "schemas": [BULK_REQUEST], "failOnErrors": most, "Operations": operations(&most.to_string())
        });
        let users = app.db_users(app.acme());
        let outcomes = read(&client.post("/Bulk", &body));
        let expected: Vec<&str> = ["201", "409"].into_iter().cycle().take(done).collect();
        assert_eq!(statuses(&outcomes), expected, "{most}");
        assert_eq!(app.db_users(app.acme()) - users, (done / 2) as i64, "{most}: nothing else is done");
    }
    // What cannot even be read counts, and what has been done before it in another order is told.
    let group = json!({
        "method": "POST", "path": "/Groups", "bulkId": "g", "data": {"displayName": "G", "members": ["bulkId:last"]}
    });
    let body = json!({
        "schemas": [BULK_REQUEST], "failOnErrors": 1,
        "Operations": [group, {"method": "GET", "path": "/Users"}, post_user("never", user("never")), post_user("last", user("last"))]
    });
    let outcomes = read(&client.post("/Bulk", &body));
    assert_eq!(statuses(&outcomes), ["201", "400", "201"]);
    assert_eq!(outcomes[2]["bulkId"], "last");
    assert_eq!(client.filter("userName eq \"never@example.com\"").total(), 0);
    assert_eq!(send(&client, &json!([])).expect(200).header("Content-Type"), Some("application/scim+json"));
}

fn flat_shapes_on_qa(backend: Backend) {
    let app = TestApp::start(backend);
    let client = app.qa();
    let boss = json!({"userName": "boss@example.com", "roles": ["manager"], "profile": {"Location": "Porto", "Shift": 2}});
    let outcomes = outcomes(
        &client,
        &json!([
            {"method": "POST", "path": "/Groups", "bulkId": "g", "data": {
                "displayName": "Ops", "members": ["bulkId:boss"], "owners": ["bulkId:boss"]
            }},
            {"method": "PUT", "path": "/Users/bulkId:boss", "data": {"title": "Lead", "profile": {"Shift": null}}},
            {"method": "PATCH", "path": "/Users/bulkId:boss", "data": {
                "Operations": [{"op": "replace", "value": {ENTERPRISE: {"manager": "bulkId:boss"}}}]
            }},
            post_user("boss", boss)
        ]),
    );
    assert_eq!(statuses(&outcomes), ["201", "200", "200", "201"]);
    let id = id_in(&outcomes[3]);
    let user = client.get(&format!("/Users/{id}")).expect(200).json();
    let expected = json!({
        "title": "Lead", "roles": ["manager"], "profile": {"Location": "Porto", "<exactly>": true},
        ENTERPRISE: {"manager": {"value": id}}
    });
    assert_matches(&expected, &user, "PUT merges");
    let group = client.get(&format!("/Groups/{}", id_in(&outcomes[0]))).expect(200).json();
    assert_matches(&json!({"members": ["boss@example.com"], "owners": [id]}), &group, "flat");
    assert!(outcomes.iter().all(|one| one["location"].as_str().unwrap().contains("/api/v1/scim/v2/")));
}
