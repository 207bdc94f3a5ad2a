//! Who may hash a password now. A run takes a core and 64 MiB, so there are few of them at a time, a short queue, and for
//! everybody behind it a wish to come back.

use std::sync::Arc;
use std::time::Instant;

use actix_rt::time::timeout;
use auth::password::hasher::{AT_ONCE, WAITING};
use domain::{Error, Result, limits};
use tokio::sync::{OwnedSemaphorePermit, Semaphore};

use crate::blocking;
use crate::error::Failure;

/// Seconds after which it makes sense to come back: about what a full queue takes.
const BACK_IN: u64 = 5;

/// The seats and the queue before them.
pub(crate) struct Hashing {
    seats: Arc<Semaphore>,
    /// Those who sit and those who wait.
    places: Arc<Semaphore>,
}

impl Default for Hashing {
    fn default() -> Self {
        Self { seats: Arc::new(Semaphore::new(AT_ONCE)), places: Arc::new(Semaphore::new(AT_ONCE + WAITING)) }
    }
}

impl Hashing {
    /// Runs work that hashes once or twice, when there is a seat for it.
    ///
    /// # Errors
    /// [`Failure::TooManyRequests`] when the queue is full, and what [`blocking::run_within`] and the work fail with.
    pub(crate) async fn run<T, F>(&self, work: F) -> Result<T, Failure>
    where
        T: Send + 'static,
        F: FnOnce() -> Result<T> + Send + 'static,
    {
        let place = Arc::clone(&self.places).try_acquire_owned().map_err(|_| Failure::TooManyRequests {
            what: "too many passwords are to be checked at once".into(),
            seconds: BACK_IN,
        })?;
        let started = Instant::now();
        let seat = timeout(limits::ANSWER_TIME, Arc::clone(&self.seats).acquire_owned()).await;
        let seat = seat.map_err(|_| Error::unavailable("too many passwords to check"))?;
        let held: [OwnedSemaphorePermit; 2] = [place, seat.map_err(Error::internal)?];
        let left = limits::ANSWER_TIME.saturating_sub(started.elapsed());
        let done = blocking::run_within(left, move || {
            // Also when nobody waits for the end of the work any more.
            let _held = held;
            work()
        });
        Ok(done.await?)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use futures_util::future::join_all;
    use std::sync::atomic::{AtomicUsize, Ordering};
    use std::time::Duration;

    #[actix_rt::test]
    async fn case_118_two_at_a_time_fifty_wait_and_the_rest_comes_back() {
        let (hashing, now) = (Hashing::default(), Arc::new(AtomicUsize::new(0)));
        let most = Arc::new(AtomicUsize::new(0));
        let runs = (0..AT_ONCE + WAITING + 3).map(|_| {
            let (now, most) = (Arc::clone(&now), Arc::clone(&most));
            hashing.run(move || {
                most.fetch_max(now.fetch_add(1, Ordering::SeqCst) + 1, Ordering::SeqCst);
                std::thread::sleep(Duration::from_millis(10));
                now.fetch_sub(1, Ordering::SeqCst);
                Ok(())
            })
        });
        let outcomes = join_all(runs).await;
        let refused =
            outcomes.iter().filter(|one| matches!(one, Err(Failure::TooManyRequests { .. }))).count();
        assert_eq!((refused, outcomes.iter().filter(|one| one.is_ok()).count()), (3, AT_ONCE + WAITING));
        assert_eq!(most.load(Ordering::SeqCst), AT_ONCE);
        assert!(hashing.run(|| Ok(())).await.is_ok(), "who comes back is served");
    }
}
