//! `GET /Users/{id}` (RFC 7644 section 3.4.1).

use actix_web::{HttpRequest, HttpResponse};
use domain::service;

use crate::error::Failure;
use crate::extract::{self, Collection, Read};
use crate::reply;

pub(crate) async fn get(
    Collection { caller, resource_type, .. }: Collection<Read>,
    request: HttpRequest,
) -> Result<HttpResponse, Failure> {
    let (id, precondition) = (extract::id(&request), extract::precondition(&request));
    let query = extract::query(&request)?;
    let found = caller.run(move |call| service::get(call, resource_type, &id, &precondition, &query)).await?;
    Ok(reply::found(&found))
}
