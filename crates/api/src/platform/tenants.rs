//! `/platform/v1/tenants`.

use actix_web::http::StatusCode;
use actix_web::http::header::LOCATION;
use actix_web::web::Payload;
use actix_web::{HttpRequest, HttpResponse};
use domain::service::platform::{self, New};
use domain::tenant::{Record, TenantState};
use domain::{Error, Result};
use serde_json::{Map, Value, json};

use super::{Desk, Operator, render};
use crate::error::Failure;
use crate::plain::{Fields, json, receive, segment};
use crate::query;

/// Tenants on a page unless `count` says otherwise, and at most.
pub(crate) const PAGE: (usize, usize) = (100, 1_000);

pub(crate) async fn create(
    operator: Operator,
    request: HttpRequest,
    payload: Payload,
) -> Result<HttpResponse, Failure> {
    let received = receive(&request, payload).await?;
    let base = operator.url("/tenants/");
    let record = operator
        .run(move |desk| {
            let mut fields = Fields::read(&received)?;
            let slug = fields.needed("slug")?;
            let name = fields.text("name")?.unwrap_or_else(|| slug.clone());
            let settings = fields.take("settings");
            fields.end()?;
            let cursor_key = auth::cursor_key()?;
            let new = New { slug: &slug, name: &name, settings: settings.as_ref(), cursor_key };
            platform::create(desk.store.platform(), new, desk.now)
        })
        .await?;
    let mut response = json(StatusCode::CREATED, &render::tenant(&record)?);
    let location = format!("{base}{}", record.tenant.id).parse().map_err(Error::internal)?;
    response.headers_mut().insert(LOCATION, location);
    Ok(response)
}

pub(crate) async fn list(operator: Operator, request: HttpRequest) -> Result<HttpResponse, Failure> {
    let raw = request.query_string();
    let state = match query::value(raw, "state")? {
        Some(name) => Some(
            TenantState::parse(&name)
                .ok_or_else(|| Error::InvalidValue("state is active, suspended or deleted".into()))?,
        ),
        None => None,
    };
    let count = query::page_size(raw, PAGE)?;
    let cursor = query::value(raw, "cursor")?;
    let page = operator
        .run(move |desk| platform::list(desk.store.platform(), state, cursor.as_deref(), count))
        .await?;
    let mut body = Map::new();
    let tenants = page.tenants.iter().map(render::tenant).collect::<Result<Vec<_>>>()?;
    body.insert("tenants".into(), tenants.into());
    if let Some(next) = page.next {
        body.insert("nextCursor".into(), next.into());
    }
    Ok(json(StatusCode::OK, &Value::Object(body)))
}

pub(crate) async fn get(operator: Operator, request: HttpRequest) -> Result<HttpResponse, Failure> {
    one(operator, &request, |desk, id| platform::get(desk.store.platform(), id)).await
}

/// A JSON merge patch (RFC 7396) of the name and the settings.
pub(crate) async fn update(
    operator: Operator,
    request: HttpRequest,
    payload: Payload,
) -> Result<HttpResponse, Failure> {
    let received = receive(&request, payload).await?;
    one(operator, &request, move |desk, id| {
        // Whether there is such a tenant comes before what is wrong with the body.
        platform::get(desk.store.platform(), id)?;
        let mut fields = Fields::read(&received)?;
        if fields.0.get("name").is_some_and(Value::is_null) {
            return Err(Error::InvalidValue("a tenant has a name".into()));
        }
        let name = fields.text("name")?;
        // Null takes every decision back.
        let settings = match fields.0.remove("settings") {
            Some(Value::Null) => Some(all_given_back()),
            settings => settings,
        };
        fields.end()?;
        platform::update(
            desk.store.platform(),
            id,
            name.as_deref(),
            settings.as_ref(),
            &desk.origin,
            desk.now,
        )
    })
    .await
}

fn all_given_back() -> Value {
    let names = domain::tenant::settings::SETTINGS.iter().map(|setting| (setting.name, Value::Null));
    json!(names.collect::<std::collections::BTreeMap<_, _>>())
}

pub(crate) async fn suspend(operator: Operator, request: HttpRequest) -> Result<HttpResponse, Failure> {
    one(operator, &request, |desk, id| {
        platform::set_suspended(desk.store.platform(), id, true, &desk.origin, desk.now)
    })
    .await
}

pub(crate) async fn resume(operator: Operator, request: HttpRequest) -> Result<HttpResponse, Failure> {
    one(operator, &request, |desk, id| {
        platform::set_suspended(desk.store.platform(), id, false, &desk.origin, desk.now)
    })
    .await
}

/// 200 and not 204: the reply says how long the data are kept.
pub(crate) async fn delete(operator: Operator, request: HttpRequest) -> Result<HttpResponse, Failure> {
    one(operator, &request, |desk, id| {
        platform::delete(desk.store.platform(), id, desk.keep, &desk.origin, desk.now)
    })
    .await
}

/// 200 with the tenant of the path after `work`.
async fn one(
    operator: Operator,
    request: &HttpRequest,
    work: impl FnOnce(&Desk<'_>, &str) -> Result<Record> + Send + 'static,
) -> Result<HttpResponse, Failure> {
    let id = segment(request, "id");
    let record = operator.run(move |desk| work(desk, &id)).await?;
    Ok(json(StatusCode::OK, &render::tenant(&record)?))
}
