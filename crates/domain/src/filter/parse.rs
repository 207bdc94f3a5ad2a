//! The filter grammar.

use super::Filter;
use crate::resource_type::ResourceType;
use crate::{Error, Result};

/// What a filter is parsed for.
#[derive(Clone, Copy, Debug)]
pub struct Scope<'a> {
    /// The type whose attributes may be named.
    pub resource_type: &'a ResourceType,
    /// What `meta.location` starts with, up to and including the slash before the id.
    pub location: &'a str,
}

/// Parses and resolves a whole filter; [`Error::InvalidFilter`] names the first surprise.
pub fn parse(text: &str, scope: &Scope<'_>) -> Result<Filter> {
    let _ = scope;
    Err(Error::InvalidFilter(text.into()))
}
