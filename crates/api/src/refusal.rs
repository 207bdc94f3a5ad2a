//! Requests that never become one: a head that cannot be read, is too long or does not end.
//!
//! The framework answers them below every middleware, with a status and no body. [`crate::connection`] shows its
//! bytes to [`instead_of`], which says the same in the form of every other reply.

use actix_web::ResponseError;
use actix_web::body::MessageBody;
use uuid::Uuid;

use crate::error::Failure;
use crate::logging;

/// The reply to be sent for these bytes, when they are a bare refusal of the framework. `long_line` tells whether
/// the request line was too long, which the framework does not tell from other defects.
pub(crate) fn instead_of(bytes: &[u8], long_line: bool) -> Option<Vec<u8>> {
    let mut lines = std::str::from_utf8(bytes).ok()?.strip_suffix("\r\n\r\n")?.split("\r\n");
    let status = lines.next()?.strip_prefix("HTTP/1.1 ")?.get(..3)?;
    let fields: Vec<&str> = lines.collect();
    // Whatever has come from a handler, or failed on its way there, bears its request id.
    let is_ours = fields.iter().any(|field| field.starts_with("x-request-id:"));
    if is_ours || !fields.contains(&"content-length: 0") {
        return None;
    }
    let failure = match status {
        "400" | "431" if long_line => Failure::TargetTooLong,
        "400" => Failure::NotHttp,
        "408" => Failure::TooSlow,
        "431" => Failure::HeadersTooLarge,
        _ => return None,
    };
    // Connection and date are the framework's to say.
    let kept = fields.into_iter().filter(|field| !field.starts_with("content-length:"));
    Some(whole(&failure, kept))
}

fn whole<'a>(failure: &Failure, kept: impl Iterator<Item = &'a str>) -> Vec<u8> {
    let mut response = failure.error_response();
    let id = Uuid::now_v7().to_string();
    logging::seal(response.headers_mut(), &id);
    let status = response.status();
    logging::refused(status.as_u16(), &id);
    let mut bytes = format!("HTTP/1.1 {status}\r\n").into_bytes();
    for (name, value) in response.headers() {
        bytes.extend([name.as_str().as_bytes(), b": ", value.as_bytes(), b"\r\n"].concat());
    }
    // The body was made in one piece, from a value.
    let body = response.into_body().try_into_bytes().unwrap_or_default();
    for field in kept.map(str::to_owned).chain([format!("content-length: {}", body.len())]) {
        bytes.extend([field.as_bytes(), b"\r\n"].concat());
    }
    bytes.extend(b"\r\n");
    bytes.extend(body);
    bytes
}

#[cfg(test)]
mod tests {
    use super::*;

    fn bare(status: &str) -> String {
        format!("HTTP/1.1 {status}\r\ncontent-length: 0\r\nconnection: close\r\ndate: today\r\n\r\n")
    }

    fn said(status: &str, long_line: bool) -> Option<String> {
        instead_of(bare(status).as_bytes(), long_line).map(|bytes| String::from_utf8(bytes).unwrap())
    }

    #[test]
    fn a_bare_refusal_gets_a_body() {
        let text = said("400 Bad Request", false).unwrap();
        let (head, body) = text.split_once("\r\n\r\n").unwrap();
        assert!(head.starts_with("HTTP/1.1 400 Bad Request\r\n"), "{head}");
        for field in ["connection: close", "date: today", "content-type: application/scim+json"] {
            assert_eq!(head.matches(field).count(), 1, "{field}: {head}");
        }
        assert_eq!(head.matches("content-length:").count(), 1, "{head}");
        assert!(head.contains(&format!("content-length: {}", body.len())), "{head}");
        assert!(body.contains("\"status\":\"400\""), "{body}");
    }

    #[test]
    fn a_long_line_is_told_from_other_defects() {
        for status in ["400 Bad Request", "431 Request Header Fields Too Large"] {
            assert!(said(status, true).unwrap().starts_with("HTTP/1.1 414 URI Too Long\r\n"), "{status}");
        }
        assert!(said("408 Request Timeout", true).unwrap().starts_with("HTTP/1.1 408 "));
        assert!(said("431 Request Header Fields Too Large", false).unwrap().starts_with("HTTP/1.1 431 "));
    }

    #[test]
    fn other_replies_are_let_through() {
        assert_eq!(said("200 OK", false), None);
        assert_eq!(said("404 Not Found", false), None);
        let ours = bare("400 Bad Request").replace("date:", "x-request-id: 1\r\ndate:");
        let followed = bare("400 Bad Request") + "x";
        let with_body = bare("400 Bad Request").replace("length: 0", "length: 7");
        for other in [ours.as_str(), &followed, &with_body, "", "\r\n\r\n", "HTTP/1.1 100 Continue\r\n\r\n"] {
            assert_eq!(instead_of(other.as_bytes(), false), None, "{other}");
        }
    }
}
