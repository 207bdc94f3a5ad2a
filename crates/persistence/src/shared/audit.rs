//! The audit log and its chain. Every row of it is written here.

use diesel::prelude::*;
use diesel::result::Error as DieselError;
use domain::audit::{Entry, Head, Place, Row, Wanted};
use domain::{Error, Result};

use super::super::{BATCH, Db, batch};
use super::counts;
use super::scope::of_tenant;
use super::tenant_tx::Tx;
use super::wrap::{Fixed, Locked, fixed};
use crate::error::from_diesel;
use crate::rows::{AuditRow, ChangeRow};
use crate::schema::{audit_log, changes, tenant_counters};
use crate::types::{At, Id};

/// What cannot be recorded is not done, and may be tried again: the record is at fault, not the request.
fn unrecorded(error: diesel::result::Error) -> Error {
    match from_diesel(error) {
        Error::Internal(cause) => Error::Unavailable(cause),
        other => other,
    }
}

/// What the transaction leaves behind when its work is done: an audit row, and for a change of a resource a row of
/// the change feed.
pub(super) struct Record {
    pub(super) entry: Entry,
    change: Option<Changed>,
}

/// A row of the change feed that has no position yet.
pub(super) struct Changed {
    pub(super) action: &'static str,
    pub(super) resource_type: String,
    pub(super) id: Id,
    pub(super) version: i64,
    pub(super) at: At,
    /// The number of the definitions it was judged by.
    pub(super) revision: i64,
}

fn changed_in(records: &[Record]) -> impl Iterator<Item = &Changed> {
    records.iter().filter_map(|record| record.change.as_ref())
}

impl Tx<'_> {
    /// Remembers an audit row.
    pub(super) fn append(&mut self, entry: Entry) {
        self.records.push(Record { entry, change: None });
    }

    /// Remembers a change with its audit row.
    pub(super) fn append_change(&mut self, entry: Entry, change: Changed) {
        self.records.push(Record { entry, change: Some(change) });
    }

    /// The counter of the tenant stays locked until the transaction ends: nobody else appends a row meanwhile.
    pub(super) fn lock_counter(&mut self) -> Result<()> {
        if self.lock_counter_if_any()? { Ok(()) } else { Err(from_diesel(DieselError::NotFound)) }
    }

    /// The same for a tenant that may have lost its counter to a purge; `false` when it has.
    pub(super) fn lock_counter_if_any(&mut self) -> Result<bool> {
        let counter = tenant_counters::table
            .filter(of_tenant!(tenant_counters, self.tenant))
            .select(tenant_counters::change_seq);
        let found: Option<i64> = Locked(counter).get_result(self.conn).optional().map_err(from_diesel)?;
        Ok(found.is_some())
    }

    /// Writes what is remembered. It takes the counter of the tenant, and only the end of a transaction may do that:
    /// whoever holds it waits for nobody any more.
    pub(super) fn store_records(&mut self) -> Result<()> {
        let mut records = std::mem::take(&mut self.records);
        if records.is_empty() {
            return Ok(());
        }
        let more = i64::try_from(changed_in(&records).count()).map_err(Error::internal)?;
        let counter = diesel::update(tenant_counters::table)
            .filter(of_tenant!(tenant_counters, self.tenant))
            .set((
                tenant_counters::change_seq.eq(tenant_counters::change_seq + more),
                tenant_counters::counted_seq.eq(tenant_counters::counted_seq + more),
            ))
            .returning((
                tenant_counters::change_seq,
                tenant_counters::schema_revision,
                tenant_counters::audit_seq,
                tenant_counters::audit_hash,
            ));
        let (seq, revision, audit_seq, hash): (i64, i64, i64, Vec<u8>) =
            fixed!(counter).get_result(self.conn).map_err(from_diesel)?;
        if changed_in(&records).any(|change| change.revision != revision) {
            return Err(Error::unavailable(
                "the definitions of the tenant have changed since the request began",
            ));
        }
        self.weigh_departures(&mut records)?;
        let tenant_id = self.id();
        let changed: Vec<ChangeRow<'_>> = changed_in(&records)
            .zip(seq - more + 1..)
            .map(|(change, seq)| ChangeRow {
                tenant_id,
                seq,
                at: change.at,
                action: change.action,
                resource_type: &change.resource_type,
                resource_id: change.id,
                version: change.version,
            })
            .collect();
        let mut head = Head { seq: audit_seq, hash };
        let mut entries = Vec::with_capacity(records.len());
        for Record { entry, .. } in &records {
            head = head.next(self.tenant, entry);
            entries.push(AuditRow::new(self.tenant, &head, entry));
        }
        let end = diesel::update(tenant_counters::table)
            .filter(of_tenant!(tenant_counters, self.tenant))
            .set((tenant_counters::audit_seq.eq(head.seq), tenant_counters::audit_hash.eq(head.hash)));
        if let ([change], [entry]) = (changed.as_slice(), entries.as_slice()) {
            // What most transactions leave.
            let sums = std::mem::take(&mut self.holders);
            let holders = counts::rows(tenant_id, &sums);
            let change = diesel::insert_into(changes::table).values(change);
            let entry = diesel::insert_into(audit_log::table).values(entry);
            return batch::together(self.conn, change, entry, fixed!(end), &holders).map_err(unrecorded);
        }
        for rows in changed.chunks(BATCH) {
            match rows {
                [row] => diesel::insert_into(changes::table).values(row).execute(self.conn),
                rows => diesel::insert_into(changes::table).values(rows).execute(self.conn),
            }
            .map_err(unrecorded)?;
        }
        for rows in entries.chunks(BATCH) {
            match rows {
                [row] => diesel::insert_into(audit_log::table).values(row).execute(self.conn),
                rows => diesel::insert_into(audit_log::table).values(rows).execute(self.conn),
            }
            .map_err(unrecorded)?;
        }
        fixed!(end).run(self.conn).map_err(from_diesel)
    }

    pub(super) fn read_head(&mut self) -> Result<Head> {
        let (seq, hash) = tenant_counters::table
            .filter(of_tenant!(tenant_counters, self.tenant))
            .select((tenant_counters::audit_seq, tenant_counters::audit_hash))
            .get_result(self.conn)
            .map_err(from_diesel)?;
        Ok(Head { seq, hash })
    }

    pub(super) fn count_unchained(&mut self) -> Result<i64> {
        audit_log::table
            .filter(of_tenant!(audit_log, self.tenant))
            .filter(audit_log::seq.is_null())
            .count()
            .get_result(self.conn)
            .map_err(from_diesel)
    }

    pub(super) fn read_audit(&mut self, wanted: &Wanted, from: Place, count: usize) -> Result<Vec<Row>> {
        let mut rows = audit_log::table
            .filter(of_tenant!(audit_log, self.tenant))
            .filter(audit_log::seq.is_not_null())
            .limit(i64::try_from(count).unwrap_or(i64::MAX))
            .select(AuditRow::as_select())
            .into_boxed::<Db>();
        rows = match from {
            Place::After(seq) => rows.filter(audit_log::seq.gt(seq)).order(audit_log::seq),
            Place::Before(Some(seq)) => rows.filter(audit_log::seq.lt(seq)).order(audit_log::seq.desc()),
            Place::Before(None) => rows.order(audit_log::seq.desc()),
        };
        if let Some(about) = wanted.about {
            // An id is letters, digits and hyphens: no wildcards.
            let named = audit_log::detail.like(format!("%{about}%"));
            rows = rows.filter(audit_log::resource_id.eq(Id(about.0)).nullable().or(named));
        }
        if let Some(resource) = wanted.resource {
            rows = rows.filter(audit_log::resource_id.eq(Id(resource.0)));
        }
        if let Some(actor) = wanted.actor {
            rows = rows.filter(audit_log::actor_id.eq(Id(actor)));
        }
        if let Some(action) = &wanted.action {
            rows = rows.filter(audit_log::action.eq(action.clone()));
        }
        if let Some(since) = wanted.since {
            rows = rows.filter(audit_log::at.ge(At(since)));
        }
        if let Some(until) = wanted.until {
            rows = rows.filter(audit_log::at.lt(At(until)));
        }
        let rows: Vec<AuditRow> = rows.load(self.conn).map_err(from_diesel)?;
        Ok(rows.into_iter().map(AuditRow::meaning).collect())
    }
}
