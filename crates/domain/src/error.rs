//! One error type for the whole engine. It knows the SCIM keywords of RFC 7644 section 3.12 and no HTTP:
//! the status is chosen once, at the edge.

use std::error::Error as StdError;

/// What every fallible function of the engine returns.
pub type Result<T, E = Error> = std::result::Result<T, E>;

/// Why a request was not done. The text of a variant is the `detail` a client reads: it never holds SQL,
/// secrets or more than 64 characters of input (use [`excerpt`]).
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// The body is not the JSON or the message that was expected (400 `invalidSyntax`).
    #[error("{0}")]
    InvalidSyntax(String),
    /// The filter cannot be parsed or evaluated (400 `invalidFilter`).
    #[error("{0}")]
    InvalidFilter(String),
    /// A PATCH path is malformed or names nothing (400 `invalidPath`).
    #[error("{0}")]
    InvalidPath(String),
    /// A value has the wrong type or breaks a rule (400 `invalidValue`).
    #[error("{0}")]
    InvalidValue(String),
    /// The cursor is none that was given for this query (400 `invalidCursor`, RFC 9865 section 2.1).
    #[error("{0}")]
    InvalidCursor(String),
    /// A page of no resources was asked for behind a cursor (400 `invalidCount`, RFC 9865 section 2.1).
    #[error("{0}")]
    InvalidCount(String),
    /// A write to something that may not be written (400 `mutability`).
    #[error("{0}")]
    Mutability(String),
    /// A PATCH remove without a path (400 `noTarget`).
    #[error("{0}")]
    NoTarget(String),
    /// Another resource of the tenant has the same unique value (409 `uniqueness`).
    #[error("{0}")]
    Uniqueness(String),
    /// A rule of the tenant forbids the change in the present state (409 without keyword).
    #[error("{0}")]
    Conflict(String),
    /// No such resource for this tenant (404).
    #[error("{0}")]
    NotFound(String),
    /// `If-Match` or `If-None-Match` did not hold (412).
    #[error("the resource has another version")]
    PreconditionFailed,
    /// No usable credential (401); the reason goes to the log only.
    #[error("authentication is required: send a valid API token")]
    Unauthorized(&'static str),
    /// Contradictory credentials (400, `invalid_request` of RFC 6750 section 3.1).
    #[error("{0}")]
    InvalidRequest(String),
    /// The credential does not allow this (403).
    #[error("{0}")]
    Forbidden(String),
    /// Larger than a limit (413).
    #[error("{0}")]
    TooLarge(String),
    /// The body is in a form that is not accepted (415).
    #[error("{0}")]
    UnsupportedMediaType(String),
    /// The database cannot answer now; the client may retry (503).
    #[error("the service is busy or its database is not reachable, please retry")]
    Unavailable(#[source] Box<dyn StdError + Send + Sync>),
    /// The work would take long or have to wait, and was to be done at once. Whoever asked for that does it again where
    /// it may wait, so a client never sees this (503).
    #[error("the service is busy, please retry")]
    WouldWait,
    /// A defect of ours (500); the cause goes to the log only.
    #[error("internal error")]
    Internal(#[source] Box<dyn StdError + Send + Sync>),
}

impl Error {
    /// The `scimType` keyword of RFC 7644 table 9 or RFC 9865 section 2.1, where there is one.
    pub fn scim_type(&self) -> Option<&'static str> {
        match self {
            Self::InvalidSyntax(_) => Some("invalidSyntax"),
            Self::InvalidFilter(_) => Some("invalidFilter"),
            Self::InvalidPath(_) => Some("invalidPath"),
            Self::InvalidValue(_) => Some("invalidValue"),
            Self::InvalidCursor(_) => Some("invalidCursor"),
            Self::InvalidCount(_) => Some("invalidCount"),
            Self::Mutability(_) => Some("mutability"),
            Self::NoTarget(_) => Some("noTarget"),
            Self::Uniqueness(_) => Some("uniqueness"),
            _ => None,
        }
    }

    /// The answer for an id that this tenant does not have, whoever else may have it.
    pub fn no_resource() -> Self {
        Self::NotFound("there is no such resource".into())
    }

    /// The answer for a path that is none.
    pub fn no_endpoint() -> Self {
        Self::NotFound("there is no such endpoint".into())
    }

    /// The same refusal once more. A transaction may run its work twice, so a refusal that was found before it
    /// began is kept and repeated inside.
    pub fn again(&self) -> Self {
        match self {
            Self::InvalidSyntax(detail) => Self::InvalidSyntax(detail.clone()),
            Self::InvalidFilter(detail) => Self::InvalidFilter(detail.clone()),
            Self::InvalidPath(detail) => Self::InvalidPath(detail.clone()),
            Self::InvalidValue(detail) => Self::InvalidValue(detail.clone()),
            Self::UnsupportedMediaType(detail) => Self::UnsupportedMediaType(detail.clone()),
            Self::Mutability(detail) => Self::Mutability(detail.clone()),
            Self::NoTarget(detail) => Self::NoTarget(detail.clone()),
            Self::TooLarge(detail) => Self::TooLarge(detail.clone()),
            Self::Unauthorized(reason) => Self::Unauthorized(reason),
            Self::Forbidden(detail) => Self::Forbidden(detail.clone()),
            Self::Conflict(detail) => Self::Conflict(detail.clone()),
            other => Self::internal(other.to_string()),
        }
    }

    /// A defect of ours with its cause.
    pub fn internal(cause: impl Into<Box<dyn StdError + Send + Sync>>) -> Self {
        Self::Internal(cause.into())
    }

    /// A passing failure of the database with its cause.
    pub fn unavailable(cause: impl Into<Box<dyn StdError + Send + Sync>>) -> Self {
        Self::Unavailable(cause.into())
    }
}

/// At most 64 characters of `input`, for use in a `detail`.
pub fn excerpt(input: &str) -> String {
    const MOST: usize = 64;
    if input.chars().count() <= MOST {
        return input.to_owned();
    }
    let mut cut: String = input.chars().take(MOST - 1).collect();
    cut.push('…');
    cut
}
