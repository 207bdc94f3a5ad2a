//! Look-ups before the use case that needs them.
//!
//! A use case is tried first, and ends where it needs a resource that nobody has looked up yet. That is looked up, together with
//! what other requests need, and the use case runs again.

use std::cell::RefCell;

use crate::Error;
use crate::store::LookUp;
use crate::stored::Stored;

/// What one use case needs of the database before anything else, and then what was found.
#[derive(Debug, Default)]
pub struct Ahead {
    sought: RefCell<Option<LookUp>>,
    found: Option<(LookUp, Option<Stored>)>,
}

impl Ahead {
    /// What was looked for in vain, if anything was. It is not told twice.
    pub fn sought(&self) -> Option<LookUp> {
        self.sought.take()
    }

    /// With what this look-up has found.
    pub fn of(look_up: LookUp, found: Option<Stored>) -> Self {
        Self { sought: RefCell::default(), found: Some((look_up, found)) }
    }

    /// What the look-up has found; none if it was not done.
    pub(super) fn found(&self, look_up: &LookUp) -> Option<Option<Stored>> {
        self.found.as_ref().filter(|(known, _)| known == look_up).map(|(_, found)| found.clone())
    }

    /// Remembers what is to be looked up, which the use case ends with.
    pub(super) fn seek(&self, look_up: LookUp) -> Error {
        self.sought.replace(Some(look_up));
        Error::WouldWait
    }
}
