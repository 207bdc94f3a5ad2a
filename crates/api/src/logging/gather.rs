//! Lines of the log on their way to stderr: gathered for a moment, because a system call for each line costs a request
//! more than the line does.
//!
//! A line waits [`PAUSE`] at most, and what waits is written before the program ends, or panics. A program that is killed
//! may lose the lines of its last moment, and nothing else: what must not be lost is in the database.

use std::io::{self, Write};
use std::sync::{Condvar, LazyLock, Mutex, MutexGuard, PoisonError};
use std::thread;
use std::time::Duration;

/// How long lines are gathered.
const PAUSE: Duration = Duration::from_millis(5);
/// Bytes that may wait; whoever brings more writes them himself.
const MOST: usize = 1 << 20;

static LINES: LazyLock<Lines> = LazyLock::new(Lines::default);

#[derive(Default)]
struct Lines {
    waiting: Mutex<Vec<u8>>,
    come: Condvar,
    /// Who writes holds it, so that lines stay in order while others bring more.
    writing: Mutex<Vec<u8>>,
}

/// Where the logger writes: whole lines.
pub(super) struct Gathered;

impl Gathered {
    /// Starts the thread that writes.
    pub(super) fn start() -> io::Result<Self> {
        thread::Builder::new().name("log".into()).spawn(|| {
            loop {
                let mut waiting = locked(&LINES.waiting);
                while waiting.is_empty() {
                    waiting = LINES.come.wait(waiting).unwrap_or_else(PoisonError::into_inner);
                }
                drop(waiting);
                thread::sleep(PAUSE);
                flush();
            }
        })?;
        Ok(Self)
    }
}

impl Write for Gathered {
    fn write(&mut self, line: &[u8]) -> io::Result<usize> {
        let mut waiting = locked(&LINES.waiting);
        let is_first = waiting.is_empty();
        waiting.extend_from_slice(line);
        let is_full = waiting.len() > MOST;
        drop(waiting);
        if is_full {
            flush();
        } else if is_first {
            LINES.come.notify_one();
        }
        Ok(line.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

/// Writes what waits.
pub(crate) fn flush() {
    let mut lines = locked(&LINES.writing);
    std::mem::swap(&mut *lines, &mut *locked(&LINES.waiting));
    // A log that cannot be written cannot be complained about either.
    let _ = io::stderr().write_all(&lines);
    lines.clear();
}

fn locked(bytes: &Mutex<Vec<u8>>) -> MutexGuard<'_, Vec<u8>> {
    bytes.lock().unwrap_or_else(PoisonError::into_inner)
}
