//! Replies that may be longer than memory should hold: the [`Sink`] of the engine on one side, the body of a
//! reply on the other.
//!
//! The engine writes on a blocking thread. What ends below [`WHOLE`] is sent whole, with its length. Of what is
//! longer at most [`CHUNKS`] pieces are on their way, and the engine waits for the client to take one: however
//! many members a group has and however slow the client is, a reply costs less than a mebibyte.
//!
//! A reply that waits holds a thread and a connection to the database, and there are few of both. So only some of
//! the replies may be waiting for slow clients at a time; what is one too many is cut short, and whoever reads at
//! an ordinary pace does not notice.

use std::fmt;
use std::pin::Pin;
use std::sync::Arc;
use std::sync::mpsc::{self, RecvTimeoutError};
use std::task::{Context, Poll, ready};
use std::time::{Duration, Instant};

use actix_web::HttpResponse;
use actix_web::body::{BodySize, MessageBody};
use actix_web::dev::ServiceResponse;
use actix_web::http::{ConnectionType, Version};
use actix_web::web::{Bytes, BytesMut};
use domain::service::{Head, Sink};
use domain::{Error, Result};
use tokio::sync::mpsc::{UnboundedReceiver, UnboundedSender, unbounded_channel};
use tokio::sync::{OwnedSemaphorePermit, Semaphore, oneshot};

use crate::connection::REPLY_TIME;
use crate::error::{Failure, chain};
use crate::{blocking, reply};

/// A reply that ends below so many bytes is sent whole.
const WHOLE: usize = 256 << 10;
/// Bytes of each further piece of a longer one.
const CHUNK: usize = 64 << 10;
/// Pieces that may wait for the client, beside the first.
const CHUNKS: usize = 4;
/// How long a long reply waits for its client.
const PACE: Pace =
    Pace { unseated: Duration::from_secs(2), piece: REPLY_TIME, all: Duration::from_secs(300) };

/// Whether somebody may go on reading.
pub(crate) type GoesOn = Box<dyn Fn() -> Result<()> + Send>;

/// How long a long reply waits for its client.
#[derive(Clone, Copy)]
struct Pace {
    /// In all, before it needs one of the seats for slow clients.
    unseated: Duration,
    /// Then for each piece.
    piece: Duration,
    /// From its first byte to its last.
    all: Duration,
}

/// Runs `work` where it may wait for the database, and answers with what it writes. Until the first byte is sent
/// a failure is an ordinary error; after that it breaks the connection, so that no half reply looks whole. `goes_on` is
/// asked before each piece: who may not read any more gets no more. There has to be something to send within `time`.
pub(crate) async fn answer<F>(
    time: Duration,
    request: Arc<str>,
    seats: Arc<Semaphore>,
    goes_on: GoesOn,
    work: F,
) -> std::result::Result<HttpResponse, Failure>
where
    F: FnOnce(&mut dyn Sink) -> Result<()> + Send + 'static,
{
    let begun = blocking::run_on(time, move |answer| {
        let mut writer = Writer::new(answer, seats, goes_on, PACE);
        let result = work(&mut writer);
        if let Err(error) = writer.end(result) {
            cut_short(&request, &error);
        }
    });
    Ok(match begun.await? {
        Begun::Whole(head, body) => reply::headed(&head, body),
        Begun::Long(head, body) => reply::headed(&head, body),
    })
}

/// HTTP/1.0 has no chunks (RFC 9112 section 6.1), and some proxies speak it to what is behind them: a streamed
/// reply ends with the connection there.
pub(crate) fn fit_version(response: &mut ServiceResponse) {
    if response.request().version() < Version::HTTP_11
        && response.response().body().size() == BodySize::Stream
    {
        let head = response.response_mut().head_mut();
        head.no_chunking(true);
        head.set_connection_type(ConnectionType::Close);
    }
}

/// The status is sent already, so the log is the only place left.
fn cut_short(request: &str, error: &Error) {
    let chain = chain(error);
    match error {
        Error::Unavailable(_) | Error::Unauthorized(_) | Error::Forbidden(_) => {
            log::warn!(target: "rollcall::request", request = request; "reply cut short: {chain}");
        }
        _ => log::error!(target: "rollcall::request", request = request; "reply cut short: {chain}"),
    }
}

/// A reply that is gathered where it is sent, as long as it stays short.
#[derive(Default)]
pub(crate) struct Whole {
    head: Option<Head>,
    text: String,
}

impl Whole {
    /// The reply, when the work has come to its end.
    pub(crate) fn answer(self, outcome: Result<()>) -> Result<HttpResponse> {
        outcome?;
        Ok(reply::headed(&self.head.ok_or_else(headless)?, self.text))
    }
}

impl Sink for Whole {
    fn begin(&mut self, head: Head) -> Result<()> {
        self.text.clear();
        self.head = Some(head);
        Ok(())
    }

    fn text(&mut self, text: &str) -> Result<()> {
        if self.text.len() + text.len() > WHOLE {
            return Err(Error::WouldWait);
        }
        self.text.push_str(text);
        Ok(())
    }

    fn whole(&mut self, text: String) -> Result<()> {
        if !self.text.is_empty() || text.len() > WHOLE {
            return self.text(&text);
        }
        self.text = text;
        Ok(())
    }
}

/// What is known when the status is sent.
enum Begun {
    /// All of the reply.
    Whole(Head, Bytes),
    /// Its beginning.
    Long(Head, Long),
}

/// One step of a long reply.
enum Piece {
    Bytes(Bytes),
    /// The reply is complete. Without it the writer has failed.
    End,
}

/// The engine's end.
struct Writer {
    /// Until something is sent.
    answer: Option<oneshot::Sender<Result<Begun>>>,
    head: Option<Head>,
    buffer: BytesMut,
    /// Once something is sent.
    way: Option<Way>,
    seats: Arc<Semaphore>,
    goes_on: GoesOn,
    pace: Pace,
}

/// From the writer of a long reply to its body.
struct Way {
    pieces: UnboundedSender<Piece>,
    /// One token for every piece the body has handed on; at the beginning [`CHUNKS`].
    room: mpsc::Receiver<()>,
    seats: Arc<Semaphore>,
    seat: Option<OwnedSemaphorePermit>,
    /// What is left of [`Pace::unseated`].
    unseated: Duration,
    pace: Pace,
    deadline: Instant,
}

impl Writer {
    fn new(
        answer: oneshot::Sender<Result<Begun>>,
        seats: Arc<Semaphore>,
        goes_on: GoesOn,
        pace: Pace,
    ) -> Self {
        Self { answer: Some(answer), head: None, buffer: BytesMut::new(), way: None, seats, goes_on, pace }
    }

    /// How much is gathered before it is sent.
    fn limit(&self) -> usize {
        if self.way.is_none() { WHOLE } else { CHUNK }
    }

    /// Sends what is gathered; the first time, with the head.
    fn send(&mut self) -> Result<()> {
        (self.goes_on)()?;
        let bytes = self.buffer.split().freeze();
        if let Some(way) = &mut self.way {
            return way.send(bytes);
        }
        let head = self.head.take().ok_or_else(headless)?;
        let (way, body) = way(Arc::clone(&self.seats), self.pace);
        way.pass(Piece::Bytes(bytes))?;
        self.way = Some(way);
        let answer = self.answer.take().ok_or_else(|| Error::internal("answered twice"))?;
        answer.send(Ok(Begun::Long(head, body))).map_err(|_| gone())
    }

    /// Ends the reply with what came of the work. An error is one that the client cannot be told any more.
    fn end(mut self, result: Result<()>) -> Result<()> {
        let Some(answer) = self.answer.take() else {
            result?;
            if !self.buffer.is_empty() {
                self.send()?;
            }
            return self.way.ok_or_else(headless)?.pass(Piece::End);
        };
        let whole = result.and_then(|()| self.head.take().ok_or_else(headless));
        // Whoever asked may be gone, and then nobody wants to know.
        let _ = answer.send(whole.map(|head| Begun::Whole(head, self.buffer.freeze())));
        Ok(())
    }
}

impl Sink for Writer {
    /// A transaction may run its work twice, so until something is sent a reply may begin again.
    fn begin(&mut self, head: Head) -> Result<()> {
        if self.way.is_some() {
            return Err(Error::internal("a reply that is on its way cannot begin again"));
        }
        self.buffer.clear();
        self.head = Some(head);
        Ok(())
    }

    fn text(&mut self, text: &str) -> Result<()> {
        if self.answer.as_ref().is_some_and(oneshot::Sender::is_closed) {
            return Err(gone());
        }
        let mut rest = text.as_bytes();
        while !rest.is_empty() {
            let room = self.limit() - self.buffer.len();
            let (next, after) = rest.split_at(rest.len().min(room));
            self.buffer.extend_from_slice(next);
            rest = after;
            if next.len() == room {
                self.send()?;
            }
        }
        Ok(())
    }
}

impl Way {
    /// Waits for room.
    fn send(&mut self, bytes: Bytes) -> Result<()> {
        let began = Instant::now();
        let mut room = self.room.recv_timeout(self.unseated);
        self.unseated = self.unseated.saturating_sub(began.elapsed());
        if room == Err(RecvTimeoutError::Timeout) {
            if self.seat.is_none() {
                let seat = Arc::clone(&self.seats).try_acquire_owned();
                self.seat = Some(seat.map_err(|_| Error::unavailable("too many clients are slow"))?);
            }
            let left = self.deadline.saturating_duration_since(Instant::now());
            room = self.room.recv_timeout(self.pace.piece.min(left));
        }
        match room {
            Ok(()) => self.pass(Piece::Bytes(bytes)),
            Err(RecvTimeoutError::Disconnected) => Err(gone()),
            Err(RecvTimeoutError::Timeout) => {
                Err(Error::unavailable("the client takes the reply too slowly"))
            }
        }
    }

    fn pass(&self, piece: Piece) -> Result<()> {
        self.pieces.send(piece).map_err(|_| gone())
    }
}

fn gone() -> Error {
    Error::unavailable("the client is gone")
}

fn headless() -> Error {
    Error::internal("a reply without a head")
}

fn way(seats: Arc<Semaphore>, pace: Pace) -> (Way, Long) {
    let (pieces, coming) = unbounded_channel();
    let (taken, room) = mpsc::channel();
    for _ in 0..CHUNKS {
        // The other end is right here.
        let _ = taken.send(());
    }
    let deadline = Instant::now() + pace.all;
    let way = Way { pieces, room, seats, seat: None, unseated: pace.unseated, pace, deadline };
    (way, Long { coming, taken })
}

/// The body of a long reply.
struct Long {
    coming: UnboundedReceiver<Piece>,
    taken: mpsc::Sender<()>,
}

impl MessageBody for Long {
    type Error = CutShort;

    fn size(&self) -> BodySize {
        BodySize::Stream
    }

    fn poll_next(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
    ) -> Poll<Option<std::result::Result<Bytes, CutShort>>> {
        Poll::Ready(match ready!(self.coming.poll_recv(context)) {
            Some(Piece::Bytes(bytes)) => {
                // A writer that has ended needs no room.
                let _ = self.taken.send(());
                Some(Ok(bytes))
            }
            Some(Piece::End) => None,
            None => Some(Err(CutShort)),
        })
    }
}

/// Breaks the connection; the cause is in the log already.
#[derive(Debug)]
struct CutShort;

impl fmt::Display for CutShort {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("the reply was cut short")
    }
}

impl std::error::Error for CutShort {}

#[cfg(test)]
mod tests;
