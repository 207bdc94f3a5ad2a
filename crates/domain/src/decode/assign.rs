//! Bringing one attribute into a document, or out of it.

use serde_json::{Map, Value};

use super::value::{Subs, coerce, collect, complex, elements, invalid, unwrap};
use super::{list, profile};
use crate::document::Document;
use crate::filter::Filter;
use crate::index;
use crate::key::Key;
use crate::path::{Sub, Target};
use crate::schema::{Attribute, Returned, Type};
use crate::{Error, Result, once};

/// How a value meets the one that is there.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Mode {
    /// It takes its place (POST, PUT).
    Whole,
    /// An object changes the sub-attributes it names, anything else takes its place (PATCH replace).
    Merge,
    /// As [`Mode::Merge`], but the elements of a list join those that are there (PATCH add).
    Append,
}

/// The elements of a complex attribute that an operation means.
#[derive(Debug, Default)]
pub(crate) struct Selection<'a> {
    /// Those that satisfy it; none: all.
    pub(crate) filter: Option<&'a Filter>,
    /// What an element must have at least to satisfy it.
    pub(crate) seed: Map<String, Value>,
}

impl Selection<'_> {
    fn has(&self, element: &Value) -> bool {
        self.filter.is_none_or(|filter| filter.matches_element(element))
    }
}

/// The present value of the whole attribute.
pub(crate) fn current<'a>(document: &'a Document, target: &Target) -> Option<&'a Value> {
    match &target.extension {
        None => document.get(&target.attribute.name),
        Some(schema) => document.extension(&schema.id, &target.attribute.name),
    }
}

/// Sets or clears the whole attribute.
pub(crate) fn put(document: &mut Document, target: &Target, value: Option<Value>) {
    match &target.extension {
        None => document.set(&target.attribute.name, value),
        Some(schema) => document.set_extension(&schema.id, &target.attribute.name, value),
    }
}

/// Brings what a client sent for an attribute, a sub-attribute or a key into the document. The map of an open
/// attribute is merged in every mode. A sub-attribute of a list without filter (`emails.type`) is one of every
/// element.
pub(crate) fn assign(document: &mut Document, target: &Target, raw: &Value, mode: Mode) -> Result<()> {
    let attribute = &*target.attribute;
    match &target.sub {
        Some(Sub::Key(key)) => return assign_keys(document, target, [(key.as_str(), raw)]),
        Some(Sub::Declared(_)) => return change(document, target, &Selection::default(), raw, false),
        None => {}
    }
    let list_grows = attribute.multi_valued && mode == Mode::Append;
    let object_merges = attribute.kind == Type::Complex && !attribute.multi_valued && mode != Mode::Whole;
    if attribute.open {
        match unwrap(target, raw)? {
            Value::Null => put(document, target, None),
            Value::Object(object) => {
                assign_keys(document, target, object.iter().map(|(key, raw)| (key.as_str(), raw)))?;
            }
            _ => return Err(invalid(target, "must be an object")),
        }
    } else if list_grows {
        let mut all = elements_of(document, target);
        all.extend(elements(target, attribute, raw)?);
        put(document, target, list::tidy(target, all, None)?);
    } else if object_merges {
        change(document, target, &Selection::default(), raw, false)?;
    } else {
        put(document, target, coerce(target, attribute, raw)?);
    }
    Ok(())
}

/// Merges an object into the selected elements, or with `replace` makes it take their place. With a sub-attribute
/// in the target the value is that of the sub-attribute. Unassigned objects remove the elements.
///
/// When there is no such element one is made of the selection: Entra ID builds `addresses[type eq "work"]` out of
/// one operation for each sub-attribute. RFC 7644 section 3.5.2.3 has `noTarget` here; it stays for filters that
/// no single element could be made from.
pub(crate) fn change(
    document: &mut Document,
    target: &Target,
    selection: &Selection<'_>,
    raw: &Value,
    replace: bool,
) -> Result<()> {
    let attribute = &*target.attribute;
    let whole = Target { sub: None, ..target.clone() };
    let subs = match &target.sub {
        Some(Sub::Declared(sub)) => {
            let object = Map::from_iter([(sub.name.clone(), raw.clone())]);
            complex(&whole, attribute, &Value::Object(object))?
        }
        Some(Sub::Key(_)) | None => complex(&whole, attribute, unwrap(&whole, raw)?)?,
    };
    let Some(subs) = subs else {
        remove_elements(document, target, selection);
        return Ok(());
    };
    // The seed comes from a path, which knows nothing of the limits of a value.
    let seed = complex(&whole, attribute, &Value::Object(selection.seed.clone()))?.and_then(collect);
    let seed = seed.map_or_else(Map::new, into_object);
    let mut changed = Vec::new();
    let mut found = false;
    let mut primary = None;
    for element in elements_of(document, target) {
        if !selection.has(&element) {
            changed.push(element);
            continue;
        }
        found = true;
        let base = if replace { seed.clone() } else { into_object(element) };
        if !replace {
            once::check_element(target, &base, &subs)?;
        }
        if let Some(element) = merge(attribute, base, &subs) {
            primary = (element["primary"] == true).then_some(changed.len()).or(primary);
            changed.push(element);
        }
    }
    if !found && subs.iter().any(|(_, value)| value.is_some()) {
        let fits = changed.is_empty() || attribute.multi_valued;
        if selection.filter.is_some() && !(fits && selection.has(&Value::Object(seed.clone()))) {
            return Err(Error::NoTarget(format!("no element of {whole} satisfies the filter of the path")));
        }
        if let Some(element) = merge(attribute, seed, &subs) {
            primary = (element["primary"] == true).then_some(changed.len());
            changed.push(element);
        }
    }
    put_elements(document, &whole, changed, primary)
}

/// Removes the selected elements.
pub(crate) fn remove_elements(document: &mut Document, target: &Target, selection: &Selection<'_>) {
    let mut left = elements_of(document, target);
    left.retain(|element| !selection.has(element));
    // Fewer elements than before break no rule of lists.
    put(document, target, as_value(target, left));
}

/// Removes the elements that are named by value, and by type where one is given: Entra ID and authentik send
/// `remove` with a list of the elements they mean, where RFC 7644 section 3.5.2.2 would empty the attribute.
pub(crate) fn remove_values(document: &mut Document, target: &Target, raw: &Value) -> Result<()> {
    let attribute = &*target.attribute;
    // As with a filter: whether something was removed would tell the value.
    if attribute.returned == Returned::Never {
        return Err(Error::NoTarget(format!("{target} is never returned: it is removed as a whole")));
    }
    let named: Vec<Vec<(String, Key)>> =
        elements(target, attribute, raw)?.iter().map(|element| identity(attribute, element)).collect();
    let mut left = elements_of(document, target);
    left.retain(|element| {
        let own = keys(attribute, element);
        !named.iter().any(|named| !named.is_empty() && named.iter().all(|pair| own.contains(pair)))
    });
    put(document, target, as_value(target, left));
    Ok(())
}

/// Unassigns what the target names: the attribute, its sub-attribute in all selected elements, or a key.
pub(crate) fn clear(document: &mut Document, target: &Target, selection: &Selection<'_>) -> Result<()> {
    match &target.sub {
        None => {
            remove_elements(document, target, selection);
            Ok(())
        }
        Some(_) if current(document, target).is_none() => Ok(()),
        Some(Sub::Key(key)) => assign_keys(document, target, [(key.as_str(), &Value::Null)]),
        Some(Sub::Declared(_)) => change(document, target, selection, &Value::Null, false),
    }
}

fn assign_keys<'a>(
    document: &mut Document,
    target: &Target,
    sent: impl IntoIterator<Item = (&'a str, &'a Value)>,
) -> Result<()> {
    let whole = Target { sub: None, ..target.clone() };
    let mut map = match current(document, target) {
        Some(Value::Object(map)) => map.clone(),
        _ => Map::new(),
    };
    profile::merge(&whole, &target.attribute, &mut map, sent)?;
    put(document, target, (!map.is_empty()).then_some(Value::Object(map)));
    Ok(())
}

/// The element with the sub-attributes set and removed; `None` when removing has left nothing that says anything:
/// labels alone (`type`, `primary`, `display`) are no entry of a list.
fn merge(attribute: &Attribute, mut element: Map<String, Value>, subs: &Subs) -> Option<Value> {
    let sent = |name: &str| subs.iter().find(|(sub, _)| sub == name).map(|(_, value)| value.as_ref());
    // A reference belongs to the value it came with.
    if sent("value").is_some_and(|value| value != element.get("value")) && sent("$ref").is_none() {
        element.shift_remove("$ref");
    }
    let mut removed = false;
    for (name, value) in subs {
        if let Some(value) = value {
            element.insert(name.clone(), value.clone());
        } else {
            element.shift_remove(name);
            removed = true;
        }
    }
    let is_label = |name: &String| matches!(name.as_str(), "type" | "primary" | "display");
    let only_labels = attribute.multi_valued && element.keys().all(is_label);
    let nothing = element.is_empty() || (removed && only_labels);
    (!nothing).then_some(Value::Object(element))
}

/// The elements of a list; a single value is a list of one here.
fn elements_of(document: &Document, target: &Target) -> Vec<Value> {
    match current(document, target) {
        None => Vec::new(),
        Some(Value::Array(list)) => list.clone(),
        Some(single) => vec![single.clone()],
    }
}

fn put_elements(
    document: &mut Document,
    target: &Target,
    elements: Vec<Value>,
    primary: Option<usize>,
) -> Result<()> {
    let value = match target.attribute.multi_valued {
        true => list::tidy(target, elements, primary)?,
        false => as_value(target, elements),
    };
    put(document, target, value);
    Ok(())
}

fn as_value(target: &Target, mut elements: Vec<Value>) -> Option<Value> {
    if target.attribute.multi_valued {
        (!elements.is_empty()).then_some(Value::Array(elements))
    } else {
        elements.pop()
    }
}

fn into_object(element: Value) -> Map<String, Value> {
    match element {
        Value::Object(object) => object,
        _ => Map::new(),
    }
}

/// What tells an element from others: type and value; all of it when it has no value.
fn identity(attribute: &Attribute, element: &Value) -> Vec<(String, Key)> {
    let mut keys = keys(attribute, element);
    if keys.iter().any(|(name, _)| name == "value") {
        keys.retain(|(name, _)| name == "value" || name == "type");
    }
    keys
}

/// The comparable forms of an element, by sub-attribute; a simple element is its own value.
fn keys(attribute: &Attribute, element: &Value) -> Vec<(String, Key)> {
    let of_sub = |(name, value): (&String, &Value)| {
        // What nobody is shown tells nothing apart.
        let sub = attribute.sub(name).filter(|sub| sub.returned != Returned::Never)?;
        index::key_of(Some(sub), value).map(|key| (name.clone(), key))
    };
    match element {
        Value::Object(object) => object.iter().filter_map(of_sub).collect(),
        simple => {
            index::key_of(Some(attribute), simple).map(|key| ("value".into(), key)).into_iter().collect()
        }
    }
}
