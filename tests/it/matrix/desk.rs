//! What the lines of tenant admins need to succeed: accounts, links, tokens and recorded requests.

use serde_json::{Value, json};
use uuid::Uuid;

use super::principals::{Kind, Principal};
use super::world::{Line, Target};
use crate::support::admins::{self, ADMIN, PASSWORD};
use crate::support::app::TestApp;
use crate::support::http::{Client, id_of};
use crate::support::users::user;

/// A good password that nobody has yet.
const ANOTHER: &str = "another tree window plum";

/// An owner of `acme`, and somebody who only signs in.
pub(super) struct Desk {
    owner: Client,
    somebody: Value,
}

fn address() -> String {
    format!("somebody-{}@example.com", Uuid::now_v7())
}

impl Desk {
    pub(super) fn new(app: &TestApp) -> Self {
        let owner = admins::admin(app, "owner");
        let somebody = admins::create_admin(&app.db, "acme", &address(), "admin");
        Self { owner, somebody }
    }

    fn post(&self, path: &str, body: &Value) -> Value {
        let reply = admins::send(&self.owner, "POST", path, body);
        assert!([200, 201].contains(&reply.status), "{}: {} {}", reply.what, reply.status, reply.text);
        reply.json()
    }

    /// An account that was invited, with its link.
    fn invited(&self, role: &str) -> Value {
        self.post("/admins", &json!({"email": address(), "role": role}))
    }

    /// An account that can sign in with [`PASSWORD`].
    fn active(&self, role: &str) -> Value {
        let made = self.invited(role);
        self.post("/invitations/accept", &json!({"secret": made["link"]["secret"], "password": PASSWORD}));
        made
    }

    /// The credential for a line: a change of one's own account needs one that nobody misses afterwards.
    pub(super) fn credential(
        &self,
        app: &TestApp,
        line: &Line,
        principal: &Principal,
    ) -> Option<(&'static str, String)> {
        let own = [format!("{ADMIN}/session"), format!("{ADMIN}/me")];
        let changes_own = !line.reads() && own.iter().any(|own| line.path.starts_with(own));
        let grant = match principal.kind {
            Kind::Admin(role) if changes_own => {
                let made = self.active(role);
                admins::sign_in(app, app.acme(), made["email"].as_str().expect("an account has an address"))
            }
            Kind::ForeignAdmin if changes_own => {
                let email = address();
                admins::create_admin(&app.db, app.globex().slug, &email, "owner");
                admins::sign_in(app, app.globex(), &email)
            }
            _ => return principal.credential.clone(),
        };
        Some(admins::credential(&grant))
    }

    /// What a line is about, with the body of its request.
    pub(super) fn target(&self, app: &TestApp, scim: &Client, line: &Line) -> Target {
        let pattern = &line.path[ADMIN.len()..];
        let password = json!({"password": PASSWORD});
        let (stored, body) = match (line.method.as_str(), pattern) {
            ("POST", "/session") => (
                self.somebody.clone(),
                Some(json!({"tenant": "acme", "email": self.somebody["email"], "password": PASSWORD})),
            ),
            ("POST", "/session/refresh") => {
                let email = self.somebody["email"].as_str().expect("an account has an address");
                let grant = admins::sign_in(app, app.acme(), email);
                (self.somebody.clone(), Some(json!({"refreshToken": grant["refreshToken"]})))
            }
            ("POST", "/invitations/accept") => {
                let made = self.invited("auditor");
                let body = json!({"secret": made["link"]["secret"], "password": PASSWORD});
                (made, Some(body))
            }
            ("POST", "/resets/accept") => {
                let made = self.active("auditor");
                let reset = self.post(&format!("/admins/{}/reset", id_of(&made)), &json!({}));
                (made, Some(json!({"secret": reset["link"]["secret"], "password": ANOTHER})))
            }
            ("POST", "/me/password") => {
                (Value::Null, Some(json!({"password": PASSWORD, "newPassword": ANOTHER})))
            }
            ("POST", "/me/totp/confirm") => {
                (Value::Null, Some(json!({"password": PASSWORD, "code": "000000"})))
            }
            ("POST", pattern) if pattern.starts_with("/me/") => (Value::Null, Some(password)),
            ("POST", "/admins") => (Value::Null, Some(json!({"email": address(), "role": "auditor"}))),
            ("PATCH", "/admins/{id}") => (self.active("admin"), Some(json!({"role": "auditor"}))),
            ("POST", "/admins/{id}/reset") => (self.active("admin"), Some(json!({}))),
            (_, pattern) if pattern.starts_with("/admins/{id}") => (self.active("admin"), None),
            ("POST", "/tokens") => (Value::Null, Some(json!({"name": "new"}))),
            (method, pattern) if pattern.starts_with("/tokens/{token}") => {
                let made = self.post("/tokens", &json!({"name": "there"}));
                let body = match method {
                    "PATCH" => Some(json!({"name": "other"})),
                    "POST" => Some(json!({})),
                    _ => None,
                };
                (made, body)
            }
            (_, "/users/{id}/history") => {
                let name = format!("secret-{}", Uuid::now_v7());
                (scim.post("/scim/v2/Users", &user(&name)).expect(201).json(), None)
            }
            (_, "/requests/{id}") => (self.recorded(scim), None),
            (_, pattern) => {
                assert!(!pattern.contains('{'), "{pattern}: what is there to be named?");
                (Value::Null, None)
            }
        };
        let id = stored["id"].as_str().unwrap_or_default().to_owned();
        let path = line.path.replace("{id}", &id).replace("{token}", &id);
        let marks = ["id", "email", "userName"].iter().filter_map(|name| stored[*name].as_str());
        let marks = marks.map(str::to_owned).collect();
        Target { path, stored, body, marks }
    }

    /// A request of the tenant, once it is recorded.
    fn recorded(&self, scim: &Client) -> Value {
        scim.get("/scim/v2/Users/nobody").expect_error(404, None);
        for _ in 0..200 {
            let page = self.owner.get("/requests").expect(200).json();
            if let Some(one) = page["requests"].as_array().and_then(|all| all.first()) {
                return one.clone();
            }
            std::thread::sleep(std::time::Duration::from_millis(50));
        }
        panic!("no request is recorded")
    }
}
