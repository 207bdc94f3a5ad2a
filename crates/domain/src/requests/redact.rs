//! What is kept of a request that failed: everything but secrets. When in doubt a value is one.

#[cfg(test)]
mod tests;

use serde_json::Value;

use super::{BODY_BYTES, cut};

/// What stands in the place of a secret.
const REDACTED: &str = "[redacted]";
/// Words in the name of a secret, in small letters.
const WORDS: [&str; 13] = [
    "password",
    "passwd",
    "passphrase",
    "passcode",
    "pwd",
    "secret",
    "token",
    "credential",
    "apikey",
    "authorization",
    "privatekey",
    "cookie",
    "jwt",
];
/// What our own secrets begin with: tokens, invitations, platform tokens, refresh tokens.
const FAMILIES: [&str; 4] = ["rcl_", "rci_", "rcp_", "rcr_"];
/// Letters and digits behind such a prefix, or of any other credential, from which on it is a secret.
const SECRET_CHARS: usize = 16;
/// Secrets of a body that are looked for in other texts, and their length from which on it makes sense.
const REMEMBERED: usize = 100;
const REMEMBERED_CHARS: usize = 4;

/// A body without its secrets.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Redacted {
    /// As JSON, cut where it is long.
    pub text: String,
    /// What was taken out: other texts may quote it.
    secrets: Vec<String>,
}

impl Redacted {
    /// A text that may quote the body, without what was taken out there.
    pub fn clean(&self, text: &str) -> String {
        self.secrets.iter().fold(text.to_owned(), |text, secret| text.replace(secret, REDACTED))
    }
}

/// What may be kept of a body. Of what is no JSON nobody can say where its secrets are: only its length is kept.
pub fn body(bytes: &[u8]) -> Redacted {
    let mut secrets = Vec::new();
    let text = match serde_json::from_slice::<Value>(bytes) {
        Ok(mut value) => {
            redact(&mut value, false, &mut secrets);
            cut(&value.to_string(), BODY_BYTES)
        }
        Err(_) => format!("[{} bytes that are no JSON]", bytes.len()),
    };
    Redacted { text, secrets }
}

/// Takes secrets out of a value; all of it when it is `secret`.
fn redact(value: &mut Value, secret: bool, secrets: &mut Vec<String>) {
    match value {
        Value::Object(members) => {
            // An operation of a PATCH names the attribute beside the value.
            let named = members.iter().any(|(key, value)| {
                key.eq_ignore_ascii_case("path") && value.as_str().is_some_and(names_secret)
            });
            let redacted = std::mem::take(members).into_iter().map(|(key, mut value)| {
                let beside = named && (key.eq_ignore_ascii_case("value") || key.eq_ignore_ascii_case("path"));
                redact(&mut value, secret || beside || names_secret(&key), secrets);
                (scrub(&key), value)
            });
            *members = redacted.collect();
        }
        Value::Array(values) => values.iter_mut().for_each(|value| redact(value, secret, secrets)),
        Value::String(text) if secret => {
            if text.chars().count() >= REMEMBERED_CHARS && secrets.len() < REMEMBERED {
                secrets.push(std::mem::take(text));
            }
            *value = REDACTED.into();
        }
        Value::String(text) => *text = scrub(text),
        Value::Number(_) if secret => *value = REDACTED.into(),
        Value::Number(_) | Value::Bool(_) | Value::Null => {}
    }
}

/// Whether a name is that of a secret: `password`, `urn:…:User:passWord`, `client_secret`, `x-api-key`.
fn names_secret(name: &str) -> bool {
    let plain: String = name.chars().filter(|c| c.is_alphanumeric()).flat_map(char::to_lowercase).collect();
    WORDS.iter().any(|word| plain.contains(word))
}

/// A path with its query: parameters whose name or whose filter is about a secret lose their value.
pub fn target(target: &str) -> String {
    let Some((path, query)) = target.split_once('?') else { return scrub(target) };
    let pairs = query.split('&').map(|pair| match pair.split_once('=') {
        Some((name, value)) if names_secret(name) || names_secret(&outside_quotes(value)) => {
            format!("{}={REDACTED}", scrub(name))
        }
        _ => scrub(pair),
    });
    format!("{}?{}", scrub(path), pairs.collect::<Vec<_>>().join("&"))
}

/// The attributes and operators of a filter as sent: not what they are compared to.
fn outside_quotes(filter: &str) -> String {
    let plain = filter.replace("%22", "\"");
    plain.split('"').step_by(2).collect::<Vec<_>>().join(" ")
}

/// A text without what looks like a credential: one of our own secrets, a JWT, what stands behind the name of a scheme.
pub fn scrub(text: &str) -> String {
    let mut clean = String::with_capacity(text.len());
    let (mut at, mut no_jwt_before) = (0, 0);
    while let Some(next) = text[at..].chars().next() {
        let rest = &text[at..];
        let mut length = opaque(rest).or_else(|| presented(&text[..at], rest));
        if length.is_none() && at >= no_jwt_before && rest.starts_with("eyJ") {
            let word = run(rest, |c| c.is_ascii_alphanumeric() || matches!(c, '_' | '-' | '.'));
            // What begins later in the same word has fewer parts.
            no_jwt_before = at + word;
            length = (word >= SECRET_CHARS && rest[..word].matches('.').count() >= 2).then_some(word);
        }
        match length {
            Some(_) => clean.push_str(REDACTED),
            None => clean.push(next),
        }
        at += length.unwrap_or(next.len_utf8());
    }
    clean
}

/// The length of a secret of ours that `text` begins with.
fn opaque(text: &str) -> Option<usize> {
    let prefix = FAMILIES.iter().find(|prefix| text.starts_with(**prefix))?;
    let length = run(text, |c| c.is_ascii_alphanumeric() || c == '_');
    (length >= prefix.len() + SECRET_CHARS).then_some(length)
}

/// The length of a credential that `text` begins with, behind the name of a scheme.
fn presented(before: &str, text: &str) -> Option<usize> {
    let before = before.as_bytes();
    let named = [&b"bearer "[..], b"basic "].iter().any(|scheme| {
        before.len().checked_sub(scheme.len()).is_some_and(|at| before[at..].eq_ignore_ascii_case(scheme))
    });
    let length = || run(text, |c| c.is_ascii_alphanumeric() || "_-.~+/=".contains(c));
    named.then(length).filter(|&length| length >= SECRET_CHARS)
}

/// Bytes of the characters at the beginning that are such.
fn run(text: &str, such: impl Fn(char) -> bool) -> usize {
    text.find(|c| !such(c)).unwrap_or(text.len())
}
