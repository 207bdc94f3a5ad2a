//! What the path of an operation means: a collection, a resource, or a role.

use std::sync::Arc;

use super::super::{Call, roles};
use super::reference;
use super::request::Method;
use crate::resource_type::{Kind, RESERVED, ResourceType};
use crate::{Error, Result};

/// Where an operation takes place.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Place {
    /// A collection, for POST.
    Collection(Arc<ResourceType>),
    /// One resource, for PUT, PATCH and DELETE.
    Resource(Arc<ResourceType>, Id),
    /// A role, for PATCH.
    Role(Id),
}

/// The id in a path.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Id {
    /// As written.
    Known(String),
    /// That of the resource behind a `bulkId`.
    Bulk(String),
}

impl Place {
    /// The place that a path names; the method has to fit. A path begins at the base path, with or without a slash,
    /// or is a whole URL below it.
    pub(super) fn parse(call: &Call<'_>, method: Method, path: &str) -> Result<Self> {
        if path.contains(['?', '#']) {
            return Err(invalid("the path of an operation has no query"));
        }
        let path = match path.strip_prefix(call.base) {
            Some(rest) if rest.is_empty() || rest.starts_with('/') => rest,
            _ if path.contains("://") => {
                return Err(invalid("the URL of an operation lies below another base"));
            }
            _ => path,
        };
        let path = path.strip_prefix('/').unwrap_or(path);
        let path = path.strip_suffix('/').unwrap_or(path);
        let (collection, id) = match path.split_once('/') {
            Some((collection, id)) => (collection, Some(id)),
            None => (path, None),
        };
        if RESERVED.contains(&collection) && collection != roles::ENDPOINT {
            return Err(invalid("a bulk request changes resources and nothing else"));
        }
        let id = match id.map(|id| (id, reference::named(id))) {
            None => None,
            Some((_, Some(bulk_id))) => Some(Id::Bulk(bulk_id.to_owned())),
            Some((id, None)) if id.contains('/') => return Err(Error::no_endpoint()),
            Some((id, None)) => Some(Id::Known(id.to_owned())),
        };
        if collection == roles::ENDPOINT {
            return match (method, id) {
                (Method::Patch, Some(id)) => Ok(Self::Role(id)),
                _ => Err(unfit(method)),
            };
        }
        let resource_type = call.catalog().at(collection).ok_or_else(Error::no_endpoint)?.clone();
        match (method, id) {
            (Method::Post, None) => Ok(Self::Collection(resource_type)),
            (Method::Put | Method::Patch | Method::Delete, Some(id)) => Ok(Self::Resource(resource_type, id)),
            _ => Err(unfit(method)),
        }
    }

    /// Whether users are named in the data, who have to exist; elsewhere a reference is a text like any other.
    pub(super) fn holds_users(&self) -> bool {
        match self {
            Self::Collection(resource_type) | Self::Resource(resource_type, _) => {
                matches!(resource_type.kind, Kind::Group(_))
            }
            Self::Role(_) => true,
        }
    }
}

fn unfit(method: Method) -> Error {
    Error::InvalidValue(format!("{} does not fit the path", method.name()))
}

fn invalid(problem: &str) -> Error {
    Error::InvalidValue(problem.into())
}
