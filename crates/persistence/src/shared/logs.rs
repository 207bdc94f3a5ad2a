//! What is recorded beside the requests, and how old records go.

use chrono::{DateTime, Utc};
use diesel::prelude::*;
use domain::Result;
use domain::audit::{Entry, Head};
use domain::id::TenantId;
use domain::requests::{Request, Status, Wanted, first_id};
use domain::store::Origin;
use domain::store::log::{AUDIT_BASE_INTERVAL, LogStore};
use uuid::Uuid;

use super::super::{BATCH, Conn, Db, remove_records};
use super::scope::of_tenant;
use super::tenant_tx::Tx;
use super::wrap::Kept;
use super::{Mode, Repo};
use crate::error::{Failed, from_diesel};
use crate::rows::RequestRow;
use crate::schema::{audit_bases, audit_log, requests, tenant_counters};
use crate::types::{At, Id};

type Done<T> = std::result::Result<T, Failed>;

/// Rows after a time among which the first one of the chain is: their times are those of arrival, their places those of
/// commits.
const NEIGHBOURS: i64 = 1_000;

impl LogStore for Repo {
    fn add_requests(&self, tenant: TenantId, rows: &[Request]) -> Result<bool> {
        self.transact(Mode::Write, tenant, |conn| add_requests(conn, tenant, rows))
    }

    fn requests(
        &self,
        tenant: TenantId,
        wanted: &Wanted,
        before: Option<Uuid>,
        count: usize,
    ) -> Result<Vec<Request>> {
        self.transact(Mode::Read, tenant, |conn| list(conn, tenant, wanted, before, count))
    }

    fn request(&self, tenant: TenantId, id: Uuid) -> Result<Option<Request>> {
        self.transact(Mode::Read, tenant, |conn| {
            let row: Option<RequestRow> = requests::table
                .filter(of_tenant!(requests, tenant))
                .filter(requests::id.eq(Id(id)))
                .select(RequestRow::as_select())
                .get_result(conn)
                .optional()?;
            Ok(row.map(RequestRow::meaning))
        })
    }

    fn drop_requests(
        &self,
        tenant: TenantId,
        before: DateTime<Utc>,
        most: usize,
        room: usize,
    ) -> Result<usize> {
        // Looked for in peace: those who write do not wait for that.
        let found =
            self.transact(Mode::Read, tenant, |conn| last_to_drop(conn, tenant, before, most, room))?;
        let Some(last) = found else { return Ok(0) };
        self.transact(Mode::Write, tenant, |conn| {
            let gone = requests::table.filter(of_tenant!(requests, tenant)).filter(requests::id.le(last));
            Ok(diesel::delete(gone).execute(conn)?)
        })
    }

    fn add_audit(&self, tenant: TenantId, entry: &Entry) -> Result<bool> {
        self.change_tenant(tenant, |tx| {
            let is_there = tx.lock_counter_if_any()?;
            if is_there {
                tx.append(entry.clone());
            }
            Ok(is_there)
        })
    }

    fn move_audit_base(
        &self,
        tenant: TenantId,
        before: DateTime<Utc>,
        origin: &Origin,
        now: DateTime<Utc>,
    ) -> Result<Option<Head>> {
        self.change_tenant(tenant, |tx| {
            if !tx.lock_counter_if_any()? {
                return Ok(None);
            }
            let lately = audit_bases::table
                .filter(of_tenant!(audit_bases, tenant))
                .filter(audit_bases::at.gt(At(now - AUDIT_BASE_INTERVAL)))
                .count()
                .get_result::<i64>(tx.conn)?;
            if lately > 0 {
                return Ok(None);
            }
            let Some(base) = tx.last_before(before)? else { return Ok(None) };
            diesel::insert_into(audit_bases::table)
                .values((
                    audit_bases::tenant_id.eq(Id(tenant.0)),
                    audit_bases::seq.eq(base.seq),
                    audit_bases::hash.eq(&base.hash),
                    audit_bases::at.eq(At(now)),
                ))
                .execute(tx.conn)?;
            tx.append(Entry::audit_trimmed(tenant, &base, now, origin));
            Ok(Some(base))
        })
    }

    fn drop_audit(&self, tenant: TenantId, room: usize) -> Result<usize> {
        let room = i64::try_from(room).unwrap_or(i64::MAX);
        let gone = self.transact(Mode::Write, tenant, |conn| remove_records(conn, tenant, room))?;
        Ok(usize::try_from(gone).unwrap_or_default())
    }
}

/// The tenant is not purged while this runs, so that nothing is left behind.
fn add_requests(conn: &mut Conn, tenant: TenantId, rows: &[Request]) -> Done<bool> {
    let counter = tenant_counters::table
        .filter(of_tenant!(tenant_counters, tenant))
        .filter(tenant_counters::tenant_id.eq(Id(tenant.0)))
        .select(tenant_counters::tenant_id);
    let found: Option<Id> = Kept(counter).get_result(conn).optional()?;
    if found.is_none() {
        return Ok(false);
    }
    let rows: Vec<RequestRow> = rows.iter().map(|row| RequestRow::new(tenant, row)).collect();
    for rows in rows.chunks(BATCH) {
        match rows {
            [row] => diesel::insert_into(requests::table).values(row).execute(conn)?,
            rows => diesel::insert_into(requests::table).values(rows).execute(conn)?,
        };
    }
    Ok(true)
}

fn list(
    conn: &mut Conn,
    tenant: TenantId,
    wanted: &Wanted,
    before: Option<Uuid>,
    count: usize,
) -> Done<Vec<Request>> {
    let mut rows = requests::table
        .filter(of_tenant!(requests, tenant))
        .order(requests::id.desc())
        .limit(i64::try_from(count).unwrap_or(i64::MAX))
        .select(RequestRow::as_select())
        .into_boxed::<Db>();
    if let Some(before) = before {
        rows = rows.filter(requests::id.lt(Id(before)));
    }
    if let Some(resource) = wanted.resource {
        rows = rows.filter(requests::resource_id.eq(Id(resource.0)));
    }
    if let Some(token) = wanted.token {
        rows = rows.filter(requests::token_id.eq(Id(token.0)));
    }
    if let Some(request) = &wanted.request {
        rows = rows.filter(requests::request_id.eq(request.clone()));
    }
    // The bound on the id says nearly the same to the index.
    if let Some(since) = wanted.since {
        rows = rows.filter(requests::id.ge(Id(first_id(since)))).filter(requests::at.ge(At(since)));
    }
    if let Some(until) = wanted.until {
        rows = rows.filter(requests::at.lt(At(until)));
    }
    rows = match wanted.status {
        None => rows,
        Some(Status::Exactly(status)) => rows.filter(requests::status.eq(i32::from(status))),
        Some(Status::Class(class)) => {
            let from = i32::from(class) * 100;
            rows.filter(requests::status.ge(from)).filter(requests::status.lt(from + 100))
        }
        Some(Status::Failed) => rows.filter(requests::reason.is_not_null()),
    };
    let rows: Vec<RequestRow> = rows.load(conn)?;
    Ok(rows.into_iter().map(RequestRow::meaning).collect())
}

/// The youngest one of the oldest `room` requests that are too old or too many.
fn last_to_drop(
    conn: &mut Conn,
    tenant: TenantId,
    before: DateTime<Utc>,
    most: usize,
    room: usize,
) -> Done<Option<Id>> {
    let (most, room) = (i64::try_from(most).unwrap_or(i64::MAX), i64::try_from(room).unwrap_or(i64::MAX));
    let of_tenant = || requests::table.filter(of_tenant!(requests, tenant));
    // The youngest one of those that are too many; the index alone tells.
    let surplus: Vec<Id> =
        of_tenant().order(requests::id.desc()).offset(most).limit(1).select(requests::id).load(conn)?;
    let old = first_id(before);
    let bound = surplus.into_iter().map(|id| id.0).next().map_or(old, |surplus| surplus.max(old));
    let some: Vec<Id> = of_tenant()
        .filter(requests::id.le(Id(bound)))
        .order(requests::id)
        .limit(room)
        .select(requests::id)
        .load(conn)?;
    Ok(some.last().copied())
}

impl Tx<'_> {
    /// Behind which row the chain begins; the beginning of all where nothing was removed.
    pub(super) fn read_base(&mut self) -> Result<Head> {
        let found: Option<(i64, Vec<u8>)> = audit_bases::table
            .filter(of_tenant!(audit_bases, self.tenant))
            .order(audit_bases::seq.desc())
            .limit(1)
            .select((audit_bases::seq, audit_bases::hash))
            .get_result(self.conn)
            .optional()
            .map_err(from_diesel)?;
        Ok(found.map_or_else(Head::default, |(seq, hash)| Head { seq, hash }))
    }

    /// The last row of the chain from before a time, if it begins earlier.
    fn last_before(&mut self, time: DateTime<Utc>) -> Result<Option<Head>> {
        let base = self.read_base()?;
        let kept: Vec<Option<i64>> = audit_log::table
            .filter(of_tenant!(audit_log, self.tenant))
            .filter(audit_log::at.ge(At(time)))
            .filter(audit_log::seq.is_not_null())
            .order((audit_log::at, audit_log::id))
            .limit(NEIGHBOURS)
            .select(audit_log::seq)
            .load(self.conn)
            .map_err(from_diesel)?;
        let last = match kept.into_iter().flatten().min() {
            Some(first) => first - 1,
            None => self.read_head()?.seq,
        };
        if last <= base.seq {
            return Ok(None);
        }
        let row: Option<(Option<i64>, Option<Vec<u8>>)> = audit_log::table
            .filter(of_tenant!(audit_log, self.tenant))
            .filter(audit_log::seq.eq(last))
            .select((audit_log::seq, audit_log::hash))
            .get_result(self.conn)
            .optional()
            .map_err(from_diesel)?;
        // A row that is missing is one that `verify` should name, not one to begin behind.
        Ok(row.and_then(|(seq, hash)| Some(Head { seq: seq?, hash: hash? })))
    }
}
