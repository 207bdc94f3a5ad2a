//! Keys: one text per value, made once in Rust, so that memory, SQLite and PostgreSQL agree on equality and order.
//!
//! A key starts with the tag of its kind (`s` text, `b` boolean, `n` number, `t` time); keys are compared as bytes.
//! Text of an attribute that is not case-exact is folded first ([`fold`]). Numbers and times are written so that
//! the order of the texts is the order of the values. No database function that depends on a locale takes part.

use std::borrow::Cow;

use chrono::{DateTime, SecondsFormat, Utc};
use serde_json::Number;
use sha2::{Digest, Sha256};
use unicode_normalization::UnicodeNormalization;

/// The case-insensitive form of `text`: canonical composition (NFC) around a lower-casing that looks at one
/// character at a time. It depends on no locale and is idempotent; `ß` stays `ß` and dotless `ı` is no `i`.
///
/// The final sigma is written as the other one: lower-casing by context would give `ΑΣ` and `ασ` two keys.
pub fn fold(text: &str) -> String {
    if text.is_ascii() {
        return text.to_ascii_lowercase();
    }
    let lower = |c: char| c.to_lowercase().map(|c| if c == 'ς' { 'σ' } else { c });
    text.nfc().flat_map(lower).nfc().collect()
}

/// The comparable form of one value. The first character is the tag of its kind.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Key(String);

/// Characters of a key that an index entry holds; PostgreSQL refuses index rows beyond about 2,700 bytes.
const INDEXED_CHARS: usize = 200;

impl Key {
    /// Text, as sent when `case_exact`, else folded.
    pub fn text(text: &str, case_exact: bool) -> Self {
        Self(if case_exact { format!("s{text}") } else { format!("s{}", fold(text)) })
    }

    /// A truth value.
    pub fn boolean(value: bool) -> Self {
        Self(if value { "btrue".into() } else { "bfalse".into() })
    }

    /// A number of at most 64 bits. An integer beyond the precision of a double keeps what the double loses.
    pub fn number(number: &Number) -> Self {
        let (double, rest) = match number.as_i64() {
            Some(integer) => {
                let double = integer as f64;
                (double, i128::from(integer) - double as i128)
            }
            None => (number.as_f64().unwrap_or_default(), 0),
        };
        // -0.0 equals 0.0; adding zero makes it so.
        let bits = (double + 0.0).to_bits();
        let ordered = if bits >> 63 == 0 { bits | 1 << 63 } else { !bits };
        Self(format!("n{ordered:016x}{:04x}", rest + 0x8000))
    }

    /// A point in time.
    pub fn time(time: DateTime<Utc>) -> Self {
        Self(format!("t{}", time.to_rfc3339_opts(SecondsFormat::Nanos, true)))
    }

    /// The whole key, tag included.
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// The key without its tag.
    pub fn body(&self) -> &str {
        &self.0[1..]
    }

    /// Whether it is the key of a text.
    pub fn is_text(&self) -> bool {
        self.0.starts_with('s')
    }

    /// What an index holds of the key: all of it when short; else its first 200 characters and a digest of the
    /// whole, with the whole beside it for comparisons that the cut cannot decide.
    pub fn stored(&self) -> (Cow<'_, str>, Option<&str>) {
        match self.0.char_indices().nth(INDEXED_CHARS) {
            None => (Cow::Borrowed(&self.0), None),
            Some((cut, _)) => {
                let digest = Sha256::digest(self.0.as_bytes());
                let mut short = self.0[..cut].to_owned();
                for byte in &digest[..16] {
                    short.push_str(&format!("{byte:02x}"));
                }
                (Cow::Owned(short), Some(&self.0))
            }
        }
    }

    /// The first characters of the key, as many as an index holds of any key.
    pub fn indexed_prefix(&self) -> &str {
        self.0.char_indices().nth(INDEXED_CHARS).map_or(&self.0, |(cut, _)| &self.0[..cut])
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn fold_joins_what_people_call_the_same() {
        for (one, other) in [
            ("Admin@X", "admin@x"),
            ("Élodie", "e\u{301}LODIE"),
            ("ΟΔΥΣΣΕΥΣ", "οδυσσευς"),
            ("\u{212a}elvin", "kelvin"),
            ("Ǆ", "ǆ"),
        ] {
            assert_eq!(fold(one), fold(other), "{one} and {other}");
        }
        for (one, other) in
            [("mıke", "mike"), ("İstanbul", "istanbul"), ("straße", "strasse"), ("pаypal", "paypal")]
        {
            assert_ne!(fold(one), fold(other), "{one} and {other}");
        }
    }

    #[test]
    fn fold_is_idempotent_on_every_character() {
        for c in '\0'..=char::MAX {
            let once = fold(&c.to_string());
            assert_eq!(fold(&once), once, "U+{:04X}", u32::from(c));
        }
    }

    proptest! {
        #[test]
        fn fold_is_idempotent(text in "\\PC{0,12}") {
            let once = fold(&text);
            prop_assert_eq!(fold(&once), once);
        }

        #[test]
        fn integers_keep_their_order(a: i64, b: i64) {
            let (x, y) = (Key::number(&a.into()), Key::number(&b.into()));
            prop_assert_eq!(x.cmp(&y), a.cmp(&b));
        }

        #[test]
        fn doubles_keep_their_order(a in -1e18..1e18f64, b in -1e18..1e18f64) {
            let key = |x: f64| Key::number(&Number::from_f64(x).expect("finite"));
            prop_assert_eq!(key(a).cmp(&key(b)), a.partial_cmp(&b).expect("finite"));
        }
    }

    #[test]
    fn neighbours_beyond_double_precision_differ() {
        let key = |n: i64| Key::number(&n.into());
        assert!(key(i64::MAX - 1) < key(i64::MAX));
        assert!(key((1 << 53) + 1) > key(1 << 53));
        assert_eq!(key(5), Key::number(&Number::from_f64(5.0).expect("finite")));
        assert_eq!(key(0), Key::number(&Number::from_f64(-0.0).expect("finite")));
    }

    #[test]
    fn long_keys_are_cut_and_still_told_apart() {
        let long = |end: &str| Key::text(&format!("{}{end}", "x".repeat(1_000)), true);
        let (a, b) = (long("a"), long("b"));
        assert_ne!(a.stored().0, b.stored().0);
        assert_eq!(a.stored().1, Some(a.as_str()));
        assert_eq!(Key::text("short", true).stored(), ("sshort".into(), None));
    }
}
