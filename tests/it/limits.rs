//! Every limit of the wire contract that users can reach: granted at n, refused at n + 1.

use serde_json::{Map, Value, json};

use crate::support::app::TestApp;
use crate::support::backend::{Backend, both};
use crate::support::http::{BASES, QA, RFC, SCIM_JSON, encode, user_path};
use crate::support::raw;
use crate::support::users::{full_user, user, with};

both!(texts_and_lists, filters_and_projections, operations, bodies, heads, pages);

/// An e-mail address of this many characters.
fn address(chars: usize) -> String {
    format!("{}@example.com", "ü".repeat(chars - "@example.com".len()))
}

fn profile(keys: usize) -> Value {
    Value::Object((0..keys).map(|n| (format!("key{n}"), json!("x"))).collect::<Map<_, _>>())
}

fn texts_and_lists(backend: Backend) {
    let app = TestApp::start(backend);
    type Make = fn(usize) -> Value;
    // What, the limit, and a user with that many of it.
    let cases: [(&str, usize, Make); 11] = [
        ("characters of userName", 256, |n| json!({"userName": address(n)})),
        ("characters of displayName", 256, |n| json!({"displayName": "ü".repeat(n)})),
        ("characters of externalId", 256, |n| json!({"externalId": "ü".repeat(n)})),
        ("characters of another text", 1_024, |n| json!({"title": "ü".repeat(n)})),
        ("characters of a text in a list", 1_024, |n| json!({"phoneNumbers": [{"value": "ü".repeat(n)}]})),
        (
            "entries of a list",
            100,
            |n| json!({"phoneNumbers": (0..n).map(|n| json!({"value": format!("{n}")})).collect::<Vec<_>>()}),
        ),
        ("keys of a profile", 100, |n| json!({"profile": profile(n)})),
        ("bytes of a profile key", 128, |n| json!({"profile": {"k".repeat(n): "x"}})),
        ("bytes of a profile key in other letters", 64, |n| json!({"profile": {"ü".repeat(n): "x"}})),
        ("bytes of a profile value", 1_024, |n| json!({"profile": {"k": "x".repeat(n)}})),
        ("bytes of a profile value in other letters", 512, |n| json!({"profile": {"k": "ü".repeat(n)}})),
    ];
    for base in BASES {
        let client = app.client(base, app.acme());
        for (what, limit, make) in cases {
            let at = client.post("/Users", &with(user("at"), make(limit)));
            assert_eq!(at.status, 201, "{limit} {what} on {base}: {}", at.text);
            let path = user_path(&at.json());
            let over = client.post("/Users", &with(user("over"), make(limit + 1)));
            assert_eq!(over.status, 400, "{} {what} on {base}: {:.300}", limit + 1, over.text);
            over.expect_error(400, Some("invalidValue"));
            // The same through the other verbs that write.
            if !what.contains("userName") {
                let value = make(limit + 1);
                client.put(&path, &with(user("at"), value.clone())).expect_error(400, Some("invalidValue"));
                client
                    .patch(&path, json!([{"op": "add", "value": value}]))
                    .expect_error(400, Some("invalidValue"));
            }
            client.delete(&path).expect(204);
        }
        // A list does not grow over its limit by additions, nor does a profile.
        let full = client.create(&with(user("full"), json!({"profile": profile(100)})));
        let more = json!([{"op": "add", "path": "profile.one", "value": "more"}]);
        client.patch(&user_path(&full), more).expect_error(400, Some("invalidValue"));
        client.delete(&user_path(&full)).expect(204);
    }
}

fn filters_and_projections(backend: Backend) {
    let app = TestApp::start(backend);
    let made = app.rfc().create(&full_user("mia"));
    let bytes = |n: usize| {
        let frame = "title eq \"\"".len();
        format!("title eq \"{}\"", "x".repeat(n - frame))
    };
    let parentheses = |n: usize| format!("{}title pr{}", "(".repeat(n), ")".repeat(n));
    let nots = |n: usize| format!("{}title pr{}", "not (".repeat(n), ")".repeat(n));
    let terms = |n: usize| vec!["title eq \"x\""; n].join(" or ");
    for base in BASES {
        let client = app.client(base, app.acme());
        let search = |filter: &str| client.post("/Users/.search", &json!({"filter": filter}));
        for (what, at, over) in [
            ("bytes", bytes(4_096), bytes(4_097)),
            ("levels of parentheses", parentheses(12), parentheses(13)),
            ("levels of not", nots(12), nots(13)),
            ("comparisons", terms(32), terms(33)),
        ] {
            client.filter(&at).expect(200);
            search(&at).expect(200);
            for reply in [client.filter(&over), search(&over)] {
                assert_eq!(reply.status, 400, "{what} on {base}: {}", reply.text);
                reply.expect_error(400, Some("invalidFilter"));
            }
        }
        // Far over: refused while it is parsed, and the server lives.
        for filter in [parentheses(100_000), nots(100_000), "(".repeat(100_000), "\"".repeat(4_000)] {
            search(&filter).expect_error(400, Some("invalidFilter"));
        }
        let names = |n: usize| (0..n).map(|n| format!("a{n}")).collect::<Vec<_>>().join(",");
        for parameter in ["attributes", "excludedAttributes"] {
            for path in ["/Users".to_owned(), user_path(&made)] {
                client.get(&format!("{path}?{parameter}={}", names(100))).expect(200);
                let over = client.get(&format!("{path}?{parameter}={}", names(101)));
                assert_eq!(over.status, 400, "101 {parameter}: {}", over.text);
                over.expect_error(400, Some("invalidValue"));
            }
        }
    }
}

fn operations(backend: Backend) {
    let app = TestApp::start(backend);
    let client = app.rfc();
    let path = user_path(&client.create(&user("mia")));
    let operations = |n: usize| -> Value {
        (0..n).map(|n| json!({"op": "replace", "path": "title", "value": format!("{n}")})).collect()
    };
    assert_eq!(client.patch(&path, operations(1_000)).expect(200).json()["title"], "999");
    let before = app.db.db_dump();
    client.patch(&path, operations(1_001)).expect_error(413, None);
    // All or nothing, also when the last one is wrong.
    let mut wrong = operations(999);
    wrong.as_array_mut().unwrap().push(json!({"op": "replace", "path": "active", "value": "maybe"}));
    client.patch(&path, wrong).expect_error(400, Some("invalidValue"));
    app.db.db_assert_unchanged(&before);
}

fn bodies(backend: Backend) {
    const LIMIT: usize = 1 << 20;
    let mut app = TestApp::start(backend);
    let sized = |name: &str, bytes: usize| {
        let body = user(name).to_string();
        // Blanks are JSON too.
        format!("{body}{}", " ".repeat(bytes - body.len()))
    };
    for (base, name) in [(RFC, "rfc"), (QA, "qa")] {
        let client = app.client(base, app.acme());
        let post = |bytes: usize| client.request("POST", "/Users").body(sized(name, bytes), SCIM_JSON).send();
        post(LIMIT + 1).expect_error(413, None);
        post(LIMIT).expect(201);
    }
    // Chunked, there is no length to look at: the limit holds while the body arrives.
    let head = format!(
        "POST /scim/v2/Users HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer {}\r\nContent-Type: application/json\r\n\
         Transfer-Encoding: chunked\r\n\r\n",
        app.acme().token
    );
    let chunk = format!("{:x}\r\n{}\r\n", 64 << 10, " ".repeat(64 << 10));
    let endless = format!("{head}{}", chunk.repeat(160));
    let before = app.server.resident_bytes();
    let reply = raw::exchange(app.server.address(), endless.as_bytes());
    assert_eq!(reply.status, 413, "{}", reply.text);
    let grown = app.server.resident_bytes().saturating_sub(before);
    assert!(grown < 32 << 20, "the server kept {grown} bytes of a body it refused");
    // Whoever announces more than comes is not waited for once it is too much.
    let liar = endless.replacen("Transfer-Encoding: chunked", "Content-Length: 99999999999", 1);
    assert_eq!(raw::exchange(app.server.address(), liar.as_bytes()).status, 413);
    assert!(app.server.is_running());
    app.rfc().get("/Users").expect(200);
}

fn heads(backend: Backend) {
    let mut app = TestApp::start(backend);
    let auth = format!("Authorization: Bearer {}\r\n", app.acme().token);
    let target = |bytes: usize| {
        let path = "/scim/v2/Users?x=";
        format!("{path}{}", "y".repeat(bytes - path.len()))
    };
    let request = |target: &str, more: &str| format!("GET {target} HTTP/1.1\r\nHost: x\r\n{auth}{more}\r\n");
    let status = |request: String| raw::exchange(app.server.address(), request.as_bytes()).status;
    assert_eq!(status(request(&target(8 << 10), "")), 200, "8 KiB of URL");
    assert_eq!(status(request(&target((8 << 10) + 1), "")), 414, "8 KiB and a byte of URL");
    // Host and Authorization are two of them.
    let headers = |n: usize| (0..n - 2).map(|n| format!("X-{n}: x\r\n")).collect::<String>();
    assert_eq!(status(request("/scim/v2/Users", &headers(96))), 200, "96 headers");
    let over = status(request("/scim/v2/Users", &headers(97)));
    assert!([400, 431].contains(&over), "97 headers: {over}");
    let wide = |bytes: usize| format!("X-Wide: {}\r\n", "x".repeat(bytes));
    assert_eq!(status(request("/scim/v2/Users", &wide(30 << 10))), 200, "30 KiB of headers");
    for kib in [33, 64, 200] {
        let got = status(request("/scim/v2/Users", &wide(kib << 10)));
        assert!([400, 431].contains(&got), "{kib} KiB of headers: {got}");
    }
    // Without a credential the same: nothing is told before it is asked who calls, but a head is a head.
    let stranger = format!("GET {} HTTP/1.1\r\nHost: x\r\n\r\n", target(100 << 10));
    assert!([400, 401, 414, 431].contains(&raw::exchange(app.server.address(), stranger.as_bytes()).status));
    assert!(app.server.is_running());
}

fn pages(backend: Backend) {
    const USERS: usize = 1_001;
    let app = TestApp::start(backend);
    let loaded = app.db.cli(&["load", "--tenant", "acme", "--users", &USERS.to_string()]);
    assert!(loaded.contains("1001") || loaded.contains("1,001"), "a summary: {loaded}");
    let client = app.rfc();
    for query in ["count=1000", "count=1001", "count=1000000"] {
        let reply = client.get(&format!("/Users?{query}&attributes=userName"));
        assert_eq!((reply.resources().len(), reply.total()), (1_000, USERS as i64), "{query}");
        assert_eq!(reply.json()["itemsPerPage"], 1_000, "{query}");
    }
    assert_eq!(client.get("/Users").resources().len(), 100, "the default of the RFC contract");
    assert_eq!(app.qa().get("/Users").resources().len(), 20, "the default of the QA contract");
    assert_eq!(
        client.get(&format!("/Users?filter={}&count=2000", encode("userName pr"))).resources().len(),
        1_000
    );
    let last = client.get("/Users?startIndex=1001&count=1000");
    assert_eq!((last.resources().len(), last.total()), (1, USERS as i64));
    // What was loaded went the way of every write.
    assert_eq!(app.db.db_count("audit_log", "1 = 1"), USERS as i64);
    assert_eq!(app.db.db_number("SELECT max(seq) AS value FROM changes"), USERS as i64);
}
