//! A ResourceType object (RFC 7643 section 6).

use serde_json::{Value, json};

use super::fields::Object;
use crate::error::excerpt;
use crate::key::fold;
use crate::resource_type::{self, ResourceType};
use crate::schema::{announce, is_attribute_name};
use crate::{Result, limits};

/// What a tenant says of a resource type.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TypeDefinition {
    /// The name: one of ours, or a new one.
    pub name: String,
    /// What only a new type has.
    pub own: Option<Own>,
    /// The URNs of its extensions, and whether each is required.
    pub extensions: Vec<(String, bool)>,
}

/// What makes a type of its own.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Own {
    /// The segment of the path, without a slash.
    pub endpoint: String,
    /// The URN of the core schema.
    pub schema: String,
    /// For people.
    pub description: String,
}

/// Whether a name is that of something else below a base path, with or without its last `s`, in any case.
fn is_taken(name: &str) -> bool {
    let plain = |name: &str| fold(name).trim_end_matches('s').to_owned();
    let standard = resource_type::standard();
    let endpoints = standard.iter().map(|known| known.endpoint.as_str());
    let mut taken = endpoints.chain(resource_type::RESERVED).chain(["self"]);
    taken.any(|taken| plain(taken) == plain(name))
}

impl TypeDefinition {
    pub(super) fn parse(object: &Object<'_>) -> Result<Self> {
        object.only(&[
            "schemas",
            "id",
            "name",
            "endpoint",
            "description",
            "schema",
            "schemaExtensions",
            "meta",
        ])?;
        let name = object.need("name")?;
        if object.text("id")?.is_some_and(|id| id != name) {
            return Err(object.wrong("id", "must be absent or the name"));
        }
        let extensions = extensions(object)?;
        let known = resource_type::standard().into_iter().find(|known| known.name == name);
        let own = match known {
            Some(known) => {
                agrees(object, known)?;
                None
            }
            None => Some(own(object, name)?),
        };
        Ok(Self { name: name.to_owned(), own, extensions })
    }

    pub(super) fn to_value(&self) -> Value {
        let extensions: Vec<Value> = self
            .extensions
            .iter()
            .map(|(urn, required)| json!({"schema": urn, "required": required}))
            .collect();
        let mut value = json!({
            "schemas": [announce::RESOURCE_TYPE_URN],
            "id": self.name,
            "name": self.name,
        });
        if let Some(own) = &self.own {
            value["endpoint"] = format!("/{}", own.endpoint).into();
            value["description"] = own.description.as_str().into();
            value["schema"] = own.schema.as_str().into();
        }
        value["schemaExtensions"] = extensions.into();
        value
    }
}

/// Of a type of ours only extensions can be said; whatever else is there must be what it is.
fn agrees(object: &Object<'_>, known: &ResourceType) -> Result<()> {
    let endpoint = format!("/{}", known.endpoint);
    let said = [("endpoint", &endpoint), ("schema", &known.schema.id), ("description", &known.description)];
    for (name, is) in said {
        if object.text(name)?.is_some_and(|text| text != is) {
            return Err(object.wrong(name, format!("of {} it is `{is}` and cannot be changed", known.name)));
        }
    }
    Ok(())
}

fn own(object: &Object<'_>, name: &str) -> Result<Own> {
    if !is_attribute_name(name) || name.len() > limits::ATTRIBUTE_NAME_BYTES {
        let (name, most) = (excerpt(name), limits::ATTRIBUTE_NAME_BYTES);
        return Err(object.wrong(
            "name",
            format!("`{name}` is no name: a letter, then letters, digits, $, - and _, at most {most} in all"),
        ));
    }
    if is_taken(name) {
        return Err(object.wrong("name", format!("`{name}` is taken")));
    }
    let written = object.need("endpoint")?;
    let endpoint = written.strip_prefix('/').unwrap_or_default();
    let legal = |byte: u8| byte.is_ascii_alphanumeric() || byte == b'-' || byte == b'_';
    let is_segment = endpoint.starts_with(|first: char| first.is_ascii_alphabetic())
        && endpoint.bytes().all(legal)
        && endpoint.len() <= limits::ATTRIBUTE_NAME_BYTES;
    if !is_segment {
        let (written, most) = (excerpt(written), limits::ATTRIBUTE_NAME_BYTES);
        return Err(object.wrong(
            "endpoint",
            format!("`{written}` is not one segment such as /TestResources: a slash, a letter, then letters, digits, - and _, at most {most} in all"),
        ));
    }
    if is_taken(endpoint) {
        return Err(object.wrong("endpoint", format!("`{written}` is taken")));
    }
    Ok(Own {
        endpoint: endpoint.to_owned(),
        schema: object.need("schema")?.to_owned(),
        description: object.text("description")?.unwrap_or_default().to_owned(),
    })
}

fn extensions(object: &Object<'_>) -> Result<Vec<(String, bool)>> {
    let mut extensions: Vec<(String, bool)> = Vec::new();
    for extension in object.objects("schemaExtensions", limits::TENANT_SCHEMAS)? {
        extension.only(&["schema", "required"])?;
        let urn = extension.need("schema")?;
        if extensions.iter().any(|(known, _)| known.eq_ignore_ascii_case(urn)) {
            return Err(extension.wrong("schema", format!("`{}` stands here twice", excerpt(urn))));
        }
        extensions.push((urn.to_owned(), extension.flag("required")?.unwrap_or(false)));
    }
    Ok(extensions)
}
