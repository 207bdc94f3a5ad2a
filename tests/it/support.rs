//! What every test stands on: the real program on a fresh database, clients, and a look behind the API.
//!
//! - [`backend`]: the two databases and the macro that runs a test on both
//! - [`db`]: a database per test, copied from a migrated template; helpers with a `db_` prefix bypass the API
//! - [`postgres`]: the PostgreSQL server of the run
//! - [`program`]: the binary, as a command and as a server
//! - [`app`]: server, database, tenants and tokens together
//! - [`http`], [`raw`]: an HTTP client, and one for requests that no client would send
//! - [`canary`]: secrets where they must not be
//! - [`effort`]: how much a run does
//! - [`matching`]: expected against received JSON
//! - [`admins`]: admins of a tenant who sign in
//! - [`users`]: bodies of users
//! - [`groups`]: groups and what they hold, as replies and as rows

pub(crate) mod admins;
pub(crate) mod app;
pub(crate) mod backend;
pub(crate) mod canary;
pub(crate) mod db;
pub(crate) mod effort;
pub(crate) mod groups;
pub(crate) mod http;
pub(crate) mod matching;
pub(crate) mod postgres;
pub(crate) mod program;
pub(crate) mod raw;
pub(crate) mod records;
pub(crate) mod users;
