//! Clients that send, or take, a byte at a time, or nothing at all: they are ended, and nobody else notices.

use std::io::{ErrorKind, Read, Write};
use std::net::TcpStream;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use serde_json::{Value, json};

use crate::support::app::TestApp;
use crate::support::backend::{Backend, both};
use crate::support::effort::size;
use crate::support::http::{Client, RFC};
use crate::support::raw;
use crate::support::users::{user, with};

both!(case_87_slow_heads, case_88_slow_bodies, case_89_slow_readers, case_90_idle_connections);

fn head(app: &TestApp, method: &str, target: &str) -> String {
    format!("{method} {target} HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer {}\r\n", app.acme().token)
}

/// How a connection ended.
#[derive(Default)]
struct Ending {
    /// When the server said something, if it did, and when the connection ended; from the start of the attack.
    told: Option<Duration>,
    after: Duration,
    said: Vec<u8>,
}

/// Gives each connection its turn every 400 ms until the server has ended it. Panics when one is still open after `most`.
fn attack(
    connections: Vec<TcpStream>,
    most: Duration,
    turn: impl Fn(&mut TcpStream) -> std::io::Result<usize>,
) -> Vec<Ending> {
    let start = Instant::now();
    let mut open: Vec<(TcpStream, Ending)> =
        connections.into_iter().map(|one| (one, Ending::default())).collect();
    let mut endings = Vec::new();
    let mut buffer = [0; 4_096];
    for (stream, _) in &open {
        stream.set_nonblocking(true).unwrap();
    }
    while !open.is_empty() {
        assert!(start.elapsed() < most, "{} connections are still open after {most:?}", open.len());
        open.retain_mut(|(stream, ending)| {
            let mut ended = matches!(turn(stream), Err(error) if error.kind() != ErrorKind::WouldBlock);
            match stream.read(&mut buffer[..64]) {
                Ok(0) => ended = true,
                Ok(count) => {
                    ending.told.get_or_insert(start.elapsed());
                    ending.said.extend_from_slice(&buffer[..count]);
                }
                Err(error) => ended |= error.kind() != ErrorKind::WouldBlock,
            }
            if ended {
                while let Ok(count @ 1..) = stream.read(&mut buffer) {
                    ending.said.extend_from_slice(&buffer[..count]);
                }
                ending.after = start.elapsed();
                endings.push(std::mem::take(ending));
            }
            !ended
        });
        std::thread::sleep(Duration::from_millis(400));
    }
    endings
}

/// Runs `work` while another client asks for a page all the time: each of its requests is answered, most of them soon.
fn undisturbed<T>(client: &Client, work: impl FnOnce() -> T) -> T {
    let done = AtomicBool::new(false);
    std::thread::scope(|scope| {
        let good = scope.spawn(|| {
            let mut times = Vec::new();
            while !done.load(Ordering::Relaxed) {
                let start = Instant::now();
                client.get("/Users?count=1").expect(200);
                times.push(start.elapsed());
                std::thread::sleep(Duration::from_millis(20));
            }
            times
        });
        // Also when the work fails, or the other thread would never end.
        struct Done<'a>(&'a AtomicBool);
        impl Drop for Done<'_> {
            fn drop(&mut self) {
                self.0.store(true, Ordering::Relaxed);
            }
        }
        let guard = Done(&done);
        let result = work();
        drop(guard);
        let mut times = good.join().unwrap();
        times.sort();
        let (p50, p99) = (times[times.len() / 2], times[times.len() * 99 / 100]);
        assert!(p50 < Duration::from_millis(250), "half of a good client's requests took more than {p50:?}");
        assert!(p99 < Duration::from_secs(2), "of a good client's requests 1% took more than {p99:?}");
        result
    })
}

fn case_87_slow_heads(backend: Backend) {
    let mut app = TestApp::start_with(backend, &[("ROLLCALL__SERVER__HEAD_SECONDS", "2")]);
    let connections = (0..size(200, 1_000)).map(|n| {
        let mut stream = raw::connect(app.server.address());
        // Half of them were of use once: the framework's own timer is over for these.
        if n % 2 == 0 {
            let request = format!("{}\r\n", head(&app, "GET", "/scim/v2/Users?count=0"));
            stream.write_all(request.as_bytes()).unwrap();
            raw::read_reply(&mut stream, "the first request").expect(200);
        }
        stream.write_all(format!("{}X-Slow: ", head(&app, "GET", "/scim/v2/Users")).as_bytes()).unwrap();
        stream
    });
    let connections: Vec<TcpStream> = connections.collect();
    let endings =
        undisturbed(&app.rfc(), || attack(connections, Duration::from_secs(10), |stream| stream.write(b"x")));
    let mut told = 0;
    for Ending { after, said, .. } in &endings {
        assert!(*after < Duration::from_secs(6), "a head of 2 seconds was waited for {after:?}");
        let text = String::from_utf8_lossy(said);
        if !text.is_empty() {
            assert!(text.starts_with("HTTP/1.1 408 "), "{text}");
            assert!(text.contains("\"status\":\"408\""), "{text}");
            told += 1;
        }
    }
    assert!(told > 0, "no connection was told why it ended");
    assert!(app.server.is_running());
}

fn case_88_slow_bodies(backend: Backend) {
    let mut app = TestApp::start(backend);
    let before = app.db.db_dump();
    let connections = (0..size(200, 1_000)).map(|n| {
        let mut stream = raw::connect(app.server.address());
        let form = if n % 2 == 0 { "Content-Length: 100000" } else { "Transfer-Encoding: chunked" };
        let request = format!(
            "{}Content-Type: application/json\r\n{form}\r\n\r\n",
            head(&app, "POST", "/scim/v2/Users")
        );
        stream.write_all(request.as_bytes()).unwrap();
        (stream, n % 2 == 0)
    });
    let (sized, chunked): (Vec<_>, Vec<_>) = connections.partition(|(_, sized)| *sized);
    let plain = |all: Vec<(TcpStream, bool)>| all.into_iter().map(|(stream, _)| stream).collect::<Vec<_>>();
    let (sized, chunked) = (plain(sized), plain(chunked));
    let most = Duration::from_secs(25);
    let endings = undisturbed(&app.rfc(), || {
        std::thread::scope(|scope| {
            let sized = scope.spawn(|| attack(sized, most, |stream| stream.write(b" ")));
            let chunked = scope.spawn(|| attack(chunked, most, |stream| stream.write(b"1\r\n \r\n")));
            let mut endings = sized.join().unwrap();
            endings.extend(chunked.join().unwrap());
            endings
        })
    });
    for Ending { told, after, said } in &endings {
        // What still comes is taken for five seconds more, so that the client can read the answer.
        assert!(*after < Duration::from_secs(23), "a body of 15 seconds was waited for {after:?}");
        assert!(told.is_none_or(|told| told < Duration::from_secs(17)), "it was told after {told:?}");
        let text = String::from_utf8_lossy(said);
        assert!(text.is_empty() || text.starts_with("HTTP/1.1 408 "), "{text}");
    }
    let told = endings.iter().filter(|ending| !ending.said.is_empty()).count();
    assert!(told > endings.len() / 2, "{told} of {} were told why", endings.len());
    app.db.db_assert_unchanged(&before);
    assert!(app.server.is_running());
}

/// Users whose page does not fit into what the two ends of a connection keep by themselves.
fn wide_users(client: &Client) {
    let profile: Value = (0..100)
        .map(|n| (format!("key{n}"), json!("x".repeat(1_000))))
        .collect::<serde_json::Map<_, _>>()
        .into();
    for n in 0..100 {
        client.create(&with(user(&format!("wide{n}")), json!({"profile": profile})));
    }
}

fn case_89_slow_readers(backend: Backend) {
    let mut app = TestApp::start(backend);
    wide_users(&app.qa());
    let page = app.qa().get("/Users?count=100").expect(200).text.len();
    assert!(page > 8 << 20, "a page of {page} bytes is taken at once");
    let request =
        format!("{}Connection: close\r\n\r\n", head(&app, "GET", "/api/v1/scim/v2/Users?count=100"));
    let connections = (0..size(100, 500)).map(|_| {
        let mut stream = raw::connect(app.server.address());
        stream.write_all(request.as_bytes()).unwrap();
        stream
    });
    let connections: Vec<TcpStream> = connections.collect();
    let before = app.server.resident_bytes();
    let most = std::sync::atomic::AtomicU64::new(0);
    // Another tenant does not notice. The tenant itself may have to try again.
    let endings = undisturbed(&app.client(RFC, app.globex()), || {
        attack(connections, Duration::from_secs(45), |stream| {
            most.fetch_max(app.server.resident_bytes(), Ordering::Relaxed);
            // What lies in the buffers of the connection hides its end from whoever reads slowly.
            stream.take_error()?.map_or(Ok(0), Err)
        })
    });
    let grown = most.into_inner().saturating_sub(before);
    assert!(grown < 128 << 20, "{} slow readers cost {grown} bytes", endings.len());
    for Ending { said, .. } in &endings {
        let text = String::from_utf8_lossy(&said[..said.len().min(12)]);
        // Whoever came when all seats were taken may try again.
        assert!(text.is_empty() || text == "HTTP/1.1 200" || text == "HTTP/1.1 503", "{text}");
        assert!(said.len() < page, "a reply that was not taken looks complete");
    }
    app.rfc().get("/Users").expect(200);
    assert!(app.server.is_running());
}

fn case_90_idle_connections(backend: Backend) {
    let mut app = TestApp::start(backend);
    let idle: Vec<TcpStream> = (0..size(500, 5_000)).map(|_| raw::connect(app.server.address())).collect();
    // Again for a client that comes last.
    for _ in 0..10 {
        let start = Instant::now();
        let request = format!("{}Connection: close\r\n\r\n", head(&app, "GET", "/scim/v2/Users?count=1"));
        raw::exchange(app.server.address(), request.as_bytes()).expect(200);
        let time = start.elapsed();
        assert!(time < Duration::from_secs(1), "beside {} idle connections it took {time:?}", idle.len());
    }
    drop(idle);
    app.rfc().get("/Users").expect(200);
    assert!(app.server.is_running());
}
