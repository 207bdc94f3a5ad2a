//! Work that belongs to no request: a thread of its own that looks from time to time, and ends with the program.

use std::io;
use std::sync::mpsc::{self, Receiver, RecvTimeoutError, Sender};
use std::thread::{self, JoinHandle};
use std::time::Duration;

use domain::Result;

use crate::error::chain;

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
    let (stop, stopped) = mpsc::channel();
    let stopped = Stop(stopped);
    let thread = thread::Builder::new().name(name.into()).spawn(move || {
        loop {
            if let Err(error) = work(&stopped) {
                log::warn!("the {name} goes on later: {}", chain(&error));
            }
            if !stopped.goes_on(interval) {
                return;
            }
        }
    })?;
    Ok(Background { stop: Some(stop), thread: Some(thread) })
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
