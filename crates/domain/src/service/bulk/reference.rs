//! `bulkId:…` in the data of an operation: as a whole text anywhere, and as a value in the filter of a PATCH path.

use std::collections::HashMap;

use serde_json::Value;

/// What a reference begins with.
const PREFIX: &str = "bulkId:";

/// The `bulkId` that a whole text refers to.
pub(super) fn named(text: &str) -> Option<&str> {
    text.strip_prefix(PREFIX)
}

/// Every `bulkId` that the data refers to, once.
pub(super) fn names(data: &mut Value, is_patch: bool) -> Vec<String> {
    let mut names = Vec::new();
    each(data, is_patch, &mut |name| {
        names.push(name.to_owned());
        None
    });
    let mut seen = std::collections::HashSet::new();
    names.retain(|name: &String| seen.insert(name.clone()));
    names
}

/// Puts ids in the place of references.
pub(super) fn substitute(data: &mut Value, is_patch: bool, ids: &HashMap<&str, String>) {
    each(data, is_patch, &mut |name| ids.get(name).cloned());
}

/// Shows `replace` every reference; what it gives is put in the place of it.
fn each(data: &mut Value, is_patch: bool, replace: &mut dyn FnMut(&str) -> Option<String>) {
    match data {
        Value::Object(message) if is_patch => {
            for (name, value) in message {
                match value {
                    Value::Array(operations) if name.eq_ignore_ascii_case("operations") => {
                        operations.iter_mut().for_each(|operation| in_operation(operation, replace));
                    }
                    other => in_value(other, replace),
                }
            }
        }
        other => in_value(other, replace),
    }
}

fn in_operation(operation: &mut Value, replace: &mut dyn FnMut(&str) -> Option<String>) {
    let Value::Object(object) = operation else { return };
    for (name, value) in object {
        match value {
            Value::String(path) if name.eq_ignore_ascii_case("path") => in_path(path, replace),
            other => in_value(other, replace),
        }
    }
}

/// As deep as JSON may be.
fn in_value(value: &mut Value, replace: &mut dyn FnMut(&str) -> Option<String>) {
    match value {
        Value::String(text) => {
            if let Some(id) = named(text).and_then(replace) {
                *text = id;
            }
        }
        Value::Array(values) => values.iter_mut().for_each(|value| in_value(value, replace)),
        Value::Object(object) => object.values_mut().for_each(|value| in_value(value, replace)),
        Value::Null | Value::Bool(_) | Value::Number(_) => {}
    }
}

/// The values of a filter are JSON texts.
fn in_path(path: &mut String, replace: &mut dyn FnMut(&str) -> Option<String>) {
    if !path.contains(PREFIX) {
        return;
    }
    let mut replaced = String::with_capacity(path.len());
    let mut rest = path.as_str();
    while let Some(start) = rest.find('"') {
        let (before, quoted) = rest.split_at(start);
        let Some(length) = quoted_length(quoted) else { break };
        let (quoted, after) = quoted.split_at(length);
        let text: Option<String> = serde_json::from_str(quoted).ok();
        replaced.push_str(before);
        match text.as_deref().and_then(named).and_then(&mut *replace) {
            Some(id) => replaced.push_str(&format!("\"{id}\"")),
            None => replaced.push_str(quoted),
        }
        rest = after;
    }
    replaced.push_str(rest);
    *path = replaced;
}

/// The bytes up to the closing quote of a text that begins with one.
fn quoted_length(text: &str) -> Option<usize> {
    let mut escaped = false;
    for (place, byte) in text.bytes().enumerate().skip(1) {
        match byte {
            _ if escaped => escaped = false,
            b'\\' => escaped = true,
            b'"' => return Some(place + 1),
            _ => {}
        }
    }
    None
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn replaced(mut data: Value, is_patch: bool) -> (Vec<String>, Value) {
        let names = names(&mut data, is_patch);
        let ids = HashMap::from([("a", "1".to_owned()), ("b \"c\\", "2".to_owned())]);
        substitute(&mut data, is_patch, &ids);
        (names, data)
    }

    #[test]
    fn whole_texts_anywhere_are_references() {
        let data = json!({
            "members": [{"value": "bulkId:a"}, "bulkId:a", "bulkId:b \"c\\"], "note": "see bulkId:a",
            "bulkId:a": 1, "manager": {"value": "bulkId:none"}, "path": "x \"bulkId:a\"",
        });
        let (names, data) = replaced(data, false);
        assert_eq!(names, ["a", "b \"c\\", "none"]);
        let expected = json!({
            "members": [{"value": "1"}, "1", "2"], "note": "see bulkId:a",
            "bulkId:a": 1, "manager": {"value": "bulkId:none"}, "path": "x \"bulkId:a\"",
        });
        assert_eq!(data, expected);
    }

    #[test]
    fn so_are_values_in_the_filter_of_a_path() {
        let path = |path: &str| json!({"operations": [{"Path": path, "value": {"path": "\"bulkId:a\""}}]});
        for (before, after, count) in [
            (r#"members[value eq "bulkId:a"]"#, r#"members[value eq "1"]"#, 1),
            (
                r#"members[value eq "bulkId:b \"c\\" or value eq "x" or value eq "bulkId:none"].value"#,
                r#"members[value eq "2" or value eq "x" or value eq "bulkId:none"].value"#,
                2,
            ),
            (r#"members[display eq "see bulkId:a"]"#, r#"members[display eq "see bulkId:a"]"#, 0),
            (r#"members[value eq "bulkId:a"#, r#"members[value eq "bulkId:a"#, 0),
            ("members[value eq bulkId:a]", "members[value eq bulkId:a]", 0),
        ] {
            let (names, data) = replaced(path(before), true);
            assert_eq!((names.len(), data), (count, path(after)), "{before}");
        }
    }
}
