//! `/admin/v1/guard`: the guard against mass changes of the tenant.

use actix_web::http::StatusCode;
use actix_web::{HttpRequest, HttpResponse};
use domain::service::guard;

use super::Admin;
use crate::error::Failure;
use crate::guard::{described, released, token};
use crate::plain::json;
use crate::query;

pub(crate) async fn get(admin: Admin) -> Result<HttpResponse, Failure> {
    let body = admin
        .run(|desk| {
            let (guard, tallies) = guard::show(desk.store, desk.tenant, desk.now)?;
            Ok(described(&guard, &tallies))
        })
        .await?;
    Ok(json(StatusCode::OK, &body))
}

/// 200 with what was released, also when that is nothing.
pub(crate) async fn release(admin: Admin, request: HttpRequest) -> Result<HttpResponse, Failure> {
    let wanted = query::value(request.query_string(), "token")?;
    let body = admin
        .run(move |desk| {
            let wanted = wanted.as_deref().map(token).transpose()?;
            let tokens = guard::release(desk.store, desk.tenant, wanted, &desk.origin, desk.now)?;
            Ok(released(&tokens))
        })
        .await?;
    Ok(json(StatusCode::OK, &body))
}
