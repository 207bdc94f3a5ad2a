//! The guard against mass changes, for those who watch over it. Whoever calls has judged who may ask.

use chrono::{DateTime, Utc};

use crate::Result;
use crate::guard::{Guard, Tally};
use crate::id::TokenId;
use crate::store::{self, Origin, Store};
use crate::tenant::Tenant;

/// What the tenant has decided, and which of its tokens count now or are held.
pub fn show(store: &dyn Store, tenant: &Tenant, now: DateTime<Utc>) -> Result<(Guard, Vec<Tally>)> {
    let guard = tenant.settings.guard();
    let tallies = store::read(store, tenant.id, |tx| tx.tallies(&guard, now))?;
    Ok((guard, tallies))
}

/// Lets a token begin anew, held or not, or with `None` every one that is held; returns which. From then on it may take
/// access away from as many users as before.
///
/// # Errors
/// [`crate::Error::NotFound`] for a token that the tenant does not have.
pub fn release(
    store: &dyn Store,
    tenant: &Tenant,
    token: Option<TokenId>,
    origin: &Origin,
    now: DateTime<Utc>,
) -> Result<Vec<TokenId>> {
    store::write(store, tenant.id, |tx| tx.release(token, origin, now))
}
