//! How tokens were last used: noted in memory while a request is let in, and written down behind its back. A crash loses
//! what was noted in the seconds before it.

use std::collections::BTreeMap;
use std::io;
use std::sync::Arc;
use std::time::{Duration, Instant};

use actix_web::HttpRequest;
use actix_web::http::header::USER_AGENT;
use chrono::{DateTime, Utc};
use domain::id::{TenantId, TokenId};
use domain::limits;
use domain::principal::Principal;
use domain::store::Store;
use domain::token::{Noted, Use};

use crate::background::{self, Background};
use crate::error::chain;
use crate::extract::address;
use crate::shards::{Entry, Shards};

/// Between two writings.
const INTERVAL: Duration = Duration::from_secs(3);

/// What was noted since it was last written down.
#[derive(Default)]
pub(crate) struct Uses(Shards<(TenantId, TokenId), Pending>);

#[derive(Default)]
struct Pending(Option<Noted>);

impl Entry for Pending {
    fn is_idle(&self, _: Instant) -> bool {
        self.0.is_none()
    }
}

impl Uses {
    /// Notes that a request has shown a good token.
    pub(crate) fn note(&self, principal: &Principal, request: &HttpRequest, now: DateTime<Utc>) {
        let (tenant, token) = (principal.tenant.id, principal.token.id);
        let previous = principal.by_previous.then_some(now);
        let sent = request.headers().get(USER_AGENT).map(|value| value.as_bytes()).unwrap_or_default();
        let address = address(request);
        // Nearly always it is the client that was there before, and only the time is new.
        let is_known = self.0.with((tenant, token), Instant::now(), |Pending(pending)| match pending {
            Some(known) if known.used.address == address && known.used.agent.as_bytes() == sent => {
                known.previous = known.previous.max(previous);
                known.used.at = known.used.at.max(now);
                true
            }
            _ => false,
        });
        if !is_known {
            let used = Use { at: now, address, agent: agent(request) };
            self.add(tenant, Noted { token, previous, used });
        }
    }

    /// The later use counts, whoever comes first.
    fn add(&self, tenant: TenantId, noted: Noted) {
        self.0.with((tenant, noted.token), Instant::now(), |Pending(pending)| match pending {
            Some(known) => {
                known.previous = known.previous.max(noted.previous);
                if known.used.at <= noted.used.at {
                    known.used = noted.used;
                }
            }
            None => *pending = Some(noted),
        });
    }

    /// Writes down what was noted, tenant by tenant; what cannot be written is tried again.
    fn write(&self, store: &dyn Store) {
        let mut by_tenant: BTreeMap<TenantId, Vec<Noted>> = BTreeMap::new();
        for ((tenant, _), Pending(pending)) in self.0.take() {
            by_tenant.entry(tenant).or_default().extend(pending);
        }
        for (tenant, uses) in by_tenant {
            if let Err(error) = store.tokens().note_uses(tenant, &uses) {
                log::warn!("uses of tokens are written down later: {}", chain(&error));
                for noted in uses {
                    self.add(tenant, noted);
                }
            }
        }
    }
}

/// Starts writing; what was noted by the time it ends is written too.
pub(crate) fn start(store: Arc<dyn Store>, uses: Arc<Uses>) -> io::Result<Background> {
    background::start_and_end("uses", INTERVAL, move |_| {
        uses.write(&*store);
        Ok(())
    })
}

/// What the client calls itself, as a short text of one line.
fn agent(request: &HttpRequest) -> String {
    let sent = request.headers().get(USER_AGENT).map(|value| value.as_bytes()).unwrap_or_default();
    let text = String::from_utf8_lossy(sent);
    text.chars().filter(|c| !c.is_control()).take(limits::AGENT_CHARS).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use actix_web::test::TestRequest;
    use chrono::TimeDelta;

    fn noted(token: TokenId, seconds: i64, previous: Option<i64>) -> Noted {
        let at = |seconds| DateTime::UNIX_EPOCH + TimeDelta::seconds(seconds);
        let used = Use { at: at(seconds), address: seconds.to_string(), agent: String::new() };
        Noted { token, used, previous: previous.map(at) }
    }

    #[test]
    fn the_latest_use_is_kept() {
        let (uses, tenant, token) = (Uses::default(), TenantId::generate(), TokenId::generate());
        for (seconds, previous) in [(5, None), (9, Some(9)), (7, None), (8, Some(8))] {
            uses.add(tenant, noted(token, seconds, previous));
        }
        uses.add(tenant, noted(TokenId::generate(), 1, None));
        let taken: BTreeMap<_, _> =
            uses.0.take().into_iter().map(|((_, token), Pending(noted))| (token, noted)).collect();
        assert_eq!((taken.len(), taken[&token].clone()), (2, Some(noted(token, 9, Some(9)))));
        assert!(uses.0.take().is_empty());
    }

    #[test]
    fn a_client_cannot_call_itself_anything() {
        let called = |name: &[u8]| {
            let value = actix_web::http::header::HeaderValue::from_bytes(name).unwrap();
            agent(&TestRequest::get().insert_header((USER_AGENT, value)).to_http_request())
        };
        assert_eq!(called(b"Okta\tSCIM \xff"), "OktaSCIM \u{fffd}");
        for (sent, kept) in [(256, 256), (257, 256)] {
            assert_eq!(called("a".repeat(sent).as_bytes()).len(), kept);
        }
        assert_eq!(agent(&TestRequest::get().to_http_request()), "");
    }
}
