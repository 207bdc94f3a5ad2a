//! What may be said behind `rollcall guard`.

use clap::Subcommand;

/// `rollcall guard …`
#[derive(Debug, Subcommand)]
pub(crate) enum Guard {
    /// Show which tokens count against the guard now, and which are held
    Show {
        /// Short name of the tenant
        #[arg(long, value_name = "SLUG")]
        tenant: String,
        /// Print JSON
        #[arg(long)]
        json: bool,
    },
    /// Let a token begin anew, or every one that is held
    Release {
        /// Short name of the tenant
        #[arg(long, value_name = "SLUG")]
        tenant: String,
        /// Only this token, held or not
        #[arg(long, value_name = "ID")]
        token: Option<String>,
        /// Print JSON
        #[arg(long)]
        json: bool,
    },
}
