//! What the commands do, one file each.

pub(crate) mod load;
pub(crate) mod migrate;
pub(crate) mod platform_token;
pub(crate) mod schema;
pub(crate) mod serve;
pub(crate) mod tenant;
pub(crate) mod token;

use std::sync::Arc;

use domain::store::Store;
use domain::tenant::Tenant;
use domain::{Error, Result};

use crate::settings::Settings;

/// The database of the settings, migrated.
fn open(settings: &Settings) -> Result<Arc<dyn Store>> {
    persistence::open(settings.database.options())
}

fn tenant_named(store: &dyn Store, slug: &str) -> Result<Tenant> {
    store.tenant_named(slug)?.ok_or_else(|| Error::NotFound(format!("there is no tenant {slug}")))
}
