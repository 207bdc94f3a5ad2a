//! A client for what is not measured by `wrk`: filling, asking what there is, and checking what a row does.

use std::io::{BufRead, BufReader, Read, Write};
use std::net::TcpStream;

use serde_json::Value;

/// HTTP/1.1 over one connection that is kept alive, or over another one where the server has closed it.
pub(super) struct Client {
    address: String,
    stream: BufReader<TcpStream>,
    is_closed: bool,
    token: String,
}

impl Client {
    pub(super) fn connect(address: &str, token: &str) -> Self {
        let stream = TcpStream::connect(address).unwrap();
        stream.set_nodelay(true).unwrap();
        let (address, token) = (address.to_owned(), token.to_owned());
        Self { address, stream: BufReader::new(stream), is_closed: false, token }
    }

    /// Another credential from here on.
    pub(super) fn be(&mut self, token: &str) {
        token.clone_into(&mut self.token);
    }

    /// The JSON of a good answer.
    pub(super) fn ask(&mut self, line: &str, body: Option<&str>) -> Value {
        let (status, received) = self.exchange(line, body);
        assert!((200..300).contains(&status), "{line}: {status} {}", String::from_utf8_lossy(&received));
        serde_json::from_slice(&received).unwrap_or_default()
    }

    /// The same for a body of another type.
    pub(super) fn ask_as(&mut self, line: &str, media: &str, body: &str) -> Value {
        let request = written(line, &self.token, body).replace("application/scim+json", media);
        let (status, received) = self.send(request.as_bytes());
        assert!((200..300).contains(&status), "{line}: {status} {}", String::from_utf8_lossy(&received));
        serde_json::from_slice(&received).unwrap_or_default()
    }

    /// Status and body.
    pub(super) fn exchange(&mut self, line: &str, body: Option<&str>) -> (u16, Vec<u8>) {
        let request = written(line, &self.token, body.unwrap_or_default());
        self.send(request.as_bytes())
    }

    /// Status and body of a request as it goes over the wire.
    pub(super) fn send(&mut self, request: &[u8]) -> (u16, Vec<u8>) {
        if self.is_closed {
            *self = Self::connect(&self.address, &self.token);
        }
        self.stream.get_mut().write_all(request).unwrap();
        let (mut status, mut length, mut chunked) = (0, 0, false);
        loop {
            let mut line = String::new();
            self.stream.read_line(&mut line).unwrap();
            let line = line.trim_end();
            if let Some(rest) = line.strip_prefix("HTTP/1.1 ") {
                status = rest[..3].parse().unwrap();
            } else if let Some((name, value)) = line.split_once(':') {
                match name.to_ascii_lowercase().as_str() {
                    "content-length" => length = value.trim().parse().unwrap(),
                    "transfer-encoding" => chunked = true,
                    "connection" => self.is_closed = value.trim().eq_ignore_ascii_case("close"),
                    _ => {}
                }
            }
            if line.is_empty() {
                break;
            }
        }
        let mut received = vec![0; length];
        self.stream.read_exact(&mut received).unwrap();
        while chunked {
            let mut line = String::new();
            self.stream.read_line(&mut line).unwrap();
            let size = usize::from_str_radix(line.trim(), 16).unwrap();
            let mut chunk = vec![0; size + 2];
            self.stream.read_exact(&mut chunk).unwrap();
            received.extend_from_slice(&chunk[..size]);
            chunked = size > 0;
        }
        (status, received)
    }
}

/// A request as it goes over the wire; `line` is method and target.
pub(super) fn written(line: &str, token: &str, body: &str) -> String {
    let of_body = if body.is_empty() && line.starts_with("GET ") {
        String::new()
    } else {
        format!("Content-Type: application/scim+json\r\nContent-Length: {}\r\n", body.len())
    };
    format!("{line} HTTP/1.1\r\nHost: localhost\r\nAuthorization: Bearer {token}\r\n{of_body}\r\n{body}")
}

/// A value of a query, in the characters that stand there by themselves.
pub(super) fn encoded(text: &str) -> String {
    let plain = |byte: u8| byte.is_ascii_alphanumeric() || b"-._~".contains(&byte);
    text.bytes()
        .map(|byte| if plain(byte) { char::from(byte).to_string() } else { format!("%{byte:02X}") })
        .collect()
}
