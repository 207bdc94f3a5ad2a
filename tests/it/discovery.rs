//! `/ServiceProviderConfig`, `/ResourceTypes`, `/Schemas`: true to what runs, on each contract.

use std::collections::BTreeMap;

use serde_json::{Value, json};

use crate::support::app::TestApp;
use crate::support::backend::{Backend, both};
use crate::support::groups::{GROUP, QA_GROUP, ROLE, USERGROUP};
use crate::support::http::{BASES, Client, QA, RFC};
use crate::support::matching::assert_matches;
use crate::support::users::{ENTERPRISE, QA_USER, USER, full_user, user, with};

both!(
    what_the_server_can_do,
    every_document_is_found_by_its_id,
    discovery_takes_no_filter,
    whatever_a_user_shows_is_declared,
    declarations_are_whole,
    what_is_announced_is_kept,
    profile_keys_are_announced_when_they_occur,
);

fn what_the_server_can_do(backend: Backend) {
    let app = TestApp::start(backend);
    for base in BASES {
        let client = app.client(base, app.acme());
        let expected = json!({
            "schemas": ["urn:ietf:params:scim:schemas:core:2.0:ServiceProviderConfig"],
            "patch": {"supported": true, "<exactly>": true},
            "bulk": {"supported": "<boolean>", "maxOperations": "<integer>", "maxPayloadSize": "<integer>"},
            "filter": {"supported": true, "maxResults": 1000, "<exactly>": true},
            "changePassword": {"supported": false, "<exactly>": true},
            "sort": {"supported": true, "<exactly>": true},
            "etag": {"supported": true, "<exactly>": true},
            "authenticationSchemes": "<array>",
            "meta": {
                "resourceType": "ServiceProviderConfig",
                "location": format!("{}{base}/ServiceProviderConfig", app.server.url)
            }
        });
        let body = client.get("/ServiceProviderConfig").expect(200).json();
        assert_matches(&expected, &body, base);
        let schemes = body["authenticationSchemes"].as_array().unwrap();
        for scheme in schemes {
            let expected = json!({"type": "<string>", "name": "<string>", "description": "<string>"});
            assert_matches(&expected, scheme, "a scheme");
        }
        let kinds: Vec<&str> = schemes.iter().map(|scheme| scheme["type"].as_str().unwrap()).collect();
        assert!(kinds.contains(&"oauthbearertoken") && kinds.contains(&"httpbasic"), "{kinds:?}");
    }
}

fn every_document_is_found_by_its_id(backend: Backend) {
    let app = TestApp::start(backend);
    // An extension is announced when it has something to say: for ours that is a profile.
    app.rfc().create(&full_user("mia"));
    for base in BASES {
        let client = app.client(base, app.acme());
        for collection in ["/Schemas", "/ResourceTypes"] {
            let list = client.get(collection);
            let body = list.expect(200).json();
            let resources = list.resources();
            let number = json!(resources.len());
            let expected = json!({
                "schemas": ["urn:ietf:params:scim:api:messages:2.0:ListResponse"], "totalResults": number,
                "startIndex": 1, "itemsPerPage": number, "Resources": "<array>", "<exactly>": true
            });
            assert_matches(&expected, &body, collection);
            assert!(!resources.is_empty(), "{collection} is empty");
            for resource in resources {
                let location = resource["meta"]["location"].as_str().unwrap();
                let path = location.strip_prefix(&client.base_url).unwrap_or_else(|| panic!("{location}"));
                assert_eq!(path, format!("{collection}/{}", resource["id"].as_str().unwrap()));
                assert_eq!(client.get(path).expect(200).json(), resource, "{path}");
            }
            client.get(&format!("{collection}/nobody")).expect_error(404, None);
        }
        let types = client.get("/ResourceTypes").resources();
        let names: Vec<&str> = types.iter().map(|one| one["name"].as_str().unwrap()).collect();
        for one in &types {
            // What is announced is there.
            client.get(one["endpoint"].as_str().unwrap()).expect(200);
            client.get(&format!("/Schemas/{}", one["schema"].as_str().unwrap())).expect(200);
            for extension in one["schemaExtensions"].as_array().into_iter().flatten() {
                client.get(&format!("/Schemas/{}", extension["schema"].as_str().unwrap())).expect(200);
            }
        }
        assert!(names.contains(&"User"), "{names:?}");
    }
    let has = |client: &Client, urn: &str| client.get(&format!("/Schemas/{urn}")).status == 200;
    for urn in [USER, ENTERPRISE] {
        assert!(has(&app.rfc(), urn) && has(&app.qa(), urn), "{urn}");
    }
    assert!(has(&app.rfc(), QA_USER) && !has(&app.qa(), QA_USER), "on qa the profile stands at the root");
}

fn discovery_takes_no_filter(backend: Backend) {
    let app = TestApp::start(backend);
    for base in BASES {
        let client = app.client(base, app.acme());
        for path in ["/ServiceProviderConfig", "/ResourceTypes", "/Schemas"] {
            // RFC 7644 section 4.
            client.get(&format!("{path}?filter=id%20pr")).expect_error(403, None);
            client.get(&format!("{path}?startIndex=1&count=100&sortBy=id&attributes=id")).expect(200);
            client.get(&format!("{path}/")).expect(200);
        }
    }
}

/// The attributes that are declared: path in lower case, then the declaration.
fn declared(client: &Client) -> BTreeMap<String, Value> {
    fn add(all: &mut BTreeMap<String, Value>, prefix: &str, attributes: &Value) {
        for attribute in attributes.as_array().into_iter().flatten() {
            let path = format!("{prefix}{}", attribute["name"].as_str().unwrap());
            all.insert(path.to_lowercase(), attribute.clone());
            add(all, &format!("{path}."), &attribute["subAttributes"]);
        }
    }
    let mut all = BTreeMap::new();
    for schema in client.get("/Schemas").resources() {
        let id = schema["id"].as_str().unwrap();
        let prefix = if id == USER { String::new() } else { format!("{id}:") };
        add(&mut all, &prefix, &schema["attributes"]);
    }
    all
}

fn whatever_a_user_shows_is_declared(backend: Backend) {
    // RFC 7643 section 3.1 defines these for every resource; no schema has to repeat them.
    const COMMON: [&str; 4] = ["schemas", "id", "externalid", "meta"];
    fn check(declared: &BTreeMap<String, Value>, path: &str, value: &Value, wrong: &mut Vec<String>) {
        let Some(attribute) = declared.get(&path.to_lowercase()) else {
            return wrong.push(format!("{path} is not declared"));
        };
        if attribute["returned"] == "never" || attribute["mutability"] == "writeOnly" {
            wrong.push(format!("{path} is declared as never returned"));
        }
        if value.is_array() != (attribute["multiValued"] == true) {
            wrong.push(format!("{path}: multiValued is {}, the value is {value}", attribute["multiValued"]));
        }
        let values = value.as_array().map_or_else(|| vec![value.clone()], Clone::clone);
        for value in &values {
            let fits = match attribute["type"].as_str().unwrap() {
                "string" | "reference" | "binary" | "dateTime" => value.is_string(),
                "boolean" => value.is_boolean(),
                "integer" => value.is_i64(),
                "decimal" => value.is_number(),
                "complex" => value.is_object(),
                other => panic!("{path}: there is no type {other}"),
            };
            if !fits {
                wrong.push(format!("{path} is declared as {}, the value is {value}", attribute["type"]));
            }
            for (name, value) in value.as_object().into_iter().flatten() {
                check(declared, &format!("{path}.{name}"), value, wrong);
            }
        }
    }
    let app = TestApp::start(backend);
    for (base, name) in [(RFC, "rfc"), (QA, "qa")] {
        let client = app.client(base, app.acme());
        let boss = client.create(&with(user(&format!("boss-{name}")), json!({"displayName": "Boss"})));
        let manager = json!({"manager": {"value": boss["id"]}, "employeeNumber": "1"});
        let made = client.create(&with(full_user(name), json!({ENTERPRISE: manager})));
        assert_eq!(made[ENTERPRISE]["manager"]["displayName"], "Boss", "{made}");
        let declared = declared(&client);
        let mut wrong = Vec::new();
        let announced: Vec<Value> =
            client.get("/Schemas").resources().iter().map(|schema| schema["id"].clone()).collect();
        for urn in made["schemas"].as_array().unwrap() {
            assert!(announced.contains(urn), "{base}: {urn} is in schemas and not in /Schemas");
        }
        for (key, value) in client.with_role(made.clone()).as_object().unwrap() {
            if COMMON.contains(&key.to_lowercase().as_str()) {
                continue;
            }
            if key.starts_with("urn:") {
                let listed = made["schemas"].as_array().unwrap().contains(&json!(key));
                assert!(listed || made.get(key).is_none(), "{base}: {key} is not in schemas");
                for (name, value) in value.as_object().unwrap() {
                    check(&declared, &format!("{key}:{name}"), value, &mut wrong);
                }
            } else {
                check(&declared, key, value, &mut wrong);
            }
        }
        assert!(wrong.is_empty(), "{base}:\n{}", wrong.join("\n"));
    }
}

fn declarations_are_whole(backend: Backend) {
    fn check(path: &str, attribute: &Value) {
        let expected = json!({
            "name": "<string>", "type": "<string>", "multiValued": "<boolean>", "description": "<string>",
            "required": "<boolean>", "caseExact": "<boolean>", "mutability": "<string>", "returned": "<string>",
            "uniqueness": "<string>"
        });
        assert_matches(&expected, attribute, path);
        let one_of = |name: &str, values: &[&str]| {
            let value = attribute[name].as_str().unwrap();
            assert!(values.contains(&value), "{path}: {name} is {value}");
        };
        one_of("mutability", &["readOnly", "readWrite", "immutable", "writeOnly"]);
        one_of("returned", &["always", "never", "default", "request"]);
        one_of("uniqueness", &["none", "server", "global"]);
        assert_eq!(
            attribute["type"] == "complex",
            attribute["subAttributes"].is_array(),
            "{path}: {attribute}"
        );
        for sub in attribute["subAttributes"].as_array().into_iter().flatten() {
            check(&format!("{path}.{}", sub["name"].as_str().unwrap()), sub);
        }
    }
    let app = TestApp::start(backend);
    app.rfc().create(&full_user("mia"));
    for base in BASES {
        let text = app.client(base, app.acme()).get("/Schemas").text;
        // Some clients stop at a null.
        assert!(!text.contains("null"), "{base}: a null in /Schemas");
        for schema in app.client(base, app.acme()).get("/Schemas").resources() {
            let expected = json!({"id": "<string>", "name": "<string>", "description": "<string>", "attributes": "<array>"});
            assert_matches(&expected, &schema, base);
            for attribute in schema["attributes"].as_array().unwrap() {
                check(&format!("{} {}", schema["id"], attribute["name"]), attribute);
            }
        }
    }
}

fn what_is_announced_is_kept(backend: Backend) {
    let app = TestApp::start(backend);
    let client = app.rfc();
    let made = client.create(&full_user("mia"));
    let group = |kind: &str| {
        let body = json!({"displayName": "Ops", "members": [made["id"]], "owners": [made["id"]]});
        client.post(&format!("/{kind}"), &body).expect(201).json()
    };
    let (group, usergroup) = (group("Groups"), group("Usergroups"));
    let role = client.get("/Roles/grader").expect(200).json();
    let declared = declared(&client);
    // Every attribute a client may write and read again came back.
    for (path, attribute) in &declared {
        let writable = attribute["mutability"] == "readWrite" && attribute["returned"] != "never";
        if !writable || path.contains(".") && !path.starts_with("urn:") {
            continue;
        }
        let (object, name) = match path.rsplit_once(':') {
            Some((urn, name)) if urn.eq_ignore_ascii_case(GROUP) => (&group, name),
            Some((urn, name)) if urn.eq_ignore_ascii_case(USERGROUP) => (&usergroup, name),
            Some((urn, name)) if urn.eq_ignore_ascii_case(ROLE) => (&role, name),
            Some((urn, name)) => {
                let resource = if urn.eq_ignore_ascii_case(QA_GROUP) { &usergroup } else { &made };
                let found =
                    resource.as_object().unwrap().iter().find(|(key, _)| key.eq_ignore_ascii_case(urn));
                (found.map(|(_, value)| value).unwrap_or(&Value::Null), name)
            }
            None => (&made, path.as_str()),
        };
        let name = name.split('.').next().unwrap();
        let present =
            object.as_object().is_some_and(|object| object.keys().any(|key| key.eq_ignore_ascii_case(name)));
        assert!(present, "{path} is announced as writable, was sent and did not come back: {made}");
    }
    assert_eq!(declared["username"]["uniqueness"], "server");
    assert_eq!(declared["username"]["required"], true);
    assert_eq!(declared["username"]["caseExact"], false);
    assert_eq!(declared["groups"]["mutability"], "readOnly");
}

fn profile_keys_are_announced_when_they_occur(backend: Backend) {
    let app = TestApp::start(backend);
    let (rfc, qa) = (app.rfc(), app.qa());
    let path = format!("{QA_USER}:profile.").to_lowercase();
    let keys = |client: &Client, prefix: &str| -> Vec<String> {
        let all = declared(client).into_keys();
        all.filter_map(|key| key.strip_prefix(prefix).map(str::to_owned)).collect()
    };
    assert!(keys(&rfc, &path).is_empty());
    rfc.create(&with(
        user("mia"),
        json!({"profile": {"Location": "Porto", "Shift": 2, "Quota": 2.5, "Remote": true}}),
    ));
    assert_eq!(keys(&rfc, &path), ["location", "quota", "remote", "shift"]);
    assert_eq!(keys(&qa, "profile."), ["location", "quota", "remote", "shift"]);
    let declared = declared(&rfc);
    let kind = |name: &str| declared[&format!("{path}{name}")]["type"].clone();
    for (name, expected) in
        [("location", "string"), ("quota", "decimal"), ("remote", "boolean"), ("shift", "integer")]
    {
        assert_eq!(kind(name), expected, "{name}");
    }
}
