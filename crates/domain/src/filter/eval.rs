//! Evaluating a filter in memory: the reference for what the databases do, and how PATCH finds elements.
//!
//! It reads the document itself, not the index that the databases keep of it, so the two can be compared. What
//! is in no document, the members and owners of a group and the groups of a user, has no values here.

use serde_json::Value;

use super::{Filter, Op};
use crate::index::{self, Column};
use crate::key::{self, Key};
use crate::path::{Sub, Target};
use crate::resource::Resource;
use crate::resource_type::ResourceType;
use crate::schema::Returned;

impl Filter {
    /// Whether the resource satisfies the filter.
    pub fn matches(&self, resource_type: &ResourceType, resource: &Resource) -> bool {
        self.decide(&|leaf| match leaf {
            Self::Compare { target, op, key } => compare(&keys(resource_type, resource, target), *op, key),
            Self::Present(target) => !keys(resource_type, resource, target).is_empty(),
            Self::HasExtension(schema) => schema.attributes.iter().any(|attribute| {
                let value = resource.document.extension(&schema.id, &attribute.name);
                attribute.returned != Returned::Never && value.is_some()
            }),
            Self::Element { list, filter } => {
                elements(resource, list).iter().any(|element| filter.matches_element(element))
            }
            _ => false,
        })
    }

    /// Whether one element of a complex attribute satisfies a filter over its sub-attributes. What only a whole
    /// resource can have, an extension or a list, no element has.
    pub fn matches_element(&self, element: &Value) -> bool {
        self.decide(&|leaf| match leaf {
            Self::Compare { target, op, key } => compare(&element_keys(target, element), *op, key),
            Self::Present(target) => !element_keys(target, element).is_empty(),
            _ => false,
        })
    }

    /// Combines what `holds` says about everything that is not a combination.
    fn decide(&self, holds: &dyn Fn(&Self) -> bool) -> bool {
        match self {
            Self::And(parts) => parts.iter().all(|part| part.decide(holds)),
            Self::Or(parts) => parts.iter().any(|part| part.decide(holds)),
            Self::Not(part) => !part.decide(holds),
            Self::Constant(value) => *value,
            leaf => holds(leaf),
        }
    }
}

/// RFC 7644 section 3.4.2.2: of a multi-valued attribute any value that matches will do. `ne` is the opposite of
/// `eq`, so there all values must differ, and no value does.
fn compare(values: &[Key], op: Op, wanted: &Key) -> bool {
    match op {
        Op::Ne => !values.contains(wanted),
        op => values.iter().any(|value| op.holds(value, wanted)),
    }
}

/// The keys of all values a target names; of a complex attribute those of everything inside.
fn keys(resource_type: &ResourceType, resource: &Resource, target: &Target) -> Vec<Key> {
    match index::column(resource_type, target) {
        Some(Column::Id) => return vec![Key::text(&resource.id.to_string(), true)],
        Some(Column::Created) => return vec![Key::time(resource.meta.created)],
        Some(Column::LastModified) => return vec![Key::time(resource.meta.modified)],
        Some(Column::Version) => return vec![Key::text(&resource.meta.version.0.to_string(), true)],
        Some(Column::ExternalId | Column::Name) | None => {}
    }
    elements(resource, target).iter().flat_map(|element| element_keys(target, element)).collect()
}

/// The values of the attribute: those of a list, or the only one.
fn elements<'a>(resource: &'a Resource, target: &Target) -> &'a [Value] {
    let name = &target.attribute.name;
    let value = match &target.extension {
        Some(schema) => resource.document.extension(&schema.id, name),
        None => resource.document.get(name),
    };
    match value {
        None => &[],
        Some(Value::Array(list)) => list,
        Some(one) => std::slice::from_ref(one),
    }
}

fn element_keys(target: &Target, element: &Value) -> Vec<Key> {
    let Value::Object(object) = element else {
        let whole = target.sub.is_none().then_some(&*target.attribute);
        return whole.and_then(|attribute| index::key_of(Some(attribute), element)).into_iter().collect();
    };
    let key_of = |(name, value): (&String, &Value)| match &target.sub {
        Some(Sub::Declared(sub)) if *name == sub.name => index::key_of(Some(sub), value),
        Some(Sub::Key(written)) if key::fold(name) == key::fold(written) => {
            index::key_of(target.leaf().map(|leaf| &**leaf), value)
        }
        Some(_) => None,
        None if target.attribute.open => index::key_of(target.attribute.sub(name).map(|sub| &**sub), value),
        None => index::key_of(Some(target.attribute.sub(name)?), value),
    };
    object.iter().filter_map(key_of).collect()
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::document::Document;
    use crate::filter::parse::{Scope, parse};
    use crate::id::ResourceId;
    use crate::meta::{Meta, Version, parse_time};
    use crate::path::PatchPath;
    use crate::resource_type::USER;

    const ID: &str = "0190c0de-0000-7000-8000-0123456789ab";
    const BASE: &str = "https://scim.example/scim/v2/Users/";

    fn mia() -> Resource {
        let document = json!({
            "userName": "Mia@Shop.test",
            "externalId": "mRoth",
            "name": {"givenName": "Mia", "familyName": "Röth"},
            "title": "",
            "active": true,
            "emails": [
                {"value": "mia@shop.test", "type": "work", "primary": true},
                {"value": "mia@home.test", "type": "home"}
            ],
            "addresses": [{"type": "work", "country": "PT"}],
            "x509Certificates": [{"value": "QUJD"}],
            "urn:ietf:params:scim:schemas:extension:enterprise:2.0:User": {
                "employeeNumber": "701", "manager": {"value": "U-2"}
            },
            "urn:rollcall:params:scim:schemas:extension:qa:2.0:User": {
                "profile": {"Location": "Porto", "Age": 30, "Remote": false}, "role": "grader"
            }
        });
        let Value::Object(document) = document else { unreachable!("an object") };
        Resource {
            id: ResourceId::parse(ID).expect("an id"),
            document: Document(document),
            meta: Meta {
                created: parse_time("2024-05-01T10:00:00Z").expect("a time"),
                modified: parse_time("2024-06-01T10:00:00.5Z").expect("a time"),
                version: Version(3),
            },
        }
    }

    fn holds(text: &str) -> bool {
        let scope = Scope { resource_type: &USER, contract: &crate::contract::RFC, location: BASE };
        parse(text, &scope).unwrap_or_else(|error| panic!("{text}: {error}")).matches(&USER, &mia())
    }

    #[test]
    fn true_of_mia() {
        for text in [
            "userName eq \"mia@shop.TEST\"",
            "userName eq mia@shop.test",
            "userName sw \"MIA\" and userName ew \".test\" and userName co \"@s\"",
            "userName co \"\" and userName sw \"\" and userName ew \"\"",
            "title co \"\"",
            "userName gt \"mia\" and userName lt \"mib\"",
            "userName ge \"mia@shop.test\" and userName le \"mia@shop.test\"",
            "externalId eq mRoth",
            "not (externalId eq mroth)",
            "name.familyName eq \"RO\u{308}TH\"",
            "name pr and emails pr and addresses pr and profile pr and active pr",
            "not (nickName pr) and not (phoneNumbers pr) and not (groups pr) and not (name.middleName pr)",
            "nickName ne \"x\" and groups.value ne \"g\" and phoneNumbers ne \"1\"",
            "active eq true and active eq \"True\" and active ne false",
            "emails eq \"mia@home.test\" and emails.type eq \"home\"",
            "not (emails.type ne \"home\") and emails.type ne \"other\"",
            "emails[type eq \"work\" and value co \"@shop\"]",
            "not (emails[type eq \"home\" and value co \"@shop\"])",
            "emails[type eq \"work\"].value eq \"mia@shop.test\"",
            "emails[type eq \"home\"].value ne \"mia@shop.test\"",
            "emails[primary eq \"True\"].value pr",
            "emails[not (primary pr)]",
            "addresses.country eq pt and addresses[type eq work].country pr",
            "name[givenName eq mia]",
            "x509Certificates eq \"QUJD\" and not (x509Certificates eq \"qujd\")",
            "urn:ietf:params:scim:schemas:extension:enterprise:2.0:User:employeeNumber eq \"701\"",
            "manager eq \"U-2\" and manager.value ne \"u-2\" and manager pr",
            "profile.location eq \"PORTO\" and profile.Age gt 29.5 and profile.Age eq 3e1",
            "profile.Remote eq false and profile.remote pr and not (profile.Team pr)",
            "profile.Age ne \"30\" and not (profile.Age gt \"0\") and not (profile.Location gt 0)",
            "profile[Location eq porto and Age eq 30]",
            "userAccessLevel eq \"grader\" and role ne \"Grader\"",
            "id eq \"0190c0de-0000-7000-8000-0123456789ab\" and id pr and id sw 0190c",
            "meta.created eq \"2024-05-01T12:00:00+02:00\" and meta.created lt \"2024-05-01T10:00:00.001Z\"",
            "meta.lastModified gt 2024-06-01T10:00:00Z",
            "meta.version eq \"W/\\\"3\\\"\" and meta.version ne \"W/\\\"2\\\"\"",
            "meta[resourceType eq User and created pr]",
            "schemas eq \"URN:ietf:params:scim:schemas:extension:Enterprise:2.0:User\"",
            "schemas pr and schemas co \"core\" and schemas ew \":qa:2.0:user\"",
        ] {
            assert!(holds(text), "{text}");
            assert!(!holds(&format!("not ({text})")), "not ({text})");
        }
    }

    #[test]
    fn location_is_compared_as_the_whole_it_is() {
        let location = format!("{BASE}{ID}");
        let mut patterns: Vec<String> = Vec::new();
        for start in 0..location.len() {
            for length in [1, 2, 5, 36, 37, 40, 80] {
                patterns.extend(location.get(start..start + length).map(str::to_owned));
            }
            patterns.push(location[start..].to_owned());
            patterns.push(format!("{}~", &location[..start]));
            patterns.push(format!("{}!", &location[..start]));
        }
        patterns.extend(["", "x", "é", "s/é", "/0190C0DE"].map(str::to_owned));
        patterns.extend([format!("{location}0"), format!("é{}", &location[1..]), format!("x{location}")]);
        let key = |text: &str| Key::text(text, true);
        for pattern in &patterns {
            for (name, op) in [
                ("eq", Op::Eq),
                ("ne", Op::Ne),
                ("co", Op::Co),
                ("sw", Op::Sw),
                ("ew", Op::Ew),
                ("gt", Op::Gt),
                ("ge", Op::Ge),
                ("lt", Op::Lt),
                ("le", Op::Le),
            ] {
                let text = format!("meta.location {name} \"{pattern}\"");
                assert_eq!(holds(&text), op.holds(&key(&location), &key(pattern)), "{text}");
            }
        }
    }

    #[test]
    fn elements_of_a_path() {
        let element = |path: &str| {
            let Ok(PatchPath::Attribute { element: Some(filter), .. }) = PatchPath::parse(&USER, path) else {
                panic!("{path} has a bracket")
            };
            filter.matches_element(&json!({"value": "Mia@shop.test", "type": "work", "primary": true}))
        };
        for path in ["emails[type eq \"WORK\"]", "emails[primary eq \"True\"].value", "emails[display ne x]"]
        {
            assert!(element(path), "{path}");
        }
        for path in [
            "emails[type eq \"home\"]",
            "emails[display pr]",
            "emails[type ne work or value pr and not (primary pr)]",
        ] {
            assert!(!element(path), "{path}");
        }
    }
}
