//! kill -9 of the server in the middle of writes: what was acknowledged is there, whole, and nothing is half there.

use std::collections::BTreeSet;
use std::sync::Mutex;
use std::sync::atomic::{AtomicUsize, Ordering};

use serde_json::{Value, json};

use crate::support::app::TestApp;
use crate::support::backend::{Backend, both};
use crate::support::db::same_id;
use crate::support::http::id_of;
use crate::support::program::Server;
use crate::support::records::eventually;
use crate::support::users::{full_user, with};

both!(kill_during_posts);

const POSTS: usize = 2_000;
const WRITERS: usize = 4;
/// Acknowledged writes of a round before the server is killed, one entry a round.
const KILLED_AFTER: [usize; 5] = [40, 150, 333, 600, 1_000];

fn body(round: usize, n: usize) -> Value {
    with(full_user(&format!("r{round}-{n}")), json!({"roles": ["agent"]}))
}

fn kill_during_posts(backend: Backend) {
    let mut app = TestApp::start(backend);
    let mut acknowledged: BTreeSet<String> = BTreeSet::new();
    let mut entries_of_one = None;
    for (round, limit) in KILLED_AFTER.into_iter().enumerate() {
        let (next, done) = (AtomicUsize::new(0), AtomicUsize::new(0));
        let acks = Mutex::new(Vec::new());
        let in_flight = Mutex::new(Vec::new());
        let client = app.rfc();
        std::thread::scope(|scope| {
            for _ in 0..WRITERS {
                scope.spawn(|| {
                    loop {
                        let n = next.fetch_add(1, Ordering::Relaxed);
                        if n >= POSTS {
                            return;
                        }
                        match client.request("POST", "/Users").json(&body(round, n)).try_send() {
                            Ok(reply) => {
                                let created = reply.expect(201).json();
                                acks.lock().unwrap().push(id_of(&created).to_owned());
                                done.fetch_add(1, Ordering::Release);
                            }
                            // The server is gone: the outcome of this one is unknown.
                            Err(_) => return in_flight.lock().unwrap().push(n),
                        }
                    }
                });
            }
            while done.load(Ordering::Acquire) < limit {
                std::thread::yield_now();
            }
            app.server.kill();
        });
        let in_flight = in_flight.into_inner().unwrap();
        assert!(
            !in_flight.is_empty(),
            "round {round}: the server was killed after the last of {POSTS} POSTs"
        );
        let acks = acks.into_inner().unwrap();
        assert!(acks.len() >= limit);
        acknowledged.extend(acks);

        // What PostgreSQL was about to commit it commits, a moment after its client is gone.
        if backend == Backend::Postgres {
            let sessions = format!(
                "SELECT count(*) AS value FROM pg_stat_activity WHERE datname = '{}' AND application_name = 'rollcall'",
                app.db.name()
            );
            eventually("the last commit", || (app.db.db_number(&sessions) == 0).then_some(()));
        }
        // It comes back by itself, on what it finds.
        app.server = Server::start(&app.db.folder, &app.db.url);
        check(&app, round, &acknowledged, &mut entries_of_one);

        // Whoever sends the unknown ones again ends with exactly one of each.
        for n in in_flight {
            let reply = app.rfc().post("/Users", &body(round, n));
            assert!([201, 409].contains(&reply.status), "round {round}: {}", reply.text);
            let found = app.rfc().filter(&format!("userName eq \"r{round}-{n}@example.com\""));
            acknowledged.insert(found.ids().concat());
            assert_eq!(found.total(), 1, "round {round}: {}", found.text);
        }
        check(&app, round, &acknowledged, &mut entries_of_one);
    }
}

/// All rows of all changes belong together.
fn check(app: &TestApp, round: usize, acknowledged: &BTreeSet<String>, entries_of_one: &mut Option<i64>) {
    let db = &app.db;
    let rows = |table: &str| db.db_count(table, "1 = 1");
    let ids = db.db_texts(match db.backend {
        Backend::Sqlite => "SELECT lower(hex(id)) AS value FROM resources",
        Backend::Postgres => "SELECT replace(id::text, '-', '') AS value FROM resources",
    });
    let stored: BTreeSet<&str> = ids.iter().map(String::as_str).collect();
    let lost: Vec<&String> =
        acknowledged.iter().filter(|id| !stored.contains(id.replace('-', "").as_str())).collect();
    assert!(
        lost.is_empty(),
        "round {round}: {} acknowledged users are lost, the first is {:?}",
        lost.len(),
        lost[0]
    );
    assert!(ids.iter().all(|id| same_id(id, id)) && !ids.is_empty());

    let users = ids.len() as i64;
    assert!(
        users <= (acknowledged.len() + WRITERS) as i64,
        "round {round}: {users} users, {} acknowledged: more than could be in flight",
        acknowledged.len()
    );
    assert_eq!(rows("audit_log"), users, "round {round}: audit rows and committed changes differ");
    assert_eq!(rows("changes"), users, "round {round}: change rows and committed changes differ");
    let verified = db.cli_json(&["audit", "verify", "--tenant", "acme"]);
    assert_eq!(verified["good"], users, "round {round}: the chain of audit rows is broken: {verified}");
    let last = db.db_number("SELECT coalesce(max(seq), 0) AS value FROM changes");
    assert_eq!(last, users, "round {round}: a change position is left out");
    let counter = db.db_number("SELECT max(change_seq) AS value FROM tenant_counters");
    assert_eq!(counter, users, "round {round}: the counter and the feed differ");
    let live =
        db.db_number("SELECT coalesce(max(live), 0) AS value FROM collections WHERE resource_type = 'User'");
    assert_eq!(live, users, "round {round}: the collection counts otherwise");
    for table in ["audit_log", "changes"] {
        let orphans = db.db_count(table, "resource_id NOT IN (SELECT id FROM resources)");
        assert_eq!(orphans, 0, "round {round}: {table} speaks of users that are not there");
    }
    // Every user of these tests has the same number of index entries.
    let entries = "SELECT resource_id, count(*) AS entries FROM attribute_values GROUP BY resource_id";
    let extreme =
        |function: &str| db.db_number(&format!("SELECT {function}(entries) AS value FROM ({entries}) e"));
    let one = *entries_of_one.get_or_insert_with(|| extreme("max"));
    assert!(one > 20, "a full user has many entries: {one}");
    assert_eq!((extreme("min"), extreme("max")), (one, one), "round {round}: a user is half indexed");
    assert_eq!(rows("attribute_values"), users * one, "round {round}: a user is in no index");
    if db.backend == Backend::Sqlite {
        assert_eq!(
            db.db_texts("SELECT integrity_check AS value FROM pragma_integrity_check"),
            ["ok"],
            "round {round}"
        );
        assert_eq!(db.db_count("pragma_foreign_key_check", "1 = 1"), 0, "round {round}");
    }
}
