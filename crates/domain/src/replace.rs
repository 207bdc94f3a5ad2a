//! PUT in both meanings (see [`crate::contract::Put`]).

use serde_json::{Map, Value};

use crate::Result;
use crate::contract::{Contract, Put};
use crate::decode::{self, Mode, Sent, profile};
use crate::document::Document;
use crate::path::Target;
use crate::resource_type::ResourceType;
use crate::{once, project, user};

/// The document after a PUT of `body`.
///
/// Everything a GET has shown may be sent back (Okta does): what is readOnly or computed is ignored.
/// [`crate::Error::InvalidSyntax`] when the body is no object, [`crate::Error::InvalidValue`] for a value that is
/// wrong or missing.
pub fn apply(
    resource_type: &ResourceType,
    contract: &Contract,
    before: &Document,
    body: &Value,
) -> Result<Document> {
    let sent = decode::read(resource_type, decode::object(body)?)?;
    with(resource_type, contract, before, &sent)
}

/// The document after a PUT of these attributes.
pub(crate) fn with(
    resource_type: &ResourceType,
    contract: &Contract,
    before: &Document,
    sent: &[Sent<'_>],
) -> Result<Document> {
    let before = user::view(resource_type, contract, before);
    let mut after = match contract.put {
        Put::Merge => before.clone(),
        Put::Replace => kept(resource_type, contract, &before),
    };
    for sent in sent {
        decode::assign(&mut after, &sent.target, sent.raw, Mode::Whole)?;
    }
    if contract.put == Put::Replace {
        user::keep_by_omission(resource_type, &before, &mut after);
        keep_spelling(resource_type, &before, &mut after);
    }
    once::bring_back(resource_type, contract.put, &before, &mut after);
    once::check(resource_type, &before, &mut after)?;
    decode::require(resource_type, &after)?;
    Ok(after)
}

/// What a client replaces by speaking of it alone: the values of attributes that outlast a PUT, and the keys of open
/// attributes that this contract does not show, so that nobody who sends back what he was shown takes away what he
/// was not.
fn kept(resource_type: &ResourceType, contract: &Contract, before: &Document) -> Document {
    let mut kept = Document::default();
    for target in Target::all(resource_type) {
        let value = decode::current(before, &target);
        if once::outlasts(&target.attribute) {
            decode::put(&mut kept, &target, value.cloned());
        } else if let (true, Some(Value::Object(map))) = (target.attribute.open, value) {
            let hidden = map.iter().filter(|(key, _)| !project::shows_key(contract, key));
            let hidden: Map<_, _> = hidden.map(|(key, value)| (key.clone(), value.clone())).collect();
            decode::put(&mut kept, &target, (!hidden.is_empty()).then_some(Value::Object(hidden)));
        }
    }
    kept
}

/// Keys of open attributes keep the spelling under which they are known.
fn keep_spelling(resource_type: &ResourceType, before: &Document, after: &mut Document) {
    for target in Target::all(resource_type).filter(|target| target.attribute.open) {
        if let (Some(Value::Object(known)), Some(Value::Object(map))) =
            (decode::current(before, &target), decode::current(after, &target))
        {
            let map = profile::respell(map.clone(), known);
            decode::put(after, &target, Some(Value::Object(map)));
        }
    }
}

#[cfg(test)]
mod tests;
