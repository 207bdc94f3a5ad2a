//! Paging by cursors (RFC 9865): walks, what a cursor is good for, and walks while others write.

use std::collections::{BTreeMap, BTreeSet};

use serde_json::{Value, json};

use crate::support::app::TestApp;
use crate::support::backend::{Backend, both};
use crate::support::http::{BASES, Client, RFC, Reply, encode};
use crate::support::users::{user, with};

both!(
    walks_see_everybody_once,
    the_root_is_walked_type_by_type,
    a_cursor_serves_one_query,
    cursor_pages_are_asked_for_in_words,
    roles_are_one_page,
    walks_go_on_while_others_write,
);

const ORDERS: [&str; 12] = [
    "",
    "&sortBy=userName",
    "&sortBy=externalId",
    "&sortBy=title",
    "&sortBy=emails",
    "&sortBy=profile.Shift",
    "&sortBy=active",
    "&sortBy=id",
    "&sortBy=meta.created",
    "&sortBy=meta.lastModified",
    "&sortBy=meta.version",
    "&sortBy=meta.resourceType",
];

/// Users of whom some have a title, an external id, a shift, and many share a value.
fn fill(client: &Client, users: usize) {
    for n in 0..users {
        let mut person = user(&format!("u{:02}", n * 7 % users));
        if n % 3 > 0 {
            person = with(person, json!({"title": format!("Title {}", n % 4)}));
        }
        if n % 4 > 0 {
            person = with(person, json!({"externalId": format!("E{}", n * 5 % users)}));
        }
        if n % 5 > 0 {
            person = with(person, json!({"profile": {"Shift": n % 6}, "active": n % 2 == 0}));
        }
        client.create(&person);
    }
}

/// The pages of a walk, from the first one to the one without `nextCursor`.
fn walk(client: &Client, path: &str, count: usize) -> Vec<Reply> {
    let mut pages = Vec::new();
    let mut cursor = String::new();
    loop {
        let page = client.get(&format!("{path}&count={count}&cursor={cursor}"));
        let body = page.expect(200).json();
        pages.push(page);
        assert!(pages.len() < 30_000, "a walk without end");
        match body["nextCursor"].as_str() {
            Some(next) => next.clone_into(&mut cursor),
            None => return pages,
        }
    }
}

fn ids(pages: &[Reply]) -> Vec<String> {
    pages.iter().flat_map(Reply::ids).collect()
}

fn walks_see_everybody_once(backend: Backend) {
    const USERS: usize = 23;
    let app = TestApp::start(backend);
    let client = app.rfc();
    fill(&client, USERS);
    for filter in ["", "&filter=title%20pr", "&filter=active%20eq%20true%20or%20userName%20co%20%221%22"] {
        for order in ORDERS {
            for direction in ["", "&sortOrder=descending"] {
                let path = format!("/Users?attributes=userName{filter}{order}{direction}");
                let whole = client.get(&format!("{path}&count=1000")).ids();
                assert!(filter.is_empty() == (whole.len() == USERS), "{path}: {}", whole.len());
                for count in [4, whole.len() - 1, whole.len(), 1_000] {
                    let pages = walk(&client, &path, count);
                    assert_eq!(ids(&pages), whole, "{path} in steps of {count}");
                    assert_eq!(pages.len(), whole.len().div_ceil(count), "{path} in steps of {count}");
                    for page in &pages {
                        let body = page.json();
                        assert_eq!(body["totalResults"], whole.len(), "{}", page.what);
                        assert_eq!(body["itemsPerPage"], page.resources().len(), "{}", page.what);
                        assert_eq!(body.get("startIndex"), None, "{}", page.what);
                    }
                }
                // By numbers the pages are the same.
                let mut numbered = Vec::new();
                while numbered.len() < whole.len() {
                    let page = client.get(&format!("{path}&count=5&startIndex={}", numbered.len() + 1));
                    assert_eq!(page.json().get("nextCursor"), None, "{}", page.what);
                    numbered.extend(page.ids());
                }
                assert_eq!(numbered, whole, "{path}");
            }
        }
    }
    // More than the engine reads at a time.
    app.db.cli(&["load", "--tenant", "acme", "--users", "310"]);
    for path in ["/Users?attributes=id", "/Users?attributes=id&sortBy=title&sortOrder=descending"] {
        let whole = client.get(&format!("{path}&count=1000")).ids();
        assert_eq!(whole.len(), USERS + 310);
        for count in [99, 100, 101, 202, 333] {
            assert_eq!(ids(&walk(&client, path, count)), whole, "{path} in steps of {count}");
        }
    }
}

fn the_root_is_walked_type_by_type(backend: Backend) {
    let app = TestApp::start(backend);
    for base in BASES {
        let client = app.client(base, app.acme());
        let name = |n: usize| format!("{n}{}", base.len());
        for n in 0..4 {
            client.create(&user(&name(n)));
            client.post("/Groups", &json!({"displayName": name(n)})).expect(201);
            client.post("/Usergroups", &json!({"displayName": name(n)})).expect(201);
        }
        let search = |more: Value| client.post("/.search", &with(json!({"sortBy": "id"}), more));
        let whole = search(json!({"count": 1000})).ids();
        for count in 1..=whole.len() + 1 {
            let (mut walked, mut cursor) = (Vec::new(), String::new());
            loop {
                let page = search(json!({"count": count, "cursor": cursor}));
                assert_eq!(page.total(), whole.len() as i64);
                assert_eq!(page.resources().len(), count.min(whole.len() - walked.len()), "{count}");
                walked.extend(page.ids());
                match page.json()["nextCursor"].as_str() {
                    Some(next) => next.clone_into(&mut cursor),
                    None => break,
                }
            }
            assert_eq!(walked, whole, "in steps of {count}");
        }
    }
}

fn a_cursor_serves_one_query(backend: Backend) {
    let app = TestApp::start(backend);
    for tenant in app.db.tenants() {
        fill(&app.client(RFC, tenant), 4);
    }
    let client = app.rfc();
    client.post("/Groups", &json!({"displayName": "one"})).expect(201);
    client.post("/Groups", &json!({"displayName": "two"})).expect(201);
    let cursor_of = |client: &Client, path: &str| {
        let body = client.get(&format!("{path}&count=1&cursor=")).expect(200).json();
        body["nextCursor"].as_str().unwrap().to_owned()
    };
    let filter = encode("userName co \"u\"");
    let query = format!("/Users?filter={filter}&sortBy=title");
    let cursor = cursor_of(&client, &query);
    assert!(
        cursor.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'-' || byte == b'_'),
        "{cursor}"
    );
    let refused = |client: &Client, path: &str, cursor: &str| {
        client.get(&format!("{path}&cursor={cursor}")).expect_error(400, Some("invalidCursor"));
    };
    // It is good again and again, for pages of any size, and for whoever the tenant has given a token.
    for more in ["", "&count=1", "&count=2", "&attributes=userName", "&sortOrder=ascending"] {
        assert!(!client.get(&format!("{query}{more}&cursor={cursor}")).ids().is_empty(), "{more}");
    }
    assert_eq!(app.rfc_with_token(&[]).get(&format!("{query}&cursor={cursor}")).expect(200).total(), 4);
    refused(&app.qa(), &query, &cursor);
    refused(&app.client(RFC, app.globex()), &query, &cursor);
    for other in [
        "/Users?x".to_owned(),
        format!("/Users?filter={filter}"),
        "/Users?sortBy=title".to_owned(),
        format!("/Users?filter={filter}&sortBy=displayName"),
        format!("/Users?filter={filter}&sortBy=title&sortOrder=descending"),
        format!("/Users?filter={}&sortBy=title", encode("userName co \"v\"")),
        "/Groups?x".to_owned(),
    ] {
        refused(&client, &other, &cursor);
    }
    let (users, groups) = (cursor_of(&client, "/Users?x"), cursor_of(&client, "/Groups?x"));
    refused(&client, "/Groups?x", &users);
    refused(&client, "/Usergroups?x", &groups);
    client.post("/.search", &json!({"cursor": users})).expect_error(400, Some("invalidCursor"));
    client.post("/Users/.search", &json!({"cursor": users})).expect(200);
    // Another character anywhere, one less, one more.
    for place in 0..users.len() {
        let mut other = users.clone().into_bytes();
        other[place] = if other[place] == b'A' { b'B' } else { b'A' };
        refused(&client, "/Users?x", &String::from_utf8(other).unwrap());
    }
    refused(&client, "/Users?x", &users[1..]);
    refused(&client, "/Users?x", &users[..users.len() - 1]);
    for more in ["A", "AAAA", "%3D", "%20", "%00x"] {
        let reply = client.get(&format!("/Users?cursor={users}{more}"));
        assert_eq!(reply.status, 400, "{more}: {}", reply.text);
    }
    for cursor in ["x", "AAAA", "null", "0", "%F0%9F%99%82"] {
        refused(&client, "/Users?x", cursor);
    }
    // Both tenants have a key of their own, of 32 bytes.
    let length = if backend == Backend::Sqlite { "length(cursor_key)" } else { "octet_length(cursor_key)" };
    assert_eq!(app.db.db_count("tenants", &format!("{length} = 32")), 2);
    assert_eq!(app.db.db_number("SELECT count(DISTINCT cursor_key) AS value FROM tenants"), 2);
}

fn cursor_pages_are_asked_for_in_words(backend: Backend) {
    let app = TestApp::start(backend);
    fill(&app.rfc(), 3);
    for (base, default) in BASES.into_iter().zip([100, 20]) {
        let client = app.client(base, app.acme());
        let plain = client.get("/Users").ids();
        for path in
            ["/Users?cursor", "/Users?cursor=", "/Users?count=5&CURSOR=", "/Users?cursor=&count=100000"]
        {
            let reply = client.get(path);
            let body = reply.json();
            assert_eq!(reply.ids(), plain, "{path}");
            assert_eq!((body.get("startIndex"), body.get("nextCursor")), (None, None), "{path}");
        }
        let body = client.get("/Users").json();
        assert_eq!(
            (&body["startIndex"], body.get("nextCursor")),
            (&json!(1), None),
            "numbers are the default"
        );
        let first = client.post("/Users/.search", &json!({"cursor": "", "count": 2}));
        let next = first.json()["nextCursor"].clone();
        let second = client.post("/Users/.search", &json!({"cursor": next, "count": 2}));
        assert_eq!([first.ids(), second.ids()].concat(), plain);
        assert_eq!(second.json().get("nextCursor"), None);

        for count in ["0", "-1"] {
            let path = format!("/Users?cursor=&count={count}");
            client.get(&path).expect_error(400, Some("invalidCount"));
        }
        client.get("/Users?cursor=&count=x").expect_error(400, Some("invalidValue"));
        client.get("/Users?cursor=&startIndex=1").expect_error(400, Some("invalidValue"));
        client.post("/Users/.search", &json!({"cursor": 1})).expect_error(400, Some("invalidCursor"));
        let nobody =
            client.get(&format!("/Users?cursor=&count=7&filter={}", encode("userName eq \"nobody\"")));
        let page_size = if default == 20 { 7 } else { 0 };
        assert_eq!(nobody.expect(200).json()["itemsPerPage"], page_size, "an empty page on {base}");
        assert_eq!(nobody.json()["Resources"], json!([]));

        let pagination = json!({
            "cursor": true, "index": true, "defaultPaginationMethod": "index", "defaultPageSize": default,
            "maxPageSize": 1000
        });
        assert_eq!(client.get("/ServiceProviderConfig").json()["pagination"], pagination);
    }
}

fn roles_are_one_page(backend: Backend) {
    let app = TestApp::start(backend);
    let client = app.rfc();
    let whole = client.get("/Roles").json();
    for path in ["/Roles?cursor", "/Roles?cursor=&count=6"] {
        let body = client.get(path).expect(200).json();
        assert_eq!(body["Resources"], whole["Resources"], "{path}");
        assert_eq!((body.get("startIndex"), body.get("nextCursor")), (None, None), "{path}");
    }
    client.get("/Roles?cursor=&count=5").expect_error(400, Some("invalidCount"));
    client.get("/Roles?cursor=AAAA").expect_error(400, Some("invalidCursor"));
    client.get("/Roles?cursor=&startIndex=1").expect_error(400, Some("invalidValue"));
}

/// Users, and how many come and go during a walk.
fn crowd() -> (usize, usize) {
    if std::env::var_os("ROLLCALL_TEST_FULL").is_some() { (20_000, 2_000) } else { (600, 80) }
}

fn walks_go_on_while_others_write(backend: Backend) {
    let app = TestApp::start(backend);
    let client = app.rfc();
    let (users, moves) = crowd();
    app.db.cli(&["load", "--tenant", "acme", "--users", &users.to_string()]);
    let count = 37;
    let everybody = ids(&walk(&client, "/Users?attributes=id", 1_000));
    assert_eq!(everybody.len(), users);
    let leaving: BTreeSet<&String> = everybody.iter().step_by(users / moves).take(moves).collect();
    let walks = ["", "&sortBy=name.familyName", "&sortBy=userName&sortOrder=descending"];
    std::thread::scope(|scope| {
        let walkers: Vec<_> = walks
            .into_iter()
            .map(|order| {
                let client = &client;
                scope.spawn(move || {
                    (order, ids(&walk(client, &format!("/Users?attributes=id{order}"), count)))
                })
            })
            .collect();
        scope.spawn(|| {
            for id in &leaving {
                client.delete(&format!("/Users/{id}")).expect(204);
            }
        });
        scope.spawn(|| {
            for n in 0..moves {
                client.create(&user(&format!("late{n}")));
            }
        });
        for walker in walkers {
            let (order, walked) = walker.join().unwrap();
            let mut times: BTreeMap<&String, usize> = BTreeMap::new();
            for id in &walked {
                *times.entry(id).or_default() += 1;
            }
            let twice: Vec<_> = times.iter().filter(|(_, times)| **times > 1).collect();
            assert!(twice.is_empty(), "{order}: {} users twice", twice.len());
            let missed = everybody.iter().filter(|id| !leaving.contains(id) && !times.contains_key(id));
            assert_eq!(missed.count(), 0, "{order}: users who were there throughout were missed");
        }
    });
    assert_eq!(client.get("/Users?count=1").total(), users as i64);
}
