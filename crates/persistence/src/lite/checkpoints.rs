//! Pages of the write-ahead log get into the database beside the writers, on a thread of their own.
//!
//! SQLite does it inside the COMMIT that makes the log too long, and that writer, with everybody behind it, waits for
//! thousands of pages and their flush. Here they wait for the last few, which were written while the thread copied: only
//! when none is left the log begins anew, over what was written before, and that is done by a writer when it is told that
//! there are few ([`Checkpoints::is_nearly_done`]).

use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::thread::{self, JoinHandle};
use std::time::Duration;

use diesel::prelude::*;
use diesel::sql_query;
use diesel::sql_types::Integer;
use domain::{Error, Result};

use super::{Conn, connect};

/// Commits are gathered so long: a page that several of them have changed is copied once.
const PAUSE: Duration = Duration::from_millis(100);
/// Pages of the log at which it is to begin anew.
const LONG: i32 = 8_000;

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
    let mut conn = None;
    loop {
        let state = lock(&bell.state);
        let waits = |state: &mut State| !state.is_due && !state.is_over;
        let state = bell.changed.wait_while(state, waits).unwrap_or_else(PoisonError::into_inner);
        let pauses = |state: &mut State| !state.is_over;
        let paused = bell.changed.wait_timeout_while(state, PAUSE, pauses);
        let (mut state, _) = paused.unwrap_or_else(PoisonError::into_inner);
        if state.is_over {
            return;
        }
        state.is_due = false;
        drop(state);
        // It connects when there is something to do: most commands of the command line write nothing.
        if conn.is_none() {
            conn = connect(path).ok();
        }
        // What fails, for instance because another process is at it, comes with the next one.
        if let Some(checkpointer) = &mut conn {
            match copy(checkpointer) {
                Ok(is_long) => bell.is_nearly_done.store(is_long, Ordering::Relaxed),
                Err(error) => {
                    log::debug!("a checkpoint: {error}");
                    conn = None;
                }
            }
        }
    }
}

/// Copies what there is; whether the log is long.
fn copy(conn: &mut Conn) -> QueryResult<bool> {
    let is_long = checkpoint(conn)? >= LONG;
    if is_long {
        // That took a while, in which others wrote; this takes less.
        checkpoint(conn)?;
    }
    Ok(is_long)
}

#[derive(QueryableByName)]
struct Log {
    #[diesel(sql_type = Integer)]
    log: i32,
}

/// Copies what it can without waiting for anybody; returns the pages of the log, copied or not.
pub(super) fn checkpoint(conn: &mut Conn) -> QueryResult<i32> {
    let Log { log } = sql_query("PRAGMA wal_checkpoint(PASSIVE)").get_result(conn)?;
    Ok(log)
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    // Nobody panics who holds one of these.
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

#[cfg(test)]
mod tests {
    use std::time::Instant;

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
