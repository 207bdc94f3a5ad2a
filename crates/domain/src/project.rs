//! What of a resource a reply shows, and in the form of which contract.

mod fields;
pub mod group;
mod render;
pub(crate) mod source;

use std::collections::HashMap;
use std::sync::Arc;

use crate::contract::Contract;
use crate::document::Document;
use crate::id::ResourceId;
use crate::key::fold;
use crate::path::{Sub, Target};
use crate::resource_type::ResourceType;
use crate::schema::{Attribute, Mutability, Returned, Schema};
use crate::{Error, Result, decode, limits};

pub use render::render;
pub use source::Source;

/// The attributes a client asked for (RFC 7644 section 3.9).
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Projection {
    choice: Choice,
    /// Core attributes and attributes of our extensions that the caller must not see.
    hidden: Vec<&'static str>,
    /// What the request has written of that which is returned on request.
    written: Vec<Target>,
}

#[derive(Clone, Debug, Default, PartialEq, Eq)]
enum Choice {
    /// What is returned by default.
    #[default]
    Default,
    /// `attributes`: these alone.
    Only(Vec<Name>),
    /// `excludedAttributes`: all but these.
    Without(Vec<Name>),
}

/// One known name of a projection.
#[derive(Clone, Debug, PartialEq, Eq)]
enum Name {
    /// All attributes of the extension with this URN; none: of the core schema.
    Schema(Option<String>),
    /// An attribute or a part of it.
    Attribute(Target),
}

/// What a projection leaves of an attribute.
#[derive(Clone, Debug, PartialEq, Eq)]
enum Part<'a> {
    /// Nothing.
    Nothing,
    /// Everything.
    Everything,
    /// Everything, and these sub-attributes although they are returned on request only.
    With(Vec<&'a Sub>),
    /// These sub-attributes.
    Only(Vec<&'a Sub>),
    /// Everything but these sub-attributes.
    Without(Vec<&'a Sub>),
}

/// What a reply shows of other resources.
#[derive(Clone, Debug, Default)]
pub struct Related {
    /// Display names of the managers that are users of the tenant.
    pub managers: HashMap<ResourceId, Option<String>>,
    /// The groups of the users that are shown; a user who is not in here is in none.
    pub groups: HashMap<ResourceId, Vec<Membership>>,
}

/// One group of a user.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Membership {
    /// The id of the group.
    pub id: ResourceId,
    /// The collection it is in, as in the path (`Groups`).
    pub endpoint: &'static str,
    /// Its name.
    pub display: String,
}

impl Projection {
    /// Reads `attributes` and `excludedAttributes`: names in every notation of a path, without filters; names the
    /// type does not have select nothing. RFC 7644 section 3.9 has at most one of the two lists; `attributes`
    /// wins. [`Error::InvalidValue`] for more than [`limits::PROJECTION_NAMES`] names in a list.
    pub fn parse(resource_type: &ResourceType, attributes: &[String], excluded: &[String]) -> Result<Self> {
        let only = names(resource_type, "attributes", attributes)?;
        let without = names(resource_type, "excludedAttributes", excluded)?;
        let choice = match (only, without) {
            (Some(names), _) => Choice::Only(names),
            (None, Some(names)) => Choice::Without(names),
            (None, None) => Choice::Default,
        };
        Ok(Self { choice, hidden: Vec::new(), written: Vec::new() })
    }

    /// Whether a reply shows the attribute or sub-attribute of this name (`groups`, `manager.displayName`), so
    /// that what is not shown need not be looked up.
    pub fn wants(&self, resource_type: &ResourceType, name: &str) -> bool {
        let Some(target) = Target::resolve(resource_type, name) else { return false };
        let part = self.part(target.extension.as_deref(), &target.attribute);
        match &target.sub {
            Some(sub) => part.has(sub),
            None => part != Part::Nothing,
        }
    }

    /// Leaves an attribute out, whatever was asked for.
    pub fn hide(&mut self, name: &'static str) {
        self.hidden.push(name);
    }

    /// The same for the reply to a write: "The attribute is returned in response to any PUT, POST, or PATCH operations
    /// if the attribute was specified by the client" (RFC 7643 section 7, on "request").
    pub(crate) fn after_write(
        &self,
        resource_type: &ResourceType,
        before: &Document,
        after: &Document,
    ) -> Self {
        let mut written = Vec::new();
        let on_request = |attribute: &Attribute| {
            attribute.returned == Returned::Request && attribute.mutability != Mutability::ReadOnly
        };
        for target in Target::all(resource_type) {
            let attribute = &target.attribute;
            let subs: Vec<_> = attribute.sub_attributes.iter().filter(|sub| on_request(sub)).collect();
            if !on_request(attribute) && subs.is_empty() {
                continue;
            }
            let new = decode::current(after, &target);
            if new.is_none() || decode::current(before, &target) == new {
                continue;
            }
            let of_sub =
                |sub: &Arc<Attribute>| Target { sub: Some(Sub::Declared(sub.clone())), ..target.clone() };
            written.extend(subs.into_iter().map(of_sub));
            written.extend(on_request(attribute).then(|| target.clone()));
        }
        Self { written, ..self.clone() }
    }

    /// Whether the caller has named the attributes to return.
    pub fn is_selective(&self) -> bool {
        matches!(self.choice, Choice::Only(_))
    }

    /// Whether nothing was asked for: then the schema alone decides. Nearly all replies are such.
    fn is_plain(&self) -> bool {
        self.choice == Choice::Default && self.hidden.is_empty() && self.written.is_empty()
    }

    /// What is left of an attribute of an extension, or of the core schema. "Always" and "never" are stronger than
    /// any wish (RFC 7643 section 2.2).
    fn part(&self, extension: Option<&Schema>, attribute: &Attribute) -> Part<'_> {
        if self.is_plain() {
            return match attribute.returned {
                Returned::Always | Returned::Default => Part::Everything,
                Returned::Never | Returned::Request => Part::Nothing,
            };
        }
        let urn = extension.map(|schema| schema.id.as_str());
        if self.hidden.contains(&attribute.name.as_str()) {
            return Part::Nothing;
        }
        let is_written = |written: &&Target| {
            let home = written.extension.as_ref().map(|schema| schema.id.as_str());
            home == urn && written.attribute.name == attribute.name
        };
        let mut written = self.written.iter().filter(is_written);
        let whole_written = written.clone().any(|written| written.sub.is_none());
        let by_default = attribute.returned == Returned::Default || whole_written;
        let parts_written: Vec<&Sub> = written.by_ref().filter_map(|written| written.sub.as_ref()).collect();
        let everything = || match parts_written.is_empty() {
            true => Part::Everything,
            false => Part::With(parts_written.clone()),
        };
        let names = match (&self.choice, attribute.returned) {
            (_, Returned::Never) => return Part::Nothing,
            (_, Returned::Always) => return everything(),
            (Choice::Default, _) if by_default => return everything(),
            (Choice::Without(names), _) if by_default => names,
            (Choice::Only(names), _) => names,
            (Choice::Default | Choice::Without(_), _) => return Part::Nothing,
        };
        let mut subs = Vec::new();
        let mut whole = false;
        for name in names {
            match name {
                Name::Schema(schema) => whole |= schema.as_deref() == urn,
                Name::Attribute(target) => {
                    let home = target.extension.as_ref().map(|schema| schema.id.as_str());
                    let is_it = home == urn && target.attribute.name == attribute.name;
                    match &target.sub {
                        None => whole |= is_it,
                        Some(sub) => subs.extend(is_it.then_some(sub)),
                    }
                }
            }
        }
        match (&self.choice, whole, subs.is_empty()) {
            (Choice::Only(_), true, false) => Part::With(subs),
            (Choice::Only(_), true, true) => Part::Everything,
            (Choice::Without(_), false, true) => everything(),
            (Choice::Only(_), false, false) => Part::Only(subs),
            (Choice::Without(_), false, false) => Part::Without(subs),
            _ => Part::Nothing,
        }
    }
}

impl Part<'_> {
    /// Whether a sub-attribute is shown; "always" and "never" are stronger than any wish here too.
    fn has(&self, sub: &Sub) -> bool {
        let returned = match sub {
            Sub::Declared(sub) => sub.returned,
            Sub::Key(_) => Returned::Default,
        };
        let named = |subs: &[&Sub]| subs.iter().any(|known| is_same(known, sub));
        match (self, returned) {
            (Part::Nothing, _) | (_, Returned::Never) => false,
            (_, Returned::Always) => true,
            (Part::Only(subs), _) | (Part::With(subs), Returned::Request) => named(subs),
            (_, Returned::Request) => false,
            (Part::Everything | Part::With(_), Returned::Default) => true,
            (Part::Without(subs), Returned::Default) => !named(subs),
        }
    }
}

/// Whether a contract shows a key of an open attribute: where the keys are sub-attributes of an extension, strict
/// clients refuse names that no schema can declare.
pub(crate) fn shows_key(contract: &Contract, key: &str) -> bool {
    contract.own_attributes_at_root || crate::schema::is_attribute_name(key)
}

/// The known names of a list, `None` when it has no names at all.
fn names(resource_type: &ResourceType, parameter: &str, list: &[String]) -> Result<Option<Vec<Name>>> {
    let mut written = list.iter().map(|name| name.trim()).filter(|name| !name.is_empty()).peekable();
    if written.peek().is_none() {
        return Ok(None);
    }
    let mut names = Vec::new();
    for (number, name) in written.enumerate() {
        if number == limits::PROJECTION_NAMES {
            let most = limits::PROJECTION_NAMES;
            return Err(Error::InvalidValue(format!("{parameter} takes at most {most} names")));
        }
        if resource_type.is_core(name) {
            names.push(Name::Schema(None));
        } else if let Some(schema) = resource_type.extension(name) {
            names.push(Name::Schema(Some(schema.id.clone())));
        } else {
            names.extend(Target::resolve(resource_type, name).map(Name::Attribute));
        }
    }
    Ok(Some(names))
}

fn is_same(one: &Sub, other: &Sub) -> bool {
    match (one, other) {
        (Sub::Declared(one), Sub::Declared(other)) => one.name == other.name,
        (Sub::Key(one), Sub::Key(other)) => fold(one) == fold(other),
        _ => false,
    }
}

#[cfg(test)]
mod tests;
