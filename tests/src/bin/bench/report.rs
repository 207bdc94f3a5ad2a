//! The report as Markdown.

use std::fmt::Write as _;
use std::path::Path;

use super::database::Kind;
use super::machine::Machine;
use super::noise;
use super::plot;
use super::promises::{self, Promise, figure};
use super::results::{Row, Setting};
use super::run::{CONSTANT, RAW_INSERT, Run};
use super::workload::{ALL, Workload};

/// What the six groups of promises are about.
const GROUPS: [&str; 6] = ["Embedded", "PostgreSQL", "Size", "Mixed profile", "Start and memory", "Filling"];

/// Writes it to a file with the plot beside it, or prints it.
pub(super) fn write(run: &Run, machine: &Machine, micro: Option<&str>, out: Option<&Path>) {
    let text = text(run, machine, micro, out);
    let Some(out) = out else { return print!("{text}") };
    std::fs::write(out, text).unwrap();
    std::fs::write(out.with_extension("svg"), plot::draw(&run.results)).unwrap();
}

/// The micro-benchmarks alone.
pub(super) fn write_micro(micro: &str, out: Option<&Path>) {
    match out {
        Some(out) => std::fs::write(out, micro).unwrap(),
        None => println!("{micro}"),
    }
}

fn text(run: &Run, machine: &Machine, micro: Option<&str>, out: Option<&Path>) -> String {
    let mut text = String::from(
        "# Benchmarks\n\n\
         Written by `tests/bench/run`, which measures all of this anew. Server, database and client share the machine, so the \
         ratios say more than the figures. What each row does, and why it is measured like this: \
         [ADR 0077](adr/0077-measured-by-wrk-beside-baselines.md).\n\n",
    );
    about(&mut text, run, machine);
    if let Some(name) = out.and_then(|out| Some(out.file_stem()?.to_string_lossy().into_owned())) {
        write!(text, "![Requests per second at 16 connections as shares of the baselines]({name}.svg)\n\n")
            .unwrap();
    }
    let all = promises::all(&run.results, &run.scale);
    verdicts(&mut text, &all);
    noises(&mut text, run);
    for kind in [Kind::Sqlite, Kind::Postgres] {
        if run.results.rows.iter().any(|row| row.key.kind == kind) {
            database(&mut text, run, kind);
        }
    }
    if let Some(micro) = micro {
        write!(
            text,
            "## Micro-benchmarks\n\nThe dense parts by themselves, on one core (`tests/bench/run --micro`).\n\n\
             ```text\n{micro}\n```\n"
        )
        .unwrap();
    }
    text.truncate(text.trim_end().len());
    text.push('\n');
    text
}

fn about(text: &mut String, run: &Run, machine: &Machine) {
    text.push_str("| | |\n| --- | --- |\n");
    for (name, value) in &machine.lines {
        writeln!(text, "| {name} | {value} |").unwrap();
    }
    if let Some(postgres) = &machine.postgres {
        writeln!(text, "| PostgreSQL | {postgres} |").unwrap();
    }
    let (threads, step) = (run.wrk.threads, run.scale.step.as_secs_f64());
    writeln!(text, "| one run | {step} s; `wrk -t {threads}`, `-t 1` at one connection |").unwrap();
    write!(text, "| the whole | {:.1} minutes after building |\n\n", run.elapsed() / 60.0).unwrap();
}

fn verdicts(text: &mut String, all: &[Promise]) {
    let judged = |verdict: &str| all.iter().filter(|promise| promise.verdict() == verdict).count();
    write!(
        text,
        "## Promises\n\n{} hold, {} do not, {} were not measured. Rates are medians of all runs, in requests per second; \
         under *Size* they are medians of latencies (p50, in ms; one connection, but 16 for tenants).\n\n",
        judged("holds"),
        judged("**does not hold**"),
        judged("not measured")
    )
    .unwrap();
    for (place, title) in GROUPS.iter().enumerate() {
        let of_group = || all.iter().filter(|promise| usize::from(promise.group) == place + 1);
        if of_group().count() == 0 {
            continue;
        }
        write!(
            text,
            "### {title}\n\n| database | what | bound | measured | of | verdict |\n\
             | --- | --- | --- | --- | --- | --- |\n"
        )
        .unwrap();
        for promise in of_group() {
            let measured = promise.measured.map_or_else(|| "—".into(), |value| figure(value) + promise.unit);
            let (kind, bound) = (promise.kind.title(), promise.bound.text(promise.unit));
            let (what, of, verdict) = (&promise.what, &promise.from, promise.verdict());
            writeln!(text, "| {kind} | {what} | {bound} | {measured} | {of} | {verdict} |").unwrap();
        }
        text.push('\n');
    }
}

fn noises(text: &mut String, run: &Run) {
    text.push_str("## Noise\n\n");
    let mut seen = run.noise.clone();
    seen.extend(noise::spread(&run.results, &run.scale));
    let failed = run.results.rows.iter().filter(|row| row.errors() > 0);
    seen.extend(failed.map(|row| {
        let (kind, setting) = (row.key.kind.title(), run.scale.title(row.key.setting));
        format!("{} errors: {kind}, {setting}, {} × {}.", row.errors(), row.key.what, row.key.connections)
    }));
    let silent = run.results.rows.iter().filter(|row| row.errors() == 0 && !row.is_good());
    seen.extend(silent.map(|row| {
        let (kind, setting) = (row.key.kind.title(), run.scale.title(row.key.setting));
        format!(
            "Nothing was answered in time: {kind}, {setting}, {} × {}.",
            row.key.what, row.key.connections
        )
    }));
    if seen.is_empty() {
        text.push_str("None that was seen.\n\n");
    } else {
        for line in seen {
            writeln!(text, "- {line}").unwrap();
        }
        text.push('\n');
    }
}

fn database(text: &mut String, run: &Run, kind: Kind) {
    write!(
        text,
        "## {}\n\n\
         | on | what | connections | requests/s | slowest to fastest run | p50 ms | p99 ms | of the baseline |\n\
         | --- | --- | --- | --- | --- | --- | --- | --- |\n",
        kind.title()
    )
    .unwrap();
    let mut rows: Vec<&Row> = run.results.rows.iter().filter(|row| row.key.kind == kind).collect();
    rows.sort_by_key(|row| order(row));
    for row in rows {
        line(text, run, row);
    }
    text.push('\n');
}

/// Baselines, then by size; within a size as the workloads are listed, fewest connections first.
fn order(row: &Row) -> (usize, usize, u32) {
    let setting = match row.key.setting {
        Setting::Baseline => 0,
        Setting::Users(place) => [20, 10, 30][place],
        Setting::Groups(place) => 40 + place,
        Setting::Tenants(place) => 50 + place,
    };
    let what = ALL.iter().position(|workload| workload.name == row.key.what).unwrap_or(ALL.len());
    (setting, what, row.key.connections)
}

fn line(text: &mut String, run: &Run, row: &Row) {
    let range = row.range().map_or_else(String::new, |(least, most)| format!("{least:.0} to {most:.0}"));
    let share = share(run, row).map_or_else(String::new, |share| format!("{share:.2}"));
    let errors = if row.errors() > 0 { format!(" (**{} errors**)", row.errors()) } else { String::new() };
    writeln!(
        text,
        "| {} | {}{errors} | {} | {:.0} | {range} | {} | {} | {share} |",
        run.scale.title(row.key.setting),
        row.key.what,
        row.key.connections,
        row.rate(),
        latency(row.p50()),
        latency(row.p99()),
    )
    .unwrap();
}

fn latency(milliseconds: f64) -> String {
    if milliseconds.is_nan() { String::new() } else { format!("{milliseconds:.3}") }
}

/// A read as a share of the constant handler, resources written as a share of rows that a bare loop inserts.
fn share(run: &Run, row: &Row) -> Option<f64> {
    let workload = ALL.iter().find(|workload| workload.name == row.key.what)?;
    plot::share(&run.results, row, workload)
}

/// What a row is compared with.
pub(super) fn baseline(kind: Kind, workload: &Workload, connections: u32) -> (&'static str, u32) {
    match (workload.writes, kind) {
        (false, _) => (CONSTANT, connections),
        // One writer: more threads insert no faster.
        (true, Kind::Sqlite) => (RAW_INSERT, 1),
        (true, Kind::Postgres) => (RAW_INSERT, if connections == 1 { 1 } else { 16 }),
    }
}
