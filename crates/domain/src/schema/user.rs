//! The core User schema (RFC 7643 section 4.1), complete.

use std::sync::{Arc, LazyLock};

use super::build::{attribute, boolean, complex, plural, reference, string};
use super::{Attribute, Mutability, Returned, Schema, Type};
use crate::limits;

/// The URN of the core User schema.
pub const URN: &str = "urn:ietf:params:scim:schemas:core:2.0:User";

/// The core User schema.
pub static SCHEMA: LazyLock<Arc<Schema>> = LazyLock::new(|| {
    Arc::new(Schema {
        id: URN.into(),
        name: "User".into(),
        description: "User Account".into(),
        attributes: attributes().into_iter().map(Arc::new).collect(),
    })
});

fn attributes() -> Vec<Attribute> {
    let value = |description: &str| string("value", description);
    vec![
        string("userName", "The name the user is known by; unique in the tenant without regard to case.")
            .required()
            .unique()
            .max_chars(limits::NAME_CHARS),
        complex(
            "name",
            "The parts of the user's name.",
            vec![
                string("formatted", "The whole name, ready for display."),
                string("familyName", "The family name."),
                string("givenName", "The given name."),
                string("middleName", "The middle names."),
                string("honorificPrefix", "A title before the name."),
                string("honorificSuffix", "A title after the name."),
            ],
        ),
        string("displayName", "The name shown to other people.").max_chars(limits::NAME_CHARS),
        string("nickName", "A casual name."),
        reference("profileUrl", &["external"], "The address of the user's page."),
        string("title", "The user's title, such as \"Team Lead\"."),
        string("userType", "The relation to the organization, such as \"Contractor\"."),
        string("preferredLanguage", "Preferred languages, as in Accept-Language."),
        string("locale", "The locale for dates, numbers and currency."),
        string("timezone", "The time zone, as in the IANA database."),
        boolean("active", "Whether the user may sign in."),
        Attribute {
            mutability: Mutability::WriteOnly,
            ..string("password", "Accepted and dropped: passwords are not kept here.")
                .returned(Returned::Never)
        },
        plural("emails", "E-mail addresses.", value("The address."), &["work", "home", "other"]),
        plural(
            "phoneNumbers",
            "Phone numbers, kept as sent.",
            value("The number."),
            &["work", "home", "mobile", "fax", "pager", "other"],
        ),
        plural(
            "ims",
            "Instant messaging addresses.",
            value("The address."),
            &["aim", "gtalk", "icq", "xmpp", "msn", "skype", "qq", "yahoo"],
        ),
        plural(
            "photos",
            "Addresses of pictures of the user.",
            reference("value", &["external"], "The address of the picture."),
            &["photo", "thumbnail"],
        ),
        complex(
            "addresses",
            "Postal addresses.",
            vec![
                string("formatted", "The whole address, ready for a label."),
                string("streetAddress", "Street, house number, post office box."),
                string("locality", "City."),
                string("region", "State or region."),
                string("postalCode", "Postal code."),
                string("country", "Country, as in ISO 3166-1 alpha-2."),
                string("type", "A label for the use of the address.").canonical(&["work", "home", "other"]),
                boolean("primary", "Whether this is the preferred address; true at most once."),
            ],
        )
        .multi_valued(),
        complex(
            "groups",
            "The groups the user is a member of; changed through the groups only.",
            vec![
                value("The id of the group.").case_exact(),
                reference("$ref", &["Group"], "The URI of the group."),
                string("display", "The name of the group."),
                string("type", "How the user became a member.").canonical(&["direct", "indirect"]),
            ],
        )
        .multi_valued()
        .read_only(),
        plural("entitlements", "What the user is entitled to.", value("The entitlement."), &[]),
        plural(
            "roles",
            "Role names; those of the platform grant a role.",
            value("The name of the role."),
            &[],
        ),
        plural(
            "x509Certificates",
            "Certificates of the user.",
            attribute("value", Type::Binary, "The certificate, DER in base64."),
            &[],
        ),
    ]
}
