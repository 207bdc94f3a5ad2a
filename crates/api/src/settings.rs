//! Every setting, its default and where it comes from; `docs/CONFIGURATION.md` explains each.

mod database;

use std::collections::HashMap;
use std::net::SocketAddr;
use std::path::Path;

use auth::password::hasher::Parameters;
use chrono::TimeDelta;
use config::{Config, ConfigError, Environment, File, FileFormat};
use domain::service::retention::Keep;
use serde::Deserialize;

pub use database::{Database, DatabaseUrl};

const DEFAULT_FILE: &str = "config/default.toml";
const PREFIX: &str = "ROLLCALL";

/// All settings.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Settings {
    /// The HTTP server.
    pub server: Server,
    /// The database.
    pub database: Database,
    /// The log.
    pub log: Log,
    /// How often clients may ask.
    pub limits: Limits,
    /// The hosting platform.
    pub platform: Platform,
    /// The log of requests.
    pub requests: Requests,
    /// Accounts of tenant admins.
    pub admins: Admins,
}

/// The HTTP server.
#[derive(Clone, Debug, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Server {
    /// Address and port; port 0 picks a free one.
    pub listen: SocketAddr,
    /// Scheme, host and port under which clients reach the server; everything in `meta.location` begins with it.
    pub public_url: Option<String>,
    /// Threads that serve connections; 0: one per core.
    pub workers: usize,
    /// Seconds that requests in flight have after a signal to stop.
    pub shutdown_seconds: u64,
    /// Seconds for the head of a request, from its first byte.
    pub head_seconds: u64,
    /// Seconds that an idle connection is kept.
    pub keep_alive_seconds: u64,
    /// Connections at once.
    pub max_connections: usize,
}

impl Default for Server {
    fn default() -> Self {
        Self {
            listen: SocketAddr::from(([127, 0, 0, 1], 8080)),
            public_url: None,
            workers: 0,
            shutdown_seconds: 30,
            head_seconds: 5,
            keep_alive_seconds: 30,
            max_connections: 5_000,
        }
    }
}

impl Server {
    /// The public URL without a trailing slash; `bound` is the address that is really listened on.
    ///
    /// # Errors
    /// Not set, while the address is not on loopback; or set to something that is no URL of a server.
    pub fn public_url(&self, bound: SocketAddr) -> Result<String, SettingsError> {
        match &self.public_url {
            Some(url) => {
                let url = url.trim_end_matches('/');
                let host = url.strip_prefix("https://").or_else(|| url.strip_prefix("http://"));
                let usable = |host: &str| {
                    !host.is_empty()
                        && !host.contains(['?', '#', '@'])
                        && host.chars().all(|char| char.is_ascii_graphic())
                };
                match host {
                    Some(host) if usable(host) => Ok(url.to_owned()),
                    _ => Err(SettingsError("server.public_url is no http:// or https:// URL".into())),
                }
            }
            None if bound.ip().is_loopback() => Ok(format!("http://{bound}")),
            None => Err(SettingsError(format!(
                "server.public_url must be set when listening on {}, which is not a loopback address",
                bound.ip()
            ))),
        }
    }

    /// Threads that serve connections.
    pub(crate) fn threads(&self) -> usize {
        match self.workers {
            0 => processors(),
            workers => workers,
        }
    }
}

fn processors() -> usize {
    std::thread::available_parallelism().map_or(2, Into::into)
}

/// The log.
#[derive(Clone, Debug, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Log {
    /// Levels by module, in the syntax of `env_logger`.
    pub filter: String,
    /// The form of a line.
    pub format: LogFormat,
}

impl Default for Log {
    fn default() -> Self {
        Self { filter: "info,actix_server=warn,actix_http=off".into(), format: LogFormat::Text }
    }
}

/// The form of a line of the log.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum LogFormat {
    /// For people.
    Text,
    /// One JSON object per line.
    Json,
}

/// How often clients may ask; counted in each process by itself.
#[derive(Clone, Debug, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Limits {
    /// Requests of a tenant in a second, in the long run; 0: any number.
    pub tenant_per_second: u32,
    /// Requests of a tenant at once.
    pub tenant_burst: u32,
    /// Requests with one token in a second, in the long run; 0: any number.
    pub token_per_second: u32,
    /// Requests with one token at once.
    pub token_burst: u32,
    /// Wrong credentials from one address in a minute; 0: any number.
    pub failures_per_minute: u32,
    /// Wrong passwords for one account from one address before each further one has to wait; 0: any number.
    pub sign_in_failures: u32,
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            tenant_per_second: 50,
            tenant_burst: 100,
            token_per_second: 50,
            token_burst: 100,
            failures_per_minute: 100,
            sign_in_failures: 10,
        }
    }
}

impl Limits {
    /// # Errors
    /// A limit under which nothing would ever be served.
    pub(crate) fn check(&self) -> Result<(), SettingsError> {
        let bursts = [
            ("tenant_burst", self.tenant_per_second, self.tenant_burst),
            ("token_burst", self.token_per_second, self.token_burst),
        ];
        match bursts.into_iter().find(|&(_, rate, burst)| rate > 0 && burst == 0) {
            Some((name, ..)) => Err(SettingsError(format!("limits.{name} must be at least 1"))),
            None => Ok(()),
        }
    }
}

/// The hosting platform.
#[derive(Clone, Debug, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Platform {
    /// Days that the data of a deleted tenant are kept.
    pub purge_after_days: u16,
}

impl Default for Platform {
    fn default() -> Self {
        Self { purge_after_days: 30 }
    }
}

impl Platform {
    /// How long the data of a deleted tenant are kept.
    pub(crate) fn keep(&self) -> TimeDelta {
        TimeDelta::days(self.purge_after_days.into())
    }
}

/// The log of requests of each tenant.
#[derive(Clone, Debug, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Requests {
    /// Days that a request is kept.
    pub keep_days: u16,
    /// Requests of a tenant that are kept, the youngest; 0: none are recorded.
    pub keep_most: u32,
}

impl Default for Requests {
    fn default() -> Self {
        Self { keep_days: 30, keep_most: 100_000 }
    }
}

impl Requests {
    /// # Errors
    /// A time after which nothing would be left.
    pub(crate) fn check(&self) -> Result<(), SettingsError> {
        if self.keep_days > 0 {
            Ok(())
        } else {
            Err(SettingsError("requests.keep_days must be at least 1".into()))
        }
    }

    /// How long requests are kept.
    pub(crate) fn keep(&self) -> Keep {
        Keep { time: TimeDelta::days(self.keep_days.into()), most: self.keep_most as usize }
    }
}

/// Accounts of tenant admins: how much work the hash of a password is.
#[derive(Clone, Debug, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Admins {
    /// KiB of memory for one hash.
    pub hash_memory_kib: u32,
    /// Passes over that memory.
    pub hash_iterations: u32,
    /// Lanes, which are worked on one after the other.
    pub hash_lanes: u32,
}

impl Default for Admins {
    fn default() -> Self {
        let Parameters { memory_kib, iterations, lanes } = Parameters::default();
        Self { hash_memory_kib: memory_kib, hash_iterations: iterations, hash_lanes: lanes }
    }
}

impl Admins {
    /// For the hasher, which judges them.
    pub(crate) fn parameters(&self) -> Parameters {
        Parameters {
            memory_kib: self.hash_memory_kib,
            iterations: self.hash_iterations,
            lanes: self.hash_lanes,
        }
    }
}

/// A setting that cannot be used; the text names it.
#[derive(Debug, thiserror::Error)]
#[error("{0}")]
pub struct SettingsError(String);

impl From<ConfigError> for SettingsError {
    /// One line, without the picture that the parser of TOML draws of the place: it may hold a password.
    fn from(error: ConfigError) -> Self {
        let picture =
            |line: &&str| line.trim_start_matches(|char: char| char.is_ascii_digit()).trim().starts_with('|');
        let text = error.to_string();
        let lines: Vec<&str> =
            text.lines().map(str::trim).filter(|line| !line.is_empty() && !picture(line)).collect();
        Self(format!("settings: {}", lines.join(" ")))
    }
}

/// What the command line decides.
#[derive(Clone, Debug, Default)]
pub struct Overrides {
    /// `--database-url` or `DATABASE_URL`.
    pub database_url: Option<DatabaseUrl>,
    /// `--listen`.
    pub listen: Option<SocketAddr>,
}

impl Settings {
    /// Reads `config/default.toml` if there is one, then `file`, then the environment, then `overrides`.
    ///
    /// # Errors
    /// An unreadable file, an unknown key or a value of the wrong type; the text names it.
    pub fn load(file: Option<&Path>, overrides: Overrides) -> Result<Self, SettingsError> {
        Self::from_sources(Path::new(DEFAULT_FILE), file, None, overrides)
    }

    /// `environment` of none is that of the process.
    fn from_sources(
        default_file: &Path,
        file: Option<&Path>,
        environment: Option<HashMap<String, String>>,
        overrides: Overrides,
    ) -> Result<Self, SettingsError> {
        let mut sources =
            Config::builder().add_source(File::from(default_file).format(FileFormat::Toml).required(false));
        if let Some(file) = file {
            sources = sources.add_source(File::from(file).format(FileFormat::Toml));
        }
        let variables = Environment::with_prefix(PREFIX)
            .prefix_separator("__")
            .separator("__")
            .try_parsing(true)
            .ignore_empty(true)
            .source(environment);
        let mut settings: Self = sources.add_source(variables).build()?.try_deserialize()?;
        if let Some(url) = overrides.database_url {
            settings.database.url = url;
        }
        if let Some(listen) = overrides.listen {
            settings.server.listen = listen;
        }
        Ok(settings)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::path::PathBuf;

    fn file(name: &str, text: &str) -> PathBuf {
        let path = std::env::temp_dir().join(format!("rollcall-{}-{name}.toml", std::process::id()));
        std::fs::write(&path, text).unwrap();
        path
    }

    fn load(
        default_file: &Path,
        file: Option<&Path>,
        environment: &[(&str, &str)],
    ) -> Result<Settings, SettingsError> {
        let environment = environment.iter().map(|&(key, value)| (key.into(), value.into())).collect();
        Settings::from_sources(default_file, file, Some(environment), Overrides::default())
    }

    fn nowhere() -> &'static Path {
        Path::new("/nonexistent/default.toml")
    }

    #[test]
    fn later_sources_win() {
        let first = file("first", "[server]\nlisten = \"127.0.0.1:1\"\nworkers = 1\nshutdown_seconds = 1\n");
        let second = file("second", "[server]\nworkers = 2\nshutdown_seconds = 2\n");
        let settings = load(&first, Some(&second), &[("ROLLCALL__SERVER__SHUTDOWN_SECONDS", "3")]).unwrap();
        assert_eq!(settings.server.listen.port(), 1);
        assert_eq!((settings.server.workers, settings.server.shutdown_seconds), (2, 3));
        assert_eq!(settings.server.max_connections, 5_000);
        let overrides = Overrides {
            database_url: Some("sqlite://x.db".into()),
            listen: Some(SocketAddr::from(([127, 0, 0, 1], 9))),
        };
        let settings = Settings::from_sources(&first, None, Some(HashMap::new()), overrides).unwrap();
        assert_eq!((settings.server.listen.port(), settings.database.url.reveal()), (9, "sqlite://x.db"));
    }

    #[test]
    fn unknown_keys_are_refused_by_name() {
        let wrong_key = file("key", "[server]\nlissten = \"127.0.0.1:1\"\n");
        let wrong_section = file("section", "[sever]\nworkers = 1\n");
        for (result, name) in [
            (load(nowhere(), Some(&wrong_key), &[]), "lissten"),
            (load(nowhere(), Some(&wrong_section), &[]), "sever"),
            (load(nowhere(), None, &[("ROLLCALL__SERVER__WORKER", "1")]), "worker"),
            (load(nowhere(), None, &[("ROLLCALL__LOGG__FILTER", "info")]), "logg"),
        ] {
            let error = result.unwrap_err().to_string();
            assert!(error.contains(&format!("`{name}`")) && !error.contains('\n'), "{error}");
        }
    }

    #[test]
    fn wrong_values_are_refused_by_name() {
        let error = load(nowhere(), None, &[("ROLLCALL__SERVER__LISTEN", "here")]).unwrap_err().to_string();
        assert!(error.contains("listen"), "{error}");
        let error = load(nowhere(), None, &[("ROLLCALL__SERVER__WORKERS", "x")]).unwrap_err().to_string();
        assert!(error.contains("workers"), "{error}");
        assert!(load(nowhere(), Some(nowhere()), &[]).is_err());
    }

    #[test]
    fn a_broken_file_is_named_and_its_text_is_not_shown() {
        let broken = file("broken", "[database]\nurl = \"postgres://scim:s3cret@db/x\n");
        let error = load(nowhere(), Some(&broken), &[]).unwrap_err().to_string();
        assert!(error.contains("line 2") && !error.contains("s3cret") && !error.contains('\n'), "{error}");
    }

    #[test]
    fn variables_of_others_are_left_alone() {
        load(nowhere(), None, &[("ROLLCALL_TOKEN", "x"), ("HOME", "/"), ("ROLLCALL__LOG__FILTER", "")])
            .unwrap();
    }

    #[test]
    fn a_limit_lets_something_through() {
        Limits::default().check().unwrap();
        let nothing = Limits { token_burst: 0, ..Limits::default() };
        assert!(nothing.check().unwrap_err().to_string().contains("limits.token_burst"));
        Limits { token_per_second: 0, ..nothing }.check().unwrap();
    }

    #[test]
    fn requests_are_kept_for_a_day_or_none_are() {
        Requests { keep_days: 1, keep_most: 0 }.check().unwrap();
        let error = Requests { keep_days: 0, keep_most: 1 }.check().unwrap_err().to_string();
        assert!(error.contains("requests.keep_days"), "{error}");
    }

    #[test]
    fn the_public_url_may_be_left_out_on_loopback_only() {
        let mut server = Server::default();
        let loopback: SocketAddr = "[::1]:8080".parse().unwrap();
        let everywhere: SocketAddr = "0.0.0.0:8080".parse().unwrap();
        assert_eq!(server.public_url(loopback).unwrap(), "http://[::1]:8080");
        assert!(server.public_url(everywhere).unwrap_err().to_string().contains("server.public_url"));
        server.public_url = Some("https://scim.example.com/".into());
        assert_eq!(server.public_url(everywhere).unwrap(), "https://scim.example.com");
        for wrong in ["", "scim.example.com", "https://", "https://u:p@x", "https://x?y"] {
            server.public_url = Some(wrong.into());
            assert!(server.public_url(loopback).is_err(), "{wrong}");
        }
    }

    #[test]
    fn debug_hides_the_password() {
        for url in [
            "postgres://scim:s3cret@db:5432/rollcall",
            "postgres://scim:p@s3cret@a:1,b:2/rollcall?target_session_attrs=any",
            "postgres://db/rollcall?user=scim&password=s3cret",
            "host=db password=s3cret",
        ] {
            let mut settings = Settings::default();
            settings.database.url = url.into();
            assert!(!format!("{settings:?}").contains("s3cret"), "{url}");
        }
        assert_eq!(format!("{:?}", DatabaseUrl::from("sqlite://rollcall.db")), "sqlite://rollcall.db");
    }
}
