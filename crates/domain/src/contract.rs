//! The two wire contracts as data. The base path of a request picks one of two values; nothing else does.

/// What `PUT` does to attributes that were not sent.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Put {
    /// They stay (an attribute sent replaces the stored one whole, `profile` merges key by key).
    Merge,
    /// They are cleared, except `active` and `roles` (RFC 7644 section 3.5.1).
    Replace,
}

/// The form of a user's roles and of group members on the wire.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Shape {
    /// Bare strings: `["grader"]`.
    Flat,
    /// Objects as in RFC 7643: `[{"value":"grader","display":"Grader","primary":true}]`.
    Objects,
}

/// Everything in which the two contracts differ.
#[derive(Debug, PartialEq, Eq)]
pub struct Contract {
    /// What people call it.
    pub name: &'static str,
    /// The base path, without a trailing slash.
    pub base: &'static str,
    /// The meaning of `PUT`.
    pub put: Put,
    /// The form of roles, members and owners.
    pub shape: Shape,
    /// Whether the attributes of our own extensions stand at the root (`profile`, `owners`).
    pub own_attributes_at_root: bool,
    /// Whether `userName` is the e-mail address of the user.
    pub user_name_is_email: bool,
    /// Whether `userName` may be changed when the tenant has no setting of its own.
    pub user_name_may_change: bool,
    /// Resources on a page when no `count` is sent.
    pub default_count: usize,
    /// On an empty page `itemsPerPage` is the page size asked for, not the number returned.
    pub empty_page_echoes_count: bool,
}

/// After MaestroQA's SCIM API.
pub static QA: Contract = Contract {
    name: "qa",
    base: "/api/v1/scim/v2",
    put: Put::Merge,
    shape: Shape::Flat,
    own_attributes_at_root: true,
    user_name_is_email: true,
    user_name_may_change: false,
    default_count: 20,
    empty_page_echoes_count: true,
};

/// After RFC 7643 and RFC 7644.
pub static RFC: Contract = Contract {
    name: "rfc",
    base: "/scim/v2",
    put: Put::Replace,
    shape: Shape::Objects,
    own_attributes_at_root: false,
    user_name_is_email: false,
    user_name_may_change: true,
    default_count: 100,
    empty_page_echoes_count: false,
};

/// Both contracts, in the order in which they are announced.
pub static ALL: [&Contract; 2] = [&RFC, &QA];
