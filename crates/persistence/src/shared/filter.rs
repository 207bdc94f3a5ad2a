//! A filter as SQL: the same tree for both databases, every value bound.
//!
//! A term on an indexed attribute becomes a set, `id in (select … from attribute_values …)`, which both databases
//! answer from the index; one that only narrows what another term has found becomes a probe, `exists (…)` by the
//! primary key. Which is which is decided by [`rank`]: the most selective term of an `and` drives, the others
//! probe. An `or` of sets is one set, a union, because PostgreSQL scans the tenant for an `or` of two `in`.
//!
//! Prefixes and comparisons are ranges on keys of "C" collation: under row-level security an index serves only
//! operators that cannot leak, and `like` is none of them.

mod compare;
mod element;
mod found;
mod membership;

use diesel::prelude::*;
use diesel::query_builder::{AstPass, QueryFragment, QueryId};
use diesel::sql_types::{BigInt, Bool, Text};
use domain::filter::{Filter, Op, unique};
use domain::id::TenantId;
use domain::index::{self, Column};
use domain::key::Key;
use domain::path::Target;
use domain::resource_type::ResourceType;

use super::super::{Db, HIDDEN, NOT_JOINED};
use crate::types::{At, Id, Ts, Uid};
pub(super) use found::finds_by_value;
use membership::Side;

/// A condition on the rows of `resources`, ready for `.filter(…)`.
pub(crate) struct Predicate {
    pieces: Vec<Piece>,
    /// Whether its text is one of a few. Others are prepared each time: clients make as many texts as they like, and a
    /// connection would keep them all.
    is_common: bool,
}

/// Terms of a filter whose text is one of a few.
const COMMON_TERMS: usize = 2;

enum Piece {
    Sql(String),
    Text(String),
    /// A text that no plan may depend on.
    Hidden(String),
    Id(Id),
    At(At),
    Count(i64),
}

impl Predicate {
    pub(crate) fn new(tenant: TenantId, resource_type: &ResourceType, filter: &Filter) -> Self {
        let mut compiler = Compiler {
            tenant: Id(tenant.0),
            resource_type,
            pieces: Vec::new(),
            aliases: 0,
            names_lengths: false,
            finds_by_value: finds_by_value(resource_type, filter),
            hides: false,
        };
        if compiler.finds_by_value {
            compiler.found(filter, "resources");
        } else {
            compiler.holds(filter, "resources");
        }
        let is_common = filter.terms() <= COMMON_TERMS && !compiler.names_lengths;
        Self { pieces: compiler.pieces, is_common }
    }
}

impl QueryFragment<Db> for Predicate {
    fn walk_ast<'b>(&'b self, mut out: AstPass<'_, 'b, Db>) -> QueryResult<()> {
        if !self.is_common {
            out.unsafe_to_cache_prepared();
        }
        for piece in &self.pieces {
            match piece {
                Piece::Sql(sql) => out.push_sql(sql),
                Piece::Text(text) => out.push_bind_param::<Text, _>(text)?,
                Piece::Hidden(text) => {
                    out.push_sql(HIDDEN.0);
                    out.push_bind_param::<Text, _>(text)?;
                    out.push_sql(HIDDEN.1);
                }
                Piece::Id(id) => out.push_bind_param::<Uid, _>(id)?,
                Piece::At(at) => out.push_bind_param::<Ts, _>(at)?,
                Piece::Count(count) => out.push_bind_param::<BigInt, _>(count)?,
            }
        }
        Ok(())
    }
}

impl QueryId for Predicate {
    type QueryId = ();
    // The text depends on the filter: the statement cache goes by the text.
    const HAS_STATIC_QUERY_ID: bool = false;
}

impl Expression for Predicate {
    type SqlType = Bool;
}

impl<QS: ?Sized> AppearsOnTable<QS> for Predicate {}
impl<QS> SelectableExpression<QS> for Predicate {}
impl<GB> diesel::expression::ValidGrouping<GB> for Predicate {
    type IsAggregate = diesel::expression::is_aggregate::No;
}

/// How many rows a term is likely to leave, few to many; above [`Rank::Range`] it does not drive.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum Rank {
    Unique,
    Value,
    Prefix,
    Range,
    Many,
}

fn rank(resource_type: &ResourceType, filter: &Filter) -> Rank {
    match filter {
        Filter::And(terms) => terms.iter().map(|term| rank(resource_type, term)).min().unwrap_or(Rank::Many),
        Filter::Or(terms) => terms.iter().map(|term| rank(resource_type, term)).max().unwrap_or(Rank::Many),
        Filter::Element { filter, .. } => rank(resource_type, filter),
        Filter::Compare { target, op, key } => match op {
            Op::Eq if unique(resource_type, filter).is_some() => Rank::Unique,
            // Few different values, so many rows each: truth values, and labels such as `work`.
            Op::Eq if key.as_str().starts_with('b') || is_label(target) => Rank::Many,
            Op::Eq => Rank::Value,
            Op::Sw => Rank::Prefix,
            Op::Gt | Op::Ge | Op::Lt | Op::Le => Rank::Range,
            Op::Ne | Op::Co | Op::Ew => Rank::Many,
        },
        Filter::Not(_) | Filter::Constant(_) | Filter::Present(_) | Filter::HasExtension(_) => Rank::Many,
    }
}

fn is_label(target: &Target) -> bool {
    target.leaf().is_some_and(|leaf| !leaf.canonical_values.is_empty())
}

/// A range of index paths: everything below a complex attribute, an open one, or an extension.
struct Below(String, String);

impl Below {
    fn attribute(list: &Target) -> Self {
        let path = list.index_path();
        // '/' follows '.' in ASCII.
        Self(format!("{path}."), format!("{path}/"))
    }

    fn extension(urn: &str) -> Self {
        let urn = urn.to_lowercase();
        // ';' follows ':' in ASCII.
        Self(format!("{urn}:"), format!("{urn};"))
    }
}

struct Compiler<'a> {
    tenant: Id,
    resource_type: &'a ResourceType,
    pieces: Vec<Piece>,
    aliases: usize,
    /// Whether lengths of values stand in the text.
    names_lengths: bool,
    /// See [`found`].
    finds_by_value: bool,
    /// Whether the texts that come now are hidden from the planner.
    hides: bool,
}

impl Compiler<'_> {
    fn sql(&mut self, sql: impl AsRef<str>) {
        match self.pieces.last_mut() {
            Some(Piece::Sql(last)) => last.push_str(sql.as_ref()),
            _ => self.pieces.push(Piece::Sql(sql.as_ref().to_owned())),
        }
    }

    fn text(&mut self, text: impl Into<String>) {
        self.pieces.push(if self.hides { Piece::Hidden(text.into()) } else { Piece::Text(text.into()) });
    }

    fn alias(&mut self) -> String {
        self.aliases += 1;
        format!("v{}", self.aliases)
    }

    /// The first wall, as in [`super::scope`]: the rows of `alias` are the tenant's.
    fn of_tenant(&mut self, alias: &str) {
        if cfg!(feature = "test-without-tenant-predicate") {
            return self.sql("TRUE");
        }
        self.sql(format!("{alias}.tenant_id = "));
        self.pieces.push(Piece::Id(self.tenant));
    }

    /// A condition on the row `row` of `resources`; never null.
    fn holds(&mut self, filter: &Filter, row: &str) {
        match filter {
            Filter::Constant(value) => self.sql(if *value { "TRUE" } else { "FALSE" }),
            Filter::Not(inner) => {
                self.sql("NOT (");
                self.holds(inner, row);
                self.sql(")");
            }
            Filter::And(terms) => {
                let driver = self.driver(terms);
                self.join(terms, " AND ", |compiler, place, term| match driver {
                    Some(driver) if driver != place => compiler.probe(term, row),
                    _ => compiler.holds(term, row),
                });
            }
            Filter::Or(terms) if rank(self.resource_type, filter) < Rank::Many => {
                self.sql(format!("{row}.id IN ("));
                self.set(filter);
                self.sql(")");
            }
            Filter::Or(terms) => self.join(terms, " OR ", |compiler, _, term| compiler.holds(term, row)),
            Filter::Compare { op: Op::Ne, target, key } => self.holds_not_equal(target, key, row),
            Filter::Compare { target, op, key } => match index::column(self.resource_type, target) {
                Some(column) => self.column(column, *op, key, row),
                None => self.in_set(filter, row),
            },
            Filter::Present(target) => match index::column(self.resource_type, target) {
                Some(Column::ExternalId) => self.sql(format!("{row}.external_id IS NOT NULL")),
                // Every resource has a name, an id and meta.
                Some(_) => self.sql("TRUE"),
                None if target.extension.is_none() && target.attribute.name == "meta" => self.sql("TRUE"),
                None => self.in_set(filter, row),
            },
            Filter::HasExtension(_) => self.in_set(filter, row),
            // An element satisfies one of several filters when one of them has an element.
            Filter::Element { list, filter } if matches!(**filter, Filter::Or(_)) => {
                self.holds(&distribute(list, filter), row);
            }
            Filter::Element { .. } => self.in_set(filter, row),
        }
    }

    fn holds_not_equal(&mut self, target: &Target, key: &Key, row: &str) {
        let equal = Filter::Compare { target: target.clone(), op: Op::Eq, key: key.clone() };
        self.sql("NOT (");
        self.holds(&equal, row);
        self.sql(")");
    }

    fn in_set(&mut self, filter: &Filter, row: &str) {
        self.sql(format!("{row}.id IN ("));
        self.set(filter);
        self.sql(")");
    }

    /// `select` of the ids of the resources that satisfy the filter, from the index where it can be.
    fn set(&mut self, filter: &Filter) {
        match filter {
            Filter::Or(terms) => {
                for (place, term) in terms.iter().enumerate() {
                    if place > 0 {
                        self.sql(" UNION ");
                    }
                    self.set(term);
                }
            }
            Filter::Compare { target, op, key }
                if *op != Op::Ne && Side::of(self.resource_type, target).is_some() =>
            {
                self.membership_set(target, Some((*op, key)));
            }
            Filter::Present(target) if Side::of(self.resource_type, target).is_some() => {
                self.membership_set(target, None)
            }
            Filter::Compare { target, op, key }
                if *op != Op::Ne && index::column(self.resource_type, target).is_none() =>
            {
                let alias = self.values();
                self.at_path(&alias, &target.index_path());
                self.sql(" AND ");
                self.key(&alias, *op, key);
            }
            Filter::Present(target) if index::column(self.resource_type, target).is_none() => {
                let alias = self.values();
                self.present(&alias, target);
            }
            Filter::HasExtension(schema) => {
                let alias = self.values();
                self.below(&alias, &Below::extension(&schema.id));
            }
            Filter::Element { list, filter } if !matches!(**filter, Filter::Or(_)) => {
                let alias = self.values();
                self.element(list, filter, &alias);
            }
            _ => {
                let alias = self.alias();
                self.sql(format!("SELECT {alias}.id FROM resources {alias} WHERE "));
                self.of_tenant(&alias);
                self.sql(format!(" AND {alias}.resource_type = "));
                self.text(&self.resource_type.name);
                self.sql(format!(" AND {alias}.deleted_at IS NULL AND "));
                self.holds(filter, &alias);
            }
        }
    }

    /// `select resource_id from attribute_values` of the tenant and type, up to the first further condition.
    fn values(&mut self) -> String {
        let alias = self.alias();
        self.sql(format!("SELECT {alias}.resource_id FROM attribute_values {alias} WHERE "));
        self.of_type(&alias);
        alias
    }

    /// The beginning of the index on keys; named everywhere, so that a planner may turn a probe into a driver.
    fn of_type(&mut self, alias: &str) {
        self.of_tenant(alias);
        self.sql(format!(" AND {alias}.resource_type = "));
        self.text(&self.resource_type.name);
        self.sql(" AND ");
    }

    /// The same condition as [`Self::holds`], by the primary key of what the row of `resources` already is.
    fn probe(&mut self, filter: &Filter, row: &str) {
        match filter {
            Filter::Not(inner) => {
                self.sql("NOT (");
                self.probe(inner, row);
                self.sql(")");
            }
            Filter::And(terms) => self.join(terms, " AND ", |compiler, _, term| compiler.probe(term, row)),
            Filter::Or(terms) => self.join(terms, " OR ", |compiler, _, term| compiler.probe(term, row)),
            Filter::Compare { op: Op::Ne, target, key } => {
                let equal = Filter::Compare { target: target.clone(), op: Op::Eq, key: key.clone() };
                self.probe(&Filter::Not(Box::new(equal)), row);
            }
            Filter::Compare { target, op, key } if Side::of(self.resource_type, target).is_some() => {
                self.membership_probe(target, Some((*op, key)), row);
            }
            Filter::Present(target) if Side::of(self.resource_type, target).is_some() => {
                self.membership_probe(target, None, row)
            }
            Filter::Compare { target, op, key } if index::column(self.resource_type, target).is_none() => {
                let alias = self.exists(row);
                self.at_path(&alias, &target.index_path());
                self.sql(" AND ");
                self.key(&alias, *op, key);
                self.end_exists();
            }
            Filter::Present(target)
                if index::column(self.resource_type, target).is_none() && target.attribute.name != "meta" =>
            {
                let alias = self.exists(row);
                self.present(&alias, target);
                self.end_exists();
            }
            Filter::HasExtension(schema) => {
                let alias = self.exists(row);
                self.below(&alias, &Below::extension(&schema.id));
                self.end_exists();
            }
            Filter::Element { list, filter } if matches!(**filter, Filter::Or(_)) => {
                self.probe(&distribute(list, filter), row);
            }
            Filter::Element { list, filter } => {
                let alias = self.exists(row);
                self.element(list, filter, &alias);
                self.end_exists();
            }
            Filter::Compare { .. } | Filter::Present(_) | Filter::Constant(_) => self.holds(filter, row),
        }
    }

    /// `exists (select … from attribute_values` of this resource, up to the first further condition.
    fn exists(&mut self, row: &str) -> String {
        let alias = self.alias();
        self.sql(format!("EXISTS (SELECT 1 FROM attribute_values {alias} WHERE "));
        self.of_type(&alias);
        self.sql(format!("{alias}.resource_id = {row}.id AND "));
        alias
    }

    /// The end of a probe. Where a value has found the resources, it is a look-up for each of them and nothing else.
    fn end_exists(&mut self) {
        self.sql(if self.finds_by_value { NOT_JOINED } else { "" });
        self.sql(")");
    }

    /// The values of a simple target, or any value below a complex one.
    fn present(&mut self, alias: &str, target: &Target) {
        if target.leaf().is_some_and(|leaf| leaf.kind == domain::schema::Type::Complex) {
            self.below(alias, &Below::attribute(target));
        } else {
            self.at_path(alias, &target.index_path());
        }
    }

    fn at_path(&mut self, alias: &str, path: &str) {
        self.sql(format!("{alias}.path = "));
        self.text(path);
    }

    fn below(&mut self, alias: &str, Below(from, to): &Below) {
        self.sql(format!("{alias}.path >= "));
        self.text(from);
        self.sql(format!(" AND {alias}.path < "));
        self.text(to);
    }

    fn join(&mut self, terms: &[Filter], word: &str, mut each: impl FnMut(&mut Self, usize, &Filter)) {
        self.sql("(");
        for (place, term) in terms.iter().enumerate() {
            if place > 0 {
                self.sql(word);
            }
            each(self, place, term);
        }
        self.sql(")");
    }

    /// The place of the term that leaves the fewest rows, if it leaves few.
    fn driver(&self, terms: &[Filter]) -> Option<usize> {
        let ranked = terms.iter().enumerate().map(|(place, term)| (rank(self.resource_type, term), place));
        ranked.min().filter(|(rank, _)| *rank < Rank::Many).map(|(_, place)| place)
    }
}

/// `list[a or b]` is `list[a] or list[b]`.
fn distribute(list: &Target, filter: &Filter) -> Filter {
    let Filter::Or(terms) = filter else { return filter.clone() };
    let element = |term: &Filter| Filter::Element { list: list.clone(), filter: Box::new(term.clone()) };
    Filter::Or(terms.iter().map(element).collect())
}
