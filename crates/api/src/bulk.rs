//! `POST /Bulk` (RFC 7644 section 3.7).

use std::collections::BTreeSet;
use std::time::Instant;

use actix_web::http::StatusCode;
use actix_web::web::Payload;
use actix_web::{HttpRequest, HttpResponse, ResponseError};
use domain::requests::REASON_BYTES;
use domain::service::Call;
use domain::service::bulk::{self, Done, Outcome};
use domain::{Error, limits};
use serde_json::{Map, Value, json};

use crate::error::{self, Failure};
use crate::extract::Caller;
use crate::{body, logging, reply, requests};

pub(crate) async fn bulk(
    caller: Caller,
    request: HttpRequest,
    payload: Payload,
) -> Result<HttpResponse, Failure> {
    caller.principal().require_bulk()?;
    let received = body::receive(&request, payload).await?;
    // The wait for a seat is part of the time.
    let started = Instant::now();
    let seat = caller.bulk_seat().await?;
    let still_allowed = caller.still_allowed();
    let goes_on = move || {
        if started.elapsed() >= limits::BULK_WORK_TIME {
            return Err(Error::unavailable("the time of the bulk request was over"));
        }
        still_allowed()
    };
    let bill = caller.bill();
    let work = move |call: &Call<'_>| {
        let outcomes = bulk::bulk(call, received.read(), &bill, &goes_on)?;
        drop(seat);
        Ok((failures(&outcomes), written(&call.origin.request, outcomes)))
    };
    let time = limits::BULK_ANSWER_TIME.saturating_sub(started.elapsed());
    let (failures, answer) = caller.run_within(time, work).await?;
    if let Some(failures) = failures {
        requests::failed(&request, failures);
    }
    Ok(reply::json(StatusCode::OK, &answer))
}

/// How many operations have failed, and why those that have room in the log did.
fn failures(outcomes: &[Outcome]) -> Option<String> {
    let failed =
        || outcomes.iter().enumerate().filter_map(|(at, one)| Some((at, one, one.result.as_ref().err()?)));
    let number = failed().count();
    if number == 0 {
        return None;
    }
    let mut told = format!("{number} of {} operations failed", outcomes.len());
    for (at, outcome, error) in failed() {
        if told.len() >= REASON_BYTES {
            break;
        }
        let method = outcome.method.as_deref().unwrap_or("?");
        let keyword = error.scim_type().map(|keyword| format!(" ({keyword})")).unwrap_or_default();
        told.push_str(&format!("; {}. {method}: {error}{keyword}", at + 1));
    }
    Some(told)
}

/// The BulkResponse. Failures of ours among the outcomes go to the log, each kind of them once.
fn written(request: &str, outcomes: Vec<Outcome>) -> Value {
    let mut chains = BTreeSet::new();
    let operations: Vec<Value> =
        outcomes.into_iter().map(|outcome| operation(outcome, &mut chains)).collect();
    for chain in chains {
        logging::write_failure(request, &chain);
    }
    json!({"schemas": ["urn:ietf:params:scim:api:messages:2.0:BulkResponse"], "Operations": operations})
}

fn operation(outcome: Outcome, chains: &mut BTreeSet<String>) -> Value {
    let Outcome { method, bulk_id, location, version, result } = outcome;
    let mut written = Map::new();
    let texts = [("method", method), ("bulkId", bulk_id), ("location", location)];
    for (name, text) in texts {
        written.extend(text.map(|text| (name.to_owned(), Value::from(text))));
    }
    written.extend(version.map(|version| ("version".to_owned(), version.etag().into())));
    let (status, response) = match result {
        Ok(Done::Created) => (StatusCode::CREATED, None),
        Ok(Done::Changed) => (StatusCode::OK, None),
        Ok(Done::Nothing) => (StatusCode::NO_CONTENT, None),
        Err(error) => {
            let failure = Failure::from(error);
            chains.extend(failure.chain());
            (failure.status_code(), Some(error::body(&failure)))
        }
    };
    written.insert("status".into(), status.as_str().into());
    written.extend(response.map(|response| ("response".to_owned(), response)));
    Value::Object(written)
}
