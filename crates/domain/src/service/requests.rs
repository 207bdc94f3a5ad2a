//! The provisioning log: what was asked of a tenant and how it was answered. Whoever calls has judged who may ask.

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use uuid::Uuid;

use crate::id::TenantId;
use crate::requests::{Request, Wanted};
use crate::store::log::LogStore;
use crate::{Error, Result};

/// The first byte of a cursor over requests.
const FORM: u8 = 2;

/// A page of requests.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Page {
    /// The youngest first.
    pub requests: Vec<Request>,
    /// Where the next page begins; none: this is the last.
    pub next: Option<String>,
}

/// At most `count` requests, the youngest first.
///
/// # Errors
/// [`Error::InvalidCursor`] for what is no cursor of this log.
pub fn list(
    store: &dyn LogStore,
    tenant: TenantId,
    wanted: &Wanted,
    cursor: Option<&str>,
    count: usize,
) -> Result<Page> {
    let before = cursor.map(place).transpose()?;
    let mut requests = store.requests(tenant, wanted, before, count + 1)?;
    let more = requests.len() > count;
    requests.truncate(count);
    let next = requests.last().filter(|_| more).map(|last| cursor_behind(last.id));
    Ok(Page { requests, next })
}

/// The request with this id.
pub fn get(store: &dyn LogStore, tenant: TenantId, id: &str) -> Result<Request> {
    let found = Uuid::try_parse(id).ok().map(|id| store.request(tenant, id)).transpose()?.flatten();
    found.ok_or_else(|| Error::NotFound("there is no such request in the log".into()))
}

fn cursor_behind(id: Uuid) -> String {
    URL_SAFE_NO_PAD.encode([&[FORM][..], id.as_bytes()].concat())
}

fn place(cursor: &str) -> Result<Uuid> {
    let bytes = URL_SAFE_NO_PAD.decode(cursor).ok();
    let id = bytes
        .as_deref()
        .and_then(|bytes| bytes.strip_prefix(&[FORM]))
        .and_then(|id| Uuid::from_slice(id).ok());
    id.ok_or_else(|| Error::InvalidCursor("send nextCursor as it came, or leave cursor out".into()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_cursor_is_a_place() {
        let id = Uuid::now_v7();
        assert_eq!(place(&cursor_behind(id)).unwrap(), id);
        for wrong in ["", "x", "AAAA", &cursor_behind(id)[1..]] {
            assert_eq!(place(wrong).unwrap_err().scim_type(), Some("invalidCursor"), "{wrong}");
        }
    }
}
