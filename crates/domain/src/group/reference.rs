//! How clients name a user in a list of a group.

use std::fmt::Display;

use serde_json::{Map, Value};

use crate::decode;
use crate::error::excerpt;
use crate::{Error, Result, limits};

/// The users that a value names: a list, or one. `null` names nobody (ssosync), a `null` in a list is refused.
pub(super) fn all(at: &dyn Display, raw: &Value) -> Result<Vec<String>> {
    match raw {
        Value::Null => Ok(Vec::new()),
        Value::Array(raws) => raws.iter().map(|raw| one(at, raw)).collect(),
        raw => Ok(vec![one(at, raw)?]),
    }
}

/// How many users a value names, before it is known whether it names them well.
pub(super) fn count(raw: &Value) -> usize {
    match raw {
        Value::Null => 0,
        Value::Array(raws) => raws.len(),
        _ => 1,
    }
}

/// One user: a bare text, or an object of which `value`, else `$ref` counts. Whatever else a client sends follows
/// from that: Okta sends `display`, Entra ID `"$ref": null`.
fn one(at: &dyn Display, raw: &Value) -> Result<String> {
    let text = match raw {
        Value::String(text) => text,
        Value::Object(object) => match member(at, object, "value")? {
            Some(text) => text,
            None => return from_reference(at, object),
        },
        _ => return Err(nobody(at)),
    };
    check(at, text)
}

/// A reference is enough: its last segment is the id. Keycloak writes relative ones (`Users/u-77`).
fn from_reference(at: &dyn Display, object: &Map<String, Value>) -> Result<String> {
    let reference = member(at, object, "$ref")?.ok_or_else(|| nobody(at))?;
    let path = reference.split(['?', '#']).next().unwrap_or_default();
    check(at, path.rsplit('/').next().unwrap_or_default())
}

/// The text of this member; SCIM-SDK clients before 1.34 wrap scalars in an array of one.
fn member<'a>(at: &dyn Display, object: &'a Map<String, Value>, name: &str) -> Result<Option<&'a str>> {
    let found = object.iter().find(|(key, _)| key.eq_ignore_ascii_case(name)).map(|(_, raw)| raw);
    match found.map(|raw| decode::unwrap(at, raw)).transpose()? {
        None | Some(Value::Null) => Ok(None),
        Some(Value::String(text)) => Ok(Some(text)),
        Some(_) => Err(Error::InvalidValue(format!("{at}.{name} must be a text"))),
    }
}

fn check(at: &dyn Display, text: &str) -> Result<String> {
    let most = limits::NAME_CHARS;
    if text.is_empty() {
        Err(nobody(at))
    } else if text.len() > most && text.chars().count() > most {
        let text = excerpt(text);
        Err(Error::InvalidValue(format!("{at} takes at most {most} characters for a user, not {text}")))
    } else if text.contains('\0') {
        Err(Error::InvalidValue(format!("{at} must not contain the character U+0000")))
    } else {
        Ok(text.to_owned())
    }
}

fn nobody(at: &dyn Display) -> Error {
    Error::InvalidValue(format!("{at} takes users: texts, or objects with a value"))
}
