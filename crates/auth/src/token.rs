//! The text of an API token: `rcl_` and the tenant.

use domain::Result;
use domain::id::TenantId;
use domain::service::tokens::Fresh;

use crate::opaque::{Family, Secret};

/// What every token begins with.
pub const PREFIX: &str = "rcl_";
const FAMILY: Family<1> = Family::new(PREFIX);
/// Characters of a token.
pub const LENGTH: usize = FAMILY.length();
/// Characters by which people know it.
const LAST: usize = 4;

/// What the text of a token says by itself.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Parsed {
    /// The tenant it claims to belong to.
    pub tenant: TenantId,
    /// The SHA-256 of the whole text.
    pub digest: [u8; 32],
}

/// A new token of the tenant, from the random numbers of the operating system.
///
/// # Errors
/// [`domain::Error::Internal`] when the operating system has no random numbers.
pub fn generate(tenant: TenantId) -> Result<Secret> {
    FAMILY.generate([tenant.0])
}

/// What is stored of a token. Its last characters are of the checksum: they tell two tokens apart and leave more to guess
/// than anybody can.
pub(crate) fn stored(secret: &Secret) -> Fresh {
    let (_, last_four) = secret.reveal().split_at(LENGTH - LAST);
    Fresh { digest: secret.digest(), last_four: last_four.to_owned() }
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
    fn a_token_says_whose_it_is() {
        let tenant = TenantId::generate();
        let secret = generate(tenant).unwrap();
        assert_eq!(parse(secret.reveal()), Some(Parsed { tenant, digest: secret.digest() }));
        assert_eq!(secret.reveal().len(), LENGTH);
    }

    #[test]
    fn its_end_is_kept() {
        let secret = generate(TenantId::generate()).unwrap();
        let Fresh { digest, last_four } = stored(&secret);
        assert_eq!((digest, last_four.len()), (secret.digest(), 4));
        assert!(secret.reveal().ends_with(&last_four));
    }

    /// Tokens that are out there must be read for as long as they live.
    #[test]
    fn the_form_does_not_change() {
        let text = "rcl_02wndAAHBC95f4B7ANlKUV_0123456789ABCDEFGHIJKLMNOPQRSTUV1Khf0p";
        assert_eq!(text.len(), LENGTH);
        let parsed = parse(text).unwrap();
        assert_eq!(parsed.tenant.to_string(), "01900000-0000-7000-8000-0123456789ab");
    }
}
