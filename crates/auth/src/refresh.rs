//! The refresh token of an admin's session: `rcr_`, the tenant and the session.
//!
//! It is good for one new access token and one successor. A used one that comes back means that two people hold
//! it, so the session it names can be ended without knowing its digest any more.

use domain::Result;
use domain::id::TenantId;
use uuid::Uuid;

use crate::opaque::{Family, Secret};

const FAMILY: Family<2> = Family::new("rcr_");
/// Characters of a refresh token.
pub const LENGTH: usize = FAMILY.length();

/// What the text of a refresh token says by itself.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Parsed {
    /// The tenant it claims to belong to.
    pub tenant: TenantId,
    /// The session it claims to prolong.
    pub session: Uuid,
    /// The SHA-256 of the whole text.
    pub digest: [u8; 32],
}

/// A new refresh token of the session.
///
/// # Errors
/// [`domain::Error::Internal`] when the operating system has no random numbers.
pub fn generate(tenant: TenantId, session: Uuid) -> Result<Secret> {
    FAMILY.generate([tenant.0, session])
}

/// Shape, then checksum, then hash; no database. `None` for anything [`generate`] cannot have made.
pub fn parse(text: &str) -> Option<Parsed> {
    let ([tenant, session], digest) = FAMILY.parse(text)?;
    Some(Parsed { tenant: TenantId(tenant), session, digest })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_refresh_token_says_whose_it_is() {
        let (tenant, session) = (TenantId::generate(), Uuid::now_v7());
        let secret = generate(tenant, session).unwrap();
        assert_eq!(parse(secret.reveal()), Some(Parsed { tenant, session, digest: secret.digest() }));
        assert_eq!(secret.reveal().len(), LENGTH);
    }
}
