//! `/Bulk`: what all its tests need, and one module per matter.

mod dialogue;
mod gates;
mod operations;
mod references;
mod sizes;

use serde_json::{Value, json};

use crate::support::app::TestApp;
use crate::support::http::{Client, Reply};

/// URN of bulk requests.
const BULK_REQUEST: &str = "urn:ietf:params:scim:api:messages:2.0:BulkRequest";
/// URN of their answers.
const BULK_RESPONSE: &str = "urn:ietf:params:scim:api:messages:2.0:BulkResponse";

/// A bulk request with these operations.
fn request(operations: &Value) -> Value {
    json!({"schemas": [BULK_REQUEST], "Operations": operations})
}

/// Sends operations.
fn send(client: &Client, operations: &Value) -> Reply {
    client.post("/Bulk", &request(operations))
}

/// Sends operations, and gives what became of them.
#[track_caller]
fn outcomes(client: &Client, operations: &Value) -> Vec<Value> {
    read(&send(client, operations))
}

/// The operations of a BulkResponse, each with what every one has.
#[track_caller]
fn read(reply: &Reply) -> Vec<Value> {
    let body = reply.expect(200).json();
    assert_eq!(body["schemas"], json!([BULK_RESPONSE]), "{}", reply.text);
    let operations = body["Operations"].as_array().expect("a list of operations").clone();
    for operation in &operations {
        let status = operation["status"].as_str().expect("the status is a text");
        let failed = !status.starts_with('2');
        assert_eq!(operation.get("response").is_some(), failed, "{operation}");
        if failed {
            assert_eq!(operation["response"]["status"], status, "{operation}");
            assert!(operation["response"]["detail"].is_string(), "{operation}");
        }
    }
    operations
}

/// The statuses of the operations.
fn statuses(outcomes: &[Value]) -> Vec<&str> {
    outcomes.iter().map(|outcome| outcome["status"].as_str().unwrap()).collect()
}

/// The id of the resource that an operation was about.
#[track_caller]
fn id_in(outcome: &Value) -> &str {
    let location = outcome["location"].as_str().unwrap_or_else(|| panic!("no location: {outcome}"));
    location.rsplit('/').next().unwrap()
}

/// POST of a user.
fn post_user(bulk_id: &str, user: Value) -> Value {
    json!({"method": "POST", "path": "/Users", "bulkId": bulk_id, "data": user})
}

/// Rows of audit log and change feed.
fn db_rows(app: &TestApp) -> (i64, i64) {
    (app.db.db_count("audit_log", "1 = 1"), app.db.db_count("changes", "1 = 1"))
}

/// The numbers below `count` in an order that has nothing to do with them, the same in each run.
fn shuffled(count: usize) -> Vec<usize> {
    let mut numbers: Vec<usize> = (0..count).collect();
    let mut state = 7_u64;
    for last in (1..count).rev() {
        state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        numbers.swap(last, (state >> 33) as usize % (last + 1));
    }
    numbers
}
