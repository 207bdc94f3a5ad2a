//! A map in pieces, each behind a lock of its own, which forgets what it need not know and never grows beyond a bound.
//!
//! What is counted for each tenant or address is looked at by every request: one lock around all of it would let the
//! requests of one tenant wait for those of another.

use std::collections::HashMap;
use std::collections::hash_map::RandomState;
use std::hash::{BuildHasher, Hash};
use std::sync::{Mutex, PoisonError};
use std::time::Instant;

/// Pieces of a map.
const SHARDS: usize = 64;
/// Entries of one piece at most.
const MOST: usize = 1_024;

/// What a map may hold.
pub(crate) trait Entry: Default {
    /// Whether it says nothing more than a new one would.
    fn is_idle(&self, now: Instant) -> bool;
}

/// The map.
pub(crate) struct Shards<K, V> {
    hasher: RandomState,
    pieces: Vec<Mutex<HashMap<K, V>>>,
}

impl<K, V> Default for Shards<K, V> {
    fn default() -> Self {
        Self { hasher: RandomState::new(), pieces: (0..SHARDS).map(|_| Mutex::default()).collect() }
    }
}

impl<K: Copy + Eq + Hash, V: Entry> Shards<K, V> {
    /// Does something short with the entry of this key, which is a new one where there is none. Where a piece is
    /// full of entries in use, any one of them is forgotten.
    pub(crate) fn with<T>(&self, key: K, now: Instant, work: impl FnOnce(&mut V) -> T) -> T {
        // The remainder is below the number of pieces.
        let piece = (self.hasher.hash_one(key) % SHARDS as u64) as usize;
        // An entry is whole between any two calls.
        let mut entries = self.pieces[piece].lock().unwrap_or_else(PoisonError::into_inner);
        if entries.len() >= MOST && !entries.contains_key(&key) {
            entries.retain(|_, entry| !entry.is_idle(now));
            if entries.len() >= MOST
                && let Some(&surplus) = entries.keys().next()
            {
                entries.remove(&surplus);
            }
        }
        work(entries.entry(key).or_default())
    }

    /// Takes all entries away.
    pub(crate) fn take(&self) -> Vec<(K, V)> {
        let mut all = Vec::new();
        for piece in &self.pieces {
            all.extend(piece.lock().unwrap_or_else(PoisonError::into_inner).drain());
        }
        all
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::time::Duration;

    /// In use until then.
    #[derive(Default)]
    struct Until(Option<Instant>);

    impl Entry for Until {
        fn is_idle(&self, now: Instant) -> bool {
            self.0.is_none_or(|end| end <= now)
        }
    }

    fn len(shards: &Shards<u32, Until>) -> usize {
        shards.pieces.iter().map(|piece| piece.lock().unwrap().len()).sum()
    }

    #[test]
    fn what_is_idle_goes_first() {
        let shards = Shards::<u32, Until>::default();
        let now = Instant::now();
        let end = now + Duration::from_secs(60);
        shards.with(0, now, |entry| entry.0 = Some(end));
        for key in 1..200_000 {
            shards.with(key, now, |entry| assert!(entry.0.is_none()));
        }
        assert!(len(&shards) <= SHARDS * MOST);
        shards.with(0, now, |entry| assert_eq!(entry.0, Some(end), "who is in use is remembered"));
    }

    #[test]
    fn it_is_bounded_when_nobody_is_idle() {
        let shards = Shards::<u32, Until>::default();
        let now = Instant::now();
        for key in 0..100_000 {
            shards.with(key, now, |entry| entry.0 = Some(now + Duration::from_secs(60)));
        }
        assert_eq!(len(&shards), SHARDS * MOST);
    }
}
