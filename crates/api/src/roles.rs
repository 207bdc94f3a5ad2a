//! `/Roles`: the six roles, whom they belong to, and moving users between them. A role has no version, so
//! conditional headers say nothing here.

use actix_web::http::StatusCode;
use actix_web::web::Payload;
use actix_web::{HttpRequest, HttpResponse};
use domain::service::roles;

use crate::error::Failure;
use crate::extract::{self, Caller};
use crate::{body, query, reply};

type Reply = Result<HttpResponse, Failure>;

pub(crate) async fn list(caller: Caller, request: HttpRequest) -> Reply {
    let query = extract::query(&request)?;
    let page = caller.run(move |call| roles::list(call, &query)).await?;
    Ok(reply::json(StatusCode::OK, &page))
}

pub(crate) async fn search(caller: Caller, request: HttpRequest, payload: Payload) -> Reply {
    let received = body::receive(&request, payload).await?;
    let page = caller
        .run_with(received, |call, body| {
            let query = query::from_search_request(body.as_ref().map_err(domain::Error::again)?)?;
            roles::list(call, &query)
        })
        .await?;
    Ok(reply::json(StatusCode::OK, &page))
}

pub(crate) async fn get(caller: Caller, request: HttpRequest) -> Reply {
    let (id, query) = (extract::id(&request), extract::query(&request)?);
    let role = caller.run(move |call| roles::get(call, &id, &query)).await?;
    Ok(reply::json(StatusCode::OK, &role))
}

pub(crate) async fn patch(caller: Caller, request: HttpRequest, payload: Payload) -> Reply {
    let (id, query) = (extract::id(&request), extract::query(&request)?);
    let received = body::receive(&request, payload).await?;
    let role = caller.run_with(received, move |call, body| roles::patch(call, &id, body, &query)).await?;
    Ok(reply::json(StatusCode::OK, &role))
}
