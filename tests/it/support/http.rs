//! An HTTP client that shows what the server said: no failure is turned into an error, nothing is followed.

use std::time::Duration;

use super::canary;
use base64::Engine;
use serde_json::{Value, json};
use ureq::http;

use super::users::QA_USER;

/// The base path of the contract after RFC 7644.
pub(crate) const RFC: &str = "/scim/v2";
/// The base path of the contract after MaestroQA's API.
pub(crate) const QA: &str = "/api/v1/scim/v2";
/// Both.
pub(crate) const BASES: [&str; 2] = [RFC, QA];
/// The media type of every SCIM reply.
pub(crate) const SCIM_JSON: &str = "application/scim+json";
/// URN of PATCH messages.
pub(crate) const PATCH_OP: &str = "urn:ietf:params:scim:api:messages:2.0:PatchOp";
/// URN of errors.
pub(crate) const ERROR: &str = "urn:ietf:params:scim:api:messages:2.0:Error";

/// Where a request carries its token.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Carrier {
    Bearer,
    Basic,
    ApiToken,
    ApiKey,
}

impl Carrier {
    pub(crate) const ALL: [Self; 4] = [Self::Bearer, Self::Basic, Self::ApiToken, Self::ApiKey];

    /// The header that carries `token`.
    pub(crate) fn header(self, token: &str) -> (&'static str, String) {
        match self {
            Self::Bearer => ("Authorization", format!("Bearer {token}")),
            Self::Basic => ("Authorization", format!("Basic {}", base64(&format!("apikey:{token}")))),
            Self::ApiToken => ("apiToken", token.to_owned()),
            Self::ApiKey => ("API-Key", token.to_owned()),
        }
    }
}

pub(crate) fn base64(text: &str) -> String {
    base64::engine::general_purpose::STANDARD.encode(text)
}

/// Percent-encodes everything that is not plainly allowed in a query.
pub(crate) fn encode(text: &str) -> String {
    text.bytes()
        .map(|byte| match byte {
            b'A'..=b'Z' | b'a'..=b'z' | b'0'..=b'9' | b'-' | b'.' | b'_' | b'~' => {
                char::from(byte).to_string()
            }
            _ => format!("%{byte:02X}"),
        })
        .collect()
}

/// A client for one base URL with one credential.
#[derive(Clone)]
pub(crate) struct Client {
    agent: ureq::Agent,
    /// With the base path.
    pub(crate) base_url: String,
    credential: Option<(&'static str, String)>,
}

impl Client {
    pub(crate) fn new(base_url: String, credential: Option<(&'static str, String)>) -> Self {
        let config = ureq::Agent::config_builder()
            .http_status_as_error(false)
            .proxy(None)
            .max_redirects(0)
            .allow_non_standard_methods(true)
            .timeout_global(Some(Duration::from_secs(60)))
            .build();
        Self { agent: config.new_agent(), base_url, credential }
    }

    /// The same connection pool and base with another credential.
    pub(crate) fn with_credential(&self, credential: Option<(&'static str, String)>) -> Self {
        Self { credential, ..self.clone() }
    }

    /// The same credential at another base URL.
    pub(crate) fn at(&self, base_url: String) -> Self {
        Self { base_url, ..self.clone() }
    }

    /// A request; `path` is what follows the base path, query included, already percent-encoded.
    pub(crate) fn request(&self, method: &str, path: &str) -> Request<'_> {
        let url = format!("{}{path}", self.base_url);
        let mut request =
            Request { client: self, method: method.to_owned(), url, headers: Vec::new(), body: None };
        if let Some((name, value)) = &self.credential {
            request = request.header(name, value);
        }
        request
    }

    pub(crate) fn get(&self, path: &str) -> Reply {
        self.request("GET", path).send()
    }

    pub(crate) fn delete(&self, path: &str) -> Reply {
        self.request("DELETE", path).send()
    }

    pub(crate) fn post(&self, path: &str, body: &Value) -> Reply {
        self.request("POST", path).json(body).send()
    }

    pub(crate) fn put(&self, path: &str, body: &Value) -> Reply {
        self.request("PUT", path).json(body).send()
    }

    /// PATCH with these operations.
    pub(crate) fn patch(&self, path: &str, operations: Value) -> Reply {
        self.request("PATCH", path).json(&json!({"schemas": [PATCH_OP], "Operations": operations})).send()
    }

    /// GET of `/Users` with this filter.
    pub(crate) fn filter(&self, filter: &str) -> Reply {
        self.get(&format!("/Users?filter={}", encode(filter)))
    }

    /// A user with its effective role, which the RFC contract returns on request only.
    pub(crate) fn with_role(&self, mut user: Value) -> Value {
        if self.base_url.ends_with(QA) {
            return user;
        }
        let path = format!("{}?attributes={QA_USER}:role", user_path(&user));
        let role = self.get(&path).expect(200).json()[QA_USER]["role"].clone();
        user[QA_USER]["role"] = role;
        user
    }

    /// Creates a user and gives the reply's body.
    pub(crate) fn create(&self, user: &Value) -> Value {
        self.post("/Users", user).expect(201).json()
    }
}

/// A request that is being put together.
pub(crate) struct Request<'a> {
    client: &'a Client,
    method: String,
    url: String,
    headers: Vec<(String, String)>,
    body: Option<Vec<u8>>,
}

impl Request<'_> {
    pub(crate) fn header(mut self, name: &str, value: &str) -> Self {
        self.headers.push((name.to_owned(), value.to_owned()));
        self
    }

    /// A JSON body in SCIM's media type.
    pub(crate) fn json(self, body: &Value) -> Self {
        self.body(body.to_string().into_bytes(), SCIM_JSON)
    }

    /// Any body.
    pub(crate) fn body(mut self, body: impl Into<Vec<u8>>, content_type: &str) -> Self {
        self.body = Some(body.into());
        if content_type.is_empty() { self } else { self.header("Content-Type", content_type) }
    }

    pub(crate) fn send(self) -> Reply {
        let what = format!("{} {}", self.method, self.url);
        self.try_send().unwrap_or_else(|error| panic!("{what}: {error}"))
    }

    /// Like [`Request::send`] for a server that may be gone.
    pub(crate) fn try_send(self) -> Result<Reply, ureq::Error> {
        let what = format!("{} {}", self.method, self.url);
        let mut request = http::Request::builder().method(self.method.as_str()).uri(&self.url);
        for (name, value) in &self.headers {
            request = request.header(name, value);
        }
        let agent = &self.client.agent;
        self.body.as_deref().inspect(|body| canary::remember(body));
        let mut response = match self.body {
            Some(body) => agent.run(request.body(body).unwrap_or_else(|error| panic!("{what}: {error}")))?,
            None => agent.run(request.body(()).unwrap_or_else(|error| panic!("{what}: {error}")))?,
        };
        let headers = response
            .headers()
            .iter()
            .map(|(name, value)| (name.to_string(), String::from_utf8_lossy(value.as_bytes()).into_owned()))
            .collect();
        let status = response.status().as_u16();
        let text = response.body_mut().with_config().limit(64 << 20).read_to_string()?;
        if status >= 400 {
            let found = canary::Search::new().find(text.as_bytes());
            assert_eq!(found, None, "{what}: a refusal shows a secret: {text}");
        }
        Ok(Reply { what, status, headers, text })
    }
}

/// What the server said.
#[derive(Clone, Debug)]
pub(crate) struct Reply {
    /// Method and URL, for messages.
    pub(crate) what: String,
    pub(crate) status: u16,
    pub(crate) headers: Vec<(String, String)>,
    pub(crate) text: String,
}

impl Reply {
    /// The value of a header.
    pub(crate) fn header(&self, name: &str) -> Option<&str> {
        self.headers.iter().find(|(key, _)| key.eq_ignore_ascii_case(name)).map(|(_, value)| value.as_str())
    }

    /// The values of a header that may occur several times.
    pub(crate) fn header_values(&self, name: &str) -> Vec<&str> {
        let same = self.headers.iter().filter(|(key, _)| key.eq_ignore_ascii_case(name));
        same.map(|(_, value)| value.as_str()).collect()
    }

    /// The body as JSON.
    pub(crate) fn json(&self) -> Value {
        serde_json::from_str(&self.text).unwrap_or_else(|error| {
            panic!("{}: {} with a body that is no JSON ({error}): {}", self.what, self.status, self.text)
        })
    }

    /// Asserts the status.
    #[track_caller]
    pub(crate) fn expect(&self, status: u16) -> &Self {
        assert_eq!(self.status, status, "{} said {} {}", self.what, self.status, self.text);
        self
    }

    /// Asserts a SCIM error (RFC 7644 section 3.12) with this status and keyword.
    #[track_caller]
    pub(crate) fn expect_error(&self, status: u16, scim_type: Option<&str>) -> &Self {
        self.expect(status);
        assert_eq!(self.header("Content-Type"), Some(SCIM_JSON), "{}: the type of an error", self.what);
        let body = self.json();
        assert_eq!(body["schemas"], json!([ERROR]), "{}: {}", self.what, self.text);
        assert_eq!(
            body["status"],
            json!(status.to_string()),
            "{}: status is a string: {}",
            self.what,
            self.text
        );
        assert_eq!(body["scimType"].as_str(), scim_type, "{}: {}", self.what, self.text);
        let detail =
            body["detail"].as_str().unwrap_or_else(|| panic!("{}: no detail: {}", self.what, self.text));
        for word in
            ["SELECT", "INSERT", "UNIQUE constraint", "duplicate key", "diesel", "panicked", "RUST_BACKTRACE"]
        {
            assert!(!detail.contains(word), "{}: detail shows our insides: {detail}", self.what);
        }
        let known = ["schemas", "status", "scimType", "detail"];
        for key in body.as_object().into_iter().flatten().map(|(key, _)| key.as_str()) {
            assert!(known.contains(&key), "{}: an Error has no {key}: {}", self.what, self.text);
        }
        self
    }

    /// The resources of a ListResponse.
    #[track_caller]
    pub(crate) fn resources(&self) -> Vec<Value> {
        self.expect(200);
        let body = self.json();
        match &body["Resources"] {
            Value::Array(list) => list.clone(),
            _ => panic!("{}: Resources has to be an array, also an empty one: {}", self.what, self.text),
        }
    }

    /// The ids of the resources of a ListResponse.
    #[track_caller]
    pub(crate) fn ids(&self) -> Vec<String> {
        self.resources().iter().map(|resource| id_of(resource).to_owned()).collect()
    }

    /// `totalResults` of a ListResponse.
    #[track_caller]
    pub(crate) fn total(&self) -> i64 {
        self.expect(200);
        self.json()["totalResults"].as_i64().unwrap_or_else(|| panic!("{}: {}", self.what, self.text))
    }
}

/// The id of a resource.
#[track_caller]
pub(crate) fn id_of(resource: &Value) -> &str {
    resource["id"].as_str().unwrap_or_else(|| panic!("no id in {resource}"))
}

/// The path of a user below a base path.
#[track_caller]
pub(crate) fn user_path(resource: &Value) -> String {
    format!("/Users/{}", id_of(resource))
}
