//! What tenants define themselves: one module per matter.

mod apply;
mod characteristics;
mod extensions;
mod life;
mod profile;
mod races;

use serde_json::{Value, json};

use crate::support::app::TestApp;
use crate::support::db::{TestDb, project};
use crate::support::http::{Client, Reply, encode, id_of};
use crate::support::program;

/// URN of the schema of the example.
const CORE: &str = "urn:ietf:params:scim:schemas:test:2.0:TestResource";
/// URN of its required extension.
const EXTENSION: &str = "urn:ietf:params:scim:schemas:extension:test:2.0:TestResource";
/// Its collection.
const COLLECTION: &str = "/TestResources";

/// The file that the documents point to.
pub(crate) fn example() -> Value {
    let text = std::fs::read_to_string(project().join("tests/it/schemas/test_resource.json")).unwrap();
    serde_json::from_str(&text).unwrap()
}

/// Applies definitions to a tenant with the command line; gives success and what was said.
fn try_apply(db: &TestDb, slug: &str, file: &Value) -> (bool, String) {
    let path = db.folder.join("definitions.json");
    std::fs::write(&path, file.to_string()).unwrap();
    let path = path.to_string_lossy().into_owned();
    let output =
        program::run(&db.folder, &["schema", "apply", "--tenant", slug, &path, "--database-url", &db.url]);
    let said = if output.status.success() { output.stdout } else { output.stderr };
    (output.status.success(), String::from_utf8(said).unwrap())
}

/// Applies definitions that are right.
#[track_caller]
fn apply(db: &TestDb, slug: &str, file: &Value) -> String {
    let (done, said) = try_apply(db, slug, file);
    assert!(done, "{said}");
    said
}

/// Waits until every server knows what was applied: until then it refuses to write by what it knew.
fn wait_until_in_force() {
    std::thread::sleep(std::time::Duration::from_secs(1));
}

/// An app whose tenant `acme` has the example.
pub(crate) fn with_example(backend: crate::support::backend::Backend) -> TestApp {
    let app = TestApp::start(backend);
    apply(&app.db, "acme", &example());
    app
}

/// The least a TestResource needs.
pub(crate) fn least(title: &str) -> Value {
    json!({"schemas": [CORE, EXTENSION], "title": title, EXTENSION: {"owner": "mia"}})
}

fn path(resource: &Value) -> String {
    format!("{COLLECTION}/{}", id_of(resource))
}

/// Makes a TestResource.
#[track_caller]
pub(crate) fn create(client: &Client, body: &Value) -> Value {
    client.post(COLLECTION, body).expect(201).json()
}

fn filter(client: &Client, text: &str) -> Reply {
    client.get(&format!("{COLLECTION}?filter={}", encode(text)))
}
