//! How many refusals leave an audit row: whoever has no good credential must not decide how fast the audit log of a tenant
//! grows.

use std::hash::Hash;
use std::net::IpAddr;
use std::time::Instant;

use super::{WINDOW, place};
use crate::shards::{Entry, Shards};

/// Rows of a tenant in a minute, wherever the refused come from.
const OF_TENANT: u32 = 60;

/// So many in a minute, and how many were too many since the last one.
#[derive(Default)]
pub(crate) struct Window {
    began: Option<Instant>,
    passed: u32,
    suppressed: u64,
}

impl Window {
    /// How many have been suppressed before this one, if it passes.
    pub(crate) fn pass(&mut self, most: u32, now: Instant) -> Option<u64> {
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
        self.began.is_none_or(|began| now.saturating_duration_since(began) >= WINDOW)
    }
}

/// The refusals of all tenants, each of which is known by a `K`.
pub(crate) struct Refusals<K> {
    of_tenant: Shards<K, Window>,
    by_address: Shards<(K, Option<IpAddr>), Window>,
}

impl<K: Copy + Eq + Hash> Default for Refusals<K> {
    fn default() -> Self {
        Self { of_tenant: Shards::default(), by_address: Shards::default() }
    }
}

impl<K: Copy + Eq + Hash> Refusals<K> {
    /// Whether this one leaves a row: one for each address and minute does. If so, how many from there have left none since
    /// the last one.
    pub(crate) fn pass(&self, tenant: K, address: Option<IpAddr>, now: Instant) -> Option<u64> {
        let suppressed =
            self.by_address.with((tenant, address.map(place)), now, |window| window.pass(1, now))?;
        self.of_tenant.with(tenant, now, |window| window.pass(OF_TENANT, now)).map(|_| suppressed)
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;

    #[test]
    fn one_row_for_an_address_and_minute() {
        let (refusals, now) = (Refusals::default(), Instant::now());
        let one: Option<IpAddr> = Some([10, 0, 0, 1].into());
        let other: Option<IpAddr> = Some([10, 0, 0, 2].into());
        assert_eq!(refusals.pass("acme", one, now), Some(0));
        assert_eq!(refusals.pass("acme", one, now), None);
        assert_eq!(refusals.pass("acme", one, now + Duration::from_secs(59)), None);
        assert_eq!(refusals.pass("acme", other, now), Some(0));
        assert_eq!(refusals.pass("globex", one, now), Some(0));
        assert_eq!(refusals.pass("acme", one, now + WINDOW), Some(2), "the two between are told");
        assert_eq!(refusals.pass("acme", one, now + 2 * WINDOW), Some(0));
    }

    #[test]
    fn many_addresses_are_bounded_too() {
        let (refusals, now) = (Refusals::default(), Instant::now());
        let passed = |now| {
            let addresses = (0..1_000_u32).map(|number| Some(IpAddr::from(number.to_be_bytes())));
            addresses.filter(|&address| refusals.pass("acme", address, now).is_some()).count()
        };
        assert_eq!(passed(now), OF_TENANT as usize);
        assert_eq!(passed(now + WINDOW), OF_TENANT as usize);
    }
}
