//! A resource as text: what a store gives back, and what a reply is written from without a tree in between.

use std::borrow::Cow;

use memchr::memchr2;

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
pub(crate) struct Fields<'a>(Vec<(Cow<'a, str>, &'a str)>);

impl<'a> Fields<'a> {
    /// The text of the member of this name.
    pub(crate) fn get(&self, name: &str) -> Option<&'a str> {
        // A resource has a dozen attributes or two: looking at each is faster than a map is made.
        self.0.iter().find(|(known, _)| known == name).map(|(_, text)| *text)
    }

    /// All of them.
    pub(crate) fn into_iter(self) -> impl Iterator<Item = (Cow<'a, str>, &'a str)> {
        self.0.into_iter()
    }
}

impl<'a> Fields<'a> {
    /// Reads the text of an object that this program has written.
    ///
    /// The texts of members are found and not looked into: a reply is made of them, and reading them as JSON is half of what
    /// a look-up by key costs.
    ///
    /// # Errors
    /// [`Error::Internal`] for what is no object. Of an object that is broken within a member nobody may notice.
    pub(crate) fn read(text: &'a str) -> Result<Self> {
        let broken = || Error::internal("a stored document is no JSON object");
        let mut members = Vec::with_capacity(16);
        let mut reader = Reader { text, at: 0 };
        reader.expect(b'{').ok_or_else(broken)?;
        if reader.peek() != Some(b'}') {
            loop {
                members.push(reader.member().ok_or_else(broken)?);
                if reader.peek() != Some(b',') {
                    break;
                }
                reader.at += 1;
            }
        }
        reader.expect(b'}').ok_or_else(broken)?;
        if reader.peek().is_some() { Err(broken()) } else { Ok(Self(members)) }
    }
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

    fn member(&mut self) -> Option<(Cow<'a, str>, &'a str)> {
        self.peek()?;
        let name = self.string()?;
        // Names with escapes are keys of profiles, and rare.
        let name = match name.contains('\\') {
            false => Cow::Borrowed(&name[1..name.len() - 1]),
            true => Cow::Owned(serde_json::from_str(name).ok()?),
        };
        self.expect(b':')?;
        Some((name, self.value()?))
    }

    /// The text of a string with its quotes.
    fn string(&mut self) -> Option<&'a str> {
        let (from, bytes) = (self.at, self.text.as_bytes());
        if bytes.get(from) != Some(&b'"') {
            return None;
        }
        self.at += 1;
        loop {
            self.at += memchr2(b'"', b'\\', bytes.get(self.at..)?)?;
            if bytes[self.at] == b'"' {
                break;
            }
            // Whatever is escaped, if only a quote.
            self.at += 2;
        }
        self.at += 1;
        self.text.get(from..self.at)
    }

    /// The text of a value.
    fn value(&mut self) -> Option<&'a str> {
        let first = self.peek()?;
        let (from, bytes) = (self.at, self.text.as_bytes());
        match first {
            b'"' => return self.string(),
            b'{' | b'[' => {
                let mut depth = 0_usize;
                loop {
                    match bytes.get(self.at)? {
                        b'"' => {
                            self.string()?;
                            continue;
                        }
                        b'{' | b'[' => depth += 1,
                        b'}' | b']' => depth -= 1,
                        _ => {}
                    }
                    self.at += 1;
                    if depth == 0 {
                        break;
                    }
                }
            }
            _ => {
                while bytes
                    .get(self.at)
                    .is_some_and(|byte| byte.is_ascii_alphanumeric() || b"+-.".contains(byte))
                {
                    self.at += 1;
                }
            }
        }
        (self.at > from).then(|| &self.text[from..self.at])
    }
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
        fn any_text_is_answered(text in r#"[{}\[\]",:\\a1é ]{0,40}"#) {
            let _ = Fields::read(&text);
        }
    }
}
