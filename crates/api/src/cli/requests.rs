//! What may be said behind `rollcall requests`.

use clap::Subcommand;
use domain::requests::Status;

use super::audit::{Since, since};

/// `rollcall requests …`
#[derive(Debug, Subcommand)]
pub(crate) enum Requests {
    /// List the requests of a tenant, the youngest first
    List {
        /// Short name of the tenant
        #[arg(long, value_name = "SLUG")]
        tenant: String,
        /// That touched the user, or any other resource, with this id
        #[arg(long, value_name = "ID")]
        user: Option<String>,
        /// That came with the token with this id
        #[arg(long, value_name = "ID")]
        token: Option<String>,
        /// That were answered so: 409, 4xx, or failed
        #[arg(long, value_parser = status)]
        status: Option<Status>,
        /// That bore this id, which was sent back as X-Request-Id
        #[arg(long, value_name = "ID")]
        request: Option<String>,
        /// Not earlier than this: a time (2026-01-31T00:00:00Z), or 90d or 12h ago
        #[arg(long, value_name = "TIME", value_parser = since)]
        since: Option<Since>,
        /// Earlier than this
        #[arg(long, value_name = "TIME", value_parser = since)]
        until: Option<Since>,
        /// Print one JSON object per line
        #[arg(long)]
        json: bool,
    },
    /// Everything that was done to a user and by whom, the youngest first: one JSON object per line
    History {
        /// Short name of the tenant
        #[arg(long, value_name = "SLUG")]
        tenant: String,
        /// The id of the user, or of any other resource
        #[arg(long, value_name = "ID")]
        user: String,
    },
    /// Show a request with its body, as JSON
    Show {
        /// Short name of the tenant
        #[arg(long, value_name = "SLUG")]
        tenant: String,
        /// Its id in the log
        id: String,
    },
}

fn status(text: &str) -> Result<Status, String> {
    Status::parse(text).ok_or_else(|| "a status (409), a class of them (4xx), or failed".into())
}
