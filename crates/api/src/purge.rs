//! Removes the data of deleted tenants when their time has come. It has a thread of its own: it belongs to no request,
//! works for hours on a large tenant, and waits between two small transactions so that others get their turn.

use std::io;
use std::sync::Arc;
use std::sync::mpsc::{self, Receiver, RecvTimeoutError, Sender};
use std::thread::{self, JoinHandle};
use std::time::Duration;

use domain::Result;
use domain::service::platform;
use domain::store::Store;

use crate::clock;
use crate::error::chain;

/// Between two looks for tenants whose time has come.
const INTERVAL: Duration = Duration::from_secs(10);
/// Between two steps.
const PAUSE: Duration = Duration::from_millis(20);

/// The running task; it ends, after the step it is at, when this is dropped.
pub(crate) struct Purging {
    stop: Option<Sender<()>>,
    thread: Option<JoinHandle<()>>,
}

/// Starts looking for deleted tenants.
pub(crate) fn start(store: Arc<dyn Store>) -> io::Result<Purging> {
    let (stop, stopped) = mpsc::channel();
    let thread = thread::Builder::new().name("purge".into()).spawn(move || {
        loop {
            if let Err(error) = purge_all(&*store, &stopped) {
                log::warn!("the purge goes on later: {}", chain(&error));
            }
            if !goes_on(&stopped, INTERVAL) {
                return;
            }
        }
    })?;
    Ok(Purging { stop: Some(stop), thread: Some(thread) })
}

impl Drop for Purging {
    fn drop(&mut self) {
        drop(self.stop.take());
        if let Some(thread) = self.thread.take() {
            // A panic in there has been logged.
            let _ = thread.join();
        }
    }
}

fn purge_all(store: &dyn Store, stopped: &Receiver<()>) -> Result<()> {
    for id in store.platform().tenants_to_purge(clock::now())? {
        while platform::purge_step(store.platform(), id, clock::now())?.done.is_none() {
            if !goes_on(stopped, PAUSE) {
                return Ok(());
            }
        }
        log::info!("tenant {id} is purged");
    }
    Ok(())
}

/// Waits; `false` when it is time to stop.
fn goes_on(stopped: &Receiver<()>, time: Duration) -> bool {
    stopped.recv_timeout(time) == Err(RecvTimeoutError::Timeout)
}
