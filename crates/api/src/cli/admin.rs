//! `rollcall admin …`: what may be said.

use clap::Subcommand;
use domain::admin::AdminRole;

use super::values::admin_role;

/// `rollcall admin …`
#[derive(Debug, Subcommand)]
pub(crate) enum Admin {
    /// Create an account with a password
    Create {
        /// Short name of the tenant
        #[arg(long, value_name = "SLUG")]
        tenant: String,
        /// The address it signs in with
        #[arg(long, value_name = "E-MAIL")]
        email: String,
        /// Read the password from stdin; there is no other way to give it
        #[arg(long, required = true)]
        password_stdin: bool,
        /// What it may do: owner, admin or auditor
        #[arg(long, value_name = "ROLE", value_parser = admin_role, default_value = "owner")]
        role: AdminRole,
        /// Print JSON
        #[arg(long)]
        json: bool,
    },
}
