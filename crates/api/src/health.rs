//! For load balancers: whether the process lives, and whether it can work.

use std::sync::Arc;

use actix_web::{HttpResponse, web};

use crate::app::Shared;
use crate::blocking;
use crate::error::Failure;

/// The process lives; asks nobody.
pub(crate) async fn alive() -> HttpResponse {
    HttpResponse::Ok().content_type("text/plain").body("ok\n")
}

/// The database answers, or 503.
pub(crate) async fn ready(shared: web::Data<Shared>) -> Result<HttpResponse, Failure> {
    let store = Arc::clone(&shared.store);
    // Whatever the database says, "not ready" is all that is asked here.
    blocking::run(move || store.ping()).await.map_err(domain::Error::unavailable)?;
    Ok(HttpResponse::Ok().content_type("text/plain").body("ok\n"))
}
