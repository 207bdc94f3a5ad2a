//! Single operations: what each can be told for itself while the others are done.

use serde_json::{Value, json};

use super::{db_rows, id_in, outcomes, post_user, statuses};
use crate::support::app::TestApp;
use crate::support::backend::{Backend, both};
use crate::support::groups::{KINDS, db_list, people};
use crate::support::http::{BASES, id_of, user_path};
use crate::support::users::{user, with};

both!(refused_one_by_one, paths, versions, roles, a_large_group_is_204, no_ops);

/// Each of these is refused, and the user behind it is made.
fn refused_one_by_one(backend: Backend) {
    let app = TestApp::start(backend);
    let [mia, ..] = people(&app.rfc());
    let path = user_path(&mia);
    let refused = [
        (
            json!({"method": "POST", "path": "/Bulk", "bulkId": "x", "data": {"Operations": []}}),
            "400",
            Some("invalidValue"),
        ),
        (json!({"method": "GET", "path": path}), "400", Some("invalidValue")),
        (json!({"method": "TRACE", "path": path}), "400", Some("invalidValue")),
        (json!({"path": path}), "400", Some("invalidSyntax")),
        (json!({"method": 7, "path": path}), "400", Some("invalidSyntax")),
        (json!({"method": "DELETE"}), "400", Some("invalidSyntax")),
        (json!({"method": "DELETE", "path": null}), "400", Some("invalidSyntax")),
        (json!("DELETE"), "400", Some("invalidSyntax")),
        (json!({"method": "POST", "path": "/Users", "data": user("x")}), "400", Some("invalidValue")),
        (
            json!({"method": "POST", "path": "/Users", "bulkId": "", "data": user("x")}),
            "400",
            Some("invalidValue"),
        ),
        (
            json!({"method": "POST", "path": "/Users", "bulkId": 7, "data": user("x")}),
            "400",
            Some("invalidValue"),
        ),
        (json!({"method": "POST", "path": "/Users", "bulkId": "x"}), "400", Some("invalidSyntax")),
        (
            json!({"method": "POST", "path": "/Users", "bulkId": "x", "data": "text"}),
            "400",
            Some("invalidSyntax"),
        ),
        (json!({"method": "POST", "path": "/Users", "bulkId": "x", "data": {}}), "400", Some("invalidValue")),
        (json!({"method": "PUT", "path": path}), "400", Some("invalidSyntax")),
        (json!({"method": "PATCH", "path": path}), "400", Some("invalidSyntax")),
        (
            json!({"method": "PATCH", "path": path, "data": {"Operations": [{"op": "jump"}]}}),
            "400",
            Some("invalidSyntax"),
        ),
        (json!({"method": "PATCH", "path": path, "data": [{"op": "remove"}]}), "400", Some("noTarget")),
        (
            json!({"method": "PATCH", "path": path, "data": [{"op": "add", "path": "id", "value": "x"}]}),
            "400",
            Some("mutability"),
        ),
        (
            json!({"method": "PATCH", "path": path, "data": [{"op": "add", "path": "x y", "value": 1}]}),
            "400",
            Some("invalidPath"),
        ),
        (
            json!({"method": "POST", "path": path, "bulkId": "x", "data": user("x")}),
            "400",
            Some("invalidValue"),
        ),
        (json!({"method": "DELETE", "path": "/Users"}), "400", Some("invalidValue")),
        (json!({"method": "PATCH", "path": "/Users/", "data": []}), "400", Some("invalidValue")),
        (
            json!({"method": "POST", "path": "/Roles", "bulkId": "x", "data": {"displayName": "x"}}),
            "400",
            Some("invalidValue"),
        ),
        (json!({"method": "DELETE", "path": "/Roles/grader"}), "400", Some("invalidValue")),
        (
            json!({"method": "POST", "path": "/Users/.search", "bulkId": "x", "data": {}}),
            "400",
            Some("invalidValue"),
        ),
        (
            json!({"method": "POST", "path": "/.search", "bulkId": "x", "data": {}}),
            "400",
            Some("invalidValue"),
        ),
        (json!({"method": "PATCH", "path": "/Me", "data": []}), "400", Some("invalidValue")),
        (json!({"method": "PUT", "path": "/ServiceProviderConfig", "data": {}}), "400", Some("invalidValue")),
        (json!({"method": "DELETE", "path": format!("{path}?x=y")}), "400", Some("invalidValue")),
        (
            json!({"method": "DELETE", "path": format!("https://elsewhere.example.com{path}")}),
            "400",
            Some("invalidValue"),
        ),
        (json!({"method": "DELETE", "path": path, "version": 1}), "400", Some("invalidValue")),
        (json!({"method": "DELETE", "path": ""}), "404", None),
        (json!({"method": "DELETE", "path": "/Nowhere/1"}), "404", None),
        (json!({"method": "DELETE", "path": path.replace("Users", "users")}), "404", None),
        (json!({"method": "DELETE", "path": format!("{path}/more")}), "404", None),
        (json!({"method": "DELETE", "path": path.replace("Users", "Groups")}), "404", None),
        (json!({"method": "DELETE", "path": "/Users/none"}), "404", None),
        // A missing id comes before the body, as in a single request.
        (json!({"method": "PUT", "path": "/Users/none"}), "404", None),
        (json!({"method": "PATCH", "path": "/Users/none", "data": {"manager": "bulkId:none"}}), "404", None),
    ];
    for base in BASES {
        let client = app.client(base, app.acme());
        let before = db_rows(&app);
        let mut operations = Vec::new();
        for (place, (operation, ..)) in refused.iter().enumerate() {
            let mut operation = operation.clone();
            if operation["bulkId"] == "x" {
                operation["bulkId"] = json!(format!("x{place}"));
            }
            operations.push(operation);
            operations.push(post_user(&format!("u{place}"), user(&format!("u{place}-{}", base.len()))));
        }
        let sent = Value::Array(operations);
        let outcomes = outcomes(&client, &sent);
        assert_eq!(outcomes.len(), 2 * refused.len());
        for (pair, (operation, status, keyword)) in outcomes.chunks(2).zip(&refused) {
            assert_eq!(pair[0]["status"], *status, "{base} {operation}: {}", pair[0]);
            assert_eq!(pair[0]["response"]["scimType"].as_str(), *keyword, "{base} {operation}: {}", pair[0]);
            assert_eq!(pair[0]["method"].as_str(), operation["method"].as_str(), "{base}: {}", pair[0]);
            assert_eq!(pair[1]["status"], "201", "{base}: {}", pair[1]);
        }
        let made = refused.len() as i64;
        assert_eq!(db_rows(&app), (before.0 + made, before.1 + made));
    }
    // Of two with the same name the first counts.
    let client = app.rfc();
    let twice = json!([
        post_user("a", user("first")), post_user("a", user("second")),
        {"method": "PATCH", "path": "/Users/bulkId:a", "data": [{"op": "add", "path": "title", "value": "x"}]}
    ]);
    let outcomes = outcomes(&client, &twice);
    assert_eq!(statuses(&outcomes), ["201", "400", "200"]);
    assert_eq!(id_in(&outcomes[0]), id_in(&outcomes[2]));
    assert_eq!(outcomes[1]["response"]["scimType"], "invalidValue");
}

/// One place under several names.
fn paths(backend: Backend) {
    let app = TestApp::start(backend);
    for base in BASES {
        let client = app.client(base, app.acme());
        let user = client.create(&user(&format!("mia{}", base.len())));
        let path = user_path(&user);
        let patch = |path: String| json!({"method": "PATCH", "path": path, "data": [{"op": "add", "path": "title", "value": path}]});
        let outcomes = outcomes(
            &client,
            &json!([
                patch(path.clone()),
                patch(path[1..].to_owned()),
                patch(format!("{path}/")),
                patch(format!("{}{path}", client.base_url)),
                {"method": "DELETE", "path": format!("{}{path}/", client.base_url), "data": null}
            ]),
        );
        assert_eq!(statuses(&outcomes), ["200", "200", "200", "200", "204"]);
        let versions: Vec<&str> = outcomes[..4].iter().map(|one| one["version"].as_str().unwrap()).collect();
        assert_eq!(versions, ["W/\"2\"", "W/\"3\"", "W/\"4\"", "W/\"5\""]);
        for outcome in &outcomes {
            assert_eq!(outcome["location"], format!("{}{path}", client.base_url));
        }
    }
}

fn versions(backend: Backend) {
    let app = TestApp::start(backend);
    for base in BASES {
        let client = app.client(base, app.acme());
        let user = client.create(&user(&format!("mia{}", base.len())));
        let path = user_path(&user);
        let data = json!([{"op": "add", "path": "title", "value": "x"}]);
        let put = with(user.clone(), json!({"title": "y"}));
        let before = app.db.db_dump();
        let stale = outcomes(
            &client,
            &json!([
                {"method": "PATCH", "path": path, "version": "W/\"2\"", "data": data},
                {"method": "PUT", "path": path, "version": "\"7\"", "data": put},
                {"method": "DELETE", "path": path, "version": "none of ours"}
            ]),
        );
        assert_eq!(statuses(&stale), ["412", "412", "412"]);
        app.db.db_assert_unchanged(&before);
        let fresh = outcomes(
            &client,
            &json!([
                {"method": "PATCH", "path": path, "version": "W/\"1\"", "data": data},
                {"method": "PATCH", "path": path, "version": "W/\"1\"", "data": data},
                {"method": "PUT", "path": path, "version": "*", "data": put},
                {"method": "DELETE", "path": path, "version": "\"3\""},
                {"method": "DELETE", "path": path}
            ]),
        );
        assert_eq!(statuses(&fresh), ["200", "412", "200", "204", "404"]);
        assert_eq!((&fresh[0]["version"], &fresh[2]["version"]), (&json!("W/\"2\""), &json!("W/\"3\"")));
    }
}

fn roles(backend: Backend) {
    let app = TestApp::start(backend);
    for base in BASES {
        let client = app.client(base, app.acme());
        let name = format!("mia{}", base.len());
        let patch = |path: &str, data: Value| json!({"method": "PATCH", "path": path, "data": data});
        let add = json!([{"op": "add", "path": "members", "value": ["bulkId:mia"]}]);
        let outcomes = outcomes(
            &client,
            &json!([
                patch("/Roles/grader", add.clone()),
                post_user("mia", user(&name)),
                patch("/Roles/chief", add),
                patch("/Roles/manager", json!([{"op": "replace", "path": "displayName", "value": "Boss"}]))
            ]),
        );
        assert_eq!(statuses(&outcomes), ["200", "201", "404", "400"]);
        assert_eq!(outcomes[0]["location"], format!("{}/Roles/grader", client.base_url));
        assert_eq!(outcomes[0].get("version"), None, "a role has none");
        let grader = client.get(&user_path(&json!({"id": id_in(&outcomes[1])}))).json();
        assert_eq!(client.with_role(grader)["roles"].as_array().map(Vec::len), Some(1));
        let graders = client.filter("userAccessLevel eq \"grader\"").ids();
        assert!(graders.contains(&id_in(&outcomes[1]).to_owned()));
    }
}

fn a_large_group_is_204(backend: Backend) {
    let app = TestApp::start(backend);
    let client = app.rfc();
    app.db.cli(&["load", "--tenant", "acme", "--users", "1000"]);
    let users = client.get("/Users?count=1000&attributes=id").ids();
    for kind in KINDS {
        let group = kind.create(&client, &json!({"displayName": "Ops", "members": users}));
        let path = kind.path(&group);
        let data = json!([{"op": "add", "path": "members", "value": ["bulkId:one"]}]);
        let rename = json!([{"op": "replace", "path": "displayName", "value": "Late"}]);
        let outcomes = outcomes(
            &client,
            &json!([
                {"method": "PATCH", "path": path, "data": rename},
                {"method": "PATCH", "path": path, "data": data},
                post_user("one", user(&format!("one{}", kind.name))),
                {"method": "PUT", "path": path, "data": {"displayName": "Later"}}
            ]),
        );
        assert_eq!(statuses(&outcomes), ["200", "204", "201", "200"]);
        let versions = [0, 1, 3].map(|n| outcomes[n]["version"].clone());
        assert_eq!(versions, ["W/\"2\"", "W/\"3\"", "W/\"4\""]);
        assert!(db_list(&app, &group, "members").is_empty(), "PUT without members empties it");
    }
}

/// What changes nothing leaves no rows.
fn no_ops(backend: Backend) {
    let app = TestApp::start(backend);
    let client = app.rfc();
    let [mia, kai, _] = people(&client);
    let group = KINDS[0].create(&client, &json!({"displayName": "G", "members": [mia["id"]]}));
    let before = app.db.db_dump();
    let outcomes = outcomes(
        &client,
        &json!([
            {"method": "PATCH", "path": KINDS[0].path(&group), "data": [{"op": "add", "path": "members", "value": [mia["id"]]}]},
            {"method": "PATCH", "path": KINDS[0].path(&group), "data": {"Operations": [
                {"op": "remove", "path": format!("members[value eq \"{}\"]", id_of(&kai))}
            ]}},
            {"method": "PATCH", "path": user_path(&kai), "data": []}
        ]),
    );
    assert_eq!(statuses(&outcomes), ["200", "200", "200"]);
    assert!(outcomes.iter().all(|outcome| outcome["version"] == "W/\"1\""));
    app.db.db_assert_unchanged(&before);
}
