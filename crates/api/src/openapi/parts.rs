//! Parameters, headers, failures and security schemes: the components that lines of the table refer to.

use domain::limits;
use domain::tenant::TenantState;
use serde_json::{Map, Value, json};

use super::platform::PROBLEM;
use super::{MEDIA_TYPE, reference, schema};
use crate::platform::tenants::PAGE;
use crate::tokens;

/// Parameters by their name among the components.
pub(super) fn parameters() -> Value {
    let query = |name: &str, schema: Value, description: &str| {
        let mut parameter = json!({"name": name, "in": "query", "schema": schema});
        parameter["description"] = description.into();
        parameter
    };
    // RFC 7644 section 3.9: a list of names, separated by commas.
    let names = |name: &str, description: &str| {
        json!({
            "name": name, "in": "query", "style": "form", "explode": false, "description": description,
            "schema": {"type": "array", "items": {"type": "string"}, "maxItems": limits::PROJECTION_NAMES},
        })
    };
    let header = |name: &str, description: &str| {
        json!({
            "name": name, "in": "header", "description": description, "schema": {"type": "string"},
        })
    };
    let states: Vec<&str> = TenantState::ALL.iter().map(|state| state.name()).collect();
    let states = json!({"type": "string", "enum": states});
    let tenants = json!({"type": "integer", "minimum": 1});
    let text = || json!({"type": "string"});
    let number = || json!({"type": "integer"});
    let filter = json!({"type": "string", "maxLength": limits::FILTER_BYTES});
    json!({
        "filter": query("filter", filter, "A filter of RFC 7644 section 3.4.2.2. One that cannot be evaluated is 400."),
        "sortBy": query("sortBy", text(), "The attribute to sort by; without it the order is that of creation."),
        "sortOrder": query(
            "sortOrder", json!({"type": "string", "enum": ["ascending", "descending"]}), "`ascending` unless sent.",
        ),
        "startIndex": query("startIndex", number(), "The first resource of the page, from 1; below 1 it is 1."),
        "count": query(
            "count", number(), &format!("Resources on the page: 0 for the total only, at most {}.", limits::PAGE),
        ),
        "cursor": query(
            "cursor", text(), "Pages by cursor (RFC 9865): empty for the first page, then `nextCursor` of the page before.",
        ),
        "attributes": names("attributes", "The attributes to show; `schemas` and `id` are always shown."),
        "excludedAttributes": names("excludedAttributes", "The attributes to leave out; not together with `attributes`."),
        "tenantState": query("state", states, "Only tenants in this state; unless sent, all that are not deleted."),
        "tenantCount": query("count", tenants.clone(), &format!("Tenants on the page: {} unless sent, at most {}.", PAGE.0, PAGE.1)),
        "tokenCount": query("count", tenants, &format!("Tokens on the page: {} unless sent, at most {}.", tokens::PAGE.0, tokens::PAGE.1)),
        "tokenCursor": query("cursor", text(), "`nextCursor` of the page before."),
        "guardToken": query("token", json!({"type": "string", "format": "uuid"}), "Only this token, held or not; unless sent, every one that is held."),
        "tenantCursor": query("cursor", text(), "`nextCursor` of the page before."),
        "ifMatch": header("If-Match", "Go on only at one of these versions (as `W/\"1\"`), else 412."),
        "ifNoneMatch": header("If-None-Match", "Go on only at none of these versions: 304 when reading, else 412."),
    })
}

/// Headers of replies.
pub(super) fn headers() -> Value {
    let text = |description: &str| json!({"description": description, "schema": {"type": "string"}});
    let required = |description: &str| json!({"description": description, "required": true, "schema": {"type": "string"}});
    json!({
        "ETag": {
            "description": "The version of the resource, weak.", "required": true,
            "schema": {"type": "string", "pattern": "^W/\".*\"$"},
        },
        "Location": {
            "description": "Where the resource is.", "required": true,
            "schema": {"type": "string", "format": "uri"},
        },
        "WWW-Authenticate": required("One challenge for each scheme: `Bearer` and, for SCIM, `Basic`."),
        "MaybeWWW-Authenticate": text("There when the credentials contradict each other."),
        "Allow": required("The methods that would work."),
        "Retry-After": {
            "description": "Seconds.", "required": true, "schema": {"type": "string", "pattern": "^[0-9]+$"},
        },
        "X-Request-Id": required("Also in the log and the audit log of the server. A harmless one of the caller is taken over."),
    })
}

/// Names, statuses and meanings of failures.
const FAILURES: [(&str, u16, &str); 16] = [
    ("BadRequest", 400, "What was sent is malformed or breaks a rule; `scimType` says which kind."),
    ("Unauthorized", 401, "No valid credential."),
    (
        "Forbidden",
        403,
        "The credential does not allow this, the tenant is suspended, or a quota of it is reached.",
    ),
    ("NotFound", 404, "There is no such resource or endpoint."),
    ("MethodNotAllowed", 405, "Any method that is not described at a path."),
    ("RequestTimeout", 408, "The body did not arrive in time."),
    ("Conflict", 409, "A unique value is taken (`uniqueness`), or a rule of the tenant forbids the change."),
    ("PreconditionFailed", 412, "The resource has another version."),
    ("ContentTooLarge", 413, "Larger than a limit."),
    ("UriTooLong", 414, "The request target is too long."),
    ("UnsupportedMediaType", 415, "The body is in a form that is not accepted."),
    (
        "TooManyRequests",
        429,
        "The tenant or the token sends too many requests, or the address too many wrong credentials.",
    ),
    ("HeadersTooLarge", 431, "The headers are too long."),
    ("InternalServerError", 500, "A defect of the server."),
    ("NotImplemented", 501, "This endpoint is not supported."),
    ("ServiceUnavailable", 503, "The database cannot answer now. A write may have been made after all."),
];

/// A reference to the reply of a failure.
pub(super) fn failure(status: u16) -> Option<Value> {
    let (name, ..) = FAILURES.iter().find(|(_, known, _)| *known == status)?;
    Some(reference("responses", name))
}

/// A reference to the reply of a failure outside SCIM.
pub(super) fn problem(status: u16) -> Option<Value> {
    let (name, ..) = FAILURES.iter().find(|(_, known, _)| *known == status)?;
    Some(reference("responses", &format!("Problem{name}")))
}

/// Failures as components: each is an Error body, and some carry a header that says more.
pub(super) fn responses() -> Value {
    let response = |&(name, status, description): &(&str, u16, &str), is_plain: bool| {
        let mut headers = Map::new();
        let extra = match status {
            400 => Some(("WWW-Authenticate", "MaybeWWW-Authenticate")),
            401 => Some(("WWW-Authenticate", "WWW-Authenticate")),
            405 => Some(("Allow", "Allow")),
            429 | 503 => Some(("Retry-After", "Retry-After")),
            _ => None,
        };
        headers.extend(extra.map(|(name, component)| (name.to_owned(), reference("headers", component))));
        headers.insert("X-Request-Id".into(), reference("headers", "X-Request-Id"));
        let (name, description, content) = if is_plain {
            let text = "A problem document; `type` says which kind.";
            (format!("Problem{name}"), text, json!({PROBLEM: {"schema": schema("Problem")}}))
        } else {
            (name.to_owned(), description, json!({MEDIA_TYPE: {"schema": schema("Error")}}))
        };
        (name, json!({"description": description, "headers": headers, "content": content}))
    };
    let both = |failure| [response(failure, false), response(failure, true)];
    Value::Object(FAILURES.iter().flat_map(both).collect())
}

/// The four carriers of one API token.
pub(super) fn security_schemes() -> Value {
    json!({
        "bearer": {"type": "http", "scheme": "bearer", "description": "An API token."},
        "basic": {"type": "http", "scheme": "basic", "description": "An API token as the password; any user name."},
        "apiToken": {"type": "apiKey", "in": "header", "name": "apiToken", "description": "An API token."},
        "platform": {"type": "http", "scheme": "bearer", "description": "A token of the hosting platform."},
        "admin": {"type": "http", "scheme": "bearer", "description": "The access token of an admin who has signed in."},
        "apiKey": {"type": "apiKey", "in": "header", "name": "API-Key", "description": "An API token."},
    })
}
