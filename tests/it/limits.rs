//! Limits of what a user holds: granted at n, refused at n + 1. Those of requests are in `attacks`.

use serde_json::{Map, Value, json};

use crate::support::app::TestApp;
use crate::support::backend::{Backend, both};
use crate::support::http::{BASES, user_path};
use crate::support::users::{user, with};

both!(texts_and_lists);

/// An e-mail address of this many characters.
fn address(chars: usize) -> String {
    format!("{}@example.com", "ü".repeat(chars - "@example.com".len()))
}

fn profile(keys: usize) -> Value {
    Value::Object((0..keys).map(|n| (format!("key{n}"), json!("x"))).collect::<Map<_, _>>())
}

fn texts_and_lists(backend: Backend) {
    let app = TestApp::start(backend);
    type Make = fn(usize) -> Value;
    // What, the limit, and a user with that many of it.
    let cases: [(&str, usize, Make); 11] = [
        ("characters of userName", 256, |n| json!({"userName": address(n)})),
        ("characters of displayName", 256, |n| json!({"displayName": "ü".repeat(n)})),
        ("characters of externalId", 256, |n| json!({"externalId": "ü".repeat(n)})),
        ("characters of another text", 1_024, |n| json!({"title": "ü".repeat(n)})),
        ("characters of a text in a list", 1_024, |n| json!({"phoneNumbers": [{"value": "ü".repeat(n)}]})),
        (
            "entries of a list",
            100,
            |n| json!({"phoneNumbers": (0..n).map(|n| json!({"value": format!("{n}")})).collect::<Vec<_>>()}),
        ),
        ("keys of a profile", 100, |n| json!({"profile": profile(n)})),
        ("bytes of a profile key", 128, |n| json!({"profile": {"k".repeat(n): "x"}})),
        ("bytes of a profile key in other letters", 64, |n| json!({"profile": {"ü".repeat(n): "x"}})),
        ("bytes of a profile value", 1_024, |n| json!({"profile": {"k": "x".repeat(n)}})),
        ("bytes of a profile value in other letters", 512, |n| json!({"profile": {"k": "ü".repeat(n)}})),
    ];
    for base in BASES {
        let client = app.client(base, app.acme());
        for (what, limit, make) in cases {
            let at = client.post("/Users", &with(user("at"), make(limit)));
            assert_eq!(at.status, 201, "{limit} {what} on {base}: {}", at.text);
            let path = user_path(&at.json());
            let over = client.post("/Users", &with(user("over"), make(limit + 1)));
            assert_eq!(over.status, 400, "{} {what} on {base}: {:.300}", limit + 1, over.text);
            over.expect_error(400, Some("invalidValue"));
            // The same through the other verbs that write.
            if !what.contains("userName") {
                let value = make(limit + 1);
                client.put(&path, &with(user("at"), value.clone())).expect_error(400, Some("invalidValue"));
                client
                    .patch(&path, json!([{"op": "add", "value": value}]))
                    .expect_error(400, Some("invalidValue"));
            }
            client.delete(&path).expect(204);
        }
        // A list does not grow over its limit by additions, nor does a profile.
        let full = client.create(&with(user("full"), json!({"profile": profile(100)})));
        let more = json!([{"op": "add", "path": "profile.one", "value": "more"}]);
        client.patch(&user_path(&full), more).expect_error(400, Some("invalidValue"));
        client.delete(&user_path(&full)).expect(204);
    }
}
