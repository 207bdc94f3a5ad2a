//! Lists (RFC 7644 section 3.4.2): what is asked for, and a page of the answer.

use crate::filter::Filter;
use crate::path::Target;
use crate::resource::Resource;

/// The order of a list; without one it is creation, then id.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Sort {
    /// A simple attribute or sub-attribute; of a multi-valued one the primary or first value counts.
    pub by: Target,
    /// Descending: resources without a value come first, ascending: last (RFC 7644 section 3.4.2.3).
    pub descending: bool,
}

/// Which resources of a collection are wanted.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ListQuery {
    /// Those that satisfy it; none: all.
    pub filter: Option<Filter>,
    /// In this order.
    pub sort: Option<Sort>,
    /// From this one on, counted from 1.
    pub start_index: usize,
    /// At most so many; 0: the total only.
    pub count: usize,
}

/// A page of a list.
#[derive(Clone, Debug, PartialEq)]
pub struct Page {
    /// How many resources the query has in all.
    pub total: usize,
    /// Those on this page.
    pub resources: Vec<Resource>,
}
