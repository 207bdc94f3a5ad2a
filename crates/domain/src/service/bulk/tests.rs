use std::cell::Cell;

use chrono::DateTime;
use serde_json::json;

use super::*;
use crate::contract::RFC;
use crate::id::TenantId;
use crate::list::ListQuery;
use crate::store::admins::AdminStore;
use crate::store::log::LogStore;
use crate::store::platform::PlatformStore;
use crate::store::tokens::TokenStore;
use crate::store::{Actor, Origin, Store, Work};
use crate::tenant::{Tenant, TenantSettings};
use crate::token::Found;
use crate::user::tests::principal;

/// A database that counts how often it is asked, and has no answer.
#[derive(Default)]
struct Asked(std::sync::atomic::AtomicUsize);

fn no_answer<T>() -> Result<T> {
    Err(Error::unavailable("no database"))
}

impl Store for Asked {
    fn read_in(&self, _: TenantId, _: Work<'_>) -> Result<()> {
        no_answer()
    }

    fn find_alone(
        &self,
        _: TenantId,
        _: &ResourceType,
        _: crate::store::By<'_>,
        _: bool,
    ) -> Result<Option<crate::stored::Stored>> {
        no_answer()
    }

    fn find_each(
        &self,
        _: TenantId,
        _: &[crate::store::LookUp],
    ) -> Result<Vec<Option<crate::stored::Stored>>> {
        no_answer()
    }

    fn write_in(&self, _: TenantId, _: Work<'_>) -> Result<()> {
        self.0.fetch_add(1, std::sync::atomic::Ordering::Relaxed);
        no_answer()
    }

    fn ping(&self) -> Result<()> {
        no_answer()
    }

    fn log(&self) -> &dyn LogStore {
        unreachable!()
    }

    fn platform(&self) -> &dyn PlatformStore {
        unreachable!()
    }

    fn tenant_named(&self, _: &str) -> Result<Option<Tenant>> {
        no_answer()
    }

    fn tokens(&self) -> &dyn TokenStore {
        unreachable!()
    }

    fn admins(&self) -> &dyn AdminStore {
        unreachable!()
    }

    fn explain(&self, _: TenantId, _: &ResourceType, _: &ListQuery) -> Result<Vec<String>> {
        no_answer()
    }

    fn find_token(&self, _: TenantId, _: &[u8; 32]) -> Result<Option<Found>> {
        no_answer()
    }
}

/// Runs operations with time for so many of them; gives the outcomes and how often the database was asked.
fn run(operations: &Value, more: &Value, time_for: usize) -> (Vec<Outcome>, usize) {
    let left = Cell::new(time_for);
    run_while(operations, more, &|| match left.replace(left.get().saturating_sub(1)) {
        0 => Err(Error::unavailable("the time is over")),
        _ => Ok(()),
    })
}

/// The same with an answer to whether the request goes on.
fn run_while(operations: &Value, more: &Value, goes_on: &dyn Fn() -> Result<()>) -> (Vec<Outcome>, usize) {
    let mut body =
        json!({"schemas": ["urn:ietf:params:scim:api:messages:2.0:BulkRequest"], "Operations": operations});
    for (name, value) in more.as_object().into_iter().flatten() {
        body[name] = value.clone();
    }
    let store = Asked::default();
    let call = Call {
        store: &store,
        principal: &principal(TenantSettings::default(), None),
        contract: &RFC,
        base: "https://x/scim/v2",
        origin: Origin { actor: Actor::Operator, request: "r".into(), address: String::new() },
        now: DateTime::UNIX_EPOCH,
        may_wait: true,
        ahead: None,
    };
    let billed = Cell::new(0);
    let outcomes = bulk(&call, Ok(body), &|operations| billed.set(operations), goes_on).unwrap();
    assert_eq!(Some(billed.get()), operations.as_array().map(Vec::len), "billed before anything is done");
    (outcomes, store.0.into_inner())
}

fn users(count: usize) -> Value {
    let user = |n: usize| json!({"userName": format!("u{n}")});
    let post =
        |n: usize| json!({"method": "POST", "path": "/Users", "bulkId": n.to_string(), "data": user(n)});
    (0..count).map(post).collect()
}

#[test]
fn without_time_nothing_more_is_begun() {
    let (outcomes, asked) = run(&users(5), &json!({}), 2);
    assert_eq!((outcomes.len(), asked), (5, 2));
    let why: Vec<String> = outcomes
        .iter()
        .map(|outcome| match &outcome.result {
            Err(Error::Unavailable(cause)) => cause.to_string(),
            other => panic!("{other:?}"),
        })
        .collect();
    let (begun, late) = ("no database", "the time is over");
    assert_eq!(why, [begun, begun, late, late, late]);
}

#[test]
fn who_loses_his_right_does_not_get_it_back() {
    for end in [Error::Unauthorized("revoked token"), Error::Forbidden("the tenant is suspended".into())] {
        let asked = Cell::new(0);
        // Once in the middle, and never again.
        let (outcomes, done) = run_while(&users(5), &json!({}), &|| match asked.replace(asked.get() + 1) {
            2 => Err(end.again()),
            _ => Ok(()),
        });
        assert_eq!((outcomes.len(), done, asked.get()), (5, 2, 3));
        for outcome in &outcomes[2..] {
            let told = outcome.result.as_ref().unwrap_err();
            assert_eq!(format!("{told:?}"), format!("{end:?}"));
        }
    }
}

#[test]
fn failures_are_counted_in_the_order_of_the_work() {
    for (most, done) in [(1, 1), (3, 3), (4, 4), (5, 5), (9, 5)] {
        let (outcomes, asked) = run(&users(5), &json!({"failOnErrors": most}), usize::MAX);
        assert_eq!((outcomes.len(), asked), (done, done), "{most}");
    }
}
