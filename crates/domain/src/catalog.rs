//! What a tenant's resources are: the resource types that every tenant has and those that it has defined itself.

use std::sync::{Arc, LazyLock};

use crate::resource_type::{self, ResourceType};

/// The resource types of one tenant, with their schemas.
#[derive(Debug, PartialEq, Eq)]
pub struct Catalog {
    types: Vec<Arc<ResourceType>>,
}

impl Catalog {
    /// That of a tenant that has defined nothing.
    pub fn standard() -> Arc<Self> {
        static STANDARD: LazyLock<Arc<Catalog>> = LazyLock::new(|| {
            Arc::new(Catalog { types: resource_type::standard().into_iter().cloned().collect() })
        });
        STANDARD.clone()
    }

    /// In the order in which they are announced.
    pub fn types(&self) -> &[Arc<ResourceType>] {
        &self.types
    }

    /// The type at this segment of the path; names are case-sensitive.
    pub fn at(&self, endpoint: &str) -> Option<&Arc<ResourceType>> {
        self.types.iter().find(|resource_type| resource_type.endpoint == endpoint)
    }

    /// The type of users.
    pub fn user(&self) -> &Arc<ResourceType> {
        // Every catalog begins with the standard types, in their order.
        &self.types[0]
    }
}
