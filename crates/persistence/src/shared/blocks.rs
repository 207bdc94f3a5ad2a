//! How many living resources a collection has: in all, and block by block in the order of creation.
//!
//! The blocks are why a page deep inside a collection costs what the first one does: the counters of the blocks
//! before it are added up, and only inside one block resources are skipped. The row of the collection is changed
//! first and holds back whoever else would change its blocks, so two transactions never cut one block.

use chrono::DateTime;
use diesel::dsl::sql;
use diesel::expression::{AppearsOnTable, SelectableExpression, ValidGrouping, is_aggregate};
use diesel::prelude::*;
use diesel::query_builder::{AstPass, QueryFragment, QueryId};
use diesel::sql_types::Bool;
use diesel::upsert::excluded;
use domain::Result;
use domain::id::TenantId;
use domain::resource::Resource;
use domain::resource_type::ResourceType;
use uuid::Uuid;

use super::super::{Conn, Db, batch};
use super::counts;
use super::keyset::{Bind, Bound, Columns, Side};
use super::scope::of_tenant;
use super::tenant_tx::Tx;
use super::wrap::{Fixed, fixed};
use crate::error::from_diesel;
use crate::schema::{collection_blocks, collections, resources};
use crate::types::{At, Id};

/// Resources that are put into a block before the next one begins. It is also in the migration that made the blocks.
pub(super) const SIZE: usize = 1_000;
/// Room that a block gets when it has been cut, for those who were created before the cut and come after it.
const STRAGGLERS: i64 = 100;

const STARTS: Columns = Columns(&["collection_blocks.from_created", "collection_blocks.from_id"]);
/// The order without `sortBy`.
pub(super) const CREATION: Columns = Columns(&["resources.created_at", "resources.id"]);

/// Where a block begins, or a resource stands.
pub(super) type Place = (At, Id);

/// The place as values of [`CREATION`].
fn binds((at, id): Place) -> Vec<Bind> {
    vec![Bind::Time(at), Bind::Id(id)]
}

/// The blocks of a collection, as a query.
macro_rules! blocks {
    ($tenant:expr, $resource_type:expr) => {
        collection_blocks::table
            .filter(of_tenant!(collection_blocks, $tenant))
            .filter(collection_blocks::resource_type.eq($resource_type.name.clone()))
    };
}

/// The block that a place is in, as a query of one row.
macro_rules! block_of {
    ($tenant:expr, $resource_type:expr, $place:expr) => {
        blocks!($tenant, $resource_type)
            .filter(Bound::new(STARTS, Side::UpTo, binds($place)))
            .order((collection_blocks::from_created.desc(), collection_blocks::from_id.desc()))
            .limit(1)
    };
}

/// The statement that counts resources in their collection and gives how many there are then.
macro_rules! counted {
    ($tenant:expr, $resource_type:expr, $more:expr) => {
        diesel::insert_into(collections::table)
            .values((
                collections::tenant_id.eq(Id($tenant.0)),
                collections::resource_type.eq($resource_type.name.clone()),
                collections::live.eq($more),
            ))
            .on_conflict((collections::tenant_id, collections::resource_type))
            .do_update()
            .set(collections::live.eq(collections::live + excluded(collections::live)))
            .returning(collections::live)
    };
}

/// The statement that puts a resource into the block that its place is in, on a condition.
macro_rules! entered {
    ($tenant:expr, $resource_type:expr, $place:expr, $condition:expr) => {{
        let start = block_of!($tenant, $resource_type, $place)
            .select((collection_blocks::from_created, collection_blocks::from_id));
        diesel::update(blocks!($tenant, $resource_type))
            .filter(StartsAt(start))
            .filter($condition)
            .set((
                collection_blocks::live.eq(collection_blocks::live + 1),
                collection_blocks::room.eq(collection_blocks::room - 1),
            ))
            .returning(collection_blocks::room)
    }};
}

/// Where to read from to find the living resource with a number, and how many to skip there.
pub(super) struct Found {
    pub(super) bound: Option<Bound>,
    pub(super) skip: usize,
}

/// Finds the living resource of a collection that has this number in the order of creation, or in the opposite one.
/// `None` where the counters are not kept or do not add up to `living`: then the resources are counted instead.
pub(super) fn find(
    conn: &mut Conn,
    tenant: TenantId,
    resource_type: &ResourceType,
    number: usize,
    living: usize,
    descending: bool,
) -> Result<Option<Found>> {
    if !counts::are_kept(conn, tenant)? {
        return Ok(None);
    }
    let blocks: Vec<(At, Id, i64)> = blocks!(tenant, resource_type)
        .order((collection_blocks::from_created.asc(), collection_blocks::from_id.asc()))
        .select((collection_blocks::from_created, collection_blocks::from_id, collection_blocks::live))
        .load(conn)
        .map_err(from_diesel)?;
    let sizes: Option<Vec<usize>> = blocks.iter().map(|(_, _, live)| usize::try_from(*live).ok()).collect();
    let Some(sizes) = sizes.filter(|sizes| sizes.iter().sum::<usize>() == living) else { return Ok(None) };
    let start = |place: usize| blocks.get(place).map(|(at, id, _)| binds((*at, *id)));
    let mut skip = number;
    let last = blocks.len().saturating_sub(1);
    for step in 0..=last {
        let place = if descending { last - step } else { step };
        let size = sizes.get(place).copied().unwrap_or_default();
        if skip < size || step == last {
            let bound = if descending {
                start(place + 1).map(|next| Bound::new(CREATION, Side::Before, next))
            } else {
                start(place).map(|this| Bound::new(CREATION, Side::From, this))
            };
            return Ok(Some(Found { bound, skip }));
        }
        skip -= size;
    }
    Ok(None)
}

impl Tx<'_> {
    /// Counts a resource that has come into the world; returns how many living ones there are with it.
    pub(super) fn enter_collection(
        &mut self,
        resource_type: &ResourceType,
        resource: &Resource,
    ) -> Result<i64> {
        let place = (At(resource.meta.created), Id(resource.id.0));
        // A statement sees the blocks that there were when it began, and may then have waited for whoever was counting: a
        // block that has been cut meanwhile has little room from then on.
        let is_uncut =
            collection_blocks::room.gt(STRAGGLERS).and(sql::<Bool>("EXISTS (SELECT 1 FROM collection)"));
        let (living, is_entered) = batch::count_in_both(
            self.conn,
            fixed!(counted!(self.tenant, resource_type, 1)),
            entered!(self.tenant, resource_type, place, is_uncut),
        )
        .map_err(from_diesel)?;
        if is_entered {
            return Ok(living);
        }
        // Usually there is a block with room.
        let entered = entered!(self.tenant, resource_type, place, collection_blocks::room.gt(0));
        let room: Option<i64> = fixed!(entered).get_result(self.conn).optional().map_err(from_diesel)?;
        if room.is_some() {
            return Ok(living);
        }
        match self.block_of(resource_type, place)? {
            None => {
                // The first one begins at the beginning of time: whoever is created later with an earlier time
                // belongs somewhere too.
                let beginning = (At(DateTime::UNIX_EPOCH), Id(Uuid::nil()));
                self.open_block(resource_type, beginning, 1, SIZE as i64 - 1)?;
            }
            Some((start, _)) => {
                // Usually nobody stands behind who was created last.
                let behind = self.living_behind(resource_type, place)?;
                self.change_block(resource_type, start, -behind, STRAGGLERS)?;
                self.open_block(resource_type, place, behind + 1, SIZE as i64 - behind - 1)?;
            }
        }
        Ok(living)
    }

    /// Counts a resource that has been there before and comes or goes; returns how many living ones there are then.
    pub(super) fn count_in_collection(
        &mut self,
        resource_type: &ResourceType,
        resource: &Resource,
        more: i64,
    ) -> Result<i64> {
        let counted = counted!(self.tenant, resource_type, more);
        let living = fixed!(counted).get_result(self.conn).map_err(from_diesel)?;
        let place = (At(resource.meta.created), Id(resource.id.0));
        let start = block_of!(self.tenant, resource_type, place)
            .select((collection_blocks::from_created, collection_blocks::from_id));
        let changed = diesel::update(blocks!(self.tenant, resource_type))
            .filter(StartsAt(start))
            .set(collection_blocks::live.eq(collection_blocks::live + more));
        fixed!(changed).run(self.conn).map_err(from_diesel)?;
        Ok(living)
    }

    /// Start and room of the block that a place is in.
    fn block_of(&mut self, resource_type: &ResourceType, place: Place) -> Result<Option<(Place, i64)>> {
        let row: Option<(At, Id, i64)> = block_of!(self.tenant, resource_type, place)
            .select((collection_blocks::from_created, collection_blocks::from_id, collection_blocks::room))
            .get_result(self.conn)
            .optional()
            .map_err(from_diesel)?;
        Ok(row.map(|(at, id, room)| ((at, id), room)))
    }

    fn change_block(
        &mut self,
        resource_type: &ResourceType,
        start: Place,
        more: i64,
        room: i64,
    ) -> Result<()> {
        let changed = diesel::update(blocks!(self.tenant, resource_type))
            .filter(collection_blocks::from_created.eq(start.0))
            .filter(collection_blocks::from_id.eq(start.1))
            .set((
                collection_blocks::live.eq(collection_blocks::live + more),
                collection_blocks::room.eq(room),
            ));
        fixed!(changed).run(self.conn).map_err(from_diesel)
    }

    fn open_block(&mut self, resource_type: &ResourceType, start: Place, live: i64, room: i64) -> Result<()> {
        diesel::insert_into(collection_blocks::table)
            .values((
                collection_blocks::tenant_id.eq(self.id()),
                collection_blocks::resource_type.eq(resource_type.name.clone()),
                collection_blocks::from_created.eq(start.0),
                collection_blocks::from_id.eq(start.1),
                collection_blocks::live.eq(live),
                collection_blocks::room.eq(room),
            ))
            .execute(self.conn)
            .map_err(from_diesel)?;
        Ok(())
    }

    /// How many living resources stand behind a place, up to the next block.
    fn living_behind(&mut self, resource_type: &ResourceType, place: Place) -> Result<i64> {
        let next: Option<Place> = blocks!(self.tenant, resource_type)
            .filter(Bound::new(STARTS, Side::Behind, binds(place)))
            .order((collection_blocks::from_created.asc(), collection_blocks::from_id.asc()))
            .select((collection_blocks::from_created, collection_blocks::from_id))
            .limit(1)
            .get_result(self.conn)
            .optional()
            .map_err(from_diesel)?;
        let mut behind = resources::table
            .filter(of_tenant!(resources, self.tenant))
            .filter(resources::resource_type.eq(resource_type.name.clone()))
            .filter(resources::deleted_at.is_null())
            .filter(Bound::new(CREATION, Side::Behind, binds(place)))
            .into_boxed();
        if let Some(next) = next {
            behind = behind.filter(Bound::new(CREATION, Side::Before, binds(next)));
        }
        behind.count().get_result(self.conn).map_err(from_diesel)
    }
}

/// The condition that a block begins at the place that a query of one row gives.
struct StartsAt<Q>(Q);

impl<Q: QueryFragment<Db>> QueryFragment<Db> for StartsAt<Q> {
    fn walk_ast<'b>(&'b self, mut out: AstPass<'_, 'b, Db>) -> QueryResult<()> {
        out.push_sql("(");
        out.push_sql(&STARTS.0.join(", "));
        out.push_sql(") = (");
        self.0.walk_ast(out.reborrow())?;
        out.push_sql(")");
        Ok(())
    }
}

impl<Q> QueryId for StartsAt<Q> {
    type QueryId = ();
    const HAS_STATIC_QUERY_ID: bool = false;
}

impl<Q> Expression for StartsAt<Q> {
    type SqlType = Bool;
}

impl<Q, QS: ?Sized> AppearsOnTable<QS> for StartsAt<Q> {}
impl<Q, QS> SelectableExpression<QS> for StartsAt<Q> {}
impl<Q, GB> ValidGrouping<GB> for StartsAt<Q> {
    type IsAggregate = is_aggregate::No;
}
