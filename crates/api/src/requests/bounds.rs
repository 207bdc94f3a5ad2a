//! How much of what was refused is recorded: whoever has no good credential must not fill the logs of a tenant.

use std::net::IpAddr;
use std::time::Instant;

use domain::id::TenantId;

use crate::rates::place;
use crate::rates::refusals::{Refusals, Window};
use crate::shards::Shards;

/// Refused requests of a tenant that are recorded in a minute.
const REQUESTS: u32 = 60;

/// The bounds of all tenants.
#[derive(Default)]
pub(super) struct Bounds {
    requests: Shards<TenantId, Window>,
    credentials: Refusals<TenantId, (TenantId, Option<IpAddr>)>,
}

impl Bounds {
    /// Whether a refused request is recorded.
    pub(super) fn request(&self, tenant: TenantId, now: Instant) -> bool {
        self.requests.with(tenant, now, |window| window.pass(REQUESTS, now)).is_some()
    }

    /// As of [`Refusals::pass`] for the address, or its network.
    pub(super) fn refusal(&self, tenant: TenantId, address: Option<IpAddr>, now: Instant) -> Option<u64> {
        self.credentials.pass(tenant, (tenant, address.map(place)), now)
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;

    #[test]
    fn refused_requests_are_bounded() {
        let (bounds, now) = (Bounds::default(), Instant::now());
        let tenant = TenantId::generate();
        let passed = |now| (0..1_000).filter(|_| bounds.request(tenant, now)).count();
        assert_eq!((passed(now), passed(now)), (REQUESTS as usize, 0));
        assert_eq!(passed(now + Duration::from_secs(60)), REQUESTS as usize);
    }
}
