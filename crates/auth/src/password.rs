//! Passwords of admins: the text somebody typed, and what a new one must be.
//!
//! The rules are those of NIST SP 800-63B-4 section 3.1.1 and OWASP ASVS 6.2: long, hard to guess, and nothing about
//! which characters it is made of.

pub mod hasher;

use std::fmt;

use domain::key::fold;
use domain::{Error, Result};
use unicode_normalization::UnicodeNormalization;
use zeroize::Zeroizing;
use zxcvbn::{Score, zxcvbn};

/// Characters of the shortest new password.
pub const SHORTEST: usize = 15;
/// Characters of the longest new password.
pub const LONGEST: usize = 256;
/// Bytes of the longest text that is looked at: four times the longest password, because in another form of Unicode it may
/// be longer.
pub const TYPED_BYTES: usize = 4 * LONGEST * char::MAX.len_utf8();
/// Characters that are judged for how easily they are guessed. The work grows with the square of the text and with the
/// ways to read symbols as letters; for this many it is about that of one hash, for a hundred it is ten times as much.
/// So the beginning of a long password has to be hard to guess by itself.
const JUDGED: usize = 32;
/// A shorter name of the account may stand in a password: it would stand there by chance.
const SHORTEST_NAME: usize = 4;
const PRODUCT: &str = "rollcall";

/// A password as it was typed, in canonical composition (NFC), so that it is the same from every keyboard. It hides
/// from logs and is wiped when dropped.
pub struct Password(Zeroizing<String>);

impl Password {
    /// The password that this text is. The text is wiped.
    pub fn new(text: String) -> Self {
        let text = Zeroizing::new(text);
        // No character becomes more than three times as long, so nothing is left behind by growing.
        let mut composed = Zeroizing::new(String::with_capacity(text.len() * 3));
        composed.extend(text.nfc());
        Self(composed)
    }

    /// The same for what anybody can send, which may be of any length. The text is wiped.
    ///
    /// # Errors
    /// [`Error::InvalidValue`] for one that is too long to be a password in any form of Unicode.
    pub fn typed(text: String) -> Result<Self> {
        if text.len() > TYPED_BYTES {
            drop(Zeroizing::new(text));
            return too_long();
        }
        Ok(Self::new(text))
    }

    /// Whether the account may have this as its new password. It is as much work as a hash, so it belongs where hashes
    /// are made.
    ///
    /// # Errors
    /// [`Error::InvalidValue`] that says what is wrong with it, and holds nothing of it.
    pub fn judge(&self, account: &Account<'_>) -> Result<()> {
        let length = self.0.chars().count();
        if length < SHORTEST {
            return refuse(format!("the password is too short: it needs at least {SHORTEST} characters"));
        }
        if length > LONGEST {
            return too_long();
        }
        let names = account.names();
        let folded = Zeroizing::new(fold(&self.0));
        for (what, name) in &names {
            if name.chars().count() >= SHORTEST_NAME && folded.contains(name.as_str()) {
                return refuse(format!("the password contains {what}"));
            }
        }
        let names: Vec<&str> = names.iter().map(|(_, name)| name.as_str()).collect();
        let judged: Zeroizing<String> = Zeroizing::new(self.0.chars().take(JUDGED).collect());
        let found = zxcvbn(&judged, &names);
        if found.score() >= Score::Three {
            return Ok(());
        }
        let advice = found.feedback().map(ToString::to_string).unwrap_or_default();
        refuse(format!("the password is easy to guess. {advice}").trim_end().to_owned())
    }

    fn as_bytes(&self) -> &[u8] {
        self.0.as_bytes()
    }
}

impl fmt::Debug for Password {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("[redacted]")
    }
}

/// Whose password it is to be: words that somebody who knows the account would try first.
pub struct Account<'a> {
    /// The address it signs in with.
    pub email: &'a str,
    /// The short name of its tenant.
    pub tenant: &'a str,
}

impl Account<'_> {
    /// What is looked for, and what it is called to people.
    fn names(&self) -> [(&'static str, String); 3] {
        let local = self.email.rsplit_once('@').map_or(self.email, |(local, _)| local);
        [
            ("the name in your e-mail address", fold(local)),
            ("the name of your organisation", fold(self.tenant)),
            ("the name of this product", PRODUCT.to_owned()),
        ]
    }
}

fn refuse<T>(reason: String) -> Result<T> {
    Err(Error::InvalidValue(reason))
}

fn too_long<T>() -> Result<T> {
    refuse(format!("the password is too long: it may have at most {LONGEST} characters"))
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn a_text_of_any_length_is_not_looked_at() {
        // The longest password in its longest form is.
        assert!(Password::typed("\u{1f600}".repeat(LONGEST)).is_ok());
        assert!(Password::typed("a".repeat(TYPED_BYTES)).is_ok());
        let refused = Password::typed("a".repeat(TYPED_BYTES + 1));
        assert!(matches!(refused, Err(Error::InvalidValue(reason)) if reason.contains("at most 256")));
    }

    const JANE: Account<'_> = Account { email: "Jane.Doe@example.com", tenant: "acme" };

    /// Why it is refused; empty when it is not.
    fn reason(text: &str) -> String {
        match Password::new(text.to_owned()).judge(&JANE) {
            Ok(()) => String::new(),
            Err(Error::InvalidValue(reason)) => reason,
            Err(other) => panic!("{other:?}"),
        }
    }

    /// So many characters that nobody guesses.
    fn random(characters: usize) -> String {
        "9fK2 mQ7x-W4bN ß8vT z3Rq".chars().cycle().take(characters).collect()
    }

    #[test]
    fn length_is_counted_in_characters() {
        assert_eq!(reason(&random(14)), "the password is too short: it needs at least 15 characters");
        assert_eq!(reason(&random(15)), "");
        assert_eq!(reason(&random(256)), "");
        assert_eq!(reason(&random(257)), "the password is too long: it may have at most 256 characters");
        // 14 characters, though 28 bytes, and 27 characters before composition.
        assert!(reason("äöüéèàñçâêîôûõ").contains("too short"));
        assert!(
            reason("a\u{308}o\u{308}u\u{308}e\u{301}e\u{300}a\u{300}n\u{303}o\u{302}k2b4d6")
                .contains("too short")
        );
    }

    #[test]
    fn no_kind_of_character_is_asked_for_or_refused() {
        for good in [
            "xkcd tree window plum",
            "zebraquiltmarsh orbit",
            "пятнистый кактус танцует",
            "灯台守は毎晩青い鯨に手紙を書く",
            "plum 🦀 orbit 🌵 quilt 🎻",
            "9371 5620 8846 1379",
        ] {
            assert_eq!(reason(good), "", "{good}");
        }
    }

    #[test]
    fn what_is_common_or_guessable_is_refused_with_advice() {
        for bad in [
            "passwordpassword",
            "password1234567",
            "Password123456!",
            "p4ssw0rdp4ssw0rd",
            "123456789012345",
            "qwertyuiopasdfgh",
            "qwertyuiop[]asdf",
            "iloveyouiloveyou",
            "letmeinletmein!",
            "trustno1trustno1",
            "aaaaaaaaaaaaaaaaaaaa",
            "abcdefghijklmno",
            "ééééééééééééééé",
        ] {
            let reason = reason(bad);
            assert!(reason.starts_with("the password is easy to guess. "), "{bad}: {reason}");
            assert!(reason.ends_with('.') && reason.len() > 60 && !reason.contains(bad), "{bad}: {reason}");
        }
        // A hard end does not save an easy beginning.
        assert!(reason(&format!("{}{}", "a".repeat(32), random(40))).contains("easy to guess"));
    }

    #[test]
    fn names_of_the_account_are_refused() {
        let phrase = "xkcd tree window plum";
        assert_eq!(
            reason(&format!("{phrase} jANE.dOE")),
            "the password contains the name in your e-mail address"
        );
        assert_eq!(reason(&format!("ACME {phrase}")), "the password contains the name of your organisation");
        assert_eq!(reason(&format!("{phrase}RollCall")), "the password contains the name of this product");
        let short = Account { email: "ann@example.com", tenant: "xyz" };
        let longer = Account { email: "anna@example.com", tenant: "xyz" };
        let text = || Password::new(format!("{phrase} susanna xyz"));
        assert!(text().judge(&short).is_ok(), "three letters stand there by chance");
        assert!(text().judge(&longer).is_err());
        assert!(
            Password::new("annannannannann".into()).judge(&short).is_err(),
            "but they make nothing better"
        );
        // Composed and folded on both sides.
        let accent = Account { email: "Andre\u{301}@example.com", tenant: "xyz" };
        assert!(Password::new(format!("{phrase} ANDRÉ")).judge(&accent).is_err());
    }

    #[test]
    fn debug_hides_it() {
        assert_eq!(format!("{:?}", Password::new("secret".into())), "[redacted]");
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(64))]

        #[test]
        fn both_forms_of_a_text_are_one_password(text in "\\PC{0,40}") {
            let composed = Password::new(text.nfc().collect());
            let decomposed = Password::new(text.nfd().collect());
            prop_assert_eq!(composed.as_bytes(), decomposed.as_bytes());
        }

        #[test]
        fn any_text_is_judged_and_no_reason_repeats_it(text in "\\PC{15,40}") {
            let reason = reason(&text);
            prop_assert!(!reason.contains(text.as_str()));
        }
    }
}
