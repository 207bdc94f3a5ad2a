//! The audit log and its chain. Every row of it is written here.

use diesel::prelude::*;
use domain::audit::{Entry, Head, Row, Wanted};
use domain::{Error, Result};

use super::super::Db;
use super::scope::of_tenant;
use super::tenant_tx::Tx;
use super::wrap::Locked;
use crate::error::from_diesel;
use crate::rows::AuditRow;
use crate::schema::{audit_log, tenant_counters};
use crate::types::{At, Id};

/// What cannot be recorded is not done, and may be tried again: the record is at fault, not the request.
fn unrecorded(error: diesel::result::Error) -> Error {
    match from_diesel(error) {
        Error::Internal(cause) => Error::Unavailable(cause),
        other => other,
    }
}

impl Tx<'_> {
    /// Appends a row. The counter of the tenant is locked until the transaction ends, so nobody else appends one
    /// meanwhile; [`Tx::store_head`] moves the head once for all rows of the transaction.
    pub(super) fn append(&mut self, entry: &Entry) -> Result<()> {
        let head = self.lock_head()?.next(self.tenant, entry);
        let row = AuditRow::new(self.tenant, &head, entry);
        diesel::insert_into(audit_log::table).values(&row).execute(self.conn).map_err(unrecorded)?;
        self.head = Some(head);
        Ok(())
    }

    /// The end of the chain. It and with it the counter of the tenant stays locked until the transaction ends.
    pub(super) fn lock_head(&mut self) -> Result<Head> {
        if let Some(head) = &self.head {
            return Ok(head.clone());
        }
        let counter = tenant_counters::table
            .filter(of_tenant!(tenant_counters, self.tenant))
            .select((tenant_counters::audit_seq, tenant_counters::audit_hash));
        let (seq, hash) = Locked(counter).get_result(self.conn).map_err(from_diesel)?;
        let head = Head { seq, hash };
        self.head = Some(head.clone());
        Ok(head)
    }

    /// The last step of a transaction that has appended rows.
    pub(super) fn store_head(&mut self) -> Result<()> {
        let Some(Head { seq, hash }) = self.head.take() else { return Ok(()) };
        diesel::update(tenant_counters::table)
            .filter(of_tenant!(tenant_counters, self.tenant))
            .set((tenant_counters::audit_seq.eq(seq), tenant_counters::audit_hash.eq(hash)))
            .execute(self.conn)
            .map_err(from_diesel)?;
        Ok(())
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

    pub(super) fn read_audit(
        &mut self,
        wanted: &Wanted,
        after: Option<i64>,
        count: usize,
    ) -> Result<Vec<Row>> {
        let mut rows = audit_log::table
            .filter(of_tenant!(audit_log, self.tenant))
            .filter(audit_log::seq.is_not_null())
            .order(audit_log::seq)
            .limit(i64::try_from(count).unwrap_or(i64::MAX))
            .select(AuditRow::as_select())
            .into_boxed::<Db>();
        if let Some(after) = after {
            rows = rows.filter(audit_log::seq.gt(after));
        }
        if let Some(resource) = wanted.resource {
            rows = rows.filter(audit_log::resource_id.eq(Id(resource.0)));
        }
        if let Some(token) = wanted.token {
            rows = rows.filter(audit_log::token_id.eq(Id(token.0)));
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
