//! Measures a release build beside baselines on the same machine, and writes the report with the verdicts.
//!
//! ```text
//! tests/bench/run [--quick] [--only sqlite|postgres] [--part NAME]… [--no-micro] [--step SECONDS] [--out FILE]
//! tests/bench/run --micro
//! tests/bench/run neighbours [USERS] [SECONDS]
//! ```
//!
//! `tests/bench/run` builds what is needed. Without arguments everything is measured and `docs/benchmarks.md` written;
//! `--part` and `--only` measure less and print the report, `--quick` shows in a minute that it all works.
//!
//! For SQLite and a private PostgreSQL in turn: databases of several sizes are filled with `rollcall load`, and a server on
//! each is driven with `wrk`, in turns with what it is compared with. Everything shares the machine, so the ratios say
//! more than the figures.

#![allow(
    clippy::unwrap_used,
    clippy::print_stdout,
    missing_docs,
    reason = "a tool for one's own terminal: it may stop and print"
)]

mod client;
mod constant;
mod database;
mod machine;
mod memory;
mod micro;
mod neighbours;
mod noise;
mod options;
mod parts;
mod plot;
mod postgres;
mod program;
mod promises;
mod raw;
mod report;
mod results;
mod run;
mod site;
mod stand;
mod workload;
mod wrk;

use std::path::PathBuf;
use std::process::ExitCode;

use database::Kind;
use options::Options;
use run::Run;
use stand::Stand;

fn main() -> ExitCode {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    match arguments.first().map(String::as_str) {
        Some("constant") => constant::serve(),
        Some("neighbours") => neighbours::run(&arguments[1..], &Folder::make().0),
        _ => match Options::parse(&arguments) {
            Ok(options) => measure(options),
            Err(error) => {
                eprintln!("{error}");
                return ExitCode::FAILURE;
            }
        },
    }
    ExitCode::SUCCESS
}

/// A folder that goes with the run.
struct Folder(PathBuf);

impl Folder {
    fn make() -> Self {
        let path = std::env::temp_dir().join(format!("rollcall-bench-{}", std::process::id()));
        std::fs::create_dir_all(&path).unwrap();
        Self(path)
    }
}

impl Drop for Folder {
    fn drop(&mut self) {
        let _ = std::fs::remove_dir_all(&self.0);
    }
}

fn measure(options: Options) {
    let Options { kinds, parts, micro, scale, out } = options;
    let micro = micro.then(micro::run);
    if kinds.is_empty() {
        return report::write_micro(&micro.unwrap(), out.as_deref());
    }
    let folder = Folder::make();
    let mut run = Run::new(scale, folder.0.clone());
    let mut machine = machine::Machine::look();
    for &kind in &kinds {
        // What is measured last disturbs nothing that comes later: each kind has its servers and databases to itself.
        let mut stand = Stand::new(&run, kind);
        if let database::Place::Server(postgres) = &stand.place {
            machine.postgres = Some(postgres.described());
        }
        let before = constants(&mut run, kind);
        for part in &parts {
            part.run(&mut run, &mut stand);
        }
        drop(stand);
        let after = constants(&mut run, kind);
        run.noise.extend(noise::moved(kind, &before, &after));
    }
    machine.finish(&mut run.noise);
    report::write(&run, &machine, micro.as_deref(), out.as_deref());
    run.say("done");
}

/// The constant handler at each number of connections.
fn constants(run: &mut Run, kind: Kind) -> Vec<(u32, f64)> {
    [1, 16, 64].into_iter().map(|connections| (connections, run.constant(kind, connections))).collect()
}
