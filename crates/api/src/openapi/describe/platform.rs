//! What is said of the lines below `/platform/v1`.

use super::{Body, Description, GET, Reply, Tag};

const OF_TENANT: Description =
    Description { tag: Tag::Platform, replies: &[(200, Reply::Shared("Tenant"))], failures: &[404], ..GET };

pub(super) const ALL: &[Description] = &[
    Description {
        pattern: "/tenants",
        id: "listTenants",
        summary: "List tenants",
        text: "In the order of creation. Deleted ones are listed only when asked for with `state=deleted`.",
        parameters: &["tenantState", "tenantCount", "tenantCursor"],
        replies: &[(200, Reply::Shared("TenantList"))],
        failures: &[],
        ..OF_TENANT
    },
    Description {
        method: "POST",
        pattern: "/tenants",
        id: "createTenant",
        summary: "Create a tenant",
        body: Some(Body::Message("TenantInput")),
        replies: &[(201, Reply::Made("Tenant"))],
        failures: &[408, 409, 413, 415],
        ..OF_TENANT
    },
    Description { pattern: "/tenants/{id}", id: "getTenant", summary: "Get a tenant", ..OF_TENANT },
    Description {
        method: "PATCH",
        pattern: "/tenants/{id}",
        id: "updateTenant",
        summary: "Change the name or settings of a tenant",
        text: "A JSON merge patch (RFC 7396): what is absent stays, a setting that is null is given back.",
        body: Some(Body::Message("TenantChange")),
        failures: &[404, 408, 409, 413, 415],
        ..OF_TENANT
    },
    Description {
        method: "DELETE",
        pattern: "/tenants/{id}",
        id: "deleteTenant",
        summary: "Delete a tenant",
        text: "Its credentials end within a second and its slug is free. Its data are removed after `purgeAfter`.",
        ..OF_TENANT
    },
    Description {
        method: "POST",
        pattern: "/tenants/{id}/suspend",
        id: "suspendTenant",
        summary: "Refuse all requests of a tenant",
        failures: &[404, 409],
        ..OF_TENANT
    },
    Description {
        method: "POST",
        pattern: "/tenants/{id}/resume",
        id: "resumeTenant",
        summary: "Serve a suspended tenant again",
        failures: &[404, 409],
        ..OF_TENANT
    },
    Description {
        method: "POST",
        pattern: "/tenants/{id}/admins",
        id: "inviteOwner",
        summary: "Invite an admin of a tenant",
        text: "An owner unless `role` is sent. The reply is the only place where the secret of the invitation is shown.",
        body: Some(Body::Message("OwnerInvitation")),
        replies: &[(201, Reply::Shared("LinkedAdmin"))],
        failures: &[403, 404, 408, 409, 413, 415],
        ..OF_TENANT
    },
    Description {
        pattern: "/tenants/{id}/tokens",
        id: "listTokens",
        summary: "List the API tokens of a tenant",
        text: "The youngest first, whatever their state.",
        parameters: &["tokenCount", "tokenCursor"],
        replies: &[(200, Reply::Shared("TokenList"))],
        ..OF_TENANT
    },
    Description {
        method: "POST",
        pattern: "/tenants/{id}/tokens",
        id: "createToken",
        summary: "Create an API token of a tenant",
        text: "The reply is the only place where the token is shown.",
        body: Some(Body::Message("TokenInput")),
        replies: &[(201, Reply::Shared("NewToken"))],
        failures: &[404, 408, 409, 413, 415],
        ..OF_TENANT
    },
    Description {
        pattern: "/tenants/{id}/tokens/{token}",
        id: "getToken",
        summary: "Get an API token of a tenant",
        replies: &[(200, Reply::Shared("Token"))],
        ..OF_TENANT
    },
    Description {
        method: "PATCH",
        pattern: "/tenants/{id}/tokens/{token}",
        id: "renameToken",
        summary: "Rename an API token of a tenant",
        text: "A JSON merge patch (RFC 7396).",
        body: Some(Body::Message("TokenChange")),
        replies: &[(200, Reply::Shared("Token"))],
        failures: &[404, 408, 409, 413, 415],
        ..OF_TENANT
    },
    Description {
        method: "POST",
        pattern: "/tenants/{id}/tokens/{token}/rotate",
        id: "rotateToken",
        summary: "Give an API token of a tenant a new secret",
        text: "The secret before goes on for `overlap`, the one before that ends. The reply is the only place where the new one is shown.",
        body: Some(Body::Message("TokenRotation")),
        replies: &[(200, Reply::Shared("NewToken"))],
        failures: &[404, 408, 409, 413, 415],
        ..OF_TENANT
    },
    Description {
        method: "DELETE",
        pattern: "/tenants/{id}/tokens/{token}",
        id: "revokeToken",
        summary: "Revoke an API token of a tenant",
        replies: &[(204, Reply::Nothing)],
        ..OF_TENANT
    },
    Description {
        pattern: "/tenants/{id}/guard",
        id: "getGuard",
        summary: "Show the tokens that count against the guard against mass changes",
        replies: &[(200, Reply::Shared("Guard"))],
        ..OF_TENANT
    },
    Description {
        method: "POST",
        pattern: "/tenants/{id}/guard/release",
        id: "releaseGuard",
        summary: "Let a token that the guard holds go on",
        text: "It begins to count anew. Without `token` every one that is held.",
        parameters: &["guardToken"],
        replies: &[(200, Reply::Shared("GuardRelease"))],
        failures: &[404, 409],
        ..OF_TENANT
    },
];
