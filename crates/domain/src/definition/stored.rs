//! What new definitions mean for what is stored: whether it still fits, and what has to be written anew.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use serde_json::{Map, Value};

use crate::decode::{self, profile};
use crate::document::Document;
use crate::id::ResourceId;
use crate::path::Target;
use crate::resource_type::ResourceType;
use crate::schema::{Attribute, Type};
use crate::{Error, Result};

/// Problems that a refusal names; the rest is a number.
const NAMED: usize = 10;

/// How a resource type differs from what it was.
pub struct Difference<'a> {
    old: &'a ResourceType,
    new: &'a ResourceType,
    /// Attributes that have changed, with what they are now; none: they are gone.
    changed: Vec<(Target, Option<Arc<Attribute>>)>,
}

impl<'a> Difference<'a> {
    /// `None` when nothing differs that a stored resource could notice.
    pub fn new(old: &'a ResourceType, new: &'a ResourceType) -> Option<Self> {
        if old.schema == new.schema && old.extensions == new.extensions {
            return None;
        }
        let mut changed = Vec::new();
        for target in Target::all(old) {
            let now = match &target.extension {
                None => Some(&new.schema),
                Some(schema) => new.extensions().find(|known| known.id == schema.id),
            };
            // Documents have the names of old: another spelling is another attribute.
            let now = now.and_then(|schema| {
                schema.attributes.iter().find(|attribute| attribute.name == target.attribute.name)
            });
            if now != Some(&target.attribute) {
                changed.push((target, now.cloned()));
            }
        }
        Some(Self { old, new, changed })
    }

    /// Whether an attribute has changed that stored resources may have: their keys may be others now. A new one has
    /// no values, because unknown attributes are not stored.
    pub fn moves_keys(&self) -> bool {
        !self.changed.is_empty()
    }

    /// Whether stored resources may be at odds with the new definition: an attribute that they may have has changed,
    /// or one that they do not have is required.
    pub fn is_felt(&self) -> bool {
        self.moves_keys() || !required(self.new).is_subset(&required(self.old))
    }

    /// Adds what does not fit in a document to `report`.
    pub fn judge(&self, id: ResourceId, document: &Document, report: &mut Report) {
        for (target, now) in &self.changed {
            let Some(value) = decode::current(document, target) else { continue };
            match now {
                None => report.add(self.old, target, "has values that would be lost", id),
                Some(attribute) => {
                    if let Err(problem) = fits(attribute, value) {
                        report.add(self.old, target, &problem, id);
                    }
                }
            }
        }
        if let Err(error) = decode::require(self.new, document) {
            report.add_text(&self.new.name, error.to_string(), id);
        }
    }
}

/// What a resource of the type must have, of its own or when it has the extension.
fn required(resource_type: &ResourceType) -> BTreeSet<String> {
    let extensions = resource_type.extensions.iter().filter(|extension| extension.required);
    let mut all: BTreeSet<String> = extensions.map(|extension| extension.schema.id.clone()).collect();
    let attributes = Target::all(resource_type).filter(|target| target.attribute.required);
    all.extend(attributes.map(|target| target.to_string()));
    all
}

/// Whether a canonical value is one under the definition as well.
fn fits(attribute: &Attribute, value: &Value) -> Result<(), String> {
    let read = match value {
        Value::Object(map) if attribute.open => {
            let sent = map.iter().map(|(name, value)| (name.as_str(), value));
            let mut read = Map::new();
            profile::merge(&"it", attribute, &mut read, sent).map(|()| {
                // The spelling of a key is no matter here.
                let same = map.values().zip(read.values()).all(|(was, is)| was == is);
                (same && map.len() == read.len()).then(|| value.clone())
            })
        }
        _ => decode::coerce(&"it", attribute, value),
    };
    match read {
        Ok(Some(read)) if read == *value => Ok(()),
        Ok(_) if attribute.multi_valued != value.is_array() => {
            Err("has values of the other cardinality".into())
        }
        Ok(_) if attribute.kind == Type::Complex => Err("has sub-attributes that would be lost".into()),
        Ok(_) => Err("has values of another type".into()),
        Err(error) => Err(format!("has values that do not fit: {error}")),
    }
}

/// What does not fit, with how many resources and one of them.
#[derive(Debug, Default)]
pub struct Report {
    problems: BTreeMap<(String, String), (usize, ResourceId)>,
}

impl Report {
    fn add(&mut self, resource_type: &ResourceType, target: &Target, problem: &str, id: ResourceId) {
        self.add_text(&resource_type.name, format!("{target} {problem}"), id);
    }

    /// A value that another resource has too although it would be unique.
    pub fn add_duplicate(&mut self, resource_type: &ResourceType, name: &str, id: ResourceId) {
        self.add_text(&resource_type.name, format!("{name} has values that occur more than once"), id);
    }

    /// Resources of a type that is to go.
    pub fn add_orphan(&mut self, resource_type: &ResourceType, id: ResourceId) {
        self.add_text(&resource_type.name, "there are resources of the type".into(), id);
    }

    fn add_text(&mut self, name: &str, problem: String, id: ResourceId) {
        let entry = self.problems.entry((name.to_owned(), problem)).or_insert((0, id));
        entry.0 += 1;
    }

    /// [`Error::Conflict`] with everything that does not fit.
    pub fn finish(self) -> Result<()> {
        if self.problems.is_empty() {
            return Ok(());
        }
        let left = self.problems.len().saturating_sub(NAMED);
        let mut lines: Vec<String> = self
            .problems
            .into_iter()
            .take(NAMED)
            .map(|((name, problem), (count, id))| match count {
                1 => format!("{name}: {problem} (1 resource: {id})"),
                _ => format!("{name}: {problem} ({count} resources, such as {id})"),
            })
            .collect();
        if left > 0 {
            lines.push(format!("and {left} more"));
        }
        Err(Error::Conflict(format!("the definitions do not fit what is stored: {}", lines.join("; "))))
    }
}
