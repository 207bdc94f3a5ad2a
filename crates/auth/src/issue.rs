//! Making secrets: a token, and the key of a tenant's cursors.

use chrono::{DateTime, TimeDelta, Utc};
use domain::cursor::CursorKey;
use domain::id::PlatformTokenId;
use domain::service::tokens::{New, Rotation, Tokens};
use domain::store::platform::{PlatformStore, PlatformToken};
use domain::token::Token;
use domain::{Error, Result};
use rand::TryRng;
use rand::rngs::SysRng;

use crate::opaque::Secret;
use crate::{platform_token, token};

/// How long a token lives unless its maker says otherwise.
pub const DEFAULT_LIFETIME: TimeDelta = TimeDelta::days(90);

/// Makes and stores a token. The secret exists only in the answer.
pub fn issue(tokens: &Tokens<'_>, new: New) -> Result<(Token, Secret)> {
    let secret = token::generate(tokens.tenant)?;
    let token = tokens.create(new, token::stored(&secret))?;
    Ok((token, secret))
}

/// Replaces the secret of a token; the rest is as with [`issue`].
pub fn reissue(tokens: &Tokens<'_>, id: &str, rotation: Rotation) -> Result<(Token, Secret)> {
    let secret = token::generate(tokens.tenant)?;
    let token = tokens.rotate(id, rotation, &token::stored(&secret))?;
    Ok((token, secret))
}

/// Makes and stores a token of the hosting platform; the rest is as with [`issue`].
pub fn issue_for_platform(
    store: &dyn PlatformStore,
    name: &str,
    expires: Option<DateTime<Utc>>,
    now: DateTime<Utc>,
) -> Result<(PlatformToken, Secret)> {
    let secret = platform_token::generate()?;
    let token = PlatformToken {
        id: PlatformTokenId::generate(),
        name: name.to_owned(),
        created: now,
        expires,
        revoked: None,
    };
    store.create_platform_token(&token, &secret.digest())?;
    Ok((token, secret))
}

/// A new key for the cursors of a tenant, from the random numbers of the operating system.
///
/// # Errors
/// [`Error::Internal`] when the operating system has no random numbers.
pub fn cursor_key() -> Result<CursorKey> {
    let mut bytes = [0; 32];
    SysRng.try_fill_bytes(&mut bytes).map_err(Error::internal)?;
    Ok(CursorKey::new(bytes))
}
