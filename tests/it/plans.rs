//! Look-ups are answered from an index, on both databases and under row-level security.

use std::time::Duration;

use domain::filter::parse::{Scope, parse};
use domain::id::{ResourceId, TenantId};
use domain::index::Derived;
use domain::list::{ListQuery, Part, Position, Sort, Start};
use domain::meta::{Meta, Version, parse_time};
use domain::path::Target;
use domain::resource::Resource;
use domain::resource_type::USER;
use domain::store;
use domain::tenant::{Purge, Record, Tenant, TenantSettings, TenantState};
use serde_json::{Value, json};

use crate::filters::open;
use crate::support::app::TestApp;
use crate::support::backend::{Backend, both};
use crate::support::db::TestDb;
use crate::support::http::{Carrier, Client, RFC, id_of};

both!(lookups_use_an_index, pages_behind_a_position_are_ranges, the_server_is_bound_by_row_level_security);

/// A server with one connection, so that all plans are made and kept in one place.
fn with_one_connection() -> TestApp {
    TestApp::start_with(Backend::Postgres, &[("ROLLCALL__DATABASE__POOL_SIZE", "1")])
}

/// A group of ten beside one that has nearly all memberships of the tenant: in a young table of which the planner
/// knows nothing, and with plans that were made for the large group.
#[test]
fn a_small_group_is_read_without_its_large_neighbour() {
    const MEMBERS: usize = 3_000;
    let app = with_one_connection();
    let (users, members) = ((MEMBERS + 1).to_string(), MEMBERS.to_string());
    app.db.cli(&["load", "--tenant", "acme", "--users", &users, "--groups", "1", "--members", &members]);
    let client = app.rfc();
    let large = client.get("/Groups?attributes=id").expect(200).ids();
    let people = client.get("/Users?count=11&attributes=userName").expect(200).ids();
    let members: Vec<Value> = people[..10].iter().map(|id| json!({"value": id})).collect();
    let small = client.post("/Groups", &json!({"displayName": "Ten", "members": members})).expect(201).json();
    let small = format!("/Groups/{}", id_of(&small));
    assert_eq!(large.len(), 1);

    assert_reads_little(&app, &client, &small, &people[10]);
    app.db.db_execute("ANALYZE");
    for _ in 0..10 {
        client.get(&format!("/Groups/{}", large[0])).expect(200);
    }
    assert_reads_little(&app, &client, &small, &people[10]);
}

/// Few have a value, many have what is asked for beside it. Asked again and again, so that PostgreSQL makes a plan for any value.
#[test]
fn who_has_a_value_is_found_without_all_others() {
    const ROUNDS: i64 = 20;
    let app = with_one_connection();
    app.db.cli(&["load", "--tenant", "acme", "--users", "3000"]);
    let client = app.rfc();
    let people = client.get("/Users?startIndex=2000&count=5&attributes=userName").expect(200).json();
    let people = people["Resources"].as_array().unwrap();
    for person in people {
        let badge = json!([{"op": "add", "path": "profile.Badge", "value": "b7"}]);
        client.patch(&format!("/Users/{}", id_of(person)), badge).expect(200);
    }
    let name = people[0]["userName"].as_str().unwrap();
    let filters = [
        format!("emails[type eq \"work\"].value eq \"{name}\""),
        format!("emails.value eq \"{name}\" and active eq true and emails.type eq \"work\""),
        format!("emails.value eq \"{name}\" or profile.Badge eq \"b7\""),
        "profile.Badge eq \"b7\"".to_owned(),
        "profile.Badge eq \"b7\" and emails[type eq \"work\" and primary eq true]".to_owned(),
    ];
    for analyzed in [false, true] {
        if analyzed {
            app.db.db_execute("ANALYZE");
        }
        // What a connection has read is told at the end of a transaction, at most once a second.
        let told = || {
            std::thread::sleep(Duration::from_millis(1_200));
            client.get("/Users?count=0").expect(200);
        };
        told();
        app.db.db_texts("SELECT pg_stat_reset()::text AS value");
        for _ in 0..ROUNDS {
            for filter in &filters {
                assert_ne!(client.filter(filter).expect(200).json()["totalResults"], 0, "{filter}");
            }
        }
        told();
        let rows = rows_read(&app, "resources") + rows_read(&app, "attribute_values");
        // Five and what is asked of each, and not three thousand.
        assert!((1..ROUNDS * 5 * 30).contains(&rows), "{rows} rows were read, analyzed: {analyzed}");
    }
}

/// A tenant with many tokens, one of which is looked up for each request that shows a secret, good or not.
#[test]
fn a_token_is_found_without_its_neighbours() {
    const TOKENS: usize = 3_000;
    const ROUNDS: i64 = 20;
    let app = TestApp::start(Backend::Postgres);
    let made = app.db.cli_json(&["token", "create", "--tenant", "acme", "--name", "old"]);
    app.db.cli(&["token", "revoke", "--tenant", "acme", id_of(&made)]);
    app.db.db_execute(&format!(
        "INSERT INTO api_tokens (tenant_id, id, digest, name, scopes, created_at, previous_digest) \
         SELECT '{}', gen_random_uuid(), sha256(n::text::bytea), 'x', '', now(), sha256((-n)::text::bytea) \
         FROM generate_series(1, {TOKENS}) n",
        app.acme().id
    ));
    // What was refused is not remembered.
    let client = app.client_with(RFC, Some(Carrier::Bearer.header(made["token"].as_str().unwrap())));
    for analyzed in [false, true] {
        if analyzed {
            app.db.db_execute("ANALYZE");
        }
        let told = || {
            std::thread::sleep(Duration::from_millis(1_200));
            client.get("/Users").expect_error(401, None);
        };
        told();
        app.db.db_texts("SELECT pg_stat_reset()::text AS value");
        for _ in 0..ROUNDS {
            client.get("/Users").expect_error(401, None);
        }
        told();
        let rows = rows_read(&app, "api_tokens");
        assert!((1..ROUNDS * 5).contains(&rows), "{rows} rows were read, analyzed: {analyzed}");
    }
}

/// Rows that were read of a table, by any index or by none.
fn rows_read(app: &TestApp, table: &str) -> i64 {
    app.db.db_number(&format!(
        "SELECT (seq_tup_read + (SELECT sum(idx_tup_read) FROM pg_stat_user_indexes i WHERE i.relid = t.relid))::bigint \
         AS value FROM pg_stat_user_tables t WHERE relname = '{table}'"
    ))
}

/// Reads and changes a group of ten many times, and counts the memberships that are read for it.
#[track_caller]
fn assert_reads_little(app: &TestApp, client: &Client, group: &str, newcomer: &str) {
    const ROUNDS: usize = 20;
    // What a connection has read is told at the end of a transaction, at most once a second.
    let told = || {
        std::thread::sleep(Duration::from_millis(1_200));
        client.get(group).expect(200);
    };
    told();
    app.db.db_texts("SELECT pg_stat_reset()::text AS value");
    for _ in 0..ROUNDS {
        client.get(group).expect(200);
        client.get(&format!("{group}?excludedAttributes=members")).expect(200);
        let value = json!([{"value": newcomer}]);
        client.patch(group, json!([{"op": "add", "path": "members", "value": value}])).expect(200);
        client.patch(group, json!([{"op": "remove", "path": "members", "value": value}])).expect(200);
    }
    told();
    let rows = rows_read(app, "memberships");
    // Ten or twenty for each request, and not three thousand for any of them.
    let most = i64::try_from(ROUNDS * 4 * 60).unwrap();
    assert!((1..most).contains(&rows), "{rows} rows were read");
}

const USERS: usize = 3_000;
const NAMES: &str = "resources_name_key";
const EXTERNAL_IDS: &str = "resources_external_id_key";
const VALUES: &str = "attribute_values_key_idx";
const CREATED: &str = "resources_created_idx";

fn person(number: usize) -> Value {
    json!({
        "userName": format!("user{number}@acme.example"), "externalId": format!("e{number}"), "active": true,
        "name": {"familyName": format!("Family{}", number % 100)},
        "emails": [{"value": format!("user{number}@acme.example"), "type": "work", "primary": true}],
        "urn:ietf:params:scim:schemas:extension:enterprise:2.0:User": {"employeeNumber": format!("{number}")},
        "urn:rollcall:params:scim:schemas:extension:qa:2.0:User":
            {"profile": {"Location": format!("Place {number}")}, "role": "agent"},
    })
}

fn filled(backend: Backend) -> (TestDb, std::sync::Arc<dyn store::Store>, TenantId) {
    let db = TestDb::empty(backend);
    let store = open(&db.url);
    let now = parse_time("2026-01-02T03:04:05.000Z").unwrap();
    // Two tenants: an index that served all tenants alike would look as good with one.
    let ids = ["one", "two"].map(|slug| {
        let id = TenantId::generate();
        let (slug, name, state) = (slug.to_owned(), slug.to_owned(), TenantState::Active);
        let tenant = Tenant {
            id,
            slug,
            name,
            state,
            settings: TenantSettings::default(),
            cursor_key: domain::cursor::CursorKey::new([7; 32]),
            catalog: domain::catalog::Catalog::standard(),
        };
        store
            .platform()
            .create_tenant(&Record { tenant: tenant.clone(), created: now, purge: Purge::default() })
            .unwrap();
        store::write(&*store, id, |tx| {
            (0..USERS).try_for_each(|number| {
                let Value::Object(document) = person(number) else { unreachable!("an object") };
                let document = domain::document::Document(document);
                let meta = Meta { created: now, modified: now, version: Version(1) };
                let derived = Derived::new(&USER, &document)?;
                let resource = Resource { id: ResourceId::generate(), document, meta };
                tx.insert(&USER, &resource, &derived).map(drop)
            })
        })
        .unwrap();
        id
    });
    db.db_execute("ANALYZE");
    (db, store, ids[0])
}

fn lookups_use_an_index(backend: Backend) {
    let (_db, store, tenant) = filled(backend);
    let enterprise = "urn:ietf:params:scim:schemas:extension:enterprise:2.0:User";
    let cases = [
        ("userName eq \"User77@acme.example\"".to_owned(), None, NAMES),
        ("externalId eq \"e77\"".to_owned(), None, EXTERNAL_IDS),
        ("emails.value eq \"user77@acme.example\"".to_owned(), None, VALUES),
        ("emails[type eq \"work\" and value eq \"user77@acme.example\"]".to_owned(), None, VALUES),
        ("emails[type eq \"work\"].value eq \"user77@acme.example\"".to_owned(), None, VALUES),
        ("profile.Location eq \"Place 77\"".to_owned(), None, VALUES),
        (format!("{enterprise}:employeeNumber eq \"77\""), None, VALUES),
        ("userName sw \"user77\"".to_owned(), None, NAMES),
        ("profile.Location sw \"Place 77\" and active eq true".to_owned(), None, VALUES),
        ("userName eq \"user77@acme.example\" or externalId eq \"e78\"".to_owned(), None, NAMES),
        (String::new(), Some("name.familyName"), VALUES),
        (String::new(), Some("profile.Location"), VALUES),
        (String::new(), Some("userName"), NAMES),
        (String::new(), None, CREATED),
    ];
    let scope = Scope {
        resource_type: &USER,
        contract: &domain::contract::RFC,
        location: "https://scim.example/scim/v2/Users/",
    };
    for (text, sort, index) in cases {
        let filter = (!text.is_empty()).then(|| parse(&text, &scope).unwrap());
        let by = sort.map(|name| Target::resolve(&USER, name).unwrap());
        let sort = by.map(|by| Sort { by, descending: false });
        let query = ListQuery { filter, sort: sort.clone(), start: Start::Index(0), count: 20 };
        let plan = store.explain(tenant, &USER, &query).unwrap().join("\n");
        assert!(plan.contains(index), "{text} {sort:?} does not use {index}:\n{plan}");
        for scan in ["Seq Scan", "SCAN resources\n", "SCAN attribute_values\n", "SCAN v1\n"] {
            assert!(!format!("{plan}\n").contains(scan), "{text} {sort:?} reads a whole table:\n{plan}");
        }
        // Who has a value is looked up by id, not looked for among all of the type.
        if index == VALUES && text.ends_with("77\"") && !text.contains(" sw ") {
            let (looked_up, walks) = match backend {
                Backend::Sqlite => ("(tenant_id=? AND id=?)", "resources USING INDEX resources_"),
                Backend::Postgres => ("(id = ANY (", CREATED),
            };
            assert!(plan.contains(looked_up) && !plan.contains(walks), "{text}:\n{plan}");
        }
    }
}

fn pages_behind_a_position_are_ranges(backend: Backend) {
    let (_db, store, tenant) = filled(backend);
    let cases = [
        (None, CREATED, "created_at, id"),
        (Some("meta.created"), CREATED, "created_at, id"),
        (Some("meta.lastModified"), "resources_modified_idx", "modified_at, id"),
        (Some("userName"), NAMES, "name_key"),
        (Some("externalId"), EXTERNAL_IDS, "external_id"),
        (Some("name.familyName"), VALUES, "key, resource_id"),
        (Some("profile.Location"), VALUES, "key, resource_id"),
    ];
    for (name, index, columns) in cases {
        for descending in [false, true] {
            if name.is_none() && descending {
                continue;
            }
            let by = name.map(|name| Target::resolve(&USER, name).unwrap());
            let sort = by.map(|by| Sort { by, descending });
            let query = |start, count| ListQuery { filter: None, sort: sort.clone(), start, count };
            let half = query(Start::Index(USERS / 2), 1);
            let middle = store::read(&*store, tenant, |tx| tx.more(&USER, &half)).unwrap();
            let position = Position::of(&USER, sort.as_ref(), &middle[0].resource().unwrap());
            assert_eq!(position.part, Part::WithValue, "{name:?}: everybody has a value");
            let plan = store.explain(tenant, &USER, &query(Start::After(position), 100)).unwrap().join("\n");
            let sign = if descending { '<' } else { '>' };
            // All columns of the order are in the range, not the first alone: in this collection all times are one.
            let range = match backend {
                Backend::Sqlite if columns.contains(',') => {
                    format!("({}){sign}(", columns.replace(", ", ","))
                }
                Backend::Sqlite => format!("{columns}{sign}"),
                Backend::Postgres => sign.to_string(),
            };
            assert!(plan.contains(index), "{name:?} {descending} does not use {index}:\n{plan}");
            let conditions = plan.lines().filter(|line| line.contains("Index Cond") || line.contains(index));
            let conditions = conditions.collect::<Vec<_>>().join("\n");
            assert!(conditions.contains(&range), "{name:?} {descending} is no range of the index:\n{plan}");
            for step in ["Sort", "TEMP B-TREE", "Seq Scan", "Bitmap", "SCAN resources\n"] {
                assert!(!format!("{plan}\n").contains(step), "{name:?} {descending} takes a detour:\n{plan}");
            }
        }
    }
}

fn the_server_is_bound_by_row_level_security(backend: Backend) {
    if backend == Backend::Sqlite {
        // SQLite has no such thing; that its plans name the tenant is all there is to see.
        let (_db, store, tenant) = filled(backend);
        let query = ListQuery { filter: None, sort: None, start: Start::Index(0), count: 20 };
        let plan = store.explain(tenant, &USER, &query).unwrap().join("\n");
        assert!(plan.contains("tenant_id=?"), "{plan}");
        return;
    }
    let (_db, store, tenant) = filled(backend);
    let scope = Scope { resource_type: &USER, contract: &domain::contract::RFC, location: "" };
    let filter = Some(parse("userName eq \"user77@acme.example\"", &scope).unwrap());
    let query = ListQuery { filter, sort: None, start: Start::Index(0), count: 20 };
    let plan = store.explain(tenant, &USER, &query).unwrap().join("\n");
    // The policy is part of the plan only for a role it binds.
    assert!(plan.contains("current_setting('app.tenant_id'"), "{plan}");
}
