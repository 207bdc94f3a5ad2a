//! A resource as text: what a store gives back, and what a reply is written from without a tree in between.

use std::borrow::Cow;
use std::fmt;

use serde::de::{MapAccess, Visitor};
use serde::{Deserialize, Deserializer};
use serde_json::value::RawValue;

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
        serde_json::from_str(&self.text).map_err(Error::internal)
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

impl<'de> Deserialize<'de> for Fields<'de> {
    fn deserialize<D: Deserializer<'de>>(reader: D) -> Result<Self, D::Error> {
        reader.deserialize_map(Members)
    }
}

struct Members;

impl<'de> Visitor<'de> for Members {
    type Value = Fields<'de>;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("an object")
    }

    fn visit_map<A: MapAccess<'de>>(self, mut entries: A) -> Result<Fields<'de>, A::Error> {
        let mut fields = Vec::with_capacity(entries.size_hint().unwrap_or(16));
        while let Some(Name(name)) = entries.next_key()? {
            let value: &'de RawValue = entries.next_value()?;
            fields.push((name, value.get()));
        }
        Ok(Fields(fields))
    }
}

/// A name that is borrowed from the text where it holds no escapes.
struct Name<'a>(Cow<'a, str>);

impl<'de> Deserialize<'de> for Name<'de> {
    fn deserialize<D: Deserializer<'de>>(reader: D) -> Result<Self, D::Error> {
        struct Text;
        impl<'de> Visitor<'de> for Text {
            type Value = Name<'de>;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("a name")
            }

            fn visit_borrowed_str<E>(self, text: &'de str) -> Result<Name<'de>, E> {
                Ok(Name(Cow::Borrowed(text)))
            }

            fn visit_str<E>(self, text: &str) -> Result<Name<'de>, E> {
                Ok(Name(Cow::Owned(text.to_owned())))
            }
        }
        reader.deserialize_str(Text)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn members_stay_text() {
        let fields: Fields<'_> = serde_json::from_str(r#" {"a" : [1, {"b":"\u00e9"}] , "q\"": null} "#).unwrap();
        assert_eq!(fields.get("a"), Some(r#"[1, {"b":"\u00e9"}]"#));
        assert_eq!(fields.get("q\""), Some("null"));
        assert_eq!(fields.get("b"), None);
        assert!(serde_json::from_str::<Fields<'_>>("[]").is_err());
        assert!(serde_json::from_str::<Fields<'_>>(r#"{"a":}"#).is_err());
    }
}
