//! JSON as SCIM needs it: what `serde_json` would let pass silently is refused here.
//!
//! | in the text | answer |
//! | --- | --- |
//! | a key twice in one object, also by case (attribute names have none) | `invalidSyntax` |
//! | deeper than [`limits::JSON_DEPTH`] | `invalidSyntax` |
//! | a number past 64 bits | `invalidValue` |
//! | U+0000 in a text (PostgreSQL cannot keep it) | `invalidValue` |
//! | anything that is no JSON, a byte order mark and bytes after the end included | `invalidSyntax` |

use std::cell::RefCell;
use std::collections::HashSet;
use std::fmt;

use domain::error::excerpt;
use domain::{Error, Result, limits};
use serde::de::{self, DeserializeSeed, Deserializer, MapAccess, SeqAccess, Visitor};
use serde_json::{Map, Number, Value};

/// The one JSON value that `bytes` hold.
pub(crate) fn read(bytes: &[u8]) -> Result<Value> {
    let refusal = RefCell::new(None);
    let mut reader = serde_json::Deserializer::from_slice(bytes);
    let value = Node { left: limits::JSON_DEPTH, refusal: &refusal }.deserialize(&mut reader);
    let value = value.and_then(|value| reader.end().map(|()| value));
    value.map_err(|error| refusal.take().unwrap_or_else(|| malformed(&error)))
}

fn malformed(error: &serde_json::Error) -> Error {
    // The texts of serde_json name places and expectations, never the input.
    if error.to_string().starts_with("number out of range") {
        return number_too_large();
    }
    Error::InvalidSyntax(format!("the body is not valid JSON: {error}"))
}

fn number_too_large() -> Error {
    Error::InvalidValue("a number does not fit in 64 bits".into())
}

/// A value with so many levels left. Our own refusal is put aside, because the error type of the parser
/// has no room for it.
#[derive(Clone, Copy)]
struct Node<'a> {
    left: usize,
    refusal: &'a RefCell<Option<Error>>,
}

impl Node<'_> {
    fn refuse<T, E: de::Error>(self, error: Error) -> std::result::Result<T, E> {
        self.refusal.replace(Some(error));
        Err(E::custom("refused"))
    }

    fn inner<E: de::Error>(self) -> std::result::Result<Self, E> {
        match self.left.checked_sub(1) {
            Some(left) => Ok(Self { left, ..self }),
            None => {
                let depth = limits::JSON_DEPTH;
                self.refuse(Error::InvalidSyntax(format!("the body is nested deeper than {depth} levels")))
            }
        }
    }

    fn text<E: de::Error>(self, text: &str) -> std::result::Result<(), E> {
        if text.contains('\0') {
            return self.refuse(Error::InvalidValue("a text holds the character U+0000".into()));
        }
        Ok(())
    }
}

impl<'de> DeserializeSeed<'de> for Node<'_> {
    type Value = Value;

    fn deserialize<D: Deserializer<'de>>(self, reader: D) -> std::result::Result<Value, D::Error> {
        reader.deserialize_any(self)
    }
}

impl<'de> Visitor<'de> for Node<'_> {
    type Value = Value;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a JSON value")
    }

    fn visit_unit<E>(self) -> std::result::Result<Value, E> {
        Ok(Value::Null)
    }

    fn visit_bool<E>(self, value: bool) -> std::result::Result<Value, E> {
        Ok(Value::Bool(value))
    }

    fn visit_i64<E>(self, value: i64) -> std::result::Result<Value, E> {
        Ok(value.into())
    }

    fn visit_u64<E>(self, value: u64) -> std::result::Result<Value, E> {
        Ok(value.into())
    }

    /// Whole numbers that fit in 64 bits do not come here, so a float beyond them may be one that lost digits.
    fn visit_f64<E: de::Error>(self, value: f64) -> std::result::Result<Value, E> {
        const ABOVE_U64: f64 = 18_446_744_073_709_551_616.0;
        const BELOW_I64: f64 = -9_223_372_036_854_775_808.0;
        match Number::from_f64(value) {
            Some(number) if value < ABOVE_U64 && value > BELOW_I64 => Ok(Value::Number(number)),
            _ => self.refuse(number_too_large()),
        }
    }

    fn visit_str<E: de::Error>(self, value: &str) -> std::result::Result<Value, E> {
        self.text(value)?;
        Ok(value.into())
    }

    fn visit_string<E: de::Error>(self, value: String) -> std::result::Result<Value, E> {
        self.text(&value)?;
        Ok(Value::String(value))
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut elements: A) -> std::result::Result<Value, A::Error> {
        let inner = self.inner()?;
        let mut values = Vec::new();
        while let Some(value) = elements.next_element_seed(inner)? {
            values.push(value);
        }
        Ok(Value::Array(values))
    }

    fn visit_map<A: MapAccess<'de>>(self, mut entries: A) -> std::result::Result<Value, A::Error> {
        let inner = self.inner()?;
        let mut values = Map::new();
        let mut seen = HashSet::new();
        while let Some(key) = entries.next_key::<String>()? {
            self.text(&key)?;
            if !seen.insert(key.to_lowercase()) {
                let key = excerpt(&key);
                return self.refuse(Error::InvalidSyntax(format!("the key \"{key}\" occurs twice")));
            }
            values.insert(key, entries.next_value_seed(inner)?);
        }
        Ok(Value::Object(values))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;
    use serde_json::json;

    fn keyword(text: impl AsRef<[u8]>) -> &'static str {
        read(text.as_ref()).unwrap_err().scim_type().unwrap()
    }

    fn nested(depth: usize) -> String {
        format!("{}{}", "[".repeat(depth), "]".repeat(depth))
    }

    #[test]
    fn ordinary_json_is_read() {
        let text = r#" {"a": [1, -2, 2.5, true, null, "\u00e9"], "b": {"a": 18446744073709551615}} "#;
        let value = json!({"a": [1, -2, 2.5, true, null, "é"], "b": {"a": u64::MAX}});
        assert_eq!(read(text.as_bytes()).unwrap(), value);
        assert_eq!(read(i64::MIN.to_string().as_bytes()).unwrap(), json!(i64::MIN));
    }

    #[test]
    fn a_key_may_occur_once_per_object() {
        assert_eq!(keyword(r#"{"userName":"a","userName":"b"}"#), "invalidSyntax");
        assert_eq!(keyword(r#"{"userName":"a","USERNAME":"b"}"#), "invalidSyntax");
        assert_eq!(keyword(r#"{"x":[{"a":1,"b":2,"A":3}]}"#), "invalidSyntax");
        assert!(read(br#"[{"a":1},{"a":1}]"#).is_ok());
    }

    #[test]
    fn depth_is_limited() {
        assert!(read(nested(limits::JSON_DEPTH).as_bytes()).is_ok());
        assert_eq!(keyword(nested(limits::JSON_DEPTH + 1)), "invalidSyntax");
        assert_eq!(keyword("[".repeat(100_000)), "invalidSyntax");
        assert_eq!(keyword(r#"{"a":"#.repeat(100_000)), "invalidSyntax");
    }

    #[test]
    fn numbers_past_64_bits_are_refused() {
        let long = "9".repeat(4_000);
        for number in ["18446744073709551616", "-9223372036854775809", "1e25", "1e400", "-1e400", &long] {
            assert_eq!(keyword(format!(r#"{{"a":{number}}}"#)), "invalidValue", "{number}");
        }
        for number in ["NaN", "Infinity", "01", "+1", ".5", "1."] {
            assert_eq!(keyword(number), "invalidSyntax", "{number}");
        }
    }

    #[test]
    fn the_null_character_is_refused() {
        assert_eq!(keyword(r#"{"a":"x\u0000"}"#), "invalidValue");
        assert_eq!(keyword(r#"{"a\u0000":1}"#), "invalidValue");
    }

    #[test]
    fn what_is_no_json_is_refused() {
        let cases: [&[u8]; 11] = [
            b"",
            b"{",
            b"{} {}",
            b"{}x",
            b"\xef\xbb\xbf{}",
            b"\"\xff\"",
            b"\"\xc0\xaf\"",
            br#""\ud800""#,
            br#"{"a":"\udc00"}"#,
            b"{'a':1}",
            b"[1,]",
        ];
        for text in cases {
            assert_eq!(keyword(text), "invalidSyntax", "{text:?}");
        }
    }

    /// What is accepted is what `serde_json` reads; what is refused bears one of two keywords.
    fn check(text: &[u8]) {
        match read(text) {
            Ok(value) => assert_eq!(serde_json::from_slice::<Value>(text).unwrap(), value),
            Err(error) => assert!(["invalidSyntax", "invalidValue"].contains(&error.scim_type().unwrap())),
        }
    }

    proptest! {
        #[test]
        fn any_bytes_are_answered(bytes in prop::collection::vec(any::<u8>(), 0..300)) {
            check(&bytes);
        }

        #[test]
        fn any_tokens_are_answered(
            tokens in prop::collection::vec(
                prop::sample::select(vec![
                    "{", "}", "[", "]", ",", ":", "\"a\"", "\"A\"", "\"\\u00", "61\"", "\"\\ud83d\\ude00\"", "\"", "1",
                    "-", "0", ".5", "e9", "E400", "99999999999999999999", "true", "null", " ", "\u{feff}",
                ]),
                0..80,
            ),
        ) {
            check(tokens.concat().as_bytes());
        }

        /// Most tokens in a row are no JSON: these are, but for keys that occur twice and depth.
        #[test]
        fn any_value_is_answered(
            value in any::<i32>().prop_map(Value::from).prop_recursive(40, 200, 3, |inner| prop_oneof![
                prop::collection::vec(inner.clone(), 0..3).prop_map(Value::from),
                prop::collection::btree_map("[aAbB\u{e9}\u{c9}]{1,2}", inner, 0..3).prop_map(|map| {
                    Value::Object(map.into_iter().collect())
                }),
            ]),
        ) {
            check(value.to_string().as_bytes());
        }
    }
}
