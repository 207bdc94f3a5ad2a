//! Admins of a tenant: made with the command line, signed in over HTTP.

use std::io::Write;
use std::process::{Output, Stdio};

use serde_json::{Value, json};

use super::app::TestApp;
use super::canary;
use super::db::{Tenant, TestDb};
use super::http::{Carrier, Client, Reply, id_of};
use super::program;

/// The base path of the API of tenant admins.
pub(crate) const ADMIN: &str = "/admin/v1";
/// A good password.
pub(crate) const PASSWORD: &str = "xkcd tree window plum";

/// Runs the program with a text on its stdin.
pub(crate) fn cli_with_stdin(db: &TestDb, arguments: &[&str], stdin: &str) -> Output {
    let mut command = program::command(&db.folder);
    command.args(arguments).args(["--database-url", &db.url]);
    command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped());
    let mut child = command.spawn().expect("the program starts");
    canary::remember_password(stdin.trim());
    // It may end before it has read.
    let _ = child.stdin.take().expect("stdin is piped").write_all(stdin.as_bytes());
    child.wait_with_output().expect("the program ends")
}

/// Makes an account with [`PASSWORD`]; gives what the program printed.
pub(crate) fn create_admin(db: &TestDb, tenant: &str, email: &str, role: &str) -> Value {
    let arguments = [
        "admin",
        "create",
        "--tenant",
        tenant,
        "--email",
        email,
        "--role",
        role,
        "--password-stdin",
        "--json",
    ];
    let output = cli_with_stdin(db, &arguments, &format!("{PASSWORD}\n"));
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    serde_json::from_slice(&output.stdout).expect("the program prints JSON")
}

/// A client that sends plain JSON.
pub(crate) fn send(client: &Client, method: &str, path: &str, body: &Value) -> Reply {
    client.request(method, path).body(body.to_string(), "application/json").send()
}

/// A client of the API of tenant admins without a credential.
pub(crate) fn guest(app: &TestApp) -> Client {
    app.client_with(ADMIN, None)
}

/// Signs in with [`PASSWORD`]; gives the grant.
pub(crate) fn sign_in(app: &TestApp, tenant: &Tenant, email: &str) -> Value {
    let body = json!({"tenant": tenant.slug, "email": email, "password": PASSWORD});
    send(&guest(app), "POST", "/session", &body).expect(200).json()
}

/// The header with the access token of a grant.
pub(crate) fn credential(grant: &Value) -> (&'static str, String) {
    Carrier::Bearer.header(grant["accessToken"].as_str().expect("a grant has an access token"))
}

/// A client who is signed in by a grant.
pub(crate) fn with_grant(app: &TestApp, grant: &Value) -> Client {
    app.client_with(ADMIN, Some(credential(grant)))
}

/// Somebody of `acme` with this role, who is signed in.
pub(crate) fn admin(app: &TestApp, role: &str) -> Client {
    let email = format!("{role}-{}@example.com", uuid::Uuid::now_v7());
    create_admin(&app.db, app.acme().slug, &email, role);
    with_grant(app, &sign_in(app, app.acme(), &email))
}

/// Rows of a tenant in every table of the accounts of admins.
pub(crate) fn fill(app: &TestApp, tenant: &Tenant) {
    let made = create_admin(&app.db, tenant.slug, "filler@example.com", "owner");
    sign_in(app, tenant, "filler@example.com");
    let (tenant, id) = (app.db.literal(&tenant.id), app.db.literal(id_of(&made)));
    let digest = app.db.literal(&uuid::Uuid::now_v7().to_string());
    let digest = if digest.starts_with('x') { digest } else { "'\\x00'".into() };
    let time = "'2020-01-01T00:00:00.000000Z'";
    app.db.db_execute(&format!(
        "INSERT INTO admin_links (tenant_id, admin_id, purpose, digest, created_at, ends_at) \
         VALUES ({tenant}, {id}, 'reset', {digest}, {time}, {time}); \
         INSERT INTO admin_recovery_codes (tenant_id, admin_id, digest) VALUES ({tenant}, {id}, {digest})"
    ));
}
