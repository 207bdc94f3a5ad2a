//! `GET /Users` and `POST /Users/.search`: pages, order, totals.

use serde_json::{Value, json};

use crate::support::app::TestApp;
use crate::support::backend::{Backend, both};
use crate::support::http::{BASES, Client, QA, RFC, encode};
use crate::support::users::{user, with};

both!(
    pages_are_cut_as_asked,
    pages_join_without_gap_or_overlap,
    lists_are_sorted,
    a_search_is_a_list,
    harmless_noise_is_harmless,
);

const USERS: i64 = 25;

fn fill(client: &Client) {
    for n in 0..USERS {
        client.create(&user(&format!("u{n:02}")));
    }
}

fn pages_are_cut_as_asked(backend: Backend) {
    let app = TestApp::start(backend);
    fill(&app.rfc());
    // Query, then startIndex, itemsPerPage and number of resources; the qa contract has a default page of 20, and on
    // an empty page it gives the size asked for.
    let cases: [(&str, i64, i64, i64, i64, i64); 16] = [
        ("", 1, 25, 25, 20, 20),
        ("startIndex=1&count=10", 1, 10, 10, 10, 10),
        ("startIndex=21&count=10", 21, 5, 5, 5, 5),
        ("startIndex=26&count=10", 26, 0, 0, 10, 0),
        ("startIndex=1000000&count=10", 1_000_000, 0, 0, 10, 0),
        ("startIndex=0&count=3", 1, 3, 3, 3, 3),
        ("startIndex=-5&count=3", 1, 3, 3, 3, 3),
        ("count=0", 1, 0, 0, 0, 0),
        ("count=-1", 1, 0, 0, 0, 0),
        ("count=1000", 1, 25, 25, 25, 25),
        ("count=1000000", 1, 25, 25, 25, 25),
        ("pageSize=4", 1, 4, 4, 4, 4),
        ("pageSize=4&count=2", 1, 2, 2, 2, 2),
        ("startIndex=25", 25, 1, 1, 1, 1),
        ("startIndex=9223372036854775807&count=1000", i64::MAX, 0, 0, 1000, 0),
        ("filter=userName%20pr&count=7&startIndex=22", 22, 4, 4, 4, 4),
    ];
    for (query, start, rfc_page, rfc_number, qa_page, qa_number) in cases {
        for (base, page, number) in [(RFC, rfc_page, rfc_number), (QA, qa_page, qa_number)] {
            let reply = app.client(base, app.acme()).get(&format!("/Users?{query}"));
            let body = reply.expect(200).json();
            assert_eq!(body["schemas"], json!(["urn:ietf:params:scim:api:messages:2.0:ListResponse"]));
            let got = ["totalResults", "startIndex", "itemsPerPage"].map(|name| body[name].as_i64());
            assert_eq!(got, [Some(USERS), Some(start), Some(page)], "{base} {query}: {}", reply.text);
            assert_eq!(reply.resources().len() as i64, number, "{base} {query}");
        }
    }
    for base in BASES {
        for query in ["count=ten", "startIndex=x", "count=1.5", "count=", "startIndex=1e3"] {
            let reply = app.client(base, app.acme()).get(&format!("/Users?{query}"));
            assert_eq!(reply.status, 400, "{base} {query}: {}", reply.text);
            reply.expect_error(400, Some("invalidValue"));
        }
    }
}

fn pages_join_without_gap_or_overlap(backend: Backend) {
    let app = TestApp::start(backend);
    let client = app.rfc();
    fill(&client);
    let all = client.get("/Users").ids();
    let names: Vec<Value> =
        client.get("/Users").resources().iter().map(|user| user["userName"].clone()).collect();
    let expected: Vec<String> = (0..USERS).map(|n| format!("u{n:02}@example.com")).collect();
    assert_eq!(names, expected, "without sortBy the order is that of creation");
    for size in [1, 7, 24, 25] {
        for more in ["", "&filter=userName%20pr", "&sortBy=userName", "&sortBy=title"] {
            let mut joined = Vec::new();
            while joined.len() < all.len() {
                let page =
                    client.get(&format!("/Users?startIndex={}&count={size}{more}", joined.len() + 1)).ids();
                assert!(!page.is_empty(), "a page of {size} {more} is empty before the end");
                joined.extend(page);
            }
            let (mut one, mut other) = (joined.clone(), all.clone());
            one.sort();
            other.sort();
            assert_eq!(one, other, "pages of {size} {more} lose or repeat users");
        }
    }
    // A change moves nobody to another page.
    let last = all.last().unwrap();
    client
        .patch(&format!("/Users/{}", all[0]), json!([{"op": "replace", "path": "title", "value": "x"}]))
        .expect(200);
    client.delete(&format!("/Users/{last}")).expect(204);
    assert_eq!(client.get("/Users").ids(), all[..all.len() - 1]);
}

fn lists_are_sorted(backend: Backend) {
    let app = TestApp::start(backend);
    let client = app.rfc();
    for (name, title, shift, primary) in [
        ("c", Some("beta"), 10, "m@x.test"),
        ("A", Some("Alpha"), 9, "z@x.test"),
        ("b", None, -1, "a@x.test"),
        ("É", Some("éclair"), 100, "n@x.test"),
    ] {
        client.create(&json!({
            "userName": name, "title": title, "profile": {"Shift": shift},
            "emails": [{"value": "zz@x.test"}, {"value": primary, "primary": true}]
        }));
    }
    let names = |query: &str| -> Vec<String> {
        let reply = client.get(&format!("/Users?{query}"));
        reply.resources().iter().map(|user| user["userName"].as_str().unwrap().to_owned()).collect()
    };
    for (query, expected) in [
        ("sortBy=userName", ["A", "b", "c", "É"]),
        ("sortBy=USERNAME&sortOrder=ascending", ["A", "b", "c", "É"]),
        ("sortBy=userName&sortOrder=descending", ["É", "c", "b", "A"]),
        ("sortBy=userName&sortOrder=DESCENDING", ["É", "c", "b", "A"]),
        // RFC 7644 section 3.4.2.3: without a value last in ascending order, first in descending order.
        ("sortBy=title", ["A", "c", "É", "b"]),
        ("sortBy=title&sortOrder=descending", ["b", "É", "c", "A"]),
        // The primary value sorts.
        ("sortBy=emails.value", ["b", "c", "É", "A"]),
        ("sortBy=emails", ["b", "c", "É", "A"]),
        ("sortBy=profile.Shift", ["b", "A", "c", "É"]),
        ("sortBy=meta.created", ["c", "A", "b", "É"]),
        ("sortBy=meta.created&sortOrder=descending", ["É", "b", "A", "c"]),
    ] {
        assert_eq!(names(query), expected, "{query}");
    }
    for query in ["sortBy=shoeSize", "sortBy=password", "sortBy=userName&sortOrder=sideways"] {
        let reply = client.get(&format!("/Users?{query}"));
        assert_eq!(reply.status, 400, "{query}: {}", reply.text);
        reply.expect_error(400, Some("invalidValue"));
    }
}

fn a_search_is_a_list(backend: Backend) {
    let app = TestApp::start(backend);
    for base in BASES {
        let client = app.client(base, app.acme());
        for n in 0..3 {
            client.create(&with(user(&format!("{n}{}", base.len())), json!({"title": format!("t{n}")})));
        }
        let filter = format!("userName co \"{}@\" and title ne \"t1\"", base.len());
        let search = json!({
            "schemas": ["urn:ietf:params:scim:api:messages:2.0:SearchRequest"], "filter": filter, "sortBy": "title",
            "sortOrder": "descending", "startIndex": 1, "count": 1, "attributes": ["title"]
        });
        let got = client.post("/Users/.search", &search);
        let query = format!(
            "/Users?filter={}&sortBy=title&sortOrder=descending&startIndex=1&count=1&attributes=title",
            encode(&filter)
        );
        assert_eq!(got.expect(200).json(), client.get(&query).expect(200).json(), "{base}");
        assert_eq!(got.total(), 2);
        assert_eq!(got.resources()[0]["title"], "t2");
        client
            .post("/Users/.search", &json!({"filter": "broken ("}))
            .expect_error(400, Some("invalidFilter"));
        client.post("/Users/.search", &json!({"count": "x"})).expect(400);
    }
}

fn harmless_noise_is_harmless(backend: Backend) {
    let app = TestApp::start(backend);
    for base in BASES {
        let client = app.client(base, app.acme());
        client.create(&user(if base == QA { "qa" } else { "rfc" }));
        let expected = client.get("/Users").json();
        for path in [
            "/Users/",
            "/Users?",
            "/Users?&",
            "/Users?aadOptscim062020",
            "/Users?unknown=1&",
            "/Users?startIndex=1&",
            "/Users?attributes=",
        ] {
            assert_eq!(client.get(path).expect(200).json(), expected, "{base}{path}");
        }
        let one = expected["Resources"][0].clone();
        let path = format!("/Users/{}", one["id"].as_str().unwrap());
        for end in ["/", "?", "?&", "?x=y"] {
            assert_eq!(client.get(&format!("{path}{end}")).expect(200).json(), one, "{base}{path}{end}");
        }
        // Both are a space inside the query.
        for blank in ["+", "%20"] {
            let reply = client.get(&format!("/Users?filter=userName{blank}eq{blank}%22rfc%40example.com%22"));
            assert_eq!(reply.total(), 1, "{blank}");
        }
    }
}
