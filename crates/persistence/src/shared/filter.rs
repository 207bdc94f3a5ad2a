//! A filter as SQL: the same tree for both databases, every value bound.
//!
//! A term on an indexed attribute becomes a set, `id in (select … from attribute_values …)`, which both databases
//! answer from the index; one that only narrows what another term has found becomes a probe, `exists (…)` by the
//! primary key. Which is which is decided by [`rank`]: the most selective term of an `and` drives, the others
//! probe. An `or` of sets is one set, a union, because PostgreSQL scans the tenant for an `or` of two `in`.
//!
//! Prefixes and comparisons are ranges on keys of "C" collation: under row-level security an index serves only
//! operators that cannot leak, and `like` is none of them.

use diesel::prelude::*;
use diesel::query_builder::{AstPass, QueryFragment, QueryId};
use diesel::sql_types::{BigInt, Bool, Text};
use domain::filter::{Filter, Op};
use domain::id::{ResourceId, TenantId};
use domain::index::{self, Column};
use domain::key::Key;
use domain::meta;
use domain::path::Target;
use domain::resource_type::ResourceType;

use super::super::{Db, TEXT_POSITION, id_text};
use crate::types::{At, Id, Ts, Uid};

/// The largest character: behind every text that starts with the text it is appended to.
const LAST: char = '\u{10FFFF}';

/// A condition on the rows of `resources`, ready for `.filter(…)`.
pub(crate) struct Predicate {
    pieces: Vec<Piece>,
}

enum Piece {
    Sql(String),
    Text(String),
    Id(Id),
    At(At),
    Count(i64),
}

impl Predicate {
    pub(crate) fn new(tenant: TenantId, resource_type: &ResourceType, filter: &Filter) -> Self {
        let mut compiler = Compiler { tenant: Id(tenant.0), resource_type, pieces: Vec::new(), aliases: 0 };
        compiler.holds(filter, "resources");
        Self { pieces: compiler.pieces }
    }
}

impl QueryFragment<Db> for Predicate {
    fn walk_ast<'b>(&'b self, mut out: AstPass<'_, 'b, Db>) -> QueryResult<()> {
        for piece in &self.pieces {
            match piece {
                Piece::Sql(sql) => out.push_sql(sql),
                Piece::Text(text) => out.push_bind_param::<Text, _>(text)?,
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
            Op::Eq if index::column(resource_type, target).is_some() => Rank::Unique,
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
}

impl Compiler<'_> {
    fn sql(&mut self, sql: impl AsRef<str>) {
        match self.pieces.last_mut() {
            Some(Piece::Sql(last)) => last.push_str(sql.as_ref()),
            _ => self.pieces.push(Piece::Sql(sql.as_ref().to_owned())),
        }
    }

    fn text(&mut self, text: impl Into<String>) {
        self.pieces.push(Piece::Text(text.into()));
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
                for (place, term) in terms.iter().enumerate() {
                    if place > 0 {
                        self.sql(" UNION ");
                    }
                    self.set(term);
                }
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
                self.text(self.resource_type.name);
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
        self.text(self.resource_type.name);
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
            Filter::Compare { target, op, key } if index::column(self.resource_type, target).is_none() => {
                let alias = self.exists(row);
                self.at_path(&alias, &target.index_path());
                self.sql(" AND ");
                self.key(&alias, *op, key);
                self.sql(")");
            }
            Filter::Present(target)
                if index::column(self.resource_type, target).is_none() && target.attribute.name != "meta" =>
            {
                let alias = self.exists(row);
                self.present(&alias, target);
                self.sql(")");
            }
            Filter::HasExtension(schema) => {
                let alias = self.exists(row);
                self.below(&alias, &Below::extension(&schema.id));
                self.sql(")");
            }
            Filter::Element { list, filter } if matches!(**filter, Filter::Or(_)) => {
                self.probe(&distribute(list, filter), row);
            }
            Filter::Element { list, filter } => {
                let alias = self.exists(row);
                self.element(list, filter, &alias);
                self.sql(")");
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

    /// Conditions that make the values row `alias` one of an element that satisfies the filter.
    fn element(&mut self, list: &Target, filter: &Filter, alias: &str) {
        let terms = match filter {
            Filter::And(terms) => terms.as_slice(),
            single => std::slice::from_ref(single),
        };
        let drives = |term: &&Filter| matches!(term, Filter::Compare { op, .. } if *op != Op::Ne);
        let best = terms.iter().filter(drives).min_by_key(|term| rank(self.resource_type, term));
        match best {
            Some(driver @ Filter::Compare { target, op, key }) => {
                self.at_path(alias, &target.index_path());
                self.sql(" AND ");
                self.key(alias, *op, key);
                for term in terms.iter().filter(|term| !std::ptr::eq(*term, driver)) {
                    self.sql(" AND ");
                    self.element_holds(list, term, alias);
                }
            }
            _ => {
                self.below(alias, &Below::attribute(list));
                self.sql(" AND ");
                self.element_holds(list, filter, alias);
            }
        }
    }

    /// A condition on the element that the values row `alias` belongs to.
    fn element_holds(&mut self, list: &Target, filter: &Filter, alias: &str) {
        match filter {
            Filter::Constant(value) => self.sql(if *value { "TRUE" } else { "FALSE" }),
            Filter::Not(inner) => {
                self.sql("NOT (");
                self.element_holds(list, inner, alias);
                self.sql(")");
            }
            Filter::And(terms) => {
                self.join(terms, " AND ", |compiler, _, term| compiler.element_holds(list, term, alias));
            }
            Filter::Or(terms) => {
                self.join(terms, " OR ", |compiler, _, term| compiler.element_holds(list, term, alias));
            }
            Filter::Compare { op: Op::Ne, target, key } => {
                let equal = Filter::Compare { target: target.clone(), op: Op::Eq, key: key.clone() };
                self.element_holds(list, &Filter::Not(Box::new(equal)), alias);
            }
            Filter::Compare { target, op, key } => {
                let inner = self.same_element(alias);
                self.at_path(&inner, &target.index_path());
                self.sql(" AND ");
                self.key(&inner, *op, key);
                self.sql(")");
            }
            Filter::Present(target) => {
                let inner = self.same_element(alias);
                self.present(&inner, target);
                self.sql(")");
            }
            // The grammar has neither inside brackets.
            Filter::HasExtension(_) | Filter::Element { .. } => self.sql("FALSE"),
        }
    }

    fn same_element(&mut self, alias: &str) -> String {
        let inner = self.alias();
        self.sql(format!("EXISTS (SELECT 1 FROM attribute_values {inner} WHERE "));
        self.of_type(&inner);
        self.sql(format!(
            "{inner}.resource_id = {alias}.resource_id AND {inner}.ordinal = {alias}.ordinal AND "
        ));
        inner
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

    /// Compares the key of a values row. Long keys are cut in the index: what the cut cannot decide is looked up
    /// in the whole key beside it.
    fn key(&mut self, alias: &str, op: Op, key: &Key) {
        let short = key.indexed_prefix();
        let cut = short.len() < key.as_str().len();
        let column = format!("{alias}.key");
        let whole = format!("coalesce({alias}.full_key, {alias}.key)");
        let (from, to) = kind_bounds(key);
        match op {
            Op::Eq | Op::Ne => self.compare(&column, "=", key.stored().0),
            Op::Sw => {
                self.range(&column, short, &format!("{short}{LAST}"));
                if cut {
                    self.sql(" AND ");
                    self.starts_with(&whole, key.as_str());
                }
            }
            Op::Co => {
                self.range(&column, &from, &to);
                self.sql(" AND ");
                self.contains(&format!("substr({whole}, 2)"), key.body());
            }
            Op::Ew => {
                self.range(&column, &from, &to);
                self.sql(" AND ");
                self.ends_with(&format!("substr({whole}, 2)"), key.body());
            }
            Op::Gt | Op::Ge => {
                self.range(&column, short, &to);
                self.sql(" AND ");
                self.compare(if cut { &whole } else { &column }, sign(op), key.as_str());
            }
            Op::Lt | Op::Le => {
                let upper = if cut { format!("{short}{LAST}") } else { to };
                self.range(&column, &from, &upper);
                self.sql(" AND ");
                self.compare(if cut { &whole } else { &column }, sign(op), key.as_str());
            }
        }
    }

    /// Compares a value that has a column of its own; never null.
    fn column(&mut self, column: Column, op: Op, key: &Key, row: &str) {
        match column {
            Column::Name => self.plain_text(&format!("{row}.name_key"), op, key.body()),
            Column::ExternalId => {
                self.sql(format!("({row}.external_id IS NOT NULL AND "));
                self.plain_text(&format!("{row}.external_id"), op, key.body());
                self.sql(")");
            }
            Column::Id if op == Op::Eq => match ResourceId::parse(key.body()) {
                Some(id) => {
                    self.sql(format!("{row}.id = "));
                    self.pieces.push(Piece::Id(Id(id.0)));
                }
                None => self.sql("FALSE"),
            },
            Column::Id => self.plain_text(&id_text(row), op, key.body()),
            Column::Created => self.time(&format!("{row}.created_at"), op, key),
            Column::LastModified => self.time(&format!("{row}.modified_at"), op, key),
            Column::Version => match key.body().parse() {
                Ok(version) => {
                    self.sql(format!("{row}.version = "));
                    self.pieces.push(Piece::Count(version));
                }
                Err(_) => self.sql("FALSE"),
            },
        }
    }

    fn time(&mut self, column: &str, op: Op, key: &Key) {
        match meta::parse_time(key.body()) {
            Some(time) => {
                self.sql(format!("{column} {} ", sign(op)));
                self.pieces.push(Piece::At(At(time)));
            }
            None => self.sql("FALSE"),
        }
    }

    fn plain_text(&mut self, column: &str, op: Op, text: &str) {
        match op {
            Op::Sw => self.range(column, text, &format!("{text}{LAST}")),
            Op::Co => self.contains(column, text),
            Op::Ew => self.ends_with(column, text),
            Op::Eq | Op::Ne | Op::Gt | Op::Ge | Op::Lt | Op::Le => self.compare(column, sign(op), text),
        }
    }

    fn compare(&mut self, column: &str, sign: &str, text: impl Into<String>) {
        self.sql(format!("{column} {sign} "));
        self.text(text);
    }

    fn range(&mut self, column: &str, from: &str, to: &str) {
        self.compare(column, ">=", from);
        self.sql(" AND ");
        self.compare(column, "<", to);
    }

    fn contains(&mut self, column: &str, text: &str) {
        self.sql(format!("{TEXT_POSITION}({column}, "));
        self.text(text);
        self.sql(") > 0");
    }

    fn starts_with(&mut self, column: &str, text: &str) {
        self.sql(format!("substr({column}, 1, {}) = ", text.chars().count()));
        self.text(text);
    }

    fn ends_with(&mut self, column: &str, text: &str) {
        let chars = text.chars().count();
        self.sql(format!(
            "length({column}) >= {chars} AND substr({column}, length({column}) - {chars} + 1) = "
        ));
        self.text(text);
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

/// The first key of the same kind, and the first one behind them all.
fn kind_bounds(key: &Key) -> (String, String) {
    let tag = key.as_str().as_bytes().first().copied().unwrap_or(b's');
    (char::from(tag).to_string(), char::from(tag + 1).to_string())
}

fn sign(op: Op) -> &'static str {
    match op {
        Op::Ne => "<>",
        Op::Gt => ">",
        Op::Ge => ">=",
        Op::Lt => "<",
        Op::Le => "<=",
        Op::Eq | Op::Co | Op::Sw | Op::Ew => "=",
    }
}
