//! What the server has written beside the requests: it comes a moment after the reply.

use std::time::{Duration, Instant};

use serde_json::Value;

use super::app::TestApp;
use super::db::{Tenant, TestDb};

/// How long a row may take on a busy machine.
const PATIENCE: Duration = Duration::from_secs(20);

/// Asks until the answer is good.
#[track_caller]
pub(crate) fn eventually<T>(what: &str, mut ask: impl FnMut() -> Option<T>) -> T {
    let begun = Instant::now();
    loop {
        if let Some(answer) = ask() {
            return answer;
        }
        assert!(begun.elapsed() < PATIENCE, "{what}: not within {PATIENCE:?}");
        std::thread::sleep(Duration::from_millis(20));
    }
}

/// The requests of a tenant that `requests list` prints, the youngest first.
pub(crate) fn listed(db: &TestDb, slug: &str, options: &[&str]) -> Vec<Value> {
    let mut arguments = vec!["requests", "list", "--tenant", slug, "--json"];
    arguments.extend(options);
    let printed = db.cli(&arguments);
    printed.lines().map(|line| serde_json::from_str(line).expect("the program prints JSON")).collect()
}

/// How many requests of a tenant are in the log.
pub(crate) fn count(db: &TestDb, tenant: &Tenant) -> i64 {
    db.db_count("requests", &format!("tenant_id = {}", db.literal(&tenant.id)))
}

/// Waits until so many requests of `acme` are in the log; the oldest first.
#[track_caller]
pub(crate) fn recorded(app: &TestApp, number: usize) -> Vec<Value> {
    let there = || count(&app.db, app.acme()) >= number as i64;
    eventually(&format!("{number} requests in the log"), || there().then_some(()));
    let mut rows = listed(&app.db, app.acme().slug, &[]);
    assert_eq!(rows.len(), number, "{rows:#?}");
    rows.reverse();
    rows
}

/// A row of a tenant in every table of old records.
pub(crate) fn fill(app: &TestApp, tenant: &Tenant) {
    eventually("a request in the log", || (count(&app.db, tenant) > 0).then_some(()));
    let id = app.db.literal(&tenant.id);
    let digest = if id.starts_with('x') { "x'00'" } else { "'\\x00'" };
    app.db.db_execute(&format!(
        "INSERT INTO audit_bases (tenant_id, seq, hash, at) VALUES ({id}, 1, {digest}, '2020-01-01T00:00:00.000000Z')"
    ));
}
