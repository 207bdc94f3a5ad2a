//! The index of attribute values: what a store keeps beside a document so that any attribute can be filtered
//! and sorted without reading documents.

use std::sync::Arc;

use serde_json::{Map, Value};

use crate::document::Document;
use crate::key::{self, Key};
use crate::meta;
use crate::path::{Sub, Target};
use crate::resource_type::ResourceType;
use crate::schema::{Attribute, Returned, Type, Uniqueness};
use crate::{Result, decode};

/// One simple value of a resource.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Entry {
    /// As [`Target::index_path`] gives it.
    pub path: String,
    /// Number of the element in its list. The primary element, else the first one, has 0: it is the one that
    /// sorts (RFC 7644 section 3.4.2.3).
    pub ordinal: i32,
    /// The comparable form.
    pub key: Key,
}

/// What a store keeps of a document beside it or in another form. All of it follows from the document, so it can be made
/// before a turn to write has come.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Derived {
    /// The document as JSON.
    pub text: String,
    /// As [`entries`] gives them.
    pub entries: Vec<Entry>,
    /// As [`unique_values`] gives them.
    pub unique: Vec<Unique>,
}

impl Derived {
    /// Of the whole document.
    pub fn new(resource_type: &ResourceType, document: &Document) -> Result<Self> {
        let (entries, unique) = (entries(resource_type, document), unique_values(resource_type, document));
        Ok(Self { text: document.to_json()?, entries, unique })
    }
}

/// A value that a store keeps in a column of its own and not in the index.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Column {
    /// `id`.
    Id,
    /// `externalId`.
    ExternalId,
    /// The unique name, folded.
    Name,
    /// `meta.created`.
    Created,
    /// `meta.lastModified`.
    LastModified,
    /// `meta.version`.
    Version,
}

/// The column that holds the values of `target`, if one does.
pub fn column(resource_type: &ResourceType, target: &Target) -> Option<Column> {
    if target.extension.is_some() {
        return None;
    }
    let sub = target.leaf().filter(|_| target.sub.is_some()).map(|leaf| leaf.name.as_str());
    match (target.attribute.name.as_str(), sub) {
        ("id", None) => Some(Column::Id),
        ("externalId", None) => Some(Column::ExternalId),
        ("meta", Some("created")) => Some(Column::Created),
        ("meta", Some("lastModified")) => Some(Column::LastModified),
        ("meta", Some("version")) => Some(Column::Version),
        (name, None) if resource_type.name_attribute == Some(name) => Some(Column::Name),
        _ => None,
    }
}

/// The entries of a document, without the values that have columns.
pub fn entries(resource_type: &ResourceType, document: &Document) -> Vec<Entry> {
    entries_unlike(resource_type, document, &Document::default())
}

/// The same, without those of attributes that another document has with the same value: what these two have in common
/// need not be taken apart.
pub fn entries_unlike(resource_type: &ResourceType, document: &Document, other: &Document) -> Vec<Entry> {
    let mut entries = Vec::new();
    for (name, value) in unlike(&document.0, Some(&other.0)) {
        if let Some(schema) = resource_type.extension(name) {
            let other = other.0.get(name).and_then(Value::as_object);
            for (name, value) in value.as_object().into_iter().flat_map(|object| unlike(object, other)) {
                if let Some(attribute) = schema.attribute(name) {
                    let path = format!("{}:{}", schema.id, attribute.name).to_lowercase();
                    add(&mut entries, &path, attribute, value);
                }
            }
        } else if resource_type.name_attribute != Some(name.as_str())
            && let Some(attribute) = resource_type.schema.attribute(name)
        {
            add(&mut entries, &attribute.name.to_lowercase(), attribute, value);
        }
    }
    entries
}

/// The members of an object that another one does not have, or has with another value.
fn unlike<'a>(
    object: &'a Map<String, Value>,
    other: Option<&Map<String, Value>>,
) -> impl Iterator<Item = (&'a String, &'a Value)> {
    object.iter().filter(move |(name, value)| other.and_then(|other| other.get(*name)) != Some(*value))
}

fn add(entries: &mut Vec<Entry>, path: &str, attribute: &Attribute, value: &Value) {
    // What is never returned is neither filtered nor sorted by.
    if attribute.returned == Returned::Never {
        return;
    }
    let Value::Array(list) = value else {
        return add_element(entries, path, attribute, 0, value);
    };
    let primary = list.iter().position(|element| element["primary"] == true).unwrap_or(0);
    for (place, element) in list.iter().enumerate() {
        let ordinal = if place == primary {
            0
        } else if place < primary {
            place + 1
        } else {
            place
        };
        add_element(entries, path, attribute, i32::try_from(ordinal).unwrap_or(i32::MAX), element);
    }
}

fn add_element(entries: &mut Vec<Entry>, path: &str, attribute: &Attribute, ordinal: i32, element: &Value) {
    let Value::Object(object) = element else {
        entries.extend(key_of(Some(attribute), element).map(|key| Entry {
            path: path.to_owned(),
            ordinal,
            key,
        }));
        return;
    };
    for (name, value) in object {
        let sub = attribute.sub(name).map(|sub| &**sub);
        let (path, key) = if attribute.open {
            (format!("{path}.{}", key::fold(name)), key_of(sub, value))
        } else {
            let shown = sub.filter(|sub| sub.returned != Returned::Never);
            (format!("{path}.{}", name.to_lowercase()), shown.and_then(|sub| key_of(Some(sub), value)))
        };
        entries.extend(key.map(|key| Entry { path, ordinal, key }));
    }
}

/// A value that no other living resource of the type may have.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Unique {
    /// As [`Target::index_path`] gives it.
    pub path: String,
    /// The comparable form.
    pub key: Key,
    /// The attribute, as in a message to the client.
    pub name: String,
}

/// The unique values of a document, in order of path, without those that have columns.
pub fn unique_values(resource_type: &ResourceType, document: &Document) -> Vec<Unique> {
    unique_values_at(&unique_targets(resource_type), document)
}

/// The values of a document at these [`unique_targets`].
pub fn unique_values_at(targets: &[Target], document: &Document) -> Vec<Unique> {
    let mut values = Vec::new();
    for target in targets {
        let stored = decode::current(document, target);
        let value = match &target.sub {
            Some(Sub::Declared(sub)) => stored.and_then(|object| object.get(&sub.name)),
            _ => stored,
        };
        let key = value.and_then(|value| key_of(target.leaf().map(|leaf| &**leaf), value));
        let name = target.to_string();
        values.extend(key.map(|key| Unique { path: target.index_path(), key, name }));
    }
    values
}

/// The attributes and sub-attributes whose values are unique, without those that have columns, in order of path.
pub fn unique_targets(resource_type: &ResourceType) -> Vec<Target> {
    let is_unique = |attribute: &Attribute| attribute.uniqueness == Uniqueness::Server;
    let mut targets: Vec<Target> = Target::all(resource_type)
        .flat_map(|whole| {
            let subs = whole.attribute.sub_attributes.iter().filter(|sub| is_unique(sub));
            let of_sub =
                |sub: &Arc<Attribute>| Target { sub: Some(Sub::Declared(sub.clone())), ..whole.clone() };
            let mut all: Vec<Target> = subs.map(of_sub).collect();
            all.extend(is_unique(&whole.attribute).then_some(whole));
            all
        })
        .filter(|target| column(resource_type, target).is_none())
        .collect();
    targets.sort_by_key(Target::index_path);
    targets
}

/// The key of one simple value; `attribute` is `None` for a value of an open attribute, which describes itself.
/// `None` for what cannot be compared.
pub fn key_of(attribute: Option<&Attribute>, value: &Value) -> Option<Key> {
    match value {
        Value::String(text) if attribute.is_some_and(|attribute| attribute.kind == Type::DateTime) => {
            meta::parse_time(text).map(Key::time)
        }
        Value::String(text) => Some(Key::text(text, attribute.is_some_and(|attribute| attribute.case_exact))),
        Value::Bool(value) => Some(Key::boolean(*value)),
        Value::Number(number) => Some(Key::number(number)),
        Value::Null | Value::Array(_) | Value::Object(_) => None,
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::resource_type::USER;

    /// Who is the same but for what a case says.
    fn user(changes: &[(&str, Value)]) -> Document {
        let mut user = json!({
            "userName": "mia",
            "title": "Agent",
            "active": true,
            "name": {"givenName": "Mia", "familyName": "Lind"},
            "emails": [{"value": "m@x.example", "type": "work", "primary": true}, {"value": "m@y.example"}],
            "urn:ietf:params:scim:schemas:extension:enterprise:2.0:User": {"department": "Quality", "division": "A"},
            "urn:rollcall:params:scim:schemas:extension:qa:2.0:User": {"profile": {"Team": "7", "Remote": true}},
        });
        for (pointer, value) in changes {
            match (pointer.rsplit_once('/'), value) {
                (Some((parent, name)), Value::Null) => {
                    user.pointer_mut(parent).unwrap().as_object_mut().unwrap().shift_remove(name);
                }
                (Some((parent, name)), value) => user.pointer_mut(parent).unwrap()[name] = value.clone(),
                (None, _) => unreachable!("{pointer} is no pointer"),
            }
        }
        let Value::Object(user) = user else { unreachable!() };
        Document(user)
    }

    #[test]
    fn what_two_documents_have_in_common_is_not_taken_apart() {
        const WORK: &str = "/urn:ietf:params:scim:schemas:extension:enterprise:2.0:User";
        const QA: &str = "/urn:rollcall:params:scim:schemas:extension:qa:2.0:User";
        let work = |name: &str| format!("{WORK}/{name}");
        let (department, profile) = (work("department"), format!("{QA}/profile"));
        let cases: [(&[(&str, Value)], usize); 10] = [
            (&[], 0),
            (&[("/title", json!("Lead"))], 2),
            (&[("/title", Value::Null)], 1),
            (&[("/nickName", json!("M"))], 1),
            // The name has a column of its own.
            (&[("/userName", json!("lia"))], 0),
            (&[("/name", json!({"givenName": "Mia", "familyName": "Berg"}))], 4),
            (&[("/emails", json!([{"value": "m@y.example"}, {"value": "m@x.example", "primary": true}]))], 7),
            (&[(&department, json!("Sales"))], 2),
            (&[(WORK, Value::Null)], 2),
            (&[(&profile, json!({"Team": "8", "Remote": true}))], 4),
        ];
        for (changes, count) in cases {
            let (before, after) = (user(&[]), user(changes));
            let [old, new] = [&before, &after].map(|document| entries(&USER, document));
            let [gone, come] = [(&before, &after), (&after, &before)]
                .map(|(document, other)| entries_unlike(&USER, document, other));
            assert_eq!(gone.len() + come.len(), count, "{changes:?}: {gone:?} {come:?}");
            let without = |all: &[Entry], others: &[Entry]| -> Vec<Entry> {
                all.iter().filter(|entry| !others.contains(entry)).cloned().collect()
            };
            // What differs is the same as of the whole, and nothing is there that the whole has not.
            assert_eq!(without(&gone, &come), without(&old, &new), "{changes:?}");
            assert_eq!(without(&come, &gone), without(&new, &old), "{changes:?}");
            assert!(without(&gone, &old).is_empty() && without(&come, &new).is_empty(), "{changes:?}");
        }
    }
}
