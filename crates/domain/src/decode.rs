//! From what clients send to canonical values.
//!
//! One reader for POST, PUT and the values of a PATCH without path: [`read`] says which attributes a JSON object
//! speaks of, [`fn@assign`] brings one of them into a document. Everything follows from the schema; a tolerance is a
//! rule of a type and holds for every client:
//!
//! - names in any case, bare, dotted (`name.givenName`), behind a URN, or inside an object under a URN
//! - readOnly and unknown names, URNs and sub-attributes are ignored
//! - `null`, `[]` and `{}` are "unassigned" (RFC 7643 section 2.5); a boolean that is `null` was not sent
//! - an array of one for a single value, a single value for a list, a bare text for an object with a `value`

mod assign;
mod list;
pub(crate) mod profile;
mod value;

use std::sync::Arc;

use serde_json::{Map, Value};

use crate::contract::Contract;
use crate::document::Document;
use crate::path::{Sub, Target, strip_urn};
use crate::resource_type::ResourceType;
use crate::schema::{Attribute, Mutability, Schema, Type};
use crate::{Error, Result, user};

pub(crate) use assign::{Mode, Selection, assign, change, clear, current, put, remove_values};
pub(crate) use value::{coerce, unwrap};

/// The document that the body of a POST describes.
///
/// Both contracts are read by the same rules: what only one of them demands is a rule of [`crate::user`].
/// [`Error::InvalidSyntax`] when the body is no object, [`Error::InvalidValue`] for a value that is wrong or missing.
pub fn create(resource_type: &ResourceType, _contract: &Contract, body: &Value) -> Result<Document> {
    made_of(resource_type, &read(resource_type, object(body)?)?)
}

/// The document that has these attributes and no other ones.
pub(crate) fn made_of(resource_type: &ResourceType, sent: &[Sent<'_>]) -> Result<Document> {
    let mut document = Document::default();
    for sent in sent {
        assign(&mut document, &sent.target, sent.raw, Mode::Whole)?;
    }
    require(resource_type, &document)?;
    Ok(document)
}

/// The body of a POST or PUT: an object.
pub(crate) fn object(body: &Value) -> Result<&Map<String, Value>> {
    body.as_object().ok_or_else(|| Error::InvalidSyntax("the body must be a JSON object".into()))
}

/// [`Error::InvalidValue`] unless everything required is there: extensions, attributes, and inside a complex value
/// its sub-attributes. An extension that is absent and not required is not asked for its attributes (RFC 7643
/// section 6, `schemaExtensions.required`).
pub(crate) fn require(resource_type: &ResourceType, document: &Document) -> Result<()> {
    require_of(&resource_type.schema.attributes, &document.0)?;
    for extension in &resource_type.extensions {
        match document.get(&extension.schema.id) {
            Some(Value::Object(attributes)) => require_of(&extension.schema.attributes, attributes)?,
            _ if extension.required => {
                return Err(Error::InvalidValue(format!("{} is required", extension.schema.id)));
            }
            _ => {}
        }
    }
    Ok(())
}

fn require_of(attributes: &[Arc<Attribute>], values: &Map<String, Value>) -> Result<()> {
    for attribute in attributes {
        let value = values.get(&attribute.name);
        if attribute.required && value.is_none() {
            return Err(Error::InvalidValue(format!("{} is required", attribute.name)));
        }
        let Some(missing) = attribute.sub_attributes.iter().find(|sub| {
            let lacks = |element: &Value| element.get(&sub.name).is_none();
            sub.required
                && match value {
                    None => false,
                    Some(Value::Array(elements)) => elements.iter().any(lacks),
                    Some(element) => lacks(element),
                }
        }) else {
            continue;
        };
        return Err(Error::InvalidValue(format!("{}.{} is required", attribute.name, missing.name)));
    }
    Ok(())
}

/// One attribute that a client spoke of, with what it said.
#[derive(Debug)]
pub(crate) struct Sent<'a> {
    /// The attribute; never a readOnly one.
    pub(crate) target: Target,
    /// As sent.
    pub(crate) raw: &'a Value,
    /// Whether it stood in an object under the URN of its schema.
    nested: bool,
}

impl Sent<'_> {
    /// readOnly attributes are ignored (RFC 7644 section 3.5.1): Okta sends back the whole reply of its GET,
    /// authentik a value with `schemas` and `id`. The password of a user goes no further.
    fn counts(&self, resource_type: &ResourceType) -> bool {
        let sub = match &self.target.sub {
            Some(Sub::Declared(sub)) => is_writable(sub.mutability),
            Some(Sub::Key(_)) | None => true,
        };
        let counts = sub && is_writable(self.target.attribute.mutability);
        counts && !says_nothing(&self.target, self.raw) && !user::is_dropped(resource_type, &self.target)
    }
}

/// Whether clients write the attribute.
pub(crate) fn is_writable(mutability: Mutability) -> bool {
    mutability != Mutability::ReadOnly
}

/// There is no third truth value: `"active": null` neither disables nor enables anybody.
pub(crate) fn says_nothing(target: &Target, raw: &Value) -> bool {
    let single = target.sub.is_none() && !target.attribute.multi_valued;
    single && target.attribute.kind == Type::Boolean && (raw.is_null() || *raw == Value::Array(Vec::new()))
}

/// The attributes that an object speaks of, the order being that in which they are to be assigned: what is given
/// under a URN first, so that a root `profile` laid over an echoed reply wins (Okta); whole attributes before
/// their parts.
pub(crate) fn read<'a>(resource_type: &ResourceType, body: &'a Map<String, Value>) -> Result<Vec<Sent<'a>>> {
    let mut all = Vec::new();
    for (key, raw) in body {
        if let Some((_, schema)) = resource_type.urns().find(|(urn, _)| urn.eq_ignore_ascii_case(key)) {
            all.extend(read_schema(resource_type, schema, raw)?);
        } else if let Some(target) = at_root(resource_type, key) {
            all.push(Sent { target, raw, nested: false });
        }
    }
    all.retain(|sent| sent.counts(resource_type));
    all.sort_by_key(|sent| (sent.target.sub.is_some(), !sent.nested));
    Ok(all)
}

/// The attributes inside the object that stands under the URN of a schema; `null` unassigns every one of them.
pub(crate) fn read_schema<'a>(
    resource_type: &ResourceType,
    schema: &Schema,
    raw: &'a Value,
) -> Result<Vec<Sent<'a>>> {
    static NULL: Value = Value::Null;
    let named = |name: &str, raw| {
        let target = Target::resolve(resource_type, &format!("{}:{name}", schema.id))?;
        Some(Sent { target, raw, nested: true })
    };
    let mut all: Vec<_> = match value::unwrap(&schema.id, raw)? {
        Value::Null => schema.attributes.iter().filter_map(|a| named(&a.name, &NULL)).collect(),
        Value::Object(object) => object.iter().filter_map(|(name, raw)| named(name, raw)).collect(),
        _ => return Err(Error::InvalidValue(format!("{} must be an object", schema.id))),
    };
    all.retain(|sent| sent.counts(resource_type));
    all.sort_by_key(|sent| sent.target.sub.is_some());
    Ok(all)
}

/// What a key at the root names. A bare name of an extension's attribute (`department`) is an unknown root
/// attribute unless the type has an alias for it (`profile`).
fn at_root(resource_type: &ResourceType, key: &str) -> Option<Target> {
    let target = Target::resolve(resource_type, key)?;
    if target.extension.is_none() {
        return Some(target);
    }
    let name = key.split('.').next().unwrap_or_default();
    let is_alias = resource_type.aliases.iter().any(|(written, ..)| written.eq_ignore_ascii_case(name));
    let has_urn = resource_type.urns().any(|(urn, _)| strip_urn(key, urn).is_some());
    (is_alias || has_urn).then_some(target)
}

#[cfg(test)]
mod tests;
