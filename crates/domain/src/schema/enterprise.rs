//! The enterprise extension of User (RFC 7643 section 4.3), complete.

use std::sync::{Arc, LazyLock};

use super::Schema;
use super::build::{complex, reference, string};

/// The URN of the enterprise extension.
pub const URN: &str = "urn:ietf:params:scim:schemas:extension:enterprise:2.0:User";

/// The enterprise extension.
pub static SCHEMA: LazyLock<Arc<Schema>> = LazyLock::new(|| {
    let attributes = vec![
        string("employeeNumber", "The number the organization gave the person."),
        string("costCenter", "The cost center."),
        string("organization", "The organization."),
        string("division", "The division."),
        string("department", "The department."),
        complex(
            "manager",
            "The user's manager.",
            vec![
                string("value", "The id of the manager, kept as sent.").case_exact(),
                reference("$ref", &["User"], "The URI of the manager, where the id is that of a user."),
                string("displayName", "The name of the manager, where the id is that of a user.").read_only(),
            ],
        ),
    ];
    Arc::new(Schema {
        id: URN.into(),
        name: "EnterpriseUser".into(),
        description: "Enterprise User".into(),
        attributes: attributes.into_iter().map(Arc::new).collect(),
    })
});
