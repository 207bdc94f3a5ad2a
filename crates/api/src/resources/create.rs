//! `POST /Users` (RFC 7644 section 3.3).

use std::sync::Arc;

use actix_web::web::Payload;
use actix_web::{HttpRequest, HttpResponse};
use domain::service::{self, Call};

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
    let of = Arc::clone(&resource_type);
    let prepare = move |call: &Call<'_>, body| service::prepare(call, &of, &body, &query);
    let answer = caller
        .run_prepared(received, prepare, move |call, prepared| {
            service::create(call, &resource_type, &prepared?)
        })
        .await?;
    Ok(reply::created(answer))
}
