//! What happens at the same time.

use std::sync::atomic::{AtomicBool, Ordering};

use serde_json::json;

use super::{COLLECTION, apply, example, least, try_apply, with_example};
use crate::support::backend::{Backend, both};
use crate::support::http::id_of;
use crate::support::users::with;

both!(a_unique_value_is_given_once, no_write_is_judged_by_former_definitions);

fn a_unique_value_is_given_once(backend: Backend) {
    let app = with_example(backend);
    let client = app.rfc();
    let statuses: Vec<u16> = std::thread::scope(|scope| {
        let post = |n: usize| {
            let client = client.clone();
            let body = with(least(&format!("t{n}")), json!({"number": if n < 25 { "one" } else { "ONE" }}));
            move || client.post(COLLECTION, &body).status
        };
        let all: Vec<_> = (0..50).map(|n| scope.spawn(post(n))).collect();
        all.into_iter().map(|thread| thread.join().unwrap()).collect()
    });
    assert_eq!(statuses.iter().filter(|status| **status == 201).count(), 1, "{statuses:?}");
    assert_eq!(statuses.iter().filter(|status| **status == 409).count(), 49, "{statuses:?}");
    assert_eq!(app.db.db_count("unique_values", "path = 'number'"), 1);
    assert_eq!(client.get(COLLECTION).total(), 1);
}

/// While clients write free states, the tenant closes the list of states. Whatever was acknowledged afterwards is one
/// of the list, and whatever stood against it made the application fail.
fn no_write_is_judged_by_former_definitions(backend: Backend) {
    let app = with_example(backend);
    let client = app.rfc();
    let mut closed = example();
    closed["schemas"][0]["attributes"][1]["canonicalValues"] = json!(["good"]);
    let stop = AtomicBool::new(false);
    std::thread::scope(|scope| {
        for writer in 0..2 {
            let (client, stop) = (client.clone(), &stop);
            scope.spawn(move || {
                let mut refused = 0;
                let mut number = 0;
                while !stop.load(Ordering::Relaxed) {
                    number += 1;
                    let body = with(least(&format!("w{writer}-{number}")), json!({"code": "bad"}));
                    let reply = client.post(COLLECTION, &body);
                    match reply.status {
                        201 => {
                            client.delete(&format!("{COLLECTION}/{}", id_of(&reply.json())));
                        }
                        400 | 503 => refused += 1,
                        other => panic!("{other}: {}", reply.text),
                    }
                }
                refused
            });
        }
        let deadline = std::time::Instant::now() + std::time::Duration::from_secs(20);
        while !try_apply(&app.db, "acme", &closed).0 {
            assert!(std::time::Instant::now() < deadline, "the definitions never fitted");
        }
        std::thread::sleep(std::time::Duration::from_millis(1_500));
        stop.store(true, Ordering::Relaxed);
    });
    let bad = "resource_type = 'TestResource' AND deleted_at IS NULL AND document LIKE '%bad%'";
    assert_eq!(app.db.db_count("resources", bad), 0, "a write was judged by former definitions");
    client
        .post(COLLECTION, &with(least("x"), json!({"code": "bad"})))
        .expect_error(400, Some("invalidValue"));
    client.post(COLLECTION, &with(least("x"), json!({"code": "good"}))).expect(201);
    apply(&app.db, "acme", &closed);
    assert_eq!(app.db.db_count("audit_log", "action = 'schema_applied'"), 2);
}
