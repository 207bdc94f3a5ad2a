//! `rollcall admin …`: what may be said.

use clap::{Args, Subcommand};
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
    /// Invite an admin: print the secret of the invitation, this once
    Invite {
        /// Short name of the tenant
        #[arg(long, value_name = "SLUG")]
        tenant: String,
        /// The address it signs in with
        #[arg(long, value_name = "E-MAIL")]
        email: String,
        /// What it may do: owner, admin or auditor
        #[arg(long, value_name = "ROLE", value_parser = admin_role, default_value = "owner")]
        role: AdminRole,
        /// Print JSON
        #[arg(long)]
        json: bool,
    },
    /// List the accounts of a tenant
    List {
        /// Short name of the tenant
        #[arg(long, value_name = "SLUG")]
        tenant: String,
        /// Print JSON
        #[arg(long)]
        json: bool,
    },
    /// Give an account another role
    SetRole {
        #[command(flatten)]
        account: Account,
        /// What it may do: owner, admin or auditor
        #[arg(value_parser = admin_role)]
        role: AdminRole,
    },
    /// Let nobody sign in to an account: its sessions end within a second
    Disable(Account),
    /// Let a disabled account sign in again
    Enable(Account),
    /// Print the secret of a link, this once, with which an account chooses a password
    Reset {
        #[command(flatten)]
        account: Account,
        /// Also take the second factor away, for who has lost it
        #[arg(long)]
        remove_totp: bool,
    },
    /// Delete an account
    Delete {
        #[command(flatten)]
        account: Account,
        /// Yes, delete it
        #[arg(long, required = true)]
        yes: bool,
    },
}

/// Which account a command is for.
#[derive(Debug, Args)]
pub(crate) struct Account {
    /// Short name of the tenant
    #[arg(long, value_name = "SLUG")]
    pub(crate) tenant: String,
    /// The id or the address of the account
    #[arg(value_name = "ACCOUNT")]
    pub(crate) name: String,
    /// Print JSON
    #[arg(long)]
    pub(crate) json: bool,
}
