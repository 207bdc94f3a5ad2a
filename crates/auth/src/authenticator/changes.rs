//! How often credentials had changed when that was last asked.

use std::sync::atomic::{AtomicI64, AtomicU64, Ordering};
use std::sync::{Mutex, TryLockError};
use std::time::{Duration, Instant};

use domain::Result;
use domain::store::Store;

use super::{DUE, MEMORY};

/// So that no moment is 0, nor was one a while ago.
const BEFORE: Duration = Duration::from_secs(10);

/// Read by every request, so without a lock.
pub(super) struct Changes {
    count: AtomicI64,
    /// When that was asked, in milliseconds since [`BEFORE`] `start`; 0: never.
    asked: AtomicU64,
    start: Instant,
    /// The `asked` after which somebody was told to ask again.
    told: AtomicU64,
    /// Held by whoever asks.
    turn: Mutex<()>,
}

impl Changes {
    pub(super) fn new() -> Self {
        Self {
            count: AtomicI64::default(),
            asked: AtomicU64::default(),
            start: Instant::now(),
            told: AtomicU64::default(),
            turn: Mutex::default(),
        }
    }

    /// How long ago it was asked, where there have been so many by then.
    pub(super) fn age_of(&self, count: Option<i64>) -> Option<Duration> {
        // In this order: a later number may be taken for older than it is, and not the other way round.
        let age = self.age()?;
        (count? == self.count.load(Ordering::Acquire)).then_some(age)
    }

    /// Whether it is the caller who asks again: one for each answer.
    pub(super) fn tell(&self) -> bool {
        let asked = self.asked.load(Ordering::Acquire);
        self.told.swap(asked, Ordering::Relaxed) != asked
    }

    /// The number as it was a moment ago; asks the store if that was too long ago. None where nobody counts, or where
    /// somebody else is still waiting for the answer. Blocks.
    pub(super) fn renewed(&self, store: &dyn Store) -> Result<Option<i64>> {
        let is_fresh = |limit| self.age().is_some_and(|age| age < limit);
        if !is_fresh(DUE) {
            let _turn = match self.turn.try_lock() {
                Ok(turn) => turn,
                // It has panicked in the store, and has left nothing behind.
                Err(TryLockError::Poisoned(turn)) => turn.into_inner(),
                // Nobody waits for a database in line.
                Err(TryLockError::WouldBlock) => {
                    return Ok(is_fresh(MEMORY).then(|| self.count.load(Ordering::Acquire)));
                }
            };
            let asked = self.now();
            let Some(count) = store.credential_changes()? else { return Ok(None) };
            self.count.store(count, Ordering::Release);
            let asked = u64::try_from(asked.as_millis()).unwrap_or(u64::MAX);
            self.asked.store(asked, Ordering::Release);
        }
        Ok(Some(self.count.load(Ordering::Acquire)))
    }

    /// As if it had been asked so much earlier.
    #[cfg(test)]
    pub(super) fn make_older(&self, by: Duration) {
        let by = u64::try_from(by.as_millis()).unwrap();
        self.asked.store(self.asked.load(Ordering::Acquire).saturating_sub(by).max(1), Ordering::Release);
    }

    fn now(&self) -> Duration {
        self.start.elapsed() + BEFORE
    }

    fn age(&self) -> Option<Duration> {
        let asked = self.asked.load(Ordering::Acquire);
        (asked > 0).then(|| self.now().saturating_sub(Duration::from_millis(asked)))
    }
}
