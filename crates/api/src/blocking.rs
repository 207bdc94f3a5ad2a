//! The only hand-off to the threads that may wait for the database.

use std::time::Instant;

use actix_rt::time::timeout;
use actix_web::web;
use domain::{Error, Result, limits};

/// Runs `work` on the blocking pool.
///
/// # Errors
/// [`Error::Unavailable`] when there is no answer within [`limits::ANSWER_TIME`]: waiting for a free thread
/// counts, and work that waited in vain is not begun. Work that was begun cannot be stopped and may still be
/// done. [`Error::Internal`] when it panicked.
pub(crate) async fn run<T, F>(work: F) -> Result<T>
where
    T: Send + 'static,
    F: FnOnce() -> Result<T> + Send + 'static,
{
    let deadline = Instant::now() + limits::ANSWER_TIME;
    let work = move || if Instant::now() < deadline { work() } else { Err(too_late()) };
    match timeout(limits::ANSWER_TIME, web::block(work)).await {
        Ok(Ok(result)) => result,
        Ok(Err(_)) => Err(Error::internal("the work panicked")),
        Err(_) => Err(too_late()),
    }
}

fn too_late() -> Error {
    Error::unavailable("no answer in time")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[actix_rt::test]
    async fn a_panic_is_an_internal_error() {
        let result: Result<()> = run(|| panic!("on purpose")).await;
        assert!(matches!(result, Err(Error::Internal(_))));
        assert_eq!(run(|| Ok(1)).await.unwrap(), 1);
    }
}
