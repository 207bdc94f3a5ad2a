//! Recorded requests as JSON, for the API and for the command line.

use domain::meta::time_text;
use domain::requests::Request;
use serde_json::{Value, json};

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
