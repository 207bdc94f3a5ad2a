//! A group as a contract writes it. Its members may be too many for memory, so a group is a frame of text and the
//! members are written into it one by one.

use crate::contract::Contract;
use crate::group::Entry;
use crate::id::ResourceId;
use crate::resource::Resource;
use crate::resource_type::ResourceType;

use super::Projection;

/// The JSON text of a group around its members.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Frame {
    /// Up to the members; ends behind the opening bracket of their array when they are shown.
    pub head: String,
    /// From the closing bracket on; the rest, when they are not shown.
    pub tail: String,
    /// Whether the members, separated by commas, stand between the two.
    pub shows_members: bool,
}

/// The frame of a group; `owners` are the ids of its owners.
pub fn frame(
    resource_type: &ResourceType,
    contract: &Contract,
    base: &str,
    resource: &Resource,
    owners: &[ResourceId],
    projection: &Projection,
) -> Frame {
    let _ = (resource_type, contract, base, resource, owners, projection);
    Frame { head: String::new(), tail: String::new(), shows_members: false }
}

/// Appends the JSON text of one member.
pub fn write_member(
    into: &mut String,
    resource_type: &ResourceType,
    contract: &Contract,
    base: &str,
    member: &Entry,
    projection: &Projection,
) {
    let _ = (resource_type, contract, base, member, projection);
    into.push_str("null");
}
