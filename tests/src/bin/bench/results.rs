//! What was measured.

use super::database::Kind;

/// One run of one row.
#[derive(Clone, Copy, Debug)]
pub(super) struct Sample {
    /// Per second.
    pub(super) rate: f64,
    /// Milliseconds.
    pub(super) p50: f64,
    pub(super) p99: f64,
    pub(super) requests: u64,
    /// Answers of 400 and above, broken connections, and answers that took half a minute.
    pub(super) errors: u64,
}

/// What a row was measured on.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum Setting {
    /// No server of ours.
    Baseline,
    /// One tenant, by the place of its size in the scale.
    Users(usize),
    /// Groups of the largest tenant, by the place of their size.
    Groups(usize),
    /// Many tenants, by the place of their number.
    Tenants(usize),
}

/// Which row.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) struct Key {
    pub(super) kind: Kind,
    pub(super) setting: Setting,
    pub(super) what: &'static str,
    pub(super) connections: u32,
}

/// All runs of a row.
pub(super) struct Row {
    pub(super) key: Key,
    pub(super) samples: Vec<Sample>,
}

impl Row {
    pub(super) fn rate(&self) -> f64 {
        median(self.samples.iter().map(|sample| sample.rate))
    }

    pub(super) fn p50(&self) -> f64 {
        median(self.samples.iter().map(|sample| sample.p50))
    }

    pub(super) fn p99(&self) -> f64 {
        median(self.samples.iter().map(|sample| sample.p99))
    }

    pub(super) fn errors(&self) -> u64 {
        self.samples.iter().map(|sample| sample.errors).sum()
    }

    /// Whether a figure of it says something.
    pub(super) fn is_good(&self) -> bool {
        self.errors() == 0 && self.samples.iter().all(|sample| sample.requests > 0)
    }

    /// The slowest and the fastest run, where there were several.
    pub(super) fn range(&self) -> Option<(f64, f64)> {
        let rates = || self.samples.iter().map(|sample| sample.rate);
        (self.samples.len() > 1).then(|| (rates().fold(f64::MAX, f64::min), rates().fold(0.0, f64::max)))
    }
}

/// Something that is no row: a time, a size, a rate.
pub(super) struct Fact {
    pub(super) kind: Kind,
    pub(super) what: &'static str,
    pub(super) values: Vec<f64>,
}

/// Everything that was measured, in the order in which it began.
#[derive(Default)]
pub(super) struct Results {
    pub(super) rows: Vec<Row>,
    pub(super) facts: Vec<Fact>,
}

impl Results {
    pub(super) fn add(&mut self, key: Key, sample: Sample) {
        match self.rows.iter_mut().find(|row| row.key == key) {
            Some(row) => row.samples.push(sample),
            None => self.rows.push(Row { key, samples: vec![sample] }),
        }
    }

    pub(super) fn note(&mut self, kind: Kind, what: &'static str, value: f64) {
        match self.facts.iter_mut().find(|fact| fact.kind == kind && fact.what == what) {
            Some(fact) => fact.values.push(value),
            None => self.facts.push(Fact { kind, what, values: vec![value] }),
        }
    }

    pub(super) fn row(
        &self,
        kind: Kind,
        setting: Setting,
        what: &'static str,
        connections: u32,
    ) -> Option<&Row> {
        let key = Key { kind, setting, what, connections };
        self.rows.iter().find(|row| row.key == key)
    }

    pub(super) fn fact(&self, kind: Kind, what: &'static str) -> Option<&Fact> {
        self.facts.iter().find(|fact| fact.kind == kind && fact.what == what)
    }
}

/// The one in the middle, or between the two.
pub(super) fn median(values: impl Iterator<Item = f64>) -> f64 {
    let mut values: Vec<f64> = values.collect();
    values.sort_by(f64::total_cmp);
    let half = values.len() / 2;
    match values.len() {
        0 => f64::NAN,
        length if length % 2 == 1 => values[half],
        _ => f64::midpoint(values[half - 1], values[half]),
    }
}
