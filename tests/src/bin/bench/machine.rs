//! What it was measured on, and what else that did meanwhile.

use std::process::Command;

use super::options::grouped;

/// A machine without its name or any path on it.
pub(super) struct Machine {
    pub(super) lines: Vec<(&'static str, String)>,
    /// Version and settings.
    pub(super) postgres: Option<String>,
    /// Time of all cores, and how much of it was taken by other guests of the host, at the beginning.
    stolen: (u64, u64),
}

impl Machine {
    pub(super) fn look() -> Self {
        let cores = std::thread::available_parallelism().map_or(0, Into::into);
        let model = field("/proc/cpuinfo", "model name").unwrap_or_else(|| "unknown".into());
        let memory = field("/proc/meminfo", "MemTotal").unwrap_or_default();
        let kib: u64 = memory.trim_end_matches(" kB").parse().unwrap_or(0);
        let load = std::fs::read_to_string("/proc/loadavg").unwrap_or_default();
        let lines = vec![
            ("processor", format!("{model}, {cores} cores")),
            ("memory", format!("{} MiB", grouped(kib >> 10))),
            ("system", said("uname", &["-sr"])),
            ("compiler", said("rustc", &["--version"])),
            ("wrk", said("sh", &["-c", "wrk -v 2>&1 | sed -n '1s/ Copyright.*//p'"])),
            ("commit", commit()),
            ("date", said("date", &["-u", "+%Y-%m-%d"])),
            ("load before", load.split(' ').next().unwrap_or_default().into()),
        ];
        Self { lines, postgres: None, stolen: stolen() }
    }

    /// Says what was taken from the machine while it was measured.
    pub(super) fn finish(&self, noise: &mut Vec<String>) {
        let (all, taken) = stolen();
        let (all, taken) = (all - self.stolen.0, taken - self.stolen.1);
        let percent = taken as f64 * 100.0 / all.max(1) as f64;
        if percent >= 1.0 {
            noise.push(format!("Other guests of the host took {percent:.1} % of the time of the cores."));
        }
    }
}

/// The commit, and whether the sources are as it has them.
fn commit() -> String {
    let commit = said("git", &["rev-parse", "--short=12", "HEAD"]);
    // The report itself is written anew each time.
    let changed =
        said("git", &["status", "--porcelain", "--untracked-files=no", "--", ":!docs/benchmarks.*"]);
    if changed.is_empty() { commit } else { format!("{commit}, with changes") }
}

fn said(program: &str, arguments: &[&str]) -> String {
    let output = Command::new(program).args(arguments).output();
    output
        .map_or_else(|_| "unknown".into(), |output| String::from_utf8_lossy(&output.stdout).trim().to_owned())
}

fn field(file: &str, name: &str) -> Option<String> {
    let text = std::fs::read_to_string(file).ok()?;
    let line = text.lines().find(|line| line.starts_with(name))?;
    Some(line.split_once(':')?.1.trim().to_owned())
}

/// Ticks of all cores, and those that another guest had.
fn stolen() -> (u64, u64) {
    let text = std::fs::read_to_string("/proc/stat").unwrap_or_default();
    let line = text.lines().next().unwrap_or_default();
    let ticks: Vec<u64> = line.split_whitespace().skip(1).take(8).flat_map(str::parse).collect();
    (ticks.iter().sum(), ticks.get(7).copied().unwrap_or(0))
}
