//! The schema of the six roles, so that what `/Roles` shows is declared. A role is no resource type: nobody makes one.

use std::sync::{Arc, LazyLock};

use super::build::{attribute, string};
use super::{Returned, Schema, Type, group};
use crate::contract::{Contract, Shape};

/// The URN of the schema of roles.
pub const URN: &str = "urn:rollcall:params:scim:schemas:core:2.0:Role";
/// The attribute that says how many users have the role.
pub const MEMBER_COUNT: &str = "memberCount";

/// Roles, with their members as objects.
pub static SCHEMA: LazyLock<Arc<Schema>> = LazyLock::new(|| schema(Shape::Objects));
/// Roles, with the ids of their members.
static FLAT: LazyLock<Arc<Schema>> = LazyLock::new(|| schema(Shape::Flat));

/// The schema of roles as the contract writes them.
pub fn role_schema(contract: &Contract) -> &'static Arc<Schema> {
    match contract.shape {
        Shape::Objects => &SCHEMA,
        Shape::Flat => &FLAT,
    }
}

fn schema(shape: Shape) -> Arc<Schema> {
    const MEMBERS: &str = "The users who have the role; each user has one.";
    let members = match shape {
        Shape::Objects => group::members(MEMBERS),
        Shape::Flat => string(group::MEMBERS, MEMBERS).case_exact().multi_valued(),
    };
    let attributes = vec![
        string("id", "The name of the role.").case_exact().read_only().unique().returned(Returned::Always),
        string("displayName", "The name of the role for people.").read_only(),
        attribute(MEMBER_COUNT, Type::Integer, "How many users have the role.").read_only(),
        members,
    ];
    Arc::new(Schema {
        id: URN.into(),
        name: "Role".into(),
        description: "Role on the platform".into(),
        attributes: attributes.into_iter().map(Arc::new).collect(),
    })
}
