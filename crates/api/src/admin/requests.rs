//! `/admin/v1/requests`, and what was done to one user.

use actix_web::http::StatusCode;
use actix_web::{HttpRequest, HttpResponse};
use domain::error::excerpt;
use domain::id::{ResourceId, TokenId};
use domain::requests::{Status, Wanted};
use domain::service::history::{self, Event};
use domain::service::requests;
use domain::{Error, Result};
use serde_json::{Map, Value};

use super::Admin;
use super::audit::{known, page_size, time};
use crate::error::Failure;
use crate::plain::{json as answer, segment};
use crate::query;
use crate::requests::render;

pub(crate) async fn list(admin: Admin, request: HttpRequest) -> Result<HttpResponse, Failure> {
    let raw = request.query_string();
    let status = match query::value(raw, "status")? {
        Some(text) => Some(Status::parse(&text).ok_or_else(|| {
            Error::InvalidValue(format!("status is 409, 4xx or failed, not {}", excerpt(&text)))
        })?),
        None => None,
    };
    let wanted = Wanted {
        resource: known(raw, "resource", ResourceId::parse)?,
        token: known(raw, "token", TokenId::parse)?,
        status,
        request: query::value(raw, "requestId")?,
        since: time(raw, "since")?,
        until: time(raw, "until")?,
    };
    let (count, cursor) = (page_size(raw)?, query::value(raw, "cursor")?);
    let shared = admin.shared.clone();
    let body = admin
        .run(move |desk| {
            let page = requests::list(desk.store.log(), desk.tenant.id, &wanted, cursor.as_deref(), count)?;
            let mut body = Map::new();
            let rows: Vec<Value> = page.requests.iter().map(render::request).collect();
            body.insert("requests".into(), rows.into());
            body.extend(page.next.map(|next| ("nextCursor".to_owned(), next.into())));
            body.insert("dropped".into(), shared.recorder.dropped(desk.tenant.id).into());
            Ok(Value::Object(body))
        })
        .await?;
    Ok(answer(StatusCode::OK, &body))
}

pub(crate) async fn get(admin: Admin, request: HttpRequest) -> Result<HttpResponse, Failure> {
    let id = segment(&request, "id");
    let found = admin.run(move |desk| requests::get(desk.store.log(), desk.tenant.id, &id)).await?;
    Ok(answer(StatusCode::OK, &render::whole(&found)))
}

/// 200 also for a user who is gone or never was: what was done stays recorded.
pub(crate) async fn history(admin: Admin, request: HttpRequest) -> Result<HttpResponse, Failure> {
    let raw = request.query_string();
    let (count, cursor) = (page_size(raw)?, query::value(raw, "cursor")?);
    let user = ResourceId::parse(&segment(&request, "id")).ok_or_else(Error::no_resource)?;
    let body = admin
        .run(move |desk| {
            let page = history::history(desk.store, desk.tenant.id, user, cursor.as_deref(), count)?;
            let actors = page.events.iter().filter_map(Event::actor);
            let names = history::names(desk.store, desk.tenant.id, actors)?;
            let mut body = Map::new();
            let events: Vec<Value> = page.events.iter().map(|event| render::event(event, &names)).collect();
            body.insert("events".into(), events.into());
            body.extend(page.next.map(|next| ("nextCursor".to_owned(), next.into())));
            Ok(Value::Object(body))
        })
        .await?;
    Ok(answer(StatusCode::OK, &body))
}
