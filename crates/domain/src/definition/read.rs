//! A file of definitions: one object, an array of them, `{"schemas": […], "resourceTypes": […]}`, or a ListResponse.

use std::sync::Arc;

use serde_json::Value;

use super::fields::Object;
use super::{Definition, Kind, Placed, TypeDefinition, schema};
use crate::schema::announce;
use crate::{Error, Result};

/// The definitions of a file, in its order; each is judged by itself here, and together when they are compiled.
///
/// # Errors
/// [`Error::InvalidValue`] with the place in the file.
pub fn read(file: &Value) -> Result<Vec<Placed>> {
    let mut found = Vec::new();
    if let Value::Array(list) = file {
        for (number, value) in list.iter().enumerate() {
            found.push(one(&Object::of(&format!("[{number}]"), value)?, None)?);
        }
        return at_least_one(found);
    }
    let whole = Object::of("", file).map_err(|_| {
        Error::InvalidValue("the file must hold a Schema, a ResourceType, or a list of such objects".into())
    })?;
    let holds = |kind: fn(&Value) -> bool, name: &str| {
        whole.get(name).and_then(Value::as_array).is_some_and(|list| list.iter().all(kind))
    };
    let most = usize::MAX;
    if whole.has("Resources") {
        for object in whole.objects("Resources", most)? {
            found.push(one(&object, None)?);
        }
    } else if whole.has("resourceTypes") || (whole.has("schemas") && !holds(Value::is_string, "schemas")) {
        whole.only(&["schemas", "resourceTypes"])?;
        for object in whole.objects("schemas", most)? {
            found.push(one(&object, Some(Kind::Schema))?);
        }
        for object in whole.objects("resourceTypes", most)? {
            found.push(one(&object, Some(Kind::ResourceType))?);
        }
    } else {
        found.push(one(&whole, None)?);
    }
    at_least_one(found)
}

fn at_least_one(found: Vec<Placed>) -> Result<Vec<Placed>> {
    if found.is_empty() {
        return Err(Error::InvalidValue("the file defines nothing".into()));
    }
    Ok(found)
}

fn one(object: &Object<'_>, kind: Option<Kind>) -> Result<Placed> {
    let definition = match kind.map_or_else(|| kind_of(object), Ok)? {
        Kind::Schema => Definition::Schema(Arc::new(schema::parse(object)?)),
        Kind::ResourceType => Definition::ResourceType(TypeDefinition::parse(object)?),
    };
    let place = if object.place.is_empty() { definition.id().to_owned() } else { object.place.clone() };
    Ok(Placed { place, definition })
}

/// What an object is: it says so in `schemas`, or it has members that only the one kind has.
fn kind_of(object: &Object<'_>) -> Result<Kind> {
    let urns = object.get("schemas").and_then(Value::as_array).map_or(&[][..], Vec::as_slice);
    let says = |urn: &str| urns.iter().any(|said| said.as_str().is_some_and(|s| s.eq_ignore_ascii_case(urn)));
    let has = |names: &[&str]| names.iter().any(|name| object.has(name));
    if says(announce::SCHEMA_URN) || (urns.is_empty() && has(&["attributes"])) {
        Ok(Kind::Schema)
    } else if says(announce::RESOURCE_TYPE_URN)
        || (urns.is_empty() && has(&["endpoint", "schema", "schemaExtensions"]))
    {
        Ok(Kind::ResourceType)
    } else {
        let place = if object.place.is_empty() { "the file" } else { &object.place };
        Err(Error::InvalidValue(format!(
            "{place}: is neither a Schema (with `attributes`) nor a ResourceType (with `endpoint`, `schema` or \
             `schemaExtensions`)"
        )))
    }
}
