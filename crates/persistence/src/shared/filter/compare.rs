//! Comparisons of one value, in words that an index understands.

use domain::filter::Op;
use domain::id::ResourceId;
use domain::index::Column;
use domain::key::Key;
use domain::meta;

use super::super::super::{TEXT_POSITION, id_text};
use super::{Compiler, Piece};
use crate::types::{At, Id};

/// The largest character: behind every text that starts with the text it is appended to.
const LAST: char = '\u{10FFFF}';

impl Compiler<'_> {
    /// Compares the key of a values row. Long keys are cut in the index: what the cut cannot decide is looked up
    /// in the whole key beside it.
    pub(super) fn key(&mut self, alias: &str, op: Op, key: &Key) {
        let short = key.indexed_prefix();
        let cut = short.len() < key.as_str().len();
        let column = format!("{alias}.key");
        let whole = format!("coalesce({alias}.full_key, {alias}.key)");
        let (from, to) = kind_bounds(key);
        match op {
            Op::Eq | Op::Ne => self.compare(&column, "=", key.stored().0.into_owned()),
            Op::Sw => {
                self.range(&column, short, &format!("{short}{LAST}"));
                if cut {
                    self.sql(" AND ");
                    self.starts_with(&whole, key.as_str());
                }
            }
            Op::Co => {
                self.range(&column, &from, &to);
                self.sql(" AND ");
                self.contains(&format!("substr({whole}, 2)"), key.body());
            }
            Op::Ew => {
                self.range(&column, &from, &to);
                self.sql(" AND ");
                self.ends_with(&format!("substr({whole}, 2)"), key.body());
            }
            Op::Gt | Op::Ge => {
                self.range(&column, short, &to);
                self.sql(" AND ");
                self.compare(if cut { &whole } else { &column }, sign(op), key.as_str());
            }
            Op::Lt | Op::Le => {
                let upper = if cut { format!("{short}{LAST}") } else { to };
                self.range(&column, &from, &upper);
                self.sql(" AND ");
                self.compare(if cut { &whole } else { &column }, sign(op), key.as_str());
            }
        }
    }

    /// Compares a value that has a column of its own; never null.
    pub(super) fn column(&mut self, column: Column, op: Op, key: &Key, row: &str) {
        match column {
            Column::Name => self.plain_text(&format!("{row}.name_key"), op, key.body()),
            Column::ExternalId => {
                self.sql(format!("({row}.external_id IS NOT NULL AND "));
                self.plain_text(&format!("{row}.external_id"), op, key.body());
                self.sql(")");
            }
            Column::Id if op == Op::Eq => match ResourceId::parse(key.body()) {
                Some(id) => {
                    self.sql(format!("{row}.id = "));
                    self.pieces.push(Piece::Id(Id(id.0)));
                }
                None => self.sql("FALSE"),
            },
            Column::Id => self.plain_text(&id_text(&format!("{row}.id")), op, key.body()),
            Column::Created => self.time(&format!("{row}.created_at"), op, key),
            Column::LastModified => self.time(&format!("{row}.modified_at"), op, key),
            Column::Version => match key.body().parse() {
                Ok(version) => {
                    self.sql(format!("{row}.version = "));
                    self.pieces.push(Piece::Count(version));
                }
                Err(_) => self.sql("FALSE"),
            },
        }
    }

    fn time(&mut self, column: &str, op: Op, key: &Key) {
        match meta::parse_time(key.body()) {
            Some(time) => {
                self.sql(format!("{column} {} ", sign(op)));
                self.pieces.push(Piece::At(At(time)));
            }
            None => self.sql("FALSE"),
        }
    }

    pub(super) fn plain_text(&mut self, column: &str, op: Op, text: &str) {
        match op {
            Op::Sw => self.range(column, text, &format!("{text}{LAST}")),
            Op::Co => self.contains(column, text),
            Op::Ew => self.ends_with(column, text),
            Op::Eq | Op::Ne | Op::Gt | Op::Ge | Op::Lt | Op::Le => self.compare(column, sign(op), text),
        }
    }

    fn compare(&mut self, column: &str, sign: &str, text: impl Into<String>) {
        self.sql(format!("{column} {sign} "));
        self.text(text);
    }

    fn range(&mut self, column: &str, from: &str, to: &str) {
        self.compare(column, ">=", from);
        self.sql(" AND ");
        self.compare(column, "<", to);
    }

    fn contains(&mut self, column: &str, text: &str) {
        self.sql(format!("{TEXT_POSITION}({column}, "));
        self.text(text);
        self.sql(") > 0");
    }

    fn starts_with(&mut self, column: &str, text: &str) {
        self.names_lengths = true;
        self.sql(format!("substr({column}, 1, {}) = ", text.chars().count()));
        self.text(text);
    }

    fn ends_with(&mut self, column: &str, text: &str) {
        self.names_lengths = true;
        let chars = text.chars().count();
        self.sql(format!(
            "length({column}) >= {chars} AND substr({column}, length({column}) - {chars} + 1) = "
        ));
        self.text(text);
    }
}

/// The first key of the same kind, and the first one behind them all.
fn kind_bounds(key: &Key) -> (String, String) {
    let tag = key.as_str().as_bytes().first().copied().unwrap_or(b's');
    (char::from(tag).to_string(), char::from(tag + 1).to_string())
}

fn sign(op: Op) -> &'static str {
    match op {
        Op::Ne => "<>",
        Op::Gt => ">",
        Op::Ge => ">=",
        Op::Lt => "<",
        Op::Le => "<=",
        Op::Eq | Op::Co | Op::Sw | Op::Ew => "=",
    }
}
