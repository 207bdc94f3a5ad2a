//! Pages of a collection.
//!
//! Without `sortBy` a page is read in the order of an index on creation. Sorted, it is read from the index of the
//! attribute, in two parts: the resources that have a value, and those that have none, which come last when
//! ascending and first when descending (RFC 7644 section 3.4.2.3). Only the parts a page touches are read.
//!
//! A page behind a position is a range of the same index. A page at a number skips what stands before it, which costs
//! as much as reading it; only the order of creation knows a shorter way ([`super::blocks`]).

mod statements;

use diesel::prelude::*;
use domain::filter::unique;
use domain::id::TenantId;
use domain::index::{self, Column};
use domain::list::{ListQuery, Mark, Page, Part, Position, Sort, Start};
use domain::resource_type::ResourceType;
use domain::store::By;
use domain::stored::Stored;
use domain::{Error, Result};

use super::super::{Conn, explain_text};
use super::blocks::{self, CREATION, Found};
use super::counts;
use super::keyset::{Bind, Bound, Columns, Side};
use super::one;
use super::scope::of_tenant;
use super::wrap::Explained;
use crate::error::{Failed, from_diesel};
use crate::rows::ResourceRow;
use crate::schema::{collections, resources};
use crate::types::{At, Id};

/// Runs the statement that reads a window of a part: both kinds of statements in the same words.
macro_rules! read {
    ($lister:expr, $order:expr, $part:expr, $window:expr, |$statement:ident| $run:expr) => {{
        let Window { bound, offset, limit } = $window;
        match ($order, $part) {
            (Order::Value { path, descending }, Part::WithValue) => {
                let mut $statement = $lister.with_value(path, *descending);
                if let Some(bound) = bound {
                    $statement = $statement.filter(bound);
                }
                let $statement = $statement.limit(limit).offset(offset);
                $run
            }
            (order, part) => {
                let mut $statement = $lister.plain(order, part);
                if let Some(bound) = bound {
                    $statement = $statement.filter(bound);
                }
                let $statement = $statement.limit(limit).offset(offset);
                $run
            }
        }
    }};
}
/// A page of the living resources of a type.
pub(super) fn page(
    conn: &mut Conn,
    tenant: TenantId,
    resource_type: &ResourceType,
    query: &ListQuery,
) -> Result<Page> {
    if let Some(filter) = &query.filter
        && let Some((column, key)) = unique(resource_type, filter)
        && let Start::Index(offset) = query.start
    {
        let found = one::find(conn, tenant, &resource_type.name, By::Unique(column, key))?;
        let total = usize::from(found.is_some());
        let resources = found.into_iter().filter(|_| offset == 0).take(query.count).collect();
        return Ok(Page { total, resources });
    }
    let mut lister = Lister { conn, tenant, resource_type, query, living: None };
    let resources = if query.count == 0 { Vec::new() } else { lister.resources()? };
    // A page that is not full tells the total by itself.
    let total = match query.start {
        Start::Index(offset) if (!resources.is_empty() || offset == 0) && resources.len() < query.count => {
            offset + resources.len()
        }
        _ => lister.total()?,
    };
    Ok(Page { total, resources })
}

/// Further resources of a list whose total is known.
pub(super) fn more(
    conn: &mut Conn,
    tenant: TenantId,
    resource_type: &ResourceType,
    query: &ListQuery,
) -> Result<Vec<Stored>> {
    Lister { conn, tenant, resource_type, query, living: None }.resources()
}

/// The plan of the statement that reads the page, at an index that of those with a value.
pub(super) fn explain(
    conn: &mut Conn,
    tenant: TenantId,
    resource_type: &ResourceType,
    query: &ListQuery,
) -> Result<Vec<String>, Failed> {
    let mut lister = Lister { conn, tenant, resource_type, query, living: None };
    let order = lister.order();
    let (part, window) = match &query.start {
        Start::Index(offset) => (Part::WithValue, lister.window(&order, *offset, query.count)?),
        Start::After(position) => (position.part, lister.behind(&order, position, query.count)?),
    };
    let rows = read!(lister, &order, part, window, |statement| Explained(
        statement.select(ResourceRow::as_select())
    )
    .load(lister.conn))?;
    Ok(rows.into_iter().map(explain_text).collect())
}

struct Lister<'a> {
    conn: &'a mut Conn,
    tenant: TenantId,
    resource_type: &'a ResourceType,
    query: &'a ListQuery,
    /// How many there are without the filter, once it is known.
    living: Option<usize>,
}

enum Order {
    Column { column: Column, descending: bool },
    Value { path: String, descending: bool },
}

impl Order {
    /// The parts of the list, in order. What every resource has makes one part.
    fn parts(&self) -> &'static [Part] {
        match self {
            Self::Column { column, .. } if *column != Column::ExternalId => &[Part::WithValue],
            Self::Column { descending: false, .. } | Self::Value { descending: false, .. } => {
                &[Part::WithValue, Part::WithoutValue]
            }
            Self::Column { .. } | Self::Value { .. } => &[Part::WithoutValue, Part::WithValue],
        }
    }

    fn is_descending(&self) -> bool {
        match self {
            Self::Column { descending, .. } | Self::Value { descending, .. } => *descending,
        }
    }

    /// The columns that order a part; names and external ids are unique, so that nothing follows them.
    fn columns(&self, part: Part) -> Columns {
        match (self, part) {
            (_, Part::WithoutValue) => CREATION,
            (Self::Value { .. }, _) => Columns(&["attribute_values.key", "attribute_values.resource_id"]),
            (Self::Column { column, .. }, _) => match column {
                Column::Id => Columns(&["resources.id"]),
                Column::Name => Columns(&["resources.name_key"]),
                Column::ExternalId => Columns(&["resources.external_id"]),
                Column::Created => CREATION,
                Column::LastModified => Columns(&["resources.modified_at", "resources.id"]),
                Column::Version => Columns(&["resources.version", "resources.id"]),
            },
        }
    }
}

/// What is read of a part.
struct Window {
    bound: Option<Bound>,
    offset: i64,
    limit: i64,
}

impl Lister<'_> {
    fn order(&self) -> Order {
        match &self.query.sort {
            None => Order::Column { column: Column::Created, descending: false },
            Some(Sort { by, descending }) => match index::column(self.resource_type, by) {
                Some(column) => Order::Column { column, descending: *descending },
                None => Order::Value { path: by.index_path(), descending: *descending },
            },
        }
    }

    fn resources(&mut self) -> Result<Vec<Stored>> {
        let (order, count) = (self.order(), self.query.count);
        let mut page = Vec::new();
        let mut parts = order.parts();
        let mut offset = match &self.query.start {
            Start::Index(offset) => *offset,
            Start::After(position) => {
                while let [first, rest @ ..] = parts
                    && *first != position.part
                {
                    parts = rest;
                }
                let Some((first, rest)) = parts.split_first() else { return Err(misplaced()) };
                let window = self.behind(&order, position, count)?;
                page = self.part(&order, *first, window)?;
                parts = rest;
                0
            }
        };
        while let [part, rest @ ..] = parts
            && page.len() < count
        {
            if self.is_known_empty(&order, *part)? {
                parts = rest;
                continue;
            }
            let window = self.window(&order, offset, count - page.len())?;
            let read = self.part(&order, *part, window)?;
            // Where this part ended tells where the next one begins.
            offset = if read.is_empty() && offset > 0 && !rest.is_empty() {
                offset.saturating_sub(self.count_part(&order, *part)?)
            } else {
                0
            };
            page.extend(read);
            parts = rest;
        }
        Ok(page)
    }

    /// So many resources of a part behind a position.
    fn behind(&self, order: &Order, position: &Position, count: usize) -> Result<Window> {
        let id = Bind::Id(Id(position.id.0));
        let columns = order.columns(position.part);
        let values = match (&position.mark, columns.0.len()) {
            (Mark::Nothing, 1) => vec![id],
            (Mark::Text(text), 1) => vec![Bind::Text(text.clone())],
            (Mark::Text(text), 2) => vec![Bind::Text(text.clone()), id],
            (Mark::Time(time), 2) => vec![Bind::Time(At(*time)), id],
            (Mark::Number(number), 2) => vec![Bind::Number(*number), id],
            _ => return Err(misplaced()),
        };
        let descending = order.is_descending() && position.part == Part::WithValue;
        let bound = Some(Bound::new(columns, Side::behind(descending), values));
        Ok(Window { bound, offset: 0, limit: size(count) })
    }

    /// So many resources of a part from a number on.
    fn window(&mut self, order: &Order, offset: usize, count: usize) -> Result<Window> {
        let is_whole = self.query.filter.is_none();
        if let Order::Column { column: Column::Created, descending } = order
            && is_whole
            && offset >= blocks::SIZE
        {
            let total = self.total()?;
            let found = blocks::find(self.conn, self.tenant, self.resource_type, offset, total, *descending)?;
            if let Some(Found { bound, skip }) = found {
                return Ok(Window { bound, offset: size(skip), limit: size(count) });
            }
        }
        Ok(Window { bound: None, offset: size(offset), limit: size(count) })
    }

    fn part(&mut self, order: &Order, part: Part, window: Window) -> Result<Vec<Stored>> {
        let rows: QueryResult<Vec<ResourceRow>> = read!(self, order, part, window, |statement| statement
            .select(ResourceRow::as_select())
            .load(self.conn));
        Ok(rows.map_err(from_diesel)?.into_iter().map(ResourceRow::stored).collect())
    }

    /// Whether the counters know that everybody has a value. To find out by looking, all of them are looked at.
    fn is_known_empty(&mut self, order: &Order, part: Part) -> Result<bool> {
        match (order, part) {
            (Order::Value { path, .. }, Part::WithoutValue) => {
                let holders = counts::at(self.conn, self.tenant, self.resource_type, path)?;
                Ok(holders == Some(self.living()?))
            }
            _ => Ok(false),
        }
    }

    fn count_part(&mut self, order: &Order, part: Part) -> Result<usize> {
        let count: i64 = match (order, part) {
            (Order::Value { path, .. }, Part::WithValue) => {
                self.matching_with_value(path).count().get_result(self.conn)
            }
            (Order::Value { path, .. }, Part::WithoutValue) => {
                self.without_value(path).count().get_result(self.conn)
            }
            (Order::Column { .. }, Part::WithValue) => {
                self.matching().filter(resources::external_id.is_not_null()).count().get_result(self.conn)
            }
            (Order::Column { .. }, Part::WithoutValue) => {
                self.matching().filter(resources::external_id.is_null()).count().get_result(self.conn)
            }
        }
        .map_err(from_diesel)?;
        usize::try_from(count).map_err(Error::internal)
    }

    fn total(&mut self) -> Result<usize> {
        match self.query.filter {
            Some(_) => {
                let total: i64 = self.matching().count().get_result(self.conn).map_err(from_diesel)?;
                usize::try_from(total).map_err(Error::internal)
            }
            None => self.living(),
        }
    }

    /// All living resources of the type: a collection counts them itself.
    fn living(&mut self) -> Result<usize> {
        if let Some(living) = self.living {
            return Ok(living);
        }
        let living: i64 = collections::table
            .filter(of_tenant!(collections, self.tenant))
            .filter(collections::resource_type.eq(self.resource_type.name.clone()))
            .select(collections::live)
            .get_result(self.conn)
            .optional()
            .map_err(from_diesel)?
            .unwrap_or(0);
        let living = usize::try_from(living).map_err(Error::internal)?;
        self.living = Some(living);
        Ok(living)
    }
}

/// A position comes out of the order it is used in, or there is a defect.
fn misplaced() -> Error {
    Error::internal("a position of another order")
}

fn size(count: usize) -> i64 {
    i64::try_from(count).unwrap_or(i64::MAX)
}
