//! The one connection that writes, and the queue of those who want it: group commit.
//!
//! A writer that is done while others wait does not commit. It passes the connection on with the transaction that is
//! open, and waits: the last one commits for all, with one flush, and wakes them. Whoever comes second works inside a
//! savepoint, so that its failure takes back its own part only. It too waits for the others before it answers, also
//! when it failed: what it has seen was not committed yet.
//!
//! Most writers come as tasks on one thread ([`tasks`]). There the one that is done does the next one's task itself, which
//! finds the transaction put aside, and learns at its return what has become of both.
//!
//! A writer that nobody waits behind begins, works and commits on its own, without savepoint and without a switch of
//! threads.

#[cfg(test)]
mod tests;

use std::collections::VecDeque;
use std::sync::{Arc, Mutex, MutexGuard, OnceLock, PoisonError};
use std::thread::{self, Thread, ThreadId};
use std::time::{Duration, Instant};

use diesel::RunQueryDsl;
use diesel::connection::SimpleConnection;
use domain::store::Task;
use domain::{Error, Result};

use super::checkpoints::{self, Checkpoints};
use super::tasks::{self, Tasks};
use super::views::Commits;
use super::words::{BeginImmediate, Commit, Release, Rollback, RollbackTo, Savepoint};
use super::{Conn, connect};
use crate::error::{self, Failed, from_diesel};

/// Writers that share a flush at most: one that fails to be committed fails them all.
const MOST: usize = tasks::DEEPEST;
/// A transaction that is older takes in nobody else: the first one has waited long enough.
const AGE: Duration = Duration::from_millis(10);

/// The queue of the writers.
pub(crate) struct Writers {
    path: String,
    /// How long one waits for its turn.
    patience: Duration,
    /// See [`AGE`].
    age: Duration,
    queue: Mutex<Queue>,
    checkpoints: Checkpoints,
    tasks: Tasks,
    commits: Commits,
}

#[derive(Default)]
struct Queue {
    /// What is passed from writer to writer, while nobody has it. Then nobody waits for it either.
    free: Option<Baton>,
    /// What a thread has put aside for the task that it does meanwhile.
    aside: Option<(ThreadId, Baton)>,
    seats: VecDeque<Arc<Seat>>,
}

/// The right to write.
#[derive(Default)]
struct Baton {
    /// None after a failure: whoever comes next connects.
    conn: Option<Conn>,
    /// The transaction, when one is open.
    group: Option<Group>,
}

/// A place in the queue.
struct Seat {
    thread: Thread,
    baton: Mutex<Option<Baton>>,
}

/// Who waits for the end of an open transaction.
struct Group {
    began: Instant,
    members: Vec<Thread>,
    fate: Arc<OnceLock<Fate>>,
}

/// What became of a transaction.
#[derive(Clone, Copy, Debug)]
enum Fate {
    /// It is flushed.
    Committed,
    /// It was rolled back, and nobody had tried to commit it.
    Undone,
    /// COMMIT failed; whether that may pass.
    Failed { passing: bool },
}

impl Writers {
    pub(super) fn open(path: &str, patience: Duration, commits: Commits) -> Result<Self> {
        let free = Some(Baton { conn: Some(writer(path)?), group: None });
        let queue = Mutex::new(Queue { free, ..Queue::default() });
        let checkpoints = Checkpoints::start(path)?;
        let tasks = Tasks::start()?;
        Ok(Self { path: path.to_owned(), patience, age: AGE, queue, checkpoints, tasks, commits })
    }

    /// Takes a task that will write; its turn comes on the thread for these.
    pub(super) fn give(&self, task: Task) {
        self.tasks.give(task);
    }

    /// Runs `work` in a transaction, and returns when that has been flushed or rolled back.
    pub(super) fn run<T>(&self, work: impl FnOnce(&mut Conn) -> Result<T, Failed>) -> Result<T, Failed> {
        let Baton { conn, group } = self.wait()?;
        let follows = group.is_some();
        let mut turn = Turn { writers: self, conn, group, is_over: false };
        let conn = turn.begin()?;
        match work(conn) {
            Ok(value) => {
                if follows {
                    // It fails where SQLite has rolled back everything and `work` has not said so.
                    Release.execute(conn).map_err(|_| error::undone())?;
                }
                turn.end()?;
                Ok(value)
            }
            Err(failure) => {
                // A full disk rolls back everything, the savepoint with it. Then nothing can be taken back any more.
                let taken_back = if follows {
                    RollbackTo.execute(conn).and_then(|_| Release.execute(conn))
                } else {
                    Rollback.execute(conn)
                };
                match taken_back {
                    Err(_) => {}
                    Ok(_) if follows => turn.end()?,
                    Ok(_) => turn.pass(),
                }
                Err(failure)
            }
        }
    }

    /// Waits for the turn: first come, first served.
    fn wait(&self) -> Result<Baton> {
        if let Some(baton) = self.take_aside() {
            return Ok(baton);
        }
        let seat = {
            let mut queue = lock(&self.queue);
            if let Some(baton) = queue.free.take() {
                return Ok(baton);
            }
            let seat = Arc::new(Seat { thread: thread::current(), baton: Mutex::default() });
            queue.seats.push_back(Arc::clone(&seat));
            seat
        };
        let deadline = Instant::now() + self.patience;
        loop {
            if let Some(baton) = lock(&seat.baton).take() {
                return Ok(baton);
            }
            let left = deadline.saturating_duration_since(Instant::now());
            if left.is_zero() && self.leave(&seat) {
                return Err(Error::unavailable("no turn to write in time"));
            }
            thread::park_timeout(left);
        }
    }

    /// What this thread has put aside.
    fn take_aside(&self) -> Option<Baton> {
        let here = thread::current().id();
        lock(&self.queue).aside.take_if(|(thread, _)| *thread == here).map(|(_, baton)| baton)
    }

    /// Whoever has waited longest.
    fn next(&self) -> Option<Arc<Seat>> {
        lock(&self.queue).seats.pop_front()
    }

    /// Gives a seat up; `false` when its turn is just coming.
    fn leave(&self, seat: &Arc<Seat>) -> bool {
        let seats = &mut lock(&self.queue).seats;
        let before = seats.len();
        seats.retain(|other| !Arc::ptr_eq(other, seat));
        seats.len() < before
    }
}

/// A connection to write with. What a savepoint may have to put back is kept in memory: it is a few hundred KiB, and a
/// file for it costs as much as the work.
fn writer(path: &str) -> Result<Conn> {
    let mut conn = connect(path)?;
    // The indexes of a large tenant have many more pages at work than a reader sees.
    conn.batch_execute("PRAGMA temp_store = MEMORY; PRAGMA cache_size = -32768").map_err(from_diesel)?;
    Ok(conn)
}

/// The turn of a writer. Where it ends too early, by a failure or a panic, the whole transaction is taken back.
struct Turn<'w> {
    writers: &'w Writers,
    conn: Option<Conn>,
    group: Option<Group>,
    is_over: bool,
}

impl Turn<'_> {
    /// Begins a transaction, or a savepoint in that of others.
    fn begin(&mut self) -> Result<&mut Conn> {
        let conn = match self.conn.take() {
            Some(conn) => conn,
            // What it says is for the start of the program. Whoever writes may come back.
            None => writer(&self.writers.path).map_err(Error::unavailable)?,
        };
        let conn = self.conn.insert(conn);
        if self.group.is_some() {
            Savepoint.execute(conn).map_err(|_| error::undone())?;
        } else {
            // Here and not behind a COMMIT, whose writers would wait for it too.
            if self.writers.checkpoints.is_nearly_done()
                && let Err(error) = checkpoints::checkpoint(conn)
            {
                log::debug!("the end of a checkpoint: {error}");
            }
            // It takes the lock at once: a transaction that only reads first and then finds another writer, of
            // another process, has no way but to fail.
            BeginImmediate.execute(conn).map_err(from_diesel)?;
            self.group = Some(Group { began: Instant::now(), members: Vec::new(), fate: Arc::default() });
        }
        Ok(conn)
    }

    /// Lets the next writer into the transaction, or commits it; returns when it is committed.
    fn end(mut self) -> Result<()> {
        let Some(mut group) = self.group.take() else { return Ok(()) };
        let fate = Arc::clone(&group.fate);
        while group.members.len() + 1 < MOST && group.began.elapsed() < self.writers.age {
            if let Some(task) = self.writers.tasks.next_here() {
                group.members.push(thread::current());
                let baton = Baton { conn: self.conn.take(), group: Some(group) };
                lock(&self.writers.queue).aside = Some((thread::current().id(), baton));
                tasks::run(task);
                let Some(Baton { conn, group: Some(back) }) = self.writers.take_aside() else {
                    self.is_over = true;
                    return await_fate(&fate);
                };
                // It has written nothing.
                self.conn = conn;
                group = back;
            } else if let Some(next) = self.writers.next() {
                group.members.push(thread::current());
                self.is_over = true;
                next.take(Baton { conn: self.conn.take(), group: Some(group) });
                return await_fate(&fate);
            } else {
                break;
            }
        }
        let committed = match &mut self.conn {
            Some(conn) => Commit.execute(conn).map(drop),
            None => Err(diesel::result::Error::NotInTransaction),
        };
        // Also where it failed: something of it may have got there.
        self.writers.commits.count();
        let fate = match &committed {
            Ok(()) => Fate::Committed,
            Err(error) => Fate::Failed { passing: error::is_passing(error) },
        };
        if committed.is_err() {
            // Whatever of it is still open is rolled back with the connection.
            self.conn = None;
        }
        self.writers.checkpoints.ring();
        self.pass();
        group.settle(fate);
        committed.map_err(from_diesel)
    }

    /// Gives the connection to whoever has waited longest.
    fn pass(&mut self) {
        self.is_over = true;
        let baton = Baton { conn: self.conn.take(), group: None };
        let mut queue = lock(&self.writers.queue);
        match queue.seats.pop_front() {
            Some(next) => {
                drop(queue);
                next.take(baton);
            }
            None => queue.free = Some(baton),
        }
    }
}

impl Drop for Turn<'_> {
    fn drop(&mut self) {
        if !self.is_over {
            // Closed, not reused: a panic may have left it in the midst of anything. Closing rolls back.
            self.conn = None;
            let group = self.group.take();
            self.pass();
            if let Some(group) = group {
                group.settle(Fate::Undone);
            }
        }
    }
}

impl Seat {
    fn take(&self, baton: Baton) {
        *lock(&self.baton) = Some(baton);
        self.thread.unpark();
    }
}

impl Group {
    /// Tells everybody who waits. The first word counts.
    fn settle(&self, fate: Fate) {
        if self.fate.set(fate).is_ok() {
            self.members.iter().for_each(Thread::unpark);
        }
    }
}

impl Drop for Group {
    fn drop(&mut self) {
        // Whoever lost it has panicked, perhaps after COMMIT.
        self.settle(Fate::Failed { passing: false });
    }
}

/// Waits for the end of a transaction that others go on with. There is no deadline: what becomes of the work is known
/// only then, and each of the others is bounded as this one was.
fn await_fate(fate: &OnceLock<Fate>) -> Result<()> {
    loop {
        match fate.get() {
            None => thread::park(),
            Some(Fate::Committed) => return Ok(()),
            Some(Fate::Undone) => return Err(error::undone()),
            Some(Fate::Failed { passing: true }) => return Err(Error::unavailable(FAILED)),
            Some(Fate::Failed { passing: false }) => return Err(Error::internal(FAILED)),
        }
    }
}

const FAILED: &str = "the transaction that several writers shared could not be committed";

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    // Nobody panics who holds one of these.
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
