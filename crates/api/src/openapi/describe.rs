//! What is said of each line of the URL table: one description for a line, whatever contract and collection it is
//! spelled out for.

mod admin;
mod platform;

use crate::routes::Line;
use crate::{admin as admins, platform as hosting};

/// One line of the table, described.
#[derive(Clone, Copy, Debug)]
pub(super) struct Description {
    pub(super) method: &'static str,
    pub(super) pattern: &'static str,
    /// The beginning of the operation's id.
    pub(super) id: &'static str,
    pub(super) tag: Tag,
    /// `{one}` and `{many}` stand for the names of the collection.
    pub(super) summary: &'static str,
    pub(super) text: &'static str,
    /// Names of component parameters, without those in the path.
    pub(super) parameters: &'static [&'static str],
    pub(super) body: Option<Body>,
    /// Statuses of success and of their kind, each with its body.
    pub(super) replies: &'static [(u16, Reply)],
    /// Statuses of failure beside those of every line in the same place.
    pub(super) failures: &'static [u16],
}

impl Description {
    /// Whether it is what is said of this line.
    pub(super) fn describes(&self, line: &Line) -> bool {
        let base = match self.tag {
            Tag::Platform => hosting::BASE,
            Tag::Admin => admins::BASE,
            _ => line.contract.map_or("", |contract| contract.base),
        };
        line.base == base && (line.method, line.pattern) == (self.method, self.pattern)
    }
}

/// What a line is listed under.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Tag {
    /// That of the collection.
    Collection,
    Roles,
    Search,
    Bulk,
    Discovery,
    Operating,
    Platform,
    Admin,
}

/// What a request carries.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Body {
    /// A new resource.
    Create,
    /// A resource in the place of another, by the contract's meaning of PUT.
    Replace,
    /// A message of RFC 7644.
    Message(&'static str),
}

/// What a reply carries.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Reply {
    /// A resource with its `ETag`.
    Resource,
    /// The same, made just now.
    Created,
    /// A component that all share, made just now and with a `Location`.
    Made(&'static str),
    /// A page of resources.
    List,
    /// A page of resources of several types.
    MixedList,
    /// A component that each contract has of its own.
    OfContract(&'static str),
    /// A component that all share.
    Shared(&'static str),
    /// Nothing but an `ETag`.
    Tag,
    /// No body, and only for groups: those that are too large to be shown.
    LargeGroup,
    Nothing,
    /// Another media type, as a text.
    Other(&'static str),
    /// A file in one of these media types.
    Files(&'static [&'static str]),
}

const LIST: &[&str] =
    &["filter", "sortBy", "sortOrder", "startIndex", "count", "cursor", "attributes", "excludedAttributes"];
const SHOWN: &[&str] = &["attributes", "excludedAttributes"];
const READ: &[&str] = &["attributes", "excludedAttributes", "ifMatch", "ifNoneMatch"];
/// Beside what every request below a base path can fail with, a request with a body can be late, long and in the
/// wrong form.
const WITH_BODY: &[u16] = &[408, 413, 415];

/// What most lines have.
const GET: Description = Description {
    method: "GET",
    pattern: "",
    id: "",
    tag: Tag::Collection,
    summary: "",
    text: "",
    parameters: &[],
    body: None,
    replies: &[],
    failures: &[],
};
const DISCOVERY: Description = Description { tag: Tag::Discovery, ..GET };
const OPERATING: Description = Description { tag: Tag::Operating, ..GET };
const ME: Description = Description {
    pattern: "/Me",
    tag: Tag::Discovery,
    text: "A credential belongs to a connection and not to a person (RFC 7644 section 3.11).",
    failures: &[501],
    ..GET
};

/// Every line, in the order of the document.
pub(super) fn all() -> impl Iterator<Item = &'static Description> {
    SCIM.iter().chain(platform::ALL).chain(admin::ALL)
}

const SCIM: &[Description] = &[
    Description {
        pattern: "/{collection}",
        id: "list",
        summary: "List {many}",
        parameters: LIST,
        replies: &[(200, Reply::List)],
        ..GET
    },
    Description {
        method: "POST",
        pattern: "/{collection}",
        id: "create",
        summary: "Create a {one}",
        parameters: SHOWN,
        body: Some(Body::Create),
        replies: &[(201, Reply::Created)],
        failures: &[408, 409, 413, 415],
        ..GET
    },
    Description {
        pattern: "/{collection}/{id}",
        id: "get",
        summary: "Get a {one}",
        parameters: READ,
        replies: &[(200, Reply::Resource), (304, Reply::Tag)],
        failures: &[404, 412],
        ..GET
    },
    Description {
        method: "PUT",
        pattern: "/{collection}/{id}",
        id: "replace",
        summary: "Replace a {one}",
        parameters: READ,
        body: Some(Body::Replace),
        replies: &[(200, Reply::Resource)],
        failures: &[404, 408, 409, 412, 413, 415],
        ..GET
    },
    Description {
        method: "PATCH",
        pattern: "/{collection}/{id}",
        id: "patch",
        summary: "Change a {one}",
        text: "All operations are done, or none.",
        parameters: READ,
        body: Some(Body::Message("PatchOp")),
        replies: &[(200, Reply::Resource), (204, Reply::LargeGroup)],
        failures: &[404, 408, 409, 412, 413, 415],
        ..GET
    },
    Description {
        method: "DELETE",
        pattern: "/{collection}/{id}",
        id: "delete",
        summary: "Delete a {one}",
        parameters: &["ifMatch", "ifNoneMatch"],
        replies: &[(204, Reply::Nothing)],
        failures: &[404, 412],
        ..GET
    },
    Description {
        method: "POST",
        pattern: "/{collection}/.search",
        id: "search",
        summary: "Search {many}",
        text: "A list whose query stays out of URLs and their logs.",
        body: Some(Body::Message("SearchRequest")),
        replies: &[(200, Reply::List)],
        failures: WITH_BODY,
        ..GET
    },
    Description {
        method: "POST",
        pattern: "/.search",
        id: "searchAll",
        tag: Tag::Search,
        summary: "Search all types",
        text: "One type after the other, as far as the token may read them. Roles are no part of it.",
        body: Some(Body::Message("SearchRequest")),
        replies: &[(200, Reply::MixedList)],
        failures: WITH_BODY,
        ..GET
    },
    Description {
        method: "POST",
        pattern: "/Bulk",
        id: "bulk",
        tag: Tag::Bulk,
        summary: "Run many operations",
        text: "Each operation is done by itself, and the answer has a status for each.",
        body: Some(Body::Message("BulkRequest")),
        replies: &[(200, Reply::Shared("BulkResponse"))],
        failures: WITH_BODY,
        ..GET
    },
    Description {
        pattern: "/Roles",
        id: "listRoles",
        tag: Tag::Roles,
        summary: "List the six roles",
        parameters: &["startIndex", "count", "cursor", "attributes", "excludedAttributes"],
        replies: &[(200, Reply::OfContract("RoleList"))],
        ..GET
    },
    Description {
        pattern: "/Roles/{id}",
        id: "getRole",
        tag: Tag::Roles,
        summary: "Get a role with a page of its members",
        parameters: &["startIndex", "count", "attributes", "excludedAttributes"],
        replies: &[(200, Reply::OfContract("Role"))],
        failures: &[404],
        ..GET
    },
    Description {
        method: "PATCH",
        pattern: "/Roles/{id}",
        id: "patchRole",
        tag: Tag::Roles,
        summary: "Move users to a role or away from it",
        text: "Only `members` can be changed.",
        parameters: &["startIndex", "count", "attributes", "excludedAttributes"],
        body: Some(Body::Message("PatchOp")),
        replies: &[(200, Reply::OfContract("Role"))],
        failures: &[404, 408, 409, 413, 415],
    },
    Description {
        method: "POST",
        pattern: "/Roles/.search",
        id: "searchRoles",
        tag: Tag::Roles,
        summary: "List the six roles by a message",
        text: "A filter is refused.",
        body: Some(Body::Message("SearchRequest")),
        replies: &[(200, Reply::OfContract("RoleList"))],
        failures: WITH_BODY,
        ..GET
    },
    Description {
        pattern: "/ServiceProviderConfig",
        id: "getServiceProviderConfig",
        summary: "What this server can do",
        replies: &[(200, Reply::Shared("ServiceProviderConfig"))],
        ..DISCOVERY
    },
    Description {
        pattern: "/ResourceTypes",
        id: "listResourceTypes",
        summary: "The resource types of the tenant",
        replies: &[(200, Reply::Shared("ResourceTypeList"))],
        ..DISCOVERY
    },
    Description {
        pattern: "/ResourceTypes/{id}",
        id: "getResourceType",
        summary: "One resource type",
        replies: &[(200, Reply::Shared("ResourceType"))],
        failures: &[404],
        ..DISCOVERY
    },
    Description {
        pattern: "/Schemas",
        id: "listSchemas",
        summary: "The schemas of the tenant",
        replies: &[(200, Reply::Shared("SchemaList"))],
        ..DISCOVERY
    },
    Description {
        pattern: "/Schemas/{id}",
        id: "getSchema",
        summary: "One schema",
        replies: &[(200, Reply::Shared("Schema"))],
        failures: &[404],
        ..DISCOVERY
    },
    Description { id: "getMe", summary: "Not supported", ..ME },
    Description { method: "POST", id: "postMe", summary: "Not supported", ..ME },
    Description { method: "PUT", id: "putMe", summary: "Not supported", ..ME },
    Description { method: "PATCH", id: "patchMe", summary: "Not supported", ..ME },
    Description { method: "DELETE", id: "deleteMe", summary: "Not supported", ..ME },
    Description {
        pattern: "/healthz",
        id: "alive",
        summary: "The process lives",
        replies: &[(200, Reply::Other("text/plain"))],
        ..OPERATING
    },
    Description {
        pattern: "/readyz",
        id: "ready",
        summary: "The database answers too",
        replies: &[(200, Reply::Other("text/plain"))],
        failures: &[500, 503],
        ..OPERATING
    },
    Description {
        pattern: "/openapi.json",
        id: "openapi",
        summary: "This document",
        replies: &[(200, Reply::Other("application/json"))],
        ..OPERATING
    },
    Description {
        pattern: "/docs",
        id: "docs",
        summary: "This document as a page",
        replies: &[(200, Reply::Other("text/html"))],
        ..OPERATING
    },
];
