//! A transaction bound to a tenant, and every query on the tenant's resources.

use std::collections::BTreeMap;

use chrono::{DateTime, Utc};
use diesel::prelude::*;
use domain::audit::{Entry as AuditEntry, Head, Place, Row, Wanted};
use domain::definition::{Definitions, Kind as What};
use domain::group::{Entry, List};
use domain::guard::{Departure, Guard, Tally};
use domain::id::{ResourceId, TenantId, TokenId};
use domain::index::{self, Derived};
use domain::key;
use domain::list::{ListQuery, Page};
use domain::project::Membership;
use domain::resource::Resource;
use domain::resource_type::{Kind, ResourceType};
use domain::role::Role;
use domain::schema::qa_user;
use domain::store::{By, Change, Origin, ProfileKey, SchemaChange, TenantTx};
use domain::stored::Stored;
use domain::{Error, Result};
use serde_json::Value;

use super::super::Conn;
use super::audit::{Changed, Record};
use super::index::Kinds;
use super::scope::of_tenant;
use super::wrap::{Fixed, Locked, fixed};
use super::{counts, list, one};
use crate::error::{from_diesel, from_write};
use crate::rows::{NewResourceRow, ResourceChange, ResourceNames, ResourceRow};
use crate::schema::{attribute_values, resources};
use crate::types::{At, Id};

/// A transaction bound to a tenant.
pub(crate) struct Tx<'c> {
    pub(crate) conn: &'c mut Conn,
    pub(crate) tenant: TenantId,
    /// What is counted once, when the work is done: for each type, how many more have a value at each path.
    pub(super) holders: BTreeMap<String, counts::Holders>,
    /// What it knows of profile keys.
    pub(super) kinds: Kinds,
    /// What is written last.
    pub(super) records: Vec<Record>,
    /// Who loses access: weighed under the counter, before anything is recorded.
    pub(super) departures: Vec<Departure>,
    /// The one for which the transaction has to be undone.
    pub(super) refused: Option<Departure>,
    /// Whether a credential finds something else afterwards.
    pub(super) changes_credentials: bool,
}

/// The resource with an id, as a query by the primary key and nothing else: a planner that knows nothing yet of a
/// young table must not be offered an index on type or state. Those are looked at in the row.
macro_rules! keyed {
    ($self:ident, $ids:expr) => {
        resources::table.filter(of_tenant!(resources, $self.tenant)).filter($ids).select((
            resources::resource_type,
            resources::deleted_at,
            ResourceRow::as_select(),
        ))
    };
}

/// A row of [`keyed`].
type Keyed = (String, Option<At>, ResourceRow);

impl TenantTx for Tx<'_> {
    fn find(&mut self, resource_type: &ResourceType, id: ResourceId) -> Result<Option<Stored>> {
        one::find(self.conn, self.tenant, &resource_type.name, By::Id(id))
    }

    fn find_for_update(&mut self, resource_type: &ResourceType, id: ResourceId) -> Result<Option<Resource>> {
        living(Locked(keyed!(self, resources::id.eq(Id(id.0)))).get_result(self.conn), resource_type)
    }

    fn find_tombstone(
        &mut self,
        resource_type: &ResourceType,
        name_key: &str,
        external_id: Option<&str>,
    ) -> Result<Option<Resource>> {
        let buried = resources::table
            .filter(of_tenant!(resources, self.tenant))
            .filter(resources::resource_type.eq(resource_type.name.clone()))
            .filter(resources::deleted_at.is_not_null())
            .order((resources::deleted_at.desc(), resources::id.desc()))
            .select(ResourceRow::as_select())
            .limit(1);
        one(match external_id {
            Some(external_id) => {
                Locked(buried.filter(resources::external_id.eq(external_id))).get_result(self.conn)
            }
            None => {
                let unnamed = buried.filter(resources::external_id.is_null());
                Locked(unnamed.filter(resources::name_key.eq(name_key))).get_result(self.conn)
            }
        })
    }

    fn list(&mut self, resource_type: &ResourceType, query: &ListQuery) -> Result<Page> {
        list::page(self.conn, self.tenant, resource_type, query)
    }

    fn more(&mut self, resource_type: &ResourceType, query: &ListQuery) -> Result<Vec<Stored>> {
        list::more(self.conn, self.tenant, resource_type, query)
    }

    fn find_many(&mut self, resource_type: &ResourceType, ids: &[ResourceId]) -> Result<Vec<Resource>> {
        if ids.is_empty() {
            return Ok(Vec::new());
        }
        let rows: QueryResult<Vec<Keyed>> = match ids {
            [id] => keyed!(self, resources::id.eq(Id(id.0))).load(self.conn),
            ids => keyed!(self, resources::id.eq_any(ids.iter().map(|id| Id(id.0)))).load(self.conn),
        };
        let rows = rows.map_err(from_diesel)?;
        let living = rows.into_iter().filter(|row| is_living(row, resource_type));
        living.map(|(_, _, row)| row.meaning()).collect()
    }

    fn resolve_users(&mut self, references: &[String]) -> Result<Vec<Option<ResourceId>>> {
        let mut found: BTreeMap<&str, ResourceId> = BTreeMap::new();
        let ids: Vec<ResourceId> = references.iter().filter_map(|text| ResourceId::parse(text)).collect();
        let ids = self.users_by_id(&ids)?;
        for text in references {
            if let Some(id) = ResourceId::parse(text).filter(|id| ids.binary_search(id).is_ok()) {
                found.insert(text, id);
            }
        }
        let open = |found: &BTreeMap<&str, ResourceId>| -> Vec<&String> {
            references.iter().filter(|text| !found.contains_key(text.as_str())).collect()
        };
        let left = open(&found);
        let keys: Vec<String> = left.iter().map(|text| key::fold(text)).collect();
        let named: BTreeMap<String, ResourceId> = self.users_by_name(&keys)?.into_iter().collect();
        for (text, key) in left.into_iter().zip(&keys) {
            found.extend(named.get(key).map(|id| (text.as_str(), *id)));
        }
        let left: Vec<String> = open(&found).into_iter().cloned().collect();
        let external: BTreeMap<String, ResourceId> = self.users_by_external_id(&left)?.into_iter().collect();
        let resolve =
            |text: &String| found.get(text.as_str()).or_else(|| external.get(text.as_str())).copied();
        Ok(references.iter().map(resolve).collect())
    }

    fn add_to_list(
        &mut self,
        group: ResourceId,
        list: List,
        users: &[ResourceId],
    ) -> Result<Vec<ResourceId>> {
        self.add(group, list, users)
    }

    fn remove_from_list(
        &mut self,
        group: ResourceId,
        list: List,
        users: &[ResourceId],
    ) -> Result<Vec<ResourceId>> {
        self.remove(group, list, users)
    }

    fn replace_list(
        &mut self,
        group: ResourceId,
        list: List,
        users: &[ResourceId],
    ) -> Result<(Vec<ResourceId>, Vec<ResourceId>)> {
        let removed = self.remove_others(group, list, users)?;
        let added = self.add(group, list, users)?;
        Ok((added, removed))
    }

    fn list_entries(
        &mut self,
        group: ResourceId,
        list: List,
        after: Option<ResourceId>,
        limit: usize,
    ) -> Result<Vec<Entry>> {
        self.entries(group, list, after, limit)
    }

    fn member_counts(&mut self, groups: &[ResourceId]) -> Result<Vec<(ResourceId, i64)>> {
        self.sizes(groups)
    }

    fn members_of(&mut self, groups: &[ResourceId]) -> Result<Vec<(ResourceId, Entry)>> {
        self.members(groups)
    }

    fn owners_of(&mut self, groups: &[ResourceId]) -> Result<Vec<(ResourceId, ResourceId)>> {
        self.owners(groups)
    }

    fn groups_of(
        &mut self,
        users: &[ResourceId],
        most: Option<usize>,
    ) -> Result<Vec<(ResourceId, Membership)>> {
        self.groups(users, most)
    }

    fn lists_with(&mut self, user: ResourceId) -> Result<Vec<ResourceId>> {
        self.with(user)
    }

    fn leave_lists(&mut self, user: ResourceId) -> Result<Vec<(ResourceId, List)>> {
        self.leave(user)
    }

    fn has_owners(&mut self) -> Result<bool> {
        self.any_owner()
    }

    fn role_counts(&mut self) -> Result<Vec<(Role, usize)>> {
        self.roles()
    }

    fn another_active_admin(&mut self, except: ResourceId) -> Result<bool> {
        self.has_active_admin(except)
    }

    fn profile_keys(&mut self) -> Result<Vec<ProfileKey>> {
        self.known_profile_keys()
    }

    fn insert(
        &mut self,
        resource_type: &ResourceType,
        resource: &Resource,
        Derived { text, entries, unique }: &Derived,
    ) -> Result<i64> {
        let row = NewResourceRow {
            tenant_id: self.id(),
            id: Id(resource.id.0),
            resource_type: &resource_type.name,
            name_key: resource.name_key(resource_type),
            name: resource.name(resource_type),
            display: resource.display(),
            external_id: resource.external_id(),
            document: text,
            version: resource.meta.version.0,
            created_at: At(resource.meta.created),
            modified_at: At(resource.meta.modified),
        };
        self.insert_indexed(resource_type, &row, entries, &resource.document)?;
        self.claim(resource_type, resource.id, unique)?;
        self.count_holders(resource_type, counts::holders(entries));
        self.enter_collection(resource_type, resource)
    }

    fn update(&mut self, resource_type: &ResourceType, before: &Resource, after: &Resource) -> Result<()> {
        let [old, new] = [before, after].map(|resource| names(resource_type, resource, None));
        let changed = (old != new).then_some(new);
        self.store(resource_type, after, &after.document.to_json()?, changed)?;
        let more = self.index_difference(resource_type, before, after)?;
        self.count_holders(resource_type, more);
        self.claim_difference(resource_type, before, after)?;
        if before.document.extension(qa_user::URN, qa_user::PROFILE)
            != after.document.extension(qa_user::URN, qa_user::PROFILE)
        {
            self.learn_profile_keys(&after.document)?;
        }
        Ok(())
    }

    fn revive(
        &mut self,
        resource_type: &ResourceType,
        resource: &Resource,
        Derived { text, entries, unique }: &Derived,
    ) -> Result<i64> {
        self.store(resource_type, resource, text, Some(names(resource_type, resource, None)))?;
        self.index(resource_type, resource.id, entries)?;
        self.claim(resource_type, resource.id, unique)?;
        self.learn_profile_keys(&resource.document)?;
        self.count_holders(resource_type, counts::holders(entries));
        self.count_in_collection(resource_type, resource, 1)
    }

    fn bury(&mut self, resource_type: &ResourceType, resource: &Resource) -> Result<()> {
        let text = resource.document.to_json()?;
        let buried = names(resource_type, resource, Some(At(resource.meta.modified)));
        self.store(resource_type, resource, &text, Some(buried))?;
        let gone: Vec<(String, i32)> = diesel::delete(attribute_values::table)
            .filter(of_tenant!(attribute_values, self.tenant))
            .filter(attribute_values::resource_id.eq(Id(resource.id.0)))
            .returning((attribute_values::path, attribute_values::ordinal))
            .get_results(self.conn)
            .map_err(from_diesel)?;
        if !index::unique_targets(resource_type).is_empty() {
            self.release(resource.id)?;
        }
        if matches!(resource_type.kind, Kind::Group(_)) {
            self.remove_lists(resource.id)?;
        }
        let fewer = gone.into_iter().filter(|(_, ordinal)| *ordinal == 0).map(|(path, _)| (path, -1));
        self.count_holders(resource_type, fewer.collect());
        self.count_in_collection(resource_type, resource, -1)?;
        Ok(())
    }

    fn definitions(&mut self) -> Result<Definitions> {
        self.read_definitions()
    }

    fn lock_definitions(&mut self) -> Result<i64> {
        self.lock_revision()
    }

    fn put_definition(&mut self, kind: What, id: &str, value: Option<&Value>) -> Result<()> {
        self.write_definition(kind, id, value)
    }

    fn forget_unique(&mut self, resource_type: &ResourceType, paths: &[String]) -> Result<()> {
        self.release_paths(resource_type, paths)
    }

    fn reindex(
        &mut self,
        old: &ResourceType,
        new: &ResourceType,
        resource: &Resource,
    ) -> Result<Vec<String>> {
        self.move_keys(old, new, resource)
    }

    fn record_schemas(&mut self, change: &SchemaChange, origin: &Origin) -> Result<()> {
        self.put_in_force(change, origin)
    }

    fn audit_head(&mut self) -> Result<Head> {
        self.read_head()
    }

    fn unchained_audit_rows(&mut self) -> Result<i64> {
        self.count_unchained()
    }

    fn audit_base(&mut self) -> Result<Head> {
        self.read_base()
    }

    fn audit_rows(&mut self, wanted: &Wanted, from: Place, count: usize) -> Result<Vec<Row>> {
        self.read_audit(wanted, from, count)
    }

    fn record(&mut self, resource_type: &ResourceType, change: &Change, origin: &Origin) -> Result<()> {
        let changed = Changed {
            action: change.action.name(),
            resource_type: resource_type.name.clone(),
            id: Id(change.id.0),
            version: change.new_version.0,
            at: At(change.at),
            revision: resource_type.revision,
        };
        self.append_change(AuditEntry::changed(&resource_type.name, change, origin), changed);
        Ok(())
    }

    fn depart(&mut self, departure: Departure) {
        self.departures.push(departure);
    }

    fn tallies(&mut self, guard: &Guard, now: DateTime<Utc>) -> Result<Vec<Tally>> {
        self.read_tallies(guard, now)
    }

    fn release(
        &mut self,
        token: Option<TokenId>,
        origin: &Origin,
        at: DateTime<Utc>,
    ) -> Result<Vec<TokenId>> {
        self.let_go(token, origin, at)
    }
}

impl<'c> Tx<'c> {
    pub(crate) fn new(conn: &'c mut Conn, tenant: TenantId) -> Self {
        Self {
            conn,
            tenant,
            holders: BTreeMap::new(),
            kinds: Kinds::new(),
            records: Vec::new(),
            departures: Vec::new(),
            refused: None,
            changes_credentials: false,
        }
    }
}

impl Tx<'_> {
    pub(super) fn id(&self) -> Id {
        Id(self.tenant.0)
    }

    /// `names` are what it is found by, where they change: of what is set SQLite writes the indexes anew, also where the value is
    /// the same.
    fn store(
        &mut self,
        resource_type: &ResourceType,
        resource: &Resource,
        text: &str,
        names: Option<ResourceNames<'_>>,
    ) -> Result<()> {
        let change = ResourceChange {
            display: resource.display(),
            document: text,
            version: resource.meta.version.0,
            modified_at: At(resource.meta.modified),
        };
        macro_rules! stored {
            ($change:expr) => {
                fixed!(
                    diesel::update(resources::table)
                        .filter(of_tenant!(resources, self.tenant))
                        .filter(resources::id.eq(Id(resource.id.0)))
                        .set($change)
                        .returning(resources::version)
                )
                .get_results(self.conn)
            };
        }
        let rows: QueryResult<Vec<i64>> = match names {
            Some(names) => stored!((change, names)),
            None => stored!(change),
        };
        let rows = rows.map_err(|error| from_write(error, resource_type.name_attribute))?;
        if rows.len() == 1 {
            Ok(())
        } else {
            Err(Error::internal("a locked resource was not there to be stored"))
        }
    }
}

fn names<'a>(
    resource_type: &ResourceType,
    resource: &'a Resource,
    deleted_at: Option<At>,
) -> ResourceNames<'a> {
    ResourceNames {
        name_key: resource.name_key(resource_type),
        name: resource.name(resource_type),
        external_id: resource.external_id(),
        deleted_at,
    }
}

fn is_living((kind, deleted_at, _): &Keyed, resource_type: &ResourceType) -> bool {
    deleted_at.is_none() && *kind == resource_type.name
}

fn living(row: QueryResult<Keyed>, resource_type: &ResourceType) -> Result<Option<Resource>> {
    let row = row.optional().map_err(from_diesel)?.filter(|row| is_living(row, resource_type));
    row.map(|(_, _, row)| row.meaning()).transpose()
}

fn one(row: QueryResult<ResourceRow>) -> Result<Option<Resource>> {
    row.optional().map_err(from_diesel)?.map(ResourceRow::meaning).transpose()
}
