//! The audit log as admins read it: pages, filters, files.

use serde_json::{Value, json};

use crate::platform::expect_problem;
use crate::support::admins::admin;
use crate::support::app::TestApp;
use crate::support::backend::{Backend, both};
use crate::support::db;
use crate::support::http::{id_of, user_path};
use crate::support::program;
use crate::support::users::user;

both!(admins_read_the_log, the_log_is_a_file, case_133_every_write_leaves_one_row);

fn printed(app: &TestApp) -> Vec<Value> {
    let text = app.db.cli(&["audit", "list", "--tenant", "acme", "--json"]);
    text.lines().map(|line| serde_json::from_str(line).unwrap()).collect()
}

fn admins_read_the_log(backend: Backend) {
    let app = TestApp::start(backend);
    let mia = app.rfc().create(&user("mia"));
    for title in ["a", "b", "c"] {
        let change = json!([{"op": "replace", "path": "title", "value": title}]);
        app.rfc().patch(&user_path(&mia), change).expect(200);
    }
    let auditor = admin(&app, "auditor");
    let mut rows = printed(&app);
    rows.reverse();
    let list = |query: &str| auditor.get(&format!("/audit?{query}")).expect(200).json();
    let plain = |rows: &Value| -> Vec<Value> {
        let mut rows = rows.as_array().unwrap().clone();
        for row in &mut rows {
            row["actor"].as_object_mut().unwrap().remove("name");
        }
        rows
    };
    let all = list("");
    assert_eq!((plain(&all["rows"]), all.get("nextCursor")), (rows.clone(), None));
    let (mut read, mut cursor) = (Vec::new(), String::new());
    loop {
        let page = list(&format!("count=2{cursor}"));
        read.extend(plain(&page["rows"]));
        match page["nextCursor"].as_str() {
            Some(next) => cursor = format!("&cursor={next}"),
            None => break,
        }
    }
    assert_eq!(read, rows);
    let found = |query: &str| list(query)["rows"].as_array().unwrap().len();
    let created = rows.iter().find(|row| row["action"] == "created").unwrap();
    assert_eq!(found("action=updated"), 3);
    assert_eq!(found(&format!("resource={}&action=created", id_of(&mia))), 1);
    let actor = created["actor"]["id"].as_str().unwrap();
    assert_eq!(found(&format!("actor={actor}")), 4);
    assert_eq!(list(&format!("actor={actor}"))["rows"][0]["actor"]["name"], "tests");
    let at = created["at"].as_str().unwrap();
    assert_eq!(found(&format!("since={at}&resource={}", id_of(&mia))), 4);
    assert_eq!(found(&format!("until={at}&resource={}", id_of(&mia))), 0);
    for (wrong, kind) in [
        ("cursor=x", "invalid-cursor"),
        ("count=0", "invalid-value"),
        ("actor=x", "invalid-value"),
        ("resource=x", "invalid-value"),
        ("since=x", "invalid-value"),
    ] {
        expect_problem(&auditor.get(&format!("/audit?{wrong}")), 400, kind);
    }
    expect_problem(&auditor.get("/audit/export?format=xml"), 400, "invalid-value");
}

fn the_log_is_a_file(backend: Backend) {
    let app = TestApp::start(backend);
    app.rfc().create(&user("mia"));
    let platform = crate::platform::platform(&app);
    let path = format!("/tenants/{}", app.acme().id);
    let name = "=HYPERLINK(\"http://x\"), Inc.";
    let rename = json!({"name": name}).to_string();
    platform.request("PATCH", &path).body(rename, "application/merge-patch+json").send().expect(200);
    let back = json!({"name": "x"}).to_string();
    platform.request("PATCH", &path).body(back, "application/merge-patch+json").send().expect(200);
    let auditor = admin(&app, "auditor");
    let rows = printed(&app);

    let file = auditor.get("/audit/export");
    file.expect(200);
    assert_eq!(file.header("Content-Type"), Some("application/x-ndjson"));
    assert_eq!(file.header("Content-Disposition"), Some("attachment; filename=\"audit-acme.ndjson\""));
    let lines =
        |text: &str| -> Vec<Value> { text.lines().map(|line| serde_json::from_str(line).unwrap()).collect() };
    assert_eq!(lines(&file.text), rows);
    assert_eq!(lines(&app.db.cli(&["audit", "export", "--tenant", "acme", "--format", "ndjson"])), rows);
    let renamed = auditor.get("/audit/export?format=ndjson&action=tenant_renamed").text;
    assert_eq!(lines(&renamed).len(), 2);

    let file = auditor.get("/audit/export?format=csv");
    assert_eq!(file.header("Content-Type"), Some("text/csv; charset=utf-8; header=present"));
    let lines: Vec<&str> = file.text.split_terminator("\r\n").collect();
    assert_eq!(lines.len(), rows.len() + 1);
    assert!(lines[0].starts_with("seq,at,id,actor,actorId,action,"), "{}", lines[0]);
    let formula = lines.iter().find(|line| line.contains("HYPERLINK") && line.contains("-> x")).unwrap();
    assert!(formula.contains(",\"'=HYPERLINK(\"\"http://x\"\"), Inc. -> x\","), "{formula}");
    let output = program::run(
        &app.db.folder,
        &["audit", "export", "--tenant", "acme", "--format", "csv", "--database-url", &app.db.url],
    );
    assert_eq!(String::from_utf8(output.stdout).unwrap(), file.text);
    assert_eq!(
        app.db
            .cli(&["audit", "export", "--tenant", "acme", "--format", "csv", "--until", "1h"])
            .lines()
            .count(),
        1
    );
}

/// Each kind of write with what it leaves: type, action, versions and names of attributes.
fn case_133_every_write_leaves_one_row(backend: Backend) {
    let app = TestApp::start(backend);
    let token = db::create_token(&app.db, "acme", &[]);
    let credential = crate::support::http::Carrier::Bearer.header(&token);
    for base in crate::support::http::BASES {
        let client = app.client_with(base, Some(credential.clone()));
        let name = uuid::Uuid::now_v7().to_string();
        let mut number = 0;
        let mut write = |method: &str, path: &str, body: Option<Value>, status: u16, told: Value| {
            number += 1;
            let id = format!("write-{number}-{name}");
            let mut request = client.request(method, path).header("X-Request-Id", &id);
            if let Some(body) = body {
                request = request.json(&body);
            }
            let reply = request.send();
            reply.expect(status);
            let rows: Vec<Value> = printed(&app).into_iter().filter(|row| row["request"] == *id).collect();
            assert_eq!(rows.len(), 1, "{method} {path}: {rows:#?}");
            let row = &rows[0];
            let seen = json!([row["resourceType"], row["action"], row["oldVersion"], row["newVersion"]]);
            assert_eq!(seen, told, "{method} {path}: {row}");
            assert_eq!(row["actor"]["kind"], "token");
            assert!(row["actor"]["id"].is_string() && row["address"] == "127.0.0.1", "{row}");
            assert!(row["at"].as_str().unwrap().ends_with('Z'), "{row}");
            (reply, row.clone())
        };
        let (made, row) =
            write("POST", "/Users", Some(user(&name)), 201, json!(["User", "created", null, 1]));
        let made = made.json();
        assert_eq!(row["resourceId"], made["id"]);
        assert!(row["attributes"].as_array().unwrap().contains(&json!("userName")), "{row}");
        let path = user_path(&made);
        let patch = |path: &str, value: Value| {
            let operations = json!([{"op": "replace", "path": path, "value": value}]);
            Some(json!({"schemas": [crate::support::http::PATCH_OP], "Operations": operations}))
        };
        let (_, row) =
            write("PATCH", &path, patch("title", json!("x")), 200, json!(["User", "updated", 1, 2]));
        assert_eq!(row["attributes"], json!(["title"]));
        let mut other = user(&name);
        other["title"] = json!("y");
        write("PUT", &path, Some(other), 200, json!(["User", "updated", 2, 3]));
        let group = json!({"displayName": name});
        let (made, _) = write("POST", "/Groups", Some(group), 201, json!(["Group", "created", null, 1]));
        let group = format!("/Groups/{}", id_of(&made.json()));
        let members = json!([{"value": id_of(&json!({"id": path.rsplit('/').next().unwrap()}))}]);
        let (_, row) =
            write("PATCH", &group, patch("members", members), 200, json!(["Group", "updated", 1, 2]));
        assert_eq!(row["attributes"], json!(["members"]));
        write("DELETE", &group, None, 204, json!(["Group", "deleted", 2, 3]));
        let bulk = json!({
            "schemas": ["urn:ietf:params:scim:api:messages:2.0:BulkRequest"],
            "Operations": [{"method": "DELETE", "path": path}],
        });
        write("POST", "/Bulk", Some(bulk), 200, json!(["User", "deleted", 3, 4]));
    }
    let verified = app.db.cli_json(&["audit", "verify", "--tenant", "acme"]);
    assert_eq!(verified["flaw"], Value::Null);
}
