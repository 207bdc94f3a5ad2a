//! The audit log: whether it is what was written, and what it says. Whoever calls has judged who may ask.

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;

use crate::audit::{Flaw, Head, Place, Row, Walk, Wanted, render};
use crate::id::TenantId;
use crate::store::{self, Store};
use crate::{Error, Result};

/// Rows that are read at a time.
const BATCH: usize = 1_000;
/// The first byte of a cursor over audit rows.
const FORM: u8 = 3;

/// What a walk along the whole chain of a tenant has found.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Report {
    /// Behind which row the log begins; all before it were removed when they were old enough.
    pub base: Head,
    /// Rows from there on that are what was written.
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
        let (base, head) = (tx.audit_base()?, tx.audit_head()?);
        let unchained = tx.unchained_audit_rows()?;
        let mut walk = Walk::new(tenant, base.clone(), head.clone(), kept.cloned());
        // Those before may be on their way out.
        let mut after = base.seq;
        let flaw = loop {
            let rows = tx.audit_rows(&Wanted::default(), Place::After(after), BATCH)?;
            let Some(last) = rows.last() else { break walk.finish().err() };
            after = last.seq;
            if let Some(flaw) = rows.iter().find_map(|row| walk.step(row).err()) {
                break Some(flaw);
            }
        };
        let good = walk.reached() - base.seq;
        Ok(Report { base, good, unchained, head, flaw })
    })
}

/// At most `count` rows behind the place `after`, in the order in which they were written.
pub fn list(
    store: &dyn Store,
    tenant: TenantId,
    wanted: &Wanted,
    after: i64,
    count: usize,
) -> Result<Vec<Row>> {
    store::read(store, tenant, |tx| tx.audit_rows(wanted, Place::After(after), count))
}

/// A page of the audit log.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Page {
    /// The youngest first.
    pub rows: Vec<Row>,
    /// Where the next page begins; none: this is the last.
    pub next: Option<String>,
}

/// At most `count` rows, the youngest first.
///
/// # Errors
/// [`Error::InvalidCursor`] for what is no cursor of this log.
pub fn page(
    store: &dyn Store,
    tenant: TenantId,
    wanted: &Wanted,
    cursor: Option<&str>,
    count: usize,
) -> Result<Page> {
    let before = cursor.map(place).transpose()?;
    let mut rows = store::read(store, tenant, |tx| tx.audit_rows(wanted, Place::Before(before), count + 1))?;
    let more = rows.len() > count;
    rows.truncate(count);
    let next = rows.last().filter(|_| more).map(|last| cursor_before(last.seq));
    Ok(Page { rows, next })
}

/// The form of an export.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Format {
    /// One JSON object per line.
    Ndjson,
    /// RFC 4180, with a head.
    Csv,
}

impl Format {
    /// `ndjson` or `csv`.
    pub fn parse(name: &str) -> Option<Self> {
        match name {
            "ndjson" => Some(Self::Ndjson),
            "csv" => Some(Self::Csv),
            _ => None,
        }
    }

    /// The name, which is also the end of a file's name.
    pub fn name(self) -> &'static str {
        match self {
            Self::Ndjson => "ndjson",
            Self::Csv => "csv",
        }
    }

    fn line(self, row: &Row) -> String {
        match self {
            Self::Ndjson => format!("{}\n", render::json(row)),
            Self::Csv => render::csv(row),
        }
    }
}

/// Writes all rows in the order in which they were written, up to the one that is the last when it begins. Each batch is
/// read by itself, so that a slow reader holds no view of the database.
pub fn export(
    store: &dyn Store,
    tenant: TenantId,
    wanted: &Wanted,
    format: Format,
    out: &mut dyn FnMut(&str) -> Result<()>,
) -> Result<()> {
    let end = store::read(store, tenant, |tx| tx.audit_head())?.seq;
    if format == Format::Csv {
        out(&render::csv_head())?;
    }
    let mut after = 0;
    loop {
        let rows = list(store, tenant, wanted, after, BATCH)?;
        for row in rows.iter().take_while(|row| row.seq <= end) {
            out(&format.line(row))?;
        }
        match rows.last() {
            Some(last) if last.seq < end => after = last.seq,
            _ => return Ok(()),
        }
    }
}

fn cursor_before(seq: i64) -> String {
    URL_SAFE_NO_PAD.encode([&[FORM][..], &seq.to_be_bytes()].concat())
}

fn place(cursor: &str) -> Result<i64> {
    let bytes = URL_SAFE_NO_PAD.decode(cursor).ok();
    let seq =
        bytes.as_deref().and_then(|bytes| bytes.strip_prefix(&[FORM])).and_then(|seq| seq.try_into().ok());
    seq.map(i64::from_be_bytes)
        .ok_or_else(|| Error::InvalidCursor("send nextCursor as it came, or leave cursor out".into()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_cursor_is_a_place() {
        assert_eq!(place(&cursor_before(7)).unwrap(), 7);
        for wrong in ["", "x", "AwAA", &cursor_before(7)[1..]] {
            assert_eq!(place(wrong).unwrap_err().scim_type(), Some("invalidCursor"), "{wrong}");
        }
    }
}
