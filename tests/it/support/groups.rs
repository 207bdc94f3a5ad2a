//! Groups of both kinds and who is in them, as replies and as rows.

use serde_json::{Value, json};

use super::app::TestApp;
use super::backend::Backend;
use super::http::{Client, QA, id_of};
use super::users::{user, with};

/// URN of the core Group schema.
pub(crate) const GROUP: &str = "urn:ietf:params:scim:schemas:core:2.0:Group";
/// URN of user groups.
pub(crate) const USERGROUP: &str = "urn:rollcall:params:scim:schemas:core:2.0:Usergroup";
/// URN of roles.
pub(crate) const ROLE: &str = "urn:rollcall:params:scim:schemas:core:2.0:Role";
/// URN of the extension of groups.
pub(crate) const QA_GROUP: &str = "urn:rollcall:params:scim:schemas:extension:qa:2.0:Group";

/// A kind of groups.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct GroupKind {
    pub(crate) collection: &'static str,
    pub(crate) name: &'static str,
    pub(crate) urn: &'static str,
}

/// Agent groups and user groups.
pub(crate) const KINDS: [GroupKind; 2] = [
    GroupKind { collection: "/Groups", name: "Group", urn: GROUP },
    GroupKind { collection: "/Usergroups", name: "Usergroup", urn: USERGROUP },
];

impl GroupKind {
    pub(crate) fn create(self, client: &Client, body: &Value) -> Value {
        client.post(self.collection, body).expect(201).json()
    }

    pub(crate) fn path(self, group: &Value) -> String {
        format!("{}/{}", self.collection, id_of(group))
    }

    /// A member as the contract at `base` shows it.
    pub(crate) fn member(self, base: &str, user: &Value) -> Value {
        match (base, self.name) {
            (QA, "Group") => user["userName"].clone(),
            (QA, _) => user["id"].clone(),
            _ => json!({
                "value": user["id"], "$ref": format!("<ends {base}/Users/{}>", id_of(user)), "display": user["displayName"],
                "type": "User", "<exactly>": true
            }),
        }
    }
}

/// Three users with a name, an e-mail address and an external id each.
pub(crate) fn people(client: &Client) -> [Value; 3] {
    ["mia", "kai", "zoe"].map(|name| person(client, name))
}

pub(crate) fn person(client: &Client, name: &str) -> Value {
    let more = json!({"displayName": name.to_uppercase(), "externalId": format!("ext-{name}")});
    client.create(&with(user(name), more))
}

/// The ids of `users`, without hyphens and sorted, as [`db_list`] gives them.
pub(crate) fn plain_ids(users: &[&Value]) -> Vec<String> {
    let mut ids: Vec<String> = users.iter().map(|user| id_of(user).replace('-', "")).collect();
    ids.sort();
    ids
}

/// The users in a list of a group by its rows; the counter beside them has to agree.
#[track_caller]
pub(crate) fn db_list(app: &TestApp, group: &Value, list: &str) -> Vec<String> {
    let id = app.db.literal(id_of(group));
    let column = match app.db.backend {
        Backend::Sqlite => "lower(hex(user_id))",
        Backend::Postgres => "replace(user_id::text, '-', '')",
    };
    let sql = format!(
        "SELECT {column} AS value FROM memberships WHERE group_id = {id} AND list = '{list}' ORDER BY 1"
    );
    let users = app.db.db_texts(&sql);
    if list == "members" {
        let counted = app.db.db_texts(&format!(
            "SELECT CAST(members AS TEXT) AS value FROM group_sizes WHERE group_id = {id}"
        ));
        let counted = counted.first().map_or("0", String::as_str);
        assert_eq!(counted, users.len().to_string(), "group_sizes counts otherwise");
    }
    users
}

/// The last audit row about a resource: action, version and detail.
pub(crate) fn db_last_audit(app: &TestApp, resource: &Value) -> [String; 3] {
    let id = app.db.literal(id_of(resource));
    ["action", "CAST(new_version AS TEXT)", "coalesce(detail, '')"].map(|column| {
        let sql = format!(
            "SELECT {column} AS value FROM audit_log WHERE resource_id = {id} ORDER BY new_version DESC LIMIT 1"
        );
        app.db.db_texts(&sql).pop().unwrap_or_default()
    })
}

/// The versions that the change feed knows of a resource.
pub(crate) fn db_changes(app: &TestApp, kind: GroupKind, resource: &Value) -> i64 {
    let id = app.db.literal(id_of(resource));
    app.db.db_count("changes", &format!("resource_id = {id} AND resource_type = '{}'", kind.name))
}
