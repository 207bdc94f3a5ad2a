//! From a request to what a use case needs. Everything here answers at once: nothing waits, nothing is read.

use std::future::{Ready, ready};
use std::marker::PhantomData;
use std::net::IpAddr;
use std::sync::Arc;
use std::time::{Duration, Instant};

use actix_rt::time::timeout;
use actix_web::dev::Payload;
use actix_web::http::Method;
use actix_web::http::header::{HeaderName, IF_MATCH, IF_NONE_MATCH};
use actix_web::{FromRequest, HttpMessage, HttpRequest, HttpResponse, web};
use auth::token::Parsed;
use chrono::{DateTime, Utc};
use domain::contract::Contract;
use domain::meta::{Precondition, Tags};
use domain::principal::{Access, Principal};
use domain::resource_type::ResourceType;
use domain::service::{Ahead, Body, Call, Query, Sink};
use domain::store::{Actor, Origin};
use domain::{Error, Result, limits};
use tokio::sync::OwnedSemaphorePermit;

use crate::app::Shared;
use crate::body::Received;
use crate::error::Failure;
use crate::logging::Moment;
use crate::stream::Whole;
use crate::{blocking, clock, query, stream};

/// What a handler needs of the credential.
pub(crate) trait Permission {
    const ACCESS: Access;
}

/// GET and search.
pub(crate) struct Read;
/// POST, PUT, PATCH, DELETE.
pub(crate) struct Write;

impl Permission for Read {
    const ACCESS: Access = Access::Read;
}

impl Permission for Write {
    const ACCESS: Access = Access::Write;
}

/// An authenticated request below a base path, and the only way to the store from a handler.
pub(crate) struct Caller {
    shared: web::Data<Shared>,
    principal: Principal,
    /// What he has shown.
    parsed: Parsed,
    contract: &'static Contract,
    origin: Origin,
    now: DateTime<Utc>,
    /// Whether it may change something.
    writes: bool,
}

impl Caller {
    /// The public URL of the base path.
    pub(crate) fn base(&self) -> &str {
        self.shared.base(self.contract)
    }

    /// Who calls.
    pub(crate) fn principal(&self) -> &Principal {
        &self.principal
    }

    /// Whether the credential still holds, for work that goes on for long: what is remembered of it is half a second old at
    /// most. Blocks when it has to be asked for.
    pub(crate) fn still_allowed(&self) -> impl Fn() -> Result<()> + Send + 'static {
        let (shared, parsed) = (self.shared.clone(), self.parsed);
        move || shared.authenticator.principal(&parsed, clock::now()).map(|_| ())
    }

    /// Asks until `end` for what is no longer remembered of the credential: after a wait, and so that whoever goes on to write
    /// hardly ever has to, because others would wait for it.
    async fn remember(&self, end: Instant) -> Result<()> {
        if self.shared.authenticator.remembers(&self.parsed) {
            return Ok(());
        }
        blocking::run_within(end.saturating_duration_since(Instant::now()), self.still_allowed()).await
    }

    /// Bills the operations of a bulk request, of which the request itself was the first.
    pub(crate) fn bill(&self) -> impl Fn(usize) + Send + 'static {
        let (shared, principal) = (self.shared.clone(), self.principal.clone());
        move |operations| shared.rates.bill(&principal, operations.saturating_sub(1), Instant::now())
    }

    /// Waits for a seat for a bulk request, tenant by tenant; it is kept till the end of the work.
    pub(crate) async fn bulk_seat(&self) -> Result<[OwnedSemaphorePermit; 2]> {
        let turn = self.shared.bulk_turns.take(self.principal.tenant.id).await?;
        let seat = timeout(limits::ANSWER_TIME, Arc::clone(&self.shared.bulks).acquire_owned()).await;
        let seat = seat.map_err(|_| Error::unavailable("too many bulk requests at once"))?;
        Ok([turn, seat.map_err(Error::internal)?])
    }

    /// The contract of the base path.
    pub(crate) fn contract(&self) -> &'static Contract {
        self.contract
    }

    /// Runs a use case where it may wait for the database, when the tenant's turn has come.
    pub(crate) async fn run<T, F>(self, work: F) -> Result<T>
    where
        T: Send + 'static,
        F: FnOnce(&Call<'_>) -> Result<T> + Send + 'static,
    {
        self.in_turn(limits::ANSWER_TIME).await?.run(work).await
    }

    /// The same for work that takes long, within a time of its own.
    pub(crate) async fn run_within<T, F>(self, time: Duration, work: F) -> Result<T>
    where
        T: Send + 'static,
        F: FnOnce(&Call<'_>) -> Result<T> + Send + 'static,
    {
        let ready = self.in_turn(time).await?;
        blocking::run_within(ready.left(), move || work(&ready.call())).await
    }

    async fn in_turn(self, time: Duration) -> Result<InTurn> {
        let end = Instant::now() + time;
        let turns = if self.writes { &self.shared.write_turns } else { &self.shared.turns };
        // Who waits holds nothing, and many changes of one tenant at once are done one after the other.
        let turn = turns.take_within(time.min(limits::ANSWER_TIME), self.principal.tenant.id).await?;
        Ok(InTurn { caller: self, end, _turn: turn })
    }

    /// Runs a use case that writes its reply: a read of a few rows here and now where the store can do that, a look-up of one
    /// resource together with those of others where that is cheaper, anything else as [`Self::stream`] does.
    pub(crate) async fn answer<F>(self, work: F) -> std::result::Result<HttpResponse, Failure>
    where
        F: Fn(&Call<'_>, &mut dyn Sink) -> Result<()> + Send + 'static,
    {
        let store = &self.shared.store;
        let end = Instant::now() + limits::ANSWER_TIME;
        let mut ahead = None;
        if store.reads_at_once() {
            match self.attempt(None, |call, sink| blocking::read_at_once(store, || work(call, sink))) {
                Err(Error::WouldWait) => {}
                answered => return Ok(answered?),
            }
        } else if store.finds_together() {
            let attempt =
                |ahead| self.attempt(Some(ahead), |call, sink| blocking::at_once(|| work(call, sink)));
            let unknown = Ahead::default();
            match attempt(&unknown) {
                Err(Error::WouldWait) => {}
                answered => return Ok(answered?),
            }
            if let Some(look_up) = unknown.sought() {
                let tenant = self.principal.tenant.id;
                let found = self.shared.look_ups.find(end, tenant, look_up.clone()).await?;
                self.remember(end).await?;
                match attempt(ahead.insert(Ahead::of(look_up, found))) {
                    Err(Error::WouldWait) => {}
                    answered => return Ok(answered?),
                }
            }
        }
        // In a box, so that a short read does not carry the room for it.
        Box::pin(self.stream_with(end, ahead, work)).await
    }

    /// Runs a use case that may not wait.
    fn attempt(
        &self,
        ahead: Option<&Ahead>,
        work: impl FnOnce(&Call<'_>, &mut dyn Sink) -> Result<()>,
    ) -> Result<HttpResponse> {
        let mut whole = Whole::default();
        let call = Call {
            store: &*self.shared.store,
            principal: &self.principal,
            contract: self.contract,
            base: self.base(),
            origin: self.origin.clone(),
            now: self.now,
            may_wait: false,
            ahead,
        };
        let outcome = work(&call, &mut whole);
        whole.answer(outcome)
    }

    /// Runs a use case that writes its reply piece by piece, when the tenant's turn has come.
    pub(crate) async fn stream<F>(self, work: F) -> std::result::Result<HttpResponse, Failure>
    where
        F: FnOnce(&Call<'_>, &mut dyn Sink) -> Result<()> + Send + 'static,
    {
        self.stream_with(Instant::now() + limits::ANSWER_TIME, None, work).await
    }

    /// The same with what was looked up before, for which somebody waits until `end`.
    async fn stream_with<F>(
        self,
        end: Instant,
        ahead: Option<Ahead>,
        work: F,
    ) -> std::result::Result<HttpResponse, Failure>
    where
        F: FnOnce(&Call<'_>, &mut dyn Sink) -> Result<()> + Send + 'static,
    {
        let still_allowed = self.still_allowed();
        let Self { shared, principal, contract, origin, now, .. } = self;
        let turn = shared.turns.take(principal.tenant.id).await?;
        stream::answer(
            end.saturating_duration_since(Instant::now()),
            origin.request.clone(),
            Arc::clone(&shared.slow_clients),
            Box::new(still_allowed),
            move |sink| {
                // Until the last piece is written.
                let _turn = turn;
                let (store, base) = (&*shared.store, shared.base(contract));
                let (principal, ahead) = (&principal, ahead.as_ref());
                work(&Call { store, principal, contract, base, origin, now, may_wait: true, ahead }, sink)
            },
        )
        .await
    }

    /// The same as [`Self::run`] with a body.
    pub(crate) async fn run_with<T, F>(self, received: Received, work: F) -> Result<T>
    where
        T: Send + 'static,
        F: FnOnce(&Call<'_>, &Body) -> Result<T> + Send + 'static,
    {
        self.run_prepared(received, |_, body| body, move |call, body| work(call, &body)).await
    }

    /// The same where there is more to do with the body before the database comes in: on the server thread if it is short,
    /// so that whoever writes next need not wait for it.
    pub(crate) async fn run_prepared<P, T>(
        self,
        received: Received,
        prepare: impl FnOnce(&Call<'_>, Body) -> P + Send + 'static,
        work: impl FnOnce(&Call<'_>, P) -> Result<T> + Send + 'static,
    ) -> Result<T>
    where
        P: Send + 'static,
        T: Send + 'static,
    {
        let still_allowed = self.still_allowed();
        let ready = self.in_turn(limits::ANSWER_TIME).await?;
        if received.is_short() {
            ready.caller.remember(ready.end).await?;
            let prepared = blocking::at_once(|| Ok(prepare(&ready.call(), received.read())))?;
            return ready
                .run(move |call| {
                    // The body may have taken its time, and the turn.
                    still_allowed()?;
                    work(call, prepared)
                })
                .await;
        }
        let work = move |call: &Call<'_>| {
            still_allowed()?;
            work(call, prepare(call, received.read()))
        };
        blocking::run_within(ready.left(), move || work(&ready.call())).await
    }
}

/// A caller whose turn it is, also when nobody waits for the end of the work any more.
struct InTurn {
    caller: Caller,
    end: Instant,
    _turn: OwnedSemaphorePermit,
}

impl InTurn {
    /// The time for it.
    fn left(&self) -> Duration {
        self.end.saturating_duration_since(Instant::now())
    }

    fn call(&self) -> Call<'_> {
        let Caller { shared, principal, contract, origin, now, .. } = &self.caller;
        Call {
            store: &*shared.store,
            principal,
            contract,
            base: shared.base(contract),
            origin: origin.clone(),
            now: *now,
            may_wait: true,
            ahead: None,
        }
    }

    async fn run<T, F>(self, work: F) -> Result<T>
    where
        T: Send + 'static,
        F: FnOnce(&Call<'_>) -> Result<T> + Send + 'static,
    {
        let (left, store) = (self.left(), Arc::clone(&self.caller.shared.store));
        let writes = self.caller.writes;
        let work = move || work(&self.call());
        if writes {
            blocking::write_within(left, store, work).await
        } else {
            blocking::run_within(left, work).await
        }
    }
}

/// The address of the peer, for the audit log.
pub(crate) fn address(request: &HttpRequest) -> String {
    request.peer_addr().map(|peer| address_text(peer.ip())).unwrap_or_default()
}

/// The same for people.
pub(crate) fn address_text(address: IpAddr) -> String {
    let IpAddr::V4(address) = address else { return address.to_string() };
    // Every request writes its own, and the machinery for widths and precisions takes ten times as long.
    let mut text = String::with_capacity(15);
    for (place, number) in address.octets().into_iter().enumerate() {
        if place > 0 {
            text.push('.');
        }
        for (unit, is_shown) in [(100, number >= 100), (10, number >= 10), (1, true)] {
            if is_shown {
                text.push(char::from(b'0' + number / unit % 10));
            }
        }
    }
    text
}

impl FromRequest for Caller {
    type Error = Failure;
    type Future = Ready<std::result::Result<Self, Failure>>;

    fn from_request(request: &HttpRequest, _: &mut Payload) -> Self::Future {
        let extensions = request.extensions();
        let found = (
            request.app_data::<web::Data<Shared>>(),
            request.app_data::<&'static Contract>(),
            extensions.get::<Principal>(),
            extensions.get::<Parsed>(),
            extensions.get::<Moment>(),
        );
        let (Some(shared), Some(contract), Some(principal), Some(parsed), Some(moment)) = found else {
            return ready(Err(Error::internal("a handler outside the authenticated scope").into()));
        };
        ready(Ok(Self {
            shared: shared.clone(),
            principal: principal.clone(),
            parsed: *parsed,
            contract,
            origin: Origin {
                actor: Actor::Token(principal.token.id),
                request: moment.id.clone(),
                address: address(request),
            },
            now: moment.now,
            writes: request.method() != Method::GET,
        }))
    }
}

/// A collection the caller may use: there is such a type (404), and the credential has the right (403).
pub(crate) struct Collection<P> {
    /// The caller.
    pub(crate) caller: Caller,
    /// The type of the collection.
    pub(crate) resource_type: Arc<ResourceType>,
    permission: PhantomData<P>,
}

impl<P: Permission> FromRequest for Collection<P> {
    type Error = Failure;
    type Future = Ready<std::result::Result<Self, Failure>>;

    fn from_request(request: &HttpRequest, payload: &mut Payload) -> Self::Future {
        ready(Caller::from_request(request, payload).into_inner().and_then(|caller| {
            let resource_type = resource_type(request)?;
            caller.principal.require(resource_type.area, P::ACCESS)?;
            Ok(Self { caller, resource_type, permission: PhantomData })
        }))
    }
}

/// The type at the collection segment of the path.
pub(crate) fn resource_type(request: &HttpRequest) -> Result<Arc<ResourceType>> {
    let extensions = request.extensions();
    let principal = extensions.get::<Principal>();
    let catalog = principal.map(|principal| &principal.tenant.catalog);
    let found = catalog.and_then(|catalog| catalog.at(request.match_info().query("collection")));
    found.cloned().ok_or_else(Error::no_endpoint)
}

/// The id in the path, as text: one that is no id is not found.
pub(crate) fn id(request: &HttpRequest) -> String {
    request.match_info().query("id").to_owned()
}

/// The query string.
pub(crate) fn query(request: &HttpRequest) -> Result<Query> {
    query::parse(request.query_string())
}

/// `If-Match` and `If-None-Match`.
pub(crate) fn precondition(request: &HttpRequest) -> Precondition {
    Precondition { if_match: tags(request, IF_MATCH), if_none_match: tags(request, IF_NONE_MATCH) }
}

/// RFC 9110 section 5.3: several fields of one name are one list.
fn tags(request: &HttpRequest, name: HeaderName) -> Option<Tags> {
    let values: Vec<&str> =
        request.headers().get_all(name).map(|value| value.to_str().unwrap_or_default()).collect();
    (!values.is_empty()).then(|| Tags::parse(&values.join(",")))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn addresses_are_written_as_usual() {
        for number in 0..=255_u8 {
            let address = IpAddr::from([number, 0, 10, 255 - number]);
            assert_eq!(address_text(address), address.to_string());
        }
        assert_eq!(address_text("2001:db8::1".parse().unwrap()), "2001:db8::1");
    }
}
