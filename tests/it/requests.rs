//! The log of requests: what it says, what it does not say, how long it is kept, and that nobody waits for it.

mod refused;

use std::time::Instant;

use serde_json::{Value, json};

use crate::support::admins::{admin, create_admin, sign_in, with_grant};
use crate::support::app::TestApp;
use crate::support::backend::{Backend, both};
use crate::support::http::{Client, RFC, id_of, user_path};
use crate::support::program::{self, Server};
use crate::support::records::{count, eventually, listed, recorded};
use crate::support::users::user;

both!(
    secrets_in_each_other_cost_nothing,
    a_request_says_what_was_asked_and_answered,
    case_18_no_secret_is_in_the_log_of_requests,
    a_bulk_request_is_one_row,
    the_log_is_read_page_by_page,
    case_33_nobody_reads_the_records_of_others,
    a_history_tells_everything_and_by_whom,
    the_log_is_written_before_the_server_ends,
    old_requests_go,
    nothing_is_kept_where_nobody_wants_it,
    a_database_that_is_busy_fails_no_request,
);

/// Parts of a row.
/// What stands for a secret holds other secrets of the body: replaced again and again, a reason grew without end.
fn secrets_in_each_other_cost_nothing(backend: Backend) {
    let mut app = TestApp::start(backend);
    let secrets: Vec<&str> = ["filter", "reda", "cted"].into_iter().cycle().take(1_500).collect();
    let body = json!({"filter": "", "password": secrets});
    app.rfc().post("/Users/.search", &body).expect(400);
    let row = recorded(&app, 1).remove(0);
    let reason = row["reason"].as_str().unwrap();
    assert!(reason.contains("[redacted]") && reason.len() < 200, "{row}");
    assert!(app.server.is_running());
}

fn told<'a>(row: &'a Value, keys: &[&str]) -> Vec<&'a Value> {
    keys.iter().map(|key| &row[key]).collect()
}

fn a_request_says_what_was_asked_and_answered(backend: Backend) {
    let app = TestApp::start(backend);
    let client = app.rfc();
    let mia =
        client.request("POST", "/Users").header("User-Agent", "Okta/1.0").header("X-Request-Id", "first");
    let mia = mia.json(&user("mia")).send().expect(201).json();
    let path = user_path(&mia);
    let taken = client.post("/Users", &user("mia"));
    taken.expect_error(409, Some("uniqueness"));
    client.filter("userName eq \"kai\"").expect(200);
    let wrong = client.filter("nonsense");
    wrong.expect_error(400, Some("invalidFilter"));
    client.get("/Users/0190a000-0000-7000-8000-000000000000").expect(404);
    client.request("PATCH", &path).body("{", "application/json").send().expect(400);
    client.request("BREW", &path).send().expect(405);
    client.get("/nothing").expect(404);
    client.delete(&path).expect(204);
    let rows = recorded(&app, 9);

    let keys = [
        "requestId",
        "method",
        "path",
        "status",
        "scimType",
        "reason",
        "resourceType",
        "resourceId",
        "userAgent",
    ];
    let (none, id) = (Value::Null, &mia["id"]);
    assert_eq!(
        told(&rows[0], &keys),
        [
            &json!("first"),
            &json!("POST"),
            &json!("/scim/v2/Users"),
            &json!(201),
            &none,
            &none,
            &json!("User"),
            id,
            &json!("Okta/1.0")
        ]
    );
    assert_eq!(rows[0]["address"], "127.0.0.1");
    assert!(rows[0]["durationMs"].as_i64().is_some_and(|ms| (0..60_000).contains(&ms)));
    let token = &listed_audit(&app)[0]["actor"]["id"];
    assert!(token.is_string() && rows.iter().all(|row| row["tokenId"] == *token), "{rows:#?}");
    assert_eq!(told(&rows[1], &keys[3..6]), [&json!(409), &json!("uniqueness"), &taken.json()["detail"]]);
    assert_eq!(rows[2]["path"], "/scim/v2/Users?filter=userName%20eq%20%22kai%22");
    assert_eq!(told(&rows[3], &keys[3..6]), [&json!(400), &json!("invalidFilter"), &wrong.json()["detail"]]);
    assert_eq!(
        told(&rows[4], &["status", "resourceType", "resourceId"]),
        [&json!(404), &json!("User"), &json!("0190a000-0000-7000-8000-000000000000")]
    );
    assert_eq!(told(&rows[6], &["method", "status"]), [&json!("other"), &json!(405)]);
    assert_eq!(
        told(&rows[7], &["path", "status", "resourceType"]),
        [&json!("/scim/v2/nothing"), &json!(404), &none]
    );
    assert_eq!(
        told(&rows[8], &["method", "status", "reason", "resourceId"]),
        [&json!("DELETE"), &json!(204), &none, id]
    );
    let shown = |row: &Value| {
        let id = id_of(row);
        let text = app.db.cli(&["requests", "show", "--tenant", "acme", id]);
        serde_json::from_str::<Value>(&text).unwrap()
    };
    assert_eq!(shown(&rows[0])["body"], none, "what went well has no body in the log");
    let body: Value = serde_json::from_str(shown(&rows[1])["body"].as_str().unwrap()).unwrap();
    assert_eq!(body, user("mia"));
    assert_eq!(shown(&rows[5])["body"], "[1 bytes that are no JSON]");
    assert_eq!(listed(&app.db, "globex", &[]).len(), 0);

    let of = |options: &[&str]| listed(&app.db, "acme", options).len();
    assert_eq!(of(&["--user", id_of(&mia)]), 4);
    assert_eq!(of(&["--token", token.as_str().unwrap()]), 9);
    assert_eq!((of(&["--status", "4xx"]), of(&["--status", "409"]), of(&["--status", "failed"])), (6, 1, 6));
    assert_eq!((of(&["--since", "1h"]), of(&["--since", "2999-01-01T00:00:00Z"])), (9, 0));
    for (option, status) in [(["--user", "mia"], 1), (["--status", "bad"], 2)] {
        let mut arguments = vec!["requests", "list", "--tenant", "acme", "--database-url", &app.db.url];
        arguments.extend(option);
        assert_eq!(program::run(&app.db.folder, &arguments).status.code(), Some(status), "{option:?}");
    }
}

fn listed_audit(app: &TestApp) -> Vec<Value> {
    let printed = app.db.cli(&["audit", "list", "--tenant", "acme", "--json"]);
    printed.lines().map(|line| serde_json::from_str(line).unwrap()).collect()
}

fn case_18_no_secret_is_in_the_log_of_requests(backend: Backend) {
    const CANARY: &str = "canary-5f1d0c";
    let app = TestApp::start(backend);
    let client = app.rfc();
    let token = &app.acme().token;
    let path = user_path(&client.create(&user("mia")));
    // Each fails, and holds the canary or the token where somebody may look.
    let mut body = user("mia");
    body["password"] = CANARY.into();
    body["title"] = format!("Bearer {token}").into();
    body["urn:example:Extension"] = json!({"clientSecret": CANARY, "list": [{"apiToken": CANARY}]});
    client.post("/Users", &body).expect(409);
    for path in ["password", "urn:ietf:params:scim:schemas:core:2.0:User:password"] {
        let operations =
            json!([{"op": "replace", "value": CANARY, "path": path}, {"op": "remove", "path": "x y"}]);
        client
            .patch(&user_path(&json!({"id": "0190a000-0000-7000-8000-000000000000"})), operations)
            .expect(404);
    }
    client
        .request("POST", "/Users")
        .body(format!("{{'password': '{CANARY}'}}"), "application/json")
        .send()
        .expect(400);
    client.get(&format!("/Users/{token}?access_token={CANARY}")).expect(404);
    client.get(&format!("/Users?filter=password%20eq%20%22{CANARY}%22%20and")).expect(400);
    let agent = client.request("GET", "/Users/x").header("User-Agent", &format!("x {token}")).send();
    agent.expect(404);
    client.put(&path, &json!({"userName": 7, "password": CANARY})).expect(400);
    let operations = json!([{"method": "POST", "path": "/Users", "bulkId": "1", "data": {"userName": CANARY.len(), "password": CANARY}}]);
    client.post("/Bulk", &json!({"schemas": ["urn:ietf:params:scim:api:messages:2.0:BulkRequest"], "Operations": operations})).expect(200);
    // A token that is good no more.
    let other = app.rfc_with_token(&["--expires-in", "1h"]);
    app.db.db_execute("UPDATE api_tokens SET expires_at = '2020-01-01T00:00:00.000000Z' WHERE expires_at < '2026-01-01T00:00:00.000000Z' OR 1 = 1");
    eventually("an expired token", || (other.get("/Users").status == 401).then_some(()));
    eventually("every request in the log", || {
        (app.db.db_count("requests", "status = 401") > 0 && app.db.db_count("requests", "status = 200") > 0)
            .then_some(())
    });
    assert!(count(&app.db, app.acme()) >= 10);
    let columns =
        "path || ' ' || coalesce(reason, '') || ' ' || coalesce(user_agent, '') || ' ' || coalesce(body, '')";
    let rows = app.db.db_texts(&format!("SELECT {columns} AS value FROM requests"));
    for row in &rows {
        assert!(!row.contains(CANARY) && !row.contains(token.as_str()), "{row}");
    }
    assert!(rows.iter().any(|row| row.contains("[redacted]")));
    let dump = app.db.db_dump().join("\n");
    assert!(!dump.contains(CANARY) && !dump.contains(token.as_str()));
    let log = app.server.log_text();
    assert!(!log.contains(CANARY) && !log.contains(token.as_str()));
}

fn a_bulk_request_is_one_row(backend: Backend) {
    let app = TestApp::start(backend);
    let client = app.rfc();
    client.create(&user("mia"));
    let operations: Vec<Value> = ["mia", "kai", "mia"]
        .iter()
        .map(|name| json!({"method": "POST", "path": "/Users", "bulkId": uuid::Uuid::now_v7().to_string(), "data": user(name)}))
        .collect();
    let message =
        json!({"schemas": ["urn:ietf:params:scim:api:messages:2.0:BulkRequest"], "Operations": operations});
    client.post("/Bulk", &message).expect(200);
    client.post("/Bulk", &json!({"schemas": [], "Operations": 7})).expect(400);
    let rows = recorded(&app, 3);
    let reason = rows[1]["reason"].as_str().unwrap();
    assert_eq!(rows[1]["status"], 200);
    assert!(
        reason.starts_with("2 of 3 operations failed; 1. POST: ") && reason.contains("; 3. POST: "),
        "{reason}"
    );
    assert!(reason.contains("(uniqueness)"), "{reason}");
    assert_eq!(rows[2]["status"], 400);
    let failed = listed(&app.db, "acme", &["--status", "failed"]);
    assert_eq!(failed.len(), 2, "a bulk request with failed operations is one that failed");
}

/// All pages of a list.
fn pages(client: &Client, path: &str, rows: &str) -> Vec<Vec<Value>> {
    let mut pages = Vec::new();
    let mut cursor = String::new();
    loop {
        let body = client.get(&format!("{path}{cursor}")).expect(200).json();
        pages.push(body[rows].as_array().unwrap().clone());
        match body["nextCursor"].as_str() {
            Some(next) => cursor = format!("&cursor={next}"),
            None => return pages,
        }
    }
}

fn the_log_is_read_page_by_page(backend: Backend) {
    let app = TestApp::start(backend);
    let client = app.rfc();
    let mia = client.create(&user("mia"));
    for number in 0..6 {
        client.get(&format!("/Users?startIndex={number}")).expect(200);
    }
    client.post("/Users", &user("mia")).expect(409);
    let rows = recorded(&app, 8);
    let auditor = admin(&app, "auditor");
    let newest: Vec<Value> = rows.iter().rev().cloned().collect();
    let all = auditor.get("/requests").expect(200).json();
    assert_eq!((&all["requests"], &all["dropped"]), (&json!(newest), &json!(0)));
    assert_eq!(all.get("nextCursor"), None);
    let read = pages(&auditor, "/requests?count=3", "requests");
    assert_eq!(read.iter().map(Vec::len).collect::<Vec<_>>(), [3, 3, 2]);
    assert_eq!(read.concat(), newest);
    assert_eq!(pages(&auditor, "/requests?count=8", "requests").len(), 1);
    let found = |query: &str| {
        auditor.get(&format!("/requests?{query}")).expect(200).json()["requests"].as_array().unwrap().len()
    };
    assert_eq!(found("status=409"), 1);
    assert_eq!(found("status=4xx"), 1);
    assert_eq!(found(&format!("resource={}", id_of(&mia))), 1);
    assert_eq!(found(&format!("token={}", rows[0]["tokenId"].as_str().unwrap())), 8);
    assert_eq!(found(&format!("requestId={}", rows[3]["requestId"].as_str().unwrap())), 1);
    let at = rows[3]["at"].as_str().unwrap();
    assert_eq!((found(&format!("since={at}")), found(&format!("until={at}"))), (5, 3));
    let one = auditor.get(&format!("/requests/{}", id_of(&rows[7]))).expect(200).json();
    assert!(one["body"].as_str().unwrap().contains("mia@example.com"), "{one}");
    for wrong in ["status=bad", "count=0", "cursor=x", "resource=mia", "token=1", "since=today"] {
        crate::platform::expect_problem(
            &auditor.get(&format!("/requests?{wrong}")),
            400,
            if wrong.starts_with("cursor") { "invalid-cursor" } else { "invalid-value" },
        );
    }
    for wrong in ["/requests/x", "/requests/0190a000-0000-7000-8000-000000000000", "/users/x/history"] {
        crate::platform::expect_problem(&auditor.get(wrong), 404, "not-found");
    }
}

fn case_33_nobody_reads_the_records_of_others(backend: Backend) {
    let app = TestApp::start(backend);
    let mia = app.rfc().create(&user("mia"));
    let rows = recorded(&app, 1);
    create_admin(&app.db, "globex", "owner@example.com", "owner");
    let theirs = with_grant(&app, &sign_in(&app, app.globex(), "owner@example.com"));
    let mine = admin(&app, "owner");
    let (request, user, token) = (id_of(&rows[0]), id_of(&mia), rows[0]["tokenId"].as_str().unwrap());
    let acme = &app.acme().id;
    for query in [
        String::new(),
        format!("tenant_id={acme}"),
        format!("tenant={acme}"),
        format!("resource={user}"),
        format!("token={token}"),
        format!("requestId={}", rows[0]["requestId"].as_str().unwrap()),
    ] {
        let list = theirs.get(&format!("/requests?{query}")).expect(200).json();
        assert_eq!(list["requests"], json!([]), "{query}");
    }
    for query in
        [format!("tenant_id={acme}&action=created"), format!("resource={user}"), format!("actor={token}")]
    {
        let list = theirs.get(&format!("/audit?{query}")).expect(200).json();
        assert_eq!(list["rows"], json!([]), "{query}");
        assert_eq!(theirs.get(&format!("/audit/export?{query}")).expect(200).text, "", "{query}");
        assert_ne!(mine.get(&format!("/audit?{query}")).expect(200).json()["rows"], json!([]), "{query}");
    }
    theirs.get(&format!("/requests/{request}")).expect(404);
    mine.get(&format!("/requests/{request}")).expect(200);
    let history = theirs.get(&format!("/users/{user}/history")).expect(200).json();
    assert_eq!(history["events"], json!([]));
    // A cursor of another tenant is but a place in one's own log.
    app.rfc().get("/Users").expect(200);
    recorded(&app, 2);
    let cursor = mine.get("/requests?count=1").expect(200).json()["nextCursor"].as_str().unwrap().to_owned();
    assert_eq!(theirs.get(&format!("/requests?cursor={cursor}")).expect(200).json()["requests"], json!([]));
}

fn a_history_tells_everything_and_by_whom(backend: Backend) {
    let app = TestApp::start(backend);
    let client = app.rfc();
    let mia = client.create(&user("mia"));
    let path = user_path(&mia);
    client.create(&user("kai"));
    client.patch(&path, json!([{"op": "replace", "path": "title", "value": "x"}])).expect(200);
    client.patch(&path, json!([{"op": "replace", "path": "userName", "value": 7}])).expect(400);
    client.post("/Groups", &json!({"displayName": "Ops", "members": [{"value": id_of(&mia)}]})).expect(201);
    client.delete(&path).expect(204);
    recorded(&app, 6);
    let auditor = admin(&app, "auditor");
    let history = format!("/users/{}/history", id_of(&mia));
    let events = auditor.get(&history).expect(200).json()["events"].as_array().unwrap().clone();
    let told: Vec<String> = events
        .iter()
        .rev()
        .map(|event| match event["kind"].as_str().unwrap() {
            "change" => {
                let change = &event["change"];
                assert_eq!(change["actor"]["name"], "tests", "{change}");
                format!("{} {}", change["resourceType"].as_str().unwrap(), change["action"].as_str().unwrap())
            }
            _ => {
                let request = &event["request"];
                assert_eq!(request["tokenName"], "tests", "{request}");
                format!("{} {}", request["method"].as_str().unwrap(), request["status"])
            }
        })
        .collect();
    let expected = [
        "POST 201",
        "User created",
        "PATCH 200",
        "User updated",
        "PATCH 400",
        "Group created",
        "DELETE 204",
        // It left the group.
        "Group updated",
        "User deleted",
    ];
    let sorted = |list: &mut Vec<String>| {
        list.sort();
        list.clone()
    };
    assert_eq!(sorted(&mut told.clone()), sorted(&mut expected.map(String::from).to_vec()), "{told:?}");
    for count in [1, 2, 4, 8, 9] {
        let read = pages(&auditor, &format!("{history}?count={count}"), "events");
        assert_eq!(read.len(), 9_usize.div_ceil(count));
        assert_eq!(read.concat(), events, "{count} at a time");
    }
    let printed = app.db.cli(&["requests", "history", "--tenant", "acme", "--user", id_of(&mia)]);
    let printed: Vec<Value> = printed.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
    assert_eq!(printed, events);
    crate::platform::expect_problem(&auditor.get(&format!("{history}?cursor=x")), 400, "invalid-cursor");
}

fn the_log_is_written_before_the_server_ends(backend: Backend) {
    let mut app = TestApp::start(backend);
    let client = app.rfc();
    for _ in 0..20 {
        client.get("/Users").expect(200);
    }
    assert_eq!(app.server.terminate(), Some(0));
    assert_eq!(count(&app.db, app.acme()), 20);
}

/// A server on the database of `app` with settings of its own.
fn another(app: &TestApp, settings: &[(&str, &str)]) -> Server {
    let mut command = program::command(&app.db.folder);
    command.args(["serve", "--listen", "127.0.0.1:0", "--database-url", &app.db.url]);
    command.envs(settings.iter().copied());
    Server::start_with(&app.db.folder, command)
}

fn old_requests_go(backend: Backend) {
    let app = TestApp::start(backend);
    let client = app.rfc();
    for number in 1..=8 {
        client.get(&format!("/Users?startIndex={number}")).expect(200);
    }
    let globex = app.client(RFC, app.globex());
    globex.get("/Users").expect(200);
    let rows = recorded(&app, 8);
    eventually("the request of the other", || (count(&app.db, app.globex()) == 1).then_some(()));
    // As many as are kept, and one more.
    let kept = |most: &str| [("ROLLCALL__REQUESTS__KEEP_MOST", most.to_owned())];
    let start = |settings: &[(&str, String)]| {
        let settings: Vec<(&str, &str)> =
            settings.iter().map(|(name, value)| (*name, value.as_str())).collect();
        another(&app, &settings)
    };
    let server = start(&kept("8"));
    std::thread::sleep(std::time::Duration::from_secs(1));
    assert_eq!(count(&app.db, app.acme()), 8);
    drop(server);
    let server = start(&kept("7"));
    eventually("the oldest one is gone", || (count(&app.db, app.acme()) == 7).then_some(()));
    drop(server);
    let left = listed(&app.db, "acme", &[]);
    assert_eq!(left, rows[1..].iter().rev().cloned().collect::<Vec<_>>());
    // By time: two that arrived long ago.
    let of = |number: usize| app.db.literal(id_of(&rows[number]));
    for (number, old) in
        [(1, "017e0000-0000-7000-8000-000000000001"), (2, "017e0000-0000-7000-8000-000000000002")]
    {
        app.db.db_execute(&format!(
            "UPDATE requests SET id = {}, at = '2022-01-01T00:00:00.000000Z' WHERE id = {}",
            app.db.literal(old),
            of(number)
        ));
    }
    let server = start(&[]);
    eventually("the old ones are gone", || (count(&app.db, app.acme()) == 5).then_some(()));
    assert_eq!(count(&app.db, app.globex()), 1);
    drop(server);
}

fn nothing_is_kept_where_nobody_wants_it(backend: Backend) {
    let mut app = TestApp::start_with(backend, &[("ROLLCALL__REQUESTS__KEEP_MOST", "0")]);
    app.rfc().get("/Users").expect(200);
    assert_eq!(app.server.terminate(), Some(0));
    assert_eq!(count(&app.db, app.acme()), 0);
}

fn a_database_that_is_busy_fails_no_request(backend: Backend) {
    use diesel::connection::SimpleConnection;
    let app = TestApp::start(backend);
    let client = app.rfc();
    client.get("/Users").expect(200);
    recorded(&app, 1);
    // Nobody can write into the log for a while.
    let lock = |sql: &str| -> Box<dyn FnOnce()> {
        match backend {
            Backend::Sqlite => {
                let mut connection = app.db.db_sqlite();
                connection.batch_execute("BEGIN IMMEDIATE").unwrap();
                Box::new(move || connection.batch_execute("ROLLBACK").unwrap())
            }
            Backend::Postgres => {
                let mut connection = app.db.db_postgres();
                connection.batch_execute(sql).unwrap();
                Box::new(move || connection.batch_execute("ROLLBACK").unwrap())
            }
        }
    };
    let unlock = lock("BEGIN; LOCK TABLE requests IN ACCESS EXCLUSIVE MODE");
    let begun = Instant::now();
    for _ in 0..50 {
        client.get("/Users").expect(200);
    }
    assert!(begun.elapsed().as_secs() < 5, "somebody waits for the log: {:?}", begun.elapsed());
    unlock();
    recorded(&app, 51);
    // What could not be written is counted.
    let owner = admin(&app, "owner");
    app.db.db_execute("ALTER TABLE requests RENAME TO away");
    client.get("/Users").expect(200);
    std::thread::sleep(std::time::Duration::from_secs(1));
    app.db.db_execute("ALTER TABLE away RENAME TO requests");
    let dropped = eventually("what was dropped", || {
        let dropped = owner.get("/requests").expect(200).json()["dropped"].as_u64().unwrap();
        (dropped > 0).then_some(dropped)
    });
    assert_eq!(dropped, 1);
    client.get("/Users").expect(200);
    recorded(&app, 52);
}
