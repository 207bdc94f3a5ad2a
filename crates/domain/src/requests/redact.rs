//! What is kept of a request that failed: everything but secrets. When in doubt a value is one.

#[cfg(test)]
mod tests;

use base64::Engine;
use base64::engine::general_purpose::STANDARD_NO_PAD;
use percent_encoding::percent_decode_str;
use serde_json::Value;

use super::{BODY_BYTES, cut};

/// What stands in the place of a secret.
const REDACTED: &str = "[redacted]";
/// Words in the name of a secret, in small letters.
const WORDS: [&str; 13] = [
    "pass",
    "pwd",
    "otp",
    "accesskey",
    "recoverycode",
    "secret",
    "token",
    "credential",
    "apikey",
    "authorization",
    "privatekey",
    "cookie",
    "jwt",
];
/// The same, but only as the whole name: as a part of one it is in too many others.
const WHOLE: [&str; 1] = ["pin"];
/// Members of an object that may name the attribute whose value stands beside them.
const NAMING: [&str; 5] = ["path", "name", "key", "type", "attribute"];
/// What our own secrets begin with: tokens, invitations, platform tokens, refresh tokens.
const FAMILIES: [&str; 4] = ["rcl_", "rci_", "rcp_", "rcr_"];
/// Letters and digits behind such a prefix, or of any other credential, from which on it is a secret.
const SECRET_CHARS: usize = 16;
/// Secrets of a body that are looked for in other texts, and their length from which on it makes sense.
const REMEMBERED: usize = 2_000;
const REMEMBERED_CHARS: usize = 4;
/// Bytes of the longest text in which they are looked for.
const CLEANED_BYTES: usize = 64 << 10;
/// JSON is looked for in a text, in a text of that, and not in a text of that any more.
const TEXTS: usize = 2;

/// A body without its secrets.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Redacted {
    /// As JSON, cut where it is long.
    pub text: String,
    /// What was taken out: other texts may quote it.
    secrets: Vec<String>,
    /// There were more than anybody can look for.
    too_many: bool,
}

impl Redacted {
    /// A text that may quote the body, without what was taken out there.
    pub fn clean(&self, text: &str) -> String {
        if self.too_many || text.len() > CLEANED_BYTES {
            return REDACTED.into();
        }
        // All of them are looked for in the text itself: looked for in what others have left, they would find pieces of
        // what stands in the place of those, and a text could grow without end.
        let places = |secret: &String| {
            text.match_indices(secret.as_str())
                .map(|(from, found)| (from, from + found.len()))
                .collect::<Vec<_>>()
        };
        let mut places: Vec<(usize, usize)> = self.secrets.iter().flat_map(places).collect();
        places.sort_unstable();
        let (mut clean, mut done) = (String::with_capacity(text.len()), 0);
        for (from, to) in places {
            if from >= done {
                clean.push_str(&text[done..from]);
                clean.push_str(REDACTED);
            }
            done = done.max(to);
        }
        clean.push_str(&text[done..]);
        clean
    }
}

/// What may be kept of a body. Of what is no JSON nobody can say where its secrets are: only its length is kept.
pub fn body(bytes: &[u8]) -> Redacted {
    let mut found = Found::default();
    let text = match serde_json::from_slice::<Value>(bytes) {
        Ok(mut value) => {
            redact(&mut value, false, 0, &mut found);
            cut(&value.to_string(), BODY_BYTES)
        }
        Err(_) => format!("[{} bytes that are no JSON]", bytes.len()),
    };
    found.secrets.sort_unstable();
    found.secrets.dedup();
    Redacted { text, secrets: found.secrets, too_many: found.too_many }
}

/// What was taken out so far.
#[derive(Default)]
struct Found {
    secrets: Vec<String>,
    too_many: bool,
}

impl Found {
    fn remember(&mut self, secret: String) {
        if self.secrets.len() >= REMEMBERED {
            self.too_many = true;
        } else if secret.chars().count() >= REMEMBERED_CHARS {
            self.secrets.push(secret);
        }
    }
}

/// Takes secrets out of a value; all of it when it is `secret`. `within` says how many texts it stands in.
fn redact(value: &mut Value, secret: bool, within: usize, found: &mut Found) {
    match value {
        Value::Object(members) => {
            // An operation of a PATCH, or a pair of a list, names the attribute beside the value.
            let naming = |key: &str| NAMING.iter().any(|name| key.eq_ignore_ascii_case(name));
            let named =
                members.iter().any(|(key, value)| naming(key) && value.as_str().is_some_and(names_secret));
            let redacted = std::mem::take(members).into_iter().map(|(key, mut value)| {
                let beside = named && (key.eq_ignore_ascii_case("value") || key.eq_ignore_ascii_case("path"));
                let asked = key.eq_ignore_ascii_case("filter")
                    && value.as_str().is_some_and(|filter| names_secret(&outside_quotes(filter)));
                redact(&mut value, secret || beside || asked || names_secret(&key), within, found);
                (scrub(&key), value)
            });
            *members = redacted.collect();
        }
        Value::Array(values) => values.iter_mut().for_each(|value| redact(value, secret, within, found)),
        Value::String(text) if secret => {
            found.remember(std::mem::take(text));
            *value = REDACTED.into();
        }
        Value::String(text) => *text = text_without(text, within, found),
        Value::Number(_) if secret => *value = REDACTED.into(),
        Value::Number(_) | Value::Bool(_) | Value::Null => {}
    }
}

/// A text without its secrets, also when it is JSON itself.
fn text_without(text: &str, within: usize, found: &mut Found) -> String {
    if !text.trim_start().starts_with(['{', '[']) {
        return scrub(text);
    }
    match serde_json::from_str::<Value>(text) {
        Ok(_) if within >= TEXTS => REDACTED.into(),
        Ok(mut value) => {
            redact(&mut value, false, within + 1, found);
            value.to_string()
        }
        Err(_) => scrub(text),
    }
}

/// Whether a name is that of a secret: `password`, `urn:…:User:passWord`, `client_secret`, `x-api-key`.
fn names_secret(name: &str) -> bool {
    let plain: String = name.chars().filter(|c| c.is_alphanumeric()).flat_map(char::to_lowercase).collect();
    WHOLE.contains(&plain.as_str()) || WORDS.iter().any(|word| plain.contains(word))
}

/// A path with its query: parameters whose name or whose filter is about a secret lose their value. They are judged as
/// they are meant and kept as they were sent.
pub fn target(target: &str) -> String {
    let Some((path, query)) = target.split_once('?') else { return scrubbed(target) };
    let pairs = query.split('&').map(|pair| match pair.split_once('=') {
        Some((name, value))
            if names_secret(&decoded(name)) || names_secret(&outside_quotes(&decoded(value))) =>
        {
            format!("{}={REDACTED}", scrubbed(name))
        }
        Some((name, value)) => format!("{}={}", scrubbed(name), scrubbed(value)),
        None => scrubbed(pair),
    });
    format!("{}?{}", scrubbed(path), pairs.collect::<Vec<_>>().join("&"))
}

fn decoded(text: &str) -> String {
    percent_decode_str(&text.replace('+', " ")).decode_utf8_lossy().into_owned()
}

/// A part of a target as it was sent, unless something in it is a credential.
fn scrubbed(part: &str) -> String {
    let (plain, decoded) = (scrub(part), decoded(part));
    let clean = scrub(&decoded);
    if plain == part && clean != decoded { clean } else { plain }
}

/// The attributes and operators of a filter: not what they are compared to.
fn outside_quotes(filter: &str) -> String {
    let (mut outside, mut quoted, mut escaped) = (String::new(), false, false);
    for next in filter.chars() {
        match next {
            _ if escaped => escaped = false,
            '\\' if quoted => escaped = true,
            '"' => {
                quoted = !quoted;
                outside.push(' ');
            }
            _ if !quoted => outside.push(next),
            _ => {}
        }
    }
    outside
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
    let behind = |scheme: &[u8]| {
        before.len().checked_sub(scheme.len()).is_some_and(|at| before[at..].eq_ignore_ascii_case(scheme))
    };
    let basic = behind(b"basic ");
    if !basic && !behind(b"bearer ") && !behind(b"token ") {
        return None;
    }
    let length = run(text, |c| c.is_ascii_alphanumeric() || "_-.~+/=".contains(c));
    // A name and a password may be short together.
    let is_pair = || {
        let bytes = STANDARD_NO_PAD.decode(text[..length].trim_end_matches('='));
        bytes.is_ok_and(|bytes| bytes.contains(&b':'))
    };
    (length >= SECRET_CHARS || basic && is_pair()).then_some(length)
}

/// Bytes of the characters at the beginning that are such.
fn run(text: &str, such: impl Fn(char) -> bool) -> usize {
    text.find(|c| !such(c)).unwrap_or(text.len())
}
