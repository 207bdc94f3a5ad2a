//! One resource as a contract writes it.

use std::borrow::Cow;

use serde_json::Value;

use super::fields::{Fields, write_array, write_id};
use super::source::{Shown, Source, write_json, write_text};
use super::{Part, Projection, Related, shows_key};
use crate::Result;
use crate::contract::{Contract, Shape};
use crate::id::ResourceId;
use crate::meta::push_time;
use crate::path::Sub;
use crate::resource_type::{Kind, ResourceType};
use crate::role::Role;
use crate::schema::{Attribute, Returned, Schema, common, enterprise, qa_group, qa_user};
use crate::user::manager_in;

/// Appends the JSON text of a resource as the contract writes it, but for a group: see [`super::group`]. `base` is the public URL
/// of the contract's base path.
///
/// In order: `schemas`, `id`, `externalId`, the core attributes, extensions, `meta`.
///
/// # Errors
/// [`crate::Error::Internal`] when the text of the store is no JSON; what was written before is gone then.
pub fn render(
    into: &mut String,
    resource_type: &ResourceType,
    contract: &Contract,
    base: &str,
    source: &Source<'_>,
    related: &Related,
    projection: &Projection,
) -> Result<()> {
    let page = Page::new(resource_type, contract, base, source, related, &[], projection);
    let mut fields = Fields { text: std::mem::take(into) };
    // Room for what stands in no document.
    fields.text.reserve(source.size + 1_024);
    fields.text.push('{');
    page.show_identity(&mut fields)?;
    for attribute in &resource_type.schema.attributes {
        page.show(&mut fields, None, attribute)?;
    }
    page.show_rest(&mut fields)?;
    fields.text.push('}');
    *into = fields.text;
    Ok(())
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
    ) -> Self {
        Self { resource_type, contract, base, source, related, owners, projection }
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
            if self.source.extension(&schema.id).is_none() && self.owners.is_empty() {
                continue;
            }
            into.add_object(&schema.id, |object| {
                schema.attributes.iter().try_for_each(|attribute| self.show(object, Some(schema), attribute))
            })?;
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
        let Some(content) = self.content(extension, attribute)? else { return Ok(()) };
        if is_whole(&part, attribute) {
            into.add(&attribute.name, |text| self.write(&content, text));
            return Ok(());
        }
        let value = self.value(&content)?;
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

    /// What is told of an attribute, computed or as stored; never an empty object.
    fn content(&self, extension: Option<&Schema>, attribute: &Attribute) -> Result<Option<Content<'a>>> {
        let is_user = self.resource_type.kind == Kind::User;
        match (extension, attribute.name.as_str()) {
            (None, "schemas") => return self.schemas().map(Content::Schemas).map(Some),
            (None, "id") => return Ok(Some(Content::Id)),
            (None, "meta") => return Ok(Some(Content::Meta)),
            (None, "groups") if is_user => return Ok(Some(Content::Groups)),
            (None, "roles") if is_user && self.contract.shape == Shape::Flat => {
                return Ok(self.role()?.map(Content::Role));
            }
            (Some(schema), qa_group::OWNERS) if schema.id == qa_group::URN => {
                // As long as there are none, strict clients do not know the extension.
                let shown = self.contract.own_attributes_at_root || !self.owners.is_empty();
                return Ok(shown.then_some(Content::Owners));
            }
            _ => {}
        }
        let stored = match extension {
            None => self.source.get(&attribute.name),
            Some(schema) => self.in_extension(&schema.id, &attribute.name),
        };
        let Some(stored) = stored else { return Ok(None) };
        match extension {
            Some(schema) if attribute.name == "manager" && schema.id == enterprise::URN => {
                self.manager(&stored).map(Content::Manager).map(Some)
            }
            _ if attribute.open => self.open(stored),
            _ => Ok(Some(Content::Stored(stored))),
        }
    }

    /// Appends the JSON text of it.
    fn write(&self, content: &Content<'_>, into: &mut String) {
        match content {
            Content::Stored(value) => value.write(into),
            Content::Schemas(urns) => write_array(into, urns, |urn, text| write_text(text, urn)),
            Content::Id => write_id(into, self.source.id),
            Content::Meta => self.write_meta(into),
            Content::Groups => self.write_groups(into),
            Content::Role(role) => write_array(into, [role], |role, text| write_text(text, role.name())),
            Content::Owners => write_array(into, self.owners, |owner, text| write_id(text, *owner)),
            Content::Manager(manager) => write_json(into, manager),
            Content::Keys(keys) => {
                let mut shown = Fields { text: "{".into() };
                for (key, value) in keys {
                    shown.add_any(key, |text| value.write(text));
                }
                into.push_str(&shown.text);
                into.push('}');
            }
        }
    }

    /// It as a tree.
    fn value(&self, content: &Content<'_>) -> Result<Value> {
        match content {
            Content::Stored(value) => value.value(),
            computed => {
                let mut text = String::new();
                self.write(computed, &mut text);
                Shown::Text(&text).value()
            }
        }
    }

    /// The value of an attribute of an extension.
    fn in_extension(&self, urn: &str, name: &str) -> Option<Shown<'a>> {
        self.source.extension(urn).and_then(|extension| extension.get(name))
    }

    /// The core schema and the extensions the resource has on this contract: those that are shown by default,
    /// whatever the client has left out, and those it has asked for.
    fn schemas(&self) -> Result<Vec<&'a str>> {
        let mut urns = Vec::with_capacity(1 + self.resource_type.extensions.len());
        urns.push(self.resource_type.schema.id.as_str());
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
        Ok(urns)
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
    fn open(&self, map: Shown<'a>) -> Result<Option<Content<'a>>> {
        let (mut shown, mut hidden) = (0, 0);
        map.any_member(|key| {
            *if shows_key(self.contract, key) { &mut shown } else { &mut hidden } += 1;
            false
        })?;
        if hidden == 0 {
            return Ok((shown > 0).then_some(Content::Stored(map)));
        }
        let mut keys = map.members()?;
        keys.retain(|(key, _)| shows_key(self.contract, key));
        Ok((!keys.is_empty()).then_some(Content::Keys(keys)))
    }

    /// Whether the contract shows a key of an open attribute.
    fn shows_any(&self, map: &Shown<'_>) -> Result<bool> {
        map.any_member(|key| shows_key(self.contract, key))
    }

    fn write_meta(&self, into: &mut String) {
        let meta = self.source.meta;
        into.push_str("{\"resourceType\":");
        write_text(into, &self.resource_type.name);
        into.push_str(",\"created\":\"");
        push_time(into, meta.created);
        into.push_str("\",\"lastModified\":\"");
        push_time(into, meta.modified);
        into.push_str("\",\"location\":");
        write_text(into, &self.location(&self.resource_type.endpoint, self.source.id));
        into.push_str(",\"version\":");
        write_text(into, &meta.version.etag());
        into.push('}');
    }

    /// The effective role.
    fn role(&self) -> Result<Option<Role>> {
        let Some(stored) = self.in_extension(qa_user::URN, qa_user::ROLE) else { return Ok(None) };
        Ok(stored.value()?.as_str().and_then(Role::parse))
    }

    fn write_groups(&self, into: &mut String) {
        let groups = self.related.groups.get(&self.source.id).map_or(&[][..], Vec::as_slice);
        write_array(into, groups, |group, text| {
            text.push_str("{\"value\":");
            write_id(text, group.id);
            text.push_str(",\"$ref\":");
            write_text(text, &self.location(group.endpoint, group.id));
            text.push_str(",\"display\":");
            write_text(text, &group.display);
            text.push_str(",\"type\":\"direct\"}");
        });
    }

    /// A manager who is a user of the tenant gets a reference and a name; any other is shown as stored.
    fn manager(&self, stored: &Shown<'_>) -> Result<Value> {
        let mut manager = stored.value()?;
        let found =
            manager_in(&manager).and_then(|id| self.related.managers.get(&id).map(|display| (id, display)));
        if let Some((id, display)) = found {
            manager["$ref"] = self.location(&self.resource_type.endpoint, id).into();
            if let Some(display) = display {
                manager["displayName"] = display.as_str().into();
            }
        }
        Ok(manager)
    }

    fn location(&self, endpoint: &str, id: ResourceId) -> String {
        let mut location = String::with_capacity(self.base.len() + endpoint.len() + 38);
        for part in [self.base, "/", endpoint, "/"] {
            location.push_str(part);
        }
        id.push_to(&mut location);
        location
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

/// What is told of an attribute.
enum Content<'a> {
    Stored(Shown<'a>),
    Schemas(Vec<&'a str>),
    Id,
    Meta,
    Groups,
    /// As a list of one.
    Role(Role),
    Owners,
    Manager(Value),
    /// Some of the keys of an open attribute.
    Keys(Vec<(Cow<'a, str>, Shown<'a>)>),
}

/// Whether nothing of a value is cut.
pub(super) fn is_whole(part: &Part<'_>, attribute: &Attribute) -> bool {
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
