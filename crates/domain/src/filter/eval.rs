//! Evaluating a filter in memory: the reference for what the databases do, and how PATCH finds elements.

use serde_json::Value;

use super::Filter;
use crate::resource::Resource;
use crate::resource_type::ResourceType;

impl Filter {
    /// Whether the resource satisfies the filter.
    pub fn matches(&self, resource_type: &ResourceType, resource: &Resource) -> bool {
        let _ = (resource_type, resource);
        false
    }

    /// Whether one element of a complex attribute satisfies a filter over its sub-attributes.
    pub fn matches_element(&self, element: &Value) -> bool {
        let _ = element;
        false
    }
}
