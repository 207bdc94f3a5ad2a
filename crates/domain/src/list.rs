//! Lists (RFC 7644 section 3.4.2): what is asked for, and a page of the answer.

use chrono::{DateTime, Utc};

use crate::filter::Filter;
use crate::id::ResourceId;
use crate::index::{self, Column};
use crate::path::Target;
use crate::resource::Resource;
use crate::resource_type::ResourceType;
use crate::stored::Stored;

/// The order of a list; without one it is creation, then id.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Sort {
    /// A simple attribute or sub-attribute; of a multi-valued one the primary or first value counts.
    pub by: Target,
    /// Descending: resources without a value come first, ascending: last (RFC 7644 section 3.4.2.3).
    pub descending: bool,
}

/// A part of a sorted list.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Part {
    /// The resources that have a value, in the order of their values, then ids.
    WithValue,
    /// Those that have none, in the order of creation, then id.
    WithoutValue,
}

/// What an order compares before it compares ids.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Mark {
    /// Nothing: the order is that of the ids.
    Nothing,
    /// A time.
    Time(DateTime<Utc>),
    /// A number.
    Number(i64),
    /// A key as an index holds it, or a name.
    Text(String),
}

/// The place of a resource in the order of a list. It outlives the resource: behind it stands the same, whoever
/// came or went before it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Position {
    /// In which part of the list.
    pub part: Part,
    /// What the order of the part compares first.
    pub mark: Mark,
    /// What it compares last.
    pub id: ResourceId,
}

impl Position {
    /// The place of a resource in a list in this order.
    pub fn of(resource_type: &ResourceType, sort: Option<&Sort>, resource: &Resource) -> Self {
        let created = Mark::Time(resource.meta.created);
        let mark = match sort {
            None => Some(created.clone()),
            Some(Sort { by, .. }) => match index::column(resource_type, by) {
                Some(Column::Id) => Some(Mark::Nothing),
                Some(Column::Name) => Some(Mark::Text(resource.name_key(resource_type))),
                Some(Column::ExternalId) => resource.external_id().map(|id| Mark::Text(id.to_owned())),
                Some(Column::Created) => Some(created.clone()),
                Some(Column::LastModified) => Some(Mark::Time(resource.meta.modified)),
                Some(Column::Version) => Some(Mark::Number(resource.meta.version.0)),
                None => {
                    let path = by.index_path();
                    let entries = index::entries(resource_type, &resource.document);
                    let first = entries.into_iter().find(|entry| entry.ordinal == 0 && entry.path == path);
                    first.map(|entry| Mark::Text(entry.key.stored().0.into_owned()))
                }
            },
        };
        match mark {
            Some(mark) => Self { part: Part::WithValue, mark, id: resource.id },
            None => Self { part: Part::WithoutValue, mark: created, id: resource.id },
        }
    }
}

/// Where a page begins.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Start {
    /// At the resource with this number, counted from 0.
    Index(usize),
    /// Behind this position.
    After(Position),
}

/// Which resources of a collection are wanted.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ListQuery {
    /// Those that satisfy it; none: all.
    pub filter: Option<Filter>,
    /// In this order.
    pub sort: Option<Sort>,
    /// From here on.
    pub start: Start,
    /// At most so many; 0: the total only.
    pub count: usize,
}

/// A page of a list.
#[derive(Clone, Debug, PartialEq)]
pub struct Page {
    /// How many resources the query has in all.
    pub total: usize,
    /// Those on this page.
    pub resources: Vec<Stored>,
}
