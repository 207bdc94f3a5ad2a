//! HTTP below SCIM: headers of every reply, odd requests, the probes, a stop. Hostile ones are in `attacks`.

use std::io::Write;

use serde_json::{Value, json};

use crate::support::app::TestApp;
use crate::support::backend::{Backend, both};
use crate::support::http::{BASES, SCIM_JSON, user_path};
use crate::support::raw;
use crate::support::users::{full_user, user};

both!(
    every_reply_carries_what_it_should,
    requests_no_client_would_send,
    the_probes_answer,
    a_stop_finishes_what_is_in_flight,
);

fn every_reply_carries_what_it_should(backend: Backend) {
    let app = TestApp::start(backend);
    for base in BASES {
        let client = app.client(base, app.acme());
        let made = client.post("/Users", &full_user(&format!("u{}", base.len())));
        let path = user_path(&made.expect(201).json());
        let stranger = app.client_with(base, None);
        let mut seen = std::collections::BTreeSet::new();
        for reply in [
            made,
            client.get("/Users"),
            client.get(&path),
            client.request("GET", &path).header("If-None-Match", "W/\"1\"").send(),
            client.get("/Users/nobody"),
            client.get("/Nothing"),
            client.get("/Schemas"),
            client.request("PUT", "/Users").send(),
            client.post("/Users", &json!({})),
            stranger.get("/Users"),
            client.delete(&path),
        ] {
            let header = |name: &str| reply.header(name);
            assert_eq!(header("Cache-Control"), Some("no-store"), "{}", reply.what);
            assert_eq!(header("X-Content-Type-Options"), Some("nosniff"), "{}", reply.what);
            assert_eq!(header("Server"), None, "{}", reply.what);
            assert!(
                !reply.headers.iter().any(|(name, _)| name.starts_with("access-control-")),
                "{}",
                reply.what
            );
            let id = header("X-Request-Id").unwrap_or_else(|| panic!("{}: no request id", reply.what));
            assert!(seen.insert(id.to_owned()), "{}: the request id {id} was given before", reply.what);
            if !reply.text.is_empty() {
                assert_eq!(header("Content-Type"), Some(SCIM_JSON), "{}", reply.what);
            }
        }
    }
    // The log has one line per request, with the route and not the query or the token.
    app.rfc().get("/Users?filter=userName%20eq%20%22canary%40example.com%22").expect(200);
    let log = app.server.log_text();
    assert!(!log.contains("canary"), "the log holds a value of a query");
    assert!(!log.contains(&app.acme().token), "the log holds a token");
}

fn requests_no_client_would_send(backend: Backend) {
    let mut app = TestApp::start(backend);
    let auth = format!("Authorization: Bearer {}\r\n", app.acme().token);
    let post =
        |more: &str, body: &str| format!("POST /scim/v2/Users HTTP/1.1\r\nHost: x\r\n{auth}{more}\r\n{body}");
    let body = user("raw").to_string();
    let chunked = |body: &str| format!("{:x}\r\n{body}\r\n0\r\n\r\n", body.len());
    let cases: Vec<(&str, String, &[u16])> = vec![
        ("no content type", post(&format!("Content-Length: {}\r\n", body.len()), &body), &[201, 415]),
        (
            "a chunked body",
            post(
                "Content-Type: application/json\r\nTransfer-Encoding: chunked\r\n",
                &chunked(&user("chunked").to_string()),
            ),
            &[201],
        ),
        (
            "two lengths",
            post("Content-Type: application/json\r\nContent-Length: 5\r\nContent-Length: 6\r\n", "{}   "),
            &[400],
        ),
        (
            "a length and chunks",
            post(
                "Content-Type: application/json\r\nContent-Length: 5\r\nTransfer-Encoding: chunked\r\n",
                "0\r\n\r\n",
            ),
            &[400],
        ),
        ("a negative length", post("Content-Type: application/json\r\nContent-Length: -5\r\n", ""), &[400]),
        ("no version", "GET /scim/v2/Users\r\n\r\n".into(), &[400]),
        ("another protocol", "\u{16}\u{3}\u{1}\u{2}\r\n\r\n".into(), &[400]),
        ("NUL in the path", format!("GET /scim/v2/Users/\0 HTTP/1.1\r\nHost: x\r\n{auth}\r\n"), &[400]),
        (
            "an absolute target",
            format!("GET http://evil.test/scim/v2/Users HTTP/1.1\r\nHost: x\r\n{auth}\r\n"),
            &[200, 400, 404],
        ),
    ];
    for (what, request, expected) in cases {
        let reply = raw::exchange(app.server.address(), request.as_bytes());
        assert!(expected.contains(&reply.status), "{what}: got {} {}", reply.status, reply.text);
        assert!(
            !reply.text.contains("evil"),
            "{what}: an address of the request is in the reply: {}",
            reply.text
        );
    }
    // A Host header decides nothing.
    let request = format!(
        "POST /scim/v2/Users HTTP/1.1\r\nHost: evil.test\r\n{auth}Content-Type: application/json\r\nContent-Length: {}\r\n\r\n{}",
        user("host").to_string().len(),
        user("host")
    );
    let made: Value =
        serde_json::from_str(&raw::exchange(app.server.address(), request.as_bytes()).text).unwrap();
    assert!(made["meta"]["location"].as_str().unwrap().starts_with(&app.server.url), "{made}");
    assert!(app.server.is_running());
}

fn the_probes_answer(backend: Backend) {
    let app = TestApp::start(backend);
    let client = app.client_with("", None);
    for path in ["/healthz", "/readyz"] {
        client.get(path).expect(200);
    }
    // Outside the bases nothing else is there, and nothing is told.
    for path in ["/", "/scim", "/api/v1", "/metrics", "/scim/v3/Users"] {
        let reply = client.get(path);
        assert!([401, 404].contains(&reply.status), "{path}: {} {}", reply.status, reply.text);
    }
}

fn a_stop_finishes_what_is_in_flight(backend: Backend) {
    let mut app = TestApp::start(backend);
    let body = user("last").to_string();
    let head = format!(
        "POST /scim/v2/Users HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer {}\r\nContent-Type: application/json\r\nContent-Length: {}\r\n\r\n",
        app.acme().token,
        body.len()
    );
    let mut stream = raw::connect(app.server.address());
    // The request has begun when the server has read its head: half of the body follows at once, the rest later.
    stream.write_all(head.as_bytes()).unwrap();
    stream.write_all(&body.as_bytes()[..10]).unwrap();
    app.rfc().get("/Users").expect(200);
    let rest = body.clone();
    let waiting = std::thread::spawn(move || {
        stream.write_all(&rest.as_bytes()[10..]).unwrap();
        raw::read_reply(&mut stream, "the request in flight").status
    });
    assert_eq!(app.server.terminate(), Some(0), "SIGTERM ends with exit code 0");
    assert_eq!(waiting.join().unwrap(), 201, "what was in flight is answered");
    assert_eq!(app.db_users(app.acme()), 1);
}
