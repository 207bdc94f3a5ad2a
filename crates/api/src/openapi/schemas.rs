//! Component schemas of what a tenant stores, from the attributes that validate it and that `/Schemas` serves.
//!
//! There are two of each type, because they say different things: a reply holds nothing that is not declared, and
//! `attributes` may cut it down to `schemas` and `id`; a request must hold what is required, and what is not declared
//! in it is passed over.

use domain::contract::{Contract, Put};
use domain::limits;
use domain::resource_type::{Kind, ResourceType};
use domain::schema::announce::{stands_at_root, written};
use domain::schema::{Attribute, Mutability, Returned, Type, common, role};
use serde_json::{Map, Value, json};

use super::component;

/// Which way a resource goes.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Way {
    /// To the client.
    Out,
    /// From the client.
    In,
}

/// Extensions stand in a resource under their URN: those here, and those that a tenant has added.
const URN_KEYS: &str = "^[Uu][Rr][Nn]:";

/// The components of one resource type on one contract: as replied, in a list, as written, and as written by a PUT
/// that merges.
pub(super) fn resource_type(
    into: &mut Map<String, Value>,
    contract: &Contract,
    resource_type: &ResourceType,
) {
    let name = |suffix: &str| component(contract, &format!("{}{suffix}", resource_type.name));
    into.insert(name(""), resource(contract, resource_type, Way::Out));
    into.insert(name("List"), list(&name("")));
    let mut input = resource(contract, resource_type, Way::In);
    if let Some(input) = input["properties"].as_object_mut() {
        name_rules(contract, resource_type, input);
    }
    input["examples"] = json!([example(resource_type)]);
    input["description"] = "Read-only attributes may be sent and are ignored; so are unknown ones.".into();
    if contract.put == Put::Merge {
        let mut change = input.clone();
        if let Some(change) = change.as_object_mut() {
            change.remove("required");
        }
        change["description"] = "As for a new one; what is not sent stays as it is.".into();
        into.insert(name("Change"), change);
    }
    into.insert(name("Input"), input);
}

/// The components of roles on one contract.
pub(super) fn roles(into: &mut Map<String, Value>, contract: &Contract) {
    let attributes = &role::role_schema(contract).attributes;
    let own = ["schemas", "meta"].into_iter().filter_map(common::attribute_named).chain(attributes);
    let (properties, _) = properties(own.map(AsRef::as_ref), Way::Out);
    let name = component(contract, "Role");
    into.insert(component(contract, "RoleList"), list(&name));
    into.insert(name, closed(properties, &["schemas".to_owned(), "id".to_owned()]));
}

/// A resource of a type that only its tenant knows.
pub(super) fn any_resource(into: &mut Map<String, Value>) {
    let (properties, required) = properties(common::ATTRIBUTES.iter().map(AsRef::as_ref), Way::Out);
    into.insert(
        "Resource".into(),
        json!({
            "type": "object",
            "description": "`/Schemas` of the tenant declares the other attributes.",
            "required": required,
            "properties": properties,
        }),
    );
    into.insert("ResourceList".into(), list("Resource"));
    into.insert(
        "ResourceInput".into(),
        json!({
            "type": "object",
            "description": "A resource as the schemas of its type declare it.",
            "properties": {"schemas": {"type": "array", "items": {"type": "string"}}},
        }),
    );
}

/// RFC 7644 section 3.4.2, with the cursors of RFC 9865.
pub(super) fn list(of: &str) -> Value {
    let list = super::messages::urn("ListResponse");
    let number = json!({"type": "integer", "minimum": 0});
    let properties = json!({
        "schemas": super::messages::schemas(&list),
        "totalResults": number,
        "startIndex": {"type": "integer", "minimum": 1, "description": "Left out when paging by cursor."},
        "itemsPerPage": number,
        "nextCursor": {"type": "string", "description": "For the next page when paging by cursor."},
        "previousCursor": {"type": "string"},
        "Resources": {"type": "array", "items": super::schema(of)},
    });
    let required = ["schemas", "totalResults", "itemsPerPage", "Resources"];
    json!({"type": "object", "required": required, "properties": properties, "additionalProperties": false})
}

fn resource(contract: &Contract, resource_type: &ResourceType, way: Way) -> Value {
    let own: Vec<_> = written(contract, resource_type, &resource_type.schema).collect();
    let all = common::ATTRIBUTES.iter().map(AsRef::as_ref).chain(own.iter().map(AsRef::as_ref));
    let (mut properties, required) = properties(all, way);
    for extension in resource_type.extensions().filter(|extension| !stands_at_root(contract, extension)) {
        let (inner, _) = self::properties(extension.attributes.iter().map(AsRef::as_ref), way);
        properties.insert(extension.id.clone(), object(inner, way));
    }
    if way == Way::In {
        properties.insert("schemas".into(), json!({"type": "array", "items": {"type": "string"}}));
        let mut value = object(properties, way);
        value["required"] = required.into();
        return value;
    }
    let mut value = closed(properties, &required);
    value["patternProperties"] = json!({URN_KEYS: {"type": "object"}});
    value
}

/// What is asked of the name of a user beyond its schema.
fn name_rules(contract: &Contract, resource_type: &ResourceType, properties: &mut Map<String, Value>) {
    let Some(name) = properties.get_mut("userName").filter(|_| resource_type.kind == Kind::User) else {
        return;
    };
    // No blanks at either end.
    name["pattern"] = "^\\S(.*\\S)?$".into();
    if contract.user_name_is_email {
        name["format"] = "email".into();
    }
}

/// The least that makes a resource.
fn example(resource_type: &ResourceType) -> Value {
    let mut example = json!({"schemas": [resource_type.schema.id]});
    if let Some(name) = resource_type.name_attribute {
        let value = if resource_type.kind == Kind::User { "mia@example.com" } else { "Support Porto" };
        example[name] = value.into();
    }
    example
}

/// The properties that go this way, and the names of those that are always there.
fn properties<'a>(
    attributes: impl Iterator<Item = &'a Attribute>,
    way: Way,
) -> (Map<String, Value>, Vec<String>) {
    let goes = |attribute: &&Attribute| match way {
        Way::Out => attribute.returned != Returned::Never,
        Way::In => attribute.mutability != Mutability::ReadOnly,
    };
    let (mut properties, mut required) = (Map::new(), Vec::new());
    for attribute in attributes.filter(goes) {
        let always = match way {
            Way::Out => attribute.returned == Returned::Always,
            Way::In => attribute.required,
        };
        if always {
            required.push(attribute.name.clone());
        }
        properties.insert(attribute.name.clone(), property(attribute, way));
    }
    (properties, required)
}

fn property(attribute: &Attribute, way: Way) -> Value {
    let one = value(attribute, way);
    let mut property = if attribute.multi_valued {
        let mut list = json!({"type": "array", "items": one});
        if way == Way::In {
            // Users are named in lists of their own limit.
            let of_users = matches!(attribute.name.as_str(), "members" | "owners");
            list["maxItems"] = if of_users { limits::MEMBERS } else { limits::ENTRIES }.into();
        }
        list
    } else {
        one
    };
    property["description"] = attribute.description.as_str().into();
    match attribute.mutability {
        Mutability::ReadOnly => property["readOnly"] = true.into(),
        Mutability::WriteOnly => property["writeOnly"] = true.into(),
        Mutability::ReadWrite | Mutability::Immutable => {}
    }
    property
}

/// One value of an attribute.
fn value(attribute: &Attribute, way: Way) -> Value {
    let mut value = match attribute.kind {
        Type::String => json!({"type": "string"}),
        Type::Boolean => json!({"type": "boolean"}),
        Type::Decimal => json!({"type": "number"}),
        Type::Integer => json!({"type": "integer", "format": "int64"}),
        Type::DateTime => json!({"type": "string", "format": "date-time"}),
        Type::Binary => json!({"type": "string", "contentEncoding": "base64"}),
        // Kept as sent, so it may be any text.
        Type::Reference => json!({"type": "string"}),
        Type::Complex if attribute.open => {
            return json!({"type": "object", "additionalProperties": {"type": ["string", "number", "boolean"]}});
        }
        Type::Complex => {
            let (inner, _) = properties(attribute.sub_attributes.iter().map(AsRef::as_ref), way);
            return object(inner, way);
        }
    };
    if is_closed(attribute) {
        value["enum"] = attribute.canonical_values.clone().into();
    }
    if way == Way::In && matches!(attribute.kind, Type::String | Type::Reference | Type::Binary) {
        value["maxLength"] = attribute.max_chars.into();
    }
    value
}

/// Canonical values of `type` are suggestions wherever clients write it (RFC 7643 section 2.4); any others are all
/// there is.
fn is_closed(attribute: &Attribute) -> bool {
    let suggests = attribute.name == "type" && attribute.mutability != Mutability::ReadOnly;
    !attribute.canonical_values.is_empty() && !suggests
}

fn object(properties: Map<String, Value>, way: Way) -> Value {
    match way {
        Way::Out => closed(properties, &[]),
        Way::In => json!({"type": "object", "properties": properties}),
    }
}

/// A reply holds nothing that is not declared.
fn closed(properties: Map<String, Value>, required: &[String]) -> Value {
    let mut value = json!({"type": "object"});
    if !required.is_empty() {
        value["required"] = required.into();
    }
    value["properties"] = Value::Object(properties);
    value["additionalProperties"] = false.into();
    value
}
