//! The real program: the binary that `cargo build` made, as a command and as a server.

use std::fs::File;
use std::io::{BufRead, BufReader};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Output, Stdio};
use std::sync::mpsc::{self, Receiver};
use std::time::Duration;

use super::canary;

/// How long a server may take to get ready on a busy machine.
const START: Duration = Duration::from_secs(60);

/// Tests ask more often than a client may. Those of the limits themselves set them.
const LIMITS: [&str; 3] = [
    "ROLLCALL__LIMITS__TENANT_PER_SECOND",
    "ROLLCALL__LIMITS__TOKEN_PER_SECOND",
    "ROLLCALL__LIMITS__FAILURES_PER_MINUTE",
];

/// The least work that a hash of a password may be.
const HASHING: [(&str, &str); 2] =
    [("ROLLCALL__ADMINS__HASH_MEMORY_KIB", "19456"), ("ROLLCALL__ADMINS__HASH_ITERATIONS", "2")];

/// A machine that is shared with others may stand still for longer than a request should wait for a lock.
const LOCK_TIMEOUT: (&str, &str) = ("ROLLCALL__DATABASE__LOCK_TIMEOUT_MS", "10000");

/// The program beside the test binary (`target/<profile>/deps/it-…`), or the one `ROLLCALL_BIN` names.
fn binary() -> PathBuf {
    if let Some(path) = std::env::var_os("ROLLCALL_BIN") {
        return path.into();
    }
    let test = std::env::current_exe().expect("a running test has a path");
    let profile = test.parent().and_then(Path::parent).expect("cargo puts tests into <profile>/deps");
    let program = profile.join("rollcall");
    assert!(program.exists(), "{} is missing: run `cargo build` first", program.display());
    program
}

/// The program in `folder`, with nothing of our own environment that it would read as a setting, and without limits
/// on requests.
pub(crate) fn command(folder: &Path) -> Command {
    let mut command = Command::new(binary());
    command.current_dir(folder).stdin(Stdio::null());
    for (name, _) in std::env::vars_os() {
        let text = name.to_string_lossy();
        let is_setting = text == "DATABASE_URL" || text == "RUST_LOG" || text.starts_with("ROLLCALL__");
        // What cargo says to the tests is not said to the program: it would take itself for `cargo run`.
        if is_setting || text.starts_with("CARGO") {
            command.env_remove(&name);
        }
    }
    command.envs(LIMITS.map(|name| (name, "0")));
    command.envs(HASHING);
    command.env(LOCK_TIMEOUT.0, LOCK_TIMEOUT.1);
    command
}

/// Runs a command of the program to its end.
pub(crate) fn run(folder: &Path, arguments: &[&str]) -> Output {
    let output = command(folder).args(arguments).output().expect("the program starts");
    // What is shown is shown on stdout; stderr goes to logs.
    let found = canary::Search::new().find(&output.stderr);
    assert_eq!(found, None, "rollcall {} prints a secret to stderr", arguments.join(" "));
    output
}

/// Runs a command that has to succeed and gives what it printed.
pub(crate) fn stdout_of(folder: &Path, arguments: &[&str]) -> String {
    let output = run(folder, arguments);
    assert!(
        output.status.success(),
        "rollcall {}: {}\n{}",
        arguments.join(" "),
        output.status,
        String::from_utf8_lossy(&output.stderr)
    );
    String::from_utf8(output.stdout).expect("the program prints UTF-8").trim_end().to_owned()
}

/// A running server.
pub(crate) struct Server {
    child: Child,
    /// `http://127.0.0.1:PORT`.
    pub(crate) url: String,
    /// What it printed on stdout before the line that says it is ready.
    pub(crate) greeting: Vec<String>,
    lines: Receiver<String>,
    log: PathBuf,
}

impl Server {
    /// Starts `rollcall serve` on a free port and waits until it says that it is ready.
    pub(crate) fn start(folder: &Path, database_url: &str) -> Self {
        let mut command = command(folder);
        command.args(["serve", "--listen", "127.0.0.1:0", "--database-url", database_url]);
        Self::start_with(folder, command)
    }

    /// The same for a command line of the caller's own.
    pub(crate) fn start_with(folder: &Path, mut command: Command) -> Self {
        // One log per server: a test may run several on one database.
        let log = (0..)
            .map(|n| folder.join(format!("server-{n}.log")))
            .find(|path| !path.exists())
            .expect("the numbers do not end");
        let file = File::create(&log).expect("the folder of the test is writable");
        let mut child = command.stdout(Stdio::piped()).stderr(file).spawn().expect("the program starts");
        let stdout = child.stdout.take().expect("stdout is piped");
        let (sender, lines) = mpsc::channel();
        // Reads to the end, so that the server never waits for us to take its output.
        std::thread::spawn(move || {
            for line in BufReader::new(stdout).lines().map_while(Result::ok) {
                let _ = sender.send(line);
            }
        });
        let mut server = Self { child, url: String::new(), greeting: Vec::new(), lines, log };
        loop {
            match server.lines.recv_timeout(START) {
                Ok(line) => match line.strip_prefix("listening on ") {
                    Some(url) => {
                        server.url = url.to_owned();
                        return server;
                    }
                    None => server.greeting.push(line),
                },
                Err(reason) => panic!("the server did not get ready ({reason}):\n{}", server.log_text()),
            }
        }
    }

    /// `127.0.0.1:PORT`.
    pub(crate) fn address(&self) -> &str {
        self.url.strip_prefix("http://").expect("the server speaks plain HTTP on loopback")
    }

    /// What it has written to stderr. It gathers lines for a moment.
    pub(crate) fn log_text(&self) -> String {
        std::thread::sleep(Duration::from_millis(25));
        std::fs::read_to_string(&self.log).unwrap_or_default()
    }

    /// kill -9.
    pub(crate) fn kill(&mut self) {
        self.child.kill().expect("the server is ours to kill");
        self.child.wait().expect("a killed child can be waited for");
    }

    /// Whether it still runs.
    pub(crate) fn is_running(&mut self) -> bool {
        self.child.try_wait().expect("our child can be asked").is_none()
    }

    /// Resident memory in bytes.
    pub(crate) fn resident_bytes(&self) -> u64 {
        let status = std::fs::read_to_string(format!("/proc/{}/status", self.child.id())).expect("Linux");
        let line = status.lines().find(|line| line.starts_with("VmRSS:")).expect("the server lives");
        let kib = line.split_whitespace().nth(1).and_then(|text| text.parse::<u64>().ok());
        kib.expect("VmRSS is a number of kB") * 1024
    }

    /// SIGTERM; gives the exit code.
    pub(crate) fn terminate(&mut self) -> Option<i32> {
        let id = self.child.id().to_string();
        let sent = Command::new("kill").args(["-TERM", &id]).status().expect("kill(1) exists");
        assert!(sent.success(), "SIGTERM could not be sent");
        self.child.wait().expect("our child can be waited for").code()
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        if std::thread::panicking() {
            let text = self.log_text();
            let odd: Vec<&str> = text.lines().filter(|line| !line.contains(" INFO ")).collect();
            let from = odd.len().saturating_sub(30);
            eprintln!("what the server logged beside requests:\n{}", odd[from..].join("\n"));
        }
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}
