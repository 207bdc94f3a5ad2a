//! The secret in a link that is good once, to accept an invitation or to choose a new password: `rci_` and
//! the tenant.

use domain::Result;
use domain::id::TenantId;

use crate::opaque::{Family, Secret};

const FAMILY: Family<1> = Family::new("rci_");
/// Characters of the secret.
pub const LENGTH: usize = FAMILY.length();

/// What the secret of a link says by itself.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Parsed {
    /// The tenant it claims to belong to.
    pub tenant: TenantId,
    /// The SHA-256 of the whole text.
    pub digest: [u8; 32],
}

/// The secret of a new link.
///
/// # Errors
/// [`domain::Error::Internal`] when the operating system has no random numbers.
pub fn generate(tenant: TenantId) -> Result<Secret> {
    FAMILY.generate([tenant.0])
}

/// Shape, then checksum, then hash; no database. `None` for anything [`generate`] cannot have made.
pub fn parse(text: &str) -> Option<Parsed> {
    let ([tenant], digest) = FAMILY.parse(text)?;
    Some(Parsed { tenant: TenantId(tenant), digest })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_link_says_whose_it_is() {
        let tenant = TenantId::generate();
        let secret = generate(tenant).unwrap();
        assert_eq!(parse(secret.reveal()), Some(Parsed { tenant, digest: secret.digest() }));
        assert_eq!(secret.reveal().len(), LENGTH);
    }
}
