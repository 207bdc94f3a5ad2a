//! Requests that go on when their token ends.

use std::io::{Read, Write};
use std::time::{Duration, Instant};

use serde_json::{Value, json};

use super::{scim, token};
use crate::support::app::TestApp;
use crate::support::backend::{Backend, both};
use crate::support::http::{ERROR, Reply};
use crate::support::raw;
use crate::support::users::{user, with};

both!(
    a_bulk_request_ends_with_its_token,
    a_bulk_request_ends_with_its_tenant,
    a_long_list_ends_with_its_token,
);

/// What the last operation that was begun may add to the second in which an end is seen.
const OPERATION: Duration = Duration::from_millis(500);

/// Sends a thousand operations, ends the right to do so in their midst, and gives the statuses.
fn in_the_midst(app: &TestApp, secret: &str, end: impl FnOnce()) -> Vec<Value> {
    // Each with many values to be indexed, so that all of them take some seconds.
    let profile: serde_json::Map<String, Value> = (0..100).map(|n| (format!("k{n}"), json!(n))).collect();
    let operation = |n: usize| {
        let data = with(user(&format!("u{n}")), json!({"profile": profile}));
        json!({"method": "POST", "path": "/Users", "bulkId": n.to_string(), "data": data})
    };
    let operations: Vec<Value> = (0..1_000).map(operation).collect();
    let message =
        json!({"schemas": ["urn:ietf:params:scim:api:messages:2.0:BulkRequest"], "Operations": operations});
    let client = scim(app, secret);
    let reply: Reply = std::thread::scope(|scope| {
        let request = scope.spawn(|| client.post("/Bulk", &message));
        let begun = Instant::now();
        while app.db_users(app.acme()) == 0 {
            assert!(begun.elapsed() < Duration::from_secs(20), "nothing is done");
        }
        end();
        let ended = Instant::now();
        let reply = request.join().unwrap();
        let late = ended.elapsed();
        assert!(late < Duration::from_secs(1) + OPERATION, "it went on for {late:?}");
        reply
    });
    let outcomes = reply.expect(200).json()["Operations"].as_array().unwrap().clone();
    assert_eq!(outcomes.len(), 1_000, "each operation has its answer");
    let done = outcomes.iter().take_while(|outcome| outcome["status"] == "201").count();
    assert!(done > 0 && done < 1_000, "{done} were done");
    assert_eq!(app.db_users(app.acme()), i64::try_from(done).unwrap(), "what was refused is not done");
    outcomes[done..].to_vec()
}

#[track_caller]
fn all_refused(outcomes: &[Value], status: &str) {
    for outcome in outcomes {
        assert_eq!((&outcome["status"], &outcome["response"]["status"]), (&json!(status), &json!(status)));
        assert_eq!(outcome["response"]["schemas"], json!([ERROR]), "{outcome}");
    }
}

fn a_bulk_request_ends_with_its_token(backend: Backend) {
    let app = TestApp::start(backend);
    let (id, secret) = token(&app);
    let refused = in_the_midst(&app, &secret, || {
        app.db.cli(&["token", "revoke", "--tenant", "acme", &id]);
    });
    all_refused(&refused, "401");
}

fn a_bulk_request_ends_with_its_tenant(backend: Backend) {
    let app = TestApp::start(backend);
    let (_, secret) = token(&app);
    let refused = in_the_midst(&app, &secret, || {
        app.db.cli(&["tenant", "suspend", "acme"]);
    });
    all_refused(&refused, "403");
}

fn a_long_list_ends_with_its_token(backend: Backend) {
    const USERS: usize = 100;
    let app = TestApp::start(backend);
    let profile: serde_json::Map<String, Value> =
        (0..100).map(|n| (format!("key{n}"), json!("x".repeat(1_000)))).collect();
    for n in 0..USERS {
        app.qa().create(&with(user(&format!("wide{n}")), json!({"profile": profile})));
    }
    let (id, secret) = token(&app);
    let read = |end: &dyn Fn()| {
        let mut stream = raw::connect(app.server.address());
        let request = format!(
            "GET /api/v1/scim/v2/Users?count={USERS} HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer {secret}\r\nConnection: close\r\n\r\n"
        );
        stream.write_all(request.as_bytes()).unwrap();
        let mut said = vec![0; 1_024];
        stream.read_exact(&mut said).unwrap();
        end();
        // The end of the connection, or that it was broken.
        let _ = stream.read_to_end(&mut said);
        String::from_utf8_lossy(&said).into_owned()
    };
    let whole = read(&|| {});
    assert!(
        whole.starts_with("HTTP/1.1 200") && whole.ends_with("0\r\n\r\n"),
        "a reply that is taken is whole"
    );
    let cut = read(&|| {
        app.db.cli(&["token", "revoke", "--tenant", "acme", &id]);
        std::thread::sleep(Duration::from_secs(1));
    });
    assert!(
        cut.starts_with("HTTP/1.1 200") && !cut.ends_with("0\r\n\r\n"),
        "the rest was sent after the end"
    );
    assert!(cut.len() < whole.len() * 9 / 10, "{} of {} bytes", cut.len(), whole.len());
    assert!(app.server.log_text().contains("reply cut short"));
}
