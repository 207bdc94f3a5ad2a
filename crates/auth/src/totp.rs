//! The second factor: codes of six digits by RFC 6238, as every authenticator app makes them.

use std::fmt;

use chrono::{DateTime, Utc};
use domain::Result;
use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, utf8_percent_encode};
use totp_rs::{Algorithm, Builder, Totp};
use zeroize::Zeroizing;

use crate::{base32, opaque};

/// Bytes of a secret: 160 bits, as RFC 4226 section 4 recommends.
pub const SECRET_BYTES: usize = 20;
const DIGITS: u8 = 6;
const SECONDS: u64 = 30;
/// Steps before and after the present one whose codes are taken too, for clocks that differ and slow fingers.
const SKEW: u16 = 1;

/// What an account and its authenticator app share. It hides from logs and is wiped when dropped.
#[derive(Clone)]
pub struct TotpSecret(Zeroizing<[u8; SECRET_BYTES]>);

impl TotpSecret {
    /// A new secret, from the random numbers of the operating system.
    ///
    /// # Errors
    /// [`domain::Error::Internal`] when the operating system has no random numbers.
    pub fn generate() -> Result<Self> {
        opaque::random_bytes().map(|bytes| Self(Zeroizing::new(bytes)))
    }

    /// The secret with these bytes.
    pub fn from_bytes(bytes: [u8; SECRET_BYTES]) -> Self {
        Self(Zeroizing::new(bytes))
    }

    /// What is stored.
    pub fn as_bytes(&self) -> &[u8; SECRET_BYTES] {
        &self.0
    }

    /// The text for people who cannot scan.
    pub fn to_base32(&self) -> Zeroizing<String> {
        Zeroizing::new(base32::encode(&*self.0))
    }

    /// The address that a QR code holds. The app shows `issuer` and `account`.
    pub fn to_url(&self, issuer: &str, account: &str) -> Zeroizing<String> {
        // RFC 3986 section 2.3: the unreserved characters stay. A space is %20, because apps do not read `+`.
        const KEPT: &AsciiSet = &NON_ALPHANUMERIC.remove(b'-').remove(b'.').remove(b'_').remove(b'~');
        let (issuer, account) = (utf8_percent_encode(issuer, KEPT), utf8_percent_encode(account, KEPT));
        let secret = self.to_base32();
        Zeroizing::new(format!(
            "otpauth://totp/{issuer}:{account}?secret={}&issuer={issuer}&algorithm=SHA1&digits={DIGITS}&period={SECONDS}",
            *secret
        ))
    }

    fn totp(&self) -> Totp {
        // SHA-1 because apps pass over the wish for another algorithm; an HMAC does not suffer from its collisions.
        Builder::new()
            .with_algorithm(Algorithm::SHA1)
            .with_digits(DIGITS)
            .with_skew(SKEW)
            .with_step_duration(SECONDS)
            .with_secret(*self.0)
            .build_noncompliant()
    }
}

impl fmt::Debug for TotpSecret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("[redacted]")
    }
}

/// The step whose code this is, if it is near `now` and newer than `last_step`.
///
/// RFC 6238 section 5.2: "The verifier MUST NOT accept the second attempt of the OTP". So the caller stores the step
/// as the last one of the account, in the transaction that lets the code count, and gives it back here.
pub fn verify(secret: &TotpSecret, code: &str, last_step: Option<u64>, now: DateTime<Utc>) -> Option<u64> {
    let seconds = u64::try_from(now.timestamp()).ok()?;
    let step = secret.totp().check(code, seconds)?;
    last_step.is_none_or(|last| step > last).then_some(step)
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn known() -> TotpSecret {
        TotpSecret::from_bytes(*b"12345678901234567890")
    }

    fn at(seconds: u64) -> DateTime<Utc> {
        DateTime::from_timestamp(i64::try_from(seconds).unwrap(), 0).unwrap()
    }

    /// RFC 6238 appendix B, the rows of SHA-1, the last six of eight digits.
    #[test]
    fn vectors_of_the_rfc() {
        for (seconds, code) in [
            (59, "287082"),
            (1_111_111_109, "081804"),
            (1_111_111_111, "050471"),
            (1_234_567_890, "005924"),
            (2_000_000_000, "279037"),
            (20_000_000_000, "353130"),
        ] {
            assert_eq!(verify(&known(), code, None, at(seconds)), Some(seconds / 30), "{seconds}");
        }
    }

    #[test]
    fn a_code_holds_one_step_before_and_after_its_own_and_no_longer() {
        // The code of step 37,037,037, which begins at 1,111,111,110.
        let (code, begin) = ("050471", 1_111_111_110);
        for seconds in [begin - 30, begin, begin + 59] {
            assert_eq!(verify(&known(), code, None, at(seconds)), Some(37_037_037), "{seconds}");
        }
        for seconds in [begin - 31, begin + 60] {
            assert_eq!(verify(&known(), code, None, at(seconds)), None, "{seconds}");
        }
    }

    #[test]
    fn a_code_counts_once() {
        let now = at(1_111_111_111);
        assert_eq!(verify(&known(), "050471", Some(37_037_036), now), Some(37_037_037));
        assert_eq!(verify(&known(), "050471", Some(37_037_037), now), None);
        // The code of the step before is not good any more either, once a newer one was used.
        assert_eq!(verify(&known(), "081804", None, now), Some(37_037_036));
        assert_eq!(verify(&known(), "081804", Some(37_037_037), now), None);
    }

    #[test]
    fn what_is_no_code_is_refused() {
        for wrong in ["", "50471", "0504710", "+50471", " 50471", "05047l", "０５０４７１", "050 471"] {
            assert_eq!(verify(&known(), wrong, None, at(1_111_111_111)), None, "{wrong}");
        }
        let before_1970 = DateTime::from_timestamp(-1, 0).unwrap();
        assert_eq!(verify(&known(), "755224", None, before_1970), None);
    }

    #[test]
    fn the_address_is_what_apps_read() {
        assert_eq!(
            *known().to_url("Rollcall & Co", "jane+x@example.com"),
            "otpauth://totp/Rollcall%20%26%20Co:jane%2Bx%40example.com?secret=GEZDGNBVGY3TQOJQGEZDGNBVGY3TQOJQ\
             &issuer=Rollcall%20%26%20Co&algorithm=SHA1&digits=6&period=30"
        );
    }

    #[test]
    fn secrets_differ_and_hide() {
        let (one, other) = (TotpSecret::generate().unwrap(), TotpSecret::generate().unwrap());
        assert_ne!(one.as_bytes(), other.as_bytes());
        assert_eq!(format!("{one:?}"), "[redacted]");
    }

    proptest! {
        /// Whatever the secret and the time, the code of that time is taken once.
        #[test]
        fn the_code_of_now_is_taken_once(bytes: [u8; 20], seconds in 60_u64..10_000_000_000) {
            let secret = TotpSecret::from_bytes(bytes);
            let code = secret.totp().generate(seconds).to_string();
            let step = verify(&secret, &code, None, at(seconds));
            prop_assert!(step.is_some_and(|step| step.abs_diff(seconds / 30) <= 1));
            prop_assert_eq!(verify(&secret, &code, step, at(seconds)), None);
        }
    }
}
