//! Filters that find their resources by a value, such as `emails.value eq "x"`: few have it, however many there are. What
//! has been found is looked up by id, and what else is asked of it by the primary key.
//!
//! A planner that is free to choose does not do so when it knows too little. It walks all of the type in the order of the
//! list, or reads all values of a probe (every `emails.type eq "work"`) to join them with the one that was found, and where
//! it takes plans for one value and for any value to differ, it plans each time. So it has no choice here.

use domain::filter::Filter;
use domain::index;
use domain::resource_type::ResourceType;

use super::super::super::FOUND_IN;
use super::{Compiler, Rank, distribute, rank};

/// Whether a filter finds its resources by a value that has no column of its own, so that they are looked up by their ids.
pub(in super::super) fn finds_by_value(resource_type: &ResourceType, filter: &Filter) -> bool {
    match filter {
        // The term that drives, see [`Compiler::driver`].
        Filter::And(terms) => {
            let driver = terms.iter().min_by_key(|term| rank(resource_type, term));
            driver.is_some_and(|driver| finds_by_value(resource_type, driver))
        }
        Filter::Compare { target, .. } if index::column(resource_type, target).is_some() => false,
        // An `or` of sets is one set.
        _ => rank(resource_type, filter) == Rank::Value,
    }
}

impl Compiler<'_> {
    /// The same condition as [`Self::holds`], for a filter that [`finds_by_value`].
    pub(super) fn found(&mut self, filter: &Filter, row: &str) {
        match filter {
            Filter::And(terms) => {
                let driver = self.driver(terms);
                self.join(terms, " AND ", |compiler, place, term| {
                    if driver == Some(place) { compiler.found(term, row) } else { compiler.probe(term, row) }
                });
            }
            Filter::Element { list, filter } if matches!(**filter, Filter::Or(_)) => {
                self.found(&distribute(list, filter), row);
            }
            _ => {
                self.sql(format!("{row}.id{}", FOUND_IN.0));
                self.set(filter);
                self.sql(FOUND_IN.1);
            }
        }
    }
}
