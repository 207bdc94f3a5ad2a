//! The queue between the requests and the writer: bounded in number and in bytes.

use std::io;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, AtomicUsize, Ordering};
use std::sync::mpsc::{SyncSender, sync_channel};
use std::thread::{self, JoinHandle};
use std::time::Instant;

use domain::id::TenantId;
use domain::store::Store;

use super::bounds::Bounds;
use super::writer::Writer;
use super::{Refusal, Seen, Who};
use crate::shards::{Entry, Shards};

/// Requests that may wait to be written.
const QUEUE: usize = 4_096;
/// How many of them may be reads that went well: a change or a failure finds room when there are too many of these.
const READS: usize = QUEUE * 3 / 4;
/// Bytes of bodies that may wait with them.
const BODIES: usize = 4 << 20;

/// What the writer is sent.
pub(super) enum Event {
    Request(Box<Seen>),
    /// A credential was refused, and it leaves a row in the audit log; how many did not before it.
    Refusal {
        seen: Box<Seen>,
        suppressed: u64,
    },
    Stop,
}

/// What waits to be written.
#[derive(Default)]
pub(super) struct Waiting {
    /// Bytes of bodies.
    pub(super) bodies: AtomicUsize,
    /// Reads that went well.
    pub(super) reads: AtomicUsize,
}

/// What was left out, since the program began.
#[derive(Default)]
pub(super) struct Dropped {
    all: AtomicU64,
    of: Shards<TenantId, Count>,
}

#[derive(Default)]
struct Count(u64);

impl Entry for Count {
    fn is_idle(&self, _: Instant) -> bool {
        self.0 == 0
    }
}

impl Dropped {
    pub(super) fn count(&self, tenant: TenantId, more: u64) {
        self.all.fetch_add(more, Ordering::Relaxed);
        self.of.with(tenant, Instant::now(), |count| count.0 += more);
    }

    pub(super) fn all(&self) -> u64 {
        self.all.load(Ordering::Relaxed)
    }

    fn of(&self, tenant: TenantId) -> u64 {
        self.of.with(tenant, Instant::now(), |count| count.0)
    }
}

/// The end of the requests.
pub(crate) struct Recorder {
    queue: SyncSender<Event>,
    bounds: Bounds,
    waiting: Arc<Waiting>,
    dropped: Arc<Dropped>,
}

/// The end of the program: when it is dropped, everything that waits has been written, or could not be.
pub(crate) struct Recording {
    queue: SyncSender<Event>,
    stopping: Arc<AtomicBool>,
    thread: Option<JoinHandle<()>>,
}

/// Starts the writer. Refused credentials are in the audit log also where no requests are kept.
pub(crate) fn start(store: Arc<dyn Store>, keeps_requests: bool) -> io::Result<(Recorder, Recording)> {
    let (queue, events) = sync_channel(QUEUE);
    let (waiting, dropped) = (Arc::<Waiting>::default(), Arc::<Dropped>::default());
    let stopping = Arc::<AtomicBool>::default();
    let writer = Writer {
        store,
        events,
        keeps_requests,
        waiting: Arc::clone(&waiting),
        dropped: Arc::clone(&dropped),
        stopping: Arc::clone(&stopping),
    };
    let thread = thread::Builder::new().name("requests".into()).spawn(move || writer.run())?;
    let recorder = Recorder { queue: queue.clone(), bounds: Bounds::default(), waiting, dropped };
    Ok((recorder, Recording { queue, stopping, thread: Some(thread) }))
}

impl Drop for Recording {
    fn drop(&mut self) {
        self.stopping.store(true, Ordering::Relaxed);
        // The writer makes room; without a writer there is nobody to wait for.
        if self.queue.send(Event::Stop).is_ok()
            && let Some(thread) = self.thread.take()
        {
            let _ = thread.join();
        }
    }
}

impl Recorder {
    /// Leaves a request to the writer, or leaves it out.
    pub(super) fn record(&self, mut seen: Seen) {
        let now = Instant::now();
        let (tenant, admitted) = match seen.who {
            Who::Known { tenant, token, admitted } => (tenant, admitted.then_some(token)),
            Who::Claimed { credential, .. } => (credential.tenant, None),
        };
        let suppressed = match seen.who {
            Who::Claimed { why: Refusal::Credential(_), .. } => {
                self.bounds.refusal(tenant, seen.address, now)
            }
            _ => None,
        };
        let is_read = seen.is_good_read();
        let passes = match admitted {
            Some(token) => !is_read || self.bounds.read(tenant, token, now),
            None => suppressed.is_some() || self.bounds.request(tenant, now),
        };
        if !passes {
            return self.dropped.count(tenant, 1);
        }
        let Waiting { bodies, reads } = &*self.waiting;
        let bytes = seen.body.as_ref().map_or(0, |body| body.len());
        if bytes > 0 && bodies.fetch_add(bytes, Ordering::Relaxed) + bytes > BODIES {
            bodies.fetch_sub(bytes, Ordering::Relaxed);
            (seen.body, seen.left_out) = (None, bytes);
        }
        let kept = bytes - seen.left_out;
        let has_room = !is_read || reads.load(Ordering::Relaxed) < READS;
        reads.fetch_add(usize::from(is_read), Ordering::Relaxed);
        let seen = Box::new(seen);
        let event = match suppressed {
            Some(suppressed) => Event::Refusal { seen, suppressed },
            None => Event::Request(seen),
        };
        if !has_room || self.queue.try_send(event).is_err() {
            bodies.fetch_sub(kept, Ordering::Relaxed);
            reads.fetch_sub(usize::from(is_read), Ordering::Relaxed);
            self.dropped.count(tenant, 1);
        }
    }

    /// Requests of the tenant that this process has left out.
    pub(crate) fn dropped(&self, tenant: TenantId) -> u64 {
        self.dropped.of(tenant)
    }
}

#[cfg(test)]
mod tests {
    use chrono::DateTime;
    use domain::id::TokenId;

    use super::*;

    fn seen(method: &'static str, who: Who) -> Seen {
        Seen {
            who,
            at: DateTime::UNIX_EPOCH,
            request: "r".into(),
            method,
            target: "/".into(),
            status: 200,
            scim_type: None,
            reason: None,
            resource_type: None,
            resource_id: None,
            duration_ms: 0,
            address: None,
            user_agent: None,
            body: None,
            left_out: 0,
        }
    }

    #[test]
    fn reads_leave_room_for_changes() {
        const { assert!(READS < QUEUE) };
        // Nobody takes anything.
        let (queue, events) = sync_channel(QUEUE);
        let recorder =
            Recorder { queue, bounds: Bounds::default(), waiting: Arc::default(), dropped: Arc::default() };
        let tenant = TenantId::generate();
        // Each with another token, so that no other bound takes part.
        let record = |method, count: usize| {
            for _ in 0..count {
                let who = Who::Known { tenant, token: TokenId::generate(), admitted: true };
                recorder.record(seen(method, who));
            }
            usize::try_from(recorder.dropped(tenant)).unwrap()
        };
        assert_eq!(record("GET", READS), 0);
        assert_eq!(record("GET", 10), 10);
        assert_eq!(record("POST", QUEUE - READS), 10, "there is room for these");
        assert_eq!(record("POST", 1), 11);
        assert_eq!(recorder.waiting.reads.load(Ordering::Relaxed), READS, "what was left out waits no more");
        assert_eq!(events.try_iter().count(), QUEUE);
    }
}
