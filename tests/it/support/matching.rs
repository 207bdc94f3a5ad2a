//! Expected against received JSON, with all differences named.
//!
//! Objects match when every expected member matches: more may be there. `"<exactly>": true` in an object
//! forbids more. Arrays match element by element. Texts in angle brackets are matchers, see [`Matcher`].

use serde_json::Value;

/// The differences between `expected` and `actual`; none when they match.
pub(crate) fn differences(expected: &Value, actual: &Value) -> Vec<String> {
    let mut found = Vec::new();
    compare(expected, Some(actual), "", &mut found);
    found
}

/// Asserts that `actual` matches `expected`.
#[track_caller]
pub(crate) fn assert_matches(expected: &Value, actual: &Value, what: &str) {
    let found = differences(expected, actual);
    assert!(found.is_empty(), "{what}:\n  {}\nin {actual}", found.join("\n  "));
}

fn compare(expected: &Value, actual: Option<&Value>, path: &str, found: &mut Vec<String>) {
    if let Some(matcher) = expected.as_str().and_then(Matcher::parse) {
        if !matcher.accepts(actual) {
            found.push(format!("{path}: expected {expected}, got {}", show(actual)));
        }
        return;
    }
    match (expected, actual) {
        (Value::Object(expected), Some(Value::Object(actual))) => {
            for (name, value) in expected.iter().filter(|(name, _)| *name != "<exactly>") {
                compare(value, actual.get(name), &format!("{path}/{name}"), found);
            }
            if expected.contains_key("<exactly>") {
                let more = actual.keys().filter(|name| !expected.contains_key(*name));
                found.extend(more.map(|name| format!("{path}/{name}: was not expected at all")));
            }
        }
        (Value::Array(expected), Some(Value::Array(actual))) => {
            if expected.len() != actual.len() {
                found.push(format!("{path}: expected {} elements, got {}", expected.len(), actual.len()));
            }
            for (place, (expected, actual)) in expected.iter().zip(actual).enumerate() {
                compare(expected, Some(actual), &format!("{path}/{place}"), found);
            }
        }
        (expected, actual) if Some(expected) == actual => {}
        (expected, actual) => found.push(format!("{path}: expected {expected}, got {}", show(actual))),
    }
}

fn show(value: Option<&Value>) -> String {
    value.map_or_else(|| "nothing".into(), Value::to_string)
}

/// A text in an expectation that stands for many values.
enum Matcher {
    /// `<any>`: anything that is there and not null.
    Any,
    /// `<absent>`: not there.
    Absent,
    /// `<uuid>`.
    Uuid,
    /// `<string>`, not empty.
    Text,
    /// `<integer>`: a JSON integer.
    Integer,
    /// `<boolean>`.
    Boolean,
    /// `<time>`: UTC with milliseconds.
    Time,
    /// `<etag>`: a weak entity tag.
    Etag,
    /// `<array>`, of any length.
    Array,
    /// `<length n>`: an array of this length.
    Length(usize),
    /// `<ends …>`: a text with this end.
    Ends(String),
}

impl Matcher {
    fn parse(text: &str) -> Option<Self> {
        let name = text.strip_prefix('<')?.strip_suffix('>')?;
        if let Some(end) = name.strip_prefix("ends ") {
            return Some(Self::Ends(end.to_owned()));
        }
        if let Some(length) = name.strip_prefix("length ") {
            return Some(Self::Length(length.parse().expect("a length is a number")));
        }
        Some(match name {
            "any" => Self::Any,
            "absent" => Self::Absent,
            "uuid" => Self::Uuid,
            "string" => Self::Text,
            "integer" => Self::Integer,
            "boolean" => Self::Boolean,
            "time" => Self::Time,
            "etag" => Self::Etag,
            "array" => Self::Array,
            other => panic!("there is no matcher <{other}>"),
        })
    }

    fn accepts(&self, actual: Option<&Value>) -> bool {
        let Some(actual) = actual else { return matches!(self, Self::Absent) };
        let text = actual.as_str();
        match self {
            Self::Any => !actual.is_null(),
            Self::Absent => false,
            Self::Uuid => text.is_some_and(|text| uuid::Uuid::try_parse(text).is_ok()),
            Self::Text => text.is_some_and(|text| !text.is_empty()),
            Self::Integer => actual.is_i64(),
            Self::Boolean => actual.is_boolean(),
            Self::Time => text.is_some_and(|text| {
                text.len() == "2026-01-02T03:04:05.678Z".len()
                    && text.ends_with('Z')
                    && chrono::DateTime::parse_from_rfc3339(text).is_ok()
            }),
            Self::Etag => text.is_some_and(|text| text.starts_with("W/\"") && text.ends_with('"')),
            Self::Array => actual.is_array(),
            Self::Length(length) => actual.as_array().is_some_and(|list| list.len() == *length),
            Self::Ends(end) => text.is_some_and(|text| text.ends_with(end.as_str())),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::differences;
    use serde_json::json;

    #[test]
    fn matching_sees_what_differs() {
        let received = json!({
            "id": "0190a0f0-0000-7000-8000-000000000000", "n": 1, "list": [{"a": 1, "b": 2}], "t": "2026-01-02T03:04:05.678Z"
        });
        for good in [
            json!({}),
            json!({"id": "<uuid>", "n": "<integer>", "list": "<array>", "gone": "<absent>", "t": "<time>"}),
            json!({"list": [{"a": 1}]}),
            json!({"list": [{"a": 1, "b": "<any>", "<exactly>": true}]}),
        ] {
            assert_eq!(differences(&good, &received), Vec::<String>::new(), "{good}");
        }
        for bad in [
            json!({"id": "<integer>"}),
            json!({"id": "<absent>"}),
            json!({"n": "1"}),
            json!({"n": "<time>"}),
            json!({"gone": "<any>"}),
            json!({"list": []}),
            json!({"list": [{"a": 1, "<exactly>": true}]}),
            json!({"list": {"a": 1}}),
        ] {
            assert_eq!(differences(&bad, &received).len(), 1, "{bad}");
        }
    }
}
