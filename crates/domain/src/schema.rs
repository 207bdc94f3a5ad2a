//! Schemas and attributes as data (RFC 7643 sections 2 and 7). The values here validate what clients send,
//! decide what an index holds, and are what `/Schemas` serves: there is no second description.

pub mod announce;
pub mod common;
pub mod enterprise;
pub mod group;
pub mod qa_group;
pub mod qa_user;
pub mod role;
pub mod user;

use std::sync::Arc;

/// The type of an attribute (RFC 7643 section 2.3).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Type {
    /// Text.
    String,
    /// Truth value.
    Boolean,
    /// Any number.
    Decimal,
    /// Whole number.
    Integer,
    /// Time with zone.
    DateTime,
    /// Base64 text.
    Binary,
    /// URI.
    Reference,
    /// Object with sub-attributes.
    Complex,
}

impl Type {
    /// All of them.
    pub const ALL: [Self; 8] = [
        Self::String,
        Self::Boolean,
        Self::Decimal,
        Self::Integer,
        Self::DateTime,
        Self::Binary,
        Self::Reference,
        Self::Complex,
    ];

    /// The one with this name.
    pub fn parse(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|known| known.name() == name)
    }

    /// The name in `/Schemas`.
    pub fn name(self) -> &'static str {
        match self {
            Self::String => "string",
            Self::Boolean => "boolean",
            Self::Decimal => "decimal",
            Self::Integer => "integer",
            Self::DateTime => "dateTime",
            Self::Binary => "binary",
            Self::Reference => "reference",
            Self::Complex => "complex",
        }
    }
}

/// Who may write an attribute and when (RFC 7643 section 2.2).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Mutability {
    /// The server only.
    ReadOnly,
    /// Clients, any time.
    ReadWrite,
    /// Clients, once.
    Immutable,
    /// Clients, and nobody reads it.
    WriteOnly,
}

impl Mutability {
    /// All of them.
    pub const ALL: [Self; 4] = [Self::ReadOnly, Self::ReadWrite, Self::Immutable, Self::WriteOnly];

    /// The one with this name.
    pub fn parse(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|known| known.name() == name)
    }

    /// The name in `/Schemas`.
    pub fn name(self) -> &'static str {
        match self {
            Self::ReadOnly => "readOnly",
            Self::ReadWrite => "readWrite",
            Self::Immutable => "immutable",
            Self::WriteOnly => "writeOnly",
        }
    }
}

/// When an attribute is part of a reply (RFC 7643 section 2.2).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Returned {
    /// In every reply, whatever is asked for.
    Always,
    /// In none.
    Never,
    /// Unless excluded or others are asked for.
    Default,
    /// Only when asked for.
    Request,
}

impl Returned {
    /// All of them.
    pub const ALL: [Self; 4] = [Self::Always, Self::Never, Self::Default, Self::Request];

    /// The one with this name.
    pub fn parse(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|known| known.name() == name)
    }

    /// The name in `/Schemas`.
    pub fn name(self) -> &'static str {
        match self {
            Self::Always => "always",
            Self::Never => "never",
            Self::Default => "default",
            Self::Request => "request",
        }
    }
}

/// Where a value may occur once only (RFC 7643 section 2.2).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Uniqueness {
    /// No rule.
    None,
    /// Once per tenant and resource type.
    Server,
}

impl Uniqueness {
    /// All of them.
    pub const ALL: [Self; 2] = [Self::None, Self::Server];

    /// The one with this name.
    pub fn parse(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|known| known.name() == name)
    }

    /// The name in `/Schemas`.
    pub fn name(self) -> &'static str {
        match self {
            Self::None => "none",
            Self::Server => "server",
        }
    }
}

/// One attribute or sub-attribute with all its characteristics.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Attribute {
    /// Canonical name.
    pub name: String,
    /// For people.
    pub description: String,
    /// Type of a value.
    pub kind: Type,
    /// Whether it holds a list of values.
    pub multi_valued: bool,
    /// Whether it must be present.
    pub required: bool,
    /// Whether case matters when values are compared.
    pub case_exact: bool,
    /// Who may write it.
    pub mutability: Mutability,
    /// When it is part of a reply.
    pub returned: Returned,
    /// Where a value may occur once only.
    pub uniqueness: Uniqueness,
    /// Values a client should choose from.
    pub canonical_values: Vec<String>,
    /// Whether there are no values beside the canonical ones: so it is for attributes that a tenant has defined, while
    /// those of RFC 7643 are suggestions.
    pub closed: bool,
    /// What a reference may point to.
    pub reference_types: Vec<String>,
    /// Of a complex attribute.
    pub sub_attributes: Vec<Arc<Attribute>>,
    /// A complex attribute that takes sub-attributes of any name with a string, number or boolean (`profile`).
    pub open: bool,
    /// Most characters of a text.
    pub max_chars: usize,
}

impl Attribute {
    /// The sub-attribute with this name, in any case.
    pub fn sub(&self, name: &str) -> Option<&Arc<Attribute>> {
        find(&self.sub_attributes, name)
    }

    /// A multi-valued attribute whose values are simple, and that clients write.
    pub(crate) fn is_list_of_texts(&self) -> bool {
        self.multi_valued && self.kind != Type::Complex && self.mutability != Mutability::ReadOnly
    }

    /// A multi-valued attribute whose values are objects.
    pub fn is_list_of_objects(&self) -> bool {
        self.multi_valued && self.kind == Type::Complex
    }
}

/// A named set of attributes.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Schema {
    /// The URN.
    pub id: String,
    /// For people.
    pub name: String,
    /// For people.
    pub description: String,
    /// In the order in which they are served.
    pub attributes: Vec<Arc<Attribute>>,
}

impl Schema {
    /// The attribute with this name, in any case.
    pub fn attribute(&self, name: &str) -> Option<&Arc<Attribute>> {
        find(&self.attributes, name)
    }
}

fn find<'a>(attributes: &'a [Arc<Attribute>], name: &str) -> Option<&'a Arc<Attribute>> {
    attributes.iter().find(|attribute| attribute.name.eq_ignore_ascii_case(name))
}

/// RFC 7643 section 2.1: `ATTRNAME = ALPHA *(nameChar)`, and `nameChar` is `$`, `-`, `_`, a digit or a letter.
pub(crate) fn is_attribute_name(name: &str) -> bool {
    name.starts_with(|first: char| first.is_ascii_alphabetic())
        && name.chars().all(|char| char.is_ascii_alphanumeric() || matches!(char, '$' | '-' | '_'))
}

/// The short way to write attributes down: RFC 7643 defaults, then what differs.
pub(crate) mod build {
    use super::{Attribute, Mutability, Returned, Type, Uniqueness};
    use crate::limits;
    use std::sync::Arc;

    /// An optional, single-valued, readWrite attribute that is returned by default.
    pub(crate) fn attribute(name: &str, kind: Type, description: &str) -> Attribute {
        Attribute {
            name: name.into(),
            description: description.into(),
            kind,
            multi_valued: false,
            required: false,
            // RFC 7643 section 2.3: binary and reference values are case-exact.
            case_exact: matches!(kind, Type::Binary | Type::Reference),
            mutability: Mutability::ReadWrite,
            returned: Returned::Default,
            uniqueness: Uniqueness::None,
            canonical_values: Vec::new(),
            closed: false,
            reference_types: Vec::new(),
            sub_attributes: Vec::new(),
            open: false,
            max_chars: limits::TEXT_CHARS,
        }
    }

    pub(crate) fn string(name: &str, description: &str) -> Attribute {
        attribute(name, Type::String, description)
    }

    pub(crate) fn boolean(name: &str, description: &str) -> Attribute {
        attribute(name, Type::Boolean, description)
    }

    pub(crate) fn reference(name: &str, types: &[&str], description: &str) -> Attribute {
        let reference_types = types.iter().map(|&name| name.into()).collect();
        Attribute { reference_types, ..attribute(name, Type::Reference, description) }
    }

    pub(crate) fn complex(name: &str, description: &str, sub_attributes: Vec<Attribute>) -> Attribute {
        let sub_attributes = sub_attributes.into_iter().map(Arc::new).collect();
        Attribute { sub_attributes, ..attribute(name, Type::Complex, description) }
    }

    /// A list of objects with the sub-attributes of RFC 7643 section 2.4.
    pub(crate) fn plural(name: &str, description: &str, value: Attribute, types: &[&str]) -> Attribute {
        complex(
            name,
            description,
            vec![
                value,
                string("display", "A name for the entry, for people."),
                string("type", "A label for the use of the entry.").canonical(types),
                boolean("primary", "Whether this is the preferred entry; true at most once."),
            ],
        )
        .multi_valued()
    }

    impl Attribute {
        pub(crate) fn multi_valued(self) -> Self {
            Self { multi_valued: true, ..self }
        }

        pub(crate) fn required(self) -> Self {
            Self { required: true, ..self }
        }

        pub(crate) fn case_exact(self) -> Self {
            Self { case_exact: true, ..self }
        }

        /// Written by the server only; so are all sub-attributes.
        pub(crate) fn read_only(self) -> Self {
            let sub_attributes =
                self.sub_attributes.iter().map(|sub| Arc::new(Attribute::clone(sub).read_only())).collect();
            Self { mutability: Mutability::ReadOnly, sub_attributes, ..self }
        }

        /// Written by clients, once.
        pub(crate) fn immutable(self) -> Self {
            Self { mutability: Mutability::Immutable, ..self }
        }

        pub(crate) fn returned(self, returned: Returned) -> Self {
            Self { returned, ..self }
        }

        pub(crate) fn unique(self) -> Self {
            Self { uniqueness: Uniqueness::Server, ..self }
        }

        pub(crate) fn canonical(self, values: &[&str]) -> Self {
            Self { canonical_values: values.iter().map(|&value| value.into()).collect(), ..self }
        }

        pub(crate) fn max_chars(self, max_chars: usize) -> Self {
            Self { max_chars, ..self }
        }
    }
}
