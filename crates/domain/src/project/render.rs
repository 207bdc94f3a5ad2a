//! One resource as a contract writes it.

use serde_json::{Map, Value, json};

use super::{Part, Projection, Related, shows_key};
use crate::contract::{Contract, Shape};
use crate::id::ResourceId;
use crate::meta::time_text;
use crate::path::Sub;
use crate::resource::Resource;
use crate::resource_type::{Kind, ResourceType};
use crate::schema::{Attribute, Returned, Schema, common, enterprise, qa_group};
use crate::user;

/// The resource as the contract writes it, but for a group: see [`super::group`]. `base` is the public URL of the contract's base path.
///
/// In order: `schemas`, `id`, `externalId`, the core attributes, extensions, `meta`.
pub fn render(
    resource_type: &ResourceType,
    contract: &Contract,
    base: &str,
    resource: &Resource,
    related: &Related,
    projection: &Projection,
) -> Value {
    let page = Page { resource_type, contract, base, resource, related, owners: &[], projection };
    let mut body = Map::new();
    page.show_identity(&mut body);
    for attribute in &resource_type.schema.attributes {
        page.show(&mut body, None, attribute);
    }
    page.show_rest(&mut body);
    Value::Object(body)
}

/// Everything that decides what is shown.
pub(super) struct Page<'a> {
    pub(super) resource_type: &'a ResourceType,
    pub(super) contract: &'a Contract,
    pub(super) base: &'a str,
    pub(super) resource: &'a Resource,
    pub(super) related: &'a Related,
    /// Of a group.
    pub(super) owners: &'a [ResourceId],
    pub(super) projection: &'a Projection,
}

impl Page<'_> {
    /// Adds what stands before the attributes of the core schema.
    pub(super) fn show_identity(&self, into: &mut Map<String, Value>) {
        for attribute in common::ATTRIBUTES.iter().filter(|attribute| attribute.name != "meta") {
            self.show(into, None, attribute);
        }
    }

    /// Adds what stands behind the attributes of the core schema: the extensions and `meta`.
    pub(super) fn show_rest(&self, into: &mut Map<String, Value>) {
        for schema in self.resource_type.extensions() {
            if self.stands_at_root(schema) {
                for attribute in
                    schema.attributes.iter().filter(|attribute| self.has_root_name(schema, attribute))
                {
                    self.show(into, Some(schema), attribute);
                }
                continue;
            }
            let mut object = Map::new();
            for attribute in &schema.attributes {
                self.show(&mut object, Some(schema), attribute);
            }
            if !object.is_empty() {
                into.insert(schema.id.clone(), Value::Object(object));
            }
        }
        if let Some(meta) = common::attribute_named("meta") {
            self.show(into, None, meta);
        }
    }

    /// Adds what the projection leaves of an attribute.
    pub(super) fn show(
        &self,
        into: &mut Map<String, Value>,
        extension: Option<&Schema>,
        attribute: &Attribute,
    ) {
        let part = self.projection.part(extension, attribute);
        if part == Part::Nothing {
            return;
        }
        let Some(value) = self.value(extension, attribute) else { return };
        let is_empty_list = value.as_array().is_some_and(Vec::is_empty);
        let left = cut(&part, attribute, value);
        // An empty list that is there as a whole says something (`groups`); one that was emptied by cutting does not.
        let says_nothing = match &left {
            Value::Array(list) => list.is_empty() && !is_empty_list,
            Value::Object(object) => object.is_empty(),
            _ => false,
        };
        if !says_nothing {
            into.insert(attribute.name.clone(), left);
        }
    }

    /// The whole value of an attribute, computed or as stored.
    fn value(&self, extension: Option<&Schema>, attribute: &Attribute) -> Option<Value> {
        let document = &self.resource.document;
        let stored = match extension {
            None => document.get(&attribute.name),
            Some(schema) => document.extension(&schema.id, &attribute.name),
        };
        let is_user = self.resource_type.kind == Kind::User;
        match (extension, attribute.name.as_str()) {
            (None, "schemas") => Some(self.schemas()),
            (None, "id") => Some(self.resource.id.to_string().into()),
            (None, "meta") => Some(self.meta()),
            (None, "groups") if is_user => Some(self.groups()),
            (None, "roles") if is_user && self.contract.shape == Shape::Flat => {
                user::effective_role(document).map(|role| json!([role.name()]))
            }
            (Some(schema), qa_group::OWNERS) if schema.id == qa_group::URN => {
                // As long as there are none, strict clients do not know the extension.
                let shown = self.contract.own_attributes_at_root || !self.owners.is_empty();
                shown.then(|| self.owners.iter().map(|owner| Value::from(owner.to_string())).collect())
            }
            (Some(schema), "manager") if schema.id == enterprise::URN => {
                stored.map(|manager| self.manager(manager))
            }
            _ if attribute.open => {
                let keys = stored?.as_object()?.iter().filter(|(key, _)| shows_key(self.contract, key));
                Some(Value::Object(keys.map(|(key, value)| (key.clone(), value.clone())).collect()))
            }
            _ => stored.cloned(),
        }
    }

    /// The core schema and the extensions the resource has on this contract: those that are shown by default,
    /// whatever the client has left out, and those it has asked for.
    fn schemas(&self) -> Value {
        let has = |schema: &&std::sync::Arc<Schema>| {
            let shown = |attribute: &std::sync::Arc<Attribute>| {
                self.has(schema, attribute)
                    && (matches!(attribute.returned, Returned::Always | Returned::Default)
                        || self.projection.part(Some(schema), attribute) != Part::Nothing)
            };
            !self.stands_at_root(schema) && schema.attributes.iter().any(shown)
        };
        let extensions = self.resource_type.extensions().filter(has);
        let urns = std::iter::once(&self.resource_type.schema).chain(extensions);
        urns.map(|schema| Value::from(schema.id.as_str())).collect()
    }

    /// Whether the resource has a value for an attribute of an extension.
    fn has(&self, schema: &Schema, attribute: &Attribute) -> bool {
        if schema.id == qa_group::URN && attribute.name == qa_group::OWNERS {
            return !self.owners.is_empty();
        }
        let value = self.resource.document.extension(&schema.id, &attribute.name);
        match value.and_then(Value::as_object).filter(|_| attribute.open) {
            // Keys that the contract cannot show make no extension.
            Some(map) => map.keys().any(|key| shows_key(self.contract, key)),
            None => value.is_some(),
        }
    }

    fn meta(&self) -> Value {
        let meta = &self.resource.meta;
        json!({
            "resourceType": self.resource_type.name,
            "created": time_text(meta.created),
            "lastModified": time_text(meta.modified),
            "location": self.location(&self.resource_type.endpoint, self.resource.id),
            "version": meta.version.etag(),
        })
    }

    fn groups(&self) -> Value {
        let groups = self.related.groups.get(&self.resource.id).map_or(&[][..], Vec::as_slice);
        let entry = |group: &super::Membership| {
            json!({
                "value": group.id.to_string(),
                "$ref": self.location(group.endpoint, group.id),
                "display": group.display,
                "type": "direct",
            })
        };
        groups.iter().map(entry).collect()
    }

    /// A manager who is a user of the tenant gets a reference and a name; any other is shown as stored.
    fn manager(&self, stored: &Value) -> Value {
        let mut manager = stored.clone();
        let found = user::manager_of(&self.resource.document)
            .and_then(|id| self.related.managers.get(&id).map(|display| (id, display)));
        if let Some((id, display)) = found {
            manager["$ref"] = self.location(&self.resource_type.endpoint, id).into();
            if let Some(display) = display {
                manager["displayName"] = display.as_str().into();
            }
        }
        manager
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

/// What is left of a value.
pub(super) fn cut(part: &Part<'_>, attribute: &Attribute, value: Value) -> Value {
    let is_plain = attribute.sub_attributes.iter().all(|sub| sub.returned == Returned::Default);
    match (part, value) {
        (Part::Everything | Part::Nothing, value) if is_plain => value,
        (_, Value::Array(list)) => {
            let cut = list.into_iter().map(|element| cut(part, attribute, element));
            cut.filter(|element| element.as_object().is_none_or(|object| !object.is_empty())).collect()
        }
        (_, Value::Object(object)) => {
            let sub_of = |name: &str| match attribute.sub(name).filter(|_| !attribute.open) {
                Some(sub) => Sub::Declared(sub.clone()),
                None => Sub::Key(name.to_owned()),
            };
            object.into_iter().filter(|(name, _)| part.has(&sub_of(name))).collect()
        }
        // A bare value (`"roles": ["grader"]`) is its own `value`.
        (_, bare) => bare,
    }
}
