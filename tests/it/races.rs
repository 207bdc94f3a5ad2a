//! Many at once: one name, one user, the last admin; every change whole, none lost, no position left out.

use std::collections::BTreeMap;
use std::sync::{Barrier, Mutex};
use std::time::Duration;

use diesel::PgConnection;
use diesel::connection::SimpleConnection;
use serde_json::{Value, json};

use crate::support::app::TestApp;
use crate::support::backend::{Backend, both};
use crate::support::effort::rounds;
use crate::support::groups::{KINDS, db_changes, db_list, person, plain_ids};
use crate::support::http::{Carrier, Client, Reply, id_of, user_path};
use crate::support::users::{QA_USER, user, with};

both!(
    one_name_is_given_once,
    patches_of_one_user_are_all_done,
    the_last_two_admins_are_not_both_demoted,
    members_added_at_once_are_all_there,
    a_deleted_user_is_in_no_group,
    groups_changed_in_opposite_order_wait_for_each_other,
    positions_have_no_hole,
    a_refusal_among_many_writers_takes_nobody_with_it,
    each_look_up_has_its_own_answer
);

/// Rounds in which two admins are demoted at once.
const ADMIN_ROUNDS: usize = 200;
/// The ways in which an admin is demoted.
const WAYS: [&str; 3] = ["patch", "put", "role"];

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
    let mut swapped = false;
    for round in 0..ADMIN_ROUNDS {
        // By each of the ways: PATCH and PUT of the user, PATCH of the role.
        let ways: [(usize, &str); 2] = [(0, WAYS[round % 3]), (1, WAYS[round / 3 % 3])];
        let replies = at_once(&ways, |&(which, way)| {
            let path = &paths[which];
            let id = path.trim_start_matches("/Users/");
            let name = if swapped ^ (which == 1) { "two" } else { "one" };
            match way {
                "patch" => {
                    client.patch(path, json!([{"op": "replace", "path": "roles", "value": ["agent"]}]))
                }
                "put" => client.put(path, &with(user(name), json!({"roles": ["agent"]}))),
                _ => {
                    client.patch("/Roles/admin", json!([{"op": "remove", "path": "members", "value": [id]}]))
                }
            }
        });
        assert_eq!(statuses(&replies), BTreeMap::from([(200, 1), (409, 1)]), "round {round}: {replies:?}");
        let role = |path: &String| client.with_role(client.get(path).json())[QA_USER]["role"].clone();
        let loser = paths.iter().position(|path| role(path) == "agent").unwrap();
        client
            .patch(&paths[loser], json!([{"op": "replace", "path": "roles", "value": ["admin"]}]))
            .expect(200);
        paths.swap(0, 1);
        swapped = !swapped;
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
    let verified = app.db.cli_json(&["audit", "verify", "--tenant", "acme"]);
    assert_eq!((&verified["good"], &verified["flaw"]), (&json!(changes), &Value::Null), "{verified}");
    let tenant = app.db.literal(&app.acme().id);
    assert_eq!(
        app.db.db_count("tenant_counters", &format!("tenant_id = {tenant} AND change_seq = {changes}")),
        1
    );
}

/// On SQLite writers that wait for each other share a transaction; whoever fails in it must not show.
fn a_refusal_among_many_writers_takes_nobody_with_it(backend: Backend) {
    let app = TestApp::start(backend);
    let client = app.rfc();
    let writers: Vec<usize> = (0..64).collect();
    let replies = Mutex::new(Vec::new());
    at_once(&writers, |n| {
        let first = client.post("/Users", &user(&format!("first{n}")));
        let again = client.post("/Users", &user(&format!("FIRST{n}")));
        let second = client.post("/Users", &user(&format!("second{n}")));
        // Without a name.
        let bad = client.post("/Users", &json!({"schemas": user("x")["schemas"]}));
        let statuses = [&first, &again, &second, &bad].map(|reply| reply.status);
        replies.lock().unwrap().push((statuses, [first, second]));
        bad
    });
    let replies = replies.into_inner().unwrap();
    for (statuses, made) in &replies {
        assert_eq!(*statuses, [201, 409, 201, 400]);
        for user in made {
            assert_eq!(client.get(&user_path(&user.json())).status, 200);
        }
    }
    let users = 2 * i64::try_from(writers.len()).unwrap();
    for table in ["resources", "changes", "audit_log"] {
        assert_eq!(app.db.db_count(table, "1 = 1"), users, "{table}");
    }
    assert_eq!(app.db.db_number("SELECT max(seq) AS value FROM changes"), users, "no position is left out");
    assert_eq!(app.db.db_number("SELECT max(live) AS value FROM collections"), users);
    assert_eq!(app.db.db_number("SELECT CAST(sum(live) AS BIGINT) AS value FROM collection_blocks"), users);
    let verified = app.db.cli_json(&["audit", "verify", "--tenant", "acme"]);
    assert_eq!((&verified["good"], &verified["flaw"]), (&json!(users), &Value::Null), "{verified}");
}

/// A membership whose user or group is gone.
fn orphans(app: &TestApp) -> i64 {
    app.db.db_count(
        "memberships m",
        "NOT EXISTS (SELECT 1 FROM resources r WHERE r.id = m.user_id AND r.deleted_at IS NULL) \
         OR NOT EXISTS (SELECT 1 FROM resources r WHERE r.id = m.group_id AND r.deleted_at IS NULL)",
    )
}

fn add(client: &Client, path: &str, ids: &[&str]) -> Reply {
    client.patch(path, json!([{"op": "add", "path": "members", "value": ids}]))
}

fn members_added_at_once_are_all_there(backend: Backend) {
    let app = TestApp::start(backend);
    let client = app.rfc();
    let users: Vec<Value> = (0..50).map(|n| client.create(&user(&format!("u{n}")))).collect();
    let everybody = plain_ids(&users.iter().collect::<Vec<_>>());
    for round in 0..20 {
        let kind = KINDS[round % 2];
        let group = kind.create(&client, &json!({"displayName": format!("round {round}")}));
        let path = kind.path(&group);
        let replies = at_once(&users, |user| add(&client, &path, &[id_of(user)]));
        assert_eq!(
            statuses(&replies),
            BTreeMap::from([(200, 50)]),
            "round {round}: {:?}",
            replies.iter().find(|reply| reply.status != 200)
        );
        assert_eq!(db_list(&app, &group, "members"), everybody, "round {round}: every member is there");
        let versions: std::collections::BTreeSet<Option<&str>> =
            replies.iter().map(|reply| reply.header("ETag")).collect();
        assert_eq!(versions.len(), 50, "no two changes were told the same version");
        assert_eq!(client.get(&path).json()["meta"]["version"], "W/\"51\"", "the version moved 50 times");
        assert_eq!(db_changes(&app, kind, &group), 51);
    }
}

fn a_deleted_user_is_in_no_group(backend: Backend) {
    let app = TestApp::start(backend);
    let client = app.rfc();
    let stays = person(&client, "stays");
    let groups = KINDS.map(|kind| {
        kind.path(&kind.create(&client, &json!({"displayName": "Ops", "members": [stays["id"]]})))
    });
    for round in 0..rounds(100) {
        let user = client.create(&user(&format!("u{round}")));
        // In every second round the user is a member of the other group already.
        if round % 2 == 0 {
            add(&client, &groups[1], &[id_of(&user)]).expect(200);
        }
        let replies = at_once(&["delete", "add", "put"], |&what| match what {
            "delete" => client.delete(&user_path(&user)),
            "add" => add(&client, &groups[0], &[id_of(&user)]),
            _ => client.put(&groups[1], &json!({"displayName": "Ops", "members": [stays["id"], user["id"]]})),
        });
        let got: Vec<u16> = replies.iter().map(|reply| reply.status).collect();
        assert_eq!(got[0], 204, "round {round}: {}", replies[0].text);
        for reply in &replies[1..] {
            assert!(matches!(reply.status, 200 | 400), "round {round}: {} {}", reply.status, reply.text);
        }
        assert_eq!(orphans(&app), 0, "round {round}: a membership of somebody who is gone: {got:?}");
    }
    for path in &groups {
        let members = client.get(path).json()["members"].clone();
        assert_eq!(members.as_array().map(Vec::len), Some(1), "{members}");
        let filter = format!("members.value%20eq%20%22{}%22", id_of(&stays));
        let collection = path.rsplit_once('/').unwrap().0;
        assert_eq!(client.get(&format!("{collection}?filter={filter}")).total(), 1);
    }
}

fn groups_changed_in_opposite_order_wait_for_each_other(backend: Backend) {
    let app = TestApp::start(backend);
    let client = app.rfc();
    let [agents, usergroups] = KINDS;
    let one = agents.path(&agents.create(&client, &json!({"displayName": "one"})));
    let other = usergroups.path(&usergroups.create(&client, &json!({"displayName": "other"})));
    // Two users in both groups: a change of one group with many members, and deletions that touch both groups.
    for round in 0..rounds(100) {
        let users = ["a", "b"].map(|name| client.create(&user(&format!("{name}{round}"))));
        let [a, b] = [id_of(&users[0]), id_of(&users[1])];
        let replies = at_once(&[0, 1, 2, 3], |&n| match n {
            0 => add(&client, &one, &[a, b]),
            1 => add(&client, &other, &[b, a]),
            2 => client.patch(&one, json!([{"op": "replace", "path": "members", "value": [b, a]}])),
            _ => client.put(&other, &json!({"displayName": "other", "members": [a, b]})),
        });
        assert_eq!(statuses(&replies), BTreeMap::from([(200, 4)]), "round {round}: {replies:?}");
        let replies = at_once(&[0, 1, 2, 3], |&n| match n {
            0 => client.delete(&user_path(&users[0])),
            1 => client.delete(&user_path(&users[1])),
            2 => client.patch(&other, json!([{"op": "remove", "path": "members", "value": [b, a]}])),
            _ => client.patch(&one, json!([{"op": "remove", "path": "members", "value": [a, b]}])),
        });
        for (reply, status) in replies.iter().zip([204, 204, 200, 200]) {
            assert_eq!(reply.status, status, "round {round}: {}: {}", reply.what, reply.text);
        }
        assert_eq!(app.db.db_count("memberships", "1 = 1"), 0, "round {round}");
    }
    assert_eq!(orphans(&app), 0);
}

/// Keeps everybody from reading resources until it is dropped.
struct Locked(PgConnection);

impl Locked {
    fn new(app: &TestApp) -> Self {
        let mut conn = app.db.db_postgres();
        conn.batch_execute("BEGIN; LOCK TABLE resources IN ACCESS EXCLUSIVE MODE").unwrap();
        Self(conn)
    }

    /// The statements of the server that wait for it.
    fn waiting(app: &TestApp) -> Vec<String> {
        app.db.db_texts(&format!(
            "SELECT query AS value FROM pg_stat_activity WHERE datname = '{}' AND application_name = 'rollcall' \
             AND wait_event_type = 'Lock'",
            app.db.name()
        ))
    }

    /// The same, when there are some and no more come.
    fn settled(app: &TestApp) -> Vec<String> {
        let mut before = Vec::new();
        for _ in 0..200 {
            std::thread::sleep(Duration::from_millis(150));
            let now = Self::waiting(app);
            if !now.is_empty() && now == before {
                return now;
            }
            before = now;
        }
        panic!("still coming: {before:?}");
    }
}

impl Drop for Locked {
    fn drop(&mut self) {
        let _ = self.0.batch_execute("ROLLBACK");
    }
}

#[test]
fn look_ups_and_lists_share_the_turns_of_their_tenant() {
    // Whoever waits for a turn waits as long as the test needs to look.
    let settings = [("ROLLCALL__DATABASE__POOL_SIZE", "6"), ("ROLLCALL__DATABASE__POOL_TIMEOUT_MS", "9000")];
    let app = TestApp::start_with(Backend::Postgres, &settings);
    let client = app.rfc();
    let mia = client.create(&user("mia"));
    let locked = Locked::new(&app);
    let replies = std::thread::scope(|scope| {
        let many = scope.spawn(|| {
            let paths: Vec<String> =
                (0..30).map(|n| if n < 2 { "/Users?count=5".into() } else { user_path(&mia) }).collect();
            at_once(&paths, |path| client.get(path))
        });
        let waiting = Locked::settled(&app);
        assert!(waiting.len() <= 4, "two thirds of the connections: {waiting:#?}");
        assert!(waiting.iter().any(|statement| statement.contains("unnest")), "by the statement for several");
        drop(locked);
        many.join().unwrap()
    });
    assert_eq!(statuses(&replies), BTreeMap::from([(200, 30)]));
}

#[test]
fn a_token_that_ends_while_a_look_up_waits_sees_nothing() {
    let app = TestApp::start(Backend::Postgres);
    let mia = app.rfc().create(&user("mia"));
    let secret = app.db.cli_json(&["token", "create", "--tenant", "acme", "--name", "late"]);
    let (id, secret) = (secret["id"].as_str().unwrap(), secret["token"].as_str().unwrap());
    let client = app.client_with("/scim/v2", Some(Carrier::Bearer.header(secret)));
    client.get(&user_path(&mia)).expect(200);
    let locked = Locked::new(&app);
    std::thread::scope(|scope| {
        let late = scope.spawn(|| client.get(&user_path(&mia)));
        assert_eq!(Locked::settled(&app).len(), 1);
        app.db.cli(&["token", "revoke", "--tenant", "acme", id]);
        // What is remembered of a token is half a second old at most.
        std::thread::sleep(Duration::from_millis(700));
        drop(locked);
        late.join().unwrap().expect_error(401, None);
    });
}

/// What goes to the database together comes back to those who have asked.
fn each_look_up_has_its_own_answer(backend: Backend) {
    const USERS: usize = 12;
    let app = TestApp::start(backend);
    let people = [app.acme(), app.globex()].map(|tenant| {
        let client = app.client("/scim/v2", tenant);
        let made = |number: usize| {
            // The names are the same in both, and nothing else.
            let own =
                json!({"externalId": format!("e-{number}"), "title": format!("{} {number}", tenant.slug)});
            client.create(&with(user(&format!("user{number}")), own))
        };
        let users: Vec<Value> = (0..USERS).map(made).collect();
        let gone = client.create(&user("gone"));
        client.delete(&user_path(&gone)).expect(204);
        let crew = json!({"displayName": "Crew", "members": [{"value": id_of(&users[0])}]});
        let crew = client.post("/Groups", &crew).expect(201).json();
        (client, users, gone, crew)
    });
    let threads: Vec<usize> = (0..24).collect();
    at_once(&threads, |thread| {
        let ((client, users, gone, crew), (_, foreign, ..)) = match thread % 2 {
            0 => (&people[0], &people[1]),
            _ => (&people[1], &people[0]),
        };
        for step in 0..20 {
            let number = (thread + step) % USERS;
            let wanted = &users[number];
            let same = |shown: &Value| {
                assert_eq!((&shown["id"], &shown["title"]), (&wanted["id"], &wanted["title"]));
                let groups: Vec<&str> = shown["groups"]
                    .as_array()
                    .into_iter()
                    .flatten()
                    .map(|group| group["value"].as_str().unwrap())
                    .collect();
                assert_eq!(groups, if number == 0 { vec![id_of(crew)] } else { vec![] }, "{number}");
            };
            let only = |reply: &Reply| {
                assert_eq!(reply.expect(200).total(), 1);
                same(&reply.resources()[0]);
            };
            match step % 7 {
                0 | 1 => same(&client.get(&user_path(wanted)).expect(200).json()),
                2 => only(&client.filter(&format!("userName eq \"USER{number}@example.com\""))),
                3 => only(&client.filter(&format!("externalId eq \"e-{number}\""))),
                4 => drop(client.get(&user_path(&foreign[number])).expect_error(404, None)),
                5 => drop(client.get(&user_path(gone)).expect_error(404, None)),
                _ => assert_eq!(client.filter(r#"userName eq "gone@example.com""#).expect(200).total(), 0),
            }
        }
        client.get(&user_path(&users[0]))
    });
}
