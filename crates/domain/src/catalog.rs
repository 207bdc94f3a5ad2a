//! What a tenant's resources are: the resource types that every tenant has and those that it has defined itself.

use std::sync::{Arc, LazyLock};

use crate::resource_type::{self, ResourceType};

/// The resource types of one tenant, with their schemas.
#[derive(Debug, PartialEq, Eq)]
pub struct Catalog {
    types: Vec<Arc<ResourceType>>,
    revision: i64,
}

impl Catalog {
    /// That of a tenant that has defined nothing.
    pub fn standard() -> Arc<Self> {
        static STANDARD: LazyLock<Arc<Catalog>> = LazyLock::new(|| {
            let types = resource_type::standard().into_iter().cloned().collect();
            Arc::new(Catalog { types, revision: 0 })
        });
        STANDARD.clone()
    }

    /// That of a tenant with definitions of its own: the standard types first, each as the tenant has extended it.
    pub(crate) fn new(types: Vec<Arc<ResourceType>>, revision: i64) -> Self {
        Self { types, revision }
    }

    /// How many times the tenant had changed its definitions when these were read; 0 for one that never did.
    pub fn revision(&self) -> i64 {
        self.revision
    }

    /// The type with this name.
    pub fn named(&self, name: &str) -> Option<&Arc<ResourceType>> {
        self.types.iter().find(|resource_type| resource_type.name == name)
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

    /// The type of groups.
    pub fn group(&self) -> &Arc<ResourceType> {
        &self.types[1]
    }
}
