//! `POST /.search`: a list whose query stays out of URLs and their logs (RFC 7644 section 3.4.3).

use actix_web::web::Payload;
use actix_web::{HttpRequest, HttpResponse};
use domain::service;

use crate::error::Failure;
use crate::extract::{Caller, Collection, Read};
use crate::{body, query};

pub(crate) async fn collection(
    Collection { caller, resource_type, .. }: Collection<Read>,
    request: HttpRequest,
    payload: Payload,
) -> Result<HttpResponse, Failure> {
    let received = body::receive(&request, payload).await?;
    caller
        .stream(move |call, sink| {
            let query = query::from_search_request(&received.read()?)?;
            service::list(call, &resource_type, &query, sink)
        })
        .await
}

/// At the root of the base path all types are searched that the credential may read.
pub(crate) async fn everywhere(
    caller: Caller,
    request: HttpRequest,
    payload: Payload,
) -> Result<HttpResponse, Failure> {
    let received = body::receive(&request, payload).await?;
    caller
        .stream(move |call, sink| {
            let query = query::from_search_request(&received.read()?)?;
            service::search(call, &query, sink)
        })
        .await
}
