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
