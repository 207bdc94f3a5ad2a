//! API tokens as JSON, for every API that looks after them and for the command line: what is read and what is shown.

use std::collections::BTreeSet;

use chrono::{DateTime, Utc};
use domain::error::excerpt;
use domain::meta::time_text;
use domain::principal::Scope;
use domain::role::Role;
use domain::service::tokens::{New, OVERLAP, Rotation, Tokens};
use domain::token::{Previous, Token, Use, warning_text};
use domain::{Error, Result};
use serde_json::{Map, Value, json};

use crate::body::Received;
use crate::cli::{Lifetime, lifetime, overlap};
use crate::plain::Fields;
use crate::query;

/// Tokens on a page unless `count` says otherwise, and at most.
pub(crate) const PAGE: (usize, usize) = (100, 1_000);

/// A token, without the secret.
pub(crate) fn shown(token: &Token, now: DateTime<Utc>) -> Value {
    json!({
        "id": token.id.to_string(),
        "name": token.name,
        "scopes": scopes(token),
        "roleCeiling": token.role_ceiling.map(Role::name),
        "prefix": auth::token::PREFIX,
        "lastFour": token.last_four,
        "createdAt": time_text(token.created),
        "rotatedAt": token.rotated.map(time_text),
        "expiresAt": token.expires.map(time_text),
        "revokedAt": token.revoked.map(time_text),
        "previousSecret": token.overlap(now).map(previous),
        "lastUsed": token.used.as_ref().map(used),
        "warning": token.warning(now).map(warning_text),
    })
}

fn previous(previous: &Previous) -> Value {
    json!({
        "lastFour": previous.last_four,
        "expiresAt": time_text(previous.expires),
        "lastUsedAt": previous.used.map(time_text),
    })
}

fn used(used: &Use) -> Value {
    json!({"at": time_text(used.at), "address": used.address, "userAgent": used.agent})
}

/// Names of the scopes of a token.
pub(crate) fn scopes(token: &Token) -> Vec<&'static str> {
    token.scopes.iter().map(|scope| scope.name()).collect()
}

/// A token with its secret, which is shown this once.
pub(crate) fn with_secret(token: &Token, secret: &auth::Secret, now: DateTime<Utc>) -> Value {
    let mut body = shown(token, now);
    body["token"] = secret.reveal().into();
    body
}

/// Makes the token that a body asks for.
pub(crate) fn create(tokens: &Tokens<'_>, received: &Received) -> Result<Value> {
    let (token, secret) = auth::issue(tokens, new(Fields::read(received)?)?)?;
    Ok(with_secret(&token, &secret, tokens.now))
}

/// The page that a query string asks for.
pub(crate) fn list(tokens: &Tokens<'_>, query: &str) -> Result<Value> {
    let count = query::page_size(query, PAGE)?;
    let page = tokens.list(query::value(query, "cursor")?.as_deref(), count)?;
    let mut body = Map::new();
    let shown: Vec<Value> = page.tokens.iter().map(|token| shown(token, tokens.now)).collect();
    body.insert("tokens".into(), shown.into());
    if let Some(next) = page.next {
        body.insert("nextCursor".into(), next.into());
    }
    Ok(Value::Object(body))
}

/// Gives a token the name in a merge patch (RFC 7396).
pub(crate) fn rename(tokens: &Tokens<'_>, id: &str, received: &Received) -> Result<Value> {
    // Whether there is such a token comes before what is wrong with the body.
    let token = tokens.get(id)?;
    let mut fields = Fields::read(received)?;
    if fields.0.get("name").is_some_and(Value::is_null) {
        return Err(Error::InvalidValue("a token has a name".into()));
    }
    let name = fields.text("name")?.unwrap_or(token.name);
    fields.end()?;
    Ok(shown(&tokens.rename(id, &name)?, tokens.now))
}

/// Replaces the secret of a token.
pub(crate) fn rotate(tokens: &Tokens<'_>, id: &str, received: &Received) -> Result<Value> {
    tokens.get(id)?;
    // Everything has a default.
    let mut fields = if received.is_empty() { Fields(Map::new()) } else { Fields::read(received)? };
    let rotation = Rotation {
        overlap: match fields.text("overlap")? {
            Some(text) => overlap(&text).map_err(|form| wrong("overlap", &form))?,
            None => OVERLAP,
        },
        lifetime: expires_in(&mut fields)?.map(|lifetime| lifetime.0),
    };
    fields.end()?;
    let (token, secret) = auth::reissue(tokens, id, rotation)?;
    Ok(with_secret(&token, &secret, tokens.now))
}

fn new(mut fields: Fields) -> Result<New> {
    let name = fields.needed("name")?;
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
    let lifetime = expires_in(&mut fields)?.unwrap_or_default();
    fields.end()?;
    Ok(New { name, scopes, role_ceiling: role_ceiling.transpose()?, lifetime: lifetime.0 })
}

fn expires_in(fields: &mut Fields) -> Result<Option<Lifetime>> {
    let text = fields.text("expiresIn")?;
    text.map(|text| lifetime(&text).map_err(|form| wrong("expiresIn", &form))).transpose()
}

fn wrong(name: &str, form: &str) -> Error {
    Error::InvalidValue(format!("{name} is {form}"))
}

fn scope(value: &Value) -> Result<Scope> {
    let name = value.as_str().unwrap_or_default();
    Scope::parse(name).ok_or_else(|| Error::InvalidValue(format!("there is no scope {:?}", excerpt(name))))
}
