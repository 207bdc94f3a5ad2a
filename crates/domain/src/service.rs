//! The use cases: one function each, one transaction each.

use chrono::{DateTime, Utc};
use serde_json::Value;

use crate::contract::Contract;
use crate::meta::{Precondition, Version};
use crate::principal::Principal;
use crate::resource_type::ResourceType;
use crate::store::{Origin, Store};
use crate::{Error, Result};

/// Everything a use case needs to know of a request.
pub struct Call<'a> {
    /// The database.
    pub store: &'a dyn Store,
    /// Who calls.
    pub principal: &'a Principal,
    /// The contract of the base path.
    pub contract: &'static Contract,
    /// The public URL of the contract's base path, without a trailing slash.
    pub base: String,
    /// For the audit log.
    pub origin: Origin,
    /// The time of the request.
    pub now: DateTime<Utc>,
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
    /// `count`.
    pub count: Option<i64>,
    /// `attributes`.
    pub attributes: Vec<String>,
    /// `excludedAttributes`.
    pub excluded_attributes: Vec<String>,
}

/// One resource, ready to be sent.
#[derive(Clone, Debug, PartialEq)]
pub struct Answer {
    /// The body.
    pub body: Value,
    /// For `ETag`.
    pub version: Version,
    /// For `Location`.
    pub location: String,
}

/// What a conditional GET gives.
#[derive(Clone, Debug, PartialEq)]
pub enum Found {
    /// The resource.
    Modified(Answer),
    /// The client has this version already (304).
    NotModified(Version),
}

/// POST on a collection.
pub fn create(call: &Call<'_>, resource_type: &ResourceType, body: &Body, query: &Query) -> Result<Answer> {
    let _ = (call, resource_type, body, query);
    Err(Error::no_resource())
}

/// GET of one resource. An `id` that is no id is not found.
pub fn get(
    call: &Call<'_>,
    resource_type: &ResourceType,
    id: &str,
    precondition: &Precondition,
    query: &Query,
) -> Result<Found> {
    let _ = (call, resource_type, id, precondition, query);
    Err(Error::no_resource())
}

/// GET of a collection, or a search on it: a ListResponse.
pub fn list(call: &Call<'_>, resource_type: &ResourceType, query: &Query) -> Result<Value> {
    let _ = (call, resource_type, query);
    Err(Error::no_resource())
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
    let _ = (call, resource_type, id, precondition, body, query);
    Err(Error::no_resource())
}

/// PATCH.
pub fn patch(
    call: &Call<'_>,
    resource_type: &ResourceType,
    id: &str,
    precondition: &Precondition,
    body: &Body,
    query: &Query,
) -> Result<Answer> {
    let _ = (call, resource_type, id, precondition, body, query);
    Err(Error::no_resource())
}

/// DELETE.
pub fn delete(
    call: &Call<'_>,
    resource_type: &ResourceType,
    id: &str,
    precondition: &Precondition,
) -> Result<()> {
    let _ = (call, resource_type, id, precondition);
    Err(Error::no_resource())
}
