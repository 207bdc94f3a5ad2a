//! One resource as a contract writes it.

use std::borrow::Cow;
use std::fmt::Write;

use serde_json::Value;

use super::source::{Extension, Shown, Source, write_json, write_text};
use super::{Part, Projection, Related, shows_key};
use crate::Result;
use crate::contract::{Contract, Shape};
use crate::id::ResourceId;
use crate::meta::time_text;
use crate::path::Sub;
use crate::resource_type::{Kind, ResourceType};
use crate::role::Role;
use crate::schema::{Attribute, Returned, Schema, common, enterprise, qa_group, qa_user};
use crate::user::manager_in;

/// The JSON text of a resource as the contract writes it, but for a group: see [`super::group`]. `base` is the public URL of the
/// contract's base path.
///
/// In order: `schemas`, `id`, `externalId`, the core attributes, extensions, `meta`.
///
/// # Errors
/// [`crate::Error::Internal`] when the text of the store is no JSON.
pub fn render(
    resource_type: &ResourceType,
    contract: &Contract,
    base: &str,
    source: &Source<'_>,
    related: &Related,
    projection: &Projection,
) -> Result<String> {
    let page = Page::new(resource_type, contract, base, source, related, &[], projection)?;
    // Room for what stands in no document.
    let mut fields = Fields { text: String::with_capacity(source.size + 1_024) };
    fields.text.push('{');
    page.show_identity(&mut fields)?;
    for attribute in &resource_type.schema.attributes {
        page.show(&mut fields, None, attribute)?;
    }
    page.show_rest(&mut fields)?;
    fields.text.push('}');
    Ok(fields.text)
}

/// The members of an object as text, with its opening brace and without the closing one, or without both.
#[derive(Default)]
pub(super) struct Fields {
    pub(super) text: String,
}

impl Fields {
    /// A member with the name of an attribute, which needs no escapes.
    fn add(&mut self, name: &str, write: impl FnOnce(&mut String)) {
        self.separate();
        self.text.push('"');
        self.text.push_str(name);
        self.text.push_str("\":");
        write(&mut self.text);
    }

    /// A member with any name.
    fn add_any(&mut self, name: &str, write: impl FnOnce(&mut String)) {
        self.separate();
        write_text(&mut self.text, name);
        self.text.push(':');
        write(&mut self.text);
    }

    fn separate(&mut self) {
        if !self.text.is_empty() && !self.text.ends_with('{') {
            self.text.push(',');
        }
    }
}

/// Everything that decides what is shown.
pub(super) struct Page<'a> {
    resource_type: &'a ResourceType,
    contract: &'a Contract,
    base: &'a str,
    source: &'a Source<'a>,
    related: &'a Related,
    /// Of a group.
    owners: &'a [ResourceId],
    projection: &'a Projection,
    /// The extensions of the type that the resource has.
    extensions: Vec<(&'a Schema, Extension<'a>)>,
}

impl<'a> Page<'a> {
    pub(super) fn new(
        resource_type: &'a ResourceType,
        contract: &'a Contract,
        base: &'a str,
        source: &'a Source<'a>,
        related: &'a Related,
        owners: &'a [ResourceId],
        projection: &'a Projection,
    ) -> Result<Self> {
        let mut extensions = Vec::new();
        for schema in resource_type.extensions() {
            extensions.extend(source.extension(&schema.id)?.map(|extension| (&**schema, extension)));
        }
        Ok(Self { resource_type, contract, base, source, related, owners, projection, extensions })
    }

    /// Adds what stands before the attributes of the core schema.
    pub(super) fn show_identity(&self, into: &mut Fields) -> Result<()> {
        common::ATTRIBUTES
            .iter()
            .filter(|attribute| attribute.name != "meta")
            .try_for_each(|attribute| self.show(into, None, attribute))
    }

    /// Adds what stands behind the attributes of the core schema: the extensions and `meta`.
    pub(super) fn show_rest(&self, into: &mut Fields) -> Result<()> {
        for schema in self.resource_type.extensions() {
            if self.stands_at_root(schema) {
                for attribute in
                    schema.attributes.iter().filter(|attribute| self.has_root_name(schema, attribute))
                {
                    self.show(into, Some(schema), attribute)?;
                }
                continue;
            }
            let mut object = Fields::default();
            for attribute in &schema.attributes {
                self.show(&mut object, Some(schema), attribute)?;
            }
            if !object.text.is_empty() {
                into.add_any(&schema.id, |text| {
                    text.push('{');
                    text.push_str(&object.text);
                    text.push('}');
                });
            }
        }
        match common::attribute_named("meta") {
            Some(meta) => self.show(into, None, meta),
            None => Ok(()),
        }
    }

    /// Adds what the projection leaves of an attribute.
    pub(super) fn show(
        &self,
        into: &mut Fields,
        extension: Option<&Schema>,
        attribute: &Attribute,
    ) -> Result<()> {
        let part = self.projection.part(extension, attribute);
        if part == Part::Nothing {
            return Ok(());
        }
        let Some(value) = self.value(extension, attribute)? else { return Ok(()) };
        if is_whole(&part, attribute) {
            into.add(&attribute.name, |text| value.write(text));
            return Ok(());
        }
        let value = value.value()?;
        let is_empty_list = value.as_array().is_some_and(Vec::is_empty);
        let left = cut(&part, attribute, value);
        // An empty list that is there as a whole says something (`groups`); one that was emptied by cutting does not.
        let says_nothing = match &left {
            Value::Array(list) => list.is_empty() && !is_empty_list,
            Value::Object(object) => object.is_empty(),
            _ => false,
        };
        if !says_nothing {
            into.add(&attribute.name, |text| write_json(text, &left));
        }
        Ok(())
    }

    /// The whole value of an attribute, computed or as stored; never an empty object.
    fn value(&self, extension: Option<&Schema>, attribute: &Attribute) -> Result<Option<Shown<'a>>> {
        let stored = match extension {
            None => self.source.get(&attribute.name),
            Some(schema) => self.in_extension(&schema.id, &attribute.name),
        };
        let is_user = self.resource_type.kind == Kind::User;
        let computed = match (extension, attribute.name.as_str()) {
            (None, "schemas") => Some(self.schemas()?),
            (None, "id") => Some(format!("\"{}\"", self.source.id)),
            (None, "meta") => Some(self.meta()),
            (None, "groups") if is_user => Some(self.groups()),
            (None, "roles") if is_user && self.contract.shape == Shape::Flat => self.role()?,
            (Some(schema), qa_group::OWNERS) if schema.id == qa_group::URN => {
                // As long as there are none, strict clients do not know the extension.
                let shown = self.contract.own_attributes_at_root || !self.owners.is_empty();
                shown.then(|| array(self.owners.iter(), |owner, text| write_text(text, &owner.to_string())))
            }
            (Some(schema), "manager") if schema.id == enterprise::URN => {
                stored.map(|manager| self.manager(manager)).transpose()?
            }
            _ if attribute.open => stored.map(|map| self.open(map)).transpose()?.flatten(),
            _ => return Ok(stored),
        };
        Ok(computed.map(|text| Shown::Text(Cow::Owned(text))))
    }

    /// The value of an attribute of an extension.
    fn in_extension(&self, urn: &str, name: &str) -> Option<Shown<'a>> {
        let found = self.extensions.iter().find(|(schema, _)| schema.id == urn);
        found.and_then(|(_, extension)| extension.get(name))
    }

    /// The core schema and the extensions the resource has on this contract: those that are shown by default,
    /// whatever the client has left out, and those it has asked for.
    fn schemas(&self) -> Result<String> {
        let mut urns = vec![self.resource_type.schema.id.as_str()];
        for schema in self.resource_type.extensions().filter(|schema| !self.stands_at_root(schema)) {
            for attribute in &schema.attributes {
                let is_shown = matches!(attribute.returned, Returned::Always | Returned::Default)
                    || self.projection.part(Some(schema), attribute) != Part::Nothing;
                if is_shown && self.has(schema, attribute)? {
                    urns.push(&schema.id);
                    break;
                }
            }
        }
        Ok(array(urns.into_iter(), |urn, text| write_text(text, urn)))
    }

    /// Whether the resource has a value for an attribute of an extension.
    fn has(&self, schema: &Schema, attribute: &Attribute) -> Result<bool> {
        if schema.id == qa_group::URN && attribute.name == qa_group::OWNERS {
            return Ok(!self.owners.is_empty());
        }
        match self.in_extension(&schema.id, &attribute.name) {
            // Keys that the contract cannot show make no extension.
            Some(map) if attribute.open => self.shows_any(&map),
            value => Ok(value.is_some()),
        }
    }

    /// The keys of an open attribute that the contract shows; none when it shows none of them.
    fn open(&self, map: Shown<'_>) -> Result<Option<String>> {
        let members = map.members()?;
        let is_shown = |key: &str| shows_key(self.contract, key);
        if members.iter().all(|(key, _)| is_shown(key)) {
            return Ok((!members.is_empty()).then(|| map.text()));
        }
        let mut shown = Fields::default();
        for (key, value) in members.iter().filter(|(key, _)| is_shown(key)) {
            shown.add_any(key, |text| value.write(text));
        }
        Ok((!shown.text.is_empty()).then(|| format!("{{{}}}", shown.text)))
    }

    /// Whether the contract shows a key of an open attribute.
    fn shows_any(&self, map: &Shown<'_>) -> Result<bool> {
        Ok(map.members()?.iter().any(|(key, _)| shows_key(self.contract, key)))
    }

    fn meta(&self) -> String {
        let meta = self.source.meta;
        let mut fields = Fields { text: String::with_capacity(300) };
        fields.text.push('{');
        let mut add = |name, value: &str| fields.add(name, |text| write_text(text, value));
        add("resourceType", &self.resource_type.name);
        add("created", &time_text(meta.created));
        add("lastModified", &time_text(meta.modified));
        add("location", &self.location(&self.resource_type.endpoint, self.source.id));
        add("version", &meta.version.etag());
        fields.text.push('}');
        fields.text
    }

    /// The effective role as a list of one.
    fn role(&self) -> Result<Option<String>> {
        let Some(stored) = self.in_extension(qa_user::URN, qa_user::ROLE) else { return Ok(None) };
        let name = stored.value()?;
        Ok(name.as_str().and_then(Role::parse).map(|role| format!("[\"{}\"]", role.name())))
    }

    fn groups(&self) -> String {
        let groups = self.related.groups.get(&self.source.id).map_or(&[][..], Vec::as_slice);
        array(groups.iter(), |group, text| {
            // Writing to a string cannot fail, and an id needs no escapes.
            let _ = write!(text, "{{\"value\":\"{}\",\"$ref\":", group.id);
            write_text(text, &self.location(group.endpoint, group.id));
            text.push_str(",\"display\":");
            write_text(text, &group.display);
            text.push_str(",\"type\":\"direct\"}");
        })
    }

    /// A manager who is a user of the tenant gets a reference and a name; any other is shown as stored.
    fn manager(&self, stored: Shown<'_>) -> Result<String> {
        let mut manager = stored.value()?;
        let found =
            manager_in(&manager).and_then(|id| self.related.managers.get(&id).map(|display| (id, display)));
        if let Some((id, display)) = found {
            manager["$ref"] = self.location(&self.resource_type.endpoint, id).into();
            if let Some(display) = display {
                manager["displayName"] = display.as_str().into();
            }
        }
        Ok(manager.to_string())
    }

    fn location(&self, endpoint: &str, id: ResourceId) -> String {
        format!("{}/{endpoint}/{id}", self.base)
    }

    /// Whether the extension is one of ours on a contract that has our attributes at the root.
    fn stands_at_root(&self, schema: &Schema) -> bool {
        let is_ours = self.resource_type.aliases.iter().any(|&(_, urn, _)| schema.id == urn);
        is_ours && self.contract.own_attributes_at_root
    }

    /// Whether the type knows the attribute at the root by its own name.
    fn has_root_name(&self, schema: &Schema, attribute: &Attribute) -> bool {
        let same = |name: &str| name == attribute.name;
        self.resource_type
            .aliases
            .iter()
            .any(|&(written, urn, name)| schema.id == urn && same(name) && same(written))
    }
}

/// The JSON text of an array.
fn array<T>(elements: impl Iterator<Item = T>, mut write: impl FnMut(T, &mut String)) -> String {
    let mut text = String::from("[");
    for (place, element) in elements.enumerate() {
        if place > 0 {
            text.push(',');
        }
        write(element, &mut text);
    }
    text.push(']');
    text
}

/// Whether nothing of a value is cut.
fn is_whole(part: &Part<'_>, attribute: &Attribute) -> bool {
    *part == Part::Everything && attribute.sub_attributes.iter().all(|sub| sub.returned == Returned::Default)
}

/// What is left of a value.
pub(super) fn cut(part: &Part<'_>, attribute: &Attribute, value: Value) -> Value {
    match value {
        value if is_whole(part, attribute) => value,
        Value::Array(list) => {
            let cut = list.into_iter().map(|element| cut(part, attribute, element));
            cut.filter(|element| element.as_object().is_none_or(|object| !object.is_empty())).collect()
        }
        Value::Object(object) => {
            let sub_of = |name: &str| match attribute.sub(name).filter(|_| !attribute.open) {
                Some(sub) => Sub::Declared(sub.clone()),
                None => Sub::Key(name.to_owned()),
            };
            object.into_iter().filter(|(name, _)| part.has(&sub_of(name))).collect()
        }
        // A bare value (`"roles": ["grader"]`) is its own `value`.
        bare => bare,
    }
}
