//! How often somebody may guess the password of an account. Each address has some guesses and then waits longer after
//! each one; all addresses together have a hundred, so that many of them are no way around it. The address from which
//! somebody last signed in is not among those: nobody else can lock the owner of an account out.

use std::net::IpAddr;
use std::time::{Duration, Instant};

use domain::admin::email_key;
use sha2::{Digest, Sha256};

use super::refusals::Refusals;
use super::{place, seconds};
use crate::error::Failure;
use crate::settings::Limits;
use crate::shards::{Entry, Shards};

/// Guesses of all addresses together before they wait as well.
const OF_ALL: u32 = 100;
/// The longest wait.
const LONGEST: Duration = Duration::from_secs(15 * 60);
/// After this time without a guess nothing is held against anybody.
const MEMORY: Duration = Duration::from_secs(24 * 60 * 60);

/// Guesses since somebody signed in.
#[derive(Default)]
struct Guesses {
    count: u32,
    last: Option<Instant>,
    /// Where somebody last signed in.
    home: Option<IpAddr>,
}

impl Guesses {
    /// How long the next one has to wait.
    fn wait(&self, free: u32, now: Instant) -> Duration {
        let Some(over) = self.count.checked_sub(free) else { return Duration::ZERO };
        let pause = Duration::from_secs(1 << over.min(10)).min(LONGEST);
        self.last.map_or(Duration::ZERO, |last| (last + pause).saturating_duration_since(now))
    }

    /// Counts one more, or says how long it has to wait: in one step, so that many at once are not let in as one.
    fn admit(&mut self, free: u32, now: Instant) -> Result<(), Failure> {
        let wait = self.wait(free, now);
        if !wait.is_zero() {
            let what = "there were too many attempts to sign in to this account".into();
            return Err(Failure::TooManyRequests { what, seconds: seconds(wait) });
        }
        if self.last.is_some_and(|last| last + MEMORY <= now) {
            self.count = 0;
        }
        self.count = self.count.saturating_add(1);
        self.last = Some(now);
        Ok(())
    }

    /// The last one was none.
    fn forget(&mut self) {
        self.count = self.count.saturating_sub(1);
        if self.count == 0 && self.home.is_none() {
            // Nothing is left to remember, and it must not push out what is.
            self.last = None;
        }
    }
}

impl Entry for Guesses {
    fn is_idle(&self, now: Instant) -> bool {
        self.last.is_none_or(|last| last + MEMORY <= now)
    }
}

/// The guesses at all accounts, whether there are such accounts or not.
pub(crate) struct Attempts {
    /// Guesses of one address before it waits; 0: any number.
    free: u32,
    of: Shards<[u8; 32], Guesses>,
    /// By the tenant that was named, whether there is one or not.
    refusals: Refusals<[u8; 32], [u8; 32]>,
}

/// One guess, which counts as a wrong one until something else is said of it.
pub(crate) struct Attempt<'a> {
    all: &'a Attempts,
    account: [u8; 32],
    here: [u8; 32],
    place: IpAddr,
}

impl Attempts {
    pub(crate) fn new(limits: &Limits) -> Self {
        Self { free: limits.sign_in_failures, of: Shards::default(), refusals: Refusals::default() }
    }

    /// A guess at the account with this address in the tenant with this slug.
    ///
    /// # Errors
    /// [`Failure::TooManyRequests`] while it has to wait.
    pub(crate) fn begin(
        &self,
        tenant: &str,
        email: &str,
        peer: IpAddr,
        now: Instant,
    ) -> Result<Attempt<'_>, Failure> {
        let place = place(peer);
        let email = email_key(email);
        let account = name(&[tenant, &email]);
        let here = name(&[tenant, &email, &place.to_string()]);
        if self.free > 0 {
            self.of.with(here, now, |guesses| guesses.admit(self.free, now))?;
            let admitted = self.of.with(account, now, |guesses| {
                let free = if guesses.home == Some(place) { u32::MAX } else { OF_ALL };
                guesses.admit(free, now)
            });
            if admitted.is_err() {
                self.of.with(here, now, Guesses::forget);
            }
            admitted?;
        }
        Ok(Attempt { all: self, account, here, place })
    }
}

impl Attempt<'_> {
    /// It was wrong, and stays counted. As of [`Refusals::pass`], for this account and address.
    pub(crate) fn was_wrong(self, tenant: &str, now: Instant) -> Option<u64> {
        self.all.refusals.pass(name(&[tenant]), self.here, now)
    }

    /// It was right: nothing is held against anybody any more.
    pub(crate) fn was_right(self, now: Instant) {
        self.all.of.with(self.here, now, |guesses| *guesses = Guesses::default());
        let place = self.place;
        let new = Guesses { home: Some(place), last: Some(now), ..Guesses::default() };
        self.all.of.with(self.account, now, |guesses| *guesses = new);
    }

    /// It was none: nobody has looked at the password, or it was right and something else is missing.
    pub(crate) fn was_none(self, now: Instant) {
        for key in [self.here, self.account] {
            self.all.of.with(key, now, Guesses::forget);
        }
    }
}

/// One name for several parts. It says nothing of an account that might not exist.
fn name(parts: &[&str]) -> [u8; 32] {
    let mut hash = Sha256::new();
    for part in parts {
        hash.update((part.len() as u64).to_be_bytes());
        hash.update(part.as_bytes());
    }
    hash.finalize().into()
}

#[cfg(test)]
mod tests {
    use super::*;

    const HERE: IpAddr = IpAddr::V4(std::net::Ipv4Addr::new(10, 0, 0, 1));
    const THERE: IpAddr = IpAddr::V4(std::net::Ipv4Addr::new(10, 0, 0, 2));

    fn attempts(free: u32) -> Attempts {
        Attempts::new(&Limits { sign_in_failures: free, ..Limits::default() })
    }

    fn waits(attempts: &Attempts, peer: IpAddr, now: Instant) -> u64 {
        match attempts.begin("acme", "jane@example.com", peer, now) {
            Ok(_) => 0,
            Err(Failure::TooManyRequests { seconds, .. }) => seconds,
            Err(other) => panic!("{other}"),
        }
    }

    #[test]
    fn ten_guesses_then_each_waits_twice_as_long() {
        let (attempts, start) = (attempts(10), Instant::now());
        for _ in 0..10 {
            assert_eq!(waits(&attempts, HERE, start), 0);
        }
        let mut now = start;
        for expected in [1, 2, 4, 8, 16, 32, 64, 128, 256, 512, 900, 900] {
            assert_eq!(waits(&attempts, HERE, now), expected);
            now += Duration::from_secs(expected) - Duration::from_millis(1);
            assert_eq!(waits(&attempts, HERE, now), 1);
            now += Duration::from_millis(1);
            assert_eq!(waits(&attempts, HERE, now), 0, "{expected}");
        }
        // Another address, another account, another tenant, and the next day.
        assert_eq!(waits(&attempts, THERE, now), 0);
        assert!(attempts.begin("acme", "john@example.com", HERE, now).is_ok());
        assert!(attempts.begin("globex", "jane@example.com", HERE, now).is_ok());
        assert!(attempts.begin("acme", "JANE@example.com", HERE, now).is_err(), "the same account");
        assert_eq!(waits(&attempts, HERE, now + MEMORY), 0);
    }

    #[test]
    fn many_addresses_have_a_hundred_and_the_owner_is_at_home() {
        let (attempts, now) = (attempts(10), Instant::now());
        attempts.begin("acme", "jane@example.com", HERE, now).unwrap().was_right(now);
        let address = |n: u8| IpAddr::from([10, 1, n, 1]);
        for n in 0..100 {
            assert_eq!(waits(&attempts, address(n), now), 0, "{n}");
        }
        assert_eq!(waits(&attempts, address(100), now), 1);
        assert_eq!(waits(&attempts, HERE, now), 0, "nobody locks the owner out");
    }

    #[test]
    fn guesses_at_the_same_time_are_counted_one_by_one() {
        let (attempts, now) = (attempts(10), Instant::now());
        let guess = || (0..50).filter(|_| waits(&attempts, HERE, now) == 0).count();
        let let_in: usize = std::thread::scope(|scope| {
            let threads = [(); 4].map(|()| scope.spawn(guess));
            threads.into_iter().map(|thread| thread.join().unwrap()).sum()
        });
        assert_eq!(let_in, 10);
    }

    #[test]
    fn one_refusal_of_an_address_leaves_a_row_within_a_minute() {
        let (attempts, now) = (attempts(0), Instant::now());
        let wrong =
            |email: &str, peer| attempts.begin("acme", email, peer, now).unwrap().was_wrong("acme", now);
        assert_eq!(wrong("jane@example.com", HERE), Some(0));
        assert_eq!(wrong("jane@example.com", HERE), None);
        assert_eq!(wrong("john@example.com", HERE), Some(0), "guesses at one account hide none at another");
        assert_eq!(wrong("jane@example.com", THERE), Some(0));
    }

    #[test]
    fn what_was_right_or_nothing_is_not_counted() {
        let (attempts, now) = (attempts(2), Instant::now());
        let begin = || attempts.begin("acme", "jane@example.com", HERE, now);
        for _ in 0..9 {
            begin().unwrap().was_none(now);
        }
        attempts.of.take().iter().for_each(|(_, guesses)| assert!(guesses.is_idle(now)));
        assert!(begin().is_ok());
        begin().unwrap().was_right(now);
        assert!(begin().is_ok() && begin().is_ok() && begin().is_err());
        let unlimited = self::attempts(0);
        for _ in 0..50 {
            assert_eq!(waits(&unlimited, HERE, now), 0);
        }
    }
}
