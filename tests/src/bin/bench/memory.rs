//! Resident memory of a process.

use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

/// `VmRSS` in bytes.
fn resident(process: u32) -> u64 {
    let status = std::fs::read_to_string(format!("/proc/{process}/status")).unwrap_or_default();
    let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:")).unwrap_or("0 kB");
    line.trim().trim_end_matches(" kB").trim().parse::<u64>().unwrap() << 10
}

/// The most that was seen while the work was done, looked at fifty times a second, in MiB.
pub(super) fn most_during<T>(process: u32, work: impl FnOnce() -> T) -> (T, f64) {
    let done = AtomicBool::new(false);
    std::thread::scope(|scope| {
        let watch = scope.spawn(|| {
            let mut most = resident(process);
            while !done.load(Ordering::Relaxed) {
                std::thread::sleep(Duration::from_millis(20));
                most = most.max(resident(process));
            }
            most
        });
        let end = End(&done);
        let result = work();
        drop(end);
        (result, watch.join().unwrap() as f64 / f64::from(1 << 20))
    })
}

/// Ends the watch, also when the work has stopped the program: the watch would wait for ever.
struct End<'a>(&'a AtomicBool);

impl Drop for End<'_> {
    fn drop(&mut self) {
        self.0.store(true, Ordering::Relaxed);
    }
}
