//! The same filter gives the same resources in memory, on SQLite and on PostgreSQL; so does the same order.
//!
//! Users and filters are generated from pools that are shared between them, so that filters hit, and that hold
//! what databases see differently: wildcards, quotes, backslashes, letters of one and two code points, texts too
//! long for an index. `ROLLCALL_TEST_SEED` replays another run.

use std::collections::BTreeSet;
use std::sync::Arc;
use std::time::Duration;

use chrono::{DateTime, TimeDelta, Utc};
use domain::catalog::Catalog;
use domain::contract;
use domain::filter::parse::{Scope, parse};
use domain::id::{ResourceId, TenantId};
use domain::index::{self, Derived};
use domain::list::{ListQuery, Position, Sort, Start};
use domain::meta::{Meta, Version};
use domain::path::Target;
use domain::resource::Resource;
use domain::resource_type::USER;
use domain::store::{self, Store};
use domain::tenant::{Purge, Record, Tenant, TenantSettings, TenantState};
use proptest::prelude::*;
use proptest::strategy::ValueTree;
use proptest::test_runner::{Config, RngAlgorithm, TestRng, TestRunner};
use serde_json::{Value, json};

use crate::support::backend::{Backend, both};
use crate::support::db::TestDb;

both!(filters_agree, orders_agree);

const USERS: usize = 500;
const FILTERS: usize = 1_000;
const LOCATION: &str = "https://scim.example/scim/v2/Users/";
const ENTERPRISE: &str = "urn:ietf:params:scim:schemas:extension:enterprise:2.0:User";
const QA: &str = "urn:rollcall:params:scim:schemas:extension:qa:2.0:User";

/// What databases see differently.
fn texts() -> Vec<String> {
    let mut texts: Vec<String> = [
        "",
        " ",
        "a",
        "A",
        "ab",
        "abc",
        "ABC",
        "b",
        "%",
        "_",
        "a%c",
        "a_c",
        "\\",
        "a\\b",
        "\"",
        "it's",
        "'; --",
        "É",
        "é",
        "e\u{301}",
        "élan",
        "ÉLAN",
        "ΑΣ",
        "ας",
        "ß",
        "SS",
        "ı",
        "İ",
        "i",
        "日本",
        "日本語",
        "🙂",
        "10",
        "9",
        "true",
        "x y",
        "a.b@c",
        "A.B@C",
        "\u{fffd}",
        "zz",
    ]
    .map(str::to_owned)
    .to_vec();
    texts.push("long".repeat(120));
    texts.push(format!("{}x", "long".repeat(120)));
    texts.push("LONG".repeat(50));
    texts
}

fn text() -> impl Strategy<Value = String> {
    proptest::sample::select(texts())
}

fn maybe(value: impl Strategy<Value = Value>) -> impl Strategy<Value = Option<Value>> {
    proptest::option::of(value)
}

/// What makes one user: name parts, e-mails, profile values and so on, as canonical JSON.
fn user() -> impl Strategy<Value = Value> {
    let texts = || text().prop_map(Value::from);
    let email = (texts(), proptest::sample::select(vec!["work", "home", "Other"]), any::<bool>());
    let emails = proptest::collection::vec(email, 0..3);
    let age = prop_oneof![
        (-3i64..12).prop_map(Value::from),
        Just(json!(2.5)),
        Just(json!(9_007_199_254_740_993i64)),
        Just(json!("10")),
    ];
    (
        (texts(), maybe(texts()), maybe(texts()), maybe(texts())),
        emails,
        (maybe(texts()), maybe(age), maybe(any::<bool>().prop_map(Value::from))),
        (maybe(texts()), maybe(texts())),
        any::<bool>(),
    )
        .prop_map(
            |((name, family, display, title), emails, (place, age, flag), (number, manager), active)| {
                let emails: Vec<Value> = emails
                    .into_iter()
                    .map(|(value, kind, primary)| json!({"value": value, "type": kind, "primary": primary}))
                    .collect();
                json!({
                    "userName": name, "name": {"familyName": family}, "displayName": display, "title": title,
                    "emails": emails, "active": active,
                    ENTERPRISE: {"employeeNumber": number, "manager": {"value": manager}},
                    QA: {"profile": {"Location": place, "Age": age, "Flag": flag}, "role": "agent"},
                })
            },
        )
}

/// Without null, empty arrays and empty objects.
fn canonical(value: Value) -> Option<Value> {
    match value {
        Value::Null => None,
        Value::Array(list) if list.is_empty() => None,
        Value::Object(object) => {
            let object: serde_json::Map<String, Value> =
                object.into_iter().filter_map(|(name, value)| Some((name, canonical(value)?))).collect();
            (!object.is_empty()).then_some(Value::Object(object))
        }
        other => Some(other),
    }
}

fn resources(runner: &mut TestRunner, start: DateTime<Utc>) -> Vec<Resource> {
    (0..USERS)
        .map(|place| {
            let value = user().new_tree(runner).unwrap().current();
            let Some(Value::Object(mut document)) = canonical(value) else {
                unreachable!("a user is an object")
            };
            let name = format!("{}{place}", document["userName"].as_str().unwrap());
            document.insert("userName".into(), name.into());
            if place % 3 == 0 {
                let id = format!("{}{place}", texts()[place % texts().len()]);
                document.insert("externalId".into(), id.into());
            }
            let created = start + TimeDelta::milliseconds(place as i64 / 2);
            let modified = created + TimeDelta::milliseconds(place as i64 % 7);
            let meta = Meta { created, modified, version: Version(1 + place as i64 % 3) };
            Resource { id: ResourceId::generate(), document: domain::document::Document(document), meta }
        })
        .collect()
}

fn literal(text: &str) -> String {
    serde_json::to_string(text).unwrap()
}

/// A comparison of a text attribute.
fn text_term(names: &'static [&'static str]) -> impl Strategy<Value = String> {
    let op = proptest::sample::select(vec!["eq", "ne", "co", "sw", "ew", "gt", "ge", "lt", "le", "EQ", "Sw"]);
    (proptest::sample::select(names), op, text(), any::<bool>()).prop_map(|(name, op, text, present)| {
        if present && text.is_empty() {
            format!("{name} pr")
        } else {
            format!("{name} {op} {}", literal(&text))
        }
    })
}

fn other_term(start: DateTime<Utc>, ids: Vec<String>) -> impl Strategy<Value = String> {
    let order = || proptest::sample::select(vec!["eq", "ne", "gt", "ge", "lt", "le"]);
    let equal = || proptest::sample::select(vec!["eq", "ne"]);
    prop_oneof![
        (order(), -4i64..13).prop_map(|(op, number)| format!("profile.Age {op} {number}")),
        (order(), Just("9007199254740993")).prop_map(|(op, number)| format!("profile.age {op} {number}")),
        (equal(), any::<bool>()).prop_map(|(op, value)| format!("profile.Flag {op} {value}")),
        (equal(), any::<bool>()).prop_map(|(op, value)| format!("active {op} {value}")),
        (equal(), any::<bool>()).prop_map(|(op, value)| format!("emails.primary {op} \"{value}\"")),
        (order(), 0i64..260).prop_map(move |(op, ms)| {
            let time = domain::meta::time_text(start + TimeDelta::milliseconds(ms));
            format!("meta.lastModified {op} {}", literal(&time))
        }),
        (equal(), 0i64..5).prop_map(|(op, version)| format!("meta.version {op} \"W/\\\"{version}\\\"\"")),
        (
            proptest::sample::select(vec!["eq", "ne", "co", "sw", "ew", "gt", "le"]),
            proptest::sample::select(ids),
            0usize..36
        )
            .prop_map(|(op, id, cut)| match op {
                "eq" | "ne" => format!("id {op} \"{id}\""),
                "ew" => format!("id ew \"{}\"", &id[cut..]),
                "co" => format!("meta.location co \"{}{}\"", "v2/Users/", &id[..cut]),
                _ => format!("id {op} \"{}\"", &id[..cut]),
            }),
        proptest::sample::select(vec![
            "emails pr",
            "name pr",
            "profile pr",
            "title pr",
            "externalId pr",
            "meta.created pr",
            "userName pr",
            "schemas eq \"urn:ietf:params:scim:schemas:extension:enterprise:2.0:User\"",
            "groups pr",
            "meta.resourceType eq \"User\"",
            "userAccessLevel eq \"agent\"",
            "roles pr",
            "emails[type pr]",
            "emails[not (primary eq true)]",
            "not (emails[type eq \"home\"])",
        ])
        .prop_map(str::to_owned),
    ]
}

fn element() -> impl Strategy<Value = String> {
    let inner = || {
        prop_oneof![
            text_term(&["value", "type", "Value"]),
            Just("type eq \"work\"".to_owned()),
            Just("primary eq true".to_owned()),
            text_term(&["value"]).prop_map(|term| format!("not ({term})")),
        ]
    };
    let word = proptest::sample::select(vec!["and", "or"]);
    prop_oneof![
        (inner(), word, inner()).prop_map(|(one, word, other)| format!("emails[{one} {word} {other}]")),
        (inner(), text()).prop_map(|(term, value)| format!("emails[{term}].value sw {}", literal(&value))),
        inner().prop_map(|term| format!("emails[{term}]")),
    ]
}

const NAMES: [&str; 13] = [
    "userName",
    "USERNAME",
    "displayName",
    "title",
    "name.familyName",
    "emails.value",
    "emails",
    "emails.type",
    "externalId",
    "profile.Location",
    "profile.age",
    "manager",
    "urn:ietf:params:scim:schemas:extension:enterprise:2.0:User:employeeNumber",
];

fn filter(start: DateTime<Utc>, ids: Vec<String>) -> impl Strategy<Value = String> {
    let leaf = prop_oneof![5 => text_term(&NAMES), 3 => other_term(start, ids), 2 => element()];
    leaf.prop_recursive(3, 8, 3, |inner| {
        prop_oneof![
            proptest::collection::vec(inner.clone(), 2..4)
                .prop_map(|terms| format!("({})", terms.join(" and "))),
            proptest::collection::vec(inner.clone(), 2..4)
                .prop_map(|terms| format!("({})", terms.join(" or "))),
            inner.prop_map(|term| format!("not ({term})")),
        ]
    })
}

struct World {
    store: Arc<dyn Store>,
    tenant: TenantId,
    resources: Vec<Resource>,
    runner: TestRunner,
    start: DateTime<Utc>,
    // Dropped last: the store has connections to it.
    _db: TestDb,
}

fn world(backend: Backend) -> World {
    let seed: u64 = std::env::var("ROLLCALL_TEST_SEED").ok().and_then(|seed| seed.parse().ok()).unwrap_or(7);
    let mut bytes = [0; 32];
    bytes[..8].copy_from_slice(&seed.to_le_bytes());
    let rng = TestRng::from_seed(RngAlgorithm::ChaCha, &bytes);
    let mut runner = TestRunner::new_with_rng(Config::default(), rng);

    let db = TestDb::empty(backend);
    let store = open(&db.url);
    let start = domain::meta::parse_time("2026-01-02T03:04:05.000Z").unwrap();
    let settings = TenantSettings::default();
    let tenant = |slug: &str| Tenant {
        id: TenantId::generate(),
        slug: slug.into(),
        name: slug.into(),
        state: TenantState::Active,
        settings: settings.clone(),
        cursor_key: domain::cursor::CursorKey::new([7; 32]),
        catalog: Catalog::standard(),
    };
    let (ours, theirs) = (tenant("ours"), tenant("theirs"));
    let resources = resources(&mut runner, start);
    for tenant in [&ours, &theirs] {
        store
            .platform()
            .create_tenant(&Record { tenant: tenant.clone(), created: start, purge: Purge::default() })
            .unwrap();
        store::write(&*store, tenant.id, |tx| {
            resources.iter().try_for_each(|resource| {
                tx.insert(&USER, resource, &Derived::new(&USER, &resource.document)?).map(drop)
            })
        })
        .unwrap();
    }
    World { store, tenant: ours.id, resources, runner, start, _db: db }
}

/// The store as the server opens it.
pub(crate) fn open(url: &str) -> Arc<dyn Store> {
    persistence::open(persistence::Options {
        url: url.to_owned(),
        pool_size: 2,
        at_once: 0,
        pool_timeout: Duration::from_secs(10),
        statement_timeout: Duration::from_secs(30),
        lock_timeout: Duration::from_secs(10),
        statement_cache: true,
        migrate: true,
    })
    .unwrap()
}

fn filters_agree(backend: Backend) {
    let mut world = world(backend);
    let ids = world.resources.iter().map(|resource| resource.id.to_string()).collect();
    let strategy = filter(world.start, ids);
    let scope = Scope { resource_type: &USER, contract: &domain::contract::RFC, location: LOCATION };
    let (mut hits, mut tried) = (0, 0);
    while tried < FILTERS {
        let text = strategy.new_tree(&mut world.runner).unwrap().current();
        // The generator knows nothing of the limits on filters; the parser's own tests do.
        let Ok(filter) = parse(&text, &scope) else {
            assert!(text.len() > 300 || text.contains("profile.age"), "refused: {text}");
            continue;
        };
        tried += 1;
        let expected: BTreeSet<ResourceId> = world
            .resources
            .iter()
            .filter(|resource| filter.matches(&USER, resource))
            .map(|resource| resource.id)
            .collect();
        let query = ListQuery { filter: Some(filter), sort: None, start: Start::Index(0), count: 1_000 };
        let page = store::read(&*world.store, world.tenant, |tx| tx.list(&USER, &query)).unwrap();
        let found: BTreeSet<ResourceId> = page.resources.iter().map(|resource| resource.id).collect();
        assert_eq!(page.total, page.resources.len(), "{text}");
        assert_eq!(found.len(), page.resources.len(), "one resource twice: {text}");
        let differ: Vec<&Resource> = world
            .resources
            .iter()
            .filter(|resource| expected.contains(&resource.id) != found.contains(&resource.id))
            .collect();
        assert!(
            differ.is_empty(),
            "{text}\nin memory {}, in the database {}; for example {:?}",
            expected.len(),
            found.len(),
            differ[0]
        );
        hits += usize::from(!found.is_empty() && found.len() < USERS);
    }
    assert!(hits > FILTERS / 3, "too few filters divide the users: {hits}");
}

fn orders_agree(backend: Backend) {
    let world = world(backend);
    let names = [
        "userName",
        "displayName",
        "name.familyName",
        "emails",
        "emails.type",
        "externalId",
        "profile.Location",
        "profile.Age",
        "active",
        "meta.created",
        "meta.lastModified",
        "id",
        "urn:ietf:params:scim:schemas:extension:enterprise:2.0:User:employeeNumber",
    ];
    let scope = Scope { resource_type: &USER, contract: &domain::contract::RFC, location: LOCATION };
    for name in names {
        for descending in [false, true] {
            for filter in [None, Some(parse("active eq true and userName co \"a\"", &scope).unwrap())] {
                let by = Target::resolve(&USER, name).and_then(Target::comparable).unwrap();
                let mut walked = Vec::new();
                loop {
                    let sort = Some(Sort { by: by.clone(), descending });
                    let start = Start::Index(walked.len());
                    let query = ListQuery { filter: filter.clone(), sort, start, count: 37 };
                    let page = store::read(&*world.store, world.tenant, |tx| tx.list(&USER, &query)).unwrap();
                    let expected = world.resources.iter().filter(|resource| {
                        filter.as_ref().is_none_or(|filter| filter.matches(&USER, resource))
                    });
                    assert_eq!(page.total, expected.count(), "{name}");
                    if page.resources.is_empty() {
                        break;
                    }
                    walked.extend(page.resources.iter().map(|stored| stored.resource().unwrap()));
                }
                // By positions the walk is the same.
                let sort = Some(Sort { by: by.clone(), descending });
                let (mut behind, mut start) = (Vec::new(), Start::Index(0));
                loop {
                    let query = ListQuery { filter: filter.clone(), sort: sort.clone(), start, count: 37 };
                    let page = store::read(&*world.store, world.tenant, |tx| tx.more(&USER, &query)).unwrap();
                    let Some(last) = page.last() else { break };
                    start = Start::After(Position::of(&USER, sort.as_ref(), &last.resource().unwrap()));
                    behind.extend(page.into_iter().map(|resource| resource.id));
                }
                let ids: Vec<ResourceId> = walked.iter().map(|resource| resource.id).collect();
                assert_eq!(behind, ids, "{name} descending {descending}");
                let distinct: BTreeSet<ResourceId> = walked.iter().map(|resource| resource.id).collect();
                assert_eq!(distinct.len(), walked.len(), "{name}: no resource on two pages");
                check_order(&by, descending, &walked, name);
                if filter.is_none() {
                    assert_eq!(walked.len(), USERS, "{name}: every resource on some page");
                }
            }
        }
    }
}

/// Neighbours are in order, and those without a value stand last (first when descending).
fn check_order(by: &Target, descending: bool, walked: &[Resource], name: &str) {
    let path = by.index_path();
    let key = |resource: &Resource| -> Option<String> {
        match index::column(&USER, by) {
            Some(index::Column::Name) => Some(resource.name_key(&USER)),
            Some(index::Column::ExternalId) => resource.external_id().map(str::to_owned),
            Some(index::Column::Created) => Some(domain::meta::time_text(resource.meta.created)),
            Some(index::Column::LastModified) => Some(domain::meta::time_text(resource.meta.modified)),
            Some(index::Column::Id) => Some(resource.id.to_string()),
            Some(index::Column::Version) => unreachable!("not among the names"),
            None => index::entries(&USER, &resource.document)
                .into_iter()
                .find(|entry| entry.path == path && entry.ordinal == 0)
                .map(|entry| entry.key.stored().0.into_owned()),
        }
    };
    for pair in walked.windows(2) {
        let (one, other) =
            if descending { (key(&pair[1]), key(&pair[0])) } else { (key(&pair[0]), key(&pair[1])) };
        let in_order = match (&one, &other) {
            (Some(one), Some(other)) => one <= other,
            (None, Some(_)) => false,
            (_, None) => true,
        };
        assert!(in_order, "{name}: {one:?} before {other:?}");
    }
}

/// The contracts differ in paging only through these figures.
#[test]
fn default_counts_are_those_of_the_contracts() {
    assert_eq!([contract::RFC.default_count, contract::QA.default_count], [100, 20]);
}
