//! Pages of the write-ahead log get into the database beside the writers, on a thread of their own.
//!
//! SQLite does it inside the COMMIT that makes the log too long, and that writer, with everybody behind it, waits for
//! thousands of pages and their flush. Here they wait for the last few, which were written while the thread copied: only
//! when none is left the log begins anew, over what was written before, and that is done by a writer when it is told that
//! there are few ([`Checkpoints::is_nearly_done`]). While others write, SQLite does not flush what it copies, and leaves all
//! of it to that writer: so the thread flushes the database itself.

use std::collections::BTreeMap;
use std::fs::File;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::mpsc::{self, RecvTimeoutError};
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::thread::{self, JoinHandle};
use std::time::{Duration, Instant};

use diesel::prelude::*;
use diesel::sql_query;
use diesel::sql_types::Integer;
use domain::{Error, Result};

use super::{Conn, connect};
use crate::error::from_diesel;

/// How often it is looked how long the log is.
const PAUSE: Duration = Duration::from_millis(50);
/// Commits are gathered so long: a page that several of them have changed is copied once, and a commit that comes while the
/// database is flushed waits ten times as long as others.
const GATHERED: Duration = Duration::from_secs(1);
/// Pages of the log at which it is copied at once and is to begin anew.
const LONG: i32 = 16_000;
/// Between two flushes, while pages are copied.
const BIT: Duration = Duration::from_millis(1);
/// A long log is copied until fewer pages than this are left.
const FEW: i32 = 200;
/// And so often at most.
const ROUNDS: u32 = 8;
/// With so many left, no writer is told to do the rest.
const MANY: i32 = 2_000;
/// What a flush says of pages that could not be written: I/O error, no space, over quota (the number of the last is that of Linux).
const LOST: [i32; 3] = [5, 28, 122];

/// The running thread; it ends when this is dropped.
pub(super) struct Checkpoints {
    bell: Arc<Bell>,
    thread: Option<JoinHandle<()>>,
}

#[derive(Default)]
struct Bell {
    state: Mutex<State>,
    changed: Condvar,
    is_nearly_done: AtomicBool,
}

#[derive(Default)]
struct State {
    /// Something was committed since the last checkpoint began.
    is_due: bool,
    is_over: bool,
}

impl Checkpoints {
    pub(super) fn start(path: &str) -> Result<Self> {
        let bell = Arc::<Bell>::default();
        let (heard, path) = (Arc::clone(&bell), path.to_owned());
        let thread = thread::Builder::new()
            .name("checkpoints".into())
            .spawn(move || run(&path, &heard))
            .map_err(Error::internal)?;
        Ok(Self { bell, thread: Some(thread) })
    }

    /// Something was committed.
    pub(super) fn ring(&self) {
        let mut state = lock(&self.bell.state);
        // Who is in a pause looks by itself when it is over: most commits wake nobody.
        if !state.is_due {
            state.is_due = true;
            self.bell.changed.notify_one();
        }
    }

    /// Whether the log is long and nearly all of it copied: once for each time that is so. Who is told does the rest, by
    /// [`checkpoint`], before it or anybody else writes.
    pub(super) fn is_nearly_done(&self) -> bool {
        self.bell.is_nearly_done.swap(false, Ordering::Relaxed)
    }
}

impl Drop for Checkpoints {
    fn drop(&mut self) {
        lock(&self.bell.state).is_over = true;
        self.bell.changed.notify_one();
        if let Some(thread) = self.thread.take() {
            // Its panic has been reported; the log is then cut by the writers.
            let _ = thread.join();
        }
    }
}

fn run(path: &str, bell: &Bell) {
    // It is made when there is something to do: most commands of the command line write nothing.
    let mut copier: Option<Copier> = None;
    // When the first commit came that is not copied.
    let mut since: Option<Instant> = None;
    loop {
        let state = lock(&bell.state);
        let waits = |state: &mut State| since.is_none() && !state.is_due && !state.is_over;
        let state = bell.changed.wait_while(state, waits).unwrap_or_else(PoisonError::into_inner);
        let pauses = |state: &mut State| !state.is_over;
        let paused = bell.changed.wait_timeout_while(state, PAUSE, pauses);
        let (mut state, _) = paused.unwrap_or_else(PoisonError::into_inner);
        if state.is_over {
            return;
        }
        state.is_due = false;
        drop(state);
        let is_late = since.get_or_insert_with(Instant::now).elapsed() >= GATHERED;
        let advanced = match &mut copier {
            Some(copier) => copier.advance(is_late, bell),
            None => Copier::new(path).and_then(|new| copier.insert(new).advance(is_late, bell)),
        };
        match advanced {
            Ok(Step::Waits) => {}
            Ok(Step::Copied { is_nearly_done }) => {
                since = None;
                bell.is_nearly_done.store(is_nearly_done, Ordering::Relaxed);
            }
            // It is tried again after the next commit.
            Err(error) => {
                log::warn!("a checkpoint: {error}");
                (copier, since) = (None, None);
            }
        }
    }
}

/// Who copies.
struct Copier {
    conn: Conn,
    file: &'static File,
}

/// What it did.
enum Step {
    /// Nothing, or not all: there is little to copy and others may come, or somebody is in the way. It is tried again.
    Waits,
    /// It copied; whether the log is long, and nearly all of it copied.
    Copied { is_nearly_done: bool },
}

impl Copier {
    fn new(path: &str) -> Result<Self> {
        static OPENED: Mutex<BTreeMap<String, &File>> = Mutex::new(BTreeMap::new());
        let conn = connect(path)?;
        let mut opened = lock(&OPENED);
        let file = match opened.get(path) {
            Some(file) => file,
            None => {
                // It stays open until the program ends: the first descriptor of a file that a process closes takes all its
                // locks on that file away (POSIX), those of SQLite among them.
                let file: &File = Box::leak(Box::new(File::open(path).map_err(Error::internal)?));
                opened.insert(path.to_owned(), file);
                file
            }
        };
        Ok(Self { conn, file })
    }

    fn advance(&mut self, is_late: bool, bell: &Bell) -> Result<Step> {
        let mut before = asked(&mut self.conn, "NOOP")?;
        let is_long = before.log >= LONG;
        if !is_late && !is_long {
            return Ok(Step::Waits);
        }
        // Each copy takes a while, in which others write: fewer pages each time.
        for _ in 0..if is_long { ROUNDS } else { 1 } {
            self.copy()?;
            let after = asked(&mut self.conn, "NOOP")?;
            if after.checkpointed != before.checkpointed {
                flush(self.file)?;
            } else if after.left() > 0 {
                // A reader needs the database as it is, or another process copies.
                return Ok(Step::Waits);
            }
            before = after;
            if before.left() < FEW || lock(&bell.state).is_over {
                break;
            }
        }
        Ok(Step::Copied { is_nearly_done: is_long && before.left() < MANY })
    }

    /// Copies, while what has been copied so far is flushed bit by bit: a commit waits behind what the disk is just writing, and
    /// all at once that is tens of megabytes.
    fn copy(&mut self) -> Result<()> {
        let Self { conn, file } = self;
        let (copying, is_over) = mpsc::channel::<()>();
        let bit_by_bit = move || {
            while is_over.recv_timeout(BIT) == Err(RecvTimeoutError::Timeout) {
                flush(file)?;
            }
            Ok(())
        };
        thread::scope(|scope| {
            let thread = thread::Builder::new().name("flush".into()).spawn_scoped(scope, bit_by_bit);
            let copied = checkpoint(conn);
            // As a panic does, it ends the thread.
            drop(copying);
            let flushed = match thread {
                // A panic of it has been reported; what it leaves is flushed at the end.
                Ok(thread) => thread.join().unwrap_or(Ok(())),
                Err(error) => {
                    log::debug!("a thread that flushes: {error}");
                    Ok(())
                }
            };
            flushed.and(copied)
        })
    }
}

/// Flushes what was copied. Pages that the system could not write it forgets, and speaks of them once: SQLite would take
/// them for written and begin the log anew. So the program ends as if it were killed, while they still are in the log, and
/// whoever opens the database next copies them again.
fn flush(file: &File) -> Result<()> {
    file.sync_data().map_err(|error| {
        if error.raw_os_error().is_some_and(|number| LOST.contains(&number)) {
            log::error!("the database could not be flushed: {error}");
            log::logger().flush();
            std::process::abort();
        }
        Error::internal(error)
    })
}

/// Copies what it can without waiting for anybody.
pub(super) fn checkpoint(conn: &mut Conn) -> Result<()> {
    asked(conn, "PASSIVE").map(drop)
}

/// The write-ahead log; -1 where another process checkpoints.
#[derive(QueryableByName)]
struct Log {
    /// Its pages, copied or not.
    #[diesel(sql_type = Integer)]
    log: i32,
    #[diesel(sql_type = Integer)]
    checkpointed: i32,
}

impl Log {
    /// Pages that are not copied.
    fn left(&self) -> i32 {
        self.log - self.checkpointed
    }
}

/// Does as much of a checkpoint as this word says.
fn asked(conn: &mut Conn, how: &str) -> Result<Log> {
    sql_query(format!("PRAGMA wal_checkpoint({how})")).get_result(conn).map_err(from_diesel)
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    // Nobody panics who holds one of these.
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

#[cfg(test)]
mod tests {
    use diesel::connection::SimpleConnection;
    use diesel::sql_types::BigInt;

    use super::*;

    #[derive(QueryableByName)]
    struct Count {
        #[diesel(sql_type = BigInt)]
        count: i64,
    }

    /// How many rows the file alone has, without its log.
    fn rows_in(path: &str) -> Option<i64> {
        let copy = format!("{path}-alone-{}", uuid::Uuid::now_v7());
        std::fs::copy(path, &copy).unwrap();
        let mut conn = Conn::establish(&copy).unwrap();
        let rows = diesel::sql_query("SELECT count(*) AS count FROM names").get_result(&mut conn);
        drop(conn);
        std::fs::remove_file(&copy).unwrap();
        rows.ok().map(|Count { count }| count)
    }

    #[test]
    fn what_was_committed_gets_into_the_database_while_its_writer_goes_on() {
        let path = std::env::temp_dir().join(format!("rollcall-checkpoints-{}.db", uuid::Uuid::now_v7()));
        let path = path.to_str().unwrap();
        let mut writer = connect(path).unwrap();
        writer.batch_execute("CREATE TABLE names (name TEXT)").unwrap();
        let checkpoints = Checkpoints::start(path).unwrap();
        for round in 1..=3 {
            writer.batch_execute("INSERT INTO names VALUES ('a')").unwrap();
            assert_ne!(rows_in(path), Some(round), "round {round}: it was written to the file at once");
            checkpoints.ring();
            let deadline = Instant::now() + Duration::from_secs(30);
            while rows_in(path) != Some(round) {
                assert!(Instant::now() < deadline, "round {round}: nobody has copied it");
                thread::sleep(Duration::from_millis(20));
            }
        }
        let end = Instant::now();
        drop(checkpoints);
        assert!(end.elapsed() < Duration::from_secs(10), "it did not end");
        drop(writer);
        for file in [path.to_owned(), format!("{path}-wal"), format!("{path}-shm")] {
            let _ = std::fs::remove_file(file);
        }
    }
}
