//! Typed ids. An id that cannot be parsed is not an error of its own: there is no such resource.

use std::fmt;

use uuid::Uuid;

macro_rules! id {
    ($(#[$doc:meta])* $name:ident) => {
        $(#[$doc])*
        #[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
        pub struct $name(pub Uuid);

        impl $name {
            /// A new id, ordered by its time of birth (UUIDv7).
            pub fn generate() -> Self {
                Self(Uuid::now_v7())
            }

            /// Only the canonical form (36 characters, lower case) is an id; anything else names nothing.
            pub fn parse(text: &str) -> Option<Self> {
                let id = Uuid::try_parse(text).ok()?;
                (id.hyphenated().encode_lower(&mut Uuid::encode_buffer()) == text).then_some(Self(id))
            }

            /// Appends the canonical form.
            pub fn push_to(&self, into: &mut String) {
                into.push_str(self.0.hyphenated().encode_lower(&mut Uuid::encode_buffer()));
            }
        }

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                self.0.hyphenated().fmt(f)
            }
        }
    };
}

id!(
    /// A customer of the platform.
    TenantId
);
id!(
    /// A user, a group or any other SCIM resource; unique over all types of a tenant.
    ResourceId
);
id!(
    /// An API token (the public name of it, never the secret).
    TokenId
);
id!(
    /// An account of a tenant admin, which SCIM cannot reach.
    AdminId
);
id!(
    /// A session of an admin; its tokens name it.
    SessionId
);
id!(
    /// A credential of the hosting platform (the public name of it, never the secret).
    PlatformTokenId
);
