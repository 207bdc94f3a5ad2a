//! `POST /.search`: a list whose query stays out of URLs and their logs (RFC 7644 section 3.4.3).

use actix_web::web::Payload;
use actix_web::{HttpRequest, HttpResponse};
use domain::principal::Access;
use domain::resource_type::{self, ResourceType};
use domain::service;

use crate::error::Failure;
use crate::extract::{Caller, Collection, Read};
use crate::{body, query, reply};

pub(crate) async fn collection(
    Collection { caller, resource_type, .. }: Collection<Read>,
    request: HttpRequest,
    payload: Payload,
) -> Result<HttpResponse, Failure> {
    search(caller, resource_type, &request, payload).await
}

/// At the root of the base path all types are searched: there is one.
pub(crate) async fn everywhere(
    caller: Caller,
    request: HttpRequest,
    payload: Payload,
) -> Result<HttpResponse, Failure> {
    let [resource_type] = resource_type::all();
    caller.principal().require(resource_type.area, Access::Read)?;
    search(caller, resource_type, &request, payload).await
}

async fn search(
    caller: Caller,
    resource_type: &'static ResourceType,
    request: &HttpRequest,
    payload: Payload,
) -> Result<HttpResponse, Failure> {
    let received = body::receive(request, payload).await?;
    let page = caller
        .run(move |call| {
            let query = query::from_search_request(&received.read()?)?;
            service::list(call, resource_type, &query)
        })
        .await?;
    Ok(reply::list(&page))
}
