//! Attributes that show what belongs to another area: the groups of a user, the users in a group. A credential
//! without the right to read that area neither sees them nor learns of them by filtering or sorting.

use super::Call;
use crate::filter::Filter;
use crate::path::Target;
use crate::principal::{Access, Area};
use crate::resource_type::{Kind, ResourceType};
use crate::{Error, Result};

/// The attributes of the type that the caller must not see.
pub(super) fn hidden(call: &Call<'_>, resource_type: &ResourceType) -> &'static [&'static str] {
    let reads = |area| call.principal.require(area, Access::Read).is_ok();
    match resource_type.kind {
        Kind::User if !reads(Area::Groups) && !reads(Area::Usergroups) => &["groups"],
        Kind::Group(_) if !reads(Area::Users) => &["members", "owners"],
        _ => &[],
    }
}

/// Whether the caller may see that a user is in a group of this collection.
pub(super) fn sees_groups_at(call: &Call<'_>, endpoint: &str) -> bool {
    let area = call.catalog().at(endpoint).map(|kind| kind.area);
    area.is_some_and(|area| call.principal.require(area, Access::Read).is_ok())
}

/// [`Error::Forbidden`] when a filter or the order speaks of something hidden.
pub(super) fn check(
    call: &Call<'_>,
    resource_type: &ResourceType,
    filter: Option<&Filter>,
    sort: Option<&Target>,
) -> Result<()> {
    // Groups of either kind answer a filter on `groups`: it takes the right to read both.
    let both =
        [Area::Groups, Area::Usergroups].map(|area| call.principal.require(area, Access::Read).is_ok());
    let names: &[&str] = match resource_type.kind {
        Kind::User if both != [true, true] => &["groups"],
        _ => hidden(call, resource_type),
    };
    for name in names {
        let in_filter = filter.is_some_and(|filter| mentions(filter, name));
        if in_filter || sort.is_some_and(|by| by.attribute.name == *name) {
            return Err(refusal(name));
        }
    }
    Ok(())
}

/// The answer to whoever asks for a hidden attribute by name.
pub(super) fn refusal(name: &str) -> Error {
    Error::Forbidden(format!("the token may not read {name}"))
}

fn mentions(filter: &Filter, name: &str) -> bool {
    match filter {
        Filter::And(parts) | Filter::Or(parts) => parts.iter().any(|part| mentions(part, name)),
        Filter::Not(part) => mentions(part, name),
        Filter::Compare { target, .. } | Filter::Present(target) | Filter::Element { list: target, .. } => {
            target.attribute.name == name
        }
        Filter::Constant(_) | Filter::HasExtension(_) => false,
    }
}
