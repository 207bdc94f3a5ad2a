//! One value by the type of its attribute (RFC 7643 section 2.3). What does not fit is refused, never guessed.

use std::fmt::Display;

use serde_json::{Map, Number, Value};

use super::list;
use crate::schema::{Attribute, Type, Uniqueness};
use crate::{Error, Result, index, meta};

/// Sub-attributes that a client sent, by canonical name: a value, or unassigned.
pub(crate) type Subs = Vec<(String, Option<Value>)>;

/// The canonical value of a whole attribute, `None` for unassigned; `at` names it in errors.
pub(crate) fn coerce(at: &dyn Display, attribute: &Attribute, raw: &Value) -> Result<Option<Value>> {
    if attribute.multi_valued {
        return list::tidy(at, elements(at, attribute, raw)?, None);
    }
    let raw = unwrap(at, raw)?;
    match attribute.kind {
        _ if raw.is_null() => Ok(None),
        Type::Complex => Ok(complex(at, attribute, raw)?.and_then(collect)),
        // Two resources without a name of their own do not share the name "", and "" refers to nothing: strict
        // clients refuse it as a reference.
        _ if raw.as_str() == Some("")
            && (attribute.uniqueness == Uniqueness::Server || attribute.kind == Type::Reference) =>
        {
            Ok(None)
        }
        _ => scalar(at, attribute, raw).map(Some),
    }
}

/// The canonical elements of a list, without the unassigned ones. A single value is a list of one: Entra ID adds
/// `"roles": "grader"` or one object.
pub(crate) fn elements(at: &dyn Display, attribute: &Attribute, raw: &Value) -> Result<Vec<Value>> {
    let raws = match raw {
        Value::Null => &[],
        Value::Array(raws) => raws.as_slice(),
        raw => std::slice::from_ref(raw),
    };
    let mut elements = Vec::with_capacity(raws.len());
    for raw in raws.iter().filter(|raw| !raw.is_null()) {
        if attribute.kind == Type::Complex {
            elements.extend(complex(at, attribute, raw)?.and_then(collect));
        } else {
            elements.push(scalar(at, attribute, raw)?);
        }
    }
    Ok(elements)
}

/// The one value inside an array of one, `null` for an empty array. SCIM-SDK clients before 1.34 (Keycloak) wrap
/// every scalar of a PATCH.
pub(crate) fn unwrap<'a>(at: &dyn Display, raw: &'a Value) -> Result<&'a Value> {
    match raw.as_array().map(Vec::as_slice) {
        None => Ok(raw),
        Some([]) => Ok(&Value::Null),
        Some([one]) => Ok(one),
        Some(_) => Err(invalid(at, "takes one value, not several")),
    }
}

/// The sub-attributes of one object, or of the bare value that stands for `{"value": …}`; `None` when it is
/// unassigned as a whole.
pub(crate) fn complex(at: &dyn Display, attribute: &Attribute, raw: &Value) -> Result<Option<Subs>> {
    let mut subs = match raw {
        Value::Null => return Ok(None),
        Value::Object(object) if object.is_empty() => return Ok(None),
        Value::Object(object) => from_object(at, attribute, object)?,
        Value::Array(_) => return Err(invalid(at, "must be an object, not an array")),
        bare => match attribute.sub("value") {
            Some(sub) => vec![(sub.name.clone(), coerce(&format_args!("{at}.value"), sub, bare)?)],
            None => return Err(invalid(at, format!("must be an object, not {}", kind_of(bare)))),
        },
    };
    // Entra ID clears the manager with "" and with {"value": ""}.
    let value = subs.iter().find(|(name, _)| name == "value").and_then(|(_, value)| value.as_ref());
    if !attribute.multi_valued && value.and_then(Value::as_str) == Some("") {
        return Ok(None);
    }
    if attribute.multi_valued {
        expand(attribute, &mut subs);
    }
    Ok(Some(subs))
}

fn from_object(at: &dyn Display, attribute: &Attribute, object: &Map<String, Value>) -> Result<Subs> {
    let mut subs = Subs::with_capacity(object.len());
    for (name, raw) in object {
        let Some(sub) = attribute.sub(name) else { continue };
        if super::is_writable(sub.mutability) {
            subs.push((sub.name.clone(), coerce(&format_args!("{at}.{}", sub.name), sub, raw)?));
        }
    }
    Ok(subs)
}

/// Entra ID (AppRoleAssignmentsComplex) puts an entry as JSON text into `value`:
/// `"{\"id\":\"r1\",\"value\":\"editor\",\"displayName\":\"Editor\"}"`. Any other text stays as it is.
fn expand(attribute: &Attribute, subs: &mut Subs) {
    let text = subs.iter().find(|(name, _)| name == "value").and_then(|(_, value)| value.as_ref()?.as_str());
    let Some(text) = text.filter(|text| text.starts_with('{')) else { return };
    let Ok(Value::Object(entry)) = serde_json::from_str(text) else { return };
    let known = entry.keys().all(|key| matches!(key.as_str(), "id" | "value" | "displayName"));
    let Some(value) = entry.get("value").filter(|value| known && value.is_string()) else { return };
    let has_display = subs.iter().any(|(name, display)| name == "display" && display.is_some());
    let takes_display = attribute.sub("display").is_some_and(|sub| sub.kind == Type::String) && !has_display;
    let display = entry.get("displayName").filter(|display| display.is_string() && takes_display);
    subs.retain(|(name, _)| name != "value" && (name != "display" || display.is_none()));
    subs.push(("value".into(), Some(value.clone())));
    subs.extend(display.map(|display| ("display".into(), Some(display.clone()))));
}

/// The object that the assigned ones make; `None` when there are none.
pub(crate) fn collect(subs: Subs) -> Option<Value> {
    let object: Map<_, _> = subs.into_iter().filter_map(|(name, value)| Some((name, value?))).collect();
    (!object.is_empty()).then_some(Value::Object(object))
}

/// A simple value.
pub(super) fn scalar(at: &dyn Display, attribute: &Attribute, raw: &Value) -> Result<Value> {
    let value = typed(at, attribute, raw)?;
    if attribute.closed && !attribute.canonical_values.is_empty() {
        let key = |value: &Value| index::key_of(Some(attribute), value);
        let is_one = |canonical: &String| key(&canonical.as_str().into()) == key(&value);
        if !attribute.canonical_values.iter().any(is_one) {
            return Err(invalid(at, "must be one of its canonical values"));
        }
    }
    Ok(value)
}

fn typed(at: &dyn Display, attribute: &Attribute, raw: &Value) -> Result<Value> {
    let must = |what: &str| Err(invalid(at, format!("must be {what}, not {}", kind_of(raw))));
    match (attribute.kind, raw) {
        (Type::String | Type::Reference, Value::String(text)) => {
            check_text(at, text, attribute.max_chars)?;
            Ok(raw.clone())
        }
        (Type::DateTime, Value::String(text)) if meta::parse_time(text).is_some() => Ok(raw.clone()),
        (Type::DateTime, Value::String(_)) => {
            Err(invalid(at, "must be a date and time with zone (RFC 3339)"))
        }
        (Type::Binary, Value::String(text)) => {
            check_text(at, text, attribute.max_chars)?;
            if is_base64(text) { Ok(raw.clone()) } else { Err(invalid(at, "must be base64 text")) }
        }
        (Type::Boolean, Value::Bool(_)) => Ok(raw.clone()),
        // Entra ID writes "True" and "False".
        (Type::Boolean, Value::String(text)) if text.eq_ignore_ascii_case("true") => Ok(Value::Bool(true)),
        (Type::Boolean, Value::String(text)) if text.eq_ignore_ascii_case("false") => Ok(Value::Bool(false)),
        (Type::Boolean, Value::String(_)) => Err(invalid(at, "must be true or false")),
        (Type::Decimal, Value::Number(number)) => {
            check_number(at, number)?;
            Ok(raw.clone())
        }
        (Type::Integer, Value::Number(number)) => whole(at, number),
        (Type::String | Type::Reference | Type::DateTime | Type::Binary, _) => must("a text"),
        (Type::Boolean, _) => must("true or false"),
        (Type::Decimal, _) => must("a number"),
        (Type::Integer, _) => must("a whole number"),
        (Type::Complex, _) => must("an object"),
    }
}

/// A whole number of 64 bits; `5.0` is the whole number 5.
fn whole(at: &dyn Display, number: &Number) -> Result<Value> {
    check_number(at, number)?;
    if let Some(integer) = number.as_i64() {
        return Ok(integer.into());
    }
    match number.as_f64() {
        // The range was checked, so nothing is cut off.
        Some(double) if double.fract() == 0.0 => Ok((double as i64).into()),
        _ => Err(invalid(at, "must be a whole number")),
    }
}

/// [`Error::InvalidValue`] for a number that does not fit 64 bits with a sign.
pub(crate) fn check_number(at: &dyn Display, number: &Number) -> Result<()> {
    const END: f64 = 9_223_372_036_854_775_808.0;
    let fits = match (number.as_i64(), number.is_u64(), number.as_f64()) {
        (Some(_), ..) => true,
        (None, false, Some(double)) => (-END..END).contains(&double),
        _ => false,
    };
    if fits { Ok(()) } else { Err(invalid(at, "must be a number of at most 64 bits")) }
}

/// [`Error::InvalidValue`] for a text that is too long or that no database can hold.
fn check_text(at: &dyn Display, text: &str, max_chars: usize) -> Result<()> {
    // A character has at most four bytes, so short texts need no counting.
    if text.len() > max_chars && text.chars().count() > max_chars {
        return Err(invalid(at, format!("must have at most {max_chars} characters")));
    }
    check_nul(at, text)
}

/// PostgreSQL stores no U+0000, so nobody does.
pub(crate) fn check_nul(at: &dyn Display, text: &str) -> Result<()> {
    if text.contains('\0') { Err(invalid(at, "must not contain the character U+0000")) } else { Ok(()) }
}

/// Base64 of either alphabet (RFC 4648 sections 4 and 5), with or without padding, broken into lines or not.
fn is_base64(text: &str) -> bool {
    let digits: Vec<u8> = text.bytes().filter(|byte| !byte.is_ascii_whitespace()).collect();
    let end = digits.iter().rposition(|&byte| byte != b'=').map_or(0, |last| last + 1);
    let padding = digits.len() - end;
    let legal = |byte: &u8| byte.is_ascii_alphanumeric() || b"+/-_".contains(byte);
    digits[..end].iter().all(legal) && end % 4 != 1 && (padding == 0 || padding == (4 - end % 4) % 4)
}

/// `{at} {problem}` as a refused value.
pub(crate) fn invalid(at: &dyn Display, problem: impl Display) -> Error {
    Error::InvalidValue(format!("{at} {problem}"))
}

fn kind_of(raw: &Value) -> &'static str {
    match raw {
        Value::Null => "null",
        Value::Bool(_) => "a boolean",
        Value::Number(_) => "a number",
        Value::String(_) => "a text",
        Value::Array(_) => "an array",
        Value::Object(_) => "an object",
    }
}
