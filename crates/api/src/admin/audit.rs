//! `/admin/v1/audit`.

use actix_web::http::StatusCode;
use actix_web::{HttpRequest, HttpResponse};
use chrono::{DateTime, Utc};
use domain::audit::Wanted;
use domain::error::excerpt;
use domain::id::ResourceId;
use domain::meta::parse_time;
use domain::service::audit::{self, Format};
use domain::service::{Head, history};
use domain::{Error, Result};
use serde_json::{Map, Value};
use uuid::Uuid;

use super::Admin;
use crate::error::Failure;
use crate::plain::json as answer;
use crate::query;
use crate::requests::render;

/// Rows on a page unless `count` says otherwise, and at most.
pub(crate) const PAGE: (usize, usize) = (100, 500);

pub(crate) async fn list(admin: Admin, request: HttpRequest) -> Result<HttpResponse, Failure> {
    let raw = request.query_string();
    let wanted = wanted(raw)?;
    let (count, cursor) = (page_size(raw)?, query::value(raw, "cursor")?);
    let body = admin
        .run(move |desk| {
            let page = audit::page(desk.store, desk.tenant.id, &wanted, cursor.as_deref(), count)?;
            let actors = page.rows.iter().filter_map(|row| row.entry.origin.actor.id());
            let names = history::names(desk.store, desk.tenant.id, actors)?;
            let mut body = Map::new();
            let rows: Vec<Value> = page.rows.iter().map(|row| render::row(row, &names)).collect();
            body.insert("rows".into(), rows.into());
            body.extend(page.next.map(|next| ("nextCursor".to_owned(), next.into())));
            Ok(Value::Object(body))
        })
        .await?;
    Ok(answer(StatusCode::OK, &body))
}

/// The whole log, or what the filters leave of it, as a file.
pub(crate) async fn export(admin: Admin, request: HttpRequest) -> Result<HttpResponse, Failure> {
    let raw = request.query_string();
    let wanted = wanted(raw)?;
    let name = query::value(raw, "format")?;
    let format = name.as_deref().map_or(Some(Format::Ndjson), Format::parse);
    let format = format.ok_or_else(|| Error::InvalidValue("format is ndjson or csv".into()))?;
    admin
        .stream(move |desk, sink| {
            let media_type = match format {
                Format::Ndjson => "application/x-ndjson",
                Format::Csv => "text/csv; charset=utf-8; header=present",
            };
            let name = format!("audit-{}.{}", desk.tenant.slug, format.name());
            sink.begin(Head::File { media_type, name })?;
            audit::export(desk.store, desk.tenant.id, &wanted, format, &mut |text| sink.text(text))
        })
        .await
}

fn wanted(raw: &str) -> Result<Wanted> {
    Ok(Wanted {
        resource: known(raw, "resource", ResourceId::parse)?,
        about: None,
        actor: known(raw, "actor", |text| Uuid::try_parse(text).ok())?,
        action: query::value(raw, "action")?,
        since: time(raw, "since")?,
        until: time(raw, "until")?,
    })
}

/// An id in the query: what is no id is more likely a slip than a question.
pub(super) fn known<T>(raw: &str, key: &str, parse: fn(&str) -> Option<T>) -> Result<Option<T>> {
    let wrong = |text: &str| Error::InvalidValue(format!("{key} is an id, not {}", excerpt(text)));
    query::value(raw, key)?.map(|text| parse(&text).ok_or_else(|| wrong(&text))).transpose()
}

/// A time in the query.
pub(super) fn time(raw: &str, key: &str) -> Result<Option<DateTime<Utc>>> {
    let wrong = || Error::InvalidValue(format!("{key} is a time: 2026-01-31T00:00:00Z"));
    query::value(raw, key)?.map(|text| parse_time(&text).ok_or_else(wrong)).transpose()
}

/// How many rows are asked for.
pub(super) fn page_size(raw: &str) -> Result<usize> {
    let Some(text) = query::value(raw, "count")? else { return Ok(PAGE.0) };
    let number = text.parse::<usize>().ok().filter(|&number| number > 0);
    Ok(number.ok_or_else(|| Error::InvalidValue("count is a number from 1".into()))?.min(PAGE.1))
}
