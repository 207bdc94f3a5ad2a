//! The guard against mass changes: how many users one token may deactivate or delete within a while.
//!
//! A misconfigured identity provider takes access away from everybody within minutes. The guard lets the first of them
//! go and holds the token until somebody has looked at it.

use chrono::{DateTime, TimeDelta, Utc};

use crate::Error;
use crate::id::{ResourceId, TokenId};
use crate::store::Origin;

/// What a tenant has decided about mass changes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Guard {
    /// Whether the rest is refused; if not, the audit log warns.
    pub refuses: bool,
    /// So many users may go, however few there are.
    pub users: u32,
    /// So many of a hundred living users may go.
    pub percent: u32,
    /// Within so many minutes.
    pub minutes: u32,
}

impl Guard {
    /// How many users of `living` ones may go: the larger one of number and share.
    pub fn limit(&self, living: i64) -> i64 {
        let share = living.max(0).saturating_mul(i64::from(self.percent)) / 100;
        share.max(self.users.into())
    }

    /// Changes up to this moment do not count any more.
    pub fn since(&self, now: DateTime<Utc>) -> DateTime<Utc> {
        now - TimeDelta::minutes(self.minutes.into())
    }

    /// What a client is told whose change is refused.
    pub fn refusal(&self) -> Error {
        Error::Conflict(format!(
            "the guard against mass changes holds this back: the token has deactivated or deleted as many users as it \
             may within {} minutes; an admin of the tenant has to release the token before it may go on",
            self.minutes
        ))
    }

    /// What the audit log says when the limit is passed.
    pub fn warning(&self, limit: i64) -> String {
        format!("the token takes access away from more than {limit} users within {} minutes", self.minutes)
    }
}

/// A user loses access: it is deactivated or deleted.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Departure {
    /// Who.
    pub user: ResourceId,
    /// By which token.
    pub token: TokenId,
    /// What the tenant has decided.
    pub guard: Guard,
    /// For the audit log, should the token be held for it.
    pub origin: Origin,
    /// When.
    pub at: DateTime<Utc>,
}

/// How near a token is to the limit.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Tally {
    /// Which one.
    pub token: TokenId,
    /// From how many users it has lately taken access away.
    pub users: i64,
    /// From how many it may.
    pub limit: i64,
    /// Since when it is held; none: it is not.
    pub held: Option<DateTime<Utc>>,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_larger_one_of_number_and_share_counts() {
        let guard = Guard { refuses: true, users: 20, percent: 20, minutes: 10 };
        for (living, limit) in
            [(-1, 20), (0, 20), (104, 20), (105, 21), (109, 21), (110, 22), (1_000_000, 200_000)]
        {
            assert_eq!(guard.limit(living), limit, "{living}");
        }
        assert_eq!(Guard { users: 0, percent: 0, ..guard }.limit(1_000), 0);
        assert_eq!(Guard { users: 0, percent: 100, ..guard }.limit(7), 7);
    }

    #[test]
    fn a_window_ends_to_the_moment() {
        let guard = Guard { refuses: true, users: 20, percent: 20, minutes: 10 };
        let now = DateTime::from_timestamp(1_769_817_600, 0).unwrap();
        assert_eq!(now - guard.since(now), TimeDelta::seconds(600));
    }
}
