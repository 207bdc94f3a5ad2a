//! Secrets where they must not be: in the log, in a refusal, in the database.
//!
//! Every test is a test of this. Opaque secrets and access tokens are known by their form, wherever they come from; a
//! password is remembered when a test sends it. When a test ends, the logs of its servers and all that its database holds
//! are searched, and every reply that refuses something is searched at once.

use std::collections::BTreeSet;
use std::ops::RangeInclusive;
use std::sync::{Mutex, MutexGuard, PoisonError};

use memchr::memmem;
use serde_json::Value;

use super::backend::{Backend, both};
use super::db::TestDb;

/// What opaque secrets of each family begin with.
const PREFIXES: [&str; 4] = ["rcl_", "rcp_", "rcr_", "rci_"];
/// So many has the shortest one, that of the platform.
const DIGITS: usize = 38;
/// A shorter password may be a word that stands elsewhere for good reasons, a longer one is tried for its length: 256
/// characters are the most that are taken, of four bytes each.
const PASSWORD: RangeInclusive<usize> = 12..=1_024;

/// What a search looks at.
pub(crate) struct Search {
    passwords: Vec<String>,
}

fn known() -> MutexGuard<'static, BTreeSet<String>> {
    static KNOWN: Mutex<BTreeSet<String>> = Mutex::new(BTreeSet::new());
    KNOWN.lock().unwrap_or_else(PoisonError::into_inner)
}

/// Remembers the passwords in a body that is sent.
pub(crate) fn remember(body: &[u8]) {
    // Most bodies have none, and some are large.
    if !contains(&body.to_ascii_lowercase(), b"password") {
        return;
    }
    if let Ok(body) = serde_json::from_slice::<Value>(body) {
        collect(&body);
    }
}

/// Remembers a password.
pub(crate) fn remember_password(text: &str) {
    // One that is an address is tried because it is one, and stands where addresses do.
    if PASSWORD.contains(&text.len()) && !text.contains('@') {
        known().insert(text.to_owned());
    }
}

fn collect(value: &Value) {
    match value {
        Value::Object(members) => {
            for (name, value) in members {
                match value {
                    Value::String(text) if name.to_lowercase().contains("password") => {
                        remember_password(text)
                    }
                    other => collect(other),
                }
            }
        }
        Value::Array(values) => values.iter().for_each(collect),
        _ => {}
    }
}

impl Search {
    /// For everything that is known now.
    pub(crate) fn new() -> Self {
        Self { passwords: known().iter().cloned().collect() }
    }

    /// The first secret in these bytes.
    pub(crate) fn find(&self, bytes: &[u8]) -> Option<String> {
        let opaque = PREFIXES.iter().find_map(|prefix| opaque(bytes, prefix.as_bytes(), 1));
        // Binary columns are printed as hexadecimal digits.
        let hidden = || {
            PREFIXES.iter().find_map(|prefix| {
                let (lower, upper) = (hex(prefix.as_bytes()), hex(prefix.as_bytes()).to_uppercase());
                opaque_hex(bytes, lower.as_bytes()).or_else(|| opaque_hex(bytes, upper.as_bytes()))
            })
        };
        opaque.or_else(hidden).or_else(|| access_token(bytes)).or_else(|| {
            let found = self.passwords.iter().find(|text| contains(bytes, text.as_bytes()));
            found.cloned()
        })
    }
}

/// A secret that begins with `prefix`, whose digits take `width` bytes each.
fn opaque(bytes: &[u8], prefix: &[u8], width: usize) -> Option<String> {
    let digit = |byte: &&u8| byte.is_ascii_alphanumeric() || **byte == b'_';
    memmem::find_iter(bytes, prefix).find_map(|place| {
        let rest = &bytes[place + prefix.len()..];
        let length = rest.iter().take_while(digit).count();
        let end = place + prefix.len() + length;
        (length >= DIGITS * width).then(|| String::from_utf8_lossy(&bytes[place..end]).into_owned())
    })
}

fn opaque_hex(bytes: &[u8], prefix: &[u8]) -> Option<String> {
    opaque(bytes, prefix, 2).filter(|found| {
        let digits = found.as_bytes().chunks_exact(2).take(DIGITS);
        let mut read = digits.map(|pair| u8::from_str_radix(&String::from_utf8_lossy(pair), 16));
        read.all(|byte| byte.is_ok_and(|byte| byte.is_ascii_alphanumeric() || byte == b'_'))
    })
}

/// A JSON Web Token: three parts, of which the first is an object.
fn access_token(bytes: &[u8]) -> Option<String> {
    let digit = |byte: &&u8| byte.is_ascii_alphanumeric() || [b'_', b'-', b'.'].contains(byte);
    memmem::find_iter(bytes, b"eyJ").find_map(|place| {
        let token: Vec<u8> = bytes[place..].iter().take_while(digit).copied().collect();
        let text = String::from_utf8_lossy(&token).into_owned();
        let parts: Vec<&str> = text.split('.').collect();
        (parts.len() == 3 && parts.iter().all(|part| part.len() >= 16)).then_some(text)
    })
}

fn contains(bytes: &[u8], wanted: &[u8]) -> bool {
    memmem::find(bytes, wanted).is_some()
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

both!(a_leak_is_found);

fn a_leak_is_found(backend: Backend) {
    let db = TestDb::ready(backend);
    let token = db.tenants()[0].token.clone();
    assert_eq!(db.leaks(), Vec::<String>::new());
    let log = db.folder.join("server-7.log");
    std::fs::write(&log, format!("[INFO] {token} has asked")).expect("the folder is writable");
    assert_eq!(db.leaks(), [format!("server-7.log holds {token}")]);
    std::fs::remove_file(log).expect("it was written");
    db.db_execute(&format!("UPDATE tenants SET name = '{token}' WHERE slug = 'acme'"));
    let leaks = db.leaks();
    assert!(!leaks.is_empty() && leaks.iter().all(|leak| leak.contains(&token)), "{leaks:?}");
    // The end of this test must not find it.
    db.db_execute("UPDATE tenants SET name = 'acme' WHERE slug = 'acme'");
    for name in ["test.db", "test.db-wal"] {
        let _ = std::fs::remove_file(db.folder.join(name));
    }
}

#[test]
fn secrets_are_found_in_every_dress() {
    let digits = "0351l5F5azTa5Ulqk78RyU0351l681eOv14IsqIwBNPg_dcnSxJRzXqOr1jlwH8QhW9na9Eo37Sa11IwE4b";
    let token = format!("rcl_{digits}");
    remember(br#"{"a": [{"newPassword": "plum tree window canary"}], "password": "short"}"#);
    let search = Search::new();
    for hidden in [
        token.clone(),
        format!("x {token}\"y"),
        format!("\\x{}", hex(token.as_bytes())),
        format!("X'{}'", hex(token.as_bytes()).to_uppercase()),
        format!("rcp_{}", &digits[..38]),
        "eyJ0eXAiOiJKV1QiLCJhbGciOiJI.eyJpc3MiOiJodHRwOi8vMTI3.0YUF1GL8X-iWcVbmKqsLtrx".into(),
        "a=plum tree window canary;".into(),
    ] {
        assert!(search.find(hidden.as_bytes()).is_some(), "{hidden}");
    }
    for harmless in
        ["rcl_short", "rcl_ and then digits", "eyJ.x.y", "short", "", "rc", &hex(digits.as_bytes())]
    {
        assert_eq!(search.find(harmless.as_bytes()), None, "{harmless}");
    }
}
