//! What one resource is looked up by.

use crate::id::ResourceId;
use crate::index::Column;
use crate::key::Key;
use crate::resource_type::ResourceType;

/// What one resource is looked up by.
#[derive(Clone, Copy, Debug)]
pub enum By<'a> {
    /// Its id.
    Id(ResourceId),
    /// A value in a column of which no two living resources of a type have the same; see [`crate::filter::unique`].
    Unique(Column, &'a Key),
}

/// [`By`] and the type, kept until it is asked together with others.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LookUp {
    /// The name of the type.
    pub resource_type: String,
    column: Column,
    key: Key,
}

impl LookUp {
    /// Of a resource of this type.
    pub fn new(resource_type: &ResourceType, by: By<'_>) -> Self {
        let (column, key) = match by {
            By::Id(id) => (Column::Id, Key::text(&id.to_string(), true)),
            By::Unique(column, key) => (column, key.clone()),
        };
        Self { resource_type: resource_type.name.clone(), column, key }
    }

    /// What it is looked up by.
    pub fn by(&self) -> By<'_> {
        By::Unique(self.column, &self.key)
    }

    /// Whether one statement can answer both.
    pub fn is_like(&self, other: &Self) -> bool {
        self.column == other.column && self.resource_type == other.resource_type
    }
}
