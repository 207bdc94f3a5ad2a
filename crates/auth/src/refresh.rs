//! The refresh token of an admin's session: `rcr_`, the tenant, the session, and what all tokens of the session share.
//!
//! It is good for one new access token and one successor. A used one that comes back means that two people hold
//! it. It is known by its lineage, a random number that is in no other text of ours: the session it names can be ended without
//! a list of digests, and not by who has only seen the id of the session.

use domain::Result;
use domain::id::TenantId;
use uuid::Uuid;

use crate::opaque::{Family, Secret, random_bytes};

const FAMILY: Family<3> = Family::new("rcr_");
/// Characters of a refresh token.
pub const LENGTH: usize = FAMILY.length();

/// What the text of a refresh token says by itself.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Parsed {
    /// The tenant it claims to belong to.
    pub tenant: TenantId,
    /// The session it claims to prolong.
    pub session: Uuid,
    /// What it shares with the other ones of the session.
    pub lineage: Uuid,
    /// The SHA-256 of the whole text.
    pub digest: [u8; 32],
}

/// What all refresh tokens of a new session share: 122 random bits.
///
/// # Errors
/// [`domain::Error::Internal`] when the operating system has no random numbers.
pub fn lineage() -> Result<Uuid> {
    Ok(uuid::Builder::from_random_bytes(random_bytes()?).into_uuid())
}

/// A new refresh token of the session with this lineage.
///
/// # Errors
/// [`domain::Error::Internal`] when the operating system has no random numbers.
pub fn generate(tenant: TenantId, session: Uuid, lineage: Uuid) -> Result<Secret> {
    FAMILY.generate([tenant.0, session, lineage])
}

/// Shape, then checksum, then hash; no database. `None` for anything [`generate`] cannot have made.
pub fn parse(text: &str) -> Option<Parsed> {
    let ([tenant, session, lineage], digest) = FAMILY.parse(text)?;
    Some(Parsed { tenant: TenantId(tenant), session, lineage, digest })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_refresh_token_says_whose_it_is() {
        let (tenant, session, lineage) = (TenantId::generate(), Uuid::now_v7(), lineage().unwrap());
        let secret = generate(tenant, session, lineage).unwrap();
        let digest = secret.digest();
        assert_eq!(parse(secret.reveal()), Some(Parsed { tenant, session, lineage, digest }));
        assert_eq!(secret.reveal().len(), LENGTH);
    }
}
