//! Answers: media type, status, `ETag`, and `Location` on create.

use actix_web::HttpResponse;
use actix_web::body::MessageBody;
use actix_web::http::StatusCode;
use actix_web::http::header::{CONTENT_DISPOSITION, CONTENT_TYPE, ETAG, LOCATION};
use domain::service::{Answer, Head};
use serde_json::Value;

/// RFC 7644 section 8.1, without a charset parameter: JSON is UTF-8, and Entra's validator compares the text.
const MEDIA_TYPE: &str = "application/scim+json";

/// Any JSON.
pub(crate) fn json(status: StatusCode, body: &Value) -> HttpResponse {
    HttpResponse::build(status).insert_header((CONTENT_TYPE, MEDIA_TYPE)).body(body.to_string())
}

/// 201 with the resource (RFC 7644 section 3.3).
pub(crate) fn created(answer: Answer) -> HttpResponse {
    HttpResponse::Created()
        .insert_header((CONTENT_TYPE, MEDIA_TYPE))
        .insert_header((ETAG, answer.version.etag()))
        .insert_header((LOCATION, answer.location.as_str()))
        .body(answer.body.unwrap_or_default())
}

/// 200 with the resource, because several clients read the answer to PUT and PATCH; 204 when it is too long for
/// that.
pub(crate) fn changed(answer: Answer) -> HttpResponse {
    let etag = (ETAG, answer.version.etag());
    match answer.body {
        Some(body) => {
            HttpResponse::Ok().insert_header((CONTENT_TYPE, MEDIA_TYPE)).insert_header(etag).body(body)
        }
        None => HttpResponse::NoContent().insert_header(etag).finish(),
    }
}

/// What the engine has written; a 304 has no body.
pub(crate) fn headed(head: &Head, body: impl MessageBody + 'static) -> HttpResponse {
    let mut ok = HttpResponse::Ok();
    ok.insert_header((CONTENT_TYPE, MEDIA_TYPE));
    match head {
        Head::Resource(version) => ok.insert_header((ETAG, version.etag())).body(body),
        Head::List => ok.body(body),
        Head::File { media_type, name } => HttpResponse::Ok()
            .insert_header((CONTENT_TYPE, *media_type))
            .insert_header((CONTENT_DISPOSITION, format!("attachment; filename=\"{name}\"")))
            .body(body),
        Head::NotModified(version) => {
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
