//! `DELETE /Users/{id}` (RFC 7644 section 3.6).

use actix_web::{HttpRequest, HttpResponse};
use domain::service;

use crate::error::Failure;
use crate::extract::{self, Collection, Write};
use crate::reply;

pub(crate) async fn delete(
    Collection { caller, resource_type, .. }: Collection<Write>,
    request: HttpRequest,
) -> Result<HttpResponse, Failure> {
    let (id, precondition) = (extract::id(&request), extract::precondition(&request));
    caller.run(move |call| service::delete(call, &resource_type, &id, &precondition)).await?;
    Ok(reply::nothing())
}
