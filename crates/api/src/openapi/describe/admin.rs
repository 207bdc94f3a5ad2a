//! What is said of the lines below `/admin/v1`.

use super::{Body, Description, GET, Reply, Tag};

const ADMIN: Description = Description { tag: Tag::Admin, ..GET };

pub(super) const ALL: &[Description] = &[
    Description {
        method: "POST",
        pattern: "/session",
        id: "signIn",
        summary: "Sign in",
        text: "Wrong passwords are slowed down. An account with a second factor needs a code; without one the `type` of \
               the 401 ends in `code-required`.",
        body: Some(Body::Message("SignIn")),
        replies: &[(200, Reply::Shared("Grant"))],
        failures: &[408, 413, 415],
        ..ADMIN
    },
    Description {
        pattern: "/me",
        id: "getMe",
        summary: "The account that asks",
        replies: &[(200, Reply::Shared("Me"))],
        ..ADMIN
    },
    Description {
        pattern: "/tokens",
        id: "listOwnTokens",
        summary: "List API tokens",
        text: "The youngest first, whatever their state.",
        parameters: &["tokenCount", "tokenCursor"],
        replies: &[(200, Reply::Shared("TokenList"))],
        ..ADMIN
    },
    Description {
        method: "POST",
        pattern: "/tokens",
        id: "createOwnToken",
        summary: "Create an API token",
        text: "The reply is the only place where the token is shown.",
        body: Some(Body::Message("TokenInput")),
        replies: &[(201, Reply::Made("NewToken"))],
        failures: &[408, 413, 415],
        ..ADMIN
    },
    Description {
        pattern: "/tokens/{token}",
        id: "getOwnToken",
        summary: "Get an API token",
        replies: &[(200, Reply::Shared("Token"))],
        failures: &[404],
        ..ADMIN
    },
    Description {
        method: "PATCH",
        pattern: "/tokens/{token}",
        id: "renameOwnToken",
        summary: "Rename an API token",
        text: "A JSON merge patch (RFC 7396).",
        body: Some(Body::Message("TokenChange")),
        replies: &[(200, Reply::Shared("Token"))],
        failures: &[404, 408, 413, 415],
        ..ADMIN
    },
    Description {
        method: "DELETE",
        pattern: "/tokens/{token}",
        id: "revokeOwnToken",
        summary: "Revoke an API token",
        text: "It ends within a second, with the secret before its present one.",
        replies: &[(204, Reply::Nothing)],
        failures: &[404],
        ..ADMIN
    },
    Description {
        method: "POST",
        pattern: "/tokens/{token}/rotate",
        id: "rotateOwnToken",
        summary: "Give an API token a new secret",
        text: "The secret before goes on for `overlap`, the one before that ends. The reply is the only place where the new one is shown.",
        body: Some(Body::Message("TokenRotation")),
        replies: &[(200, Reply::Shared("NewToken"))],
        failures: &[404, 408, 409, 413, 415],
        ..ADMIN
    },
];
