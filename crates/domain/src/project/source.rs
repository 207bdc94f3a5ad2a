//! Where the values of a resource come from: its document, or the text that the store holds. And what is shown of
//! them: text as it is wherever nothing is cut, so that a reply to a read builds no tree.

use std::borrow::Cow;

use serde_json::Value;

use crate::document::Document;
use crate::id::ResourceId;
use crate::meta::{Meta, Version};
use crate::resource::Resource;
use crate::schema::enterprise;
use crate::stored::{Fields, Members, Stored};
use crate::{Error, Result, user};

/// A resource to be shown.
pub struct Source<'a> {
    /// Its id.
    pub(super) id: ResourceId,
    /// Its times and version.
    pub(super) meta: &'a Meta,
    is_alone: bool,
    values: Values<'a>,
    /// About how many bytes of JSON it is.
    pub(super) size: usize,
}

enum Values<'a> {
    Tree(&'a Document),
    Text {
        fields: Fields<'a>,
        /// The attributes of each extension.
        extensions: Vec<(Cow<'a, str>, Fields<'a>)>,
    },
}

/// A value on its way into a reply.
#[derive(Clone, Copy)]
pub(super) enum Shown<'a> {
    /// The JSON text of it.
    Text(&'a str),
    /// It as a tree.
    Tree(&'a Value),
}

/// The attributes of an extension of one resource.
pub(super) enum Extension<'a> {
    Tree(&'a Value),
    Text(&'a Fields<'a>),
}

impl<'a> From<&'a Resource> for Source<'a> {
    fn from(resource: &'a Resource) -> Self {
        Self {
            id: resource.id,
            meta: &resource.meta,
            is_alone: false,
            size: 0,
            values: Values::Tree(&resource.document),
        }
    }
}

impl<'a> TryFrom<&'a Stored> for Source<'a> {
    type Error = Error;

    fn try_from(stored: &'a Stored) -> Result<Self> {
        let fields = stored.fields()?;
        // No other name has a colon.
        let of_extension = fields.iter().filter(|(name, _)| name.contains(':'));
        let extensions = of_extension
            .map(|(name, text)| Ok((name.clone(), Fields::read(text)?)))
            .collect::<Result<_>>()?;
        let values = Values::Text { fields, extensions };
        Ok(Self {
            id: stored.id,
            meta: &stored.meta,
            is_alone: stored.is_alone,
            size: stored.text.len(),
            values,
        })
    }
}

impl<'a> Source<'a> {
    /// The value of a core attribute.
    pub(super) fn get(&self, name: &str) -> Option<Shown<'a>> {
        match &self.values {
            Values::Tree(document) => document.get(name).map(Shown::Tree),
            Values::Text { fields, .. } => fields.get(name).map(Shown::Text),
        }
    }

    /// The extension with this URN, if the resource has it.
    pub(super) fn extension(&self, urn: &str) -> Option<Extension<'_>> {
        match &self.values {
            Values::Tree(document) => document.get(urn).map(Extension::Tree),
            Values::Text { extensions, .. } => {
                extensions.iter().find(|(name, _)| *name == urn).map(|(_, fields)| Extension::Text(fields))
            }
        }
    }
}

impl<'a> Source<'a> {
    /// A resource that has just come into the world.
    pub(crate) fn newborn(resource: &'a Resource) -> Self {
        Self { is_alone: true, ..resource.into() }
    }
}

impl Source<'_> {
    /// As of [`user::manager_of`].
    pub(crate) fn manager(&self) -> Result<Option<ResourceId>> {
        let manager = self.extension(enterprise::URN).and_then(|extension| extension.get("manager"));
        Ok(manager.map(|manager| manager.value()).transpose()?.as_ref().and_then(user::manager_in))
    }

    /// As of [`Stored::is_alone`].
    pub(crate) fn is_alone(&self) -> bool {
        self.is_alone
    }

    /// Its id.
    pub(crate) fn id(&self) -> ResourceId {
        self.id
    }

    /// Its version.
    pub(crate) fn version(&self) -> Version {
        self.meta.version
    }
}

impl<'a> Extension<'a> {
    /// The value of an attribute of the extension.
    pub(super) fn get(&self, name: &str) -> Option<Shown<'a>> {
        match self {
            Self::Tree(object) => object.get(name).map(Shown::Tree),
            Self::Text(fields) => fields.get(name).map(Shown::Text),
        }
    }
}

impl<'a> Shown<'a> {
    /// Whether it is an object that has a member with such a name.
    ///
    /// # Errors
    /// As of [`Self::value`].
    pub(super) fn any_member(&self, mut is_wanted: impl FnMut(&str) -> bool) -> Result<bool> {
        match self {
            Self::Text(text) if text.starts_with('{') => {
                for member in Members::of(text)? {
                    if is_wanted(&member?.0) {
                        return Ok(true);
                    }
                }
                Ok(false)
            }
            Self::Text(_) => Ok(false),
            Self::Tree(value) => {
                Ok(value.as_object().is_some_and(|object| object.keys().any(|key| is_wanted(key))))
            }
        }
    }

    /// Its members; none of any other value than an object.
    ///
    /// # Errors
    /// As of [`Self::value`].
    pub(super) fn members(&self) -> Result<Vec<(Cow<'a, str>, Shown<'a>)>> {
        match self {
            Self::Text(text) if text.starts_with('{') => {
                let shown = |(name, text)| (name, Shown::Text(text));
                Members::of(text)?.map(|member| member.map(shown)).collect()
            }
            Self::Text(_) => Ok(Vec::new()),
            Self::Tree(value) => {
                let members = value.as_object().into_iter().flatten();
                Ok(members.map(|(name, value)| (name.as_str().into(), Shown::Tree(value))).collect())
            }
        }
    }

    /// The value as a tree.
    ///
    /// # Errors
    /// [`Error::Internal`] when the text is no JSON.
    pub(super) fn value(&self) -> Result<Value> {
        match self {
            Self::Text(text) => serde_json::from_str(text).map_err(Error::internal),
            Self::Tree(value) => Ok((*value).clone()),
        }
    }

    /// Appends the JSON text of it.
    pub(super) fn write(&self, into: &mut String) {
        match self {
            Self::Text(text) => into.push_str(text),
            Self::Tree(value) => write_json(into, value),
        }
    }
}

/// Appends the JSON text of a value.
pub(super) fn write_json(into: &mut String, value: &Value) {
    match value {
        Value::String(text) => write_text(into, text),
        value => into.push_str(&value.to_string()),
    }
}

/// Appends a text as JSON.
pub(super) fn write_text(into: &mut String, text: &str) {
    // Without an early end the compiler looks at many bytes at a time.
    let (has_controls, has_escapes) = text.bytes().fold((false, false), |(controls, escapes), byte| {
        (controls | (byte < b' '), escapes | (byte == b'"') | (byte == b'\\'))
    });
    if has_controls {
        return into.push_str(&Value::from(text).to_string());
    }
    into.push('"');
    if !has_escapes {
        into.push_str(text);
        return into.push('"');
    }
    for part in text.split_inclusive(['"', '\\']) {
        match part.strip_suffix(['"', '\\']) {
            Some(plain) => {
                into.push_str(plain);
                into.push('\\');
                into.push_str(&part[plain.len()..]);
            }
            None => into.push_str(part),
        }
    }
    into.push('"');
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    proptest! {
        #[test]
        fn a_text_is_written_as_serde_json_writes_it(text in r#"[\\\PC"\n\x00é]{0,20}"#) {
            let mut written = String::new();
            write_text(&mut written, &text);
            prop_assert_eq!(written, Value::from(text.as_str()).to_string());
        }
    }
}
