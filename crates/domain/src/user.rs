//! The rules that only users have: one effective role, names, the e-mail address as the name.
//!
//! The effective role is stored under the QA extension, so that it can be filtered. Of the names in `roles` the
//! highest of ours is the entry that counts, and as long as there is one it is the effective role.

mod email;
mod name;
mod role;

use serde_json::Value;

use crate::Result;
use crate::contract::{Contract, Shape};
use crate::document::Document;
use crate::id::ResourceId;
use crate::path::Target;
use crate::principal::Principal;
use crate::resource_type::{Kind, ResourceType};
use crate::role::Role;
use crate::schema::enterprise;

pub(crate) use name::is_address;
pub use role::{effective_role, give_role};

/// A user's document after the rules, and what they noticed.
#[derive(Clone, Debug, PartialEq)]
pub struct Settled {
    /// The document to store.
    pub document: Document,
    /// An active admin is no admin any more: the last one must not be.
    pub demotes_admin: bool,
}

/// Applies the rules to what a POST (`before` is none), PUT or PATCH made of a user.
///
/// Only what the request changed is judged: a user who was made through the `rfc` contract can be disabled
/// through `qa` although his `userName` is no e-mail address. [`crate::Error::InvalidValue`],
/// [`crate::Error::Mutability`] (a changed name) or [`crate::Error::Forbidden`] (a role the token may not grant).
pub fn settle(
    contract: &Contract,
    principal: &Principal,
    before: Option<&Document>,
    after: Document,
) -> Result<Settled> {
    let mut document = after;
    if before.is_none() && document.get("active").is_none() {
        document.set("active", Some(Value::Bool(true)));
    }
    forget_computed_reference(&mut document);
    role::settle(contract, principal, before, &mut document)?;
    name::check(contract, &principal.tenant.settings, before, &document)?;
    email::settle(contract, &principal.tenant.settings, before, &mut document)?;
    // A demotion of somebody who is disabled by the same request takes access away, which is never refused.
    let demotes_admin =
        before.is_some_and(is_active_admin) && is_active(&document) && !is_active_admin(&document);
    Ok(Settled { document, demotes_admin })
}

/// The id of the user's manager, if it is one that this server could have given.
pub fn manager_of(document: &Document) -> Option<ResourceId> {
    manager_in(document.extension(enterprise::URN, "manager")?)
}

/// The same for the value of the attribute.
pub(crate) fn manager_in(manager: &Value) -> Option<ResourceId> {
    ResourceId::parse(manager.get("value")?.as_str()?)
}

/// The document as the contract shows it to PUT and PATCH: on `qa` the roles of a user are the effective one.
/// [`settle`] brings the rest back.
pub(crate) fn view(resource_type: &ResourceType, contract: &Contract, document: &Document) -> Document {
    let mut view = document.clone();
    if resource_type.kind == Kind::User && contract.shape == Shape::Flat {
        view.set("roles", role::effective_role(document).map(role::single));
    }
    view
}

/// Whether what is sent for the attribute goes no further: passwords are not kept here.
pub(crate) fn is_dropped(resource_type: &ResourceType, target: &Target) -> bool {
    resource_type.kind == Kind::User && target.extension.is_none() && target.attribute.name == "password"
}

/// Whether adding to the attribute replaces it: on `qa` a user has one role.
pub(crate) fn holds_one(resource_type: &ResourceType, contract: &Contract, target: &Target) -> bool {
    let is_roles = target.extension.is_none() && target.attribute.name == "roles";
    is_roles && resource_type.kind == Kind::User && contract.shape == Shape::Flat
}

/// A PUT that replaces lets a user keep `active` and `roles` when they were not sent: nobody is reactivated,
/// promoted or demoted by omission. An empty list is an omission too (RFC 7643 section 2.5, and Keycloak clients
/// send one for every attribute they do not know), and so, for the role, are names that are not ours.
pub(crate) fn keep_by_omission(resource_type: &ResourceType, before: &Document, after: &mut Document) {
    if resource_type.kind != Kind::User {
        return;
    }
    for name in ["active", "roles"] {
        if after.get(name).is_none() {
            after.set(name, before.get(name).cloned());
        }
    }
}

/// A PATCH that takes away the entry that counted, leaving none of ours, takes away the role: [`settle`] gives
/// the default.
pub(crate) fn lose_removed_role(resource_type: &ResourceType, before: &Document, after: &mut Document) {
    if resource_type.kind == Kind::User && role::highest(before).is_some() && role::highest(after).is_none() {
        role::put(after, None);
    }
}

/// A client that sends back what it was shown sends the `$ref` that was computed for the manager; it is computed
/// again for whoever asks, so it is not kept.
fn forget_computed_reference(document: &mut Document) {
    let Some(id) = manager_of(document) else { return };
    let Some(Value::Object(manager)) = document.extension(enterprise::URN, "manager") else { return };
    let reference = manager.get("$ref").and_then(Value::as_str).unwrap_or_default();
    let computed = |contract: &&Contract| reference.ends_with(&format!("{}/Users/{id}", contract.base));
    if crate::contract::ALL.iter().any(computed) {
        let mut manager = manager.clone();
        manager.shift_remove("$ref");
        document.set_extension(enterprise::URN, "manager", Some(Value::Object(manager)));
    }
}

/// Whether the user may sign in. A client that removes `active` has taken the right away: nothing grants it.
pub(crate) fn is_active(document: &Document) -> bool {
    document.get("active") == Some(&Value::Bool(true))
}

pub(crate) fn is_active_admin(document: &Document) -> bool {
    is_active(document) && effective_role(document) == Some(Role::Admin)
}

#[cfg(test)]
pub(crate) mod tests;
