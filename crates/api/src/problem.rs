//! Failures as problem documents (RFC 9457), for everything that is not SCIM. They keep status and headers that the one
//! table of statuses gave them.

use actix_web::ResponseError;
use actix_web::body::{BoxBody, MessageBody};
use actix_web::dev::ServiceResponse;
use actix_web::http::header::{CONTENT_TYPE, HeaderValue, WWW_AUTHENTICATE};
use domain::Error;
use serde_json::{Value, json};

use crate::error::Failure;

/// The media type of RFC 9457.
const MEDIA_TYPE: &str = "application/problem+json";

/// Whose door it is that failed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Realm {
    /// The hosting platform.
    Platform,
    /// Tenant admins.
    Admin,
}

impl Realm {
    /// What is said to everybody who is not let in.
    fn advice(self) -> &'static str {
        match self {
            Self::Platform => "send a valid platform token as a Bearer credential",
            Self::Admin => {
                "sign in: what was sent is wrong, has ended or was used already, or there is no access token as a \
                 Bearer credential"
            }
        }
    }

    fn challenges(self) -> [&'static str; 2] {
        match self {
            Self::Platform => {
                ["Bearer realm=\"platform\"", "Bearer realm=\"platform\", error=\"invalid_request\""]
            }
            Self::Admin => ["Bearer realm=\"admin\"", "Bearer realm=\"admin\", error=\"invalid_request\""],
        }
    }
}

/// The reply, with a problem document in the place of a failure's body; `id` is that of the request. The failure stays
/// with the reply, for the log.
pub(crate) fn told(realm: Realm, response: ServiceResponse<BoxBody>, id: &str) -> ServiceResponse<BoxBody> {
    let failure = response.response().error().and_then(|error| error.as_error::<Failure>());
    let Some((document, challenge)) =
        failure.map(|failure| (document(realm, failure, id), challenge(realm, failure)))
    else {
        return response;
    };
    let mut response = response.map_body(|_, _| document.to_string().boxed());
    let headers = response.headers_mut();
    headers.insert(CONTENT_TYPE, HeaderValue::from_static(MEDIA_TYPE));
    headers.remove(WWW_AUTHENTICATE);
    if let Some(challenge) = challenge {
        headers.insert(WWW_AUTHENTICATE, HeaderValue::from_static(challenge));
    }
    response
}

fn document(realm: Realm, failure: &Failure, id: &str) -> Value {
    let status = failure.status_code();
    let detail = match failure {
        Failure::Domain(Error::Unauthorized(_)) => realm.advice().into(),
        other => other.to_string(),
    };
    json!({
        "type": format!("urn:rollcall:problem:{}", kind(failure)),
        "title": status.canonical_reason().unwrap_or("Error"),
        "status": status.as_u16(),
        "detail": detail,
        "instance": id,
    })
}

/// The end of `type`: what a program decides by.
fn kind(failure: &Failure) -> &'static str {
    match failure {
        Failure::Domain(error) => match error {
            Error::Uniqueness(_) => "slug-taken",
            Error::Conflict(_) => "conflict",
            Error::NotFound(_) => "not-found",
            Error::Unauthorized(_) => "unauthorized",
            Error::Forbidden(_) => "forbidden",
            Error::TooLarge(_) => "too-large",
            Error::UnsupportedMediaType(_) => "unsupported-media-type",
            Error::Unavailable(_) => "unavailable",
            Error::Internal(_) => "internal",
            Error::InvalidSyntax(_) => "invalid-syntax",
            Error::InvalidCursor(_) => "invalid-cursor",
            Error::InvalidRequest(_) => "invalid-request",
            _ => "invalid-value",
        },
        Failure::CodeRequired => "code-required",
        Failure::MethodNotAllowed(_) => "method-not-allowed",
        Failure::TooSlow => "too-slow",
        Failure::TooManyRequests { .. } => "too-many-requests",
        Failure::TargetTooLong | Failure::HeadersTooLarge => "too-large",
        Failure::NotHttp => "invalid-request",
        Failure::NotImplemented => "not-implemented",
    }
}

fn challenge(realm: Realm, failure: &Failure) -> Option<&'static str> {
    let [plain, contradiction] = realm.challenges();
    match failure {
        Failure::Domain(Error::Unauthorized(_)) | Failure::CodeRequired => Some(plain),
        Failure::Domain(Error::InvalidRequest(_)) => Some(contradiction),
        _ => None,
    }
}
