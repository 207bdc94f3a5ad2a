//! The command line: what may be said. What is done stands in [`crate::commands`].
//!
//! Exit status: 0 done; 2 wrong usage; 1 anything else, with one line on stderr.

mod admin;
mod audit;
mod guard;
mod requests;
mod token;
mod values;

use std::net::SocketAddr;
use std::path::PathBuf;
use std::process::ExitCode;

use clap::error::ErrorKind;
use clap::{Args, CommandFactory, Parser, Subcommand};

pub(crate) use values::{Lifetime, lifetime, overlap};
use values::{assignment, name, slug};

use crate::settings::{DatabaseUrl, Overrides, Settings};
use crate::{commands, error};

pub(crate) use admin::{Account, Admin};
pub(crate) use audit::{Audit, Filters};
pub(crate) use guard::Guard;
pub(crate) use requests::Requests;
pub(crate) use token::Token;

/// What a command fails with: the whole chain becomes one line.
pub(crate) type Outcome = Result<(), Box<dyn std::error::Error + Send + Sync>>;

/// A multi-tenant SCIM 2.0 service provider.
#[derive(Debug, Parser)]
#[command(name = "rollcall", version, about)]
struct Cli {
    /// Database: sqlite:///absolute/path.db, sqlite://relative.db or postgres://…
    #[arg(long, global = true, value_name = "URL", env = "DATABASE_URL", hide_env_values = true)]
    database_url: Option<String>,

    #[command(flatten)]
    serve: Serve,

    /// `serve` when left out.
    #[command(subcommand)]
    command: Option<Command>,
}

#[derive(Debug, Subcommand)]
enum Command {
    /// Serve SCIM over HTTP (the default)
    Serve(Serve),
    /// Migrate the database and exit
    Migrate,
    /// Tenants
    #[command(subcommand)]
    Tenant(Tenant),
    /// Accounts of tenant admins
    #[command(subcommand)]
    Admin(Admin),
    /// API tokens
    #[command(subcommand)]
    Token(Token),
    /// Credentials of the hosting platform, for /platform/v1
    #[command(subcommand)]
    PlatformToken(PlatformToken),
    /// Schemas and resource types that a tenant defines itself
    #[command(subcommand)]
    Schema(Schema),
    /// Who changed what, and whether the record of it is whole
    #[command(subcommand)]
    Audit(Audit),
    /// Tokens that have deactivated or deleted too many users
    #[command(subcommand)]
    Guard(Guard),
    /// What was asked of a tenant, and how it was answered
    #[command(subcommand)]
    Requests(Requests),
    /// Fill a tenant with realistic synthetic data
    Load(Load),
}

/// Options of `serve`.
#[derive(Clone, Debug, Default, PartialEq, Eq, Args)]
pub(crate) struct Serve {
    /// Listen here; port 0 picks a free one
    #[arg(long, value_name = "ADDR:PORT")]
    pub(crate) listen: Option<SocketAddr>,
    /// Read settings from this file
    #[arg(long, value_name = "FILE")]
    pub(crate) config: Option<PathBuf>,
    /// On an empty database create a tenant `demo` with a token
    #[arg(long)]
    pub(crate) demo: bool,
}

/// `rollcall tenant …`
#[derive(Debug, Subcommand)]
pub(crate) enum Tenant {
    /// Create a tenant
    Create {
        /// Short name: small letters, digits and hyphens, at most 63
        #[arg(value_parser = slug)]
        slug: String,
        /// Name for people; the slug unless given
        #[arg(long)]
        name: Option<String>,
        /// Print JSON
        #[arg(long)]
        json: bool,
    },
    /// List the tenants
    List {
        /// Print JSON
        #[arg(long)]
        json: bool,
    },
    /// Refuse all requests of a tenant until it is resumed
    Suspend {
        /// Its short name
        slug: String,
        /// Print JSON
        #[arg(long)]
        json: bool,
    },
    /// Serve a suspended tenant again
    Resume {
        /// Its short name
        slug: String,
        /// Print JSON
        #[arg(long)]
        json: bool,
    },
    /// Show a tenant and its settings
    Show {
        /// Its short name
        slug: String,
        /// Print JSON
        #[arg(long)]
        json: bool,
    },
    /// Change settings of a tenant
    Set {
        /// Its short name
        slug: String,
        /// `revival=false`; `revival=default` gives the decision back
        #[arg(value_name = "KEY=VALUE", required = true, value_parser = assignment)]
        settings: Vec<(String, String)>,
        /// Print JSON
        #[arg(long)]
        json: bool,
    },
    /// Remove the data of a tenant at once, deleted or not
    Purge {
        /// Its short name or, once it is deleted, its id
        #[arg(value_name = "SLUG|ID")]
        tenant: String,
        /// Yes, remove everything
        #[arg(long, required = true)]
        yes: bool,
        /// Print JSON
        #[arg(long)]
        json: bool,
    },
    /// Delete a tenant
    Delete {
        /// Its short name
        slug: String,
        /// Yes, delete it
        #[arg(long, required = true)]
        yes: bool,
        /// Print JSON
        #[arg(long)]
        json: bool,
    },
}

/// `rollcall platform-token …`
#[derive(Debug, Subcommand)]
pub(crate) enum PlatformToken {
    /// Create a platform token and print it, this once
    Create {
        /// What to call it
        #[arg(long, value_parser = name)]
        name: String,
        /// How long it lives: 90d, 12h or never
        #[arg(long, value_name = "TIME", value_parser = lifetime, default_value_t = Lifetime::default())]
        expires_in: Lifetime,
        /// Print JSON
        #[arg(long)]
        json: bool,
    },
    /// List the platform tokens
    List {
        /// Print JSON
        #[arg(long)]
        json: bool,
    },
    /// Revoke a platform token: no server accepts it any more
    Revoke {
        /// The id of the token
        id: String,
        /// Print JSON
        #[arg(long)]
        json: bool,
    },
}

/// `rollcall schema …`
#[derive(Debug, Subcommand)]
pub(crate) enum Schema {
    /// Apply the definitions of a file; what the file does not name stays
    Apply {
        /// Short name of the tenant
        #[arg(long, value_name = "SLUG")]
        tenant: String,
        /// JSON: a Schema, a ResourceType, or several of them
        #[arg(value_name = "FILE")]
        file: PathBuf,
        /// Print JSON
        #[arg(long)]
        json: bool,
    },
    /// List what a tenant has defined
    List {
        /// Short name of the tenant
        #[arg(long, value_name = "SLUG")]
        tenant: String,
        /// Print JSON
        #[arg(long)]
        json: bool,
    },
    /// Print definitions as they can be applied
    Show {
        /// Short name of the tenant
        #[arg(long, value_name = "SLUG")]
        tenant: String,
        /// The URN of a schema or the name of a resource type; all unless given
        id: Option<String>,
        /// Print JSON on one line
        #[arg(long)]
        json: bool,
    },
    /// Remove a definition that nothing uses
    Remove {
        /// Short name of the tenant
        #[arg(long, value_name = "SLUG")]
        tenant: String,
        /// The URN of a schema or the name of a resource type
        id: String,
        /// Print JSON
        #[arg(long)]
        json: bool,
    },
}

/// `rollcall load`
#[derive(Debug, Args)]
pub(crate) struct Load {
    /// Short name of the tenant
    #[arg(long, value_name = "SLUG")]
    pub(crate) tenant: String,
    /// How many users to add
    #[arg(long, value_name = "N")]
    pub(crate) users: u64,
    /// How many groups to add after them
    #[arg(long, value_name = "M", default_value_t = 0)]
    pub(crate) groups: u64,
    /// How many of the tenant's users each of these groups gets
    #[arg(
        long, value_name = "K", default_value_t = 0, requires = "groups",
        value_parser = clap::value_parser!(u64).range(..=domain::limits::GROUP_MEMBERS as u64)
    )]
    pub(crate) members: u64,
}

/// Reads the arguments and does what they say.
pub fn main() -> ExitCode {
    let cli = Cli::parse();
    match run(cli) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("rollcall: {}", error::chain(&*error));
            ExitCode::FAILURE
        }
    }
}

fn run(cli: Cli) -> Outcome {
    let url = cli.database_url.as_deref().filter(|url| !url.is_empty()).map(DatabaseUrl::from);
    let command = match cli.command {
        None => Command::Serve(cli.serve),
        Some(command) if cli.serve == Serve::default() => command,
        Some(_) => Cli::command()
            .error(ErrorKind::ArgumentConflict, "options of `serve` belong behind the command")
            .exit(),
    };
    let overrides = Overrides { database_url: url, listen: None };
    match command {
        Command::Serve(options) => {
            let overrides = Overrides { listen: options.listen, ..overrides };
            let settings = Settings::load(options.config.as_deref(), overrides)?;
            commands::serve::run(&settings, options.demo)
        }
        Command::Migrate => commands::migrate::run(&Settings::load(None, overrides)?),
        Command::Tenant(command) => commands::tenant::run(&Settings::load(None, overrides)?, command),
        Command::Admin(command) => commands::admin::run(&Settings::load(None, overrides)?, command),
        Command::Token(command) => commands::token::run(&Settings::load(None, overrides)?, command),
        Command::PlatformToken(command) => {
            commands::platform_token::run(&Settings::load(None, overrides)?, command)
        }
        Command::Schema(command) => commands::schema::run(&Settings::load(None, overrides)?, command),
        Command::Audit(command) => commands::audit::run(&Settings::load(None, overrides)?, command),
        Command::Guard(command) => commands::guard::run(&Settings::load(None, overrides)?, command),
        Command::Requests(command) => commands::requests::run(&Settings::load(None, overrides)?, command),
        Command::Load(options) => commands::load::run(&Settings::load(None, overrides)?, &options),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_definition_is_sound() {
        Cli::command().debug_assert();
    }

    #[test]
    fn nothing_means_serve() {
        let cli = Cli::try_parse_from(["rollcall", "--database-url", "sqlite://x.db", "--demo"]).unwrap();
        assert!(cli.command.is_none() && cli.serve.demo);
        let cli =
            Cli::try_parse_from(["rollcall", "tenant", "list", "--database-url", "sqlite://x.db"]).unwrap();
        assert_eq!(cli.database_url.as_deref(), Some("sqlite://x.db"));
    }

    #[test]
    fn deleting_wants_a_yes() {
        assert!(Cli::try_parse_from(["rollcall", "tenant", "delete", "acme"]).is_err());
        assert!(Cli::try_parse_from(["rollcall", "tenant", "delete", "acme", "--yes"]).is_ok());
    }

    #[test]
    fn members_belong_to_groups() {
        let load = |more: &[&str]| {
            let known = ["rollcall", "load", "--tenant", "acme", "--users", "5"];
            Cli::try_parse_from(known.iter().chain(more))
        };
        assert!(load(&[]).is_ok() && load(&["--groups", "2", "--members", "200000"]).is_ok());
        assert!(load(&["--members", "2"]).is_err());
        assert!(load(&["--groups", "2", "--members", "200001"]).is_err());
    }
}
