//! Component schemas of the API of tenant admins.

use auth::password;
use domain::admin::{AdminRole, EMAIL_BYTES};
use serde_json::{Map, Value, json};

use super::schema;

/// Adds all of them.
pub(super) fn add(into: &mut Map<String, Value>) {
    let id = || json!({"type": "string", "format": "uuid"});
    let text = || json!({"type": "string"});
    let secret = |description: &str| json!({"type": "string", "description": description});
    let time = || json!({"type": "string", "format": "date-time"});
    let maybe_time = || json!({"type": ["string", "null"], "format": "date-time"});
    let email = || json!({"type": "string", "format": "email", "maxLength": EMAIL_BYTES});
    let object = |required: &[&str], properties: Value| json!({"type": "object", "required": required, "properties": properties});
    let input = |required: &[&str], properties: Value| {
        let mut schema = object(required, properties);
        schema["additionalProperties"] = false.into();
        schema
    };
    let new_password =
        || json!({"type": "string", "minLength": password::SHORTEST, "maxLength": password::LONGEST});
    let roles: Vec<&str> = AdminRole::ALL.iter().map(|role| role.name()).collect();
    let admin = json!({
        "id": id(), "email": email(), "role": {"type": "string", "enum": roles},
        "state": {"type": "string", "enum": ["invited", "active", "disabled"]},
        "totp": {"type": "boolean", "description": "Whether codes of an authenticator app are asked for."},
        "createdAt": time(), "lastSignInAt": maybe_time(),
    });
    let admin_fields = ["id", "email", "role", "state", "totp", "createdAt", "lastSignInAt"];
    let mut me = admin.clone();
    me["tenant"] = object(&["slug", "name"], json!({"slug": text(), "name": text()}));
    let sign_in = json!({
        "tenant": {"type": "string", "description": "The short name of the tenant."}, "email": text(),
        "password": secret("The password."),
        "code": {"type": ["string", "null"], "description": "A code of the authenticator app, or a recovery code."},
    });
    let grant = json!({
        "accessToken": secret("A Bearer credential for a quarter of an hour."),
        "tokenType": {"const": "Bearer"}, "expiresAt": time(),
        "refreshToken": secret("Good once, for the next grant."),
        "refreshExpiresAt": time(), "sessionEndsAt": time(), "admin": schema("Admin"),
    });
    let grant_fields = [
        "accessToken",
        "tokenType",
        "expiresAt",
        "refreshToken",
        "refreshExpiresAt",
        "sessionEndsAt",
        "admin",
    ];
    let role = || json!({"type": "string", "enum": roles});
    let mut linked = admin.clone();
    let link = json!({
        "purpose": {"type": "string", "enum": ["invitation", "reset"]},
        "secret": secret("For `/invitations/accept` or `/resets/accept`. Shown this once."), "expiresAt": time(),
    });
    linked["link"] = object(&["purpose", "secret", "expiresAt"], link);
    let code = || json!({"type": ["string", "null"], "description": "A code of the authenticator app, or a recovery code."});
    let proof = json!({"password": secret("The password of the account."), "code": code()});
    let mut password_change = proof.clone();
    password_change["newPassword"] = new_password();
    let codes = json!({"recoveryCodes": {"type": "array", "items": secret("Good once.")}});
    let totp =
        json!({"secret": secret("For people who cannot scan."), "url": secret("What a QR code holds.")});
    let invitation = json!({"email": email(), "role": role()});
    let reset = json!({
        "removeTotp": {"type": ["boolean", "null"], "description": "Also take the second factor away, for who has lost it."},
    });
    into.extend(
        [
            ("LinkedAdmin", object(&[&admin_fields[..], &["link"]].concat(), linked)),
            (
                "AdminList",
                object(&["admins"], json!({"admins": {"type": "array", "items": schema("Admin")}})),
            ),
            ("Invitation", input(&["email", "role"], invitation.clone())),
            ("OwnerInvitation", input(&["email"], invitation)),
            ("AdminChange", input(&[], json!({"role": role()}))),
            ("Reset", input(&[], reset)),
            (
                "Acceptance",
                input(&["secret", "password"], json!({"secret": text(), "password": new_password()})),
            ),
            ("Refresh", input(&["refreshToken"], json!({"refreshToken": text()}))),
            ("Proof", input(&["password"], proof)),
            ("PasswordChange", input(&["password", "newPassword"], password_change)),
            ("RecoveryCodes", object(&["recoveryCodes"], codes)),
            ("NewTotp", object(&["secret", "url"], totp)),
            ("Admin", object(&admin_fields, admin)),
            ("Me", object(&[&admin_fields[..], &["tenant"]].concat(), me)),
            ("SignIn", input(&["tenant", "email", "password"], sign_in)),
            ("Grant", object(&grant_fields, grant)),
        ]
        .map(|(name, schema)| (name.to_owned(), schema)),
    );
}
