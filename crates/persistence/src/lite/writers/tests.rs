use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::mpsc::{Receiver, Sender, channel};
use std::thread::{JoinHandle, sleep, spawn};

use diesel::connection::SimpleConnection;
use diesel::prelude::*;
use diesel::sql_types::{BigInt, Text};

use super::*;

/// A queue on a database of its own, with a table of names that are unique.
struct World {
    writers: Arc<Writers>,
    path: String,
}

impl World {
    fn new(patience: Duration) -> Self {
        let path = std::env::temp_dir().join(format!("rollcall-writers-{}.db", uuid::Uuid::now_v7()));
        let path = path.to_str().unwrap().to_owned();
        connect(&path)
            .unwrap()
            .batch_execute(
                "CREATE TABLE names (name TEXT PRIMARY KEY, parent TEXT REFERENCES names (name) \
                 DEFERRABLE INITIALLY DEFERRED)",
            )
            .unwrap();
        // A group waits for slow machines.
        let writers = Writers { age: LONG, ..Writers::open(&path, patience, Commits::default()).unwrap() };
        Self { writers: Arc::new(writers), path }
    }

    /// Occupies the turn until a name is sent, which it then writes; everybody who comes meanwhile waits.
    fn first(&self) -> (Sender<&'static str>, Job) {
        let (go, wait): (_, Receiver<&'static str>) = channel();
        let (began, has_begun) = channel();
        let job = self.job(move |conn| {
            began.send(()).unwrap();
            insert(conn, wait.recv().unwrap())
        });
        has_begun.recv().unwrap();
        (go, job)
    }

    /// Starts a writer and waits until it stands in the queue, or works.
    fn job(&self, work: impl FnOnce(&mut Conn) -> Result<(), Failed> + Send + 'static) -> Job {
        let before = self.waiting();
        let writers = Arc::clone(&self.writers);
        let is_busy = lock(&writers.queue).free.is_none();
        let job = spawn(move || writers.run(work).map_err(|Failed(error)| error));
        while is_busy && self.waiting() == before {
            sleep(Duration::from_millis(1));
        }
        job
    }

    fn waiting(&self) -> usize {
        lock(&self.writers.queue).seats.len()
    }

    /// What somebody else sees.
    fn names(&self) -> Vec<String> {
        let rows = diesel::sql_query("SELECT name FROM names ORDER BY rowid");
        rows.load::<Name>(&mut connect(&self.path).unwrap())
            .unwrap()
            .into_iter()
            .map(|row| row.name)
            .collect()
    }
}

impl Drop for World {
    fn drop(&mut self) {
        for end in ["", "-wal", "-shm"] {
            let _ = std::fs::remove_file(format!("{}{end}", self.path));
        }
    }
}

#[derive(QueryableByName)]
struct Name {
    #[diesel(sql_type = Text)]
    name: String,
}

type Job = JoinHandle<Result<()>>;

fn insert(conn: &mut Conn, name: &str) -> Result<(), Failed> {
    diesel::sql_query("INSERT INTO names (name) VALUES (?)").bind::<Text, _>(name).execute(conn)?;
    Ok(())
}

/// A row that keeps the transaction from being committed.
fn orphan(conn: &mut Conn) -> Result<(), Failed> {
    Ok(conn.batch_execute("INSERT INTO names (name, parent) VALUES ('orphan', 'nobody')")?)
}

const LONG: Duration = Duration::from_secs(30);

#[test]
fn writers_come_in_their_order_and_share_a_flush() {
    let world = World::new(LONG);
    let (go, first) = world.first();
    let seen = Arc::new(Mutex::new(Vec::new()));
    let others: Vec<Job> = ["b", "c", "d"]
        .into_iter()
        .map(|name| {
            let (seen, path) = (Arc::clone(&seen), world.path.clone());
            world.job(move |conn| {
                #[derive(QueryableByName)]
                struct Count {
                    #[diesel(sql_type = BigInt)]
                    count: i64,
                }
                let count = "SELECT count(*) AS count FROM names";
                let inside: Count = diesel::sql_query(count).get_result(conn)?;
                let outside: Count = diesel::sql_query(count).get_result(&mut connect(&path).unwrap())?;
                lock(&seen).push((inside.count, outside.count));
                insert(conn, name)
            })
        })
        .collect();
    go.send("a").unwrap();
    first.join().unwrap().unwrap();
    others.into_iter().for_each(|job| job.join().unwrap().unwrap());
    // Each one sees those before it, and nobody else sees any of them until all are flushed.
    assert_eq!(*lock(&seen), [(1, 0), (2, 0), (3, 0)]);
    assert_eq!(world.names(), ["a", "b", "c", "d"]);
}

#[test]
fn a_failure_takes_back_its_own_part_only() {
    let world = World::new(LONG);
    let (go, first) = world.first();
    let bad = world.job(|conn| {
        insert(conn, "half")?;
        insert(conn, "a")
    });
    let refused = world.job(|conn| {
        insert(conn, "refused")?;
        Err(Error::Conflict("no".into()).into())
    });
    let good = world.job(|conn| insert(conn, "b"));
    go.send("a").unwrap();
    first.join().unwrap().unwrap();
    assert!(bad.join().unwrap().is_err());
    assert!(matches!(refused.join().unwrap(), Err(Error::Conflict(_))));
    good.join().unwrap().unwrap();
    assert_eq!(world.names(), ["a", "b"]);
}

#[test]
fn the_first_one_that_fails_leaves_the_others_a_new_transaction() {
    let world = World::new(LONG);
    world.job(|conn| insert(conn, "a")).join().unwrap().unwrap();
    let (go, first) = world.first();
    let second = world.job(|conn| insert(conn, "b"));
    go.send("a").unwrap();
    assert!(first.join().unwrap().is_err());
    second.join().unwrap().unwrap();
    assert_eq!(world.names(), ["a", "b"]);
}

#[test]
fn a_panic_undoes_the_group_and_the_next_one_goes_on() {
    let world = World::new(LONG);
    let (go, first) = world.first();
    let bad = world.job(|conn| {
        insert(conn, "half")?;
        panic!("on purpose")
    });
    let third = world.job(|conn| insert(conn, "c"));
    go.send("a").unwrap();
    assert!(bad.join().is_err());
    third.join().unwrap().unwrap();
    // It may run again, although its work had been done.
    let error = first.join().unwrap().unwrap_err();
    assert!(error::may_run_again(&error, true), "{error:?}");
    assert_eq!(world.names(), ["c"]);
    let alone =
        catch_unwind(AssertUnwindSafe(|| world.writers.run(|_| -> Result<(), Failed> { panic!("alone") })));
    assert!(alone.is_err());
    world.job(|conn| insert(conn, "d")).join().unwrap().unwrap();
}

#[test]
fn a_commit_that_fails_fails_for_all_and_is_not_tried_again() {
    let world = World::new(LONG);
    let (go, first) = world.first();
    let second = world.job(|conn| insert(conn, "b"));
    let third = world.job(orphan);
    // It has failed for a reason of its own, but what it has seen is gone.
    let misled = world.job(|conn| insert(conn, "a"));
    go.send("a").unwrap();
    for job in [first, second, third, misled] {
        let error = job.join().unwrap().unwrap_err();
        assert!(matches!(error, Error::Internal(_)) && !error::may_run_again(&error, true), "{error:?}");
    }
    assert!(world.names().is_empty());
    world.job(|conn| insert(conn, "e")).join().unwrap().unwrap();
}

#[test]
fn a_rollback_of_everything_in_the_midst_lets_the_others_run_again() {
    let world = World::new(LONG);
    let (go, first) = world.first();
    // What SQLite does by itself when the disk is full, and the work does not notice.
    let bad = world.job(|conn| Ok(conn.batch_execute("ROLLBACK")?));
    go.send("a").unwrap();
    for job in [first, bad] {
        let error = job.join().unwrap().unwrap_err();
        assert!(error::may_run_again(&error, true), "{error:?}");
    }
    assert!(world.names().is_empty());
    world.job(|conn| insert(conn, "b")).join().unwrap().unwrap();
}

#[test]
fn a_group_has_an_end() {
    let mut world = World::new(LONG);
    Arc::get_mut(&mut world.writers).unwrap().age = Duration::ZERO;
    let (go, first) = world.first();
    let path = world.path.clone();
    // It fails to be the second of a transaction: the first is committed when it begins.
    let second = world.job(move |conn| {
        let seen: Vec<Name> =
            diesel::sql_query("SELECT name FROM names").load(&mut connect(&path).unwrap())?;
        assert_eq!(seen.len(), 1);
        insert(conn, "b")
    });
    go.send("a").unwrap();
    first.join().unwrap().unwrap();
    second.join().unwrap().unwrap();
}

#[test]
fn nobody_waits_for_the_turn_longer_than_allowed() {
    let world = World::new(Duration::from_millis(50));
    let (go, first) = world.first();
    let late = world.job(|conn| insert(conn, "late"));
    let error = late.join().unwrap().unwrap_err();
    assert!(matches!(error, Error::Unavailable(_)) && !error::may_run_again(&error, false), "{error:?}");
    assert_eq!(world.waiting(), 0);
    go.send("a").unwrap();
    first.join().unwrap().unwrap();
    world.job(|conn| insert(conn, "b")).join().unwrap().unwrap();
    assert_eq!(world.names(), ["a", "b"]);
}

#[test]
fn another_process_that_writes_makes_one_wait_and_breaks_nothing() {
    let world = World::new(LONG);
    let mut other = connect(&world.path).unwrap();
    other.batch_execute("BEGIN IMMEDIATE; INSERT INTO names (name) VALUES ('other')").unwrap();
    let waits = world.job(|conn| insert(conn, "a"));
    sleep(Duration::from_millis(100));
    other.batch_execute("COMMIT").unwrap();
    waits.join().unwrap().unwrap();
    assert_eq!(world.names(), ["other", "a"]);
}

#[test]
fn many_writers_at_once_lose_nothing() {
    let world = World::new(LONG);
    let jobs: Vec<_> = (0..16)
        .map(|writer| {
            let writers = Arc::clone(&world.writers);
            spawn(move || {
                for number in 0..50 {
                    let outcome = writers.run(|conn| {
                        insert(conn, &format!("{writer}-{number}"))?;
                        if number % 5 == 4 { insert(conn, &format!("{writer}-0")) } else { Ok(()) }
                    });
                    assert_eq!(outcome.is_err(), number % 5 == 4);
                }
            })
        })
        .collect();
    jobs.into_iter().for_each(|job| job.join().unwrap());
    assert_eq!(world.names().len(), 16 * 40);
}

#[test]
fn the_log_begins_anew_while_others_write() {
    const WRITES: i64 = 800;
    // Half of these are in the index. 51,200 in all, where a COMMIT would cut the log at 32,000.
    const PAGES: u64 = 64;
    const LONGEST: u64 = 32_000 * (4_096 + 24);
    let world = World::new(LONG);
    for _ in 0..WRITES {
        let pages =
            format!("INSERT INTO names (name) VALUES (hex(zeroblob({})) || random())", PAGES / 2 * 2_048);
        world.writers.run(|conn| Ok(conn.batch_execute(&pages)?)).map_err(|Failed(error)| error).unwrap();
        sleep(Duration::from_millis(1));
    }
    let log = std::fs::metadata(format!("{}-wal", world.path)).unwrap().len();
    assert!(log < LONGEST, "{log} bytes");
    let written: i64 = diesel::dsl::sql::<BigInt>("SELECT count(*) FROM names")
        .get_result(&mut connect(&world.path).unwrap())
        .unwrap();
    assert_eq!(written, WRITES);
}

/// A task on the thread for these, and what has become of it.
fn task(
    world: &World,
    work: impl FnOnce(&mut Conn) -> Result<(), Failed> + Send + 'static,
) -> Receiver<Result<()>> {
    let (writers, (answer, answered)) = (Arc::clone(&world.writers), channel());
    world.writers.give(Box::new(move || {
        let _ = answer.send(writers.run(work).map_err(|Failed(error)| error));
    }));
    answered
}

/// Occupies the thread until something is sent, so that the tasks behind it come together.
fn occupied(world: &World) -> (Sender<()>, Receiver<Result<()>>) {
    let (go, wait) = channel::<()>();
    let answered = task(world, move |conn| {
        wait.recv().unwrap();
        insert(conn, "first")
    });
    (go, answered)
}

#[test]
fn tasks_share_a_flush_and_a_failure_takes_back_its_own_part() {
    let world = World::new(LONG);
    let (go, first) = occupied(&world);
    let path = world.path.clone();
    let second = task(&world, |conn| insert(conn, "second"));
    let refused = task(&world, |conn| {
        insert(conn, "refused")?;
        insert(conn, "second")
    });
    let (answer, nothing) = channel();
    world.writers.give(Box::new(move || answer.send(()).unwrap()));
    let last = task(&world, move |conn| {
        let outside: Vec<Name> =
            diesel::sql_query("SELECT name FROM names").load(&mut connect(&path).unwrap())?;
        assert_eq!(outside.len(), 0, "nothing was committed before");
        insert(conn, "last")
    });
    go.send(()).unwrap();
    nothing.recv().unwrap();
    for done in [first, second, last] {
        done.recv().unwrap().unwrap();
    }
    assert!(refused.recv().unwrap().is_err());
    assert_eq!(world.names(), ["first", "second", "last"]);
}

#[test]
fn a_panic_undoes_the_group_of_its_task_and_ends_nobody_else() {
    let world = World::new(LONG);
    let (go, first) = occupied(&world);
    let panics = task(&world, |conn| {
        insert(conn, "panics").map_err(|Failed(error)| error).unwrap();
        panic!("on purpose")
    });
    let behind = task(&world, |conn| insert(conn, "behind"));
    go.send(()).unwrap();
    let undone = first.recv().unwrap().unwrap_err();
    assert!(error::may_run_again(&undone, true), "{undone:?}");
    assert!(panics.recv().is_err(), "there is no answer");
    behind.recv().unwrap().unwrap();
    assert_eq!(world.names(), ["behind"]);
}

#[test]
fn tasks_and_other_writers_take_turns() {
    let world = World::new(LONG);
    let (go, first) = occupied(&world);
    let others: Vec<Job> =
        ["b", "d"].into_iter().map(|name| world.job(move |conn| insert(conn, name))).collect();
    let tasks = ["a", "c"].map(|name| task(&world, move |conn| insert(conn, name)));
    go.send(()).unwrap();
    first.recv().unwrap().unwrap();
    tasks.into_iter().for_each(|task| task.recv().unwrap().unwrap());
    others.into_iter().for_each(|job| job.join().unwrap().unwrap());
    let mut names = world.names();
    names.sort();
    assert_eq!(names, ["a", "b", "c", "d", "first"]);
}

#[test]
fn a_task_that_holds_the_queue_last_ends_it() {
    let world = World::new(LONG);
    let (go, wait) = channel::<()>();
    let (answer, answered) = channel();
    let last = Arc::clone(&world.writers);
    world.writers.give(Box::new(move || {
        wait.recv().unwrap();
        drop(last);
        answer.send(()).unwrap();
    }));
    drop(world);
    go.send(()).unwrap();
    answered.recv_timeout(LONG).unwrap();
}

#[test]
fn a_full_group_of_tasks_has_room_on_the_stack() {
    let world = World::new(LONG);
    let (go, first) = occupied(&world);
    let tasks: Vec<_> = (0..MOST * 3)
        .map(|number| {
            let (writers, (answer, answered)) = (Arc::clone(&world.writers), channel());
            world.writers.give(Box::new(move || {
                // What a use case keeps there while others are done on top of it, and more.
                let room = std::hint::black_box([0_u8; 200 << 10]);
                let outcome = writers.run(|conn| insert(conn, &format!("{number} {}", room.len())));
                let _ = answer.send(outcome.map_err(|Failed(error)| error));
                std::hint::black_box(&room);
            }));
            answered
        })
        .collect();
    go.send(()).unwrap();
    first.recv().unwrap().unwrap();
    tasks.into_iter().for_each(|task| task.recv().unwrap().unwrap());
    assert_eq!(world.names().len(), MOST * 3 + 1);
}

#[test]
fn tasks_with_two_transactions_do_not_pile_up() {
    let world = World::new(LONG);
    let (go, first) = occupied(&world);
    let deepest = Arc::new(AtomicUsize::new(0));
    let tasks: Vec<_> = (0..MOST * 6)
        .map(|number| {
            let (writers, deepest) = (Arc::clone(&world.writers), Arc::clone(&deepest));
            let (answer, answered) = channel();
            world.writers.give(Box::new(move || {
                deepest.fetch_max(tasks::depth(), Ordering::Relaxed);
                let write = |part| writers.run(|conn| insert(conn, &format!("{number} {part}")));
                let outcome = write("a").and_then(|()| write("b"));
                let _ = answer.send(outcome.map_err(|Failed(error)| error));
            }));
            answered
        })
        .collect();
    go.send(()).unwrap();
    first.recv().unwrap().unwrap();
    tasks.into_iter().for_each(|task| task.recv().unwrap().unwrap());
    assert_eq!(world.names().len(), MOST * 12 + 1);
    // Behind the first one, which occupied the thread.
    let deepest = deepest.load(Ordering::Relaxed);
    assert!((2..=MOST).contains(&deepest), "{deepest}");
}

#[test]
fn who_waits_for_a_group_that_got_lost_is_told() {
    let group = Group { began: Instant::now(), members: vec![thread::current()], fate: Arc::default() };
    let fate = Arc::clone(&group.fate);
    drop(group);
    assert!(matches!(await_fate(&fate), Err(Error::Internal(_))));
}
