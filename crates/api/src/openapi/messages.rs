//! Component schemas of the messages of RFC 7644 and of discovery.

use domain::limits;
use domain::schema::announce::{RESOURCE_TYPE_URN, SCHEMA_URN};
use domain::schema::{Mutability, Returned, Type, Uniqueness};
use serde_json::{Map, Value, json};

use super::schema;

/// The URN of a message.
pub(super) fn urn(message: &str) -> String {
    format!("urn:ietf:params:scim:api:messages:2.0:{message}")
}

/// `schemas` of something that has exactly one.
pub(super) fn schemas(urn: &str) -> Value {
    json!({"type": "array", "items": {"type": "string", "const": urn}, "minItems": 1, "maxItems": 1})
}

/// Adds all of them.
pub(super) fn add(into: &mut Map<String, Value>) {
    let all = [
        ("Error", error()),
        ("PatchOp", patch_op()),
        ("SearchRequest", search_request()),
        ("BulkRequest", bulk_request()),
        ("BulkResponse", bulk_response()),
        ("ServiceProviderConfig", service_provider_config()),
        ("ResourceType", resource_type()),
        ("ResourceTypeList", super::schemas::list("ResourceType")),
        ("Attribute", attribute()),
        ("Schema", schema_of_schemas()),
        ("SchemaList", super::schemas::list("Schema")),
        ("DiscoveryMeta", meta()),
    ];
    into.extend(all.map(|(name, schema)| (name.to_owned(), schema)));
}

/// RFC 7644 section 3.12.
fn error() -> Value {
    // Table 9 of the RFC, and section 2.1 of RFC 9865.
    let keywords = [
        "invalidFilter",
        "tooMany",
        "uniqueness",
        "mutability",
        "invalidSyntax",
        "invalidPath",
        "noTarget",
        "invalidValue",
        "invalidVers",
        "sensitive",
        "invalidCursor",
        "expiredCursor",
        "invalidCount",
    ];
    json!({
        "type": "object",
        "required": ["schemas", "status", "detail"],
        "properties": {
            "schemas": schemas(&urn("Error")),
            "status": {"type": "string", "pattern": "^[45][0-9]{2}$"},
            "scimType": {"type": "string", "enum": keywords},
            "detail": {"type": "string"},
        },
        "additionalProperties": false,
    })
}

/// RFC 7644 section 3.5.2.
fn patch_op() -> Value {
    let urn = urn("PatchOp");
    json!({
        "type": "object",
        "required": ["schemas", "Operations"],
        "properties": {
            "schemas": schemas(&urn),
            "Operations": {
                "type": "array",
                "maxItems": limits::PATCH_OPERATIONS,
                "items": {
                    "type": "object",
                    "required": ["op"],
                    "properties": {
                        "op": {"type": "string", "enum": ["add", "remove", "replace"]},
                        "path": {"type": "string", "description": "What is changed, as `emails[type eq \"work\"].value`."},
                        "value": {"description": "Any JSON that fits the attribute."},
                    },
                },
            },
        },
        "examples": [{
            "schemas": [urn],
            "Operations": [{"op": "replace", "path": "externalId", "value": "00u1"}],
        }],
    })
}

/// RFC 7644 section 3.4.3: the parameters of a list as a body.
fn search_request() -> Value {
    let names = json!({"type": "array", "items": {"type": "string"}, "maxItems": limits::PROJECTION_NAMES});
    let urn = urn("SearchRequest");
    json!({
        "type": "object",
        "required": ["schemas"],
        "properties": {
            "schemas": schemas(&urn),
            "filter": {"type": "string", "maxLength": limits::FILTER_BYTES},
            "sortBy": {"type": "string"},
            "sortOrder": {"type": "string", "enum": ["ascending", "descending"]},
            "startIndex": {"type": "integer"},
            "count": {"type": "integer"},
            "cursor": {"type": "string"},
            "attributes": names,
            "excludedAttributes": names,
        },
        "examples": [{"schemas": [urn], "filter": "meta.created pr", "count": 10}],
    })
}

/// RFC 7644 section 3.7.
fn bulk_request() -> Value {
    let urn = urn("BulkRequest");
    json!({
        "type": "object",
        "required": ["schemas", "Operations"],
        "properties": {
            "schemas": schemas(&urn),
            "failOnErrors": {"type": "integer", "minimum": 1},
            "Operations": {
                "type": "array",
                "maxItems": limits::BULK_OPERATIONS,
                "items": {
                    "type": "object",
                    "required": ["method", "path"],
                    "properties": {
                        "method": {"type": "string", "enum": ["POST", "PUT", "PATCH", "DELETE"]},
                        "bulkId": {"type": "string", "description": "Required for POST; others refer to it as `bulkId:…`."},
                        "version": {"type": "string", "description": "Acts as `If-Match`."},
                        "path": {"type": "string", "description": "As `/Users` or `/Users/{id}`."},
                        "data": {"type": "object", "description": "The body of the single request."},
                    },
                },
            },
        },
        "examples": [{
            "schemas": [urn],
            "Operations": [{
                "method": "POST", "path": "/Users", "bulkId": "1", "data": {"userName": "mia@example.com"},
            }],
        }],
    })
}

fn bulk_response() -> Value {
    json!({
        "type": "object",
        "required": ["schemas", "Operations"],
        "properties": {
            "schemas": schemas(&urn("BulkResponse")),
            "Operations": {
                "type": "array",
                "items": {
                    "type": "object",
                    "required": ["status"],
                    "properties": {
                        // What the client sent, whatever it was.
                        "method": {"type": "string"},
                        "bulkId": {"type": "string"},
                        "location": {"type": "string", "format": "uri"},
                        "version": {"type": "string"},
                        "status": {"type": "string", "pattern": "^[2-5][0-9]{2}$"},
                        "response": schema("Error"),
                    },
                    "additionalProperties": false,
                },
            },
        },
        "additionalProperties": false,
    })
}

/// RFC 7643 section 5, and RFC 9865 section 4.
fn service_provider_config() -> Value {
    let supported = json!({
        "type": "object",
        "required": ["supported"],
        "properties": {"supported": {"type": "boolean"}},
        "additionalProperties": false,
    });
    let with = |numbers: &[&str]| {
        let mut value = supported.clone();
        for &name in numbers {
            value["properties"][name] = json!({"type": "integer"});
        }
        let required: Vec<&str> = std::iter::once("supported").chain(numbers.iter().copied()).collect();
        value["required"] = required.into();
        value
    };
    json!({
        "type": "object",
        "required": [
            "schemas", "patch", "bulk", "filter", "changePassword", "sort", "etag", "authenticationSchemes",
        ],
        "properties": {
            "schemas": schemas("urn:ietf:params:scim:schemas:core:2.0:ServiceProviderConfig"),
            "patch": supported,
            "bulk": with(&["maxOperations", "maxPayloadSize"]),
            "filter": with(&["maxResults"]),
            "changePassword": supported,
            "sort": supported,
            "etag": supported,
            "pagination": {
                "type": "object",
                "required": ["cursor", "index"],
                "properties": {
                    "cursor": {"type": "boolean"},
                    "index": {"type": "boolean"},
                    "defaultPaginationMethod": {"type": "string", "enum": ["cursor", "index"]},
                    "defaultPageSize": {"type": "integer"},
                    "maxPageSize": {"type": "integer"},
                    "cursorTimeout": {"type": "integer"},
                },
                "additionalProperties": false,
            },
            "authenticationSchemes": {
                "type": "array",
                "items": {
                    "type": "object",
                    "required": ["type", "name", "description"],
                    "properties": {
                        "type": {"type": "string", "enum": ["oauthbearertoken", "httpbasic"]},
                        "name": {"type": "string"},
                        "description": {"type": "string"},
                        "specUri": {"type": "string", "format": "uri"},
                        "primary": {"type": "boolean"},
                    },
                    "additionalProperties": false,
                },
            },
            "meta": schema("DiscoveryMeta"),
        },
        "additionalProperties": false,
    })
}

/// RFC 7643 section 6.
fn resource_type() -> Value {
    json!({
        "type": "object",
        "required": ["schemas", "id", "name", "endpoint", "schema"],
        "properties": {
            "schemas": schemas(RESOURCE_TYPE_URN),
            "id": {"type": "string"},
            "name": {"type": "string"},
            "endpoint": {"type": "string", "pattern": "^/"},
            "description": {"type": "string"},
            "schema": {"type": "string"},
            "schemaExtensions": {
                "type": "array",
                "items": {
                    "type": "object",
                    "required": ["schema", "required"],
                    "properties": {"schema": {"type": "string"}, "required": {"type": "boolean"}},
                    "additionalProperties": false,
                },
            },
            "meta": schema("DiscoveryMeta"),
        },
        "additionalProperties": false,
    })
}

/// RFC 7643 section 7.
fn attribute() -> Value {
    let words = json!({"type": "array", "items": {"type": "string"}});
    json!({
        "type": "object",
        "required": [
            "name", "type", "multiValued", "description", "required", "caseExact", "mutability", "returned",
            "uniqueness",
        ],
        "properties": {
            "name": {"type": "string"},
            "type": {
                "type": "string",
                "enum": Type::ALL.map(Type::name),
            },
            "multiValued": {"type": "boolean"},
            "description": {"type": "string"},
            "required": {"type": "boolean"},
            "canonicalValues": words,
            "caseExact": {"type": "boolean"},
            "mutability": {"type": "string", "enum": Mutability::ALL.map(Mutability::name)},
            "returned": {"type": "string", "enum": Returned::ALL.map(Returned::name)},
            "uniqueness": {"type": "string", "enum": Uniqueness::ALL.map(Uniqueness::name)},
            "referenceTypes": words,
            "subAttributes": {"type": "array", "items": schema("Attribute")},
        },
        "additionalProperties": false,
    })
}

fn schema_of_schemas() -> Value {
    json!({
        "type": "object",
        "required": ["schemas", "id", "name", "attributes"],
        "properties": {
            "schemas": schemas(SCHEMA_URN),
            "id": {"type": "string"},
            "name": {"type": "string"},
            "description": {"type": "string"},
            "attributes": {"type": "array", "items": schema("Attribute")},
            "meta": schema("DiscoveryMeta"),
        },
        "additionalProperties": false,
    })
}

fn meta() -> Value {
    json!({
        "type": "object",
        "required": ["resourceType", "location"],
        "properties": {
            "resourceType": {"type": "string"},
            "location": {"type": "string", "format": "uri"},
        },
        "additionalProperties": false,
    })
}
