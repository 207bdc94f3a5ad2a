//! `/platform/v1`: the API of the hosting platform. Its credentials belong to no tenant, its bodies are plain JSON, and
//! whatever fails is a problem document.

pub(crate) mod admins;
pub(crate) mod guard;
pub(crate) mod render;
pub(crate) mod tenants;
pub(crate) mod tokens;

use std::future::{Ready, ready};
use std::sync::Arc;

use actix_web::body::{BoxBody, MessageBody};
use actix_web::dev::{Payload, ServiceRequest, ServiceResponse};
use actix_web::middleware::Next;
use actix_web::{FromRequest, HttpMessage, HttpRequest, web};
use auth::{carrier, platform_token};
use chrono::{DateTime, TimeDelta, Utc};
use domain::store::platform::PlatformToken;
use domain::store::{Actor, Origin, Store};
use domain::{Error, Result};

use crate::app::Shared;
use crate::authenticate::{measure, refused, values};
use crate::blocking;
use crate::error::Failure;
use crate::extract::address;
use crate::logging::Moment;
use crate::problem::{self, Realm};

/// What everything here stands below.
pub(crate) const BASE: &str = "/platform/v1";

/// The gate: lets a request in with its [`PlatformToken`], or answers it; what fails leaves as a problem document.
pub(crate) async fn guard(
    request: ServiceRequest,
    next: Next<impl MessageBody + 'static>,
) -> std::result::Result<ServiceResponse<BoxBody>, actix_web::Error> {
    let id = request.extensions().get::<Moment>().map(|moment| moment.id.clone()).unwrap_or_default();
    let response = match admit(&request).await {
        Ok(token) => {
            request.extensions_mut().insert(token);
            next.call(request).await?.map_into_boxed_body()
        }
        Err(failure) => request.error_response(failure),
    };
    Ok(problem::told(Realm::Platform, response, &id))
}

async fn admit(request: &ServiceRequest) -> std::result::Result<PlatformToken, Failure> {
    measure(request)?;
    let text = carrier::bearer(|name| values(request.headers(), name))?;
    let parsed = platform_token::parse(&text).ok_or(Error::Unauthorized("not a platform token"))?;
    let now = request.extensions().get::<Moment>().map(|moment| moment.now);
    let (Some(shared), Some(now)) = (request.app_data::<web::Data<Shared>>(), now) else {
        return Err(Error::internal("the scope is not set up").into());
    };
    let store = Arc::clone(&shared.store);
    let found = blocking::run(move || platform_token::authenticate(store.platform(), &parsed, now)).await;
    found.map_err(|error| refused(shared, request.peer_addr(), error))
}

/// An authenticated request of the platform, and the only way to the store from its handlers.
pub(crate) struct Operator {
    shared: web::Data<Shared>,
    origin: Origin,
    now: DateTime<Utc>,
}

/// What a use case of the platform needs.
pub(crate) struct Desk<'a> {
    pub(crate) store: &'a dyn Store,
    /// Who asks.
    pub(crate) origin: Origin,
    pub(crate) now: DateTime<Utc>,
    /// How long the data of a deleted tenant are kept.
    pub(crate) keep: TimeDelta,
}

impl Operator {
    /// The public URL of a path below [`BASE`].
    pub(crate) fn url(&self, path: &str) -> String {
        format!("{}{BASE}{path}", self.shared.public_url)
    }

    /// Runs a use case where it may wait for the database.
    pub(crate) async fn run<T, F>(self, work: F) -> Result<T>
    where
        T: Send + 'static,
        F: FnOnce(&Desk<'_>) -> Result<T> + Send + 'static,
    {
        let store = Arc::clone(&self.shared.store);
        let (origin, now, keep) = (self.origin, self.now, self.shared.keep);
        blocking::run(move || work(&Desk { store: &*store, origin, now, keep })).await
    }
}

impl FromRequest for Operator {
    type Error = Failure;
    type Future = Ready<std::result::Result<Self, Failure>>;

    fn from_request(request: &HttpRequest, _: &mut Payload) -> Self::Future {
        let extensions = request.extensions();
        let found = (
            request.app_data::<web::Data<Shared>>(),
            extensions.get::<PlatformToken>(),
            extensions.get::<Moment>(),
        );
        let (Some(shared), Some(token), Some(moment)) = found else {
            return ready(Err(Error::internal("a handler outside the authenticated scope").into()));
        };
        let origin = Origin {
            actor: Actor::Platform(token.id),
            request: moment.id.clone(),
            address: address(request),
        };
        ready(Ok(Self { shared: shared.clone(), origin, now: moment.now }))
    }
}
