//! `GET /Users/{id}` (RFC 7644 section 3.4.1).

use actix_web::{HttpRequest, HttpResponse};
use domain::service;

use crate::error::Failure;
use crate::extract::{self, Collection, Read};

pub(crate) async fn get(
    Collection { caller, resource_type, .. }: Collection<Read>,
    request: HttpRequest,
) -> Result<HttpResponse, Failure> {
    let (id, precondition) = (extract::id(&request), extract::precondition(&request));
    let query = extract::query(&request)?;
    caller
        .answer(move |call, sink| service::get(call, &resource_type, &id, &precondition, &query, sink))
        .await
}
