//! The provisioning log: what each SCIM request of a tenant asked and how it was answered, for whoever asks why the
//! request of an identity provider failed.

mod redact;

use chrono::{DateTime, Utc};
use uuid::{Builder, NoContext, Timestamp, Uuid};

use crate::id::{ResourceId, TokenId};

pub use redact::{Redacted, body, scrub, target};

/// Bytes of the path with its query.
pub const PATH_BYTES: usize = 2_048;
/// Bytes of a reason.
pub const REASON_BYTES: usize = 2_048;
/// Bytes of what the client calls itself.
pub const USER_AGENT_BYTES: usize = 256;
/// Bytes of the body of a failed request.
pub const BODY_BYTES: usize = 8 << 10;
/// The status of a request whose client went away before there was an answer.
pub const CLIENT_GONE: u16 = 499;

/// One request.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Request {
    /// Its place in the log ([`new_id`]).
    pub id: Uuid,
    /// When it arrived.
    pub at: DateTime<Utc>,
    /// The id it bore, which is also in the audit log.
    pub request: String,
    /// The credential, where it is known.
    pub token: Option<TokenId>,
    /// The method.
    pub method: String,
    /// The path with its query.
    pub path: String,
    /// The status of the reply, or [`CLIENT_GONE`].
    pub status: u16,
    /// The keyword of RFC 7644 table 9.
    pub scim_type: Option<String>,
    /// Why it failed, or why operations of it did.
    pub reason: Option<String>,
    /// The type of what it touched.
    pub resource_type: Option<String>,
    /// The id of that.
    pub resource_id: Option<ResourceId>,
    /// Milliseconds to the head of the reply.
    pub duration_ms: i64,
    /// The address of the peer.
    pub address: String,
    /// What the client calls itself.
    pub user_agent: Option<String>,
    /// The redacted body of a failed one.
    pub body: Option<String>,
}

/// A new id for a request that arrived then; of those that arrived in one millisecond the ids are in the order of their
/// places, which are below 4,096 (RFC 9562 section 6.2, method 1).
pub fn new_id(at: DateTime<Utc>, place: u16) -> Uuid {
    let (seconds, nanos) = (u64::try_from(at.timestamp()).unwrap_or(0), at.timestamp_subsec_nanos());
    let mut bytes = Uuid::new_v7(Timestamp::from_unix(NoContext, seconds, nanos)).into_bytes();
    // The twelve bits behind the version.
    let [high, low] = place.to_be_bytes();
    (bytes[6], bytes[7]) = (bytes[6] & 0xf0 | high & 0x0f, low);
    Uuid::from_bytes(bytes)
}

/// What no id of a request that arrived then, or later, is below.
pub fn first_id(at: DateTime<Utc>) -> Uuid {
    let millis = u64::try_from(at.timestamp_millis()).unwrap_or(0);
    Builder::from_unix_timestamp_millis(millis, &[0; 10]).into_uuid()
}

/// Which answers are asked for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Status {
    /// Just this one.
    Exactly(u16),
    /// A hundred of them: 4 is 400 to 499.
    Class(u16),
    /// What failed, and bulk requests some of whose operations did.
    Failed,
}

impl Status {
    /// `409`, `4xx` or `failed`.
    pub fn parse(text: &str) -> Option<Self> {
        let digit = |text: &str| text.parse().ok().filter(|class| (1..=5).contains(class));
        match text.strip_suffix("xx") {
            Some(class) => digit(class).map(Self::Class),
            None if text == "failed" => Some(Self::Failed),
            None => text.parse().ok().filter(|status| (100..600).contains(status)).map(Self::Exactly),
        }
    }
}

/// Which requests are asked for; what is none is not asked.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Wanted {
    /// That touched this.
    pub resource: Option<ResourceId>,
    /// That came with this credential.
    pub token: Option<TokenId>,
    /// That were answered so.
    pub status: Option<Status>,
    /// That bore this id.
    pub request: Option<String>,
    /// Not earlier.
    pub since: Option<DateTime<Utc>>,
    /// Earlier.
    pub until: Option<DateTime<Utc>>,
}

/// At most so many bytes of a text, with a mark where it was cut.
pub fn cut(text: &str, most: usize) -> String {
    if text.len() <= most {
        return text.to_owned();
    }
    format!("{}… [the first of {} bytes]", &text[..text.floor_char_boundary(most)], text.len())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ids_are_in_the_order_of_time() {
        let at = DateTime::from_timestamp_millis(1_769_817_600_123).unwrap();
        let later = at + chrono::TimeDelta::milliseconds(1);
        for place in [0, 1, 999, 4_095] {
            assert!(first_id(at) <= new_id(at, place) && new_id(at, place) < first_id(later));
            assert!(place == 0 || new_id(at, place - 1) < new_id(at, place));
        }
        assert_ne!(new_id(at, 0), new_id(at, 0));
    }

    #[test]
    fn statuses_are_read() {
        assert_eq!(Status::parse("409"), Some(Status::Exactly(409)));
        assert_eq!(Status::parse("4xx"), Some(Status::Class(4)));
        assert_eq!(Status::parse("failed"), Some(Status::Failed));
        for wrong in ["", "xx", "6xx", "0xx", "99", "600", "-1", "4XX", "ok"] {
            assert_eq!(Status::parse(wrong), None, "{wrong}");
        }
    }

    #[test]
    fn what_is_cut_says_so() {
        assert_eq!(cut("abc", 3), "abc");
        assert_eq!(cut("abcd", 3), "abc… [the first of 4 bytes]");
        assert_eq!(cut("aé", 2), "a… [the first of 3 bytes]");
    }
}
