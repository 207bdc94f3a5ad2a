//! What moved although nothing of ours did.

use super::database::Kind;
use super::options::Scale;
use super::results::Results;

/// A difference of the constant handler, before and after, that is told.
const MOVED: f64 = 0.15;
/// A difference between runs of one row that is told, slowest to fastest.
const SPREAD: f64 = 1.5;

/// The numbers of connections at which the constant handler was not what it had been.
pub(super) fn moved(kind: Kind, before: &[(u32, f64)], after: &[(u32, f64)]) -> Vec<String> {
    let pairs = before.iter().zip(after);
    let moved = pairs.filter(|((_, before), (_, after))| (after / before - 1.0).abs() > MOVED);
    let told = moved.map(|((connections, before), (_, after))| {
        format!(
            "The constant handler at {connections} connections gave {before:.0}/s before {} was measured and \
             {after:.0}/s after it ({:+.0} %).",
            kind.title(),
            (after / before - 1.0) * 100.0
        )
    });
    told.collect()
}

/// Rows whose runs are far from each other.
pub(super) fn spread(results: &Results, scale: &Scale) -> Vec<String> {
    let wide = results.rows.iter().filter_map(|row| {
        let (least, most) = row.range()?;
        (most / least > SPREAD).then(|| {
            format!(
                "{}, {}, {} × {}: {} runs from {least:.0}/s to {most:.0}/s.",
                row.key.kind.title(),
                scale.title(row.key.setting),
                row.key.what,
                row.key.connections,
                row.samples.len()
            )
        })
    });
    wide.collect()
}
