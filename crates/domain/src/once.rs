//! What is written once and stays (RFC 7643 section 2.2, `immutable`), and what nobody is shown, so that nobody who
//! sends back what he was shown takes it away.

use serde_json::{Map, Value};

use crate::contract::Put;
use crate::document::Document;
use crate::path::Target;
use crate::resource_type::ResourceType;
use crate::schema::{Attribute, Mutability, Returned, Type};
use crate::{Error, Result, decode, index};

/// Whether a PUT without the attribute leaves it alone: the client cannot have meant to clear it.
pub(crate) fn outlasts(attribute: &Attribute) -> bool {
    attribute.mutability == Mutability::ReadOnly || stays(attribute) || attribute.returned == Returned::Never
}

fn stays(attribute: &Attribute) -> bool {
    attribute.mutability == Mutability::Immutable
}

/// Brings back what a PUT did not speak of and could not have: immutable attributes, and inside a single complex
/// attribute that was sent those sub-attributes that outlast a PUT. Unassigned means not sent where a PUT replaces
/// (RFC 7643 section 2.5); where it merges, it clears and is judged by [`check`].
pub(crate) fn bring_back(resource_type: &ResourceType, put: Put, before: &Document, after: &mut Document) {
    for target in Target::all(resource_type) {
        let attribute = &*target.attribute;
        let Some(old) = decode::current(before, &target) else { continue };
        if stays(attribute) && put == Put::Replace && decode::current(after, &target).is_none() {
            decode::put(after, &target, Some(old.clone()));
        }
        if !has_parts(attribute) {
            continue;
        }
        let (mut object, was_sent) = match decode::current(after, &target) {
            Some(Value::Object(object)) => (object.clone(), true),
            _ if put == Put::Replace => (Map::new(), false),
            _ => continue,
        };
        for sub in attribute.sub_attributes.iter().filter(|sub| stays(sub) || (was_sent && outlasts(sub))) {
            if let (None, Some(kept)) = (object.get(&sub.name), old.get(&sub.name)) {
                object.insert(sub.name.clone(), kept.clone());
            }
        }
        decode::put(after, &target, (!object.is_empty()).then_some(Value::Object(object)));
    }
}

/// [`Error::Mutability`] when something that is written once has changed or is gone. The same value in another
/// spelling is no change: what was there stays.
pub(crate) fn check(resource_type: &ResourceType, before: &Document, after: &mut Document) -> Result<()> {
    for target in Target::all(resource_type) {
        let attribute = &*target.attribute;
        let Some(old) = decode::current(before, &target) else { continue };
        if stays(attribute) {
            if !decode::current(after, &target).is_some_and(|new| is_same(attribute, old, new)) {
                return Err(refusal(&target));
            }
            decode::put(after, &target, Some(old.clone()));
        } else if has_parts(attribute) {
            for sub in attribute.sub_attributes.iter().filter(|sub| stays(sub)) {
                let Some(old) = old.get(&sub.name) else { continue };
                let mut object = decode::current(after, &target).and_then(Value::as_object).cloned();
                let new = object.as_mut().and_then(|object| object.get_mut(&sub.name));
                match new {
                    Some(new) if is_same(sub, old, new) => new.clone_from(old),
                    _ => return Err(refusal(&format_args!("{target}.{}", sub.name))),
                }
                decode::put(after, &target, object.map(Value::Object));
            }
        }
    }
    Ok(())
}

/// [`Error::Mutability`] when one of these sub-attributes of an element that is there is written once and would
/// change. A whole element may come and go.
pub(crate) fn check_element(
    target: &Target,
    element: &Map<String, Value>,
    subs: &[(String, Option<Value>)],
) -> Result<()> {
    for (name, new) in subs {
        let Some(sub) = target.attribute.sub(name).filter(|sub| stays(sub)) else { continue };
        let Some(old) = element.get(name) else { continue };
        if !new.as_ref().is_some_and(|new| is_same(sub, old, new)) {
            return Err(refusal(&format_args!("{}.{name}", Target { sub: None, ..target.clone() })));
        }
    }
    Ok(())
}

fn refusal(at: &dyn std::fmt::Display) -> Error {
    Error::Mutability(format!("{at} is immutable: it has a value and keeps it"))
}

/// A single object whose sub-attributes have rules of their own.
fn has_parts(attribute: &Attribute) -> bool {
    attribute.kind == Type::Complex && !attribute.multi_valued && !attribute.open
}

/// Whether two canonical values are the same by the rules of the attribute; the order of a list says nothing.
fn is_same(attribute: &Attribute, one: &Value, other: &Value) -> bool {
    match (one, other) {
        (Value::Array(one), Value::Array(other)) => {
            let mut left: Vec<&Value> = other.iter().collect();
            one.len() == other.len()
                && one.iter().all(|value| {
                    let place = left.iter().position(|candidate| is_same(attribute, value, candidate));
                    place.map(|place| left.swap_remove(place)).is_some()
                })
        }
        (Value::Object(one), Value::Object(other)) => {
            let same = |(name, value): (&String, &Value)| match (attribute.sub(name), other.get(name)) {
                (Some(sub), Some(other)) => is_same(sub, value, other),
                (_, other) => other == Some(value),
            };
            one.len() == other.len() && one.iter().all(same)
        }
        _ => {
            one == other
                || index::key_of(Some(attribute), one)
                    .is_some_and(|key| index::key_of(Some(attribute), other) == Some(key))
        }
    }
}
