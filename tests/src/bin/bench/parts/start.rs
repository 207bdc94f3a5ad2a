//! How soon the server is ready on its largest database, and what it takes then.

use std::time::Duration;

use crate::memory;
use crate::results::Setting;
use crate::run::Run;
use crate::stand::Stand;

/// Milliseconds from the start of the process to the line that it listens.
pub(crate) const READY: &str = "ready";
/// MiB of a server that nobody has asked anything.
pub(crate) const IDLE_MEMORY: &str = "idle";
/// Starts.
const TIMES: usize = 5;

pub(super) fn run(run: &mut Run, stand: &mut Stand) {
    let site = stand.site(run, Setting::Users(2));
    let mut site = stand.close(site);
    for _ in 0..TIMES {
        site.server.stop();
        site.server = run.program.serve(&site.url);
        run.results.note(stand.kind, READY, site.server.ready.as_secs_f64() * 1e3);
    }
    let ((), most) = memory::most_during(site.server.id(), || {
        std::thread::sleep(Duration::from_secs(2));
    });
    run.results.note(stand.kind, IDLE_MEMORY, most);
    let ready = site.server.ready.as_millis();
    run.say(&format!("{}: ready in {ready} ms, {most:.0} MiB idle", stand.kind.title()));
    stand.keep(site);
}
