//! What of a resource a reply shows, and in the form of which contract.

use std::collections::HashMap;

use serde_json::Value;

use crate::Result;
use crate::contract::Contract;
use crate::id::ResourceId;
use crate::resource::Resource;
use crate::resource_type::ResourceType;

/// The attributes a client asked for (RFC 7644 section 3.9).
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Projection {}

/// What a reply shows of other resources.
#[derive(Clone, Debug, Default)]
pub struct Related {
    /// Display names of the managers that are users of the tenant.
    pub managers: HashMap<ResourceId, Option<String>>,
}

impl Projection {
    /// Reads `attributes` and `excludedAttributes`.
    pub fn parse(resource_type: &ResourceType, attributes: &[String], excluded: &[String]) -> Result<Self> {
        let _ = (resource_type, attributes, excluded);
        Ok(Self {})
    }
}

impl Projection {
    /// Whether a reply shows the enterprise manager.
    pub fn wants_manager(&self) -> bool {
        true
    }
}

/// The manager of a user, where it is an id.
pub fn manager_of(document: &crate::document::Document) -> Option<ResourceId> {
    let _ = document;
    None
}

/// The resource as the contract writes it; `base` is the public URL of the contract's base path.
pub fn render(
    resource_type: &ResourceType,
    contract: &Contract,
    base: &str,
    resource: &Resource,
    related: &Related,
    projection: &Projection,
) -> Value {
    let _ = (resource_type, contract, base, resource, related, projection);
    Value::Null
}
