//! From the headers of a request to a [`domain::principal::Principal`].
//!
//! [`carrier`] finds the one credential among the headers, [`token`] judges its text without a database,
//! [`authenticator`] asks the database (or a cache of half a second) whose it is and whether it still holds.
//! [`fn@issue`] makes a token, [`cursor_key`] what the cursors of a tenant are sealed with. Nothing here knows the web framework.

pub mod authenticator;
pub mod carrier;
pub mod token;

mod base62;
mod issue;

pub use authenticator::Authenticator;
pub use issue::{DEFAULT_LIFETIME, cursor_key, issue};
pub use token::Secret;
