//! A line of the log, as text for people or as JSON. Every request writes one, so it is put together without the machinery
//! for any form of any value.

use std::fmt::Write;

use chrono::{DateTime, Utc};
use domain::meta::{push_time, time_text};
use log::Record;
use log::kv::{self, Key, Value, VisitSource};

/// `[2026-01-31T08:15:00Z INFO  rollcall::request] answered method=GET …`
pub(super) fn text(record: &Record<'_>, now: DateTime<Utc>) -> String {
    let mut line = String::with_capacity(320);
    line.push('[');
    push_time(&mut line, now);
    // To the second: `.000Z` makes way for `Z`.
    line.truncate(line.len() - 5);
    line.push_str("Z ");
    line.push_str(match record.level() {
        log::Level::Error => "ERROR ",
        log::Level::Warn => "WARN  ",
        log::Level::Info => "INFO  ",
        log::Level::Debug => "DEBUG ",
        log::Level::Trace => "TRACE ",
    });
    line.push_str(record.target());
    line.push_str("] ");
    match record.args().as_str() {
        Some(message) => line.push_str(message),
        // Whatever begins in the first column is another line of the log.
        None => line.push_str(&record.args().to_string().replace('\n', "\n    ")),
    }
    let _ = record.key_values().visit(&mut Pairs(&mut line));
    line.push('\n');
    line
}

/// `{"time":"2026-01-31T08:15:00.000Z","level":"INFO",…}`
pub(super) fn json(record: &Record<'_>, now: DateTime<Utc>) -> String {
    let mut line = serde_json::Map::new();
    line.insert("time".into(), time_text(now).into());
    line.insert("level".into(), record.level().as_str().into());
    line.insert("target".into(), record.target().into());
    line.insert("message".into(), record.args().to_string().into());
    let _ = record.key_values().visit(&mut Members(&mut line));
    format!("{}\n", serde_json::Value::Object(line))
}

/// Fields behind the message: ` key=value`.
struct Pairs<'a>(&'a mut String);

impl<'kvs> VisitSource<'kvs> for Pairs<'_> {
    fn visit_pair(&mut self, key: Key<'kvs>, value: Value<'kvs>) -> Result<(), kv::Error> {
        self.0.push(' ');
        self.0.push_str(key.as_str());
        self.0.push('=');
        match value.to_borrowed_str() {
            Some(text) => self.0.push_str(text),
            None => write!(self.0, "{value}")?,
        }
        Ok(())
    }
}

/// Fields as members of an object.
struct Members<'a>(&'a mut serde_json::Map<String, serde_json::Value>);

impl<'kvs> VisitSource<'kvs> for Members<'_> {
    fn visit_pair(&mut self, key: Key<'kvs>, value: Value<'kvs>) -> Result<(), kv::Error> {
        let value = value.to_u64().map_or_else(|| value.to_string().into(), Into::into);
        self.0.insert(key.to_string(), value);
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use log::Level;

    const FIELDS: [(&str, Value<'static>); 0] = [];

    fn line(
        message: std::fmt::Arguments<'_>,
        fields: &[(&str, Value<'_>)],
        write: fn(&Record<'_>, DateTime<Utc>) -> String,
    ) -> String {
        let now = DateTime::from_timestamp_millis(1_767_225_600_123).unwrap();
        let record =
            Record::builder().level(Level::Info).target("rollcall").args(message).key_values(&fields).build();
        write(&record, now)
    }

    #[test]
    fn a_line_for_people() {
        let fields = [("method", Value::from("GET")), ("ms", Value::from(7_u64))];
        assert_eq!(
            line(format_args!("answered"), &fields, text),
            "[2026-01-01T00:00:00Z INFO  rollcall] answered method=GET ms=7\n"
        );
        let two = format!("a\nb{}", 1);
        assert_eq!(
            line(format_args!("{two}"), &FIELDS, text),
            "[2026-01-01T00:00:00Z INFO  rollcall] a\n    b1\n"
        );
    }

    #[test]
    fn a_line_for_programs() {
        let fields = [("method", Value::from("GET")), ("ms", Value::from(7_u64))];
        assert_eq!(
            line(format_args!("answered"), &fields, json),
            "{\"time\":\"2026-01-01T00:00:00.123Z\",\"level\":\"INFO\",\"target\":\"rollcall\",\
             \"message\":\"answered\",\"method\":\"GET\",\"ms\":7}\n"
        );
    }
}
