//! Requests per second and latency of a running release build, beside a bare Diesel loop on the same database.
//!
//! ```text
//! cargo build --release -p api && cargo run --release -p rollcall-tests --bin figures [USERS] [SECONDS]
//! ```
//!
//! With `groups` as a third word it measures groups of 10 and of USERS members instead of users, with `pages` pages of
//! 100 at the beginning and deep inside a list of USERS, with `neighbours` a tenant at 25 requests a second, alone and beside
//! one at 500.
//!
//! For SQLite and a private PostgreSQL in turn: starts the server on an empty database, fills a tenant with
//! `rollcall load`, then drives it from this process over keep-alive connections. Everything shares the machine, so
//! the ratios say more than the figures.

#![allow(
    clippy::unwrap_used,
    clippy::print_stdout,
    clippy::zombie_processes,
    missing_docs,
    reason = "a tool for one's own terminal: it may stop and print"
)]

#[path = "figures/neighbours.rs"]
mod neighbours;

use std::io::{BufRead, BufReader, Read, Write};
use std::net::TcpStream;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};

use diesel::connection::SimpleConnection;
use diesel::prelude::*;
use diesel::{PgConnection, SqliteConnection};
use serde_json::Value;

diesel::table! {
    raw (number) {
        number -> BigInt,
        name -> Text,
        document -> Text,
    }
}

fn main() {
    let mut arguments = std::env::args().skip(1);
    let users: u64 = arguments.next().map_or(10_000, |text| text.parse().unwrap());
    let seconds: u64 = arguments.next().map_or(4, |text| text.parse().unwrap());
    let folder = std::env::temp_dir().join(format!("rollcall-figures-{}", std::process::id()));
    std::fs::create_dir_all(&folder).unwrap();
    println!("| database | what | connections | per second | p50 ms | p99 ms |");
    println!("| --- | --- | --- | --- | --- | --- |");
    let workload = match arguments.next().as_deref() {
        Some("groups") => Workload::Groups,
        Some("pages") => Workload::Pages,
        Some("neighbours") => Workload::Neighbours,
        _ => Workload::Users,
    };
    let run = Run { users, time: Duration::from_secs(seconds), folder: folder.clone(), workload };
    run.database("SQLite", &format!("sqlite://{}", folder.join("figures.db").display()));
    let (mut postgres, url) = private_postgres();
    run.database("PostgreSQL", &url);
    drop(postgres.stdin.take());
    let _ = postgres.wait();
    std::fs::remove_dir_all(&folder).unwrap();
}

/// What is measured.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Workload {
    Users,
    Groups,
    Pages,
    Neighbours,
}

struct Run {
    users: u64,
    time: Duration,
    folder: PathBuf,
    workload: Workload,
}

/// What autovacuum does within a minute by default.
fn analyze(url: &str) {
    if url.starts_with("postgres") {
        PgConnection::establish(url).unwrap().batch_execute("ANALYZE").unwrap();
    }
}

/// How long each of many operations took.
struct Figures {
    latencies: Vec<Duration>,
    time: Duration,
}

impl Figures {
    fn print(mut self, database: &str, what: &str, connections: &str) {
        self.latencies.sort_unstable();
        let at = |part: f64| {
            let place = (self.latencies.len() as f64 * part) as usize;
            self.latencies[place.min(self.latencies.len() - 1)].as_secs_f64() * 1_000.0
        };
        let rate = self.latencies.len() as f64 / self.time.as_secs_f64();
        println!("| {database} | {what} | {connections} | {rate:.0} | {:.3} | {:.3} |", at(0.5), at(0.99));
    }
}

impl Run {
    fn database(&self, name: &str, url: &str) {
        if self.workload == Workload::Neighbours {
            return self.of_neighbours(name, url);
        }
        self.cli(url, &["tenant", "create", "acme"]);
        let token = self.cli(url, &["token", "create", "--tenant", "acme", "--name", "figures"]);
        let filled = Instant::now();
        self.cli(url, &["load", "--tenant", "acme", "--users", &self.users.to_string()]);
        let filled = filled.elapsed();
        analyze(url);
        let start = Instant::now();
        let (mut server, address) = self.serve(url);
        let ready = start.elapsed();
        let idle = resident(&server);

        if self.workload == Workload::Pages {
            self.of_pages(name, &address, &token);
            server.kill().unwrap();
            server.wait().unwrap();
            return;
        }
        let people = people(&address, &token, self.users);
        if self.workload == Workload::Groups {
            self.of_groups(name, url, &address, &token, &people, &server);
            server.kill().unwrap();
            server.wait().unwrap();
            return;
        }
        let people = Arc::new(people);
        for connections in [1, 16] {
            let reads = {
                let people = Arc::clone(&people);
                move |n: u64| format!("GET /scim/v2/Users/{}", people[n as usize % people.len()].0)
            };
            self.drive(&address, &token, connections, reads, None).print(
                name,
                "GET by id",
                &connections.to_string(),
            );
            let lookups = {
                let people = Arc::clone(&people);
                move |n: u64| {
                    let name = &people[n as usize % people.len()].1;
                    format!("GET /scim/v2/Users?filter=userName%20eq%20%22{name}%22")
                }
            };
            self.drive(&address, &token, connections, lookups, None).print(
                name,
                "userName eq",
                &connections.to_string(),
            );
            let body = move |n: u64| {
                format!(
                    r#"{{"userName":"new{connections}.{n}@acme.example","externalId":"x{connections}.{n}","name":{{"givenName":"New","familyName":"Person{n}"}},"emails":[{{"value":"new{connections}.{n}@acme.example","type":"work","primary":true}}],"active":true}}"#
                )
            };
            self.drive(&address, &token, connections, |_| "POST /scim/v2/Users".into(), Some(&body)).print(
                name,
                "POST",
                &connections.to_string(),
            );
        }
        let busy = resident(&server);
        server.kill().unwrap();
        server.wait().unwrap();
        self.raw(name, url);
        println!(
            "| {name} | load of {} users {:.1} s; start to ready {} ms; resident {} MiB idle, {} MiB after | | | | |",
            self.users,
            filled.as_secs_f64(),
            ready.as_millis(),
            idle >> 20,
            busy >> 20
        );
    }

    /// Pages of 100: at the beginning and at nine tenths of the list, by each way of getting there, and sorted.
    fn of_pages(&self, name: &str, address: &str, token: &str) {
        let deep = self.users / 10 * 9;
        let mut client = Client::connect(address, token);
        let mut cursor = String::new();
        for _ in 0..deep / 1_000 {
            let line = format!("GET /scim/v2/Users?attributes=id&count=1000&cursor={cursor}");
            let page: Value = serde_json::from_slice(&client.exchange(&line, None).1).unwrap();
            cursor = page["nextCursor"].as_str().unwrap().to_owned();
        }
        let mut pages = vec![
            ("first page by startIndex".to_owned(), "startIndex=1".to_owned()),
            (format!("page at {deep} by startIndex"), format!("startIndex={}", deep + 1)),
            ("first page by cursor".to_owned(), "cursor=".to_owned()),
            (format!("page at {deep} by cursor"), format!("cursor={cursor}")),
        ];
        for by in ["userName", "name.familyName", "profile.Location", "profile.HireDate"] {
            for order in ["ascending", "descending"] {
                pages
                    .push((format!("first page by {by}, {order}"), format!("sortBy={by}&sortOrder={order}")));
            }
        }
        // In turns: what else the machine does meanwhile slows all of them alike.
        let mut latencies = vec![Vec::new(); pages.len()];
        let started = Instant::now();
        while started.elapsed() < self.time * u32::try_from(pages.len()).unwrap() {
            for ((_, query), latencies) in pages.iter().zip(&mut latencies) {
                let line = format!("GET /scim/v2/Users?count=100&{query}");
                let sent = Instant::now();
                let status = client.exchange(&line, None).0;
                latencies.push(sent.elapsed());
                assert_eq!(status, 200, "{line}");
            }
        }
        for ((what, _), latencies) in pages.into_iter().zip(latencies) {
            let time = latencies.iter().sum();
            Figures { latencies, time }.print(name, &what, "1");
        }
    }

    /// The same operations on a small and on a large group, and what a large one costs to read.
    fn of_groups(
        &self,
        name: &str,
        url: &str,
        address: &str,
        token: &str,
        people: &[(String, String)],
        server: &Child,
    ) {
        let mut client = Client::connect(address, token);
        let operations = |operations: &str| {
            format!(
                r#"{{"schemas":["urn:ietf:params:scim:api:messages:2.0:PatchOp"],"Operations":[{operations}]}}"#
            )
        };
        let members = |people: &[(String, String)]| {
            people.iter().map(|(id, _)| format!("\"{id}\"")).collect::<Vec<_>>().join(",")
        };
        let newcomer = &people[people.len() - 1].0;
        for size in [10, people.len() - 1] {
            let body = format!(r#"{{"displayName":"Group of {size}"}}"#);
            let made: Value =
                serde_json::from_slice(&client.exchange("POST /scim/v2/Groups", Some(&body)).1).unwrap();
            let id = made["id"].as_str().unwrap().to_owned();
            let patch = format!("PATCH /scim/v2/Groups/{id}");
            for people in people[..size].chunks(10_000) {
                let add = format!(r#"{{"op":"add","path":"members","value":[{}]}}"#, members(people));
                let status = client.exchange(&patch, Some(&operations(&add))).0;
                assert!(status == 200 || status == 204, "{status}");
            }
            analyze(url);
            let path = format!("/scim/v2/Groups/{id}?excludedAttributes=members");
            let one = format!(r#"{{"op":"add","path":"members","value":[{{"value":"{newcomer}"}}]}}"#);
            let gone = format!(r#"{{"op":"remove","path":"members[value eq \"{newcomer}\"]"}}"#);
            let (add, remove) = (operations(&one), operations(&gone));
            let patch = format!("PATCH {path}");
            let mut changes = (Vec::new(), Vec::new());
            let started = Instant::now();
            while started.elapsed() < self.time {
                for (body, latencies) in [(&add, &mut changes.0), (&remove, &mut changes.1)] {
                    let sent = Instant::now();
                    assert_eq!(client.exchange(&patch, Some(body)).0, 200);
                    latencies.push(sent.elapsed());
                }
            }
            let time = started.elapsed() / 2;
            Figures { latencies: changes.0, time }.print(name, &format!("add one to a group of {size}"), "1");
            Figures { latencies: changes.1, time }.print(
                name,
                &format!("remove one from a group of {size}"),
                "1",
            );
            let rename = |n: u64| {
                let name = format!(r#"{{"op":"replace","path":"displayName","value":"Group {size} {n}"}}"#);
                operations(&name)
            };
            let patch_line = patch.clone();
            self.drive(address, token, 1, move |_| patch_line.clone(), Some(&rename)).print(
                name,
                &format!("rename a group of {size}"),
                "1",
            );
            let get = format!("GET {path}");
            self.drive(address, token, 1, move |_| get.clone(), None).print(
                name,
                &format!("GET a group of {size} without members"),
                "1",
            );
            let before = resident(server);
            let read = Instant::now();
            let bytes = client.exchange(&format!("GET /scim/v2/Groups/{id}"), None).1.len();
            println!(
                "| {name} | GET a group of {size} with members: {bytes} bytes in {} ms, {} MiB more resident | | | | |",
                read.elapsed().as_millis(),
                resident(server).saturating_sub(before) >> 20
            );
        }
        let body = format!(r#"{{"displayName":"Replaced","members":[{}]}}"#, members(&people[..10_000]));
        let made: Value =
            serde_json::from_slice(&client.exchange("POST /scim/v2/Groups", Some(&body)).1).unwrap();
        let put = format!("PUT /scim/v2/Groups/{}", made["id"].as_str().unwrap());
        let body = format!(r#"{{"displayName":"Replaced","members":[{}]}}"#, members(&people[1_000..11_000]));
        let sent = Instant::now();
        assert_eq!(client.exchange(&put, Some(&body)).0, 200);
        println!(
            "| {name} | PUT that replaces 1,000 of 10,000 members: {} ms | | | | |",
            sent.elapsed().as_millis()
        );
    }

    fn drive(
        &self,
        address: &str,
        token: &str,
        connections: u64,
        request: impl Fn(u64) -> String + Sync,
        body: Option<&(dyn Fn(u64) -> String + Sync)>,
    ) -> Figures {
        let next = AtomicU64::new(0);
        let start = Instant::now();
        let latencies = std::thread::scope(|scope| {
            let work = || {
                let mut client = Client::connect(address, token);
                let mut latencies = Vec::new();
                while start.elapsed() < self.time {
                    let n = next.fetch_add(1, Ordering::Relaxed);
                    let body = body.map(|body| body(n));
                    let line = request(n);
                    let sent = Instant::now();
                    let status = client.exchange(&line, body.as_deref()).0;
                    latencies.push(sent.elapsed());
                    assert!((200..300).contains(&status), "{line}: {status}");
                }
                latencies
            };
            let threads: Vec<_> = (0..connections).map(|_| scope.spawn(work)).collect();
            threads.into_iter().flat_map(|thread| thread.join().unwrap()).collect()
        });
        Figures { latencies, time: start.elapsed() }
    }

    /// One thread, one connection, one table with a document of the same size: what the database gives at the same
    /// durability when nobody asks for more.
    fn raw(&self, name: &str, url: &str) {
        let document = "x".repeat(900);
        macro_rules! measure {
            ($conn:expr, $create:expr) => {{
                let conn = &mut $conn;
                conn.batch_execute($create).unwrap();
                let row = |number: i64| {
                    (raw::number.eq(number), raw::name.eq(format!("n{number}")), raw::document.eq(&document))
                };
                let mut number = 0;
                self.time(|_| {
                    number += 1;
                    conn.transaction(|conn| {
                        diesel::insert_into(raw::table).values(row(number)).execute(conn)
                    })
                    .unwrap();
                })
                .print(name, "raw Diesel: insert of one row", "1");
                let rows = number;
                self.time(|n| {
                    let number = n as i64 % rows + 1;
                    raw::table.find(number).select(raw::document).get_result::<String>(conn).unwrap();
                })
                .print(name, "raw Diesel: get by key", "1");
                self.time(|n| {
                    let wanted = format!("n{}", n as i64 % rows + 1);
                    raw::table
                        .filter(raw::name.eq(wanted))
                        .select(raw::document)
                        .get_result::<String>(conn)
                        .unwrap();
                })
                .print(name, "raw Diesel: get by name", "1");
            }};
        }
        match url.strip_prefix("sqlite://") {
            Some(path) => measure!(
                SqliteConnection::establish(path).unwrap(),
                "PRAGMA journal_mode = WAL; PRAGMA synchronous = FULL; \
                 CREATE TABLE raw (number INTEGER PRIMARY KEY, name TEXT UNIQUE, document TEXT)"
            ),
            None => measure!(
                PgConnection::establish(url).unwrap(),
                "CREATE TABLE raw (number BIGINT PRIMARY KEY, name TEXT UNIQUE, document TEXT)"
            ),
        }
    }

    fn time(&self, mut work: impl FnMut(u64)) -> Figures {
        let start = Instant::now();
        let mut latencies = Vec::new();
        while start.elapsed() < self.time {
            let before = Instant::now();
            work(latencies.len() as u64);
            latencies.push(before.elapsed());
        }
        Figures { latencies, time: start.elapsed() }
    }

    fn cli(&self, url: &str, arguments: &[&str]) -> String {
        let output = self.program(url).args(arguments).output().unwrap();
        assert!(output.status.success(), "{arguments:?}: {}", String::from_utf8_lossy(&output.stderr));
        String::from_utf8(output.stdout).unwrap().trim().to_owned()
    }

    fn program(&self, url: &str) -> Command {
        let path = std::env::current_exe().unwrap().with_file_name("rollcall");
        assert!(path.exists(), "run `cargo build --release -p api` first");
        let mut command = Command::new(path);
        command
            .current_dir(&self.folder)
            .env("DATABASE_URL", url)
            .env("RUST_LOG", "warn")
            .stdin(Stdio::null());
        command
    }

    fn serve(&self, url: &str) -> (Child, String) {
        self.serve_with(url, false)
    }

    /// With or without limits on requests.
    fn serve_with(&self, url: &str, limits: bool) -> (Child, String) {
        let mut program = self.program(url);
        if !limits {
            let names = ["TENANT", "TOKEN"].map(|whose| format!("ROLLCALL__LIMITS__{whose}_PER_SECOND"));
            program.envs(names.map(|name| (name, "0")));
        }
        let mut child = program
            .args(["serve", "--listen", "127.0.0.1:0"])
            .stdout(Stdio::piped())
            .stderr(Stdio::null())
            .spawn()
            .unwrap();
        let mut lines = BufReader::new(child.stdout.take().unwrap()).lines();
        loop {
            let line = lines.next().expect("the server says that it is ready").unwrap();
            if let Some(address) = line.strip_prefix("listening on http://") {
                return (child, address.to_owned());
            }
        }
    }
}

/// Ids and user names of the tenant.
fn people(address: &str, token: &str, users: u64) -> Vec<(String, String)> {
    let mut client = Client::connect(address, token);
    let mut people = Vec::new();
    while (people.len() as u64) < users {
        let from = people.len() + 1;
        let line = format!("GET /scim/v2/Users?attributes=userName&count=1000&startIndex={from}");
        let list: Value = serde_json::from_slice(&client.exchange(&line, None).1).unwrap();
        let text = |user: &Value, name: &str| user[name].as_str().unwrap().to_owned();
        let page = list["Resources"].as_array().unwrap();
        people.extend(page.iter().map(|user| (text(user, "id"), text(user, "userName"))));
    }
    people
}

/// HTTP/1.1 over one connection that is kept alive, or over another one where the server has closed it.
struct Client {
    address: String,
    stream: BufReader<TcpStream>,
    is_closed: bool,
    token: String,
}

impl Client {
    fn connect(address: &str, token: &str) -> Self {
        let stream = TcpStream::connect(address).unwrap();
        stream.set_nodelay(true).unwrap();
        let (address, token) = (address.to_owned(), token.to_owned());
        Self { address, stream: BufReader::new(stream), is_closed: false, token }
    }

    fn exchange(&mut self, line: &str, body: Option<&str>) -> (u16, Vec<u8>) {
        if self.is_closed {
            *self = Self::connect(&self.address, &self.token);
        }
        let body = body.unwrap_or_default();
        let request = format!(
            "{line} HTTP/1.1\r\nHost: localhost\r\nAuthorization: Bearer {}\r\n\
             Content-Type: application/scim+json\r\nContent-Length: {}\r\n\r\n{body}",
            self.token,
            body.len()
        );
        self.stream.get_mut().write_all(request.as_bytes()).unwrap();
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

/// A private server as durable as a real one.
fn private_postgres() -> (Child, String) {
    let script = Path::new(env!("CARGO_MANIFEST_DIR")).join("postgres");
    let mut child =
        Command::new(script).arg("--durable").stdin(Stdio::piped()).stdout(Stdio::piped()).spawn().unwrap();
    let mut url = String::new();
    BufReader::new(child.stdout.take().unwrap()).read_line(&mut url).unwrap();
    (child, url.trim().to_owned())
}

fn resident(server: &Child) -> u64 {
    let status = std::fs::read_to_string(format!("/proc/{}/status", server.id())).unwrap();
    let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:")).unwrap();
    line.trim().trim_end_matches(" kB").trim().parse::<u64>().unwrap() << 10
}
