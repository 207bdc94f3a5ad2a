//! `/admin/v1/me`: the account that asks.

use actix_web::HttpResponse;
use actix_web::http::StatusCode;
use domain::Error;
use domain::store::admins;

use super::{Admin, render};
use crate::error::Failure;
use crate::plain::json;

pub(crate) async fn get(admin: Admin) -> Result<HttpResponse, Failure> {
    let body = admin
        .run(|desk| {
            let (id, _) = desk.admin;
            let account = admins::read(desk.store.admins(), desk.tenant.id, |tx| tx.account(id))?;
            let mut body = render::account(&account.ok_or(Error::Unauthorized("the account is gone"))?);
            body["tenant"] = serde_json::json!({"slug": desk.tenant.slug, "name": desk.tenant.name});
            Ok(body)
        })
        .await?;
    Ok(json(StatusCode::OK, &body))
}
