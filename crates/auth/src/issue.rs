//! Making secrets: a token, and the key of a tenant's cursors.

use std::collections::BTreeSet;

use chrono::{DateTime, TimeDelta, Utc};
use domain::cursor::CursorKey;
use domain::id::{PlatformTokenId, TenantId, TokenId};
use domain::principal::{Scope, Token};
use domain::role::Role;
use domain::store::platform::{PlatformStore, PlatformToken};
use domain::store::{Origin, Store};
use domain::{Error, Result};
use rand::TryRng;
use rand::rngs::SysRng;

use crate::opaque::Secret;
use crate::{platform_token, token};

/// How long a token lives unless its maker says otherwise.
pub const DEFAULT_LIFETIME: TimeDelta = TimeDelta::days(90);

/// Makes and stores a token of the tenant; `expires` of none is never. The secret exists only in the answer.
#[allow(
    clippy::too_many_arguments,
    reason = "what a token is, each part named by its type, and who makes it"
)]
pub fn issue(
    store: &dyn Store,
    tenant: TenantId,
    name: &str,
    scopes: BTreeSet<Scope>,
    role_ceiling: Option<Role>,
    expires: Option<DateTime<Utc>>,
    origin: &Origin,
    now: DateTime<Utc>,
) -> Result<(Token, Secret)> {
    let secret = token::generate(tenant)?;
    let token = Token {
        id: TokenId::generate(),
        name: name.to_owned(),
        scopes,
        role_ceiling,
        created: now,
        expires,
        revoked: None,
    };
    store.create_token(tenant, &token, &secret.digest(), origin)?;
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
