//! Where passwords are hashed. A run takes a core and 64 MiB, so there are two threads for it and no more: they leave the
//! threads of other requests alone, and what an allocator keeps for each thread is not kept many times. Before them is a
//! short queue, and whoever finds it full is told to come back.

use std::io;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::mpsc::{Receiver, SyncSender, TrySendError, sync_channel};
use std::sync::{Arc, Mutex, PoisonError};
use std::thread;

use actix_rt::time::timeout;
use auth::password::hasher::{AT_ONCE, WAITING};
use domain::{Error, Result, limits};
use tokio::sync::oneshot;

use crate::error::Failure;

/// Seconds after which it makes sense to come back: about what a full queue takes.
const BACK_IN: u64 = 5;

type Job = Box<dyn FnOnce() + Send>;

/// The queue before the threads, which end with it.
pub(crate) struct Hashing {
    queue: SyncSender<Job>,
}

impl Hashing {
    /// Starts the threads.
    pub(crate) fn start() -> io::Result<Self> {
        let (queue, jobs) = sync_channel::<Job>(WAITING);
        let jobs = Arc::new(Mutex::new(jobs));
        for n in 0..AT_ONCE {
            let jobs = Arc::clone(&jobs);
            thread::Builder::new().name(format!("hash-{n}")).spawn(move || work_off(&jobs))?;
        }
        Ok(Self { queue })
    }

    /// Runs work that hashes, when it is its turn. It may wait for the database too.
    ///
    /// # Errors
    /// [`Failure::TooManyRequests`] when the queue is full; [`Error::Unavailable`] when there is no answer within
    /// [`limits::ANSWER_TIME`], and work that waited in vain is not begun; what the work fails with.
    pub(crate) async fn run<T, F>(&self, work: F) -> Result<T, Failure>
    where
        T: Send + 'static,
        F: FnOnce() -> Result<T> + Send + 'static,
    {
        let (answer, answered) = oneshot::channel();
        let job = Box::new(move || {
            if !answer.is_closed() {
                // Whoever asked may be gone, and then nobody wants to know.
                drop(answer.send(work()));
            }
        });
        match self.queue.try_send(job) {
            Ok(()) => {}
            Err(TrySendError::Full(_)) => {
                let what = "too many passwords are to be checked at once".into();
                return Err(Failure::TooManyRequests { what, seconds: BACK_IN });
            }
            Err(TrySendError::Disconnected(_)) => return Err(Error::internal("nobody hashes").into()),
        }
        match timeout(limits::ANSWER_TIME, answered).await {
            Ok(Ok(result)) => Ok(result?),
            Ok(Err(_)) => Err(Error::internal("the work panicked").into()),
            Err(_) => Err(Error::unavailable("too many passwords to check").into()),
        }
    }
}

fn work_off(jobs: &Mutex<Receiver<Job>>) {
    loop {
        let job = jobs.lock().unwrap_or_else(PoisonError::into_inner).recv();
        let Ok(job) = job else { return };
        // The panic has been logged, and its request has its answer; the thread goes on for others.
        let _ = catch_unwind(AssertUnwindSafe(job));
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use futures_util::future::{join, join_all};
    use std::sync::atomic::{AtomicUsize, Ordering};
    use std::time::Duration;

    #[actix_rt::test]
    async fn case_118_two_at_a_time_fifty_wait_and_the_rest_comes_back() {
        let hashing = Hashing::start().unwrap();
        let (working, most) = (Arc::new(AtomicUsize::new(0)), Arc::new(AtomicUsize::new(0)));
        let count = |hold: Arc<Mutex<()>>| {
            let (working, most) = (Arc::clone(&working), Arc::clone(&most));
            hashing.run(move || {
                most.fetch_max(working.fetch_add(1, Ordering::SeqCst) + 1, Ordering::SeqCst);
                drop(hold.lock().unwrap());
                thread::sleep(Duration::from_millis(2));
                working.fetch_sub(1, Ordering::SeqCst);
                Ok(())
            })
        };
        let (held, free) = (Arc::new(Mutex::new(())), Arc::new(Mutex::new(())));
        let lock = held.lock().unwrap();
        let first = join_all((0..AT_ONCE).map(|_| count(Arc::clone(&held))));
        let others = async {
            // Both threads are busy, and nobody waits.
            while working.load(Ordering::SeqCst) < AT_ONCE {
                actix_rt::time::sleep(Duration::from_millis(1)).await;
            }
            let others = join_all((0..WAITING + 3).map(|_| count(Arc::clone(&free))));
            join(others, async { drop(lock) }).await.0
        };
        let (first, others) = join(first, others).await;
        let refused = others.iter().filter(|one| matches!(one, Err(Failure::TooManyRequests { .. }))).count();
        let served = first.iter().chain(&others).filter(|one| one.is_ok()).count();
        assert_eq!((refused, served, most.load(Ordering::SeqCst)), (3, AT_ONCE + WAITING, AT_ONCE));
        assert!(hashing.run(|| Ok(())).await.is_ok(), "who comes back is served");
    }

    #[actix_rt::test]
    async fn a_panic_is_an_internal_error_and_stops_nobody() {
        let hashing = Hashing::start().unwrap();
        for _ in 0..2 * AT_ONCE {
            let result: Result<(), Failure> = hashing.run(|| panic!("on purpose")).await;
            assert!(matches!(result, Err(Failure::Domain(Error::Internal(_)))));
        }
        assert!(hashing.run(|| Ok(())).await.is_ok());
    }
}
