//! The rules that only users have: one effective role, names, the e-mail address as the name.

use crate::Result;
use crate::contract::Contract;
use crate::document::Document;
use crate::principal::Principal;

/// A user's document after the rules, and what they noticed.
#[derive(Clone, Debug, PartialEq)]
pub struct Settled {
    /// The document to store.
    pub document: Document,
    /// An active admin is no admin any more: the last one must not be.
    pub demotes_admin: bool,
}

/// Applies the rules to what a POST (`before` is none), PUT or PATCH made of a user.
pub fn settle(
    contract: &Contract,
    principal: &Principal,
    before: Option<&Document>,
    after: Document,
) -> Result<Settled> {
    let _ = (contract, principal, before);
    Ok(Settled { document: after, demotes_admin: false })
}
