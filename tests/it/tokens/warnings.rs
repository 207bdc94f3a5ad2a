//! Tokens that end soon.

use std::time::{Duration, Instant};

use chrono::{TimeDelta, Utc};
use serde_json::{Value, json};

use super::{show, token};
use crate::support::app::TestApp;
use crate::support::backend::{Backend, both};
use crate::support::program::Server;

both!(each_threshold_is_told_once, who_chose_a_short_life_is_not_told);

/// Lets the tokens of this name end in so many hours.
fn end_in(app: &TestApp, name: &str, hours: i64) {
    let end = (Utc::now() + TimeDelta::hours(hours)).format("%Y-%m-%dT%H:%M:%S%.6fZ");
    app.db.db_execute(&format!("UPDATE api_tokens SET expires_at = '{end}' WHERE name = '{name}'"));
}

/// Warnings in the audit log, in their order.
fn warnings(app: &TestApp) -> Vec<String> {
    app.db.db_texts(
        "SELECT warning AS value FROM audit_log WHERE action = 'token_expires_soon' ORDER BY at, tenant_id, seq",
    )
}

/// Two processes that look at the tokens when they start, and what they have told then.
fn look(app: &TestApp, expected: usize) -> Vec<String> {
    let servers = [(); 2].map(|()| Server::start(&app.db.folder, &app.db.url));
    let asked = Instant::now();
    while warnings(app).len() < expected {
        assert!(asked.elapsed() < Duration::from_secs(10), "{:?}", warnings(app));
        std::thread::sleep(Duration::from_millis(50));
    }
    // Time for one too many.
    std::thread::sleep(Duration::from_millis(500));
    drop(servers);
    warnings(app)
}

fn each_threshold_is_told_once(backend: Backend) {
    let app = TestApp::start(backend);
    let (id, _) = token(&app);
    let warning = || show(&app, &id)["warning"].clone();
    let mut expected: Vec<&str> = Vec::new();
    assert_eq!((warning(), look(&app, 0).len()), (Value::Null, 0));
    for (hours, text) in [
        (30 * 24 + 1, None),
        (30 * 24 - 1, Some("expires within 30 days")),
        (20 * 24, Some("expires within 30 days")),
        (7 * 24 - 1, Some("expires within 7 days")),
        (23, Some("expires within 1 day")),
        (1, Some("expires within 1 day")),
        (-1, None),
    ] {
        end_in(&app, "okta", hours);
        assert_eq!(warning(), json!(text), "{hours}");
        expected.extend(text.filter(|text| expected.last() != Some(text)));
        assert_eq!(look(&app, expected.len()), expected, "{hours}");
    }
    let log = app.db.cli(&["audit", "list", "--tenant", "acme", "--action", "token_expires_soon", "--json"]);
    assert_eq!(log.lines().count(), 3);
    assert!(log.contains(&id), "{log}");
    app.db.cli(&["audit", "verify", "--tenant", "acme"]);
    let lines = app.db.cli(&["token", "list", "--tenant", "acme"]);
    assert!(lines.contains("expired"), "{lines}");
}

fn who_chose_a_short_life_is_not_told(backend: Backend) {
    let app = TestApp::start(backend);
    let create = ["token", "create", "--tenant", "acme", "--expires-in"];
    app.db.cli(&[&create[..], &["20d", "--name", "weeks"]].concat());
    app.db.cli(&[&create[..], &["12h", "--name", "hours"]].concat());
    app.db.cli(&[&create[..], &["never", "--name", "never"]].concat());
    let gone = app.db.cli_json(&[&create[..], &["90d", "--name", "gone"]].concat());
    app.db.cli(&["token", "revoke", "--tenant", "acme", gone["id"].as_str().unwrap()]);
    end_in(&app, "gone", 1);
    assert_eq!(look(&app, 0).len(), 0);
    end_in(&app, "weeks", 6 * 24);
    assert_eq!(look(&app, 1), ["expires within 7 days"]);
    // A new secret has an end of its own.
    let weeks = app.db.cli_json(&["token", "list", "--tenant", "acme"]);
    let weeks = weeks.as_array().unwrap().iter().find(|one| one["name"] == "weeks").unwrap().clone();
    app.db.cli(&[
        "token",
        "rotate",
        "--tenant",
        "acme",
        weeks["id"].as_str().unwrap(),
        "--expires-in",
        "90d",
    ]);
    end_in(&app, "weeks", 6 * 24);
    assert_eq!(look(&app, 2).len(), 2);
}
