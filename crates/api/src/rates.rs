//! How often a tenant, a token and an address may ask. All of it is in the memory of this process, on its monotonic
//! clock.
//!
//! A bucket is one time: when it will be full again. Whoever takes from it moves that time, and may do so while it is
//! not too far away; a bulk request moves it by all its operations at once, and the requests after it wait for them.

pub(crate) mod attempts;
pub(crate) mod refusals;

use std::collections::HashMap;
use std::net::{IpAddr, Ipv6Addr};
use std::time::{Duration, Instant};

use domain::id::{SessionId, TenantId, TokenId};
use domain::principal::Principal;

use crate::error::Failure;
use crate::settings::Limits;
use crate::shards::{Entry, Shards};

/// Time in which failures of an address are counted.
const WINDOW: Duration = Duration::from_secs(60);
/// Tokens of a tenant above which full buckets are forgotten.
const TOKENS: usize = 64;

/// How fast a bucket fills, and how much it holds.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Rate {
    /// Time for one request.
    interval: Duration,
    burst: u32,
}

impl Rate {
    /// None where there is no limit.
    pub(crate) fn new(per_second: u32, burst: u32) -> Option<Self> {
        (per_second > 0).then(|| Self { interval: Duration::from_secs(1) / per_second, burst })
    }

    /// Takes a request from the bucket, if it holds one.
    pub(crate) fn pass(self, bucket: &mut Bucket, now: Instant) -> bool {
        let passes = self.wait(bucket, now).is_zero();
        if passes {
            self.take(bucket, 1, now);
        }
        passes
    }

    /// How long until the bucket holds a whole request.
    fn wait(self, bucket: &Bucket, now: Instant) -> Duration {
        let missing = bucket.full_at.map_or(Duration::ZERO, |full| full.saturating_duration_since(now));
        missing.saturating_sub(self.interval * self.burst.saturating_sub(1))
    }

    /// Takes from the bucket, also what is not in it.
    fn take(self, bucket: &mut Bucket, requests: u32, now: Instant) {
        let full = bucket.full_at.unwrap_or(now).max(now);
        bucket.full_at = Some(full + self.interval * requests);
    }
}

/// Full unless it says otherwise.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Bucket {
    full_at: Option<Instant>,
}

impl Entry for Bucket {
    fn is_idle(&self, now: Instant) -> bool {
        self.full_at.is_none_or(|full| full <= now)
    }
}

/// The bucket of a tenant and those of its tokens: one lock for both, so that a refused request is billed to neither.
#[derive(Default)]
struct Buckets {
    tenant: Bucket,
    tokens: HashMap<TokenId, Bucket>,
}

impl Buckets {
    fn of_token(&mut self, token: TokenId, now: Instant) -> &mut Bucket {
        if self.tokens.len() >= TOKENS && !self.tokens.contains_key(&token) {
            self.tokens.retain(|_, bucket| !bucket.is_idle(now));
        }
        self.tokens.entry(token).or_default()
    }
}

impl Entry for Buckets {
    fn is_idle(&self, now: Instant) -> bool {
        self.tenant.is_idle(now) && self.tokens.values().all(|bucket| bucket.is_idle(now))
    }
}

/// The limits on requests of tenants and tokens.
pub(crate) struct Rates {
    tenant: Option<Rate>,
    token: Option<Rate>,
    of: Shards<TenantId, Buckets>,
}

impl Rates {
    pub(crate) fn new(limits: &Limits) -> Self {
        Self {
            tenant: Rate::new(limits.tenant_per_second, limits.tenant_burst),
            token: Rate::new(limits.token_per_second, limits.token_burst),
            of: Shards::default(),
        }
    }

    /// Bills one request, or refuses it.
    ///
    /// # Errors
    /// [`Failure::TooManyRequests`] while the bucket of the tenant or that of the token is empty.
    pub(crate) fn admit(&self, principal: &Principal, now: Instant) -> Result<(), Failure> {
        self.admit_from(principal.tenant.id, principal.token.id, now)
    }

    /// Bills what a request has turned out to be beyond one, also when there is not enough left.
    pub(crate) fn bill(&self, principal: &Principal, more: usize, now: Instant) {
        self.bill_to(principal.tenant.id, principal.token.id, u32::try_from(more).unwrap_or(u32::MAX), now);
    }

    /// The same for a session of an admin, which has the rate of a token and takes nothing from identity providers.
    ///
    /// # Errors
    /// [`Failure::TooManyRequests`] while the bucket of the session is empty.
    pub(crate) fn admit_session(
        &self,
        tenant: TenantId,
        session: SessionId,
        now: Instant,
    ) -> Result<(), Failure> {
        let Some(rate) = self.token else { return Ok(()) };
        self.of.with(tenant, now, |buckets| {
            let bucket = buckets.of_token(TokenId(session.0), now);
            let wait = rate.wait(bucket, now);
            if wait.is_zero() {
                rate.take(bucket, 1, now);
                return Ok(());
            }
            let what = "the session sends too many requests".into();
            Err(Failure::TooManyRequests { what, seconds: seconds(wait) })
        })
    }

    fn admit_from(&self, tenant: TenantId, token: TokenId, now: Instant) -> Result<(), Failure> {
        if self.are_off() {
            return Ok(());
        }
        self.of.with(tenant, now, |buckets| {
            let of_tenant = self.tenant.map_or(Duration::ZERO, |rate| rate.wait(&buckets.tenant, now));
            let of_token =
                self.token.map_or(Duration::ZERO, |rate| rate.wait(buckets.of_token(token, now), now));
            let wait = of_tenant.max(of_token);
            if wait.is_zero() {
                self.take(buckets, token, 1, now);
                return Ok(());
            }
            let who = if of_tenant >= of_token { "the tenant" } else { "the token" };
            Err(Failure::TooManyRequests {
                what: format!("{who} sends too many requests"),
                seconds: seconds(wait),
            })
        })
    }

    fn bill_to(&self, tenant: TenantId, token: TokenId, requests: u32, now: Instant) {
        if requests > 0 && !self.are_off() {
            self.of.with(tenant, now, |buckets| self.take(buckets, token, requests, now));
        }
    }

    fn take(&self, buckets: &mut Buckets, token: TokenId, requests: u32, now: Instant) {
        if let Some(rate) = self.tenant {
            rate.take(&mut buckets.tenant, requests, now);
        }
        if let Some(rate) = self.token {
            rate.take(buckets.of_token(token, now), requests, now);
        }
    }

    fn are_off(&self) -> bool {
        self.tenant.is_none() && self.token.is_none()
    }
}

/// Failures since a time.
#[derive(Default)]
struct Window {
    began: Option<Instant>,
    failures: u32,
}

impl Window {
    /// How long it still counts.
    fn left(&self, now: Instant) -> Duration {
        self.began.map_or(Duration::ZERO, |began| (began + WINDOW).saturating_duration_since(now))
    }
}

impl Entry for Window {
    fn is_idle(&self, now: Instant) -> bool {
        self.left(now).is_zero()
    }
}

/// How many wrong credentials came from each address.
pub(crate) struct Failures {
    most: u32,
    of: Shards<IpAddr, Window>,
}

impl Failures {
    pub(crate) fn new(limits: &Limits) -> Self {
        Self { most: limits.failures_per_minute, of: Shards::default() }
    }

    /// Whether work may be done for an address that has shown no credential yet.
    ///
    /// # Errors
    /// [`Failure::TooManyRequests`] when as many wrong ones have come from there within a minute as may.
    pub(crate) fn admit(&self, address: IpAddr, now: Instant) -> Result<(), Failure> {
        self.judge(address, now, |_| {})
    }

    /// Counts a wrong credential.
    ///
    /// # Errors
    /// [`Failure::TooManyRequests`] when there have been too many from this address within a minute.
    pub(crate) fn count(&self, address: IpAddr, now: Instant) -> Result<(), Failure> {
        self.judge(address, now, |window| {
            window.began.get_or_insert(now);
            window.failures += 1;
        })
    }

    fn judge(&self, address: IpAddr, now: Instant, work: impl FnOnce(&mut Window)) -> Result<(), Failure> {
        if self.most == 0 {
            return Ok(());
        }
        self.of.with(place(address), now, |window| {
            if window.is_idle(now) {
                *window = Window::default();
            }
            if window.failures < self.most {
                work(window);
                return Ok(());
            }
            let what = "there were too many wrong credentials from this address".into();
            Err(Failure::TooManyRequests { what, seconds: seconds(window.left(now)) })
        })
    }
}

/// Whoever has one address of IPv6 has 2^64 of them.
pub(crate) fn place(address: IpAddr) -> IpAddr {
    match address.to_canonical() {
        IpAddr::V4(address) => address.into(),
        IpAddr::V6(address) => Ipv6Addr::from_bits(address.to_bits() >> 64 << 64).into(),
    }
}

/// Whole seconds that are enough, for `Retry-After`.
fn seconds(wait: Duration) -> u64 {
    (wait.as_secs() + u64::from(wait.subsec_nanos() > 0)).max(1)
}

#[cfg(test)]
mod tests;
