//! One operation on a document.

use serde_json::Value;

use super::budget::Budget;
use super::message::{Op, Operation};
use super::{Draft, list};
use crate::contract::Contract;
use crate::decode::{self, Mode, Selection, Sent};
use crate::document::Document;
use crate::filter::Filter;
use crate::group::List;
use crate::path::{PatchPath, Sub, Target};
use crate::resource_type::ResourceType;
use crate::schema::{Mutability, Schema, qa_group};
use crate::{Error, Result, user};

/// What an operation without its place is.
#[derive(Clone, Copy)]
struct Change<'a> {
    resource_type: &'a ResourceType,
    contract: &'a Contract,
    op: Op,
    value: Option<&'a Value>,
    budget: &'a Budget,
}

/// Does the operation; the draft may be half changed when it fails.
pub(super) fn apply(
    resource_type: &ResourceType,
    contract: &Contract,
    draft: &mut Draft,
    operation: &Operation<'_>,
    budget: &Budget,
) -> Result<()> {
    let change = Change { resource_type, contract, op: operation.op, value: operation.value, budget };
    let Some(path) = operation.path else { return change.without_path(draft) };
    match PatchPath::parse(resource_type, path)? {
        PatchPath::Extension(schema) => {
            change.require_value()?;
            change.on_extension(draft, &schema)
        }
        PatchPath::Attribute { target, element } => {
            // `add members[value eq "…"]` has said everything.
            let is_said = element.is_some() && List::of(resource_type, &target).is_some();
            if !is_said || change.op == Op::Replace {
                change.require_value()?;
            }
            if List::of(resource_type, &target).is_none() {
                check_mutability(&target)?;
            }
            change.on_attribute(draft, &target, element.as_ref(), path)
        }
    }
}

/// "id", "meta", "groups", "schemas" and the effective role: an explicit path to them is an error, while in an
/// object they are passed over.
fn check_mutability(target: &Target) -> Result<()> {
    if is(target, Mutability::ReadOnly) {
        return Err(Error::Mutability(format!("{target} is readOnly")));
    }
    Ok(())
}

/// Whether the attribute or the sub-attribute has this mutability.
fn is(target: &Target, mutability: Mutability) -> bool {
    let of_sub = matches!(&target.sub, Some(Sub::Declared(sub)) if sub.mutability == mutability);
    of_sub || target.attribute.mutability == mutability
}

impl Change<'_> {
    fn mode(&self, target: &Target) -> Mode {
        match self.op {
            Op::Add if !user::holds_one(self.resource_type, self.contract, target) => Mode::Append,
            _ => Mode::Merge,
        }
    }

    /// RFC 7644 table 9: "A required value was missing".
    fn require_value(&self) -> Result<()> {
        if self.op != Op::Remove && self.value.is_none() {
            return Err(Error::InvalidValue("add and replace need a value".into()));
        }
        Ok(())
    }

    /// Brings one attribute that a value speaks of into the draft.
    fn assign(&self, draft: &mut Draft, target: &Target, raw: &Value) -> Result<()> {
        match List::of(self.resource_type, target) {
            Some(list) => list::apply(&mut draft.lists, self.op, list, target, None, Some(raw)),
            None => decode::assign(&mut draft.document, target, raw, self.mode(target)),
        }
    }

    /// The value holds attributes under plain, dotted (Entra ID: `name.givenName`) and URN names.
    fn without_path(self, draft: &mut Draft) -> Result<()> {
        if self.op == Op::Remove {
            return self.remove_named(draft);
        }
        self.budget.spend_whole(&draft.document)?;
        let needs_object =
            || Error::InvalidValue("an operation without path needs an object as value".into());
        let raw = self.value.ok_or_else(needs_object)?;
        let Value::Object(object) = decode::unwrap(&"value", raw)? else { return Err(needs_object()) };
        for sent in decode::read(self.resource_type, object)? {
            self.assign(draft, &sent.target, sent.raw)?;
        }
        // Entra ID also writes whole paths as keys: `"emails[type eq \"work\"].value": …`.
        for (key, raw) in object.iter().filter(|(key, _)| key.contains('[')) {
            if let Ok(PatchPath::Attribute { target, element }) = PatchPath::parse(self.resource_type, key)
                && !is(&target, Mutability::ReadOnly)
            {
                let change = Self { value: Some(raw), ..self };
                change.on_attribute(draft, &target, element.as_ref(), key)?;
            }
        }
        Ok(())
    }

    /// RFC 7644 section 3.5.2.2: "If 'path' is unspecified, the operation fails with … 'noTarget'". A value that
    /// names users of lists, and nothing else, is a target all the same: `{"members": [{"value": "…"}]}`.
    fn remove_named(self, draft: &mut Draft) -> Result<()> {
        let no_target = || Error::NoTarget("remove needs a path".into());
        let Some(Value::Object(object)) = self.value else { return Err(no_target()) };
        let sent = decode::read(self.resource_type, object)?;
        let is_list =
            |sent: &Sent<'_>| List::of(self.resource_type, &sent.target).is_some() && !sent.raw.is_null();
        if sent.is_empty() || !sent.iter().all(is_list) {
            return Err(no_target());
        }
        sent.iter().try_for_each(|sent| self.assign(draft, &sent.target, sent.raw))
    }

    /// The path is the URN of an extension.
    fn on_extension(self, draft: &mut Draft, schema: &Schema) -> Result<()> {
        let raw = match self.op {
            // It has lists of users only, and a value names those that are meant.
            Op::Remove if schema.id == qa_group::URN => self.value.unwrap_or(&Value::Null),
            Op::Remove => &Value::Null,
            Op::Add | Op::Replace => self.value.unwrap_or(&Value::Null),
        };
        for sent in decode::read_schema(self.resource_type, schema, raw)? {
            self.assign(draft, &sent.target, sent.raw)?;
        }
        Ok(())
    }

    /// The path is an attribute, with a sub-attribute, with a filter, or with both.
    fn on_attribute(
        self,
        draft: &mut Draft,
        target: &Target,
        filter: Option<&Filter>,
        path: &str,
    ) -> Result<()> {
        if let Some(list) = List::of(self.resource_type, target) {
            return list::apply(&mut draft.lists, self.op, list, target, filter, self.value);
        }
        let document = &mut draft.document;
        self.budget.spend(document, target, filter)?;
        if user::is_dropped(self.resource_type, target) {
            return Ok(());
        }
        if self.op == Op::Remove {
            return self.remove(document, target, filter);
        }
        let raw = self.value.unwrap_or(&Value::Null);
        if decode::says_nothing(target, raw) {
            return Ok(());
        }
        let Some(filter) = filter else {
            return decode::assign(document, target, raw, self.mode(target));
        };
        let selection =
            Selection { filter: Some(filter), seed: PatchPath::template(self.resource_type, path)? };
        let is_new = !has_element(document, target, filter);
        if is_new && user::holds_one(self.resource_type, self.contract, target) {
            decode::clear(document, &Target { sub: None, ..target.clone() }, &Selection::default())?;
        }
        // RFC 7644 section 3.5.2.3: the elements that match "SHALL be replaced"; a sub-attribute alone is set.
        let replaces = self.op == Op::Replace && target.sub.is_none();
        decode::change(document, target, &selection, raw, replaces)
    }

    fn remove(self, document: &mut Document, target: &Target, filter: Option<&Filter>) -> Result<()> {
        if target.attribute.required && target.sub.is_none() {
            return Err(Error::InvalidValue(format!("{target} is required and cannot be removed")));
        }
        if filter.is_none() && target.sub.is_none() && target.attribute.multi_valued {
            // `{"members": […]}` as the value means the list inside.
            let inner = self.value.map(|raw| match raw {
                Value::Object(object) if object.len() == 1 => {
                    let named =
                        object.iter().find(|(key, _)| key.eq_ignore_ascii_case(&target.attribute.name));
                    named.map_or(raw, |(_, inner)| inner)
                }
                raw => raw,
            });
            if let Some(raw) = inner.filter(|raw| !raw.is_null()) {
                return decode::remove_values(document, target, raw);
            }
        }
        decode::clear(document, target, &Selection { filter, ..Selection::default() })
    }
}

fn has_element(document: &Document, target: &Target, filter: &Filter) -> bool {
    let matches = |element: &Value| filter.matches_element(element);
    match decode::current(document, target) {
        Some(Value::Array(list)) => list.iter().any(matches),
        Some(single) => matches(single),
        None => false,
    }
}
