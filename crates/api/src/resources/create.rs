//! `POST /Users` (RFC 7644 section 3.3).

use actix_web::web::Payload;
use actix_web::{HttpRequest, HttpResponse};
use domain::service;

use crate::error::Failure;
use crate::extract::{self, Collection, Write};
use crate::{body, reply};

pub(crate) async fn create(
    Collection { caller, resource_type, .. }: Collection<Write>,
    request: HttpRequest,
    payload: Payload,
) -> Result<HttpResponse, Failure> {
    let query = extract::query(&request)?;
    let received = body::receive(&request, payload).await?;
    let answer = caller
        .run_with(received, move |call, body| service::create(call, &resource_type, body, &query))
        .await?;
    Ok(reply::created(answer))
}
