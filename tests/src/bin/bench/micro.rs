//! The micro-benchmarks, by the bench target `micro`.

use std::process::{Command, Stdio};

/// Runs them and returns their table as it was printed.
pub(super) fn run() -> String {
    eprintln!("micro-benchmarks");
    let cargo = std::env::var("CARGO").unwrap_or_else(|_| "cargo".into());
    let output = Command::new(cargo)
        .args(["bench", "-q", "-p", "rollcall-tests", "--bench", "micro"])
        .env("DIVAN_MAX_TIME", "1")
        .env("DIVAN_COLOR", "never")
        .stderr(Stdio::inherit())
        .output()
        .unwrap();
    assert!(output.status.success(), "the micro-benchmarks failed");
    let said = String::from_utf8(output.stdout).unwrap();
    let table = said.lines().skip_while(|line| !line.starts_with("micro")).map(str::trim_end);
    table.filter(|line| !line.is_empty()).collect::<Vec<_>>().join("\n")
}
