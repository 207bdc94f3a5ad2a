//! The core Group schema (RFC 7643 section 4.2) and its twin for user groups.

use std::sync::{Arc, LazyLock};

use super::build::{complex, reference, string};
use super::{Attribute, Schema};
use crate::limits;

/// The URN of the core Group schema.
pub const URN: &str = "urn:ietf:params:scim:schemas:core:2.0:Group";
/// The URN of the schema of user groups.
pub const USERGROUP_URN: &str = "urn:rollcall:params:scim:schemas:core:2.0:Usergroup";
/// The attribute that holds the members.
pub const MEMBERS: &str = "members";

/// Agent groups.
pub static SCHEMA: LazyLock<Arc<Schema>> = LazyLock::new(|| schema(URN, "Group", "Agent group"));
/// User groups: the same attributes under a URN of their own.
pub static USERGROUP_SCHEMA: LazyLock<Arc<Schema>> =
    LazyLock::new(|| schema(USERGROUP_URN, "Usergroup", "User group"));

/// A list of users: what one of them is follows from its value, as in RFC 7643 section 8.7.1.
pub(super) fn members(description: &str) -> Attribute {
    complex(
        MEMBERS,
        description,
        vec![
            string("value", "The id of the user; a user name or external id is accepted.")
                .case_exact()
                .immutable(),
            reference("$ref", &["User"], "The URI of the user.").immutable(),
            string("display", "The name of the user.").read_only(),
            string("type", "What the member is.").canonical(&["User"]).immutable(),
        ],
    )
    .multi_valued()
}

fn schema(id: &str, name: &str, description: &str) -> Arc<Schema> {
    let attributes = vec![
        string("displayName", "The name of the group; unique among its kind without regard to case.")
            .required()
            .unique()
            .max_chars(limits::NAME_CHARS),
        members("The users in the group. Groups do not nest."),
    ];
    Arc::new(Schema {
        id: id.into(),
        name: name.into(),
        description: description.into(),
        attributes: attributes.into_iter().map(Arc::new).collect(),
    })
}
