//! Writing the index of attribute values, and what a tenant's profiles are made of.

use std::collections::BTreeMap;

use diesel::prelude::*;
use domain::document::Document;
use domain::id::ResourceId;
use domain::index::{self, Entry};
use domain::resource::Resource;
use domain::resource_type::ResourceType;
use domain::schema::qa_user;
use domain::store::{ProfileKey, ProfileKind};
use domain::{Error, Result, key, limits};
use serde_json::Value;

use super::super::BATCH;
use super::super::batch;
use super::counts::{Holders, is_first};
use super::scope::of_tenant;
use super::tenant_tx::Tx;
use crate::error::{from_diesel, from_write};
use crate::rows::{NewResourceRow, ProfileKeyRow, ValueRow};
use crate::schema::{attribute_values, profile_keys};
use crate::types::Id;

/// Profile keys and their kinds.
pub(super) type Kinds = BTreeMap<String, String>;

/// The profile keys of a tenant with their kinds, as a query.
macro_rules! kinds {
    ($tenant:expr) => {
        profile_keys::table
            .filter(of_tenant!(profile_keys, $tenant))
            .select((profile_keys::name_key, profile_keys::kind))
    };
}

/// Some of them.
macro_rules! kinds_of {
    ($tenant:expr, $rows:expr) => {{
        let keys: Vec<&str> = $rows.iter().map(|row| row.name_key.as_str()).collect();
        kinds!($tenant).filter(profile_keys::name_key.eq_any(keys))
    }};
}

impl Tx<'_> {
    /// Adds a new resource with its values and the keys of its profile.
    pub(super) fn insert_indexed(
        &mut self,
        resource_type: &ResourceType,
        row: &NewResourceRow<'_>,
        entries: &[Entry],
        document: &Document,
    ) -> Result<()> {
        let id = ResourceId(row.id.0);
        let (values, keys) = (self.value_rows(resource_type, id, entries), self.profile_rows(document));
        let known = batch::insert_resource(self.conn, row, &values, kinds_of!(self.tenant, keys))
            .map_err(|error| from_write(error, resource_type.name_attribute))?;
        match known {
            Some(known) => self.kinds.extend(known),
            None => self.read_kinds(&keys)?,
        }
        self.learn(keys)
    }

    pub(super) fn index(
        &mut self,
        resource_type: &ResourceType,
        id: ResourceId,
        entries: &[Entry],
    ) -> Result<()> {
        let rows = self.value_rows(resource_type, id, entries);
        batch::insert_values(self.conn, &rows).map_err(from_diesel)
    }

    pub(super) fn value_rows<'a>(
        &self,
        resource_type: &'a ResourceType,
        id: ResourceId,
        entries: &'a [Entry],
    ) -> Vec<ValueRow<'a>> {
        let tenant_id = self.id();
        entries
            .iter()
            .map(|entry| {
                let (key, full_key) = entry.key.stored();
                ValueRow {
                    tenant_id,
                    resource_id: Id(id.0),
                    path: &entry.path,
                    ordinal: entry.ordinal,
                    resource_type: &resource_type.name,
                    key,
                    full_key,
                }
            })
            .collect()
    }

    /// Writes the paths whose values differ, and no others. Returns the paths that have got or lost a first value.
    pub(super) fn index_difference(
        &mut self,
        resource_type: &ResourceType,
        before: &Resource,
        after: &Resource,
    ) -> Result<Holders> {
        let unlike = |one: &Resource, other: &Resource| {
            index::entries_unlike(resource_type, &one.document, &other.document)
        };
        self.write_difference(resource_type, after.id, unlike(before, after), unlike(after, before))
    }

    /// The same for entries that are at hand.
    pub(super) fn write_difference(
        &mut self,
        resource_type: &ResourceType,
        id: ResourceId,
        old: Vec<Entry>,
        new: Vec<Entry>,
    ) -> Result<Holders> {
        let (old, new) = (by_path(old), by_path(new));
        let differ = |path: &&String| old.get(*path) != new.get(*path);
        let gone: Vec<&String> = old.keys().filter(differ).collect();
        let of_resource = || {
            attribute_values::table
                .filter(of_tenant!(attribute_values, self.tenant))
                .filter(attribute_values::resource_id.eq(Id(id.0)))
        };
        for paths in gone.chunks(BATCH) {
            match paths {
                [path] => {
                    diesel::delete(of_resource().filter(attribute_values::path.eq(*path))).execute(self.conn)
                }
                paths => diesel::delete(of_resource().filter(attribute_values::path.eq_any(paths)))
                    .execute(self.conn),
            }
            .map_err(from_diesel)?;
        }
        let added: Vec<Entry> = new.keys().filter(differ).flat_map(|path| new[path].clone()).collect();
        self.index(resource_type, id, &added)?;
        let has = |paths: &BTreeMap<String, Vec<Entry>>, path: &String| {
            i64::from(paths.get(path).is_some_and(|entries| entries.iter().any(is_first)))
        };
        let more = |path: &String| (path.clone(), has(&new, path) - has(&old, path));
        Ok(old.keys().chain(new.keys()).map(more).filter(|(_, more)| *more != 0).collect())
    }

    pub(super) fn known_profile_keys(&mut self) -> Result<Vec<ProfileKey>> {
        let rows: Vec<(String, String)> = profile_keys::table
            .filter(of_tenant!(profile_keys, self.tenant))
            .order(profile_keys::name_key)
            .limit(i64::try_from(limits::ANNOUNCED_KEYS).unwrap_or(i64::MAX))
            .select((profile_keys::name, profile_keys::kind))
            .load(self.conn)
            .map_err(from_diesel)?;
        let meaning = |(name, kind): (String, String)| {
            let kind =
                ProfileKind::parse(&kind).ok_or_else(|| Error::internal("unknown kind of a profile key"))?;
            Ok(ProfileKey { name, kind })
        };
        rows.into_iter().map(meaning).collect()
    }

    fn profile_key_count(&mut self) -> Result<usize> {
        let known = profile_keys::table.filter(of_tenant!(profile_keys, self.tenant));
        let count: i64 = known.count().get_result(self.conn).map_err(from_diesel)?;
        Ok(usize::try_from(count).unwrap_or(usize::MAX))
    }

    /// Remembers the keys of a profile for the tenant's schema.
    pub(super) fn learn_profile_keys(&mut self, document: &Document) -> Result<()> {
        let rows = self.profile_rows(document);
        self.read_kinds(&rows)?;
        self.learn(rows)
    }

    /// The keys of a profile, in their order, so that two transactions that learn the same keys wait for each other in one
    /// direction only.
    pub(super) fn profile_rows<'a>(&self, document: &'a Document) -> Vec<ProfileKeyRow<'a>> {
        let Some(Value::Object(profile)) = document.extension(qa_user::URN, qa_user::PROFILE) else {
            return Vec::new();
        };
        let mut rows: Vec<ProfileKeyRow<'_>> = profile
            .iter()
            .map(|(name, value)| ProfileKeyRow {
                tenant_id: self.id(),
                name_key: key::fold(name),
                name,
                kind: ProfileKind::of(value).name(),
            })
            .collect();
        rows.sort_by(|one, other| one.name_key.cmp(&other.name_key));
        rows
    }

    /// Looks up those of these keys that the transaction has not met.
    fn read_kinds(&mut self, rows: &[ProfileKeyRow<'_>]) -> Result<()> {
        let rows: Vec<_> = rows.iter().filter(|row| !self.kinds.contains_key(&row.name_key)).collect();
        for rows in rows.chunks(BATCH) {
            let found: Vec<(String, String)> = match rows {
                [row] => kinds!(self.tenant).filter(profile_keys::name_key.eq(&row.name_key)).load(self.conn),
                rows => kinds_of!(self.tenant, rows).load(self.conn),
            }
            .map_err(from_diesel)?;
            self.kinds.extend(found);
        }
        Ok(())
    }

    /// Writes what is new of these keys.
    fn learn(&mut self, mut rows: Vec<ProfileKeyRow<'_>>) -> Result<()> {
        let (integer, decimal) = (ProfileKind::Integer.name(), ProfileKind::Decimal.name());
        for row in &rows {
            if row.kind != decimal || self.kinds.get(&row.name_key).is_none_or(|kind| kind != integer) {
                continue;
            }
            diesel::update(profile_keys::table)
                .filter(of_tenant!(profile_keys, self.tenant))
                .filter(profile_keys::name_key.eq(&row.name_key))
                .set(profile_keys::kind.eq(decimal))
                .execute(self.conn)
                .map_err(from_diesel)?;
            self.kinds.insert(row.name_key.clone(), decimal.to_owned());
        }
        rows.retain(|row| !self.kinds.contains_key(&row.name_key));
        // What is not announced need not be remembered either.
        if !rows.is_empty() && self.profile_key_count()? < limits::ANNOUNCED_KEYS {
            diesel::insert_into(profile_keys::table)
                .values(&rows)
                .on_conflict_do_nothing()
                .execute(self.conn)
                .map_err(from_diesel)?;
            self.kinds.extend(rows.into_iter().map(|row| (row.name_key, row.kind.to_owned())));
        }
        Ok(())
    }
}

fn by_path(entries: Vec<Entry>) -> BTreeMap<String, Vec<Entry>> {
    let mut paths: BTreeMap<String, Vec<Entry>> = BTreeMap::new();
    for entry in entries {
        paths.entry(entry.path.clone()).or_default().push(entry);
    }
    for entries in paths.values_mut() {
        entries.sort_by_key(|entry| entry.ordinal);
    }
    paths
}
