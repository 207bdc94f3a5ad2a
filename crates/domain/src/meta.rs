//! Versions, ETags and preconditions (RFC 7644 section 3.14, RFC 9110 section 13).

use chrono::{DateTime, Datelike, SecondsFormat, Timelike, Utc};

use crate::{Error, Result};

/// The version of a resource: 1 at birth, one more with every change.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Version(pub i64);

impl Version {
    /// The weak entity tag, as `ETag` and `meta.version` carry it.
    pub fn etag(self) -> String {
        format!("W/\"{}\"", self.0)
    }

    /// The version named by one entity tag, weak or strong; `None` for a tag we never made.
    pub(crate) fn parse(tag: &str) -> Option<Self> {
        let tag = tag.strip_prefix("W/").unwrap_or(tag);
        let digits = tag.strip_prefix('"')?.strip_suffix('"')?;
        digits.parse().ok().map(Self)
    }
}

/// When a resource was made and last changed (UTC, milliseconds) and which version it has.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Meta {
    /// Time of birth.
    pub created: DateTime<Utc>,
    /// Time of the last change; never goes back, whatever the clock does.
    pub modified: DateTime<Utc>,
    /// The present version.
    pub version: Version,
}

/// A time as SCIM writes it: UTC with milliseconds.
pub fn time_text(time: DateTime<Utc>) -> String {
    let mut text = String::with_capacity(24);
    push_time(&mut text, time);
    text
}

/// Appends a time as [`time_text`] writes it. Every resource of a reply has two, and a writer of any form takes ten times as
/// long.
pub fn push_time(into: &mut String, time: DateTime<Utc>) {
    // Fields of a time that has a zone are computed anew for each of them.
    let naive = time.naive_utc();
    let (year, milliseconds) = (u32::try_from(naive.year()), time.timestamp_subsec_millis());
    let (Ok(year @ 0..=9999), 0..=999) = (year, milliseconds) else {
        // A year of five digits, or a leap second.
        return into.push_str(&time.to_rfc3339_opts(SecondsFormat::Millis, true));
    };
    let mut text = *b"0000-00-00T00:00:00.000Z";
    for (place, number) in [
        (0..4, year),
        (5..7, naive.month()),
        (8..10, naive.day()),
        (11..13, naive.hour()),
        (14..16, naive.minute()),
        (17..19, naive.second()),
        (20..23, milliseconds),
    ] {
        let mut rest = number;
        for digit in text[place].iter_mut().rev() {
            *digit += (rest % 10) as u8;
            rest /= 10;
        }
    }
    // Digits and signs are ASCII.
    into.push_str(std::str::from_utf8(&text).unwrap_or_default());
}

/// The point in time that an RFC 3339 (XML schema dateTime) text names.
pub fn parse_time(text: &str) -> Option<DateTime<Utc>> {
    DateTime::parse_from_rfc3339(text).ok().map(|time| time.with_timezone(&Utc))
}

/// A list of entity tags as `If-Match` and `If-None-Match` carry it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Tags {
    /// `*`: any version.
    Any,
    /// These versions; tags that are not ours match nothing.
    These(Vec<Version>),
}

impl Tags {
    /// Parses the value of the header. Never fails: what is no tag of ours matches nothing.
    pub fn parse(header: &str) -> Self {
        if header.trim() == "*" {
            return Self::Any;
        }
        Self::These(header.split(',').filter_map(|tag| Version::parse(tag.trim())).collect())
    }

    fn contain(&self, version: Version) -> bool {
        match self {
            Self::Any => true,
            Self::These(versions) => versions.contains(&version),
        }
    }
}

/// The conditions of a request on the version it meets.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Precondition {
    /// `If-Match`: go on only at one of these versions.
    pub if_match: Option<Tags>,
    /// `If-None-Match`: go on only at none of these versions.
    pub if_none_match: Option<Tags>,
}

impl Precondition {
    /// For a write: [`Error::PreconditionFailed`] unless both conditions hold.
    pub fn check_write(&self, version: Version) -> Result<()> {
        let matches = self.if_match.as_ref().is_none_or(|tags| tags.contain(version));
        if matches && !self.not_modified(version) { Ok(()) } else { Err(Error::PreconditionFailed) }
    }

    /// For a read: [`Error::PreconditionFailed`] unless `If-Match` holds.
    pub fn check_read(&self, version: Version) -> Result<()> {
        match &self.if_match {
            Some(tags) if !tags.contain(version) => Err(Error::PreconditionFailed),
            _ => Ok(()),
        }
    }

    /// For a read: whether the client already has this version (304).
    pub fn not_modified(&self, version: Version) -> bool {
        self.if_none_match.as_ref().is_some_and(|tags| tags.contain(version))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    proptest! {
        #[test]
        fn times_are_written_as_chrono_writes_them(seconds in -70_000_000_000_i64..300_000_000_000, nanos in 0_u32..2_000_000_000) {
            if let Some(time) = DateTime::from_timestamp(seconds, nanos) {
                prop_assert_eq!(time_text(time), time.to_rfc3339_opts(SecondsFormat::Millis, true));
            }
        }
    }
}
