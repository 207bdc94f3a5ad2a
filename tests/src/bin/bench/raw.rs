//! Bare Diesel on the same database: what it gives at the same durability when nobody asks for more.

use std::time::{Duration, Instant};

use diesel::connection::SimpleConnection;
use diesel::prelude::*;
use diesel::{PgConnection, SqliteConnection};

use super::results::Sample;

diesel::table! {
    raw (number) {
        number -> BigInt,
        document -> Text,
    }
}

/// About a kilobyte, like a user.
const LENGTH: usize = 1_000;
/// Numbers of each thread, so that none meets another's.
const SHARE: i64 = 1 << 40;

/// A table in a database of its own.
pub(super) struct Raw {
    url: String,
    /// Where the next run goes on.
    next: i64,
}

impl Raw {
    pub(super) fn create(url: String) -> Self {
        let create = "CREATE TABLE raw (number BIGINT PRIMARY KEY, document TEXT NOT NULL)";
        match url.strip_prefix("sqlite://") {
            // The same form of the key as an alias of the row number.
            Some(path) => sqlite(path).batch_execute(&create.replace("BIGINT", "INTEGER")).unwrap(),
            None => PgConnection::establish(&url).unwrap().batch_execute(create).unwrap(),
        }
        Self { url, next: 1 }
    }

    /// One row per transaction, by so many threads with a connection each.
    pub(super) fn inserts(&mut self, threads: u32, time: Duration) -> Sample {
        let document = "x".repeat(LENGTH);
        let from = self.next;
        macro_rules! insert {
            ($conn:expr, $thread:expr) => {{
                let conn = &mut $conn;
                let mut number = from + SHARE * i64::from($thread);
                timed(time, || {
                    number += 1;
                    let row = (raw::number.eq(number), raw::document.eq(&document));
                    conn.transaction(|conn| diesel::insert_into(raw::table).values(row).execute(conn))
                        .unwrap();
                })
            }};
        }
        let sample = together(threads, |thread| match self.url.strip_prefix("sqlite://") {
            Some(path) => insert!(sqlite(path), thread),
            None => insert!(PgConnection::establish(&self.url).unwrap(), thread),
        });
        // More than one thread has made.
        self.next += i64::try_from(sample.requests).unwrap();
        sample
    }

    /// One row by its key, of those that the first thread has made.
    pub(super) fn reads(&self, threads: u32, time: Duration) -> Sample {
        macro_rules! read {
            ($conn:expr) => {{
                let conn = &mut $conn;
                let numbers: Vec<i64> = raw::table
                    .filter(raw::number.lt(SHARE))
                    .select(raw::number)
                    .limit(10_000)
                    .load(conn)
                    .unwrap();
                let mut turn = 0;
                timed(time, || {
                    turn += 1;
                    let number = numbers[turn * 7 % numbers.len()];
                    raw::table.find(number).select(raw::document).get_result::<String>(conn).unwrap();
                })
            }};
        }
        together(threads, |_| match self.url.strip_prefix("sqlite://") {
            Some(path) => read!(sqlite(path)),
            None => read!(PgConnection::establish(&self.url).unwrap()),
        })
    }
}

/// As durable as the server's.
fn sqlite(path: &str) -> SqliteConnection {
    let mut conn = SqliteConnection::establish(path).unwrap();
    conn.batch_execute("PRAGMA journal_mode = WAL; PRAGMA synchronous = FULL").unwrap();
    conn
}

/// How long each call took, in milliseconds.
fn timed(time: Duration, mut work: impl FnMut()) -> Vec<f64> {
    let start = Instant::now();
    let mut latencies = Vec::new();
    while start.elapsed() < time {
        let before = Instant::now();
        work();
        latencies.push(before.elapsed().as_secs_f64() * 1e3);
    }
    latencies
}

/// The work in so many threads at once.
fn together(threads: u32, work: impl Fn(u32) -> Vec<f64> + Sync) -> Sample {
    let start = Instant::now();
    let mut latencies: Vec<f64> = std::thread::scope(|scope| {
        let work = &work;
        let threads: Vec<_> = (0..threads).map(|thread| scope.spawn(move || work(thread))).collect();
        threads.into_iter().flat_map(|thread| thread.join().unwrap()).collect()
    });
    let seconds = start.elapsed().as_secs_f64();
    latencies.sort_by(f64::total_cmp);
    let at = |part: f64| latencies[((latencies.len() as f64 * part) as usize).min(latencies.len() - 1)];
    Sample {
        rate: latencies.len() as f64 / seconds,
        p50: at(0.5),
        p99: at(0.99),
        requests: latencies.len() as u64,
        errors: 0,
    }
}
