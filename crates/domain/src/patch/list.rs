//! One operation on a list of a group. The list is not at hand, so what comes out is a step on it.

use serde_json::Value;

use super::message::Op;
use crate::Result;
use crate::filter::Filter;
use crate::group::{List, Steps};
use crate::path::Target;

/// Does the operation; `target` is the list or a sub-attribute of its entries.
pub(super) fn apply(
    steps: &mut Steps,
    op: Op,
    list: List,
    target: &Target,
    filter: Option<&Filter>,
    value: Option<&Value>,
) -> Result<()> {
    let raw = value.unwrap_or(&Value::Null);
    match (op, filter) {
        (Op::Add, None) => steps.add(list, target, raw),
        (Op::Add, Some(filter)) if target.sub.is_none() => steps.add_where(list, target, filter, raw),
        (Op::Replace, None) => steps.replace(list, target, raw),
        (Op::Add | Op::Replace, Some(filter)) => steps.replace_where(list, target, filter, raw),
        (Op::Remove, None) => steps.remove(list, target, raw),
        (Op::Remove, Some(filter)) => steps.remove_where(list, target, filter),
    }
}
