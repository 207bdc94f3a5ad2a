//! The shares of the baselines as bars, drawn by hand as SVG.

use std::fmt::Write as _;

use super::database::Kind;
use super::report::baseline;
use super::results::{Results, Row, Setting};
use super::workload::{ALL, Workload};

/// Where bars begin, and how long one of the whole scale is.
const LEFT: f64 = 290.0;
const LENGTH: f64 = 440.0;
/// From the top of one workload to the next.
const STEP: f64 = 34.0;
const TOP: f64 = 76.0;
const BAR: f64 = 12.0;
const CONNECTIONS: u32 = 16;

/// Requests, or resources that are written, as a share of what the baseline gave.
pub(super) fn share(results: &Results, row: &Row, workload: &Workload) -> Option<f64> {
    let (what, connections) = baseline(row.key.kind, workload, row.key.connections);
    let base = results.row(row.key.kind, Setting::Baseline, what, connections)?;
    Some(row.rate() * f64::from(workload.resources) / base.rate())
}

/// Light by itself, dark where the reader prefers that.
const STYLE: &str = "text{font:13px system-ui,sans-serif;fill:#1f2328}.title{font-weight:600;font-size:15px}\
    .note{fill:#59636e;font-size:12px}.grid{stroke:#d1d9e0}.sqlite{fill:#0969da}.postgres{fill:#bc4c00}\
    @media(prefers-color-scheme:dark){text{fill:#f0f6fc}.note{fill:#9198a1}.grid{stroke:#3d444d}\
    .sqlite{fill:#4493f8}.postgres{fill:#db8b4d}}";

/// Bars of all workloads of the middle size at 16 connections.
pub(super) fn draw(results: &Results) -> String {
    let kinds = [(Kind::Sqlite, "sqlite"), (Kind::Postgres, "postgres")];
    let of = |kind, workload: &Workload| {
        let row = results.row(kind, Setting::Users(1), workload.name, CONNECTIONS)?;
        share(results, row, workload)
    };
    let shares = ALL.iter().flat_map(|workload| kinds.map(|(kind, _)| of(kind, workload)));
    let longest = shares.flatten().fold(1.0, f64::max);
    let height = TOP + STEP * ALL.len() as f64 + 20.0;
    let mut svg = format!(
        "<svg xmlns=\"http://www.w3.org/2000/svg\" viewBox=\"0 0 800 {height}\" role=\"img\" aria-labelledby=\"title\">\n\
         <title id=\"title\">Requests per second at {CONNECTIONS} connections as shares of the baselines</title>\n\
         <style>{STYLE}</style>\n\
         <text class=\"title\" x=\"16\" y=\"24\">At {CONNECTIONS} connections, as a share of the baseline</text>\n\
         <text class=\"note\" x=\"16\" y=\"42\">Reads: the constant handler. Writes: rows of a bare insert loop.</text>\n"
    );
    for (place, (kind, class)) in kinds.iter().enumerate() {
        let x = 540.0 + 110.0 * place as f64;
        writeln!(
            svg,
            "<rect class=\"{class}\" x=\"{x}\" y=\"14\" width=\"12\" height=\"12\"/><text x=\"{}\" y=\"25\">{}</text>",
            x + 18.0,
            kind.title()
        )
        .unwrap();
    }
    let mut mark = 0.0;
    while mark <= longest {
        let x = LEFT + LENGTH * mark / longest;
        writeln!(
            svg,
            "<line class=\"grid\" x1=\"{x:.1}\" x2=\"{x:.1}\" y1=\"{:.0}\" y2=\"{:.0}\"/>\
             <text class=\"note\" x=\"{x:.1}\" y=\"{:.0}\" text-anchor=\"middle\">{mark}</text>",
            TOP - 6.0,
            height - 16.0,
            TOP - 10.0,
        )
        .unwrap();
        mark += if longest > 3.0 { 1.0 } else { 0.25 };
    }
    for (place, workload) in ALL.iter().enumerate() {
        let y = TOP + STEP * place as f64;
        let name = workload.name.replace('`', "").replace('"', "&quot;");
        writeln!(svg, "<text x=\"{}\" y=\"{:.0}\" text-anchor=\"end\">{name}</text>", LEFT - 10.0, y + 17.0)
            .unwrap();
        for (turn, (kind, class)) in kinds.iter().enumerate() {
            let Some(share) = of(*kind, workload) else { continue };
            let (y, length) = (y + BAR * turn as f64, LENGTH * share / longest);
            writeln!(
                svg,
                "<rect class=\"{class}\" x=\"{LEFT}\" y=\"{y:.0}\" width=\"{length:.1}\" height=\"{}\"/>\
                 <text class=\"note\" x=\"{:.1}\" y=\"{:.0}\">{share:.2}</text>",
                BAR - 1.0,
                LEFT + length + 5.0,
                y + 10.0
            )
            .unwrap();
        }
    }
    svg.push_str("</svg>\n");
    svg
}
