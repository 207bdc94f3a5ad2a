//! What tenants have defined themselves, and the catalogs that are compiled of it.

use std::sync::Arc;

use diesel::prelude::*;
use domain::audit::Entry;
use domain::catalog::Catalog;
use domain::definition::{Definition, Definitions, Kind};
use domain::id::TenantId;
use domain::resource::Resource;
use domain::resource_type::ResourceType;
use domain::store::{Origin, SchemaChange};
use domain::{Error, Result, index, key};
use moka::sync::Cache;
use serde_json::Value;

use super::super::Conn;
use super::scope::of_tenant;
use super::tenant_tx::Tx;
use super::wrap::Locked;
use crate::error::{Failed, from_diesel};
use crate::schema::{tenant_counters, tenant_schemas};

/// Tenants whose catalog is remembered at most.
const CAPACITY: u64 = 1_000;

/// The catalogs of tenants with definitions of their own: a token is looked up twice a second, and nothing is to be
/// compiled again for that.
pub(crate) struct Catalogs(Cache<TenantId, Arc<Catalog>>);

impl Default for Catalogs {
    fn default() -> Self {
        Self(Cache::new(CAPACITY))
    }
}

impl Catalogs {
    /// The catalog of a tenant whose definitions have this number, if it is at hand.
    pub(super) fn known(&self, tenant: TenantId, revision: i64) -> Option<Arc<Catalog>> {
        if revision == 0 {
            return Some(Catalog::standard());
        }
        self.0.get(&tenant).filter(|known| known.revision() == revision)
    }

    /// The same; it is compiled where it is not. The number is that of the state the transaction sees.
    pub(super) fn get(
        &self,
        conn: &mut Conn,
        tenant: TenantId,
        revision: i64,
    ) -> Result<Arc<Catalog>, Failed> {
        if let Some(known) = self.known(tenant, revision) {
            return Ok(known);
        }
        let definitions = definitions(conn, tenant)?;
        // What was judged before it was stored cannot be wrong, unless by a newer version of this program.
        let catalog = definitions.compile(revision).map_err(|error| Error::internal(error.to_string()))?;
        self.0.insert(tenant, catalog.clone());
        Ok(catalog)
    }
}

/// How often the tenant has changed its definitions.
pub(super) fn revision(conn: &mut Conn, tenant: TenantId) -> Result<i64, Failed> {
    let counter = tenant_counters::table.filter(of_tenant!(tenant_counters, tenant));
    Ok(counter.select(tenant_counters::schema_revision).get_result(conn)?)
}

fn definitions(conn: &mut Conn, tenant: TenantId) -> Result<Definitions> {
    let rows: Vec<(String, String)> = tenant_schemas::table
        .filter(of_tenant!(tenant_schemas, tenant))
        .select((tenant_schemas::kind, tenant_schemas::definition))
        .load(conn)
        .map_err(from_diesel)?;
    let meaning = |(kind, text): (String, String)| {
        let kind = Kind::parse(&kind).ok_or_else(|| Error::internal("unknown kind of a definition"))?;
        let value: Value = serde_json::from_str(&text).map_err(Error::internal)?;
        Definition::parse(kind, "stored", &value).map_err(|error| Error::internal(error.to_string()))
    };
    Ok(Definitions::new(rows.into_iter().map(meaning).collect::<Result<Vec<_>>>()?))
}

impl Tx<'_> {
    pub(super) fn read_definitions(&mut self) -> Result<Definitions> {
        definitions(self.conn, self.tenant)
    }

    pub(super) fn lock_revision(&mut self) -> Result<i64> {
        let counter = tenant_counters::table
            .filter(of_tenant!(tenant_counters, self.tenant))
            .select(tenant_counters::schema_revision);
        Locked(counter).get_result(self.conn).map_err(from_diesel)
    }

    pub(super) fn write_definition(&mut self, kind: Kind, id: &str, value: Option<&Value>) -> Result<()> {
        diesel::delete(tenant_schemas::table)
            .filter(of_tenant!(tenant_schemas, self.tenant))
            .filter(tenant_schemas::kind.eq(kind.name()))
            .filter(tenant_schemas::id_key.eq(key::fold(id)))
            .execute(self.conn)
            .map_err(from_diesel)?;
        let Some(value) = value else { return Ok(()) };
        diesel::insert_into(tenant_schemas::table)
            .values((
                tenant_schemas::tenant_id.eq(self.id()),
                tenant_schemas::kind.eq(kind.name()),
                tenant_schemas::id_key.eq(key::fold(id)),
                tenant_schemas::definition.eq(value.to_string()),
            ))
            .execute(self.conn)
            .map_err(from_diesel)?;
        Ok(())
    }

    pub(super) fn move_keys(
        &mut self,
        old: &ResourceType,
        new: &ResourceType,
        resource: &Resource,
    ) -> Result<Vec<String>> {
        let entries = |resource_type| index::entries(resource_type, &resource.document);
        let more = self.write_difference(new, resource.id, entries(old), entries(new))?;
        self.count_holders(new, more);
        self.claim_free(new, resource)
    }

    /// The counter is locked already, so this can be no change that somebody else makes at the same time.
    pub(super) fn put_in_force(&mut self, change: &SchemaChange, origin: &Origin) -> Result<()> {
        self.append(Entry::schemas_applied(self.tenant, change, origin));
        self.changes_credentials = true;
        diesel::update(tenant_counters::table)
            .filter(of_tenant!(tenant_counters, self.tenant))
            .set(tenant_counters::schema_revision.eq(change.new_revision))
            .execute(self.conn)
            .map_err(from_diesel)?;
        Ok(())
    }
}
