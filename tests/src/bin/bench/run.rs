//! One run of the program: what all its parts share.

use std::path::PathBuf;
use std::time::{Duration, Instant};

use super::client::Client;
use super::client::written;
use super::constant::Constant;
use super::database::Kind;
use super::options::Scale;
use super::program::Program;
use super::results::{Key, Results, Sample, Setting};
use super::site::Site;
use super::workload::Workload;
use super::wrk::{HOLE, Requests, Wrk};

/// The handler that answers the same to everything.
pub(super) const CONSTANT: &str = "constant handler";
/// `pgbench -S -M prepared`.
pub(super) const PGBENCH: &str = "`pgbench -S -M prepared`";
/// A row in a transaction of its own.
pub(super) const RAW_INSERT: &str = "raw insert of 1 KB";
/// A row by its key.
pub(super) const RAW_READ: &str = "raw read of 1 KB";

/// Between a row and the next one.
const REST: Duration = Duration::from_millis(100);

/// What all parts share.
pub(super) struct Run {
    pub(super) scale: Scale,
    pub(super) folder: PathBuf,
    pub(super) program: Program,
    pub(super) wrk: Wrk,
    pub(super) results: Results,
    /// What else moved, or went wrong.
    pub(super) noise: Vec<String>,
    constant: Constant,
    /// Requests as the server gets them, for the constant handler.
    plain: Requests,
    start: Instant,
}

impl Run {
    pub(super) fn new(scale: Scale, folder: PathBuf) -> Self {
        let program = Program::find(&folder);
        // As long as real ones.
        let token = format!("rcl_{}", "x".repeat(60));
        let line = |number| format!("GET /scim/v2/Users/01a22433-c136-7451-a6a4-{number:012}");
        let plain: Vec<String> = (0..1_000).map(|number| written(&line(number), &token, "")).collect();
        let plain = Requests::write(&folder, &plain);
        let mut run = Self {
            scale,
            program,
            plain,
            folder,
            wrk: Wrk { threads: 1 },
            results: Results::default(),
            noise: Vec::new(),
            constant: Constant::start(),
            start: Instant::now(),
        };
        run.choose_threads();
        run
    }

    /// As many threads of `wrk` as give the constant handler its best.
    fn choose_threads(&mut self) {
        let rates = [1, 2].map(|threads| {
            let wrk = Wrk { threads };
            let once = || wrk.drive(&self.constant.address, &self.plain, 16, self.scale.step).rate;
            f64::max(once(), once())
        });
        self.wrk.threads = if rates[1] > rates[0] { 2 } else { 1 };
        let [one, two] = rates;
        self.say(&format!("wrk with one thread {one:.0}/s, with two {two:.0}/s"));
    }

    pub(super) fn say(&self, text: &str) {
        eprintln!("[{:4.0} s] {text}", self.start.elapsed().as_secs_f64());
    }

    pub(super) fn elapsed(&self) -> f64 {
        self.start.elapsed().as_secs_f64()
    }

    /// Keeps one run of a row.
    pub(super) fn add(&mut self, key: Key, sample: Sample) {
        let Key { kind, setting, what, connections } = key;
        let errors = match sample.errors {
            0 => String::new(),
            errors => format!("  {errors} ERRORS"),
        };
        self.say(&format!(
            "{:10} {:14} {what} × {connections}: {:.0}/s, p50 {:.3} ms, p99 {:.3} ms{errors}",
            kind.title(),
            self.scale.title(setting),
            sample.rate,
            sample.p50,
            sample.p99,
        ));
        self.results.add(key, sample);
    }

    pub(super) fn constant(&mut self, kind: Kind, connections: u32) -> f64 {
        let sample = self.wrk.drive(&self.constant.address, &self.plain, connections, self.scale.step);
        let key = Key { kind, setting: Setting::Baseline, what: CONSTANT, connections };
        self.add(key, sample);
        sample.rate
    }

    /// The requests of a row, after seeing that the first of them does what the row says.
    pub(super) fn prepare(&self, site: &Site, workload: &Workload) -> Requests {
        let requests = Requests::write(&self.folder, &workload.requests(site));
        self.check(site, &requests, workload.expect);
        requests
    }

    pub(super) fn check(&self, site: &Site, requests: &Requests, expect: &str) {
        let mut client: Client = site.client();
        let stamp = format!("x{:012}", self.start.elapsed().as_nanos() % 1_000_000_000_000);
        let (status, body) = client.send(requests.first.replace(HOLE, &stamp).as_bytes());
        let body = String::from_utf8_lossy(&body);
        let good = (200..300).contains(&status) && body.contains(expect) && !body.contains(r#""status":"4"#);
        assert!(good, "{}\n{status} without {expect}: {body}", requests.first);
    }

    /// One run of a row.
    pub(super) fn drive(
        &mut self,
        site: &Site,
        kind: Kind,
        what: &'static str,
        requests: &Requests,
        connections: u32,
    ) {
        self.drive_for(self.scale.step, site, kind, what, requests, connections);
    }

    /// The same for another time.
    pub(super) fn drive_for(
        &mut self,
        time: Duration,
        site: &Site,
        kind: Kind,
        what: &'static str,
        requests: &Requests,
        connections: u32,
    ) {
        let sample = self.wrk.drive(&site.server.address, requests, connections, time);
        self.add(Key { kind, setting: site.setting, what, connections }, sample);
        if connections > 1 {
            // What was in flight when `wrk` stopped is still done.
            std::thread::sleep(REST);
        }
    }
}
