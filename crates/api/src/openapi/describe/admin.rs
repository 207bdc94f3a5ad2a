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
];
