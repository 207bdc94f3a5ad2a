//! `GET /Users` (RFC 7644 section 3.4.2).

use actix_web::{HttpRequest, HttpResponse};
use domain::service;

use crate::error::Failure;
use crate::extract::{self, Collection, Read};

pub(crate) async fn list(
    Collection { caller, resource_type, .. }: Collection<Read>,
    request: HttpRequest,
) -> Result<HttpResponse, Failure> {
    let query = extract::query(&request)?;
    caller.answer(move |call, sink| service::list(call, &resource_type, &query, sink)).await
}
