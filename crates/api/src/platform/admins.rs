//! `/platform/v1/tenants/{id}/admins`: the first owner of a tenant is invited by the platform.

use actix_web::http::StatusCode;
use actix_web::web::Payload;
use actix_web::{HttpRequest, HttpResponse};
use domain::admin::AdminRole;
use domain::service::admins::Office;
use domain::service::platform;

use super::Operator;
use crate::admin::admins::Invitation;
use crate::error::Failure;
use crate::plain::{Fields, json, receive, segment};

/// 201 with the secret of an invitation, which is shown this once.
pub(crate) async fn invite(
    operator: Operator,
    request: HttpRequest,
    payload: Payload,
) -> Result<HttpResponse, Failure> {
    let received = receive(&request, payload).await?;
    let id = segment(&request, "id");
    let body = operator
        .run(move |desk| {
            let record = platform::get(desk.store.platform(), &id)?;
            let mut fields = Fields::read(&received)?;
            let invitation = Invitation::read(&mut fields, Some(AdminRole::Owner))?;
            fields.end()?;
            platform::living(&record)?;
            let (store, origin) = (desk.store.admins(), desk.origin.clone());
            let by = AdminRole::Owner;
            invitation.send(&Office { store, tenant: record.tenant.id, by, origin, now: desk.now })
        })
        .await?;
    Ok(json(StatusCode::CREATED, &body))
}
