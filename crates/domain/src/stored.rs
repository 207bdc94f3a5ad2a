//! A resource as text: what a store gives back, and what a reply is written from without a tree in between.

use std::borrow::Cow;

use crate::document::Document;
use crate::id::ResourceId;
use crate::meta::Meta;
use crate::resource::Resource;
use crate::{Error, Result};

/// A resource whose document is still the text of a JSON object, in canonical form.
#[derive(Clone, Debug, PartialEq)]
pub struct Stored {
    /// Unique over all types of the tenant, never given twice.
    pub id: ResourceId,
    /// The text of its [`Document`].
    pub text: String,
    /// Times and version.
    pub meta: Meta,
    /// Whether it is known to be in no group, so that nobody need look for one.
    pub is_alone: bool,
}

impl Stored {
    /// The same with its document read.
    pub fn resource(&self) -> Result<Resource> {
        let document = Document(serde_json::from_str(&self.text).map_err(Error::internal)?);
        Ok(Resource { id: self.id, document, meta: self.meta.clone() })
    }

    /// The attributes of the document, each still text.
    pub(crate) fn fields(&self) -> Result<Fields<'_>> {
        Fields::read(&self.text)
    }
}

/// The members of a JSON object, each as text; names are unescaped.
#[derive(Debug, Default)]
pub(crate) struct Fields<'a>(Vec<Member<'a>>);

impl<'a> Fields<'a> {
    /// Reads the text of an object that this program has written.
    ///
    /// # Errors
    /// As of [`Members::next`].
    pub(crate) fn read(text: &'a str) -> Result<Self> {
        let mut fields = Vec::with_capacity(16);
        for member in Members::of(text)? {
            fields.push(member?);
        }
        Ok(Self(fields))
    }

    /// All of them.
    pub(crate) fn iter(&self) -> impl Iterator<Item = (&Cow<'a, str>, &'a str)> {
        self.0.iter().map(|(name, text)| (name, *text))
    }

    /// The text of the member of this name.
    pub(crate) fn get(&self, name: &str) -> Option<&'a str> {
        // A resource has a dozen attributes or two: looking at each is faster than a map is made.
        self.0.iter().find(|(known, _)| known == name).map(|(_, text)| *text)
    }
}

/// The name of a member and the text of its value.
type Member<'a> = (Cow<'a, str>, &'a str);

/// The members of the text of an object, one after the other.
///
/// Their values are found and not looked into: a reply is made of them, and reading them as JSON is half of what a look-up by
/// key costs.
pub(crate) struct Members<'a> {
    reader: Reader<'a>,
    is_first: bool,
}

impl<'a> Members<'a> {
    /// Of the text of an object that this program has written.
    ///
    /// # Errors
    /// [`Error::Internal`] for what is no object.
    pub(crate) fn of(text: &'a str) -> Result<Self> {
        let mut reader = Reader { text, at: 0 };
        reader.expect(b'{').ok_or_else(broken)?;
        Ok(Self { reader, is_first: true })
    }

    /// The next member, or nothing at the end of the object; `None` where the text is broken.
    fn advance(&mut self) -> Option<Option<Member<'a>>> {
        let is_first = std::mem::replace(&mut self.is_first, false);
        match self.reader.peek()? {
            b'}' => {
                self.reader.at += 1;
                return self.reader.peek().is_none().then_some(None);
            }
            b',' if !is_first => self.reader.at += 1,
            _ if is_first => {}
            _ => return None,
        }
        self.reader.member().map(Some)
    }
}

impl<'a> Iterator for Members<'a> {
    /// [`Error::Internal`] for what is no object. Of an object that is broken within a member nobody may notice.
    type Item = Result<Member<'a>>;

    fn next(&mut self) -> Option<Self::Item> {
        self.advance().map_or_else(|| Some(Err(broken())), |member| member.map(Ok))
    }
}

fn broken() -> Error {
    Error::internal("a stored document is no JSON object")
}

/// A place in a text. Every step ends before an ASCII sign, so on a boundary of characters.
struct Reader<'a> {
    text: &'a str,
    at: usize,
}

impl<'a> Reader<'a> {
    /// The next byte that is no white space.
    fn peek(&mut self) -> Option<u8> {
        let bytes = self.text.as_bytes();
        while let Some(b' ' | b'\n' | b'\r' | b'\t') = bytes.get(self.at) {
            self.at += 1;
        }
        bytes.get(self.at).copied()
    }

    fn expect(&mut self, sign: u8) -> Option<()> {
        let found = self.peek()? == sign;
        self.at += 1;
        found.then_some(())
    }

    fn member(&mut self) -> Option<Member<'a>> {
        self.peek()?;
        let from = self.at;
        let has_escapes = self.skip_string()?;
        // Names with escapes are keys of profiles, and rare.
        let name = match has_escapes {
            false => Cow::Borrowed(self.text.get(from + 1..self.at - 1)?),
            true => Cow::Owned(serde_json::from_str(self.text.get(from..self.at)?).ok()?),
        };
        self.expect(b':')?;
        Some((name, self.value()?))
    }

    /// Passes over a string; whether there are escapes in it.
    fn skip_string(&mut self) -> Option<bool> {
        let bytes = self.text.as_bytes();
        if bytes.get(self.at) != Some(&b'"') {
            return None;
        }
        let (mut at, mut has_escapes) = (self.at + 1, false);
        loop {
            at = quote_or_escape(bytes, at)?;
            if bytes[at] == b'"' {
                self.at = at + 1;
                return Some(has_escapes);
            }
            // Whatever is escaped, if only a quote.
            has_escapes = true;
            at += 2;
        }
    }

    /// The text of a value.
    fn value(&mut self) -> Option<&'a str> {
        let first = self.peek()?;
        let from = self.at;
        match first {
            b'"' => drop(self.skip_string()?),
            b'{' | b'[' => self.skip_nested()?,
            _ => self.skip_word(),
        }
        if self.at > from { self.text.get(from..self.at) } else { None }
    }

    /// Passes over an object or an array.
    fn skip_nested(&mut self) -> Option<()> {
        let bytes = self.text.as_bytes();
        let mut depth = 0_usize;
        loop {
            match bytes.get(self.at)? {
                b'"' => {
                    self.skip_string()?;
                    continue;
                }
                b'{' | b'[' => depth += 1,
                b'}' | b']' => depth -= 1,
                _ => {}
            }
            self.at += 1;
            if depth == 0 {
                return Some(());
            }
        }
    }

    /// Passes over a number, or `true`, `false`, `null`.
    fn skip_word(&mut self) {
        let is_of_word = |byte: &u8| byte.is_ascii_alphanumeric() || matches!(byte, b'+' | b'-' | b'.');
        let bytes = self.text.as_bytes();
        while bytes.get(self.at).is_some_and(is_of_word) {
            self.at += 1;
        }
    }
}

/// The place of the next quote or backslash. The strings of a document are short: eight bytes at a time in a register are
/// fewer instructions than the call of a search that is made for long texts.
fn quote_or_escape(bytes: &[u8], mut at: usize) -> Option<usize> {
    /// A one in each byte.
    const ONES: u64 = u64::MAX / 0xFF;
    /// The highest bit of the first byte that is zero; those of the bytes above it may be set too.
    const fn first_zero(word: u64) -> u64 {
        word.wrapping_sub(ONES) & !word & (ONES << 7)
    }
    while let Some(next) = bytes.get(at..).and_then(|rest| rest.first_chunk::<8>()) {
        let word = u64::from_le_bytes(*next);
        let found = first_zero(word ^ (ONES * b'"' as u64)) | first_zero(word ^ (ONES * b'\\' as u64));
        if found != 0 {
            return Some(at + found.trailing_zeros() as usize / 8);
        }
        at += 8;
    }
    let rest = bytes.get(at..)?.iter().position(|byte| matches!(byte, b'"' | b'\\'));
    rest.map(|place| at + place)
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;
    use serde_json::{Map, Value};

    #[test]
    fn members_stay_text() {
        let fields = Fields::read(r#" {"a" : [1, {"b":"\u00e9]"}] , "q\"": null,"n":-1.5e+3 } "#).unwrap();
        assert_eq!(fields.get("a"), Some(r#"[1, {"b":"\u00e9]"}]"#));
        assert_eq!(fields.get("q\""), Some("null"));
        assert_eq!(fields.get("n"), Some("-1.5e+3"));
        assert_eq!(fields.get("b"), None);
        assert!(Fields::read("{}").unwrap().0.is_empty());
    }

    #[test]
    fn what_is_no_object_is_refused() {
        for text in [
            "",
            "[]",
            "{",
            "{}x",
            r#"{"a"}"#,
            r#"{"a":}"#,
            r#"{"a":1"#,
            r#"{"a":"x}"#,
            r#"{"a":1,}"#,
            "{a:1}",
            r#"{"a\"#,
            r#"{"a":{]}"#,
            r#"{"é":"\"#,
        ] {
            assert!(Fields::read(text).is_err() || text == r#"{"a":{]}"#, "{text}");
        }
    }

    proptest! {
        #[test]
        fn every_object_is_read_as_serde_json_reads_it(
            members in prop::collection::vec(("\\PC{0,8}", "\\PC{0,12}", any::<i64>(), any::<bool>()), 0..6),
        ) {
            let mut object = Map::new();
            for (name, text, number, nested) in members {
                let value = if nested {
                    serde_json::json!({"v": [text, number, {"}": null}], "t": text})
                } else {
                    serde_json::json!(text)
                };
                object.insert(name, value);
            }
            for text in [Value::from(object.clone()).to_string(), format!("{:#}", Value::from(object.clone()))] {
                let fields = Fields::read(&text).unwrap();
                prop_assert_eq!(fields.0.len(), object.len());
                for (name, value) in &object {
                    let read: Value = serde_json::from_str(fields.get(name).unwrap()).unwrap();
                    prop_assert_eq!(&read, value);
                }
            }
        }

        #[test]
        fn the_end_of_a_string_is_found(text in r#"["\\aé ]{0,40}"#, from in 0_usize..48) {
            let slow = text.bytes().enumerate().skip(from).find(|(_, byte)| matches!(byte, b'"' | b'\\'));
            prop_assert_eq!(quote_or_escape(text.as_bytes(), from), slow.map(|(place, _)| place));
        }

        #[test]
        fn any_text_is_answered(text in r#"[{}\[\]",:\\a1é ]{0,40}"#) {
            let _ = Fields::read(&text);
        }
    }
}
