//! Large bulk requests: what has to go through, and the limits, each granted at n and refused at n + 1.

use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use serde_json::{Value, json};

use super::{db_rows, id_in, outcomes, post_user, request, send, shuffled, statuses};
use crate::support::app::TestApp;
use crate::support::backend::{Backend, both};
use crate::support::groups::{db_list, people};
use crate::support::http::{BASES, RFC, SCIM_JSON};
use crate::support::raw;
use crate::support::users::user;

both!(
    users_and_groups,
    a_thousand_operations,
    bytes,
    members,
    many_groups_with_many_members,
    others_are_served,
    many_at_once
);

/// Long enough for a slow machine and far from what a scan per operation would take.
const FEW_SECONDS: Duration = Duration::from_secs(30);

fn users_and_groups(backend: Backend) {
    const USERS: usize = 950;
    const GROUPS: usize = 50;
    let app = TestApp::start(backend);
    for (base, collection) in BASES.iter().zip(["/Groups", "/Usergroups"]) {
        let client = app.client(base, app.acme());
        let name = |n: usize| format!("u{n}-{}", base.len());
        let members = |group: usize| (0..10).map(move |n| (group * 37 + n * 91) % USERS);
        let users = (0..USERS).map(|n| post_user(&name(n), user(&name(n))));
        let groups = (0..GROUPS).map(|n| {
            let members: Vec<Value> =
                members(n).map(|user| json!({"value": format!("bulkId:{}", name(user))})).collect();
            let data = json!({"displayName": format!("G{n}"), "members": members});
            json!({"method": "POST", "path": collection, "bulkId": format!("g{n}"), "data": data})
        });
        let all: Vec<Value> = users.chain(groups).collect();
        let order = shuffled(all.len());
        let operations: Value = order.iter().map(|&n| all[n].clone()).collect();
        let before = db_rows(&app);
        let started = Instant::now();
        let outcomes = outcomes(&client, &operations);
        assert!(started.elapsed() < FEW_SECONDS, "{base}: {:?}", started.elapsed());
        assert_eq!(outcomes.len(), USERS + GROUPS);
        let mut ids = vec![String::new(); all.len()];
        for (outcome, &n) in outcomes.iter().zip(&order) {
            assert_eq!((&outcome["status"], &outcome["bulkId"]), (&json!("201"), &all[n]["bulkId"]));
            id_in(outcome).clone_into(&mut ids[n]);
        }
        for group in 0..GROUPS {
            let mut expected: Vec<String> = members(group).map(|n| ids[n].replace('-', "")).collect();
            expected.sort();
            assert_eq!(db_list(&app, &json!({"id": ids[USERS + group]}), "members"), expected, "{group}");
        }
        let changes = (USERS + GROUPS) as i64;
        assert_eq!(db_rows(&app), (before.0 + changes, before.1 + changes));
    }
    let holes = app.db.db_number("SELECT max(seq) - count(*) AS value FROM changes");
    assert_eq!(holes, 0, "the feed has no holes");
}

fn a_thousand_operations(backend: Backend) {
    let app = TestApp::start(backend);
    let client = app.rfc();
    let announced = client.get("/ServiceProviderConfig").json()["bulk"].clone();
    assert_eq!(announced, json!({"supported": true, "maxOperations": 1_000, "maxPayloadSize": 1 << 20}));
    let users =
        |n: usize| -> Value { (0..n).map(|n| post_user(&n.to_string(), user(&format!("u{n}")))).collect() };
    let before = app.db.db_dump();
    send(&client, &users(1_001)).expect_error(413, None);
    app.db.db_assert_unchanged(&before);
    let outcomes = outcomes(&client, &users(1_000));
    assert!(outcomes.iter().all(|outcome| outcome["status"] == "201"));
    assert_eq!((app.db_users(app.acme()), db_rows(&app)), (1_000, (1_000, 1_000)));
    let requests = app.db.db_number("SELECT count(DISTINCT request_id) AS value FROM audit_log");
    assert_eq!(requests, 1, "every row names the one request");
}

fn bytes(backend: Backend) {
    const LIMIT: usize = 1 << 20;
    let app = TestApp::start(backend);
    for base in BASES {
        let client = app.client(base, app.acme());
        let name = format!("u{}", base.len());
        let body = request(&json!([post_user("1", user(&name))])).to_string();
        let sized = |bytes: usize| format!("{body}{}", " ".repeat(bytes - body.len()));
        let post = |bytes: usize| client.request("POST", "/Bulk").body(sized(bytes), SCIM_JSON).send();
        let chunked = |bytes: usize| {
            let text = sized(bytes);
            let chunks: String = text
                .as_bytes()
                .chunks(64 << 10)
                .map(|chunk| format!("{:x}\r\n{}\r\n", chunk.len(), String::from_utf8_lossy(chunk)))
                .collect();
            let head = format!(
                "POST {base}/Bulk HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer {}\r\n\
                 Content-Type: application/scim+json\r\nTransfer-Encoding: chunked\r\n\r\n",
                app.acme().token
            );
            raw::exchange(app.server.address(), format!("{head}{chunks}0\r\n\r\n").as_bytes())
        };
        let before = app.db.db_dump();
        post(LIMIT + 1).expect_error(413, None);
        chunked(LIMIT + 1).expect_error(413, None);
        app.db.db_assert_unchanged(&before);
        assert_eq!(statuses(&super::read(&post(LIMIT))), ["201"]);
        assert_eq!(statuses(&super::read(&chunked(LIMIT))), ["409"], "the same user again");
    }
}

fn members(backend: Backend) {
    let app = TestApp::start(backend);
    let [mia, ..] = people(&app.rfc());
    let many = |n: usize| Value::Array(vec![mia["id"].clone(); n]);
    for base in BASES {
        let client = app.client(base, app.acme());
        // Every way to name them counts, those of an operation that will be refused too.
        let operations = |name: &str, n: usize| {
            let patch = json!({"Operations": [
                {"op": "add", "path": "members", "value": many(1_000)},
                {"op": "remove", "path": "owners", "value": many(1_000)},
                {"op": "add", "value": {"members": many(1_000)}},
                {"op": "remove", "path": "members[value eq \"x\"]"},
                {"op": "add", "path": "shoeSize", "value": 4},
                {"op": "remove", "path": "members", "value": many(999)}
            ]});
            json!([
                {"method": "POST", "path": "/Groups", "bulkId": "g", "data": {"displayName": name, "Members": many(1_000)}},
                {"method": "PUT", "path": "/Groups/bulkId:g", "data": {"displayName": name, "owners": many(1_000)}},
                {"method": "PATCH", "path": "/Groups/bulkId:g", "data": patch},
                {"method": "PATCH", "path": "/Roles/grader", "data": [
                    {"op": "add", "path": "members", "value": many(1_000)}
                ]},
                {"method": "POST", "path": "/Usergroups", "bulkId": "u", "data": {"displayName": name, "members": many(n)}}
            ])
        };
        let before = app.db.db_dump();
        send(&client, &operations(base, 3_001)).expect_error(413, None);
        app.db.db_assert_unchanged(&before);
        assert_eq!(
            statuses(&outcomes(&client, &operations(base, 3_000))),
            ["201", "200", "400", "200", "201"]
        );
    }
}

fn many_groups_with_many_members(backend: Backend) {
    let app = TestApp::start(backend);
    let members: Vec<String> = (0..1_000).map(|n| format!("{n}")).collect();
    let before = app.db.db_dump();
    for (groups, members) in [(1_000, &members[..]), (100, &members[..101])] {
        let operations: Value = (0..groups)
            .map(|n| {
                let data = json!({"displayName": format!("G{n}"), "members": members});
                json!({"method": "POST", "path": "/Groups", "bulkId": format!("g{n}"), "data": data})
            })
            .collect();
        send(&app.rfc(), &operations).expect_error(413, None);
    }
    app.db.db_assert_unchanged(&before);
}

/// A bulk request gives way to other writers between its operations.
fn others_are_served(backend: Backend) {
    const OTHERS: usize = 4;
    let app = TestApp::start(backend);
    let operations: Value = (0..1_000).map(|n| post_user(&n.to_string(), user(&format!("u{n}")))).collect();
    let client = app.client(RFC, app.acme());
    let is_done = AtomicBool::new(false);
    std::thread::scope(|scope| {
        let others: Vec<_> = (0..OTHERS)
            .map(|other| {
                let (is_done, client) = (&is_done, &client);
                scope.spawn(move || {
                    let mut served = 0;
                    while !is_done.load(Ordering::Relaxed) {
                        client.post("/Users", &user(&format!("other{other}-{served}"))).expect(201);
                        served += 1;
                    }
                    served
                })
            })
            .collect();
        let reply = send(&client, &operations);
        is_done.store(true, Ordering::Relaxed);
        assert_eq!(super::read(&reply).len(), 1_000);
        for other in others {
            let served = other.join().unwrap();
            assert!(served > 10, "{served}");
        }
    });
}

/// More of them than the server does at once: the rest waits for its turn, and single requests do not.
fn many_at_once(backend: Backend) {
    const BULKS: usize = 16;
    const EACH: usize = 20;
    let app = TestApp::start(backend);
    let client = app.client(RFC, app.acme());
    std::thread::scope(|scope| {
        let bulks: Vec<_> = (0..BULKS)
            .map(|bulk| {
                let client = &client;
                scope.spawn(move || {
                    let name = |n: usize| format!("u{bulk}-{n}");
                    outcomes(client, &(0..EACH).map(|n| post_user(&name(n), user(&name(n)))).collect())
                })
            })
            .collect();
        for bulk in bulks {
            assert_eq!(statuses(&bulk.join().unwrap()), ["201"; EACH]);
            client.get("/Users?count=1").expect(200);
        }
    });
    assert_eq!(app.db_users(app.acme()), (BULKS * EACH) as i64);
}
