//! The extension of User for the QA platform: the free profile and the effective role.

use std::sync::{Arc, LazyLock};

use super::build::{complex, string};
use super::{Attribute, Returned, Schema};
use crate::role::Role;

/// The URN of the QA extension of User.
pub const URN: &str = "urn:rollcall:params:scim:schemas:extension:qa:2.0:User";
/// The attribute that holds the free map.
pub const PROFILE: &str = "profile";
/// The attribute that holds the effective role.
pub const ROLE: &str = "role";

/// The QA extension as every tenant has it; discovery adds the known profile keys of the tenant.
pub static SCHEMA: LazyLock<Arc<Schema>> = LazyLock::new(|| {
    let names: Vec<&str> = Role::ALL.iter().map(|role| role.name()).collect();
    // On request only: a client that writes the whole extension gets back what it wrote, and no more.
    let role = string(ROLE, "The effective role of the user.")
        .case_exact()
        .canonical(&names)
        .read_only()
        .returned(Returned::Request);
    Arc::new(Schema {
        id: URN.into(),
        name: "QAUser".into(),
        description: "User of the QA platform".into(),
        attributes: vec![Arc::new(profile()), Arc::new(role)],
    })
});

/// The free map, without declared keys.
pub(crate) fn profile() -> Attribute {
    Attribute {
        open: true,
        ..complex(
            PROFILE,
            "Attributes of the platform's customer: a free map of texts, numbers and booleans.",
            vec![],
        )
    }
}
