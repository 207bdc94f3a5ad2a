//! The settings of the database.

use std::fmt;
use std::net::IpAddr;
use std::time::Duration;

use serde::Deserialize;

use super::processors;

/// The database.
#[derive(Clone, Debug, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Database {
    /// Which one and where.
    pub url: DatabaseUrl,
    /// Connections; 0: as many as are good for where the database is.
    pub pool_size: u32,
    /// Milliseconds to wait for a free connection.
    pub pool_timeout_ms: u64,
    /// Milliseconds for one statement.
    pub statement_timeout_ms: u64,
    /// Milliseconds to wait for a lock.
    pub lock_timeout_ms: u64,
    /// Whether prepared statements are kept.
    pub statement_cache: bool,
}

impl Default for Database {
    fn default() -> Self {
        Self {
            url: DatabaseUrl("sqlite://rollcall.db".into()),
            pool_size: 0,
            pool_timeout_ms: 2_000,
            statement_timeout_ms: 5_000,
            lock_timeout_ms: 2_000,
            statement_cache: true,
        }
    }
}

/// Connections where nothing is said.
const CONNECTIONS: usize = 10;
/// For each processor that the server and PostgreSQL share: with more, requests wait longer and no more of them are answered.
const SHARED: usize = 3;
/// But enough that a few slow requests do not hold all of them.
const FEW: usize = 4;

/// Connections where nothing is said, to a PostgreSQL that shares so many processors with the server or to any other database.
fn by_default(is_here: bool, processors: usize) -> u32 {
    let connections = if is_here { (SHARED * processors).clamp(FEW, CONNECTIONS) } else { CONNECTIONS };
    u32::try_from(connections).unwrap_or(u32::MAX)
}

impl Database {
    /// Connections at most.
    pub(crate) fn connections(&self) -> u32 {
        match self.pool_size {
            0 => by_default(self.url.is_postgres_here(), processors()),
            size => size,
        }
    }

    /// For the persistence crate and so many threads that read at once; an empty or older database is migrated.
    pub(crate) fn options(&self, at_once: usize) -> persistence::Options {
        persistence::Options {
            url: self.url.reveal().to_owned(),
            pool_size: self.connections(),
            at_once: u32::try_from(at_once).unwrap_or(u32::MAX),
            pool_timeout: Duration::from_millis(self.pool_timeout_ms),
            statement_timeout: Duration::from_millis(self.statement_timeout_ms),
            lock_timeout: Duration::from_millis(self.lock_timeout_ms),
            statement_cache: self.statement_cache,
            migrate: true,
        }
    }
}

/// The URL of a database. It may hold a password: `Debug` shows the scheme and the place only.
#[derive(Clone, Deserialize)]
#[serde(transparent)]
pub struct DatabaseUrl(String);

impl DatabaseUrl {
    /// The whole text.
    pub fn reveal(&self) -> &str {
        &self.0
    }

    /// Whether it is a PostgreSQL that shares this machine: behind a socket, or an address that leads nowhere else.
    fn is_postgres_here(&self) -> bool {
        let Some((_, rest)) = self.0.split_once("://").filter(|(scheme, _)| scheme.starts_with("postgres"))
        else {
            return false;
        };
        let (place, query) = rest.split_once('?').unwrap_or((rest, ""));
        // A parameter says more than the place; what it says is not read here.
        if ["host=", "hostaddr=", "service="].iter().any(|name| query.contains(name)) {
            return false;
        }
        let hosts = place.split_once('/').map_or(place, |(hosts, _)| hosts);
        let hosts = hosts.rsplit_once('@').map_or(hosts, |(_, hosts)| hosts);
        let is_here = |host: &str| {
            let name =
                host.strip_prefix('[').map_or_else(|| host.split(':').next(), |rest| rest.split(']').next());
            let name = name.unwrap_or_default();
            let is_socket =
                name.is_empty() || name.get(..3).is_some_and(|start| start.eq_ignore_ascii_case("%2F"));
            is_socket
                || name == "localhost"
                || name.parse().is_ok_and(|address: IpAddr| address.is_loopback())
        };
        hosts.split(',').all(is_here)
    }
}

impl From<&str> for DatabaseUrl {
    fn from(url: &str) -> Self {
        Self(url.to_owned())
    }
}

impl fmt::Debug for DatabaseUrl {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Some((scheme, rest)) = self.0.split_once("://") else { return f.write_str("[redacted]") };
        let (rest, query) = rest.split_once('?').map_or((rest, ""), |(rest, _)| (rest, "?[redacted]"));
        match rest.rsplit_once('@') {
            Some((_, place)) => write!(f, "{scheme}://[redacted]@{place}{query}"),
            None => write!(f, "{scheme}://{rest}{query}"),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_postgres_on_the_same_machine_is_known_by_its_url() {
        for (url, is_here) in [
            ("postgres://app:secret@%2Ftmp%2Fpg/rollcall", true),
            ("postgresql:///rollcall", true),
            ("postgres://localhost/rollcall", true),
            ("postgres://app@localhost:5433/rollcall?sslmode=disable", true),
            ("postgres://127.0.0.1,[::1]:5433/rollcall", true),
            ("postgres://app:secret@db/rollcall", false),
            ("postgres://localhost,db/rollcall", false),
            ("postgres://localhost.example/rollcall", false),
            ("postgres://127.example/rollcall", false),
            ("postgres:///rollcall?host=db", false),
            ("sqlite://rollcall.db", false),
        ] {
            assert_eq!(DatabaseUrl::from(url).is_postgres_here(), is_here, "{url}");
        }
    }

    #[test]
    fn processors_that_are_shared_have_few_connections() {
        for (is_here, processors, expected) in [
            (true, 1, 4),
            (true, 2, 6),
            (true, 3, 9),
            (true, 4, 10),
            (true, 64, 10),
            (false, 1, 10),
            (false, 64, 10),
        ] {
            assert_eq!(by_default(is_here, processors), expected, "{is_here} {processors}");
        }
        assert_eq!(Database { pool_size: 7, ..Database::default() }.connections(), 7);
    }
}
