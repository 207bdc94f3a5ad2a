//! `/admin/v1/session`: signing in, staying in and signing out. Secrets travel in bodies only.

use std::time::Instant;

use actix_web::http::StatusCode;
use actix_web::web::{Data, Payload};
use actix_web::{HttpRequest, HttpResponse};
use auth::sessions::{Entrance, Login};
use domain::Error;

use super::guest::Guest;
use super::{Admin, render};
use crate::app::Shared;
use crate::authenticate::refused;
use crate::blocking;
use crate::error::{Failure, chain};
use crate::hashing::Caller;
use crate::plain::{Fields, json, receive};
use crate::reply;

pub(crate) async fn sign_in(
    shared: Data<Shared>,
    request: HttpRequest,
    payload: Payload,
) -> Result<HttpResponse, Failure> {
    let received = receive(&request, payload).await?;
    let Guest { visitor, now, peer } = Guest::of(&request)?;
    let login = blocking::run(move || {
        let mut fields = Fields::read(&received)?;
        let (tenant, email) = (fields.needed("tenant")?, fields.needed("email")?);
        let (password, code) = (fields.needed("password")?, fields.text("code")?);
        fields.end()?;
        Login::typed(tenant, email, password, code)
    });
    let login = login.await.map_err(|error| refused(&shared, request.peer_addr(), error))?;
    shared.failures.admit(peer, Instant::now())?;
    let (tenant, email) = (login.tenant.clone(), login.email.clone());
    let attempt = shared.attempts.begin(&tenant, &email, peer, Instant::now())?;
    let (inner, whose) = (shared.clone(), visitor.clone());
    let entrance =
        shared.hashing.run(Caller::Guest, peer, move || inner.sessions.sign_in(&login, &whose, now)).await;
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
            if let Some(suppressed) = attempt.was_wrong(&tenant, Instant::now()) {
                let inner = shared.clone();
                let record =
                    move || inner.sessions.record_refusal(&tenant, &email, suppressed, &visitor, now);
                // The refusal is one whether or not it can be recorded.
                if let Err(error) = blocking::run(record).await {
                    log::warn!("a refused sign-in is not in the audit log: {}", chain(&error));
                }
            }
            Err(refused(&shared, request.peer_addr(), error))
        }
        Err(failure) => {
            attempt.was_none(Instant::now());
            Err(failure)
        }
    }
}

pub(crate) async fn refresh(
    shared: Data<Shared>,
    request: HttpRequest,
    payload: Payload,
) -> Result<HttpResponse, Failure> {
    let received = receive(&request, payload).await?;
    let Guest { visitor, now, .. } = Guest::of(&request)?;
    let inner = shared.clone();
    let grant = blocking::run(move || {
        let mut fields = Fields::read(&received)?;
        let text = fields.needed("refreshToken")?;
        fields.end()?;
        inner.sessions.refresh(&text, &visitor, now)
    });
    match grant.await {
        Ok(grant) => Ok(json(StatusCode::OK, &render::grant(&grant))),
        Err(error) => Err(refused(&shared, request.peer_addr(), error)),
    }
}

pub(crate) async fn sign_out(admin: Admin) -> Result<HttpResponse, Failure> {
    let shared = admin.shared.clone();
    let signed_in = admin.signed_in.clone();
    admin.run(move |desk| shared.sessions.sign_out(&signed_in, &desk.origin, desk.now)).await?;
    Ok(reply::nothing())
}
