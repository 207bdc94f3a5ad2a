//! The OpenAPI 3.1 document of this server, made from what runs: the URL table, the schemas and the limits.
//!
//! It is made once, when the server starts. It says nothing of a tenant, so it needs no credential.

mod admin;
mod describe;
mod messages;
mod operation;
mod parts;
mod platform;
mod records;
mod schemas;
mod tokens;

use actix_web::http::header::CONTENT_TYPE;
use actix_web::{HttpResponse, web};
use domain::catalog::Catalog;
use domain::contract::{self, Contract};
use serde_json::{Map, Value, json};

use crate::app::Shared;
use crate::routes::routes;
use operation::things;

const MEDIA_TYPE: &str = "application/scim+json";

pub(crate) async fn serve(shared: web::Data<Shared>) -> HttpResponse {
    HttpResponse::Ok().insert_header((CONTENT_TYPE, "application/json")).body(shared.openapi.clone())
}

/// The document; `public_url` without a trailing slash.
pub(crate) fn document(public_url: &str) -> Value {
    let catalog = Catalog::standard();
    let mut paths = Map::new();
    for line in routes() {
        let described = describe::all().find(|one| one.describes(&line));
        // A test holds the table and the descriptions against each other.
        let Some(description) = described else { continue };
        for of in things(&catalog, &line) {
            let path = of.path(&line);
            let item = paths.entry(path).or_insert_with(|| json!({}));
            item[line.method.to_ascii_lowercase()] = of.operation(&line, description);
        }
    }
    let any = json!([{"bearer": []}, {"basic": []}, {"apiToken": []}, {"apiKey": []}]);
    json!({
        "openapi": "3.1.0",
        "info": {
            "title": "Rollcall",
            "version": env!("CARGO_PKG_VERSION"),
            "summary": "A multi-tenant SCIM 2.0 service provider.",
            "description": DESCRIPTION,
            "license": {"name": "Apache License 2.0", "identifier": "Apache-2.0"},
        },
        "servers": [{"url": public_url}],
        "security": any,
        "tags": tags(&catalog),
        "paths": paths,
        "components": components(&catalog),
    })
}

const DESCRIPTION: &str = "Two contracts over the same data: plain RFC 7643 and RFC 7644 (`rfc`), and that of a QA \
platform (`qa`). The base path picks the contract, the credential picks the tenant. Bodies may be \
`application/scim+json`, `application/json` or `text/plain`; replies are `application/scim+json`, failures included. \
One trailing slash and unknown query parameters are harmless. A method that is not described at a path is answered \
with 405 and `Allow`, a path that is not described with 404.";

fn tags(catalog: &Catalog) -> Value {
    let mut tags: Vec<Value> = catalog
        .types()
        .iter()
        .map(|one| json!({"name": one.endpoint, "description": format!("{}.", one.description)}))
        .collect();
    tags.extend([
        json!({"name": "Roles", "description": "The six roles and who has them."}),
        json!({"name": "Resources", "description": "Resources of types that a tenant has defined itself."}),
        json!({"name": "Search", "description": "Search over all types."}),
        json!({"name": "Bulk", "description": "Many operations in one request."}),
        json!({"name": "Discovery", "description": "What this server can do for a tenant."}),
        json!({"name": "Platform", "description": "Tenants and their first tokens, for the hosting platform: with a credential of its own, in plain JSON, and with problem documents (RFC 9457) for failures."}),
        json!({"name": "Admin", "description": "What the admins of a tenant do who sign in: in plain JSON, and with problem documents (RFC 9457) for failures."}),
        json!({"name": "Operating", "description": "Probes and documentation, without a credential."}),
    ]);
    tags.into()
}

fn components(catalog: &Catalog) -> Value {
    let mut all = Map::new();
    for contract in contract::ALL {
        for resource_type in catalog.types() {
            schemas::resource_type(&mut all, contract, resource_type);
        }
        schemas::roles(&mut all, contract);
    }
    schemas::any_resource(&mut all);
    messages::add(&mut all);
    platform::add(&mut all);
    tokens::add(&mut all);
    admin::add(&mut all);
    records::add_schemas(&mut all);
    let mut parameters = parts::parameters();
    records::add_parameters(&mut parameters);
    json!({
        "schemas": all,
        "parameters": parameters,
        "headers": parts::headers(),
        "responses": parts::responses(),
        "securitySchemes": parts::security_schemes(),
    })
}

/// The name of a component that each contract has of its own.
fn component(contract: &Contract, name: &str) -> String {
    format!("{}{name}", capital(contract.name))
}

fn capital(name: &str) -> String {
    let (first, rest) = name.split_at(name.len().min(1));
    format!("{}{rest}", first.to_ascii_uppercase())
}

fn schema(name: &str) -> Value {
    reference("schemas", name)
}

fn reference(kind: &str, name: &str) -> Value {
    json!({"$ref": format!("#/components/{kind}/{name}")})
}

#[cfg(test)]
mod tests {
    use super::*;
    use domain::role::Role;

    #[test]
    fn every_line_is_described_and_every_description_has_a_line() {
        let lines = routes();
        for line in &lines {
            assert_eq!(describe::all().filter(|one| one.describes(line)).count(), 1, "{line:?}");
        }
        let extra: Vec<_> =
            describe::all().filter(|one| !lines.iter().any(|line| one.describes(line))).collect();
        assert!(extra.is_empty(), "a description without a line: {extra:?}");
    }

    #[test]
    fn every_reference_leads_somewhere() {
        fn references<'a>(value: &'a Value, into: &mut Vec<&'a str>) {
            match value {
                Value::Object(object) => {
                    into.extend(object.get("$ref").and_then(Value::as_str));
                    object.values().for_each(|value| references(value, into));
                }
                Value::Array(list) => list.iter().for_each(|value| references(value, into)),
                _ => {}
            }
        }
        let document = document("https://x");
        let mut all = Vec::new();
        references(&document, &mut all);
        assert!(all.len() > 100);
        for reference in all {
            let pointer = reference.strip_prefix('#').unwrap();
            assert!(document.pointer(pointer).is_some(), "{reference}");
        }
    }

    #[test]
    fn operations_have_ids_of_their_own_and_links_name_them() {
        let document = document("https://x");
        let operations: Vec<&Value> = document["paths"]
            .as_object()
            .unwrap()
            .values()
            .flat_map(|item| item.as_object().unwrap().values())
            .collect();
        let mut ids: Vec<&str> = operations.iter().map(|one| one["operationId"].as_str().unwrap()).collect();
        let all = ids.len();
        ids.sort_unstable();
        ids.dedup();
        assert_eq!(ids.len(), all);
        let links: Vec<&Value> = operations
            .iter()
            .filter_map(|one| one["responses"]["201"]["links"].as_object())
            .flat_map(|links| links.values())
            .collect();
        assert_eq!(links.len(), 2 * 4 * 4);
        assert!(links.iter().all(|link| ids.contains(&link["operationId"].as_str().unwrap())));
    }

    #[test]
    fn each_contract_has_its_own_forms() {
        let document = document("https://x");
        let schema = |name: &str| &document["components"]["schemas"][name];
        assert_eq!(schema("RfcUser")["required"], json!(["schemas", "id"]));
        assert_eq!(schema("RfcUserInput")["required"], json!(["userName"]));
        assert_eq!(schema("QaUserChange").get("required"), None);
        assert_eq!(schema("RfcUser")["properties"]["roles"]["items"]["type"], "object");
        let names: Vec<&str> = Role::ALL.iter().map(|role| role.name()).collect();
        assert_eq!(schema("QaUser")["properties"]["roles"]["items"]["enum"], json!(names));
        assert_eq!(schema("QaUser")["properties"]["profile"]["type"], "object");
        assert_eq!(schema("RfcUser")["properties"].get("profile"), None);
        assert_eq!(schema("RfcUser")["properties"].get("password"), None, "nobody reads it");
        assert_eq!(schema("RfcUserInput")["properties"]["password"]["writeOnly"], true);
        assert_eq!(schema("RfcUserInput")["properties"].get("groups"), None, "nobody writes it");
        assert_eq!(schema("RfcUser")["properties"]["groups"]["readOnly"], true);
        // Labels of entries are suggestions.
        let email = &schema("RfcUserInput")["properties"]["emails"]["items"]["properties"];
        assert_eq!(
            email["type"],
            json!({"type": "string", "maxLength": 1024, "description": "A label for the use of the entry."})
        );
        assert_eq!(document["servers"][0]["url"], "https://x");
    }
}
