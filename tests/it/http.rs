//! HTTP below SCIM: methods, paths, media types, bodies that are no JSON, headers of every reply, the probes.

use std::io::Write;

use serde_json::{Value, json};

use crate::support::app::TestApp;
use crate::support::backend::{Backend, both};
use crate::support::http::{BASES, SCIM_JSON, user_path};
use crate::support::raw;
use crate::support::users::{full_user, user};

both!(
    methods_that_are_not_there_are_405,
    paths_that_are_not_there_are_404,
    media_types,
    bodies_that_are_no_json,
    every_reply_carries_what_it_should,
    requests_no_client_would_send,
    the_probes_answer,
    a_stop_finishes_what_is_in_flight,
);

fn methods_that_are_not_there_are_405(backend: Backend) {
    let app = TestApp::start(backend);
    let cases: [(&str, &[&str], &[&str]); 8] = [
        ("/Users", &["PUT", "PATCH", "DELETE", "TRACE", "BREW"], &["GET", "POST"]),
        (
            "/Users/2f6c7f0e-6ac1-4a2c-9c3e-0a5b8a7d3f10",
            &["POST", "TRACE", "BREW"],
            &["GET", "PUT", "PATCH", "DELETE"],
        ),
        ("/ServiceProviderConfig", &["POST", "PUT", "PATCH", "DELETE"], &["GET"]),
        ("/ResourceTypes", &["POST", "PUT", "PATCH", "DELETE"], &["GET"]),
        ("/ResourceTypes/User", &["POST", "PUT", "PATCH", "DELETE"], &["GET"]),
        ("/Schemas", &["POST", "PUT", "PATCH", "DELETE"], &["GET"]),
        (
            "/Schemas/urn:ietf:params:scim:schemas:core:2.0:User",
            &["POST", "PUT", "PATCH", "DELETE"],
            &["GET"],
        ),
        ("/Users/.search", &["PUT", "PATCH", "DELETE"], &["POST"]),
    ];
    for base in BASES {
        let client = app.client(base, app.acme());
        for (path, refused, allowed) in cases {
            for method in refused {
                let reply = client.request(method, path).send();
                assert_eq!(reply.status, 405, "{method} {path}: {}", reply.text);
                reply.expect_error(405, None);
                let allow =
                    reply.header("Allow").unwrap_or_else(|| panic!("{method} {path}: 405 needs Allow"));
                let names: Vec<&str> = allow.split(',').map(str::trim).collect();
                for name in allowed {
                    assert!(names.contains(name), "{method} {path}: Allow lacks {name}: {allow}");
                }
                assert!(refused.iter().all(|name| !names.contains(name)), "{method} {path}: {allow}");
            }
        }
    }
}

fn paths_that_are_not_there_are_404(backend: Backend) {
    let app = TestApp::start(backend);
    for base in BASES {
        let client = app.client(base, app.acme());
        for path in [
            "",
            "/",
            "/users",
            "/USERS",
            "/Nothing",
            "/Users/2f6c7f0e-6ac1-4a2c-9c3e-0a5b8a7d3f10/emails",
            "//Users",
            "/Schemas/urn:nobody:knows:this",
            "/ResourceTypes/Nobody",
            "/serviceproviderconfig",
            "/Users/%2e%2e/Schemas",
        ] {
            let reply = client.get(path);
            assert!([400, 404].contains(&reply.status), "{base}{path}: {} {}", reply.status, reply.text);
            reply.expect_error(reply.status, None);
        }
    }
}

fn media_types(backend: Backend) {
    let app = TestApp::start(backend);
    for base in BASES {
        let client = app.client(base, app.acme());
        let good = [
            "application/scim+json",
            "application/scim+json; charset=utf-8",
            "application/scim+json;charset=UTF-8",
            "APPLICATION/SCIM+JSON",
            "application/json",
            "application/json; charset=utf-8",
            "text/plain;charset=UTF-8",
            "text/plain",
        ];
        for (n, content_type) in good.into_iter().enumerate() {
            let body = user(&format!("{n}-{}", base.len())).to_string();
            let reply = client.request("POST", "/Users").body(body, content_type).send();
            assert_eq!(reply.status, 201, "{content_type}: {}", reply.text);
            assert_eq!(reply.header("Content-Type"), Some(SCIM_JSON), "{content_type}");
        }
        let before = app.db_users(app.acme());
        for content_type in [
            "application/x-www-form-urlencoded",
            "multipart/form-data; boundary=x",
            "text/html",
            "application/xml",
            "image/png",
            "nonsense",
        ] {
            let reply = client.request("POST", "/Users").body(user("never").to_string(), content_type).send();
            assert_eq!(reply.status, 415, "{content_type}: {}", reply.text);
            reply.expect_error(415, None);
        }
        for encoding in ["gzip", "br", "deflate"] {
            let request =
                client.request("POST", "/Users").json(&user("never")).header("Content-Encoding", encoding);
            request.send().expect_error(415, None);
        }
        assert_eq!(app.db_users(app.acme()), before, "nothing was stored");
        for accept in
            [SCIM_JSON, "application/json", "*/*", "text/html;q=0.9, application/json;q=0.1", "image/png", ""]
        {
            let reply = client.request("GET", "/Users?count=1").header("Accept", accept).send();
            assert_eq!(
                (reply.status, reply.header("Content-Type")),
                (200, Some(SCIM_JSON)),
                "Accept: {accept}"
            );
        }
    }
}

fn nested(depth: usize) -> String {
    // The object of the user is the first level.
    format!("{{\"userName\":\"deep@example.com\",\"x\":{}1{}}}", "[".repeat(depth - 1), "]".repeat(depth - 1))
}

fn bodies_that_are_no_json(backend: Backend) {
    let app = TestApp::start(backend);
    let client = app.rfc();
    let before = app.db.db_dump();
    let long_number = format!("{{\"userName\":\"a\",\"profile\":{{\"n\":{}}}}}", "9".repeat(4_000));
    let cases: Vec<(&str, Vec<u8>, &str)> = vec![
        ("nothing", b"".to_vec(), "invalidSyntax"),
        ("blanks", b"  ".to_vec(), "invalidSyntax"),
        ("half an object", b"{\"userName\":".to_vec(), "invalidSyntax"),
        ("more than one value", b"{\"userName\":\"a\"} {}".to_vec(), "invalidSyntax"),
        ("a trailing comma", b"{\"userName\":\"a\",}".to_vec(), "invalidSyntax"),
        ("a comment", b"{/* */\"userName\":\"a\"}".to_vec(), "invalidSyntax"),
        ("single quotes", b"{'userName':'a'}".to_vec(), "invalidSyntax"),
        ("NaN", b"{\"userName\":\"a\",\"x\":NaN}".to_vec(), "invalidSyntax"),
        ("a lone surrogate", b"{\"userName\":\"\\ud800\"}".to_vec(), "invalidSyntax"),
        ("invalid UTF-8", b"{\"userName\":\"\xff\"}".to_vec(), "invalidSyntax"),
        ("overlong UTF-8", b"{\"userName\":\"\xc0\xaf\"}".to_vec(), "invalidSyntax"),
        ("a byte order mark", b"\xef\xbb\xbf{\"userName\":\"a\"}".to_vec(), "invalidSyntax"),
        ("a key twice", b"{\"userName\":\"a\",\"userName\":\"b\"}".to_vec(), "invalidSyntax"),
        ("a key twice in another case", b"{\"userName\":\"a\",\"USERNAME\":\"b\"}".to_vec(), "invalidSyntax"),
        (
            "a key twice below",
            b"{\"userName\":\"a\",\"name\":{\"givenName\":\"a\",\"givenname\":\"b\"}}".to_vec(),
            "invalidSyntax",
        ),
        (
            "a key twice in a list",
            b"{\"userName\":\"a\",\"emails\":[{\"value\":\"a\",\"value\":\"b\"}]}".to_vec(),
            "invalidSyntax",
        ),
        ("33 levels", nested(33).into_bytes(), "invalidSyntax"),
        ("100,000 levels", nested(100_000).into_bytes(), "invalidSyntax"),
        ("an open end of 100,000 levels", "[".repeat(100_000).into_bytes(), "invalidSyntax"),
        ("1e400", b"{\"userName\":\"a\",\"profile\":{\"n\":1e400}}".to_vec(), "either"),
        ("4,000 digits", long_number.into_bytes(), "either"),
        ("NUL", b"{\"userName\":\"a\\u0000b\"}".to_vec(), "either"),
        ("NUL in another attribute", b"{\"userName\":\"a\",\"title\":\"a\\u0000b\"}".to_vec(), "either"),
        (
            "NUL in a profile key",
            b"{\"userName\":\"a\",\"profile\":{\"a\\u0000b\":\"c\"}}".to_vec(),
            "either",
        ),
    ];
    let mut wrong = Vec::new();
    for (what, body, keyword) in cases {
        let reply = client.request("POST", "/Users").body(body, SCIM_JSON).send();
        let got = if reply.status == 400 {
            reply.json()["scimType"].as_str().unwrap_or_default().to_owned()
        } else {
            String::new()
        };
        let good = if keyword == "either" {
            ["invalidSyntax", "invalidValue"].contains(&got.as_str())
        } else {
            got == keyword
        };
        if !good {
            wrong.push(format!("{what}: expected 400 {keyword}, got {} {:.200}", reply.status, reply.text));
        }
    }
    assert!(wrong.is_empty(), "{} cases:\n{}", wrong.len(), wrong.join("\n"));
    app.db.db_assert_unchanged(&before);
    client.request("POST", "/Users").body(nested(32), SCIM_JSON).send().expect(201);
}

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
        // Another origin's page is told nothing.
        let reply = client.request("GET", "/Users").header("Origin", "https://evil.test").send();
        assert!(
            !reply.headers.iter().any(|(name, _)| name.starts_with("access-control-")),
            "{:?}",
            reply.headers
        );
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
