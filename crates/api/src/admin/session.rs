//! `/admin/v1/session`: signing in. Secrets travel in bodies only.

use std::net::{IpAddr, Ipv4Addr};
use std::time::Instant;

use actix_web::http::StatusCode;
use actix_web::web::{Data, Payload};
use actix_web::{HttpMessage, HttpRequest, HttpResponse};
use auth::password::Password;
use auth::sessions::{Entrance, Login, Visitor};
use chrono::{DateTime, Utc};
use domain::{Error, Result};

use super::render;
use crate::app::Shared;
use crate::authenticate::refused;
use crate::blocking;
use crate::error::Failure;
use crate::extract::address;
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
        let peer = request.peer_addr().map_or(IpAddr::V4(Ipv4Addr::UNSPECIFIED), |peer| peer.ip());
        Ok(Self { visitor, now: moment.now, peer })
    }
}

pub(crate) async fn sign_in(
    shared: Data<Shared>,
    request: HttpRequest,
    payload: Payload,
) -> Result<HttpResponse, Failure> {
    let received = receive(&request, payload).await?;
    let Guest { visitor, now, peer } = Guest::of(&request)?;
    let login = blocking::run(move || {
        let mut fields = Fields::read(&received)?;
        let login = Login {
            tenant: fields.needed("tenant")?,
            email: fields.needed("email")?,
            password: Password::new(fields.needed("password")?),
            code: fields.text("code")?,
        };
        fields.end()?;
        Ok(login)
    })
    .await?;
    let attempt = shared.attempts.begin(&login.tenant, &login.email, peer, Instant::now())?;
    let inner = shared.clone();
    let entrance = shared.hashing.run(move || inner.sessions.sign_in(&login, &visitor, now)).await;
    match entrance {
        Ok(Entrance::Open(grant)) => {
            attempt.was_right(Instant::now());
            Ok(json(StatusCode::OK, &render::grant(&grant)))
        }
        Ok(Entrance::CodeRequired) => {
            attempt.was_none(Instant::now());
            Err(Failure::CodeRequired)
        }
        Err(Failure::Domain(error @ Error::Unauthorized(_))) => {
            Err(refused(&shared, request.peer_addr(), error))
        }
        Err(failure) => {
            attempt.was_none(Instant::now());
            Err(failure)
        }
    }
}
