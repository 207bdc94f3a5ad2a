//! From the definitions of a tenant to its catalog: what no definition can know alone is judged here.

use std::sync::Arc;

use super::{Definition, Definitions, Kind, Placed, TypeDefinition, key_of};
use crate::catalog::Catalog;
use crate::error::excerpt;
use crate::key::fold;
use crate::principal::Area;
use crate::resource_type::{self, Extension, Kind as Rules, ResourceType};
use crate::schema::{Schema, announce, group, qa_group, qa_user, role};
use crate::{Error, Result};

pub(super) fn catalog(definitions: &Definitions, revision: i64) -> Result<Arc<Catalog>> {
    check_urns(definitions)?;
    let mut types: Vec<Arc<ResourceType>> = Vec::new();
    for standard in resource_type::standard() {
        types.push(Arc::new(extended(definitions, standard, revision)?));
    }
    for placed in definitions.all.values() {
        if let Definition::ResourceType(TypeDefinition { own: Some(_), .. }) = &placed.definition {
            let made = own(definitions, placed, revision)?;
            if let Some(other) = types.iter().find(|known| fold(&known.endpoint) == fold(&made.endpoint)) {
                let (endpoint, name) = (&made.endpoint, &other.name);
                return Err(at(placed, "endpoint", format!("`/{endpoint}` is that of {name}")));
            }
            types.push(Arc::new(made));
        }
    }
    Ok(Arc::new(Catalog::new(types, revision)))
}

fn at(placed: &Placed, member: &str, problem: impl std::fmt::Display) -> Error {
    Error::InvalidValue(format!("{}.{member}: {problem}", placed.place))
}

/// A URN that goes on where another one ends would be a path to an attribute of that one.
fn check_urns(definitions: &Definitions) -> Result<()> {
    let standard = resource_type::standard().into_iter();
    let ours: Vec<String> = standard
        .flat_map(|known| known.schemas().map(|schema| fold(&schema.id)).collect::<Vec<_>>())
        .chain([fold(role::URN), fold(announce::SCHEMA_URN), fold(announce::RESOURCE_TYPE_URN)])
        .collect();
    let schemas = || definitions.all.iter().filter(|((kind, _), _)| *kind == Kind::Schema);
    for ((_, urn), placed) in schemas() {
        let continues = |known: &&String| {
            urn.strip_prefix(known.as_str()).is_some_and(|rest| rest.starts_with([':', '.']))
        };
        let known = schemas().map(|((_, known), _)| known);
        if let Some(known) = ours.iter().chain(known).find(continues) {
            return Err(at(placed, "id", format!("begins with the URN `{known}` of another schema")));
        }
    }
    Ok(())
}

/// A type of ours with the extensions of the tenant.
fn extended(definitions: &Definitions, standard: &Arc<ResourceType>, revision: i64) -> Result<ResourceType> {
    let mut made = ResourceType { revision, ..ResourceType::clone(standard) };
    if let Some(Definition::Schema(declared)) = definitions.get(qa_user::URN) {
        for extension in made.extensions.iter_mut().filter(|known| known.schema.id == qa_user::URN) {
            extension.schema = Arc::new(with_profile(&extension.schema, declared));
        }
    }
    let Some(placed) = definitions.all.get(&key_of(Kind::ResourceType, &standard.name)) else {
        return Ok(made);
    };
    let Definition::ResourceType(definition) = &placed.definition else { return Ok(made) };
    for (number, (urn, required)) in definition.extensions.iter().enumerate() {
        let member = |name: &str| format!("schemaExtensions[{number}].{name}");
        if standard.extension(urn).is_some() {
            // What a client was shown it may send back.
            if *required {
                return Err(at(placed, &member("required"), format!("`{urn}` is ours and not required")));
            }
            continue;
        }
        let schema = known(definitions, placed, &member("schema"), urn)?;
        for attribute in &schema.attributes {
            if is_root_name(standard, &attribute.name) {
                let (name, of) = (&attribute.name, &standard.name);
                let problem = format!("its attribute `{name}` is one that {of} has at the root already");
                return Err(at(placed, &member("schema"), problem));
            }
        }
        made.extensions.push(Extension { schema, required: *required });
    }
    Ok(made)
}

/// Whether clients know an attribute of ours by this bare name although it stands in an extension, or it shows what
/// belongs to other resources.
fn is_root_name(standard: &ResourceType, name: &str) -> bool {
    let aliases = standard.aliases.iter().flat_map(|(written, _, name)| [*written, *name]);
    let related = [group::MEMBERS, qa_group::OWNERS, "groups", qa_user::PROFILE, qa_user::ROLE];
    aliases.chain(related).any(|known| known.eq_ignore_ascii_case(name))
}

/// The QA extension with the declared keys of the profile.
fn with_profile(ours: &Schema, declared: &Schema) -> Schema {
    let attributes = ours.attributes.iter().map(|attribute| match declared.attribute(&attribute.name) {
        Some(declared) => declared.clone(),
        None => attribute.clone(),
    });
    Schema { attributes: attributes.collect(), ..ours.clone() }
}

/// A type that the tenant has made.
fn own(definitions: &Definitions, placed: &Placed, revision: i64) -> Result<ResourceType> {
    let Definition::ResourceType(TypeDefinition { name, own: Some(own), extensions }) = &placed.definition
    else {
        return Err(Error::internal("a type of ours is not made"));
    };
    let schema = known(definitions, placed, "schema", &own.schema)?;
    let mut made = ResourceType {
        name: name.clone(),
        endpoint: own.endpoint.clone(),
        description: own.description.clone(),
        schema,
        extensions: Vec::with_capacity(extensions.len()),
        name_attribute: None,
        aliases: &[],
        other_urns: &[],
        area: Area::Resources,
        kind: Rules::Plain,
        revision,
    };
    for (number, (urn, required)) in extensions.iter().enumerate() {
        let member = format!("schemaExtensions[{number}].schema");
        let schema = known(definitions, placed, &member, urn)?;
        if schema.id == made.schema.id {
            return Err(at(placed, &member, "is the schema of the type itself"));
        }
        made.extensions.push(Extension { schema, required: *required });
    }
    Ok(made)
}

/// The schema with this URN among those of the tenant.
fn known(definitions: &Definitions, placed: &Placed, member: &str, urn: &str) -> Result<Arc<Schema>> {
    match definitions.get_of(Kind::Schema, urn) {
        Some(Definition::Schema(schema)) if schema.id == qa_user::URN => {
            Err(at(placed, member, "the QA extension belongs to User alone"))
        }
        Some(Definition::Schema(schema)) => Ok(schema.clone()),
        _ => Err(at(placed, member, format!("there is no schema `{}` of the tenant", excerpt(urn)))),
    }
}
