//! `GET /Users/{id}`: what is shown, and what is not found.

use serde_json::json;

use crate::support::app::TestApp;
use crate::support::backend::{Backend, both};
use crate::support::http::{BASES, QA, RFC, user_path};
use crate::support::matching::assert_matches;
use crate::support::users::{ENTERPRISE, QA_USER, full_user};

both!(what_is_no_user_is_404, only_what_is_asked_for_is_shown);

fn what_is_no_user_is_404(backend: Backend) {
    let app = TestApp::start(backend);
    let random = "/Users/2f6c7f0e-6ac1-4a2c-9c3e-0a5b8a7d3f10";
    for base in BASES {
        let client = app.client(base, app.acme());
        let absent = client.get(random).text;
        for path in [
            random,
            "/Users/1",
            "/Users/0",
            "/Users/-1",
            "/Users/mia",
            "/Users/%00",
            "/Users/a%20b",
            "/Users/%E2%82%AC",
        ] {
            let reply = client.get(path);
            reply.expect_error(404, None);
            assert_eq!(reply.text, absent, "{path}: the answer tells nothing about the id");
        }
        // The id is judged before the body and before conditions.
        for method in ["PUT", "PATCH", "DELETE"] {
            let reply = client
                .request(method, random)
                .body("{broken", "application/json")
                .header("If-Match", "W/\"1\"");
            if method == "DELETE" {
                client.delete(random).expect_error(404, None);
            } else {
                reply.send().expect_error(404, None);
            }
        }
    }
}

fn only_what_is_asked_for_is_shown(backend: Backend) {
    let app = TestApp::start(backend);
    let path = user_path(&app.rfc().create(&full_user("mia")));
    let enterprise = format!("{ENTERPRISE}:employeeNumber");
    let cases = [
        // `schemas` and `id` are always returned (RFC 7643 section 7).
        (
            RFC,
            "attributes=userName".to_owned(),
            json!({"schemas": "<array>", "id": "<uuid>", "userName": "mia@example.com", "<exactly>": true}),
        ),
        (
            QA,
            "attributes=username".to_owned(),
            json!({"schemas": "<array>", "id": "<uuid>", "userName": "mia@example.com", "<exactly>": true}),
        ),
        (
            RFC,
            "attributes=name.givenName,emails.value".to_owned(),
            json!({
                "schemas": "<array>", "id": "<uuid>", "name": {"givenName": "Mia", "<exactly>": true},
                "emails": [{"value": "mia@example.com", "<exactly>": true}, {"value": "mia@home.example.com", "<exactly>": true}],
                "<exactly>": true
            }),
        ),
        (
            RFC,
            format!("attributes={enterprise}"),
            json!({
                "schemas": "<array>", "id": "<uuid>", ENTERPRISE: {"employeeNumber": "701", "<exactly>": true}, "<exactly>": true
            }),
        ),
        (
            QA,
            "attributes=profile.Location".to_owned(),
            json!({"profile": {"Location": "Porto", "<exactly>": true}, "userName": "<absent>"}),
        ),
        (
            RFC,
            "attributes=profile".to_owned(),
            json!({QA_USER: {"profile": {"Location": "Porto"}, "role": "<absent>"}, "userName": "<absent>"}),
        ),
        (
            RFC,
            "attributes=nothing".to_owned(),
            json!({"schemas": "<array>", "id": "<uuid>", "<exactly>": true}),
        ),
        (RFC, "attributes=".to_owned(), json!({"userName": "mia@example.com", "name": "<any>"})),
        (
            RFC,
            "excludedAttributes=id,schemas,emails,name.givenName,groups".to_owned(),
            json!({
                "id": "<uuid>", "schemas": "<array>", "emails": "<absent>", "groups": "<absent>",
                "name": {"givenName": "<absent>", "familyName": "Roth"}, "userName": "mia@example.com"
            }),
        ),
        (
            QA,
            "excludedAttributes=profile,roles".to_owned(),
            json!({"profile": "<absent>", "roles": "<absent>", "userName": "mia@example.com"}),
        ),
        (
            RFC,
            format!("excludedAttributes={ENTERPRISE}"),
            json!({ENTERPRISE: "<absent>", "userName": "mia@example.com"}),
        ),
    ];
    for (base, query, expected) in cases {
        let client = app.client(base, app.acme());
        let one = client.get(&format!("{path}?{query}"));
        assert_matches(&expected, &one.expect(200).json(), &format!("{base} {query}"));
        let listed = client.get(&format!("/Users?{query}")).resources();
        assert_eq!(listed, [one.json()], "a list shows the same: {query}");
    }
    // The same on a write.
    let client = app.rfc();
    let reply = client.request("PATCH", &format!("{path}?attributes=title"));
    let reply =
        reply.json(&json!({"Operations": [{"op": "replace", "path": "title", "value": "Boss"}]})).send();
    assert_matches(
        &json!({"title": "Boss", "userName": "<absent>"}),
        &reply.expect(200).json(),
        "PATCH with attributes",
    );
}
