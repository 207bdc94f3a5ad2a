//! What is measured on one kind of database, in this order.

mod core;
mod groups;
mod mixed;
mod sizes;
mod start;
mod tenants;
mod workloads;

use super::run::Run;
use super::stand::Stand;

pub(super) use groups::{ADD, GET_GROUP, WHOLE_GROUP};
pub(super) use mixed::{MIXED, MIXED_MEMORY};
pub(super) use start::{IDLE_MEMORY, READY};

/// Some rows that are measured together.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Part {
    Core,
    Workloads,
    Sizes,
    Start,
    Groups,
    Tenants,
    Mixed,
}

type Work = fn(&mut Run, &mut Stand);

/// Each with its name and what it does.
const TABLE: [(Part, &str, Work); 7] = [
    (Part::Core, "core", core::run),
    (Part::Workloads, "workloads", workloads::run),
    (Part::Sizes, "sizes", sizes::run),
    (Part::Start, "start", start::run),
    (Part::Groups, "groups", groups::run),
    (Part::Tenants, "tenants", tenants::run),
    (Part::Mixed, "mixed", mixed::run),
];

impl Part {
    pub(super) const ALL: [Self; 7] =
        [Self::Core, Self::Workloads, Self::Sizes, Self::Start, Self::Groups, Self::Tenants, Self::Mixed];

    pub(super) fn named(name: &str) -> Option<Self> {
        TABLE.iter().find(|(_, known, _)| *known == name).map(|(part, ..)| *part)
    }

    /// For whoever gave another name.
    pub(super) fn names() -> String {
        format!("a part is one of {}", TABLE.map(|(_, name, _)| name).join(", "))
    }

    pub(super) fn run(self, run: &mut Run, stand: &mut Stand) {
        let (.., work) = TABLE.iter().find(|(part, ..)| *part == self).unwrap();
        work(run, stand);
    }
}
