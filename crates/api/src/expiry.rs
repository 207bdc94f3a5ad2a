//! Tells the audit logs of tokens that will end soon.

use std::io;
use std::sync::Arc;
use std::time::Duration;

use domain::service::tokens;
use domain::store::Store;

use crate::background::{self, Background};
use crate::clock;

/// Between two looks at all tenants; the first one is at the start.
const INTERVAL: Duration = Duration::from_secs(60 * 60);
/// Between two tenants, so that ten thousand of them do not keep others from the database.
const PAUSE: Duration = Duration::from_millis(5);

/// Starts looking for such tokens.
pub(crate) fn start(store: Arc<dyn Store>) -> io::Result<Background> {
    background::start("expiry", INTERVAL, move |stop| {
        tokens::warn(store.platform(), store.tokens(), clock::now(), &|| stop.goes_on(PAUSE))
    })
}
