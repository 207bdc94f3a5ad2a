//! Recorded requests and histories as JSON, for the API and for the command line.

use std::collections::HashMap;

use domain::audit::{Row, render};
use domain::meta::time_text;
use domain::requests::Request;
use domain::service::history::Event;
use serde_json::{Value, json};
use uuid::Uuid;

/// A request, without its body.
pub(crate) fn request(request: &Request) -> Value {
    json!({
        "id": request.id.to_string(),
        "at": time_text(request.at),
        "requestId": request.request,
        "tokenId": request.token.map(|id| id.to_string()),
        "method": request.method,
        "path": request.path,
        "status": request.status,
        "scimType": request.scim_type,
        "reason": request.reason,
        "resourceType": request.resource_type,
        "resourceId": request.resource_id.map(|id| id.to_string()),
        "durationMs": request.duration_ms,
        "address": request.address,
        "userAgent": request.user_agent,
    })
}

/// The same with its body, where it was kept.
pub(crate) fn whole(one: &Request) -> Value {
    let mut value = request(one);
    value["body"] = one.body.as_deref().into();
    value
}

/// An audit row with the name of its actor, where there is one.
pub(crate) fn row(row: &Row, names: &HashMap<Uuid, String>) -> Value {
    let mut value = render::json(row);
    let name = row.entry.origin.actor.id().and_then(|id| names.get(&id));
    value["actor"]["name"] = name.map(String::as_str).into();
    value
}

/// One thing that happened, with the name of who did it.
pub(crate) fn event(event: &Event, names: &HashMap<Uuid, String>) -> Value {
    match event {
        Event::Change(change) => json!({"kind": "change", "change": row(change, names)}),
        Event::Request(one) => {
            let mut value = request(one);
            value["tokenName"] = one.token.and_then(|id| names.get(&id.0)).map(String::as_str).into();
            json!({"kind": "request", "request": value})
        }
    }
}
