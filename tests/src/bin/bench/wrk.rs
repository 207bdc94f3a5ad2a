//! Driving a server with `wrk`: the requests in a file, one run, what it printed.

use std::fmt::Write as _;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::Duration;

use super::results::Sample;

/// A text that is new in each request; `requests.lua` fills it.
pub(super) const HOLE: &str = "~~~~~~~~~~~~~";

/// Requests in a file.
pub(super) struct Requests {
    path: PathBuf,
    /// The first one, to see what it does before many of them are sent.
    pub(super) first: String,
    /// How many may be sent before one comes again, where it must not.
    once: Option<u64>,
}

impl Requests {
    /// Sent round and round.
    pub(super) fn write(folder: &Path, requests: &[String]) -> Self {
        static FILES: AtomicU32 = AtomicU32::new(0);
        let path = folder.join(format!("requests-{}", FILES.fetch_add(1, Ordering::Relaxed)));
        let mut text = String::new();
        for request in requests {
            write!(text, "{}\n{request}", request.len()).unwrap();
        }
        std::fs::write(&path, text).unwrap();
        Self { path, first: requests[0].clone(), once: None }
    }

    /// Each sent once at most.
    pub(super) fn write_once(folder: &Path, requests: &[String]) -> Self {
        Self { once: Some(requests.len() as u64), ..Self::write(folder, requests) }
    }
}

/// How many threads drive more than one connection; it is found by trying.
pub(super) struct Wrk {
    pub(super) threads: u32,
}

impl Wrk {
    pub(super) fn drive(
        &self,
        address: &str,
        requests: &Requests,
        connections: u32,
        time: Duration,
    ) -> Sample {
        static RUNS: AtomicU32 = AtomicU32::new(0);
        let run = format!("{:05}", RUNS.fetch_add(1, Ordering::Relaxed));
        let threads = if connections == 1 { 1 } else { self.threads };
        // wrk counts in whole seconds; interrupted, it prints what it has.
        let output = Command::new("timeout")
            .args(["--foreground", "--preserve-status", "-s", "INT"])
            .arg(time.as_secs_f64().to_string())
            .args(["wrk", "-d", "600s", "--timeout", "30s", "--latency"])
            .args(["-t", &threads.to_string(), "-c", &connections.to_string(), "-s"])
            .arg(Path::new(env!("CARGO_MANIFEST_DIR")).join("bench/requests.lua"))
            .args([&format!("http://{address}"), "--"])
            .arg(&requests.path)
            .arg(run)
            .output()
            .expect("wrk and timeout are installed");
        let said = String::from_utf8_lossy(&output.stdout);
        let line = said.lines().find_map(|line| line.strip_prefix("bench "));
        let line = line.unwrap_or_else(|| panic!("wrk: {said}{}", String::from_utf8_lossy(&output.stderr)));
        let number = |name: &str| -> u64 {
            let word = line.split(' ').find_map(|word| word.strip_prefix(name)?.strip_prefix('='));
            word.unwrap().parse().unwrap()
        };
        let count = number("requests");
        let mut errors = number("refused") + number("broken") + number("late");
        // What comes again is no longer what the row says.
        errors += requests.once.map_or(0, |once| count.saturating_sub(once));
        Sample {
            rate: count as f64 / (number("microseconds") as f64 / 1e6),
            p50: number("p50") as f64 / 1e3,
            p99: number("p99") as f64 / 1e3,
            requests: count,
            errors,
        }
    }
}
