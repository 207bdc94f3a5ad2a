//! The use cases: one function each, one transaction each. They check the right of the caller, turn the request
//! into a change of a document, and leave the audit row and the change row behind.

pub mod admins;
mod ahead;
pub mod audit;
pub mod bulk;
mod groups;
pub mod guard;
pub mod history;
mod list;
pub mod platform;
pub mod requests;
pub mod retention;
mod rights;
pub mod roles;
pub mod schemas;
pub mod sink;
pub mod tokens;
mod write;

use chrono::{DateTime, Utc};
use serde_json::Value;

use crate::catalog::Catalog;
use crate::contract::Contract;
use crate::document::Document;
use crate::id::ResourceId;
use crate::meta::{Precondition, Version};
use crate::principal::{Access, Principal};
use crate::project::{self, Projection, Related, Source};
use crate::resource_type::{Kind, ResourceType};
use crate::store::{self, By, LookUp, Origin, Store, TenantTx};
use crate::stored::Stored;
use crate::{Error, Result, limits};

/// Groups of a user that are found at once.
const SHORT: usize = 32;

pub use ahead::Ahead;
pub use list::{each, list, search};
pub use sink::{Head, Sink};
use write::create_as;
pub use write::{Prepared, create, create_all, delete, patch, prepare, replace};

/// Everything a use case needs to know of a request.
pub struct Call<'a> {
    /// The database.
    pub store: &'a dyn Store,
    /// Who calls.
    pub principal: &'a Principal,
    /// The contract of the base path.
    pub contract: &'static Contract,
    /// The public URL of the contract's base path, without a trailing slash.
    pub base: &'a str,
    /// For the audit log.
    pub origin: Origin,
    /// The time of the request, in whole milliseconds.
    pub now: DateTime<Utc>,
    /// Whether the use case may take its time. One that may not ends with [`Error::WouldWait`] as soon as it is more than
    /// a read of a few rows.
    pub may_wait: bool,
    /// What has been looked up before, where look-ups are done together with those of other requests.
    pub ahead: Option<&'a Ahead>,
}

impl Call<'_> {
    /// What the resources of the tenant are.
    pub fn catalog(&self) -> &Catalog {
        &self.principal.tenant.catalog
    }

    /// Runs `work` in a read-only transaction of the caller's tenant.
    fn read<T>(&self, work: impl FnMut(&mut dyn TenantTx) -> Result<T>) -> Result<T> {
        let tenant = self.principal.tenant.id;
        if self.may_wait {
            store::read(self.store, tenant, work)
        } else {
            store::read_at_once(self.store, tenant, work)
        }
    }

    /// One living resource, in no transaction.
    fn find_alone(&self, resource_type: &ResourceType, by: By<'_>) -> Result<Option<Stored>> {
        if let Some(ahead) = self.ahead {
            let look_up = LookUp::new(resource_type, by);
            match ahead.found(&look_up) {
                Some(found) => return Ok(found),
                None if self.may_wait => {}
                None => return Err(ahead.seek(look_up)),
            }
        }
        self.store.find_alone(self.principal.tenant.id, resource_type, by, !self.may_wait)
    }
}

/// A JSON body, or why it is none. It is judged only after the id in the path has been found.
pub type Body = Result<Value>;

/// The query of a request for resources, as text.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Query {
    /// `filter`.
    pub filter: Option<String>,
    /// `sortBy`.
    pub sort_by: Option<String>,
    /// `sortOrder`.
    pub sort_order: Option<String>,
    /// `startIndex`.
    pub start_index: Option<i64>,
    /// `cursor`; empty for the first page.
    pub cursor: Option<String>,
    /// `count`.
    pub count: Option<i64>,
    /// `attributes`.
    pub attributes: Vec<String>,
    /// `excludedAttributes`.
    pub excluded_attributes: Vec<String>,
}

impl Query {
    /// How many resources stand before the page and how many it may have. Numbers below the range are the least ones
    /// (RFC 7644 section 3.4.2.4).
    fn window(&self, contract: &Contract) -> (usize, usize) {
        let least = |number: i64, least: usize| usize::try_from(number).unwrap_or(0).max(least);
        let offset = self.start_index.map_or(0, |start| least(start, 1) - 1);
        let count = self.count.map_or(contract.default_count, |count| least(count, 0));
        (offset, count.min(limits::PAGE))
    }

    /// What is to be shown, and may be: what belongs to another area needs the right to read that area. Asked for
    /// by name it is refused, otherwise left out.
    fn projection(&self, call: &Call<'_>, resource_type: &ResourceType) -> Result<Projection> {
        let mut projection = Projection::parse(resource_type, &self.attributes, &self.excluded_attributes)?;
        for name in rights::hidden(call, resource_type) {
            if projection.is_selective() && projection.wants(resource_type, name) {
                return Err(rights::refusal(name));
            }
            projection.hide(name);
        }
        Ok(projection)
    }
}

/// One resource, ready to be sent.
#[derive(Clone, Debug, PartialEq)]
pub struct Answer {
    /// The id of the resource.
    pub id: ResourceId,
    /// The body, JSON; none for 204.
    pub body: Option<String>,
    /// For `ETag`.
    pub version: Version,
    /// For `Location`.
    pub location: String,
}

/// GET of one resource. An `id` that is no id is not found.
pub fn get(
    call: &Call<'_>,
    resource_type: &ResourceType,
    id: &str,
    precondition: &Precondition,
    query: &Query,
    sink: &mut dyn Sink,
) -> Result<()> {
    call.principal.require(resource_type.area, Access::Read)?;
    let id = parse_id(id)?;
    let projection = query.projection(call, resource_type);
    // What a resource says of others has to be of the same moment: then it takes a transaction.
    let begin = |stored: &Stored, sink: &mut dyn Sink| -> Result<bool> {
        let version = stored.meta.version;
        precondition.check_read(version)?;
        let is_known = precondition.not_modified(version);
        sink.begin(if is_known { Head::NotModified(version) } else { Head::Resource(version) })?;
        Ok(!is_known)
    };
    if !matches!(resource_type.kind, Kind::Group(_)) {
        let stored = call.find_alone(resource_type, By::Id(id))?;
        let stored = stored.ok_or_else(Error::no_resource)?;
        if !begin(&stored, sink)? {
            return Ok(());
        }
        let (projection, source) = (as_ref(&projection)?, Source::try_from(&stored)?);
        if speaks_of_itself(resource_type, &source, projection)? {
            return sink.whole(render(call, resource_type, &source, &Related::default(), projection)?);
        }
    } else if !call.may_wait {
        // It may have any number of members and owners.
        return Err(Error::WouldWait);
    }
    call.read(|tx| {
        let stored = tx.find(resource_type, id)?.ok_or_else(Error::no_resource)?;
        if !begin(&stored, sink)? {
            return Ok(());
        }
        let (projection, source) = (as_ref(&projection)?, Source::try_from(&stored)?);
        match resource_type.kind {
            Kind::Group(_) => {
                let groups = std::slice::from_ref(&source);
                groups::write(call, resource_type, tx, groups, projection, &|_| "", sink)
            }
            Kind::User | Kind::Plain => sink.whole(text(call, resource_type, tx, &source, projection)?),
        }
    })
}

/// Whether a resource that is no group is shown without a look at another one.
fn speaks_of_itself(
    resource_type: &ResourceType,
    source: &Source<'_>,
    projection: &Projection,
) -> Result<bool> {
    if resource_type.kind != Kind::User {
        return Ok(true);
    }
    let has_groups = !source.is_alone() && projection.wants(resource_type, "groups");
    let has_manager = || Ok(source.manager()?.is_some() && projection.wants(resource_type, "manager"));
    Ok(!has_groups && !has_manager()?)
}

/// Judges the words of a request after the resource has been found: the caller keeps them as a result till then.
fn as_ref<T>(result: &Result<T>) -> Result<&T> {
    result.as_ref().map_err(Error::again)
}

fn parse_id(id: &str) -> Result<ResourceId> {
    ResourceId::parse(id).ok_or_else(Error::no_resource)
}

/// The answer to a write: the resource as it is now.
fn answer(
    call: &Call<'_>,
    resource_type: &ResourceType,
    tx: &mut dyn TenantTx,
    resource: &Source<'_>,
    projection: &Projection,
) -> Result<Answer> {
    let body = match resource_type.kind {
        Kind::Group(_) => groups::text(call, resource_type, tx, resource, projection),
        Kind::User | Kind::Plain => text(call, resource_type, tx, resource, projection),
    }?;
    Ok(Answer {
        id: resource.id(),
        body: Some(body),
        version: resource.version(),
        location: location(call.base, resource_type, resource.id()),
    })
}

/// A resource that is no group as the contract writes it.
fn text(
    call: &Call<'_>,
    resource_type: &ResourceType,
    tx: &mut dyn TenantTx,
    source: &Source<'_>,
    projection: &Projection,
) -> Result<String> {
    let related = related(call, resource_type, tx, std::slice::from_ref(source), projection)?;
    render(call, resource_type, source, &related, projection)
}

fn render(
    call: &Call<'_>,
    resource_type: &ResourceType,
    source: &Source<'_>,
    related: &Related,
    projection: &Projection,
) -> Result<String> {
    let mut text = String::new();
    project::render(&mut text, resource_type, call.contract, call.base, source, related, projection)?;
    Ok(text)
}

/// Where a resource is, under the base path that was asked.
pub fn location(base: &str, resource_type: &ResourceType, id: ResourceId) -> String {
    format!("{base}/{}/{id}", resource_type.endpoint)
}

/// What replies show of other resources: one query for all of them, none when nothing of it is asked for.
fn related(
    call: &Call<'_>,
    resource_type: &ResourceType,
    tx: &mut dyn TenantTx,
    resources: &[Source<'_>],
    projection: &Projection,
) -> Result<Related> {
    let mut related = Related::default();
    if resource_type.kind != Kind::User || resources.is_empty() {
        return Ok(related);
    }
    let managers: Result<Vec<_>> = resources.iter().map(Source::manager).collect();
    let mut ids: Vec<ResourceId> = managers?.into_iter().flatten().collect();
    if !ids.is_empty() && projection.wants(resource_type, "manager") {
        ids.sort_unstable();
        ids.dedup();
        let display = |document: &Document| document.text("displayName").map(str::to_owned);
        let managers = tx.find_many(resource_type, &ids)?;
        related.managers = managers.into_iter().map(|user| (user.id, display(&user.document))).collect();
    }
    let in_groups = resources.iter().filter(|resource| !resource.is_alone());
    let ids: Vec<ResourceId> = in_groups.map(Source::id).collect();
    if !ids.is_empty() && projection.wants(resource_type, "groups") {
        let most = (!call.may_wait).then_some(SHORT);
        let seen = tx.groups_of(&ids, most)?.into_iter();
        for (user, group) in seen.filter(|(_, group)| rights::sees_groups_at(call, group.endpoint)) {
            related.groups.entry(user).or_default().push(group);
        }
    }
    Ok(related)
}
