//! The statements that read a list: from the resources, or from the index of an attribute joined to them.

use diesel::dsl::{exists, not};
use diesel::expression::{ValidGrouping, is_aggregate};
use diesel::prelude::*;
use diesel::query_builder::{AstPass, QueryFragment, QueryId};
use diesel::sql_types::{Bool, Text};
use domain::filter::finds_one_at_most;
use domain::index::Column;
use domain::list::Part;

use super::super::super::Db;
use super::super::filter::{self, Predicate};
use super::super::scope::of_tenant;
use super::{Lister, Order};
use crate::schema::{attribute_values, resources};

impl Lister<'_> {
    /// The living resources of the type that satisfy the filter.
    pub(super) fn matching(&self) -> resources::BoxedQuery<'static, Db> {
        let finds_by_value = |filter| filter::finds_by_value(self.resource_type, filter);
        let finds_by_value = self.query.filter.as_ref().is_some_and(finds_by_value);
        let mut query = resources::table
            .filter(of_tenant!(resources, self.tenant))
            .filter(Living { of: self.resource_type.name.clone(), finds_by_value })
            .into_boxed();
        if let Some(filter) = &self.query.filter {
            query = query.filter(Predicate::new(self.tenant, self.resource_type, filter));
        }
        query
    }

    /// A part of a list that is read from the resources themselves.
    pub(super) fn plain(&self, order: &Order, part: Part) -> resources::BoxedQuery<'static, Db> {
        let created = (resources::created_at.asc(), resources::id.asc());
        match (order, part) {
            (Order::Value { path, .. }, _) => self.without_value(path).order(created),
            (Order::Column { column: Column::ExternalId, descending }, Part::WithValue) => {
                self.by_column(Column::ExternalId, *descending).filter(resources::external_id.is_not_null())
            }
            (Order::Column { column: Column::ExternalId, .. }, Part::WithoutValue) => {
                self.matching().filter(resources::external_id.is_null()).order(created)
            }
            (Order::Column { column, descending }, _) => self.by_column(*column, *descending),
        }
    }

    fn by_column(&self, column: Column, descending: bool) -> resources::BoxedQuery<'static, Db> {
        let query = self.matching();
        // There is nothing to sort, and a planner that knows nothing of a young table is not tempted to walk it in the
        // order asked for.
        if self.query.filter.as_ref().is_some_and(|filter| finds_one_at_most(self.resource_type, filter)) {
            return query;
        }
        macro_rules! ordered {
            ($($column:ident),+) => {
                if descending {
                    query.order(($(resources::$column.desc(),)+))
                } else {
                    query.order(($(resources::$column.asc(),)+))
                }
            };
        }
        match column {
            Column::Id => ordered!(id),
            Column::Name => ordered!(name_key),
            Column::ExternalId => ordered!(external_id),
            Column::Created => ordered!(created_at, id),
            Column::LastModified => ordered!(modified_at, id),
            Column::Version => ordered!(version, id),
        }
    }

    pub(super) fn without_value(&self, path: &str) -> resources::BoxedQuery<'static, Db> {
        let value = attribute_values::table
            .filter(of_tenant!(attribute_values, self.tenant))
            .filter(attribute_values::resource_id.eq(resources::id))
            .filter(attribute_values::path.eq(path.to_owned()))
            .filter(attribute_values::ordinal.eq(0));
        self.matching().filter(not(exists(value)))
    }
}

/// The condition that a resource lives and is of a type. A planner may walk all of the type in some order and look each up in
/// what the filter has found; where the filter finds by a value the condition is in words that no index knows, and what is
/// left is to take the ids.
struct Living {
    of: String,
    finds_by_value: bool,
}

impl QueryFragment<Db> for Living {
    fn walk_ast<'b>(&'b self, mut out: AstPass<'_, 'b, Db>) -> QueryResult<()> {
        out.push_sql(if self.finds_by_value {
            "CASE WHEN resources.deleted_at IS NULL THEN resources.resource_type END = "
        } else {
            "resources.deleted_at IS NULL AND resources.resource_type = "
        });
        out.push_bind_param::<Text, _>(&self.of)
    }
}

impl QueryId for Living {
    type QueryId = ();
    // One of two texts.
    const HAS_STATIC_QUERY_ID: bool = false;
}

impl Expression for Living {
    type SqlType = Bool;
}

impl<QS: ?Sized> AppearsOnTable<QS> for Living {}
impl<QS> SelectableExpression<QS> for Living {}
impl<GB> ValidGrouping<GB> for Living {
    type IsAggregate = is_aggregate::No;
}

/// The boxed join of the index and the resources.
pub(super) type Joined = diesel::dsl::IntoBoxed<
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
    pub(super) fn matching_with_value(&self, path: &str) -> Joined {
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

    pub(super) fn with_value(&self, path: &str, descending: bool) -> Joined {
        let query = self.matching_with_value(path);
        if descending {
            query.order((attribute_values::key.desc(), attribute_values::resource_id.desc()))
        } else {
            query.order((attribute_values::key.asc(), attribute_values::resource_id.asc()))
        }
    }
}
