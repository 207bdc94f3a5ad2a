//! A Schema object (RFC 7643 section 7).

use std::sync::Arc;

use super::attribute;
use super::fields::Object;
use crate::error::excerpt;
use crate::key::fold;
use crate::schema::{Attribute, Schema, Type, common, enterprise, qa_user};
use crate::{Result, limits};

/// The beginnings of URNs that are not a tenant's to define.
const RESERVED: [&str; 3] =
    ["urn:ietf:params:scim:schemas:core", "urn:ietf:params:scim:api:", "urn:rollcall:"];

pub(super) fn parse(object: &Object<'_>) -> Result<Schema> {
    object.only(&["schemas", "id", "name", "description", "attributes", "meta"])?;
    let id = object.need("id")?;
    let is_profile = id == qa_user::URN;
    if !is_profile {
        check_urn(object, id)?;
    }
    let objects = object.objects("attributes", limits::SCHEMA_ATTRIBUTES)?;
    let attributes: Vec<Attribute> = match is_profile {
        true => vec![profile(object, &objects)?],
        false => objects.iter().map(attribute::parse).collect::<Result<_>>()?,
    };
    if attributes.is_empty() {
        return Err(object.wrong("attributes", "a schema needs at least one attribute"));
    }
    for (place, attribute) in attributes.iter().enumerate() {
        let at = &objects[place];
        if common::attribute_named(&attribute.name).is_some() {
            let name = &attribute.name;
            return Err(at.wrong("name", format!("`{name}` is an attribute of every resource")));
        }
        attribute::check_once(&attributes[..place], attribute, at)?;
    }
    Ok(Schema {
        id: id.to_owned(),
        name: object.text("name")?.unwrap_or(id).to_owned(),
        description: object.text("description")?.unwrap_or_default().to_owned(),
        attributes: attributes.into_iter().map(Arc::new).collect(),
    })
}

/// The one attribute that a tenant may declare in a schema of ours: the keys of the profile.
fn profile(schema: &Object<'_>, objects: &[Object<'_>]) -> Result<Attribute> {
    let [object] = objects else {
        return Err(schema.wrong("attributes", "only `profile` can be declared here"));
    };
    object.only(&["name", "type", "multiValued", "description", "subAttributes"])?;
    if object.need("name")? != qa_user::PROFILE {
        return Err(object.wrong("name", "only `profile` can be declared here"));
    }
    if object.text("type")?.is_some_and(|kind| kind != Type::Complex.name()) {
        return Err(object.wrong("type", "`profile` is complex"));
    }
    if object.flag("multiValued")?.unwrap_or(false) {
        return Err(object.wrong("multiValued", "`profile` has one value"));
    }
    let keys = attribute::subs(object, &attribute::profile_key)?;
    Ok(Attribute { sub_attributes: keys, ..qa_user::profile() })
}

/// RFC 8141: `urn:NID:NSS`. Of the characters of an NSS those that mean something else in paths, filters and lists
/// of attribute names are left out.
fn check_urn(object: &Object<'_>, id: &str) -> Result<()> {
    let wrong = |problem: String| Err(object.wrong("id", problem));
    let mut parts = id.splitn(3, ':');
    let (scheme, space, rest) = (parts.next(), parts.next().unwrap_or(""), parts.next().unwrap_or(""));
    let is_space = (2..=32).contains(&space.len())
        && !space.starts_with('-')
        && !space.ends_with('-')
        && space.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'-');
    let is_rest = rest.starts_with(|first: char| first.is_ascii_alphanumeric())
        && rest.ends_with(|last: char| last.is_ascii_alphanumeric())
        && rest.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"-._~:".contains(&byte));
    if scheme != Some("urn") || !is_space || !is_rest {
        return wrong(format!(
            "`{}` is no URN of the form urn:NAMESPACE:NAME with letters, digits and - . _ ~ : in the name",
            excerpt(id)
        ));
    }
    if id.len() > limits::URN_BYTES {
        return wrong(format!("must have at most {} characters", limits::URN_BYTES));
    }
    let folded = fold(id);
    if let Some(reserved) = RESERVED.iter().find(|reserved| folded.starts_with(**reserved)) {
        return wrong(format!("URNs that begin with {reserved} are reserved"));
    }
    if folded == fold(enterprise::URN) {
        return wrong("the enterprise extension is part of every User".into());
    }
    Ok(())
}
