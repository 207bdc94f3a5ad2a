//! What `/Schemas` and `/ResourceTypes` say (RFC 7643 sections 6 and 7): the schemas that validate, as the
//! contract writes them. Strict clients refuse an attribute that is not declared here.

use std::borrow::Cow;
use std::sync::Arc;

use serde_json::{Map, Value, json};

use super::build::string;
use super::{Attribute, Returned, Schema, Type, group, qa_group, role};
use crate::catalog::Catalog;
use crate::contract::{Contract, Shape};
use crate::resource_type::{Extension, FlatMember, Kind, ResourceType};
use crate::role::Role;
use crate::store::ProfileKey;

/// The URN of the schema of schemas.
pub const SCHEMA_URN: &str = "urn:ietf:params:scim:schemas:core:2.0:Schema";
/// The URN of the schema of resource types.
pub const RESOURCE_TYPE_URN: &str = "urn:ietf:params:scim:schemas:core:2.0:ResourceType";
/// Schemas with this prefix are our own extensions.
const OWN: &str = "urn:rollcall:";

/// What a tenant makes of that which is announced only where it is used.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Usage {
    /// The keys that occur in the profiles of its users.
    pub profile_keys: Vec<ProfileKey>,
    /// Whether one of its groups has owners.
    pub has_owners: bool,
}

/// The schemas of all resource types, and that of roles, as the contract writes them.
pub fn schemas(catalog: &Catalog, contract: &Contract, base: &str, usage: &Usage) -> Vec<Value> {
    let mut seen: Vec<&str> = Vec::new();
    let mut announced = Vec::new();
    for resource_type in catalog.types() {
        let extensions = extensions(contract, resource_type, usage).map(|extension| &extension.schema);
        for schema in std::iter::once(&resource_type.schema).chain(extensions) {
            if !seen.contains(&schema.id.as_str()) {
                seen.push(&schema.id);
                let attributes = attributes(contract, resource_type, schema, usage);
                announced.push(schema_value(base, schema, attributes));
            }
        }
    }
    // `/Roles` is no resource type, because nobody can make a role, but what it shows is declared.
    let role = role::role_schema(contract);
    let attributes = role.attributes.iter().filter_map(|attribute| attribute_value(attribute, &[])).collect();
    announced.push(schema_value(base, role, attributes));
    announced
}

/// The resource types.
pub fn resource_types(catalog: &Catalog, contract: &Contract, base: &str, usage: &Usage) -> Vec<Value> {
    let types = catalog.types().iter();
    types.map(|resource_type| type_value(contract, base, resource_type, usage)).collect()
}

/// The extensions whose attributes stand in an object of their own. One of ours that the tenant does not use is not
/// announced: a client that writes a whole QA extension without profile keys would read nothing back, and the texts
/// that conformance suites make up for owners are no users.
fn extensions<'a>(
    contract: &'a Contract,
    resource_type: &'a ResourceType,
    usage: &'a Usage,
) -> impl Iterator<Item = &'a Extension> {
    let shows = |attribute: &Arc<Attribute>| {
        attribute.returned != Returned::Request && attribute_value(attribute, &usage.profile_keys).is_some()
    };
    resource_type.extensions.iter().filter(move |Extension { schema, .. }| {
        if !schema.id.starts_with(OWN) {
            return true;
        }
        let used = schema.id != qa_group::URN || usage.has_owners;
        !stands_at_root(contract, schema) && used && schema.attributes.iter().any(shows)
    })
}

fn type_value(contract: &Contract, base: &str, resource_type: &ResourceType, usage: &Usage) -> Value {
    let extensions: Vec<Value> = extensions(contract, resource_type, usage)
        .map(|Extension { schema, required }| json!({"schema": schema.id, "required": required}))
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

/// The attributes of a schema as the contract writes them.
fn attributes(
    contract: &Contract,
    resource_type: &ResourceType,
    schema: &Schema,
    usage: &Usage,
) -> Vec<Value> {
    let written = written(contract, resource_type, schema);
    written.filter_map(|attribute| attribute_value(&attribute, &usage.profile_keys)).collect()
}

/// The attributes of a schema of the type, each in the form of the contract. Those of extensions that stand at the
/// root come last.
pub fn written<'a>(
    contract: &Contract,
    resource_type: &'a ResourceType,
    schema: &'a Schema,
) -> impl Iterator<Item = Cow<'a, Attribute>> {
    let is_root = contract.own_attributes_at_root && schema.id == resource_type.schema.id;
    let own =
        schema.attributes.iter().map(|attribute| as_written(contract, resource_type, schema, attribute));
    own.chain(root_attributes(resource_type).filter(move |_| is_root).map(Cow::Borrowed))
}

/// Whether the attributes of an extension stand at the root of a resource and not in an object of their own.
pub fn stands_at_root(contract: &Contract, extension: &Schema) -> bool {
    contract.own_attributes_at_root && extension.id.starts_with(OWN)
}

fn schema_value(base: &str, schema: &Schema, attributes: Vec<Value>) -> Value {
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

/// The attribute in the form of the contract: a flat `roles` is a list of the names of our roles, flat `members`
/// are a list of user names or ids.
fn as_written<'a>(
    contract: &Contract,
    resource_type: &ResourceType,
    schema: &Schema,
    stored: &'a Attribute,
) -> Cow<'a, Attribute> {
    if contract.shape == Shape::Objects || schema.id != resource_type.schema.id {
        return Cow::Borrowed(stored);
    }
    match (resource_type.kind, stored.name.as_str()) {
        (Kind::User, "roles") => {
            let names: Vec<&str> = Role::ALL.iter().map(|role| role.name()).collect();
            let flat = string(&stored.name, "The role of the user; exactly one.");
            Cow::Owned(flat.multi_valued().case_exact().canonical(&names))
        }
        (Kind::Group(FlatMember::UserName), group::MEMBERS) => {
            Cow::Owned(string(&stored.name, "The user names of the users in the group.").multi_valued())
        }
        (Kind::Group(FlatMember::Id), group::MEMBERS) => {
            let flat = string(&stored.name, "The ids of the users in the group.");
            Cow::Owned(flat.multi_valued().case_exact())
        }
        _ => Cow::Borrowed(stored),
    }
}

/// The attributes of a definition: every characteristic, or, of keys of the profile, what can be said of one.
pub(crate) fn defined(attributes: &[Arc<Attribute>], is_profile: bool) -> Vec<Value> {
    let key = |sub: &Arc<Attribute>| json!({"name": sub.name, "type": sub.kind.name(), "description": sub.description});
    let profile = |attribute: &Arc<Attribute>| {
        let keys: Vec<Value> = attribute.sub_attributes.iter().map(key).collect();
        json!({"name": attribute.name, "type": attribute.kind.name(), "subAttributes": keys})
    };
    match is_profile {
        true => attributes.iter().map(profile).collect(),
        false => attributes.iter().filter_map(|attribute| attribute_value(attribute, &[])).collect(),
    }
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
            let is_seen =
                |key: &&ProfileKey| super::is_attribute_name(&key.name) && attribute.sub(&key.name).is_none();
            subs.extend(keys.iter().filter(is_seen).map(key_value));
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
    use crate::schema::{enterprise, qa_user, user};
    use crate::store::ProfileKind;

    fn ids(values: &[Value]) -> Vec<&str> {
        values.iter().map(|value| value["id"].as_str().unwrap()).collect()
    }

    fn named<'a>(schema: &'a Value, name: &str) -> Option<&'a Value> {
        schema["attributes"].as_array().unwrap().iter().find(|attribute| attribute["name"] == name)
    }

    fn usage() -> Usage {
        let key = |name: &str| ProfileKey { name: name.into(), kind: ProfileKind::String };
        Usage { profile_keys: vec![key("Location"), key("no name")], has_owners: true }
    }

    #[test]
    fn each_contract_declares_what_it_writes() {
        let rfc = schemas(&Catalog::standard(), &RFC, "https://x/scim/v2", &usage());
        let expected = [
            user::URN,
            enterprise::URN,
            qa_user::URN,
            group::URN,
            qa_group::URN,
            group::USERGROUP_URN,
            role::URN,
        ];
        assert_eq!(ids(&rfc), expected);
        assert!(named(&rfc[0], "profile").is_none());
        assert_eq!(named(&rfc[0], "roles").unwrap()["type"], "complex");
        let profile = named(&rfc[2], "profile").unwrap();
        assert_eq!(profile["subAttributes"].as_array().unwrap().len(), 1);
        assert_eq!(profile["subAttributes"][0]["name"], "Location");
        assert_eq!(rfc[0]["meta"]["location"], format!("https://x/scim/v2/Schemas/{}", user::URN));

        let qa = schemas(&Catalog::standard(), &QA, "https://x/api/v1/scim/v2", &usage());
        assert_eq!(ids(&qa), [user::URN, enterprise::URN, group::URN, group::USERGROUP_URN, role::URN]);
        assert!(named(&qa[0], "profile").is_some());
        assert_eq!(named(&qa[0], "roles").unwrap()["type"], "string");
        assert_eq!(named(&qa[0], "roles").unwrap()["multiValued"], true);
    }

    #[test]
    fn groups_are_declared_as_they_are_written() {
        let rfc = schemas(&Catalog::standard(), &RFC, "", &usage());
        for place in [3, 5] {
            let members = named(&rfc[place], "members").unwrap();
            assert_eq!((&members["type"], &members["mutability"]), (&json!("complex"), &json!("readWrite")));
            let subs = members["subAttributes"].as_array().unwrap();
            let shown: Vec<_> = subs
                .iter()
                .map(|sub| (sub["name"].as_str().unwrap(), sub["mutability"].as_str().unwrap()))
                .collect();
            let expected = [
                ("value", "immutable"),
                ("$ref", "immutable"),
                ("display", "readOnly"),
                ("type", "immutable"),
            ];
            assert_eq!(shown, expected);
            assert_eq!(subs[1]["referenceTypes"], json!(["User"]));
            assert!(named(&rfc[place], "owners").is_none());
        }
        let owners = named(&rfc[4], "owners").unwrap();
        assert_eq!((&owners["type"], &owners["multiValued"]), (&json!("string"), &json!(true)));

        let qa = schemas(&Catalog::standard(), &QA, "", &Usage::default());
        for (place, case_exact) in [(2, false), (3, true)] {
            let members = named(&qa[place], "members").unwrap();
            assert_eq!((&members["type"], &members["multiValued"]), (&json!("string"), &json!(true)));
            assert_eq!(members["caseExact"], case_exact);
            assert_eq!(members.get("subAttributes"), None);
            assert_eq!(named(&qa[place], "owners").unwrap()["type"], "string");
        }
    }

    #[test]
    fn roles_are_declared_and_no_resource_type() {
        for (contract, kind) in [(&RFC, "complex"), (&QA, "string")] {
            let schemas = schemas(&Catalog::standard(), contract, "", &Usage::default());
            let role = schemas.iter().find(|schema| schema["id"] == role::URN).unwrap();
            let shown: Vec<_> = role["attributes"]
                .as_array()
                .unwrap()
                .iter()
                .map(|attribute| (attribute["name"].as_str().unwrap(), attribute["type"].as_str().unwrap()))
                .collect();
            let expected =
                [("id", "string"), ("displayName", "string"), ("memberCount", "integer"), ("members", kind)];
            assert_eq!(shown, expected);
            assert_eq!(
                ids(&resource_types(&Catalog::standard(), contract, "", &Usage::default())),
                ["User", "Group", "Usergroup"]
            );
        }
    }

    #[test]
    fn what_is_not_used_is_left_out() {
        let none = Usage::default();
        assert!(named(&schemas(&Catalog::standard(), &QA, "", &none)[0], "profile").is_none());
        assert_eq!(
            ids(&schemas(&Catalog::standard(), &RFC, "", &none)),
            [user::URN, enterprise::URN, group::URN, group::USERGROUP_URN, role::URN],
            "nothing of it is shown"
        );
        let types = resource_types(&Catalog::standard(), &RFC, "", &none);
        assert_eq!(types[0]["schemaExtensions"].as_array().unwrap().len(), 1);
        assert_eq!(types[1].get("schemaExtensions"), None);
    }

    #[test]
    fn resource_types_name_their_extensions() {
        let rfc = resource_types(&Catalog::standard(), &RFC, "https://x/scim/v2", &usage());
        assert_eq!(rfc[0]["schemaExtensions"].as_array().unwrap().len(), 2);
        for group in [&rfc[1], &rfc[2]] {
            assert_eq!(group["schemaExtensions"], json!([{"schema": qa_group::URN, "required": false}]));
        }
        assert_eq!(
            rfc[2],
            json!({
                "schemas": [RESOURCE_TYPE_URN],
                "id": "Usergroup", "name": "Usergroup", "endpoint": "/Usergroups", "description": "User group",
                "schema": group::USERGROUP_URN,
                "schemaExtensions": [{"schema": qa_group::URN, "required": false}],
                "meta": {
                    "resourceType": "ResourceType",
                    "location": "https://x/scim/v2/ResourceTypes/Usergroup",
                },
            })
        );
        let qa = resource_types(&Catalog::standard(), &QA, "https://x/scim/v2", &usage());
        assert_eq!(qa[0]["schemaExtensions"].as_array().unwrap().len(), 1);
        assert_eq!(qa[0]["endpoint"], "/Users");
        assert_eq!(qa[1].get("schemaExtensions"), None);
    }
}
