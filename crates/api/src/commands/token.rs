//! `rollcall token …`

use chrono::{DateTime, Utc};
use domain::meta::time_text;
use domain::principal::Scope;
use domain::service::tokens::{Means, New, Rotation, Tokens};
use domain::store::Store;
use domain::token::{Token, warning_text};
use serde_json::{Value, json};

use super::{open, operator, tenant_named};
use crate::cli::{self, Outcome};
use crate::settings::Settings;
use crate::{clock, out, tokens};

pub(crate) fn run(settings: &Settings, command: cli::Token) -> Outcome {
    let store = open(settings)?;
    match command {
        cli::Token::Create { tenant, name, expires_in, scopes, role_ceiling, json } => {
            let scopes = if scopes.is_empty() { Scope::ALL.to_vec() } else { scopes };
            let new =
                New { name, scopes: scopes.into_iter().collect(), role_ceiling, lifetime: expires_in.0 };
            let (token, secret) = with(&*store, &tenant, |tokens| auth::issue(tokens, new))?;
            let described = json!({
                "id": token.id.to_string(),
                "name": token.name,
                "token": secret.reveal(),
                "expiresAt": token.expires.map(time_text),
                "scopes": tokens::scopes(&token),
            });
            out::line(if json { described.to_string() } else { secret.reveal().to_owned() })?;
        }
        cli::Token::List { tenant, json } => {
            let (all, now) = with(&*store, &tenant, |tokens| Ok((tokens.all()?, tokens.now)))?;
            list(&all, json, now)?;
        }
        cli::Token::Show { tenant, id, json } => {
            let shown = with(&*store, &tenant, |tokens| Ok(tokens::shown(&tokens.get(&id)?, tokens.now)))?;
            out::line(if json { shown.to_string() } else { format!("{shown:#}") })?;
        }
        cli::Token::Rename { tenant, id, name, json } => {
            let shown =
                with(&*store, &tenant, |tokens| Ok(tokens::shown(&tokens.rename(&id, &name)?, tokens.now)))?;
            if json {
                out::line(shown)?;
            }
        }
        cli::Token::Rotate { tenant, id, overlap, expires_in, json } => {
            let rotation = Rotation { overlap, lifetime: expires_in.map(|lifetime| lifetime.0) };
            let (secret, shown) = with(&*store, &tenant, |tokens| {
                let (token, secret) = auth::reissue(tokens, &id, rotation)?;
                let shown = tokens::with_secret(&token, &secret, tokens.now);
                Ok((secret, shown))
            })?;
            out::line(if json { shown.to_string() } else { secret.reveal().to_owned() })?;
        }
        cli::Token::Revoke { tenant, id, json } => {
            let revoked = with(&*store, &tenant, |tokens| tokens.revoke(&id))?;
            if json {
                out::line(json!({"id": id, "revokedAt": revoked.revoked.map(time_text)}))?;
            }
        }
    }
    Ok(())
}

/// Runs a use case on the tokens of a tenant in the name of the operator.
fn with<T>(
    store: &dyn Store,
    slug: &str,
    work: impl FnOnce(&Tokens<'_>) -> domain::Result<T>,
) -> domain::Result<T> {
    let (tenant, origin) = (tenant_named(store, slug)?.id, operator("token"));
    work(&Tokens { store: store.tokens(), tenant, means: Means::all(), origin: &origin, now: clock::now() })
}

fn list(tokens: &[Token], json: bool, now: DateTime<Utc>) -> Outcome {
    if json {
        out::line(Value::Array(tokens.iter().map(|token| tokens::shown(token, now)).collect()))?;
        return Ok(());
    }
    for token in tokens {
        let never = || "never".to_owned();
        let state = state(token.revoked, token.expires, now);
        let expires = token.expires.map_or_else(never, time_text);
        let used = token.used.as_ref().map_or_else(never, |used| time_text(used.at));
        let line = [
            token.id.to_string(),
            state.to_owned(),
            expires,
            token.name.clone(),
            tokens::scopes(token).join(" "),
            format!("…{}", token.last_four.as_deref().unwrap_or("????")),
            format!("used {used}"),
            token.warning(now).map(warning_text).unwrap_or_default(),
        ];
        out::line(line.join("\t").trim_end())?;
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
