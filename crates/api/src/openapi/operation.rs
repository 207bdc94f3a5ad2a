//! One operation of the document: a line of the URL table, spelled out for a collection.

use domain::catalog::Catalog;
use domain::contract::Put;
use domain::resource_type::{Kind, ResourceType};
use domain::role::Role;
use serde_json::{Map, Value, json};

use super::describe::{Body, Description, Reply, Tag};
use super::{MEDIA_TYPE, capital, component, parts, reference, schema};
use crate::routes::Line;
use crate::{admin, platform};

const COLLECTION: &str = "{collection}";
/// What every request below a base path can fail with.
const ANYWHERE: [u16; 8] = [400, 401, 403, 414, 429, 431, 500, 503];

/// What a line of the table is spelled out for.
pub(super) enum Thing<'a> {
    /// A collection that every tenant has.
    Standard(&'a ResourceType),
    /// Those that a tenant has defined.
    Own,
    /// It has no collection.
    None,
}

/// What a line is spelled out for.
pub(super) fn things<'a>(catalog: &'a Catalog, line: &Line) -> Vec<Thing<'a>> {
    if !line.pattern.contains(COLLECTION) {
        return vec![Thing::None];
    }
    catalog.types().iter().map(|one| Thing::Standard(one)).chain([Thing::Own]).collect()
}

/// Whether it stands beside SCIM: plain JSON, and problem documents.
fn is_plain(line: &Line) -> bool {
    [platform::BASE, admin::BASE].contains(&line.base)
}

/// The names of the schemes that a line outside SCIM takes.
fn schemes(line: &Line) -> Value {
    match line.base {
        platform::BASE => json!([{"platform": []}]),
        admin::BASE if !admin::is_open(line.method, line.pattern) => json!([{"admin": []}]),
        _ => json!([]),
    }
}

impl Thing<'_> {
    pub(super) fn path(&self, line: &Line) -> String {
        let pattern = match self {
            Self::Standard(one) => line.pattern.replace(COLLECTION, &one.endpoint),
            Self::Own | Self::None => line.pattern.to_owned(),
        };
        format!("{}{pattern}", line.base)
    }

    /// One of it and several, for people.
    fn names(&self) -> (String, String) {
        match self {
            Self::Standard(one) => (one.name.clone(), one.endpoint.clone()),
            Self::Own | Self::None => ("Resource".into(), "Resources".into()),
        }
    }

    /// The component of this name on the contract of the line.
    fn component(&self, line: &Line, suffix: &str) -> Value {
        match (self, line.contract) {
            (Self::Standard(one), Some(contract)) => {
                schema(&component(contract, &format!("{}{suffix}", one.name)))
            }
            _ => schema(&format!("Resource{suffix}")),
        }
    }

    pub(super) fn operation(&self, line: &Line, description: &Description) -> Value {
        let (one, many) = self.names();
        let contract = line.contract.map_or_else(String::new, |contract| capital(contract.name));
        let noun = match (self, description.id) {
            (Self::None, _) => "",
            (_, "list" | "search") => many.as_str(),
            _ => one.as_str(),
        };
        let tag = match description.tag {
            Tag::Collection => many.as_str(),
            Tag::Roles => "Roles",
            Tag::Search => "Search",
            Tag::Bulk => "Bulk",
            Tag::Discovery => "Discovery",
            Tag::Operating => "Operating",
            Tag::Platform => "Platform",
            Tag::Admin => "Admin",
        };
        let mut operation = json!({
            "operationId": format!("{}{contract}{noun}", description.id),
            "tags": [tag],
            "summary": description.summary.replace("{one}", &one).replace("{many}", &many),
        });
        if !description.text.is_empty() {
            operation["description"] = description.text.into();
        }
        let parameters = self.parameters(line, description);
        if !parameters.is_empty() {
            operation["parameters"] = parameters.into();
        }
        if let Some(body) = description.body {
            operation["requestBody"] = self.body(line, body);
        }
        operation["responses"] = self.replies(line, description);
        if line.contract.is_none() {
            operation["security"] = schemes(line);
        }
        operation
    }

    fn parameters(&self, line: &Line, description: &Description) -> Vec<Value> {
        let in_path = |name: &str, schema: Value, text: &str| {
            let mut parameter = json!({"name": name, "in": "path", "required": true, "schema": schema});
            parameter["description"] = text.into();
            parameter
        };
        let text = || json!({"type": "string", "minLength": 1});
        let mut parameters = Vec::new();
        if let Self::Own = self {
            parameters.push(in_path("collection", text(), "An `endpoint` of `/ResourceTypes`."));
        }
        if line.pattern.contains("{id}") {
            let names: Vec<&str> = Role::ALL.iter().map(|role| role.name()).collect();
            parameters.push(match description.tag {
                Tag::Roles => {
                    in_path("id", json!({"type": "string", "enum": names}), "The name of the role.")
                }
                Tag::Platform => in_path("id", text(), "The id of the tenant."),
                Tag::Admin => in_path("id", text(), "The id in the list."),
                Tag::Discovery => in_path("id", text(), "The id in the list."),
                _ => in_path("id", text(), "The id that the server gave the resource."),
            });
        }
        if line.pattern.contains("{token}") {
            parameters.push(in_path("token", text(), "The id of the token."));
        }
        parameters.extend(description.parameters.iter().map(|name| reference("parameters", name)));
        parameters
    }

    fn body(&self, line: &Line, body: Body) -> Value {
        let merges = line.contract.is_some_and(|contract| contract.put == Put::Merge);
        let schema = match body {
            Body::Replace if merges && matches!(self, Self::Standard(_)) => self.component(line, "Change"),
            Body::Create | Body::Replace => self.component(line, "Input"),
            Body::Message(name) => schema(name),
        };
        let content = json!({"schema": schema});
        let other = match line.method {
            _ if !is_plain(line) => MEDIA_TYPE,
            "PATCH" => "application/merge-patch+json",
            _ => return json!({"required": true, "content": {"application/json": content}}),
        };
        json!({"required": true, "content": {other: content, "application/json": content}})
    }

    fn replies(&self, line: &Line, description: &Description) -> Value {
        let mut replies = Map::new();
        let is_group = matches!(self, Self::Standard(one) if matches!(one.kind, Kind::Group(_)));
        for &(status, reply) in description.replies {
            if reply != Reply::LargeGroup || is_group {
                replies.insert(status.to_string(), self.reply(line, reply));
            }
        }
        let mut failures = description.failures.to_vec();
        if line.contract.is_some() {
            failures.extend(ANYWHERE);
        } else if is_plain(line) {
            let all = line.base == admin::BASE;
            failures.extend(ANYWHERE.iter().filter(|status| all || **status != 403));
        }
        // A collection that the tenant does not have.
        if let Self::Own = self {
            failures.push(404);
        }
        failures.sort_unstable();
        failures.dedup();
        replies.extend(failures.into_iter().filter_map(|status| {
            let failure = if is_plain(line) { parts::problem(status)? } else { parts::failure(status)? };
            Some((status.to_string(), failure))
        }));
        Value::Object(replies)
    }

    fn reply(&self, line: &Line, reply: Reply) -> Value {
        let of_contract = |name: &str| line.contract.map(|contract| schema(&component(contract, name)));
        let mut headers: Vec<&str> = match reply {
            Reply::Created => vec!["ETag", "Location"],
            Reply::Made(_) => vec!["Location"],
            Reply::Resource | Reply::Tag | Reply::LargeGroup => vec!["ETag"],
            _ => vec![],
        };
        headers.push("X-Request-Id");
        let headers: Map<String, Value> =
            headers.into_iter().map(|name| (name.to_owned(), reference("headers", name))).collect();
        let (text, content) = match reply {
            Reply::Resource => ("The resource.", Some(self.component(line, ""))),
            Reply::Created => ("The new resource.", Some(self.component(line, ""))),
            Reply::List => ("A page.", Some(self.component(line, "List"))),
            Reply::MixedList => ("A page.", Some(schema("ResourceList"))),
            Reply::OfContract(name) => ("Done.", of_contract(name)),
            Reply::Shared(name) | Reply::Made(name) => ("Done.", Some(schema(name))),
            Reply::Tag => ("The client has this version already.", None),
            Reply::LargeGroup => ("Done; the group has too many members to be shown.", None),
            Reply::Nothing => ("Done.", None),
            Reply::Files(media_types) => {
                let content: Map<String, Value> =
                    media_types.iter().map(|name| ((*name).to_owned(), json!({}))).collect();
                return json!({"description": "The file.", "headers": headers, "content": content});
            }
            Reply::Other(media_type) => {
                let content = json!({media_type: {}});
                return json!({"description": "Yes.", "headers": headers, "content": content});
            }
        };
        let mut value = json!({"description": text, "headers": headers});
        if let Some(content) = content {
            let media_type = if is_plain(line) { "application/json" } else { MEDIA_TYPE };
            value["content"] = json!({media_type: {"schema": content}});
        }
        if reply == Reply::Created {
            value["links"] = self.links(line);
        }
        value
    }

    /// What can be done with a new resource.
    fn links(&self, line: &Line) -> Value {
        let contract = line.contract.map_or_else(String::new, |contract| capital(contract.name));
        let link = |verb: &str| {
            let operation = format!("{verb}{contract}{}", self.names().0);
            let mut parameters = json!({"id": "$response.body#/id"});
            if let Self::Own = self {
                parameters["collection"] = "$request.path.collection".into();
            }
            (verb.to_owned(), json!({"operationId": operation, "parameters": parameters}))
        };
        Value::Object(["get", "replace", "patch", "delete"].into_iter().map(link).collect())
    }
}
