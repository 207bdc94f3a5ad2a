//! The only hand-off to the threads that may wait for the database.

use actix_rt::time::timeout;
use actix_web::web;
use domain::{Error, Result, limits};

/// Runs `work` on the blocking pool.
///
/// # Errors
/// [`Error::Unavailable`] when there is no answer within [`limits::ANSWER_TIME`]: waiting for a free thread
/// counts. The work itself cannot be stopped and may still be done. [`Error::Internal`] when it panicked.
pub(crate) async fn run<T, F>(work: F) -> Result<T>
where
    T: Send + 'static,
    F: FnOnce() -> Result<T> + Send + 'static,
{
    match timeout(limits::ANSWER_TIME, web::block(work)).await {
        Ok(Ok(result)) => result,
        Ok(Err(_)) => Err(Error::internal("the work panicked")),
        Err(_) => Err(Error::unavailable("no answer in time")),
    }
}
