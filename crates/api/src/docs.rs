//! `/docs`: the OpenAPI document as a page for people. It is text and one style sheet: no script runs on the origin of
//! the API, and nothing is loaded from anywhere.

use std::fmt::Write;

use actix_web::HttpResponse;
use actix_web::http::header::{
    CONTENT_SECURITY_POLICY, CONTENT_TYPE, HeaderName, REFERRER_POLICY, X_FRAME_OPTIONS,
};
use actix_web::web::{self, Bytes};
use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use serde_json::{Map, Value};
use sha2::{Digest, Sha256};

use crate::app::Shared;

const STYLE: &str = include_str!("docs.css");

/// The page and what a browser may do with it.
pub(crate) struct Page {
    html: Bytes,
    policy: String,
}

pub(crate) async fn serve(shared: web::Data<Shared>) -> HttpResponse {
    const HEADERS: [(HeaderName, &str); 3] = [
        (CONTENT_TYPE, "text/html; charset=utf-8"),
        (REFERRER_POLICY, "no-referrer"),
        // For browsers that do not read `frame-ancestors`.
        (X_FRAME_OPTIONS, "DENY"),
    ];
    let mut reply = HttpResponse::Ok();
    HEADERS.into_iter().for_each(|header| {
        reply.insert_header(header);
    });
    reply.insert_header((CONTENT_SECURITY_POLICY, shared.docs.policy.as_str()));
    reply.body(shared.docs.html.clone())
}

/// The page of a document.
pub(crate) fn page(document: &Value) -> Page {
    // The style sheet is allowed by its digest; nothing else is.
    let digest = STANDARD.encode(Sha256::digest(STYLE));
    let policy = format!(
        "default-src 'none'; style-src 'sha256-{digest}'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'"
    );
    let mut html = Html(String::new());
    html.document(document);
    Page { html: html.0.into(), policy }
}

/// A page that is being written.
struct Html(String);

impl Html {
    /// Markup of ours. Whatever else goes in, goes through [`escaped`] or [`prose`].
    fn add(&mut self, markup: std::fmt::Arguments<'_>) {
        // Writing to a string cannot fail.
        let _ = self.0.write_fmt(markup);
    }

    fn document(&mut self, document: &Value) {
        let info = &document["info"];
        let (title, version) = (escaped(text(&info["title"])), escaped(text(&info["version"])));
        let server = escaped(text(&document["servers"][0]["url"]));
        self.add(format_args!(
            "<!doctype html><html lang=\"en\"><head><meta charset=\"utf-8\">\
             <meta name=\"viewport\" content=\"width=device-width\"><title>{title}: API</title>\
             <style>{STYLE}</style></head><body><h1>{title} {version}</h1><p>{}</p><p>{}</p>\
             <p>Server: <code>{server}</code>. For programs: <a href=\"{server}/openapi.json\">openapi.json</a>, \
             OpenAPI {}.</p><nav>",
            prose(text(&info["summary"])),
            prose(text(&info["description"])),
            escaped(text(&document["openapi"])),
        ));
        let tags: Vec<&Value> = document["tags"].as_array().into_iter().flatten().collect();
        for tag in &tags {
            let name = escaped(text(&tag["name"]));
            self.add(format_args!("<a href=\"#{name}\">{name}</a>"));
        }
        self.add(format_args!(
            "<a href=\"#credentials\">Credentials</a><a href=\"#schemas\">Schemas</a></nav>"
        ));
        for tag in tags {
            let name = text(&tag["name"]);
            let (shown, description) = (escaped(name), prose(text(&tag["description"])));
            self.add(format_args!("<h2 id=\"{shown}\">{shown}</h2><p>{description}</p>"));
            for (path, item) in members(&document["paths"]) {
                for (method, operation) in members(item) {
                    if operation["tags"][0] == name {
                        self.operation(document, path, method, operation);
                    }
                }
            }
        }
        self.credentials(document);
        self.add(format_args!("<h2 id=\"schemas\">Schemas</h2>"));
        for (name, schema) in members(&document["components"]["schemas"]) {
            self.component(name, schema);
        }
        self.add(format_args!("</body></html>\n"));
    }

    fn operation(&mut self, document: &Value, path: &str, method: &str, operation: &Value) {
        self.add(format_args!(
            "<details id=\"{}\"><summary><b>{}</b> <code>{}</code> {}</summary><p>{}</p>",
            escaped(text(&operation["operationId"])),
            escaped(&method.to_ascii_uppercase()),
            escaped(path),
            prose(text(&operation["summary"])),
            prose(text(&operation["description"])),
        ));
        let parameters = operation["parameters"].as_array().map_or(&[][..], Vec::as_slice);
        if !parameters.is_empty() {
            self.add(format_args!("<table><tr><th>Parameter<th>In<th>Type<th>Meaning"));
            for parameter in parameters {
                let parameter = resolved(document, parameter);
                self.add(format_args!(
                    "<tr><td><code>{}</code><td>{}<td>{}<td>{}",
                    escaped(text(&parameter["name"])),
                    escaped(text(&parameter["in"])),
                    kind(&parameter["schema"]),
                    prose(text(&parameter["description"])),
                ));
            }
            self.add(format_args!("</table>"));
        }
        for (media_type, content) in members(&operation["requestBody"]["content"]) {
            self.add(format_args!(
                "<p>Body: {} as <code>{}</code></p>",
                kind(&content["schema"]),
                escaped(media_type)
            ));
        }
        self.add(format_args!("<table><tr><th>Status<th>Body<th>Headers<th>Meaning"));
        for (status, reply) in members(&operation["responses"]) {
            let reply = resolved(document, reply);
            let bodies: Vec<String> = members(&reply["content"])
                .map(|(media_type, content)| match content.get("schema") {
                    Some(schema) => kind(schema),
                    None => format!("<code>{}</code>", escaped(media_type)),
                })
                .collect();
            let headers: Vec<String> = members(&reply["headers"])
                .map(|(name, _)| format!("<code>{}</code>", escaped(name)))
                .collect();
            self.add(format_args!(
                "<tr><td>{}<td>{}<td>{}<td>{}",
                escaped(status),
                bodies.join(" "),
                headers.join(" "),
                prose(text(&reply["description"])),
            ));
        }
        self.add(format_args!("</table></details>"));
    }

    fn credentials(&mut self, document: &Value) {
        self.add(format_args!(
            "<h2 id=\"credentials\">Credentials</h2><table><tr><th>Carrier<th>Form<th>Meaning"
        ));
        for (name, scheme) in members(&document["components"]["securitySchemes"]) {
            let form = match text(&scheme["type"]) {
                "http" => format!("Authorization: {}", text(&scheme["scheme"])),
                _ => format!("{}: …", text(&scheme["name"])),
            };
            let description = prose(text(&scheme["description"]));
            self.add(format_args!(
                "<tr><td>{}<td><code>{}</code><td>{description}",
                escaped(name),
                escaped(&form)
            ));
        }
        self.add(format_args!("</table>"));
    }

    fn component(&mut self, name: &str, schema: &Value) {
        let name = escaped(name);
        self.add(format_args!(
            "<details id=\"schema-{name}\"><summary><code>{name}</code></summary><p>{}</p>",
            prose(text(&schema["description"])),
        ));
        self.properties(schema);
        for example in schema["examples"].as_array().into_iter().flatten() {
            self.add(format_args!("<pre>{}</pre>", escaped(&format!("{example:#}"))));
        }
        self.add(format_args!("</details>"));
    }

    /// The properties of an object or of the objects in an array, and theirs below them.
    fn properties(&mut self, schema: &Value) {
        let object = if schema["type"] == "array" { &schema["items"] } else { schema };
        let mut properties = members(&object["properties"]).peekable();
        if properties.peek().is_none() {
            return;
        }
        let required = object["required"].as_array().map_or(&[][..], Vec::as_slice);
        self.add(format_args!("<table><tr><th>Name<th>Type<th>Meaning"));
        for (name, property) in properties {
            let mut notes = Vec::new();
            notes.extend(required.iter().any(|one| one == name).then_some("always there"));
            notes.extend((property["readOnly"] == true).then_some("read-only"));
            notes.extend((property["writeOnly"] == true).then_some("write-only"));
            self.add(format_args!(
                "<tr><td><code>{}</code><td>{} <i>{}</i><td>{}",
                escaped(name),
                kind(property),
                notes.join(", "),
                prose(text(&property["description"])),
            ));
            self.properties(property);
        }
        self.add(format_args!("</table>"));
    }
}

/// What a schema is, in a few words, with links to components.
fn kind(schema: &Value) -> String {
    if let Some(name) = schema["$ref"].as_str().and_then(|reference| reference.rsplit('/').next()) {
        let name = escaped(name);
        return format!("<a href=\"#schema-{name}\">{name}</a>");
    }
    if schema["type"] == "array" {
        return format!("list of {}", kind(&schema["items"]));
    }
    let words = match &schema["type"] {
        Value::String(word) => word.clone(),
        Value::Array(words) => words.iter().map(text).collect::<Vec<_>>().join(" or "),
        _ => "any".into(),
    };
    let values: Vec<&str> = schema["enum"].as_array().into_iter().flatten().map(text).collect();
    let values = if values.is_empty() { text(&schema["const"]).to_owned() } else { values.join(", ") };
    let format = text(&schema["format"]);
    [words.as_str(), format, &values]
        .iter()
        .filter(|part| !part.is_empty())
        .map(|part| escaped(part))
        .collect::<Vec<_>>()
        .join(": ")
}

/// What a reference leads to, or the value itself.
fn resolved<'a>(document: &'a Value, value: &'a Value) -> &'a Value {
    let pointer = value["$ref"].as_str().and_then(|reference| reference.strip_prefix('#'));
    pointer.and_then(|pointer| document.pointer(pointer)).unwrap_or(value)
}

fn members(value: &Value) -> impl Iterator<Item = (&String, &Value)> {
    value.as_object().into_iter().flat_map(Map::iter)
}

fn text(value: &Value) -> &str {
    value.as_str().unwrap_or_default()
}

/// Text as HTML, also inside a quoted attribute.
fn escaped(text: &str) -> String {
    let mut safe = String::with_capacity(text.len());
    for char in text.chars() {
        match char {
            '&' => safe.push_str("&amp;"),
            '<' => safe.push_str("&lt;"),
            '>' => safe.push_str("&gt;"),
            '"' => safe.push_str("&quot;"),
            char => safe.push(char),
        }
    }
    safe
}

/// Text as HTML, with what stands between backticks as code.
fn prose(text: &str) -> String {
    let parts = escaped(text);
    let parts = parts.split('`').enumerate();
    parts
        .map(|(place, part)| if place % 2 == 1 { format!("<code>{part}</code>") } else { part.to_owned() })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn text_is_not_markup() {
        let document = json!({
            "info": {"title": "<script>", "summary": "a `b<` \"c\" & d"}, "servers": [{"url": "\"x"}], "tags": [],
        });
        let page = page(&document);
        let html = std::str::from_utf8(&page.html).unwrap();
        assert!(!html.contains("<script"));
        assert!(html.contains("a <code>b&lt;</code> &quot;c&quot; &amp; d"), "{html}");
        assert!(html.contains("href=\"&quot;x/openapi.json\""), "{html}");
    }

    #[test]
    fn every_operation_and_every_schema_is_on_the_page() {
        let document = crate::openapi::document("https://x");
        let page = page(&document);
        let html = std::str::from_utf8(&page.html).unwrap();
        for (path, item) in members(&document["paths"]) {
            for (method, operation) in members(item) {
                let id = text(&operation["operationId"]);
                assert!(html.contains(&format!("id=\"{id}\"")), "{method} {path}");
            }
        }
        for (name, _) in members(&document["components"]["schemas"]) {
            assert!(html.contains(&format!("id=\"schema-{name}\"")), "{name}");
        }
        // The policy allows exactly the style that is there.
        let style = html.split("<style>").nth(1).and_then(|rest| rest.split("</style>").next()).unwrap();
        assert!(page.policy.contains(&STANDARD.encode(Sha256::digest(style))));
    }
}
