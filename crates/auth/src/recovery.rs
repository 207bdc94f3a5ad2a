//! Recovery codes: the way in for somebody who has lost the authenticator app.

use domain::Result;
use zeroize::Zeroizing;

use crate::base32;
use crate::opaque::{Secret, digest, random_bytes};

/// Codes that an account gets at once. New ones make the old ones void.
pub const CODES: usize = 10;
/// 120 random bits: from 112 on a plain digest is enough to store (OWASP ASVS 6.5.2).
const BYTES: usize = 15;
const DIGITS: usize = 24;
const GROUP: usize = 6;

/// Ten new codes, each four groups of six letters and digits: `ABCDEF-GHIJKL-MNOPQR-STUVWX`.
///
/// # Errors
/// [`domain::Error::Internal`] when the operating system has no random numbers.
pub fn generate() -> Result<Vec<Secret>> {
    (0..CODES).map(|_| Ok(Secret::new(grouped(&base32::encode(&random_bytes::<BYTES>()?))))).collect()
}

/// What is stored of the code that somebody typed, and looked for among the codes of the account; it counts once.
/// Case, spaces and hyphens do not matter. `None` for what is no code.
pub fn parse(text: &str) -> Option<[u8; 32]> {
    let written = text.chars().filter(|character| !matches!(character, '-' | ' '));
    // One more than a code has, so that a longer text is seen to be longer without being read to its end.
    let digits: Zeroizing<String> =
        Zeroizing::new(written.map(|character| character.to_ascii_uppercase()).take(DIGITS + 1).collect());
    let whole = digits.chars().count() == DIGITS && digits.chars().all(base32::is_digit);
    whole.then(|| digest(&Zeroizing::new(grouped(&digits))))
}

fn grouped(digits: &str) -> String {
    let mut text = String::with_capacity(DIGITS + DIGITS / GROUP);
    for (place, digit) in digits.chars().enumerate() {
        if place > 0 && place % GROUP == 0 {
            text.push('-');
        }
        text.push(digit);
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::collections::HashSet;

    #[test]
    fn ten_different_codes_in_four_groups() {
        let codes = generate().unwrap();
        let digests: HashSet<_> = codes.iter().map(Secret::digest).collect();
        assert_eq!((codes.len(), digests.len()), (CODES, CODES));
        for code in &codes {
            let groups: Vec<&str> = code.reveal().split('-').collect();
            assert_eq!(groups.len(), 4, "{groups:?}");
            assert!(groups.iter().all(|group| group.len() == GROUP && group.chars().all(base32::is_digit)));
            assert_eq!(format!("{code:?}"), "[redacted]");
        }
    }

    #[test]
    fn a_code_is_known_however_it_is_typed() {
        for code in generate().unwrap() {
            let text = code.reveal();
            for typed in [text.to_owned(), text.to_lowercase(), text.replace('-', ""), text.replace('-', " ")]
            {
                assert_eq!(parse(&typed), Some(code.digest()), "{typed}");
            }
            for wrong in
                [&text[1..], &format!("{text}A"), &text.replace('-', "_"), &format!("0{}", &text[1..])]
            {
                assert_eq!(parse(wrong), None, "{wrong}");
            }
        }
        assert_eq!(parse(""), None);
        assert_eq!(parse("- - -"), None);
    }
}
