//! Standard output: what the command line promises to scripts. Everything else goes to the log.

use std::fmt::Display;
use std::io::{self, Write};

/// One line on stdout, at once even into a pipe.
pub(crate) fn line(text: impl Display) -> io::Result<()> {
    let mut out = io::stdout().lock();
    writeln!(out, "{text}")?;
    out.flush()
}
