//! Attribute names as clients write them, resolved against a resource type.
//!
//! ```text
//! attrPath  = [URN ":"] attrName ["." subAttr]                    RFC 7644 section 3.5.2
//! patchPath = URN / attrPath / [URN ":"] attrName bracket ["." subAttr]
//! ```
//!
//! `bracket` is the one of the [filter grammar](crate::filter::parse).
//!
//! Names match in any case. A name without URN is looked for among the common attributes, the core schema, the
//! aliases of the type, then its extensions: Entra ID writes a bare `manager`, Okta a bare `profile.location`.
//! Microsoft's own collection writes `…:2.0:User.manager`: a dot after a URN counts as the colon.

use std::fmt;
use std::sync::Arc;

use serde_json::{Map, Value};

use crate::error::excerpt;
use crate::filter::parse::{Equality, bracket};
use crate::filter::{Filter, Op};
use crate::group::List;
use crate::key;
use crate::limits;
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
        for (urn, schema) in resource_type.urns() {
            let Some(rest) = strip_urn(text, urn) else { continue };
            let (name, sub) = split(rest);
            let (extension, attribute) = if schema.id == resource_type.schema.id {
                // The QA contract declares the aliases among the attributes of the core schema.
                core(resource_type, name).or_else(|| alias(resource_type, name))?
            } else {
                (Some(schema.clone()), schema.attribute(name)?.clone())
            };
            return Self::with_sub(extension, attribute, sub);
        }
        let (name, sub) = split(text);
        let of_extension = || {
            resource_type
                .extensions()
                .find_map(|schema| Some((Some(schema.clone()), schema.attribute(name)?.clone())))
        };
        let (extension, attribute) =
            core(resource_type, name).or_else(|| alias(resource_type, name)).or_else(of_extension)?;
        Self::with_sub(extension, attribute, sub)
    }

    /// Every attribute of the type's schemas.
    pub fn all(resource_type: &ResourceType) -> impl Iterator<Item = Self> {
        resource_type.schemas().flat_map(|schema| {
            let extension = (schema.id != resource_type.schema.id).then(|| schema.clone());
            schema.attributes.iter().map(move |attribute| Self {
                extension: extension.clone(),
                attribute: attribute.clone(),
                sub: None,
            })
        })
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
            // RFC 7643 section 2.4: `value` is what a simple value of a list is; `owners.value` are the owners.
            Some(name) if attribute.is_list_of_texts() && name.eq_ignore_ascii_case("value") => None,
            Some(name) => Some(Sub::Declared(attribute.sub(name)?.clone())),
        };
        Some(Self { extension, attribute, sub })
    }

    /// This attribute with another sub-attribute or key; `None` when it has none of this name.
    pub fn with(&self, sub: &str) -> Option<Self> {
        Self::with_sub(self.extension.clone(), self.attribute.clone(), Some(sub))
    }

    /// Whether `[filter]` may follow: an object has sub-attributes to be compared, and a user in a list of a
    /// group has a `value` (`owners[value eq "…"]`), whether the list is written as objects or as texts.
    pub fn takes_filter(&self, resource_type: &ResourceType) -> bool {
        let has_parts = self.attribute.kind == Type::Complex || List::of(resource_type, self).is_some();
        self.sub.is_none() && has_parts
    }

    /// The definition that describes the values: the sub-attribute's if one is named, `None` for the key of
    /// an open attribute, whose values describe themselves unless the tenant has declared it.
    pub fn leaf(&self) -> Option<&Arc<Attribute>> {
        match &self.sub {
            None => Some(&self.attribute),
            Some(Sub::Declared(sub)) => Some(sub),
            Some(Sub::Key(written)) => self.attribute.sub(written),
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
        parse(resource_type, text).map(|(path, _)| path)
    }

    /// What the bracket of a path says about an element that does not exist yet: the sub-attributes that must
    /// equal something, with the values as written. Empty without a bracket. The filter itself holds keys,
    /// which are folded; Entra ID sends `roles[value eq "Admin"].display` and means an entry `Admin`.
    pub fn template(resource_type: &ResourceType, text: &str) -> Result<Map<String, Value>> {
        let (path, equalities) = parse(resource_type, text)?;
        let Self::Attribute { element: Some(filter), .. } = &path else { return Ok(Map::new()) };
        let conjuncts = match filter {
            Filter::And(parts) => parts.as_slice(),
            one => std::slice::from_ref(one),
        };
        let mut template = Map::new();
        for conjunct in conjuncts {
            let Filter::Compare { target, op: Op::Eq, key } = conjunct else { continue };
            let name = match &target.sub {
                Some(Sub::Declared(sub)) => &sub.name,
                Some(Sub::Key(name)) => name,
                None => continue,
            };
            let written =
                equalities.iter().find(|equality| equality.target == *target && equality.key == *key);
            if let Some(equality) = written {
                template.insert(name.clone(), equality.value.clone());
            }
        }
        Ok(template)
    }
}

/// The path, and the equalities in its bracket with the values as written.
fn parse(resource_type: &ResourceType, text: &str) -> Result<(PatchPath, Vec<Equality>)> {
    if text.len() > limits::FILTER_BYTES {
        let most = limits::FILTER_BYTES;
        return Err(Error::InvalidPath(format!("the path has more than {most} bytes")));
    }
    // PostgreSQL has no U+0000 in a text, so no key of a profile has it either.
    if text.contains('\0') {
        return Err(Error::InvalidPath("a path cannot hold U+0000".into()));
    }
    if let Some(schema) = resource_type.extension(text) {
        return Ok((PatchPath::Extension(schema.clone()), Vec::new()));
    }
    // First, because whatever follows `profile.` is a key, brackets and blanks included. No declared name has a
    // bracket, so a path with a filter is not mistaken for one without.
    if let Some(target) = Target::resolve(resource_type, text) {
        return Ok((PatchPath::Attribute { target, element: None }, Vec::new()));
    }
    let unknown = || Error::InvalidPath(format!("there is no attribute `{}`", excerpt(text)));
    let open = text.find('[').ok_or_else(unknown)?;
    let list = Target::resolve(resource_type, &text[..open]).ok_or_else(unknown)?;
    if !list.takes_filter(resource_type) {
        return Err(Error::InvalidPath(format!("`{list}` has no sub-attributes to be filtered by")));
    }
    let bracket = bracket(resource_type, &list, text, open + 1).map_err(|error| match error {
        Error::InvalidFilter(detail) => Error::InvalidPath(detail),
        other => other,
    })?;
    let target = match bracket.rest {
        "" => list,
        rest => rest.strip_prefix('.').and_then(|sub| list.with(sub)).ok_or_else(unknown)?,
    };
    Ok((PatchPath::Attribute { target, element: Some(bracket.filter) }, bracket.equalities))
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
            Some(Sub::Key(key)) => write!(f, ".{}", excerpt(key)),
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

/// An attribute with the extension it belongs to.
type Found = (Option<Arc<Schema>>, Arc<Attribute>);

/// A common attribute, which belongs to every core schema, or one of the core schema.
fn core(resource_type: &ResourceType, name: &str) -> Option<Found> {
    let attribute = common::attribute_named(name).or_else(|| resource_type.schema.attribute(name))?;
    Some((None, attribute.clone()))
}

/// An attribute of an extension under the name that stands for it at the root.
fn alias(resource_type: &ResourceType, name: &str) -> Option<Found> {
    let mut aliases = resource_type.aliases.iter();
    let &(_, urn, name) = aliases.find(|(written, ..)| written.eq_ignore_ascii_case(name))?;
    let extension = resource_type.extension(urn)?;
    Some((Some(extension.clone()), extension.attribute(name)?.clone()))
}

fn split(path: &str) -> (&str, Option<&str>) {
    path.split_once('.').map_or((path, None), |(name, sub)| (name, Some(sub)))
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use serde_json::json;

    use super::*;
    use crate::resource_type::{GROUP, USER, USERGROUP};

    const ENTERPRISE: &str = "urn:ietf:params:scim:schemas:extension:enterprise:2.0:User";
    const QA: &str = "urn:rollcall:params:scim:schemas:extension:qa:2.0:User";

    /// The target and whether there is a filter, as text.
    fn shown(text: &str) -> String {
        match PatchPath::parse(&USER, text) {
            Ok(PatchPath::Extension(schema)) => format!("extension {}", schema.id),
            Ok(PatchPath::Attribute { target, element: None }) => target.to_string(),
            Ok(PatchPath::Attribute { target, element: Some(_) }) => format!("{target} filtered"),
            Err(Error::InvalidPath(_)) => "invalid".into(),
            Err(other) => panic!("{text}: {other:?}"),
        }
    }

    #[test]
    fn paths() {
        let enterprise = |name: &str| format!("{ENTERPRISE}:{name}");
        let qa = |name: &str| format!("{QA}:{name}");
        for (text, expected) in [
            ("userName", "userName".to_owned()),
            ("USERNAME", "userName".into()),
            ("name.familyname", "name.familyName".into()),
            ("externalId", "externalId".into()),
            ("meta.created", "meta.created".into()),
            ("urn:ietf:params:scim:schemas:core:2.0:User:name.givenName", "name.givenName".into()),
            ("URN:IETF:params:scim:schemas:core:2.0:USER:externalid", "externalId".into()),
            (ENTERPRISE, format!("extension {ENTERPRISE}")),
            (&ENTERPRISE.to_uppercase(), format!("extension {ENTERPRISE}")),
            (&enterprise("department"), enterprise("department")),
            (&enterprise("Manager.Value"), enterprise("manager.value")),
            (&format!("{ENTERPRISE}.manager"), enterprise("manager")),
            (
                &enterprise("manager[value eq \"u\"].value"),
                format!("{} filtered", enterprise("manager.value")),
            ),
            ("manager", enterprise("manager")),
            ("manager.displayName", enterprise("manager.displayName")),
            ("emails[type eq \"work\"]", "emails filtered".into()),
            ("Emails[Type eq \"work\" and not (primary eq \"True\")].VALUE", "emails.value filtered".into()),
            ("emails[value eq \"a.b]@[x\"].type", "emails.type filtered".into()),
            (
                "urn:ietf:params:scim:schemas:core:2.0:User:emails[type eq work].value",
                "emails.value filtered".into(),
            ),
            ("name[givenName pr].familyName", "name.familyName filtered".into()),
            ("members[value eq \"u\"]", "invalid".into()),
            ("profile", qa("profile")),
            ("profile.Key With Blanks", qa("profile.Key With Blanks")),
            ("profile.a.b[c eq \"d\"]", qa("profile.a.b[c eq \"d\"]")),
            (&qa("profile.Key"), qa("profile.Key")),
            ("profile[Location eq \"Porto\"].Age", format!("{} filtered", qa("profile.Age"))),
            ("profile.", "invalid".into()),
            ("profile.a\0", "invalid".into()),
            ("", "invalid".into()),
            (".", "invalid".into()),
            ("[", "invalid".into()),
            ("unknown", "invalid".into()),
            ("userName.x", "invalid".into()),
            ("name.unknown", "invalid".into()),
            ("name.givenName.x", "invalid".into()),
            (" userName", "invalid".into()),
            ("userName[value eq \"x\"]", "invalid".into()),
            ("schemas[value eq \"x\"]", "invalid".into()),
            ("emails.type[value eq \"x\"]", "invalid".into()),
            ("emails[", "invalid".into()),
            ("emails[]", "invalid".into()),
            ("emails[type eq \"work\"", "invalid".into()),
            ("emails[type eq \"work\"]]", "invalid".into()),
            ("emails[type eq \"work\"].", "invalid".into()),
            ("emails[type eq \"work\"]value", "invalid".into()),
            ("emails[type eq \"work\"].unknown", "invalid".into()),
            ("emails[type eq \"work\"].value.x", "invalid".into()),
            ("emails[unknown eq \"work\"]", "invalid".into()),
            ("emails[type eq null]", "invalid".into()),
            ("emails[emails[type pr]]", "invalid".into()),
            (&format!("{ENTERPRISE}:"), "invalid".into()),
            ("urn:ietf:params:scim:schemas:core:2.0:User", "invalid".into()),
            ("urn:unknown:2.0:User:userName", "invalid".into()),
            (&format!("profile.{}", "x".repeat(limits::FILTER_BYTES)), "invalid".into()),
        ] {
            assert_eq!(shown(text), expected, "{text}");
        }
    }

    #[test]
    fn paths_of_groups() {
        let core = "urn:ietf:params:scim:schemas:core:2.0:Group";
        let owners = "urn:rollcall:params:scim:schemas:extension:qa:2.0:Group:owners";
        let shown = |resource_type: &ResourceType, text: &str| match PatchPath::parse(resource_type, text) {
            Ok(PatchPath::Attribute { target, element }) => {
                format!("{target}{}", if element.is_some() { " filtered" } else { "" })
            }
            Ok(PatchPath::Extension(schema)) => schema.id.clone(),
            Err(_) => "invalid".into(),
        };
        for (text, expected) in [
            (format!("{core}:displayName"), "displayName"),
            (format!("{core}:members[value eq \"u\"].display"), "members.display filtered"),
            (format!("{core}:externalId"), "externalId"),
            (format!("{core}:OWNERS"), owners),
            ("owners".into(), owners),
            ("owners.value".into(), owners),
            ("owners[value eq \"u\"].value".into(), &format!("{owners} filtered")),
            ("schemas.value".into(), "invalid"),
            ("owners.display".into(), "invalid"),
            ("displayName.value".into(), "invalid"),
            (core.into(), "invalid"),
        ] {
            for resource_type in [&GROUP, &USERGROUP] {
                assert_eq!(shown(resource_type, &text), expected, "{text}");
            }
        }
        let of_usergroups = "urn:rollcall:params:scim:schemas:core:2.0:Usergroup:displayName";
        assert_eq!(shown(&USERGROUP, of_usergroups), "displayName");
        assert_eq!(shown(&GROUP, of_usergroups), "invalid");
    }

    #[test]
    fn templates_keep_the_text_as_written() {
        let template = |text: &str| Value::Object(PatchPath::template(&USER, text).expect(text));
        for (text, expected) in [
            ("emails", json!({})),
            ("emails[type eq \"Work\"].value", json!({"type": "Work"})),
            ("roles[Primary eq \"True\"].value", json!({"primary": true})),
            (
                "emails[(type eq home) and value sw \"x\" and display eq \"X\"]",
                json!({"type": "home", "display": "X"}),
            ),
            ("emails[type eq \"work\" or type eq \"home\"]", json!({})),
            ("emails[not (type eq \"work\")]", json!({})),
            ("profile[Age eq 5]", json!({"Age": 5})),
        ] {
            assert_eq!(template(text), expected, "{text}");
        }
    }

    #[test]
    fn details_are_short() {
        let long = "ü".repeat(1_000);
        for text in [long.clone(), format!("emails[{long} pr]"), format!("emails[type eq 5{long}")] {
            let error = PatchPath::parse(&USER, &text).expect_err(&text).to_string();
            assert!(error.chars().filter(|&c| c == 'ü').count() <= 64, "{error}");
        }
    }

    proptest! {
        #[test]
        fn nothing_panics(text in "\\PC{0,60}", inside in "[a-z\"\\\\\\[\\]().]{0,20}") {
            for path in [text, format!("emails[{inside}].value"), format!("emails[type eq {inside}")] {
                if let Ok(path) = PatchPath::parse(&USER, &path) {
                    let _ = format!("{path:?}");
                }
                let _ = PatchPath::template(&USER, &path);
            }
        }
    }
}
