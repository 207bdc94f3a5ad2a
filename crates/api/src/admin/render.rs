//! Accounts and grants as JSON, for the API and for the command line.

use auth::Secret;
use auth::sessions::Grant;
use domain::admin::{Account, Link};
use domain::meta::time_text;
use domain::tenant::Tenant;
use serde_json::{Value, json};

/// An account, without anything it signs in with.
pub(crate) fn account(account: &Account) -> Value {
    json!({
        "id": account.id.to_string(),
        "email": account.email,
        "role": account.role.name(),
        "state": account.state(),
        "totp": account.factor().is_some(),
        "createdAt": time_text(account.created),
        "lastSignInAt": account.signed_in.map(time_text),
    })
}

/// The tenant of an account, as much as its admins sign in with.
pub(crate) fn tenant(tenant: &Tenant) -> Value {
    json!({"slug": tenant.slug, "name": tenant.name})
}

/// A link that is good once, whose secret is shown this once.
pub(crate) fn link(link: &Link, secret: &Secret) -> Value {
    json!({
        "purpose": link.purpose.name(),
        "secret": secret.reveal(),
        "expiresAt": time_text(link.ends),
    })
}

/// The tokens of a session, which are shown this once.
pub(crate) fn grant(grant: &Grant) -> Value {
    json!({
        "accessToken": grant.access.reveal(),
        "tokenType": "Bearer",
        "expiresAt": time_text(grant.access_ends),
        "refreshToken": grant.refresh.reveal(),
        "refreshExpiresAt": time_text(grant.session.idle.min(grant.session.ends)),
        "sessionEndsAt": time_text(grant.session.ends),
        "admin": account(&grant.account),
    })
}
