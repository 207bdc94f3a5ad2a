//! Opaque secrets: a prefix, the ids of whom it belongs to, 190 random bits, a checksum.
//!
//! ```text
//! rcl_ 0KQ2…22 base62 for each id…9 _ f3…32 base62, random…A 0…6 base62, CRC-32…
//! ```
//!
//! The prefix lets secret scanners find it and keeps one family from being taken for another; the ids tell
//! which rows to look in; the checksum lets a server refuse a mistyped or made-up secret without asking the
//! database. Stored is only the SHA-256 of the whole text: with 190 random bits a slow hash would gain nothing.
//! The prefix of a living family never changes.

use std::fmt;

use domain::{Error, Result};
use rand::TryRng;
use rand::rngs::SysRng;
use sha2::{Digest, Sha256};
use uuid::Uuid;

use crate::base62;

const ID_DIGITS: usize = 22;
const RANDOM_DIGITS: usize = 32;
const CHECKSUM_DIGITS: usize = 6;

/// The text of a secret. It is shown once, to the one it is made for, and hides from logs: `Debug` prints
/// `[redacted]` and there is no `Display`.
#[derive(Clone, PartialEq, Eq)]
pub struct Secret(String);

impl Secret {
    pub(crate) fn new(text: String) -> Self {
        Self(text)
    }

    /// The text itself.
    pub fn reveal(&self) -> &str {
        &self.0
    }

    /// What is stored of it.
    pub fn digest(&self) -> [u8; 32] {
        digest(&self.0)
    }
}

impl fmt::Debug for Secret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("[redacted]")
    }
}

/// Secrets of one form, each naming `IDS` ids.
pub(crate) struct Family<const IDS: usize> {
    prefix: &'static str,
}

impl<const IDS: usize> Family<IDS> {
    /// The family with this prefix, which no other family may have.
    pub(crate) const fn new(prefix: &'static str) -> Self {
        Self { prefix }
    }

    /// What stands between the ids and the random digits; nothing where there are no ids.
    const SEPARATOR: &'static str = if IDS == 0 { "" } else { "_" };

    /// Characters of a secret of this family.
    pub(crate) const fn length(&self) -> usize {
        self.prefix.len() + IDS * ID_DIGITS + Self::SEPARATOR.len() + RANDOM_DIGITS + CHECKSUM_DIGITS
    }

    /// A new secret, from the random numbers of the operating system.
    pub(crate) fn generate(&self, ids: [Uuid; IDS]) -> Result<Secret> {
        let mut text = String::with_capacity(self.length());
        text.push_str(self.prefix);
        for id in ids {
            text.push_str(&base62::encode(id.as_u128(), ID_DIGITS));
        }
        text.push_str(Self::SEPARATOR);
        push_random(&mut text, RANDOM_DIGITS)?;
        let sum = checksum(&text);
        text.push_str(&sum);
        Ok(Secret::new(text))
    }

    /// Shape, then checksum, then hash; no database. `None` for anything [`Self::generate`] cannot have made.
    pub(crate) fn parse(&self, text: &str) -> Option<([Uuid; IDS], [u8; 32])> {
        if text.len() != self.length() || !text.is_ascii() {
            return None;
        }
        let (body, sum) = text.split_at(text.len() - CHECKSUM_DIGITS);
        let mut rest = body.strip_prefix(self.prefix)?;
        let mut ids = [Uuid::nil(); IDS];
        for id in &mut ids {
            let (digits, behind) = rest.split_at(ID_DIGITS);
            *id = Uuid::from_u128(base62::decode(digits)?);
            rest = behind;
        }
        let random = rest.strip_prefix(Self::SEPARATOR)?;
        if !random.bytes().all(|byte| byte.is_ascii_alphanumeric()) || sum != checksum(body) {
            return None;
        }
        Some((ids, digest(text)))
    }
}

/// The SHA-256 of a text, the only form in which a secret is stored.
pub(crate) fn digest(text: &str) -> [u8; 32] {
    Sha256::digest(text.as_bytes()).into()
}

fn checksum(body: &str) -> String {
    base62::encode(crc32fast::hash(body.as_bytes()).into(), CHECKSUM_DIGITS)
}

/// Random bytes of the operating system.
///
/// # Errors
/// [`Error::Internal`] when it has none.
pub(crate) fn random_bytes<const BYTES: usize>() -> Result<[u8; BYTES]> {
    let mut bytes = [0_u8; BYTES];
    SysRng.try_fill_bytes(&mut bytes).map_err(Error::internal)?;
    Ok(bytes)
}

/// Appends random digits, each of the 62 equally likely: bytes past the last multiple of 62 are thrown away,
/// because the remainder of all 256 would prefer the first eight digits.
fn push_random(text: &mut String, digits: usize) -> Result<()> {
    const FAIR: u8 = 248;
    let end = text.len() + digits;
    while text.len() < end {
        let bytes = random_bytes::<64>()?;
        let room = end - text.len();
        text.extend(bytes.iter().filter(|&&byte| byte < FAIR).take(room).map(|&byte| base62::digit(byte)));
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{link, platform_token, refresh, token};
    use domain::id::TenantId;
    use proptest::prelude::*;
    use std::collections::HashSet;

    const FAMILY: Family<1> = Family::new("tst_");

    #[test]
    fn a_hundred_thousand_secrets_parse_differ_and_are_fair() {
        const SECRETS: usize = 100_000;
        let id = Uuid::now_v7();
        let mut seen = HashSet::new();
        let mut counts = [[0_u32; 128]; RANDOM_DIGITS];
        for _ in 0..SECRETS {
            let secret = FAMILY.generate([id]).unwrap();
            let text = secret.reveal();
            assert_eq!(FAMILY.parse(text), Some(([id], secret.digest())));
            let start = 4 + ID_DIGITS + 1;
            for (place, byte) in text[start..start + RANDOM_DIGITS].bytes().enumerate() {
                counts[place][usize::from(byte)] += 1;
            }
            assert!(seen.insert(text.to_owned()), "a secret was made twice");
        }
        // Chi-square with 61 degrees of freedom: 130 is passed by chance about once in a million positions.
        let expected = SECRETS as f64 / 62.0;
        for (place, count) in counts.iter().enumerate() {
            let digits = (0_u8..128).filter(u8::is_ascii_alphanumeric);
            let chi: f64 = digits
                .map(|digit| (f64::from(count[usize::from(digit)]) - expected).powi(2) / expected)
                .sum();
            assert!(chi < 130.0, "position {place} is not fair: chi-square {chi}");
        }
    }

    #[test]
    fn every_single_character_corruption_is_refused() {
        fn try_all<const IDS: usize>(family: Family<IDS>) {
            let secret = family.generate([Uuid::now_v7(); IDS]).unwrap();
            let text = secret.reveal();
            assert_eq!(text.len(), family.length());
            for place in 0..text.len() {
                for other in (0_u8..128).map(char::from).chain(['é']) {
                    let mut broken: Vec<char> = text.chars().collect();
                    if broken[place] == other {
                        continue;
                    }
                    broken[place] = other;
                    assert_eq!(
                        family.parse(&broken.into_iter().collect::<String>()),
                        None,
                        "{place} {other:?}"
                    );
                }
            }
        }
        try_all(Family::<0>::new("tst_"));
        try_all(Family::<1>::new("tst_"));
        try_all(Family::<2>::new("tst_"));
    }

    #[test]
    fn other_shapes_are_refused() {
        let secret = FAMILY.generate([Uuid::now_v7()]).unwrap();
        let text = secret.reveal();
        for wrong in ["", "null", "tst_", &text[1..], &text[..text.len() - 1], &format!("{text}0")] {
            assert_eq!(FAMILY.parse(wrong), None);
        }
        // A right checksum does not make an id past 128 bits.
        let body = format!("tst_{}_{}", "z".repeat(ID_DIGITS), "0".repeat(RANDOM_DIGITS));
        assert_eq!(FAMILY.parse(&format!("{body}{}", checksum(&body))), None);
    }

    #[test]
    fn debug_hides_the_secret() {
        let secret = FAMILY.generate([Uuid::now_v7()]).unwrap();
        assert_eq!(format!("{secret:?}"), "[redacted]");
    }

    /// Which of the four parsers take the text.
    fn taken_by(text: &str) -> [bool; 4] {
        [
            token::parse(text).is_some(),
            refresh::parse(text).is_some(),
            link::parse(text).is_some(),
            platform_token::parse(text).is_some(),
        ]
    }

    proptest! {
        /// Also when somebody gives a secret of one family the prefix of another.
        #[test]
        fn no_family_takes_a_secret_of_another(tenant: u128, session: u128) {
            let tenant = TenantId(Uuid::from_u128(tenant));
            let secrets = [
                token::generate(tenant),
                refresh::generate(tenant, Uuid::from_u128(session), refresh::lineage().unwrap()),
                link::generate(tenant),
                platform_token::generate(),
            ]
            .map(Result::unwrap);
            for (own, secret) in secrets.iter().enumerate() {
                let expected: [bool; 4] = std::array::from_fn(|family| family == own);
                prop_assert_eq!(taken_by(secret.reveal()), expected);
                for (other, prefix) in ["rcl_", "rcr_", "rci_", "rcp_"].into_iter().enumerate() {
                    let renamed = format!("{prefix}{}", &secret.reveal()[4..]);
                    prop_assert_eq!(taken_by(&renamed).contains(&true), other == own);
                }
            }
        }

        #[test]
        fn made_up_text_is_no_secret(text in "rc[lrip]_[0-9A-Za-z_]{38,83}") {
            prop_assert_eq!(taken_by(&text), [false; 4]);
        }
    }
}
