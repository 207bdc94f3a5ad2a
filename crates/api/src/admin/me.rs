//! `/admin/v1/me`: the account that asks, and what it does with itself.

use std::time::Instant;

use actix_web::http::StatusCode;
use actix_web::web::Payload;
use actix_web::{HttpRequest, HttpResponse};
use auth::Secret;
use auth::password::Password;
use auth::sessions::{Own, Sessions};
use domain::store::admins;
use domain::{Error, Result};
use serde_json::{Value, json};

use super::{Admin, guest, render};
use crate::blocking;
use crate::error::Failure;
use crate::hashing::Caller;
use crate::plain::{self, Fields, receive};
use crate::reply;

pub(crate) async fn get(admin: Admin) -> Result<HttpResponse, Failure> {
    let body = admin
        .run(|desk| {
            let (id, _) = desk.admin;
            let account = admins::read(desk.store.admins(), desk.tenant.id, |tx| tx.account(id))?;
            let mut body = render::account(&account.ok_or(Error::Unauthorized("the account is gone"))?);
            body["tenant"] = render::tenant(desk.tenant);
            Ok(body)
        })
        .await?;
    Ok(plain::json(StatusCode::OK, &body))
}

pub(crate) async fn change_password(
    admin: Admin,
    request: HttpRequest,
    payload: Payload,
) -> Result<HttpResponse, Failure> {
    let read = |fields: &mut Fields| fields.needed("newPassword").and_then(Password::typed);
    own(admin, request, payload, read, |sessions, own, new| sessions.change_password(own, &new)).await?;
    Ok(reply::nothing())
}

/// 200 with the secret, which is shown this once and counts when a code of it is shown.
pub(crate) async fn begin_totp(
    admin: Admin,
    request: HttpRequest,
    payload: Payload,
) -> Result<HttpResponse, Failure> {
    let made = own(admin, request, payload, nothing, |sessions, own, ()| {
        let made = sessions.begin_totp(own)?;
        Ok(json!({"secret": *made.secret, "url": *made.url}))
    });
    Ok(plain::json(StatusCode::OK, &made.await?))
}

/// 200 with the recovery codes, which are shown this once.
pub(crate) async fn confirm_totp(
    admin: Admin,
    request: HttpRequest,
    payload: Payload,
) -> Result<HttpResponse, Failure> {
    let codes =
        own(admin, request, payload, nothing, |sessions, own, ()| sessions.confirm_totp(own).map(shown));
    Ok(plain::json(StatusCode::OK, &codes.await?))
}

pub(crate) async fn disable_totp(
    admin: Admin,
    request: HttpRequest,
    payload: Payload,
) -> Result<HttpResponse, Failure> {
    own(admin, request, payload, nothing, |sessions, own, ()| sessions.disable_totp(own)).await?;
    Ok(reply::nothing())
}

/// 200 with new recovery codes, which are shown this once.
pub(crate) async fn renew_recovery_codes(
    admin: Admin,
    request: HttpRequest,
    payload: Payload,
) -> Result<HttpResponse, Failure> {
    let codes = own(admin, request, payload, nothing, |sessions, own, ()| {
        sessions.renew_recovery_codes(own).map(shown)
    });
    Ok(plain::json(StatusCode::OK, &codes.await?))
}

fn nothing(_: &mut Fields) -> Result<()> {
    Ok(())
}

fn shown(codes: Vec<Secret>) -> Value {
    let codes: Vec<&str> = codes.iter().map(Secret::reveal).collect();
    json!({"recoveryCodes": codes})
}

/// Does something for who types the password of the account that is signed in. A wrong one counts like one at the door:
/// whoever has found an open session must not guess faster here.
async fn own<T, U>(
    admin: Admin,
    request: HttpRequest,
    payload: Payload,
    read: fn(&mut Fields) -> Result<U>,
    work: fn(&Sessions, &Own<'_>, U) -> Result<T>,
) -> Result<T, Failure>
where
    T: Send + 'static,
    U: Send + 'static,
{
    let received = receive(&request, payload).await?;
    let Admin { shared, signed_in, origin, now } = admin;
    let (password, code, more) = blocking::run(move || {
        let mut fields = Fields::read(&received)?;
        let (password, code, more) = (fields.needed("password")?, fields.text("code")?, read(&mut fields)?);
        fields.end()?;
        Ok((Own::password(password)?, code, more))
    })
    .await?;
    let (slug, email) = (&signed_in.tenant.slug, &signed_in.account.email);
    let peer = guest::peer(&request);
    let attempt = shared.attempts.begin(slug, email, peer, Instant::now())?;
    let (inner, who) = (shared.clone(), signed_in.clone());
    let done = shared.hashing.run(Caller::Known, peer, move || {
        let own = Own { signed_in: &who, password: &password, code: code.as_deref(), origin: &origin, now };
        work(&inner.sessions, &own, more)
    });
    let done = done.await;
    match &done {
        Ok(_) => attempt.was_right(Instant::now()),
        // It stays counted.
        Err(Failure::Domain(Error::Forbidden(_))) => {}
        Err(_) => attempt.was_none(Instant::now()),
    }
    done
}
