//! The token of the hosting platform: `rcp_`, and no tenant, because it makes them.

use chrono::{DateTime, Utc};
use domain::store::platform::{PlatformStore, PlatformToken};
use domain::{Error, Result};

use crate::opaque::{Family, Secret};

const FAMILY: Family<0> = Family::new("rcp_");
/// Characters of a platform token.
pub const LENGTH: usize = FAMILY.length();

/// What the text of a platform token says by itself.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Parsed {
    /// The SHA-256 of the whole text.
    pub digest: [u8; 32],
}

/// A new platform token.
///
/// # Errors
/// [`domain::Error::Internal`] when the operating system has no random numbers.
pub fn generate() -> Result<Secret> {
    FAMILY.generate([])
}

/// Shape, then checksum, then hash; no database. `None` for anything [`generate`] cannot have made.
pub fn parse(text: &str) -> Option<Parsed> {
    let ([], digest) = FAMILY.parse(text)?;
    Some(Parsed { digest })
}

/// The token behind the text of a credential. The database is asked each time: the platform calls rarely, and nobody
/// has to wait for a revocation. Blocks.
///
/// # Errors
/// [`Error::Unauthorized`] with the reason for the log, and what the store fails with.
pub fn authenticate(store: &dyn PlatformStore, parsed: &Parsed, now: DateTime<Utc>) -> Result<PlatformToken> {
    let token =
        store.find_platform_token(&parsed.digest)?.ok_or(Error::Unauthorized("unknown platform token"))?;
    if token.revoked.is_some() {
        return Err(Error::Unauthorized("revoked platform token"));
    }
    if token.expires.is_some_and(|end| end <= now) {
        return Err(Error::Unauthorized("expired platform token"));
    }
    Ok(token)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_platform_token_comes_back_as_its_digest() {
        let secret = generate().unwrap();
        assert_eq!(parse(secret.reveal()), Some(Parsed { digest: secret.digest() }));
        assert_eq!(secret.reveal().len(), LENGTH);
    }
}
