//! A TCP connection that does not wait for ever.
//!
//! The timer of actix covers the head of the first request on a connection only, and nothing covers a client
//! that does not read its reply. A thousand sockets that send or take one byte a second would hold a thousand
//! connections (slowloris); here each of them ends within the times below. The body of a request has its own
//! time, in [`crate::body`].
//!
//! It also completes what the framework answers by itself, see [`crate::refusal`].

use std::cell::Cell;
use std::future::Future;
use std::io;
use std::pin::Pin;
use std::rc::Rc;
use std::task::{Context, Poll, ready};
use std::time::Duration;

use actix_rt::net::TcpStream;
use actix_rt::time::{Instant, Sleep, sleep_until};
use actix_web::body::{BodySize, BoxBody, MessageBody};
use actix_web::web::Bytes;
use domain::limits;
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};

use crate::refusal;

/// Time for the client to take a whole reply, or the next piece of a streamed one.
pub(crate) const REPLY_TIME: Duration = Duration::from_secs(30);
/// Lead of the timers of actix, which answer 408 or close in an orderly way.
const LEAD: Duration = Duration::from_millis(500);

/// A request line with a longer target cannot be shorter: the rest is room for method and version.
const LINE_BYTES: usize = limits::URL_BYTES + 64;

/// What the connection is doing, shared with the requests on it.
#[derive(Clone, Debug)]
pub(crate) struct Watch(Rc<Cell<Phase>>);

#[derive(Clone, Copy, Debug)]
enum Phase {
    /// No byte of a request has come.
    Idle { since: Instant },
    /// Some bytes of the head of a request have come.
    Head { since: Instant },
    /// A request is being worked on; it may still be sending its body.
    Busy,
    /// A reply is being sent piece by piece.
    Streaming {
        /// When the last piece was handed over.
        since: Instant,
    },
}

impl Watch {
    /// A whole head has come.
    pub(crate) fn begin(&self) {
        self.0.set(Phase::Busy);
    }

    /// The reply to it is known, or, if it is streamed, about to come.
    pub(crate) fn answered(self, body: BoxBody) -> BoxBody {
        if body.size() == BodySize::Stream {
            self.0.set(Phase::Streaming { since: Instant::now() });
            return BoxBody::new(Streamed { body, watch: self });
        }
        self.end();
        body
    }

    /// Nothing more is to come.
    pub(crate) fn end(&self) {
        self.0.set(Phase::Idle { since: Instant::now() });
    }
}

/// The body of a streamed reply: each piece has the time of a whole reply.
struct Streamed {
    body: BoxBody,
    watch: Watch,
}

impl MessageBody for Streamed {
    type Error = <BoxBody as MessageBody>::Error;

    fn size(&self) -> BodySize {
        self.body.size()
    }

    fn poll_next(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
    ) -> Poll<Option<Result<Bytes, Self::Error>>> {
        let piece = ready!(Pin::new(&mut self.body).poll_next(context));
        match &piece {
            Some(Ok(_)) => self.watch.0.set(Phase::Streaming { since: Instant::now() }),
            Some(Err(_)) => {}
            None => self.watch.end(),
        }
        Poll::Ready(piece)
    }
}

/// The connection with its deadlines.
pub(crate) struct Guarded {
    stream: TcpStream,
    watch: Watch,
    head: Duration,
    keep_alive: Duration,
    reading: Timer,
    /// Running while the client has not taken all of a reply.
    writing: Timer,
    line: RequestLine,
    /// What is being sent in place of a bare refusal, and how much of it was.
    refusal: Option<(Vec<u8>, usize)>,
}

impl Guarded {
    /// Guards a new connection.
    pub(crate) fn new(stream: TcpStream, head: Duration, keep_alive: Duration) -> Self {
        let watch = Watch(Rc::new(Cell::new(Phase::Idle { since: Instant::now() })));
        Self {
            stream,
            watch,
            head,
            keep_alive,
            reading: Timer::default(),
            writing: Timer::default(),
            line: RequestLine::default(),
            refusal: None,
        }
    }

    /// For the requests on it.
    pub(crate) fn watch(&self) -> Watch {
        self.watch.clone()
    }

    /// When the client must have sent what is expected next.
    fn read_deadline(&self) -> Option<Instant> {
        match self.watch.0.get() {
            Phase::Idle { since } => Some(since + self.keep_alive + LEAD),
            Phase::Head { since } => Some(since + self.head + LEAD),
            Phase::Busy | Phase::Streaming { .. } => None,
        }
    }

    /// The bytes in place of `bytes`, when these are a refusal of a head that no handler has seen.
    fn refusal(&self, bytes: &[u8]) -> Option<(Vec<u8>, usize)> {
        match self.watch.0.get() {
            Phase::Idle { .. } | Phase::Head { .. } => {
                refusal::instead_of(bytes, self.line.length > LINE_BYTES).map(|bytes| (bytes, 0))
            }
            Phase::Busy | Phase::Streaming { .. } => None,
        }
    }

    /// An answer of the stream to a write, or an error when the reply takes too long.
    fn written<T>(&mut self, poll: Poll<io::Result<T>>, context: &mut Context<'_>) -> Poll<io::Result<T>> {
        if poll.is_pending() {
            let deadline = match self.watch.0.get() {
                Phase::Streaming { since } => since + REPLY_TIME,
                _ => self.writing.deadline.unwrap_or_else(|| Instant::now() + REPLY_TIME),
            };
            ready!(self.writing.poll(deadline, context));
            return Poll::Ready(Err(io::ErrorKind::TimedOut.into()));
        }
        poll
    }
}

impl Drop for Guarded {
    /// A client of HTTP/1.0, as some proxies are, takes the end of the connection for the end of a streamed reply.
    /// One that was cut short ends in a reset, which nobody takes for it.
    fn drop(&mut self) {
        if let Phase::Streaming { .. } = self.watch.0.get() {
            // Of a socket that is broken already nothing is to be seen.
            let _ = self.stream.set_zero_linger();
        }
    }
}

impl AsyncRead for Guarded {
    fn poll_read(
        self: Pin<&mut Self>,
        context: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        let this = self.get_mut();
        let before = buffer.filled().len();
        let poll = Pin::new(&mut this.stream).poll_read(context, buffer);
        let bytes = &buffer.filled()[before..];
        if let (Phase::Idle { .. }, false) = (this.watch.0.get(), bytes.is_empty()) {
            this.watch.0.set(Phase::Head { since: Instant::now() });
            this.line = RequestLine::default();
        }
        if let Phase::Head { .. } = this.watch.0.get() {
            this.line.read(bytes);
        }
        match this.read_deadline() {
            // Bytes that keep dripping in must not outrun the timer, which is asked only when none are there.
            Some(deadline) if poll.is_pending() || Instant::now() >= deadline => {
                ready!(this.reading.poll(deadline, context));
                Poll::Ready(Err(io::ErrorKind::TimedOut.into()))
            }
            _ => poll,
        }
    }
}

impl AsyncWrite for Guarded {
    fn poll_write(self: Pin<&mut Self>, context: &mut Context<'_>, bytes: &[u8]) -> Poll<io::Result<usize>> {
        let this = self.get_mut();
        this.refusal = this.refusal.take().or_else(|| this.refusal(bytes));
        while let Some((refusal, sent)) = &mut this.refusal {
            if *sent == refusal.len() {
                this.refusal = None;
                return Poll::Ready(Ok(bytes.len()));
            }
            let poll = Pin::new(&mut this.stream).poll_write(context, &refusal[*sent..]);
            if let Poll::Ready(Ok(count @ 1..)) = poll {
                *sent += count;
                continue;
            }
            return this.written(poll, context);
        }
        let poll = Pin::new(&mut this.stream).poll_write(context, bytes);
        this.written(poll, context)
    }

    /// actix asks for this when all of a reply has been handed over.
    fn poll_flush(self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        let this = self.get_mut();
        let poll = Pin::new(&mut this.stream).poll_flush(context);
        if poll.is_ready() {
            this.writing = Timer::default();
        }
        this.written(poll, context)
    }

    fn poll_shutdown(self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.get_mut().stream).poll_shutdown(context)
    }
}

/// The first line of the head that is being read.
#[derive(Default)]
struct RequestLine {
    length: usize,
    ended: bool,
}

impl RequestLine {
    fn read(&mut self, bytes: &[u8]) {
        if !self.ended {
            let end = bytes.iter().position(|byte| *byte == b'\n');
            self.length += end.unwrap_or(bytes.len());
            self.ended = end.is_some();
        }
    }
}

/// A deadline and what wakes the task at it.
#[derive(Default)]
struct Timer {
    deadline: Option<Instant>,
    sleep: Option<Pin<Box<Sleep>>>,
}

impl Timer {
    /// Ready once `deadline` has passed.
    fn poll(&mut self, deadline: Instant, context: &mut Context<'_>) -> Poll<()> {
        self.deadline = Some(deadline);
        let sleep = self.sleep.get_or_insert_with(|| Box::pin(sleep_until(deadline)));
        if sleep.deadline() != deadline {
            sleep.as_mut().reset(deadline);
        }
        sleep.as_mut().poll(context)
    }
}
