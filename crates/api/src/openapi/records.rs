//! Components of what admins read of the past: the log of requests, the audit log, histories.

use serde_json::{Map, Value, json};

use super::schema;
use crate::admin::audit::PAGE;

/// Adds the parameters of their lists.
pub(super) fn add_parameters(into: &mut Value) {
    let id = || json!({"type": "string", "format": "uuid"});
    let text = || json!({"type": "string"});
    let time = || json!({"type": "string", "format": "date-time"});
    let count = json!({"type": "integer", "minimum": 1});
    let format = json!({"type": "string", "enum": ["ndjson", "csv"], "default": "ndjson"});
    let status = json!({"type": "string", "pattern": "^([1-5][0-9][0-9]|[1-5]xx|failed)$"});
    let counted = format!("Rows on the page: {} unless sent, at most {}.", PAGE.0, PAGE.1);
    for (component, name, schema, description) in [
        ("ofResource", "resource", id(), "Only about the resource with this id."),
        ("ofToken", "token", id(), "Only with the token with this id."),
        (
            "ofStatus",
            "status",
            status,
            "Only with this status (`409`), one of this class (`4xx`), or where something failed (`failed`).",
        ),
        ("ofRequest", "requestId", text(), "Only with this `X-Request-Id`."),
        ("ofActor", "actor", id(), "Only by the token or the admin with this id."),
        ("ofAction", "action", text(), "Only this action: `created`, `token_revoked`, …"),
        ("since", "since", time(), "Not earlier."),
        ("until", "until", time(), "Earlier."),
        ("rows", "count", count, counted.as_str()),
        ("rowsCursor", "cursor", text(), "`nextCursor` of the page before."),
        ("fileFormat", "format", format, "The form of the file."),
    ] {
        into[component] = json!({"name": name, "in": "query", "schema": schema, "description": description});
    }
}

/// Adds the schemas.
pub(super) fn add_schemas(into: &mut Map<String, Value>) {
    let id = || json!({"type": "string", "format": "uuid"});
    let maybe_id = || json!({"type": ["string", "null"], "format": "uuid"});
    let text = || json!({"type": "string"});
    let maybe = |description: &str| json!({"type": ["string", "null"], "description": description});
    let time = || json!({"type": "string", "format": "date-time"});
    let number = || json!({"type": "integer"});
    let object = |properties: Value| {
        let required: Vec<String> =
            properties.as_object().into_iter().flatten().map(|(name, _)| name.clone()).collect();
        json!({"type": "object", "required": required, "properties": properties})
    };
    let page = |name: &str, of: Value| {
        let mut schema = object(json!({(name): {"type": "array", "items": of}}));
        schema["properties"]["nextCursor"] = json!({"type": "string", "description": "The `cursor` of the next page; absent on the last one."});
        schema
    };
    let request = json!({
        "id": id(), "at": time(), "requestId": text(), "tokenId": maybe_id(), "method": text(),
        "path": {"type": "string", "description": "With the query; bounded, without what looks like a secret."},
        "status": {"type": "integer", "description": "499: the client went away before the answer."},
        "scimType": maybe("The keyword of the Error body."),
        "reason": maybe("Why it failed; of a bulk request, why operations of it did."),
        "resourceType": maybe("What it touched."), "resourceId": maybe_id(), "durationMs": number(),
        "address": text(), "userAgent": maybe("What the client calls itself."),
    });
    let mut whole = request.clone();
    whole["body"] = maybe("The body of a failed request, without secrets and cut where it is long.");
    let mut requests = page("requests", schema("RecordedRequest"));
    requests["properties"]["dropped"] = json!({
        "type": "integer", "minimum": 0,
        "description": "Requests that this process has left out since it began, because there were too many.",
    });
    let actor = object(json!({
        "kind": {"type": "string", "enum": ["operator", "token", "platform", "admin", "nobody"]},
        "id": maybe_id(), "name": maybe("Of the token or the admin, while there is one."),
    }));
    let row = object(json!({
        "seq": number(), "at": time(), "id": id(), "actor": actor, "action": text(), "resourceType": text(),
        "resourceId": id(), "oldVersion": {"type": ["integer", "null"]}, "newVersion": number(),
        "attributes": {"type": "array", "items": text()}, "request": text(), "address": text(),
        "detail": maybe("More about it."), "warning": maybe("Something to look at."),
        "hash": {"type": "string", "description": "What ties it to the row before."},
    }));
    let mut named = request.clone();
    named["tokenName"] = maybe("The name of the token, while there is one.");
    let event = json!({"oneOf": [
        object(json!({"kind": {"const": "change"}, "change": schema("AuditRow")})),
        object(json!({"kind": {"const": "request"}, "request": object(named)})),
    ]});
    into.extend(
        [
            ("RecordedRequest", object(request)),
            ("RecordedRequestWithBody", object(whole)),
            ("RecordedRequestList", requests),
            ("AuditRow", row),
            ("AuditRowList", page("rows", schema("AuditRow"))),
            ("History", page("events", event)),
        ]
        .map(|(name, schema)| (name.to_owned(), schema)),
    );
}
