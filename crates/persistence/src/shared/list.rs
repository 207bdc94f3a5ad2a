//! Pages of a collection.
//!
//! Without `sortBy` a page is read in the order of an index on creation. Sorted, it is read from the index of the
//! attribute, in two parts: the resources that have a value, and those that have none, which come last when
//! ascending and first when descending (RFC 7644 section 3.4.2.3). Only the parts a page touches are read.

use diesel::dsl::{exists, not};
use diesel::prelude::*;
use domain::id::{ResourceId, TenantId};
use domain::index::{self, Column};
use domain::list::{ListQuery, Page, Sort};
use domain::resource::Resource;
use domain::resource_type::ResourceType;
use domain::{Error, Result};

use super::super::{Conn, Db, explain_text};
use super::filter::{Predicate, finds_one_at_most};
use super::scope::of_tenant;
use super::wrap::Explained;
use crate::error::{Failed, from_diesel};
use crate::rows::ResourceRow;
use crate::schema::{attribute_values, collections, resources};
use crate::types::Id;

/// A page of the living resources of a type.
pub(super) fn page(
    conn: &mut Conn,
    tenant: TenantId,
    resource_type: &ResourceType,
    query: &ListQuery,
) -> Result<Page> {
    let mut lister = Lister { conn, tenant, resource_type, query };
    let offset = query.start_index.saturating_sub(1);
    let resources = if query.count == 0 { Vec::new() } else { lister.resources(offset, query.count)? };
    // A page that is not full tells the total by itself.
    let known = (!resources.is_empty() || offset == 0) && resources.len() < query.count;
    let total = if known { offset + resources.len() } else { lister.total()? };
    Ok(Page { total, resources })
}

/// Further resources of a list whose total is known.
pub(super) fn more(
    conn: &mut Conn,
    tenant: TenantId,
    resource_type: &ResourceType,
    query: &ListQuery,
) -> Result<Vec<Resource>> {
    let mut lister = Lister { conn, tenant, resource_type, query };
    lister.resources(query.start_index.saturating_sub(1), query.count)
}

/// Living resources in the order of ids: all of them, batch by batch, whatever changes meanwhile.
pub(super) fn after(
    conn: &mut Conn,
    tenant: TenantId,
    resource_type: &ResourceType,
    after: Option<ResourceId>,
    limit: usize,
) -> Result<Vec<Resource>> {
    let mut query = resources::table
        .filter(of_tenant!(resources, tenant))
        .filter(resources::resource_type.eq(resource_type.name.clone()))
        .filter(resources::deleted_at.is_null())
        .order(resources::id)
        .limit(size(limit))
        .select(ResourceRow::as_select())
        .into_boxed();
    if let Some(after) = after {
        query = query.filter(resources::id.gt(Id(after.0)));
    }
    meanings(query.load(conn))
}

/// The plan of the (first) statement that reads the page.
pub(super) fn explain(
    conn: &mut Conn,
    tenant: TenantId,
    resource_type: &ResourceType,
    query: &ListQuery,
) -> Result<Vec<String>, Failed> {
    let lister = Lister { conn, tenant, resource_type, query };
    let (limit, offset) = (size(query.count), size(query.start_index.saturating_sub(1)));
    let rows = match lister.order() {
        Order::Value { path, descending } => {
            let statement = lister.with_value(&path, descending).limit(limit).offset(offset);
            Explained(statement.select(ResourceRow::as_select())).load(lister.conn)?
        }
        Order::Column { column, descending } => {
            let statement = lister.by_column(column, descending).limit(limit).offset(offset);
            Explained(statement.select(ResourceRow::as_select())).load(lister.conn)?
        }
    };
    Ok(rows.into_iter().map(explain_text).collect())
}

struct Lister<'a> {
    conn: &'a mut Conn,
    tenant: TenantId,
    resource_type: &'a ResourceType,
    query: &'a ListQuery,
}

enum Order {
    Column { column: Column, descending: bool },
    Value { path: String, descending: bool },
}

/// Which part of a sorted list.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Part {
    WithValue,
    WithoutValue,
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

    fn resources(&mut self, offset: usize, count: usize) -> Result<Vec<Resource>> {
        let order = self.order();
        let descending = match order {
            Order::Column { column, descending } if column != Column::ExternalId => {
                let statement = self.by_column(column, descending).limit(size(count)).offset(size(offset));
                return meanings(statement.select(ResourceRow::as_select()).load(self.conn));
            }
            Order::Column { descending, .. } | Order::Value { descending, .. } => descending,
        };
        let parts = [Part::WithValue, Part::WithoutValue];
        let [first, second] = if descending { [parts[1], parts[0]] } else { parts };
        let mut page = self.part(&order, first, offset, count)?;
        if page.len() < count {
            // Where the first part ended tells where the second begins.
            let before = if page.is_empty() && offset > 0 {
                self.count_part(&order, first)?
            } else {
                offset + page.len()
            };
            let rest = self.part(&order, second, offset.saturating_sub(before), count - page.len())?;
            page.extend(rest);
        }
        Ok(page)
    }

    fn part(&mut self, order: &Order, part: Part, offset: usize, count: usize) -> Result<Vec<Resource>> {
        let (limit, offset) = (size(count), size(offset));
        meanings(match (order, part) {
            (Order::Value { path, descending }, Part::WithValue) => self
                .with_value(path, *descending)
                .limit(limit)
                .offset(offset)
                .select(ResourceRow::as_select())
                .load(self.conn),
            (Order::Value { path, .. }, Part::WithoutValue) => self
                .without_value(path)
                .order((resources::created_at.asc(), resources::id.asc()))
                .limit(limit)
                .offset(offset)
                .select(ResourceRow::as_select())
                .load(self.conn),
            (Order::Column { column, descending }, Part::WithValue) => self
                .by_column(*column, *descending)
                .filter(resources::external_id.is_not_null())
                .limit(limit)
                .offset(offset)
                .select(ResourceRow::as_select())
                .load(self.conn),
            (Order::Column { .. }, Part::WithoutValue) => self
                .matching()
                .filter(resources::external_id.is_null())
                .order((resources::created_at.asc(), resources::id.asc()))
                .limit(limit)
                .offset(offset)
                .select(ResourceRow::as_select())
                .load(self.conn),
        })
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
        let total: i64 = match self.query.filter {
            Some(_) => self.matching().count().get_result(self.conn).map_err(from_diesel)?,
            // A collection counts its living resources itself.
            None => collections::table
                .filter(of_tenant!(collections, self.tenant))
                .filter(collections::resource_type.eq(self.resource_type.name.clone()))
                .select(collections::live)
                .get_result(self.conn)
                .optional()
                .map_err(from_diesel)?
                .unwrap_or(0),
        };
        usize::try_from(total).map_err(Error::internal)
    }

    /// The living resources of the type that satisfy the filter.
    fn matching(&self) -> resources::BoxedQuery<'static, Db> {
        let mut query = resources::table
            .filter(of_tenant!(resources, self.tenant))
            .filter(resources::resource_type.eq(self.resource_type.name.clone()))
            .filter(resources::deleted_at.is_null())
            .into_boxed();
        if let Some(filter) = &self.query.filter {
            query = query.filter(Predicate::new(self.tenant, self.resource_type, filter));
        }
        query
    }

    fn by_column(&self, column: Column, descending: bool) -> resources::BoxedQuery<'static, Db> {
        let query = self.matching();
        if self.query.filter.as_ref().is_some_and(|filter| finds_one_at_most(self.resource_type, filter)) {
            return query;
        }
        macro_rules! ordered {
            ($column:ident) => {
                if descending {
                    query.order((resources::$column.desc(), resources::id.desc()))
                } else {
                    query.order((resources::$column.asc(), resources::id.asc()))
                }
            };
        }
        match column {
            Column::Id if descending => query.order(resources::id.desc()),
            Column::Id => query.order(resources::id.asc()),
            Column::Name => ordered!(name_key),
            Column::ExternalId => ordered!(external_id),
            Column::Created => ordered!(created_at),
            Column::LastModified => ordered!(modified_at),
            Column::Version => ordered!(version),
        }
    }

    fn without_value(&self, path: &str) -> resources::BoxedQuery<'static, Db> {
        let value = attribute_values::table
            .filter(of_tenant!(attribute_values, self.tenant))
            .filter(attribute_values::resource_id.eq(resources::id))
            .filter(attribute_values::path.eq(path.to_owned()))
            .filter(attribute_values::ordinal.eq(0));
        self.matching().filter(not(exists(value)))
    }
}

/// The boxed join of the index and the resources.
type Joined = diesel::dsl::IntoBoxed<
    'static,
    diesel::dsl::InnerJoin<
        attribute_values::table,
        diesel::helper_types::On<
            resources::table,
            diesel::dsl::And<
                diesel::dsl::Eq<resources::tenant_id, attribute_values::tenant_id>,
                diesel::dsl::Eq<resources::id, attribute_values::resource_id>,
            >,
        >,
    >,
    Db,
>;

impl Lister<'_> {
    fn matching_with_value(&self, path: &str) -> Joined {
        let mut query = attribute_values::table
            .inner_join(
                resources::table.on(resources::tenant_id
                    .eq(attribute_values::tenant_id)
                    .and(resources::id.eq(attribute_values::resource_id))),
            )
            .into_boxed()
            .filter(of_tenant!(attribute_values, self.tenant))
            .filter(attribute_values::resource_type.eq(self.resource_type.name.clone()))
            .filter(attribute_values::path.eq(path.to_owned()))
            .filter(attribute_values::ordinal.eq(0));
        if let Some(filter) = &self.query.filter {
            query = query.filter(Predicate::new(self.tenant, self.resource_type, filter));
        }
        query
    }

    fn with_value(&self, path: &str, descending: bool) -> Joined {
        let query = self.matching_with_value(path);
        if descending {
            query.order((attribute_values::key.desc(), attribute_values::resource_id.desc()))
        } else {
            query.order((attribute_values::key.asc(), attribute_values::resource_id.asc()))
        }
    }
}

fn meanings(rows: QueryResult<Vec<ResourceRow>>) -> Result<Vec<Resource>> {
    rows.map_err(from_diesel)?.into_iter().map(ResourceRow::meaning).collect()
}

fn size(count: usize) -> i64 {
    i64::try_from(count).unwrap_or(i64::MAX)
}
