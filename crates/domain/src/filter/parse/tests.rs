use proptest::prelude::*;

use super::*;
use crate::resource_type::{GROUP, USER, USERGROUP};

const LOCATION: &str = "https://scim.example/scim/v2/Users/";
const CORE: &str = "urn:ietf:params:scim:schemas:core:2.0:User";
const ENTERPRISE: &str = "urn:ietf:params:scim:schemas:extension:enterprise:2.0:User";

fn parsed(text: &str) -> Result<Filter> {
    parse(text, &Scope { resource_type: &USER, contract: &crate::contract::RFC, location: LOCATION })
}

/// The tree as a short text: names in lower case, keys with their tag.
fn shown(filter: &Filter) -> String {
    let list = |name: &str, parts: &[Filter]| {
        let parts: Vec<String> = parts.iter().map(shown).collect();
        format!("{name}({})", parts.join(" "))
    };
    match filter {
        Filter::And(parts) => list("and", parts),
        Filter::Or(parts) => list("or", parts),
        Filter::Not(part) => list("not", std::slice::from_ref(part)),
        Filter::Constant(value) => value.to_string(),
        Filter::Compare { target, op, key } if key.as_str().starts_with('n') => {
            format!("{target} {op:?} number")
        }
        Filter::Compare { target, op, key } => format!("{target} {op:?} {}", key.as_str()),
        Filter::Present(target) => format!("{target} pr"),
        Filter::HasExtension(schema) => format!("has {}", schema.name),
        Filter::Element { list, filter } => format!("{list}[{}]", shown(filter)),
    }
}

fn check(cases: &[(&str, &str)]) {
    for (text, expected) in cases {
        let filter = parsed(text).unwrap_or_else(|error| panic!("{text}: {error}"));
        assert_eq!(shown(&filter), *expected, "{text}");
    }
}

#[test]
fn grammar() {
    check(&[
        ("userName eq \"Mia\"", "userName Eq smia"),
        ("userName pr", "userName pr"),
        ("active eq true", "active Eq btrue"),
        // RFC 7644 table 5: not before and before or.
        ("title pr or nickName pr and locale pr", "or(title pr and(nickName pr locale pr))"),
        ("(title pr or nickName pr) and locale pr", "and(or(title pr nickName pr) locale pr)"),
        ("not (title pr) and locale pr", "and(not(title pr) locale pr)"),
        ("not (title pr or locale pr)", "not(or(title pr locale pr))"),
        ("not(title pr)", "not(title pr)"),
        ("not ( not (title pr))", "title pr"),
        ("title pr and (nickName pr and locale pr)", "and(title pr nickName pr locale pr)"),
        ("title pr or (nickName pr or locale pr)", "or(title pr nickName pr locale pr)"),
        ("((title pr))", "title pr"),
        ("  title  pr  ", "title pr"),
        ("title eq \"and\" and nickName eq \"or (\"", "and(title Eq sand nickName Eq sor ()"),
        (
            "emails[type eq \"work\" and value co \"@x\"]",
            "emails[and(emails.type Eq swork emails.value Co s@x)]",
        ),
        ("emails[not (type pr) or (value pr)]", "emails[or(not(emails.type pr) emails.value pr)]"),
        ("emails[type pr] and title pr", "and(emails[emails.type pr] title pr)"),
        ("name[givenName eq \"x\"]", "name[name.givenName Eq sx]"),
        ("title eq \"a\\\"\\u00c9\\uD83D\\uDE00\"", "title Eq sa\"é😀"),
        ("displayName ne \"x\"", "displayName Ne sx"),
        ("title gt \"a\" and title le \"B\"", "and(title Gt sa title Le sb)"),
        ("profile.Age ge -5", "urn:rollcall:params:scim:schemas:extension:qa:2.0:User:profile.Age Ge number"),
        (
            "profile.A eq \"True\"",
            "urn:rollcall:params:scim:schemas:extension:qa:2.0:User:profile.A Eq strue",
        ),
        ("profile.A eq True", "urn:rollcall:params:scim:schemas:extension:qa:2.0:User:profile.A Eq btrue"),
        ("profile pr", "urn:rollcall:params:scim:schemas:extension:qa:2.0:User:profile pr"),
        ("groups.value eq \"G\" and groups pr", "and(groups.value Eq sG groups pr)"),
    ]);
}

#[test]
fn what_clients_send() {
    check(&[
        (
            "emails[type eq \"work\"].value eq \"Mia\"",
            "emails[and(emails.type Eq swork emails.value Eq smia)]",
        ),
        ("emails[type eq \"work\"].value pr", "emails[and(emails.type Eq swork emails.value pr)]"),
        (
            "emails[type eq work or primary eq \"True\"].value eq m",
            "emails[and(or(emails.type Eq swork emails.primary Eq btrue) emails.value Eq sm)]",
        ),
        ("USERNAME EQ \"x\" AND Active Eq TRUE", "and(userName Eq sx active Eq btrue)"),
        ("NOT (title PR) OR locale pr", "or(not(title pr) locale pr)"),
        ("userName eq mia@shop.test", "userName Eq smia@shop.test"),
        ("externalId eq mRoth", "externalId Eq smRoth"),
        ("displayName eq a-b.c", "displayName Eq sa-b.c"),
        ("active eq \"False\"", "active Eq bfalse"),
        ("emails eq \"X\"", "emails.value Eq sx"),
        ("roles.primary eq \"true\"", "roles.primary Eq btrue"),
        (
            "manager eq \"U\"",
            "urn:ietf:params:scim:schemas:extension:enterprise:2.0:User:manager.value Eq sU",
        ),
        (&format!("{CORE}:userName eq \"x\""), "userName Eq sx"),
        (
            &format!("{CORE}:emails[type eq \"work\"].value eq \"x\""),
            "emails[and(emails.type Eq swork emails.value Eq sx)]",
        ),
        (
            &format!("{}:Department eq \"x\"", ENTERPRISE.to_uppercase()),
            &format!("{ENTERPRISE}:department Eq sx"),
        ),
        (&format!("{ENTERPRISE}:manager.value pr"), &format!("{ENTERPRISE}:manager.value pr")),
        (
            &format!("{ENTERPRISE}:manager[value eq \"u\"]"),
            &format!("{ENTERPRISE}:manager[{ENTERPRISE}:manager.value Eq su]"),
        ),
        (
            "id eq \"u-77\" and manager eq \"u-2\"",
            &format!("and(id Eq su-77 {ENTERPRISE}:manager.value Eq su-2)"),
        ),
        (
            "userAccessLevel eq \"admin\"",
            "urn:rollcall:params:scim:schemas:extension:qa:2.0:User:role Eq sadmin",
        ),
        (
            "meta.lastModified gt \"2024-01-01T01:00:00+01:00\"",
            "meta.lastModified Gt t2024-01-01T00:00:00.000000000Z",
        ),
        ("meta.created lt 2024-01-01T00:00:00Z", "meta.created Lt t2024-01-01T00:00:00.000000000Z"),
    ]);
}

#[test]
fn computed_attributes() {
    let location = |rest: &str| format!("meta.location {rest}");
    check(&[
        (&format!("schemas eq \"{CORE}\""), "true"),
        (&format!("schemas ne \"{CORE}\""), "false"),
        (&format!("schemas eq \"{}\"", ENTERPRISE.to_uppercase()), "has EnterpriseUser"),
        (&format!("schemas ne \"{ENTERPRISE}\""), "not(has EnterpriseUser)"),
        ("schemas eq \"urn:x\"", "false"),
        ("schemas co \"extension\"", "or(has EnterpriseUser has QAUser)"),
        ("schemas sw \"urn:\"", "true"),
        ("schemas pr and title pr", "title pr"),
        ("meta.resourceType eq \"User\"", "true"),
        ("meta.resourceType eq \"user\"", "false"),
        ("meta.resourceType ne \"Group\" and title pr", "title pr"),
        ("meta.resourceType eq \"Group\" and title pr", "false"),
        ("meta.resourceType eq \"User\" or title pr", "true"),
        ("not (meta.resourceType eq \"Group\")", "true"),
        ("meta.resourceType sw \"Us\" and meta.resourceType gt \"Uses\"", "false"),
        ("meta pr and id pr and meta.version pr", "true"),
        ("meta[resourceType eq \"User\" and created pr]", "true"),
        ("meta[version eq \"W/\\\"3\\\"\"]", "meta.version Eq s3"),
        ("meta.version eq \"W/\\\"12\\\"\"", "meta.version Eq s12"),
        ("meta.version ne \"\\\"12\\\"\"", "meta.version Ne s12"),
        ("meta.version eq \"W/\\\"+12\\\"\"", "false"),
        ("meta.version eq \"12\"", "false"),
        ("meta.version ne \"abc\"", "true"),
        (&location(&format!("eq \"{LOCATION}x\"")), "id Eq sx"),
        (&location("eq \"https://other/x\""), "false"),
        (&location("sw \"https://scim\""), "true"),
        (&location(&format!("sw \"{LOCATION}0\"")), "id Sw s0"),
        (&location("co \"/Users/\""), "true"),
        (&location("co \"s/0\""), "or(id Co ss/0 id Sw s0)"),
        (&location("ew \"abc\""), "id Ew sabc"),
        (&location("gt \"https\""), "true"),
        (&location("gt \"https://z\""), "false"),
    ]);
}

/// Members and owners are rows of their own, compared by the id of the user; so are the groups of a user.
#[test]
fn lists_of_groups() {
    let own = "urn:rollcall:params:scim:schemas:extension:qa:2.0:Group:owners";
    let core = "urn:ietf:params:scim:schemas:core:2.0:Group";
    for resource_type in [&GROUP, &USERGROUP] {
        let parsed =
            |text: &str| parse(text, &Scope { resource_type, contract: &crate::contract::RFC, location: "" });
        for (text, expected) in [
            ("members.value eq \"U-1\"", "members.value Eq sU-1".to_owned()),
            ("members eq \"U-1\"", "members.value Eq sU-1".into()),
            ("Members[Value eq \"U-1\"]", "members.value Eq sU-1".into()),
            (
                "members[value eq \"a\" or value sw \"b\"]",
                "or(members.value Eq sa members.value Sw sb)".into(),
            ),
            ("members[value pr]", "members pr".into()),
            ("members pr and not (members.value pr)", "and(members pr not(members pr))".into()),
            ("members ne \"U-1\"", "members.value Ne sU-1".into()),
            (
                "members.value co \"u\" and members gt \"a\"",
                "and(members.value Co su members.value Gt sa)".into(),
            ),
            // ENTRA-2: the reference check.
            ("id eq g-5 and members eq \"u-2\"", "and(id Eq sg-5 members.value Eq su-2)".into()),
            (&format!("{core}:members.value eq \"u\""), "members.value Eq su".into()),
            ("owners eq \"U-1\"", format!("{own} Eq sU-1")),
            ("owners.value eq \"U-1\"", format!("{own} Eq sU-1")),
            ("owners[value eq \"U-1\"]", format!("{own} Eq sU-1")),
            ("owners pr", format!("{own} pr")),
            (&format!("{own} ew \"1\""), format!("{own} Ew s1")),
            ("displayName eq \"Night Shift\"", "displayName Eq snight shift".into()),
            ("externalId eq E-1", "externalId Eq sE-1".into()),
            ("schemas eq \"urn:rollcall:params:scim:schemas:extension:qa:2.0:Group\"", format!("{own} pr")),
        ] {
            let filter = parsed(text).unwrap_or_else(|error| panic!("{text}: {error}"));
            assert_eq!(shown(&filter), expected, "{text}");
        }
        for text in [
            "members.display eq \"x\"",
            "members.type eq \"User\"",
            "members.type pr",
            "members.$ref sw \"x\"",
            "members[display eq \"x\"]",
            "members[value eq \"a\" or type eq \"User\"]",
            "members[value eq \"a\" and value eq \"b\"]",
            "members[not (value eq \"a\")]",
            "members[value ne \"a\"]",
            "members[value eq \"a\"].display eq \"x\"",
            "members[value eq \"a\"].value eq \"a\"",
            "members eq 5",
            "owners[display pr]",
            "owners[value ne \"a\"]",
            "owners.display pr",
            "displayName[value eq \"a\"]",
            "groups eq \"x\"",
        ] {
            assert!(matches!(parsed(text), Err(Error::InvalidFilter(_))), "{text}: {:?}", parsed(text));
        }
    }
    check(&[
        ("groups eq \"G\"", "groups.value Eq sG"),
        ("groups[value eq \"G\"] or groups.value sw \"H\"", "or(groups.value Eq sG groups.value Sw sH)"),
        ("groups.value pr", "groups pr"),
    ]);
}

#[test]
fn refused() {
    for text in [
        "",
        " ",
        "userName",
        "userName eq",
        "userName eq (",
        "eq \"x\"",
        "userName is \"x\"",
        "userName eq \"x",
        "userName eq \"\\x\"",
        "userName eq \"\\ud800\"",
        "userName eq \"\\u0000\"",
        "userName eq a\0b",
        "userName eq \"x\" and",
        "userName eq \"x\" title pr",
        "userName eq Night Shift",
        "userName eq \"x\")",
        "(userName eq \"x\"",
        "()",
        "not userName pr",
        "not",
        "and",
        "title pr or or locale pr",
        "title pr pr",
        // Unknown names, and names that nothing compares with.
        "nosuch eq \"x\"",
        "nosuch pr",
        "name.nosuch pr",
        "userName.value eq \"x\"",
        "urn:nosuch:2.0:User:userName eq \"x\"",
        "profile. pr",
        "name eq \"x\"",
        "meta eq \"x\"",
        "addresses eq \"x\"",
        "profile eq \"x\"",
        // Values and operators of the wrong type.
        "userName eq 5",
        "userName eq true",
        "userName eq null",
        "active eq NULL",
        "active gt true",
        "active co \"tr\"",
        "active eq \"yes\"",
        "active eq 1",
        "active eq yes",
        "meta.created eq \"yesterday\"",
        "meta.created eq 5",
        "meta.created co \"2024\"",
        "x509Certificates gt \"QUJD\"",
        "profile.Age co 5",
        "profile.Remote gt true",
        "profile.Age eq 9223372036854775808",
        "profile.Age eq 1e999",
        "schemas gt \"urn\"",
        "schemas eq 5",
        "meta.version gt \"W/\\\"3\\\"\"",
        "meta.resourceType eq 5",
        // Never returned: a filter would read it letter by letter.
        "password eq \"x\"",
        "password sw \"x\"",
        "password pr",
        "urn:ietf:params:scim:schemas:core:2.0:User:PASSWORD pr",
        // Looked up for replies only.
        "manager.displayName eq \"x\"",
        "groups.display eq \"x\"",
        "groups.type eq \"direct\"",
        "groups.$ref pr",
        "groups[display eq \"x\"]",
        // Value paths.
        "userName[value eq \"x\"]",
        "schemas[value eq \"x\"]",
        "emails.type[value eq \"x\"]",
        "emails[]",
        "emails[type eq \"work\"",
        "emails[type eq \"work\")",
        "emails[type eq \"work\"]]",
        "emails[userName eq \"x\"]",
        "emails[emails[type pr]]",
        "emails[type[value pr]]",
        "emails[type eq \"work\"] eq \"x\"",
        "emails[type eq \"work\"].value",
        "emails[type eq \"work\"]. value eq \"x\"",
        "emails[type eq \"work\"].nosuch eq \"x\"",
        "emails[type eq \"work\"].value[type pr]",
        "(emails[type eq \"work\")]",
    ] {
        assert!(matches!(parsed(text), Err(Error::InvalidFilter(_))), "{text}: {:?}", parsed(text));
    }
}

#[test]
fn errors_say_what_and_where() {
    for (text, detail) in [
        ("", "the filter is empty"),
        ("title pr title pr", "expected `and`, `or` or the end at character 10, found `title`"),
        ("ülk pr", "there is no attribute `ülk`"),
        ("title is \"x\"", "expected an operator such as `eq` at character 7, found `is`"),
        ("title eq", "expected a value at character 9, found the end"),
        ("not title pr", "expected `(` after `not` at character 5, found `title`"),
        ("(title pr", "expected `and`, `or` or `)` at character 10, found the end"),
        ("title eq \"é\" )", "expected `and`, `or` or the end at character 14, found `)`"),
        ("active eq 5", "`active` compares with a boolean value only"),
        ("name eq \"x\"", "`name` has no value of its own: name a sub-attribute"),
    ] {
        assert_eq!(parsed(text).expect_err(text).to_string(), detail, "{text}");
    }
}

#[test]
fn details_hold_little_input() {
    let long = "ü".repeat(1_000);
    for text in [
        format!("{long} pr"),
        format!("title {long}"),
        format!("title eq \"{long}"),
        format!("title eq \"{long}\\x\""),
        format!("title pr \"{long}\""),
        format!("profile.{long} eq null"),
        format!("emails[{long} pr]"),
        format!("active eq {long}"),
        format!("title eq 1{}", "0".repeat(1_000)),
    ] {
        let detail = parsed(&text).expect_err(&text).to_string();
        assert!(detail.chars().filter(|c| matches!(c, 'ü' | '0')).count() <= 64, "{detail}");
    }
}

#[test]
fn limits_at_n_and_one_over() {
    let nested = |open: &str, close: &str, depth: usize| {
        parsed(&format!("{}title pr{}", open.repeat(depth), close.repeat(depth)))
    };
    for open in ["(", "not (", "not("] {
        assert!(nested(open, ")", limits::FILTER_DEPTH).is_ok(), "{open}");
        for depth in [limits::FILTER_DEPTH + 1, 700, 100_000] {
            assert!(nested(open, ")", depth).is_err(), "{open} {depth}");
        }
    }
    let bracketed =
        |depth: usize| parsed(&format!("{}emails[type pr]{}", "(".repeat(depth), ")".repeat(depth)));
    assert!(bracketed(limits::FILTER_DEPTH - 1).is_ok());
    assert!(bracketed(limits::FILTER_DEPTH).is_err());
    // Depth is what is open at once, not how many brackets there are.
    assert!(parsed(&vec!["(title pr)"; limits::FILTER_TERMS].join(" or ")).is_ok());

    for term in ["title pr", "title eq \"x\"", "meta.resourceType eq \"x\""] {
        for joint in [" and ", " or "] {
            assert!(parsed(&vec![term; limits::FILTER_TERMS].join(joint)).is_ok(), "{term}{joint}");
            assert!(parsed(&vec![term; limits::FILTER_TERMS + 1].join(joint)).is_err(), "{term}{joint}");
        }
    }
    // A value path with a comparison behind it counts as the two comparisons it is.
    let pairs = |n: usize| parsed(&vec!["emails[type eq \"work\"].value pr"; n].join(" or "));
    assert!(pairs(limits::FILTER_TERMS / 2).is_ok());
    assert!(pairs(limits::FILTER_TERMS / 2 + 1).is_err());

    let sized = |bytes: usize| parsed(&format!("title eq \"{}\"", "x".repeat(bytes - 11)));
    assert!(sized(limits::FILTER_BYTES).is_ok());
    assert!(sized(limits::FILTER_BYTES + 1).is_err());
}

#[test]
fn nasty_texts_of_full_length() {
    let full = |piece: &str| piece.repeat(limits::FILTER_BYTES / piece.len());
    for piece in [" ", "\"", "\\", "\\\"", "\"\\", "(", ")", "[", "]", "not ", "a", "\u{1F600}", "\"\\u", "."]
    {
        assert!(parsed(&full(piece)).is_err(), "{piece}");
        let behind: String = full(piece).chars().take(1_000).collect();
        let _ = parsed(&format!("title eq {behind}"));
        let _ = parsed(&format!("title eq \"{behind}"));
        let _ = parsed(&format!("emails[type eq {behind}"));
    }
}

/// Texts that are filters, with the tree they stand for.
fn filters() -> impl Strategy<Value = String> {
    let leaf = prop_oneof![
        Just("title pr".to_owned()),
        "[a-z\"\\\\ é]{0,6}".prop_map(|text| format!("displayName co {}", Value::from(text))),
        any::<i64>().prop_map(|number| format!("profile.N le {number}")),
        Just("emails[type eq \"work\"].value ne \"x\"".to_owned()),
        Just("schemas co \"enterprise\"".to_owned()),
        Just("meta.resourceType eq \"User\"".to_owned()),
    ];
    leaf.prop_recursive(4, 20, 2, |inner| {
        prop_oneof![
            (inner.clone(), inner.clone()).prop_map(|(a, b)| format!("({a}) and ({b})")),
            (inner.clone(), inner.clone()).prop_map(|(a, b)| format!("({a}) or ({b})")),
            inner.prop_map(|a| format!("not ({a})")),
        ]
    })
}

/// `And` and `Or` have two parts or more, none of their own kind; no constant and no double negation inside.
fn is_normal(filter: &Filter) -> bool {
    let constant = |part: &Filter| matches!(part, Filter::Constant(_));
    match filter {
        Filter::And(parts) => {
            parts.len() > 1
                && parts
                    .iter()
                    .all(|part| is_normal(part) && !constant(part) && !matches!(part, Filter::And(_)))
        }
        Filter::Or(parts) => {
            parts.len() > 1
                && parts
                    .iter()
                    .all(|part| is_normal(part) && !constant(part) && !matches!(part, Filter::Or(_)))
        }
        Filter::Not(part) => is_normal(part) && !constant(part) && !matches!(**part, Filter::Not(_)),
        Filter::Element { filter, .. } => is_normal(filter) && !constant(filter),
        _ => true,
    }
}

proptest! {
    #[test]
    fn filters_parse_and_are_normal(text in filters()) {
        let filter = parsed(&text).expect(&text);
        prop_assert!(is_normal(&filter), "{}", shown(&filter));
        prop_assert_eq!(parsed(&format!("not (not ({text}))")).expect(&text), filter.clone());
        prop_assert_eq!(parsed(&format!("not ({text})")).expect(&text), filter.negated());
    }

    #[test]
    fn any_text_is_answered(text in "\\PC{0,80}") {
        match parsed(&text) {
            Ok(filter) => prop_assert!(!shown(&filter).is_empty()),
            Err(error) => prop_assert!(matches!(error, Error::InvalidFilter(_)), "{error:?}"),
        }
    }

    #[test]
    fn any_tokens_are_answered(
        tokens in prop::collection::vec(
            prop::sample::select(vec![
                "userName", "emails", "type", "profile.X", "meta.location", "eq", "co", "pr", "and", "or", "not",
                "(", ")", "[", "]", "].value", "\"work\"", "\"\\u00e9\"", "\"", "true", "null", "5", " ",
            ]),
            0..400,
        ),
        gap in prop::sample::select(vec!["", " "]),
    ) {
        match parsed(&tokens.join(gap)) {
            Ok(filter) => prop_assert!(is_normal(&filter)),
            Err(error) => prop_assert!(matches!(error, Error::InvalidFilter(_)), "{error:?}"),
        }
    }
}
