//! `rollcall platform-token …`

use domain::Error;
use domain::id::PlatformTokenId;
use domain::meta::time_text;
use serde_json::{Value, json};

use super::open;
use super::token::state;
use crate::cli::{self, Outcome};
use crate::platform::render;
use crate::settings::Settings;
use crate::{clock, out};

pub(crate) fn run(settings: &Settings, command: cli::PlatformToken) -> Outcome {
    let store = open(settings)?;
    let now = clock::now();
    match command {
        cli::PlatformToken::Create { name, expires_in, json } => {
            let expires = expires_in.0.map(|time| now + time);
            let (token, secret) = auth::issue_for_platform(store.platform(), &name, expires, now)?;
            let described = json!({
                "id": token.id.to_string(),
                "name": token.name,
                "token": secret.reveal(),
                "expiresAt": token.expires.map(time_text),
            });
            out::line(if json { described.to_string() } else { secret.reveal().to_owned() })?;
        }
        cli::PlatformToken::List { json: true } => {
            let tokens = store.platform().platform_tokens()?;
            out::line(Value::Array(tokens.iter().map(render::platform_token).collect()))?;
        }
        cli::PlatformToken::List { json: false } => {
            for token in store.platform().platform_tokens()? {
                let expires = token.expires.map_or_else(|| "never".into(), time_text);
                let state = state(token.revoked, token.expires, now);
                out::line(format_args!("{}\t{state}\t{expires}\t{}", token.id, token.name))?;
            }
        }
        cli::PlatformToken::Revoke { id, json } => {
            let known = match PlatformTokenId::parse(&id) {
                Some(id) => store.platform().revoke_platform_token(id, now)?,
                None => false,
            };
            if !known {
                return Err(Error::NotFound("there is no such platform token".into()).into());
            }
            if json {
                out::line(json!({"id": id, "revokedAt": time_text(now)}))?;
            }
        }
    }
    Ok(())
}
