//! The element that a filter describes: `[type eq "work"]` is `{"type": "work"}`.

use serde_json::{Map, Value};

use crate::filter::{Filter, Op};
use crate::path::{Sub, Target};
use crate::schema::Attribute;
use crate::{decode, index};

/// What the `eq` terms of a filter, alone or joined by `and`, say about an element. A filter holds keys, which
/// may have lost their case, so the values are taken from the text of the path.
pub(super) fn of(filter: &Filter, path: &str) -> Map<String, Value> {
    let mut seed = Map::new();
    let literals = literals(path);
    add(&mut seed, filter, &literals);
    seed
}

fn add(seed: &mut Map<String, Value>, filter: &Filter, literals: &[Value]) {
    match filter {
        Filter::And(all) => all.iter().for_each(|filter| add(seed, filter, literals)),
        Filter::Compare { target, op: Op::Eq, key } => {
            let Some(attribute) = described(target) else { return };
            let values =
                literals.iter().filter_map(|raw| decode::coerce(target, attribute, raw).ok().flatten());
            let mut same = values.filter(|value| index::key_of(Some(attribute), value).as_ref() == Some(key));
            if let Some(value) = same.next() {
                seed.insert(attribute.name.clone(), value);
            }
        }
        _ => {}
    }
}

/// The sub-attribute that a target inside a value path names, however it is resolved.
fn described(target: &Target) -> Option<&Attribute> {
    match &target.sub {
        Some(Sub::Declared(sub)) => Some(sub),
        Some(Sub::Key(_)) => None,
        None => Some(&target.attribute),
    }
}

/// Every JSON text in the path, and every word that stands without quotes: as JSON where it is some, as the text
/// it was meant to be where it is none.
fn literals(path: &str) -> Vec<Value> {
    let mut literals = Vec::new();
    let mut rest = path;
    while let Some(start) = rest.find(|c: char| !c.is_whitespace() && !"[]()".contains(c)) {
        rest = &rest[start..];
        let mut stream = serde_json::Deserializer::from_str(rest).into_iter::<Value>();
        let quoted = rest.starts_with('"').then(|| stream.next()).flatten();
        if let Some(Ok(value)) = quoted {
            literals.push(value);
            rest = &rest[stream.byte_offset()..];
        } else {
            let ends = |(place, c): (usize, char)| place > 0 && (c.is_whitespace() || "[]()\"".contains(c));
            let end = rest.char_indices().find(|&found| ends(found)).map_or(rest.len(), |(place, _)| place);
            let word = &rest[..end];
            literals.extend(serde_json::from_str(word).ok());
            literals.push(word.into());
            rest = &rest[end..];
        }
    }
    literals
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn literals_are_found_in_every_spelling() {
        let path = r#"emails[type eq "Wo\"r] k" and (primary eq True)or x eq 5].value"#;
        let found = literals(path);
        for expected in [Value::from("Wo\"r] k"), "True".into(), 5.into(), "emails".into(), ".value".into()] {
            assert!(found.contains(&expected), "{expected} in {found:?}");
        }
    }
}
