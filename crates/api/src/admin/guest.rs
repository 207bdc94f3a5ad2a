//! Who has no credential yet, and what links are good for.

use std::net::{IpAddr, Ipv4Addr};
use std::time::Instant;

use actix_web::http::StatusCode;
use actix_web::web::{Data, Payload};
use actix_web::{HttpMessage, HttpRequest, HttpResponse};
use auth::password::Password;
use auth::sessions::Visitor;
use chrono::{DateTime, Utc};
use domain::admin::Purpose;
use domain::{Error, Result};

use super::render;
use crate::app::Shared;
use crate::blocking;
use crate::error::Failure;
use crate::extract::address;
use crate::hashing::Caller;
use crate::logging::Moment;
use crate::plain::{Fields, json, receive};

/// A request that has no credential yet.
pub(super) struct Guest {
    pub(super) visitor: Visitor,
    pub(super) now: DateTime<Utc>,
    /// Where it comes from.
    pub(super) peer: IpAddr,
}

impl Guest {
    pub(super) fn of(request: &HttpRequest) -> Result<Self> {
        let extensions = request.extensions();
        let Some(moment) = extensions.get::<Moment>() else {
            return Err(Error::internal("the scope is not set up"));
        };
        let visitor = Visitor { request: moment.id.clone(), address: address(request) };
        Ok(Self { visitor, now: moment.now, peer: peer(request) })
    }
}

/// Where a request comes from.
pub(super) fn peer(request: &HttpRequest) -> IpAddr {
    request.peer_addr().map_or(IpAddr::V4(Ipv4Addr::UNSPECIFIED), |peer| peer.ip())
}

pub(crate) async fn accept_invitation(
    shared: Data<Shared>,
    request: HttpRequest,
    payload: Payload,
) -> Result<HttpResponse, Failure> {
    accept(Purpose::Invitation, shared, request, payload).await
}

pub(crate) async fn accept_reset(
    shared: Data<Shared>,
    request: HttpRequest,
    payload: Payload,
) -> Result<HttpResponse, Failure> {
    accept(Purpose::Reset, shared, request, payload).await
}

async fn accept(
    purpose: Purpose,
    shared: Data<Shared>,
    request: HttpRequest,
    payload: Payload,
) -> Result<HttpResponse, Failure> {
    let received = receive(&request, payload).await?;
    let Guest { visitor, now, peer } = Guest::of(&request)?;
    let (secret, password) = blocking::run(move || {
        let mut fields = Fields::read(&received)?;
        let parts = (fields.needed("secret")?, Password::typed(fields.needed("password")?)?);
        fields.end()?;
        Ok(parts)
    })
    .await?;
    shared.failures.admit(peer, Instant::now())?;
    let inner = shared.clone();
    let invited = blocking::run(move || inner.sessions.invited(&secret, purpose, now)).await;
    let invited = match invited {
        Err(error @ Error::InvalidValue(_)) => {
            // Whoever tries out secrets is counted like whoever tries out tokens.
            shared.failures.count(peer, Instant::now())?;
            return Err(error.into());
        }
        invited => invited?,
    };
    let inner = shared.clone();
    let accepted = shared
        .hashing
        .run(Caller::Known, peer, move || inner.sessions.accept(&invited, &password, &visitor, now));
    let (tenant, account) = accepted.await?;
    let mut body = render::account(&account);
    body["tenant"] = render::tenant(&tenant);
    Ok(json(StatusCode::OK, &body))
}
