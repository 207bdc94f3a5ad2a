//! What is done on a thread of the server, and what is not: whatever could take long has to say so before it begins.

use std::sync::Arc;
use std::time::Duration;

use chrono::{DateTime, SubsecRound, Utc};
use domain::contract::RFC;
use domain::id::ResourceId;
use domain::index::Column;
use domain::key::Key;
use domain::meta::Precondition;
use domain::principal::{Principal, Scope};
use domain::resource_type::ResourceType;
use domain::service::{self, Call, Head, Query, Sink};
use domain::store::{Actor, By, LookUp, Origin, Store};
use domain::token::Token;
use domain::{Error, Result};
use serde_json::{Value, json};

use crate::support::backend::{Backend, both};
use crate::support::db::TestDb;

both!(
    short_reads_are_done_at_once,
    a_statement_alone_sees_its_tenant_only,
    look_ups_that_go_together_see_their_tenant_only
);

fn now() -> DateTime<Utc> {
    Utc::now().trunc_subsecs(3)
}

/// The store as a server with one thread opens it.
fn open(db: &TestDb) -> Arc<dyn Store> {
    persistence::open(persistence::Options {
        url: db.url.clone(),
        pool_size: 2,
        at_once: 1,
        pool_timeout: Duration::from_secs(10),
        statement_timeout: Duration::from_secs(30),
        lock_timeout: Duration::from_secs(10),
        statement_cache: true,
        migrate: true,
    })
    .unwrap()
}

fn principal(store: &dyn Store, slug: &str) -> Principal {
    let token = Token::new("test", Scope::ALL.into_iter().collect(), None, now(), None);
    let tenant = Arc::new(store.tenant_named(slug).unwrap().unwrap());
    Principal { tenant, token: Arc::new(token), by_previous: false }
}

fn call<'a>(store: &'a dyn Store, principal: &'a Principal, may_wait: bool) -> Call<'a> {
    let origin = Origin { actor: Actor::Operator, request: "test".into(), address: "localhost".into() };
    let (contract, base) = (&RFC, "https://h.test/scim/v2");
    Call { store, principal, contract, base, origin, now: now(), may_wait, ahead: None }
}

/// A new resource.
fn made(call: &Call<'_>, resource_type: &ResourceType, body: Value) -> ResourceId {
    let prepared = service::prepare(call, resource_type, &Ok(body), &Query::default()).unwrap();
    service::create(call, resource_type, &prepared).unwrap().id
}

#[derive(Default)]
struct Text(String);

impl Sink for Text {
    fn begin(&mut self, _: Head) -> Result<()> {
        self.0.clear();
        Ok(())
    }

    fn text(&mut self, text: &str) -> Result<()> {
        self.0.push_str(text);
        Ok(())
    }
}

/// How a read ends that may not wait: with a reply, or so.
fn ended(outcome: Result<()>, text: &Text) -> Option<Value> {
    match outcome {
        Ok(()) => Some(serde_json::from_str(&text.0).unwrap()),
        Err(Error::WouldWait) => None,
        Err(other) => panic!("{other:?}"),
    }
}

fn listed(call: &Call<'_>, resource_type: &ResourceType, query: &Query) -> Option<Value> {
    let mut text = Text::default();
    ended(service::list(call, resource_type, query, &mut text), &text)
}

fn got(call: &Call<'_>, resource_type: &ResourceType, id: &str) -> Option<Value> {
    let mut text = Text::default();
    let (precondition, query) = (Precondition::default(), Query::default());
    ended(service::get(call, resource_type, id, &precondition, &query, &mut text), &text)
}

fn short_reads_are_done_at_once(backend: Backend) {
    let db = TestDb::empty(backend);
    let store = open(&db);
    db.cli(&["tenant", "create", "acme"]);
    let principal = principal(&*store, "acme");
    let catalog = &principal.tenant.catalog;
    let patient = call(&*store, &principal, true);
    let made = |resource_type: &ResourceType, body: Value| made(&patient, resource_type, body).to_string();
    let mia = made(catalog.user(), json!({"userName": "mia@x.test", "externalId": "e-1"}));
    let group = made(catalog.group(), json!({"displayName": "Crew"}));
    let hasty = call(&*store, &principal, false);
    let is_here = matches!(backend, Backend::Sqlite);
    assert_eq!(store.reads_at_once(), is_here);

    let shown = got(&hasty, catalog.user(), &mia);
    assert_eq!(shown.is_some(), is_here);
    if let Some(shown) = shown {
        assert_eq!(Some(shown), got(&patient, catalog.user(), &mia));
    }
    assert_eq!(got(&hasty, catalog.group(), &group), None, "it may have any number of owners");

    let filtered = |filter: &str| Query { filter: Some(filter.into()), ..Query::default() };
    for filter in [r#"userName eq "MIA@x.test""#, r#"externalId eq "e-1""#, &format!("id eq \"{mia}\"")] {
        let found = listed(&hasty, catalog.user(), &filtered(filter));
        assert_eq!(found.is_some(), is_here, "{filter}");
        if let Some(found) = found {
            assert_eq!(
                Some(&found),
                listed(&patient, catalog.user(), &filtered(filter)).as_ref(),
                "{filter}"
            );
            assert_eq!(found["totalResults"], 1, "{filter}");
        }
    }
    // What is looked at beside the one value may be anything.
    for filter in [
        r#"userName eq "mia@x.test" and name.familyName co "z""#,
        r#"userName eq "mia@x.test" and groups.value pr"#,
        r#"userName eq "mia@x.test" or userName eq "kai@x.test""#,
        r#"userName sw "mia""#,
        r#"emails.value eq "mia@x.test""#,
        "active eq true",
    ] {
        assert_eq!(listed(&hasty, catalog.user(), &filtered(filter)), None, "{filter}");
    }
    assert_eq!(listed(&hasty, catalog.user(), &Query::default()), None);
    assert_eq!(listed(&hasty, catalog.group(), &filtered(r#"displayName eq "Crew""#)), None);

    // A user in many groups has a long reply.
    for number in 0..40 {
        made(catalog.group(), json!({"displayName": format!("G{number}"), "members": [{"value": mia}]}));
        let shown = got(&hasty, catalog.user(), &mia);
        assert_eq!(shown.is_some(), is_here && number < 32, "{number}");
    }
}

fn a_statement_alone_sees_its_tenant_only(backend: Backend) {
    let db = TestDb::empty(backend);
    let store = open(&db);
    let ids: Vec<String> = ["ours", "theirs"]
        .into_iter()
        .map(|slug| {
            db.cli(&["tenant", "create", slug]);
            let principal = principal(&*store, slug);
            let call = call(&*store, &principal, true);
            made(&call, principal.tenant.catalog.user(), json!({"userName": "mia@x.test"})).to_string()
        })
        .collect();
    let (ours, theirs) = (principal(&*store, "ours"), principal(&*store, "theirs"));
    // One connection after the other's statement: what that has said is over.
    for _ in 0..20 {
        for (principal, id, foreign) in [(&ours, &ids[0], &ids[1]), (&theirs, &ids[1], &ids[0])] {
            let find = |id: &str| {
                let id = ResourceId::parse(id).unwrap();
                let user = principal.tenant.catalog.user();
                store.find_alone(principal.tenant.id, user, By::Id(id), false).unwrap()
            };
            assert_eq!(find(id).map(|stored| stored.id.to_string()).as_ref(), Some(id));
            assert_eq!(find(foreign), None);
            let named = Query { filter: Some(r#"userName eq "mia@x.test""#.into()), ..Query::default() };
            let call = call(&*store, principal, true);
            let found = listed(&call, principal.tenant.catalog.user(), &named).unwrap();
            assert_eq!((&found["totalResults"], &found["Resources"][0]["id"]), (&json!(1), &json!(id)));
        }
    }
}

/// A tenant with two users, one who is no more and a group.
struct Peopled {
    principal: Principal,
    mia: ResourceId,
    kai: ResourceId,
    gone: ResourceId,
    crew: ResourceId,
}

impl Peopled {
    fn new(db: &TestDb, store: &dyn Store, slug: &str) -> Self {
        db.cli(&["tenant", "create", slug]);
        let principal = principal(store, slug);
        let call = call(store, &principal, true);
        let catalog = &principal.tenant.catalog;
        let user = |name: &str, number: u8| {
            let (name, id) = (format!("{name}@x.test"), format!("e-{number}"));
            made(&call, catalog.user(), json!({"userName": name, "externalId": id}))
        };
        let [mia, kai, gone] = [("mia", 1), ("kai", 2), ("gone", 3)].map(|(name, number)| user(name, number));
        service::delete(&call, catalog.user(), &gone.to_string(), &Precondition::default()).unwrap();
        let crew = made(
            &call,
            catalog.group(),
            json!({"displayName": "Crew", "members": [{"value": kai.to_string()}]}),
        );
        drop(call);
        Self { principal, mia, kai, gone, crew }
    }
}

fn look_ups_that_go_together_see_their_tenant_only(backend: Backend) {
    let db = TestDb::empty(backend);
    let store = open(&db);
    assert_eq!(store.finds_together(), matches!(backend, Backend::Postgres));
    let [ours, theirs] = ["ours", "theirs"].map(|slug| Peopled::new(&db, &*store, slug));
    let key = |text: &str| Key::text(text, true);
    let names = ["kai@x.test", "nobody@x.test", "mia@x.test", "gone@x.test", "kai@x.test"].map(key);
    let external_ids = ["e-2", "e-4", "e-1", "e-3", "e-2"].map(key);
    let [no_id, written_id] = [key("no-id"), key(&ours.mia.to_string())];
    // One connection after the other's statement: what that has said is over. Often enough to be planned for any values.
    for _ in 0..10 {
        for (here, there) in [(&ours, &theirs), (&theirs, &ours)] {
            let (tenant, user) = (here.principal.tenant.id, here.principal.tenant.catalog.user());
            let found = |wanted: &[By<'_>]| {
                let look_ups: Vec<LookUp> = wanted.iter().map(|by| LookUp::new(user, *by)).collect();
                assert!(look_ups.iter().all(|look_up| look_up.is_like(&look_ups[0])));
                let found = store.find_each(tenant, &look_ups).unwrap();
                let alone = |by: &By<'_>| store.find_alone(tenant, user, *by, false).unwrap();
                assert_eq!(found, wanted.iter().map(alone).collect::<Vec<_>>(), "the same as one by one");
                found.into_iter().map(|found| found.map(|stored| stored.id)).collect::<Vec<_>>()
            };
            let ids = [here.kai, there.kai, here.gone, here.crew, here.mia, there.mia, here.kai];
            let (mia, kai) = (Some(here.mia), Some(here.kai));
            assert_eq!(found(&ids.map(By::Id)), [kai, None, None, None, mia, None, kai]);
            let by = |column: Column, keys: &[Key]| {
                let wanted: Vec<By<'_>> = keys.iter().map(|key| By::Unique(column, key)).collect();
                found(&wanted)
            };
            for (column, keys) in [(Column::Name, &names), (Column::ExternalId, &external_ids)] {
                assert_eq!(by(column, keys), [kai, None, mia, None, kai], "{column:?}");
            }
            let is_ours = here.mia == ours.mia;
            assert_eq!(by(Column::Id, &[no_id.clone(), written_id.clone()]), [None, mia.filter(|_| is_ours)]);
            assert_eq!(by(Column::Name, &[]), []);
        }
    }
}
