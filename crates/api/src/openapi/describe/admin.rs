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
        method: "DELETE",
        pattern: "/session",
        id: "signOut",
        summary: "Sign out",
        text: "The tokens of the session end within a second.",
        replies: &[(204, Reply::Nothing)],
        ..ADMIN
    },
    Description {
        pattern: "/session/refresh",
        id: "refreshSession",
        summary: "Prolong a session",
        text: "A refresh token is good once. One that comes back ends the session.",
        body: Some(Body::Message("Refresh")),
        ..SIGN_IN
    },
    Description {
        pattern: "/invitations/accept",
        id: "acceptInvitation",
        summary: "Choose the password of an account one was invited to",
        body: Some(Body::Message("Acceptance")),
        replies: &[(200, Reply::Shared("Me"))],
        ..SIGN_IN
    },
    Description {
        pattern: "/resets/accept",
        id: "acceptReset",
        summary: "Choose another password with a link",
        text: "All sessions of the account end.",
        body: Some(Body::Message("Acceptance")),
        replies: &[(200, Reply::Shared("Me"))],
        ..SIGN_IN
    },
    Description {
        pattern: "/me",
        id: "getMe",
        summary: "The account that asks",
        replies: &[(200, Reply::Shared("Me"))],
        ..ADMIN
    },
    Description {
        pattern: "/me/password",
        id: "changePassword",
        summary: "Change the password",
        text: "Other sessions of the account end.",
        body: Some(Body::Message("PasswordChange")),
        replies: &[(204, Reply::Nothing)],
        failures: &[408, 413, 415],
        ..OWN
    },
    Description {
        pattern: "/me/totp",
        id: "beginTotp",
        summary: "Make a second factor",
        text: "It counts when a code of it has been sent to `confirm`.",
        replies: &[(200, Reply::Shared("NewTotp"))],
        ..OWN
    },
    Description {
        pattern: "/me/totp/confirm",
        id: "confirmTotp",
        summary: "Let the second factor count",
        text: "Other sessions of the account end. The reply is the only place where the recovery codes are shown.",
        ..OWN
    },
    Description {
        pattern: "/me/totp/disable",
        id: "disableTotp",
        summary: "Take the second factor away",
        replies: &[(204, Reply::Nothing)],
        ..OWN
    },
    Description {
        pattern: "/me/recovery-codes",
        id: "renewRecoveryCodes",
        summary: "New recovery codes",
        text: "The old ones are void. The reply is the only place where the new ones are shown.",
        ..OWN
    },
    Description {
        pattern: "/admins",
        id: "listAdmins",
        summary: "List the accounts of admins",
        replies: &[(200, Reply::Shared("AdminList"))],
        ..ADMIN
    },
    Description {
        method: "POST",
        pattern: "/admins",
        id: "inviteAdmin",
        summary: "Invite an admin",
        text: "The reply is the only place where the secret of the invitation is shown. It is good for seven days, once.",
        body: Some(Body::Message("Invitation")),
        replies: &[(201, Reply::Made("LinkedAdmin"))],
        failures: &[408, 409, 413, 415],
        ..ADMIN
    },
    Description {
        pattern: "/admins/{id}",
        id: "getAdmin",
        summary: "Get the account of an admin",
        ..ACCOUNT
    },
    Description {
        method: "PATCH",
        pattern: "/admins/{id}",
        id: "updateAdmin",
        summary: "Change the role of an admin",
        text: "A JSON merge patch (RFC 7396). The last active owner stays one.",
        body: Some(Body::Message("AdminChange")),
        failures: &[404, 408, 409, 413, 415],
        ..ACCOUNT
    },
    Description {
        method: "DELETE",
        pattern: "/admins/{id}",
        id: "deleteAdmin",
        summary: "Delete the account of an admin",
        replies: &[(204, Reply::Nothing)],
        failures: &[404, 409],
        ..ACCOUNT
    },
    Description {
        method: "POST",
        pattern: "/admins/{id}/disable",
        id: "disableAdmin",
        summary: "Disable the account of an admin",
        text: "Its sessions end within a second.",
        failures: &[404, 409],
        ..ACCOUNT
    },
    Description {
        method: "POST",
        pattern: "/admins/{id}/enable",
        id: "enableAdmin",
        summary: "Let a disabled admin sign in again",
        failures: &[404, 409],
        ..ACCOUNT
    },
    Description {
        method: "POST",
        pattern: "/admins/{id}/reset",
        id: "resetAdmin",
        summary: "A link with which an admin chooses a password",
        text: "For who has no password yet, it is another invitation; the link before it is void. The reply is the only \
               place where the secret is shown. A reset is good for 30 minutes, once.",
        body: Some(Body::Message("Reset")),
        replies: &[(200, Reply::Shared("LinkedAdmin"))],
        failures: &[404, 408, 409, 413, 415],
        ..ACCOUNT
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
    Description {
        pattern: "/guard",
        id: "getOwnGuard",
        summary: "Show the tokens that count against the guard against mass changes",
        replies: &[(200, Reply::Shared("Guard"))],
        ..ADMIN
    },
    Description {
        method: "POST",
        pattern: "/guard/release",
        id: "releaseOwnGuard",
        summary: "Let a token that the guard holds go on",
        text: "It begins to count anew. Without `token` every one that is held.",
        parameters: &["guardToken"],
        replies: &[(200, Reply::Shared("GuardRelease"))],
        failures: &[404],
        ..ADMIN
    },
    Description {
        pattern: "/requests",
        id: "listRequests",
        summary: "List SCIM requests of the tenant",
        text: "The youngest first. They are written a moment after they are answered, and kept for a while.",
        parameters: &[
            "ofResource",
            "ofToken",
            "ofStatus",
            "ofRequest",
            "since",
            "until",
            "rows",
            "rowsCursor",
        ],
        replies: &[(200, Reply::Shared("RecordedRequestList"))],
        ..ADMIN
    },
    Description {
        pattern: "/requests/{id}",
        id: "getRequest",
        summary: "Get a SCIM request of the tenant, with the body of a failed one",
        replies: &[(200, Reply::Shared("RecordedRequestWithBody"))],
        failures: &[404],
        ..ADMIN
    },
    Description {
        pattern: "/users/{id}/history",
        id: "getHistory",
        summary: "Everything that was done to a user and by whom",
        text: "The youngest first: the audit rows about the user and about groups that name it, and the requests that \
               touched it. Another resource's id does as well.",
        parameters: &["rows", "rowsCursor"],
        replies: &[(200, Reply::Shared("History"))],
        failures: &[404],
        ..ADMIN
    },
    Description {
        pattern: "/audit",
        id: "listAudit",
        summary: "List the audit log",
        text: "The youngest first.",
        parameters: &["ofResource", "ofActor", "ofAction", "since", "until", "rows", "rowsCursor"],
        replies: &[(200, Reply::Shared("AuditRowList"))],
        ..ADMIN
    },
    Description {
        pattern: "/audit/export",
        id: "exportAudit",
        summary: "Get the audit log as a file",
        text: "In the order in which it was written. In CSV a field that begins like a formula has an apostrophe before it.",
        parameters: &["fileFormat", "ofResource", "ofActor", "ofAction", "since", "until"],
        replies: &[(200, Reply::Files(&["application/x-ndjson", "text/csv"]))],
        ..ADMIN
    },
];

const SIGN_IN: Description = Description {
    method: "POST",
    replies: &[(200, Reply::Shared("Grant"))],
    failures: &[408, 413, 415],
    ..ADMIN
};
const OWN: Description = Description {
    method: "POST",
    body: Some(Body::Message("Proof")),
    replies: &[(200, Reply::Shared("RecoveryCodes"))],
    failures: &[408, 409, 413, 415],
    ..ADMIN
};
const ACCOUNT: Description =
    Description { replies: &[(200, Reply::Shared("Admin"))], failures: &[404], ..ADMIN };
