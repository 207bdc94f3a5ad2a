//! The rules that only groups have. Members and owners are not part of a group's document: they are rows, and a
//! request becomes an [`Edit`], a document and steps on the lists, so that nobody reads a list to change it.

mod reference;
mod steps;

use serde_json::{Value, json};

use crate::contract::{Contract, Put};
use crate::decode::{self, Sent};
use crate::document::Document;
use crate::filter::Filter;
use crate::id::ResourceId;
use crate::path::Target;
use crate::resource_type::{Kind, ResourceType, USER};
use crate::schema::{group, qa_group};
use crate::{Result, patch as patching, replace as replacing};

pub(crate) use steps::Steps;

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
            Self::Members => group::MEMBERS,
            Self::Owners => qa_group::OWNERS,
        }
    }

    /// The list that an attribute of a group, or a part of it, stands for.
    pub fn of(resource_type: &ResourceType, target: &Target) -> Option<Self> {
        let Kind::Group(_) = resource_type.kind else { return None };
        let urn = target.extension.as_ref().map(|schema| schema.id.as_str());
        match (urn, target.attribute.name.as_str()) {
            (None, group::MEMBERS) => Some(Self::Members),
            (Some(qa_group::URN), qa_group::OWNERS) => Some(Self::Owners),
            _ => None,
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

/// What a request makes of a resource without lists.
impl From<Document> for Edit {
    fn from(document: Document) -> Self {
        Self { document, steps: Vec::new() }
    }
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

impl Entry {
    /// Whether the entry satisfies the filter of a [`Step::RemoveWhere`]; `base` is the public URL of the
    /// contract's base path, which the filter may speak of as `$ref`.
    pub fn satisfies(&self, filter: &Filter, list: List, base: &str) -> bool {
        filter.matches_element(&match list {
            List::Members => self.as_object(base),
            List::Owners => self.user.to_string().into(),
        })
    }

    /// The display name, if there is one to be shown.
    pub(crate) fn shown_name(&self) -> Option<&str> {
        self.display.as_deref().filter(|display| !display.is_empty())
    }

    /// As RFC 7643 section 4.2 has a member; without `display` for a user who has no display name.
    pub(crate) fn as_object(&self, base: &str) -> Value {
        let id = self.user;
        let mut member = json!({"value": id.to_string(), "$ref": format!("{base}/{}/{id}", USER.endpoint)});
        if let Some(display) = self.shown_name() {
            member["display"] = display.into();
        }
        member["type"] = USER.name.as_str().into();
        member
    }
}

/// The group that the body of a POST describes.
///
/// # Errors
/// As [`decode::create`], and [`crate::Error::TooLarge`] for more than [`crate::limits::MEMBERS`] users in the
/// request.
pub fn create(resource_type: &ResourceType, _contract: &Contract, body: &Value) -> Result<Edit> {
    let (lists, rest) = split(resource_type, decode::read(resource_type, decode::object(body)?)?);
    let mut steps = Steps::default();
    for (list, sent) in lists {
        steps.replace(list, &sent.target, sent.raw)?;
    }
    let document = decode::made_of(resource_type, &rest)?;
    // The lists of a new group are empty: there is nothing to be replaced.
    let added = steps.finish().into_iter().filter_map(|step| match step {
        Step::Replace(list, users) => (!users.is_empty()).then_some(Step::Add(list, users)),
        other => Some(other),
    });
    Ok(Edit { document, steps: added.collect() })
}

/// The group after a PUT of `body`: replacing empties lists that were not sent, merging leaves them.
///
/// # Errors
/// As [`replace::apply`](crate::replace::apply), and [`crate::Error::TooLarge`] as for [`create`].
pub fn replace(
    resource_type: &ResourceType,
    contract: &Contract,
    before: &Document,
    body: &Value,
) -> Result<Edit> {
    let (lists, rest) = split(resource_type, decode::read(resource_type, decode::object(body)?)?);
    let mut steps = Steps::default();
    if contract.put == Put::Replace {
        List::ALL.into_iter().for_each(|list| steps.clear(list));
    }
    for (list, sent) in lists {
        steps.replace(list, &sent.target, sent.raw)?;
    }
    let document = replacing::with(resource_type, contract, before, &rest)?;
    Ok(Edit { document, steps: steps.finish() })
}

/// The group after the operations of a PatchOp message.
///
/// # Errors
/// As [`patch::apply`](crate::patch::apply), and [`crate::Error::TooLarge`] for more than
/// [`crate::limits::MEMBERS`] users, or more than [`crate::limits::FILTER_TERMS`] comparisons in filters that every
/// entry has to be held against, in all operations together.
pub fn patch(
    resource_type: &ResourceType,
    contract: &Contract,
    before: &Document,
    body: &Value,
) -> Result<Edit> {
    let draft = patching::run(resource_type, contract, before, body)?;
    Ok(Edit { document: draft.document, steps: draft.lists.finish() })
}

/// How many members and owners a body names, as sent and whatever else is wrong with it.
pub(crate) fn named(
    resource_type: &ResourceType,
    contract: &Contract,
    is_patch: bool,
    body: &Value,
) -> usize {
    if is_patch {
        return patching::named(resource_type, contract, body);
    }
    let sent = body.as_object().map(|object| decode::read(resource_type, object));
    let (lists, _) = split(resource_type, sent.and_then(Result::ok).unwrap_or_default());
    let named = lists.into_iter().map(|(list, sent)| {
        let mut steps = Steps::default();
        // What is refused has been counted before.
        let _ = steps.replace(list, &sent.target, sent.raw);
        steps.users()
    });
    named.sum()
}

/// What a body says about the lists, and what it says about the rest.
fn split<'a>(resource_type: &ResourceType, sent: Vec<Sent<'a>>) -> (Vec<(List, Sent<'a>)>, Vec<Sent<'a>>) {
    let mut lists = Vec::new();
    let mut rest = Vec::new();
    for sent in sent {
        match List::of(resource_type, &sent.target) {
            Some(list) => lists.push((list, sent)),
            None => rest.push(sent),
        }
    }
    (lists, rest)
}

#[cfg(test)]
mod tests;
