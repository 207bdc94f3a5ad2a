//! The part of the port that looks after API tokens.

use chrono::{DateTime, Utc};

use crate::Result;
use crate::audit::Entry;
use crate::id::{TenantId, TokenId};
use crate::store::Origin;
use crate::token::{Credential, Noted, Token};

/// Which tokens a list asks for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Wanted {
    /// Those that come behind this one, that is were made before it.
    pub after: Option<TokenId>,
    /// At most so many.
    pub limit: usize,
}

/// A change of a token. It gives what the audit log says of it, and nothing when it changes nothing. It may run more than
/// once, so it only computes.
pub type AlterToken<'a> = &'a mut dyn FnMut(&mut Credential) -> Result<Option<Entry>>;

/// The tokens of tenants.
pub trait TokenStore: Send + Sync {
    /// Stores a token of the tenant, with its audit row. [`crate::Error::Forbidden`] beyond the quota of the tenant.
    fn create_token(&self, tenant: TenantId, credential: &Credential, origin: &Origin) -> Result<()>;

    /// The tokens of the tenant, the youngest first.
    fn list_tokens(&self, tenant: TenantId, wanted: &Wanted) -> Result<Vec<Token>>;

    /// The token of the tenant with this id, whatever its state.
    fn token(&self, tenant: TenantId, id: TokenId) -> Result<Option<Token>>;

    /// Changes a token while nobody else can, with its audit row; `None` when the tenant has none with this id. How it was
    /// used is not changed.
    fn alter_token(&self, tenant: TenantId, id: TokenId, change: AlterToken<'_>) -> Result<Option<Token>>;

    /// Writes down how tokens were used. What is older than what is known changes nothing.
    fn note_uses(&self, tenant: TenantId, uses: &[Noted]) -> Result<()>;

    /// The tokens of the tenant that end between two times and are not revoked.
    fn tokens_ending(&self, tenant: TenantId, from: DateTime<Utc>, to: DateTime<Utc>) -> Result<Vec<Token>>;
}
