//! Filters (RFC 7644 section 3.4.2.2): the tree a filter becomes.

pub mod eval;
pub mod parse;

use std::sync::Arc;

use crate::key::Key;
use crate::path::Target;
use crate::schema::Schema;

/// A comparison operator.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Op {
    /// Equal.
    Eq,
    /// Not equal: the opposite of [`Op::Eq`], so an absent attribute is not equal to anything.
    Ne,
    /// Contains.
    Co,
    /// Starts with.
    Sw,
    /// Ends with.
    Ew,
    /// Greater than.
    Gt,
    /// Greater than or equal.
    Ge,
    /// Less than.
    Lt,
    /// Less than or equal.
    Le,
}

/// A filter whose attributes are resolved and whose values are keys of the attributes' own types, so that
/// whoever evaluates it compares bytes and knows nothing of types or case rules.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Filter {
    /// All of them hold; at least two.
    And(Vec<Filter>),
    /// One of them holds; at least two.
    Or(Vec<Filter>),
    /// It does not hold.
    Not(Box<Filter>),
    /// Holds for every resource, or for none.
    Constant(bool),
    /// One of the values compares so. The target is a simple attribute or sub-attribute.
    ///
    /// `co`, `sw`, `ew` occur with text keys only; `gt` … `le` with text, number and time keys. A key is compared
    /// with keys of its own kind only: `profile.Age gt 5` meets numbers and no texts.
    Compare {
        /// What is compared.
        target: Target,
        /// How.
        op: Op,
        /// With what.
        key: Key,
    },
    /// There is a value. The target may be complex: then any sub-attribute or key will do.
    Present(Target),
    /// The resource has attributes of this extension.
    HasExtension(Arc<Schema>),
    /// One element of the complex attribute satisfies the filter; the targets inside name its sub-attributes.
    Element {
        /// The complex attribute, without `sub`.
        list: Target,
        /// What must hold for one element.
        filter: Box<Filter>,
    },
}
