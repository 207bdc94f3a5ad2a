//! The filter grammar (RFC 7644 figure 1), with the order of precedence spelled out:
//!
//! ```text
//! filter     = or                                     ; the whole text
//! or         = and *("or" and)
//! and        = factor *("and" factor)
//! factor     = ["not"] "(" or ")" / term
//! term       = attrPath comparison / valuePath
//! comparison = "pr" / op value
//! op         = "eq" / "ne" / "co" / "sw" / "ew" / "gt" / "ge" / "lt" / "le"
//! value      = text / number / "true" / "false" / word
//! valuePath  = attrPath bracket ["." subAttr comparison]
//! bracket    = "[" or "]"                             ; names are sub-attributes, no valuePath inside
//! ```
//!
//! Wider than the RFC where real clients are: words, operators and names in any case, `word` without quotes
//! (old Entra ID documentation), and the comparison after a value path (`emails[type eq "work"].value eq "x"`
//! is how Entra ID looks users up). Every production reads from left to right without going back, and size, depth
//! and number of comparisons are counted on the way, so no text costs more than its length.

use serde_json::Value;

use super::lexer::{Lexer, Token};
use super::literal::Literal;
use super::{Filter, Op, computed};
use crate::contract::{self, Contract, Shape};
use crate::error::excerpt;
use crate::key::Key;
use crate::limits;
use crate::path::{Sub, Target};
use crate::resource_type::{Kind, ResourceType};
use crate::schema::{Mutability, Returned, qa_user};
use crate::{Error, Result};

/// What a filter is parsed for.
#[derive(Clone, Copy, Debug)]
pub struct Scope<'a> {
    /// The type whose attributes may be named.
    pub resource_type: &'a ResourceType,
    /// Whose form the client sees: where a user's roles are one bare name, `roles` means that name.
    pub contract: &'a Contract,
    /// What `meta.location` starts with, up to and including the slash before the id.
    pub location: &'a str,
}

/// Parses and resolves a whole filter; [`Error::InvalidFilter`] names the first surprise.
pub fn parse(text: &str, scope: &Scope<'_>) -> Result<Filter> {
    let mut parser = Parser::new(text, 0, *scope)?;
    if parser.token == Token::End {
        return Err(Error::InvalidFilter("the filter is empty".into()));
    }
    let filter = parser.or(None)?;
    match parser.token {
        Token::End => Ok(filter),
        _ => Err(parser.surprise("`and`, `or` or the end")),
    }
}

/// The bracket of a PATCH path.
#[derive(Debug)]
pub(crate) struct Bracket<'a> {
    /// What is inside.
    pub(crate) filter: Filter,
    /// What follows the closing bracket.
    pub(crate) rest: &'a str,
    /// All `eq` inside.
    pub(crate) equalities: Vec<Equality>,
}

/// An `eq` with its value as written: the key alone does not tell `Work` from `work`.
#[derive(Debug)]
pub(crate) struct Equality {
    /// What is compared.
    pub(crate) target: Target,
    /// The value as the filter has it.
    pub(crate) key: Key,
    /// The value as a document would have it.
    pub(crate) value: Value,
}

/// Parses `or "]"` from this byte of the text on; the names are sub-attributes of `list`.
pub(crate) fn bracket<'a>(
    resource_type: &ResourceType,
    list: &Target,
    text: &'a str,
    at: usize,
) -> Result<Bracket<'a>> {
    // Nothing but `meta.location` depends on the location, and PATCH writes nothing in `meta`.
    let mut parser = Parser::new(text, at, Scope { resource_type, contract: &contract::RFC, location: "" })?;
    parser.has_elements = true;
    let filter = parser.bracket(list)?;
    Ok(Bracket { filter, rest: parser.lexer.rest(), equalities: parser.equalities })
}

struct Parser<'a, 's> {
    lexer: Lexer<'a>,
    /// The token to be looked at next, and the byte at which it starts.
    token: Token<'a>,
    at: usize,
    scope: Scope<'s>,
    depth: usize,
    terms: usize,
    equalities: Vec<Equality>,
    /// Whether the filter is held against elements that are at hand, as that of a PATCH path is.
    has_elements: bool,
}

impl<'a, 's> Parser<'a, 's> {
    fn new(text: &'a str, at: usize, scope: Scope<'s>) -> Result<Self> {
        if text.len() > limits::FILTER_BYTES {
            let most = limits::FILTER_BYTES;
            return Err(Error::InvalidFilter(format!("the filter has more than {most} bytes")));
        }
        let mut parser = Self {
            lexer: Lexer::new(text, at),
            token: Token::End,
            at,
            scope,
            depth: 0,
            terms: 0,
            equalities: Vec::new(),
            has_elements: false,
        };
        parser.advance()?;
        Ok(parser)
    }

    /// `or = and *("or" and)`
    fn or(&mut self, list: Option<&Target>) -> Result<Filter> {
        let mut parts = vec![self.and(list)?];
        while self.take("or")? {
            parts.push(self.and(list)?);
        }
        Ok(Filter::any(parts))
    }

    /// `and = factor *("and" factor)`
    fn and(&mut self, list: Option<&Target>) -> Result<Filter> {
        let mut parts = vec![self.factor(list)?];
        while self.take("and")? {
            parts.push(self.factor(list)?);
        }
        Ok(Filter::all(parts))
    }

    /// `factor = ["not"] "(" or ")" / term`
    fn factor(&mut self, list: Option<&Target>) -> Result<Filter> {
        let negated = self.take("not")?;
        if self.token != Token::Open {
            return if negated { Err(self.surprise("`(` after `not`")) } else { self.term(list) };
        }
        self.enter()?;
        self.advance()?;
        let filter = self.or(list)?;
        if self.token != Token::Close {
            return Err(self.surprise("`and`, `or` or `)`"));
        }
        self.advance()?;
        self.depth -= 1;
        Ok(if negated { filter.negated() } else { filter })
    }

    /// `term = attrPath comparison / valuePath`
    fn term(&mut self, list: Option<&Target>) -> Result<Filter> {
        let Token::Word(name) = self.token else {
            return Err(self.surprise("the name of an attribute"));
        };
        let target = match list {
            None => self.resolve(name),
            Some(list) => list.with(name),
        };
        let target = self.readable(target, name)?;
        self.advance()?;
        if list.is_none() && self.token == Token::OpenBracket {
            self.value_path(target)
        } else {
            self.comparison(target)
        }
    }

    /// `valuePath = attrPath bracket ["." subAttr comparison]`, from the bracket on
    fn value_path(&mut self, list: Target) -> Result<Filter> {
        if !list.takes_filter(self.scope.resource_type) {
            return Err(Error::InvalidFilter(format!("`{list}` has no sub-attributes to be filtered by")));
        }
        self.advance()?;
        let filter = self.bracket(&list)?;
        let named = self.lexer.rest().starts_with('.');
        self.advance()?;
        let filter = match self.token {
            Token::Word(word) if named => {
                let name = &word[1..];
                let target = self.readable(list.with(name), name)?;
                self.advance()?;
                Filter::all(vec![filter, self.comparison(target)?])
            }
            _ => filter,
        };
        computed::element(self.scope.resource_type, list, filter)
    }

    fn resolve(&self, name: &str) -> Option<Target> {
        let Scope { resource_type, contract, .. } = self.scope;
        let target = Target::resolve(resource_type, name)?;
        let is_roles = target.extension.is_none() && target.attribute.name == "roles";
        if is_roles && resource_type.kind == Kind::User && contract.shape == Shape::Flat {
            return Target::resolve(resource_type, &format!("{}:{}", qa_user::URN, qa_user::ROLE));
        }
        Some(target)
    }

    /// `bracket = "[" or "]"`, after the opening and up to the closing bracket, which stays the present token
    fn bracket(&mut self, list: &Target) -> Result<Filter> {
        self.enter()?;
        let filter = self.or(Some(list))?;
        if self.token != Token::CloseBracket {
            return Err(self.surprise("`and`, `or` or `]`"));
        }
        self.depth -= 1;
        Ok(filter)
    }

    /// `comparison = "pr" / op value`
    fn comparison(&mut self, target: Target) -> Result<Filter> {
        self.terms += 1;
        if self.terms > limits::FILTER_TERMS {
            let most = limits::FILTER_TERMS;
            return Err(Error::InvalidFilter(format!("the filter has more than {most} comparisons")));
        }
        if self.take("pr")? {
            return Ok(computed::present(self.scope.resource_type, target));
        }
        let op = match self.token {
            Token::Word(word) => Op::named(word),
            _ => None,
        };
        let op = op.ok_or_else(|| self.surprise("an operator such as `eq`"))?;
        self.advance()?;
        let (target, key) = self.value(target, op)?;
        self.advance()?;
        computed::compare(&self.scope, target, op, key)
    }

    /// `value = text / number / "true" / "false" / word`
    fn value(&mut self, target: Target, op: Op) -> Result<(Target, Key)> {
        let literal = Literal::of(&self.token)?.ok_or_else(|| self.surprise("a value"))?;
        let written = target.to_string();
        let target = target.comparable().ok_or_else(|| {
            Error::InvalidFilter(format!("`{written}` has no value of its own: name a sub-attribute"))
        })?;
        let (value, key) = literal.fit(&target, op)?;
        if op == Op::Eq {
            self.equalities.push(Equality { target: target.clone(), key: key.clone(), value });
        }
        Ok((target, key))
    }

    /// Whether the next token is this word, in any case; then it is read.
    fn take(&mut self, keyword: &str) -> Result<bool> {
        let here = matches!(self.token, Token::Word(word) if word.eq_ignore_ascii_case(keyword));
        if here {
            self.advance()?;
        }
        Ok(here)
    }

    fn advance(&mut self) -> Result<()> {
        self.at = self.lexer.skip_blanks();
        self.token = self.lexer.next()?;
        // PostgreSQL has no U+0000 in a text, so no resource has it either.
        let holds_nul = match &self.token {
            Token::Text(text) => text.contains('\0'),
            Token::Word(word) => word.contains('\0'),
            _ => false,
        };
        if holds_nul { Err(Error::InvalidFilter("no value holds U+0000".into())) } else { Ok(()) }
    }

    /// One bracket or parenthesis deeper.
    fn enter(&mut self) -> Result<()> {
        self.depth += 1;
        if self.depth > limits::FILTER_DEPTH {
            let most = limits::FILTER_DEPTH;
            return Err(Error::InvalidFilter(format!("the filter is nested more than {most} deep")));
        }
        Ok(())
    }

    /// Refuses what does not exist, what nobody may read (a filter would read it letter by letter), and what
    /// only exists in replies: the name of a manager is looked up when a user is shown.
    fn readable(&self, target: Option<Target>, written: &str) -> Result<Target> {
        let Some(target) = target else {
            return Err(Error::InvalidFilter(format!("there is no attribute `{}`", excerpt(written))));
        };
        let hidden = target.attribute.returned == Returned::Never
            || target.leaf().is_some_and(|leaf| leaf.returned == Returned::Never);
        let looked_up = match &target.sub {
            // The entries of a list of users or groups, which PATCH meets as they are shown.
            Some(Sub::Declared(sub)) if computed::is_related(self.scope.resource_type, &target) => {
                !self.has_elements && sub.name != "value"
            }
            Some(Sub::Declared(sub)) => {
                sub.mutability == Mutability::ReadOnly && target.attribute.mutability != Mutability::ReadOnly
            }
            _ => false,
        };
        if hidden || looked_up {
            return Err(Error::InvalidFilter(format!("`{target}` cannot be filtered by")));
        }
        Ok(target)
    }

    fn surprise(&self, expected: &str) -> Error {
        let place = self.lexer.character(self.at);
        Error::InvalidFilter(format!("expected {expected} at character {place}, found {}", self.token))
    }
}

#[cfg(test)]
mod tests;
