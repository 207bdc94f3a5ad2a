//! The keys that sign access tokens: the present one, and the one before it while its tokens live.
//!
//! All processes read the same keys from the database. A new key is known everywhere before it signs, and an old one
//! is believed until its last token has ended, so a rotation signs nobody out.

use std::fmt;

use chrono::{DateTime, TimeDelta, Utc};
use domain::{Error, Result};
use jsonwebtoken::{DecodingKey, EncodingKey};
use uuid::Uuid;
use zeroize::Zeroizing;

use crate::access::{LEEWAY, LIFETIME};
use crate::opaque::random_bytes;

/// Bytes of a key: as many as the digest has, as RFC 7518 section 3.2 asks for.
pub const KEY_BYTES: usize = 32;
/// When a new key should follow.
pub const ROTATE_AFTER: TimeDelta = TimeDelta::days(30);
/// How long a new key waits before it signs. Every process reads the keys anew more often than that.
pub const SETTLE: TimeDelta = TimeDelta::minutes(5);

/// One key of HMAC-SHA-256. It hides from logs and is wiped when dropped.
#[derive(Clone)]
pub struct SigningKey {
    id: Uuid,
    secret: Zeroizing<[u8; KEY_BYTES]>,
    created: DateTime<Utc>,
    pub(crate) signing: EncodingKey,
    pub(crate) verifying: DecodingKey,
}

impl SigningKey {
    /// A new key, from the random numbers of the operating system.
    ///
    /// # Errors
    /// [`Error::Internal`] when the operating system has no random numbers.
    pub fn generate(now: DateTime<Utc>) -> Result<Self> {
        Ok(Self::from_parts(Uuid::now_v7(), &random_bytes()?, now))
    }

    /// A key as it was stored.
    pub fn from_parts(id: Uuid, secret: &[u8; KEY_BYTES], created: DateTime<Utc>) -> Self {
        let (signing, verifying) = (EncodingKey::from_secret(secret), DecodingKey::from_secret(secret));
        Self { id, secret: Zeroizing::new(*secret), created, signing, verifying }
    }

    /// Its public name, the `kid` of a token.
    pub fn id(&self) -> Uuid {
        self.id
    }

    /// What is stored of it.
    pub fn secret(&self) -> &[u8; KEY_BYTES] {
        &self.secret
    }

    /// When it was made.
    pub fn created(&self) -> DateTime<Utc> {
        self.created
    }
}

impl fmt::Debug for SigningKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "SigningKey({}, [redacted])", self.id)
    }
}

/// At most two keys.
#[derive(Clone, Debug)]
pub struct KeyRing {
    current: SigningKey,
    previous: Option<SigningKey>,
}

impl KeyRing {
    /// A ring of one key. A ring that replaces another one this way makes every token void at once: for a key that
    /// has leaked.
    pub fn of(current: SigningKey) -> Self {
        Self { current, previous: None }
    }

    /// The ring of the stored keys: the two newest ones, in whatever order they come. `None` where there are none.
    pub fn from_stored(mut keys: Vec<SigningKey>) -> Option<Self> {
        keys.sort_by_key(|key| (key.created, key.id));
        let current = keys.pop()?;
        Some(Self { current, previous: keys.pop() })
    }

    /// The ring with one more key, in which the oldest one has gone.
    ///
    /// # Errors
    /// [`Error::Conflict`] while tokens of the oldest key may live, and for a key that is older than the present one.
    pub fn rotated(self, next: SigningKey) -> Result<Self> {
        if self.previous.is_some() && !self.previous_is_over(next.created) {
            return Err(Error::Conflict(
                "the key was rotated a moment ago: its predecessor is still in use".into(),
            ));
        }
        if next.created <= self.current.created {
            return Err(Error::Conflict("a new key has to be newer than the present one".into()));
        }
        Ok(Self { current: next, previous: Some(self.current) })
    }

    /// Whether a new key should be made.
    pub fn is_due(&self, now: DateTime<Utc>) -> bool {
        self.current.created + ROTATE_AFTER <= now
    }

    /// The key that signs now.
    pub(crate) fn signer(&self, now: DateTime<Utc>) -> &SigningKey {
        match &self.previous {
            Some(previous) if now < self.current.created + SETTLE => previous,
            _ => &self.current,
        }
    }

    /// The living key with this name. The name is compared and used for nothing else.
    pub(crate) fn find(&self, id: &str, now: DateTime<Utc>) -> Option<&SigningKey> {
        let previous = self.previous.as_ref().filter(|_| !self.previous_is_over(now));
        [Some(&self.current), previous].into_iter().flatten().find(|key| key.id.to_string() == id)
    }

    /// Whether the last token of the previous key has ended.
    fn previous_is_over(&self, now: DateTime<Utc>) -> bool {
        self.current.created + SETTLE + LIFETIME + LEEWAY <= now
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(seconds: i64) -> DateTime<Utc> {
        DateTime::from_timestamp(1_750_000_000 + seconds, 0).unwrap()
    }

    fn key(seconds: i64) -> SigningKey {
        SigningKey::generate(at(seconds)).unwrap()
    }

    #[test]
    fn a_key_comes_back_from_its_parts_and_hides() {
        let key = key(0);
        let again = SigningKey::from_parts(key.id(), key.secret(), key.created());
        assert_eq!((again.id(), again.secret(), again.created()), (key.id(), key.secret(), at(0)));
        assert_ne!(key.secret(), self::key(0).secret());
        assert_eq!(format!("{key:?}"), format!("SigningKey({}, [redacted])", key.id()));
    }

    #[test]
    fn a_new_key_signs_after_all_have_seen_it_and_the_old_one_is_believed_to_the_end() {
        let (old, new) = (key(0), key(10_000));
        let ring = KeyRing::of(old.clone()).rotated(new.clone()).unwrap();
        let settled = 10_000 + SETTLE.num_seconds();
        let over = settled + (LIFETIME + LEEWAY).num_seconds();
        for (time, signer) in [(10_000, &old), (settled - 1, &old), (settled, &new), (over, &new)] {
            assert_eq!(ring.signer(at(time)).id(), signer.id(), "{time}");
        }
        for (time, living) in [(10_000, true), (over - 1, true), (over, false)] {
            assert!(ring.find(&new.id().to_string(), at(time)).is_some());
            assert_eq!(ring.find(&old.id().to_string(), at(time)).is_some(), living, "{time}");
            assert_eq!(ring.clone().rotated(key(time)).is_err(), living, "{time}");
        }
    }

    #[test]
    fn the_first_key_signs_at_once() {
        let only = key(0);
        assert_eq!(KeyRing::of(only.clone()).signer(at(0)).id(), only.id());
    }

    #[test]
    fn names_are_only_compared() {
        let only = key(0);
        let ring = KeyRing::of(only.clone());
        let id = only.id().to_string();
        assert!(ring.find(&id, at(1)).is_some());
        for wrong in
            ["", "../../x", "' or 1", &id.to_uppercase(), &only.id().simple().to_string(), &format!("{id} ")]
        {
            assert!(ring.find(wrong, at(1)).is_none(), "{wrong}");
        }
    }

    #[test]
    fn the_two_newest_stored_keys_count() {
        let (first, second, third) = (key(0), key(10_000), key(20_000));
        let ring = KeyRing::from_stored(vec![second.clone(), third.clone(), first.clone()]).unwrap();
        let found =
            [&first, &second, &third].map(|key| ring.find(&key.id().to_string(), at(20_000)).is_some());
        assert_eq!(found, [false, true, true]);
        assert!(KeyRing::from_stored(Vec::new()).is_none());
    }

    #[test]
    fn rotation_is_due_after_thirty_days_and_goes_forward() {
        let ring = KeyRing::of(key(0));
        assert!(!ring.is_due(at(30 * 86_400 - 1)));
        assert!(ring.is_due(at(30 * 86_400)));
        assert!(ring.clone().rotated(key(0)).is_err());
        assert!(ring.rotated(key(1)).is_ok());
    }
}
