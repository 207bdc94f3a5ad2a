//! Failures as the client sees them: one table from [`domain::Error`] to a status, one body.

use std::error::Error as StdError;
use std::fmt::Write;

use actix_web::http::StatusCode;
use actix_web::http::header::{ALLOW, HeaderValue, RETRY_AFTER, WWW_AUTHENTICATE};
use actix_web::{HttpResponse, ResponseError};
use domain::Error;
use serde_json::{Map, Value};

use crate::reply;

/// Seconds after which a client may retry: Okta reads an integer only and falls back to five minutes.
const RETRY_SECONDS: u32 = 5;

/// What a handler fails with: a failure of the engine, or one that only HTTP knows.
#[derive(Debug, thiserror::Error)]
pub(crate) enum Failure {
    /// From the engine, or spoken in its words.
    #[error(transparent)]
    Domain(#[from] Error),
    /// 401 for who has sent the right password and no code of the second factor.
    #[error("send also a code of your authenticator app, or one of your recovery codes")]
    CodeRequired,
    /// 405; the methods that would work.
    #[error("this method is not allowed here")]
    MethodNotAllowed(String),
    /// 400 for what cannot be read as HTTP.
    #[error("the request is not valid HTTP/1.1")]
    NotHttp,
    /// 408.
    #[error("the request did not arrive in time")]
    TooSlow,
    /// 414.
    #[error("the request target is longer than {} bytes", domain::limits::URL_BYTES)]
    TargetTooLong,
    /// 429; what there is too much of, and in how many seconds to try again.
    #[error("{what}, please retry in {seconds} s")]
    TooManyRequests { what: String, seconds: u64 },
    /// 431.
    #[error(
        "there are more than {} headers, or they are longer than {} bytes",
        domain::limits::HEADERS,
        domain::limits::HEADER_BYTES
    )]
    HeadersTooLarge,
    /// 501.
    #[error("this endpoint is not supported")]
    NotImplemented,
}

impl Failure {
    /// Why, for the log only.
    pub(crate) fn reason(&self) -> Option<&'static str> {
        match self {
            Self::Domain(Error::Unauthorized(reason)) => Some(reason),
            _ => None,
        }
    }

    /// The whole chain of causes when it is our failure, not the client's.
    pub(crate) fn chain(&self) -> Option<String> {
        let ours = matches!(self, Self::Domain(Error::Unavailable(_) | Error::Internal(_)));
        ours.then(|| chain(self))
    }

    /// The keyword of the body.
    pub(crate) fn scim_type(&self) -> Option<&'static str> {
        match self {
            Self::Domain(error) => error.scim_type(),
            _ => None,
        }
    }
}

/// An error and its causes in one line.
pub(crate) fn chain(error: &dyn StdError) -> String {
    let mut text = error.to_string();
    let mut cause = error.source();
    while let Some(error) = cause {
        // Writing to a string cannot fail.
        let _ = write!(text, ": {error}");
        cause = error.source();
    }
    text.split_whitespace().collect::<Vec<_>>().join(" ")
}

impl ResponseError for Failure {
    fn status_code(&self) -> StatusCode {
        match self {
            Self::Domain(error) => status(error),
            Self::CodeRequired => StatusCode::UNAUTHORIZED,
            Self::MethodNotAllowed(_) => StatusCode::METHOD_NOT_ALLOWED,
            Self::NotHttp => StatusCode::BAD_REQUEST,
            Self::TooSlow => StatusCode::REQUEST_TIMEOUT,
            Self::TargetTooLong => StatusCode::URI_TOO_LONG,
            Self::TooManyRequests { .. } => StatusCode::TOO_MANY_REQUESTS,
            Self::HeadersTooLarge => StatusCode::REQUEST_HEADER_FIELDS_TOO_LARGE,
            Self::NotImplemented => StatusCode::NOT_IMPLEMENTED,
        }
    }

    fn error_response(&self) -> HttpResponse {
        let mut response = reply::json(self.status_code(), &body(self));
        let headers = response.headers_mut();
        match self {
            Self::Domain(Error::Unauthorized(_)) => {
                headers.append(WWW_AUTHENTICATE, HeaderValue::from_static("Bearer realm=\"scim\""));
                headers.append(WWW_AUTHENTICATE, HeaderValue::from_static("Basic realm=\"scim\""));
            }
            Self::Domain(Error::InvalidRequest(_)) => headers.insert_only(
                WWW_AUTHENTICATE,
                HeaderValue::from_static("Bearer realm=\"scim\", error=\"invalid_request\""),
            ),
            Self::Domain(Error::Unavailable(_)) => headers.insert_only(RETRY_AFTER, RETRY_SECONDS.into()),
            Self::TooManyRequests { seconds, .. } => headers.insert_only(RETRY_AFTER, (*seconds).into()),
            Self::MethodNotAllowed(methods) => {
                // Names of methods are text that a header may hold.
                if let Ok(methods) = HeaderValue::from_str(methods) {
                    headers.insert_only(ALLOW, methods);
                }
            }
            _ => {}
        }
        response
    }
}

/// The one table of statuses (RFC 7644 section 3.12).
fn status(error: &Error) -> StatusCode {
    match error {
        Error::InvalidSyntax(_)
        | Error::InvalidFilter(_)
        | Error::InvalidPath(_)
        | Error::InvalidValue(_)
        | Error::InvalidCursor(_)
        | Error::InvalidCount(_)
        | Error::Mutability(_)
        | Error::NoTarget(_)
        | Error::InvalidRequest(_) => StatusCode::BAD_REQUEST,
        Error::Unauthorized(_) => StatusCode::UNAUTHORIZED,
        Error::Forbidden(_) => StatusCode::FORBIDDEN,
        Error::NotFound(_) => StatusCode::NOT_FOUND,
        Error::Uniqueness(_) | Error::Conflict(_) => StatusCode::CONFLICT,
        Error::PreconditionFailed => StatusCode::PRECONDITION_FAILED,
        Error::TooLarge(_) => StatusCode::PAYLOAD_TOO_LARGE,
        Error::UnsupportedMediaType(_) => StatusCode::UNSUPPORTED_MEDIA_TYPE,
        Error::Unavailable(_) | Error::WouldWait => StatusCode::SERVICE_UNAVAILABLE,
        Error::Internal(_) => StatusCode::INTERNAL_SERVER_ERROR,
    }
}

/// The body of RFC 7644 section 3.12 and nothing beyond: strict clients refuse undeclared attributes here too.
pub(crate) fn body(failure: &Failure) -> Value {
    let mut body = Map::new();
    body.insert("schemas".into(), vec!["urn:ietf:params:scim:api:messages:2.0:Error"].into());
    body.insert("status".into(), failure.status_code().as_str().into());
    if let Some(keyword) = failure.scim_type() {
        body.insert("scimType".into(), keyword.into());
    }
    body.insert("detail".into(), failure.to_string().into());
    Value::Object(body)
}

/// `insert` without its answer, so that the arms of a `match` agree.
trait InsertOnly {
    fn insert_only(&mut self, name: actix_web::http::header::HeaderName, value: HeaderValue);
}

impl InsertOnly for actix_web::http::header::HeaderMap {
    fn insert_only(&mut self, name: actix_web::http::header::HeaderName, value: HeaderValue) {
        self.insert(name, value);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn values(failure: &Failure, name: &str) -> Vec<String> {
        let response = failure.error_response();
        response.headers().get_all(name).map(|value| value.to_str().unwrap().to_owned()).collect()
    }

    #[test]
    fn the_body_holds_what_the_schema_declares() {
        let failure = Failure::from(Error::InvalidFilter("no such attribute".into()));
        assert_eq!(
            body(&failure).to_string(),
            r#"{"schemas":["urn:ietf:params:scim:api:messages:2.0:Error"],"status":"400","scimType":"invalidFilter","detail":"no such attribute"}"#
        );
        assert_eq!(values(&failure, "content-type"), ["application/scim+json"]);
        assert_eq!(body(&Failure::NotImplemented).get("scimType"), None);
    }

    #[test]
    fn every_reason_of_a_401_looks_the_same() {
        let (one, two) = (Error::Unauthorized("expired token"), Error::Unauthorized("unknown token"));
        let (one, two) = (Failure::from(one), Failure::from(two));
        assert_eq!(body(&one), body(&two));
        assert_eq!(values(&one, "www-authenticate"), ["Bearer realm=\"scim\"", "Basic realm=\"scim\""]);
        assert_eq!(one.reason(), Some("expired token"));
    }

    #[test]
    fn headers_that_statuses_need() {
        let unavailable = Failure::from(Error::unavailable("pool"));
        assert_eq!(values(&unavailable, "retry-after"), ["5"]);
        let too_many = Failure::TooManyRequests { what: "too much".into(), seconds: 17 };
        assert_eq!(
            (too_many.status_code().as_u16(), values(&too_many, "retry-after")),
            (429, vec!["17".into()])
        );
        assert_eq!(values(&Failure::MethodNotAllowed("GET".into()), "allow"), ["GET"]);
        let twice = Failure::from(Error::InvalidRequest("two".into()));
        assert_eq!(values(&twice, "www-authenticate"), ["Bearer realm=\"scim\", error=\"invalid_request\""]);
    }

    #[test]
    fn causes_are_for_the_log_and_only_of_our_failures() {
        let internal = Failure::from(Error::internal("SELECT\n went wrong"));
        assert_eq!(internal.chain().as_deref(), Some("internal error: SELECT went wrong"));
        assert!(!body(&internal).to_string().contains("SELECT"));
        assert_eq!(Failure::from(Error::no_resource()).chain(), None);
    }
}
