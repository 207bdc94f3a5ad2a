//! What was refused before it was served: in the log of requests and, for wrong credentials, in the audit log; bounded.

use serde_json::{Value, json};

use crate::support::app::TestApp;
use crate::support::backend::{Backend, both};
use crate::support::http::{Carrier, RFC, id_of};
use crate::support::records::{count, eventually, listed};

both!(
    a_refused_token_is_on_record,
    a_suspended_tenant_knows_who_asked,
    what_names_no_tenant_leaves_nothing,
    too_many_requests_are_recorded_within_bounds,
);

fn audit(app: &TestApp) -> Vec<Value> {
    let printed =
        app.db.cli(&["audit", "list", "--tenant", "acme", "--action", "authentication_refused", "--json"]);
    printed.lines().map(|line| serde_json::from_str(line).unwrap()).collect()
}

fn a_refused_token_is_on_record(backend: Backend) {
    let app = TestApp::start(backend);
    let made = app.db.cli_json(&["token", "create", "--tenant", "acme", "--name", "old"]);
    let id = id_of(&made);
    app.db.cli(&["token", "revoke", "--tenant", "acme", id]);
    let client = app.client_with(RFC, Some(Carrier::Bearer.header(made["token"].as_str().unwrap())));
    for _ in 0..4 {
        client.request("GET", "/Users").header("X-Request-Id", "mine").send().expect_error(401, None);
    }
    eventually("refused requests in the log", || (count(&app.db, app.acme()) == 4).then_some(()));
    for row in listed(&app.db, "acme", &[]) {
        let told = (&row["status"], &row["reason"], &row["tokenId"], &row["requestId"]);
        assert_eq!(told, (&json!(401), &json!("revoked token"), &json!(id), &json!("mine")));
    }
    // One row for the address and the minute.
    let rows = audit(&app);
    assert_eq!(rows.len(), 1, "{rows:#?}");
    let row = &rows[0];
    assert_eq!(row["actor"], json!({"kind": "nobody", "id": null}));
    let told = (&row["detail"], &row["resourceType"], &row["resourceId"], &row["address"], &row["request"]);
    assert_eq!(
        told,
        (&json!("revoked token"), &json!("Token"), &json!(id), &json!("127.0.0.1"), &json!("mine"))
    );
    let verified = app.db.cli_json(&["audit", "verify", "--tenant", "acme"]);
    assert_eq!(verified["flaw"], Value::Null);
    // A token of the tenant that nobody has made.
    let (tenant, unknown) = (uuid::Uuid::parse_str(&app.globex().id).unwrap(), |tenant| {
        auth::token::generate(domain::id::TenantId(tenant)).unwrap().reveal().to_owned()
    });
    let stranger = app.client_with(RFC, Some(Carrier::ApiKey.header(&unknown(tenant))));
    stranger.get("/Users").expect_error(401, None);
    eventually("the one of globex", || (count(&app.db, app.globex()) == 1).then_some(()));
    let row = &listed(&app.db, "globex", &[])[0];
    assert_eq!((&row["reason"], &row["tokenId"]), (&json!("unknown token"), &Value::Null));
    let printed = app.db.cli(&["audit", "list", "--tenant", "globex", "--json"]);
    let row: Value = serde_json::from_str(&printed).unwrap();
    let told = (&row["detail"], &row["resourceType"], &row["resourceId"]);
    assert_eq!(told, (&json!("unknown token"), &json!("Tenant"), &json!(app.globex().id)));
}

fn a_suspended_tenant_knows_who_asked(backend: Backend) {
    let app = TestApp::start(backend);
    app.db.cli(&["tenant", "suspend", "acme"]);
    app.rfc().get("/Users").expect_error(403, None);
    eventually("the request in the log", || (count(&app.db, app.acme()) == 1).then_some(()));
    let row = &listed(&app.db, "acme", &[])[0];
    assert_eq!((&row["status"], &row["reason"]), (&json!(403), &json!("the tenant is suspended")));
    assert!(row["tokenId"].is_string(), "{row}");
    assert_eq!(audit(&app).len(), 0, "the credential was a good one");
}

fn what_names_no_tenant_leaves_nothing(backend: Backend) {
    let mut app = TestApp::start(backend);
    let before = app.db.db_dump();
    let nobody = auth::token::generate(domain::id::TenantId::generate()).unwrap();
    for credential in [nobody.reveal(), "null", "rcl_nonsense"] {
        let client = app.client_with(RFC, Some(Carrier::Bearer.header(credential)));
        client.get("/Users").expect_error(401, None);
    }
    app.client_with(RFC, None).get("/Users").expect_error(401, None);
    assert_eq!(app.server.terminate(), Some(0));
    app.db.db_assert_unchanged(&before);
    assert_eq!(app.db.db_count("requests", "1 = 1"), 0);
}

fn too_many_requests_are_recorded_within_bounds(backend: Backend) {
    let settings = [("ROLLCALL__LIMITS__TENANT_PER_SECOND", "1"), ("ROLLCALL__LIMITS__TENANT_BURST", "2")];
    let mut app = TestApp::start_with(backend, &settings);
    let client = app.rfc();
    let mut served = 0;
    for _ in 0..150 {
        let reply = client.get("/Users");
        served += i64::from(reply.status == 200);
        assert!([200, 429].contains(&reply.status), "{}", reply.status);
    }
    assert_eq!(app.server.terminate(), Some(0));
    let of = |status: u16| app.db.db_count("requests", &format!("status = {status}"));
    assert_eq!((of(200), of(429)), (served, 60), "what was served, and a minute's worth of what was not");
    assert!(app.server.log_text().contains("requests were left out of the log"));
}
