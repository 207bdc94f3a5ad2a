//! Look-ups of one resource that are asked together.
//!
//! Where the database is a process away, the way to it costs more than what it does there. So a look-up that comes while others
//! of its tenant are on their way waits for them, and then goes with all that have come meanwhile, in one statement. Nobody waits
//! where nobody is on the way, nor for long: a way that takes its time is no reason to wait for its end.

#[cfg(test)]
mod tests;

use std::collections::VecDeque;
use std::pin::pin;
use std::sync::Arc;
use std::time::{Duration, Instant};

use actix_rt::time::timeout;
use domain::id::TenantId;
use domain::store::LookUp;
use domain::stored::Stored;
use domain::{Error, Result};
use futures_util::future::{Either, select};
use tokio::sync::OwnedSemaphorePermit;
use tokio::sync::oneshot::{self, error::RecvError};
use tokio::task::yield_now;

use crate::blocking;
use crate::shards::{Entry, Shards};
use crate::turns::Turns;

/// Look-ups of one statement at most; where so many wait, they do not wait for others. A resource may be a mebibyte.
const MOST: usize = 16;
/// How long a look-up waits for those on their way before another way is taken.
const PATIENCE: Duration = Duration::from_millis(2);
/// How long it waits at most before it looks whether another way is to be taken.
const LONGEST: Duration = Duration::from_millis(100);

/// What has become of a look-up.
type Found = Result<Option<Stored>>;

/// Answers look-ups of a tenant that are alike, in their order.
type Ask = dyn Fn(TenantId, &[LookUp]) -> Result<Vec<Option<Stored>>> + Send + Sync;

/// The look-ups of all tenants.
pub(crate) struct LookUps {
    ask: Box<Ask>,
    turns: Arc<Turns>,
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
    /// Each statement takes a turn of its tenant.
    pub(crate) fn new(
        turns: Arc<Turns>,
        ask: impl Fn(TenantId, &[LookUp]) -> Result<Vec<Option<Stored>>> + Send + Sync + 'static,
    ) -> Self {
        Self { ask: Box::new(ask), turns, of: Shards::default() }
    }

    /// The living resource, asked for together with what others of the tenant look up.
    ///
    /// # Errors
    /// [`Error::Unavailable`] when there is no answer before `end`, or no turn, and what the database fails with.
    pub(crate) async fn find(self: &Arc<Self>, end: Instant, tenant: TenantId, look_up: LookUp) -> Found {
        let (answer, mut answered) = oneshot::channel();
        let received = |found| match found {
            Ok(found) => found,
            Err(RecvError { .. }) => Err(Error::internal("the look-up panicked")),
        };
        self.of.with(tenant, Instant::now(), |queue| queue.waiting.push_back(Waiting { look_up, answer }));
        // Requests that are here already go with the first of them.
        yield_now().await;
        let mut patience = PATIENCE;
        loop {
            if let Some(way) = self.set_out(tenant) {
                match select(pin!(self.turns.take(tenant)), &mut answered).await {
                    Either::Left((turn, _)) => self.send(way, turn?),
                    Either::Right((found, _)) => return received(found),
                }
            }
            let left = end.saturating_duration_since(Instant::now());
            match timeout(patience.min(left), &mut answered).await {
                Ok(found) => return received(found),
                Err(_) if left <= patience => return Err(Error::unavailable("no answer in time")),
                // Whoever else waits looks as well: not all of them have to do so all the time.
                Err(_) => patience = (2 * patience).min(LONGEST),
            }
        }
    }

    /// A way for those who wait, if they should not wait for others.
    fn set_out(self: &Arc<Self>, tenant: TenantId) -> Option<Way> {
        let (now, ways) = (Instant::now(), self.turns.most());
        let sets_out = self.of.with(tenant, now, |queue| queue.set_out(ways, now));
        sets_out.then(|| Way { look_ups: Arc::clone(self), tenant })
    }

    /// One statement on a thread that may wait. Whoever comes meanwhile sets out after what others have waited for: other
    /// tenants for a thread, and other requests of the tenant for the turn.
    fn send(self: &Arc<Self>, way: Way, turn: OwnedSemaphorePermit) {
        let look_ups = Arc::clone(self);
        blocking::run_behind(move || {
            let tenant = way.tenant;
            look_ups.go(tenant);
            drop((turn, way));
            if let Some(way) = look_ups.set_out(tenant)
                && let Some(turn) = look_ups.turns.try_take(tenant)
            {
                look_ups.send(way, turn);
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
        // Whoever has asked may be gone, and then nobody wants to know.
        let send = |answer: oneshot::Sender<Found>, found| drop(answer.send(found));
        match (self.ask)(tenant, &look_ups) {
            Ok(found) => answers.into_iter().zip(found).for_each(|(answer, found)| send(answer, Ok(found))),
            Err(Error::Unavailable(cause)) => {
                let reason = cause.to_string();
                answers.into_iter().for_each(|answer| send(answer, Err(Error::unavailable(reason.clone()))));
            }
            // What one of them asks for may be what the database refuses.
            Err(error) if look_ups.len() > 1 => {
                log::debug!("look-ups are done one by one: {error:?}");
                for (look_up, answer) in
                    look_ups.iter().zip(answers).filter(|(_, answer)| !answer.is_closed())
                {
                    let found = (self.ask)(tenant, std::slice::from_ref(look_up));
                    send(answer, found.map(|found| found.into_iter().next().flatten()));
                }
            }
            Err(error) => {
                if let Some(answer) = answers.into_iter().next() {
                    send(answer, Err(error));
                }
            }
        }
    }
}

/// A way that is taken until this is dropped, also by a thread that panics or never comes to it. Those who wait look for
/// themselves then.
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
