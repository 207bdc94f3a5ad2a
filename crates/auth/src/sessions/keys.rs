//! The keys of the access tokens as this process knows them.

use std::sync::{Arc, Mutex, PoisonError, RwLock};
use std::time::{Duration, Instant};

use chrono::{DateTime, Utc};
use domain::admin::Hidden;
use domain::store::Store;
use domain::store::admins::StoredKey;
use domain::{Error, Result};

use crate::key_ring::{KeyRing, SigningKey};

/// How long the keys are believed: well below [`crate::key_ring::SETTLE`], after which a new one signs.
const MEMORY: Duration = Duration::from_secs(60);
/// A token of an unknown key makes us look for new keys, at most so often.
const PAUSE: Duration = Duration::from_secs(1);

/// The keys, read from time to time.
pub(super) struct Keys {
    store: Arc<dyn Store>,
    known: RwLock<Option<(Arc<KeyRing>, Instant)>>,
    /// One reads while the others wait for what he finds.
    reading: Mutex<()>,
}

impl Keys {
    pub(super) fn new(store: Arc<dyn Store>) -> Self {
        Self { store, known: RwLock::new(None), reading: Mutex::new(()) }
    }

    /// The keys, if they were read not long ago, and whether that was a moment ago. Does not block.
    pub(super) fn recall(&self) -> Option<(Arc<KeyRing>, bool)> {
        let known = self.known.read().unwrap_or_else(PoisonError::into_inner);
        let (ring, read) = known.as_ref().filter(|(_, read)| read.elapsed() < MEMORY)?;
        Some((Arc::clone(ring), read.elapsed() < PAUSE))
    }

    /// The keys, also when they have to be read, or the first or next one has to be made. Blocks.
    pub(super) fn get(&self, now: DateTime<Utc>) -> Result<Arc<KeyRing>> {
        match self.recall() {
            Some((ring, _)) => Ok(ring),
            None => self.read(now),
        }
    }

    /// The keys as they are now, unless they were read a moment ago. Blocks.
    pub(super) fn renew(&self, now: DateTime<Utc>) -> Result<Arc<KeyRing>> {
        match self.recall() {
            Some((ring, true)) => Ok(ring),
            _ => self.read(now),
        }
    }

    fn read(&self, now: DateTime<Utc>) -> Result<Arc<KeyRing>> {
        let asked = Instant::now();
        let _reading = self.reading.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some((ring, read)) = &*self.known.read().unwrap_or_else(PoisonError::into_inner)
            && *read > asked
        {
            return Ok(Arc::clone(ring));
        }
        let read = Instant::now();
        let stored = self.store.admins().signing_keys()?;
        let ring = match ring(&stored) {
            Some(ring) if !ring.is_due(now) => ring,
            _ => self.add(now)?,
        };
        let ring = Arc::new(ring);
        *self.known.write().unwrap_or_else(PoisonError::into_inner) = Some((Arc::clone(&ring), read));
        Ok(ring)
    }

    /// Makes the first key, or the next one when it is time and nobody else has.
    fn add(&self, now: DateTime<Utc>) -> Result<KeyRing> {
        let stored = self.store.admins().add_signing_key(&mut |stored| {
            let present = ring(stored);
            if present.as_ref().is_some_and(|ring| !ring.is_due(now)) {
                return Ok(None);
            }
            let next = SigningKey::generate(now)?;
            let key = StoredKey { id: next.id(), secret: Hidden(*next.secret()), created: next.created() };
            match present.map(|ring| ring.rotated(next)) {
                Some(Err(error)) => Err(error),
                Some(Ok(_)) | None => Ok(Some(key)),
            }
        })?;
        ring(&stored).ok_or_else(|| Error::internal("there is no key although one was made"))
    }
}

fn ring(stored: &[StoredKey]) -> Option<KeyRing> {
    let key = |key: &StoredKey| SigningKey::from_parts(key.id, &key.secret.0, key.created);
    KeyRing::from_stored(stored.iter().map(key).collect())
}
