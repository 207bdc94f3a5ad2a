//! Members and owners of groups: rows that are written in bulk and never read to be changed.

use diesel::prelude::*;
use diesel::upsert::excluded;
use domain::group::{Entry, List};
use domain::id::ResourceId;
use domain::project::Membership;
use domain::resource_type;
use domain::role::Role;
use domain::schema::qa_user;
use domain::{Error, Result, key};

use super::super::PLANS_BY_VALUES;
use super::scope::of_tenant;
use super::tenant_tx::Tx;
use super::wrap::{Fixed, Kept, Planned, fixed, planned};
use crate::error::from_diesel;
use crate::rows::MembershipRow;
use crate::schema::{attribute_values, group_sizes, memberships, resources};
use crate::types::{At, Id};

/// Rows of one insert, values of one comparison: below what either database takes in a statement.
const BATCH: usize = 5_000;

/// Up to so many users are looked up one by one: the planner of PostgreSQL takes an array for a filter and reads the
/// whole list when it knows nothing yet of the table, and equality with one value for what it is.
const FEW: usize = 16;

/// Living users of the tenant, as a query on `resources`.
macro_rules! users {
    ($self:ident) => {
        resources::table
            .filter(of_tenant!(resources, $self.tenant))
            .filter(resources::resource_type.eq(&resource_type::USER.name))
            .filter(resources::deleted_at.is_null())
            .order(resources::id.asc())
    };
}

/// A list of a group, as a query on `memberships`.
macro_rules! list_of {
    ($self:ident, $group:expr, $list:expr) => {
        memberships::table
            .filter(of_tenant!(memberships, $self.tenant))
            .filter(memberships::list.eq($list.name()))
            .filter(memberships::group_id.eq(Id($group.0)))
    };
}

/// The answer to a question about several groups. One alone is asked for by its id and not in an array: a planner that knows
/// nothing yet of a young table reads the whole list of the tenant rather than to look for each id of an array.
macro_rules! of_groups {
    ($self:ident, $question:expr, $groups:expr) => {
        match $groups {
            [group] => planned!($question.filter(memberships::group_id.eq(Id(group.0)))).load($self.conn),
            groups => {
                let groups = groups.iter().map(|group| Id(group.0));
                Planned($question.filter(memberships::group_id.eq_any(groups))).load($self.conn)
            }
        }
        .map_err(from_diesel)
    };
}

impl Tx<'_> {
    pub(super) fn users_by_id(&mut self, ids: &[ResourceId]) -> Result<Vec<ResourceId>> {
        // In the order of ids, so that two transactions wait for each other in one direction only.
        let mut ids = ids.to_vec();
        ids.sort_unstable();
        let mut found = Vec::new();
        for ids in ids.chunks(BATCH) {
            // By the primary key and nothing else, see `keyed`.
            let tenant = self.tenant;
            let keyed = || {
                resources::table.filter(of_tenant!(resources, tenant)).order(resources::id.asc()).select((
                    resources::id,
                    resources::resource_type,
                    resources::deleted_at,
                ))
            };
            let mut rows: Vec<(Id, String, Option<At>)> = Vec::new();
            if ids.len() <= FEW {
                for id in ids {
                    let wanted = keyed().filter(resources::id.eq(Id(id.0)));
                    let row: Vec<(Id, String, Option<At>)> =
                        Kept(wanted).load(self.conn).map_err(from_diesel)?;
                    rows.extend(row);
                }
            } else {
                let wanted = keyed().filter(resources::id.eq_any(ids.iter().map(|id| Id(id.0))));
                rows = Kept(wanted).load(self.conn).map_err(from_diesel)?;
            }
            let users = rows
                .into_iter()
                .filter(|(_, kind, deleted_at)| deleted_at.is_none() && *kind == resource_type::USER.name);
            found.extend(users.map(|(id, ..)| ResourceId(id.0)));
        }
        Ok(found)
    }

    pub(super) fn users_by_name(&mut self, keys: &[String]) -> Result<Vec<(String, ResourceId)>> {
        let mut found = Vec::new();
        for keys in keys.chunks(BATCH) {
            let wanted = users!(self).filter(resources::name_key.eq_any(keys));
            let columns = (resources::name_key, resources::id);
            let rows: Vec<(String, Id)> =
                Kept(wanted.select(columns)).load(self.conn).map_err(from_diesel)?;
            found.extend(rows.into_iter().map(|(key, id)| (key, ResourceId(id.0))));
        }
        Ok(found)
    }

    pub(super) fn users_by_external_id(&mut self, ids: &[String]) -> Result<Vec<(String, ResourceId)>> {
        let mut found = Vec::new();
        for ids in ids.chunks(BATCH) {
            let wanted = users!(self).filter(resources::external_id.eq_any(ids));
            let columns = (resources::external_id.assume_not_null(), resources::id);
            let rows: Vec<(String, Id)> =
                Kept(wanted.select(columns)).load(self.conn).map_err(from_diesel)?;
            found.extend(rows.into_iter().map(|(key, id)| (key, ResourceId(id.0))));
        }
        Ok(found)
    }

    pub(super) fn add(
        &mut self,
        group: ResourceId,
        list: List,
        users: &[ResourceId],
    ) -> Result<Vec<ResourceId>> {
        let row = |user: &ResourceId| MembershipRow {
            tenant_id: self.id(),
            group_id: Id(group.0),
            list: list.name(),
            user_id: Id(user.0),
        };
        let rows: Vec<MembershipRow> = users.iter().map(row).collect();
        let mut added: Vec<Id> = Vec::new();
        macro_rules! new {
            ($rows:expr) => {
                diesel::insert_into(memberships::table)
                    .values($rows)
                    .on_conflict_do_nothing()
                    .returning(memberships::user_id)
            };
        }
        for rows in rows.chunks(BATCH) {
            let new: QueryResult<Vec<Id>> = match rows {
                [row] => fixed!(new!(row)).load(self.conn),
                rows => new!(rows).load(self.conn),
            };
            added.extend(new.map_err(from_diesel)?);
        }
        self.resize(group, list, signed(added.len())?)?;
        Ok(ids(added))
    }

    pub(super) fn remove(
        &mut self,
        group: ResourceId,
        list: List,
        users: &[ResourceId],
    ) -> Result<Vec<ResourceId>> {
        let mut removed: Vec<Id> = Vec::new();
        for users in users.chunks(BATCH) {
            if users.len() <= FEW {
                for user in users {
                    let old = list_of!(self, group, list).filter(memberships::user_id.eq(Id(user.0)));
                    let gone = diesel::delete(old).returning(memberships::user_id);
                    removed.extend(gone.load::<Id>(self.conn).map_err(from_diesel)?);
                }
                continue;
            }
            let old = list_of!(self, group, list)
                .filter(memberships::user_id.eq_any(users.iter().map(|user| Id(user.0))));
            let gone = diesel::delete(old).returning(memberships::user_id);
            removed.extend(Planned(gone).load::<Id>(self.conn).map_err(from_diesel)?);
        }
        self.resize(group, list, -signed(removed.len())?)?;
        Ok(ids(removed))
    }

    pub(super) fn remove_others(
        &mut self,
        group: ResourceId,
        list: List,
        users: &[ResourceId],
    ) -> Result<Vec<ResourceId>> {
        let all = list_of!(self, group, list);
        let removed: QueryResult<Vec<Id>> = if users.is_empty() {
            Planned(diesel::delete(all).returning(memberships::user_id)).load(self.conn)
        } else {
            let kept = users.iter().map(|user| Id(user.0));
            let others = all.filter(memberships::user_id.ne_all(kept));
            Planned(diesel::delete(others).returning(memberships::user_id)).load(self.conn)
        };
        let removed = removed.map_err(from_diesel)?;
        self.resize(group, list, -signed(removed.len())?)?;
        Ok(ids(removed))
    }

    /// A deleted group has no lists.
    pub(super) fn remove_lists(&mut self, group: ResourceId) -> Result<()> {
        diesel::delete(memberships::table)
            .filter(of_tenant!(memberships, self.tenant))
            .filter(memberships::list.eq_any(List::ALL.map(List::name)))
            .filter(memberships::group_id.eq(Id(group.0)))
            .execute(self.conn)
            .map_err(from_diesel)?;
        diesel::delete(group_sizes::table)
            .filter(of_tenant!(group_sizes, self.tenant))
            .filter(group_sizes::group_id.eq(Id(group.0)))
            .execute(self.conn)
            .map_err(from_diesel)?;
        Ok(())
    }

    pub(super) fn with(&mut self, user: ResourceId) -> Result<Vec<ResourceId>> {
        let groups: Vec<Id> = memberships::table
            .filter(of_tenant!(memberships, self.tenant))
            .filter(memberships::user_id.eq(Id(user.0)))
            .select(memberships::group_id)
            .distinct()
            .load(self.conn)
            .map_err(from_diesel)?;
        Ok(ids(groups))
    }

    /// Takes a user out of every list.
    pub(super) fn leave(&mut self, user: ResourceId) -> Result<Vec<(ResourceId, List)>> {
        let rows: Vec<(Id, String)> = diesel::delete(memberships::table)
            .filter(of_tenant!(memberships, self.tenant))
            .filter(memberships::user_id.eq(Id(user.0)))
            .returning((memberships::group_id, memberships::list))
            .get_results(self.conn)
            .map_err(from_diesel)?;
        let list = |name: &str| {
            let list = List::ALL.into_iter().find(|list| list.name() == name);
            list.ok_or_else(|| Error::internal("a list of an unknown name"))
        };
        let left = rows.iter().map(|(group, name)| Ok((ResourceId(group.0), list(name)?)));
        let mut left: Vec<(ResourceId, List)> = left.collect::<Result<_>>()?;
        left.sort_unstable();
        for (group, list) in &left {
            self.resize(*group, *list, -1)?;
        }
        Ok(left)
    }

    fn resize(&mut self, group: ResourceId, list: List, more: i64) -> Result<()> {
        if list != List::Members || more == 0 {
            return Ok(());
        }
        let counted = diesel::insert_into(group_sizes::table)
            .values((
                group_sizes::tenant_id.eq(self.id()),
                group_sizes::group_id.eq(Id(group.0)),
                group_sizes::members.eq(more),
            ))
            .on_conflict((group_sizes::tenant_id, group_sizes::group_id))
            .do_update()
            .set(group_sizes::members.eq(group_sizes::members + excluded(group_sizes::members)));
        fixed!(counted).run(self.conn).map_err(from_diesel)
    }

    pub(super) fn entries(
        &mut self,
        group: ResourceId,
        list: List,
        after: Option<ResourceId>,
        limit: usize,
    ) -> Result<Vec<Entry>> {
        let after = after.map_or(uuid::Uuid::nil(), |user| user.0);
        let entries = list_of!(self, group, list)
            .filter(memberships::user_id.gt(Id(after)))
            .inner_join(resources::table.on(
                resources::tenant_id.eq(memberships::tenant_id).and(resources::id.eq(memberships::user_id)),
            ))
            .order(memberships::user_id.asc())
            .limit(i64::try_from(limit).unwrap_or(i64::MAX))
            .select((memberships::user_id, resources::name, resources::display));
        let rows: Vec<(Id, String, Option<String>)> =
            planned!(entries).load(self.conn).map_err(from_diesel)?;
        let entry =
            |(user, user_name, display): (Id, _, _)| Entry { user: ResourceId(user.0), user_name, display };
        Ok(rows.into_iter().map(entry).collect())
    }

    pub(super) fn members(&mut self, groups: &[ResourceId]) -> Result<Vec<(ResourceId, Entry)>> {
        let members = memberships::table
            .filter(of_tenant!(memberships, self.tenant))
            .filter(memberships::list.eq(List::Members.name()))
            .inner_join(resources::table.on(
                resources::tenant_id.eq(memberships::tenant_id).and(resources::id.eq(memberships::user_id)),
            ))
            .select((memberships::group_id, memberships::user_id, resources::name, resources::display));
        let rows: Vec<(Id, Id, String, Option<String>)> = of_groups!(self, members, groups)?;
        let entry = |(group, user, user_name, display): (Id, Id, _, _)| {
            (ResourceId(group.0), Entry { user: ResourceId(user.0), user_name, display })
        };
        Ok(in_order(rows.into_iter().map(entry), |(group, entry)| (*group, entry.user)))
    }

    pub(super) fn sizes(&mut self, groups: &[ResourceId]) -> Result<Vec<(ResourceId, i64)>> {
        let sizes = group_sizes::table
            .filter(of_tenant!(group_sizes, self.tenant))
            .select((group_sizes::group_id, group_sizes::members));
        let rows: QueryResult<Vec<(Id, i64)>> = match groups {
            [group] => fixed!(sizes.filter(group_sizes::group_id.eq(Id(group.0)))).load(self.conn),
            groups => {
                let groups = groups.iter().map(|group| Id(group.0));
                sizes.filter(group_sizes::group_id.eq_any(groups)).load(self.conn)
            }
        };
        let rows = rows.map_err(from_diesel)?;
        Ok(rows.into_iter().map(|(group, size)| (ResourceId(group.0), size)).collect())
    }

    pub(super) fn owners(&mut self, groups: &[ResourceId]) -> Result<Vec<(ResourceId, ResourceId)>> {
        let owners = memberships::table
            .filter(of_tenant!(memberships, self.tenant))
            .filter(memberships::list.eq(List::Owners.name()))
            .select((memberships::group_id, memberships::user_id));
        let rows: Vec<(Id, Id)> = of_groups!(self, owners, groups)?;
        let owners = rows.into_iter().map(|(group, user)| (ResourceId(group.0), ResourceId(user.0)));
        Ok(in_order(owners, |pair| *pair))
    }

    pub(super) fn groups(
        &mut self,
        users: &[ResourceId],
        most: Option<usize>,
    ) -> Result<Vec<(ResourceId, Membership)>> {
        macro_rules! groups {
            ($of_users:expr) => {
                memberships::table
                    .filter(of_tenant!(memberships, self.tenant))
                    .filter($of_users)
                    .filter(memberships::list.eq(List::Members.name()))
                    .inner_join(
                        resources::table.on(resources::tenant_id
                            .eq(memberships::tenant_id)
                            .and(resources::id.eq(memberships::group_id))),
                    )
                    .select((
                        memberships::user_id,
                        memberships::group_id,
                        resources::resource_type,
                        resources::name,
                    ))
            };
        }
        let rows: QueryResult<Vec<(Id, Id, String, String)>> = match (users, most) {
            ([], _) => return Ok(Vec::new()),
            // Of one fixed text, which is prepared once.
            ([user], None) => groups!(memberships::user_id.eq(Id(user.0))).load(self.conn),
            ([user], Some(most)) => {
                let limit = i64::try_from(most + 1).unwrap_or(i64::MAX);
                groups!(memberships::user_id.eq(Id(user.0))).limit(limit).load(self.conn)
            }
            (users, _) => {
                let users = users.iter().map(|user| Id(user.0));
                groups!(memberships::user_id.eq_any(users)).load(self.conn)
            }
        };
        let rows = rows.map_err(from_diesel)?;
        if most.is_some_and(|most| rows.len() > most) {
            return Err(Error::WouldWait);
        }
        let meaning = |(user, group, kind, display): (Id, Id, String, String)| {
            let known = resource_type::standard().into_iter().find(|known| known.name == kind);
            let endpoint = &known.ok_or_else(|| Error::internal("a group of an unknown type"))?.endpoint;
            Ok((ResourceId(user.0), Membership { id: ResourceId(group.0), endpoint, display }))
        };
        let groups: Vec<_> = rows.into_iter().map(meaning).collect::<Result<_>>()?;
        Ok(in_order(groups.into_iter(), |(user, group)| (*user, group.id)))
    }

    pub(super) fn any_owner(&mut self) -> Result<bool> {
        let owners = memberships::table
            .filter(of_tenant!(memberships, self.tenant))
            .filter(memberships::list.eq(List::Owners.name()));
        diesel::select(diesel::dsl::exists(owners)).get_result(self.conn).map_err(from_diesel)
    }

    pub(super) fn roles(&mut self) -> Result<Vec<(Role, usize)>> {
        let path = format!("{}:{}", qa_user::URN, qa_user::ROLE).to_lowercase();
        let rows: Vec<(String, i64)> = attribute_values::table
            .filter(of_tenant!(attribute_values, self.tenant))
            .filter(attribute_values::resource_type.eq(&resource_type::USER.name))
            .filter(attribute_values::path.eq(path))
            .group_by(attribute_values::key)
            .select((attribute_values::key, diesel::dsl::count_star()))
            .load(self.conn)
            .map_err(from_diesel)?;
        let count = |role: Role| {
            let key = key::Key::text(role.name(), true);
            let row = rows.iter().find(|(found, _)| found == key.as_str());
            row.map_or(0, |&(_, count)| usize::try_from(count).unwrap_or(0))
        };
        Ok(Role::ALL.into_iter().map(|role| (role, count(role))).collect())
    }
}

/// Sorted here and not by the database: asked for an order, PostgreSQL reads the whole list of the tenant in the
/// order of its index and picks the wanted groups out of it, because an array of them has no order there.
fn in_order<T, K: Ord>(rows: impl Iterator<Item = T>, key: impl FnMut(&T) -> K) -> Vec<T> {
    let mut rows: Vec<T> = rows.collect();
    rows.sort_unstable_by_key(key);
    rows
}

fn ids(rows: Vec<Id>) -> Vec<ResourceId> {
    rows.into_iter().map(|id| ResourceId(id.0)).collect()
}

fn signed(count: usize) -> Result<i64> {
    i64::try_from(count).map_err(Error::internal)
}
