//! Bodies that are no JSON, or JSON that readers disagree about. Every verb with a body refuses them alike.

use serde_json::json;

use crate::support::app::TestApp;
use crate::support::backend::{Backend, both};
use crate::support::http::{BASES, SCIM_JSON, user_path};
use crate::support::users::user;

both!(case_76_keys_sent_twice, case_78_nested_bodies, case_79_numbers, case_81_no_utf8, other_defects);

/// A name, a body, and the keyword it is refused with; `either` stands for both.
type Case = (&'static str, Vec<u8>, &'static str);

/// Sends each body with each verb to each base: it is refused, and nothing has changed.
fn check(backend: Backend, cases: Vec<Case>) {
    let mut app = TestApp::start(backend);
    let path = user_path(&app.rfc().create(&user("mia")));
    let before = app.db.db_dump();
    let mut wrong = Vec::new();
    for base in BASES {
        let client = app.client(base, app.acme());
        for (method, path) in [
            ("POST", "/Users"),
            ("PUT", &path),
            ("PATCH", &path),
            ("POST", "/Users/.search"),
            ("POST", "/.search"),
        ] {
            for (what, body, keyword) in &cases {
                let reply = client.request(method, path).body(body.clone(), SCIM_JSON).send();
                let fits = |got: &str| match *keyword {
                    "either" => ["invalidSyntax", "invalidValue"].contains(&got),
                    keyword => got == keyword,
                };
                if reply.status != 400 || !reply.json()["scimType"].as_str().is_some_and(fits) {
                    let text = &reply.text;
                    wrong.push(format!(
                        "{method} {path}: {what}: not 400 {keyword} but {} {text:.200}",
                        reply.status
                    ));
                }
            }
        }
    }
    assert!(wrong.is_empty(), "{} cases:\n{}", wrong.len(), wrong.join("\n"));
    app.db.db_assert_unchanged(&before);
    assert!(app.server.is_running());
}

fn case_76_keys_sent_twice(backend: Backend) {
    check(
        backend,
        vec![
            ("twice", br#"{"userName":"a","userName":"b"}"#.to_vec(), "invalidSyntax"),
            ("in another case", br#"{"userName":"a","USERNAME":"b"}"#.to_vec(), "invalidSyntax"),
            ("with an escape", br#"{"userName":"a","\u0075serName":"b"}"#.to_vec(), "invalidSyntax"),
            ("equal values", br#"{"userName":"a","userName":"a"}"#.to_vec(), "invalidSyntax"),
            (
                "below",
                br#"{"userName":"a","name":{"givenName":"a","givenname":"b"}}"#.to_vec(),
                "invalidSyntax",
            ),
            (
                "in a list",
                br#"{"userName":"a","emails":[{"value":"a","value":"b"}]}"#.to_vec(),
                "invalidSyntax",
            ),
            ("in what is ignored", br#"{"userName":"a","x":[[{"y":1,"y":1}]]}"#.to_vec(), "invalidSyntax"),
            (
                "in an operation",
                br#"{"Operations":[{"op":"add","op":"remove","path":"title"}]}"#.to_vec(),
                "invalidSyntax",
            ),
            ("two lists of operations", br#"{"Operations":[],"operations":[]}"#.to_vec(), "invalidSyntax"),
        ],
    );
}

/// The object of the user is the first level.
fn nested(depth: usize) -> String {
    format!("{{\"userName\":\"deep@example.com\",\"x\":{}1{}}}", "[".repeat(depth - 1), "]".repeat(depth - 1))
}

fn case_78_nested_bodies(backend: Backend) {
    let app = TestApp::start(backend);
    for base in BASES {
        let client = app.client(base, app.acme());
        let made = client.request("POST", "/Users").body(nested(32), SCIM_JSON).send();
        client.delete(&user_path(&made.expect(201).json())).expect(204);
    }
    let objects = |n: usize| format!("{}1{}", "{\"x\":".repeat(n), "}".repeat(n));
    check(
        backend,
        vec![
            ("33 levels", nested(33).into_bytes(), "invalidSyntax"),
            ("33 objects", objects(33).into_bytes(), "invalidSyntax"),
            ("100,000 levels", nested(100_000).into_bytes(), "invalidSyntax"),
            ("100,000 objects", objects(100_000).into_bytes(), "invalidSyntax"),
            ("an open end of 100,000 levels", "[".repeat(100_000).into_bytes(), "invalidSyntax"),
        ],
    );
}

fn case_79_numbers(backend: Backend) {
    let profile =
        |number: &str| format!("{{\"userName\":\"a\",\"profile\":{{\"n\":{number}}}}}").into_bytes();
    let long = "9".repeat(4_000);
    check(
        backend,
        vec![
            ("1e400", profile("1e400"), "either"),
            ("-1e400", profile("-1e400"), "either"),
            ("4,000 digits", profile(&long), "either"),
            ("4,000 digits and a point", profile(&format!("{long}.5")), "either"),
            ("an exponent of 4,000 digits", profile(&format!("1e{long}")), "either"),
            ("2^64", profile("18446744073709551616"), "either"),
            ("-2^63 - 1", profile("-9223372036854775809"), "either"),
            ("NaN", profile("NaN"), "invalidSyntax"),
            ("Infinity", profile("-Infinity"), "invalidSyntax"),
            ("hexadecimal", profile("0x10"), "invalidSyntax"),
            ("a leading zero", profile("01"), "invalidSyntax"),
            ("a leading plus", profile("+1"), "invalidSyntax"),
        ],
    );
    let app = TestApp::start(backend);
    let client = app.qa();
    // Zero has a sign in JSON, and the ends of 64 bits are numbers like others.
    for (n, number) in
        ["-0", "-0.0", "9223372036854775807", "-9223372036854775808", "1e-400"].iter().enumerate()
    {
        let body = format!("{{\"userName\":\"n{n}@example.com\",\"profile\":{{\"n\":{number}}}}}");
        let made = client.request("POST", "/Users").body(body, SCIM_JSON).send().expect(201).json();
        assert!(made["profile"]["n"].is_number(), "{number}: {made}");
        assert_eq!(client.get(&user_path(&made)).json()["profile"], made["profile"], "{number}");
    }
    // A text where a number belongs, and the other way round.
    for body in
        [json!({"count": "many"}), json!({"startIndex": "1x"}), json!({"count": 1.5}), json!({"count": [1]})]
    {
        client.post("/Users/.search", &body).expect_error(400, Some("invalidValue"));
    }
    let before = app.db.db_dump();
    for body in [
        json!({"userName": 5}),
        json!({"userName": "n@example.com", "title": 5}),
        json!({"userName": "n@example.com", "profile": {"n": 9_223_372_036_854_775_808_u64}}),
    ] {
        client.post("/Users", &body).expect_error(400, Some("invalidValue"));
    }
    app.db.db_assert_unchanged(&before);
}

fn case_81_no_utf8(backend: Backend) {
    check(
        backend,
        vec![
            ("a lone high surrogate", b"{\"userName\":\"\\ud800\"}".to_vec(), "invalidSyntax"),
            ("a lone low surrogate", b"{\"userName\":\"\\udc00\"}".to_vec(), "invalidSyntax"),
            (
                "surrogates the wrong way round",
                b"{\"userName\":\"\\ude00\\ud83d\"}".to_vec(),
                "invalidSyntax",
            ),
            ("a surrogate in a key", b"{\"userName\":\"a\",\"\\ud800\":1}".to_vec(), "invalidSyntax"),
            ("a surrogate as bytes", b"{\"userName\":\"\xed\xa0\x80\"}".to_vec(), "invalidSyntax"),
            ("invalid UTF-8", b"{\"userName\":\"\xff\"}".to_vec(), "invalidSyntax"),
            ("invalid UTF-8 in a key", b"{\"userName\":\"a\",\"\xfe\":1}".to_vec(), "invalidSyntax"),
            ("overlong UTF-8", b"{\"userName\":\"\xc0\xaf\"}".to_vec(), "invalidSyntax"),
            ("overlong NUL", b"{\"userName\":\"\xc0\x80\"}".to_vec(), "invalidSyntax"),
            ("past U+10FFFF", b"{\"userName\":\"\xf4\x90\x80\x80\"}".to_vec(), "invalidSyntax"),
            ("half a character", b"{\"userName\":\"\xe2\x82\"}".to_vec(), "invalidSyntax"),
            ("a byte order mark", b"\xef\xbb\xbf{\"userName\":\"a\"}".to_vec(), "invalidSyntax"),
            ("UTF-16", b"{\0\"\0u\0\"\0:\x001\0}\0".to_vec(), "invalidSyntax"),
            ("NUL", b"{\"userName\":\"a\\u0000b\"}".to_vec(), "either"),
            ("NUL in another attribute", b"{\"userName\":\"a\",\"title\":\"a\\u0000b\"}".to_vec(), "either"),
            (
                "NUL in a profile key",
                b"{\"userName\":\"a\",\"profile\":{\"a\\u0000b\":\"c\"}}".to_vec(),
                "either",
            ),
        ],
    );
}

fn other_defects(backend: Backend) {
    check(
        backend,
        vec![
            ("nothing", b"".to_vec(), "invalidSyntax"),
            ("blanks", b"  ".to_vec(), "invalidSyntax"),
            ("half an object", b"{\"userName\":".to_vec(), "invalidSyntax"),
            ("more than one value", b"{\"userName\":\"a\"} {}".to_vec(), "invalidSyntax"),
            ("a trailing comma", b"{\"userName\":\"a\",}".to_vec(), "invalidSyntax"),
            ("a comment", b"{/* */\"userName\":\"a\"}".to_vec(), "invalidSyntax"),
            ("single quotes", b"{'userName':'a'}".to_vec(), "invalidSyntax"),
            ("a list", b"[]".to_vec(), "invalidSyntax"),
            ("a text", b"\"userName\"".to_vec(), "invalidSyntax"),
            ("null", b"null".to_vec(), "invalidSyntax"),
        ],
    );
}
