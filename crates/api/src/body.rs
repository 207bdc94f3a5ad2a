//! The body of a request: size, time and form are judged here, what it says by [`crate::json`] and the engine.

use std::time::Duration;

use actix_rt::time::timeout;
use actix_web::HttpRequest;
use actix_web::http::header::{CONTENT_ENCODING, CONTENT_LENGTH, CONTENT_TYPE, HeaderName};
use actix_web::web::{Bytes, BytesMut, Payload};
use domain::service::Body;
use domain::{Error, limits};
use futures_util::StreamExt;

use crate::error::Failure;
use crate::{json, requests};

/// JSON under any of its names. `text/plain` is what JavaScript's `fetch` says when told nothing (DummyIDP).
const MEDIA_TYPES: [&str; 3] = ["application/scim+json", "application/json", "text/plain"];

/// What the platform API reads.
const JSON_TYPES: [&str; 2] = ["application/json", "application/merge-patch+json"];

/// Bytes of a body that is read where it arrives: a user has two KiB, a PATCH less.
const SHORT: usize = 16 << 10;

/// A body that has arrived.
pub(crate) struct Received {
    bytes: Bytes,
    /// Why its form is not one we read.
    refused: Option<&'static str>,
}

impl Received {
    /// Whether nothing was sent.
    pub(crate) fn is_empty(&self) -> bool {
        self.bytes.is_empty()
    }

    /// Whether it is read in a fraction of a millisecond.
    pub(crate) fn is_short(&self) -> bool {
        self.bytes.len() <= SHORT
    }

    /// What it says. On a server thread only where it [is short](Self::is_short).
    pub(crate) fn read(&self) -> Body {
        match self.refused {
            None => json::read(&self.bytes),
            Some(reason) => Err(Error::UnsupportedMediaType(reason.into())),
        }
    }
}

/// Waits for the whole body.
///
/// # Errors
/// 413 past [`limits::BODY_BYTES`], 408 past [`limits::BODY_TIME`], 400 when it ends
/// early. A wrong media type is no error yet: whether the resource exists comes first.
pub(crate) async fn receive(request: &HttpRequest, payload: Payload) -> Result<Received, Failure> {
    let refused = refusal(request, &MEDIA_TYPES, "send the body as application/scim+json");
    let bytes = arrive(request, payload).await?;
    // What is not read here is not read for the log either.
    if refused.is_none() {
        requests::sent(request, &bytes);
    }
    Ok(Received { bytes, refused })
}

/// The same below `/platform/v1`, where bodies are JSON or, for PATCH, a JSON merge patch.
pub(crate) async fn receive_json(request: &HttpRequest, payload: Payload) -> Result<Received, Failure> {
    let refused = refusal(request, &JSON_TYPES, "send the body as application/json");
    Ok(Received { bytes: arrive(request, payload).await?, refused })
}

async fn arrive(request: &HttpRequest, mut payload: Payload) -> Result<Bytes, Failure> {
    let announced = header(request, CONTENT_LENGTH).and_then(|length| length.parse::<u64>().ok());
    let bytes = if announced.is_some_and(|length| length > limits::BODY_BYTES as u64) {
        Err(too_large())
    } else {
        timeout(limits::BODY_TIME, collect(&mut payload)).await.map_err(|_| Failure::TooSlow)?
    };
    if let Err(Failure::Domain(Error::TooLarge(_))) = &bytes {
        let _ = timeout(limits::BODY_TIME, drop_rest(&mut payload)).await;
    }
    bytes
}

async fn collect(payload: &mut Payload) -> Result<Bytes, Failure> {
    let mut body = BytesMut::new();
    while let Some(chunk) = payload.next().await {
        let chunk = chunk.map_err(|_| Error::InvalidSyntax("the body ended early".into()))?;
        if body.len() + chunk.len() > limits::BODY_BYTES {
            return Err(too_large());
        }
        body.extend_from_slice(&chunk);
    }
    Ok(body.freeze())
}

/// Takes what is on its way of a body that is too large, up to a point, and drops it: most clients send all of it
/// before they look at the answer, and one whose connection is closed meanwhile never sees the 413.
async fn drop_rest(payload: &mut Payload) {
    const MOST: usize = 8 * limits::BODY_BYTES;
    const PAUSE: Duration = Duration::from_millis(500);
    let mut dropped = 0;
    while let Ok(Some(Ok(chunk))) = timeout(PAUSE, payload.next()).await {
        dropped += chunk.len();
        if dropped > MOST {
            break;
        }
    }
}

fn too_large() -> Failure {
    Error::TooLarge(format!("the body is larger than {} bytes", limits::BODY_BYTES)).into()
}

fn refusal(request: &HttpRequest, media_types: &[&str], advice: &'static str) -> Option<&'static str> {
    // A small body that inflates to a gigabyte is an old attack; no client of ours compresses.
    if header(request, CONTENT_ENCODING).is_some_and(|coding| !coding.trim().eq_ignore_ascii_case("identity"))
    {
        return Some("compressed bodies are not accepted");
    }
    let essence = header(request, CONTENT_TYPE).map(|value| value.split(';').next().unwrap_or("").trim());
    let known =
        essence.is_some_and(|essence| media_types.iter().any(|known| known.eq_ignore_ascii_case(essence)));
    (!known).then_some(advice)
}

/// The text of a header; one that is no text is as good as `?`, which nothing accepts.
fn header(request: &HttpRequest, name: HeaderName) -> Option<&str> {
    request.headers().get(name).map(|value| value.to_str().unwrap_or("?"))
}

#[cfg(test)]
mod tests {
    use super::*;
    use actix_web::test::TestRequest;

    fn refused(headers: &[(&'static str, &'static str)]) -> bool {
        let request =
            headers.iter().fold(TestRequest::post(), |request, &header| request.insert_header(header));
        refusal(&request.to_http_request(), &MEDIA_TYPES, "").is_some()
    }

    #[test]
    fn json_under_any_of_its_names_is_read() {
        for media in [
            "application/scim+json",
            "Application/JSON",
            "application/json; charset=utf-8",
            "application/scim+json;charset=UTF-8",
            "text/plain;charset=UTF-8",
        ] {
            assert!(!refused(&[("content-type", media)]), "{media}");
        }
        for media in ["", "application/x-www-form-urlencoded", "application/xml", "json"] {
            assert!(refused(&[("content-type", media)]), "{media}");
        }
        assert!(refused(&[]));
    }

    #[test]
    fn compressed_bodies_are_not() {
        let json = ("content-type", "application/json");
        for coding in ["gzip", "br", "deflate", "identity, gzip"] {
            assert!(refused(&[json, ("content-encoding", coding)]), "{coding}");
        }
        assert!(!refused(&[json, ("content-encoding", "Identity")]));
    }

    #[test]
    fn a_wrong_media_type_is_for_the_engine_to_report() {
        let received = Received { bytes: Bytes::from_static(b"{}"), refused: Some("form") };
        assert!(matches!(received.read(), Err(Error::UnsupportedMediaType(_))));
    }
}
