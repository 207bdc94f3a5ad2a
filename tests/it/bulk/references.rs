//! What `bulkId:…` stands for: in any order, across types, in circles, and when there is nothing it stands for.

use serde_json::{Value, json};

use super::{db_rows, id_in, outcomes, post_user, shuffled, statuses};
use crate::support::app::TestApp;
use crate::support::backend::{Backend, both};
use crate::support::groups::{db_list, people, plain_ids};
use crate::support::http::{BASES, id_of, user_path};
use crate::support::users::{ENTERPRISE, user, with};

both!(
    everywhere_in_any_order,
    managers_of_each_other,
    a_user_that_names_its_group,
    a_promise_that_cannot_be_kept,
    a_deleted_user_comes_back,
    nothing_to_refer_to,
    what_failed_takes_others_along,
);

fn managed(name: &str, manager: &str) -> Value {
    with(user(name), json!({ENTERPRISE: {"manager": {"value": format!("bulkId:{manager}")}}}))
}

/// Each order has the same result. The operations on what is made here refer to each other in a chain, so that there
/// is one order in which they can be done.
fn everywhere_in_any_order(backend: Backend) {
    let app = TestApp::start(backend);
    let client = app.rfc();
    let all = |round: usize| {
        let name = |name: &str| format!("{name}{round}");
        vec![
            post_user("boss", user(&name("boss"))),
            post_user("mia", managed(&name("mia"), "boss")),
            post_user(
                "kai",
                with(
                    managed(&name("kai"), "mia"),
                    json!({"profile": {"Mentor": "bulkId:mia", "Note": "see bulkId:mia"}}),
                ),
            ),
            json!({"method": "POST", "path": "Groups", "bulkId": "group", "data": {
                "displayName": name("G"), "members": ["bulkId:mia", {"value": "bulkId:boss"}], "owners": "bulkId:kai"
            }}),
            json!({"method": "PATCH", "path": "/Groups/bulkId:group", "bulkId": "patched", "data": {"Operations": [
                {"op": "remove", "path": "members[value eq \"bulkId:mia\"]"},
                {"op": "add", "path": "members", "value": [{"value": "bulkId:kai"}]}
            ]}}),
            // It names the operation before it, and so comes after it.
            json!({"method": "PUT", "path": format!("{}/Usergroups/bulkId:others", client.base_url), "data": {
                "displayName": name("U"), "members": ["bulkId:kai"], "externalId": "bulkId:patched"
            }}),
            json!({"method": "POST", "path": "/Usergroups", "bulkId": "others", "data": {"displayName": name("U")}}),
        ]
    };
    for round in 0..8 {
        let all = all(round);
        let order = match round {
            0 => (0..all.len()).collect(),
            1 => (0..all.len()).rev().collect(),
            _ => {
                let mut order = shuffled(all.len());
                order.rotate_left(round);
                order
            }
        };
        let before = db_rows(&app);
        let sent: Value = order.iter().map(|&n| all[n].clone()).collect();
        let outcomes = outcomes(&client, &sent);
        let mut ids = vec![String::new(); all.len()];
        for (outcome, &n) in outcomes.iter().zip(&order) {
            let status = if all[n]["method"] == "POST" { "201" } else { "200" };
            assert_eq!(outcome["status"], status, "{round}: {outcome}");
            id_in(outcome).clone_into(&mut ids[n]);
        }
        let resource = |n: usize| json!({"id": ids[n]});
        let [boss, mia, kai, group, others] = [0, 1, 2, 3, 6].map(resource);
        assert_eq!((&ids[4], &ids[5]), (&ids[3], &ids[6]));
        assert_eq!(db_list(&app, &group, "members"), plain_ids(&[&boss, &kai]), "{round}");
        assert_eq!(db_list(&app, &group, "owners"), plain_ids(&[&kai]), "{round}");
        assert_eq!(db_list(&app, &others, "members"), plain_ids(&[&kai]), "{round}");
        let kai = client.get(&format!("{}?attributes=manager,profile", user_path(&kai))).expect(200).json();
        assert_eq!(kai[ENTERPRISE]["manager"]["value"], mia["id"]);
        let profile = &kai["urn:rollcall:params:scim:schemas:extension:qa:2.0:User"]["profile"];
        assert_eq!(*profile, json!({"Mentor": mia["id"], "Note": "see bulkId:mia"}));
        let others = client.get(&format!("/Usergroups/{}", id_of(&others))).expect(200).json();
        assert_eq!(others["externalId"], group["id"]);
        assert_eq!(db_rows(&app), (before.0 + 7, before.1 + 7));
        client.delete(&format!("/Usergroups/{}", id_of(&others))).expect(204);
    }
}

fn managers_of_each_other(backend: Backend) {
    let app = TestApp::start(backend);
    for base in BASES {
        let client = app.client(base, app.acme());
        let name = |name: &str| format!("{name}{}", base.len());
        let outcomes = outcomes(
            &client,
            &json!([
                post_user("a", managed(&name("a"), "c")),
                post_user("b", managed(&name("b"), "a")),
                post_user("c", managed(&name("c"), "b")),
                post_user("self", managed(&name("self"), "self"))
            ]),
        );
        assert_eq!(statuses(&outcomes), ["201", "201", "201", "201"]);
        for (user, manager) in [(0, 2), (1, 0), (2, 1), (3, 3)] {
            let shown = client.get(&format!("/Users/{}", id_in(&outcomes[user]))).expect(200).json();
            assert_eq!(shown[ENTERPRISE]["manager"]["value"], id_in(&outcomes[manager]));
            let reference = shown[ENTERPRISE]["manager"]["$ref"].as_str().unwrap_or_default();
            assert!(reference.ends_with(id_in(&outcomes[manager])), "it is the id of a user: {shown}");
        }
    }
}

/// A member must exist and a text need not: the circle has one way round, whichever stands first.
fn a_user_that_names_its_group(backend: Backend) {
    let app = TestApp::start(backend);
    let client = app.rfc();
    for backwards in [false, true] {
        let mut operations = vec![
            post_user(
                "user",
                with(user(&format!("mia{backwards}")), json!({"profile": {"Home": "bulkId:group"}})),
            ),
            json!({"method": "POST", "path": "/Groups", "bulkId": "group", "data": {
                "displayName": format!("Home {backwards}"), "members": ["bulkId:user"]
            }}),
        ];
        if backwards {
            operations.reverse();
        }
        let mut outcomes = outcomes(&client, &Value::Array(operations));
        if backwards {
            outcomes.reverse();
        }
        assert_eq!(statuses(&outcomes), ["201", "201"]);
        let (user, group) = (id_in(&outcomes[0]), id_in(&outcomes[1]));
        assert_eq!(db_list(&app, &json!({"id": group}), "members"), [user.replace('-', "")]);
        assert_eq!(client.filter(&format!("profile.Home eq \"{group}\"")).ids(), [user]);
    }
}

fn a_promise_that_cannot_be_kept(backend: Backend) {
    let app = TestApp::start(backend);
    let client = app.rfc();
    let old = client.create(&user("old"));
    client.delete(&user_path(&old)).expect(204);
    let before = db_rows(&app);
    let outcomes = outcomes(
        &client,
        &json!([post_user("new", managed("new", "old")), post_user("old", managed("old", "new"))]),
    );
    assert_eq!(statuses(&outcomes), ["201", "409"]);
    assert_eq!(outcomes[1]["response"].get("scimType"), None);
    client.get(&user_path(&old)).expect_error(404, None);
    assert_eq!((app.db_users(app.acme()), db_rows(&app)), (1, (before.0 + 1, before.1 + 1)));
}

/// Without a promise it has its old id, and whoever refers to it gets that.
fn a_deleted_user_comes_back(backend: Backend) {
    let app = TestApp::start(backend);
    let client = app.rfc();
    let old = client.create(&user("old"));
    client.delete(&user_path(&old)).expect(204);
    let outcomes = outcomes(
        &client,
        &json!([
            {"method": "POST", "path": "/Groups", "bulkId": "g", "data": {"displayName": "G", "members": ["bulkId:old"]}},
            post_user("old", user("old"))
        ]),
    );
    assert_eq!(statuses(&outcomes), ["201", "201"]);
    assert_eq!((id_in(&outcomes[1]), &outcomes[1]["version"]), (id_of(&old), &json!("W/\"3\"")));
    assert_eq!(db_list(&app, &json!({"id": id_in(&outcomes[0])}), "members"), plain_ids(&[&old]));
}

fn nothing_to_refer_to(backend: Backend) {
    let app = TestApp::start(backend);
    let [mia, ..] = people(&app.rfc());
    let before = app.db.db_dump();
    for base in BASES {
        let client = app.client(base, app.acme());
        let outcomes = outcomes(
            &client,
            &json!([
                post_user("a", managed("a", "none")),
                {"method": "POST", "path": "/Groups", "bulkId": "g", "data": {"displayName": "G", "members": ["bulkId:A"]}},
                {"method": "PATCH", "path": "/Users/bulkId:none", "data": [{"op": "add", "path": "title", "value": "x"}]},
                {"method": "PATCH", "path": user_path(&mia), "data": [{"op": "add", "path": "title", "value": "bulkId:"}]},
                {"method": "PATCH", "path": "/Roles/bulkId:none", "data": []},
                {"method": "DELETE", "path": "/Users/bulkId:none"}
            ]),
        );
        assert_eq!(statuses(&outcomes), ["400"; 6]);
        for outcome in &outcomes {
            assert_eq!(outcome["response"]["scimType"], "invalidValue", "{outcome}");
        }
    }
    app.db.db_assert_unchanged(&before);
}

fn what_failed_takes_others_along(backend: Backend) {
    let app = TestApp::start(backend);
    let client = app.rfc();
    people(&client);
    let before = app.db.db_dump();
    let group = |bulk_id: &str, member: &str| json!({"method": "POST", "path": "/Groups", "bulkId": bulk_id, "data": {"displayName": bulk_id, "members": [member]}});
    let outcomes = outcomes(
        &client,
        &json!([
            group("g", "bulkId:mia"),
            post_user("mia", user("mia")),
            post_user("deep", managed("deep", "g")),
            {"method": "PUT", "path": "/Users/bulkId:mia", "data": user("other")},
            {"method": "POST", "path": "/Nowhere", "bulkId": "lost", "data": {}},
            post_user("found", managed("found", "lost")),
            {"method": "DELETE", "path": "/Groups/bulkId:g"}
        ]),
    );
    assert_eq!(statuses(&outcomes), ["409", "409", "409", "409", "404", "409", "409"]);
    for (outcome, name) in outcomes.iter().zip(["mia", "", "g", "mia", "", "lost", "g"]) {
        let detail = outcome["response"]["detail"].as_str().unwrap();
        assert!(detail.contains(&format!("{name:?}")) != name.is_empty(), "{name}: {detail}");
    }
    assert_eq!(outcomes[1]["response"]["scimType"], "uniqueness");
    app.db.db_assert_unchanged(&before);
}
