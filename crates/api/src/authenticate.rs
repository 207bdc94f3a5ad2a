//! The gate below each base path. It is a middleware and not an extractor, because extractors are polled
//! together and a wrong path could answer before a missing credential.

use std::net::SocketAddr;
use std::sync::LazyLock;
use std::time::Instant;

use actix_web::body::{BoxBody, MessageBody};
use actix_web::dev::{ServiceRequest, ServiceResponse};
use actix_web::http::header::{HeaderMap, HeaderName, HeaderValue};
use actix_web::middleware::Next;
use actix_web::{HttpMessage, web};
use auth::token::Parsed;
use auth::{Authenticator, Recalled, carrier};
use chrono::{DateTime, Utc};
use domain::principal::Principal;
use domain::{Error, limits};

use crate::app::Shared;
use crate::error::Failure;
use crate::logging::Moment;
use crate::{blocking, requests};

/// Lets a request in with its [`Principal`], or answers it.
pub(crate) async fn authenticate(
    request: ServiceRequest,
    next: Next<impl MessageBody + 'static>,
) -> Result<ServiceResponse<BoxBody>, actix_web::Error> {
    match admit(&request).await {
        Ok(()) => next.call(request).await.map(ServiceResponse::map_into_boxed_body),
        Err(failure) => Ok(request.error_response(failure)),
    }
}

async fn admit(request: &ServiceRequest) -> Result<(), Failure> {
    measure(request)?;
    let text = carrier::presented(|name| values(request.headers(), name))?;
    let now = request.extensions().get::<Moment>().map(|moment| moment.now);
    let (Some(shared), Some(now)) = (request.app_data::<web::Data<Shared>>(), now) else {
        return Err(Error::internal("the scope is not set up").into());
    };
    let parsed = Authenticator::parse(&text).map_err(|error| refused(shared, request.peer_addr(), error))?;
    match principal(shared, parsed, now).await {
        Ok(principal) => {
            shared.uses.note(&principal, request.request(), now);
            let admitted = shared.rates.admit(&principal, Instant::now());
            requests::known(request, &principal, admitted.is_ok());
            // The log names also who is refused.
            request.extensions_mut().insert(principal);
            request.extensions_mut().insert(parsed);
            admitted
        }
        Err(error) => {
            let reason = requests::Refusal::of(&error);
            let failure = refused(shared, request.peer_addr(), error);
            // An address that has sent too many wrong ones is not worth a look any more.
            if let (Some(reason), Failure::Domain(_)) = (reason, &failure) {
                requests::claimed(request, parsed, reason);
            }
            Err(failure)
        }
    }
}

/// The values of a header that may carry a credential; its name is read once and not with each request.
pub(crate) fn values<'a>(headers: &'a HeaderMap, header: &'static str) -> impl Iterator<Item = &'a [u8]> {
    static NAMES: LazyLock<[HeaderName; 3]> = LazyLock::new(|| carrier::HEADERS.map(HeaderName::from_static));
    let name = NAMES.iter().find(|name| name.as_str() == header);
    name.into_iter().flat_map(|name| headers.get_all(name)).map(HeaderValue::as_bytes)
}

/// Counts a wrong credential where it came from. A right one keeps working, wherever wrong ones come from.
pub(crate) fn refused(shared: &Shared, peer: Option<SocketAddr>, error: Error) -> Failure {
    if let (Error::Unauthorized(_), Some(peer)) = (&error, peer)
        && let Err(too_many) = shared.failures.count(peer.ip(), Instant::now())
    {
        return too_many;
    }
    error.into()
}

/// The size of the target and of the headers, which is judged before any credential.
pub(crate) fn measure(request: &ServiceRequest) -> Result<(), Failure> {
    let target = request.uri().path_and_query().map_or(0, |target| target.as_str().len());
    if target > limits::URL_BYTES {
        return Err(Failure::TargetTooLong);
    }
    let bytes: usize = request.headers().iter().map(|(name, value)| name.as_str().len() + value.len()).sum();
    if bytes > limits::HEADER_BYTES {
        return Err(Failure::HeadersTooLarge);
    }
    Ok(())
}

/// What is remembered costs no hand-off to another thread, and what is in use is looked up again before it is forgotten.
async fn principal(
    shared: &web::Data<Shared>,
    parsed: Parsed,
    now: DateTime<Utc>,
) -> domain::Result<Principal> {
    let recalled = shared.authenticator.recall(&parsed, now)?;
    let shared = shared.clone();
    let look_up = move || shared.authenticator.look_up(&parsed, now);
    match recalled {
        Some(Recalled { principal, is_due }) => {
            if is_due {
                // What comes of it is for the requests that follow.
                blocking::run_behind(move || drop(look_up()));
            }
            Ok(principal)
        }
        // In a box, so that the few requests that need it do not make the future of all others large.
        None => Box::pin(blocking::run(look_up)).await,
    }
}
