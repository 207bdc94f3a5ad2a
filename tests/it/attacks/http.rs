//! HTTP below SCIM: bodies and heads that are too large or lie, media types, methods, paths, origins.

use crate::support::app::TestApp;
use crate::support::backend::{Backend, both};
use crate::support::http::{BASES, SCIM_JSON};
use crate::support::raw;
use crate::support::users::user;

both!(
    case_83_large_and_lying_bodies,
    case_83_many_large_bodies_at_once,
    case_84_compressed_bodies,
    case_85_media_types,
    case_90_large_heads,
    case_90_heads_that_are_none,
    case_91_methods_that_are_not_there,
    case_91_paths_that_are_not_there,
    case_92_other_origins,
);

/// Bytes of a body at most.
const LIMIT: usize = 1 << 20;

/// A user as a body of this many bytes: blanks are JSON too.
fn sized(name: &str, bytes: usize) -> String {
    let body = user(name).to_string();
    format!("{body}{}", " ".repeat(bytes - body.len()))
}

/// The head of a POST to `/Users` with these headers more, each with its end of line.
fn post(app: &TestApp, headers: &str) -> String {
    let token = &app.acme().token;
    format!("POST /scim/v2/Users HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer {token}\r\n{headers}\r\n")
}

fn chunked(body: &str) -> String {
    format!("{:x}\r\n{body}\r\n0\r\n\r\n", body.len())
}

const CHUNKED: &str = "Content-Type: application/json\r\nTransfer-Encoding: chunked\r\n";

fn case_83_large_and_lying_bodies(backend: Backend) {
    let mut app = TestApp::start(backend);
    let raw = |request: &str| raw::exchange(app.server.address(), request.as_bytes());
    for (base, name) in BASES.into_iter().zip(["rfc", "qa"]) {
        let client = app.client(base, app.acme());
        let send = |bytes: usize| client.request("POST", "/Users").body(sized(name, bytes), SCIM_JSON).send();
        send(LIMIT + 1).expect_error(413, None);
        assert_eq!(client.filter(&format!("userName eq \"{name}@example.com\"")).total(), 0);
        send(LIMIT).expect(201);
    }
    // Chunked, there is no length to look at: the limit holds while the body arrives.
    raw(&format!("{}{}", post(&app, CHUNKED), chunked(&sized("chunked", LIMIT)))).expect(201);
    let before = app.db.db_dump();
    raw(&format!("{}{}", post(&app, CHUNKED), chunked(&sized("over", LIMIT + 1)))).expect_error(413, None);
    let chunk = format!("{:x}\r\n{}\r\n", 64 << 10, " ".repeat(64 << 10));
    let resident = app.server.resident_bytes();
    let endless = chunk.repeat(160);
    raw(&format!("{}{endless}", post(&app, CHUNKED))).expect_error(413, None);
    let grown = app.server.resident_bytes().saturating_sub(resident);
    assert!(grown < 32 << 20, "the server kept {grown} bytes of a body it refused");
    // Whoever announces more than comes is not waited for once it is too much.
    let announced =
        |length: &str| post(&app, &format!("Content-Type: application/json\r\nContent-Length: {length}\r\n"));
    raw(&format!("{}{endless}", announced("99999999999"))).expect_error(413, None);
    // Less comes than was announced, or more: what was announced counts.
    let body = user("liar").to_string();
    let mut stream = raw::connect(app.server.address());
    std::io::Write::write_all(&mut stream, format!("{}{body}", announced("1000")).as_bytes()).unwrap();
    stream.shutdown(std::net::Shutdown::Write).unwrap();
    raw::read_reply(&mut stream, "less than announced").expect_error(400, Some("invalidSyntax"));
    raw(&format!("{}{body}", announced(&(body.len() - 1).to_string())))
        .expect_error(400, Some("invalidSyntax"));
    // Two lengths are how one request is smuggled behind another: neither is believed.
    for lengths in
        ["5\r\nContent-Length: 6", "5\r\nTransfer-Encoding: chunked", "-5", "+5", "5, 6", "0x5", ""]
    {
        let reply = raw(&format!("{}{}", announced(lengths), chunked(&body)));
        assert_eq!(reply.status, 400, "{lengths}: {}", reply.text);
    }
    for chunks in
        ["zz\r\n", "-1\r\n{}\r\n0\r\n\r\n", "ffffffffffffffffff\r\n{}\r\n0\r\n\r\n", "2\r\n{}x\r\n0\r\n\r\n"]
    {
        raw(&format!("{}{chunks}", post(&app, CHUNKED))).expect_error(400, Some("invalidSyntax"));
    }
    app.db.db_assert_unchanged(&before);
    assert!(app.server.is_running());
    app.rfc().get("/Users").expect(200);
}

fn case_83_many_large_bodies_at_once(backend: Backend) {
    const CLIENTS: usize = 50;
    let app = TestApp::start(backend);
    app.rfc().request("POST", "/Users").body(sized("first", LIMIT), SCIM_JSON).send().expect(201);
    let before = app.db.db_dump();
    let grown_by = |request: &(dyn Fn(usize) -> u16 + Sync), status: u16| {
        let resident = app.server.resident_bytes();
        let done = std::sync::atomic::AtomicUsize::new(0);
        std::thread::scope(|scope| {
            let done = &done;
            for n in 0..CLIENTS {
                scope.spawn(move || {
                    assert_eq!(request(n), status);
                    done.fetch_add(1, std::sync::atomic::Ordering::Relaxed);
                });
            }
            let mut most = resident;
            // As many as have been answered, or a thread has failed and the scope ends with its panic.
            let end = std::time::Instant::now() + std::time::Duration::from_secs(60);
            while done.load(std::sync::atomic::Ordering::Relaxed) < CLIENTS && std::time::Instant::now() < end
            {
                most = most.max(app.server.resident_bytes());
                std::thread::sleep(std::time::Duration::from_millis(5));
            }
            most.saturating_sub(resident)
        })
    };
    let client = app.rfc();
    let large = sized("large", LIMIT + 1);
    let announced =
        || grown_by(&|_| client.request("POST", "/Users").body(large.clone(), SCIM_JSON).send().status, 413);
    // The first time pays for buffers and threads that stay.
    announced();
    let refused = announced();
    assert!(refused < 16 << 20, "{CLIENTS} bodies that say they are too large cost {refused} bytes");
    // One that does not say how large it is is kept up to the limit, twice while the room for it grows.
    let unsaid = format!("{}{}", post(&app, CHUNKED), chunked(&large));
    let address = app.server.address();
    let refused = grown_by(&|_| raw::exchange(address, unsaid.as_bytes()).status, 413);
    assert!(refused < CLIENTS as u64 * (3 << 20), "{CLIENTS} bodies without a length cost {refused} bytes");
    app.db.db_assert_unchanged(&before);
}

fn case_84_compressed_bodies(backend: Backend) {
    let app = TestApp::start(backend);
    let before = app.db.db_dump();
    let resident = app.server.resident_bytes();
    // What a gzip file begins with. It is refused by its name, so what follows is never looked at.
    let gzip = [b"\x1f\x8b\x08\0\0\0\0\0\0\x03".as_slice(), &vec![0; LIMIT - 10]].concat();
    for base in BASES {
        let client = app.client(base, app.acme());
        for coding in ["gzip", "br", "deflate", "zstd", "x-gzip", "GZIP", "identity, gzip", "nonsense"] {
            for body in [gzip.clone(), user("never").to_string().into_bytes()] {
                let request = client.request("POST", "/Users").body(body, SCIM_JSON);
                request.header("Content-Encoding", coding).send().expect_error(415, None);
            }
        }
    }
    let grown = app.server.resident_bytes().saturating_sub(resident);
    assert!(grown < 8 << 20, "compressed bodies cost {grown} bytes");
    app.db.db_assert_unchanged(&before);
    // Compressed as transfer, it would be inflated below us.
    let gzipped = "Content-Type: application/json\r\nTransfer-Encoding: gzip, chunked\r\n";
    let reply =
        raw::exchange(app.server.address(), format!("{}{}", post(&app, gzipped), chunked("{}")).as_bytes());
    assert!([400, 501].contains(&reply.status), "{} {}", reply.status, reply.text);
    app.db.db_assert_unchanged(&before);
}

fn case_85_media_types(backend: Backend) {
    let app = TestApp::start(backend);
    for base in BASES {
        let client = app.client(base, app.acme());
        let good = [
            "application/scim+json",
            "application/scim+json; charset=utf-8",
            "application/scim+json;charset=UTF-8",
            "APPLICATION/SCIM+JSON",
            "application/json",
            "application/json; charset=utf-8",
            "text/plain;charset=UTF-8",
            "text/plain",
        ];
        for (n, content_type) in good.into_iter().enumerate() {
            let body = user(&format!("{n}-{}", base.len())).to_string();
            let reply = client.request("POST", "/Users").body(body, content_type).send();
            assert_eq!(reply.status, 201, "{content_type}: {}", reply.text);
            assert_eq!(reply.header("Content-Type"), Some(SCIM_JSON), "{content_type}");
        }
        let before = app.db.db_dump();
        for content_type in [
            "application/x-www-form-urlencoded",
            "multipart/form-data; boundary=x",
            "text/html",
            "application/xml",
            "image/png",
            "nonsense",
        ] {
            let reply = client.request("POST", "/Users").body(user("never").to_string(), content_type).send();
            assert_eq!(reply.status, 415, "{content_type}: {}", reply.text);
            reply.expect_error(415, None);
        }
        // Without a type nobody knows what it is.
        client.request("POST", "/Users").body(user("never").to_string(), "").send().expect_error(415, None);
        app.db.db_assert_unchanged(&before);
        for accept in
            [SCIM_JSON, "application/json", "*/*", "text/html;q=0.9, application/json;q=0.1", "image/png", ""]
        {
            let reply = client.request("GET", "/Users?count=1").header("Accept", accept).send();
            assert_eq!(
                (reply.status, reply.header("Content-Type")),
                (200, Some(SCIM_JSON)),
                "Accept: {accept}"
            );
        }
    }
}

fn case_90_large_heads(backend: Backend) {
    let mut app = TestApp::start(backend);
    let auth = format!("Authorization: Bearer {}\r\n", app.acme().token);
    let get = |more: &str| {
        let request = format!("GET /scim/v2/Users HTTP/1.1\r\nHost: x\r\n{auth}{more}\r\n");
        raw::exchange(app.server.address(), request.as_bytes())
    };
    // Host and Authorization are two of them.
    let headers = |n: usize| (0..n - 2).map(|n| format!("X-{n}: x\r\n")).collect::<String>();
    get(&headers(96)).expect(200);
    for n in [97, 500, 10_000] {
        get(&headers(n)).expect_error(431, None);
    }
    let wide = |bytes: usize| format!("X-Wide: {}\r\n", "x".repeat(bytes));
    get(&wide(30 << 10)).expect(200);
    for kib in [33, 64, 127, 128, 200] {
        get(&wide(kib << 10)).expect_error(431, None);
    }
    assert!(app.server.is_running());
}

fn case_90_heads_that_are_none(backend: Backend) {
    let mut app = TestApp::start(backend);
    let auth = format!("Authorization: Bearer {}\r\n", app.acme().token);
    let target =
        |target: &[u8]| [b"GET ", target, b" HTTP/1.1\r\nHost: x\r\n", auth.as_bytes(), b"\r\n"].concat();
    let field = |line: &[u8]| {
        [b"GET /scim/v2/Users HTTP/1.1\r\nHost: x\r\n", auth.as_bytes(), line, b"\r\n\r\n"].concat()
    };
    let cases: [(&str, Vec<u8>); 12] = [
        ("no version", b"GET /scim/v2/Users\r\n\r\n".to_vec()),
        ("another version", b"GET /scim/v2/Users HTTP/3.0\r\n\r\n".to_vec()),
        ("the beginning of HTTP/2", b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n".to_vec()),
        ("the beginning of TLS", b"\x16\x03\x01\x02\x00\x01\x00\r\n\r\n".to_vec()),
        ("NUL in the path", target(b"/scim/v2/Users/\0")),
        ("other letters in the path", target("/scim/v2/Users/\u{fc}".as_bytes())),
        ("bytes that are no text", target(b"/scim/v2/Users/\xff\xfe")),
        ("a blank in the path", target(b"/scim/v2/Users/a b")),
        ("NUL in a header", field(b"X-A: \0")),
        ("a blank in the name of a header", field(b"X A: b")),
        ("a header without a name", field(b": b")),
        ("a folded header", field(b"X-A: b\r\n c")),
    ];
    for (what, request) in cases {
        let reply = raw::exchange(app.server.address(), &request);
        assert_eq!(reply.status, 400, "{what}: {}", reply.text);
        reply.expect_error(400, None);
        assert!(!reply.text.contains("Users"), "{what}: the reply repeats the request: {}", reply.text);
        for header in ["X-Request-Id", "Cache-Control", "X-Content-Type-Options", "Date"] {
            assert!(reply.header(header).is_some(), "{what}: no {header}: {:?}", reply.headers);
        }
        assert_eq!(reply.header("Connection"), Some("close"), "{what}");
        assert_eq!(reply.header_values("Content-Length").len(), 1, "{what}: {:?}", reply.headers);
        let line = format!("request={}", reply.header("X-Request-Id").unwrap());
        assert!(app.server.log_text().contains(&line), "{what}: not in the log");
    }
    // The reply to a request that was read is its own, whatever comes after it.
    let first = b"GET /scim/v2/Nothing HTTP/1.1\r\nHost: x\r\n\r\n";
    raw::exchange(app.server.address(), &[first.as_slice(), b"\0\r\n\r\n"].concat()).expect_error(401, None);
    assert!(app.server.is_running());
}

fn case_91_methods_that_are_not_there(backend: Backend) {
    let app = TestApp::start(backend);
    let cases: [(&str, &[&str], &[&str]); 8] = [
        ("/Users", &["PUT", "PATCH", "DELETE", "TRACE", "OPTIONS", "BREW"], &["GET", "POST"]),
        (
            "/Users/2f6c7f0e-6ac1-4a2c-9c3e-0a5b8a7d3f10",
            &["POST", "TRACE", "OPTIONS", "BREW"],
            &["GET", "PUT", "PATCH", "DELETE"],
        ),
        ("/ServiceProviderConfig", &["POST", "PUT", "PATCH", "DELETE"], &["GET"]),
        ("/ResourceTypes", &["POST", "PUT", "PATCH", "DELETE"], &["GET"]),
        ("/ResourceTypes/User", &["POST", "PUT", "PATCH", "DELETE"], &["GET"]),
        ("/Schemas", &["POST", "PUT", "PATCH", "DELETE"], &["GET"]),
        (
            "/Schemas/urn:ietf:params:scim:schemas:core:2.0:User",
            &["POST", "PUT", "PATCH", "DELETE"],
            &["GET"],
        ),
        ("/Users/.search", &["PUT", "PATCH", "DELETE"], &["POST"]),
    ];
    for base in BASES {
        let client = app.client(base, app.acme());
        let stranger = app.client_with(base, None);
        for (path, refused, allowed) in cases {
            for method in refused {
                // Who does not say who he is is told nothing else.
                stranger.request(method, path).send().expect_error(401, None);
                let reply = client.request(method, path).send();
                assert_eq!(reply.status, 405, "{method} {path}: {}", reply.text);
                reply.expect_error(405, None);
                let allow =
                    reply.header("Allow").unwrap_or_else(|| panic!("{method} {path}: 405 needs Allow"));
                let names: Vec<&str> = allow.split(',').map(str::trim).collect();
                for name in allowed {
                    assert!(names.contains(name), "{method} {path}: Allow lacks {name}: {allow}");
                }
                assert!(refused.iter().all(|name| !names.contains(name)), "{method} {path}: {allow}");
            }
        }
    }
    // CONNECT names no path but a host; with a path it is a method like others.
    let connect = |target: &str, credential: &str| {
        let request = format!("CONNECT {target} HTTP/1.1\r\nHost: x\r\n{credential}\r\n");
        raw::exchange(app.server.address(), request.as_bytes())
    };
    let credential = format!("Authorization: Bearer {}\r\n", app.acme().token);
    connect("/scim/v2/Users", &credential).expect_error(405, None);
    connect("/scim/v2/Users", "").expect_error(401, None);
    let tunnel = connect("evil.test:443", &credential);
    assert!([400, 404, 405].contains(&tunnel.status), "{} {}", tunnel.status, tunnel.text);
}

fn case_91_paths_that_are_not_there(backend: Backend) {
    let app = TestApp::start(backend);
    for base in BASES {
        let client = app.client(base, app.acme());
        let stranger = app.client_with(base, None);
        for path in [
            "",
            "/",
            "/users",
            "/USERS",
            "/Nothing",
            "/Users/2f6c7f0e-6ac1-4a2c-9c3e-0a5b8a7d3f10/emails",
            "//Users",
            "/Schemas/urn:nobody:knows:this",
            "/ResourceTypes/Nobody",
            "/serviceproviderconfig",
            "/Users/%2e%2e/Schemas",
            "/Users/%2e%2e/Groups",
            "/Users/../Groups",
            "/Users/..%2fGroups",
            "/Users/%00",
            "/Users/%ff",
            "/Users/%",
            "/Users/%zz",
            "/Users/a%2fb",
            "/Users//",
            "/Users;x=y",
            "/%55sers/%2e",
            "/Roles/%00",
            "/Schemas/%00",
        ] {
            let reply = client.get(path);
            assert!([400, 404].contains(&reply.status), "{base}{path}: {} {}", reply.status, reply.text);
            reply.expect_error(reply.status, None);
            assert_eq!(stranger.get(path).status, 401, "{base}{path}");
        }
    }
}

fn case_92_other_origins(backend: Backend) {
    let app = TestApp::start(backend);
    for base in BASES {
        for client in [app.client(base, app.acme()), app.client_with(base, None)] {
            let simple = client.request("GET", "/Users").header("Origin", "https://evil.test").send();
            let null = client.request("GET", "/Users").header("Origin", "null").send();
            let preflight = client
                .request("OPTIONS", "/Users")
                .header("Origin", "https://evil.test")
                .header("Access-Control-Request-Method", "POST")
                .header("Access-Control-Request-Headers", "authorization,content-type")
                .send();
            assert!([401, 405].contains(&preflight.status), "{}", preflight.status);
            for reply in [simple, null, preflight] {
                let told = reply.headers.iter().find(|(name, _)| name.starts_with("access-control-"));
                assert_eq!(told, None, "{}", reply.what);
                assert!(!reply.text.contains("evil"), "{}", reply.text);
            }
        }
    }
}
