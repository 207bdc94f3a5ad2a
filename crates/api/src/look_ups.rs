//! Look-ups of one resource that are asked together.
//!
//! Where the database is a process away, the way to it costs more than what it does there. So a look-up that comes while others
//! of its tenant are on their way waits for them, and then goes with all that have come meanwhile, in one statement. Nobody waits
//! where nobody is on the way, nor for long: a way that takes its time is no reason to wait for its end.

#[cfg(test)]
mod tests;

use std::collections::VecDeque;
use std::sync::Arc;
use std::time::{Duration, Instant};

use actix_rt::time::timeout;
use domain::id::TenantId;
use domain::store::LookUp;
use domain::stored::Stored;
use domain::{Error, Result, limits};
use tokio::sync::oneshot;

use crate::blocking;
use crate::shards::{Entry, Shards};

/// Look-ups of one statement at most; where so many wait, they do not wait for others.
const MOST: usize = 32;
/// How long a look-up waits for those on their way before another way is taken.
const PATIENCE: Duration = Duration::from_millis(2);

/// What has become of a look-up.
type Found = Result<Option<Stored>>;

/// Answers look-ups of a tenant that are alike, in their order.
type Ask = dyn Fn(TenantId, &[LookUp]) -> Result<Vec<Option<Stored>>> + Send + Sync;

/// The look-ups of all tenants.
pub(crate) struct LookUps {
    ask: Box<Ask>,
    /// Statements of one tenant at a time, at most.
    ways: usize,
    of: Shards<TenantId, Queue>,
}

/// The look-ups of one tenant.
#[derive(Default)]
struct Queue {
    waiting: VecDeque<Waiting>,
    /// Statements that are on their way, or will be.
    on_their_way: usize,
    /// When the last of them was told to set out.
    since: Option<Instant>,
}

/// A look-up and who waits for it.
struct Waiting {
    look_up: LookUp,
    answer: oneshot::Sender<Found>,
}

impl Entry for Queue {
    fn is_idle(&self, _: Instant) -> bool {
        self.waiting.is_empty() && self.on_their_way == 0
    }
}

impl Queue {
    /// Takes a way for those who wait, if there are any and they should not wait for others.
    fn set_out(&mut self, ways: usize, now: Instant) -> bool {
        let is_late = || self.since.is_none_or(|since| now.saturating_duration_since(since) >= PATIENCE);
        let is_time = match self.on_their_way {
            0 => true,
            some => some < ways && (self.waiting.len() >= MOST || is_late()),
        };
        let sets_out = is_time && !self.waiting.is_empty();
        if sets_out {
            self.on_their_way += 1;
            self.since = Some(now);
        }
        sets_out
    }

    /// The first who still waits, and all that one statement can answer with it.
    fn take(&mut self) -> Vec<Waiting> {
        self.waiting.retain(|waiting| !waiting.answer.is_closed());
        let Some(first) = self.waiting.pop_front() else { return Vec::new() };
        let mut taken = vec![first];
        for waiting in std::mem::take(&mut self.waiting) {
            if taken.len() < MOST && waiting.look_up.is_like(&taken[0].look_up) {
                taken.push(waiting);
            } else {
                self.waiting.push_back(waiting);
            }
        }
        taken
    }
}

impl LookUps {
    /// With so many statements of one tenant at a time, at most.
    pub(crate) fn new(
        ways: usize,
        ask: impl Fn(TenantId, &[LookUp]) -> Result<Vec<Option<Stored>>> + Send + Sync + 'static,
    ) -> Self {
        Self { ask: Box::new(ask), ways, of: Shards::default() }
    }

    /// The living resource, asked for together with what others of the tenant look up.
    ///
    /// # Errors
    /// [`Error::Unavailable`] when there is no answer within [`limits::ANSWER_TIME`], and what the database fails with.
    pub(crate) async fn find(self: &Arc<Self>, tenant: TenantId, look_up: LookUp) -> Found {
        let (answer, answered) = oneshot::channel();
        let now = Instant::now();
        let sets_out = self.of.with(tenant, now, |queue| {
            queue.waiting.push_back(Waiting { look_up, answer });
            queue.set_out(self.ways, now)
        });
        if sets_out {
            self.send(tenant);
        }
        match timeout(limits::ANSWER_TIME, answered).await {
            Ok(Ok(found)) => found,
            Ok(Err(_)) => Err(Error::internal("the look-up panicked")),
            Err(_) => Err(Error::unavailable("no answer in time")),
        }
    }

    /// One statement on a thread that may wait. Whoever comes meanwhile sets out behind what other tenants have waited for.
    fn send(self: &Arc<Self>, tenant: TenantId) {
        let way = Way { look_ups: Arc::clone(self), tenant };
        blocking::run_behind(move || {
            let look_ups = Arc::clone(&way.look_ups);
            look_ups.go(tenant);
            drop(way);
            let now = Instant::now();
            if look_ups.of.with(tenant, now, |queue| queue.set_out(look_ups.ways, now)) {
                look_ups.send(tenant);
            }
        });
    }

    fn go(&self, tenant: TenantId) {
        let taken = self.of.with(tenant, Instant::now(), Queue::take);
        let (look_ups, answers): (Vec<_>, Vec<_>) =
            taken.into_iter().map(|waiting| (waiting.look_up, waiting.answer)).unzip();
        if look_ups.is_empty() {
            return;
        }
        let outcome = (self.ask)(tenant, &look_ups);
        let found = match outcome {
            Ok(found) => found.into_iter().map(Ok).collect(),
            Err(error) => self.failed(tenant, &look_ups, error),
        };
        for (answer, found) in answers.into_iter().zip(found) {
            // Whoever asked may be gone, and then nobody wants to know.
            let _ = answer.send(found);
        }
    }

    /// What one of them asks for may be what the database refuses: then each is asked for by itself.
    fn failed(&self, tenant: TenantId, look_ups: &[LookUp], error: Error) -> Vec<Found> {
        match (error, look_ups) {
            (error, [_]) => vec![Err(error)],
            (Error::Unavailable(cause), _) => {
                let reason = cause.to_string();
                look_ups.iter().map(|_| Err(Error::unavailable(reason.clone()))).collect()
            }
            (error, _) => {
                log::debug!("look-ups are done one by one: {error:?}");
                let ask = |look_up| {
                    let found = (self.ask)(tenant, std::slice::from_ref(look_up))?;
                    Ok(found.into_iter().next().flatten())
                };
                look_ups.iter().map(ask).collect()
            }
        }
    }
}

/// A way that is taken until this is dropped, also by a thread that panics or never comes to it.
struct Way {
    look_ups: Arc<LookUps>,
    tenant: TenantId,
}

impl Drop for Way {
    fn drop(&mut self) {
        self.look_ups.of.with(self.tenant, Instant::now(), |queue| {
            queue.on_their_way = queue.on_their_way.saturating_sub(1);
        });
    }
}
