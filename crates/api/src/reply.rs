//! Answers: media type, status, `ETag`, and `Location` on create.

use actix_web::HttpResponse;
use actix_web::http::StatusCode;
use actix_web::http::header::{CONTENT_TYPE, ETAG, LOCATION};
use domain::service::{Answer, Found};
use serde_json::Value;

/// RFC 7644 section 8.1, without a charset parameter: JSON is UTF-8, and Entra's validator compares the text.
const MEDIA_TYPE: &str = "application/scim+json";

/// Any JSON.
pub(crate) fn json(status: StatusCode, body: &Value) -> HttpResponse {
    HttpResponse::build(status).insert_header((CONTENT_TYPE, MEDIA_TYPE)).body(body.to_string())
}

/// 201 with the resource (RFC 7644 section 3.3).
pub(crate) fn created(answer: &Answer) -> HttpResponse {
    HttpResponse::Created()
        .insert_header((CONTENT_TYPE, MEDIA_TYPE))
        .insert_header((ETAG, answer.version.etag()))
        .insert_header((LOCATION, answer.location.as_str()))
        .body(answer.body.to_string())
}

/// 200 with the resource: PUT and PATCH too, because several clients read the answer.
pub(crate) fn resource(answer: &Answer) -> HttpResponse {
    HttpResponse::Ok()
        .insert_header((CONTENT_TYPE, MEDIA_TYPE))
        .insert_header((ETAG, answer.version.etag()))
        .body(answer.body.to_string())
}

/// 200 with the resource, or 304.
pub(crate) fn found(found: &Found) -> HttpResponse {
    match found {
        Found::Modified(answer) => resource(answer),
        Found::NotModified(version) => {
            HttpResponse::NotModified().insert_header((ETAG, version.etag())).finish()
        }
    }
}

/// 200 with a ListResponse.
pub(crate) fn list(body: &Value) -> HttpResponse {
    json(StatusCode::OK, body)
}

/// 204.
pub(crate) fn nothing() -> HttpResponse {
    HttpResponse::NoContent().finish()
}
