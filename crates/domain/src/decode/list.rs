//! The rules of a multi-valued attribute (RFC 7643 section 2.4).

use std::collections::HashMap;
use std::fmt::Display;

use serde_json::Value;

use super::value::invalid;
use crate::{Result, limits};

/// The list that these elements make, `None` when there are none.
///
/// "The primary attribute value 'true' MUST appear no more than once": `chosen` keeps it, else the last one that
/// has it. Elements with the same type and value collapse into the first of them, the later word on every
/// sub-attribute winning; so do elements without a value that are equal, because adding what is there already
/// changes nothing (RFC 7644 section 3.5.2.1).
pub(crate) fn tidy(at: &dyn Display, elements: Vec<Value>, chosen: Option<usize>) -> Result<Option<Value>> {
    let mut list: Vec<Value> = Vec::with_capacity(elements.len());
    let mut places = HashMap::with_capacity(elements.len());
    let mut primary = None;
    let mut chosen_place = None;
    for (number, element) in elements.into_iter().enumerate() {
        let place = *places.entry(identity(&element)).or_insert(list.len());
        if element["primary"] == true {
            primary = Some(place);
        }
        if chosen == Some(number) {
            chosen_place = Some(place);
        }
        match (list.get_mut(place), element) {
            (Some(Value::Object(first)), Value::Object(later)) => first.extend(later),
            (Some(_), _) => {}
            (None, element) => list.push(element),
        }
    }
    if list.len() > limits::ENTRIES {
        return Err(invalid(at, format!("takes at most {} entries", limits::ENTRIES)));
    }
    let primary = chosen_place.or(primary);
    for (place, element) in list.iter_mut().enumerate() {
        if element["primary"] == true && Some(place) != primary {
            element["primary"] = false.into();
        }
    }
    Ok((!list.is_empty()).then_some(Value::Array(list)))
}

/// What makes an element the same as another one. Values are compared to the letter: which of two spellings to
/// keep would be a guess.
fn identity(element: &Value) -> String {
    match element.get("value") {
        Some(value) => format!("{}{value}", element.get("type").unwrap_or(&Value::Null)),
        None => element.to_string(),
    }
}
