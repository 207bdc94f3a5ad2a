//! Conditional requests: entity tags, `If-Match`, `If-None-Match`, and two writers with one version.

use std::sync::Barrier;

use serde_json::json;

use crate::support::app::TestApp;
use crate::support::backend::{Backend, both};
use crate::support::http::{BASES, user_path};
use crate::support::users::{user, with};

both!(tags_follow_the_version, a_failed_condition_changes_nothing, of_two_writers_one_wins);

fn tags_follow_the_version(backend: Backend) {
    let app = TestApp::start(backend);
    for base in BASES {
        let client = app.client(base, app.acme());
        let made = client.post("/Users", &user(&format!("u{}", base.len())));
        let path = user_path(&made.expect(201).json());
        let first = made.header("ETag").unwrap().to_owned();
        assert!(first.starts_with("W/\""), "a weak tag: {first}");
        let get = |name: &str, value: &str| client.request("GET", &path).header(name, value).send();
        let same = get("If-None-Match", &first);
        assert_eq!((same.expect(304).text.as_str(), same.header("ETag")), ("", Some(first.as_str())));
        let strong = first.strip_prefix("W/").unwrap();
        for tags in ["*", strong, &format!("\"x\", {first}"), &format!("W/\"0\",{first}")] {
            get("If-None-Match", tags).expect(304);
        }
        for tags in ["W/\"77\"", "\"x\"", "x", ""] {
            get("If-None-Match", tags).expect(200);
        }
        get("If-Match", &first).expect(200);
        get("If-Match", "W/\"77\"").expect_error(412, None);

        let patch = json!({"Operations": [{"op": "replace", "path": "title", "value": "x"}]});
        let reply = client.request("PATCH", &path).header("If-Match", &first).json(&patch).send();
        let second = reply.expect(200).header("ETag").unwrap().to_owned();
        assert_ne!(first, second);
        assert_eq!(reply.json()["meta"]["version"], second.as_str());
        get("If-None-Match", &first).expect(200);
        get("If-None-Match", &second).expect(304);
        // A list has a tag for none or for all of it; each resource has its version.
        assert_eq!(client.get("/Users").resources().last().unwrap()["meta"]["version"], second.as_str());
    }
}

fn a_failed_condition_changes_nothing(backend: Backend) {
    let app = TestApp::start(backend);
    let client = app.rfc();
    let path = user_path(&client.create(&user("mia")));
    let before = app.db.db_dump();
    for (name, value) in [
        ("If-Match", "W/\"77\""),
        ("If-Match", "\"\""),
        ("If-Match", "nonsense"),
        ("If-None-Match", "*"),
        ("If-None-Match", "W/\"1\""),
    ] {
        let patch = json!({"Operations": [{"op": "replace", "path": "title", "value": "x"}]});
        for (method, body) in [
            ("PUT", Some(with(user("mia"), json!({"title": "x"})))),
            ("PATCH", Some(patch)),
            ("DELETE", None),
        ] {
            let mut request = client.request(method, &path).header(name, value);
            if let Some(body) = &body {
                request = request.json(body);
            }
            let reply = request.send();
            assert_eq!(reply.status, 412, "{method} with {name}: {value}: {}", reply.text);
            reply.expect_error(412, None);
        }
    }
    app.db.db_assert_unchanged(&before);
    for value in ["*", "W/\"1\"", "\"1\"", "W/\"9\", W/\"1\""] {
        client.request("PUT", &path).header("If-Match", value).json(&user("mia")).send().expect(200);
        assert_eq!(
            client.get(&path).header("ETag"),
            Some("W/\"1\""),
            "a PUT of what is there changes nothing"
        );
    }
    client.request("DELETE", &path).header("If-Match", "W/\"1\"").send().expect(204);
}

fn of_two_writers_one_wins(backend: Backend) {
    let app = TestApp::start(backend);
    let client = app.rfc();
    let path = user_path(&client.create(&user("mia")));
    const ROUNDS: i64 = 100;
    for round in 1..=ROUNDS {
        let tag = format!("W/\"{round}\"");
        let start = Barrier::new(2);
        let put = |writer: &str| {
            let body = with(user("mia"), json!({"title": format!("{round} {writer}")}));
            start.wait();
            client.request("PUT", &path).header("If-Match", &tag).json(&body).send()
        };
        let replies = std::thread::scope(|scope| {
            ["one", "two"].map(|writer| scope.spawn(move || put(writer))).map(|thread| thread.join().unwrap())
        });
        let mut statuses = replies.each_ref().map(|reply| reply.status);
        statuses.sort_unstable();
        assert_eq!(statuses, [200, 412], "round {round}: {} / {}", replies[0].text, replies[1].text);
        let winner = replies.iter().find(|reply| reply.status == 200).unwrap().json();
        assert_eq!(client.get(&path).json(), winner, "round {round}: what stays is what the winner wrote");
    }
    assert_eq!(app.db.db_count("changes", "action = 'updated'"), ROUNDS, "one change per round");
}
