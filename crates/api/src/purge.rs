//! Removes the data of deleted tenants when their time has come. It works for hours on a large tenant, and waits between
//! two small transactions so that others get their turn.

use std::io;
use std::sync::Arc;
use std::time::Duration;

use domain::Result;
use domain::id::TenantId;
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
    // One tenant that fails does not keep the others.
    let mut outcome = Ok(());
    for id in store.platform().tenants_to_purge(clock::now())? {
        match purge_tenant(store, id, stop) {
            Ok(true) => log::info!("tenant {id} is purged"),
            Ok(false) => return outcome,
            Err(error) => outcome = outcome.and(Err(error)),
        }
    }
    outcome
}

/// `false` when it is time to end.
fn purge_tenant(store: &dyn Store, id: TenantId, stop: &Stop) -> Result<bool> {
    while platform::purge_step(store.platform(), id, clock::now())?.done.is_none() {
        if !stop.goes_on(PAUSE) {
            return Ok(false);
        }
    }
    Ok(true)
}
