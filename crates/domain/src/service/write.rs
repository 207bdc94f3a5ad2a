//! The use cases that change something.

use std::borrow::Cow;
use std::collections::BTreeSet;

use chrono::{DateTime, TimeDelta, Utc};
use serde_json::{Map, Value};

use super::groups::{self, ListChange};
use super::{Answer, Body, Call, Query, answer, as_ref, location, parse_id};
use crate::document::Document;
use crate::group::{self, Edit, List};
use crate::guard::Departure;
use crate::id::ResourceId;
use crate::index::Derived;
use crate::meta::{Meta, Precondition, Version};
use crate::principal::Access;
use crate::project::{Projection, Source};
use crate::resource::Resource;
use crate::resource_type::{Kind, ResourceType};
use crate::store::{self, Action, Actor, Change, TenantTx};
use crate::user::{self, Settled};
use crate::{Error, Result, decode, limits, patch as patching, replace as replacing};

/// A POST as far as the database has no say in it.
pub struct Prepared {
    edit: Edit,
    /// None of what is large: many may wait for their turn.
    derived: Option<Derived>,
    projection: Projection,
}

/// Bytes of a document of which all is kept that follows from it, some fifty times as many.
const LIGHT: usize = 16 << 10;

/// Reads and judges a POST on a collection, without the database.
pub fn prepare(
    call: &Call<'_>,
    resource_type: &ResourceType,
    body: &Body,
    query: &Query,
) -> Result<Prepared> {
    call.principal.require(resource_type.area, Access::Write)?;
    let projection = query.projection(call, resource_type)?;
    let edit = born(call, resource_type, as_ref(body)?)?;
    let is_light = edit.document.weight() <= LIGHT;
    let derived = is_light.then(|| Derived::new(resource_type, &edit.document)).transpose()?;
    Ok(Prepared { edit, derived, projection })
}

/// POST on a collection.
pub fn create(call: &Call<'_>, resource_type: &ResourceType, prepared: &Prepared) -> Result<Answer> {
    create_as(call, resource_type, prepared, None)
}

/// POST of a resource whose id may have been promised to others already.
pub(super) fn create_as(
    call: &Call<'_>,
    resource_type: &ResourceType,
    prepared: &Prepared,
    promised: Option<ResourceId>,
) -> Result<Answer> {
    store::write(call.store, call.principal.tenant.id, |tx| {
        let resource = give_birth(call, resource_type, tx, prepared, promised)?;
        let projection =
            prepared.projection.after_write(resource_type, &Document::default(), &resource.document);
        // Nobody has put it into a group yet.
        answer(call, resource_type, tx, &Source::newborn(&resource), &projection)
    })
}

/// Many POSTs in one transaction: all of them or none.
pub fn create_all(call: &Call<'_>, resource_type: &ResourceType, all: &[Prepared]) -> Result<()> {
    store::write(call.store, call.principal.tenant.id, |tx| {
        for prepared in all {
            give_birth(call, resource_type, tx, prepared, None)?;
        }
        Ok(())
    })
}

fn born(call: &Call<'_>, resource_type: &ResourceType, body: &Value) -> Result<Edit> {
    let mut edit = match resource_type.kind {
        Kind::Group(_) => group::create(resource_type, call.contract, body)?,
        Kind::User | Kind::Plain => decode::create(resource_type, call.contract, body)?.into(),
    };
    edit.document = settle(call, resource_type, None, edit.document)?.document;
    Ok(edit)
}

/// Stores a new resource, or lets the tombstone it belongs to come back to life under its old id.
fn give_birth(
    call: &Call<'_>,
    resource_type: &ResourceType,
    tx: &mut dyn TenantTx,
    Prepared { edit, derived, .. }: &Prepared,
    promised: Option<ResourceId>,
) -> Result<Resource> {
    let derived = match derived {
        Some(derived) => Cow::Borrowed(derived),
        None => Cow::Owned(Derived::new(resource_type, &edit.document)?),
    };
    let meta = Meta { created: call.now, modified: call.now, version: Version(1) };
    let id = promised.unwrap_or_else(ResourceId::generate);
    let mut resource = Resource { id, document: edit.document.clone(), meta };
    let tombstone = match resource_type.kind {
        Kind::User if call.principal.tenant.settings.revival() => {
            tx.find_tombstone(resource_type, &resource.name_key(resource_type), resource.external_id())?
        }
        Kind::User | Kind::Group(_) | Kind::Plain => None,
    };
    let (action, old_version, living) = match tombstone {
        Some(_) if promised.is_some() => {
            return Err(Error::Conflict(
                "a deleted resource would come back under its old id, and others refer to a new one already"
                    .into(),
            ));
        }
        Some(old) => {
            resource.id = old.id;
            resource.meta = next(&old.meta, call.now);
            let living = tx.revive(resource_type, &resource, &derived)?;
            (Action::Revived, Some(old.meta.version), living)
        }
        None => {
            let living = tx.insert(resource_type, &resource, &derived)?;
            (Action::Created, None, living)
        }
    };
    let settings = &call.principal.tenant.settings;
    settings.allow_resources(resource_type.area, &resource_type.endpoint, living)?;
    let lists = groups::apply(call, tx, resource.id, &edit.steps)?;
    let mut attributes = changed_names(&Document::default(), &resource.document);
    attributes.extend(lists.names());
    let change = Change {
        action,
        id: resource.id,
        old_version,
        new_version: resource.meta.version,
        attributes,
        detail: lists.detail(),
        warning: None,
        at: resource.meta.modified,
    };
    tx.record(resource_type, &change, &call.origin)?;
    Ok(resource)
}

/// PUT.
pub fn replace(
    call: &Call<'_>,
    resource_type: &ResourceType,
    id: &str,
    precondition: &Precondition,
    body: &Body,
    query: &Query,
) -> Result<Answer> {
    let edit = |before: &Document, body: &Value| match resource_type.kind {
        Kind::Group(_) => group::replace(resource_type, call.contract, before, body),
        Kind::User | Kind::Plain => Ok(replacing::apply(resource_type, call.contract, before, body)?.into()),
    };
    change(call, resource_type, id, precondition, body, query, Reply::Whole, edit)
}

/// PATCH. Of a group with many members the answer has no body unless attributes were asked for.
pub fn patch(
    call: &Call<'_>,
    resource_type: &ResourceType,
    id: &str,
    precondition: &Precondition,
    body: &Body,
    query: &Query,
) -> Result<Answer> {
    let edit = |before: &Document, body: &Value| match resource_type.kind {
        Kind::Group(_) => group::patch(resource_type, call.contract, before, body),
        Kind::User | Kind::Plain => Ok(patching::apply(resource_type, call.contract, before, body)?.into()),
    };
    change(call, resource_type, id, precondition, body, query, Reply::Short, edit)
}

/// Whether the answer may leave out a group that is too long to be of use.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Reply {
    Whole,
    Short,
}

/// Finds and locks a resource, lets `edit` make something new of its document, and stores what differs. A change
/// that changes nothing leaves version, time and log alone (RFC 7644 section 3.5.2.1).
#[allow(clippy::too_many_arguments, reason = "the parts of one request, each named by its type")]
fn change(
    call: &Call<'_>,
    resource_type: &ResourceType,
    id: &str,
    precondition: &Precondition,
    body: &Body,
    query: &Query,
    reply: Reply,
    edit: impl Fn(&Document, &Value) -> Result<Edit>,
) -> Result<Answer> {
    call.principal.require(resource_type.area, Access::Write)?;
    let id = parse_id(id)?;
    let projection = query.projection(call, resource_type);
    store::write(call.store, call.principal.tenant.id, |tx| {
        let before = tx.find_for_update(resource_type, id)?.ok_or_else(Error::no_resource)?;
        precondition.check_write(before.meta.version)?;
        let projection = as_ref(&projection)?;
        let edit = edit(&before.document, as_ref(body)?)?;
        let settled = settle(call, resource_type, Some(&before.document), edit.document)?;
        let lists = groups::apply(call, tx, id, &edit.steps)?;
        let projection = projection.after_write(resource_type, &before.document, &settled.document);
        let after = store_change(call, resource_type, tx, before, settled, &lists)?;
        let is_group = matches!(resource_type.kind, Kind::Group(_));
        if is_group && reply == Reply::Short && !projection.is_selective() {
            let many = groups::member_count(tx, id)? > limits::PATCH_SHOWS_MEMBERS;
            if many && projection.wants(resource_type, List::Members.name()) {
                let location = location(call.base, resource_type, id);
                return Ok(Answer { id, body: None, version: after.meta.version, location });
            }
        }
        answer(call, resource_type, tx, &Source::from(&after), &projection)
    })
}

/// Stores what a request made of a locked resource, with its audit row and its change row; returns the resource as
/// it is now. Every change of an existing resource goes through here, so here is the guard of the last admin.
pub(super) fn store_change(
    call: &Call<'_>,
    resource_type: &ResourceType,
    tx: &mut dyn TenantTx,
    before: Resource,
    settled: Settled,
    lists: &ListChange,
) -> Result<Resource> {
    let Settled { document, demotes_admin } = settled;
    if document == before.document && lists.is_empty() {
        return Ok(before);
    }
    if demotes_admin
        && !call.principal.tenant.settings.last_admin_may_be_demoted.unwrap_or(false)
        && !tx.another_active_admin(before.id)?
    {
        return Err(Error::Conflict("this is the last administrator: appoint another one first".into()));
    }
    let after = Resource { id: before.id, document, meta: next(&before.meta, call.now) };
    let locked_out = user::is_active_admin(&before.document) && !user::is_active(&after.document);
    let warning = last_admin_warning(tx, before.id, locked_out)?;
    tx.update(resource_type, &before, &after)?;
    if user::is_active(&before.document) && !user::is_active(&after.document) {
        depart(call, resource_type, tx, before.id);
    }
    let mut attributes = changed_names(&before.document, &after.document);
    attributes.extend(lists.names());
    let change = Change {
        action: Action::Updated,
        id: before.id,
        old_version: Some(before.meta.version),
        new_version: after.meta.version,
        attributes,
        detail: lists.detail(),
        warning,
        at: after.meta.modified,
    };
    tx.record(resource_type, &change, &call.origin)?;
    Ok(after)
}

/// DELETE: suspends and hides; the row stays as a tombstone. A user leaves all lists, and each group it leaves is
/// changed.
pub fn delete(
    call: &Call<'_>,
    resource_type: &ResourceType,
    id: &str,
    precondition: &Precondition,
) -> Result<()> {
    call.principal.require(resource_type.area, Access::Write)?;
    let id = parse_id(id)?;
    store::write(call.store, call.principal.tenant.id, |tx| {
        let is_user = resource_type.kind == Kind::User;
        // Groups are locked before users, as a change of a group does it.
        if is_user {
            groups::lock_groups_of(call, tx, id)?;
        }
        let before = tx.find_for_update(resource_type, id)?.ok_or_else(Error::no_resource)?;
        precondition.check_write(before.meta.version)?;
        let warning = last_admin_warning(tx, id, user::is_active_admin(&before.document))?;
        if is_user {
            groups::leave(call, tx, id)?;
        }
        let after = Resource { meta: next(&before.meta, call.now), ..before.clone() };
        tx.bury(resource_type, &after)?;
        depart(call, resource_type, tx, id);
        let change = Change {
            action: Action::Deleted,
            id,
            old_version: Some(before.meta.version),
            new_version: after.meta.version,
            attributes: Vec::new(),
            detail: None,
            warning,
            at: after.meta.modified,
        };
        tx.record(resource_type, &change, &call.origin)
    })
}

fn settle(
    call: &Call<'_>,
    resource_type: &ResourceType,
    before: Option<&Document>,
    after: Document,
) -> Result<Settled> {
    let settled = match resource_type.kind {
        Kind::User => user::settle(call.contract, call.principal, before, after),
        Kind::Group(_) | Kind::Plain => Ok(Settled { document: after, demotes_admin: false }),
    }?;
    if settled.document.weight() > limits::DOCUMENT_WEIGHT {
        let most = limits::DOCUMENT_WEIGHT;
        return Err(Error::InvalidValue(format!("the resource would be larger than {most} bytes")));
    }
    Ok(settled)
}

/// An identity provider must always be able to take access away, even from the last admin; the log says so.
fn last_admin_warning(
    tx: &mut dyn TenantTx,
    id: ResourceId,
    locked_out: bool,
) -> Result<Option<&'static str>> {
    if locked_out && !tx.another_active_admin(id)? {
        return Ok(Some("the tenant has no active admin any more"));
    }
    Ok(None)
}

/// The guard against mass changes counts whom a token has taken access away from.
fn depart(call: &Call<'_>, resource_type: &ResourceType, tx: &mut dyn TenantTx, user: ResourceId) {
    if let (Kind::User, Actor::Token(token)) = (resource_type.kind, call.origin.actor) {
        let guard = call.principal.tenant.settings.guard();
        tx.depart(Departure { user, token, guard, origin: call.origin.clone(), at: call.now });
    }
}

/// Time never goes back, whatever the clock does: a client compares `meta.lastModified`.
fn next(meta: &Meta, now: DateTime<Utc>) -> Meta {
    let modified = now.max(meta.modified + TimeDelta::milliseconds(1));
    Meta { created: meta.created, modified, version: Version(meta.version.0 + 1) }
}

/// Names of the attributes that differ; those of an extension stand behind its URN.
fn changed_names(before: &Document, after: &Document) -> Vec<String> {
    let mut names = BTreeSet::new();
    for name in differing(&before.0, &after.0) {
        let objects = [&before.0, &after.0].map(|document| document.get(name).and_then(Value::as_object));
        if name.starts_with("urn:") {
            let none = Map::new();
            let [before, after] = objects.map(|object| object.unwrap_or(&none));
            names.extend(differing(before, after).map(|inner| format!("{name}:{inner}")));
        } else {
            names.insert(name.clone());
        }
    }
    names.into_iter().collect()
}

fn differing<'a>(
    before: &'a Map<String, Value>,
    after: &'a Map<String, Value>,
) -> impl Iterator<Item = &'a String> {
    let gone = before.keys().filter(|name| !after.contains_key(*name));
    gone.chain(after.keys().filter(|name| before.get(*name) != after.get(*name)))
}
