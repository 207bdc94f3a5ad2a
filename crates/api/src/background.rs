//! Work that belongs to no request: a thread of its own that looks from time to time, and ends with the program.

use std::io;
use std::sync::mpsc::{self, Receiver, RecvTimeoutError, Sender};
use std::thread::{self, JoinHandle};
use std::time::{Duration, Instant};

use domain::Result;

use crate::error::chain;

/// Work that writes for many tenants rests seven times as long as it took: it is at work an eighth of the time,
/// because the requests of everybody wait behind its transactions.
const REST: u32 = 7;
/// It rests so long at most: work that took long because the database was away is wanted when it is back.
const LONGEST_REST: Duration = Duration::from_secs(5);

/// How long to rest after work that began then.
pub(crate) fn rest(began: Instant) -> Duration {
    (began.elapsed() * REST).min(LONGEST_REST)
}

/// The running thread; it ends, after the step it is at, when this is dropped.
pub(crate) struct Background {
    stop: Option<Sender<()>>,
    thread: Option<JoinHandle<()>>,
}

/// How the work learns that it is time to end.
pub(crate) struct Stop(Receiver<()>);

impl Stop {
    /// Waits; `false` when it is time to end.
    pub(crate) fn goes_on(&self, time: Duration) -> bool {
        self.0.recv_timeout(time) == Err(RecvTimeoutError::Timeout)
    }
}

/// Does the work now, and again that long after each end of it. What fails goes on then.
pub(crate) fn start(
    name: &'static str,
    interval: Duration,
    mut work: impl FnMut(&Stop) -> Result<()> + Send + 'static,
) -> io::Result<Background> {
    spawn(name, move |stop| {
        loop {
            again_later(name, work(stop));
            if !stop.goes_on(interval) {
                return;
            }
        }
    })
}

/// The same, but the first time only after the interval, and a last time at the end; it rests as [`rest`] says if that is longer.
pub(crate) fn start_and_end(
    name: &'static str,
    interval: Duration,
    mut work: impl FnMut(&Stop) -> Result<()> + Send + 'static,
) -> io::Result<Background> {
    spawn(name, move |stop| {
        let mut pause = interval;
        loop {
            let goes_on = stop.goes_on(pause);
            let began = Instant::now();
            again_later(name, work(stop));
            pause = interval.max(rest(began));
            if !goes_on {
                return;
            }
        }
    })
}

fn spawn(name: &'static str, work: impl FnOnce(&Stop) + Send + 'static) -> io::Result<Background> {
    let (stop, stopped) = mpsc::channel();
    let thread = thread::Builder::new().name(name.into()).spawn(move || work(&Stop(stopped)))?;
    Ok(Background { stop: Some(stop), thread: Some(thread) })
}

fn again_later(name: &str, outcome: Result<()>) {
    if let Err(error) = outcome {
        log::warn!("the work of {name} goes on later: {}", chain(&error));
    }
}

impl Drop for Background {
    fn drop(&mut self) {
        drop(self.stop.take());
        if let Some(thread) = self.thread.take() {
            // A panic in there has been logged.
            let _ = thread.join();
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rests_are_longer_than_work_and_not_endless() {
        let after = |millis| rest(Instant::now() - Duration::from_millis(millis));
        assert!(after(0) < Duration::from_millis(100));
        assert!((Duration::from_millis(700)..Duration::from_millis(1_500)).contains(&after(100)));
        assert_eq!(after(60_000), LONGEST_REST);
    }
}
