//! A tenant: one customer of the platform, its state and its settings.

pub mod settings;

use std::sync::Arc;

use chrono::{DateTime, Utc};

use crate::catalog::Catalog;
use crate::cursor::CursorKey;
use crate::id::TenantId;
use crate::{Error, Result, limits};

pub use settings::TenantSettings;

/// Whether a tenant is served.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum TenantState {
    /// Served.
    Active,
    /// Refused with 403 until resumed.
    Suspended,
    /// Gone for every caller.
    Deleted,
}

impl TenantState {
    /// All of them.
    pub const ALL: [Self; 3] = [Self::Active, Self::Suspended, Self::Deleted];

    /// The name in the database and on the command line.
    pub fn name(self) -> &'static str {
        match self {
            Self::Active => "active",
            Self::Suspended => "suspended",
            Self::Deleted => "deleted",
        }
    }

    /// The state with this name.
    pub fn parse(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|state| state.name() == name)
    }
}

/// One customer of the platform.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Tenant {
    /// The id; part of every row and of every token.
    pub id: TenantId,
    /// The short unique name used on the command line.
    pub slug: String,
    /// The name for people.
    pub name: String,
    /// Whether it is served.
    pub state: TenantState,
    /// Its own decisions.
    pub settings: TenantSettings,
    /// What proves that a cursor is one of its own.
    pub cursor_key: CursorKey,
    /// What its resources are.
    pub catalog: Arc<Catalog>,
}

/// A tenant as the platform sees it: with what its requests have no use for, and without what it has defined.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Record {
    /// The tenant with the standard catalog.
    pub tenant: Tenant,
    /// When it was made.
    pub created: DateTime<Utc>,
    /// What becomes of its data; looked at only when it is deleted.
    pub purge: Purge,
}

/// The removal of the data of a deleted tenant.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Purge {
    /// When it may begin; none: only when somebody asks for it.
    pub after: Option<DateTime<Utc>>,
    /// Rows that are left, once it has begun.
    pub remaining: Option<i64>,
    /// When it was finished.
    pub done: Option<DateTime<Utc>>,
}

impl Purge {
    /// How far it is, in a word.
    pub fn state(&self) -> &'static str {
        match (self.done, self.remaining) {
            (Some(_), _) => "done",
            (None, Some(_)) => "running",
            (None, None) => "waiting",
        }
    }
}

/// Bytes of the longest slug.
pub const SLUG_BYTES: usize = 63;

/// [`Error::InvalidValue`] unless the text may be the slug of a tenant.
pub fn check_slug(text: &str) -> Result<()> {
    let legal = |byte: u8| byte.is_ascii_lowercase() || byte.is_ascii_digit() || byte == b'-';
    if (1..=SLUG_BYTES).contains(&text.len()) && text.bytes().all(legal) {
        return Ok(());
    }
    Err(Error::InvalidValue(format!("a slug is 1 to {SLUG_BYTES} of a-z, 0-9 and -")))
}

/// [`Error::InvalidValue`] unless the text may be the name of a tenant or of a token.
pub fn check_name(text: &str) -> Result<()> {
    const MOST: usize = limits::NAME_CHARS;
    if (1..=MOST).contains(&text.chars().count()) && !text.contains(char::is_control) {
        return Ok(());
    }
    Err(Error::InvalidValue(format!("a name has 1 to {MOST} characters and no control characters")))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn slugs_and_names_are_judged() {
        assert!(check_slug("acme-2").is_ok() && check_slug(&"a".repeat(63)).is_ok());
        for wrong in ["", "Acme", "a_b", "a b", "ä", &"a".repeat(64)] {
            assert!(check_slug(wrong).is_err(), "{wrong}");
        }
        assert!(check_name("Acme Ltd").is_ok() && check_name(&"ä".repeat(256)).is_ok());
        for wrong in ["", "a\nb", &"ä".repeat(257)] {
            assert!(check_name(wrong).is_err(), "{wrong}");
        }
    }
}
