//! How many requests of one tenant may be at work at a time.
//!
//! Every request holds a thread and a connection to the database: a write while it waits for a lock, a long reply while
//! its client is slow (seats for slow clients are in [`crate::stream`]). A tenant that sends many of them at once would
//! hold all there are. So requests take turns, tenant by tenant, and the other tenants find a connection.

use std::sync::Arc;
use std::time::{Duration, Instant};

use actix_rt::time::timeout;
use domain::id::TenantId;
use domain::{Error, Result};
use tokio::sync::{OwnedSemaphorePermit, Semaphore};

use crate::shards::{Entry, Shards};

/// The turns of all tenants that have asked for one.
pub(crate) struct Turns {
    most: usize,
    wait: Duration,
    of: Shards<TenantId, InUse>,
}

/// The turns of a tenant; none before it has asked for one.
#[derive(Default)]
struct InUse(Option<Arc<Semaphore>>);

impl Entry for InUse {
    /// A turn that is taken or waited for holds on to them.
    fn is_idle(&self, _: Instant) -> bool {
        self.0.as_ref().is_none_or(|turns| Arc::strong_count(turns) == 1)
    }
}

impl Turns {
    /// Of so many connections a tenant may hold two thirds; who finds none free waits so long unless he says otherwise.
    pub(crate) fn new(connections: usize, wait: Duration) -> Self {
        Self { most: (connections * 2 / 3).max(1), wait, of: Shards::default() }
    }

    /// How many a tenant has.
    pub(crate) fn most(&self) -> usize {
        self.most
    }

    /// Waits for a turn, which lasts until it is dropped.
    ///
    /// # Errors
    /// [`Error::Unavailable`] when none is free in time.
    pub(crate) async fn take(&self, tenant: TenantId) -> Result<OwnedSemaphorePermit> {
        self.take_within(self.wait, tenant).await
    }

    /// A turn that is free now and that nobody waits for.
    pub(crate) fn try_take(&self, tenant: TenantId) -> Option<OwnedSemaphorePermit> {
        self.of_tenant(tenant).try_acquire_owned().ok()
    }

    /// The same as [`Self::take`] with a time of its own.
    pub(crate) async fn take_within(&self, wait: Duration, tenant: TenantId) -> Result<OwnedSemaphorePermit> {
        match timeout(wait, self.of_tenant(tenant).acquire_owned()).await {
            Ok(Ok(turn)) => Ok(turn),
            Ok(Err(_)) => Err(Error::internal("nobody closes the turns of a tenant")),
            Err(_) => Err(Error::unavailable("the tenant does too much at once")),
        }
    }

    fn of_tenant(&self, tenant: TenantId) -> Arc<Semaphore> {
        self.of.with(tenant, Instant::now(), |InUse(turns)| {
            Arc::clone(turns.get_or_insert_with(|| Arc::new(Semaphore::new(self.most))))
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[actix_rt::test]
    async fn a_tenant_waits_for_itself_only() {
        let turns = Turns::new(3, Duration::from_millis(20));
        let [one, other] = [TenantId::generate(), TenantId::generate()];
        let first = turns.take(one).await.unwrap();
        let _second = turns.take(one).await.unwrap();
        assert!(matches!(turns.take(one).await, Err(Error::Unavailable(_))));
        assert!(turns.take(other).await.is_ok());
        drop(first);
        assert!(turns.take(one).await.is_ok());
    }

    #[actix_rt::test]
    async fn turns_that_are_taken_are_remembered() {
        let turns = Turns::new(1, Duration::from_millis(20));
        let tenant = TenantId::generate();
        let turn = turns.take(tenant).await.unwrap();
        let is_idle = || turns.of.with(tenant, Instant::now(), |entry| entry.is_idle(Instant::now()));
        assert!(!is_idle());
        drop(turn);
        assert!(is_idle());
    }

    #[actix_rt::test]
    async fn there_is_always_a_turn() {
        let turns = Turns::new(1, Duration::from_millis(20));
        let tenant = TenantId::generate();
        let turn = turns.take(tenant).await.unwrap();
        assert!(turns.take(tenant).await.is_err());
        drop(turn);
        assert!(turns.take(tenant).await.is_ok());
    }
}
