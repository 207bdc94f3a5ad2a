//! How much of what was refused is recorded: whoever has no good credential must not fill the logs of a tenant.

use std::net::IpAddr;
use std::time::{Duration, Instant};

use domain::id::TenantId;

use crate::rates::place;
use crate::shards::{Entry, Shards};

/// What the bounds are counted by.
const MINUTE: Duration = Duration::from_secs(60);
/// Refused requests of a tenant that are recorded in a minute.
const REQUESTS: u32 = 60;
/// Refused credentials of a tenant that leave an audit row in a minute, wherever they come from.
const AUDITED: u32 = 60;

/// So many in a minute, and how many were too many since the last one.
#[derive(Default)]
struct Window {
    began: Option<Instant>,
    passed: u32,
    suppressed: u64,
}

impl Window {
    /// How many have been suppressed before this one, if it passes.
    fn pass(&mut self, most: u32, now: Instant) -> Option<u64> {
        if self.is_idle(now) {
            (self.began, self.passed) = (Some(now), 0);
        }
        if self.passed >= most {
            self.suppressed += 1;
            return None;
        }
        self.passed += 1;
        Some(std::mem::take(&mut self.suppressed))
    }
}

impl Entry for Window {
    fn is_idle(&self, now: Instant) -> bool {
        self.began.is_none_or(|began| now.saturating_duration_since(began) >= MINUTE)
    }
}

/// The bounds of all tenants.
#[derive(Default)]
pub(super) struct Bounds {
    requests: Shards<TenantId, Window>,
    audited: Shards<TenantId, Window>,
    by_address: Shards<(TenantId, Option<IpAddr>), Window>,
}

impl Bounds {
    /// Whether a refused request is recorded.
    pub(super) fn request(&self, tenant: TenantId, now: Instant) -> bool {
        self.requests.with(tenant, now, |window| window.pass(REQUESTS, now)).is_some()
    }

    /// Whether a refused credential leaves an audit row: one for each address and minute. If so, how many from there have
    /// left none since the last one.
    pub(super) fn refusal(&self, tenant: TenantId, address: Option<IpAddr>, now: Instant) -> Option<u64> {
        let suppressed =
            self.by_address.with((tenant, address.map(place)), now, |window| window.pass(1, now))?;
        self.audited.with(tenant, now, |window| window.pass(AUDITED, now)).map(|_| suppressed)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_row_for_an_address_and_minute() {
        let (bounds, now) = (Bounds::default(), Instant::now());
        let tenant = TenantId::generate();
        let one: Option<IpAddr> = Some([10, 0, 0, 1].into());
        let other: Option<IpAddr> = Some([10, 0, 0, 2].into());
        assert_eq!(bounds.refusal(tenant, one, now), Some(0));
        assert_eq!(bounds.refusal(tenant, one, now), None);
        assert_eq!(bounds.refusal(tenant, one, now + Duration::from_secs(59)), None);
        assert_eq!(bounds.refusal(tenant, other, now), Some(0));
        assert_eq!(bounds.refusal(TenantId::generate(), one, now), Some(0));
        assert_eq!(bounds.refusal(tenant, one, now + MINUTE), Some(2), "the two between are told");
        assert_eq!(bounds.refusal(tenant, one, now + 2 * MINUTE), Some(0));
    }

    #[test]
    fn many_addresses_are_bounded_too() {
        let (bounds, now) = (Bounds::default(), Instant::now());
        let tenant = TenantId::generate();
        let passed = |now| {
            let addresses = (0..1_000_u32).map(|number| Some(IpAddr::from(number.to_be_bytes())));
            addresses.filter(|&address| bounds.refusal(tenant, address, now).is_some()).count()
        };
        assert_eq!(passed(now), AUDITED as usize);
        assert_eq!(passed(now + MINUTE), AUDITED as usize);
    }

    #[test]
    fn refused_requests_are_bounded() {
        let (bounds, now) = (Bounds::default(), Instant::now());
        let tenant = TenantId::generate();
        let passed = |now| (0..1_000).filter(|_| bounds.request(tenant, now)).count();
        assert_eq!((passed(now), passed(now)), (REQUESTS as usize, 0));
        assert_eq!(passed(now + MINUTE), REQUESTS as usize);
    }
}
