//! Definitions: what is read, kept and compiled.

use proptest::prelude::*;
use serde_json::json;

use super::*;
use crate::contract::RFC;
use crate::decode;
use crate::index;
use crate::resource_type::Kind as Rules;
use crate::schema::user;

const URN: &str = "urn:example:acme:1.0:Thing";

fn compiled(file: &Value) -> Result<Arc<Catalog>> {
    Definitions::default().with(read(file)?)?.0.compile(1)
}

fn thing(attributes: Value) -> Value {
    json!({
        "schemas": [{"id": URN, "attributes": attributes}],
        "resourceTypes": [{"name": "Thing", "endpoint": "/Things", "schema": URN}]
    })
}

#[test]
fn defaults_are_those_of_the_rfc() {
    let catalog = compiled(&thing(json!([{"name": "a"}, {"name": "r", "type": "reference"}]))).unwrap();
    let made = catalog.at("Things").unwrap();
    assert_eq!((made.kind, made.revision, catalog.revision()), (Rules::Plain, 1, 1));
    let text = made.schema.attribute("A").unwrap();
    assert_eq!(
        (text.kind, text.case_exact, text.returned),
        (crate::schema::Type::String, false, crate::schema::Returned::Default)
    );
    assert!(made.schema.attribute("r").unwrap().case_exact);
    assert_eq!(catalog.user().schema.id, user::URN);
    assert_eq!(catalog.user().extensions.len(), 2);
}

#[test]
fn the_canonical_form_means_the_same() {
    let text = include_str!("../../../../tests/it/schemas/test_resource.json");
    let (known, _) =
        Definitions::default().with(read(&serde_json::from_str(text).unwrap()).unwrap()).unwrap();
    for definition in known.all() {
        let again = Definition::parse(definition.kind(), "it", &definition.to_value()).unwrap();
        assert_eq!(*definition, again);
    }
    let stored = Definitions::new(known.all().cloned());
    let values: Vec<Value> = stored.all().map(Definition::to_value).collect();
    let (_, changes) = known.with(read(&values.into()).unwrap()).unwrap();
    assert!(changes.iter().all(|change| change.outcome == Outcome::Unchanged));
    assert_eq!(stored.compile(3).unwrap(), known.compile(3).unwrap());
}

#[test]
fn unique_values_are_found_in_every_place() {
    let attributes = json!([
        {"name": "Zip", "uniqueness": "server"},
        {"name": "part", "type": "complex", "subAttributes": [{"name": "no", "type": "integer", "uniqueness": "server"}]},
        {"name": "free"}
    ]);
    let catalog = compiled(&thing(attributes)).unwrap();
    let made = catalog.at("Things").unwrap();
    let body = json!({"zip": "A1", "part": {"no": 5}, "free": "x"});
    let document = decode::create(made, &RFC, &body).unwrap();
    let found = index::unique_values(made, &document);
    let shown: Vec<_> = found.iter().map(|value| (value.path.as_str(), value.name.as_str())).collect();
    assert_eq!(shown, [("part.no", "part.no"), ("zip", "Zip")]);
    assert_eq!(found[1].key.as_str(), "sa1");
    assert!(index::unique_targets(catalog.user()).is_empty(), "userName has a column");
}

#[test]
fn what_does_not_fit_is_told() {
    let old = compiled(&thing(json!([{"name": "a"}, {"name": "b"}]))).unwrap();
    let new =
        compiled(&thing(json!([{"name": "a", "type": "integer"}, {"name": "c", "required": true}]))).unwrap();
    let (old, new) = (old.at("Things").unwrap(), new.at("Things").unwrap());
    assert!(stored::Difference::new(old, old).is_none());
    let difference = stored::Difference::new(old, new).unwrap();
    assert!(difference.is_felt() && difference.moves_keys());
    let mut report = stored::Report::default();
    for body in [json!({"a": "x"}), json!({"a": "y", "b": "z"})] {
        let document = decode::create(old, &RFC, &body).unwrap();
        difference.judge(crate::id::ResourceId::generate(), &document, &mut report);
    }
    let said = report.finish().unwrap_err().to_string();
    for part in [
        "a has values that do not fit",
        "(2 resources",
        "b has values that would be lost (1 resource:",
        "c is required",
    ] {
        assert!(said.contains(part), "{part}: {said}");
    }
}

proptest! {
    #[test]
    fn nothing_panics(name in "\\PC{0,12}", id in "(urn:)?[a-z]{1,4}:\\PC{0,12}", endpoint in "/?\\PC{0,8}") {
        let file = json!({
            "schemas": [{"id": id, "attributes": [{"name": name}]}],
            "resourceTypes": [{"name": name, "endpoint": endpoint, "schema": id}]
        });
        let _ = compiled(&file);
    }
}
