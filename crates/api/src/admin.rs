//! `/admin/v1`: the API of tenant admins. They sign in, their tenant is that of their account, bodies are plain JSON, and
//! whatever fails is a problem document.

pub(crate) mod admins;
pub(crate) mod audit;
pub(crate) mod guard;
pub(crate) mod guest;
pub(crate) mod me;
pub(crate) mod render;
pub(crate) mod requests;
pub(crate) mod session;
pub(crate) mod tokens;

use std::future::{Ready, ready};
use std::sync::Arc;
use std::time::Instant;

use actix_web::body::{BoxBody, MessageBody};
use actix_web::dev::{Payload, ServiceRequest, ServiceResponse};
use actix_web::http::Method;
use actix_web::middleware::Next;
use actix_web::{FromRequest, HttpMessage, HttpRequest, HttpResponse, web};
use auth::carrier;
use chrono::{DateTime, Utc};
use domain::admin::{AdminRole, SignedIn};
use domain::id::AdminId;
use domain::service::Sink;
use domain::store::{Actor, Origin, Store};
use domain::tenant::Tenant;
use domain::{Error, Result, limits};

use crate::app::Shared;
use crate::authenticate::{measure, refused, values};
use crate::error::Failure;
use crate::extract::address;
use crate::logging::Moment;
use crate::problem::{self, Realm};
use crate::{blocking, clock, stream};

/// What everything here stands below.
pub(crate) const BASE: &str = "/admin/v1";

/// What is open to everybody: here one shows who he is in the body.
const OPEN: [&str; 4] = ["/session", "/session/refresh", "/invitations/accept", "/resets/accept"];
/// What is not, on one of these paths.
const SIGN_OUT: (&str, &str) = ("DELETE", "/session");
/// What an auditor may change: his own account and how he is signed in.
const OWN: [&str; 2] = ["/session", "/me"];

/// Whether no credential is needed, also to learn that there is no such method.
pub(crate) fn is_open(method: &str, pattern: &str) -> bool {
    OPEN.contains(&pattern) && (method, pattern) != SIGN_OUT
}

/// The gate: lets a request in with who is [`SignedIn`], or answers it; what fails leaves as a problem document.
pub(crate) async fn guard(
    request: ServiceRequest,
    next: Next<impl MessageBody + 'static>,
) -> std::result::Result<ServiceResponse<BoxBody>, actix_web::Error> {
    let id = request.extensions().get::<Moment>().map(|moment| moment.id.clone()).unwrap_or_default();
    let response = match admit(&request).await {
        Ok(()) => next.call(request).await?.map_into_boxed_body(),
        Err(failure) => request.error_response(failure),
    };
    Ok(problem::told(Realm::Admin, response, &id))
}

async fn admit(request: &ServiceRequest) -> std::result::Result<(), Failure> {
    measure(request)?;
    let path = request.path().strip_prefix(BASE).unwrap_or_default();
    let path = path.strip_suffix('/').unwrap_or(path).to_owned();
    if is_open(request.method().as_str(), &path) {
        return Ok(());
    }
    let text = carrier::bearer(|name| values(request.headers(), name))?;
    let now = request.extensions().get::<Moment>().map(|moment| moment.now);
    let (Some(shared), Some(now)) = (request.app_data::<web::Data<Shared>>(), now) else {
        return Err(Error::internal("the scope is not set up").into());
    };
    let found = signed_in(shared, text, now).await;
    let signed_in = found.map_err(|error| refused(shared, request.peer_addr(), error))?;
    let admitted = shared.rates.admit_session(signed_in.tenant.id, signed_in.session, Instant::now());
    let role = signed_in.account.role;
    // The log names also who is refused.
    request.extensions_mut().insert(signed_in);
    admitted?;
    let own = || {
        OWN.iter()
            .any(|own| path.strip_prefix(own).is_some_and(|rest| rest.is_empty() || rest.starts_with('/')))
    };
    if *request.method() != Method::GET && !role.writes() && !own() {
        return Err(Error::Forbidden("an auditor reads and changes nothing".into()).into());
    }
    Ok(())
}

/// What is remembered costs no hand-off to another thread.
async fn signed_in(shared: &web::Data<Shared>, text: String, now: DateTime<Utc>) -> Result<SignedIn> {
    if let Some(signed_in) = shared.sessions.recall(&text, now)? {
        return Ok(signed_in);
    }
    let shared = shared.clone();
    blocking::run(move || shared.sessions.look_up(&text, now)).await
}

/// An authenticated request of an admin, and the only way to the store from the handlers here.
pub(crate) struct Admin {
    pub(crate) shared: web::Data<Shared>,
    signed_in: SignedIn,
    origin: Origin,
    now: DateTime<Utc>,
}

/// What a use case of an admin needs.
pub(crate) struct Desk<'a> {
    pub(crate) store: &'a dyn Store,
    /// The tenant of the account, and no other.
    pub(crate) tenant: &'a Tenant,
    /// Who asks, and what they may do.
    pub(crate) admin: (AdminId, AdminRole),
    /// The same, for the audit log.
    pub(crate) origin: Origin,
    pub(crate) now: DateTime<Utc>,
}

impl Admin {
    /// Runs a use case where it may wait for the database, when the tenant's turn has come.
    pub(crate) async fn run<T, F>(self, work: F) -> Result<T>
    where
        T: Send + 'static,
        F: FnOnce(&Desk<'_>) -> Result<T> + Send + 'static,
    {
        let Self { shared, signed_in, origin, now } = self;
        let started = Instant::now();
        let turn = shared.turns.take_within(limits::ANSWER_TIME, signed_in.tenant.id).await?;
        let left = limits::ANSWER_TIME.saturating_sub(started.elapsed());
        let store = Arc::clone(&shared.store);
        blocking::run_within(left, move || {
            // Also when nobody waits for the end of the work any more.
            let _turn = turn;
            // The body may have taken its time, and the turn.
            shared.sessions.still(&signed_in, clock::now())?;
            let SignedIn { tenant, account, .. } = signed_in;
            let admin = (account.id, account.role);
            work(&Desk { store: &*store, tenant: &tenant, admin, origin, now })
        })
        .await
    }
}

impl Admin {
    /// The same for a use case that writes its reply piece by piece.
    pub(crate) async fn stream<F>(self, work: F) -> std::result::Result<HttpResponse, Failure>
    where
        F: FnOnce(&Desk<'_>, &mut dyn Sink) -> Result<()> + Send + 'static,
    {
        let Self { shared, signed_in, origin, now } = self;
        let turn = shared.turns.take(signed_in.tenant.id).await?;
        let store = Arc::clone(&shared.store);
        let (inner, whose) = (shared.clone(), signed_in.clone());
        let still_signed_in = move || inner.sessions.still(&whose, clock::now());
        stream::answer(
            limits::ANSWER_TIME,
            origin.request.clone(),
            Arc::clone(&shared.slow_clients),
            Box::new(still_signed_in),
            move |sink| {
                // Until the last piece is written.
                let _turn = turn;
                let SignedIn { tenant, account, .. } = signed_in;
                let admin = (account.id, account.role);
                work(&Desk { store: &*store, tenant: &tenant, admin, origin, now }, sink)
            },
        )
        .await
    }
}

impl FromRequest for Admin {
    type Error = Failure;
    type Future = Ready<std::result::Result<Self, Failure>>;

    fn from_request(request: &HttpRequest, _: &mut Payload) -> Self::Future {
        let extensions = request.extensions();
        let found = (
            request.app_data::<web::Data<Shared>>(),
            extensions.get::<SignedIn>(),
            extensions.get::<Moment>(),
        );
        let (Some(shared), Some(signed_in), Some(moment)) = found else {
            return ready(Err(Error::internal("a handler outside the authenticated scope").into()));
        };
        let origin = Origin {
            actor: Actor::Admin(signed_in.account.id),
            request: moment.id.clone(),
            address: address(request),
        };
        let (shared, signed_in) = (shared.clone(), signed_in.clone());
        ready(Ok(Self { shared, signed_in, origin, now: moment.now }))
    }
}
