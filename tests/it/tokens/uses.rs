//! How a token was last used.

use std::time::{Duration, Instant};

use serde_json::Value;

use super::{READ, rotate, scim, secret_of, show, token};
use crate::support::app::TestApp;
use crate::support::backend::{Backend, both};

both!(
    a_use_is_shown_soon,
    what_was_noted_is_written_at_the_end,
    each_secret_says_when_it_was_used,
    who_was_refused_has_used_nothing,
);

/// Longer than uses wait to be written.
const SOON: Duration = Duration::from_secs(10);

/// The token as soon as this holds of it.
#[track_caller]
fn eventually(app: &TestApp, id: &str, holds: impl Fn(&Value) -> bool) -> Value {
    let asked = Instant::now();
    loop {
        let shown = show(app, id);
        if holds(&shown) {
            return shown;
        }
        assert!(asked.elapsed() < SOON, "{shown}");
        std::thread::sleep(Duration::from_millis(200));
    }
}

fn a_use_is_shown_soon(backend: Backend) {
    let app = TestApp::start(backend);
    let (id, secret) = token(&app);
    assert_eq!(show(&app, &id)["lastUsed"], Value::Null);
    let client = scim(&app, &secret);
    let long = "a".repeat(257);
    client.request("GET", READ).header("User-Agent", "Okta SCIM Client 1.0.0").send().expect(200);
    let shown = eventually(&app, &id, |shown| shown["lastUsed"].is_object());
    let first = shown["lastUsed"].clone();
    assert_eq!(
        (&first["address"], &first["userAgent"]),
        (&"127.0.0.1".into(), &"Okta SCIM Client 1.0.0".into())
    );
    assert!(first["at"].as_str() >= shown["createdAt"].as_str(), "{shown}");
    // What a token may not do uses it too.
    client.request("GET", "/Nothing").header("User-Agent", &long).send().expect(404);
    let shown = eventually(&app, &id, |shown| shown["lastUsed"]["at"] != first["at"]);
    assert_eq!(shown["lastUsed"]["userAgent"], long[..256]);
    // It is no change that anybody is told of.
    assert_eq!(app.db.db_count("audit_log", "action NOT IN ('token_created')"), 0);
    let lines = app.db.cli(&["token", "list", "--tenant", "acme"]);
    assert!(lines.contains(&format!("used {}", shown["lastUsed"]["at"].as_str().unwrap())), "{lines}");
}

fn what_was_noted_is_written_at_the_end(backend: Backend) {
    let mut app = TestApp::start(backend);
    let (id, secret) = token(&app);
    scim(&app, &secret).get(READ).expect(200);
    assert_eq!(app.server.terminate(), Some(0));
    assert!(show(&app, &id)["lastUsed"].is_object());
}

fn each_secret_says_when_it_was_used(backend: Backend) {
    let app = TestApp::start(backend);
    let (id, first) = token(&app);
    scim(&app, &first).get(READ).expect(200);
    eventually(&app, &id, |shown| shown["lastUsed"].is_object());
    let second = secret_of(&rotate(&app, &id, "7d"));
    assert_eq!(show(&app, &id)["previousSecret"]["lastUsedAt"], Value::Null, "not since it was replaced");
    scim(&app, &second).get(READ).expect(200);
    let before = show(&app, &id)["lastUsed"]["at"].clone();
    let shown = eventually(&app, &id, |shown| shown["lastUsed"]["at"] != before);
    assert_eq!(shown["previousSecret"]["lastUsedAt"], Value::Null, "{shown}");
    // Longer than a look-up is remembered.
    std::thread::sleep(Duration::from_millis(600));
    scim(&app, &first).get(READ).expect(200);
    let shown = eventually(&app, &id, |shown| !shown["previousSecret"]["lastUsedAt"].is_null());
    assert_eq!(shown["previousSecret"]["lastUsedAt"], shown["lastUsed"]["at"]);
}

fn who_was_refused_has_used_nothing(backend: Backend) {
    let mut app = TestApp::start(backend);
    let (id, secret) = token(&app);
    app.db.cli(&["token", "revoke", "--tenant", "acme", &id]);
    scim(&app, &secret).get(READ).expect_error(401, None);
    assert_eq!(app.server.terminate(), Some(0));
    assert_eq!(show(&app, &id)["lastUsed"], Value::Null);
}
