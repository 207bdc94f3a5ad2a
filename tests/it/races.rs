//! Many at once: one name, one user, the last admin; every change whole, none lost, no position left out.

use std::collections::BTreeMap;
use std::sync::Barrier;

use serde_json::{Value, json};

use crate::support::app::TestApp;
use crate::support::backend::{Backend, both};
use crate::support::http::{Reply, user_path};
use crate::support::users::{QA_USER, user, with};

both!(
    one_name_is_given_once,
    patches_of_one_user_are_all_done,
    the_last_two_admins_are_not_both_demoted,
    positions_have_no_hole
);

/// Runs the requests at the same moment, one thread each.
fn at_once<T: Sync>(inputs: &[T], request: impl Fn(&T) -> Reply + Sync) -> Vec<Reply> {
    let start = Barrier::new(inputs.len());
    let run = |input| {
        start.wait();
        request(input)
    };
    let run = &run;
    std::thread::scope(|scope| {
        let threads: Vec<_> = inputs.iter().map(|input| scope.spawn(move || run(input))).collect();
        threads.into_iter().map(|thread| thread.join().unwrap()).collect()
    })
}

fn statuses(replies: &[Reply]) -> BTreeMap<u16, usize> {
    let mut counts = BTreeMap::new();
    for reply in replies {
        *counts.entry(reply.status).or_default() += 1;
    }
    counts
}

fn one_name_is_given_once(backend: Backend) {
    let app = TestApp::start(backend);
    let client = app.rfc();
    let variants = [
        "Élodie@example.com",
        "élodie@example.com",
        "E\u{301}lodie@example.com",
        "e\u{301}LODIE@EXAMPLE.COM",
        "ÉLODIE@EXAMPLE.COM",
    ];
    let names: Vec<&str> = variants.iter().copied().cycle().take(50).collect();
    let replies = at_once(&names, |name| client.post("/Users", &json!({"userName": name})));
    assert_eq!(
        statuses(&replies),
        BTreeMap::from([(201, 1), (409, 49)]),
        "{:?}",
        replies.iter().find(|reply| reply.status > 409)
    );
    for reply in replies.iter().filter(|reply| reply.status == 409) {
        reply.expect_error(409, Some("uniqueness"));
    }
    let tables = [("resources", 1), ("audit_log", 1), ("changes", 1)];
    for (table, rows) in tables {
        assert_eq!(app.db.db_count(table, "1 = 1"), rows, "{table}");
    }
    assert_eq!(app.db.db_count("collections", "live = 1"), 1, "the counter has counted one");
    assert_eq!(client.get("/Users").total(), 1);
}

fn patches_of_one_user_are_all_done(backend: Backend) {
    let app = TestApp::start(backend);
    let client = app.rfc();
    let path = user_path(&client.create(&user("mia")));
    let numbers: Vec<usize> = (0..50).collect();
    let replies = at_once(&numbers, |n| {
        client.patch(
            &path,
            json!([{"op": "add", "path": "phoneNumbers", "value": [{"value": format!("{n}")}]}]),
        )
    });
    assert_eq!(
        statuses(&replies),
        BTreeMap::from([(200, 50)]),
        "{:?}",
        replies.iter().find(|reply| reply.status != 200)
    );
    let user = client.get(&path).json();
    let mut kept: Vec<usize> = user["phoneNumbers"]
        .as_array()
        .unwrap()
        .iter()
        .map(|one| one["value"].as_str().unwrap().parse().unwrap())
        .collect();
    kept.sort_unstable();
    assert_eq!(kept, numbers, "every change is there");
    assert_eq!(user["meta"]["version"], "W/\"51\"", "the version moved 50 times");
    let mut versions: Vec<Value> =
        replies.iter().map(|reply| reply.json()["meta"]["version"].clone()).collect();
    versions.sort_by_key(ToString::to_string);
    versions.dedup();
    assert_eq!(versions.len(), 50, "no two changes were told the same version");
}

fn the_last_two_admins_are_not_both_demoted(backend: Backend) {
    let app = TestApp::start(backend);
    let client = app.rfc();
    let admin = |name: &str| with(user(name), json!({"roles": ["admin"]}));
    let mut paths = ["one", "two"].map(|name| user_path(&client.create(&admin(name))));
    for round in 0..10 {
        let replies = at_once(&paths, |path| {
            client.patch(path, json!([{"op": "replace", "path": "roles", "value": ["agent"]}]))
        });
        assert_eq!(statuses(&replies), BTreeMap::from([(200, 1), (409, 1)]), "round {round}: {replies:?}");
        let role = |path: &String| client.with_role(client.get(path).json())[QA_USER]["role"].clone();
        let loser = paths.iter().position(|path| role(path) == "agent").unwrap();
        client
            .patch(&paths[loser], json!([{"op": "replace", "path": "roles", "value": ["admin"]}]))
            .expect(200);
        paths.swap(0, 1);
    }
}

fn positions_have_no_hole(backend: Backend) {
    let app = TestApp::start(backend);
    let client = app.rfc();
    let taken = client.create(&user("taken"));
    let numbers: Vec<usize> = (0..40).collect();
    // Creates, conflicts and refusals mixed: what fails must not use up a position.
    at_once(&numbers, |n| match n % 4 {
        0 | 1 => client.post("/Users", &user(&format!("u{n}"))),
        2 => client.post("/Users", &user("taken")),
        _ => client.patch(
            &user_path(&taken),
            json!([{"op": "add", "path": "phoneNumbers", "value": [{"value": format!("{n}")}]}]),
        ),
    });
    let changes = app.db.db_number("SELECT count(*) AS value FROM changes");
    assert_eq!(changes, 1 + 20 + 10, "every committed change and no other");
    assert_eq!(app.db.db_number("SELECT min(seq) AS value FROM changes"), 1);
    assert_eq!(app.db.db_number("SELECT max(seq) AS value FROM changes"), changes, "no position is left out");
    assert_eq!(app.db.db_count("audit_log", "1 = 1"), changes, "an audit row per change");
    let tenant = app.db.literal(&app.acme().id);
    assert_eq!(
        app.db.db_count("tenant_counters", &format!("tenant_id = {tenant} AND change_seq = {changes}")),
        1
    );
}
