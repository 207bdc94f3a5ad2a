//! A quiet tenant beside one that floods the server: what the first notices of the second.

use std::path::Path;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};

use serde_json::Value;

use super::client::Client;
use super::database::{Kind, Place, settle};
use super::program::Program;
use super::site::{Person, people};

/// Requests a second of the tenant that is measured: what a busy identity provider sends.
const QUIET: u64 = 25;
/// The same of the other one.
const FLOOD: u64 = 500;

/// How requests were answered.
#[derive(Default)]
struct Answers {
    good: AtomicU64,
    too_many: AtomicU64,
    other: AtomicU64,
}

impl Answers {
    fn count(&self, status: u16) {
        let counter = match status {
            200..300 => &self.good,
            429 => &self.too_many,
            _ => &self.other,
        };
        counter.fetch_add(1, Ordering::Relaxed);
    }

    fn told(&self) -> String {
        let [good, too_many, other] =
            [&self.good, &self.too_many, &self.other].map(|counter| counter.load(Ordering::Relaxed));
        format!("{good} good, {too_many} × 429, {other} other")
    }
}

/// A tenant with its token and people.
struct Tenant {
    token: String,
    people: Vec<Person>,
}

/// How many users each of the two has, and how long each turn is.
struct Neighbours {
    users: u64,
    time: Duration,
    program: Program,
}

/// Prints a table for both databases. The arguments are users and seconds.
pub(super) fn run(arguments: &[String], folder: &Path) {
    let number = |place: usize, default| arguments.get(place).map_or(default, |text| text.parse().unwrap());
    let (users, time) = (number(0, 10_000), Duration::from_secs(number(1, 60)));
    let neighbours = Neighbours { users, time, program: Program::find(folder) };
    println!("| database | what | connections | per second | p50 ms | p99 ms |");
    println!("| --- | --- | --- | --- | --- | --- |");
    for kind in [Kind::Sqlite, Kind::Postgres] {
        let place = Place::of(kind, folder);
        neighbours.of(kind.title(), &place.make("neighbours"));
    }
}

/// Prints a row: how many answers in which time, and how long each took.
fn print(mut latencies: Vec<Duration>, time: Duration, database: &str, what: &str, connections: &str) {
    latencies.sort_unstable();
    let at = |part: f64| {
        let place = (latencies.len() as f64 * part) as usize;
        latencies[place.min(latencies.len() - 1)].as_secs_f64() * 1_000.0
    };
    let rate = latencies.len() as f64 / time.as_secs_f64();
    println!("| {database} | {what} | {connections} | {rate:.0} | {:.3} | {:.3} |", at(0.5), at(0.99));
}

impl Neighbours {
    /// The quiet tenant alone, then beside the flood, each for the time of the run. The limits of the server are those it
    /// has by itself.
    fn of(&self, name: &str, url: &str) {
        for slug in ["quiet", "loud"] {
            self.program.cli(url, &["tenant", "create", slug]);
            self.program.cli(url, &["load", "--tenant", slug, "--users", &self.users.to_string()]);
        }
        settle(url);
        let server = self.program.serve_with(url, true);
        let tenant = |slug: &str| {
            let token = self.program.cli(url, &["token", "create", "--tenant", slug, "--name", "bench"]);
            // More of them are not needed, and the limits hold already.
            let people = people(&mut server.client(&token), self.users, 10_000);
            Tenant { token, people }
        };
        let (quiet, loud) = (tenant("quiet"), tenant("loud"));
        // The buckets are full again.
        std::thread::sleep(Duration::from_secs(3));
        let (alone, beside) = (Answers::default(), Answers::default());
        let flooded = Answers::default();
        let address = &server.address;
        let (latencies, time) = self.paced(address, &quiet, QUIET, &alone);
        print(latencies, time, name, &format!("alone: {}", alone.told()), "4");
        let (latencies, time) = std::thread::scope(|scope| {
            let flood = scope.spawn(|| self.paced(address, &loud, FLOOD, &flooded));
            let figures = self.paced(address, &quiet, QUIET, &beside);
            let (latencies, time) = flood.join().unwrap();
            print(latencies, time, name, &format!("the flood: {}", flooded.told()), "32");
            figures
        });
        print(latencies, time, name, &format!("beside it: {}", beside.told()), "4");
    }

    /// So many requests a second, whether the ones before are answered or not: each is timed from the moment at which it
    /// was due.
    fn paced(
        &self,
        address: &str,
        tenant: &Tenant,
        rate: u64,
        answers: &Answers,
    ) -> (Vec<Duration>, Duration) {
        let connections = if rate > 100 { 32 } else { 4 };
        let all = rate * self.time.as_secs();
        let start = Instant::now();
        let work = |first: u64| {
            let mut client = Client::connect(address, &tenant.token);
            let mut latencies = Vec::new();
            for n in (first..all).step_by(connections) {
                let due = start + Duration::from_secs_f64(n as f64 / rate as f64);
                std::thread::sleep(due.saturating_duration_since(Instant::now()));
                let (line, body) = request(n, tenant, start);
                let (status, _) = client.exchange(&line, body.as_deref());
                latencies.push(due.elapsed());
                answers.count(status);
            }
            latencies
        };
        let latencies = std::thread::scope(|scope| {
            let work = &work;
            let threads: Vec<_> =
                (0..connections as u64).map(|first| scope.spawn(move || work(first))).collect();
            threads.into_iter().flat_map(|thread| thread.join().unwrap()).collect()
        });
        (latencies, start.elapsed())
    }
}

/// What an identity provider does in a cycle: it looks for somebody, reads him, changes him, and now and then makes one.
fn request(n: u64, tenant: &Tenant, start: Instant) -> (String, Option<String>) {
    let Person { id, name } = &tenant.people[n as usize * 7 % tenant.people.len()];
    match n % 10 {
        0..4 => (format!("GET /scim/v2/Users?filter=userName%20eq%20%22{name}%22"), None),
        4..6 => (format!("GET /scim/v2/Users/{id}"), None),
        6..9 => {
            let title = Value::from(format!("Lead {n} {:?}", start.elapsed()));
            let message = "urn:ietf:params:scim:api:messages:2.0:PatchOp";
            let operation = format!(r#"{{"op":"replace","path":"title","value":{title}}}"#);
            let body = format!(r#"{{"schemas":["{message}"],"Operations":[{operation}]}}"#);
            (format!("PATCH /scim/v2/Users/{id}"), Some(body))
        }
        _ => {
            let name = format!("new{n}.{}@example.com", start.elapsed().as_nanos());
            ("POST /scim/v2/Users".into(), Some(format!(r#"{{"userName":"{name}"}}"#)))
        }
    }
}
