//! Tells the audit logs of tokens that will end soon.

use std::io;
use std::sync::Arc;
use std::time::Duration;

use domain::service::tokens;
use domain::store::Store;

use crate::background::Task;
use crate::clock;
use crate::error::chain;

/// Between two looks at all tenants; the first one is at the start.
const INTERVAL: Duration = Duration::from_secs(60 * 60);
/// Between two tenants, so that ten thousand of them do not keep others from the database.
const PAUSE: Duration = Duration::from_millis(5);

/// Starts looking for such tokens.
pub(crate) fn start(store: Arc<dyn Store>) -> io::Result<Task> {
    Task::start("expiry", move |pauses| {
        loop {
            let goes_on = || pauses.goes_on(PAUSE);
            if let Err(error) = tokens::warn(store.platform(), store.tokens(), clock::now(), &goes_on) {
                log::warn!("warnings about tokens follow later: {}", chain(&error));
            }
            if !pauses.goes_on(INTERVAL) {
                return;
            }
        }
    })
}
