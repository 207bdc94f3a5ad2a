//! Attribute names as clients write them, resolved against a resource type.
//!
//! ```text
//! attrPath = [URN ":"] attrName ["." subAttr]          RFC 7644 section 3.5.2
//! ```
//!
//! Names match in any case. A name without URN is looked for among the common attributes, the core schema, the
//! aliases of the type, then its extensions: Entra ID writes a bare `manager`, Okta a bare `profile.location`.
//! Microsoft's own collection writes `…:2.0:User.manager`: a dot after a URN counts as the colon.

use std::fmt;
use std::sync::Arc;

use crate::filter::Filter;
use crate::key;
use crate::resource_type::ResourceType;
use crate::schema::{Attribute, Schema, Type, common};
use crate::{Error, Result};

/// The part of a [`Target`] after the dot.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Sub {
    /// A sub-attribute of the schema.
    Declared(Arc<Attribute>),
    /// A key of an open attribute (`profile.Location`), as written.
    Key(String),
}

/// An attribute that a path or a filter speaks of.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Target {
    /// The extension it belongs to; none: a common or core attribute.
    pub extension: Option<Arc<Schema>>,
    /// The attribute.
    pub attribute: Arc<Attribute>,
    /// The sub-attribute, if one is named.
    pub sub: Option<Sub>,
}

impl Target {
    /// Resolves `[URN:]attr[.sub]`; `None` when the type has no such attribute.
    pub fn resolve(resource_type: &ResourceType, text: &str) -> Option<Self> {
        for schema in resource_type.schemas() {
            let Some(rest) = strip_urn(text, &schema.id) else { continue };
            let extension = (schema.id != resource_type.schema.id).then(|| schema.clone());
            let (name, sub) = split(rest);
            let attribute = match (&extension, schema.attribute(name)) {
                (_, Some(attribute)) => attribute.clone(),
                // The common attributes belong to every core schema.
                (None, None) => common::attribute_named(name)?.clone(),
                (Some(_), None) => return None,
            };
            return Self::with_sub(extension, attribute, sub);
        }
        let (name, sub) = split(text);
        let core = common::attribute_named(name).or_else(|| resource_type.schema.attribute(name));
        if let Some(attribute) = core {
            return Self::with_sub(None, attribute.clone(), sub);
        }
        let alias = resource_type.aliases.iter().find(|(written, ..)| written.eq_ignore_ascii_case(name));
        let (urn, name) = alias.map_or((None, name), |&(_, urn, name)| (Some(urn), name));
        let mut extensions = resource_type.extensions.iter();
        let (extension, attribute) = extensions.find_map(|schema| {
            let here = urn.is_none_or(|urn| schema.id == urn);
            schema.attribute(name).filter(|_| here).map(|attribute| (schema.clone(), attribute.clone()))
        })?;
        Self::with_sub(Some(extension), attribute, sub)
    }

    fn with_sub(
        extension: Option<Arc<Schema>>,
        attribute: Arc<Attribute>,
        sub: Option<&str>,
    ) -> Option<Self> {
        let sub = match sub {
            None => None,
            Some("") => return None,
            Some(name) if attribute.open => Some(Sub::Key(name.to_owned())),
            Some(name) => Some(Sub::Declared(attribute.sub(name)?.clone())),
        };
        Some(Self { extension, attribute, sub })
    }

    /// The definition that describes the values: the sub-attribute's if one is named, `None` for the key of
    /// an open attribute, whose values describe themselves.
    pub fn leaf(&self) -> Option<&Arc<Attribute>> {
        match &self.sub {
            None => Some(&self.attribute),
            Some(Sub::Declared(sub)) => Some(sub),
            Some(Sub::Key(_)) => None,
        }
    }

    /// The target a comparison means: `emails eq "x"` and `manager eq "x"` compare the `value` inside.
    /// `None` when a complex attribute has no such sub-attribute.
    pub fn comparable(mut self) -> Option<Self> {
        if self.sub.is_none() && self.attribute.kind == Type::Complex {
            self.sub = Some(Sub::Declared(self.attribute.sub("value")?.clone()));
        }
        Some(self)
    }

    /// The name under which the index holds the values: lower case, with the URN of an extension.
    pub fn index_path(&self) -> String {
        let prefix = self.extension.as_ref().map(|schema| format!("{}:", schema.id)).unwrap_or_default();
        let path = match &self.sub {
            None => format!("{prefix}{}", self.attribute.name),
            Some(Sub::Declared(sub)) => format!("{prefix}{}.{}", self.attribute.name, sub.name),
            Some(Sub::Key(written)) => {
                return format!(
                    "{}.{}",
                    format!("{prefix}{}", self.attribute.name).to_lowercase(),
                    key::fold(written)
                );
            }
        };
        path.to_lowercase()
    }
}

/// The path of a PATCH operation (RFC 7644 section 3.5.2).
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum PatchPath {
    /// A whole extension: its URN alone.
    Extension(Arc<Schema>),
    /// An attribute, the elements of it that satisfy a filter, or a sub-attribute of either.
    Attribute {
        /// The attribute, with the sub-attribute after the dot.
        target: Target,
        /// `emails[type eq "work"]`: which elements are meant; the targets inside name its sub-attributes.
        element: Option<Filter>,
    },
}

impl PatchPath {
    /// Parses `URN`, `attrPath` or `attr[filter](.sub)`; [`Error::InvalidPath`] when it names nothing.
    pub fn parse(resource_type: &ResourceType, text: &str) -> Result<Self> {
        let _ = resource_type;
        Err(Error::InvalidPath(text.into()))
    }
}

/// As in a message to the client: `URN:attr.sub` in canonical case.
impl fmt::Display for Target {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if let Some(schema) = &self.extension {
            write!(f, "{}:", schema.id)?;
        }
        f.write_str(&self.attribute.name)?;
        match &self.sub {
            None => Ok(()),
            Some(Sub::Declared(sub)) => write!(f, ".{}", sub.name),
            Some(Sub::Key(key)) => write!(f, ".{}", crate::error::excerpt(key)),
        }
    }
}

/// What follows the URN and its colon, if `text` starts with both.
pub(crate) fn strip_urn<'a>(text: &'a str, urn: &str) -> Option<&'a str> {
    let head = text.get(..urn.len())?;
    let rest = &text[urn.len()..];
    let separated = rest.starts_with([':', '.']);
    (head.eq_ignore_ascii_case(urn) && separated).then(|| &rest[1..])
}

fn split(path: &str) -> (&str, Option<&str>) {
    path.split_once('.').map_or((path, None), |(name, sub)| (name, Some(sub)))
}
