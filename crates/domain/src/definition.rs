//! What a tenant defines itself: extension schemas and resource types as data, in the form of RFC 7643 sections 6
//! and 7. A definition is judged where it comes in and kept in canonical form; a [`Catalog`] is compiled from all
//! definitions of a tenant.

mod attribute;
mod compile;
mod fields;
mod read;
mod resource_type;
mod schema;
pub mod stored;

use std::collections::BTreeMap;
use std::sync::Arc;

use serde_json::{Value, json};

use crate::catalog::Catalog;
use crate::schema::{Schema, announce, qa_user};
use crate::{Error, Result, key, limits};

pub use read::read;
pub use resource_type::TypeDefinition;

/// What is defined.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Kind {
    /// A schema.
    Schema,
    /// A resource type, or extensions of one of ours.
    ResourceType,
}

impl Kind {
    /// The name in the database and on the command line.
    pub fn name(self) -> &'static str {
        match self {
            Self::Schema => "schema",
            Self::ResourceType => "resourceType",
        }
    }

    /// The kind with this name.
    pub fn parse(name: &str) -> Option<Self> {
        [Self::Schema, Self::ResourceType].into_iter().find(|kind| kind.name() == name)
    }
}

/// One object that a tenant has defined.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Definition {
    /// A schema; under the URN of the QA extension of User it declares keys of the profile.
    Schema(Arc<Schema>),
    /// A resource type.
    ResourceType(TypeDefinition),
}

impl Definition {
    /// What it is.
    pub fn kind(&self) -> Kind {
        match self {
            Self::Schema(_) => Kind::Schema,
            Self::ResourceType(_) => Kind::ResourceType,
        }
    }

    /// The URN of a schema, the name of a resource type.
    pub fn id(&self) -> &str {
        match self {
            Self::Schema(schema) => &schema.id,
            Self::ResourceType(definition) => &definition.name,
        }
    }

    /// The name for people.
    pub fn name(&self) -> &str {
        match self {
            Self::Schema(schema) => &schema.name,
            Self::ResourceType(definition) => &definition.name,
        }
    }

    /// The canonical form, every characteristic spelled out; it may be applied again.
    pub fn to_value(&self) -> Value {
        match self {
            Self::Schema(schema) => {
                let is_profile = schema.id == qa_user::URN;
                json!({
                    "schemas": [announce::SCHEMA_URN],
                    "id": schema.id,
                    "name": schema.name,
                    "description": schema.description,
                    "attributes": announce::defined(&schema.attributes, is_profile),
                })
            }
            Self::ResourceType(definition) => definition.to_value(),
        }
    }

    /// Reads the canonical form; `place` stands in errors.
    pub fn parse(kind: Kind, place: &str, value: &Value) -> Result<Self> {
        let object = fields::Object::of(place, value)?;
        match kind {
            Kind::Schema => schema::parse(&object).map(|schema| Self::Schema(Arc::new(schema))),
            Kind::ResourceType => TypeDefinition::parse(&object).map(Self::ResourceType),
        }
    }
}

/// A definition and where it was read, for errors.
#[derive(Clone, Debug)]
pub struct Placed {
    /// Where: a path in a file, or the id of what is known already.
    pub place: String,
    /// What.
    pub definition: Definition,
}

/// What became of one definition.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Outcome {
    /// It is new.
    Added,
    /// It takes the place of another one with its id.
    Replaced,
    /// It was there, the same.
    Unchanged,
    /// It is gone.
    Removed,
}

impl Outcome {
    /// The word on the command line and in the audit log.
    pub fn name(self) -> &'static str {
        match self {
            Self::Added => "added",
            Self::Replaced => "replaced",
            Self::Unchanged => "unchanged",
            Self::Removed => "removed",
        }
    }
}

/// One line of what an application of definitions has changed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Changed {
    /// What happened.
    pub outcome: Outcome,
    /// To what.
    pub kind: Kind,
    /// Its id.
    pub id: String,
}

/// Everything that a tenant has defined, schemas first.
#[derive(Clone, Debug, Default)]
pub struct Definitions {
    all: BTreeMap<(Kind, String), Placed>,
}

/// Ids have no case: RFC 8141 section 3.1 for the beginning of a URN, and nobody tells two types apart by case.
fn key_of(kind: Kind, id: &str) -> (Kind, String) {
    (kind, key::fold(id))
}

impl Definitions {
    /// Those that are kept somewhere, each once.
    pub fn new(all: impl IntoIterator<Item = Definition>) -> Self {
        let placed = all.into_iter().map(|definition| {
            let place = definition.id().to_owned();
            (key_of(definition.kind(), definition.id()), Placed { place, definition })
        });
        Self { all: placed.collect() }
    }

    /// In the order in which they are listed.
    pub fn all(&self) -> impl Iterator<Item = &Definition> {
        self.all.values().map(|placed| &placed.definition)
    }

    /// The definition with this id, in any case: a schema by its URN, a resource type by its name.
    pub fn get(&self, id: &str) -> Option<&Definition> {
        self.get_of(Kind::Schema, id).or_else(|| self.get_of(Kind::ResourceType, id))
    }

    /// The definition of this kind with this id, in any case.
    pub fn get_of(&self, kind: Kind, id: &str) -> Option<&Definition> {
        self.all.get(&key_of(kind, id)).map(|placed| &placed.definition)
    }

    /// These, with the ones of a file: an object with a known id takes the place of the former, and what the file
    /// does not name stays.
    ///
    /// # Errors
    /// [`Error::InvalidValue`] for an id that the file has twice.
    pub fn with(&self, sent: Vec<Placed>) -> Result<(Self, Vec<Changed>)> {
        let mut all = self.all.clone();
        let mut changes = Vec::with_capacity(sent.len());
        let mut seen: BTreeMap<(Kind, String), String> = BTreeMap::new();
        for placed in sent {
            let (kind, id) = (placed.definition.kind(), placed.definition.id().to_owned());
            if let Some(first) = seen.insert(key_of(kind, &id), placed.place.clone()) {
                let Placed { place, .. } = placed;
                return Err(Error::InvalidValue(format!("{place}: `{id}` is defined at {first} already")));
            }
            let outcome = match self.all.get(&key_of(kind, &id)) {
                None => Outcome::Added,
                Some(known) if known.definition == placed.definition => Outcome::Unchanged,
                Some(_) => Outcome::Replaced,
            };
            changes.push(Changed { outcome, kind, id: id.clone() });
            all.insert(key_of(kind, &id), placed);
        }
        Ok((Self { all }, changes))
    }

    /// These without one; `None` when there is none with this id.
    pub fn without(&self, id: &str) -> Option<(Self, Changed)> {
        let gone = self.get(id)?;
        let (kind, id) = (gone.kind(), gone.id().to_owned());
        let mut all = self.all.clone();
        all.remove(&key_of(kind, &id));
        Some((Self { all }, Changed { outcome: Outcome::Removed, kind, id }))
    }

    /// What the resources of the tenant are under these definitions, which are its `revision`-th.
    ///
    /// # Errors
    /// [`Error::InvalidValue`] with the place, for definitions that do not fit together.
    pub fn compile(&self, revision: i64) -> Result<Arc<Catalog>> {
        let of = |kind| self.all.values().filter(move |placed| placed.definition.kind() == kind).count();
        for (count, most, what) in [
            (of(Kind::Schema), limits::TENANT_SCHEMAS, "schemas"),
            (of(Kind::ResourceType), limits::TENANT_TYPES, "resource types"),
        ] {
            if count > most {
                return Err(Error::InvalidValue(format!("a tenant has at most {most} {what}")));
            }
        }
        compile::catalog(self, revision)
    }
}

#[cfg(test)]
mod tests;
