//! Plain JSON, as the platform API and the API of tenant admins read and write it.

use actix_web::http::StatusCode;
use actix_web::http::header::CONTENT_TYPE;
use actix_web::{HttpRequest, HttpResponse, web};
use domain::error::excerpt;
use domain::{Error, Result};
use serde_json::{Map, Value};

use crate::body::{self, Received};
use crate::error::Failure;

/// The members of a JSON body, taken one by one; what is left at the end is unknown.
pub(crate) struct Fields(pub(crate) Map<String, Value>);

impl Fields {
    pub(crate) fn read(received: &Received) -> Result<Self> {
        match received.read()? {
            Value::Object(fields) => Ok(Self(fields)),
            _ => Err(Error::InvalidSyntax("the body is a JSON object".into())),
        }
    }

    /// A member; null is none.
    pub(crate) fn take(&mut self, name: &str) -> Option<Value> {
        self.0.remove(name).filter(|value| !value.is_null())
    }

    pub(crate) fn text(&mut self, name: &str) -> Result<Option<String>> {
        match self.take(name) {
            None => Ok(None),
            Some(Value::String(text)) => Ok(Some(text)),
            Some(_) => Err(Error::InvalidValue(format!("{name} is a text"))),
        }
    }

    /// A text that has to be there.
    pub(crate) fn needed(&mut self, name: &str) -> Result<String> {
        self.text(name)?.ok_or_else(|| Error::InvalidValue(format!("{name} is missing")))
    }

    pub(crate) fn end(self) -> Result<()> {
        match self.0.keys().next() {
            None => Ok(()),
            Some(name) => Err(Error::InvalidValue(format!("there is no field {}", excerpt(name)))),
        }
    }
}

/// Waits for the whole body.
pub(crate) async fn receive(
    request: &HttpRequest,
    payload: web::Payload,
) -> std::result::Result<Received, Failure> {
    body::receive_json(request, payload).await
}

/// A segment of the path, as text.
pub(crate) fn segment(request: &HttpRequest, name: &str) -> String {
    request.match_info().query(name).to_owned()
}

/// Any JSON.
pub(crate) fn json(status: StatusCode, body: &Value) -> HttpResponse {
    HttpResponse::build(status).insert_header((CONTENT_TYPE, "application/json")).body(body.to_string())
}
