//! Work that belongs to no request: a thread that goes on until it is told to stop.

use std::io;
use std::sync::mpsc::{self, Receiver, RecvTimeoutError, Sender};
use std::thread::{self, JoinHandle};
use std::time::Duration;

/// A running thread; it ends, after the step it is at, when this is dropped.
pub(crate) struct Task {
    stop: Option<Sender<()>>,
    thread: Option<JoinHandle<()>>,
}

/// Where the thread learns that it is time to stop.
pub(crate) struct Pauses(Receiver<()>);

impl Task {
    pub(crate) fn start(name: &str, work: impl FnOnce(&Pauses) + Send + 'static) -> io::Result<Self> {
        let (stop, stopped) = mpsc::channel();
        let thread = thread::Builder::new().name(name.into()).spawn(move || work(&Pauses(stopped)))?;
        Ok(Self { stop: Some(stop), thread: Some(thread) })
    }
}

impl Drop for Task {
    fn drop(&mut self) {
        drop(self.stop.take());
        if let Some(thread) = self.thread.take() {
            // A panic in there has been logged.
            let _ = thread.join();
        }
    }
}

impl Pauses {
    /// Waits; `false` when it is time to stop.
    pub(crate) fn goes_on(&self, time: Duration) -> bool {
        self.0.recv_timeout(time) == Err(RecvTimeoutError::Timeout)
    }
}
