//! An API token: what is known of it beside its secret, how it is used and replaced, and when it ends.

use std::collections::BTreeSet;

use chrono::{DateTime, TimeDelta, Utc};

use crate::id::TokenId;
use crate::principal::Scope;
use crate::role::Role;
use crate::tenant::Tenant;

/// The SHA-256 of the text of a secret.
pub type Digest = [u8; 32];

/// An API token as the database knows it: everything but the secret.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Token {
    /// Its public name.
    pub id: TokenId,
    /// What the admin called it.
    pub name: String,
    /// What it may do.
    pub scopes: BTreeSet<Scope>,
    /// The highest role it may grant; none: any.
    pub role_ceiling: Option<Role>,
    /// When it was made.
    pub created: DateTime<Utc>,
    /// When it ends; none: never.
    pub expires: Option<DateTime<Utc>>,
    /// When it was revoked.
    pub revoked: Option<DateTime<Utc>>,
    /// The last characters of its secret, by which people know it; none when it was made before they were kept.
    pub last_four: Option<String>,
    /// When its secret was last replaced.
    pub rotated: Option<DateTime<Utc>>,
    /// The secret before this one.
    pub previous: Option<Previous>,
    /// How it was last used, by any of its secrets; none: not since uses are noted.
    pub used: Option<Use>,
    /// The nearest end, in days, of which the audit log has told.
    pub warned: Option<i64>,
}

/// A secret that was replaced.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Previous {
    /// Its last characters.
    pub last_four: Option<String>,
    /// When it ends, or has ended.
    pub expires: DateTime<Utc>,
    /// When it was last used since it was replaced.
    pub used: Option<DateTime<Utc>>,
}

/// One use of a token.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Use {
    /// When.
    pub at: DateTime<Utc>,
    /// From where.
    pub address: String,
    /// What the client calls itself; what it says is not to be believed.
    pub agent: String,
}

/// A use of a token that the database does not know of yet.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Noted {
    /// Of which token.
    pub token: TokenId,
    /// The last use of it.
    pub used: Use,
    /// The last use of the secret that was replaced.
    pub previous: Option<DateTime<Utc>>,
}

/// A token with what proves it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Credential {
    /// What is known of it.
    pub token: Token,
    /// Its secret.
    pub digest: Digest,
    /// The secret before; it goes with [`Token::previous`].
    pub previous_digest: Option<Digest>,
}

/// What stands behind a secret.
#[derive(Clone, Debug)]
pub struct Found {
    /// Whose it is.
    pub tenant: Tenant,
    /// The token, whatever its state.
    pub token: Token,
    /// Whether it is the secret before the present one.
    pub is_previous: bool,
}

/// Days before the end of a token at which its admins are warned, the nearest first.
pub const WARNINGS: [i64; 3] = [1, 7, 30];

impl Token {
    /// A token that was never used.
    pub fn new(
        name: &str,
        scopes: BTreeSet<Scope>,
        role_ceiling: Option<Role>,
        created: DateTime<Utc>,
        expires: Option<DateTime<Utc>>,
    ) -> Self {
        Self {
            id: TokenId::generate(),
            name: name.to_owned(),
            scopes,
            role_ceiling,
            created,
            expires,
            revoked: None,
            last_four: None,
            rotated: None,
            previous: None,
            used: None,
            // Whoever chooses a short life knows of its end.
            warned: nearest(expires, created),
        }
    }

    /// Whether it is neither revoked nor expired.
    pub fn is_active(&self, now: DateTime<Utc>) -> bool {
        self.revoked.is_none() && self.expires.is_none_or(|end| end > now)
    }

    /// How long its secret was made for; none: for ever.
    pub fn lifetime(&self) -> Option<TimeDelta> {
        self.expires.map(|end| end - self.rotated.unwrap_or(self.created))
    }

    /// Its secret before the present one, while that still opens something.
    pub fn overlap(&self, now: DateTime<Utc>) -> Option<&Previous> {
        self.previous.as_ref().filter(|previous| self.is_active(now) && previous.expires > now)
    }

    /// The nearest of [`WARNINGS`] within which it ends; none for one that has ended already.
    pub fn warning(&self, now: DateTime<Utc>) -> Option<i64> {
        nearest(self.expires, now).filter(|_| self.is_active(now))
    }

    /// The warning that the audit log has not told yet.
    pub fn warning_due(&self, now: DateTime<Utc>) -> Option<i64> {
        self.warning(now).filter(|days| self.warned.is_none_or(|told| told > *days))
    }
}

/// A warning, for people.
pub fn warning_text(days: i64) -> String {
    format!("expires within {days} {}", if days == 1 { "day" } else { "days" })
}

/// The nearest of [`WARNINGS`] that holds an end, seen from `now`.
pub(crate) fn nearest(end: Option<DateTime<Utc>>, now: DateTime<Utc>) -> Option<i64> {
    let left = end? - now;
    WARNINGS.into_iter().find(|days| left <= TimeDelta::days(*days))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn start() -> DateTime<Utc> {
        DateTime::UNIX_EPOCH
    }

    fn token(days: i64) -> Token {
        Token::new("t", BTreeSet::new(), None, start(), Some(start() + TimeDelta::days(days)))
    }

    #[test]
    fn each_threshold_is_told_once() {
        let mut token = token(90);
        let mut told = Vec::new();
        for hour in 0..=90 * 24 {
            let now = start() + TimeDelta::hours(hour);
            if let Some(days) = token.warning_due(now) {
                told.push((hour / 24, hour % 24, days));
                token.warned = Some(days);
            }
        }
        assert_eq!(told, [(60, 0, 30), (83, 0, 7), (89, 0, 1)]);
        assert_eq!(token.warning(start() + TimeDelta::days(90)), None, "it has ended");
    }

    #[test]
    fn a_threshold_is_passed_at_its_second() {
        for days in WARNINGS {
            let end = start() + TimeDelta::days(90);
            let moment = end - TimeDelta::days(days);
            assert_ne!(token(90).warning(moment - TimeDelta::milliseconds(1)), Some(days));
            assert_eq!(token(90).warning(moment), Some(days));
        }
        assert_eq!(warning_text(1), "expires within 1 day");
        assert_eq!(warning_text(7), "expires within 7 days");
    }

    #[test]
    fn what_was_chosen_short_is_not_warned_of() {
        assert_eq!(token(1).warned, Some(1));
        let week = token(5);
        assert_eq!((week.warned, week.warning(start())), (Some(7), Some(7)));
        assert_eq!(week.warning_due(start()), None);
        assert_eq!(week.warning_due(start() + TimeDelta::days(4)), Some(1));
        assert_eq!(token(31).warned, None);
        assert_eq!(Token::new("t", BTreeSet::new(), None, start(), None).warning(start()), None);
    }

    #[test]
    fn who_slept_through_two_hears_the_nearest() {
        assert_eq!(token(90).warning_due(start() + TimeDelta::days(85)), Some(7));
        let mut revoked = token(90);
        revoked.revoked = Some(start());
        assert_eq!(revoked.warning_due(start() + TimeDelta::days(85)), None);
    }

    #[test]
    fn the_lifetime_is_that_of_the_secret() {
        let mut token = token(90);
        assert_eq!(token.lifetime(), Some(TimeDelta::days(90)));
        token.rotated = Some(start() + TimeDelta::days(80));
        assert_eq!(token.lifetime(), Some(TimeDelta::days(10)));
    }
}
