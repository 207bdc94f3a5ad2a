//! The attributes that `/Schemas` announces, values that fit them, and a resource type to try them on.

use serde_json::{Map, Value, json};

use crate::support::app::TestApp;
use crate::support::backend::Backend;
use crate::support::http::{BASES, Client, QA, Reply, id_of};
use crate::support::users::user;

/// An attribute or sub-attribute of a resource type.
#[derive(Clone)]
pub(super) struct Declared {
    /// The extension it belongs to.
    pub(super) urn: Option<String>,
    /// The attribute, for a sub-attribute.
    pub(super) parent: Option<Value>,
    pub(super) said: Value,
}

impl Declared {
    pub(super) fn name(&self) -> &str {
        self.said["name"].as_str().unwrap()
    }

    pub(super) fn is(&self, characteristic: &str, value: &str) -> bool {
        self.said[characteristic] == value
    }

    pub(super) fn is_complex(&self) -> bool {
        self.is("type", "complex")
    }

    /// The attribute itself or the one it belongs to.
    pub(super) fn whole(&self) -> &Value {
        self.parent.as_ref().unwrap_or(&self.said)
    }

    /// Whether it is a list of users, or part of one.
    pub(super) fn names_users(&self) -> bool {
        ["members", "owners"].iter().any(|list| self.whole()["name"] == *list)
    }

    pub(super) fn in_list(&self) -> bool {
        self.parent.as_ref().is_some_and(|parent| parent["multiValued"] == true)
    }

    /// `name.givenName`, with the URN of an extension.
    pub(super) fn path(&self) -> String {
        let urn = self.urn.as_ref().map(|urn| format!("{urn}:")).unwrap_or_default();
        match &self.parent {
            Some(parent) => format!("{urn}{}.{}", parent["name"].as_str().unwrap(), self.name()),
            None => format!("{urn}{}", self.name()),
        }
    }

    /// Whether a client may write it, with all it is part of.
    pub(super) fn is_writable(&self) -> bool {
        let writable = |one: &Value| one["mutability"] == "readWrite" || one["mutability"] == "writeOnly";
        writable(&self.said) && writable(self.whole())
    }

    /// Its value in a resource; in a list, that of the first element.
    pub(super) fn of<'a>(&self, resource: &'a Value) -> Option<&'a Value> {
        let object = self.urn.as_ref().map_or(Some(resource), |urn| resource.get(urn))?;
        let value = object.get(self.whole()["name"].as_str().unwrap())?;
        let value = if self.parent.is_some() && value.is_array() { value.get(0)? } else { value };
        if self.parent.is_some() { value.get(self.name()) } else { Some(value) }
    }

    /// The body with this value of it.
    pub(super) fn put(&self, mut body: Value, value: Value) -> Value {
        let mut at = match &self.urn {
            Some(urn) => &mut body[urn],
            None => &mut body,
        };
        if let Some(parent) = &self.parent {
            at = &mut at[parent["name"].as_str().unwrap()];
            if self.in_list() {
                if at.is_null() {
                    *at = json!([{}]);
                }
                at = &mut at[0];
            }
        }
        at[self.name()] = value;
        body
    }
}

/// A value that fits, another one for each `n`. Every text is one and the same, and an e-mail address of a user:
/// that will do for names, addresses and members alike.
pub(super) fn sample(said: &Value, n: usize) -> Value {
    let one = match said["type"].as_str().unwrap() {
        "string" => match said["canonicalValues"].as_array() {
            Some(values) => values[n % values.len()].clone(),
            None => json!(text(n)),
        },
        "reference" => json!(format!("https://example.com/Ref{n}")),
        "binary" => json!(["TUlJQQ==", "TUlJQg==", "TUlJQw==", "TUlJRA=="][n % 4]),
        "boolean" => json!(n.is_multiple_of(2)),
        "integer" => json!(n),
        "decimal" => json!(n as f64 + 0.5),
        "dateTime" => json!(format!("2026-01-0{n}T03:04:05.000Z")),
        "complex" => {
            let subs = said["subAttributes"].as_array().unwrap().iter();
            // The value of a member is what it is: fixed, but it has to be named.
            let sent = subs.filter(|sub| sub["mutability"] == "readWrite" || sub["name"] == "value");
            sent.map(|sub| (sub["name"].as_str().unwrap().to_owned(), sample(sub, n)))
                .collect::<Map<_, _>>()
                .into()
        }
        other => panic!("there is no type {other}"),
    };
    if said["multiValued"] == true { json!([one]) } else { one }
}

pub(super) fn text(n: usize) -> String {
    format!("Person{n}@example.com")
}

/// One resource type on one base.
pub(super) struct World<'a> {
    pub(super) app: &'a TestApp,
    pub(super) base: &'static str,
    pub(super) client: Client,
    pub(super) endpoint: String,
    pub(super) declared: Vec<Declared>,
}

impl World<'_> {
    pub(super) fn is_user(&self) -> bool {
        self.endpoint == "/Users"
    }

    /// What the QA contract decides beyond what a schema has words for: the primary e-mail address is the `userName`,
    /// which only a setting lets change, and a user has exactly one role, of those there are.
    pub(super) fn qa_decides(&self, declared: &Declared, whole: &[&str]) -> bool {
        self.base == QA && self.is_user() && whole.iter().any(|name| declared.whole()["name"] == *name)
    }

    /// A body with a value for all that can be written.
    pub(super) fn full(&self, n: usize) -> Value {
        let mut body = json!({});
        for one in self.declared.iter().filter(|one| one.parent.is_none() && one.is_writable()) {
            body = one.put(body, sample(&one.said, n));
        }
        body
    }

    /// A body with what has to be there.
    pub(super) fn least(&self, n: usize) -> Value {
        let required =
            self.declared.iter().filter(|one| one.parent.is_none() && one.said["required"] == true);
        required.fold(json!({}), |body, one| one.put(body, sample(&one.said, n)))
    }

    pub(super) fn post(&self, body: &Value) -> Reply {
        self.client.post(&self.endpoint, body)
    }

    #[track_caller]
    pub(super) fn create(&self, body: &Value) -> Value {
        self.post(body).expect(201).json()
    }

    pub(super) fn path(&self, resource: &Value) -> String {
        format!("{}/{}", self.endpoint, id_of(resource))
    }

    pub(super) fn get(&self, resource: &Value, query: &str) -> Value {
        self.client.get(&format!("{}?{query}", self.path(resource))).expect(200).json()
    }

    pub(super) fn delete(&self, resource: &Value) {
        self.client.delete(&self.path(resource)).expect(204);
    }

    /// The path of PATCH to it in this resource: an element of a list is found by one of its texts.
    pub(super) fn patch_path(&self, declared: &Declared, resource: &Value) -> String {
        if !declared.in_list() {
            return declared.path();
        }
        let subs = declared.whole()["subAttributes"].as_array().unwrap();
        let is_text = |sub: &&Value| sub["type"] == "string" && sub["canonicalValues"].is_null();
        let by_value = subs.iter().find(|sub| sub["name"] == "value");
        let key = by_value.or_else(|| subs.iter().find(is_text)).unwrap()["name"].as_str().unwrap();
        let list = Declared { parent: None, said: declared.whole().clone(), ..declared.clone() };
        let value = list.of(resource).map(|list| list[0][key].clone()).filter(|value| !value.is_null());
        let value = value.unwrap_or_else(|| json!("x"));
        format!("{}[{key} eq {value}].{}", list.path(), declared.name())
    }
}

/// Runs `check` on every resource type of both bases; there it finds users by the names of [`text`], of whom one has
/// used everything that is announced only where it is used.
pub(super) fn everywhere(backend: Backend, check: impl Fn(&World<'_>)) {
    for base in BASES {
        let app = TestApp::start(backend);
        let client = app.client(base, app.acme());
        let mut used = user("used");
        used["profile"] = json!({"Location": "Porto", "Shift": 2, "Quota": 2.5, "Remote": true});
        let used = client.create(&used);
        for endpoint in ["/Groups", "/Usergroups"] {
            let group = json!({"displayName": "used", "members": [used["id"]], "owners": [used["id"]]});
            client.post(endpoint, &group).expect(201);
        }
        let schemas = client.get("/Schemas").resources();
        let mut kinds = client.get("/ResourceTypes").resources();
        assert_eq!(kinds[0]["endpoint"], "/Users", "the groups need the users of the others");
        kinds.rotate_left(1);
        for n in 1..4 {
            client.create(&json!({"userName": text(n), "displayName": format!("Shown{n}")}));
        }
        for kind in kinds {
            let endpoint = kind["endpoint"].as_str().unwrap().to_owned();
            if endpoint == "/Users" {
                // Their names are wanted now.
                for found in client.filter("userName sw \"person\"").ids() {
                    client.delete(&format!("/Users/{found}")).expect(204);
                }
            }
            let attributes = |urn: &Value| {
                let schema = schemas.iter().find(|schema| schema["id"] == *urn).expect("it is announced");
                schema["attributes"].as_array().unwrap().clone()
            };
            let mut declared = Vec::new();
            let extensions = kind["schemaExtensions"].as_array().into_iter().flatten();
            let urns =
                extensions.map(|one| (Some(one["schema"].as_str().unwrap().to_owned()), &one["schema"]));
            for (urn, schema) in std::iter::once((None, &kind["schema"])).chain(urns) {
                for attribute in attributes(schema) {
                    let subs = attribute["subAttributes"].as_array().cloned().unwrap_or_default();
                    declared.push(Declared { urn: urn.clone(), parent: None, said: attribute.clone() });
                    for said in subs {
                        declared.push(Declared { urn: urn.clone(), parent: Some(attribute.clone()), said });
                    }
                }
            }
            assert!(declared.len() > 2, "{endpoint} has attributes");
            check(&World { app: &app, base, client: client.clone(), endpoint, declared });
        }
    }
}
