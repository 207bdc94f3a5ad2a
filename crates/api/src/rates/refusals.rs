//! How many refusals leave an audit row: whoever has no good credential must not decide how fast the audit log of a tenant
//! grows.

use std::hash::Hash;
use std::time::Instant;

use super::WINDOW;
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

/// The refusals of all tenants, each of which is known by a `T`; an `S` is where refusals come from and what they try.
pub(crate) struct Refusals<T, S> {
    of_tenant: Shards<T, Window>,
    by_source: Shards<S, Window>,
}

impl<T: Copy + Eq + Hash, S: Copy + Eq + Hash> Default for Refusals<T, S> {
    fn default() -> Self {
        Self { of_tenant: Shards::default(), by_source: Shards::default() }
    }
}

impl<T: Copy + Eq + Hash, S: Copy + Eq + Hash> Refusals<T, S> {
    /// Whether this one leaves a row: one of each source and minute does. If so, how many of that source have left none
    /// since the last one.
    pub(crate) fn pass(&self, tenant: T, source: S, now: Instant) -> Option<u64> {
        let suppressed = self.by_source.with(source, now, |window| window.pass(1, now))?;
        if self.of_tenant.with(tenant, now, |window| window.pass(OF_TENANT, now)).is_some() {
            return Some(suppressed);
        }
        self.by_source.with(source, now, |window| window.suppressed += suppressed + 1);
        None
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;

    #[test]
    fn one_row_for_an_address_and_minute() {
        let (refusals, now) = (Refusals::default(), Instant::now());
        let [one, other, elsewhere] = ["one", "other", "one of globex"];
        assert_eq!(refusals.pass("acme", one, now), Some(0));
        assert_eq!(refusals.pass("acme", one, now), None);
        assert_eq!(refusals.pass("acme", one, now + Duration::from_secs(59)), None);
        assert_eq!(refusals.pass("acme", other, now), Some(0));
        assert_eq!(refusals.pass("globex", elsewhere, now), Some(0));
        assert_eq!(refusals.pass("acme", one, now + WINDOW), Some(2), "the two between are told");
        assert_eq!(refusals.pass("acme", one, now + 2 * WINDOW), Some(0));
    }

    #[test]
    fn many_addresses_are_bounded_too() {
        let (refusals, now) = (Refusals::default(), Instant::now());
        let passed = |now| (0..1_000).filter(|source| refusals.pass("acme", *source, now).is_some()).count();
        assert_eq!(passed(now), OF_TENANT as usize);
        assert_eq!(passed(now + WINDOW), OF_TENANT as usize);
        // Who has left no row for the sake of others is told with the next one.
        assert_eq!(refusals.pass("acme", 999, now + 2 * WINDOW), Some(2));
    }
}
