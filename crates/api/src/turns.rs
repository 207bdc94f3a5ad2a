//! Which requests may hold a connection to the database for as long as their client is slow.
//!
//! Seats for slow clients are in [`crate::stream`]. Before a reply knows that its client is slow, it has held its
//! connection for a while; a tenant that asks for many long replies at once would so hold all of them. So the replies that may
//! be long take turns, tenant by tenant, and the other tenants find a connection.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use actix_rt::time::timeout;
use domain::id::TenantId;
use domain::{Error, Result};
use tokio::sync::{OwnedSemaphorePermit, Semaphore};

/// The turns of all tenants that have asked for one.
pub(crate) struct Turns {
    most: usize,
    wait: Duration,
    of: Mutex<HashMap<TenantId, Arc<Semaphore>>>,
}

impl Turns {
    /// Of so many connections a tenant may hold two thirds; who finds none free waits so long.
    pub(crate) fn new(connections: usize, wait: Duration) -> Self {
        Self { most: (connections * 2 / 3).max(1), wait, of: Mutex::default() }
    }

    /// Waits for a turn, which lasts until it is dropped.
    ///
    /// # Errors
    /// [`Error::Unavailable`] when none is free in time.
    pub(crate) async fn take(&self, tenant: TenantId) -> Result<OwnedSemaphorePermit> {
        let turns = Arc::clone(
            self.of
                .lock()
                // The map is whole between any two calls.
                .unwrap_or_else(PoisonError::into_inner)
                .entry(tenant)
                .or_insert_with(|| Arc::new(Semaphore::new(self.most))),
        );
        match timeout(self.wait, turns.acquire_owned()).await {
            Ok(Ok(turn)) => Ok(turn),
            Ok(Err(_)) => Err(Error::internal("nobody closes the turns of a tenant")),
            Err(_) => Err(Error::unavailable("the tenant reads too much at once")),
        }
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
    async fn there_is_always_a_turn() {
        let turns = Turns::new(1, Duration::from_millis(20));
        let tenant = TenantId::generate();
        let turn = turns.take(tenant).await.unwrap();
        assert!(turns.take(tenant).await.is_err());
        drop(turn);
        assert!(turns.take(tenant).await.is_ok());
    }
}
