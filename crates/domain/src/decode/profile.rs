//! Open attributes: a free map of texts, numbers and booleans (`profile`).

use std::collections::HashMap;
use std::fmt::Display;

use serde_json::{Map, Value};

use super::value::{check_nul, check_number, invalid, scalar, unwrap};
use crate::error::excerpt;
use crate::schema::Attribute;
use crate::{Result, key, limits};

/// Merges what was sent into the map, key by key; `null` removes a key. Keys are compared without regard to case
/// and keep the spelling they have. The value of a declared key must be of its type.
pub(crate) fn merge<'a>(
    at: &dyn Display,
    attribute: &Attribute,
    map: &mut Map<String, Value>,
    sent: impl IntoIterator<Item = (&'a str, &'a Value)>,
) -> Result<()> {
    let mut spelled: HashMap<String, String> =
        map.keys().map(|name| (key::fold(name), name.clone())).collect();
    for (name, raw) in sent {
        check_key(at, name)?;
        let folded = key::fold(name);
        let declared = attribute.sub_attributes.iter().find(|sub| key::fold(&sub.name) == folded);
        let name = declared.map_or(name, |sub| &sub.name);
        let value = value(&format_args!("{at}.{}", excerpt(name)), declared.map(|sub| &**sub), raw)?;
        match value {
            Some(value) => {
                let name = spelled.entry(folded).or_insert_with(|| name.to_owned());
                map.insert(name.clone(), value);
            }
            None => {
                if let Some(name) = spelled.remove(&folded) {
                    map.shift_remove(&name);
                }
            }
        }
    }
    if map.len() > limits::PROFILE_KEYS {
        return Err(invalid(at, format!("takes at most {} keys", limits::PROFILE_KEYS)));
    }
    Ok(())
}

/// The map with the spelling that `before` has for its keys.
pub(crate) fn respell(map: Map<String, Value>, before: &Map<String, Value>) -> Map<String, Value> {
    let spelled: HashMap<String, &String> = before.keys().map(|name| (key::fold(name), name)).collect();
    let respelled = map.into_iter().map(|(name, value)| match spelled.get(&key::fold(&name)) {
        Some(&known) => (known.clone(), value),
        None => (name, value),
    });
    respelled.collect()
}

fn check_key(at: &dyn Display, name: &str) -> Result<()> {
    if name.is_empty() {
        return Err(invalid(at, "must not have an empty key"));
    }
    if name.len() > limits::PROFILE_KEY_BYTES {
        let most = limits::PROFILE_KEY_BYTES;
        return Err(invalid(at, format!("takes keys of at most {most} bytes, not {}", excerpt(name))));
    }
    check_nul(at, name)
}

/// A value as sent; `None` removes.
fn value(at: &dyn Display, declared: Option<&Attribute>, raw: &Value) -> Result<Option<Value>> {
    match unwrap(at, raw)? {
        Value::Null => return Ok(None),
        Value::Object(object) if object.is_empty() => return Ok(None),
        Value::Array(_) | Value::Object(_) => {
            return Err(invalid(at, "must be a text, a number or a boolean"));
        }
        Value::String(text) if text.len() > limits::PROFILE_VALUE_BYTES => {
            return Err(invalid(at, format!("must have at most {} bytes", limits::PROFILE_VALUE_BYTES)));
        }
        Value::String(text) => check_nul(at, text)?,
        Value::Number(number) => check_number(at, number)?,
        Value::Bool(_) => {}
    }
    let value = unwrap(at, raw)?;
    Ok(Some(match declared {
        Some(declared) => scalar(at, declared, value)?,
        None => value.clone(),
    }))
}
