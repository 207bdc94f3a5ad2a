//! The only hand-off to the threads that may wait for the database.

use std::cell::RefCell;
use std::panic::{self, AssertUnwindSafe};
use std::sync::Arc;
use std::time::{Duration, Instant};

use actix_rt::time::timeout;
use actix_web::web;
use domain::store::{Store, Task};
use domain::{Error, Result, limits};
use tokio::sync::oneshot;

/// Runs `work` on the blocking pool.
///
/// # Errors
/// [`Error::Unavailable`] when there is no answer within `time`: waiting for a free thread
/// counts, and work that waited in vain is not begun. Work that was begun cannot be stopped and may still be
/// done. [`Error::Internal`] when it panicked.
pub(crate) async fn run_within<T, F>(time: Duration, work: F) -> Result<T>
where
    T: Send + 'static,
    F: FnOnce() -> Result<T> + Send + 'static,
{
    // Whoever asked may be gone, and then nobody wants to know.
    hand_over(time, pool, |answer| drop(answer.send(work()))).await
}

/// The same as [`run`] for work that writes a little, which the store may want to do on a thread of its own.
pub(crate) async fn write_within<T, F>(time: Duration, store: Arc<dyn Store>, work: F) -> Result<T>
where
    T: Send + 'static,
    F: FnOnce() -> Result<T> + Send + 'static,
{
    let writer = move |task| {
        if let Some(task) = store.hand_over(task) {
            pool(task);
        }
    };
    hand_over(time, writer, |answer| drop(answer.send(work()))).await
}

/// [`at_once`] for what reads: the store holds open what the reads of the requests need that have come together, and ends it
/// when the thread has seen to them all.
#[expect(
    clippy::disallowed_methods,
    reason = "what is spawned ends a transaction, and does nothing for a request"
)]
pub(crate) fn read_at_once<T>(store: &Arc<dyn Store>, work: impl FnOnce() -> Result<T>) -> Result<T> {
    READ.with_borrow_mut(|read| {
        if read.is_empty() {
            // It is done behind the requests that are there already, or with the thread.
            let ending = Ending;
            actix_rt::spawn(async move { drop(ending) });
        }
        if !read.iter().any(|known| Arc::ptr_eq(known, store)) {
            read.push(Arc::clone(store));
        }
    });
    at_once(work)
}

thread_local! {
    /// Where this thread has read and not ended it.
    static READ: RefCell<Vec<Arc<dyn Store>>> = const { RefCell::new(Vec::new()) };
}

/// Ends that when it is dropped.
struct Ending;

impl Drop for Ending {
    fn drop(&mut self) {
        // The thread may be nearly gone.
        let stores = READ.try_with(RefCell::take).unwrap_or_default();
        stores.iter().for_each(|store| store.end_reads_at_once());
    }
}

/// Does `work` that takes microseconds and waits for nobody on the thread of the server: handing it over would cost more.
///
/// # Errors
/// [`Error::Internal`] when it panicked.
pub(crate) fn at_once<T>(work: impl FnOnce() -> Result<T>) -> Result<T> {
    // What it leaves half done is dropped with it: the connection to the database too.
    panic::catch_unwind(AssertUnwindSafe(work)).unwrap_or_else(|_| Err(panicked()))
}

/// The same as [`run_within`] within [`limits::ANSWER_TIME`].
pub(crate) async fn run<T, F>(work: F) -> Result<T>
where
    T: Send + 'static,
    F: FnOnce() -> Result<T> + Send + 'static,
{
    run_within(limits::ANSWER_TIME, work).await
}

/// Runs `work` behind what goes on: nobody waits for it.
pub(crate) fn run_behind(work: impl FnOnce() + Send + 'static) {
    pool(Box::new(work));
}

/// The same as [`run_within`] for work that goes on after its answer, as a reply that is streamed does. The work learns from
/// [`oneshot::Sender::is_closed`] that nobody waits for the answer any more.
pub(crate) async fn run_on<T, F>(time: Duration, work: F) -> Result<T>
where
    T: Send + 'static,
    F: FnOnce(oneshot::Sender<Result<T>>) + Send + 'static,
{
    hand_over(time, pool, work).await
}

/// The threads that may wait. The work runs whether or not its end is waited for; what is waited for is the answer.
fn pool(task: Task) {
    drop(web::block(task));
}

async fn hand_over<T, F>(time: Duration, threads: impl FnOnce(Task), work: F) -> Result<T>
where
    T: Send + 'static,
    F: FnOnce(oneshot::Sender<Result<T>>) + Send + 'static,
{
    let (answer, answered) = oneshot::channel();
    let deadline = Instant::now() + time;
    threads(Box::new(move || {
        if Instant::now() < deadline {
            work(answer);
        }
    }));
    match timeout(time, answered).await {
        Ok(Ok(result)) => result,
        Ok(Err(_)) if Instant::now() < deadline => Err(panicked()),
        Ok(Err(_)) | Err(_) => Err(Error::unavailable("no answer in time")),
    }
}

fn panicked() -> Error {
    Error::internal("the work panicked")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[actix_rt::test]
    async fn a_panic_is_an_internal_error() {
        let result: Result<()> = run(|| panic!("on purpose")).await;
        assert!(matches!(result, Err(Error::Internal(_))));
        assert_eq!(run(|| Ok(1)).await.unwrap(), 1);
        let result: Result<()> = at_once(|| panic!("on purpose"));
        assert!(matches!(result, Err(Error::Internal(_))));
        assert_eq!(at_once(|| Ok(1)).unwrap(), 1);
    }

    #[actix_rt::test]
    async fn work_may_go_on_after_its_answer() {
        let (sender, done) = oneshot::channel();
        let answer = run_on(limits::ANSWER_TIME, |answer| {
            let _ = answer.send(Ok(1));
            let _ = sender.send(2);
        });
        assert_eq!((answer.await.unwrap(), done.await.unwrap()), (1, 2));
    }
}
