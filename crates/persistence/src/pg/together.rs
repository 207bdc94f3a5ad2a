//! Look-ups of several resources by one statement, whose text is the same for any number of them.

use std::marker::PhantomData;

use diesel::backend::Backend;
use diesel::expression::{ValidGrouping, is_aggregate};
use diesel::prelude::*;
use diesel::query_builder::{AstPass, QueryFragment, QueryId};
use diesel::serialize::ToSql;
use diesel::sql_types::{Array, Bool, HasSqlType, Text};
use domain::Result;
use domain::id::TenantId;
use domain::store::LookUp;
use domain::stored::Stored;

use super::shared::one::{InList, Key, by_column, living, of_type, shown};
use super::shared::scope::of_tenant;
use super::shared::{Alone, Entered};
use super::{Conn, Db};
use crate::error::from_diesel;
use crate::rows::ResourceRow;
use crate::schema::resources;
use crate::types::{At, Id, Spoken, Uid};

/// The living resources of look-ups that are all like the first, in their order. The statement is a transaction of its own.
pub(super) fn find_each(
    conn: &mut Conn,
    tenant: TenantId,
    look_ups: &[LookUp],
) -> Result<Vec<Option<Stored>>> {
    let Some(first) = look_ups.first() else { return Ok(Vec::new()) };
    let resource_type = &*first.resource_type;
    let keys: Vec<Key<'_>> = look_ups.iter().map(|look_up| by_column(look_up.by())).collect::<Result<_>>()?;
    let (mut ids, mut texts) = (Vec::new(), Vec::new());
    for key in &keys {
        match key {
            Key::Id(id) => ids.extend(*id),
            Key::Name(text) | Key::ExternalId(text) => texts.push(*text),
        }
    }
    /// The rows that the condition holds for, each with what it is found by.
    macro_rules! rows {
        ($key:expr, $type:ty, $condition:expr) => {{
            let query = shown!(tenant, $key).filter($condition).filter(Entered);
            let statement = Alone { query, tenant: Spoken(tenant) };
            let rows: Vec<(String, Option<At>, bool, ResourceRow, $type)> =
                statement.load(conn).map_err(from_diesel)?;
            let living = |(kind, deleted_at, in_list, row, key)| {
                (key, living((kind, deleted_at, in_list, row), resource_type))
            };
            rows.into_iter().map(living).collect::<Vec<_>>()
        }};
    }
    Ok(match keys.first() {
        None | Some(Key::Id(_)) if ids.is_empty() => vec![None; keys.len()],
        None | Some(Key::Id(_)) => {
            let found = rows!(resources::id, Id, OneOf::<_, Uid, _>::of(resources::id, ids));
            in_order(&keys, found, |key, id| matches!(key, Key::Id(Some(wanted)) if wanted == id))
        }
        Some(Key::Name(_)) => {
            let is_one = OneOf::<_, Text, _>::of(resources::name_key, texts);
            let found = rows!(resources::name_key, String, of_type!(resource_type).and(is_one));
            in_order(&keys, found, |key, name| matches!(key, Key::Name(wanted) if wanted == name))
        }
        Some(Key::ExternalId(_)) => {
            let is_one = OneOf::<_, Text, _>::of(resources::external_id, texts);
            let found = rows!(resources::external_id, Option<String>, of_type!(resource_type).and(is_one));
            let is = |key: &Key<'_>, id: &Option<String>| match key {
                Key::ExternalId(wanted) => id.as_deref() == Some(*wanted),
                Key::Id(_) | Key::Name(_) => false,
            };
            in_order(&keys, found, is)
        }
    })
}

/// What was found, once for each key that asks for it.
fn in_order<K>(
    keys: &[Key<'_>],
    mut found: Vec<(K, Option<Stored>)>,
    is: impl Fn(&Key<'_>, &K) -> bool,
) -> Vec<Option<Stored>> {
    // They are few: comparing each with each is less than a map.
    let answer = |(place, key)| {
        let (known, stored) = found.iter_mut().find(|(known, _)| is(key, known))?;
        let is_last = !keys[place + 1..].iter().any(|other| is(other, known));
        if is_last { stored.take() } else { stored.clone() }
    };
    keys.iter().enumerate().map(answer).collect()
}

/// Whether a column has one of some values.
///
/// They are one array for the database, and a sub-select for its planner, which then takes them for about as many whether it
/// knows them or not. Otherwise a plan for these values seems cheaper to it than one for any, and it makes one each time.
struct OneOf<C, ST, V> {
    column: C,
    values: Vec<V>,
    sql_type: PhantomData<ST>,
}

impl<C, ST, V> OneOf<C, ST, V> {
    fn of(column: C, values: Vec<V>) -> Self {
        Self { column, values, sql_type: PhantomData }
    }
}

impl<C, ST, V> QueryFragment<Db> for OneOf<C, ST, V>
where
    C: QueryFragment<Db>,
    ST: 'static,
    Db: Backend + HasSqlType<Array<ST>>,
    Vec<V>: ToSql<Array<ST>, Db>,
{
    fn walk_ast<'b>(&'b self, mut out: AstPass<'_, 'b, Db>) -> QueryResult<()> {
        self.column.walk_ast(out.reborrow())?;
        out.push_sql(" = ANY(ARRAY(SELECT unnest(");
        out.push_bind_param::<Array<ST>, _>(&self.values)?;
        out.push_sql(")))");
        Ok(())
    }
}

impl<C: QueryId, ST: 'static, V> QueryId for OneOf<C, ST, V> {
    type QueryId = OneOf<C::QueryId, ST, ()>;
    const HAS_STATIC_QUERY_ID: bool = C::HAS_STATIC_QUERY_ID;
}

impl<C, ST, V> Expression for OneOf<C, ST, V> {
    type SqlType = Bool;
}

impl<QS: ?Sized, C, ST, V> AppearsOnTable<QS> for OneOf<C, ST, V> {}
impl<QS, C, ST, V> SelectableExpression<QS> for OneOf<C, ST, V> {}
impl<GB, C, ST, V> ValidGrouping<GB> for OneOf<C, ST, V> {
    type IsAggregate = is_aggregate::No;
}
