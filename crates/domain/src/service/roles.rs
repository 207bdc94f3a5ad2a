//! `/Roles`: the six roles as resources, and who has them.

use serde_json::Value;

use super::{Call, Query};
use crate::{Error, Result};

/// `GET /Roles`: a ListResponse of the roles by rank, paged by `startIndex` and `count`.
pub fn list(call: &Call<'_>, query: &Query) -> Result<Value> {
    let _ = (call, query);
    Err(Error::no_resource())
}

/// `GET /Roles/{id}`: the role with a page of its members.
pub fn get(call: &Call<'_>, id: &str, query: &Query) -> Result<Value> {
    let _ = (call, id, query);
    Err(Error::no_resource())
}

/// `PATCH /Roles/{id}`: moves users to the role (`add`), to the default role (`remove`), or makes the list exact.
pub fn patch(call: &Call<'_>, id: &str, body: &super::Body, query: &Query) -> Result<Value> {
    let _ = (call, id, body, query);
    Err(Error::no_resource())
}
