//! A private PostgreSQL that is as durable as a real one, and `pgbench` on it.

use std::io::{BufRead, BufReader};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::Duration;

use diesel::connection::SimpleConnection;
use diesel::prelude::*;
use diesel::{PgConnection, sql_query, sql_types};

use super::results::Sample;

/// Runs until it is dropped.
pub(super) struct Postgres {
    child: Child,
    /// `postgres://…/postgres`, on a socket.
    url: String,
}

#[derive(QueryableByName)]
struct Shown {
    #[diesel(sql_type = sql_types::Text)]
    setting: String,
}

impl Postgres {
    pub(super) fn start() -> Self {
        let script = Path::new(env!("CARGO_MANIFEST_DIR")).join("postgres");
        let mut child = Command::new(script)
            .arg("--durable")
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()
            .unwrap();
        let mut url = String::new();
        BufReader::new(child.stdout.take().unwrap()).read_line(&mut url).unwrap();
        Self { child, url: url.trim().to_owned() }
    }

    pub(super) fn create(&self, name: &str) -> String {
        let mut conn = PgConnection::establish(&self.url).unwrap();
        conn.batch_execute(&format!("CREATE DATABASE {name}")).unwrap();
        format!("{}/{name}", self.url.rsplit_once('/').unwrap().0)
    }

    /// Version, and the settings that matter here.
    pub(super) fn described(&self) -> String {
        let setting = |name| self.setting(name);
        format!(
            "{}; fsync {}, synchronous_commit {}, shared_buffers {}; on a unix socket",
            setting("server_version"),
            setting("fsync"),
            setting("synchronous_commit"),
            setting("shared_buffers")
        )
    }

    /// A setting of the server.
    fn setting(&self, name: &str) -> String {
        let mut conn = PgConnection::establish(&self.url).unwrap();
        sql_query("SELECT current_setting($1) AS setting")
            .bind::<sql_types::Text, _>(name)
            .get_result::<Shown>(&mut conn)
            .unwrap()
            .setting
    }

    /// Makes the tables that [`Self::pgbench`] reads.
    pub(super) fn prepare_pgbench(&self, scale: u32) {
        let url = self.create("pgbench");
        self.run_pgbench(&["-i", "-q", "-s", &scale.to_string(), &url]);
    }

    /// `pgbench -S -M prepared` with so many clients; whole seconds, as it has no others.
    pub(super) fn pgbench(&self, clients: u32, time: Duration) -> Sample {
        let url = format!("{}/pgbench", self.url.rsplit_once('/').unwrap().0);
        let (clients, threads) = (clients.to_string(), clients.min(2).to_string());
        let seconds = time.as_secs_f64().ceil().max(1.0).to_string();
        let arguments = ["-n", "-S", "-M", "prepared", "-c", &clients, "-j", &threads, "-T", &seconds, &url];
        let said = self.run_pgbench(&arguments);
        let rest = said.split("tps = ").nth(1).unwrap_or_else(|| panic!("{said}"));
        let rate: f64 = rest.split_whitespace().next().unwrap().parse().unwrap();
        // It tells the mean of latencies only.
        let requests = (rate * time.as_secs_f64()) as u64;
        Sample { rate, p50: f64::NAN, p99: f64::NAN, requests, errors: 0 }
    }

    fn run_pgbench(&self, arguments: &[&str]) -> String {
        let output = Command::new(program("pgbench")).args(arguments).output().expect("pgbench is installed");
        assert!(output.status.success(), "pgbench: {}", String::from_utf8_lossy(&output.stderr));
        String::from_utf8(output.stdout).unwrap()
    }
}

impl Drop for Postgres {
    /// It stops when its stdin ends.
    fn drop(&mut self) {
        drop(self.child.stdin.take());
        let _ = self.child.wait();
    }
}

/// A program of PostgreSQL, looked for where `tests/postgres` looks.
fn program(name: &str) -> PathBuf {
    if let Some(folder) = std::env::var_os("PG_BIN") {
        return Path::new(&folder).join(name);
    }
    let versions = std::fs::read_dir("/usr/lib/postgresql").into_iter().flatten().flatten();
    let found = versions.map(|version| version.path().join("bin").join(name)).filter(|path| path.exists());
    found.max().unwrap_or_else(|| name.into())
}
