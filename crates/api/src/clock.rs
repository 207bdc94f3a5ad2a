//! The only clock: the engine takes the time as an argument.

use chrono::{DateTime, SubsecRound, Utc};

/// The time in whole milliseconds, as precise as SCIM shows it and the database keeps it.
pub(crate) fn now() -> DateTime<Utc> {
    Utc::now().trunc_subsecs(3)
}
