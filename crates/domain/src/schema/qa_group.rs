//! The extension of both kinds of groups for the QA platform: the owners.

use std::sync::{Arc, LazyLock};

use super::Schema;
use super::build::string;

/// The URN of the QA extension of groups.
pub const URN: &str = "urn:rollcall:params:scim:schemas:extension:qa:2.0:Group";
/// The attribute that holds the owners.
pub const OWNERS: &str = "owners";

/// The QA extension of groups.
pub static SCHEMA: LazyLock<Arc<Schema>> = LazyLock::new(|| {
    let owners = string(OWNERS, "The ids of the users who look after the group.").case_exact().multi_valued();
    Arc::new(Schema {
        id: URN.into(),
        name: "QAGroup".into(),
        description: "Group of the QA platform".into(),
        attributes: vec![Arc::new(owners)],
    })
});
