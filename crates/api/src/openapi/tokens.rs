//! Component schemas of API tokens, for every API that looks after them.

use domain::limits;
use domain::principal::Scope;
use domain::role::Role;
use domain::token::{WARNINGS, warning_text};
use serde_json::{Map, Value, json};

use super::schema;

/// Adds all of them.
pub(super) fn add(into: &mut Map<String, Value>) {
    let time = || json!({"type": "string", "format": "date-time"});
    let maybe_time = || json!({"type": ["string", "null"], "format": "date-time"});
    let text = || json!({"type": "string"});
    let maybe_text = || json!({"type": ["string", "null"]});
    let name = json!({"type": "string", "minLength": 1, "maxLength": limits::NAME_CHARS});
    let object = |properties: &Value| {
        let required: Vec<&String> = properties.as_object().into_iter().flat_map(Map::keys).collect();
        json!({"type": "object", "required": required, "properties": properties})
    };
    let input = |required: &[&str], properties: Value| json!({"type": "object", "required": required, "properties": properties, "additionalProperties": false});
    let or_null = |schema: Value| json!({"anyOf": [schema, {"type": "null"}]});
    let scopes: Vec<&str> = Scope::ALL.iter().map(|scope| scope.name()).collect();
    let scopes = json!({"type": "array", "minItems": 1, "items": {"type": "string", "enum": scopes}});
    let roles: Vec<Value> = Role::ALL.iter().map(|role| role.name().into()).chain([Value::Null]).collect();
    let warnings: Vec<Value> =
        WARNINGS.iter().map(|days| warning_text(*days).into()).chain([Value::Null]).collect();
    let agent = json!({"type": "string", "maxLength": limits::AGENT_CHARS});
    let previous = json!({"lastFour": maybe_text(), "expiresAt": time(), "lastUsedAt": maybe_time()});
    let used = json!({"at": time(), "address": text(), "userAgent": agent});
    let mut token = json!({
        "id": {"type": "string", "format": "uuid"}, "name": name, "scopes": scopes, "roleCeiling": {"enum": roles},
        "prefix": text(), "lastFour": maybe_text(), "createdAt": time(), "rotatedAt": maybe_time(),
        "expiresAt": maybe_time(), "revokedAt": maybe_time(), "previousSecret": or_null(object(&previous)),
        "lastUsed": or_null(object(&used)), "warning": {"enum": warnings},
    });
    token["lastFour"]["description"] =
        "The end of the secret; null for a token older than that it is kept.".into();
    token["previousSecret"]["description"] = "The secret before this one, while it goes on.".into();
    token["lastUsed"]["description"] = "Some seconds late.".into();
    let mut new_token = token.clone();
    new_token["token"] = json!({"type": "string", "description": "Shown this once."});
    let tokens = json!({
        "tokens": {"type": "array", "items": schema("Token")},
        "nextCursor": {"type": "string", "description": "Absent on the last page."},
    });
    let expires_in = |unless: &str| json!({"type": ["string", "null"], "pattern": "^([0-9]+[dh]|never)$", "description": unless});
    let overlap = json!({
        "type": ["string", "null"], "pattern": "^[0-9]+[dh]$",
        "description": format!("How long the secret before goes on, at most {}d; `7d` unless sent.", limits::TOKEN_OVERLAP_DAYS),
    });
    into.extend(
        [
            ("Token", object(&token)),
            ("NewToken", object(&new_token)),
            ("TokenList", json!({"type": "object", "required": ["tokens"], "properties": tokens})),
            (
                "TokenInput",
                input(
                    &["name"],
                    json!({
                        "name": name, "scopes": scopes, "roleCeiling": {"enum": roles},
                        "expiresIn": expires_in("`90d` unless sent."),
                    }),
                ),
            ),
            ("TokenChange", input(&[], json!({"name": name}))),
            (
                "TokenRotation",
                input(
                    &[],
                    json!({
                        "overlap": overlap,
                        "expiresIn": expires_in("As long as the secret before was made for, unless sent."),
                    }),
                ),
            ),
        ]
        .map(|(name, schema)| (name.to_owned(), schema)),
    );
}
