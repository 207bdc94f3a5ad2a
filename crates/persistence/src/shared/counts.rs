//! How many living resources have a value at a path, so that a sorted list need not look for those without one where
//! there are none: finding nobody takes longer than finding somebody.

use std::collections::BTreeMap;

use diesel::prelude::*;
use domain::Result;
use domain::id::TenantId;
use domain::index::Entry;
use domain::resource_type::ResourceType;

use super::super::{Conn, batch};
use super::scope::of_tenant;
use super::tenant_tx::Tx;
use crate::error::from_diesel;
use crate::rows::AttributeCountRow;
use crate::schema::{attribute_counts, tenant_counters};
use crate::types::Id;

/// How many more resources have a value at each path than before; less than 0: fewer.
pub(super) type Holders = BTreeMap<String, i64>;

/// Who sorts is the first value of a list.
pub(super) fn is_first(entry: &Entry) -> bool {
    entry.ordinal == 0
}

/// One more at each path of a new resource.
pub(super) fn holders(entries: &[Entry]) -> Holders {
    entries.iter().filter(|entry| is_first(entry)).map(|entry| (entry.path.clone(), 1)).collect()
}

/// Whether every change of the tenant has been counted here: a program that knows of no counters may have written.
pub(super) fn are_kept(conn: &mut Conn, tenant: TenantId) -> Result<bool> {
    let kept = tenant_counters::table
        .filter(of_tenant!(tenant_counters, tenant))
        .select(tenant_counters::counted_seq.eq(tenant_counters::change_seq))
        .get_result(conn)
        .optional()
        .map_err(from_diesel)?;
    Ok(kept.unwrap_or(false))
}

/// How many living resources of the type have a first value at the path, if that is known.
pub(super) fn at(
    conn: &mut Conn,
    tenant: TenantId,
    resource_type: &ResourceType,
    path: &str,
) -> Result<Option<usize>> {
    if !are_kept(conn, tenant)? {
        return Ok(None);
    }
    let holders: Option<i64> = attribute_counts::table
        .filter(of_tenant!(attribute_counts, tenant))
        .filter(attribute_counts::resource_type.eq(resource_type.name.clone()))
        .filter(attribute_counts::path.eq(path.to_owned()))
        .select(attribute_counts::holders)
        .get_result(conn)
        .optional()
        .map_err(from_diesel)?;
    Ok(usize::try_from(holders.unwrap_or(0)).ok())
}

impl Tx<'_> {
    /// Remembers what is to be counted: once for all changes of the transaction, because a row that one transaction
    /// changes hundreds of times gets slower with each.
    pub(super) fn count_holders(&mut self, resource_type: &ResourceType, more: Holders) {
        if more.is_empty() {
            return;
        }
        let sums = self.holders.entry(resource_type.name.clone()).or_default();
        for (path, more) in more {
            *sums.entry(path).or_default() += more;
        }
    }

    /// Counts what has not been counted with the records.
    pub(super) fn store_holders(&mut self) -> Result<()> {
        let sums = std::mem::take(&mut self.holders);
        batch::add_holders(self.conn, &rows(self.id(), &sums)).map_err(from_diesel)
    }
}

/// What is added to the counters of a tenant. Every change has taken the counter of the change feed by then, so nobody else is
/// counting.
pub(super) fn rows(tenant_id: Id, sums: &BTreeMap<String, Holders>) -> Vec<AttributeCountRow<'_>> {
    sums.iter()
        .flat_map(|(resource_type, sums)| sums.iter().map(move |(path, sum)| (resource_type, path, *sum)))
        .filter(|(_, _, sum)| *sum != 0)
        .map(|(resource_type, path, holders)| AttributeCountRow { tenant_id, resource_type, path, holders })
        .collect()
}
