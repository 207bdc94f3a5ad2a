//! The server: what `main` starts is what the tests start.

use std::io;
use std::net::{SocketAddr, TcpListener};
use std::sync::Arc;
use std::time::Duration;

use actix_http::HttpService;
use actix_rt::net::TcpStream;
use actix_rt::signal::unix::{SignalKind, signal};
use actix_server::{Server, ServerHandle};
use actix_service::{IntoServiceFactory, ServiceFactoryExt, fn_service, map_config};
use actix_web::dev::AppConfig;
use actix_web::middleware::from_fn;
use actix_web::web::Bytes;
use actix_web::{App, web};
use auth::{Authenticator, Sessions};
use chrono::TimeDelta;
use domain::contract::{self, Contract};
use domain::limits;
use domain::store::{LookUp, Store};
use futures_util::future::{Either, select};
use socket2::{Domain, Socket, Type};
use tokio::sync::Semaphore;

use crate::connection::Guarded;
use crate::hashing::Hashing;
use crate::look_ups::LookUps;
use crate::rates::attempts::Attempts;
use crate::rates::{Failures, Rates};
use crate::requests::{self, Recorder, Recording};
use crate::settings::{Settings, SettingsError};
use crate::turns::Turns;
use crate::uses::Uses;
use crate::{docs, logging, openapi, routes};

/// What all requests share.
pub(crate) struct Shared {
    pub(crate) store: Arc<dyn Store>,
    pub(crate) authenticator: Authenticator,
    /// Who is signed in as an admin.
    pub(crate) sessions: Sessions,
    /// Where passwords are hashed.
    pub(crate) hashing: Hashing,
    /// Without a trailing slash.
    pub(crate) public_url: String,
    /// The public URLs of the base paths, in the order of [`contract::ALL`].
    bases: [String; 2],
    /// The OpenAPI document.
    pub(crate) openapi: Bytes,
    /// The same as a page.
    pub(crate) docs: docs::Page,
    /// Look-ups of requests that are asked together.
    pub(crate) look_ups: Arc<LookUps>,
    /// Seats for long replies to slow clients.
    pub(crate) slow_clients: Arc<Semaphore>,
    /// Seats for bulk requests, which hold a thread for seconds.
    pub(crate) bulks: Arc<Semaphore>,
    /// Turns of each tenant for a thread and a connection.
    pub(crate) turns: Arc<Turns>,
    /// The same for writes; where these need connections too, it is the same turns.
    pub(crate) write_turns: Arc<Turns>,
    /// Turns of each tenant for a seat among the bulk requests.
    pub(crate) bulk_turns: Turns,
    /// How often tenants and tokens may ask.
    pub(crate) rates: Rates,
    /// Wrong credentials by address.
    pub(crate) failures: Failures,
    /// How tokens were last used.
    pub(crate) uses: Arc<Uses>,
    /// Where requests are recorded.
    pub(crate) recorder: Recorder,
    /// Attempts to sign in by account.
    pub(crate) attempts: Attempts,
    /// How long the data of a deleted tenant are kept.
    pub(crate) keep: TimeDelta,
}

impl Shared {
    /// The public URL of the base path of a contract, without a trailing slash.
    pub(crate) fn base(&self, contract: &Contract) -> &str {
        let place = contract::ALL.iter().position(|known| known.base == contract.base);
        // Every contract has its place.
        &self.bases[place.unwrap_or_default()]
    }
}

/// A server that is bound to its address and ready to run.
pub struct Application {
    server: Server,
    address: SocketAddr,
    public_url: String,
    uses: Arc<Uses>,
    recording: Recording,
}

/// Why a server could not be built.
#[derive(Debug, thiserror::Error)]
pub enum BuildError {
    /// The address cannot be listened on.
    #[error("cannot listen on {0}")]
    Listen(SocketAddr, #[source] io::Error),
    /// A thread cannot be started.
    #[error("cannot start a thread")]
    Thread(#[source] io::Error),
    /// The signals to stop cannot be received.
    #[error("cannot receive signals")]
    Signals(#[source] io::Error),
    /// Passwords cannot be hashed as the settings say.
    #[error("settings: admins")]
    Hashing(#[source] domain::Error),
    /// The threads that hash passwords cannot be started.
    #[error("cannot start a thread")]
    Threads(#[source] io::Error),
    /// A setting cannot be used.
    #[error(transparent)]
    Settings(#[from] SettingsError),
}

impl Application {
    /// Binds the address. Connections wait until [`Self::run`]. Call it inside an actix (or tokio) runtime.
    pub fn build(settings: &Settings, store: Arc<dyn Store>) -> Result<Self, BuildError> {
        let server = &settings.server;
        settings.limits.check()?;
        settings.requests.check()?;
        let listener = listen(server.listen).map_err(|error| BuildError::Listen(server.listen, error))?;
        let address = listener.local_addr().map_err(|error| BuildError::Listen(server.listen, error))?;
        let public_url = server.public_url(address)?;
        let document = openapi::document(&public_url);
        let parameters = settings.admins.parameters();
        let sessions =
            Sessions::new(Arc::clone(&store), parameters, &public_url).map_err(BuildError::Hashing)?;
        let (threads, database) = (server.threads(), &settings.database);
        // Enough that a pool of connections is never idle while requests wait, and few enough that they wait
        // in one place.
        let connections = database.connections() as usize;
        let writers = store.writers();
        let blocking = (2 * (connections + writers.unwrap_or(0))).div_ceil(threads).max(4);
        // The other half of the connections is left to whoever is not slow.
        let half = (connections / 2).max(1);
        // They may all have come to one thread of the server.
        let bulks = half.min(blocking / 2);
        // Whoever waits for a turn waits for a connection, or among the writers.
        let pool_timeout = Duration::from_millis(database.pool_timeout_ms);
        let turns_of = |most| Arc::new(Turns::new(most, pool_timeout));
        let turns = turns_of(connections);
        let uses = Arc::<Uses>::default();
        let (recorder, recording) = requests::start(Arc::clone(&store), settings.requests.keep_most > 0)
            .map_err(BuildError::Thread)?;
        let asked = {
            let store = Arc::clone(&store);
            move |tenant, look_ups: &[LookUp]| store.find_each(tenant, look_ups)
        };
        let shared = web::Data::new(Shared {
            docs: docs::page(&document),
            openapi: document.to_string().into(),
            authenticator: Authenticator::new(Arc::clone(&store)),
            sessions,
            look_ups: Arc::new(LookUps::new(Arc::clone(&turns), asked)),
            hashing: Hashing::start().map_err(BuildError::Threads)?,
            store,
            public_url: public_url.clone(),
            bases: contract::ALL.map(|contract| format!("{public_url}{}", contract.base)),
            slow_clients: Arc::new(Semaphore::new(half)),
            bulks: Arc::new(Semaphore::new(bulks)),
            write_turns: writers.map_or_else(|| Arc::clone(&turns), turns_of),
            turns,
            bulk_turns: Turns::new(bulks, limits::ANSWER_TIME),
            rates: Rates::new(&settings.limits),
            failures: Failures::new(&settings.limits),
            uses: Arc::clone(&uses),
            recorder,
            attempts: Attempts::new(&settings.limits),
            keep: settings.platform.keep(),
        });
        let app = move || {
            App::new().app_data(shared.clone()).configure(routes::configure).wrap(from_fn(logging::observe))
        };
        let stop = stop_signals().map_err(BuildError::Signals)?;
        let (head, keep_alive) =
            (Duration::from_secs(server.head_seconds), Duration::from_secs(server.keep_alive_seconds));
        // What `HttpServer` does for plain TCP, with a guard around each connection.
        let builder = Server::build()
            .workers(threads)
            .worker_max_blocking_threads(blocking)
            // actix counts connections per thread.
            .max_concurrent_connections(server.max_connections.div_ceil(threads))
            .shutdown_timeout(server.shutdown_seconds)
            .shutdown_signal(stop);
        let stopping = builder.graceful_shutdown_signal();
        let service = move || {
            let stopping = stopping.clone();
            let http = HttpService::build()
                .graceful_shutdown_signal(move || {
                    let stopping = stopping.clone();
                    async move { stopping.notified().await }
                })
                .keep_alive(keep_alive)
                .client_request_timeout(head)
                .local_addr(address)
                .on_connect_ext(|connection: &Guarded, data| {
                    data.insert(connection.watch());
                });
            let app = app().into_factory().map_err(|error: actix_web::Error| error.error_response());
            fn_service(move |stream: TcpStream| async move {
                let peer = stream.peer_addr().ok();
                // Replies are written whole or in large pieces: waiting for more would only delay them.
                stream.set_nodelay(true)?;
                Ok((Guarded::new(stream, head, keep_alive), peer))
            })
            .and_then(http.h1(map_config(app, |()| AppConfig::default())))
        };
        let server = builder
            .listen("rollcall", listener, service)
            .map_err(|error| BuildError::Listen(address, error))?
            .run();
        Ok(Self { server, address, public_url, uses, recording })
    }

    /// The address that is really listened on.
    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// The port that is really listened on.
    pub fn port(&self) -> u16 {
        self.address.port()
    }

    /// Scheme, host and port as clients see them, without a trailing slash.
    pub fn public_url(&self) -> &str {
        &self.public_url
    }

    /// What has to be written down of how tokens are used.
    pub(crate) fn uses(&self) -> Arc<Uses> {
        Arc::clone(&self.uses)
    }

    /// To stop the server from elsewhere.
    pub fn handle(&self) -> ServerHandle {
        self.server.handle()
    }

    /// Serves until SIGTERM or SIGINT (or the handle) says stop, and what is in flight is finished and recorded.
    pub async fn run(self) -> io::Result<()> {
        let served = self.server.await;
        drop(self.recording);
        served
    }
}

/// The standard library lets only 128 connections wait to be accepted: too few after a restart.
fn listen(address: SocketAddr) -> io::Result<TcpListener> {
    const BACKLOG: i32 = 2_048;
    let socket = Socket::new(Domain::for_address(address), Type::STREAM, None)?;
    socket.set_reuse_address(true)?;
    socket.bind(&address.into())?;
    socket.listen(BACKLOG)?;
    Ok(socket.into())
}

/// Resolves at the first SIGTERM or SIGINT. Both are listened for from this call on.
fn stop_signals() -> io::Result<impl Future<Output = ()>> {
    let mut terminate = signal(SignalKind::terminate())?;
    let mut interrupt = signal(SignalKind::interrupt())?;
    Ok(async move {
        let (terminate, interrupt) = (std::pin::pin!(terminate.recv()), std::pin::pin!(interrupt.recv()));
        let signal = match select(terminate, interrupt).await {
            Either::Left(_) => "SIGTERM",
            Either::Right(_) => "SIGINT",
        };
        log::info!("{signal}: finishing what is in flight");
    })
}
