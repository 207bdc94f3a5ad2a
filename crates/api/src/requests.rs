//! The provisioning log and refused credentials: seen by a middleware, written by a thread of their own. No request waits
//! for that, and none fails because of it: what does not fit into the queue is left out and counted.

mod bounds;
mod queue;
pub(crate) mod render;
pub(crate) mod retention;
mod writer;

use std::cell::RefCell;
use std::net::IpAddr;
use std::rc::Rc;
use std::sync::Arc;
use std::time::Instant;

use actix_web::body::{BoxBody, MessageBody};
use actix_web::dev::{ServiceRequest, ServiceResponse};
use actix_web::http::header::{HeaderMap, LOCATION, USER_AGENT};
use actix_web::middleware::Next;
use actix_web::web::{self, Bytes};
use actix_web::{HttpMessage, HttpRequest};
use auth::token::Parsed;
use chrono::{DateTime, Utc};
use domain::Error;
use domain::id::{ResourceId, TenantId, TokenId};
use domain::principal::Principal;
use domain::requests::CLIENT_GONE;

use crate::app::Shared;
use crate::error::Failure;
use crate::logging::{self, Moment};

pub(crate) use queue::{Recorder, Recording, start};

/// What is learned of a request on its way; the handlers write into it.
#[derive(Clone, Default)]
struct Ticket(Rc<RefCell<Notes>>);

#[derive(Default)]
struct Notes {
    who: Option<Who>,
    body: Option<Bytes>,
    /// Why operations of a bulk request have failed.
    failures: Option<String>,
}

/// Whose request it is.
#[derive(Clone, Copy)]
enum Who {
    /// The credential holds; `admitted` unless the request was one too many.
    Known { tenant: TenantId, token: TokenId, admitted: bool },
    /// It names the tenant and was refused.
    Claimed { credential: Parsed, why: Refusal },
}

/// Why a credential that names a tenant opens nothing.
#[derive(Clone, Copy)]
pub(crate) enum Refusal {
    /// It is none, or one no more.
    Credential(&'static str),
    /// It is a good one, and the tenant is suspended.
    Tenant,
}

impl Refusal {
    /// None where nobody can say whose it is, because the database does not answer.
    pub(crate) fn of(error: &Error) -> Option<Self> {
        match error {
            Error::Unauthorized(reason) => Some(Self::Credential(reason)),
            Error::Forbidden(_) => Some(Self::Tenant),
            _ => None,
        }
    }
}

/// A request as the writer gets it.
struct Seen {
    who: Who,
    at: DateTime<Utc>,
    request: Arc<str>,
    method: &'static str,
    target: String,
    status: u16,
    scim_type: Option<&'static str>,
    reason: Option<String>,
    resource_type: Option<String>,
    resource_id: Option<ResourceId>,
    duration_ms: i64,
    address: Option<IpAddr>,
    user_agent: Option<String>,
    body: Option<Bytes>,
    /// Bytes of a body for which there was no room.
    left_out: usize,
}

impl Seen {
    /// Whether it has only looked at something, and seen it.
    fn is_good_read(&self) -> bool {
        self.method == "GET" && self.status < 400
    }
}

/// The middleware around [`crate::authenticate`].
pub(crate) async fn record(
    request: ServiceRequest,
    next: Next<impl MessageBody + 'static>,
) -> Result<ServiceResponse<BoxBody>, actix_web::Error> {
    let open = Open::begin(&request);
    let response = next.call(request).await?.map_into_boxed_body();
    if let Some(open) = open {
        open.close(&response);
    }
    Ok(response)
}

/// The credential is a good one, whether or not there were too many requests with it.
pub(crate) fn known(request: &ServiceRequest, principal: &Principal, admitted: bool) {
    let (tenant, token) = (principal.tenant.id, principal.token.id);
    note(request.request(), |notes| notes.who = Some(Who::Known { tenant, token, admitted }));
}

/// The credential names a tenant and was refused.
pub(crate) fn claimed(request: &ServiceRequest, credential: Parsed, why: Refusal) {
    note(request.request(), |notes| notes.who = Some(Who::Claimed { credential, why }));
}

/// The body has arrived.
pub(crate) fn sent(request: &HttpRequest, body: &Bytes) {
    note(request, |notes| notes.body = Some(body.clone()));
}

/// Operations of a bulk request have failed.
pub(crate) fn failed(request: &HttpRequest, failures: String) {
    note(request, |notes| notes.failures = Some(failures));
}

fn note(request: &HttpRequest, work: impl FnOnce(&mut Notes)) {
    if let Some(ticket) = request.extensions().get::<Ticket>() {
        work(&mut ticket.0.borrow_mut());
    }
}

/// A request that is not answered yet. Dropped before it is, its client is gone.
struct Open {
    shared: web::Data<Shared>,
    ticket: Ticket,
    started: Instant,
    seen: Option<Begun>,
}

/// What is known at the beginning.
struct Begun {
    at: DateTime<Utc>,
    request: Arc<str>,
    method: &'static str,
    target: String,
    address: Option<IpAddr>,
    user_agent: Option<String>,
}

/// What is known at the end.
struct End {
    status: u16,
    scim_type: Option<&'static str>,
    reason: Option<String>,
    resource_type: Option<String>,
    resource_id: Option<ResourceId>,
}

impl Open {
    fn begin(request: &ServiceRequest) -> Option<Self> {
        let shared = request.app_data::<web::Data<Shared>>()?.clone();
        let ticket = Ticket::default();
        request.extensions_mut().insert(ticket.clone());
        let extensions = request.extensions();
        let moment = extensions.get::<Moment>()?;
        let begun = Begun {
            at: moment.now,
            request: moment.id.clone(),
            method: logging::method(request.method()),
            target: request.uri().path_and_query().map_or("", |target| target.as_str()).to_owned(),
            address: request.peer_addr().map(|peer| peer.ip()),
            user_agent: user_agent(request.headers()),
        };
        Some(Self { shared, ticket, started: Instant::now(), seen: Some(begun) })
    }

    fn close(mut self, response: &ServiceResponse<BoxBody>) {
        let request = response.request();
        let status = response.status();
        let failure = response.response().error().and_then(|error| error.as_error::<Failure>());
        let reason = match failure {
            Some(failure) => Some(failure.reason().map_or_else(|| failure.to_string(), Into::into)),
            None if status.is_client_error() || status.is_server_error() => {
                status.canonical_reason().map(Into::into)
            }
            None => self.ticket.0.borrow_mut().failures.take(),
        };
        let (resource_type, in_path) = touched(request);
        let made = || response.headers().get(LOCATION)?.to_str().ok()?.rsplit('/').next();
        self.end(End {
            status: status.as_u16(),
            scim_type: failure.and_then(Failure::scim_type),
            reason,
            resource_type,
            resource_id: in_path.or_else(|| made().and_then(ResourceId::parse)),
        });
    }

    fn end(&mut self, end: End) {
        let (Some(begun), notes) = (self.seen.take(), self.ticket.0.take()) else { return };
        let Some(who) = notes.who else { return };
        // A bulk request is answered with 200 whatever its operations come to.
        let fails = end.reason.is_some();
        self.shared.recorder.record(Seen {
            who,
            at: begun.at,
            request: begun.request,
            method: begun.method,
            target: begun.target,
            status: end.status,
            scim_type: end.scim_type,
            reason: end.reason,
            resource_type: end.resource_type,
            resource_id: end.resource_id,
            duration_ms: i64::try_from(self.started.elapsed().as_millis()).unwrap_or(i64::MAX),
            address: begun.address,
            user_agent: begun.user_agent,
            body: notes.body.filter(|body| (end.status >= 400 || fails) && !body.is_empty()),
            left_out: 0,
        });
    }
}

impl Drop for Open {
    fn drop(&mut self) {
        let reason = Some("the client went away before the answer".into());
        self.end(End {
            status: CLIENT_GONE,
            scim_type: None,
            reason,
            resource_type: None,
            resource_id: None,
        });
    }
}

fn user_agent(headers: &HeaderMap) -> Option<String> {
    Some(String::from_utf8_lossy(headers.get(USER_AGENT)?.as_bytes()).into_owned())
}

/// The type and the id that the path names.
fn touched(request: &HttpRequest) -> (Option<String>, Option<ResourceId>) {
    let path = request.match_info();
    let extensions = request.extensions();
    let catalog = extensions.get::<Principal>().map(|principal| &principal.tenant.catalog);
    let found = catalog.and_then(|catalog| catalog.at(path.get("collection")?));
    (found.map(|found| found.name.clone()), path.get("id").and_then(ResourceId::parse))
}
