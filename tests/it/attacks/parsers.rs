//! The parsers themselves, on more texts than requests could carry: whatever is sent is answered, in time.

use std::time::{Duration, Instant};

use domain::contract::RFC;
use domain::filter::parse::{Scope, parse};
use domain::resource_type::USER;
use proptest::prelude::*;

/// Parses a filter; the time is that of the parser alone.
fn timed(text: &str) -> (bool, Duration) {
    let scope = Scope { resource_type: &USER, contract: &RFC, location: "https://scim.example/Users/" };
    let start = Instant::now();
    let good = parse(text, &scope).is_ok();
    (good, start.elapsed())
}

/// The fastest of many: what else the machine does must not count.
fn fastest(text: &str) -> Duration {
    (0..300).map(|_| timed(text).1).min().unwrap()
}

#[test]
fn case_64_the_parser_is_linear() {
    let pieces = [
        ("", " "),
        ("", "\""),
        ("", "\\"),
        ("title eq \"", "\\\""),
        ("title eq \"", "\\u0041"),
        ("", "("),
        ("", "not("),
        ("title", "."),
        ("urn", ":"),
        ("emails[", "("),
        ("title eq \"", "ü"),
        ("", "a "),
        ("", "\"a\" "),
        ("title eq ", "9"),
    ];
    for (start, piece) in pieces {
        let filled = |bytes: usize| format!("{start}{}", piece.repeat((bytes - start.len()) / piece.len()));
        let (short, long) = (fastest(&filled(1_024)), fastest(&filled(4_096)));
        // Four times is what four times the length costs; a square would be sixteen.
        let most = (short * 8).max(Duration::from_micros(50));
        assert!(long < most, "{start}{piece}…: 1 KiB in {short:?}, 4 KiB in {long:?}");
        assert!(long < Duration::from_millis(1), "{start}{piece}…: 4 KiB in {long:?}");
    }
}

#[test]
fn case_60_depth_is_counted_while_parsing() {
    for piece in ["(", "not (", "emails[", "(title pr and "] {
        let text = piece.repeat(100_000);
        assert!(fastest(&text) < Duration::from_millis(10), "{piece}…");
        let (good, time) = timed(&text[..4_000]);
        assert!(!good && time < Duration::from_millis(10), "{piece}… up to the limit took {time:?}");
    }
}

/// An input may take so long in a build without optimization on a busy machine.
const MOST: Duration = Duration::from_millis(100);

/// Whether it is answered in time, at the latest at the fifth try: the machine may have been elsewhere.
fn in_time(text: &str) -> bool {
    (0..5).any(|_| timed(text).1 < MOST)
}

proptest! {
    #[test]
    fn case_65_any_text_as_a_filter(text in ".{0,4096}") {
        prop_assert!(in_time(&text));
    }

    #[test]
    fn case_65_any_words_as_a_filter(
        words in prop::collection::vec(
            prop::sample::select(vec![
                "userName", "emails", "emails[", "type", "name.", "profile.", "meta.location", "id", "groups", "manager",
                "urn:", "eq", "ne", "co", "sw", "ew", "gt", "pr", "and", "or", "not", "(", ")", "[", "]", "].", "\"work\"",
                "\"", "\\", "\\u", "\"\\ud83d\\ude00\"", "\0", "true", "null", "-5", "1e400", " ", "\t", "é", "\u{feff}",
            ]),
            0..600,
        ),
        gap in prop::sample::select(vec!["", " "]),
    ) {
        prop_assert!(in_time(&words.join(gap)));
    }
}
