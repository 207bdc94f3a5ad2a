//! Removes the data of deleted tenants when their time has come. It works for hours on a large tenant, and waits between
//! two small transactions so that others get their turn.

use std::io;
use std::sync::Arc;
use std::time::Duration;

use domain::Result;
use domain::service::platform;
use domain::store::Store;

use crate::background::{self, Background, Stop};
use crate::clock;

/// Between two looks for tenants whose time has come.
const INTERVAL: Duration = Duration::from_secs(10);
/// Between two steps.
const PAUSE: Duration = Duration::from_millis(20);

/// Starts looking for deleted tenants.
pub(crate) fn start(store: Arc<dyn Store>) -> io::Result<Background> {
    background::start("purge", INTERVAL, move |stop| purge_all(&*store, stop))
}

fn purge_all(store: &dyn Store, stop: &Stop) -> Result<()> {
    for id in store.platform().tenants_to_purge(clock::now())? {
        while platform::purge_step(store.platform(), id, clock::now())?.done.is_none() {
            if !stop.goes_on(PAUSE) {
                return Ok(());
            }
        }
        log::info!("tenant {id} is purged");
    }
    Ok(())
}
