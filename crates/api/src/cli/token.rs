//! What may be said behind `rollcall token`.

use chrono::TimeDelta;
use clap::Subcommand;
use domain::principal::Scope;
use domain::role::Role;

use super::values::{Lifetime, lifetime, name, overlap, role, scope};

/// `rollcall token …`
#[derive(Debug, Subcommand)]
pub(crate) enum Token {
    /// Create an API token and print it, this once
    Create {
        /// Short name of the tenant
        #[arg(long, value_name = "SLUG")]
        tenant: String,
        /// What to call it
        #[arg(long, value_parser = name)]
        name: String,
        /// How long it lives: 90d, 12h or never
        #[arg(long, value_name = "TIME", value_parser = lifetime, default_value_t = Lifetime::default())]
        expires_in: Lifetime,
        /// What it may do; everything unless given
        #[arg(long = "scope", value_name = "SCOPE", value_parser = scope)]
        scopes: Vec<Scope>,
        /// The highest role it may grant; any unless given
        #[arg(long, value_name = "ROLE", value_parser = role)]
        role_ceiling: Option<Role>,
        /// Print JSON
        #[arg(long)]
        json: bool,
    },
    /// List the API tokens of a tenant
    List {
        /// Short name of the tenant
        #[arg(long, value_name = "SLUG")]
        tenant: String,
        /// Print JSON
        #[arg(long)]
        json: bool,
    },
    /// Show an API token and how it was last used
    Show {
        /// Short name of the tenant
        #[arg(long, value_name = "SLUG")]
        tenant: String,
        /// The id of the token
        id: String,
        /// Print JSON on one line
        #[arg(long)]
        json: bool,
    },
    /// Give an API token another name
    Rename {
        /// Short name of the tenant
        #[arg(long, value_name = "SLUG")]
        tenant: String,
        /// The id of the token
        id: String,
        /// What to call it
        #[arg(long, value_parser = name)]
        name: String,
        /// Print JSON
        #[arg(long)]
        json: bool,
    },
    /// Give an API token a new secret and print it, this once
    Rotate {
        /// Short name of the tenant
        #[arg(long, value_name = "SLUG")]
        tenant: String,
        /// The id of the token
        id: String,
        /// How long the secret before goes on: 7d, 12h or, to end it now, 0h
        #[arg(long, value_name = "TIME", value_parser = overlap, default_value = "7d")]
        overlap: TimeDelta,
        /// How long the new secret lives: 90d, 12h or never; as long as the one before was made for unless given
        #[arg(long, value_name = "TIME", value_parser = lifetime)]
        expires_in: Option<Lifetime>,
        /// Print JSON
        #[arg(long)]
        json: bool,
    },
    /// Revoke an API token: within a second no server accepts it
    Revoke {
        /// Short name of the tenant
        #[arg(long, value_name = "SLUG")]
        tenant: String,
        /// The id of the token
        id: String,
        /// Print JSON
        #[arg(long)]
        json: bool,
    },
}
