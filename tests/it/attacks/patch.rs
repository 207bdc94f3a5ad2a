//! PATCH that is too long, wrong at its end, or has no target.

use std::time::{Duration, Instant};

use serde_json::{Value, json};

use crate::support::app::TestApp;
use crate::support::backend::{Backend, both};
use crate::support::groups::KINDS;
use crate::support::http::{BASES, user_path};
use crate::support::users::{full_user, user};

both!(case_73_a_thousand_operations, case_74_operations_without_a_target);

fn case_73_a_thousand_operations(backend: Backend) {
    let app = TestApp::start(backend);
    let operations = |n: usize| -> Value {
        (0..n).map(|n| json!({"op": "replace", "path": "title", "value": format!("{n}")})).collect()
    };
    for base in BASES {
        let client = app.client(base, app.acme());
        let path = user_path(&client.create(&user(if base == BASES[0] { "mia" } else { "kai" })));
        let start = Instant::now();
        assert_eq!(client.patch(&path, operations(1_000)).expect(200).json()["title"], "999");
        assert!(start.elapsed() < Duration::from_secs(2), "{:?}", start.elapsed());
        let before = app.db.db_dump();
        client.patch(&path, operations(1_001)).expect_error(413, None);
        // All or nothing, also when the last one is wrong.
        let mut wrong = operations(999);
        let last = json!({"op": "replace", "path": "active", "value": "maybe"});
        wrong.as_array_mut().unwrap().push(last.clone());
        client.patch(&path, wrong).expect_error(400, Some("invalidValue"));
        // The number is judged before what the operations say.
        let mut both = operations(1_000);
        both.as_array_mut().unwrap().push(last);
        client.patch(&path, both).expect_error(413, None);
        app.db.db_assert_unchanged(&before);
    }
}

fn case_74_operations_without_a_target(backend: Backend) {
    let app = TestApp::start(backend);
    for base in BASES {
        let client = app.client(base, app.acme());
        let name = if base == BASES[0] { "mia" } else { "kai" };
        let path = user_path(&client.create(&full_user(name)));
        let groups = KINDS.map(|kind| kind.path(&kind.create(&client, &json!({"displayName": name}))));
        let before = app.db.db_dump();
        for path in [&path, &groups[0], &groups[1]] {
            for operation in [
                json!({"op": "remove"}),
                json!({"op": "Remove", "path": null}),
                json!({"op": "remove", "value": "x"}),
            ] {
                client.patch(path, json!([operation])).expect_error(400, Some("noTarget"));
            }
        }
        // After one that would have worked, nothing of either is done.
        let late = json!([{"op": "replace", "path": "displayName", "value": "Other"}, {"op": "remove"}]);
        client.patch(&path, late).expect_error(400, Some("noTarget"));
        // To remove what is not there is no failure, and changes nothing.
        let absent = json!([{"op": "remove", "path": "phoneNumbers[type eq \"fax\"]"}]);
        client.patch(&path, absent).expect(200);
        app.db.db_assert_unchanged(&before);
        // RFC 7644 section 3.5.2.3 has noTarget here too; a filter that names the element makes it instead, as Entra ID
        // expects.
        let fax = json!([{"op": "replace", "path": "phoneNumbers[type eq \"fax\"].value", "value": "1"}]);
        let numbers = client.patch(&path, fax).expect(200).json()["phoneNumbers"].clone();
        assert_eq!(numbers.as_array().map(Vec::len), Some(2), "{numbers}");
        assert_eq!(numbers[1], json!({"value": "1", "type": "fax"}), "{numbers}");
        let before = app.db.db_dump();
        // A filter that names none cannot.
        let unnamed = json!([{"op": "replace", "path": "phoneNumbers[type ne \"fax\" and value sw \"9\"].value", "value": "1"}]);
        client.patch(&path, unnamed).expect_error(400, Some("noTarget"));
        app.db.db_assert_unchanged(&before);
    }
}
