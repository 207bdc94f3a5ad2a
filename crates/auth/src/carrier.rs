//! The places of a request that may carry a credential, as a table, and the rule that exactly one is used.

use base64::Engine;
use base64::alphabet;
use base64::engine::{DecodePaddingMode, GeneralPurpose, GeneralPurposeConfig};
use domain::{Error, Result};

/// What a carrier holds.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Outcome {
    /// The request does not use it.
    NotRequested,
    /// The text of a credential, unjudged.
    Presented(String),
    /// Used, but empty or not readable; the reason is for the log.
    Failed(&'static str),
}

/// One way to send a credential: a header, for `Authorization` a scheme, and how to read what follows.
struct Carrier {
    header: &'static str,
    scheme: Option<&'static str>,
    read: fn(&str) -> Outcome,
}

/// Adding a carrier is adding a row.
static CARRIERS: [Carrier; 4] = [
    Carrier { header: AUTHORIZATION, scheme: Some("bearer"), read: plain },
    Carrier { header: AUTHORIZATION, scheme: Some("basic"), read: basic },
    // MaestroQA's name, then Psoda's.
    Carrier { header: API_TOKEN, scheme: None, read: plain },
    Carrier { header: API_KEY, scheme: None, read: plain },
];

const AUTHORIZATION: &str = "authorization";
const API_TOKEN: &str = "apitoken";
const API_KEY: &str = "api-key";

/// The headers that are asked for.
pub const HEADERS: [&str; 3] = [AUTHORIZATION, API_TOKEN, API_KEY];

/// The one credential of a request; `values` gives the values of the header with a lower-case name.
///
/// # Errors
/// [`Error::Unauthorized`] with the reason for the log when there is none or it cannot be read,
/// [`Error::InvalidRequest`] when there are two different ones or two `Authorization` headers (RFC 6750
/// section 3.1). The same credential in two carriers is one.
pub fn presented<'a, V>(values: impl Fn(&'static str) -> V) -> Result<String>
where
    V: IntoIterator<Item = &'a [u8]>,
{
    if values(AUTHORIZATION).into_iter().count() > 1 {
        return Err(Error::InvalidRequest("send one Authorization header only".into()));
    }
    let mut found: Option<String> = None;
    let mut failed = None;
    for carrier in &CARRIERS {
        for value in values(carrier.header) {
            match outcome(carrier, value) {
                Outcome::NotRequested => {}
                Outcome::Failed(reason) => failed = Some(reason),
                Outcome::Presented(text) => match &found {
                    Some(first) if *first != text => {
                        return Err(Error::InvalidRequest("send one credential only".into()));
                    }
                    _ => found = Some(text),
                },
            }
        }
    }
    match (failed, found) {
        (Some(reason), _) => Err(Error::Unauthorized(reason)),
        (None, Some(text)) => Ok(text),
        (None, None) => Err(Error::Unauthorized("no credential")),
    }
}

/// The one credential of a request where nothing but `Authorization: Bearer` carries one; `values` as in [`presented`].
///
/// # Errors
/// As with [`presented`].
pub fn bearer<'a, V>(values: impl Fn(&'static str) -> V) -> Result<String>
where
    V: IntoIterator<Item = &'a [u8]>,
{
    let [carrier, ..] = &CARRIERS;
    let mut found = values(carrier.header).into_iter();
    match (found.next(), found.next()) {
        (Some(_), Some(_)) => Err(Error::InvalidRequest("send one Authorization header only".into())),
        (Some(value), None) => match outcome(carrier, value) {
            Outcome::Presented(text) => Ok(text),
            Outcome::Failed(reason) => Err(Error::Unauthorized(reason)),
            Outcome::NotRequested => Err(Error::Unauthorized("no Bearer credential")),
        },
        (None, _) => Err(Error::Unauthorized("no credential")),
    }
}

fn outcome(carrier: &Carrier, value: &[u8]) -> Outcome {
    let Ok(text) = std::str::from_utf8(value) else { return Outcome::Failed("header is not text") };
    let text = text.trim();
    let Some(scheme) = carrier.scheme else { return (carrier.read)(text) };
    let (word, rest) = text.split_once([' ', '\t']).unwrap_or((text, ""));
    // RFC 9110 section 11.1: scheme words have no case.
    if word.eq_ignore_ascii_case(scheme) { (carrier.read)(rest.trim()) } else { Outcome::NotRequested }
}

fn plain(text: &str) -> Outcome {
    if text.is_empty() { Outcome::Failed("empty credential") } else { Outcome::Presented(text.to_owned()) }
}

/// RFC 7617, and two forms that identity providers make of a single secret: `<token>:` and a bare `<token>`.
fn basic(text: &str) -> Outcome {
    // Padding is optional: some clients cut it.
    const BASE64: GeneralPurpose = GeneralPurpose::new(
        &alphabet::STANDARD,
        GeneralPurposeConfig::new().with_decode_padding_mode(DecodePaddingMode::Indifferent),
    );
    let decoded = BASE64.decode(text).ok().and_then(|bytes| String::from_utf8(bytes).ok());
    let Some(decoded) = decoded else { return Outcome::Failed("Basic is not base64 of text") };
    match decoded.split_once(':') {
        Some((_, password)) if !password.is_empty() => plain(password),
        Some((user, _)) => plain(user),
        None => plain(&decoded),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use base64::engine::general_purpose::{STANDARD, STANDARD_NO_PAD};
    use proptest::prelude::*;

    fn ask(headers: &[(&str, &str)]) -> Result<String> {
        presented(|name| {
            let values = headers.iter().filter(|(header, _)| *header == name);
            values.map(|(_, value)| value.as_bytes()).collect::<Vec<_>>()
        })
    }

    fn basic_of(text: &str) -> String {
        format!("Basic {}", STANDARD.encode(text))
    }

    #[test]
    fn all_carriers_present_the_same_token() {
        for (header, value) in [
            ("authorization", "Bearer t0k".to_owned()),
            ("authorization", "bEARER   t0k ".to_owned()),
            ("authorization", basic_of("apikey:t0k")),
            ("authorization", basic_of(":t0k")),
            ("authorization", basic_of("t0k:")),
            ("authorization", basic_of("t0k")),
            ("authorization", format!("BASIC {}", STANDARD_NO_PAD.encode("any:t0k"))),
            ("apitoken", "t0k".to_owned()),
            ("api-key", " t0k".to_owned()),
        ] {
            assert_eq!(ask(&[(header, &value)]).unwrap(), "t0k", "{header}: {value}");
        }
    }

    #[test]
    fn none_and_unreadable_ones_are_unauthorized() {
        for (header, value, reason) in [
            ("x", "y", "no credential"),
            ("authorization", "Digest t0k", "no credential"),
            ("authorization", "Bearer", "empty credential"),
            ("authorization", "Bearer ", "empty credential"),
            ("authorization", "Basic", "empty credential"),
            ("authorization", "Basic %%", "Basic is not base64 of text"),
            ("authorization", &basic_of(":"), "empty credential"),
            ("apitoken", "", "empty credential"),
        ] {
            match ask(&[(header, value)]) {
                Err(Error::Unauthorized(why)) => assert_eq!(why, reason, "{header}: {value}"),
                other => panic!("{header}: {value}: {other:?}"),
            }
        }
    }

    #[test]
    fn only_bearer_carries_a_bearer_credential() {
        let ask = |headers: &[(&str, &str)]| {
            bearer(|name| {
                let values = headers.iter().filter(|(header, _)| *header == name);
                values.map(|(_, value)| value.as_bytes()).collect::<Vec<_>>()
            })
        };
        assert_eq!(ask(&[("authorization", "bearer t0k"), ("apitoken", "other")]).unwrap(), "t0k");
        for wrong in [("apitoken", "t0k"), ("authorization", "Bearer"), ("authorization", &basic_of("a:t0k"))]
        {
            assert!(matches!(ask(&[wrong]), Err(Error::Unauthorized(_))), "{wrong:?}");
        }
        let twice = [("authorization", "Bearer a"), ("authorization", "Bearer a")];
        assert!(matches!(ask(&twice), Err(Error::InvalidRequest(_))));
    }

    #[test]
    fn two_credentials_are_a_bad_request_and_one_twice_is_one() {
        let two = [("authorization", "Bearer a"), ("apitoken", "b")];
        assert!(matches!(ask(&two), Err(Error::InvalidRequest(_))));
        let twice = [("authorization", "Bearer a"), ("authorization", "Bearer a")];
        assert!(matches!(ask(&twice), Err(Error::InvalidRequest(_))));
        let keys = [("api-key", "a"), ("api-key", "b")];
        assert!(matches!(ask(&keys), Err(Error::InvalidRequest(_))));
        assert_eq!(ask(&[("authorization", "Bearer a"), ("api-key", "a")]).unwrap(), "a");
    }

    /// A value of a header: any bytes, or nearly a credential.
    fn value() -> impl Strategy<Value = Vec<u8>> {
        let words = vec![
            "Bearer",
            "basic",
            "Digest",
            " ",
            "\t",
            "=",
            "==",
            "YXBpa2V5Og",
            "rcl_",
            ":",
            ",",
            "\u{e9}",
            "A",
        ];
        prop_oneof![
            prop::collection::vec(any::<u8>(), 0..80),
            prop::collection::vec(prop::sample::select(words), 0..12)
                .prop_map(|words| words.concat().into_bytes()),
        ]
    }

    proptest! {
        #[test]
        fn any_headers_are_answered(
            authorization in prop::collection::vec(value(), 0..3),
            api_token in prop::collection::vec(value(), 0..3),
            api_key in prop::collection::vec(value(), 0..3),
        ) {
            let values = |name: &'static str| {
                let values = match name {
                    "authorization" => &authorization,
                    "apitoken" => &api_token,
                    _ => &api_key,
                };
                values.iter().map(Vec::as_slice).collect::<Vec<_>>()
            };
            match presented(values) {
                Ok(text) => {
                    prop_assert!(!text.is_empty());
                    let _ = crate::token::parse(&text);
                }
                Err(error) => {
                    prop_assert!(matches!(error, Error::Unauthorized(_) | Error::InvalidRequest(_)), "{error:?}");
                }
            }
        }

        #[test]
        fn any_text_is_no_token(text in "\\PC{0,120}|rcl_[0-9A-Za-z_]{0,120}") {
            prop_assert!(crate::token::parse(&text).is_none());
        }
    }
}
