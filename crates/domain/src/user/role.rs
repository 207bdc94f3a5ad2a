//! The effective role and the list of roles it comes from.

use serde_json::{Value, json};

use crate::contract::{Contract, Shape};
use crate::document::Document;
use crate::error::excerpt;
use crate::principal::Principal;
use crate::role::Role;
use crate::schema::qa_user;
use crate::{Error, Result};

/// The effective role as stored.
pub fn effective_role(document: &Document) -> Option<Role> {
    document.extension(qa_user::URN, qa_user::ROLE).and_then(Value::as_str).and_then(Role::parse)
}

/// Makes `role` the effective one: it replaces the entry that counts, and names that are not ours stay. `None`
/// takes our names from the list; the default is then the effective role.
pub fn give_role(document: &mut Document, role: Option<Role>, default: Role) {
    let mut entries = entries(document).to_vec();
    let counting = highest(document);
    let place = entries.iter().position(|entry| counting.is_some() && role_in(entry) == counting);
    // The entry keeps its place, type and primary mark; a name for people belongs to the old role.
    let mut entry = place.map_or_else(|| json!({}), |place| entries[place].clone());
    let foreign = |entry: &Value| role_in(entry).is_none();
    let place = entries.iter().take(place.unwrap_or(entries.len())).filter(|entry| foreign(entry)).count();
    entries.retain(foreign);
    if let Some(role) = role {
        if counting != Some(role) {
            entry["display"] = role.display().into();
        }
        entry["value"] = role.name().into();
        entries.insert(place, entry);
    }
    document.set("roles", (!entries.is_empty()).then_some(Value::Array(entries)));
    put(document, Some(role.unwrap_or(default)));
    complete(document);
}

/// Finds the effective role, checks that it may be granted and stores it.
pub(super) fn settle(
    contract: &Contract,
    principal: &Principal,
    before: Option<&Document>,
    document: &mut Document,
) -> Result<()> {
    let default = principal.tenant.settings.default_role();
    let old = before.and_then(effective_role);
    let asked = match contract.shape {
        Shape::Objects => highest(document),
        Shape::Flat => only(document)?,
    };
    match contract.shape {
        Shape::Objects => {
            // None of ours: what was stays, unless a PATCH has taken it away; a new user gets the default.
            let role = asked.or_else(|| effective_role(document)).unwrap_or(default);
            put(document, Some(role));
            complete(document);
        }
        Shape::Flat => {
            // What the contract showed was a view; the list behind it is the one from before.
            document.set("roles", before.and_then(|before| before.get("roles")).cloned());
            if asked.is_none() || asked != old {
                give_role(document, asked, default);
            }
        }
    }
    // A new user who is given no role gets the default for free; whoever takes a role away grants the default.
    let granted =
        if before.is_none() { asked } else { effective_role(document).filter(|new| old != Some(*new)) };
    granted.map_or(Ok(()), |role| principal.require_grant(role))
}

/// The role of a user of the `qa` contract: none, or the one name in the list.
fn only(document: &Document) -> Result<Option<Role>> {
    match entries(document) {
        [] => Ok(None),
        [entry] => {
            let name = entry["value"].as_str().unwrap_or_default();
            let unknown = || Error::InvalidValue(format!("roles names no known role: {:?}", excerpt(name)));
            Role::parse(name).map(Some).ok_or_else(unknown)
        }
        _ => Err(Error::InvalidValue("roles takes exactly one role".into())),
    }
}

/// Gives the entry that counts the name for people and, when no entry is the primary one, makes it that. Stored and
/// not only shown, because Entra ID writes to `roles[primary eq "True"].value` and means what it was shown.
fn complete(document: &mut Document) {
    let Some(counting) = highest(document) else { return };
    let mut entries = entries(document).to_vec();
    let primary_exists = entries.iter().any(|entry| entry["primary"] == true);
    let mut counted = false;
    for entry in &mut entries {
        let Some(role) = role_in(entry) else { continue };
        let counts = role == counting && !counted;
        counted |= counts;
        // The name for people of another role is left over from a change of `value`.
        let display = entry["display"].as_str();
        let stale = display.is_some_and(|name| Role::ALL.iter().any(|role| role.display() == name));
        if stale || (counts && display.is_none()) {
            entry["display"] = role.display().into();
        }
        if counts && !primary_exists {
            entry["primary"] = true.into();
        }
    }
    document.set("roles", Some(Value::Array(entries)));
}

/// The highest of our roles among the names in `roles`.
pub(super) fn highest(document: &Document) -> Option<Role> {
    entries(document).iter().filter_map(role_in).min()
}

/// The list that holds one role.
pub(super) fn single(role: Role) -> Value {
    json!([{"value": role.name(), "display": role.display(), "primary": true}])
}

/// Stores the effective role.
pub(super) fn put(document: &mut Document, role: Option<Role>) {
    document.set_extension(qa_user::URN, qa_user::ROLE, role.map(|role| role.name().into()));
}

fn role_in(entry: &Value) -> Option<Role> {
    Role::parse(entry.get("value")?.as_str()?)
}

fn entries(document: &Document) -> &[Value] {
    document.get("roles").and_then(Value::as_array).map_or(&[], Vec::as_slice)
}
