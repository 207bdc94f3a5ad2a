//! The end of old records: requests by time and number, audit rows as the tenant has decided.

use chrono::{DateTime, TimeDelta, Utc};

use crate::Result;
use crate::id::TenantId;
use crate::store::log::LogStore;
use crate::store::platform::{PlatformStore, Wanted};
use crate::store::{Actor, Origin};
use crate::tenant::Tenant;

/// Rows that one step removes: a short transaction even on a slow disk.
pub const ROWS: usize = 500;
/// Tenants that are read at a time.
const TENANTS: usize = 100;

/// How long requests are kept.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Keep {
    /// For so long.
    pub time: TimeDelta,
    /// So many of each tenant.
    pub most: usize,
}

/// Tenants behind one, in the order of their creation, and fewer than a full batch at the end.
pub fn tenants_behind(store: &dyn PlatformStore, after: Option<TenantId>) -> Result<Vec<Tenant>> {
    let records = store.tenants(&Wanted { state: None, after, limit: TENANTS })?;
    Ok(records.into_iter().map(|record| record.tenant).collect())
}

/// Removes some requests that are too old or too many; `false`: there are none.
pub fn drop_requests(store: &dyn LogStore, tenant: TenantId, keep: Keep, now: DateTime<Utc>) -> Result<bool> {
    Ok(store.drop_requests(tenant, now - keep.time, keep.most, ROWS)? > 0)
}

/// Lets the audit log of a tenant begin later, if it is kept for a time; the rows before go with [`drop_audit`].
pub fn begin_audit(store: &dyn LogStore, tenant: &Tenant, now: DateTime<Utc>) -> Result<()> {
    if let Some(days) = tenant.settings.audit_retention_days {
        let origin =
            Origin { actor: Actor::Operator, request: "retention".into(), address: "localhost".into() };
        store.move_audit_base(tenant.id, now - TimeDelta::days(days.into()), &origin, now)?;
    }
    Ok(())
}

/// Removes some audit rows from before the beginning of the log; `false`: there are none.
pub fn drop_audit(store: &dyn LogStore, tenant: TenantId) -> Result<bool> {
    Ok(store.drop_audit(tenant, ROWS)? > 0)
}
