//! Resource types as values (RFC 7643 section 6): a second collection is a second value, not a second module. Here
//! are the standard ones; what a tenant has is in its [`crate::catalog::Catalog`].

use std::sync::{Arc, LazyLock};

use crate::principal::Area;
use crate::schema::{Schema, enterprise, group, qa_group, qa_user, user};

/// The rules beyond the schema that a type follows. Closed: tenant-defined types are [`Kind::Plain`].
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// A user: role, profile, tombstone and revival.
    User,
    /// A group: members and owners as rows; a bare member on the QA contract is this.
    Group(FlatMember),
    /// Nothing beyond its schema: a type that a tenant has defined.
    Plain,
}

/// What a member is where members are bare texts.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum FlatMember {
    /// The user name, an e-mail address there.
    UserName,
    /// The id.
    Id,
}

/// An extension of a resource type (RFC 7643 section 6, `schemaExtensions`).
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Extension {
    /// Its schema.
    pub schema: Arc<Schema>,
    /// Whether every resource of the type must have it.
    pub required: bool,
}

/// One collection: its place, its schema and its extensions.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ResourceType {
    /// Id and name, also `meta.resourceType` and the value in the database.
    pub name: String,
    /// The segment of the path, without a slash.
    pub endpoint: String,
    /// For people.
    pub description: String,
    /// The core schema.
    pub schema: Arc<Schema>,
    /// In the order in which they are shown.
    pub extensions: Vec<Extension>,
    /// The core attribute whose folded value is unique among the living of the type (`userName`); a type without
    /// one goes by its ids.
    pub name_attribute: Option<&'static str>,
    /// Other names clients use: written name, then URN and attribute of the extension it stands for.
    pub aliases: &'static [(&'static str, &'static str, &'static str)],
    /// Other URNs that clients use for the core schema.
    pub other_urns: &'static [&'static str],
    /// The right a credential needs.
    pub area: Area,
    /// The rules beyond the schema.
    pub kind: Kind,
    /// That of the [`crate::catalog::Catalog`] it is part of: a change that was judged by older definitions than
    /// the tenant has is not stored.
    pub revision: i64,
}

impl ResourceType {
    /// The extension with this URN, in any case.
    pub fn extension(&self, urn: &str) -> Option<&Arc<Schema>> {
        self.extensions().find(|schema| schema.id.eq_ignore_ascii_case(urn))
    }

    /// Whether clients name the core schema by this URN, in any case.
    pub fn is_core(&self, urn: &str) -> bool {
        self.core_urns().any(|known| known.eq_ignore_ascii_case(urn))
    }

    /// The URNs of the core schema: its own and the other ones.
    pub(crate) fn core_urns(&self) -> impl Iterator<Item = &str> {
        std::iter::once(self.schema.id.as_str()).chain(self.other_urns.iter().copied())
    }

    /// Every URN under which clients name a schema of the type, with the schema.
    pub(crate) fn urns(&self) -> impl Iterator<Item = (&str, &Arc<Schema>)> {
        let core = self.core_urns().map(|urn| (urn, &self.schema));
        core.chain(self.extensions().map(|schema| (schema.id.as_str(), schema)))
    }

    /// The core schema and the extensions.
    pub fn schemas(&self) -> impl Iterator<Item = &Arc<Schema>> {
        std::iter::once(&self.schema).chain(self.extensions())
    }

    /// The schemas of the extensions.
    pub fn extensions(&self) -> impl Iterator<Item = &Arc<Schema>> {
        self.extensions.iter().map(|extension| &extension.schema)
    }
}

fn optional(schema: &Arc<Schema>) -> Extension {
    Extension { schema: schema.clone(), required: false }
}

/// `/Users`.
pub static USER: LazyLock<Arc<ResourceType>> = LazyLock::new(|| {
    Arc::new(ResourceType {
        name: "User".into(),
        endpoint: "Users".into(),
        description: "User Account".into(),
        schema: user::SCHEMA.clone(),
        extensions: vec![optional(&enterprise::SCHEMA), optional(&qa_user::SCHEMA)],
        name_attribute: Some("userName"),
        // `profile` at the root is how the QA contract and Okta write it; `userAccessLevel` names the role in filters.
        aliases: &[
            ("profile", qa_user::URN, qa_user::PROFILE),
            ("userAccessLevel", qa_user::URN, qa_user::ROLE),
        ],
        other_urns: &[],
        area: Area::Users,
        kind: Kind::User,
        revision: 0,
    })
});

/// `/Groups`: agent groups.
pub static GROUP: LazyLock<Arc<ResourceType>> = LazyLock::new(|| {
    Arc::new(ResourceType {
        name: "Group".into(),
        endpoint: "Groups".into(),
        description: "Agent group".into(),
        schema: group::SCHEMA.clone(),
        extensions: vec![optional(&qa_group::SCHEMA)],
        name_attribute: Some("displayName"),
        aliases: &[("owners", qa_group::URN, qa_group::OWNERS)],
        other_urns: &[],
        area: Area::Groups,
        kind: Kind::Group(FlatMember::UserName),
        revision: 0,
    })
});

/// `/Usergroups`: user groups, a second value of the same kind.
pub static USERGROUP: LazyLock<Arc<ResourceType>> = LazyLock::new(|| {
    Arc::new(ResourceType {
        name: "Usergroup".into(),
        endpoint: "Usergroups".into(),
        description: "User group".into(),
        schema: group::USERGROUP_SCHEMA.clone(),
        extensions: vec![optional(&qa_group::SCHEMA)],
        name_attribute: Some("displayName"),
        aliases: &[("owners", qa_group::URN, qa_group::OWNERS)],
        other_urns: &[group::URN],
        area: Area::Usergroups,
        kind: Kind::Group(FlatMember::Id),
        revision: 0,
    })
});

/// What else stands below a base path: no type has its collection there.
pub const RESERVED: [&str; 7] =
    [".search", "Bulk", "Me", "ResourceTypes", "Roles", "Schemas", "ServiceProviderConfig"];

/// The resource types that every tenant has, in the order in which they are announced.
pub fn standard() -> [&'static Arc<ResourceType>; 3] {
    [&USER, &GROUP, &USERGROUP]
}
