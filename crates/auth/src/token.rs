//! The text of an API token: `rcl_`, the tenant, `_`, 190 random bits, a checksum.
//!
//! ```text
//! rcl_ 0KQ2…22 base62…9 _ f3…32 base62, random…A 0…6 base62, CRC-32…
//! ```
//!
//! The prefix lets secret scanners find it; the tenant tells which rows to look in; the checksum lets a
//! server refuse a mistyped or made-up token without asking the database. Stored is only the SHA-256 of the
//! whole text: with 190 random bits a slow hash would gain nothing. The prefix of living tokens never changes.

use std::fmt;

use domain::id::TenantId;
use domain::{Error, Result};
use rand::TryRng;
use rand::rngs::SysRng;
use sha2::{Digest, Sha256};
use uuid::Uuid;

use crate::base62;

/// What every token begins with.
pub const PREFIX: &str = "rcl_";
const TENANT_DIGITS: usize = 22;
const RANDOM_DIGITS: usize = 32;
const CHECKSUM_DIGITS: usize = 6;
/// Characters of a token.
pub const LENGTH: usize = PREFIX.len() + TENANT_DIGITS + 1 + RANDOM_DIGITS + CHECKSUM_DIGITS;

/// The text of a token. It is shown once, to the one who made it, and hides from logs: `Debug` prints
/// `[redacted]` and there is no `Display`.
#[derive(Clone, PartialEq, Eq)]
pub struct Secret(String);

impl Secret {
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
/// [`Error::Internal`] when the operating system has no random numbers.
pub fn generate(tenant: TenantId) -> Result<Secret> {
    let mut text = String::with_capacity(LENGTH);
    text.push_str(PREFIX);
    text.push_str(&base62::encode(tenant.0.as_u128(), TENANT_DIGITS));
    text.push('_');
    push_random(&mut text, RANDOM_DIGITS)?;
    let sum = checksum(&text);
    text.push_str(&sum);
    Ok(Secret(text))
}

/// Shape, then checksum, then hash; no database. `None` for anything [`generate`] cannot have made.
pub fn parse(text: &str) -> Option<Parsed> {
    if text.len() != LENGTH || !text.is_ascii() {
        return None;
    }
    let (body, sum) = text.split_at(LENGTH - CHECKSUM_DIGITS);
    let (tenant, random) = body.strip_prefix(PREFIX)?.split_at(TENANT_DIGITS);
    let random = random.strip_prefix('_')?;
    if !random.bytes().all(|byte| byte.is_ascii_alphanumeric()) || sum != checksum(body) {
        return None;
    }
    let tenant = TenantId(Uuid::from_u128(base62::decode(tenant)?));
    Some(Parsed { tenant, digest: digest(text) })
}

fn digest(text: &str) -> [u8; 32] {
    Sha256::digest(text.as_bytes()).into()
}

fn checksum(body: &str) -> String {
    base62::encode(crc32fast::hash(body.as_bytes()).into(), CHECKSUM_DIGITS)
}

/// Appends random digits, each of the 62 equally likely: bytes past the last multiple of 62 are thrown away,
/// because the remainder of all 256 would prefer the first eight digits.
fn push_random(text: &mut String, digits: usize) -> Result<()> {
    const FAIR: u8 = 248;
    let end = text.len() + digits;
    let mut bytes = [0_u8; 64];
    while text.len() < end {
        SysRng.try_fill_bytes(&mut bytes).map_err(Error::internal)?;
        let room = end - text.len();
        text.extend(bytes.iter().filter(|&&byte| byte < FAIR).take(room).map(|&byte| base62::digit(byte)));
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::collections::HashSet;

    #[test]
    fn a_hundred_thousand_tokens_parse_differ_and_are_fair() {
        const TOKENS: usize = 100_000;
        let tenant = TenantId::generate();
        let mut seen = HashSet::new();
        let mut counts = [[0_u32; 128]; RANDOM_DIGITS];
        for _ in 0..TOKENS {
            let secret = generate(tenant).unwrap();
            let text = secret.reveal();
            assert_eq!(parse(text), Some(Parsed { tenant, digest: secret.digest() }));
            let start = PREFIX.len() + TENANT_DIGITS + 1;
            for (place, byte) in text[start..start + RANDOM_DIGITS].bytes().enumerate() {
                counts[place][usize::from(byte)] += 1;
            }
            assert!(seen.insert(text.to_owned()), "a token was made twice");
        }
        // Chi-square with 61 degrees of freedom: 130 is passed by chance about once in a million positions.
        let expected = TOKENS as f64 / 62.0;
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
        let secret = generate(TenantId::generate()).unwrap();
        let text = secret.reveal();
        for place in 0..text.len() {
            for other in (0_u8..128).map(char::from).chain(['é']) {
                let mut broken: Vec<char> = text.chars().collect();
                if broken[place] == other {
                    continue;
                }
                broken[place] = other;
                assert_eq!(parse(&broken.into_iter().collect::<String>()), None, "{place} {other:?}");
            }
        }
    }

    #[test]
    fn other_shapes_are_refused() {
        let secret = generate(TenantId::generate()).unwrap();
        let text = secret.reveal();
        for wrong in ["", "null", "rcl_", &text[1..], &text[..text.len() - 1], &format!("{text}0")] {
            assert_eq!(parse(wrong), None);
        }
        // A right checksum does not make a tenant past 128 bits.
        let body = format!("{PREFIX}{}_{}", "z".repeat(TENANT_DIGITS), "0".repeat(RANDOM_DIGITS));
        assert_eq!(parse(&format!("{body}{}", checksum(&body))), None);
    }

    #[test]
    fn debug_hides_the_secret() {
        let secret = generate(TenantId::generate()).unwrap();
        assert_eq!(format!("{secret:?}"), "[redacted]");
    }
}
