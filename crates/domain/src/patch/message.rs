//! The envelope of a PATCH: names of members and of operations in any case.

use serde_json::{Map, Value};

use crate::error::excerpt;
use crate::{Error, Result, limits};

const URN: &str = "urn:ietf:params:scim:api:messages:2.0:PatchOp";

/// What an operation does.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Op {
    Add,
    Replace,
    Remove,
}

/// One operation as sent.
#[derive(Clone, Copy, Debug)]
pub(super) struct Operation<'a> {
    pub(super) op: Op,
    /// Never blank: a path without text is no path.
    pub(super) path: Option<&'a str>,
    /// `null` is a value: it unassigns.
    pub(super) value: Option<&'a Value>,
}

/// The operations of a message.
pub(super) fn read(body: &Value) -> Result<Vec<Operation<'_>>> {
    let message = body.as_object().ok_or_else(|| syntax("the body must be a JSON object"))?;
    check_schemas(member(message, "schemas"))?;
    let Some(Value::Array(operations)) = member(message, "Operations") else {
        return Err(syntax("the body must have an array Operations"));
    };
    if operations.len() > limits::PATCH_OPERATIONS {
        let most = limits::PATCH_OPERATIONS;
        return Err(Error::TooLarge(format!("a PATCH takes at most {most} operations")));
    }
    operations.iter().map(operation).collect()
}

/// A message that says what it is must be a PatchOp.
fn check_schemas(schemas: Option<&Value>) -> Result<()> {
    let is_urn = |schema: &Value| schema.as_str().is_some_and(|text| text.eq_ignore_ascii_case(URN));
    let holds = match schemas {
        None | Some(Value::Null) => true,
        Some(Value::Array(schemas)) => schemas.iter().any(is_urn),
        Some(schema) => is_urn(schema),
    };
    if holds { Ok(()) } else { Err(Error::InvalidSyntax(format!("schemas must contain {URN}"))) }
}

fn operation(raw: &Value) -> Result<Operation<'_>> {
    let object = raw.as_object().ok_or_else(|| syntax("every operation must be an object"))?;
    let name = member(object, "op").and_then(Value::as_str);
    let name = name.ok_or_else(|| syntax("every operation must have an op: add, replace or remove"))?;
    let op = [("add", Op::Add), ("replace", Op::Replace), ("remove", Op::Remove)]
        .into_iter()
        .find_map(|(known, op)| known.eq_ignore_ascii_case(name).then_some(op))
        .ok_or_else(|| {
            Error::InvalidSyntax(format!("op must be add, replace or remove, not {:?}", excerpt(name)))
        })?;
    let path = match member(object, "path") {
        None | Some(Value::Null) => None,
        Some(Value::String(path)) => Some(path.trim()).filter(|path| !path.is_empty()),
        Some(_) => return Err(Error::InvalidPath("path must be a text".into())),
    };
    Ok(Operation { op, path, value: member(object, "value") })
}

fn member<'a>(object: &'a Map<String, Value>, name: &str) -> Option<&'a Value> {
    object.iter().find(|(key, _)| key.eq_ignore_ascii_case(name)).map(|(_, value)| value)
}

fn syntax(problem: &str) -> Error {
    Error::InvalidSyntax(problem.into())
}
