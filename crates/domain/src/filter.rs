//! Filters (RFC 7644 section 3.4.2.2): the tree a filter becomes.

mod computed;
pub mod eval;
mod lexer;
mod literal;
pub mod parse;

use std::sync::Arc;

use crate::index::{self, Column};
use crate::key::Key;
use crate::path::Target;
use crate::resource_type::ResourceType;
use crate::schema::Schema;

pub use computed::is_related;

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

impl Op {
    /// The operator with this name, in any case: `EQ` is seen in the wild.
    pub fn named(word: &str) -> Option<Self> {
        const NAMES: [(&str, Op); 9] = [
            ("eq", Op::Eq),
            ("ne", Op::Ne),
            ("co", Op::Co),
            ("sw", Op::Sw),
            ("ew", Op::Ew),
            ("gt", Op::Gt),
            ("ge", Op::Ge),
            ("lt", Op::Lt),
            ("le", Op::Le),
        ];
        NAMES.iter().find(|(name, _)| name.eq_ignore_ascii_case(word)).map(|&(_, op)| op)
    }

    /// Whether one value stands in this relation to the wanted one. Only [`Op::Ne`] holds between keys of
    /// unlike kind.
    pub fn holds(self, value: &Key, wanted: &Key) -> bool {
        let alike = value.as_str().as_bytes().first() == wanted.as_str().as_bytes().first();
        match self {
            Self::Eq => value == wanted,
            Self::Ne => value != wanted,
            Self::Co => alike && value.body().contains(wanted.body()),
            Self::Sw => alike && value.body().starts_with(wanted.body()),
            Self::Ew => alike && value.body().ends_with(wanted.body()),
            Self::Gt => alike && value > wanted,
            Self::Ge => alike && value >= wanted,
            Self::Lt => alike && value < wanted,
            Self::Le => alike && value <= wanted,
        }
    }
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
    /// One of the values compares so. The target is a simple attribute or sub-attribute. Of `members` and
    /// `groups` it is always `value`, and like `owners` these are compared as ids.
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
    /// There is a value. The target may be complex: then any sub-attribute or key will do; `members` and `groups`
    /// are named as a whole.
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

impl Filter {
    /// How many values are compared with an element to know whether it satisfies the filter.
    pub fn terms(&self) -> usize {
        match self {
            Self::And(parts) | Self::Or(parts) => parts.iter().map(Self::terms).sum(),
            Self::Not(part) | Self::Element { filter: part, .. } => part.terms(),
            Self::Compare { .. } | Self::Present(_) | Self::HasExtension(_) | Self::Constant(_) => 1,
        }
    }

    /// All of the parts hold. Nested `And`s become one, constants disappear.
    pub fn all(parts: Vec<Self>) -> Self {
        Self::join(parts, true)
    }

    /// One of the parts holds. Nested `Or`s become one, constants disappear.
    pub fn any(parts: Vec<Self>) -> Self {
        Self::join(parts, false)
    }

    /// The opposite; of an opposite the filter itself.
    pub fn negated(self) -> Self {
        match self {
            Self::Not(inner) => *inner,
            Self::Constant(value) => Self::Constant(!value),
            other => Self::Not(Box::new(other)),
        }
    }

    /// `neutral` is the constant that changes nothing in the list: true in a conjunction, false in a disjunction.
    fn join(parts: Vec<Self>, neutral: bool) -> Self {
        let mut flat = Vec::with_capacity(parts.len());
        for part in parts {
            match part {
                Self::Constant(value) if value == neutral => {}
                Self::Constant(value) => return Self::Constant(value),
                Self::And(inner) if neutral => flat.extend(inner),
                Self::Or(inner) if !neutral => flat.extend(inner),
                other => flat.push(other),
            }
        }
        match flat.len() {
            0 | 1 => flat.pop().unwrap_or(Self::Constant(neutral)),
            _ if neutral => Self::And(flat),
            _ => Self::Or(flat),
        }
    }
}

/// Whether at most one living resource of the type can satisfy the filter: one of its terms names a unique value.
pub fn finds_one_at_most(resource_type: &ResourceType, filter: &Filter) -> bool {
    match filter {
        Filter::And(terms) => terms.iter().any(|term| finds_one_at_most(resource_type, term)),
        _ => unique(resource_type, filter).is_some(),
    }
}

/// The unique value that the filter asks for, and nothing else, with the column that holds it.
pub fn unique<'a>(resource_type: &ResourceType, filter: &'a Filter) -> Option<(Column, &'a Key)> {
    let Filter::Compare { target, op: Op::Eq, key } = filter else { return None };
    let column = index::column(resource_type, target)?;
    matches!(column, Column::Id | Column::Name | Column::ExternalId).then_some((column, key))
}
