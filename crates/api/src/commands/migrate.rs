//! `rollcall migrate`

use crate::cli::Outcome;
use crate::out;
use crate::settings::Settings;

/// Prints the versions applied, one per line; nothing when there were none.
pub(crate) fn run(settings: &Settings) -> Outcome {
    for version in persistence::migrate(settings.database.url.reveal())? {
        out::line(version)?;
    }
    Ok(())
}
