//! `/platform/v1/tenants/{id}/tokens`: API tokens of a tenant, so that the platform can connect its first client.

use std::collections::BTreeSet;

use actix_web::http::StatusCode;
use actix_web::web::Payload;
use actix_web::{HttpRequest, HttpResponse};
use domain::error::excerpt;
use domain::id::TokenId;
use domain::principal::Scope;
use domain::role::Role;
use domain::service::platform;
use domain::tenant::check_name;
use domain::{Error, Result};
use serde_json::{Value, json};

use super::{Operator, render};
use crate::cli::{Lifetime, lifetime};
use crate::error::Failure;
use crate::plain::{Fields, json, receive, segment};
use crate::reply;

/// What a new token is to be.
struct Wish {
    name: String,
    scopes: BTreeSet<Scope>,
    role_ceiling: Option<Role>,
    lifetime: Lifetime,
}

/// 201 with the secret, which is shown this once.
pub(crate) async fn create(
    operator: Operator,
    request: HttpRequest,
    payload: Payload,
) -> Result<HttpResponse, Failure> {
    let received = receive(&request, payload).await?;
    let id = segment(&request, "id");
    let body = operator
        .run(move |desk| {
            let record = platform::get(desk.store.platform(), &id)?;
            let Wish { name, scopes, role_ceiling, lifetime } = wish(Fields::read(&received)?)?;
            platform::living(&record)?;
            let (tenant, now) = (record.tenant.id, desk.now);
            let expires = lifetime.0.map(|time| now + time);
            let (token, secret) =
                auth::issue(desk.store, tenant, &name, scopes, role_ceiling, expires, &desk.origin, now)?;
            let mut body = render::token(&token);
            body["token"] = secret.reveal().into();
            Ok(body)
        })
        .await?;
    Ok(json(StatusCode::CREATED, &body))
}

pub(crate) async fn list(operator: Operator, request: HttpRequest) -> Result<HttpResponse, Failure> {
    let id = segment(&request, "id");
    let tokens = operator
        .run(move |desk| {
            let record = platform::get(desk.store.platform(), &id)?;
            desk.store.tokens(record.tenant.id)
        })
        .await?;
    let tokens: Vec<Value> = tokens.iter().map(render::token).collect();
    Ok(json(StatusCode::OK, &json!({"tokens": tokens})))
}

/// 204, also the second time.
pub(crate) async fn revoke(operator: Operator, request: HttpRequest) -> Result<HttpResponse, Failure> {
    let (id, token) = (segment(&request, "id"), segment(&request, "token"));
    operator
        .run(move |desk| {
            let record = platform::get(desk.store.platform(), &id)?;
            let known = match TokenId::parse(&token) {
                Some(token) => desk.store.revoke_token(record.tenant.id, token, &desk.origin, desk.now)?,
                None => false,
            };
            if known { Ok(()) } else { Err(Error::NotFound("the tenant has no such token".into())) }
        })
        .await?;
    Ok(reply::nothing())
}

fn wish(mut fields: Fields) -> Result<Wish> {
    let name = fields.needed("name")?;
    check_name(&name)?;
    let scopes = match fields.take("scopes") {
        None => Scope::ALL.into_iter().collect(),
        Some(Value::Array(names)) if !names.is_empty() => {
            names.iter().map(scope).collect::<Result<BTreeSet<_>>>()?
        }
        Some(_) => return Err(Error::InvalidValue("scopes is an array of at least one scope".into())),
    };
    let role_ceiling = fields.text("roleCeiling")?.map(|name| {
        Role::parse(&name).ok_or_else(|| Error::InvalidValue(format!("there is no role {}", excerpt(&name))))
    });
    let lifetime = fields
        .text("expiresIn")?
        .map(|text| lifetime(&text).map_err(|form| Error::InvalidValue(format!("expiresIn is {form}"))));
    fields.end()?;
    Ok(Wish {
        name,
        scopes,
        role_ceiling: role_ceiling.transpose()?,
        lifetime: lifetime.transpose()?.unwrap_or_default(),
    })
}

fn scope(value: &Value) -> Result<Scope> {
    let name = value.as_str().unwrap_or_default();
    Scope::parse(name).ok_or_else(|| Error::InvalidValue(format!("there is no scope {:?}", excerpt(name))))
}
