//! The attributes every resource has, whatever its schema (RFC 7643 sections 3 and 3.1).

use std::sync::{Arc, LazyLock};

use super::build::{attribute, complex, reference, string};
use super::{Attribute, Returned, Type};
use crate::limits;

/// `schemas`, `id`, `externalId` and `meta`.
pub static ATTRIBUTES: LazyLock<Vec<Arc<Attribute>>> = LazyLock::new(|| {
    vec![
        Arc::new(
            reference("schemas", &["uri"], "The URNs of the schemas of the resource.")
                .multi_valued()
                .read_only()
                .returned(Returned::Always),
        ),
        Arc::new(
            string("id", "The identifier the server gave the resource.")
                .case_exact()
                .read_only()
                .unique()
                .returned(Returned::Always),
        ),
        Arc::new(
            string("externalId", "The identifier the client gave the resource.")
                .case_exact()
                .unique()
                .max_chars(limits::NAME_CHARS),
        ),
        Arc::new(
            complex(
                "meta",
                "What the server knows about the resource.",
                vec![
                    string("resourceType", "The name of the resource type.").case_exact(),
                    attribute("created", Type::DateTime, "When the resource was made."),
                    attribute("lastModified", Type::DateTime, "When the resource last changed."),
                    reference("location", &["uri"], "The URI of the resource."),
                    string("version", "The version of the resource, its entity tag.").case_exact(),
                ],
            )
            .read_only(),
        ),
    ]
});

/// The common attribute with this name, in any case.
pub fn attribute_named(name: &str) -> Option<&'static Arc<Attribute>> {
    super::find(&ATTRIBUTES, name)
}
