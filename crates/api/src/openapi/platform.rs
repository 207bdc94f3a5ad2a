//! Component schemas of the platform API. The settings of a tenant are those of the one table that validates them.

use domain::limits;
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
    let mut tenant_list = list_of("tenants", "Tenant");
    tenant_list["nextCursor"] = json!({"type": "string", "description": "Absent on the last page."});
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
            ("TenantChange", input(&[], json!({"name": name(), "settings": schema("TenantSettings")}))),
            ("Guard", object(&["enabled", "minutes", "tokens"], guard())),
            (
                "GuardRelease",
                object(
                    &["released"],
                    json!({"released": {"type": "array", "items": id(), "description": "Ids of tokens."}}),
                ),
            ),
            ("Problem", object(&["type", "title", "status", "detail", "instance"], problem)),
        ]
        .map(|(name, schema)| (name.to_owned(), schema)),
    );
}

fn guard() -> Value {
    let number = |text: &str| json!({"type": "integer", "description": text});
    json!({
        "enabled": {"type": "boolean", "description": "Whether tokens are held."},
        "minutes": number("How many minutes the window has."),
        "tokens": {
            "type": "array",
            "items": {
                "type": "object",
                "required": ["id", "users", "limit", "heldSince"],
                "properties": {
                    "id": {"type": "string", "format": "uuid"},
                    "users": number("How many users it has deactivated or deleted within the window."),
                    "limit": number("How many it may."),
                    "heldSince": {"type": ["string", "null"], "format": "date-time"},
                },
            },
        },
    })
}

fn settings() -> Value {
    let described = |one: &Setting| {
        let mut schema = match one.kind {
            Kind::Boolean => json!({"type": ["boolean", "null"]}),
            Kind::Count => json!({"type": ["integer", "null"], "minimum": 0, "maximum": u32::MAX}),
            Kind::Number(least, most) => {
                json!({"type": ["integer", "null"], "minimum": least, "maximum": most})
            }
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
