//! `rollcall token …`

use chrono::{DateTime, Utc};
use domain::Error;
use domain::id::TokenId;
use domain::meta::time_text;
use domain::principal::{Scope, Token};
use serde_json::{Value, json};

use super::{open, operator, tenant_named};
use crate::cli::{self, Outcome};
use crate::platform::render;
use crate::settings::Settings;
use crate::{clock, out};

pub(crate) fn run(settings: &Settings, command: cli::Token) -> Outcome {
    let store = open(settings)?;
    let (origin, now) = (operator("token"), clock::now());
    match command {
        cli::Token::Create { tenant, name, expires_in, scopes, role_ceiling, json } => {
            let tenant = tenant_named(&*store, &tenant)?;
            let scopes = if scopes.is_empty() { Scope::ALL.to_vec() } else { scopes };
            let expires = expires_in.0.map(|time| now + time);
            let scopes = scopes.into_iter().collect();
            let (token, secret) =
                auth::issue(&*store, tenant.id, &name, scopes, role_ceiling, expires, &origin, now)?;
            let described = json!({
                "id": token.id.to_string(),
                "name": token.name,
                "token": secret.reveal(),
                "expiresAt": token.expires.map(time_text),
                "scopes": render::scopes(&token),
            });
            out::line(if json { described.to_string() } else { secret.reveal().to_owned() })?;
        }
        cli::Token::List { tenant, json } => {
            let tokens = store.tokens(tenant_named(&*store, &tenant)?.id)?;
            list(&tokens, json, now)?;
        }
        cli::Token::Revoke { tenant, id, json } => {
            let tenant = tenant_named(&*store, &tenant)?;
            let known = match TokenId::parse(&id) {
                Some(id) => store.revoke_token(tenant.id, id, &origin, now)?,
                None => false,
            };
            if !known {
                return Err(Error::NotFound(format!("tenant {} has no such token", tenant.slug)).into());
            }
            if json {
                out::line(json!({"id": id, "revokedAt": time_text(now)}))?;
            }
        }
    }
    Ok(())
}

fn list(tokens: &[Token], json: bool, now: DateTime<Utc>) -> Outcome {
    if json {
        out::line(Value::Array(tokens.iter().map(render::token).collect()))?;
        return Ok(());
    }
    for token in tokens {
        let expires = token.expires.map_or_else(|| "never".into(), time_text);
        let (state, scopes) = (state(token.revoked, token.expires, now), render::scopes(token).join(" "));
        out::line(format_args!("{}\t{state}\t{expires}\t{}\t{scopes}", token.id, token.name))?;
    }
    Ok(())
}

/// How a token is today, in a word.
pub(super) fn state(
    revoked: Option<DateTime<Utc>>,
    expires: Option<DateTime<Utc>>,
    now: DateTime<Utc>,
) -> &'static str {
    match (revoked, expires) {
        (Some(_), _) => "revoked",
        (None, Some(end)) if end <= now => "expired",
        _ => "active",
    }
}
