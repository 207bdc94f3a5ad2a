//! The audit log: whether it is what was written, and what it says. Whoever calls has judged who may ask.

use crate::Result;
use crate::audit::{Flaw, Head, Row, Walk, Wanted};
use crate::id::TenantId;
use crate::store::{self, Store};

/// Rows that are read at a time.
const BATCH: usize = 1_000;

/// What a walk along the whole chain of a tenant has found.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Report {
    /// Rows from the first one on that are what was written.
    pub good: i64,
    /// Rows outside the chain, of programs that knew of none: nothing can be said about them.
    pub unchained: i64,
    /// The end of the chain as it is recorded.
    pub head: Head,
    /// The first row that is not as it was written.
    pub flaw: Option<Flaw>,
}

/// Walks along the chain of a tenant up to the first row that is wrong, in one view of the database. `kept` is an earlier
/// end of the chain that was written down elsewhere.
pub fn verify(store: &dyn Store, tenant: TenantId, kept: Option<&Head>) -> Result<Report> {
    store::read(store, tenant, |tx| {
        let head = tx.audit_head()?;
        let unchained = tx.unchained_audit_rows()?;
        let mut walk = Walk::new(tenant, head.clone(), kept.cloned());
        let mut after = None;
        let flaw = loop {
            let rows = tx.audit_rows(&Wanted::default(), after, BATCH)?;
            let Some(last) = rows.last() else { break walk.finish().err() };
            after = Some(last.seq);
            if let Some(flaw) = rows.iter().find_map(|row| walk.step(row).err()) {
                break Some(flaw);
            }
        };
        Ok(Report { good: walk.reached(), unchained, head: head.clone(), flaw })
    })
}

/// At most `count` rows behind the place `after`, in the order in which they were written.
pub fn list(
    store: &dyn Store,
    tenant: TenantId,
    wanted: &Wanted,
    after: Option<i64>,
    count: usize,
) -> Result<Vec<Row>> {
    store::read(store, tenant, |tx| tx.audit_rows(wanted, after, count))
}
