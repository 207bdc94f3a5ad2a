//! Who somebody is.
//!
//! For requests of identity providers, from the headers to a [`domain::principal::Principal`]: [`carrier`] finds the one
//! credential among the headers, [`token`] judges its text without a database, [`authenticator`] asks the
//! database (or a cache of half a second) whose it is and whether it still holds. [`fn@issue`] makes a token, [`reissue`] gives one another secret,
//! [`cursor_key`] what the cursors of a tenant are sealed with.
//!
//! For admins who sign in: [`password`], then [`totp`] or one of the codes of [`recovery`]; an [`access`] token signed with a
//! key of [`key_ring`], prolonged with a [`refresh`] token; the secret of a [`link`] before there is a password.
//! [`platform_token`] is for the platform itself. These are pure; [`sessions`] asks the store.
//!
//! Nothing here knows the web framework.

pub mod access;
pub mod authenticator;
pub mod carrier;
pub mod key_ring;
pub mod link;
pub mod password;
pub mod platform_token;
pub mod recovery;
pub mod refresh;
pub mod sessions;
pub mod token;
pub mod totp;

mod base32;
mod base62;
mod issue;
mod opaque;

pub use authenticator::{Authenticator, Recalled};
pub use issue::{DEFAULT_LIFETIME, cursor_key, issue, issue_for_platform, reissue};
pub use opaque::Secret;
pub use sessions::Sessions;
