//! Audit rows as they leave the program: JSON objects, and lines of CSV.

use serde_json::{Value, json};

use super::Row;
use crate::meta::time_text;

/// The columns of the CSV, in their order.
const COLUMNS: [&str; 16] = [
    "seq",
    "at",
    "id",
    "actor",
    "actorId",
    "action",
    "resourceType",
    "resourceId",
    "oldVersion",
    "newVersion",
    "attributes",
    "request",
    "address",
    "detail",
    "warning",
    "hash",
];

/// A row as JSON.
pub fn json(row: &Row) -> Value {
    let entry = &row.entry;
    json!({
        "seq": row.seq,
        "at": time_text(entry.at),
        "id": entry.id.to_string(),
        "actor": {"kind": entry.origin.actor.kind(), "id": entry.origin.actor.id().map(|id| id.to_string())},
        "action": entry.action,
        "resourceType": entry.resource_type,
        "resourceId": entry.resource_id.to_string(),
        "oldVersion": entry.old_version,
        "newVersion": entry.new_version,
        "attributes": entry.attributes.split_whitespace().collect::<Vec<_>>(),
        "request": &*entry.origin.request,
        "address": entry.origin.address,
        "detail": entry.detail,
        "warning": entry.warning,
        "hash": hex(&row.hash),
    })
}

/// The first line of the CSV.
pub fn csv_head() -> String {
    line(COLUMNS.map(str::to_owned))
}

/// A row as a line of CSV.
pub fn csv(row: &Row) -> String {
    let entry = &row.entry;
    line([
        row.seq.to_string(),
        time_text(entry.at),
        entry.id.to_string(),
        entry.origin.actor.kind().into(),
        entry.origin.actor.id().map(|id| id.to_string()).unwrap_or_default(),
        entry.action.clone(),
        entry.resource_type.clone(),
        entry.resource_id.to_string(),
        entry.old_version.map(|version| version.to_string()).unwrap_or_default(),
        entry.new_version.to_string(),
        entry.attributes.clone(),
        entry.origin.request.to_string(),
        entry.origin.address.clone(),
        entry.detail.clone().unwrap_or_default(),
        entry.warning.clone().unwrap_or_default(),
        hex(&row.hash),
    ])
}

/// Bytes as people read them.
pub fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

/// RFC 4180 section 2.
fn line(fields: [String; COLUMNS.len()]) -> String {
    let mut line = fields.map(field).join(",");
    line.push_str("\r\n");
    line
}

/// Spreadsheets calculate what begins with one of four characters, also behind blanks that they skip: an apostrophe makes
/// it a text.
fn field(text: String) -> String {
    let text = if text.trim_start().starts_with(['=', '+', '-', '@']) || text.starts_with(['\t', '\r']) {
        format!("'{text}")
    } else {
        text
    };
    if text.contains(['"', ',', '\r', '\n']) { format!("\"{}\"", text.replace('"', "\"\"")) } else { text }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn fields_are_quoted_and_never_formulas() {
        for (text, written) in [
            ("plain", "plain"),
            ("a b", "a b"),
            ("a,b", "\"a,b\""),
            ("say \"hi\"", "\"say \"\"hi\"\"\""),
            ("two\nlines", "\"two\nlines\""),
            ("=1+1", "'=1+1"),
            ("+49", "'+49"),
            ("-1", "'-1"),
            ("@sum(a)", "'@sum(a)"),
            (" =1", "' =1"),
            ("\t=1", "'\t=1"),
            ("=a,\"b\"", "\"'=a,\"\"b\"\"\""),
            ("", ""),
        ] {
            assert_eq!(field(text.into()), written, "{text:?}");
        }
    }

    #[test]
    fn lines_have_the_columns_of_the_head() {
        assert!(csv_head().starts_with("seq,at,id,") && csv_head().ends_with(",hash\r\n"));
    }
}
