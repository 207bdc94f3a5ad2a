//! A JSON object of a definition, read member by member: what is unknown or of another type is refused with its
//! place, because a misspelled characteristic would silently be another rule.

use serde_json::{Map, Value};

use crate::error::excerpt;
use crate::{Error, Result, limits};

/// An object and where it stands.
pub(super) struct Object<'a> {
    pub(super) place: String,
    members: &'a Map<String, Value>,
}

impl<'a> Object<'a> {
    pub(super) fn of(place: &str, value: &'a Value) -> Result<Self> {
        match value {
            Value::Object(members) => Ok(Self { place: place.to_owned(), members }),
            _ => Err(Error::InvalidValue(format!("{place}: must be an object"))),
        }
    }

    /// Refuses every member but these.
    pub(super) fn only(&self, known: &[&str]) -> Result<()> {
        match self.members.keys().find(|name| !known.contains(&name.as_str())) {
            None => Ok(()),
            Some(unknown) => Err(Error::InvalidValue(format!(
                "{}: there is no member `{}` here; known are {}",
                self.place,
                excerpt(unknown),
                known.join(", ")
            ))),
        }
    }

    pub(super) fn has(&self, name: &str) -> bool {
        self.members.contains_key(name)
    }

    pub(super) fn get(&self, name: &str) -> Option<&'a Value> {
        self.members.get(name).filter(|value| !value.is_null())
    }

    /// The path of a member.
    pub(super) fn at(&self, name: &str) -> String {
        if self.place.is_empty() { name.to_owned() } else { format!("{}.{name}", self.place) }
    }

    /// A member that is refused.
    pub(super) fn wrong(&self, name: &str, problem: impl std::fmt::Display) -> Error {
        Error::InvalidValue(format!("{}: {problem}", self.at(name)))
    }

    pub(super) fn text(&self, name: &str) -> Result<Option<&'a str>> {
        match self.get(name) {
            None => Ok(None),
            Some(Value::String(text)) if text.contains('\0') => {
                Err(self.wrong(name, "must not contain the character U+0000"))
            }
            Some(Value::String(text)) if text.chars().count() > limits::TEXT_CHARS => {
                Err(self.wrong(name, format!("must have at most {} characters", limits::TEXT_CHARS)))
            }
            Some(Value::String(text)) => Ok(Some(text)),
            Some(_) => Err(self.wrong(name, "must be a text")),
        }
    }

    /// A text that has to be there.
    pub(super) fn need(&self, name: &str) -> Result<&'a str> {
        self.text(name)?.ok_or_else(|| self.wrong(name, "is required"))
    }

    pub(super) fn flag(&self, name: &str) -> Result<Option<bool>> {
        match self.get(name) {
            None => Ok(None),
            Some(Value::Bool(value)) => Ok(Some(*value)),
            Some(_) => Err(self.wrong(name, "must be true or false")),
        }
    }

    /// A list with at most `most` entries, each with its place; empty when absent.
    pub(super) fn list(&self, name: &str, most: usize) -> Result<Vec<(String, &'a Value)>> {
        match self.get(name) {
            None => Ok(Vec::new()),
            Some(Value::Array(list)) if list.len() > most => {
                Err(self.wrong(name, format!("takes at most {most} entries")))
            }
            Some(Value::Array(list)) => {
                let place = self.at(name);
                Ok(list.iter().enumerate().map(|(n, value)| (format!("{place}[{n}]"), value)).collect())
            }
            Some(_) => Err(self.wrong(name, "must be an array")),
        }
    }

    pub(super) fn objects(&self, name: &str, most: usize) -> Result<Vec<Object<'a>>> {
        self.list(name, most)?.into_iter().map(|(place, value)| Object::of(&place, value)).collect()
    }

    /// A list of texts that are not empty, each once.
    pub(super) fn texts(&self, name: &str) -> Result<Vec<String>> {
        let mut texts: Vec<String> = Vec::new();
        for (place, value) in self.list(name, limits::ENTRIES)? {
            let text = value.as_str().filter(|text| !text.is_empty() && !text.contains('\0'));
            let text = text.filter(|text| text.chars().count() <= limits::TEXT_CHARS);
            let Some(text) = text else {
                let most = limits::TEXT_CHARS;
                return Err(Error::InvalidValue(format!(
                    "{place}: must be a text of 1 to {most} characters"
                )));
            };
            if texts.iter().any(|known| known == text) {
                return Err(Error::InvalidValue(format!("{place}: `{}` stands here twice", excerpt(text))));
            }
            texts.push(text.to_owned());
        }
        Ok(texts)
    }
}
