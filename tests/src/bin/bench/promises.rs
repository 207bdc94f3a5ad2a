//! What Rollcall promises of its speed, held against what was measured.

use super::database::Kind::{self, Postgres, Sqlite};
use super::options::{Scale, grouped};
use super::parts::{ADD, GET_GROUP, IDLE_MEMORY, MIXED, MIXED_MEMORY, READY, WHOLE_GROUP};
use super::results::{Results, Row, Setting, median};
use super::run::{CONSTANT, PGBENCH, RAW_INSERT};
use super::stand::LOAD;
use super::workload::{ALL, DEEP_CURSOR, DEEP_PAGE, FIRST_CURSOR, FIRST_PAGE, GET, LOOK_UP, POST};

/// A bound.
#[derive(Clone, Copy)]
pub(super) enum Bound {
    AtLeast(f64),
    AtMost(f64),
    Below(f64),
    /// No promise, but said beside one.
    None,
}

impl Bound {
    pub(super) fn text(self, unit: &str) -> String {
        match self {
            Self::AtLeast(bound) => format!("≥ {}{unit}", figure(bound)),
            Self::AtMost(bound) => format!("≤ {}{unit}", figure(bound)),
            Self::Below(bound) => format!("< {}{unit}", figure(bound)),
            Self::None => String::new(),
        }
    }

    fn holds(self, value: f64) -> Option<bool> {
        match self {
            Self::AtLeast(bound) => Some(value >= bound),
            Self::AtMost(bound) => Some(value <= bound),
            Self::Below(bound) => Some(value < bound),
            Self::None => None,
        }
    }
}

/// A number with as many places as are worth reading.
pub(super) fn figure(number: f64) -> String {
    match number {
        number if number >= 1_000.0 => grouped(number.round() as u64),
        number if number >= 20.0 || number.fract() == 0.0 => format!("{number:.0}"),
        number => format!("{number:.2}"),
    }
}

/// One line of the table.
pub(super) struct Promise {
    pub(super) group: u8,
    pub(super) kind: Kind,
    pub(super) what: String,
    pub(super) bound: Bound,
    pub(super) unit: &'static str,
    /// None where something it needs was not measured.
    pub(super) measured: Option<f64>,
    pub(super) from: String,
}

impl Promise {
    pub(super) fn verdict(&self) -> &'static str {
        match self.measured.map(|value| self.bound.holds(value)) {
            None => "not measured",
            Some(None) => "",
            Some(Some(true)) => "holds",
            Some(Some(false)) => "**does not hold**",
        }
    }
}

/// Rows with an error, or in which nothing was answered in time, prove nothing.
fn good(row: Option<&Row>) -> Option<&Row> {
    row.filter(|row| row.is_good())
}

/// One side of a comparison.
type Side = (Setting, &'static str, u32);

struct Table<'a> {
    results: &'a Results,
    scale: &'a Scale,
    promises: Vec<Promise>,
}

/// All of them, in the order in which they are made.
pub(super) fn all(results: &Results, scale: &Scale) -> Vec<Promise> {
    let mut table = Table { results, scale, promises: Vec::new() };
    let (middle, many) = (Setting::Users(1), Setting::Tenants(0));
    let base = Setting::Baseline;
    for what in [GET, LOOK_UP] {
        table.rates(1, Sqlite, Bound::AtLeast(0.5), (middle, what, 16), (base, CONSTANT, 16));
    }
    table.rates(1, Sqlite, Bound::AtLeast(0.5), (middle, POST, 1), (base, RAW_INSERT, 1));
    table.rates(1, Sqlite, Bound::AtLeast(3.0), (middle, POST, 64), (middle, POST, 1));
    let clients = best_pgbench(results).unwrap_or(16);
    table.rates(2, Postgres, Bound::AtLeast(0.4), (middle, GET, 16), (base, PGBENCH, clients));
    table.rates(2, Postgres, Bound::AtLeast(0.4), (many, POST, 16), (base, RAW_INSERT, 16));
    table.rates(2, Postgres, Bound::None, (middle, POST, 16), (base, RAW_INSERT, 16));
    for kind in [Sqlite, Postgres] {
        table.of_size(kind);
    }
    for (kind, bound) in [(Sqlite, 10.0), (Postgres, 25.0)] {
        let row = results.row(kind, many, MIXED, 16);
        let errors = row.map(|row| row.errors() as f64);
        table.value(4, kind, "mixed profile, errors at 16 connections", Bound::AtMost(0.0), "", errors);
        let p99 = good(row).map(Row::p99);
        table.value(4, kind, "mixed profile, p99 at 16 connections", Bound::Below(bound), " ms", p99);
    }
    for kind in [Sqlite, Postgres] {
        table.of_start(kind);
    }
    for (kind, bound) in [(Sqlite, Bound::AtLeast(5_000.0)), (Postgres, Bound::None)] {
        let what = format!("`rollcall load`, {} users", grouped(scale.users[2]));
        let rate = results.fact(kind, LOAD).map(|fact| median(fact.values.iter().copied()));
        table.value(6, kind, &what, bound, " users/s", rate);
    }
    // Of a database that was left out nothing is said.
    table.promises.retain(|promise| results.rows.iter().any(|row| row.key.kind == promise.kind));
    table.promises
}

/// The number of clients at which pgbench was fastest when all were tried: the one that was measured again then.
pub(super) fn best_pgbench(results: &Results) -> Option<u32> {
    let rows = results.rows.iter().filter(|row| row.key.what == PGBENCH);
    let rank = |row: &&Row| (row.samples.len(), row.rate());
    rows.max_by(|one, other| rank(one).partial_cmp(&rank(other)).unwrap()).map(|row| row.key.connections)
}

impl Table<'_> {
    fn row(&self, kind: Kind, (setting, what, connections): Side) -> Option<&Row> {
        good(self.results.row(kind, setting, what, connections))
    }

    fn told(&self, (setting, what, connections): Side) -> String {
        match setting {
            Setting::Baseline => format!("{what} × {connections}"),
            setting => format!("{what} × {connections}, {}", self.scale.title(setting)),
        }
    }

    /// What both sides have in common is said once.
    fn compared(&self, one: Side, other: Side) -> String {
        if (one.1, one.2) == (other.1, other.2) {
            format!("{}: {} / {}", one.1, self.scale.title(one.0), self.scale.title(other.0))
        } else if one.0 == other.0 && one.2 == other.2 {
            format!("{}: {} / {}", self.scale.title(one.0), one.1, other.1)
        } else {
            format!("{} / {}", self.told(one), self.told(other))
        }
    }

    fn ratio(&mut self, group: u8, kind: Kind, bound: Bound, one: Side, other: Side, of: fn(&Row) -> f64) {
        let values = self.row(kind, one).map(of).zip(self.row(kind, other).map(of));
        self.promises.push(Promise {
            group,
            kind,
            what: self.compared(one, other),
            bound,
            unit: "",
            measured: values.map(|(one, other)| one / other),
            from: values.map_or_else(String::new, |(one, other)| match group {
                3 => format!("{one:.3} / {other:.3} ms"),
                _ => format!("{} / {} per s", figure(one), figure(other)),
            }),
        });
    }

    /// Requests per second against requests per second.
    fn rates(&mut self, group: u8, kind: Kind, bound: Bound, one: Side, other: Side) {
        self.ratio(group, kind, bound, one, other, Row::rate);
    }

    /// Median against median, in milliseconds.
    fn medians(&mut self, kind: Kind, bound: f64, one: Side, other: Side) {
        self.ratio(3, kind, Bound::AtMost(bound), one, other, Row::p50);
    }

    fn value(
        &mut self,
        group: u8,
        kind: Kind,
        what: &str,
        bound: Bound,
        unit: &'static str,
        measured: Option<f64>,
    ) {
        let what = what.to_owned();
        self.promises.push(Promise { group, kind, what, bound, unit, measured, from: String::new() });
    }

    fn of_size(&mut self, kind: Kind) {
        let (small, large) = (Setting::Users(0), Setting::Users(2));
        for workload in &ALL {
            self.medians(kind, 1.3, (large, workload.name, 1), (small, workload.name, 1));
        }
        for what in [ADD, GET_GROUP] {
            let bound = if what == ADD { 1.5 } else { 1.3 };
            self.medians(kind, bound, (Setting::Groups(2), what, 1), (Setting::Groups(0), what, 1));
        }
        for (deep, first) in [(DEEP_PAGE, FIRST_PAGE), (DEEP_CURSOR, FIRST_CURSOR)] {
            self.medians(kind, 2.0, (large, deep, 1), (large, first, 1));
        }
        for what in [GET, LOOK_UP] {
            self.medians(kind, 1.2, (Setting::Tenants(1), what, 16), (Setting::Tenants(0), what, 16));
        }
    }

    fn of_start(&mut self, kind: Kind) {
        let users = grouped(self.scale.users[2]);
        let members = grouped(self.scale.members[2]);
        let ready = self.results.fact(kind, READY);
        let middle = ready.map(|fact| median(fact.values.iter().copied()));
        let what = format!("from start to listening, {users} users, median");
        self.value(5, kind, &what, Bound::AtMost(150.0), " ms", middle);
        if let (Some(fact), Some(promise)) = (ready, self.promises.last_mut()) {
            let slowest = fact.values.iter().copied().fold(0.0, f64::max);
            promise.from = format!("{} starts, slowest {slowest:.0} ms", fact.values.len());
        }
        let whole = format!("resident, {members} members read whole by 8 clients");
        for (fact, what, bound) in [
            (IDLE_MEMORY, format!("resident, idle, {users} users"), 64.0),
            (MIXED_MEMORY, "resident, mixed profile".into(), 200.0),
            (WHOLE_GROUP, whole, 256.0),
        ] {
            let most =
                self.results.fact(kind, fact).map(|fact| fact.values.iter().copied().fold(0.0, f64::max));
            self.value(5, kind, &what, Bound::AtMost(bound), " MiB", most);
        }
    }
}
