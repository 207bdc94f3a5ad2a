//! `/platform/v1/tenants/{id}/guard`: the guard against mass changes of a tenant.

use actix_web::http::StatusCode;
use actix_web::{HttpRequest, HttpResponse};
use domain::service::{guard, platform};

use super::Operator;
use crate::error::Failure;
use crate::guard::{described, released, token};
use crate::plain::{json, segment};
use crate::query;

pub(crate) async fn get(operator: Operator, request: HttpRequest) -> Result<HttpResponse, Failure> {
    let id = segment(&request, "id");
    let body = operator
        .run(move |desk| {
            let record = platform::get(desk.store.platform(), &id)?;
            let (guard, tallies) = guard::show(desk.store, &record.tenant, desk.now)?;
            Ok(described(&guard, &tallies))
        })
        .await?;
    Ok(json(StatusCode::OK, &body))
}

/// 200 with what was released, also when that is nothing.
pub(crate) async fn release(operator: Operator, request: HttpRequest) -> Result<HttpResponse, Failure> {
    let id = segment(&request, "id");
    let wanted = query::value(request.query_string(), "token")?;
    let body = operator
        .run(move |desk| {
            let record = platform::get(desk.store.platform(), &id)?;
            platform::living(&record)?;
            let wanted = wanted.as_deref().map(token).transpose()?;
            let tokens = guard::release(desk.store, &record.tenant, wanted, &desk.origin, desk.now)?;
            Ok(released(&tokens))
        })
        .await?;
    Ok(json(StatusCode::OK, &body))
}
