//! Every limit of the wire contract, each one constant. What SCIM can announce is announced from here.

use std::time::Duration;

/// Bytes of a request body.
pub const BODY_BYTES: usize = 1 << 20;
/// Nested arrays and objects of a JSON body; the outermost counts as one.
pub const JSON_DEPTH: usize = 32;
/// Bytes of the request target.
pub const URL_BYTES: usize = 8 << 10;
/// Headers of a request. The framework counts them, and has no setting for it.
pub const HEADERS: usize = 96;
/// Bytes of all header names and values together.
pub const HEADER_BYTES: usize = 32 << 10;
/// Bytes of a filter.
pub const FILTER_BYTES: usize = 4_096;
/// Nested parentheses, `not (` and `[` of a filter.
pub const FILTER_DEPTH: usize = 12;
/// Comparisons in a filter.
pub const FILTER_TERMS: usize = 32;
/// Operations of one PATCH request.
pub const PATCH_OPERATIONS: usize = 1_000;
/// Operations of one bulk request.
pub const BULK_OPERATIONS: usize = 1_000;
/// Users named in one request, as members and owners together; in a bulk request over all operations.
pub const MEMBERS: usize = 10_000;
/// Users that one PATCH of a role may move; each is a change of a user.
pub const ROLE_MOVES: usize = 1_000;
/// Members of a group; a larger one is refused with 403.
pub const GROUP_MEMBERS: i64 = 200_000;
/// Members up to which a PATCH of a group is answered with the group and not with 204.
pub const PATCH_SHOWS_MEMBERS: i64 = 1_000;
/// Weight of a stored document ([`crate::document::Document::weight`]): a client can always send back what it reads.
pub const DOCUMENT_WEIGHT: usize = BODY_BYTES;
/// Weight of the values that the operations of one PATCH may look through, all terms of all filters counted.
pub const PATCH_WORK: usize = 8 << 20;
/// Profile keys that a tenant's schema announces; further ones are kept in the profiles and not announced.
pub const ANNOUNCED_KEYS: usize = 1_000;
/// Resources on one page, however many are asked for.
pub const PAGE: usize = 1_000;
/// Attribute names in `attributes` or `excludedAttributes`.
pub const PROJECTION_NAMES: usize = 100;
/// Characters of `userName`, `displayName` and `externalId`.
pub const NAME_CHARS: usize = 256;
/// Characters of any other string.
pub const TEXT_CHARS: usize = 1_024;
/// Entries of a multi-valued attribute.
pub const ENTRIES: usize = 100;
/// Keys of a user's profile.
pub const PROFILE_KEYS: usize = 100;
/// Bytes of a profile key.
pub const PROFILE_KEY_BYTES: usize = 128;
/// Bytes of a profile value.
pub const PROFILE_VALUE_BYTES: usize = 1_024;
/// Schemas that a tenant defines itself.
pub const TENANT_SCHEMAS: usize = 50;
/// Resource types that a tenant defines or extends.
pub const TENANT_TYPES: usize = 20;
/// Attributes of a schema of a tenant, and sub-attributes of one of them.
pub const SCHEMA_ATTRIBUTES: usize = 200;
/// Bytes of the URN of a schema of a tenant.
pub const URN_BYTES: usize = 200;
/// Bytes of the name of an attribute, a resource type or an endpoint of a tenant.
pub const ATTRIBUTE_NAME_BYTES: usize = 64;
/// Days that a secret of a token may go on beside a new one.
pub const TOKEN_OVERLAP_DAYS: i64 = 30;
/// Characters that are kept of what a client calls itself.
pub const AGENT_CHARS: usize = 256;
/// Time from the last byte of a request to its answer.
pub const ANSWER_TIME: Duration = Duration::from_secs(10);
/// The same for a bulk request.
pub const BULK_ANSWER_TIME: Duration = Duration::from_secs(45);
/// Time in which a bulk request begins operations: the last one has as long as any other request, so that nothing
/// is done behind the answer.
pub const BULK_WORK_TIME: Duration = Duration::from_secs(35);
/// Time for the whole body to arrive.
pub const BODY_TIME: Duration = Duration::from_secs(15);
