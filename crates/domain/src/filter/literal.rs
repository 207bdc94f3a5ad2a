//! The values of comparisons: which literal fits which attribute and operator (RFC 7644 section 3.4.2.2).

use serde::de::IgnoredAny;
use serde_json::{Number, Value};

use super::Op;
use super::lexer::Token;
use crate::error::excerpt;
use crate::index;
use crate::key::Key;
use crate::meta;
use crate::path::Target;
use crate::schema::Type;
use crate::{Error, Result};

/// A value as written.
#[derive(Clone, Debug, PartialEq)]
pub(super) enum Literal<'a> {
    /// Quoted, or a word that is nothing else: `externalId eq mroth` stands in old Entra ID documentation.
    Text(&'a str),
    /// A number of at most 64 bits.
    Number(Number),
    /// `true` or `false` in any case.
    Boolean(bool),
    /// `null` in any case.
    Null,
}

impl<'a> Literal<'a> {
    /// The literal a token is; `None` for brackets and the end.
    pub(super) fn of(token: &'a Token<'_>) -> Result<Option<Self>> {
        Ok(Some(match token {
            Token::Text(text) => Self::Text(text),
            Token::Word(word) if word.eq_ignore_ascii_case("null") => Self::Null,
            Token::Word(word) => match (truth(word), is_number(word)) {
                (Some(value), _) => Self::Boolean(value),
                (None, true) => Self::Number(number(word)?),
                (None, false) => Self::Text(word),
            },
            _ => return Ok(None),
        }))
    }

    /// The value of the type of `target`, as a document would hold it, and its key. [`Error::InvalidFilter`]
    /// when the literal is of another type or the operator is not for this type.
    pub(super) fn fit(&self, target: &Target, op: Op) -> Result<(Value, Key)> {
        let kind = target.leaf().map(|leaf| leaf.kind);
        let value = match (kind, self) {
            (_, Self::Null) => {
                return Err(Error::InvalidFilter(format!(
                    "nothing compares with null: write `not ({target} pr)` for what has no value"
                )));
            }
            (Some(Type::String | Type::Reference | Type::Binary) | None, Self::Text(text)) => (*text).into(),
            (Some(Type::DateTime), Self::Text(text)) if meta::parse_time(text).is_some() => (*text).into(),
            (Some(Type::Boolean) | None, Self::Boolean(value)) => (*value).into(),
            // Entra ID writes truth values as text: `roles[primary eq "True"]`.
            (Some(Type::Boolean), Self::Text(text)) => truth(text).ok_or_else(|| mismatch(target))?.into(),
            (Some(Type::Decimal | Type::Integer) | None, Self::Number(number)) => {
                Value::Number(number.clone())
            }
            _ => return Err(mismatch(target)),
        };
        let key = index::key_of(target.leaf().map(|leaf| &**leaf), &value).ok_or_else(|| mismatch(target))?;
        let allowed = match op {
            Op::Eq | Op::Ne => true,
            Op::Co | Op::Sw | Op::Ew => key.is_text(),
            // RFC 7644 table 3: "Boolean and Binary attributes SHALL cause a failed response (HTTP status
            // code 400) with scimType of invalidFilter".
            Op::Gt | Op::Ge | Op::Lt | Op::Le => !value.is_boolean() && kind != Some(Type::Binary),
        };
        if !allowed {
            return Err(Error::InvalidFilter(format!(
                "the operator is not for values like those of `{target}`"
            )));
        }
        Ok((value, key))
    }
}

fn mismatch(target: &Target) -> Error {
    let kind = target.leaf().map_or("simple", |leaf| leaf.kind.name());
    Error::InvalidFilter(format!("`{target}` compares with a {kind} value only"))
}

fn truth(word: &str) -> Option<bool> {
    [("true", true), ("false", false)]
        .into_iter()
        .find_map(|(name, value)| name.eq_ignore_ascii_case(word).then_some(value))
}

/// Whether the word has the form of a JSON number, of whatever size.
fn is_number(word: &str) -> bool {
    word.starts_with(|c: char| c == '-' || c.is_ascii_digit())
        && serde_json::from_str::<IgnoredAny>(word).is_ok()
}

fn number(word: &str) -> Result<Number> {
    // An integer that serde_json cannot hold would quietly become a double.
    let number = if word.contains(['.', 'e', 'E']) {
        word.parse().ok().and_then(Number::from_f64)
    } else {
        word.parse::<i64>().ok().map(Number::from)
    };
    number.ok_or_else(|| {
        Error::InvalidFilter(format!("the number {} does not fit into 64 bits", excerpt(word)))
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn words_become_what_they_look_like() {
        let integer = |n: i64| Literal::Number(n.into());
        for (word, expected) in [
            ("mia", Literal::Text("mia")),
            ("mia@shop.test", Literal::Text("mia@shop.test")),
            ("TRUE", Literal::Boolean(true)),
            ("False", Literal::Boolean(false)),
            ("Null", Literal::Null),
            ("truely", Literal::Text("truely")),
            ("5", integer(5)),
            ("-5", integer(-5)),
            ("9223372036854775807", integer(i64::MAX)),
            ("-9223372036854775808", integer(i64::MIN)),
            ("2.5e1", Literal::Number(Number::from_f64(25.0).expect("finite"))),
            ("007", Literal::Text("007")),
            ("-", Literal::Text("-")),
            ("5-3", Literal::Text("5-3")),
            ("+5", Literal::Text("+5")),
            ("2024-01-01T00:00:00Z", Literal::Text("2024-01-01T00:00:00Z")),
        ] {
            assert_eq!(Literal::of(&Token::Word(word)).expect(word), Some(expected), "{word}");
        }
        for word in ["9223372036854775808", "-9223372036854775809", "1e999", "99999999999999999999"] {
            assert!(Literal::of(&Token::Word(word)).is_err(), "{word}");
        }
        assert_eq!(Literal::of(&Token::Text("5".into())).expect("a text"), Some(Literal::Text("5")));
        assert_eq!(Literal::of(&Token::Open).expect("no literal"), None);
    }
}
