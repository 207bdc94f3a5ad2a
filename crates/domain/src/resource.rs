//! A resource as the store holds it.

use serde_json::Value;

use crate::document::Document;
use crate::id::ResourceId;
use crate::key;
use crate::meta::Meta;
use crate::resource_type::ResourceType;

/// One stored resource of a tenant.
#[derive(Clone, Debug, PartialEq)]
pub struct Resource {
    /// Unique over all types of the tenant, never given twice.
    pub id: ResourceId,
    /// The attributes in canonical form.
    pub document: Document,
    /// Times and version.
    pub meta: Meta,
}

impl Resource {
    /// The unique name of the resource, as written; empty for a type that goes by ids.
    pub fn name(&self, resource_type: &ResourceType) -> &str {
        let name = resource_type.name_attribute.and_then(|attribute| self.document.text(attribute));
        name.unwrap_or_default()
    }

    /// The name to show.
    pub fn display(&self) -> Option<&str> {
        self.document.text("displayName")
    }

    /// The key under which the name of the resource is unique among the living of its type.
    pub fn name_key(&self, resource_type: &ResourceType) -> String {
        match resource_type.name_attribute {
            Some(_) => key::fold(self.name(resource_type)),
            None => self.id.to_string(),
        }
    }

    /// The id the client gave it.
    pub fn external_id(&self) -> Option<&str> {
        self.document.get("externalId").and_then(Value::as_str)
    }
}
