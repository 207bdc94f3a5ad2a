//! `DELETE /Groups/{id}`: the group goes, its users stay.

use serde_json::json;

use crate::support::app::TestApp;
use crate::support::backend::{Backend, both};
use crate::support::groups::{KINDS, db_changes, db_last_audit, people};
use crate::support::http::{BASES, id_of, user_path};

both!(a_deleted_group_leaves_its_users);

fn a_deleted_group_leaves_its_users(backend: Backend) {
    let app = TestApp::start(backend);
    let [mia, kai, _] = people(&app.rfc());
    for base in BASES {
        let client = app.client(base, app.acme());
        for kind in KINDS {
            let body =
                json!({"displayName": "Ops", "members": [mia["id"], kai["id"]], "owners": [mia["id"]]});
            let group = kind.create(&client, &body);
            let path = kind.path(&group);
            let reply = client.delete(&path);
            assert_eq!((reply.expect(204).text.as_str(), reply.header("Content-Type")), ("", None));
            client.get(&path).expect_error(404, None);
            client.put(&path, &json!({"displayName": "Ops"})).expect_error(404, None);
            client
                .patch(&path, json!([{"op": "add", "path": "members", "value": [mia["id"]]}]))
                .expect_error(404, None);
            client.delete(&path).expect_error(404, None);
            assert_eq!(client.get(kind.collection).total(), 0, "in no list");
            for user in [&mia, &kai] {
                let after = client.get(&user_path(user)).expect(200).json();
                assert_eq!(after["groups"], json!([]), "{base} {}", kind.name);
                assert_eq!(after["meta"]["version"], user["meta"]["version"], "a group is no part of a user");
            }
            assert_eq!(client.filter(&format!("groups.value eq \"{}\"", id_of(&group))).total(), 0);
            let id = app.db.literal(id_of(&group));
            for table in ["memberships", "group_sizes"] {
                assert_eq!(app.db.db_count(table, &format!("group_id = {id}")), 0, "{table}");
            }
            assert_eq!(app.db.db_count("resources", &format!("id = {id} AND deleted_at IS NOT NULL")), 1);
            assert_eq!(db_last_audit(&app, &group)[0], "deleted");
            assert_eq!(db_changes(&app, kind, &group), 2);
            assert_eq!(
                app.db.db_count("collections", &format!("resource_type = '{}' AND live <> 0", kind.name)),
                0
            );
        }
    }
}
