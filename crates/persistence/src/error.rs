//! What a failure of Diesel, of the pool or of a connection means to the engine.

use std::fmt;

use diesel::ConnectionError;
use diesel::result::{DatabaseErrorKind, Error as DieselError};
use domain::Error;

/// A database failure as the cause of a [`domain::Error`]: enough to decide whether to try again.
#[derive(Debug)]
struct Cause {
    error: DieselError,
    again: Again,
}

/// Whether the same transaction may be run again.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Again {
    /// The database chose it as the victim of a conflict and has rolled it back.
    Always,
    /// The connection is gone: only if COMMIT had not been sent.
    BeforeCommit,
    Never,
}

impl fmt::Display for Cause {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        // Row contents stand in the details of a database error, never in its message.
        match &self.error {
            DieselError::DatabaseError(kind, info) => write!(f, "{kind:?}: {}", info.message()),
            other => other.fmt(f),
        }
    }
}

impl std::error::Error for Cause {}

/// A failed transaction; Diesel wants a type of ours that its own error converts to.
pub(crate) struct Failed(pub(crate) Error);

impl From<DieselError> for Failed {
    fn from(error: DieselError) -> Self {
        Self(from_diesel(error))
    }
}

impl From<Error> for Failed {
    fn from(error: Error) -> Self {
        Self(error)
    }
}

/// A failure without a meaning of its own at the place of the query.
pub(crate) fn from_diesel(error: DieselError) -> Error {
    let again = match &error {
        DieselError::DatabaseError(DatabaseErrorKind::SerializationFailure, _) => Again::Always,
        DieselError::DatabaseError(DatabaseErrorKind::ClosedConnection, _)
        | DieselError::BrokenTransactionManager => Again::BeforeCommit,
        DieselError::DatabaseError(_, info) => by_message(info.message()),
        _ => return Error::internal(Cause { error, again: Again::Never }),
    };
    let passing = again != Again::Never || is_passing(&error);
    let cause = Cause { error, again };
    if passing { Error::unavailable(cause) } else { Error::internal(cause) }
}

/// The transaction that several writers shared was rolled back before COMMIT.
pub(crate) fn undone() -> Error {
    let message = String::from("another writer of the transaction has ended it");
    let error = DieselError::DatabaseError(DatabaseErrorKind::Unknown, Box::new(message));
    Error::unavailable(Cause { error, again: Again::Always })
}

/// Diesel has no kind for these conditions, and no SQLSTATE: the texts are libpq's, the server's (which has to speak
/// English, `lc_messages`) and SQLite's.
fn by_message(message: &str) -> Again {
    // Not "due to idle-in-transaction timeout": whoever was too slow once is too slow again.
    const GONE: [&str; 6] = [
        "server closed the connection unexpectedly",
        "terminating connection due to administrator command",
        "terminating connection because of crash",
        "connection to server",
        "could not receive data from server",
        "no connection to the server",
    ];
    if message.contains("deadlock detected") {
        Again::Always
    } else if GONE.iter().any(|text| message.contains(text)) {
        Again::BeforeCommit
    } else {
        Again::Never
    }
}

/// Time-outs, a server that starts or stops, a full disk: the client may come back.
pub(crate) fn is_passing(error: &DieselError) -> bool {
    const PASSING: [&str; 9] = [
        "canceling statement",
        "terminating connection",
        "the database system is",
        "could not extend file",
        "No space left on device",
        "read-only transaction",
        "database is locked",
        "database or disk is full",
        "remaining connection slots",
    ];
    matches!(error, DieselError::DatabaseError(_, info) if PASSING.iter().any(|text| info.message().contains(text)))
}

/// Whether a transaction that failed so may run again; `committing` when its work had been done.
pub(crate) fn may_run_again(error: &Error, committing: bool) -> bool {
    let Error::Unavailable(source) = error else { return false };
    match source.downcast_ref::<Cause>().map(|cause| cause.again) {
        Some(Again::Always) => true,
        Some(Again::BeforeCommit) => !committing,
        Some(Again::Never) | None => false,
    }
}

/// A duplicate of a unique value of a resource. Citus gives no constraint name and puts a shard number behind the
/// one in the message, SQLite names the columns: the name of the column is in all of them.
pub(crate) fn from_write(error: DieselError, name_attribute: Option<&str>) -> Error {
    match &error {
        DieselError::DatabaseError(DatabaseErrorKind::UniqueViolation, info) => {
            let place = info.constraint_name().unwrap_or_else(|| info.message());
            let name = name_attribute.unwrap_or("id");
            let attribute = if place.contains("external_id") { "externalId" } else { name };
            Error::Uniqueness(format!("another resource has the same {attribute}"))
        }
        _ => from_diesel(error),
    }
}

/// No connection within the time a request may wait.
pub(crate) fn from_pool(error: r2d2::Error) -> Error {
    Error::unavailable(error)
}

/// The database cannot be opened at all; for the start of the program. A URL that libpq cannot read comes back in
/// its message, password included, so only messages from behind the URL are passed on.
pub(crate) fn from_connect(error: ConnectionError) -> Error {
    match error {
        ConnectionError::BadConnection(text) if text.starts_with("connection to server") => {
            Error::Conflict(format!("cannot connect to the database: {}", text.trim_end()))
        }
        ConnectionError::BadConnection(text) if text.contains("SSL support is not compiled in") => Error::Conflict(
            "cannot connect to the database: this build has no TLS for PostgreSQL, leave out sslmode".into(),
        ),
        _ => Error::Conflict(
            "cannot open the database: check its URL (special characters of a password are percent-encoded) and \
             that it is there"
                .into(),
        ),
    }
}
