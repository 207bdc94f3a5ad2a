//! `/platform/v1/tenants/{id}/tokens`: API tokens of a tenant, so that the platform can connect its first client.

use actix_web::http::StatusCode;
use actix_web::web::Payload;
use actix_web::{HttpRequest, HttpResponse};
use domain::Result;
use domain::service::platform;
use domain::service::tokens::{Means, Tokens};
use domain::tenant::Record;
use serde_json::Value;

use super::{Desk, Operator};
use crate::error::Failure;
use crate::plain::{json, receive, segment};
use crate::{reply, tokens};

/// 201 with the secret, which is shown this once.
pub(crate) async fn create(
    operator: Operator,
    request: HttpRequest,
    payload: Payload,
) -> Result<HttpResponse, Failure> {
    let received = receive(&request, payload).await?;
    let work = move |tokens: &Tokens<'_>, record: &Record| {
        platform::living(record)?;
        tokens::create(tokens, &received)
    };
    Ok(json(StatusCode::CREATED, &of_tenant(operator, &request, work).await?))
}

pub(crate) async fn list(operator: Operator, request: HttpRequest) -> Result<HttpResponse, Failure> {
    let query = request.query_string().to_owned();
    let page = of_tenant(operator, &request, move |tokens, _| tokens::list(tokens, &query)).await?;
    Ok(json(StatusCode::OK, &page))
}

pub(crate) async fn get(operator: Operator, request: HttpRequest) -> Result<HttpResponse, Failure> {
    let id = segment(&request, "token");
    let work = move |tokens: &Tokens<'_>, _: &Record| Ok(tokens::shown(&tokens.get(&id)?, tokens.now));
    Ok(json(StatusCode::OK, &of_tenant(operator, &request, work).await?))
}

pub(crate) async fn rename(
    operator: Operator,
    request: HttpRequest,
    payload: Payload,
) -> Result<HttpResponse, Failure> {
    let (id, received) = (segment(&request, "token"), receive(&request, payload).await?);
    let work = move |tokens: &Tokens<'_>, record: &Record| {
        platform::living(record)?;
        tokens::rename(tokens, &id, &received)
    };
    Ok(json(StatusCode::OK, &of_tenant(operator, &request, work).await?))
}

/// 200 with the new secret, which is shown this once.
pub(crate) async fn rotate(
    operator: Operator,
    request: HttpRequest,
    payload: Payload,
) -> Result<HttpResponse, Failure> {
    let (id, received) = (segment(&request, "token"), receive(&request, payload).await?);
    let work = move |tokens: &Tokens<'_>, record: &Record| {
        platform::living(record)?;
        tokens::rotate(tokens, &id, &received)
    };
    Ok(json(StatusCode::OK, &of_tenant(operator, &request, work).await?))
}

/// 204, also the second time.
pub(crate) async fn revoke(operator: Operator, request: HttpRequest) -> Result<HttpResponse, Failure> {
    let id = segment(&request, "token");
    of_tenant(operator, &request, move |tokens, _| tokens.revoke(&id).map(|_| Value::Null)).await?;
    Ok(reply::nothing())
}

/// Runs a use case on the tokens of the tenant in the path.
async fn of_tenant(
    operator: Operator,
    request: &HttpRequest,
    work: impl FnOnce(&Tokens<'_>, &Record) -> Result<Value> + Send + 'static,
) -> Result<Value, Failure> {
    let id = segment(request, "id");
    let value = operator.run(move |desk: &Desk<'_>| {
        let record = platform::get(desk.store.platform(), &id)?;
        let (store, tenant, now) = (desk.store.tokens(), record.tenant.id, desk.now);
        work(&Tokens { store, tenant, means: Means::all(), origin: &desk.origin, now }, &record)
    });
    Ok(value.await?)
}
