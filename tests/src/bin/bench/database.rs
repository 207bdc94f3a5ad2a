//! The two kinds of databases, and a fresh one for each size.

use std::path::{Path, PathBuf};

use diesel::connection::SimpleConnection;
use diesel::prelude::*;
use diesel::{PgConnection, SqliteConnection};

use super::postgres::Postgres;

/// What the server keeps its data in.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum Kind {
    Sqlite,
    Postgres,
}

impl Kind {
    pub(super) fn named(name: &str) -> Option<Self> {
        match name {
            "sqlite" => Some(Self::Sqlite),
            "postgres" => Some(Self::Postgres),
            _ => None,
        }
    }

    /// As it is called in the report.
    pub(super) fn title(self) -> &'static str {
        match self {
            Self::Sqlite => "SQLite",
            Self::Postgres => "PostgreSQL",
        }
    }
}

/// Where databases of one kind are made.
pub(super) enum Place {
    Folder(PathBuf),
    Server(Postgres),
}

impl Place {
    pub(super) fn of(kind: Kind, folder: &Path) -> Self {
        match kind {
            Kind::Sqlite => Self::Folder(folder.to_owned()),
            Kind::Postgres => Self::Server(Postgres::start()),
        }
    }

    /// The URL of an empty database.
    pub(super) fn make(&self, name: &str) -> String {
        match self {
            Self::Folder(folder) => format!("sqlite://{}", folder.join(format!("{name}.db")).display()),
            Self::Server(postgres) => postgres.create(name),
        }
    }
}

/// What PostgreSQL does by itself within a minute of filling; on SQLite the log of writes is emptied, as it is by any
/// server that runs for a while.
pub(super) fn settle(url: &str) {
    match url.strip_prefix("sqlite://") {
        Some(path) => {
            let mut conn = SqliteConnection::establish(path).unwrap();
            conn.batch_execute("PRAGMA wal_checkpoint(TRUNCATE)").unwrap();
        }
        None => {
            let mut conn = PgConnection::establish(url).unwrap();
            // Neither runs in a transaction, which several statements in one text would be.
            conn.batch_execute("VACUUM ANALYZE").unwrap();
            conn.batch_execute("CHECKPOINT").unwrap();
        }
    }
}
