//! The message of a bulk request: names in any case.

use serde_json::{Map, Value};

use super::super::{Body, Call};
use super::place::{Id, Place};
use super::reference;
use crate::error::excerpt;
use crate::meta::Tags;
use crate::{Error, Result, limits};

/// The URN of the message.
const URN: &str = "urn:ietf:params:scim:api:messages:2.0:BulkRequest";

/// A bulk request.
pub(super) struct Request {
    /// After so many failures nothing more is done.
    pub(super) fail_on_errors: Option<usize>,
    pub(super) operations: Vec<Sent>,
}

/// One operation as sent.
pub(super) struct Sent {
    /// Echoed.
    pub(super) method: Option<String>,
    /// Echoed, and what others refer to.
    pub(super) bulk_id: Option<String>,
    /// Whether the operation makes a resource.
    pub(super) creates: bool,
    /// What is to be done, or why it cannot be read.
    pub(super) operation: Result<Operation>,
}

/// What is to be done.
#[derive(Debug)]
pub(super) struct Operation {
    pub(super) method: Method,
    pub(super) place: Place,
    /// As `If-Match`.
    pub(super) version: Option<Tags>,
    pub(super) data: Data,
}

/// The body of the single request.
#[derive(Debug)]
pub(super) struct Data {
    pub(super) body: Body,
    /// Every `bulkId` that it refers to.
    pub(super) names: Vec<String>,
}

/// The method of an operation.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Method {
    Post,
    Put,
    Patch,
    Delete,
}

impl Method {
    const ALL: [Self; 4] = [Self::Post, Self::Put, Self::Patch, Self::Delete];

    pub(super) fn name(self) -> &'static str {
        match self {
            Self::Post => "POST",
            Self::Put => "PUT",
            Self::Patch => "PATCH",
            Self::Delete => "DELETE",
        }
    }

    fn parse(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|method| method.name().eq_ignore_ascii_case(name))
    }
}

impl Operation {
    /// Every `bulkId` that the operation refers to, and whether its resource has to exist before.
    pub(super) fn references(&self) -> impl Iterator<Item = (&str, bool)> {
        let id = match &self.place {
            Place::Resource(_, Id::Bulk(bulk_id)) | Place::Role(Id::Bulk(bulk_id)) => Some(bulk_id.as_str()),
            Place::Collection(_) | Place::Resource(..) | Place::Role(_) => None,
        };
        let must_exist = self.place.holds_users();
        id.map(|id| (id, true))
            .into_iter()
            .chain(self.data.names.iter().map(move |name| (name.as_str(), must_exist)))
    }
}

/// The operations of a message. One that cannot be read is kept with the reason: the others are done all the same.
pub(super) fn read(call: &Call<'_>, body: Value) -> Result<Request> {
    let Value::Object(mut message) = body else { return Err(syntax("the body must be a JSON object")) };
    check_schemas(take(&mut message, "schemas").as_ref())?;
    let fail_on_errors = take(&mut message, "failOnErrors").filter(|value| !value.is_null());
    let fail_on_errors = fail_on_errors.map(|value| most_failures(&value)).transpose()?;
    let Some(Value::Array(operations)) = take(&mut message, "Operations") else {
        return Err(syntax("the body must have an array Operations"));
    };
    if operations.len() > limits::BULK_OPERATIONS {
        let most = limits::BULK_OPERATIONS;
        return Err(Error::TooLarge(format!("a bulk request takes at most {most} operations")));
    }
    let operations = operations.into_iter().map(|raw| sent(call, raw)).collect();
    Ok(Request { fail_on_errors, operations })
}

fn check_schemas(schemas: Option<&Value>) -> Result<()> {
    let is_urn = |schema: &Value| schema.as_str().is_some_and(|text| text.eq_ignore_ascii_case(URN));
    let holds = match schemas {
        Some(Value::Array(schemas)) => schemas.iter().any(is_urn),
        Some(schema) => is_urn(schema),
        None => false,
    };
    if holds { Ok(()) } else { Err(Error::InvalidSyntax(format!("schemas must contain {URN}"))) }
}

fn most_failures(value: &Value) -> Result<usize> {
    let number = value.as_u64().filter(|number| *number > 0);
    // More than there can be operations is as good as none.
    number
        .map(|number| usize::try_from(number).unwrap_or(usize::MAX))
        .ok_or_else(|| Error::InvalidValue("failOnErrors must be an integer of at least 1".into()))
}

fn sent(call: &Call<'_>, raw: Value) -> Sent {
    let Value::Object(mut object) = raw else {
        let operation = Err(syntax("every operation must be an object"));
        return Sent { method: None, bulk_id: None, creates: false, operation };
    };
    let (method, bulk_id) = (take(&mut object, "method"), take(&mut object, "bulkId"));
    let known = method.as_ref().and_then(Value::as_str).and_then(Method::parse);
    let echo = known.map(|known| known.name().to_owned());
    Sent {
        creates: known == Some(Method::Post),
        method: echo.or_else(|| method.as_ref().and_then(Value::as_str).map(excerpt)),
        bulk_id: bulk_id.as_ref().and_then(Value::as_str).map(str::to_owned),
        operation: operation(call, known, method.as_ref(), bulk_id.as_ref(), object),
    }
}

fn operation(
    call: &Call<'_>,
    known: Option<Method>,
    method: Option<&Value>,
    bulk_id: Option<&Value>,
    mut object: Map<String, Value>,
) -> Result<Operation> {
    let method = match (known, method) {
        (Some(method), _) => method,
        (None, Some(Value::String(name))) => {
            let name = excerpt(name);
            return Err(Error::InvalidValue(format!(
                "method must be POST, PUT, PATCH or DELETE, not {name:?}"
            )));
        }
        (None, _) => return Err(syntax("every operation must have a method: POST, PUT, PATCH or DELETE")),
    };
    match bulk_id {
        Some(Value::String(text)) if !text.is_empty() => {}
        None | Some(Value::Null) if method != Method::Post => {}
        None | Some(Value::Null) => return Err(Error::InvalidValue("POST needs a bulkId".into())),
        Some(_) => return Err(Error::InvalidValue("bulkId must be a text and not empty".into())),
    }
    let Some(Value::String(path)) = take(&mut object, "path") else {
        return Err(syntax("every operation must have a path"));
    };
    let place = Place::parse(call, method, path.trim())?;
    let version = match take(&mut object, "version") {
        None | Some(Value::Null) => None,
        Some(Value::String(tags)) => Some(Tags::parse(&tags)),
        Some(_) => return Err(Error::InvalidValue("version must be a text".into())),
    };
    let data = data(method, take(&mut object, "data"));
    Ok(Operation { method, place, version, data })
}

fn data(method: Method, raw: Option<Value>) -> Data {
    let is_patch = method == Method::Patch;
    let mut value = match raw {
        // RFC 7644 section 3.7.3 shows the operations of a PATCH without their envelope.
        Some(Value::Array(operations)) if is_patch => {
            Value::Object(Map::from_iter([("Operations".to_owned(), Value::Array(operations))]))
        }
        Some(value) if !value.is_null() && method != Method::Delete => value,
        _ => {
            let body = Err(Error::InvalidSyntax(format!("{} needs data", method.name())));
            return Data { body, names: Vec::new() };
        }
    };
    let names = reference::names(&mut value, is_patch);
    Data { body: Ok(value), names }
}

/// The member with this name in any case. Duplicates have been refused with the JSON.
fn take(object: &mut Map<String, Value>, name: &str) -> Option<Value> {
    let key = object.keys().find(|key| key.eq_ignore_ascii_case(name))?.clone();
    object.remove(&key)
}

fn syntax(problem: &str) -> Error {
    Error::InvalidSyntax(problem.into())
}
