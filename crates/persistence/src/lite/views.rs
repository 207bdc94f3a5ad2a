//! Short reads on the threads of the server. Those that follow each other within a turn of such a thread see the database
//! through one transaction: its two locks of a file, which all connections of the process take one after the other, cost more
//! than a look-up by key.
//!
//! A transaction sees the state from which it began. So one that was left open is used again only where no writer of this
//! process has committed since, and for a millisecond at most, which is what another process would notice: less than it
//! takes to end and to be followed by a request.

use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::thread::{self, ThreadId};
use std::time::{Duration, Instant};

use diesel::prelude::*;
use diesel::r2d2::ConnectionManager;
use r2d2::{Pool, PooledConnection};

use super::Conn;
use super::words::{Begin, end_read};
use crate::error::Failed;

/// How long a transaction is used.
const AGE: Duration = Duration::from_millis(1);

/// How often this process has committed.
#[derive(Clone, Default)]
pub(super) struct Commits(Arc<AtomicU64>);

impl Commits {
    /// To be called before anybody learns of the commit.
    pub(super) fn count(&self) {
        self.0.fetch_add(1, Ordering::Release);
    }

    fn get(&self) -> u64 {
        self.0.load(Ordering::Acquire)
    }
}

/// Connections for short reads, one for each thread that does them, and the transactions that are open on them.
pub(crate) struct Views {
    pool: Pool<ConnectionManager<Conn>>,
    commits: Commits,
    open: Mutex<Vec<(ThreadId, View)>>,
}

/// A connection in a transaction that reads.
struct View {
    conn: PooledConnection<ConnectionManager<Conn>>,
    /// Commits that it sees at least.
    commits: u64,
    opened: Instant,
}

impl Views {
    pub(super) fn new(pool: Pool<ConnectionManager<Conn>>, commits: Commits) -> Self {
        Self { pool, commits, open: Mutex::default() }
    }

    /// Reads what is committed by now, and leaves the transaction open till [`Self::end`]. None where no connection is free.
    pub(crate) fn read<T>(
        &self,
        work: impl FnOnce(&mut Conn) -> Result<T, Failed>,
    ) -> Option<Result<T, Failed>> {
        let conn = match self.take() {
            Some(view) if self.is_current(&view) => return Some(self.read_in(view, work)),
            Some(view) => view.end(),
            None => self.pool.try_get()?,
        };
        Some(self.begin(conn).and_then(|view| self.read_in(view, work)))
    }

    /// Ends the transaction that this thread has left open, if there is one.
    pub(crate) fn end(&self) {
        if let Some(view) = self.take() {
            view.end();
        }
    }

    fn begin(&self, mut conn: PooledConnection<ConnectionManager<Conn>>) -> Result<View, Failed> {
        // Counted before it begins: what is committed in between is seen and not known, and never the other way round.
        let (commits, opened) = (self.commits.get(), Instant::now());
        Begin.execute(&mut *conn)?;
        Ok(View { conn, commits, opened })
    }

    fn is_current(&self, view: &View) -> bool {
        view.commits == self.commits.get() && view.opened.elapsed() < AGE
    }

    /// Whoever panics in it takes the connection with him.
    fn read_in<T>(
        &self,
        mut view: View,
        work: impl FnOnce(&mut Conn) -> Result<T, Failed>,
    ) -> Result<T, Failed> {
        let done = work(&mut view.conn);
        match done {
            Ok(_) => self.open().push((thread::current().id(), view)),
            Err(_) => drop(view.end()),
        }
        done
    }

    /// What this thread has left open.
    fn take(&self) -> Option<View> {
        let here = thread::current().id();
        let mut open = self.open();
        let place = open.iter().position(|(thread, _)| *thread == here)?;
        Some(open.swap_remove(place).1)
    }

    fn open(&self) -> MutexGuard<'_, Vec<(ThreadId, View)>> {
        // Nobody panics who holds it.
        self.open.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl View {
    fn end(mut self) -> PooledConnection<ConnectionManager<Conn>> {
        if let Err(error) = end_read(&mut self.conn) {
            log::debug!("the end of a read: {error}");
        }
        self.conn
    }
}

#[cfg(test)]
mod tests {
    use diesel::connection::SimpleConnection;
    use diesel::sql_types::BigInt;

    use super::super::{AT_ONCE, Pragmas, connect};
    use super::*;

    struct World {
        path: String,
        other: Conn,
        commits: Commits,
        views: Views,
    }

    #[derive(QueryableByName)]
    struct Number {
        #[diesel(sql_type = BigInt)]
        number: i64,
    }

    impl World {
        fn new() -> Self {
            let path = std::env::temp_dir().join(format!("rollcall-views-{}.db", uuid::Uuid::now_v7()));
            let path = path.to_str().unwrap().to_owned();
            let mut other = connect(&path).unwrap();
            other
                .batch_execute("CREATE TABLE numbers (number INTEGER); INSERT INTO numbers VALUES (1)")
                .unwrap();
            let pool = Pool::builder()
                .max_size(1)
                .test_on_check_out(false)
                .connection_customizer(Box::new(Pragmas { ..AT_ONCE }))
                .build(ConnectionManager::new(&path))
                .unwrap();
            let commits = Commits::default();
            Self { path, other, views: Views::new(pool, commits.clone()), commits }
        }

        /// Another connection writes a number.
        fn write(&mut self, number: i64) {
            self.other.batch_execute(&format!("UPDATE numbers SET number = {number}")).unwrap();
        }

        fn seen(&self) -> i64 {
            let number = self.views.read(|conn| {
                let row: Number = diesel::sql_query("SELECT number FROM numbers").get_result(conn)?;
                Ok(row.number)
            });
            number.expect("a connection is free").map_err(|Failed(error)| error).unwrap()
        }

        fn is_open(&self) -> bool {
            !self.views.open().is_empty()
        }

        /// As if it had just begun, whatever the machine does meanwhile.
        fn renew(&self) {
            self.views.open()[0].1.opened = Instant::now() + Duration::from_secs(60);
        }
    }

    impl Drop for World {
        fn drop(&mut self) {
            for suffix in ["", "-wal", "-shm"] {
                let _ = std::fs::remove_file(format!("{}{suffix}", self.path));
            }
        }
    }

    #[test]
    fn a_read_sees_what_was_committed_before_it() {
        let mut world = World::new();
        assert_eq!(world.seen(), 1);
        for number in 2..50 {
            world.write(number);
            world.commits.count();
            assert_eq!(world.seen(), number);
        }
    }

    #[test]
    fn reads_share_a_transaction_until_it_is_ended() {
        let mut world = World::new();
        assert_eq!(world.seen(), 1);
        world.renew();
        world.write(2);
        assert_eq!(world.seen(), 1, "nobody has said that there is anything new");
        assert!(world.is_open());
        world.views.end();
        assert!(!world.is_open());
        assert_eq!(world.seen(), 2);
        world.views.end();
        world.views.end();
    }

    #[test]
    fn another_process_is_seen_after_a_millisecond() {
        let mut world = World::new();
        assert_eq!(world.seen(), 1);
        world.write(2);
        thread::sleep(AGE);
        assert_eq!(world.seen(), 2);
    }

    #[test]
    fn a_failure_and_a_panic_leave_nothing_open() {
        let world = World::new();
        world.seen();
        let failed = world.views.read(|conn| {
            diesel::sql_query("SELECT 1 FROM nothing").execute(conn)?;
            Ok(())
        });
        assert!(failed.unwrap().is_err() && !world.is_open());
        assert_eq!(world.seen(), 1);
        let read = || world.views.read(|_| -> Result<(), Failed> { panic!("on purpose") });
        assert!(std::panic::catch_unwind(std::panic::AssertUnwindSafe(read)).is_err());
        assert!(!world.is_open());
        // The pool makes another connection for the one that has gone.
        while world.views.pool.state().idle_connections == 0 {
            thread::sleep(AGE);
        }
        assert_eq!(world.seen(), 1);
    }

    #[test]
    fn a_thread_has_a_transaction_of_its_own() {
        let world = World::new();
        world.seen();
        let elsewhere = thread::scope(|scope| {
            scope
                .spawn(|| {
                    world.views.end();
                    world.views.read(|_| Ok(())).is_none()
                })
                .join()
        });
        assert!(elsewhere.unwrap() && world.is_open(), "the only connection is in use");
    }
}
