//! Where passwords are hashed. A run takes a core and 64 MiB, so there are two threads for it and no more: they leave the
//! threads of other requests alone, and what an allocator keeps for each thread is not kept many times. Before them is a
//! short queue, and whoever finds it full is told to come back. One address has a few places and no more, or it would keep
//! everybody else out.

use std::collections::HashMap;
use std::io;
use std::net::IpAddr;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::mpsc::{Receiver, SyncSender, TrySendError, sync_channel};
use std::sync::{Arc, Mutex, PoisonError};
use std::thread;

use actix_rt::time::timeout;
use auth::password::hasher::{AT_ONCE, WAITING};
use domain::{Error, Result, limits};
use tokio::sync::oneshot;

use crate::error::Failure;
use crate::rates::place;

/// Seconds after which it makes sense to come back: about what a full queue takes.
const BACK_IN: u64 = 5;

/// Places of one address, at work and waiting.
const OF_ADDRESS: usize = 8;
/// Places that are kept for who has shown a credential.
const KEPT: usize = 2;

type Job = Box<dyn FnOnce() + Send>;

/// Whether somebody has shown a credential, as a session or a link is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Caller {
    Guest,
    Known,
}

/// Who is at work or waits.
#[derive(Default)]
struct Places {
    all: usize,
    of: HashMap<IpAddr, usize>,
}

/// One of them, until it is dropped.
struct Place {
    places: Arc<Mutex<Places>>,
    address: IpAddr,
}

impl Place {
    /// None when there is none left.
    fn take(places: &Arc<Mutex<Places>>, caller: Caller, address: IpAddr) -> Option<Self> {
        let most = AT_ONCE + WAITING - if caller == Caller::Guest { KEPT } else { 0 };
        let address = place(address);
        let mut now = places.lock().unwrap_or_else(PoisonError::into_inner);
        let here = now.of.get(&address).copied().unwrap_or_default();
        if now.all >= most || here >= OF_ADDRESS {
            return None;
        }
        now.all += 1;
        now.of.insert(address, here + 1);
        Some(Self { places: Arc::clone(places), address })
    }
}

impl Drop for Place {
    fn drop(&mut self) {
        let mut now = self.places.lock().unwrap_or_else(PoisonError::into_inner);
        now.all -= 1;
        if let Some(here) = now.of.get_mut(&self.address) {
            *here -= 1;
            if *here == 0 {
                now.of.remove(&self.address);
            }
        }
    }
}

/// The queue before the threads, which end with it.
pub(crate) struct Hashing {
    queue: SyncSender<Job>,
    places: Arc<Mutex<Places>>,
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
        Ok(Self { queue, places: Arc::default() })
    }

    /// Runs work that hashes, when it is its turn. It may wait for the database too.
    ///
    /// # Errors
    /// [`Failure::TooManyRequests`] when the queue is full, or the address has all its places; [`Error::Unavailable`] when there is no answer within
    /// [`limits::ANSWER_TIME`], and work that waited in vain is not begun; what the work fails with.
    pub(crate) async fn run<T, F>(&self, caller: Caller, address: IpAddr, work: F) -> Result<T, Failure>
    where
        T: Send + 'static,
        F: FnOnce() -> Result<T> + Send + 'static,
    {
        let full = || {
            let what = "too many passwords are to be checked at once".into();
            Failure::TooManyRequests { what, seconds: BACK_IN }
        };
        let place = Place::take(&self.places, caller, address).ok_or_else(full)?;
        let (answer, answered) = oneshot::channel();
        let job = Box::new(move || {
            if !answer.is_closed() {
                let result = work();
                // Free again before anybody can come back; a panic frees it too.
                drop(place);
                // Whoever asked may be gone, and then nobody wants to know.
                drop(answer.send(result));
            }
        });
        match self.queue.try_send(job) {
            Ok(()) => {}
            Err(TrySendError::Full(_)) => return Err(full()),
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

    const HERE: IpAddr = IpAddr::V4(std::net::Ipv4Addr::new(10, 0, 0, 1));

    fn address(n: usize) -> IpAddr {
        IpAddr::from([10, 1, 0, u8::try_from(n).unwrap()])
    }

    #[actix_rt::test]
    async fn case_118_two_at_a_time_fifty_wait_and_the_rest_comes_back() {
        let hashing = Hashing::start().unwrap();
        let (working, most) = (Arc::new(AtomicUsize::new(0)), Arc::new(AtomicUsize::new(0)));
        let count = |caller: Caller, n: usize, hold: Arc<Mutex<()>>| {
            let (working, most) = (Arc::clone(&working), Arc::clone(&most));
            hashing.run(caller, address(n), move || {
                most.fetch_max(working.fetch_add(1, Ordering::SeqCst) + 1, Ordering::SeqCst);
                drop(hold.lock().unwrap());
                thread::sleep(Duration::from_millis(2));
                working.fetch_sub(1, Ordering::SeqCst);
                Ok(())
            })
        };
        let (held, free) = (Arc::new(Mutex::new(())), Arc::new(Mutex::new(())));
        let lock = held.lock().unwrap();
        let first = join_all((0..AT_ONCE).map(|n| count(Caller::Guest, n, Arc::clone(&held))));
        let others = async {
            // Both threads are busy, and nobody waits.
            while working.load(Ordering::SeqCst) < AT_ONCE {
                actix_rt::time::sleep(Duration::from_millis(1)).await;
            }
            let guests = (0..WAITING - KEPT + 3).map(|n| count(Caller::Guest, 10 + n, Arc::clone(&free)));
            let known = (0..KEPT + 1).map(|n| count(Caller::Known, 100 + n, Arc::clone(&free)));
            join(join(join_all(guests), join_all(known)), async { drop(lock) }).await.0
        };
        let (first, (guests, known)) = join(first, others).await;
        let refused = |all: &[Result<(), Failure>]| {
            all.iter().filter(|one| matches!(one, Err(Failure::TooManyRequests { .. }))).count()
        };
        let served = first.iter().chain(&guests).chain(&known).filter(|one| one.is_ok()).count();
        assert_eq!((refused(&guests), refused(&known)), (3, 1), "two places are kept");
        assert_eq!((served, most.load(Ordering::SeqCst)), (AT_ONCE + WAITING, AT_ONCE));
        assert!(hashing.run(Caller::Guest, HERE, || Ok(())).await.is_ok(), "who comes back is served");
    }

    #[test]
    fn one_address_has_eight_places() {
        let places = Arc::default();
        let take = |address: &str| Place::take(&places, Caller::Known, address.parse().unwrap());
        for (one, same, other) in [
            ("10.0.0.1", "::ffff:10.0.0.1", "10.0.0.2"),
            ("2001:db8::1", "2001:db8::ffff:0:0:1", "2001:db8:0:1::1"),
        ] {
            let mut held: Vec<Place> = (0..OF_ADDRESS).filter_map(|_| take(one)).collect();
            assert_eq!(held.len(), OF_ADDRESS);
            assert!(take(one).is_none() && take(same).is_none() && take(other).is_some());
            held.pop();
            held.extend(take(same));
            assert_eq!(held.len(), OF_ADDRESS);
        }
        let places = places.lock().unwrap();
        assert_eq!((places.all, places.of.len()), (0, 0), "all are given back");
    }

    #[actix_rt::test]
    async fn a_panic_is_an_internal_error_and_stops_nobody() {
        let hashing = Hashing::start().unwrap();
        for _ in 0..2 * OF_ADDRESS {
            let result: Result<(), Failure> = hashing.run(Caller::Guest, HERE, || panic!("on purpose")).await;
            assert!(matches!(result, Err(Failure::Domain(Error::Internal(_)))));
        }
        assert!(hashing.run(Caller::Guest, HERE, || Ok(())).await.is_ok());
    }
}
