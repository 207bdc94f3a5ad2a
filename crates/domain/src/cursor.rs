//! Cursors (RFC 9865): where a page ended, sealed so that it serves this query of this tenant and no other.
//!
//! ```text
//! base64url( form 1, type 2, part 1, kind of mark 1, id 16, mark 0 to …, seal 16 )      in bytes
//! ```
//!
//! The seal is an HMAC-SHA256, cut to 128 bits, over what the cursor is for and the bytes before it. Nothing inside is
//! secret: it is what the reader of the page has seen. Nothing is kept on the server, so a cursor does not expire.

use std::fmt;

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use chrono::DateTime;
use hmac::{Hmac, KeyInit, Mac};
use sha2::Sha256;
use uuid::Uuid;

use crate::id::{ResourceId, TenantId};
use crate::list::{Mark, Part, Position, Sort};
use crate::{Error, Result};

/// The first byte of every cursor: another form of cursor gets another number.
const FORM: u8 = 1;
/// Bytes of the seal.
const SEAL: usize = 16;
/// Bytes before the mark.
const HEAD: usize = 21;

/// What the cursors of a tenant are sealed with. It hides from logs.
#[derive(Clone, PartialEq, Eq)]
pub struct CursorKey([u8; 32]);

impl CursorKey {
    /// A key of these bytes, which nobody can guess.
    pub fn new(bytes: [u8; 32]) -> Self {
        Self(bytes)
    }

    /// The bytes, to be stored.
    pub fn reveal(&self) -> &[u8; 32] {
        &self.0
    }
}

impl fmt::Debug for CursorKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("[redacted]")
    }
}

/// Where a page ended.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Cursor {
    /// Which of the types that are listed, counted from 0.
    pub resource_type: usize,
    /// Behind which position of its list the next page begins.
    pub position: Position,
}

/// What a cursor is good for.
#[derive(Clone, Debug)]
pub struct Purpose<'a> {
    /// The tenant.
    pub tenant: TenantId,
    /// What the tenant's cursors are sealed with.
    pub key: &'a CursorKey,
    /// The base path of the contract.
    pub base: &'a str,
    /// What was asked: a collection, or all of them at the root.
    pub endpoint: Option<&'a str>,
    /// The names of the types that are listed, each with its order.
    pub types: Vec<(&'a str, Option<&'a Sort>)>,
    /// The filter as sent.
    pub filter: Option<&'a str>,
}

impl Purpose<'_> {
    /// The text of a cursor: letters, digits, `-` and `_` (RFC 9865 section 2).
    pub fn seal(&self, cursor: &Cursor) -> String {
        let mut bytes = written(cursor);
        let seal = self.mac(&bytes).finalize().into_bytes();
        bytes.extend_from_slice(&seal[..SEAL]);
        URL_SAFE_NO_PAD.encode(bytes)
    }

    /// Reads a cursor that was made for this very purpose.
    ///
    /// # Errors
    /// [`Error::InvalidCursor`] for any other text.
    pub fn open(&self, text: &str) -> Result<Cursor> {
        self.read(text).ok_or_else(|| {
            Error::InvalidCursor(
                "the cursor belongs to another query: send nextCursor with the parameters of the page it came \
                 with, or begin with an empty cursor"
                    .into(),
            )
        })
    }

    fn read(&self, text: &str) -> Option<Cursor> {
        let bytes = URL_SAFE_NO_PAD.decode(text).ok()?;
        let (body, seal) = bytes.split_at_checked(bytes.len().checked_sub(SEAL)?)?;
        self.mac(body).verify_truncated_left(seal).ok()?;
        read(body).filter(|cursor| cursor.resource_type < self.types.len())
    }

    /// Each field with its length before it, so that no two purposes give the same bytes.
    fn mac(&self, body: &[u8]) -> Hmac<Sha256> {
        let mut mac = Hmac::<Sha256>::new_from_slice(&self.key.0).expect("HMAC takes a key of any length");
        let mut field = |present: bool, bytes: &[u8]| {
            mac.update(&[u8::from(present)]);
            mac.update(&(bytes.len() as u64).to_be_bytes());
            mac.update(bytes);
        };
        let mut optional = |text: Option<&str>| field(text.is_some(), text.unwrap_or_default().as_bytes());
        optional(Some("rollcall cursor"));
        optional(Some(&self.tenant.to_string()));
        optional(Some(self.base));
        optional(self.endpoint);
        optional(self.filter);
        for (name, sort) in &self.types {
            optional(Some(name));
            optional(sort.map(|sort| sort.by.index_path()).as_deref());
            optional(sort.filter(|sort| sort.descending).map(|_| "descending"));
        }
        field(true, body);
        mac
    }
}

fn written(cursor: &Cursor) -> Vec<u8> {
    let Position { part, mark, id } = &cursor.position;
    let mut bytes = vec![FORM];
    bytes.extend(u16::try_from(cursor.resource_type).unwrap_or(u16::MAX).to_be_bytes());
    bytes.push(match part {
        Part::WithValue => 0,
        Part::WithoutValue => 1,
    });
    let (kind, mark) = match mark {
        Mark::Nothing => (0, Vec::new()),
        Mark::Time(time) => (1, time.timestamp_micros().to_be_bytes().to_vec()),
        Mark::Number(number) => (2, number.to_be_bytes().to_vec()),
        Mark::Text(text) => (3, text.as_bytes().to_vec()),
    };
    bytes.push(kind);
    bytes.extend_from_slice(id.0.as_bytes());
    bytes.extend(mark);
    bytes
}

fn read(bytes: &[u8]) -> Option<Cursor> {
    let (head, mark) = bytes.split_at_checked(HEAD)?;
    let (&[form, type_high, type_low, part, kind], id) = head.split_first_chunk::<5>()?;
    let part = match part {
        0 => Part::WithValue,
        1 => Part::WithoutValue,
        _ => return None,
    };
    let number = || mark.try_into().ok().map(i64::from_be_bytes);
    let mark = match kind {
        0 => mark.is_empty().then_some(Mark::Nothing)?,
        1 => Mark::Time(DateTime::from_timestamp_micros(number()?)?),
        2 => Mark::Number(number()?),
        3 => Mark::Text(String::from_utf8(mark.to_vec()).ok()?),
        _ => return None,
    };
    let id = ResourceId(Uuid::from_slice(id).ok()?);
    let resource_type = u16::from_be_bytes([type_high, type_low]).into();
    (form == FORM).then_some(Cursor { resource_type, position: Position { part, mark, id } })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::path::Target;
    use crate::resource_type::USER;
    use proptest::prelude::*;

    fn marks() -> impl Strategy<Value = Mark> {
        prop_oneof![
            Just(Mark::Nothing),
            (-60_000_000_000_000_000..4_000_000_000_000_000_i64)
                .prop_map(|micros| Mark::Time(DateTime::from_timestamp_micros(micros).expect("in range"))),
            any::<i64>().prop_map(Mark::Number),
            "\\PC{0,40}".prop_map(Mark::Text),
        ]
    }

    fn cursor(mark: Mark, id: u128, with_value: bool) -> Cursor {
        let part = if with_value { Part::WithValue } else { Part::WithoutValue };
        Cursor { resource_type: 0, position: Position { part, mark, id: ResourceId(Uuid::from_u128(id)) } }
    }

    fn purpose(key: &CursorKey) -> Purpose<'_> {
        let tenant = TenantId(Uuid::from_u128(1));
        let types = vec![("User", None)];
        Purpose { tenant, key, base: "/scim/v2", endpoint: Some("Users"), types, filter: None }
    }

    proptest! {
        #[test]
        fn what_is_sealed_is_opened(mark in marks(), id: u128, with_value: bool) {
            let key = CursorKey::new([7; 32]);
            let cursor = cursor(mark, id, with_value);
            let text = purpose(&key).seal(&cursor);
            let unreserved = |c: char| c.is_ascii_alphanumeric() || matches!(c, '-' | '_');
            prop_assert!(text.chars().all(unreserved));
            prop_assert_eq!(purpose(&key).open(&text).expect("our own"), cursor);
        }

        #[test]
        fn any_text_is_read_without_a_panic(text in "\\PC{0,80}", bytes in proptest::collection::vec(any::<u8>(), 0..80)) {
            let key = CursorKey::new([7; 32]);
            prop_assert!(purpose(&key).open(&text).is_err());
            prop_assert!(purpose(&key).open(&URL_SAFE_NO_PAD.encode(&bytes)).is_err());
            // What stands behind the seal must not matter either.
            let _ = read(&bytes);
        }
    }

    #[test]
    fn a_cursor_serves_its_own_purpose_only() {
        let key = CursorKey::new([7; 32]);
        let text = purpose(&key).seal(&cursor(Mark::Number(1), 2, true));
        let refused = |purpose: Purpose<'_>| {
            let error = purpose.open(&text).expect_err("another purpose");
            assert_eq!(error.scim_type(), Some("invalidCursor"));
        };
        let by = Target::resolve(&USER, "title").expect("users have titles");
        let up = Sort { by, descending: false };
        let down = Sort { descending: true, ..up.clone() };
        refused(Purpose { tenant: TenantId(Uuid::from_u128(2)), ..purpose(&key) });
        refused(Purpose { key: &CursorKey::new([8; 32]), ..purpose(&key) });
        refused(Purpose { base: "/api/v1/scim/v2", ..purpose(&key) });
        refused(Purpose { endpoint: None, ..purpose(&key) });
        refused(Purpose { endpoint: Some("Groups"), ..purpose(&key) });
        refused(Purpose { types: vec![("Group", None)], ..purpose(&key) });
        refused(Purpose { types: vec![("User", Some(&up))], ..purpose(&key) });
        refused(Purpose { types: vec![("User", Some(&down))], ..purpose(&key) });
        refused(Purpose { types: vec![("User", None), ("Group", None)], ..purpose(&key) });
        refused(Purpose { types: vec![], ..purpose(&key) });
        refused(Purpose { filter: Some(""), ..purpose(&key) });
        refused(Purpose { filter: Some("title pr"), ..purpose(&key) });
        let sorted = Purpose { types: vec![("User", Some(&up))], ..purpose(&key) };
        let reversed = Purpose { types: vec![("User", Some(&down))], ..purpose(&key) };
        assert!(reversed.open(&sorted.seal(&cursor(Mark::Nothing, 2, true))).is_err());
    }

    #[test]
    fn one_other_bit_is_another_cursor() {
        let key = CursorKey::new([7; 32]);
        let cursor = cursor(Mark::Text("sortiz".into()), 2, true);
        let bytes = URL_SAFE_NO_PAD.decode(purpose(&key).seal(&cursor)).expect("base64");
        for bit in 0..bytes.len() * 8 {
            let mut other = bytes.clone();
            other[bit / 8] ^= 1 << (bit % 8);
            assert!(purpose(&key).open(&URL_SAFE_NO_PAD.encode(other)).is_err(), "bit {bit}");
        }
        assert!(purpose(&key).open(&URL_SAFE_NO_PAD.encode(&bytes[..bytes.len() - 1])).is_err());
    }

    #[test]
    fn the_key_hides() {
        assert_eq!(format!("{:?}", CursorKey::new([7; 32])), "[redacted]");
    }
}
