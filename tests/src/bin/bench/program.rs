//! The program that is measured: its commands, and the server.

use std::fs::File;
use std::io::{BufRead, BufReader};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use super::client::Client;

/// `rollcall` beside this program, or what `ROLLCALL_BIN` names; it works in a folder of its own.
pub(super) struct Program {
    path: PathBuf,
    pub(super) folder: PathBuf,
}

impl Program {
    pub(super) fn find(folder: &Path) -> Self {
        let path = std::env::var_os("ROLLCALL_BIN")
            .map_or_else(|| std::env::current_exe().unwrap().with_file_name("rollcall"), PathBuf::from);
        assert!(path.exists(), "{} is not there: run tests/bench/run", path.display());
        Self { path, folder: folder.to_owned() }
    }

    fn command(&self, url: &str) -> Command {
        let mut command = Command::new(&self.path);
        for (name, _) in std::env::vars_os() {
            let ours = name.to_str().is_some_and(|name| name.starts_with("ROLLCALL__"));
            if ours || name == "RUST_LOG" {
                command.env_remove(name);
            }
        }
        command.current_dir(&self.folder).env("DATABASE_URL", url).stdin(Stdio::null());
        command
    }

    /// Runs a command and returns what it printed.
    pub(super) fn cli(&self, url: &str, arguments: &[&str]) -> String {
        let output = self.command(url).args(arguments).output().unwrap();
        assert!(output.status.success(), "{arguments:?}: {}", String::from_utf8_lossy(&output.stderr));
        String::from_utf8(output.stdout).unwrap().trim().to_owned()
    }

    /// Starts the server without limits on requests.
    pub(super) fn serve(&self, url: &str) -> Server {
        self.serve_with(url, false)
    }

    /// With or without limits on requests; everything else is as it is by default, and the log goes to a file.
    pub(super) fn serve_with(&self, url: &str, limits: bool) -> Server {
        let mut command = self.command(url);
        if !limits {
            let names = ["TENANT", "TOKEN"].map(|whose| format!("ROLLCALL__LIMITS__{whose}_PER_SECOND"));
            command.envs(names.map(|name| (name, "0")));
        }
        let log = File::options().create(true).append(true).open(self.folder.join("server.log")).unwrap();
        let start = Instant::now();
        let child = command
            .args(["serve", "--listen", "127.0.0.1:0"])
            .stdout(Stdio::piped())
            .stderr(log)
            .spawn()
            .unwrap();
        let (child, address) = listening(child);
        Server { child, address, ready: start.elapsed() }
    }
}

/// Waits for the line that says where a child listens.
pub(super) fn listening(mut child: Child) -> (Child, String) {
    let mut lines = BufReader::new(child.stdout.take().unwrap()).lines();
    loop {
        let line = lines.next().expect("it says that it is ready").unwrap();
        if let Some(address) = line.strip_prefix("listening on http://") {
            return (child, address.to_owned());
        }
    }
}

/// Runs until it is dropped.
pub(super) struct Server {
    child: Child,
    pub(super) address: String,
    /// From the start of the process to the line that it listens.
    pub(super) ready: Duration,
}

impl Server {
    pub(super) fn client(&self, token: &str) -> Client {
        Client::connect(&self.address, token)
    }

    pub(super) fn id(&self) -> u32 {
        self.child.id()
    }

    /// Ends it at once; doing it again changes nothing.
    pub(super) fn stop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        self.stop();
    }
}
