//! What may be said behind `rollcall audit`.

use chrono::{DateTime, TimeDelta, Utc};
use clap::{Args, Subcommand};
use domain::audit::Head;
use domain::service::audit::Format;

use super::values::span;

/// `rollcall audit …`
#[derive(Debug, Subcommand)]
pub(crate) enum Audit {
    /// Walk along the chain of the audit log and name the first row that is not what was written
    Verify {
        /// Short name of the tenant
        #[arg(long, value_name = "SLUG")]
        tenant: String,
        /// An end of the chain that was printed earlier and kept: it has to be part of it still
        #[arg(long, value_name = "SEQ:HASH", value_parser = head)]
        head: Option<Head>,
        /// Print JSON
        #[arg(long)]
        json: bool,
    },
    /// List the audit log in the order in which it was written
    List {
        /// Short name of the tenant
        #[arg(long, value_name = "SLUG")]
        tenant: String,
        #[command(flatten)]
        filters: Filters,
        /// Print one JSON object per line
        #[arg(long)]
        json: bool,
    },
    /// Write the audit log to stdout, in the order in which it was written
    Export {
        /// Short name of the tenant
        #[arg(long, value_name = "SLUG")]
        tenant: String,
        /// ndjson: one JSON object per line; csv: RFC 4180 with a head
        #[arg(long, value_parser = format)]
        format: Format,
        #[command(flatten)]
        filters: Filters,
    },
}

/// Which rows of the audit log.
#[derive(Debug, Args)]
pub(crate) struct Filters {
    /// What happened to the user, or any other resource, with this id
    #[arg(long, value_name = "ID")]
    pub(crate) user: Option<String>,
    /// What was done with the token, or by the admin, with this id
    #[arg(long, value_name = "ID", visible_alias = "actor")]
    pub(crate) token: Option<String>,
    /// Only this action: created, updated, deleted, token_revoked, …
    #[arg(long)]
    pub(crate) action: Option<String>,
    /// Not earlier than this: a time (2026-01-31T00:00:00Z), or 90d or 12h ago
    #[arg(long, value_name = "TIME", value_parser = since)]
    pub(crate) since: Option<Since>,
    /// Earlier than this
    #[arg(long, value_name = "TIME", value_parser = since)]
    pub(crate) until: Option<Since>,
}

/// A point in time, or how long ago it is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Since {
    At(DateTime<Utc>),
    Ago(TimeDelta),
}

impl Since {
    pub(crate) fn before(self, now: DateTime<Utc>) -> DateTime<Utc> {
        match self {
            Self::At(time) => time,
            Self::Ago(time) => now - time,
        }
    }
}

pub(super) fn since(text: &str) -> Result<Since, String> {
    let time = span(text).map(Since::Ago).or_else(|| domain::meta::parse_time(text).map(Since::At));
    time.ok_or_else(|| "a time (2026-01-31T00:00:00Z), or a number of days (90d) or hours (12h)".into())
}

fn format(text: &str) -> Result<Format, String> {
    Format::parse(text).ok_or_else(|| "ndjson or csv".into())
}

fn head(text: &str) -> Result<Head, String> {
    let read = || {
        let (seq, hash) = text.split_once(':')?;
        let seq = seq.parse().ok().filter(|&seq| seq >= 0)?;
        let byte = |at: usize| u8::from_str_radix(hash.get(at..at + 2)?, 16).ok();
        let hash = (0..hash.len()).step_by(2).map(byte).collect::<Option<_>>()?;
        Some(Head { seq, hash })
    };
    read().ok_or_else(|| "what `audit verify` prints: a number, a colon and a hash".into())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn heads_are_read_as_they_are_printed() {
        assert_eq!(head("7:01ff"), Ok(Head { seq: 7, hash: vec![1, 255] }));
        assert_eq!(head("0:"), Ok(Head::default()));
        for wrong in ["", "7", ":01", "-1:01", "7:0", "7:0g", "7:éa", "x:01"] {
            assert!(head(wrong).is_err(), "{wrong}");
        }
    }

    #[test]
    fn times_are_judged() {
        assert_eq!(since("7d"), Ok(Since::Ago(TimeDelta::days(7))));
        let time = DateTime::from_timestamp(1_769_817_600, 0).unwrap();
        assert_eq!(since("2026-01-31T00:00:00Z"), Ok(Since::At(time)));
        for wrong in ["", "never", "yesterday", "2026-01-31", "0h"] {
            assert!(since(wrong).is_err(), "{wrong}");
        }
    }
}
