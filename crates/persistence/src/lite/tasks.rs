//! Requests that will write, done one after the other on one thread.
//!
//! Whoever is done there and has his change uncommitted does the next request before he goes on ([`Tasks::next_here`]):
//! they share a flush, and nobody has to be woken between two of them. That stacks the requests of a group on one
//! another, for which the thread has room.

use std::cell::Cell;
use std::collections::VecDeque;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::thread::{self, JoinHandle};

use domain::store::Task;
use domain::{Error, Result};

/// Bytes of the stack: a hundred KiB and more for each request of a group. What is not used takes no memory.
const STACK: usize = 32 << 20;
/// Requests that stand on one another at most, also where one of them comes to have a second transaction.
pub(super) const DEEPEST: usize = 64;

thread_local! {
    /// How many do.
    static DEPTH: Cell<usize> = const { Cell::new(0) };
}

/// The running thread; it ends, when everything it was given is done, as this is dropped.
pub(super) struct Tasks {
    queue: Arc<Queue>,
    thread: Option<JoinHandle<()>>,
}

#[derive(Default)]
struct Queue {
    state: Mutex<State>,
    more: Condvar,
}

#[derive(Default)]
struct State {
    tasks: VecDeque<Task>,
    is_over: bool,
}

impl Tasks {
    pub(super) fn start() -> Result<Self> {
        let queue = Arc::<Queue>::default();
        let given = Arc::clone(&queue);
        let thread = thread::Builder::new()
            .name("writer".into())
            .stack_size(STACK)
            .spawn(move || {
                while let Some(task) = given.wait() {
                    run(task);
                }
            })
            .map_err(Error::internal)?;
        Ok(Self { queue, thread: Some(thread) })
    }

    /// Will be done behind those that were given before.
    pub(super) fn give(&self, task: Task) {
        lock(&self.queue.state).tasks.push_back(task);
        self.queue.more.notify_one();
    }

    /// The next one, for whoever is on the thread that does them and has room for it.
    pub(super) fn next_here(&self) -> Option<Task> {
        if self.is_here() && DEPTH.get() < DEEPEST { lock(&self.queue.state).tasks.pop_front() } else { None }
    }

    fn is_here(&self) -> bool {
        self.thread.as_ref().is_some_and(|thread| thread.thread().id() == thread::current().id())
    }
}

impl Drop for Tasks {
    fn drop(&mut self) {
        lock(&self.queue.state).is_over = true;
        self.queue.more.notify_one();
        // The last task may be the last one that holds the store.
        if !self.is_here()
            && let Some(thread) = self.thread.take()
        {
            // It catches the panics of its tasks, and has none of its own.
            let _ = thread.join();
        }
    }
}

impl Queue {
    /// Waits for the next one; `None` when there will be none.
    fn wait(&self) -> Option<Task> {
        let waits = |state: &mut State| state.tasks.is_empty() && !state.is_over;
        let state = self.more.wait_while(lock(&self.state), waits);
        state.unwrap_or_else(PoisonError::into_inner).tasks.pop_front()
    }
}

/// Requests that stand on one another on this thread.
#[cfg(test)]
pub(super) fn depth() -> usize {
    DEPTH.get()
}

/// Does a task. Its panic ends nobody else; whoever waits for its answer learns that there is none.
pub(super) fn run(task: Task) {
    DEPTH.set(DEPTH.get() + 1);
    let _ = catch_unwind(AssertUnwindSafe(task));
    DEPTH.set(DEPTH.get() - 1);
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    // Nobody panics who holds one of these.
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
