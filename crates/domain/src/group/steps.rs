//! The steps of a request on the lists of a group, while it is read.

use std::collections::HashSet;

use serde_json::{Value, json};

use super::{List, Step, reference};
use crate::filter::{Filter, Op};
use crate::path::{Sub, Target};
use crate::{Error, Result, limits};

/// The steps so far, and what is counted over all of them.
#[derive(Debug, Default)]
pub(crate) struct Steps {
    steps: Vec<Step>,
    users: usize,
    comparisons: usize,
}

/// What a part of a list is to whoever writes it.
enum Part {
    /// The users themselves: the list, or the `value` of its entries.
    Users,
    /// References to the users.
    References,
    /// What follows from the user: `display` and `type`.
    Computed,
}

impl Steps {
    /// Adds the users that a value names.
    pub(crate) fn add(&mut self, list: List, target: &Target, raw: &Value) -> Result<()> {
        if let Some(users) = self.named(list, target, raw)? {
            self.push(Step::Add(list, users));
        }
        Ok(())
    }

    /// Removes the users that a value names: Entra ID and authentik send `remove` with a list of those they
    /// mean, where RFC 7644 section 3.5.2.2 would empty the attribute. Without a value it is emptied.
    pub(crate) fn remove(&mut self, list: List, target: &Target, raw: &Value) -> Result<()> {
        match part(target) {
            Part::Users if inner(list, raw).is_null() => self.clear(list),
            Part::Users => {
                if let Some(users) = self.named(list, target, raw)? {
                    self.push(Step::Remove(list, users));
                }
            }
            Part::References | Part::Computed => {}
        }
        Ok(())
    }

    /// Makes the list the users that a value names.
    pub(crate) fn replace(&mut self, list: List, target: &Target, raw: &Value) -> Result<()> {
        if let Some(users) = self.named(list, target, raw)? {
            self.push(Step::Replace(list, users));
        }
        Ok(())
    }

    /// Empties the list.
    pub(crate) fn clear(&mut self, list: List) {
        self.push(Step::Replace(list, Vec::new()));
    }

    /// Adds the users that a filter names with `value eq`, and those that a value names.
    pub(crate) fn add_where(
        &mut self,
        list: List,
        target: &Target,
        filter: &Filter,
        raw: &Value,
    ) -> Result<()> {
        let raw = Some(inner(list, raw)).filter(|raw| names_users(raw)).unwrap_or(&Value::Null);
        let mut users = self.named(list, target, raw)?.unwrap_or_default();
        let equals = equals(filter).unwrap_or_default();
        self.count(equals.len())?;
        users.extend(equals);
        if users.is_empty() {
            let list = list.name();
            return Err(Error::NoTarget(format!(
                "the filter of the path names no user to be added to {list}"
            )));
        }
        self.push(Step::Add(list, users));
        Ok(())
    }

    /// Removes the entries that satisfy a filter, or what the target has of them.
    pub(crate) fn remove_where(&mut self, list: List, target: &Target, filter: &Filter) -> Result<()> {
        match part(target) {
            Part::Users => self.push_where(list, filter, &[]),
            Part::References | Part::Computed => Ok(()),
        }
    }

    /// Puts the users that a value names in the place of the entries that satisfy a filter. A value that names
    /// nobody and is not unassigned says only what follows from the users.
    pub(crate) fn replace_where(
        &mut self,
        list: List,
        target: &Target,
        filter: &Filter,
        raw: &Value,
    ) -> Result<()> {
        let raw = inner(list, raw);
        if !names_users(raw) && !is_nothing(raw) {
            return Ok(());
        }
        let Some(users) = self.named(list, target, raw)? else { return Ok(()) };
        self.push_where(list, filter, &users)?;
        self.push(Step::Add(list, users));
        Ok(())
    }

    /// How many users have been named, as sent.
    pub(crate) fn users(&self) -> usize {
        self.users
    }

    /// The steps, each user once in each.
    pub(crate) fn finish(mut self) -> Vec<Step> {
        for step in &mut self.steps {
            if let Step::Add(_, users) | Step::Remove(_, users) | Step::Replace(_, users) = step {
                let mut seen = HashSet::with_capacity(users.len());
                let first: Vec<bool> = users.iter().map(|user| seen.insert(user.as_str())).collect();
                let mut first = first.into_iter();
                users.retain(|_| first.next().unwrap_or_default());
            }
        }
        self.steps
    }

    /// The users that a value names; `None` when the target is a part that nobody writes.
    fn named(&mut self, list: List, target: &Target, raw: &Value) -> Result<Option<Vec<String>>> {
        let raw = inner(list, raw);
        let at = list.name();
        let referred = |raw: &Value| json!({"$ref": raw});
        let objects = match part(target) {
            Part::Users => None,
            Part::References if !is_nothing(raw) => Some(match raw {
                Value::Array(raws) => raws.iter().map(referred).collect(),
                raw => referred(raw),
            }),
            // The reference of nobody is noise: Entra ID writes `"$ref": null`.
            Part::References | Part::Computed => return Ok(None),
        };
        self.count(reference::count(raw))?;
        reference::all(&at, objects.as_ref().unwrap_or(raw)).map(Some)
    }

    /// Counts users, as sent, over the whole request.
    fn count(&mut self, users: usize) -> Result<()> {
        self.users = self.users.saturating_add(users);
        let most = limits::MEMBERS;
        if self.users > most {
            return Err(Error::TooLarge(format!("a request names at most {most} members and owners")));
        }
        Ok(())
    }

    /// Removes the entries that satisfy a filter and are none of `kept`.
    fn push_where(&mut self, list: List, filter: &Filter, kept: &[String]) -> Result<()> {
        if let Some(mut users) = equals(filter) {
            self.count(users.len())?;
            users.retain(|user| !kept.contains(user));
            self.push(Step::Remove(list, users));
            return Ok(());
        }
        // Every entry is held against these, so their number is bounded as that of one filter is.
        self.comparisons += filter.terms();
        let most = limits::FILTER_TERMS;
        if self.comparisons > most {
            return Err(Error::TooLarge(format!(
                "the filters over a list have more than {most} comparisons"
            )));
        }
        self.push(Step::RemoveWhere(list, filter.clone()));
        Ok(())
    }

    /// Steps on different lists do not meet, so the last one on the same list is the neighbour: authentik sends
    /// hundreds of operations with one member each.
    fn push(&mut self, step: Step) {
        if let Step::Add(_, users) | Step::Remove(_, users) = &step
            && users.is_empty()
        {
            return;
        }
        let neighbour = self.steps.iter_mut().rev().find(|known| known.list() == step.list());
        match (neighbour, step) {
            (Some(Step::Add(_, known)), Step::Add(_, users)) => known.extend(users),
            (Some(Step::Remove(_, known)), Step::Remove(_, users)) => known.extend(users),
            (Some(Step::RemoveWhere(_, known)), Step::RemoveWhere(_, filter)) => {
                *known = Filter::any(vec![known.clone(), filter]);
            }
            (Some(Step::Replace(_, known)), Step::Replace(_, users)) => *known = users,
            (_, step) => self.steps.push(step),
        }
    }
}

impl Step {
    /// The list it is about.
    pub fn list(&self) -> List {
        match *self {
            Self::Add(list, _)
            | Self::Remove(list, _)
            | Self::RemoveWhere(list, _)
            | Self::Replace(list, _) => list,
        }
    }
}

fn part(target: &Target) -> Part {
    match &target.sub {
        None => Part::Users,
        Some(Sub::Declared(sub)) if sub.name == "value" => Part::Users,
        Some(Sub::Declared(sub)) if sub.name == "$ref" => Part::References,
        Some(_) => Part::Computed,
    }
}

/// `{"members": […]}` as a value means the list inside.
fn inner(list: List, raw: &Value) -> &Value {
    let Value::Object(object) = raw else { return raw };
    object.iter().find(|(key, _)| key.eq_ignore_ascii_case(list.name())).map_or(raw, |(_, inner)| inner)
}

/// RFC 7643 section 2.5: `null` and the empty list are "unassigned".
fn is_nothing(raw: &Value) -> bool {
    raw.is_null() || raw.as_array().is_some_and(Vec::is_empty)
}

/// Whether a value has users in it, and not only what follows from them (`{"display": "Mia"}`).
fn names_users(raw: &Value) -> bool {
    match raw {
        Value::Null => false,
        Value::Array(raws) => raws.iter().any(names_users),
        Value::Object(object) => {
            object.keys().any(|key| ["value", "$ref"].iter().any(|name| key.eq_ignore_ascii_case(name)))
        }
        _ => true,
    }
}

/// The users of a filter that says nothing but `value eq`, once or joined by `or`.
fn equals(filter: &Filter) -> Option<Vec<String>> {
    match filter {
        // The value is case-exact, so its key is the text as written.
        Filter::Compare { target, op: Op::Eq, key } => match part(target) {
            Part::Users => Some(vec![key.body().to_owned()]),
            Part::References | Part::Computed => None,
        },
        Filter::Or(parts) => {
            let parts: Option<Vec<Vec<String>>> = parts.iter().map(equals).collect();
            parts.map(|parts| parts.concat())
        }
        _ => None,
    }
}
