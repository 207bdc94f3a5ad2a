//! What the hosting platform does with tenants: one set of use cases for its API and for the command line.

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use chrono::{DateTime, TimeDelta, Utc};
use serde_json::Value;
use uuid::Uuid;

use crate::catalog::Catalog;
use crate::cursor::CursorKey;
use crate::id::TenantId;
use crate::store::Origin;
use crate::store::platform::{PlatformStore, Wanted};
use crate::tenant::{Purge, Record, Tenant, TenantSettings, TenantState, check_name, check_slug};
use crate::{Error, Result};

/// The first byte of a cursor over tenants.
const FORM: u8 = 1;
/// Rows that one step of a purge removes, or a few more: a short transaction even on a slow disk.
pub const PURGE_ROWS: usize = 500;

/// A page of tenants.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Page {
    /// In the order of creation.
    pub tenants: Vec<Record>,
    /// Where the next page begins; none: this is the last.
    pub next: Option<String>,
}

/// What a new tenant is made of.
#[derive(Debug)]
pub struct New<'a> {
    /// Its short name.
    pub slug: &'a str,
    /// Its name for people.
    pub name: &'a str,
    /// Its settings, as a merge patch of the defaults.
    pub settings: Option<&'a Value>,
    /// 32 random bytes.
    pub cursor_key: CursorKey,
}

/// A new tenant. Its six roles need no rows: they are part of the engine.
pub fn create(store: &dyn PlatformStore, new: New<'_>, now: DateTime<Utc>) -> Result<Record> {
    check_slug(new.slug)?;
    check_name(new.name)?;
    let settings = match new.settings {
        Some(patch) => TenantSettings::default().merged(patch)?,
        None => TenantSettings::default(),
    };
    let tenant = Tenant {
        id: TenantId::generate(),
        slug: new.slug.to_owned(),
        name: new.name.to_owned(),
        state: TenantState::Active,
        settings,
        cursor_key: new.cursor_key,
        catalog: Catalog::standard(),
    };
    let record = Record { tenant, created: now, purge: Purge::default() };
    store.create_tenant(&record)?;
    Ok(record)
}

/// The tenant with this id, deleted or not.
pub fn get(store: &dyn PlatformStore, id: &str) -> Result<Record> {
    let found = TenantId::parse(id).map(|id| store.tenant(id)).transpose()?.flatten();
    found.ok_or_else(no_tenant)
}

/// A page of tenants in a state, or of all that are not deleted.
///
/// # Errors
/// [`Error::InvalidCursor`] for a cursor that was not given for this state.
pub fn list(
    store: &dyn PlatformStore,
    state: Option<TenantState>,
    cursor: Option<&str>,
    count: usize,
) -> Result<Page> {
    let after = cursor.map(|cursor| position(cursor, state)).transpose()?;
    let mut tenants = store.tenants(&Wanted { state, after, limit: count + 1 })?;
    let more = tenants.len() > count;
    tenants.truncate(count);
    let next = tenants.last().filter(|_| more).map(|last| cursor_behind(last.tenant.id, state));
    Ok(Page { tenants, next })
}

/// Changes the name and the settings; what is not given stays.
pub fn update(
    store: &dyn PlatformStore,
    id: &str,
    name: Option<&str>,
    settings: Option<&Value>,
    origin: &Origin,
    now: DateTime<Utc>,
) -> Result<Record> {
    name.map_or(Ok(()), check_name)?;
    alter(store, id, origin, now, &mut |record| {
        living(record)?;
        if let Some(name) = name {
            name.clone_into(&mut record.tenant.name);
        }
        if let Some(patch) = settings {
            record.tenant.settings = record.tenant.settings.merged(patch)?;
        }
        Ok(())
    })
}

/// Refuses all requests of the tenant from now on, or serves them again.
pub fn set_suspended(
    store: &dyn PlatformStore,
    id: &str,
    suspended: bool,
    origin: &Origin,
    now: DateTime<Utc>,
) -> Result<Record> {
    alter(store, id, origin, now, &mut |record| {
        living(record)?;
        record.tenant.state = if suspended { TenantState::Suspended } else { TenantState::Active };
        Ok(())
    })
}

/// Deletes the tenant for every caller and frees its slug. Its data stay for `keep`; deleting it again does not prolong
/// that.
pub fn delete(
    store: &dyn PlatformStore,
    id: &str,
    keep: TimeDelta,
    origin: &Origin,
    now: DateTime<Utc>,
) -> Result<Record> {
    alter(store, id, origin, now, &mut |record| {
        if record.tenant.state != TenantState::Deleted {
            record.tenant.state = TenantState::Deleted;
            record.purge = Purge { after: Some(now + keep), ..Purge::default() };
        }
        Ok(())
    })
}

/// One step of the purge of a deleted tenant.
pub fn purge_step(store: &dyn PlatformStore, id: TenantId, now: DateTime<Utc>) -> Result<Purge> {
    store.purge_step(id, PURGE_ROWS, now)
}

/// [`Error::Conflict`] when the tenant is deleted.
pub fn living(record: &Record) -> Result<()> {
    match record.tenant.state {
        TenantState::Active | TenantState::Suspended => Ok(()),
        TenantState::Deleted => Err(Error::Conflict("the tenant is deleted".into())),
    }
}

fn alter(
    store: &dyn PlatformStore,
    id: &str,
    origin: &Origin,
    now: DateTime<Utc>,
    change: &mut dyn FnMut(&mut Record) -> Result<()>,
) -> Result<Record> {
    let id = TenantId::parse(id).ok_or_else(no_tenant)?;
    store.alter_tenant(id, change, origin, now)?.ok_or_else(no_tenant)
}

fn no_tenant() -> Error {
    Error::NotFound("there is no such tenant".into())
}

/// Form, state and id, in base64url. There is nothing to protect: whoever reads the list reads all tenants.
fn cursor_behind(id: TenantId, state: Option<TenantState>) -> String {
    let mut bytes = vec![FORM, state_byte(state)];
    bytes.extend(id.0.as_bytes());
    URL_SAFE_NO_PAD.encode(bytes)
}

fn position(cursor: &str, state: Option<TenantState>) -> Result<TenantId> {
    let bytes = URL_SAFE_NO_PAD.decode(cursor).ok();
    let id = match bytes.as_deref() {
        Some([FORM, of, id @ ..]) if *of == state_byte(state) => Uuid::from_slice(id).ok(),
        _ => None,
    };
    id.map(TenantId).ok_or_else(|| Error::InvalidCursor("the cursor was not given for this list".into()))
}

fn state_byte(state: Option<TenantState>) -> u8 {
    match state {
        None => 0,
        Some(TenantState::Active) => 1,
        Some(TenantState::Suspended) => 2,
        Some(TenantState::Deleted) => 3,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_cursor_serves_its_own_list_only() {
        let id = TenantId::generate();
        let states = TenantState::ALL.map(Some).into_iter().chain([None]);
        for state in states.clone() {
            let cursor = cursor_behind(id, state);
            assert_eq!(position(&cursor, state).unwrap(), id);
            for other in states.clone().filter(|other| *other != state) {
                assert!(matches!(position(&cursor, other), Err(Error::InvalidCursor(_))));
            }
            for wrong in ["", "x", "!", &cursor[1..], &format!("{cursor}AA")] {
                assert!(matches!(position(wrong, state), Err(Error::InvalidCursor(_))), "{wrong}");
            }
        }
    }
}
