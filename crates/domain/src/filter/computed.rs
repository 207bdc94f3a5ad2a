//! Attributes that no document holds. `schemas` and `meta` follow from the type, the id or the version:
//! comparisons with them become comparisons with what is stored, or constants, so that whoever evaluates a filter
//! has no special cases. `members` and `owners` of groups and `groups` of users are rows of their own, of which
//! only the id is known to a filter: what remains of them here is a comparison of one id, or its presence.

use std::sync::Arc;

use super::parse::Scope;
use super::{Filter, Op};
use crate::group::List;
use crate::key::Key;
use crate::meta::Version;
use crate::path::{Sub, Target};
use crate::resource_type::{Kind, ResourceType};
use crate::schema::{Schema, qa_group};
use crate::{Error, Result};

/// Characters of an id (a UUID in its canonical form).
const ID_CHARS: usize = 36;

/// The filter that a comparison means.
pub(super) fn compare(scope: &Scope<'_>, target: Target, op: Op, key: Key) -> Result<Filter> {
    match name(&target) {
        ("schemas", None) => schemas(scope, op, key.body()),
        ("meta", Some("resourceType")) => {
            Ok(Filter::Constant(op.holds(&Key::text(&scope.resource_type.name, true), &key)))
        }
        ("meta", Some("location")) => location(scope, op, key.body()),
        ("meta", Some("version")) => version(target, op, key.body()),
        _ => Ok(Filter::Compare { target, op, key }),
    }
}

/// The filter that `pr` means: what the server writes into every resource is always there.
pub(super) fn present(resource_type: &ResourceType, target: Target) -> Filter {
    match name(&target) {
        ("schemas" | "id" | "meta", _) => Filter::Constant(true),
        // Every entry has a value.
        _ if is_related(resource_type, &target) => Filter::Present(Target { sub: None, ..target }),
        _ => Filter::Present(target),
    }
}

/// One element of `list` satisfies the filter. Every resource has exactly one `meta`, and it is no list
/// anywhere: what holds for its element holds for the resource.
pub(super) fn element(resource_type: &ResourceType, list: Target, filter: Filter) -> Result<Filter> {
    match name(&list) {
        ("meta", _) => Ok(filter),
        _ if !is_related(resource_type, &list) => Ok(Filter::Element { list, filter: Box::new(filter) }),
        _ if distributes(&filter) => Ok(filter),
        _ => Err(Error::InvalidFilter(format!("`{list}[…]` takes comparisons of `value`, joined by `or`"))),
    }
}

/// Whether "one element satisfies it" is the same as the filter without the element. So it is for a comparison
/// and for `or`; not for `and`, which could be satisfied by two elements, and not for what negates, which would
/// speak of all elements.
fn distributes(filter: &Filter) -> bool {
    match filter {
        Filter::Or(parts) => parts.iter().all(distributes),
        Filter::Compare { op, .. } => *op != Op::Ne,
        Filter::Present(_) => true,
        _ => false,
    }
}

/// Whether the attribute holds references that are rows of their own: members, owners, and the groups of a user.
pub fn is_related(resource_type: &ResourceType, target: &Target) -> bool {
    let is_groups = target.extension.is_none() && target.attribute.name == "groups";
    List::of(resource_type, target).is_some() || (resource_type.kind == Kind::User && is_groups)
}

/// Attribute and sub-attribute; empty for an attribute of an extension, where nothing is computed.
fn name(target: &Target) -> (&str, Option<&str>) {
    match (&target.extension, &target.sub) {
        (None, None) => (&target.attribute.name, None),
        (None, Some(Sub::Declared(sub))) => (&target.attribute.name, Some(&sub.name)),
        _ => ("", None),
    }
}

/// The core schema is on every resource, an extension where the resource has attributes of it. URNs match
/// without regard to case, as they do in attribute names (RFC 7643 section 2.1).
fn schemas(scope: &Scope<'_>, op: Op, wanted: &str) -> Result<Filter> {
    let wanted = Key::text(wanted, false);
    let one_of = |op: Op| {
        let holds = |urn: &str| op.holds(&Key::text(urn, false), &wanted);
        let core = Filter::Constant(holds(&scope.resource_type.schema.id));
        let extensions = scope.resource_type.extensions().filter(|schema| holds(&schema.id));
        let has = |schema: &Arc<Schema>| match Target::resolve(scope.resource_type, qa_group::OWNERS) {
            // A group has the extension when it has owners.
            Some(owners) if schema.id == qa_group::URN => Filter::Present(owners),
            _ => Filter::HasExtension(schema.clone()),
        };
        Filter::any(std::iter::once(core).chain(extensions.map(has)).collect())
    };
    match op {
        Op::Eq | Op::Co | Op::Sw | Op::Ew => Ok(one_of(op)),
        Op::Ne => Ok(one_of(Op::Eq).negated()),
        Op::Gt | Op::Ge | Op::Lt | Op::Le => {
            Err(Error::InvalidFilter("`schemas` is a set of URNs and has no order".into()))
        }
    }
}

/// Only equality means something for an entity tag (RFC 9110 section 8.8.3); one we never made equals nothing.
fn version(target: Target, op: Op, tag: &str) -> Result<Filter> {
    if !matches!(op, Op::Eq | Op::Ne) {
        return Err(Error::InvalidFilter("`meta.version` is opaque: use eq or ne".into()));
    }
    let ours = Version::parse(tag).filter(|version| {
        let weak = version.etag();
        tag == weak || weak.strip_prefix("W/") == Some(tag)
    });
    Ok(match ours {
        Some(version) => Filter::Compare { target, op, key: Key::text(&version.0.to_string(), true) },
        None => Filter::Constant(op == Op::Ne),
    })
}

/// `meta.location` is a constant followed by the id: what is wanted is cut at that border. Case-exact, like
/// every reference (RFC 7643 section 2.3.7).
fn location(scope: &Scope<'_>, op: Op, wanted: &str) -> Result<Filter> {
    let prefix = scope.location;
    let target = Target::resolve(scope.resource_type, "id")
        .ok_or_else(|| Error::internal("the common attribute `id` is missing"))?;
    let id = |op, text: &str| Filter::Compare { target: target.clone(), op, key: Key::text(text, true) };
    let never = Filter::Constant(false);
    let always = Filter::Constant(true);
    let after_prefix = wanted.strip_prefix(prefix);
    Ok(match op {
        Op::Eq => after_prefix.map_or(never, |rest| id(op, rest)),
        Op::Ne => after_prefix.map_or(always, |rest| id(op, rest)),
        Op::Sw if prefix.starts_with(wanted) => always,
        Op::Sw => after_prefix.map_or(never, |rest| id(op, rest)),
        Op::Ew => match wanted.len().checked_sub(ID_CHARS) {
            None => id(op, wanted),
            Some(cut) => match wanted.split_at_checked(cut) {
                Some((head, tail)) if prefix.ends_with(head) => id(Op::Eq, tail),
                _ => never,
            },
        },
        Op::Co if prefix.contains(wanted) => always,
        Op::Co => {
            let inside = (wanted.len() <= ID_CHARS).then(|| id(op, wanted));
            // Of a text across the border the first part ends the prefix and the second begins the id.
            let shortest_head = wanted.len().saturating_sub(ID_CHARS).max(1);
            let across = (shortest_head..wanted.len())
                .filter_map(|cut| wanted.split_at_checked(cut))
                .filter(|(head, tail)| prefix.ends_with(head) && may_begin_id(tail))
                .map(|(_, tail)| id(Op::Sw, tail));
            Filter::any(inside.into_iter().chain(across).collect())
        }
        Op::Gt | Op::Ge | Op::Lt | Op::Le => match after_prefix {
            Some(rest) => id(op, rest),
            // The order is settled before the id begins, whatever the id is.
            None => Filter::Constant(op.holds(&Key::text(prefix, true), &Key::text(wanted, true))),
        },
    })
}

fn may_begin_id(text: &str) -> bool {
    text.bytes().all(|byte| matches!(byte, b'0'..=b'9' | b'a'..=b'f' | b'-'))
}
