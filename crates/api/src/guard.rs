//! The guard against mass changes as JSON, for every API and for the command line.

use domain::guard::{Guard, Tally};
use domain::id::TokenId;
use domain::meta::time_text;
use domain::{Error, Result};
use serde_json::{Value, json};

/// What the tenant has decided, and how near each token is to the limit.
pub(crate) fn described(guard: &Guard, tallies: &[Tally]) -> Value {
    let tally = |tally: &Tally| {
        json!({
            "id": tally.token.to_string(),
            "users": tally.users,
            "limit": tally.limit,
            "heldSince": tally.held.map(time_text),
        })
    };
    json!({
        "enabled": guard.refuses,
        "minutes": guard.minutes,
        "tokens": tallies.iter().map(tally).collect::<Vec<_>>(),
    })
}

/// The tokens that begin anew.
pub(crate) fn released(tokens: &[TokenId]) -> Value {
    json!({"released": tokens.iter().map(ToString::to_string).collect::<Vec<_>>()})
}

/// The id of a token that was named.
pub(crate) fn token(text: &str) -> Result<TokenId> {
    TokenId::parse(text).ok_or_else(|| Error::NotFound("the tenant has no such token".into()))
}
