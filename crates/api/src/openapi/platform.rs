//! Component schemas of the platform API. The settings of a tenant are those of the one table that validates them.

use domain::limits;
use domain::principal::Scope;
use domain::role::Role;
use domain::tenant::TenantState;
use domain::tenant::settings::{Kind, MOST_DAYS, SETTINGS, Setting, Unset};
use serde_json::{Map, Value, json};

use super::schema;

/// The media type of its failures.
pub(super) const PROBLEM: &str = "application/problem+json";

/// Adds all of them.
pub(super) fn add(into: &mut Map<String, Value>) {
    let id = || json!({"type": "string", "format": "uuid"});
    let time = || json!({"type": ["string", "null"], "format": "date-time"});
    let name = || json!({"type": "string", "minLength": 1, "maxLength": limits::NAME_CHARS});
    let object = |required: &[&str], properties: Value| json!({"type": "object", "required": required, "properties": properties});
    let input = |required: &[&str], properties: Value| {
        let mut schema = object(required, properties);
        schema["additionalProperties"] = false.into();
        schema
    };
    let list_of = |key: &str, one: &str| json!({key: {"type": "array", "items": schema(one)}});
    let slug = json!({"type": "string", "pattern": "^[a-z0-9-]{1,63}$"});
    let scopes: Vec<&str> = Scope::ALL.iter().map(|scope| scope.name()).collect();
    let scopes = json!({"type": "array", "minItems": 1, "items": {"type": "string", "enum": scopes}});
    let mut roles: Vec<Value> = Role::ALL.iter().map(|role| role.name().into()).collect();
    roles.push(Value::Null);
    let states: Vec<&str> = TenantState::ALL.iter().map(|state| state.name()).collect();

    let tenant = json!({
        "id": id(),
        "slug": {"type": ["string", "null"], "description": "Null once the tenant is deleted."},
        "name": {"type": "string", "description": "Empty once the tenant is purged."},
        "state": {"type": "string", "enum": states},
        "settings": schema("TenantSettings"),
        "createdAt": {"type": "string", "format": "date-time"},
        "purgeAfter": time(),
        "purge": {
            "type": "object",
            "description": "What becomes of the data of a deleted tenant.",
            "required": ["state", "remaining"],
            "properties": {
                "state": {"type": "string", "enum": ["waiting", "running", "done"]},
                "remaining": {"type": ["integer", "null"], "description": "Rows that are left, once it has begun."},
            },
        },
    });
    let token = json!({
        "id": id(), "name": name(), "scopes": scopes, "roleCeiling": {"enum": roles},
        "createdAt": {"type": "string", "format": "date-time"}, "expiresAt": time(), "revokedAt": time(),
    });
    let mut new_token = token.clone();
    new_token["token"] = json!({"type": "string", "description": "Shown this once."});
    let token_fields = ["id", "name", "scopes", "roleCeiling", "createdAt", "expiresAt", "revokedAt"];
    let mut tenant_list = list_of("tenants", "Tenant");
    tenant_list["nextCursor"] = json!({"type": "string", "description": "Absent on the last page."});
    let expires_in = json!({
        "type": ["string", "null"], "pattern": "^([0-9]+[dh]|never)$", "description": "`90d` unless sent.",
    });
    let problem = json!({
        "type": {"type": "string", "format": "uri-reference"}, "title": {"type": "string"},
        "status": {"type": "integer"}, "detail": {"type": "string"},
        "instance": {"type": "string", "description": "The id of the request, as in `X-Request-Id` and in the log."},
    });
    into.extend(
        [
            ("TenantSettings", object(&[], settings())),
            ("Tenant", object(&["id", "slug", "name", "state", "settings", "createdAt"], tenant)),
            ("TenantList", object(&["tenants"], tenant_list)),
            (
                "TenantInput",
                input(&["slug"], json!({"slug": slug, "name": name(), "settings": schema("TenantSettings")})),
            ),
            (
                "TenantChange",
                input(&[], json!({"name": name(), "settings": schema("TenantSettings")})),
            ),
            ("Token", object(&token_fields, token)),
            ("NewToken", object(&[&token_fields[..], &["token"]].concat(), new_token)),
            ("TokenList", object(&["tokens"], list_of("tokens", "Token"))),
            (
                "TokenInput",
                input(
                    &["name"],
                    json!({"name": name(), "scopes": scopes, "roleCeiling": {"enum": roles}, "expiresIn": expires_in}),
                ),
            ),
            ("Problem", object(&["type", "title", "status", "detail", "instance"], problem)),
        ]
        .map(|(name, schema)| (name.to_owned(), schema)),
    );
}

fn settings() -> Value {
    let described = |one: &Setting| {
        let mut schema = match one.kind {
            Kind::Boolean => json!({"type": ["boolean", "null"]}),
            Kind::Count => json!({"type": ["integer", "null"], "minimum": 0, "maximum": u32::MAX}),
            Kind::Days(least) => json!({"type": ["integer", "null"], "minimum": least, "maximum": MOST_DAYS}),
            Kind::Role => {
                let mut names: Vec<Value> = Role::ALL.iter().map(|role| role.name().into()).collect();
                names.push(Value::Null);
                json!({"enum": names})
            }
        };
        schema["description"] = one.meaning.into();
        if !matches!(one.default, Unset::Contract | Unset::Any) {
            schema["default"] = one.default.value();
        }
        (one.name.to_owned(), schema)
    };
    Value::Object(SETTINGS.iter().map(described).collect())
}
