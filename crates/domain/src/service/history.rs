//! Everything that was done to one resource and by whom: the rows of the audit log that are about it, and the requests
//! that touched it, in one order.

use std::collections::{BTreeSet, HashMap};

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use uuid::Uuid;

use crate::audit::{Place, Row, Wanted};
use crate::id::{ResourceId, TenantId, TokenId};
use crate::requests::{self, Request};
use crate::store::{self, Store, admins};
use crate::{Error, Result};

/// The first byte of a cursor over a history.
const FORM: u8 = 4;

/// One thing that happened.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Event {
    /// Something changed, or a group that names it did.
    Change(Row),
    /// It was asked for.
    Request(Request),
}

impl Event {
    /// Who did it, and with which token it was asked for.
    pub fn actor(&self) -> Option<Uuid> {
        match self {
            Self::Change(row) => row.entry.origin.actor.id(),
            Self::Request(request) => request.token.map(|token| token.0),
        }
    }
}

/// A page of a history.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Page {
    /// The youngest first.
    pub events: Vec<Event>,
    /// Where the next page begins; none: this is the last.
    pub next: Option<String>,
}

/// Before which row of the audit log and before which request a page begins.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
struct Cursor {
    row: Option<i64>,
    request: Option<Uuid>,
}

/// At most `count` events, the youngest first. A resource that never was has no history.
///
/// # Errors
/// [`Error::InvalidCursor`] for what is no cursor of a history.
pub fn history(
    store: &dyn Store,
    tenant: TenantId,
    resource: ResourceId,
    cursor: Option<&str>,
    count: usize,
) -> Result<Page> {
    let mut place = cursor.map(read).transpose()?.unwrap_or_default();
    let about = Wanted { about: Some(resource), ..Wanted::default() };
    let rows = store::read(store, tenant, |tx| tx.audit_rows(&about, Place::Before(place.row), count + 1))?;
    let touching = requests::Wanted { resource: Some(resource), ..requests::Wanted::default() };
    let asked = store.log().requests(tenant, &touching, place.request, count + 1)?;
    let more = rows.len() + asked.len() > count;
    let (mut rows, mut asked) = (rows.into_iter().peekable(), asked.into_iter().peekable());
    let mut events = Vec::new();
    while events.len() < count {
        // Each log stays in its own order, and a change stands before the request that made it.
        let change_first = match (rows.peek(), asked.peek()) {
            (Some(row), Some(request)) => row.entry.at >= request.at,
            (row, _) => row.is_some(),
        };
        let next =
            if change_first { rows.next().map(Event::Change) } else { asked.next().map(Event::Request) };
        match &next {
            Some(Event::Change(row)) => place.row = Some(row.seq),
            Some(Event::Request(request)) => place.request = Some(request.id),
            None => break,
        }
        events.extend(next);
    }
    Ok(Page { events, next: more.then(|| written(place)) })
}

/// Names of these actors of a tenant: of its admins, and of its tokens, of which it may have had very many. Those of the
/// platform are its own business.
pub fn names(
    store: &dyn Store,
    tenant: TenantId,
    actors: impl Iterator<Item = Uuid>,
) -> Result<HashMap<Uuid, String>> {
    let accounts = admins::read(store.admins(), tenant, |tx| tx.accounts())?;
    let mut names: HashMap<Uuid, String> =
        accounts.into_iter().map(|account| (account.id.0, account.email)).collect();
    let tokens: BTreeSet<Uuid> = actors.filter(|id| !names.contains_key(id)).collect();
    for id in tokens {
        names.extend(store.tokens().token(tenant, TokenId(id))?.map(|token| (id, token.name)));
    }
    Ok(names)
}

fn written(cursor: Cursor) -> String {
    let row = cursor.row.unwrap_or(i64::MAX).to_be_bytes();
    let request = cursor.request.unwrap_or(Uuid::max()).into_bytes();
    URL_SAFE_NO_PAD.encode([&[FORM][..], &row, &request].concat())
}

fn read(text: &str) -> Result<Cursor> {
    let read = || {
        let bytes = URL_SAFE_NO_PAD.decode(text).ok()?;
        let (row, request) = bytes.strip_prefix(&[FORM])?.split_first_chunk::<8>()?;
        Some(Cursor { row: Some(i64::from_be_bytes(*row)), request: Some(Uuid::from_slice(request).ok()?) })
    };
    read().ok_or_else(|| Error::InvalidCursor("send nextCursor as it came, or leave cursor out".into()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_cursor_is_two_places() {
        let cursor = Cursor { row: Some(7), request: Some(Uuid::now_v7()) };
        assert_eq!(read(&written(cursor)).unwrap(), cursor);
        for wrong in ["", "BAAA", &written(cursor)[1..]] {
            assert_eq!(read(wrong).unwrap_err().scim_type(), Some("invalidCursor"), "{wrong}");
        }
    }
}
