//! Filters and projections that are too deep, too long, too many, or mean nothing.

use std::time::{Duration, Instant};

use serde_json::json;

use crate::support::app::TestApp;
use crate::support::backend::{Backend, both};
use crate::support::http::{BASES, Client, Reply, user_path};
use crate::support::raw;
use crate::support::users::{full_user, user};

both!(
    case_60_nested_filters,
    case_61_many_comparisons,
    case_63_long_filters_and_urls,
    case_64_blanks_quotes_and_escapes,
    case_68_filters_that_mean_nothing,
    case_72_long_projections,
);

/// What a refusal takes at most on a busy machine, with the way to the server and back. What the parser takes of it is
/// tested beside it.
const MOMENT: Duration = Duration::from_millis(500);

/// Both ways to send a filter.
fn both_ways(client: &Client, filter: &str) -> [Reply; 2] {
    [client.filter(filter), search(client, filter)]
}

fn search(client: &Client, filter: &str) -> Reply {
    client.post("/Users/.search", &json!({"filter": filter}))
}

/// Granted at the limit and refused beyond, on each base.
fn check_limit(app: &TestApp, what: &str, at: &str, over: &str) {
    for base in BASES {
        let client = app.client(base, app.acme());
        for reply in both_ways(&client, at) {
            assert_eq!(reply.status, 200, "{what} on {base}: {}", reply.text);
        }
        for reply in both_ways(&client, over) {
            assert_eq!(reply.status, 400, "{what} on {base}: {}", reply.text);
            reply.expect_error(400, Some("invalidFilter"));
        }
    }
}

/// The fastest of several: what else the machine does must not count.
fn fastest(times: usize, request: impl Fn() -> Reply) -> Duration {
    let time = |_| {
        let start = Instant::now();
        request().expect(400);
        start.elapsed()
    };
    (0..times).map(time).min().unwrap()
}

fn case_60_nested_filters(backend: Backend) {
    let mut app = TestApp::start(backend);
    app.rfc().create(&full_user("mia"));
    let parentheses = |n: usize| format!("{}title pr{}", "(".repeat(n), ")".repeat(n));
    let nots = |n: usize| format!("{}title pr{}", "not (".repeat(n), ")".repeat(n));
    check_limit(&app, "levels of parentheses", &parentheses(12), &parentheses(13));
    check_limit(&app, "levels of not", &nots(12), &nots(13));
    let bracket = |n: usize| format!("emails[{}]", parentheses(n).replace("title", "type"));
    check_limit(&app, "levels inside a bracket", &bracket(11), &bracket(12));
    // Far over: refused while it is parsed, at once, and the server lives.
    for filter in [parentheses(100_000), nots(100_000), "(".repeat(100_000), "emails[".repeat(100_000)] {
        let time = fastest(10, || search(&app.rfc(), &filter));
        assert!(time < MOMENT, "{filter:.20}… took {time:?}");
        search(&app.rfc(), &filter).expect_error(400, Some("invalidFilter"));
    }
    // Also where nothing else limits the length: up to the limit of bytes.
    for filter in ["(".repeat(4_096), "not(".repeat(1_024), format!("{}a", "(a pr)and".repeat(400))] {
        search(&app.rfc(), &filter).expect_error(400, Some("invalidFilter"));
    }
    assert!(app.server.is_running());
}

fn case_61_many_comparisons(backend: Backend) {
    let app = TestApp::start(backend);
    app.rfc().create(&full_user("mia"));
    for word in [" or ", " and "] {
        let terms = |n: usize| vec!["title eq \"x\""; n].join(word);
        check_limit(&app, "comparisons", &terms(32), &terms(33));
    }
    let inside = |n: usize| format!("emails[{}]", vec!["type eq \"x\""; n].join(" or "));
    check_limit(&app, "comparisons inside a bracket", &inside(32), &inside(33));
    // Brackets do not begin a new count.
    let mixed = |n: usize| vec!["emails[type eq \"x\" and value pr]"; n / 2].join(" or ");
    check_limit(&app, "comparisons in several brackets", &mixed(32), &mixed(34));
}

fn case_63_long_filters_and_urls(backend: Backend) {
    let mut app = TestApp::start(backend);
    app.rfc().create(&full_user("mia"));
    let bytes = |n: usize| {
        let frame = "title eq \"\"".len();
        format!("title eq \"{}\"", "x".repeat(n - frame))
    };
    check_limit(&app, "bytes", &bytes(4_096), &bytes(4_097));
    let letters = |n: usize| format!("title eq \"{}\"", "ü".repeat((n - "title eq \"\"".len()) / 2));
    // In a URL each byte of these is three, and the URL would be too long. The frame has an odd number of bytes.
    search(&app.rfc(), &letters(4_095)).expect(200);
    search(&app.rfc(), &letters(4_097)).expect_error(400, Some("invalidFilter"));

    let target = |bytes: usize| {
        let path = "/scim/v2/Users?x=";
        format!("{path}{}", "y".repeat(bytes - path.len()))
    };
    let auth = format!("Authorization: Bearer {}\r\n", app.acme().token);
    let get = |target: &str| {
        let request = format!("GET {target} HTTP/1.1\r\nHost: x\r\n{auth}\r\n");
        raw::exchange(app.server.address(), request.as_bytes())
    };
    get(&target(8 << 10)).expect(200);
    // Past 64 KiB it is not the server's own code that sees it first, and past 128 KiB nobody reads it all.
    for bytes in [(8 << 10) + 1, 64 << 10, (64 << 10) + 1, 100 << 10, 150 << 10] {
        get(&target(bytes)).expect_error(414, None);
    }
    // Nothing is told before it is asked who calls, but a head is a head.
    let stranger = format!("GET {} HTTP/1.1\r\nHost: x\r\n\r\n", target(100 << 10));
    raw::exchange(app.server.address(), stranger.as_bytes()).expect_error(414, None);
    assert!(app.server.is_running());
}

fn case_64_blanks_quotes_and_escapes(backend: Backend) {
    const BYTES: usize = 4_096;
    let mut app = TestApp::start(backend);
    app.rfc().create(&full_user("mia"));
    let filled = |start: &str, piece: &str| {
        let times = (BYTES - start.len()) / piece.len();
        format!("{start}{}", piece.repeat(times))
    };
    for base in BASES {
        let client = app.client(base, app.acme());
        for filter in [
            filled("", " "),
            filled("", "\t"),
            filled("", "\""),
            filled("", "\\"),
            filled("", "\"\\"),
            filled("title eq ", "\\u00"),
            filled("title eq \"", "\\"),
            filled("title eq \"", "\\\""),
            filled("title eq \"", "\\u"),
            filled("title eq \"", "\\ud83d"),
            filled("title eq \"", "\\u0000"),
            filled("title eq \"a\"", " "),
            filled("title", "."),
            filled("urn", ":"),
            filled("emails[type eq \"", "]"),
            filled("title eq ", "'"),
            filled("title eq 1", "0"),
            filled("title eq -", "-"),
        ] {
            // All but trailing blanks after a filter that is whole.
            if filter.trim_end() == "title eq \"a\"" {
                search(&client, &filter).expect(200);
                continue;
            }
            // A word without quotes is a text where the attribute is one (old Entra ID documentation).
            if ["title eq \\u00", "title eq '", "title eq 10", "title eq --"]
                .iter()
                .any(|s| filter.starts_with(s))
            {
                let status = search(&client, &filter).status;
                assert!([200, 400].contains(&status), "{filter:.20}: {status}");
                continue;
            }
            let reply = search(&client, &filter);
            assert_eq!(reply.status, 400, "{filter:.20}: {}", reply.text);
            reply.expect_error(400, Some("invalidFilter"));
            assert!(reply.text.len() < 512, "the reply repeats the filter: {}", reply.text);
            let time = fastest(5, || search(&client, &filter));
            assert!(time < MOMENT, "{filter:.20} took {time:?}");
        }
    }
    assert!(app.server.is_running());
}

fn case_68_filters_that_mean_nothing(backend: Backend) {
    let app = TestApp::start(backend);
    app.rfc().create(&user("mia"));
    for base in BASES {
        let client = app.client(base, app.acme());
        for filter in [
            "",
            "userName",
            "userName eq",
            "eq \"x\"",
            "userName like \"x\"",
            "(userName eq \"x\"",
            "userName eq \"x\")",
            "userName eq \"x",
            "shoeSize eq 4",
            "active gt true",
            "userName eq 5",
            "userName gt true",
            "meta.created gt \"yesterday\"",
            "meta.created gt \"2026-13-01T00:00:00Z\"",
            "meta.lastModified eq 5",
            "active eq \"maybe\"",
            "userName eq \"a\" and",
            "not userName eq \"x\"",
            "emails[type eq \"work\"",
            "emails[]",
            "password pr",
            "password sw \"$arg\"",
            "name[givenName eq",
            "urn:nobody:knows:this:x eq 1",
            "userName eq \"a\" xor userName eq \"b\"",
            "userName eq a b",
        ] {
            let reply = client.filter(filter);
            assert_eq!(reply.status, 400, "{filter:?}: {}", reply.text);
            reply.expect_error(400, Some("invalidFilter"));
        }
        let twice = client.get("/Users?filter=userName%20pr&filter=userName%20pr");
        twice.expect_error(400, Some("invalidFilter"));
    }
}

fn case_72_long_projections(backend: Backend) {
    let app = TestApp::start(backend);
    let made = app.rfc().create(&full_user("mia"));
    let names = |n: usize| (0..n).map(|n| format!("a{n}")).collect::<Vec<_>>();
    for base in BASES {
        let client = app.client(base, app.acme());
        for parameter in ["attributes", "excludedAttributes"] {
            for path in ["/Users".to_owned(), user_path(&made)] {
                client.get(&format!("{path}?{parameter}={}", names(100).join(","))).expect(200);
                for over in [101, 1_000] {
                    let reply = client.get(&format!("{path}?{parameter}={}", names(over).join(",")));
                    assert_eq!(reply.status, 400, "{over} {parameter}: {}", reply.text);
                    reply.expect_error(400, Some("invalidValue"));
                }
            }
            client.post("/Users/.search", &json!({parameter: names(100)})).expect(200);
            for over in [101, 10_000] {
                let reply = client.post("/Users/.search", &json!({parameter: names(over)}));
                reply.expect_error(400, Some("invalidValue"));
            }
        }
        // What is always returned cannot be left out.
        for query in ["excludedAttributes=id", "excludedAttributes=ID,schemas", "attributes=nickName"] {
            let shown = client.get(&format!("{}?{query}", user_path(&made))).expect(200).json();
            assert_eq!(shown["id"], made["id"], "{query}: {shown}");
            assert_eq!(client.get(&format!("/Users?{query}")).ids().len(), 1, "{query}");
        }
    }
}
