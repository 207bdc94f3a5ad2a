//! The part of the port that keeps records beside the requests: the provisioning log, refused credentials, and the end
//! of old records.

use chrono::{DateTime, TimeDelta, Utc};
use uuid::Uuid;

use crate::Result;
use crate::audit::{Entry, Head};
use crate::id::TenantId;
use crate::requests::{Request, Wanted};
use crate::store::Origin;

/// Each move of the beginning of an audit log leaves a row in it: once a day is enough.
pub const AUDIT_BASE_INTERVAL: TimeDelta = TimeDelta::hours(20);

/// Records that are written beside the requests, and removed when they are old.
pub trait LogStore: Send + Sync {
    /// Appends to the provisioning log of a tenant; `false` when there is none of this id any more.
    fn add_requests(&self, tenant: TenantId, requests: &[Request]) -> Result<bool>;

    /// At most `count` requests before a place, the youngest first.
    fn requests(
        &self,
        tenant: TenantId,
        wanted: &Wanted,
        before: Option<Uuid>,
        count: usize,
    ) -> Result<Vec<Request>>;

    /// The request at this place.
    fn request(&self, tenant: TenantId, id: Uuid) -> Result<Option<Request>>;

    /// Removes at most `room` requests from the old end: those from before a time, and those beyond `most`. Returns how
    /// many; 0: there are none.
    fn drop_requests(
        &self,
        tenant: TenantId,
        before: DateTime<Utc>,
        most: usize,
        room: usize,
    ) -> Result<usize>;

    /// Appends an audit row that belongs to no change; `false` when there is no such tenant any more.
    fn add_audit(&self, tenant: TenantId, entry: &Entry) -> Result<bool>;

    /// Lets the audit log begin behind the last row from before a time, with a row that says so; `None` when it begins
    /// there already, or was moved within [`AUDIT_BASE_INTERVAL`]. The rows before are removed by [`LogStore::drop_audit`].
    fn move_audit_base(
        &self,
        tenant: TenantId,
        before: DateTime<Utc>,
        origin: &Origin,
        now: DateTime<Utc>,
    ) -> Result<Option<Head>>;

    /// Removes at most `room` rows from before the beginning of the audit log; 0: there are none.
    fn drop_audit(&self, tenant: TenantId, room: usize) -> Result<usize>;
}
