//! What identity providers really send, and what they need back: one JSON file per dialogue in `idp/<client>/`,
//! run by one loop on both databases, on each base path and with each credential carrier the file names.
//!
//! A file holds: `client`, `about`; `bases` (both unless named), `carriers` (Bearer unless named), `headers` of
//! every request, `query` appended to every path, `values` of variables by base; and `steps`. A step holds
//! `does`, `method`, `path` (as sent, percent-encoding kept), `headers`, `credential` (`none` leaves it out), a
//! body (`body` is JSON, `text` is sent as it is, `over` lays `body` over a kept reply), `repeat` (with `{i}`),
//! `expect` (`status`, `headers`, `body`, and `body rfc` or `body qa` for one contract; see
//! [`crate::support::matching`]) and `keep` (variables from the reply, by JSON pointer).
//! `{B}` is the base path; other variables are those of `values` and `keep`.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use serde_json::{Value, json};

use crate::support::app::TestApp;
use crate::support::backend::{Backend, both};
use crate::support::db;
use crate::support::http::{Carrier, Client, QA, RFC, Reply, SCIM_JSON};
use crate::support::matching::differences;

both!(every_dialogue);

fn every_dialogue(backend: Backend) {
    let app = TestApp::start(backend);
    let mut failures = Vec::new();
    let mut runs = 0;
    for file in files() {
        let name = file.strip_prefix(folder()).unwrap().display().to_string();
        let dialogue = Dialogue::read(&file);
        for base in &dialogue.bases {
            for carrier in &dialogue.carriers {
                // A tenant of its own: dialogues use the names their clients' manuals use.
                let tenant = db::create_tenant(&app.db, leak(format!("dialogue-{runs}")));
                let client = app.client_with(base, Some(carrier.header(&tenant.token)));
                runs += 1;
                if let Err(failure) = dialogue.run(&client, base) {
                    failures.push(format!("{name} on {base} with {carrier:?}: {failure}"));
                }
            }
        }
    }
    assert!(runs > 0, "no dialogue was found in {}", folder().display());
    assert!(
        failures.is_empty(),
        "{} of {runs} dialogues failed:\n\n{}",
        failures.len(),
        failures.join("\n\n")
    );
}

/// Every carrier, both app kinds of Okta and both generations of Entra occur somewhere.
#[test]
fn the_dialogues_cover_what_they_promise() {
    let dialogues: Vec<Dialogue> = files().iter().map(|file| Dialogue::read(file)).collect();
    for carrier in Carrier::ALL {
        assert!(dialogues.iter().any(|one| one.carriers.contains(&carrier)), "{carrier:?} is used nowhere");
    }
    for base in [RFC, QA] {
        assert!(dialogues.iter().any(|one| one.bases.contains(&base)), "{base} is used nowhere");
    }
    for client in ["Okta, OIN app", "Okta, AIW app", "Entra ID", "Entra ID, flag aadOptscim062020"] {
        assert!(dialogues.iter().any(|one| one.client == client), "no dialogue of {client}");
    }
}

fn folder() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("it/idp")
}

fn files() -> Vec<PathBuf> {
    let entries = |folder: &Path| -> Vec<PathBuf> {
        let entries =
            std::fs::read_dir(folder).unwrap_or_else(|error| panic!("{}: {error}", folder.display()));
        entries.map(|entry| entry.unwrap().path()).collect()
    };
    let clients = entries(&folder()).into_iter().filter(|path| path.is_dir());
    let mut files: Vec<PathBuf> = clients.flat_map(|client| entries(&client)).collect();
    files.sort();
    files
}

/// The slugs of tenants are static elsewhere; a few bytes per dialogue are no loss.
fn leak(text: String) -> &'static str {
    Box::leak(text.into_boxed_str())
}

struct Dialogue {
    client: String,
    bases: Vec<&'static str>,
    carriers: Vec<Carrier>,
    document: Value,
}

type Variables = BTreeMap<String, Value>;

impl Dialogue {
    fn read(file: &Path) -> Self {
        let name = file.display();
        let text = std::fs::read_to_string(file).unwrap_or_else(|error| panic!("{name}: {error}"));
        let document: Value = serde_json::from_str(&text).unwrap_or_else(|error| panic!("{name}: {error}"));
        let keys = ["client", "about", "bases", "carriers", "headers", "query", "values", "steps"];
        check_keys(&document, &keys, &name.to_string());
        for step in document["steps"].as_array().unwrap_or_else(|| panic!("{name} has no steps")) {
            let keys = [
                "does",
                "method",
                "path",
                "headers",
                "credential",
                "body",
                "text",
                "over",
                "repeat",
                "expect",
                "keep",
            ];
            check_keys(step, &keys, &format!("{name}: {}", step["does"]));
            check_keys(
                &step["expect"],
                &["status", "headers", "body", "body rfc", "body qa"],
                &name.to_string(),
            );
            assert!(step["expect"]["status"].is_u64(), "{name}: {} expects no status", step["does"]);
        }
        let names = |key: &str, default: &[&str]| -> Vec<String> {
            match document[key].as_array() {
                Some(list) => list.iter().map(|name| name.as_str().unwrap().to_owned()).collect(),
                None => default.iter().map(|&name| name.to_owned()).collect(),
            }
        };
        let base = |name: &String| match name.as_str() {
            "rfc" => RFC,
            "qa" => QA,
            other => panic!("{file:?}: there is no base {other}"),
        };
        let carrier = |name: &String| {
            Carrier::ALL
                .into_iter()
                .find(|carrier| format!("{carrier:?}") == *name)
                .unwrap_or_else(|| panic!("{file:?}: there is no carrier {name}"))
        };
        Self {
            client: document["client"].as_str().unwrap_or_default().to_owned(),
            bases: names("bases", &["rfc", "qa"]).iter().map(base).collect(),
            carriers: names("carriers", &["Bearer"]).iter().map(carrier).collect(),
            document,
        }
    }

    fn run(&self, client: &Client, base: &str) -> Result<(), String> {
        let contract = if base == QA { "qa" } else { "rfc" };
        let mut variables = Variables::new();
        variables.insert("B".into(), json!(""));
        for (name, value) in self.document["values"][contract].as_object().into_iter().flatten() {
            variables.insert(name.clone(), value.clone());
        }
        for (place, step) in self.document["steps"].as_array().into_iter().flatten().enumerate() {
            for i in 0..step["repeat"].as_u64().unwrap_or(1) {
                variables.insert("i".into(), json!(i.to_string()));
                let reply = self.send(client, step, &variables);
                let found = judge(step, &reply, &variables, contract);
                if !found.is_empty() {
                    let (number, does) = (place + 1, step["does"].as_str().unwrap_or_default());
                    return Err(format!(
                        "step {number} ({does}), {}:\n  {}\ngot {} {:?} {}",
                        reply.what,
                        found.join("\n  "),
                        reply.status,
                        reply.headers,
                        reply.text
                    ));
                }
                for (name, pointer) in step["keep"].as_object().into_iter().flatten() {
                    let body = reply.json();
                    let value = body.pointer(pointer.as_str().unwrap());
                    let value = value.ok_or_else(|| format!("{pointer} is not in {}", reply.text))?;
                    variables.insert(name.clone(), value.clone());
                }
            }
        }
        Ok(())
    }

    fn send(&self, client: &Client, step: &Value, variables: &Variables) -> Reply {
        let mut path = fill_text(step["path"].as_str().unwrap(), variables);
        if let Some(query) = self.document["query"].as_str() {
            path.push(if path.contains('?') { '&' } else { '?' });
            path.push_str(query);
        }
        let client = match step["credential"].as_str() {
            None => client.clone(),
            Some("none") => client.with_credential(None),
            Some(other) => panic!("there is no credential {other}"),
        };
        let mut request = client.request(step["method"].as_str().unwrap(), &path);
        let mut content_type = "application/scim+json; charset=utf-8".to_owned();
        for headers in [&self.document["headers"], &step["headers"]] {
            for (name, value) in headers.as_object().into_iter().flatten() {
                let value = fill_text(value.as_str().unwrap(), variables);
                if name == "Content-Type" {
                    content_type = value;
                } else {
                    request = request.header(name, &value);
                }
            }
        }
        let body = match (step.get("over"), step.get("body"), step["text"].as_str()) {
            (Some(kept), overlay, _) => {
                let mut body = variables[kept.as_str().unwrap()].clone();
                lay_over(&mut body, &fill(overlay.unwrap_or(&json!({})), variables));
                Some(body.to_string())
            }
            (None, Some(body), _) => Some(fill(body, variables).to_string()),
            (None, None, Some(text)) => Some(fill_text(text, variables)),
            (None, None, None) => None,
        };
        if let Some(body) = body {
            request = request.body(body, &content_type);
        }
        request.send()
    }
}

/// What a reply lacks: what the step expects, and what every client expects of every reply.
fn judge(step: &Value, reply: &Reply, variables: &Variables, contract: &str) -> Vec<String> {
    let expect = &step["expect"];
    let mut found = Vec::new();
    if expect["status"] != json!(reply.status) {
        found.push(format!("expected {}", expect["status"]));
        return found;
    }
    for (name, value) in expect["headers"].as_object().into_iter().flatten() {
        let value = fill(value, variables);
        let actual = reply.header(name).map_or(Value::Null, |value| json!(value));
        found.extend(differences(&value, &actual).iter().map(|what| format!("header {name}{what}")));
    }
    if reply.status == 204 {
        if !reply.text.is_empty() {
            found.push("204 has no body".into());
        }
        return found;
    }
    if reply.header("Content-Type") != Some(SCIM_JSON) {
        found.push(format!("every body is {SCIM_JSON}"));
        return found;
    }
    let body = reply.json();
    if reply.status == 201 && (reply.header("Location").is_none() || reply.header("ETag").is_none()) {
        found.push("201 carries Location and ETag".into());
    }
    if reply.status == 201 && json!(reply.header("Location")) != body["meta"]["location"] {
        found.push("Location differs from meta.location".into());
    }
    if reply.status >= 400 && body["status"] != json!(reply.status.to_string()) {
        found.push("an Error has its status as a string".into());
    }
    if body.get("password").is_some() {
        found.push("a password is never returned".into());
    }
    for key in ["body".to_owned(), format!("body {contract}")] {
        if let Some(expected) = expect.get(&key) {
            found.extend(differences(&fill(expected, variables), &body));
        }
    }
    found
}

/// Objects are merged, everything else is replaced.
fn lay_over(target: &mut Value, overlay: &Value) {
    match (target, overlay) {
        (Value::Object(target), Value::Object(overlay)) => {
            for (name, value) in overlay {
                lay_over(target.entry(name.clone()).or_insert(Value::Null), value);
            }
        }
        (target, overlay) => *target = overlay.clone(),
    }
}

/// Replaces variables in all texts; a text that is one variable becomes its value, whatever its type.
fn fill(value: &Value, variables: &Variables) -> Value {
    match value {
        Value::String(text) => {
            let whole = text.strip_prefix('{').and_then(|rest| rest.strip_suffix('}'));
            match whole.and_then(|name| variables.get(name)) {
                Some(value) => value.clone(),
                None => Value::String(fill_text(text, variables)),
            }
        }
        Value::Array(list) => list.iter().map(|value| fill(value, variables)).collect(),
        Value::Object(object) => {
            object.iter().map(|(name, value)| (name.clone(), fill(value, variables))).collect()
        }
        other => other.clone(),
    }
}

fn fill_text(text: &str, variables: &Variables) -> String {
    let mut text = text.to_owned();
    for (name, value) in variables {
        if let Some(value) = value.as_str() {
            text = text.replace(&format!("{{{name}}}"), value);
        }
    }
    text
}

/// A misspelt key would be a check that is never made.
fn check_keys(object: &Value, known: &[&str], place: &str) {
    let keys = object.as_object().unwrap_or_else(|| panic!("{place}: an object is expected")).keys();
    for key in keys {
        assert!(known.contains(&key.as_str()), "{place}: there is no key {key}");
    }
}
