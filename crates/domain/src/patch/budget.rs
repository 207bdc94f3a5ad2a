//! What a PATCH may cost. Its operations run while the resource is locked (on SQLite: while nobody else writes), and
//! a thousand of them, each with a filter of many terms over a long list, would hold the lock for minutes.

use std::cell::Cell;

use super::super::document::{Document, weight};
use crate::filter::Filter;
use crate::path::Target;
use crate::{Error, Result, limits};

/// What is left of [`limits::PATCH_WORK`].
pub(super) struct Budget(Cell<usize>);

impl Default for Budget {
    fn default() -> Self {
        Self(Cell::new(limits::PATCH_WORK))
    }
}

impl Budget {
    /// Pays for an operation on the values of `target`: each term of the filter looks at all of them.
    pub(super) fn spend(&self, document: &Document, target: &Target, filter: Option<&Filter>) -> Result<()> {
        let name = &target.attribute.name;
        let value = match &target.extension {
            None => document.get(name),
            Some(schema) => document.extension(&schema.id, name),
        };
        self.pay(value.map_or(0, weight).saturating_mul(1 + filter.map_or(0, Filter::terms)))
    }

    /// Pays for an operation on the whole document.
    pub(super) fn spend_whole(&self, document: &Document) -> Result<()> {
        self.pay(document.weight())
    }

    fn pay(&self, cost: usize) -> Result<()> {
        let left = self.0.get().checked_sub(cost);
        self.0.set(left.unwrap_or(0));
        let too_much =
            || Error::TooLarge("the operations ask for too much work: send them in several requests".into());
        left.map(|_| ()).ok_or_else(too_much)
    }
}
