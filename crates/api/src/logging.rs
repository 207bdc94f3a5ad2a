//! The log: one line per request, from a fixed list of fields. Bodies, query values, paths (they hold ids) and
//! credentials are never among them.

mod gather;
mod line;

use std::io::{self, IsTerminal, Write};
use std::panic;
use std::sync::Arc;
use std::time::Instant;

use actix_web::HttpMessage;
use actix_web::body::{BoxBody, MessageBody};
use actix_web::dev::{ServiceRequest, ServiceResponse};
use actix_web::http::Method;
use actix_web::http::header::{CACHE_CONTROL, HeaderMap, HeaderName, HeaderValue, X_CONTENT_TYPE_OPTIONS};
use actix_web::middleware::Next;
use chrono::{DateTime, Utc};
use domain::admin::SignedIn;
use domain::principal::Principal;
use domain::store::platform::PlatformToken;
use uuid::Uuid;

use crate::connection::Watch;
use crate::error::Failure;
use crate::settings::{Log, LogFormat};
use crate::{clock, routes, stream};
use gather::Gathered;

pub(crate) use gather::flush;

static X_REQUEST_ID: HeaderName = HeaderName::from_static("x-request-id");

/// What is fixed when a request arrives.
pub(crate) struct Moment {
    /// Sent back as `X-Request-Id`, and in the log and the audit log.
    pub(crate) id: Arc<str>,
    /// The time of everything this request does.
    pub(crate) now: DateTime<Utc>,
}

/// Sets up the log, once per process.
pub(crate) fn init(settings: &Log) {
    let mut builder = env_logger::Builder::new();
    builder.parse_filters(&settings.filter);
    let write = match settings.format {
        LogFormat::Text => line::text,
        LogFormat::Json => line::json,
    };
    builder.format(move |out, record| out.write_all(write(record, clock::now()).as_bytes()));
    // A person at a terminal gets each line at once.
    if !io::stderr().is_terminal()
        && let Ok(gathered) = Gathered::start()
    {
        builder.target(env_logger::Target::Pipe(Box::new(gathered)));
    }
    // Only a second logger in the process makes this fail, and then there is a log already.
    let _ = builder.try_init();
    panic::set_hook(Box::new(|info| {
        // A fixed text cannot hold what a client sent; a formatted one can.
        let text = info.payload().downcast_ref::<&'static str>().unwrap_or(&"(formatted message)");
        let place = info.location().map(ToString::to_string).unwrap_or_default();
        log::error!("panic at {place}: {text}");
        gather::flush();
    }));
}

/// The outermost middleware: gives the request its [`Moment`], the reply the headers that all replies carry,
/// and the log its line.
pub(crate) async fn observe(
    mut request: ServiceRequest,
    next: Next<impl MessageBody + 'static>,
) -> Result<ServiceResponse<BoxBody>, actix_web::Error> {
    let started = Instant::now();
    routes::trim(&mut request);
    let watch = request.request().conn_data::<Watch>().cloned();
    if let Some(watch) = &watch {
        watch.begin();
    }
    let id: Arc<str> = request_id(request.headers());
    request.extensions_mut().insert(Moment { id: id.clone(), now: clock::now() });
    let response = next.call(request).await;
    let mut response = match (response, watch) {
        (Ok(response), Some(watch)) => response.map_body(|_, body| watch.answered(body.boxed())),
        (Ok(response), None) => response.map_into_boxed_body(),
        (Err(error), watch) => {
            if let Some(watch) = watch {
                watch.end();
            }
            return Err(error);
        }
    };
    stream::fit_version(&mut response);
    seal(response.headers_mut(), &id);
    write_line(&response, &id, started);
    Ok(response)
}

/// Adds what every reply carries.
pub(crate) fn seal(headers: &mut HeaderMap, id: &str) {
    // Made of characters that a header may hold, or an uuid.
    if let Ok(value) = HeaderValue::from_str(id) {
        headers.insert(X_REQUEST_ID.clone(), value);
    }
    headers.insert(CACHE_CONTROL, HeaderValue::from_static("no-store"));
    headers.insert(X_CONTENT_TYPE_OPTIONS, HeaderValue::from_static("nosniff"));
}

/// The line of what was refused before it was a request: nothing more is known of it.
pub(crate) fn refused(status: u16, id: &str) {
    log::info!(target: "rollcall::request", status = status, request = id; "refused");
}

/// A caller's own id when it is harmless, so that its log and ours meet.
fn request_id(headers: &HeaderMap) -> Arc<str> {
    let harmless = |id: &&str| {
        (1..=64).contains(&id.len())
            && id.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"._-".contains(&byte))
    };
    let sent = headers.get(&X_REQUEST_ID).and_then(|value| value.to_str().ok()).filter(harmless);
    let made = || Arc::from(&*Uuid::now_v7().hyphenated().encode_lower(&mut Uuid::encode_buffer()));
    sent.map_or_else(made, Arc::from)
}

fn write_line(response: &ServiceResponse, id: &str, started: Instant) {
    let request = response.request();
    let route = request.match_pattern();
    let extensions = request.extensions();
    let principal = extensions.get::<Principal>();
    let (platform, admin) = (extensions.get::<PlatformToken>(), extensions.get::<SignedIn>());
    let (tenant, shown) = match (principal, platform, admin) {
        (Some(principal), ..) => (principal.tenant.slug.as_str(), Some(principal.token.id.0)),
        (None, Some(token), _) => ("-", Some(token.id.0)),
        (None, None, Some(admin)) => (admin.tenant.slug.as_str(), Some(admin.session.0)),
        (None, None, None) => ("-", None),
    };
    let mut buffer = Uuid::encode_buffer();
    let token: &str = shown.map_or("-", |id| id.hyphenated().encode_lower(&mut buffer));
    let failure = response.response().error().and_then(|error| error.as_error::<Failure>());
    log::info!(
        target: "rollcall::request",
        method = method(request.method()),
        route = route.as_deref().unwrap_or("-"),
        status = response.status().as_u16(),
        tenant = tenant,
        token = token,
        ms = u64::try_from(started.elapsed().as_millis()).unwrap_or(u64::MAX),
        request = id,
        reason = failure.and_then(Failure::reason).unwrap_or("-");
        "answered"
    );
    if let Some(chain) = failure.and_then(Failure::chain) {
        write_failure(id, &chain);
    }
}

/// A failure of ours: the whole chain of its causes.
pub(crate) fn write_failure(request: &str, chain: &str) {
    log::error!(target: "rollcall::request", request = request; "{chain}");
}

/// The client chooses the word, so only those we know are written down.
pub(crate) fn method(method: &Method) -> &'static str {
    match *method {
        Method::GET => "GET",
        Method::POST => "POST",
        Method::PUT => "PUT",
        Method::PATCH => "PATCH",
        Method::DELETE => "DELETE",
        Method::HEAD => "HEAD",
        Method::OPTIONS => "OPTIONS",
        _ => "other",
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_harmless_request_ids_are_taken_over() {
        let id = |sent: &str| {
            let mut headers = HeaderMap::new();
            headers.insert(X_REQUEST_ID.clone(), HeaderValue::from_str(sent).unwrap());
            request_id(&headers)
        };
        let longest = "a".repeat(64);
        for harmless in ["a", "Az09._-", &longest] {
            assert_eq!(&*id(harmless), harmless);
        }
        for other in ["", "a b", "a=b", "\"", "é", &"a".repeat(65)] {
            assert!(Uuid::parse_str(&id(other)).is_ok(), "{other}");
        }
    }

    #[test]
    fn unknown_methods_are_not_written_down() {
        assert_eq!(method(&Method::PATCH), "PATCH");
        assert_eq!(method(&Method::from_bytes(b"SECRET").unwrap()), "other");
    }
}
