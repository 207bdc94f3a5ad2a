//! A tenant in which every line of the table can succeed, and the request for a line.

use std::collections::BTreeMap;
use std::fmt;

use serde_json::{Value, json};
use uuid::Uuid;

use super::desk::Desk;
use super::principals::Principal;
use crate::platform;
use crate::schemas;
use crate::support::admins::ADMIN;
use crate::support::app::TestApp;
use crate::support::backend::Backend;
use crate::support::http::{BASES, Client, PATCH_OP, RFC, Reply, SCIM_JSON, id_of};
use crate::support::users::{USER, user, with};

/// A line of the URL table.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Line {
    pub(super) method: String,
    pub(super) path: String,
}

impl Line {
    /// Whether it changes nothing.
    pub(super) fn reads(&self) -> bool {
        self.method == "GET" || self.path.ends_with("/.search")
    }
}

impl fmt::Display for Line {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} {}", self.method, self.path)
    }
}

/// What a request is about.
#[derive(Clone, Debug)]
pub(super) struct Target {
    pub(super) path: String,
    /// What is there now.
    pub(super) stored: Value,
    /// The body of the request, where it is made with the target.
    pub(super) body: Option<Value>,
    /// Texts that nobody else may see.
    pub(super) marks: Vec<String>,
}

pub(super) struct World {
    pub(super) app: TestApp,
    /// Everything in `acme`.
    owner: Client,
    platform: Client,
    anybody: Client,
    desk: Desk,
    /// Until a request has changed them.
    targets: BTreeMap<String, Target>,
}

impl World {
    pub(super) fn new(backend: Backend) -> Self {
        let app = schemas::with_example(backend);
        let owner = app.client("", app.acme());
        let platform = app.client_with(platform::BASE, Some(platform::credential(&app)));
        let anybody = app.client_with("", None);
        let desk = Desk::new(&app);
        let world = Self { app, owner, platform, anybody, desk, targets: BTreeMap::new() };
        // Once it is in force the collection of the tenant's own type is there.
        while world.owner.get("/scim/v2/TestResources").status != 200 {
            std::thread::sleep(std::time::Duration::from_millis(50));
        }
        world
    }

    /// Every line, from the document of the server, which is made from its table.
    pub(super) fn lines(&self) -> Vec<Line> {
        let document = self.app.client_with("", None).get("/openapi.json").expect(200).json();
        let of_path = |(path, item): (&String, &Value)| -> Vec<Line> {
            let methods = item.as_object().expect("an object").keys();
            let known = methods.filter(|name| name.as_str() != "parameters");
            known.map(|method| Line { method: method.to_uppercase(), path: path.clone() }).collect()
        };
        document["paths"].as_object().expect("an object").iter().flat_map(of_path).collect()
    }

    /// What there is for a line; made anew when a request has changed it.
    pub(super) fn target(&mut self, line: &Line) -> Target {
        let key = line.to_string();
        if let Some(target) = self.targets.get(&key) {
            return target.clone();
        }
        let target = if line.path.starts_with(ADMIN) {
            self.desk.target(&self.app, &self.owner, line)
        } else {
            self.make(&line.path)
        };
        self.targets.insert(key, target.clone());
        target
    }

    /// The target is not what it was.
    pub(super) fn forget(&mut self, line: &Line) {
        self.targets.remove(&line.to_string());
    }

    fn make(&self, path: &str) -> Target {
        if path.starts_with(platform::BASE) {
            return self.of_platform(path);
        }
        let name = format!("secret-{}", Uuid::now_v7());
        let base = BASES.iter().find(|base| path.starts_with(*base)).copied().unwrap_or(RFC);
        let collection = path.strip_prefix(base).unwrap_or_default().split('/').nth(1).unwrap_or_default();
        let id = match collection {
            "Roles" => Some("grader"),
            "Schemas" => Some(USER),
            "ResourceTypes" => Some("User"),
            _ => None,
        };
        let collection = if collection == "{collection}" { "TestResources" } else { collection };
        let stored = match collection {
            "Users" | "Groups" | "Usergroups" | "TestResources" => {
                self.owner.post(&format!("{base}/{collection}"), &new(collection, &name)).expect(201).json()
            }
            // Somebody who is to be found, or to be given a role.
            _ => self.owner.post(&format!("{base}/Users"), &new("Users", &name)).expect(201).json(),
        };
        let made = id_of(&stored).to_owned();
        let path = path.replace("{id}", id.unwrap_or(&made)).replace("{collection}", "TestResources");
        Target { path, stored, body: None, marks: vec![name, made] }
    }

    fn of_platform(&self, path: &str) -> Target {
        let post = |path: &str, body: Value| {
            let request = self.platform.request("POST", path).body(body.to_string(), "application/json");
            request.send().expect(201).json()
        };
        let stored = post("/tenants", json!({"slug": Uuid::now_v7().to_string()}));
        let tenant = id_of(&stored).to_owned();
        let token = post(&format!("/tenants/{tenant}/tokens"), json!({"name": "x"}));
        let path = path.replace("{id}", &tenant).replace("{token}", id_of(&token));
        Target { path, stored, body: None, marks: vec![tenant, id_of(&token).to_owned()] }
    }

    /// How much has been written: resources, tenants and tokens.
    pub(super) fn written(&self) -> Vec<String> {
        let count = |table: &str| format!("(SELECT count(*) FROM {table})");
        let states = "(SELECT count(*) FROM tenants WHERE state = 'active')";
        let revoked = "(SELECT count(*) FROM api_tokens WHERE revoked_at IS NULL)";
        self.app.db.db_texts(&format!(
            "SELECT CAST({} AS TEXT) || ' ' || {} || ' ' || {} || ' ' || {states} || ' ' || {revoked} AS value",
            count("changes"),
            count("tenants"),
            count("api_tokens")
        ))
    }

    /// The request of a line that succeeds for whoever may send it; gives its body too.
    pub(super) fn send(&self, line: &Line, target: &Target, principal: &Principal) -> (String, Reply) {
        let credential = match line.path.starts_with(ADMIN) {
            true => self.desk.credential(&self.app, line, principal),
            false => principal.credential.clone(),
        };
        let client = self.anybody.with_credential(credential);
        let request = client.request(&line.method, &target.path);
        match body(line, target) {
            Some(body) => {
                let plain = [platform::BASE, ADMIN].iter().any(|base| line.path.starts_with(base));
                let media = if plain { "application/json" } else { SCIM_JSON };
                (body.to_string(), request.body(body.to_string(), media).send())
            }
            None => (String::new(), request.send()),
        }
    }
}

/// A new resource of a collection.
fn new(collection: &str, name: &str) -> Value {
    match collection {
        "Users" => user(name),
        "TestResources" => with(schemas::least(name), json!({"number": name})),
        _ => json!({"displayName": name}),
    }
}

fn body(line: &Line, target: &Target) -> Option<Value> {
    let name = Uuid::now_v7().to_string();
    let collection = |path: &str| {
        let base = BASES.iter().find(|base| path.starts_with(*base)).copied().unwrap_or_default();
        path[base.len()..].split('/').nth(1).unwrap_or_default().to_owned()
    };
    let collection = collection(&target.path);
    if line.path.starts_with(ADMIN) {
        return target.body.clone();
    }
    if line.path.starts_with(platform::BASE) {
        return match (line.method.as_str(), line.path.rsplit('/').next()?) {
            ("POST", "tenants") => Some(json!({"slug": name})),
            ("POST", "tokens") => Some(json!({"name": name})),
            ("POST", "admins") => Some(json!({"email": format!("{name}@example.com")})),
            ("POST", "rotate") => Some(json!({})),
            ("PATCH", _) => Some(json!({"name": name})),
            _ => None,
        };
    }
    match line.method.as_str() {
        "POST" if line.path.ends_with("/.search") => Some(json!({
            "schemas": ["urn:ietf:params:scim:api:messages:2.0:SearchRequest"], "count": 1
        })),
        "POST" if collection == "Bulk" => Some(json!({
            "schemas": ["urn:ietf:params:scim:api:messages:2.0:BulkRequest"],
            "Operations": [{"method": "POST", "path": "/Users", "bulkId": "a", "data": user(&name)}]
        })),
        "POST" => Some(new(&collection, &name)),
        "PUT" => Some(target.stored.clone()),
        "PATCH" => {
            let operation = match collection.as_str() {
                "Roles" => json!({"op": "add", "path": "members", "value": [target.stored["id"]]}),
                "Users" | "TestResources" => json!({"op": "replace", "path": "title", "value": name}),
                _ => json!({"op": "replace", "path": "displayName", "value": name}),
            };
            Some(json!({"schemas": [PATCH_OP], "Operations": [operation]}))
        }
        _ => None,
    }
}

/// The status of the one operation of a bulk request.
pub(super) fn inner(reply: &Reply) -> Option<u16> {
    if reply.status != 200 || !reply.what.ends_with("/Bulk") {
        return None;
    }
    reply.json()["Operations"][0]["status"].as_str()?.parse().ok()
}
