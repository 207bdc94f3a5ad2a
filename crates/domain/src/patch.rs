//! PATCH (RFC 7644 section 3.5.2), in every form that real clients send.
//!
//! A message is read as a whole, then its operations are done in order on a copy: all of them, or none. `add` and
//! `replace` differ only in what they do to a list and to the elements a filter finds; both create what is not
//! there, because Entra ID uses them as one.

mod budget;
mod list;
mod message;
mod operation;

use serde_json::Value;

use budget::Budget;

use crate::contract::Contract;
use crate::document::Document;
use crate::group::Steps;
use crate::resource_type::ResourceType;
use crate::{Result, decode, once, user};

/// The document after the operations of a PatchOp message, in order; nothing of it when one fails. For a group
/// see [`crate::group::patch`].
///
/// [`crate::Error::InvalidSyntax`] for a message that is none, [`crate::Error::TooLarge`] for too many operations or
/// too much work,
/// [`crate::Error::InvalidPath`], [`crate::Error::InvalidValue`] (a missing value too), [`crate::Error::Mutability`]
/// for a path to something readOnly, [`crate::Error::NoTarget`] for `remove` without a path and for a filter that
/// finds nothing and that no element could be made from.
pub fn apply(
    resource_type: &ResourceType,
    contract: &Contract,
    before: &Document,
    body: &Value,
) -> Result<Document> {
    run(resource_type, contract, before, body).map(|draft| draft.document)
}

/// What operations work on.
#[derive(Debug, Default)]
pub(crate) struct Draft {
    pub(crate) document: Document,
    /// What is done to the lists of a group, which are no part of its document.
    pub(crate) lists: Steps,
}

/// As [`apply`], with what the operations do to the lists of a group.
pub(crate) fn run(
    resource_type: &ResourceType,
    contract: &Contract,
    before: &Document,
    body: &Value,
) -> Result<Draft> {
    let operations = message::read(body)?;
    let before = user::view(resource_type, contract, before);
    let mut draft = Draft { document: before.clone(), lists: Steps::default() };
    let budget = Budget::default();
    for operation in &operations {
        operation::apply(resource_type, contract, &mut draft, operation, &budget)?;
    }
    user::lose_removed_role(resource_type, &before, &mut draft.document);
    once::check(resource_type, &before, &mut draft.document)?;
    decode::require(resource_type, &draft.document)?;
    Ok(draft)
}

/// How many members and owners the operations of a message name, each taken for itself.
pub(crate) fn named(resource_type: &ResourceType, contract: &Contract, body: &Value) -> usize {
    let operations = message::read(body).unwrap_or_default();
    let named = operations.iter().map(|operation| {
        let (mut draft, budget) = (Draft::default(), Budget::default());
        // What is refused has been counted before, and will be refused again when it is done.
        let _ = operation::apply(resource_type, contract, &mut draft, operation, &budget);
        draft.lists.users()
    });
    named.sum()
}

#[cfg(test)]
mod tests;
