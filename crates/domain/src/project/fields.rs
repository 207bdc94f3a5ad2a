//! JSON as it is put together: members of objects, arrays, ids.

use super::source::write_text;
use crate::Result;
use crate::id::ResourceId;

/// The members of an object as text, with its opening brace and without the closing one, or without both.
#[derive(Default)]
pub(super) struct Fields {
    pub(super) text: String,
}

impl Fields {
    /// A member with the name of an attribute, which needs no escapes.
    pub(super) fn add(&mut self, name: &str, write: impl FnOnce(&mut String)) {
        self.separate();
        self.text.push('"');
        self.text.push_str(name);
        self.text.push_str("\":");
        write(&mut self.text);
    }

    /// A member with any name.
    pub(super) fn add_any(&mut self, name: &str, write: impl FnOnce(&mut String)) {
        self.separate();
        write_text(&mut self.text, name);
        self.text.push(':');
        write(&mut self.text);
    }

    /// A member that is an object, unless it stays empty.
    pub(super) fn add_object(
        &mut self,
        name: &str,
        write: impl FnOnce(&mut Self) -> Result<()>,
    ) -> Result<()> {
        let before = self.text.len();
        self.add_any(name, |text| text.push('{'));
        let empty = self.text.len();
        write(self)?;
        if self.text.len() == empty {
            self.text.truncate(before);
        } else {
            self.text.push('}');
        }
        Ok(())
    }

    fn separate(&mut self) {
        if !self.text.is_empty() && !self.text.ends_with('{') {
            self.text.push(',');
        }
    }
}

/// Appends the JSON text of an array.
pub(super) fn write_array<T>(
    into: &mut String,
    elements: impl IntoIterator<Item = T>,
    mut write: impl FnMut(T, &mut String),
) {
    into.push('[');
    for (place, element) in elements.into_iter().enumerate() {
        if place > 0 {
            into.push(',');
        }
        write(element, into);
    }
    into.push(']');
}

/// Appends an id as JSON.
pub(super) fn write_id(into: &mut String, id: ResourceId) {
    into.push('"');
    id.push_to(into);
    into.push('"');
}
