//! The writer: takes what waits, tenant by tenant, into a few transactions each. Secrets are taken out here, where nobody
//! waits for it.

use std::collections::HashMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::mpsc::{self, Receiver, RecvTimeoutError};
use std::thread;
use std::time::{Duration, Instant};

use auth::token::Parsed;
use domain::audit::Entry;
use domain::id::{TenantId, TokenId};
use domain::requests::{self, Request};
use domain::store::{Actor, Origin, Store};
use domain::tenant::TenantState;
use domain::{Error, Result};

use super::queue::{Dropped, Event, Waiting};
use super::{Refusal, Seen, Who};
use crate::background;
use crate::error::chain;

/// How long rows are gathered.
const GATHER: Duration = Duration::from_millis(200);
/// Rows that are gathered at most: as many as [`requests::new_id`] has places for.
const MOST: usize = 4_096;
/// How soon a writer that rests finds out that the program ends.
const LOOK: Duration = Duration::from_millis(20);
/// Rows of one transaction: a millisecond, which is how long a client that changes something may wait for it on SQLite.
const TOGETHER: usize = 32;
/// Between two lines of the log about what was left out.
const REPORT: Duration = Duration::from_secs(60);

pub(super) struct Writer {
    pub(super) store: Arc<dyn Store>,
    pub(super) events: Receiver<Event>,
    pub(super) keeps_requests: bool,
    pub(super) waiting: Arc<Waiting>,
    pub(super) dropped: Arc<Dropped>,
    pub(super) stopping: Arc<AtomicBool>,
}

/// What waits for one tenant.
#[derive(Default)]
struct Batch {
    requests: Vec<Request>,
    refusals: Vec<Entry>,
}

impl Writer {
    pub(super) fn run(self) {
        let (mut reported, mut told) = (Instant::now(), 0);
        let mut rested = Instant::now();
        loop {
            let (events, goes_on) = self.gather(rested);
            let began = Instant::now();
            self.write(events);
            // The longer that is, the more rows each transaction of the next time has.
            rested = Instant::now() + background::rest(began);
            let dropped = self.dropped.all();
            if dropped > told && (reported.elapsed() >= REPORT || !goes_on) {
                let more = dropped - told;
                log::warn!(target: "rollcall::requests", dropped = more; "requests were left out of the log");
                (reported, told) = (Instant::now(), dropped);
            }
            if !goes_on {
                return;
            }
        }
    }

    /// Some of what waits, not before it has rested, and whether more may come.
    fn gather(&self, rested: Instant) -> (Vec<Event>, bool) {
        let mut events = Vec::new();
        let mut end = None;
        while events.len() < MOST {
            let wait = end.map_or(REPORT, |end: Instant| end.saturating_duration_since(Instant::now()));
            match self.events.recv_timeout(wait) {
                Ok(Event::Stop) | Err(RecvTimeoutError::Disconnected) => return (events, false),
                Err(RecvTimeoutError::Timeout) => return (events, true),
                Ok(event) => {
                    events.push(event);
                    end.get_or_insert_with(|| rested.max(Instant::now() + GATHER));
                }
            }
        }
        // What comes now waits in the queue, or finds no room there.
        while Instant::now() < rested && !self.stopping.load(Ordering::Relaxed) {
            thread::sleep(LOOK);
        }
        (events, true)
    }

    fn write(&self, events: Vec<Event>) {
        let mut failed = false;
        for (tenant, Batch { requests, refusals }) in self.sort(events) {
            // Nobody waits for a database that does not answer when it is time to stop.
            let goes_on = |failed: bool| !(failed && self.stopping.load(Ordering::Relaxed));
            for entry in &refusals {
                if goes_on(failed)
                    && let Err(error) = self.store.log().add_audit(tenant, entry)
                {
                    failed = true;
                    log::warn!("a refused credential is not in the audit log: {}", chain(&error));
                }
            }
            let (left, outcome) =
                if goes_on(failed) { self.add(tenant, requests) } else { (requests.len(), Ok(())) };
            if let Err(error) = outcome {
                failed = true;
                log::debug!("requests are not in the log: {}", chain(&error));
            }
            if left > 0 {
                self.dropped.count(tenant, left as u64);
            }
        }
    }

    /// Adds rows where changes are made, a few at a time, so that who changes something waits for a few of them. Returns how
    /// many were not added, and why if that is known.
    fn add(&self, tenant: TenantId, mut rows: Vec<Request>) -> (usize, Result<()>) {
        while !rows.is_empty() {
            let rest = rows.split_off(rows.len().min(TOGETHER));
            let some = std::mem::replace(&mut rows, rest);
            let count = some.len() + rows.len();
            let (answer, answered) = mpsc::channel();
            let store = Arc::clone(&self.store);
            let work = move || drop(answer.send(store.log().add_requests(tenant, &some)));
            if let Some(work) = self.store.hand_over(Box::new(work)) {
                work();
            }
            match answered.recv().unwrap_or_else(|_| Err(Error::internal("the work panicked"))) {
                Ok(true) => {}
                // The tenant is purged.
                Ok(false) => return (count, Ok(())),
                Err(error) => return (count, Err(error)),
            }
        }
        (0, Ok(()))
    }

    /// Tenant by tenant; what names a tenant that is not there belongs to nobody.
    fn sort(&self, events: Vec<Event>) -> HashMap<TenantId, Batch> {
        let mut batches = HashMap::<TenantId, Batch>::new();
        let mut claims = HashMap::<[u8; 32], Option<Claim>>::new();
        // In the order in which they were answered, which is that of a client that waits for its answers; there are few enough.
        for (place, event) in (0..).zip(events) {
            let (seen, suppressed) = match event {
                Event::Request(seen) => (seen, None),
                Event::Refusal { seen, suppressed } => (seen, Some(suppressed)),
                Event::Stop => continue,
            };
            let bytes = seen.body.as_ref().map_or(0, |body| body.len());
            self.waiting.bodies.fetch_sub(bytes, Ordering::Relaxed);
            self.waiting.reads.fetch_sub(usize::from(seen.is_good_read()), Ordering::Relaxed);
            let (tenant, token) = match seen.who {
                Who::Known { tenant, token, .. } => (tenant, Some(token)),
                Who::Claimed { credential, .. } => {
                    let claim = claims.entry(credential.digest).or_insert_with(|| {
                        self.claim(&credential)
                            .inspect_err(|_| self.dropped.count(credential.tenant, 1))
                            .unwrap_or_default()
                    });
                    match claim {
                        Some(Claim(token)) => (credential.tenant, *token),
                        None => continue,
                    }
                }
            };
            let batch = batches.entry(tenant).or_default();
            if let (Who::Claimed { why: Refusal::Credential(reason), .. }, Some(suppressed)) =
                (seen.who, suppressed)
            {
                let origin =
                    Origin { actor: Actor::Nobody, request: seen.request.clone(), address: seen.address() };
                let refusal =
                    Entry::authentication_refused(tenant, token, reason, suppressed, seen.at, &origin);
                batch.refusals.push(refusal);
            }
            if self.keeps_requests {
                batch.requests.push(row(*seen, token, place));
            }
        }
        batches
    }

    /// Whose a refused credential is; none when there is no such tenant.
    fn claim(&self, credential: &Parsed) -> Result<Option<Claim>> {
        if let Some(found) = self.store.find_token(credential.tenant, &credential.digest)? {
            return Ok(Some(Claim(Some(found.token.id))));
        }
        let tenant = self.store.platform().tenant(credential.tenant)?;
        let tenant = tenant.filter(|record| record.tenant.state != TenantState::Deleted);
        Ok(tenant.map(|_| Claim(None)))
    }
}

/// A refused credential of a tenant that is there, and its id where it once was one.
#[derive(Clone, Copy)]
struct Claim(Option<TokenId>);

impl Seen {
    fn address(&self) -> String {
        self.address.map(|address| address.to_string()).unwrap_or_default()
    }
}

/// What is kept of a request, which has this place among those that are written together.
fn row(seen: Seen, token: Option<TokenId>, place: u16) -> Request {
    let address = seen.address();
    let body = seen.body.as_deref().map(requests::body);
    let clean = |text: &str| match &body {
        Some(body) => body.clean(text),
        // A reason may quote a body that nobody has looked at.
        None if seen.left_out > 0 => "[left out with the body]".into(),
        None => text.to_owned(),
    };
    Request {
        id: requests::new_id(seen.at, place),
        at: seen.at,
        request: seen.request.to_string(),
        token,
        method: seen.method.into(),
        path: requests::cut(&requests::target(&seen.target), requests::PATH_BYTES),
        status: seen.status,
        scim_type: seen.scim_type.map(Into::into),
        reason: seen
            .reason
            .map(|reason| requests::cut(&clean(&requests::scrub(&reason)), requests::REASON_BYTES)),
        resource_type: seen.resource_type,
        resource_id: seen.resource_id,
        duration_ms: seen.duration_ms,
        address,
        user_agent: seen
            .user_agent
            .map(|agent| requests::cut(&requests::scrub(&agent), requests::USER_AGENT_BYTES)),
        body: match seen.left_out {
            // Of a bulk request that was answered only the reasons are kept.
            0 => body.filter(|_| seen.status >= 400).map(|body| body.text),
            bytes => Some(format!("[{bytes} bytes, left out because too much was waiting]")),
        },
    }
}
