//! `PUT /Users/{id}` (RFC 7644 section 3.5.1).

use actix_web::web::Payload;
use actix_web::{HttpRequest, HttpResponse};
use domain::service;

use crate::error::Failure;
use crate::extract::{self, Collection, Write};
use crate::{body, reply};

pub(crate) async fn replace(
    Collection { caller, resource_type, .. }: Collection<Write>,
    request: HttpRequest,
    payload: Payload,
) -> Result<HttpResponse, Failure> {
    let (id, precondition) = (extract::id(&request), extract::precondition(&request));
    let query = extract::query(&request)?;
    let received = body::receive(&request, payload).await?;
    let answer = caller
        .run_with(received, move |call, body| {
            service::replace(call, &resource_type, &id, &precondition, body, &query)
        })
        .await?;
    Ok(reply::changed(answer))
}
