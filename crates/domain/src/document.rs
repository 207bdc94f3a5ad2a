//! A validated attribute document: what a resource is, but for `id`, `meta`, `schemas` and what is computed.
//!
//! Keys have the canonical case of the schema. Core attributes stand at the root, those of an extension in
//! an object under the URN of its schema. There is no `null`, no empty array and no empty object in it:
//! RFC 7643 section 2.5 makes all of them "unassigned", and unassigned is absent here.

use serde_json::{Map, Value};

use crate::{Error, Result};

/// The attributes of one resource in canonical form.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Document(pub Map<String, Value>);

impl Document {
    /// The value of a core attribute (or the object of an extension), by its canonical name.
    pub fn get(&self, name: &str) -> Option<&Value> {
        self.0.get(name)
    }

    /// The text of a core attribute.
    pub fn text(&self, name: &str) -> Option<&str> {
        self.get(name).and_then(Value::as_str)
    }

    /// The value of an attribute of an extension.
    pub fn extension(&self, schema: &str, name: &str) -> Option<&Value> {
        self.get(schema)?.as_object()?.get(name)
    }

    /// The attributes as JSON, as they are stored.
    pub fn to_json(&self) -> Result<String> {
        serde_json::to_string(&self.0).map_err(Error::internal)
    }

    /// About how many bytes of JSON it is.
    pub fn weight(&self) -> usize {
        self.0.iter().map(|(name, value)| name.len() + weight(value)).sum()
    }

    /// Sets or, with `None`, clears a core attribute.
    pub fn set(&mut self, name: &str, value: Option<Value>) {
        match value {
            Some(value) => self.0.insert(name.to_owned(), value),
            None => self.0.shift_remove(name),
        };
    }

    /// Sets or clears an attribute of an extension; an extension without attributes disappears.
    pub fn set_extension(&mut self, schema: &str, name: &str, value: Option<Value>) {
        let mut object = match self.0.get_mut(schema) {
            Some(Value::Object(object)) => std::mem::take(object),
            _ => Map::new(),
        };
        match value {
            Some(value) => object.insert(name.to_owned(), value),
            None => object.shift_remove(name),
        };
        self.set(schema, (!object.is_empty()).then_some(Value::Object(object)));
    }
}

/// About how many bytes of JSON a value is.
pub(crate) fn weight(value: &Value) -> usize {
    const PUNCTUATION: usize = 4;
    match value {
        Value::Null | Value::Bool(_) | Value::Number(_) => 8,
        Value::String(text) => PUNCTUATION + text.len(),
        Value::Array(list) => PUNCTUATION + list.iter().map(weight).sum::<usize>(),
        Value::Object(object) => {
            PUNCTUATION
                + object.iter().map(|(name, value)| PUNCTUATION + name.len() + weight(value)).sum::<usize>()
        }
    }
}
