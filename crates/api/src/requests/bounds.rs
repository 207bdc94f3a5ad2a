//! How much is recorded: whoever has no good credential must not fill the logs of a tenant, and a tenant that may ask as
//! often as it likes must not push out what it has changed by what it has read.

use std::net::IpAddr;
use std::time::Instant;

use domain::id::{TenantId, TokenId};

use crate::rates::refusals::{Refusals, Window};
use crate::rates::{Bucket, Rate, place};
use crate::shards::Shards;

/// Refused requests of a tenant that are recorded in a minute.
const REQUESTS: u32 = 60;
/// Reads that went well and are recorded of a token, in a second and at once: twice what the limits let through that it has by
/// default.
const READS: u32 = 100;
const READS_AT_ONCE: u32 = 200;

/// The bounds of all tenants.
pub(super) struct Bounds {
    requests: Shards<TenantId, Window>,
    reads: Shards<(TenantId, TokenId), Bucket>,
    read_rate: Option<Rate>,
    credentials: Refusals<TenantId, (TenantId, Option<IpAddr>)>,
}

impl Default for Bounds {
    fn default() -> Self {
        Self {
            requests: Shards::default(),
            reads: Shards::default(),
            read_rate: Rate::new(READS, READS_AT_ONCE),
            credentials: Refusals::default(),
        }
    }
}

impl Bounds {
    /// Whether a refused request is recorded.
    pub(super) fn request(&self, tenant: TenantId, now: Instant) -> bool {
        self.requests.with(tenant, now, |window| window.pass(REQUESTS, now)).is_some()
    }

    /// Whether a read that went well is recorded.
    pub(super) fn read(&self, tenant: TenantId, token: TokenId, now: Instant) -> bool {
        self.read_rate
            .is_none_or(|rate| self.reads.with((tenant, token), now, |bucket| rate.pass(bucket, now)))
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

    #[test]
    fn reads_with_a_token_are_bounded_and_those_with_another_are_not_its_own() {
        let (bounds, now) = (Bounds::default(), Instant::now());
        let tenant = TenantId::generate();
        let [token, other] = [TokenId::generate(), TokenId::generate()];
        let passed = |token, now| (0..READS_AT_ONCE * 2).filter(|_| bounds.read(tenant, token, now)).count();
        assert_eq!((passed(token, now), passed(token, now)), (READS_AT_ONCE as usize, 0));
        assert_eq!(passed(other, now), READS_AT_ONCE as usize);
        assert_eq!(passed(token, now + Duration::from_secs(1)), READS as usize);
        assert_eq!(passed(token, now + Duration::from_secs(60)), READS_AT_ONCE as usize);
    }
}
