//! Who somebody is.
//!
//! For requests of identity providers, from the headers to a [`domain::principal::Principal`]: [`carrier`] finds the one
//! credential among the headers, [`token`] judges its text without a database, [`authenticator`] asks the
//! database (or a cache of half a second) whose it is and whether it still holds. [`fn@issue`] makes a token,
//! [`cursor_key`] what the cursors of a tenant are sealed with.
//!
//! The other opaque secrets are those of a session ([`refresh`]), of a [`link`] and of the platform ([`platform_token`]).
//!
//! Nothing here knows the web framework.

pub mod authenticator;
pub mod carrier;
pub mod link;
pub mod platform_token;
pub mod refresh;
pub mod token;

mod base62;
mod issue;
mod opaque;

pub use authenticator::Authenticator;
pub use issue::{DEFAULT_LIFETIME, cursor_key, issue, issue_for_platform};
pub use opaque::Secret;
