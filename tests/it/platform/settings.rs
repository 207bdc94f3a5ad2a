//! Each setting of a tenant, set through the API or on the command line, and what it does to SCIM.

use serde_json::{Value, json};

use super::{platform, send};
use crate::support::app::TestApp;
use crate::support::backend::{Backend, both};
use crate::support::db::project;
use crate::support::http::{Client, QA, id_of, user_path};
use crate::support::program;
use crate::support::users::{QA_USER, user};

both!(roles_that_scim_may_grant, the_default_role, renaming_and_the_last_admin, revival, on_the_command_line,);

/// Sets settings of `acme`, and waits until no process remembers the former ones.
fn set(app: &TestApp, settings: &Value) {
    let path = format!("/tenants/{}", app.acme().id);
    let shown = send(&platform(app), "PATCH", &path, &json!({"settings": settings})).expect(200).json();
    for (name, value) in settings.as_object().unwrap() {
        assert!(value.is_null() || shown["settings"][name] == *value, "{shown}");
    }
    std::thread::sleep(std::time::Duration::from_millis(600));
}

fn with_role(name: &str, role: &str) -> Value {
    let mut user = user(name);
    user["roles"] = json!([role]);
    user
}

fn role_of(client: &Client, user: &Value) -> Value {
    client.with_role(user.clone())[QA_USER]["role"].clone()
}

fn roles_that_scim_may_grant(backend: Backend) {
    let app = TestApp::start(backend);
    let (qa, rfc) = (app.qa(), app.rfc());
    let kept = qa.create(&with_role("old", "admin"));
    let agent = qa.create(&user("kai"));
    for (setting, role, other) in
        [("idpMayGrantAdmin", "admin", "limitedAdmin"), ("idpMayGrantLimitedAdmin", "limitedAdmin", "admin")]
    {
        set(&app, &json!({setting: false}));
        let before = app.db.db_dump();
        let path = user_path(&agent);
        qa.post("/Users", &with_role("mia", role)).expect_error(403, None);
        rfc.post("/Users", &json!({"userName": "mia", "roles": [{"value": role}]})).expect_error(403, None);
        qa.put(&path, &json!({"roles": [role]})).expect_error(403, None);
        rfc.patch(&path, json!([{"op": "add", "path": "roles", "value": [{"value": role}]}]))
            .expect_error(403, None);
        let member = json!([{"op": "add", "path": "members", "value": [{"value": id_of(&agent)}]}]);
        rfc.patch(&format!("/Roles/{role}"), member).expect_error(403, None);
        app.db.db_assert_unchanged(&before);
        // Another role may be granted, and whoever has this one keeps it.
        qa.create(&with_role(&format!("other-{role}"), other));
        qa.put(&user_path(&kept), &json!({"title": role})).expect(200);
        assert_eq!(role_of(&qa, &qa.get(&user_path(&kept)).expect(200).json()), Value::Null);
        set(&app, &json!({setting: null}));
        qa.create(&with_role(&format!("again-{role}"), role));
    }
    let body = json!({"settings": {"defaultRole": "admin", "idpMayGrantAdmin": false}});
    let path = format!("/tenants/{}", app.acme().id);
    super::expect_problem(&send(&platform(&app), "PATCH", &path, &body), 400, "invalid-value");
}

fn the_default_role(backend: Backend) {
    let app = TestApp::start(backend);
    let rfc = app.rfc();
    assert_eq!(role_of(&rfc, &rfc.create(&user("a"))), "agent");
    set(&app, &json!({"defaultRole": "manager"}));
    assert_eq!(role_of(&rfc, &rfc.create(&user("b"))), "manager");
    set(&app, &json!({"defaultRole": null}));
    assert_eq!(role_of(&rfc, &rfc.create(&user("c"))), "agent");
}

fn renaming_and_the_last_admin(backend: Backend) {
    let app = TestApp::start(backend);
    let (qa, rfc) = (app.qa(), app.rfc());
    let admin = qa.create(&with_role("boss", "admin"));
    let path = user_path(&admin);
    let rename = json!([{"op": "replace", "path": "userName", "value": "chief@example.com"}]);
    let demote = json!([{"op": "replace", "path": "roles", "value": [{"value": "agent"}]}]);
    // Unless the tenant has decided, the contract does.
    qa.patch(&path, rename.clone()).expect_error(400, Some("mutability"));
    rfc.patch(&path, rename).expect(200);
    rfc.patch(&path, demote.clone()).expect_error(409, None);
    let again = json!([{"op": "replace", "path": "userName", "value": "head@example.com"}]);
    set(&app, &json!({"userNameMayChange": false}));
    rfc.patch(&path, again.clone()).expect_error(400, Some("mutability"));
    set(&app, &json!({"userNameMayChange": true, "lastAdminMayBeDemoted": true}));
    assert_eq!(qa.patch(&path, again).expect(200).json()["userName"], "head@example.com");
    rfc.patch(&path, demote).expect(200);
    assert_eq!(role_of(&rfc, &admin), "agent");
}

fn revival(backend: Backend) {
    let app = TestApp::start(backend);
    let rfc = app.rfc();
    let first = rfc.create(&user("mia"));
    rfc.delete(&user_path(&first)).expect(204);
    let second = rfc.create(&user("mia"));
    assert_eq!(id_of(&second), id_of(&first), "a deleted user comes back under the old id");
    rfc.delete(&user_path(&second)).expect(204);
    set(&app, &json!({"revival": false}));
    let third = rfc.create(&user("mia"));
    assert_ne!(id_of(&third), id_of(&first));
    rfc.get(&user_path(&first)).expect_error(404, None);
    assert_eq!(app.db_users(app.acme()), 1);
}

fn on_the_command_line(backend: Backend) {
    let app = TestApp::start(backend);
    let shown = app.db.cli_json(&["tenant", "set", "acme", "revival=false", "defaultRole=grader"]);
    assert_eq!(shown["settings"]["revival"], false);
    assert_eq!(app.db.cli_json(&["tenant", "show", "acme"]), shown);
    let path = format!("/tenants/{}", app.acme().id);
    assert_eq!(platform(&app).get(&path).expect(200).json(), shown);
    app.db.cli(&["tenant", "set", "acme", "revival=default"]);
    let shown = app.db.cli_json(&["tenant", "show", "acme"]);
    assert_eq!(
        (&shown["settings"]["revival"], &shown["settings"]["defaultRole"]),
        (&json!(true), &json!("grader"))
    );
    // What is set, what it means and what the documentation says have one source.
    let lines = app.db.cli(&["tenant", "show", "acme"]);
    let documented = std::fs::read_to_string(project().join("docs/API.md")).unwrap();
    for name in shown["settings"].as_object().unwrap().keys() {
        let line = lines.lines().find(|line| line.starts_with(&format!("{name}\t"))).unwrap();
        let meaning = line.split('\t').nth(2).unwrap();
        let row = documented.lines().find(|row| row.starts_with(&format!("| `{name}`"))).unwrap();
        assert!(row.contains(meaning), "docs/API.md says of {name}: {row}");
    }
    for (wrong, status) in
        [("revivel=true", 2), ("revival", 2), ("revival=perhaps", 1), ("defaultRole=emperor", 1)]
    {
        let arguments = ["tenant", "set", "acme", wrong, "--database-url", &app.db.url];
        let output = program::run(&app.db.folder, &arguments);
        assert_eq!(output.status.code(), Some(status), "{wrong}");
    }
    assert_eq!(app.db.cli_json(&["tenant", "show", "acme"]), shown);
    app.client(QA, app.acme()).get("/Users").expect(200);
}
