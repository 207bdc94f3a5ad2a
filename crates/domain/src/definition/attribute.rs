//! An attribute of a definition with its characteristics (RFC 7643 sections 2.2 and 7), and which of them do not go
//! together.

use std::sync::Arc;

use super::fields::Object;
use crate::error::excerpt;
use crate::schema::{Attribute, Mutability, Returned, Type, Uniqueness, build, is_attribute_name};
use crate::{Result, limits};

const MEMBERS: [&str; 12] = [
    "name",
    "type",
    "multiValued",
    "description",
    "required",
    "canonicalValues",
    "caseExact",
    "mutability",
    "returned",
    "uniqueness",
    "referenceTypes",
    "subAttributes",
];

/// An attribute of a schema.
pub(super) fn parse(object: &Object<'_>) -> Result<Attribute> {
    let mut attribute = simple(object)?;
    if attribute.kind != Type::Complex {
        if object.has("subAttributes") {
            return Err(object.wrong("subAttributes", "only an attribute of type complex has them"));
        }
        return Ok(attribute);
    }
    for (name, is_there) in [
        ("uniqueness", attribute.uniqueness != Uniqueness::None),
        ("canonicalValues", !attribute.canonical_values.is_empty()),
    ] {
        if is_there {
            return Err(object.wrong(name, "a complex value has none of its own: say it of a sub-attribute"));
        }
    }
    let parent = attribute.clone();
    attribute.sub_attributes = subs(object, &|sub| sub_attribute(&parent, sub))?;
    if attribute.sub_attributes.is_empty() {
        return Err(object.wrong("subAttributes", "a complex attribute needs at least one"));
    }
    Ok(attribute)
}

/// The sub-attributes of a complex attribute, each judged by `parse`.
pub(super) fn subs(
    object: &Object<'_>,
    parse: &dyn Fn(&Object<'_>) -> Result<Attribute>,
) -> Result<Vec<Arc<Attribute>>> {
    let mut subs: Vec<Attribute> = Vec::new();
    for object in object.objects("subAttributes", limits::SCHEMA_ATTRIBUTES)? {
        let sub = parse(&object)?;
        check_once(&subs, &sub, &object)?;
        subs.push(sub);
    }
    Ok(subs.into_iter().map(Arc::new).collect())
}

/// Refuses a name that stands in the same list already: names have no case.
pub(super) fn check_once(before: &[Attribute], attribute: &Attribute, object: &Object<'_>) -> Result<()> {
    match before.iter().find(|known| known.name.eq_ignore_ascii_case(&attribute.name)) {
        None => Ok(()),
        Some(known) => Err(object.wrong("name", format!("`{}` is defined before", known.name))),
    }
}

fn sub_attribute(parent: &Attribute, object: &Object<'_>) -> Result<Attribute> {
    let mut sub = simple(object)?;
    if sub.kind == Type::Complex || object.has("subAttributes") {
        return Err(object.wrong("type", "a sub-attribute cannot be complex itself"));
    }
    if sub.multi_valued {
        return Err(object.wrong("multiValued", "a sub-attribute has one value"));
    }
    if parent.multi_valued && sub.uniqueness == Uniqueness::Server {
        return Err(object.wrong("uniqueness", "a list has several values: only a single one can be unique"));
    }
    if parent.returned == Returned::Never && sub.uniqueness == Uniqueness::Server {
        return Err(object.wrong("uniqueness", NEVER_UNIQUE));
    }
    if parent.returned == Returned::Never && sub.mutability == Mutability::Immutable {
        return Err(
            object.wrong("mutability", "inside what is never returned a refusal to change would tell it")
        );
    }
    if parent.mutability == Mutability::ReadOnly {
        if object.has("mutability") && sub.mutability != Mutability::ReadOnly {
            return Err(object.wrong("mutability", format!("`{}` is readOnly as a whole", parent.name)));
        }
        sub.mutability = Mutability::ReadOnly;
    }
    Ok(sub)
}

const NEVER_UNIQUE: &str = "a value that is never returned cannot be unique: a refusal would tell it";

/// Everything but the sub-attributes.
fn simple(object: &Object<'_>) -> Result<Attribute> {
    object.only(&MEMBERS)?;
    let name = name(object)?;
    let kind = match object.text("type")? {
        None => Type::String,
        Some(text) => {
            Type::parse(text).ok_or_else(|| unknown(object, "type", text, &Type::ALL.map(Type::name)))?
        }
    };
    let base = build::attribute(name, kind, object.text("description")?.unwrap_or_default());
    let mutability = match object.text("mutability")? {
        None => base.mutability,
        Some(text) => Mutability::parse(text)
            .ok_or_else(|| unknown(object, "mutability", text, &Mutability::ALL.map(Mutability::name)))?,
    };
    let returned = match object.text("returned")? {
        None if mutability == Mutability::WriteOnly => Returned::Never,
        None => base.returned,
        Some(text) => Returned::parse(text)
            .ok_or_else(|| unknown(object, "returned", text, &Returned::ALL.map(Returned::name)))?,
    };
    let attribute = Attribute {
        multi_valued: object.flag("multiValued")?.unwrap_or(false),
        required: object.flag("required")?.unwrap_or(false),
        case_exact: object.flag("caseExact")?.unwrap_or(base.case_exact),
        mutability,
        returned,
        uniqueness: uniqueness(object)?,
        canonical_values: object.texts("canonicalValues")?,
        closed: true,
        reference_types: object.texts("referenceTypes")?,
        ..base
    };
    check(object, &attribute)?;
    Ok(attribute)
}

fn name<'a>(object: &Object<'a>) -> Result<&'a str> {
    let name = object.need("name")?;
    // RFC 7643 section 7 itself uses `$ref`, which its own grammar of names does not have.
    if name != "$ref" && !is_attribute_name(name) {
        let name = excerpt(name);
        return Err(object.wrong(
            "name",
            format!("`{name}` is no attribute name: a letter, then letters, digits, $, - and _"),
        ));
    }
    if name.len() > limits::ATTRIBUTE_NAME_BYTES {
        return Err(
            object.wrong("name", format!("must have at most {} characters", limits::ATTRIBUTE_NAME_BYTES))
        );
    }
    Ok(name)
}

fn uniqueness(object: &Object<'_>) -> Result<Uniqueness> {
    match object.text("uniqueness")? {
        None => Ok(Uniqueness::None),
        Some("global") => Err(object.wrong(
            "uniqueness",
            "`global` cannot be promised: tenants share no names and do not learn of each other; use `server`",
        )),
        Some(text) => {
            Uniqueness::parse(text).ok_or_else(|| unknown(object, "uniqueness", text, &["none", "server"]))
        }
    }
}

/// Characteristics that contradict each other.
fn check(object: &Object<'_>, attribute: &Attribute) -> Result<()> {
    let wrong = |name: &str, problem: &str| Err(object.wrong(name, problem));
    let is_unique = attribute.uniqueness == Uniqueness::Server;
    let kind = attribute.kind;
    if attribute.mutability == Mutability::WriteOnly && attribute.returned != Returned::Never {
        return wrong("returned", "what is writeOnly is returned never");
    }
    if attribute.mutability == Mutability::ReadOnly && attribute.required {
        return wrong("required", "nobody could give a value: the attribute is readOnly");
    }
    if is_unique && attribute.multi_valued {
        return wrong("uniqueness", "a list has several values: only a single one can be unique");
    }
    if is_unique && kind == Type::Boolean {
        return wrong("uniqueness", "there are two truth values: more than two resources could not exist");
    }
    if is_unique && attribute.returned == Returned::Never {
        return wrong("uniqueness", NEVER_UNIQUE);
    }
    if attribute.mutability == Mutability::Immutable && attribute.returned == Returned::Never {
        return wrong("returned", "what is immutable is returned: a refusal to change it would tell it");
    }
    if matches!(kind, Type::Binary | Type::Reference) && !attribute.case_exact {
        return wrong("caseExact", "values of type binary and reference are always case-exact");
    }
    if kind != Type::String && !attribute.canonical_values.is_empty() {
        return wrong("canonicalValues", "only an attribute of type string has them");
    }
    if kind != Type::Reference && !attribute.reference_types.is_empty() {
        return wrong("referenceTypes", "only an attribute of type reference has them");
    }
    Ok(())
}

/// A key of the profile: a name, a type and a description.
pub(super) fn profile_key(object: &Object<'_>) -> Result<Attribute> {
    let key = simple(object)?;
    let simple_types = [Type::String, Type::Boolean, Type::Integer, Type::Decimal, Type::DateTime];
    if !simple_types.contains(&key.kind) {
        return Err(unknown(object, "type", key.kind.name(), &simple_types.map(Type::name)));
    }
    let plain = Attribute { closed: true, ..build::attribute(&key.name, key.kind, &key.description) };
    if key != plain {
        let place = &object.place;
        return Err(crate::Error::InvalidValue(format!(
            "{place}: a key of the profile has a name, a type and a description, and no further characteristic"
        )));
    }
    Ok(key)
}

fn unknown(object: &Object<'_>, name: &str, text: &str, known: &[&str]) -> crate::Error {
    object.wrong(name, format!("`{}` is none of {}", excerpt(text), known.join(", ")))
}
