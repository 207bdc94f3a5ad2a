//! What `/Schemas` and `/ResourceTypes` say (RFC 7643 sections 6 and 7): the schemas that validate, as the
//! contract writes them. Strict clients refuse an attribute that is not declared here.

use std::borrow::Cow;
use std::sync::Arc;

use serde_json::{Map, Value, json};

use super::build::attribute;
use super::{Attribute, Returned, Schema, Type, user};
use crate::contract::{Contract, Shape};
use crate::resource_type::{self, ResourceType};
use crate::role::Role;
use crate::store::ProfileKey;

/// The URN of the schema of schemas.
pub const SCHEMA_URN: &str = "urn:ietf:params:scim:schemas:core:2.0:Schema";
/// The URN of the schema of resource types.
pub const RESOURCE_TYPE_URN: &str = "urn:ietf:params:scim:schemas:core:2.0:ResourceType";
/// Schemas with this prefix are our own extensions.
const OWN: &str = "urn:rollcall:";

/// The schemas of all resource types as the contract writes them, for a tenant with these profile keys.
pub fn schemas(contract: &Contract, base: &str, keys: &[ProfileKey]) -> Vec<Value> {
    let mut seen: Vec<&str> = Vec::new();
    let mut announced = Vec::new();
    for resource_type in resource_type::all() {
        for schema in std::iter::once(&resource_type.schema).chain(extensions(contract, resource_type, keys))
        {
            if !seen.contains(&schema.id.as_str()) {
                seen.push(&schema.id);
                announced.push(schema_value(contract, base, resource_type, schema, keys));
            }
        }
    }
    announced
}

/// The resource types, for a tenant with these profile keys.
pub fn resource_types(contract: &Contract, base: &str, keys: &[ProfileKey]) -> Vec<Value> {
    let types = resource_type::all().into_iter();
    types.map(|resource_type| type_value(contract, base, resource_type, keys)).collect()
}

/// The extensions whose attributes stand in an object of their own. One that shows nothing by default, as the QA
/// extension of a tenant without profile keys, is not announced: a client that writes it would read nothing back.
fn extensions<'a>(
    contract: &'a Contract,
    resource_type: &'a ResourceType,
    keys: &'a [ProfileKey],
) -> impl Iterator<Item = &'a Arc<Schema>> {
    let shows = |attribute: &Arc<Attribute>| {
        attribute.returned != Returned::Request && attribute_value(attribute, keys).is_some()
    };
    resource_type.extensions.iter().filter(move |schema| {
        let at_root = contract.own_attributes_at_root && schema.id.starts_with(OWN);
        !at_root && schema.attributes.iter().any(shows)
    })
}

fn type_value(contract: &Contract, base: &str, resource_type: &ResourceType, keys: &[ProfileKey]) -> Value {
    let extensions: Vec<Value> = extensions(contract, resource_type, keys)
        .map(|schema| json!({"schema": schema.id, "required": false}))
        .collect();
    let mut value = json!({
        "schemas": [RESOURCE_TYPE_URN],
        "id": resource_type.name,
        "name": resource_type.name,
        "endpoint": format!("/{}", resource_type.endpoint),
        "description": resource_type.description,
        "schema": resource_type.schema.id,
    });
    if !extensions.is_empty() {
        value["schemaExtensions"] = extensions.into();
    }
    value["meta"] = meta("ResourceType", format!("{base}/ResourceTypes/{}", resource_type.name));
    value
}

fn schema_value(
    contract: &Contract,
    base: &str,
    resource_type: &ResourceType,
    schema: &Schema,
    keys: &[ProfileKey],
) -> Value {
    let mut attributes: Vec<Value> = schema
        .attributes
        .iter()
        .map(|attribute| as_written(contract, schema, attribute))
        .filter_map(|attribute| attribute_value(&attribute, keys))
        .collect();
    if contract.own_attributes_at_root && schema.id == resource_type.schema.id {
        attributes
            .extend(root_attributes(resource_type).filter_map(|attribute| attribute_value(attribute, keys)));
    }
    json!({
        "schemas": [SCHEMA_URN],
        "id": schema.id,
        "name": schema.name,
        "description": schema.description,
        "attributes": attributes,
        "meta": meta("Schema", format!("{base}/Schemas/{}", schema.id)),
    })
}

/// The attributes of extensions that clients know under the same name at the root (`profile`).
fn root_attributes(resource_type: &ResourceType) -> impl Iterator<Item = &Attribute> {
    resource_type
        .aliases
        .iter()
        .filter(|(written, _, name)| written == name)
        .filter_map(|(_, urn, name)| resource_type.extension(urn)?.attribute(name))
        .map(Arc::as_ref)
}

/// The attribute in the form of the contract: a flat `roles` is a list of the names of our roles.
fn as_written<'a>(contract: &Contract, schema: &Schema, stored: &'a Attribute) -> Cow<'a, Attribute> {
    if contract.shape == Shape::Flat && schema.id == user::URN && stored.name == "roles" {
        let names: Vec<&str> = Role::ALL.iter().map(|role| role.name()).collect();
        let flat = attribute(&stored.name, Type::String, "The role of the user; exactly one.");
        return Cow::Owned(flat.multi_valued().case_exact().canonical(&names));
    }
    Cow::Borrowed(stored)
}

/// Every characteristic of RFC 7643 section 7, or none for an open attribute of which no key is known.
fn attribute_value(attribute: &Attribute, keys: &[ProfileKey]) -> Option<Value> {
    let mut value = json!({
        "name": attribute.name,
        "type": attribute.kind.name(),
        "multiValued": attribute.multi_valued,
        "description": attribute.description,
        "required": attribute.required,
    });
    if !attribute.canonical_values.is_empty() {
        value["canonicalValues"] = attribute.canonical_values.clone().into();
    }
    value["caseExact"] = attribute.case_exact.into();
    value["mutability"] = attribute.mutability.name().into();
    value["returned"] = attribute.returned.name().into();
    value["uniqueness"] = attribute.uniqueness.name().into();
    if !attribute.reference_types.is_empty() {
        value["referenceTypes"] = attribute.reference_types.clone().into();
    }
    if attribute.kind == Type::Complex {
        let mut subs: Vec<Value> =
            attribute.sub_attributes.iter().filter_map(|sub| attribute_value(sub, keys)).collect();
        if attribute.open {
            subs.extend(keys.iter().filter(|key| super::is_attribute_name(&key.name)).map(key_value));
        }
        if subs.is_empty() {
            return None;
        }
        value["subAttributes"] = subs.into();
    }
    Some(value)
}

fn key_value(key: &ProfileKey) -> Value {
    let mut value = Map::new();
    value.insert("name".into(), key.name.clone().into());
    value.insert("type".into(), key.kind.name().into());
    value.insert("multiValued".into(), false.into());
    value.insert("description".into(), "An attribute of the platform's customer.".into());
    value.insert("required".into(), false.into());
    value.insert("caseExact".into(), false.into());
    value.insert("mutability".into(), "readWrite".into());
    value.insert("returned".into(), "default".into());
    value.insert("uniqueness".into(), "none".into());
    Value::Object(value)
}

fn meta(resource_type: &str, location: String) -> Value {
    json!({"resourceType": resource_type, "location": location})
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::contract::{QA, RFC};
    use crate::schema::{enterprise, qa_user};
    use crate::store::ProfileKind;

    fn ids(values: &[Value]) -> Vec<&str> {
        values.iter().map(|value| value["id"].as_str().unwrap()).collect()
    }

    fn named<'a>(schema: &'a Value, name: &str) -> Option<&'a Value> {
        schema["attributes"].as_array().unwrap().iter().find(|attribute| attribute["name"] == name)
    }

    fn keys() -> Vec<ProfileKey> {
        vec![
            ProfileKey { name: "Location".into(), kind: ProfileKind::String },
            ProfileKey { name: "no name".into(), kind: ProfileKind::String },
        ]
    }

    #[test]
    fn each_contract_declares_what_it_writes() {
        let rfc = schemas(&RFC, "https://x/scim/v2", &keys());
        assert_eq!(ids(&rfc), [user::URN, enterprise::URN, qa_user::URN]);
        assert!(named(&rfc[0], "profile").is_none());
        assert_eq!(named(&rfc[0], "roles").unwrap()["type"], "complex");
        let profile = named(&rfc[2], "profile").unwrap();
        assert_eq!(profile["subAttributes"].as_array().unwrap().len(), 1);
        assert_eq!(profile["subAttributes"][0]["name"], "Location");
        assert_eq!(rfc[0]["meta"]["location"], format!("https://x/scim/v2/Schemas/{}", user::URN));

        let qa = schemas(&QA, "https://x/api/v1/scim/v2", &keys());
        assert_eq!(ids(&qa), [user::URN, enterprise::URN]);
        assert!(named(&qa[0], "profile").is_some());
        assert_eq!(named(&qa[0], "roles").unwrap()["type"], "string");
        assert_eq!(named(&qa[0], "roles").unwrap()["multiValued"], true);
    }

    #[test]
    fn a_profile_without_keys_is_left_out() {
        assert!(named(&schemas(&QA, "", &[])[0], "profile").is_none());
        assert_eq!(ids(&schemas(&RFC, "", &[])), [user::URN, enterprise::URN], "nothing of it is shown");
        assert_eq!(resource_types(&RFC, "", &[])[0]["schemaExtensions"].as_array().unwrap().len(), 1);
    }

    #[test]
    fn resource_types_name_their_extensions() {
        let rfc = resource_types(&RFC, "https://x/scim/v2", &keys());
        assert_eq!(rfc[0]["schemaExtensions"].as_array().unwrap().len(), 2);
        let qa = resource_types(&QA, "https://x/scim/v2", &keys());
        assert_eq!(qa[0]["schemaExtensions"].as_array().unwrap().len(), 1);
        assert_eq!(qa[0]["endpoint"], "/Users");
    }
}
