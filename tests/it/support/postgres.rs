//! The PostgreSQL server of the run: the one `tests/run` started, else one of our own.

use std::io::{BufRead, BufReader};
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::sync::OnceLock;

/// The URL of a superuser on the maintenance database.
pub(crate) fn admin_url() -> &'static str {
    static URL: OnceLock<(String, Option<Child>)> = OnceLock::new();
    let (url, _) = URL.get_or_init(|| match std::env::var("ROLLCALL_TEST_PG_URL") {
        Ok(url) => (url, None),
        Err(_) => {
            let (url, child) = start();
            (url, Some(child))
        }
    });
    url
}

/// The URL of another database of the server.
pub(crate) fn url_of(database: &str) -> String {
    let (server, _) = admin_url().rsplit_once('/').expect("the URL ends in the name of the database");
    format!("{server}/{database}")
}

/// `tests/postgres` stops when its stdin ends, so it ends with this process, however this process ends.
fn start() -> (String, Child) {
    let script = Path::new(env!("CARGO_MANIFEST_DIR")).join("postgres");
    let mut child = Command::new(&script)
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()
        .unwrap_or_else(|error| panic!("{}: {error}", script.display()));
    let stdout = child.stdout.take().expect("stdout is piped");
    let mut url = String::new();
    BufReader::new(stdout).read_line(&mut url).expect("tests/postgres prints text");
    assert!(
        url.starts_with("postgres://"),
        "tests/postgres gave no URL; its message is above. PostgreSQL is needed: no test is left out silently"
    );
    (url.trim_end().to_owned(), child)
}
