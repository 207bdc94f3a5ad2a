//! Tenants and tokens of the platform as JSON, for the API and for the command line.

use domain::Result;
use domain::meta::time_text;
use domain::store::platform::PlatformToken;
use domain::tenant::{Record, TenantState};
use serde_json::{Value, json};

/// A tenant. A deleted one has no slug, and says what becomes of its data.
pub(crate) fn tenant(record: &Record) -> Result<Value> {
    let Record { tenant, created, purge } = record;
    let deleted = tenant.state == TenantState::Deleted;
    let mut value = json!({
        "id": tenant.id.to_string(),
        "slug": (!deleted).then_some(&tenant.slug),
        "name": tenant.name,
        "state": tenant.state.name(),
        "settings": tenant.settings.in_force()?,
        "createdAt": time_text(*created),
    });
    if deleted {
        value["purgeAfter"] = purge.after.map(time_text).into();
        value["purge"] = json!({"state": purge.state(), "remaining": purge.remaining});
    }
    Ok(value)
}

/// A token of the platform, without the secret.
pub(crate) fn platform_token(token: &PlatformToken) -> Value {
    json!({
        "id": token.id.to_string(),
        "name": token.name,
        "createdAt": time_text(token.created),
        "expiresAt": token.expires.map(time_text),
        "revokedAt": token.revoked.map(time_text),
    })
}
