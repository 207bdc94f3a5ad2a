//! The counters that make pages cheap: they are what counting gives, and pages found by them are the right ones.

use std::ops::Range;
use std::sync::Barrier;
use std::time::Duration;

use chrono::TimeDelta;
use domain::catalog::Catalog;
use domain::cursor::CursorKey;
use domain::document::Document;
use domain::id::{ResourceId, TenantId};
use domain::index::Derived;
use domain::list::{ListQuery, Sort, Start};
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
use crate::support::db::{TestDb, project};
use crate::support::users::user;

both!(blocks_count_what_is_there, a_block_is_cut_while_somebody_waits, deep_pages_follow_deletions);

/// A block of a collection that counts other resources than those that stand in it.
const WRONG_BLOCKS: &str = "SELECT count(*) AS value FROM collection_blocks b WHERE b.live <> ( \
     SELECT count(*) FROM resources r WHERE r.tenant_id = b.tenant_id AND r.resource_type = b.resource_type \
     AND r.deleted_at IS NULL AND (r.created_at, r.id) >= (b.from_created, b.from_id) AND NOT EXISTS ( \
        SELECT 1 FROM collection_blocks n WHERE n.tenant_id = b.tenant_id AND n.resource_type = b.resource_type \
        AND (n.from_created, n.from_id) > (b.from_created, b.from_id) \
        AND (n.from_created, n.from_id) <= (r.created_at, r.id)))";
/// A path whose holders are miscounted.
const WRONG_HOLDERS: &str = "SELECT count(*) AS value FROM (SELECT tenant_id, resource_type, path, holders FROM attribute_counts \
     UNION ALL SELECT tenant_id, resource_type, path, -1 FROM attribute_values WHERE ordinal = 0) v \
     GROUP BY tenant_id, resource_type, path HAVING sum(v.holders) <> 0";

/// The counters are what counting gives.
fn assert_counted(db: &TestDb, when: &str) {
    assert_eq!(db.db_number(WRONG_BLOCKS), 0, "wrong blocks {when}");
    let wrong = db.db_texts(&WRONG_HOLDERS.replace("count(*) AS value", "path AS value"));
    assert!(wrong.is_empty(), "wrong holders {when}: {wrong:?}");
    let sums = "SELECT count(*) AS value FROM collections c WHERE c.live <> ( \
        SELECT sum(b.live) FROM collection_blocks b WHERE b.tenant_id = c.tenant_id AND b.resource_type = c.resource_type)";
    assert_eq!(db.db_number(sums), 0, "the blocks do not add up {when}");
}

fn new_tenant(store: &dyn store::Store) -> Tenant {
    let tenant = Tenant {
        id: TenantId::generate(),
        slug: "blocks".into(),
        name: "blocks".into(),
        state: TenantState::Active,
        settings: TenantSettings::default(),
        cursor_key: CursorKey::new([7; 32]),
        catalog: Catalog::standard(),
    };
    let created = parse_time("2026-01-02T03:04:05.000Z").unwrap();
    let record = Record { tenant: tenant.clone(), created, purge: Purge::default() };
    store.platform().create_tenant(&record).unwrap();
    tenant
}

/// Who waits for the collection has seen its blocks before one of them is cut.
fn a_block_is_cut_while_somebody_waits(backend: Backend) {
    let db = TestDb::empty(backend);
    let store = open(&db.url);
    let tenant = new_tenant(&*store);
    let start = parse_time("2026-01-02T03:04:05.000Z").unwrap();
    let born = |number: i64| {
        let Value::Object(document) = json!({"userName": format!("user{number}")}) else { unreachable!() };
        let at = start + TimeDelta::milliseconds(number);
        let meta = Meta { created: at, modified: at, version: Version(1) };
        Resource { id: ResourceId::generate(), document: Document(document), meta }
    };
    let insert = |numbers: Range<i64>, pause: &dyn Fn()| {
        store::write(&*store, tenant.id, |tx| {
            for number in numbers.clone() {
                let resource = born(number);
                tx.insert(&USER, &resource, &Derived::new(&USER, &resource.document)?)?;
                if number == numbers.start {
                    pause();
                }
            }
            Ok(())
        })
        .unwrap();
    };
    insert(0..1, &|| {});
    db.db_execute("UPDATE collection_blocks SET room = 120");
    let has_begun = Barrier::new(2);
    std::thread::scope(|scope| {
        scope.spawn(|| {
            has_begun.wait();
            insert(900..901, &|| {});
        });
        insert(1..200, &|| {
            has_begun.wait();
            std::thread::sleep(Duration::from_millis(300));
        });
    });
    assert_counted(&db, "after a cut");
}

/// Resources come in any order of time, go and come back; the blocks count them, and pages by number are found.
fn blocks_count_what_is_there(backend: Backend) {
    let db = TestDb::empty(backend);
    let store = open(&db.url);
    let now = parse_time("2026-01-02T03:04:05.000Z").unwrap();
    let tenant = new_tenant(&*store);
    let mut random = 7_u64;
    let mut below = |end: usize| {
        random = random.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        (random >> 33) as usize % end
    };
    let (mut living, mut buried): (Vec<Resource>, Vec<Resource>) = (Vec::new(), Vec::new());
    let mut number = 0;
    for round in 0..12 {
        // Mostly forward, many in one moment, and some earlier than those before them.
        store::write(&*store, tenant.id, |tx| {
            for _ in 0..400 {
                let what = below(10);
                if what == 0 && !living.is_empty() {
                    let resource = living.swap_remove(below(living.len()));
                    tx.bury(&USER, &resource)?;
                    buried.push(resource);
                } else if what == 1 && !buried.is_empty() {
                    let resource = buried.swap_remove(below(buried.len()));
                    tx.revive(&USER, &resource, &Derived::new(&USER, &resource.document)?)?;
                    living.push(resource);
                } else if what == 2 && !living.is_empty() {
                    let place = below(living.len());
                    let mut after = living[place].clone();
                    if after.document.0.shift_remove("title").is_none() {
                        after.document.0.insert("title".into(), "x".into());
                    }
                    tx.update(&USER, &living[place], &after)?;
                    living[place] = after;
                } else {
                    number += 1;
                    let ago = if below(8) == 0 { below(5_000) } else { 0 };
                    let created = now + TimeDelta::milliseconds(number / 50 * 50 - ago as i64);
                    let mut document = json!({"userName": format!("u{number}"), "active": true});
                    if below(2) == 0 {
                        document["title"] = "y".into();
                    }
                    let Value::Object(document) = document else { unreachable!("an object") };
                    let meta = Meta { created, modified: created, version: Version(1) };
                    let resource =
                        Resource { id: ResourceId::generate(), document: Document(document), meta };
                    tx.insert(&USER, &resource, &Derived::new(&USER, &resource.document)?)?;
                    living.push(resource);
                }
            }
            Ok(())
        })
        .unwrap();
        assert_counted(&db, &format!("after round {round}"));
    }
    assert!(db.db_count("collection_blocks", "1 = 1") > 3, "there are several blocks");
    assert_eq!(db.db_count("collection_blocks", "live > 1200"), 0, "no block is far too large");
    pages_are_those_of(&*store, tenant.id, living.clone());

    // What the migration makes of the same resources.
    let sql = |file: &str| {
        let folder = if backend == Backend::Sqlite { "sqlite" } else { "postgres" };
        let step = project().join("migrations").join(folder).join("2026-11-21-000300_count_collections");
        std::fs::read_to_string(step.join(file)).unwrap()
    };
    let (down, up) = (sql("down.sql"), sql("up.sql"));
    let grant = "GRANT SELECT, INSERT, UPDATE ON collection_blocks, attribute_counts TO rollcall_server";
    match backend {
        Backend::Sqlite => db.db_execute(&format!("{down}{up}")),
        // As an owner whom forced row-level security binds.
        Backend::Postgres => {
            let owner = format!("owner_of_{}", db.name());
            let tables = ["tenants", "resources", "attribute_values", "tenant_counters"];
            let own = tables.map(|table| format!("ALTER TABLE {table} OWNER TO {owner};")).concat();
            db.db_execute(&format!(
                "{down} CREATE ROLE {owner}; GRANT ALL ON SCHEMA public TO {owner}; {own} SET ROLE {owner}; {up} {grant}"
            ));
        }
    }
    assert_counted(&db, "after the migration");
    assert!(db.db_count("collection_blocks", "1 = 1") > 3, "the migration makes several blocks");
    pages_are_those_of(&*store, tenant.id, living);
    if backend == Backend::Postgres {
        let owner = format!("owner_of_{}", db.name());
        db.db_execute(&format!(
            "REASSIGN OWNED BY {owner} TO CURRENT_USER; DROP OWNED BY {owner}; DROP ROLE {owner}"
        ));
    }
}

/// Pages by number, up and down, are those of the same resources sorted in memory.
fn pages_are_those_of(store: &dyn store::Store, tenant: TenantId, mut living: Vec<Resource>) {
    living.sort_by_key(|resource| (resource.meta.created, resource.id));
    let by = Target::resolve(&USER, "meta.created").unwrap();
    for descending in [false, true] {
        let model: Vec<ResourceId> = living.iter().map(|resource| resource.id).collect();
        let model = if descending { model.into_iter().rev().collect() } else { model };
        for offset in
            [0, 1, 999, 1_000, 1_001, 1_100, 1_999, 2_000, 2_345, model.len() - 1, model.len(), 9_999]
        {
            let sort = Some(Sort { by: by.clone(), descending });
            let query = ListQuery { filter: None, sort, start: Start::Index(offset), count: 30 };
            let page = store::read(store, tenant, |tx| tx.list(&USER, &query)).unwrap();
            let found: Vec<ResourceId> = page.resources.iter().map(|resource| resource.id).collect();
            let expected: Vec<ResourceId> = model.iter().copied().skip(offset).take(30).collect();
            assert_eq!(found, expected, "at {offset}, descending: {descending}");
            assert_eq!(page.total, model.len());
        }
    }
}

/// Over HTTP: deletions at the front move everybody behind them, also pages deep inside.
fn deep_pages_follow_deletions(backend: Backend) {
    let app = TestApp::start(backend);
    let client = app.rfc();
    app.db.cli(&["load", "--tenant", "acme", "--users", "2300"]);
    let page = |start: usize| client.get(&format!("/Users?attributes=id&startIndex={start}&count=50"));
    let mut all: Vec<String> = [1, 1_001, 2_001]
        .into_iter()
        .flat_map(|start| client.get(&format!("/Users?attributes=id&startIndex={start}&count=1000")).ids())
        .collect();
    assert_eq!(all.len(), 2_300);
    for gone in [0, 3, 20, 1_200, 2_000] {
        client.delete(&format!("/Users/{}", all.remove(gone))).expect(204);
    }
    all.push(client.create(&user("late"))["id"].as_str().unwrap().to_owned());
    for start in [1, 990, 1_000, 1_001, 1_190, 1_995, 2_250, 2_296] {
        let reply = page(start);
        assert_eq!(reply.ids(), all.iter().skip(start - 1).take(50).cloned().collect::<Vec<_>>(), "{start}");
        assert_eq!(reply.total(), 2_296);
    }
    assert_eq!(page(2_297).ids(), Vec::<String>::new());
    // Everybody has a family name but the last one, who comes first when descending.
    for (order, place) in [("ascending", 2_296), ("descending", 1)] {
        let query = format!("/Users?sortBy=name.familyName&sortOrder={order}&startIndex={place}&count=1");
        assert_eq!(client.get(&query).ids(), [all[2_295].clone()], "{order}");
    }
    client.delete(&format!("/Users/{}", all[2_295])).expect(204);
    let first = client.get("/Users?sortBy=name.familyName&sortOrder=descending&count=1");
    assert!(first.resources()[0]["name"]["familyName"].is_string(), "{}", first.text);
    assert_counted(&app.db, "after requests");
    // Where a program has written that counts nothing, the counters are not believed.
    let tenant = app.db.literal(&app.acme().id);
    app.db.db_execute(&format!(
        "UPDATE tenant_counters SET change_seq = change_seq + 1 WHERE tenant_id = {tenant}; \
         UPDATE collection_blocks SET live = live + 1 - 2 * (room % 2) WHERE tenant_id = {tenant}"
    ));
    assert_eq!(page(1_995).ids(), all[1_994..2_044].to_vec());
}
