//! What the server announces about itself is what it does: at each limit that it names and one beyond, and for each
//! feature that it says it has or has not.

use serde_json::{Value, json};

use crate::support::app::TestApp;
use crate::support::backend::{Backend, both};
use crate::support::http::{BASES, Client, SCIM_JSON, encode, id_of, user_path};
use crate::support::users::{user, with};

mod attributes;
mod world;

both!(filters, patch_sort_and_etag, passwords, bulk, pagination, collections);

fn config(client: &Client) -> Value {
    client.get("/ServiceProviderConfig").expect(200).json()
}

#[track_caller]
fn number(value: &Value) -> usize {
    let number = value.as_u64().unwrap_or_else(|| panic!("a limit is a number, not {value}"));
    usize::try_from(number).unwrap()
}

fn filters(backend: Backend) {
    let app = TestApp::start(backend);
    let most = number(&config(&app.rfc())["filter"]["maxResults"]);
    app.db.cli(&["load", "--tenant", "acme", "--users", &(most + 1).to_string()]);
    for base in BASES {
        let client = app.client(base, app.acme());
        let config = config(&client);
        assert_eq!(config["filter"]["supported"], true);
        assert_eq!(number(&config["filter"]["maxResults"]), most, "{base}");
        for count in [most, most + 1] {
            for query in [format!("count={count}"), format!("count={count}&filter={}", encode("userName pr"))]
            {
                let reply = client.get(&format!("/Users?attributes=id&{query}"));
                assert_eq!(reply.resources().len(), most, "{base}: {query}");
                assert_eq!(reply.total(), most as i64 + 1, "{base}: {query}");
            }
            let search = json!({"count": count, "attributes": ["id"]});
            assert_eq!(client.post("/Users/.search", &search).resources().len(), most, "{base}: {count}");
        }
    }
}

fn patch_sort_and_etag(backend: Backend) {
    let app = TestApp::start(backend);
    for base in BASES {
        let client = app.client(base, app.acme());
        let config = config(&client);
        let has = |feature: &str| config[feature]["supported"] == true;
        let [one, other] = ["a", "b"].map(|name| client.create(&user(&format!("{name}{}", base.len()))));
        let path = user_path(&one);

        let title = client.patch(&path, json!([{"op": "add", "path": "title", "value": "Boss"}]));
        assert_eq!(
            title.status == 200 && title.json()["title"] == "Boss",
            has("patch"),
            "{base}: {}",
            title.text
        );

        let order = |order: &str| client.get(&format!("/Users?sortBy=userName&sortOrder={order}")).ids();
        let (mut up, down) = (order("ascending"), order("descending"));
        assert_eq!(up.len() as i64, client.get("/Users").total());
        up.reverse();
        assert_eq!(up == down && up.len() > 1, has("sort"), "{base}: {up:?} {down:?}");

        let shown = client.get(&user_path(&other)).expect(200).clone();
        let tag = shown.header("ETag").unwrap_or_default().to_owned();
        assert_eq!(shown.json()["meta"]["version"] == json!(tag) && !tag.is_empty(), has("etag"), "{base}");
        if has("etag") {
            let with_tag = |method: &str, header: &str, tag: &str| {
                let request = client.request(method, &user_path(&other)).header(header, tag);
                let body =
                    with(user(&format!("b{}", base.len())), json!({"title": format!("{method} {tag}")}));
                if method == "PUT" { request.json(&body).send() } else { request.send() }
            };
            with_tag("GET", "If-None-Match", &tag).expect(304);
            with_tag("PUT", "If-Match", &tag).expect(200);
            with_tag("GET", "If-None-Match", &tag).expect(200);
            with_tag("PUT", "If-Match", &tag).expect_error(412, None);
            with_tag("DELETE", "If-Match", &tag).expect_error(412, None);
        }
    }
}

fn passwords(backend: Backend) {
    const SECRET: &str = "correct horse battery canary";
    let app = TestApp::start(backend);
    for base in BASES {
        let client = app.client(base, app.acme());
        assert_eq!(config(&client)["changePassword"]["supported"], false, "{base}");
        let body = with(user(&format!("p{}", base.len())), json!({"password": SECRET}));
        let made = client.post("/Users", &body);
        let path = user_path(&made.expect(201).json());
        let operation = json!([{"op": "replace", "path": "password", "value": SECRET}]);
        let all = [
            made,
            client.put(&path, &body),
            client.patch(&path, operation),
            client.patch(&path, json!([{"op": "add", "value": {"password": SECRET}}])),
            client.get(&path),
            client.get(&format!("{path}?attributes=password")),
            client.get("/Users?attributes=userName,password"),
        ];
        for reply in &all {
            assert!(reply.status < 300, "{} {}", reply.what, reply.text);
            assert!(!reply.text.contains(SECRET) && reply.json().get("password").is_none(), "{}", reply.text);
        }
        // Nobody finds it out letter by letter.
        client.filter("password sw \"c\"").expect_error(400, Some("invalidFilter"));
        client.get("/Users?sortBy=password").expect_error(400, Some("invalidValue"));
    }
    assert!(app.db.db_dump().iter().all(|row| !row.contains(SECRET)), "a password is in the database");
    assert!(!app.server.log_text().contains(SECRET), "a password is in the log");
}

fn bulk(backend: Backend) {
    let app = TestApp::start(backend);
    for base in BASES {
        let client = app.client(base, app.acme());
        let bulk = config(&client)["bulk"].clone();
        let (operations, bytes) = (number(&bulk["maxOperations"]), number(&bulk["maxPayloadSize"]));
        let message = |name: &str, n: usize| {
            let operation = |n| {
                let data = user(&format!("{name}{n}-{}", base.len()));
                json!({"method": "POST", "path": "/Users", "bulkId": format!("b{n}"), "data": data})
            };
            json!({
                "schemas": ["urn:ietf:params:scim:api:messages:2.0:BulkRequest"],
                "Operations": (0..n).map(operation).collect::<Vec<_>>()
            })
        };
        let before = app.db.db_dump();
        if bulk["supported"] != true {
            assert_eq!((operations, bytes), (0, 0), "{base}: a limit of what is not there");
            let reply = client.post("/Bulk", &message("none", 1));
            assert!([404, 501].contains(&reply.status), "{base}: {} {}", reply.status, reply.text);
            app.db.db_assert_unchanged(&before);
            continue;
        }
        client.post("/Bulk", &message("over", operations + 1)).expect_error(413, None);
        let padded = |body: &Value, bytes: usize| {
            let body = body.to_string();
            let blanks = " ".repeat(bytes - body.len());
            client.request("POST", "/Bulk").body(format!("{body}{blanks}"), SCIM_JSON).send()
        };
        padded(&message("over", 1), bytes + 1).expect_error(413, None);
        app.db.db_assert_unchanged(&before);
        padded(&message("wide", 1), bytes).expect(200);
        let done = client.post("/Bulk", &message("many", operations)).expect(200).json();
        let statuses = done["Operations"].as_array().unwrap().iter().filter(|one| one["status"] == "201");
        assert_eq!(statuses.count(), operations, "{base}");
    }
}

/// RFC 9865 section 5: what is not announced need not be there.
fn pagination(backend: Backend) {
    let app = TestApp::start(backend);
    let users: i64 = 25;
    app.db.cli(&["load", "--tenant", "acme", "--users", &users.to_string()]);
    for base in BASES {
        let client = app.client(base, app.acme());
        let announced = config(&client)["pagination"].clone();
        let one_by_one = |page: usize| {
            let mut seen = Vec::new();
            let mut cursor = String::new();
            loop {
                let reply =
                    client.get(&format!("/Users?attributes=id&count={page}&cursor={}", encode(&cursor)));
                seen.extend(reply.ids());
                match reply.json()["nextCursor"].as_str() {
                    Some(next) => cursor = next.to_owned(),
                    None => return seen,
                }
                assert!(seen.len() <= users as usize, "the walk does not end");
            }
        };
        if announced["cursor"] == true {
            let mut seen = one_by_one(7);
            assert_eq!(seen.len() as i64, users, "{base}");
            seen.sort();
            seen.dedup();
            assert_eq!(seen.len() as i64, users, "{base}: somebody was seen twice");
        }
        // Without a word about it, pages are found by their index (RFC 7644 section 3.4.2.4).
        if announced["index"] != false {
            let pages =
                (0..).map(|n| client.get(&format!("/Users?attributes=id&count=7&startIndex={}", n * 7 + 1)));
            let mut seen: Vec<String> =
                pages.map(|page| page.ids()).take_while(|ids| !ids.is_empty()).flatten().collect();
            seen.sort();
            seen.dedup();
            assert_eq!(seen.len() as i64, users, "{base}");
        }
        if let Some(default) = announced["defaultPageSize"].as_u64() {
            let shown = client.get("/Users").resources().len();
            assert_eq!(shown, usize::try_from(default).unwrap().min(users as usize), "{base}");
        }
        if !announced["maxPageSize"].is_null() {
            let most = number(&announced["maxPageSize"]);
            // Both contracts show the same users, so the many live in another tenant than those walked above.
            if base == BASES[0] {
                app.db.cli(&["load", "--tenant", "globex", "--users", &(most + 1).to_string()]);
            }
            let client = app.client(base, app.globex());
            for count in [most, most + 1] {
                let query = format!("/Users?attributes=id&count={count}");
                assert_eq!(client.get(&query).resources().len(), most, "{base}: {count}");
                assert_eq!(
                    client.get(&format!("{query}&cursor=")).resources().len(),
                    most,
                    "{base}: {count}"
                );
            }
        }
    }
}

/// Every resource type that is announced is where it says, made of the schemas it names, and nothing else is.
fn collections(backend: Backend) {
    let app = TestApp::start(backend);
    for base in BASES {
        let client = app.client(base, app.acme());
        for one in client.get("/ResourceTypes").resources() {
            let endpoint = one["endpoint"].as_str().unwrap();
            let body = match one["name"].as_str() {
                Some("User") => user(&format!("c{}", base.len())),
                _ => json!({"displayName": format!("c{}", base.len())}),
            };
            let made = client.post(endpoint, &body).expect(201).json();
            assert_eq!(made["meta"]["resourceType"], one["name"], "{base}{endpoint}");
            let mut known = vec![one["schema"].clone()];
            known.extend(
                one["schemaExtensions"].as_array().into_iter().flatten().map(|one| one["schema"].clone()),
            );
            let used = made["schemas"].as_array().unwrap();
            assert!(used.contains(&known[0]), "{base}{endpoint}: {made}");
            assert!(used.iter().all(|urn| known.contains(urn)), "{base}{endpoint}: {made}");
            let path = format!("{endpoint}/{}", id_of(&made));
            for (method, status) in [("GET", 200), ("DELETE", 204), ("GET", 404)] {
                client.request(method, &path).send().expect(status);
            }
        }
    }
}
