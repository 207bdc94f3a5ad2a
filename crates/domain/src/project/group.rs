//! A group as a contract writes it. Its members may be too many for memory, so a group is a frame of text and the
//! members are written into it one by one.

use super::fields::Fields;
use super::render::{Page, cut};
use super::source::Source;
use super::{Part, Projection, Related};
use crate::Result;
use crate::contract::{Contract, Shape};
use crate::group::Entry;
use crate::id::ResourceId;
use crate::path::Sub;
use crate::resource_type::{FlatMember, Kind, ResourceType};
use crate::schema::{Attribute, group};

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
///
/// In order: `schemas`, `id`, `externalId`, `displayName`, `members`, `owners` on the QA contract, extensions, `meta`.
///
/// # Errors
/// As of [`super::render()`].
pub fn frame(
    resource_type: &ResourceType,
    contract: &Contract,
    base: &str,
    source: &Source<'_>,
    owners: &[ResourceId],
    projection: &Projection,
) -> Result<Frame> {
    let related = Related::default();
    let page = Page::new(resource_type, contract, base, source, &related, owners, projection);
    let (mut before, mut behind) = (Fields::default(), Fields::default());
    let mut shows_members = false;
    page.show_identity(&mut before)?;
    for attribute in &resource_type.schema.attributes {
        if attribute.name == group::MEMBERS {
            shows_members = shows(contract, attribute, &projection.part(None, attribute));
        } else {
            page.show(&mut before, None, attribute)?;
        }
    }
    page.show_rest(&mut behind)?;
    let mut head = format!("{{{}", before.text);
    let mut tail = String::new();
    if shows_members {
        // There is always an `id` before it.
        head.push_str(",\"members\":[");
        tail.push(']');
    }
    if !behind.text.is_empty() {
        tail.push(',');
        tail.push_str(&behind.text);
    }
    tail.push('}');
    Ok(Frame { head, tail, shows_members })
}

/// Whether the projection leaves anything of a member. A bare one is its own `value` and cannot be cut.
fn shows(contract: &Contract, members: &Attribute, part: &Part<'_>) -> bool {
    match contract.shape {
        Shape::Flat => *part != Part::Nothing,
        Shape::Objects => members.sub_attributes.iter().any(|sub| part.has(&Sub::Declared(sub.clone()))),
    }
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
    let value = match (contract.shape, resource_type.kind) {
        (Shape::Flat, Kind::Group(FlatMember::UserName)) => member.user_name.as_str().into(),
        (Shape::Flat, _) => member.user.to_string().into(),
        (Shape::Objects, _) => match resource_type.schema.attribute(group::MEMBERS) {
            Some(members) => cut(&projection.part(None, members), members, member.as_object(base)),
            None => member.as_object(base),
        },
    };
    into.push_str(&value.to_string());
}

#[cfg(test)]
mod tests;
