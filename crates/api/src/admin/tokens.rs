//! `/admin/v1/tokens`: the API tokens of the admin's own tenant.

use actix_web::http::StatusCode;
use actix_web::http::header::LOCATION;
use actix_web::web::Payload;
use actix_web::{HttpRequest, HttpResponse};
use domain::service::tokens::{Means, Tokens};
use domain::{Error, Result};
use serde_json::Value;

use super::{Admin, BASE, Desk};
use crate::error::Failure;
use crate::plain::{json, receive, segment};
use crate::{reply, tokens};

/// 201 with the secret, which is shown this once.
pub(crate) async fn create(
    admin: Admin,
    request: HttpRequest,
    payload: Payload,
) -> Result<HttpResponse, Failure> {
    let received = receive(&request, payload).await?;
    let base = format!("{}{BASE}/tokens/", admin.shared.public_url);
    let body = own(admin, move |own| tokens::create(own, &received)).await?;
    let location = format!("{base}{}", body["id"].as_str().unwrap_or_default());
    let mut response = json(StatusCode::CREATED, &body);
    response.headers_mut().insert(LOCATION, location.parse().map_err(Error::internal)?);
    Ok(response)
}

pub(crate) async fn list(admin: Admin, request: HttpRequest) -> Result<HttpResponse, Failure> {
    let query = request.query_string().to_owned();
    Ok(json(StatusCode::OK, &own(admin, move |own| tokens::list(own, &query)).await?))
}

pub(crate) async fn get(admin: Admin, request: HttpRequest) -> Result<HttpResponse, Failure> {
    let id = segment(&request, "token");
    let work = move |own: &Tokens<'_>| Ok(tokens::shown(&own.get(&id)?, own.now));
    Ok(json(StatusCode::OK, &own(admin, work).await?))
}

pub(crate) async fn rename(
    admin: Admin,
    request: HttpRequest,
    payload: Payload,
) -> Result<HttpResponse, Failure> {
    let (id, received) = (segment(&request, "token"), receive(&request, payload).await?);
    Ok(json(StatusCode::OK, &own(admin, move |own| tokens::rename(own, &id, &received)).await?))
}

/// 200 with the new secret, which is shown this once.
pub(crate) async fn rotate(
    admin: Admin,
    request: HttpRequest,
    payload: Payload,
) -> Result<HttpResponse, Failure> {
    let (id, received) = (segment(&request, "token"), receive(&request, payload).await?);
    Ok(json(StatusCode::OK, &own(admin, move |own| tokens::rotate(own, &id, &received)).await?))
}

/// 204, also the second time.
pub(crate) async fn revoke(admin: Admin, request: HttpRequest) -> Result<HttpResponse, Failure> {
    let id = segment(&request, "token");
    own(admin, move |own| own.revoke(&id).map(|_| Value::Null)).await?;
    Ok(reply::nothing())
}

/// Runs a use case on the tokens of the tenant of the admin, who hands on what his role lets him.
async fn own(
    admin: Admin,
    work: impl FnOnce(&Tokens<'_>) -> Result<Value> + Send + 'static,
) -> Result<Value> {
    admin
        .run(move |desk: &Desk<'_>| {
            let (_, role) = desk.admin;
            let (store, tenant, now) = (desk.store.tokens(), desk.tenant.id, desk.now);
            work(&Tokens { store, tenant, means: Means::of_admin(role), origin: &desk.origin, now })
        })
        .await
}
