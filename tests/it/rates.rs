//! Limits on requests and quotas: at the limit, one beyond it, and what the neighbours notice of it.
//!
//! On a slow machine a bucket fills while a test takes from it. So buckets fill by one in a second here, and a test
//! asks how long it has taken.

mod quotas;

use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use diesel::{PgConnection, RunQueryDsl, SqliteConnection, sql_query};
use serde_json::{Value, json};
use uuid::Uuid;

use crate::support::app::TestApp;
use crate::support::backend::{Backend, both};
use crate::support::db::{TestDb, create_token};
use crate::support::effort::size;
use crate::support::http::{BASES, Carrier, Client, QA, RFC, Reply};
use crate::support::program;
use crate::support::users::user;

both!(
    a_tenant_has_a_burst,
    a_token_has_a_burst,
    case_136_a_flood_is_refused_and_its_neighbour_is_not,
    case_100_operations_are_billed_one_by_one,
    case_17_wrong_credentials_of_an_address,
    writes_that_wait_leave_connections_to_other_tenants,
    a_limit_that_lets_nothing_through_is_refused,
);

const READ: &str = "/Users?count=0";
const TENANT_PER_SECOND: &str = "ROLLCALL__LIMITS__TENANT_PER_SECOND";
const TENANT_BURST: &str = "ROLLCALL__LIMITS__TENANT_BURST";
const TOKEN_PER_SECOND: &str = "ROLLCALL__LIMITS__TOKEN_PER_SECOND";
const TOKEN_BURST: &str = "ROLLCALL__LIMITS__TOKEN_BURST";
const FAILURES: &str = "ROLLCALL__LIMITS__FAILURES_PER_MINUTE";

/// The seconds in the `Retry-After` of a refusal.
#[track_caller]
fn retry_after(reply: &Reply) -> u64 {
    reply.expect_error(429, None);
    let seconds = reply.header("Retry-After").expect("a refusal says when to try again");
    assert!(!seconds.is_empty() && seconds.bytes().all(|byte| byte.is_ascii_digit()), "{seconds:?}");
    let seconds = seconds.parse().unwrap();
    assert!(seconds >= 1, "{seconds}");
    seconds
}

/// Sends requests until one is refused; gives how many were served, the refusal, and the most that can have been served
/// from `burst` and what has come in meanwhile.
fn until_refused(burst: u64, mut request: impl FnMut() -> Reply) -> (u64, Reply, u64) {
    let start = Instant::now();
    for served in 0.. {
        let reply = request();
        if reply.status == 429 {
            return (served, reply, burst + start.elapsed().as_secs() + 1);
        }
        reply.expect(200);
        assert!(served < 10_000, "nothing is refused");
    }
    unreachable!()
}

fn a_tenant_has_a_burst(backend: Backend) {
    let app = TestApp::start_with(backend, &[(TENANT_PER_SECOND, "1"), (TENANT_BURST, "20")]);
    let second = create_token(&app.db, app.acme().slug, &[]);
    // One bucket for all tokens, on both base paths.
    let clients = [app.rfc(), app.qa(), app.client_with(RFC, Some(Carrier::Bearer.header(&second)))];
    let mut turn = clients.iter().cycle();
    let (served, refusal, most) = until_refused(20, || turn.next().unwrap().get(READ));
    assert!((20..=most).contains(&served), "{served} of 20 to {most}");
    assert_eq!(retry_after(&refusal), 1);
    assert!(refusal.json()["detail"].as_str().unwrap().contains("the tenant"), "{}", refusal.text);
    // What is refused is not done.
    let replies: Vec<Reply> =
        (0..20).map(|n| clients[0].post("/Users", &user(&format!("late{n}")))).collect();
    let done = replies.iter().filter(|reply| reply.status == 201).count() as i64;
    assert!(done < 20 && replies.iter().all(|reply| [201, 429].contains(&reply.status)));
    assert_eq!(app.db_users(app.acme()), done);
    app.client(RFC, app.globex()).get(READ).expect(200);
    // What needs no credential is not counted.
    app.client_with("", None).get("/healthz").expect(200);
    // Refused requests are not billed: after the time that was said the next one is served.
    let refused = (0..50).filter(|_| app.rfc().get(READ).status == 429).count();
    assert!(refused > 0);
    std::thread::sleep(Duration::from_millis(1_100));
    app.rfc().get(READ).expect(200);
}

fn a_token_has_a_burst(backend: Backend) {
    let app = TestApp::start_with(backend, &[(TOKEN_PER_SECOND, "1"), (TOKEN_BURST, "10")]);
    let client = app.rfc();
    let (served, refusal, most) = until_refused(10, || client.get(READ));
    assert!((10..=most).contains(&served), "{served} of 10 to {most}");
    retry_after(&refusal);
    assert!(refusal.json()["detail"].as_str().unwrap().contains("the token"), "{}", refusal.text);
    app.rfc_with_token(&[]).get(READ).expect(200);
}

/// At the limits as they are by themselves.
fn case_136_a_flood_is_refused_and_its_neighbour_is_not(backend: Backend) {
    let defaults =
        [(TENANT_PER_SECOND, "50"), (TENANT_BURST, "100"), (TOKEN_PER_SECOND, "50"), (TOKEN_BURST, "100")];
    let app = TestApp::start_with(backend, &defaults);
    let neighbour = app.client(RFC, app.globex());
    let time = Duration::from_secs(size(6, 60) as u64);
    let over = AtomicBool::new(false);
    let (flood, over) = (&app.rfc(), &over);
    std::thread::scope(|scope| {
        let start = Instant::now();
        let threads: Vec<_> = (0..8)
            .map(|_| {
                scope.spawn(move || {
                    let (mut served, mut refused) = (0_u64, 0_u64);
                    while !over.load(Ordering::Relaxed) {
                        let reply = flood.get(READ);
                        if reply.status == 429 {
                            retry_after(&reply);
                            refused += 1;
                        } else {
                            reply.expect(200);
                            served += 1;
                        }
                    }
                    (served, refused)
                })
            })
            .collect();
        let mut slowest = Duration::ZERO;
        for n in 0..25 * time.as_secs() as u32 {
            let due = start + Duration::from_millis(40) * n;
            std::thread::sleep(due.saturating_duration_since(Instant::now()));
            let asked = Instant::now();
            neighbour.get(READ).expect(200);
            slowest = slowest.max(asked.elapsed());
        }
        over.store(true, Ordering::Relaxed);
        let counts: Vec<(u64, u64)> = threads.into_iter().map(|thread| thread.join().unwrap()).collect();
        let served: u64 = counts.iter().map(|(served, _)| served).sum();
        let refused: u64 = counts.iter().map(|(_, refused)| refused).sum();
        let most = 100 + 50 * (start.elapsed().as_secs() + 1);
        assert!(served <= most, "{served} were served of at most {most}");
        assert!(refused > 0, "the flood was none: {served} were served");
        assert!(slowest < Duration::from_secs(2), "the neighbour waited for {slowest:?}");
    });
}

/// Operations that find nothing.
fn operations(count: usize) -> Value {
    let one = || json!({"method": "DELETE", "path": format!("/Users/{}", Uuid::now_v7())});
    let all: Vec<Value> = (0..count).map(|_| one()).collect();
    json!({"schemas": ["urn:ietf:params:scim:api:messages:2.0:BulkRequest"], "Operations": all})
}

fn case_100_operations_are_billed_one_by_one(backend: Backend) {
    for limits in
        [[(TENANT_PER_SECOND, "1"), (TENANT_BURST, "100")], [(TOKEN_PER_SECOND, "1"), (TOKEN_BURST, "100")]]
    {
        let app = TestApp::start_with(backend, &limits);
        let client = app.rfc();
        let start = Instant::now();
        // What fits leaves what is left.
        client.post("/Bulk", &operations(90)).expect(200);
        let (served, refusal, _) = until_refused(10, || client.get(READ));
        let most = 10 + start.elapsed().as_secs() + 1;
        assert!((10..=most).contains(&served), "{served} of 10 to {most}");
        retry_after(&refusal);
        client.post("/Bulk", &operations(1)).expect_error(429, None);
        // What does not fit is done, and then paid.
        std::thread::sleep(Duration::from_secs(1));
        let start = Instant::now();
        let reply = client.post("/Bulk", &operations(1_000));
        let outcomes = reply.expect(200).json();
        assert_eq!(outcomes["Operations"].as_array().unwrap().len(), 1_000);
        let refusal = client.get(READ);
        let (wait, passed) = (retry_after(&refusal), start.elapsed().as_secs() + 3);
        assert!((1_000 - passed..=1_000).contains(&wait), "{wait} s after {passed} s");
        client.post("/Bulk", &operations(1)).expect_error(429, None);
        app.client(RFC, app.globex()).post("/Bulk", &operations(10)).expect(200);
    }
}

fn case_17_wrong_credentials_of_an_address(backend: Backend) {
    let app = TestApp::start_with(backend, &[(FAILURES, "100")]);
    let wrong = |n: usize| match n % 3 {
        // Of the right form, and not ours.
        0 => Some(("Authorization", format!("Bearer {}x", app.acme().token))),
        1 => Some(("apiToken", format!("wrong {n}"))),
        _ => Some(Carrier::Basic.header("wrong")),
    };
    let right = app.rfc();
    let start = Instant::now();
    for n in 0..100 {
        let base = BASES[n % 2];
        app.client_with(base, wrong(n)).get(READ).expect_error(401, None);
        right.get(READ).expect(200);
    }
    for n in 100..200 {
        let reply = app.client_with(QA, wrong(n)).get(READ);
        let seconds = retry_after(&reply);
        let left = 61_u64.saturating_sub(start.elapsed().as_secs());
        assert!(start.elapsed() < Duration::from_secs(60), "the machine is too slow for a minute");
        assert!(seconds <= 60 && seconds <= left + 1, "{seconds} s of {left}");
        // Who it was is not told to whoever is refused.
        assert_eq!(reply.header("WWW-Authenticate"), None);
        right.get(READ).expect(200);
    }
    // Nothing was guessed where nothing was sent.
    app.client_with(RFC, None).get(READ).expect_error(401, None);
    // The next window begins with the first failure after this one.
    if size(0, 1) == 1 {
        std::thread::sleep(Duration::from_secs(61).saturating_sub(start.elapsed()));
        app.client_with(RFC, wrong(0)).get(READ).expect_error(401, None);
    }
}

/// Rows that one tenant waits for cost another one nothing.
fn writes_that_wait_leave_connections_to_other_tenants(backend: Backend) {
    let app = TestApp::start_with(backend, &[("ROLLCALL__DATABASE__POOL_SIZE", "3")]);
    let neighbour = app.client(RFC, app.globex());
    neighbour.create(&user("before"));
    let client = app.rfc();
    let lock = Lock::take(&app);
    let client = &client;
    std::thread::scope(|scope| {
        let writers: Vec<_> = (0..20)
            .map(|n| scope.spawn(move || client.post("/Users", &user(&format!("waits{n}")))))
            .collect();
        // They are all there and wait.
        std::thread::sleep(Duration::from_millis(300));
        let start = Instant::now();
        while start.elapsed() < Duration::from_secs(1) {
            let asked = Instant::now();
            look(&neighbour, backend);
            assert!(asked.elapsed() < Duration::from_millis(900), "{:?}", asked.elapsed());
        }
        drop(lock);
        let statuses: Vec<u16> = writers.into_iter().map(|writer| writer.join().unwrap().status).collect();
        assert!(statuses.iter().all(|status| [201, 503].contains(status)), "{statuses:?}");
        assert!(statuses.contains(&201), "{statuses:?}");
    });
    // Whoever was too many was refused, and comes through now.
    client.create(&user("after"));
}

/// What a tenant can do while another one waits: on SQLite there is one who writes.
fn look(client: &Client, backend: Backend) {
    client.get("/Users").expect(200);
    if backend == Backend::Postgres {
        client.create(&user(&Uuid::now_v7().to_string()));
    }
}

/// A lock that each write of a tenant has to wait for.
enum Lock {
    Sqlite(SqliteConnection),
    Postgres(PgConnection),
}

impl Lock {
    fn take(app: &TestApp) -> Self {
        match app.db.backend {
            Backend::Sqlite => {
                let mut connection = app.db.db_sqlite();
                sql_query("BEGIN IMMEDIATE").execute(&mut connection).unwrap();
                Self::Sqlite(connection)
            }
            Backend::Postgres => {
                let mut connection = app.db.db_postgres();
                let tenant = app.db.literal(&app.acme().id);
                sql_query("BEGIN").execute(&mut connection).unwrap();
                let sql = format!("SELECT 1 FROM tenant_counters WHERE tenant_id = {tenant} FOR UPDATE");
                sql_query(sql).execute(&mut connection).unwrap();
                Self::Postgres(connection)
            }
        }
    }
}

impl Drop for Lock {
    fn drop(&mut self) {
        let ended = match self {
            Self::Sqlite(connection) => sql_query("ROLLBACK").execute(connection),
            Self::Postgres(connection) => sql_query("ROLLBACK").execute(connection),
        };
        assert!(ended.is_ok() || std::thread::panicking());
    }
}

fn a_limit_that_lets_nothing_through_is_refused(backend: Backend) {
    let db = TestDb::empty(backend);
    let mut command = program::command(&db.folder);
    command.args(["serve", "--listen", "127.0.0.1:0", "--database-url", &db.url]);
    let output = command.env(TENANT_PER_SECOND, "50").env(TENANT_BURST, "0").output().unwrap();
    assert_eq!(output.status.code(), Some(1));
    let text = String::from_utf8_lossy(&output.stderr);
    assert!(text.contains("limits.tenant_burst"), "{text}");
}
