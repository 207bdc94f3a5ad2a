//! Accounts of tenant admins: who may look after a tenant. They stand in tables of their own that SCIM cannot reach.

use std::fmt;
use std::sync::Arc;

use chrono::{DateTime, TimeDelta, Utc};
use uuid::Uuid;

use crate::id::{AdminId, SessionId};
use crate::key::fold;
use crate::tenant::Tenant;
use crate::user::is_address;
use crate::{Error, Result};

/// Bytes of the longest address (RFC 5321 section 4.5.3.1.3, without the angle brackets).
pub const EMAIL_BYTES: usize = 254;
/// Accounts of a tenant.
pub const ACCOUNTS: usize = 200;
/// Sessions of an account; the oldest one ends when another one begins.
pub const SESSIONS: usize = 20;
/// How long a session lives that nobody prolongs.
pub const IDLE: TimeDelta = TimeDelta::minutes(30);
/// How long a session lives at most.
pub const SESSION: TimeDelta = TimeDelta::hours(8);
/// How long an invitation is good.
pub const INVITATION: TimeDelta = TimeDelta::days(7);
/// How long a link is good with which somebody chooses a new password.
pub const RESET: TimeDelta = TimeDelta::minutes(30);

/// What an admin may do.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum AdminRole {
    /// Everything.
    Owner,
    /// Everything but the accounts of owners.
    Admin,
    /// Reads, and changes nothing but its own account.
    Auditor,
}

impl AdminRole {
    /// All of them, the mightiest first.
    pub const ALL: [Self; 3] = [Self::Owner, Self::Admin, Self::Auditor];

    /// The name in the API and in the database.
    pub fn name(self) -> &'static str {
        match self {
            Self::Owner => "owner",
            Self::Admin => "admin",
            Self::Auditor => "auditor",
        }
    }

    /// The role with this name.
    pub fn parse(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|role| role.name() == name)
    }

    /// Whether it may change anything but its own account.
    pub fn writes(self) -> bool {
        self != Self::Auditor
    }
}

/// A value that hides from logs.
#[derive(Clone, PartialEq, Eq)]
pub struct Hidden<T>(pub T);

impl<T> fmt::Debug for Hidden<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("[redacted]")
    }
}

/// The second factor of an account.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Totp {
    /// What the account and its authenticator app share.
    pub secret: Hidden<Vec<u8>>,
    /// When a code of the app was shown; before that it is not asked for.
    pub confirmed: Option<DateTime<Utc>>,
    /// The step of the last code that counted.
    pub step: Option<u64>,
}

/// The account of an admin.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Account {
    /// Its id.
    pub id: AdminId,
    /// The address it signs in with, as it was written.
    pub email: String,
    /// What it may do.
    pub role: AdminRole,
    /// The hash of the password; none until an invitation is accepted.
    pub password: Option<Hidden<String>>,
    /// The second factor.
    pub totp: Option<Totp>,
    /// When it was made.
    pub created: DateTime<Utc>,
    /// When it was disabled.
    pub disabled: Option<DateTime<Utc>>,
    /// When somebody last signed in.
    pub signed_in: Option<DateTime<Utc>>,
}

impl Account {
    /// A new account without a password.
    ///
    /// # Errors
    /// [`Error::InvalidValue`] for what is no address.
    pub fn new(email: &str, role: AdminRole, now: DateTime<Utc>) -> Result<Self> {
        if email.len() > EMAIL_BYTES || !is_address(email) {
            return Err(Error::InvalidValue(format!(
                "email is an e-mail address of at most {EMAIL_BYTES} bytes"
            )));
        }
        Ok(Self {
            id: AdminId::generate(),
            email: email.to_owned(),
            role,
            password: None,
            totp: None,
            created: now,
            disabled: None,
            signed_in: None,
        })
    }

    /// How it is, in a word.
    pub fn state(&self) -> &'static str {
        match (self.disabled, &self.password) {
            (Some(_), _) => "disabled",
            (None, None) => "invited",
            (None, Some(_)) => "active",
        }
    }

    /// Whether somebody can sign in to it.
    pub fn is_active(&self) -> bool {
        self.disabled.is_none() && self.password.is_some()
    }

    /// The second factor, if codes are asked for.
    pub fn factor(&self) -> Option<&Totp> {
        self.totp.as_ref().filter(|totp| totp.confirmed.is_some())
    }
}

/// What addresses are compared by: one that differs in case or in its form of Unicode is the same.
pub fn email_key(email: &str) -> String {
    fold(email)
}

/// Somebody who is signed in, once.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Session {
    /// Its id, which all of its tokens name.
    pub id: SessionId,
    /// The account.
    pub admin: AdminId,
    /// A random number in all of its refresh tokens, and nowhere else: who has it, has had one of them.
    pub lineage: Uuid,
    /// The SHA-256 of the one refresh token that counts now.
    pub digest: [u8; 32],
    /// When it began.
    pub created: DateTime<Utc>,
    /// When it ends unless it is prolonged.
    pub idle: DateTime<Utc>,
    /// When it ends in any case.
    pub ends: DateTime<Utc>,
    /// Where it began.
    pub address: String,
}

impl Session {
    /// Whether it has not ended by itself.
    pub fn lives(&self, now: DateTime<Utc>) -> bool {
        now < self.idle && now < self.ends
    }
}

/// What a link is for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Purpose {
    /// To choose the first password.
    Invitation,
    /// To choose another one.
    Reset,
}

impl Purpose {
    /// The name in the API and in the database.
    pub fn name(self) -> &'static str {
        match self {
            Self::Invitation => "invitation",
            Self::Reset => "reset",
        }
    }

    /// The purpose with this name.
    pub fn parse(name: &str) -> Option<Self> {
        [Self::Invitation, Self::Reset].into_iter().find(|purpose| purpose.name() == name)
    }

    /// How long a link is good.
    pub fn lifetime(self) -> TimeDelta {
        match self {
            Self::Invitation => INVITATION,
            Self::Reset => RESET,
        }
    }
}

/// A link that is good once. An account has one at most.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Link {
    /// Whose it is.
    pub admin: AdminId,
    /// What it is for.
    pub purpose: Purpose,
    /// The SHA-256 of the secret in it.
    pub digest: [u8; 32],
    /// When it was made.
    pub created: DateTime<Utc>,
    /// When it ends.
    pub ends: DateTime<Utc>,
}

/// The caller of a request of an admin.
#[derive(Clone, Debug)]
pub struct SignedIn {
    /// The tenant every statement of the request is bound to.
    pub tenant: Arc<Tenant>,
    /// The account.
    pub account: Arc<Account>,
    /// The session that proved it.
    pub session: SessionId,
}

#[cfg(test)]
mod tests {
    use super::*;

    fn now() -> DateTime<Utc> {
        DateTime::from_timestamp(1_750_000_000, 0).unwrap()
    }

    #[test]
    fn addresses_are_judged_and_compared() {
        let longest = format!("{}@example.com", "a".repeat(EMAIL_BYTES - 12));
        for good in ["jane@example.com", "Élodie@example.com", &longest] {
            assert!(Account::new(good, AdminRole::Admin, now()).is_ok(), "{good}");
        }
        for wrong in
            ["", "jane", "a b@x", "a@b\r\nBcc: c@d", "ja\u{200b}ne@x", "a@b@c", &format!("a{longest}")]
        {
            assert!(Account::new(wrong, AdminRole::Admin, now()).is_err(), "{wrong}");
        }
        assert_eq!(email_key("JANE@Example.com"), email_key("jane@example.com"));
        assert_eq!(email_key("E\u{301}lodie@x"), email_key("élodie@x"));
        assert_ne!(email_key("mıke@x"), email_key("mike@x"));
        assert_ne!(email_key("mİke@x"), email_key("mike@x"));
    }

    #[test]
    fn what_is_secret_hides() {
        let mut account = Account::new("jane@example.com", AdminRole::Owner, now()).unwrap();
        assert_eq!(account.state(), "invited");
        account.password = Some(Hidden("$argon2id$secret".into()));
        account.totp = Some(Totp { secret: Hidden(b"hidden".to_vec()), confirmed: Some(now()), step: None });
        assert!(account.is_active() && account.factor().is_some());
        let shown = format!("{account:?}");
        assert!(!shown.contains("argon2id") && !shown.contains("104"), "{shown}");
        account.disabled = Some(now());
        assert!(!account.is_active() && account.state() == "disabled");
    }

    #[test]
    fn a_session_ends_by_both_clocks() {
        let session = Session {
            id: SessionId::generate(),
            admin: AdminId::generate(),
            lineage: Uuid::nil(),
            digest: [0; 32],
            created: now(),
            idle: now() + IDLE,
            ends: now() + SESSION,
            address: String::new(),
        };
        assert!(session.lives(now() + IDLE - TimeDelta::seconds(1)));
        assert!(!session.lives(now() + IDLE));
        let prolonged = Session { idle: now() + SESSION + IDLE, ..session };
        assert!(prolonged.lives(now() + SESSION - TimeDelta::seconds(1)));
        assert!(!prolonged.lives(now() + SESSION));
    }
}
