//! Bytes on a socket, for requests that no HTTP client would send.

use std::io::{Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::time::Duration;

use socket2::{Domain, Socket, Type};

use super::http::Reply;

/// Sends `request` as it is and reads one reply. The server may answer before it has read everything.
pub(crate) fn exchange(address: &str, request: &[u8]) -> Reply {
    let mut stream = connect(address);
    // The server may refuse and close while we still write: its answer is what counts.
    let _ = stream.write_all(request);
    read_reply(&mut stream, &String::from_utf8_lossy(&request[..request.len().min(60)]))
}

/// A connection that does not wait for ever.
pub(crate) fn connect(address: &str) -> TcpStream {
    let stream = TcpStream::connect(address).expect("the server takes connections");
    stream.set_read_timeout(Some(Duration::from_secs(30))).expect("a timeout can be set");
    stream.set_write_timeout(Some(Duration::from_secs(30))).expect("a timeout can be set");
    stream
}

/// A connection that comes from another address of this machine.
pub(crate) fn connect_from(source: &str, address: &str) -> TcpStream {
    let source = SocketAddr::new(source.parse().expect("an address"), 0);
    let socket = Socket::new(Domain::IPV4, Type::STREAM, None).expect("there are sockets");
    socket.bind(&source.into()).expect("all of 127.0.0.0/8 is this machine");
    let address: SocketAddr = address.parse().expect("an address with a port");
    socket.connect(&address.into()).expect("the server takes connections");
    let stream = TcpStream::from(socket);
    stream.set_read_timeout(Some(Duration::from_secs(30))).expect("a timeout can be set");
    stream
}

/// Reads one reply with a `Content-Length`, or to the end of the connection.
pub(crate) fn read_reply(stream: &mut TcpStream, what: &str) -> Reply {
    let mut bytes = Vec::new();
    let mut buffer = [0; 16 << 10];
    loop {
        if let Some(reply) = whole_reply(&bytes, what, false) {
            return reply;
        }
        match stream.read(&mut buffer) {
            Ok(0) => break,
            Ok(count) => bytes.extend_from_slice(&buffer[..count]),
            // A reset after the reply has arrived is the server's refusal to read on.
            Err(_) if whole_reply(&bytes, what, true).is_some() => break,
            Err(error) => panic!("{what:?}: no reply: {error}"),
        }
    }
    whole_reply(&bytes, what, true)
        .unwrap_or_else(|| panic!("{what:?}: no HTTP reply: {:?}", String::from_utf8_lossy(&bytes)))
}

fn whole_reply(bytes: &[u8], what: &str, ended: bool) -> Option<Reply> {
    let end = bytes.windows(4).position(|window| window == b"\r\n\r\n")?;
    let head = String::from_utf8_lossy(&bytes[..end]).into_owned();
    let mut lines = head.split("\r\n");
    let status = lines.next()?.split(' ').nth(1)?.parse().ok()?;
    let headers: Vec<(String, String)> = lines
        .filter_map(|line| line.split_once(':'))
        .map(|(name, value)| (name.to_owned(), value.trim().to_owned()))
        .collect();
    let body = &bytes[end + 4..];
    let length = headers
        .iter()
        .find(|(name, _)| name.eq_ignore_ascii_case("content-length"))
        .and_then(|(_, value)| value.parse::<usize>().ok());
    let body = match length {
        Some(length) if body.len() >= length => &body[..length],
        _ if ended => body,
        _ => return None,
    };
    let text = String::from_utf8_lossy(body).into_owned();
    Some(Reply { what: what.to_owned(), status, headers, text })
}
