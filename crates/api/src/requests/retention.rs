//! Removes old records, tenant by tenant, and waits between two small transactions so that others get their turn.

use std::io;
use std::sync::Arc;
use std::time::Duration;

use domain::Result;
use domain::service::retention::{self, Keep};
use domain::store::Store;
use domain::tenant::Tenant;

use crate::background::{self, Background, Stop};
use crate::clock;

/// Between two walks through all tenants.
const INTERVAL: Duration = Duration::from_secs(600);
/// Between two steps.
const PAUSE: Duration = Duration::from_millis(20);

/// Starts looking for old records.
pub(crate) fn start(store: Arc<dyn Store>, keep: Keep) -> io::Result<Background> {
    background::start("retention", INTERVAL, move |stop| sweep(&*store, keep, stop))
}

fn sweep(store: &dyn Store, keep: Keep, stop: &Stop) -> Result<()> {
    // One tenant that fails does not keep the others.
    let (mut after, mut outcome) = (None, Ok(()));
    loop {
        let tenants = retention::tenants_behind(store.platform(), after)?;
        let Some(last) = tenants.last() else { return outcome };
        after = Some(last.id);
        for tenant in &tenants {
            match sweep_tenant(store, tenant, keep, stop) {
                Ok(true) => {}
                Ok(false) => return outcome,
                Err(error) => outcome = outcome.and(Err(error)),
            }
        }
    }
}

/// `false` when it is time to end.
fn sweep_tenant(store: &dyn Store, tenant: &Tenant, keep: Keep, stop: &Stop) -> Result<bool> {
    let log = store.log();
    while retention::drop_requests(log, tenant.id, keep, clock::now())? {
        if !stop.goes_on(PAUSE) {
            return Ok(false);
        }
    }
    retention::begin_audit(log, tenant, clock::now())?;
    while retention::drop_audit(log, tenant.id)? {
        if !stop.goes_on(PAUSE) {
            return Ok(false);
        }
    }
    Ok(stop.goes_on(Duration::ZERO))
}
