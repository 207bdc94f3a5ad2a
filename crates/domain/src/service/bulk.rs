//! Many requests in one (RFC 7644 section 3.7). Each operation goes through the use case of its single request, with
//! its checks and in a transaction of its own; what is added here is the order, and what `bulkId:…` stands for.

mod order;
mod place;
mod reference;
mod request;

use std::collections::HashMap;

use serde_json::Value;

use self::order::{Need, order};
use self::place::{Id, Place};
use self::request::{Data, Method, Operation, Sent};
use super::{Body, Call, Query, create_as, delete, patch, prepare, replace, roles};
use crate::error::excerpt;
use crate::group;
use crate::id::ResourceId;
use crate::meta::{Precondition, Version};
use crate::resource_type::{Kind, ResourceType};
use crate::{Error, Result, limits};

/// What became of one operation.
#[derive(Debug)]
pub struct Outcome {
    /// As sent, ours in capitals.
    pub method: Option<String>,
    /// As sent.
    pub bulk_id: Option<String>,
    /// Where the resource is, as far as that is known.
    pub location: Option<String>,
    /// The version it has now.
    pub version: Option<Version>,
    /// How the operation ended.
    pub result: Result<Done>,
}

/// How an operation ends well.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Done {
    /// There is a new resource.
    Created,
    /// The resource is as wanted.
    Changed,
    /// The same, and a single request would have been answered without a body.
    Nothing,
}

/// POST on `/Bulk`: the outcomes in the order of the request, those that `failOnErrors` has left undone not among
/// them. `bill` is told how many operations there are before the first of them is done. `goes_on` is asked before each: what
/// it refuses is refused and not done, and when the caller has lost his right so is the rest.
///
/// # Errors
/// Before anything is done: [`Error::InvalidSyntax`] and [`Error::InvalidValue`] for a message that is none,
/// [`Error::TooLarge`] for too many operations, or too many members and owners in all operations.
pub fn bulk(
    call: &Call<'_>,
    body: Body,
    bill: &dyn Fn(usize),
    goes_on: &dyn Fn() -> Result<()>,
) -> Result<Vec<Outcome>> {
    call.principal.require_bulk()?;
    let request = request::read(call, body?)?;
    bill(request.operations.len());
    let named: usize = request.operations.iter().map(|sent| sent.named(call)).sum();
    if named > limits::MEMBERS {
        let most = limits::MEMBERS;
        return Err(Error::TooLarge(format!("a request names at most {most} members and owners")));
    }
    let mut run = Run::new(call, request.operations);
    let mut left = request.fail_on_errors.unwrap_or(usize::MAX);
    let mut outcomes = Vec::with_capacity(run.sent.len());
    for place in order(&run.needs()) {
        let outcome = run.perform(place, goes_on);
        let failed = outcome.result.is_err();
        outcomes.push((place, outcome));
        left -= usize::from(failed);
        if left == 0 {
            break;
        }
    }
    outcomes.sort_unstable_by_key(|(place, _)| *place);
    Ok(outcomes.into_iter().map(|(_, outcome)| outcome).collect())
}

/// What a `bulkId` stands for by now.
enum State {
    /// The operation has not been done. Others may hold the id that its resource will get.
    Waiting(Option<ResourceId>),
    /// The id of the resource.
    Done(String),
    /// There is no such resource.
    Failed,
}

/// A bulk request that is being done.
struct Run<'a> {
    call: &'a Call<'a>,
    sent: Vec<Sent>,
    states: Vec<State>,
    /// The place of the operation that defines a `bulkId`.
    places: HashMap<String, usize>,
    /// Why the rest is not done: the caller has no right any more, and does not get it back in the middle of a request.
    ended: Option<Error>,
}

impl<'a> Run<'a> {
    fn new(call: &'a Call<'a>, mut sent: Vec<Sent>) -> Self {
        let mut places: HashMap<String, usize> = HashMap::new();
        for (place, sent) in sent.iter_mut().enumerate() {
            let Some(bulk_id) = &sent.bulk_id else { continue };
            if places.contains_key(bulk_id) {
                let bulk_id = excerpt(bulk_id);
                sent.operation = Err(Error::InvalidValue(format!("the bulkId {bulk_id:?} is used twice")));
            } else {
                places.insert(bulk_id.clone(), place);
            }
        }
        let state = |sent: &Sent| if sent.operation.is_ok() { State::Waiting(None) } else { State::Failed };
        let states = sent.iter().map(state).collect();
        Self { call, sent, states, places, ended: None }
    }

    /// What each operation refers to.
    fn needs(&self) -> Vec<Vec<Need>> {
        let needs = |sent: &Sent| {
            let Ok(operation) = &sent.operation else { return Vec::new() };
            let named = operation.references().filter_map(|(bulk_id, must_exist)| {
                let place = self.places.get(bulk_id)?;
                Some(Need { place: *place, must_exist })
            });
            named.collect()
        };
        self.sent.iter().map(needs).collect()
    }

    fn perform(&mut self, place: usize, goes_on: &dyn Fn() -> Result<()>) -> Outcome {
        let sent = &mut self.sent[place];
        let mut outcome = Outcome {
            method: sent.method.take(),
            bulk_id: sent.bulk_id.clone(),
            location: None,
            version: None,
            result: Ok(Done::Changed),
        };
        // An operation is done once, so it may be taken away.
        let operation = std::mem::replace(&mut sent.operation, Err(Error::internal("done already")));
        let result = operation.and_then(|operation| {
            self.allow(goes_on)?;
            self.run(place, operation, &mut outcome)
        });
        if result.is_err() {
            self.states[place] = State::Failed;
        }
        outcome.result = result;
        outcome
    }

    fn allow(&mut self, goes_on: &dyn Fn() -> Result<()>) -> Result<()> {
        if let Some(ended) = &self.ended {
            return Err(ended.again());
        }
        goes_on().inspect_err(|error| {
            if matches!(error, Error::Unauthorized(_) | Error::Forbidden(_)) {
                self.ended = Some(error.again());
            }
        })
    }

    fn run(&mut self, place: usize, operation: Operation, outcome: &mut Outcome) -> Result<Done> {
        let call = self.call;
        let Operation { method, place: target, version, data } = operation;
        let precondition = Precondition { if_match: version, if_none_match: None };
        let must_exist = target.holds_users();
        let is_patch = method == Method::Patch;
        let (done, id) = match &target {
            Place::Collection(resource_type) => {
                let body = self.body(data, is_patch, must_exist);
                let promised = match self.states[place] {
                    State::Waiting(promised) => promised,
                    State::Done(_) | State::Failed => None,
                };
                let prepared = prepare(call, resource_type, &body, &unseen())?;
                let answer = create_as(call, resource_type, &prepared, promised)?;
                outcome.version = Some(answer.version);
                outcome.location = Some(answer.location);
                (Done::Created, answer.id.to_string())
            }
            Place::Resource(resource_type, id) => {
                let id = self.id(id)?;
                outcome.location = Some(format!("{}/{}/{id}", call.base, resource_type.endpoint));
                let answer = match method {
                    Method::Delete => {
                        delete(call, resource_type, &id, &precondition)?;
                        None
                    }
                    Method::Patch => {
                        let body = self.body(data, is_patch, must_exist);
                        Some(patch(call, resource_type, &id, &precondition, &body, &shown(resource_type))?)
                    }
                    Method::Post | Method::Put => {
                        let body = self.body(data, is_patch, must_exist);
                        Some(replace(call, resource_type, &id, &precondition, &body, &unseen())?)
                    }
                };
                outcome.version = answer.as_ref().map(|answer| answer.version);
                let has_body = answer.is_some_and(|answer| answer.body.is_some());
                (if has_body { Done::Changed } else { Done::Nothing }, id)
            }
            Place::Role(id) => {
                let id = self.id(id)?;
                outcome.location = Some(roles::location(call.base, &id));
                let nobody = Query { count: Some(0), ..unseen() };
                roles::patch(call, &id, &self.body(data, is_patch, must_exist), &nobody)?;
                (Done::Changed, id)
            }
        };
        self.states[place] = State::Done(id);
        Ok(done)
    }

    /// The id in a path; what it refers to must exist.
    fn id(&mut self, id: &Id) -> Result<String> {
        match id {
            Id::Known(id) => Ok(id.clone()),
            Id::Bulk(bulk_id) => self.resolve(bulk_id, true),
        }
    }

    /// The data with ids in the place of references. Like any other fault of a body, one that stands for nothing is
    /// spoken of after the resource has been found.
    fn body(&mut self, data: Data, is_patch: bool, must_exist: bool) -> Body {
        let Data { body, names } = data;
        let mut ids: HashMap<&str, String> = HashMap::new();
        for name in &names {
            ids.insert(name, self.resolve(name, must_exist)?);
        }
        let mut body = body?;
        if !ids.is_empty() {
            reference::substitute(&mut body, is_patch, &ids);
        }
        Ok(body)
    }

    /// The id that a `bulkId` stands for.
    fn resolve(&mut self, bulk_id: &str, must_exist: bool) -> Result<String> {
        let shown = excerpt(bulk_id);
        let Some(&place) = self.places.get(bulk_id) else {
            return Err(Error::InvalidValue(format!("no operation has the bulkId {shown:?}")));
        };
        let creates = self.sent[place].creates;
        match &mut self.states[place] {
            State::Done(id) => Ok(id.clone()),
            State::Failed => Err(Error::Conflict(format!("the operation with the bulkId {shown:?} failed"))),
            // RFC 7644 section 3.7.1: circular references are to be tried. An id can be promised before there is
            // a resource, but nobody can be a member before he exists.
            State::Waiting(promised) if creates && !must_exist => {
                Ok(promised.get_or_insert_with(ResourceId::generate).to_string())
            }
            State::Waiting(_) => Err(Error::Conflict(format!(
                "the operation with the bulkId {shown:?} refers back to this one, and neither can be the first"
            ))),
        }
    }
}

/// Nobody reads the resources that single requests would be answered with.
fn unseen() -> Query {
    Query { attributes: vec!["id".into()], ..Query::default() }
}

/// A PATCH of a large group is answered without a body unless attributes are asked for.
fn shown(resource_type: &ResourceType) -> Query {
    match resource_type.kind {
        Kind::Group(_) => Query::default(),
        Kind::User | Kind::Plain => unseen(),
    }
}

impl Sent {
    /// How many members and owners the operation names.
    fn named(&self, call: &Call<'_>) -> usize {
        let Ok(operation) = &self.operation else { return 0 };
        let Ok(data) = &operation.data.body else { return 0 };
        let count = |resource_type: &ResourceType, data: &Value| match resource_type.kind {
            Kind::Group(_) => {
                group::named(resource_type, call.contract, operation.method == Method::Patch, data)
            }
            Kind::User | Kind::Plain => 0,
        };
        match &operation.place {
            Place::Collection(resource_type) | Place::Resource(resource_type, _) => {
                count(resource_type, data)
            }
            Place::Role(_) => roles::named(call, data),
        }
    }
}

#[cfg(test)]
mod tests;
