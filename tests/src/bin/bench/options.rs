//! What the command line asks for.

use std::path::PathBuf;
use std::time::Duration;

use super::database::Kind;
use super::parts::Part;
use super::results::Setting;

/// How large everything is, and how long each row is driven.
pub(super) struct Scale {
    /// Users of the three databases with one tenant.
    pub(super) users: [u64; 3],
    /// Members of the three groups in the largest of them.
    pub(super) members: [u64; 3],
    /// Groups of the smallest size: so many that each keeps about its size while members are added.
    pub(super) small_groups: u64,
    /// Users that come after the groups and are added to them.
    pub(super) newcomers: u64,
    /// Tenants of the two databases with many, and the users that are spread over each of the two.
    pub(super) tenants: [u64; 2],
    pub(super) tenant_users: u64,
    /// Time of one row.
    pub(super) step: Duration,
    /// How often rows that are compared with each other take turns.
    pub(super) rounds: u32,
    /// Scale of the tables of pgbench.
    pub(super) pgbench: u32,
}

impl Scale {
    fn whole() -> Self {
        Self {
            users: [1_000, 10_000, 100_000],
            members: [10, 10_000, 100_000],
            small_groups: 1_000,
            newcomers: 15_000,
            tenants: [8, 1_000],
            tenant_users: 10_000,
            step: Duration::from_millis(1_200),
            rounds: 3,
            pgbench: 10,
        }
    }

    /// Everything once and small: it shows that the program works, and nothing else.
    fn quick() -> Self {
        Self {
            users: [1_000; 3],
            members: [10, 100, 1_000],
            small_groups: 20,
            newcomers: 2_000,
            tenants: [8, 40],
            tenant_users: 400,
            step: Duration::from_millis(200),
            rounds: 1,
            pgbench: 1,
        }
    }

    /// Rows are compared two rounds long where that is many of them.
    pub(super) fn few_rounds(&self) -> u32 {
        self.rounds.min(2)
    }
}

/// What to measure and where to write it.
pub(super) struct Options {
    pub(super) kinds: Vec<Kind>,
    pub(super) parts: Vec<Part>,
    pub(super) micro: bool,
    pub(super) scale: Scale,
    /// The report; the plot goes beside it. None: to the terminal.
    pub(super) out: Option<PathBuf>,
}

/// Said when an argument is not understood.
const USAGE: &str =
    "bench [--quick] [--only sqlite|postgres] [--part NAME]… [--no-micro] [--step SECONDS] [--out FILE]
bench --micro [--out FILE]                 the micro-benchmarks alone
bench neighbours [USERS] [SECONDS]         a tenant alone and beside a loud one
bench constant                             the handler that answers the same to everything, until stdin ends";

impl Options {
    /// # Errors
    /// What was not understood, and how it is said.
    pub(super) fn parse(arguments: &[String]) -> Result<Self, String> {
        let quick = arguments.iter().any(|argument| argument == "--quick");
        let mut options = Self {
            kinds: vec![Kind::Sqlite, Kind::Postgres],
            parts: Vec::new(),
            micro: true,
            scale: if quick { Scale::quick() } else { Scale::whole() },
            out: None,
        };
        let (mut only_micro, mut step) = (false, None);
        let mut rest = arguments.iter();
        while let Some(argument) = rest.next() {
            let mut value = || rest.next().ok_or_else(|| format!("{argument} needs a value\n{USAGE}"));
            match argument.as_str() {
                "--quick" => {}
                "--no-micro" => options.micro = false,
                "--micro" => only_micro = true,
                "--only" => options.kinds = vec![Kind::named(value()?).ok_or(USAGE)?],
                "--part" => options.parts.push(Part::named(value()?).ok_or_else(Part::names)?),
                "--step" => step = Some(value()?.parse::<f64>().map_err(|error| error.to_string())?),
                "--out" => options.out = Some(value()?.into()),
                _ => return Err(format!("{argument} is not known\n{USAGE}")),
            }
        }
        if let Some(seconds) = step {
            options.scale.step = Duration::from_secs_f64(seconds);
        }
        if only_micro {
            (options.micro, options.kinds) = (true, Vec::new());
        } else if !options.parts.is_empty() {
            options.micro = false;
        }
        let whole = options.parts.is_empty() && options.kinds.len() == 2 && !quick;
        if options.parts.is_empty() {
            options.parts = Part::ALL.to_vec();
        }
        if whole && options.out.is_none() {
            options.out = Some("docs/benchmarks.md".into());
        }
        Ok(options)
    }
}

impl Scale {
    /// How the report calls it.
    pub(super) fn title(&self, setting: Setting) -> String {
        match setting {
            Setting::Baseline => "baseline".into(),
            Setting::Users(place) => format!("{} users", grouped(self.users[place])),
            Setting::Groups(place) => format!("group of {}", grouped(self.members[place])),
            Setting::Tenants(place) => format!("{} tenants", grouped(self.tenants[place])),
        }
    }
}

/// With a comma before each three digits.
pub(super) fn grouped(number: u64) -> String {
    let digits = number.to_string();
    let head = digits.len() % 3;
    let mut text = digits[..head].to_owned();
    for (place, digit) in digits[head..].char_indices() {
        if place % 3 == 0 && !text.is_empty() {
            text.push(',');
        }
        text.push(digit);
    }
    text
}
