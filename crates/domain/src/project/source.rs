//! Where the values of a resource come from: its document, or the text that the store holds. And what is shown of
//! them: text as it is wherever nothing is cut, so that a reply to a read builds no tree.

use std::borrow::Cow;

use serde_json::Value;

use crate::document::Document;
use crate::id::ResourceId;
use crate::meta::Meta;
use crate::resource::Resource;
use crate::schema::enterprise;
use crate::stored::{Fields, Stored};
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
    Text(Fields<'a>),
}

/// A value on its way into a reply.
pub(super) enum Shown<'a> {
    /// The JSON text of it.
    Text(Cow<'a, str>),
    /// It as a tree.
    Tree(&'a Value),
}

/// The attributes of an extension of one resource.
pub(super) enum Extension<'a> {
    Tree(&'a Value),
    Text(Fields<'a>),
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
        let values = Values::Text(stored.fields()?);
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
            Values::Text(fields) => fields.get(name).map(|text| Shown::Text(text.into())),
        }
    }

    /// The extension with this URN, if the resource has it.
    ///
    /// # Errors
    /// [`Error::Internal`] when it is no object.
    pub(super) fn extension(&self, urn: &str) -> Result<Option<Extension<'a>>> {
        match &self.values {
            Values::Tree(document) => Ok(document.get(urn).map(Extension::Tree)),
            Values::Text(fields) => Ok(fields.get(urn).map(Fields::read).transpose()?.map(Extension::Text)),
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
        let manager = self.extension(enterprise::URN)?.and_then(|extension| extension.get("manager"));
        Ok(manager.map(Shown::value).transpose()?.as_ref().and_then(user::manager_in))
    }

    /// As of [`Stored::is_alone`].
    pub(crate) fn is_alone(&self) -> bool {
        self.is_alone
    }

    /// Its id.
    pub(crate) fn id(&self) -> ResourceId {
        self.id
    }
}

impl<'a> Extension<'a> {
    /// The value of an attribute of the extension.
    pub(super) fn get(&self, name: &str) -> Option<Shown<'a>> {
        match self {
            Self::Tree(object) => object.get(name).map(Shown::Tree),
            Self::Text(fields) => fields.get(name).map(|text| Shown::Text(text.into())),
        }
    }
}

impl Shown<'_> {
    /// The members of an object; none of any other value.
    ///
    /// # Errors
    /// As of [`Self::value`].
    pub(super) fn members(&self) -> Result<Vec<(Cow<'_, str>, Shown<'_>)>> {
        match self {
            Self::Text(text) if text.starts_with('{') => {
                let fields = Fields::read(text)?;
                Ok(fields.into_iter().map(|(name, text)| (name, Shown::Text(text.into()))).collect())
            }
            Self::Text(_) => Ok(Vec::new()),
            Self::Tree(value) => {
                let members = value.as_object().into_iter().flatten();
                Ok(members.map(|(name, value)| (name.into(), Shown::Tree(value))).collect())
            }
        }
    }

    /// The value as a tree.
    ///
    /// # Errors
    /// [`Error::Internal`] when the text is no JSON.
    pub(super) fn value(self) -> Result<Value> {
        match self {
            Self::Text(text) => serde_json::from_str(&text).map_err(Error::internal),
            Self::Tree(value) => Ok(value.clone()),
        }
    }

    /// The same as it is, copied if it has to be.
    pub(super) fn text(self) -> String {
        match self {
            Self::Text(text) => text.into_owned(),
            Self::Tree(value) => value.to_string(),
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
    let has_escapes = |has, byte| has | (byte < b' ') | (byte == b'"') | (byte == b'\\');
    if !text.bytes().fold(false, has_escapes) {
        into.push('"');
        into.push_str(text);
        into.push('"');
    } else {
        into.push_str(&Value::from(text).to_string());
    }
}
