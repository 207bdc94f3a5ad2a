//! The tokens of a filter.

use std::fmt;

use crate::error::excerpt;
use crate::{Error, Result};

/// One token.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Token<'a> {
    /// `(`
    Open,
    /// `)`
    Close,
    /// `[`
    OpenBracket,
    /// `]`
    CloseBracket,
    /// A quoted text, its escapes undone.
    Text(String),
    /// A run of anything else up to a blank, bracket or quote: names, operators, numbers, unquoted texts.
    Word(&'a str),
    /// Nothing is left.
    End,
}

/// As in a message to the client.
impl fmt::Display for Token<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Open => f.write_str("`(`"),
            Self::Close => f.write_str("`)`"),
            Self::OpenBracket => f.write_str("`[`"),
            Self::CloseBracket => f.write_str("`]`"),
            Self::Text(text) => write!(f, "the text \"{}\"", excerpt(text)),
            Self::Word(word) => write!(f, "`{}`", excerpt(word)),
            Self::End => f.write_str("the end"),
        }
    }
}

/// Cuts a text into tokens; every character is looked at once.
#[derive(Debug)]
pub(super) struct Lexer<'a> {
    text: &'a str,
    at: usize,
}

impl<'a> Lexer<'a> {
    /// Starts at this byte of the text.
    pub(super) fn new(text: &'a str, at: usize) -> Self {
        Self { text, at }
    }

    /// What no token was made of yet.
    pub(super) fn rest(&self) -> &'a str {
        &self.text[self.at..]
    }

    /// Skips blanks; the answer is the byte at which the next token starts.
    pub(super) fn skip_blanks(&mut self) -> usize {
        let rest = self.rest();
        self.at += rest.len() - rest.trim_ascii_start().len();
        self.at
    }

    /// The next token. Fails on a text without end or with an escape that JSON does not know.
    pub(super) fn next(&mut self) -> Result<Token<'a>> {
        self.skip_blanks();
        let rest = self.rest();
        let (token, length) = match rest.chars().next() {
            None => (Token::End, 0),
            Some('(') => (Token::Open, 1),
            Some(')') => (Token::Close, 1),
            Some('[') => (Token::OpenBracket, 1),
            Some(']') => (Token::CloseBracket, 1),
            Some('"') => text(rest)?,
            Some(_) => {
                let delimiter = |c: char| c.is_ascii_whitespace() || matches!(c, '(' | ')' | '[' | ']' | '"');
                let end = rest.find(delimiter).unwrap_or(rest.len());
                (Token::Word(&rest[..end]), end)
            }
        };
        self.at += length;
        Ok(token)
    }

    /// The number of the character at this byte, counted from 1.
    pub(super) fn character(&self, at: usize) -> usize {
        self.text[..at].chars().count() + 1
    }
}

/// A text as JSON writes it (RFC 7644 section 3.4.2.2 refers to RFC 8259), and its length with the quotes.
fn text(rest: &str) -> Result<(Token<'_>, usize)> {
    let mut escaped = false;
    let end = rest.bytes().skip(1).position(|byte| {
        let closes = byte == b'"' && !escaped;
        escaped = byte == b'\\' && !escaped;
        closes
    });
    let Some(end) = end else {
        return Err(Error::InvalidFilter(format!(
            "the closing quote is missing of the text {}",
            excerpt(rest)
        )));
    };
    let length = end + 2;
    let text: String = serde_json::from_str(&rest[..length]).map_err(|_| {
        let quoted = excerpt(&rest[..length]);
        Error::InvalidFilter(format!("an escape or control character is not JSON in the text {quoted}"))
    })?;
    Ok((Token::Text(text), length))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn tokens(text: &str) -> Result<Vec<String>> {
        let mut lexer = Lexer::new(text, 0);
        let mut tokens = Vec::new();
        loop {
            match lexer.next()? {
                Token::End => return Ok(tokens),
                token => tokens.push(token.to_string()),
            }
        }
    }

    #[test]
    fn cuts() {
        for (text, expected) in [
            ("", ""),
            ("  \t ", ""),
            ("a eq b", "`a` `eq` `b`"),
            ("not(a pr)", "`not` `(` `a` `pr` `)`"),
            ("emails[type pr].value", "`emails` `[` `type` `pr` `]` `.value`"),
            ("urn:a:2.0:User:x", "`urn:a:2.0:User:x`"),
            ("a eq \"b c\"and", "`a` `eq` the text \"b c\" `and`"),
            (r#""a\"b\\" c"#, r#"the text "a"b\" `c`"#),
            (r#""\u00e9\uD83D\uDE00\/\t""#, "the text \"é😀/\t\""),
            ("Élodie@shop.test", "`Élodie@shop.test`"),
        ] {
            assert_eq!(tokens(text).expect(text).join(" "), expected, "{text}");
        }
    }

    #[test]
    fn refuses_what_is_no_json_text() {
        for text in [
            "\"",
            "\"abc",
            r#""abc\""#,
            r#""\x""#,
            r#""\ud83d""#,
            r#""\ude00\ud83d""#,
            r#""\u12""#,
            "\"a\nb\"",
        ] {
            assert!(tokens(text).is_err(), "{text}");
        }
    }
}
