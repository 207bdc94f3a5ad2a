//! What the commands do, one file each.

pub(crate) mod admin;
pub(crate) mod audit;
pub(crate) mod guard;
pub(crate) mod load;
pub(crate) mod migrate;
pub(crate) mod platform_token;
pub(crate) mod requests;
pub(crate) mod schema;
pub(crate) mod serve;
pub(crate) mod tenant;
pub(crate) mod token;

use std::sync::Arc;

use domain::store::{Actor, Origin, Store};
use domain::tenant::Tenant;
use domain::{Error, Result};

use crate::settings::Settings;

/// The database of the settings, migrated.
fn open(settings: &Settings) -> Result<Arc<dyn Store>> {
    persistence::open(settings.database.options(0))
}

/// The operator at the command line, for the audit log.
pub(crate) fn operator(command: &str) -> Origin {
    Origin { actor: Actor::Operator, request: command.into(), address: "localhost".into() }
}

/// An id that was asked for: what is no id is more likely a slip than a question.
fn known<T>(text: Option<&str>, what: &str, parse: fn(&str) -> Option<T>) -> Result<Option<T>> {
    let wrong = |text| Error::InvalidValue(format!("{text} is no id of a {what}"));
    text.map(|text| parse(text).ok_or_else(|| wrong(text))).transpose()
}

fn tenant_named(store: &dyn Store, slug: &str) -> Result<Tenant> {
    store.tenant_named(slug)?.ok_or_else(|| Error::NotFound(format!("there is no tenant {slug}")))
}
