//! The part of the port that the hosting platform uses: tenants as a whole, and the credentials of the platform itself.

use chrono::{DateTime, Utc};

use crate::Result;
use crate::id::{PlatformTokenId, TenantId};
use crate::store::Origin;
use crate::tenant::{Purge, Record, TenantState};

/// A credential of the hosting platform as the database knows it: everything but the secret. It belongs to no tenant.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PlatformToken {
    /// Its public name.
    pub id: PlatformTokenId,
    /// What its maker called it.
    pub name: String,
    /// When it was made.
    pub created: DateTime<Utc>,
    /// When it ends; none: never.
    pub expires: Option<DateTime<Utc>>,
    /// When it was revoked.
    pub revoked: Option<DateTime<Utc>>,
}

/// Which tenants a list asks for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Wanted {
    /// Those in this state; none: all that are not deleted.
    pub state: Option<TenantState>,
    /// Those that come behind this one.
    pub after: Option<TenantId>,
    /// At most so many.
    pub limit: usize,
}

/// A change of a tenant. It may run more than once, so it only computes.
pub type Alter<'a> = &'a mut dyn FnMut(&mut Record) -> Result<()>;

/// Tenants and the credentials of the platform.
pub trait PlatformStore: Send + Sync {
    /// Stores a new tenant with its counters; a taken slug is [`crate::Error::Uniqueness`].
    fn create_tenant(&self, record: &Record) -> Result<()>;

    /// The tenant with this id, deleted or not.
    fn tenant(&self, id: TenantId) -> Result<Option<Record>>;

    /// Tenants in the order of their ids, which is that of their creation.
    fn tenants(&self, wanted: &Wanted) -> Result<Vec<Record>>;

    /// Changes a tenant while nobody else can, with an audit row for each thing that is another one then; `None` when
    /// there is no such tenant. A deleted tenant frees its slug.
    fn alter_tenant(
        &self,
        id: TenantId,
        change: Alter<'_>,
        origin: &Origin,
        at: DateTime<Utc>,
    ) -> Result<Option<Record>>;

    /// Deleted tenants whose data may go.
    fn tenants_to_purge(&self, now: DateTime<Utc>) -> Result<Vec<TenantId>>;

    /// Takes the next step of the purge of a deleted tenant: first its tokens and its counters, without which nobody
    /// writes any more, then about `room` rows at a time. Several processes may do so at once.
    fn purge_step(&self, id: TenantId, room: usize, now: DateTime<Utc>) -> Result<Purge>;

    /// Stores a token of the platform; `digest` is the SHA-256 of its text.
    fn create_platform_token(&self, token: &PlatformToken, digest: &[u8; 32]) -> Result<()>;

    /// The tokens of the platform, the youngest first.
    fn platform_tokens(&self) -> Result<Vec<PlatformToken>>;

    /// Revokes a token of the platform; `false` when there is none with this id.
    fn revoke_platform_token(&self, id: PlatformTokenId, at: DateTime<Utc>) -> Result<bool>;

    /// The token behind a digest, whatever its state.
    fn find_platform_token(&self, digest: &[u8; 32]) -> Result<Option<PlatformToken>>;
}
