//! A group as a contract writes it. Its members may be too many for memory, so a group is a frame of text and the
//! members are written into it one by one.

use super::fields::Fields;
use super::render::{Page, cut, is_whole};
use super::source::{Source, write_text};
use super::{Part, Projection, Related};
use crate::Result;
use crate::contract::{Contract, Shape};
use crate::group::Entry;
use crate::id::ResourceId;
use crate::path::Sub;
use crate::resource_type::{FlatMember, Kind, ResourceType, USER};
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

/// How the members of a group are written, which is the same for each of them.
pub struct Members<'a> {
    base: &'a str,
    form: Form<'a>,
}

/// What of a member is written.
enum Form<'a> {
    /// Its user name.
    Name,
    /// Its id.
    Id,
    /// All of the object; this is the text of `$ref` up to the id.
    Object(String),
    /// What this part leaves of the object.
    Cut(&'a Attribute, Part<'a>),
}

impl<'a> Members<'a> {
    /// As this projection shows them; `base` is the public URL of the contract's base path.
    pub fn new(
        resource_type: &'a ResourceType,
        contract: &Contract,
        base: &'a str,
        projection: &'a Projection,
    ) -> Self {
        let members = resource_type.schema.attribute(group::MEMBERS);
        let part = members.map(|members| (members, projection.part(None, members)));
        let form = match (contract.shape, resource_type.kind, part) {
            (Shape::Flat, Kind::Group(FlatMember::UserName), _) => Form::Name,
            (Shape::Flat, ..) => Form::Id,
            (Shape::Objects, _, Some((members, part))) if !is_whole(&part, members) => {
                Form::Cut(members, part)
            }
            (Shape::Objects, ..) => {
                let mut reference = String::new();
                write_text(&mut reference, &format!("{base}/{}/", USER.endpoint));
                reference.pop();
                Form::Object(reference)
            }
        };
        Self { base, form }
    }

    /// Appends the JSON text of one.
    pub fn write(&self, into: &mut String, member: &Entry) {
        match &self.form {
            Form::Name => write_text(into, &member.user_name),
            Form::Id => {
                into.push('"');
                member.user.push_to(into);
                into.push('"');
            }
            Form::Object(reference) => write_object(into, reference, member),
            Form::Cut(members, part) => {
                let left = cut(part, members, member.as_object(self.base));
                into.push_str(&left.to_string());
            }
        }
    }
}

/// [`Entry::as_object`] as text: groups have many members.
fn write_object(into: &mut String, reference: &str, member: &Entry) {
    into.push_str("{\"value\":\"");
    member.user.push_to(into);
    into.push_str("\",\"$ref\":");
    into.push_str(reference);
    member.user.push_to(into);
    into.push('"');
    if let Some(display) = member.shown_name() {
        into.push_str(",\"display\":");
        write_text(into, display);
    }
    into.push_str(",\"type\":");
    write_text(into, &USER.name);
    into.push('}');
}

#[cfg(test)]
mod tests;
