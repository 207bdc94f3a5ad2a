//! Realistic synthetic people, the same ones for the same numbers, through the write path of every client.

use std::sync::Arc;

use domain::contract::{Contract, RFC};
use domain::id::TokenId;
use domain::principal::{Principal, Scope, Token};
use domain::resource_type::USER;
use domain::schema::{enterprise, qa_user, user};
use domain::service::{self, Call, Query};
use domain::store::{Origin, Store};
use domain::tenant::Tenant;
use domain::{Error, Result};
use serde_json::{Value, json};

use crate::clock;

/// The contract whose rules the data follows; the data are the same on both.
static CONTRACT: &Contract = &RFC;

/// Users of one transaction: its flush to disk is shared by all of them.
const BATCH: u64 = 500;

/// Adds so many users to the tenant, behind those it has; `done` is called with the number of each step.
pub(crate) fn users(store: &dyn Store, tenant: Tenant, count: u64, done: &mut dyn FnMut(u64)) -> Result<()> {
    let principal = operator(tenant);
    let slug = principal.tenant.slug.clone();
    let mut number = present(store, &principal)?;
    let mut left = count;
    while left > 0 {
        let size = left.min(BATCH);
        let people: Vec<Value> = (1..=size).map(|place| person(number + place, &slug)).collect();
        number = match service::create_all(&call(store, &principal), &USER, &people) {
            Ok(_) => number + size,
            // Numbers of users who were deleted or renamed may be taken: then one by one, past those.
            Err(Error::Uniqueness(_)) => past_taken(store, &principal, number, size, &slug)?,
            Err(error) => return Err(error),
        };
        left -= size;
        done(size);
    }
    Ok(())
}

/// Adds so many users at the next free numbers and returns the last one used.
fn past_taken(store: &dyn Store, principal: &Principal, from: u64, count: u64, slug: &str) -> Result<u64> {
    let (mut number, mut made) = (from, 0);
    while made < count {
        number += 1;
        match service::create(&call(store, principal), &USER, &Ok(person(number, slug)), &Query::default()) {
            Ok(_) => made += 1,
            Err(Error::Uniqueness(_)) => {}
            Err(error) => return Err(error),
        }
    }
    Ok(number)
}

/// How many users the tenant has.
fn present(store: &dyn Store, principal: &Principal) -> Result<u64> {
    let query = Query { count: Some(0), ..Query::default() };
    let list = service::list(&call(store, principal), &USER, &query)?;
    list["totalResults"].as_u64().ok_or_else(|| Error::internal("a list without a total"))
}

fn call<'a>(store: &'a dyn Store, principal: &'a Principal) -> Call<'a> {
    let origin = Origin { token: None, request: "load".into(), address: "localhost".into() };
    Call { store, principal, contract: CONTRACT, base: CONTRACT.base.into(), origin, now: clock::now() }
}

/// The operator at the command line may do everything; this token is never stored.
fn operator(tenant: Tenant) -> Principal {
    let token = Token {
        id: TokenId::generate(),
        name: "load".into(),
        scopes: Scope::ALL.into_iter().collect(),
        role_ceiling: None,
        created: clock::now(),
        expires: None,
        revoked: None,
    };
    Principal { tenant: Arc::new(tenant), token: Arc::new(token) }
}

const GIVEN: [&str; 24] = [
    "Ada", "Ben", "Chloé", "Daniel", "Elif", "Fatima", "Grace", "Hiro", "Inês", "Jonas", "Kateryna", "Liam",
    "Mia", "Noah", "Olga", "Priya", "Quentin", "Rosa", "Sven", "Tomás", "Uma", "Viktor", "Wei", "Zoë",
];
const FAMILY: [&str; 24] = [
    "Almeida",
    "Brown",
    "Costa",
    "Dubois",
    "Eriksson",
    "Fischer",
    "García",
    "Haddad",
    "Ito",
    "Jansen",
    "Kaya",
    "Lindqvist",
    "Müller",
    "Nguyen",
    "O'Brien",
    "Petrov",
    "Quinn",
    "Rossi",
    "Silva",
    "Tanaka",
    "Urban",
    "Vargas",
    "Wójcik",
    "Zhang",
];
const DEPARTMENTS: [&str; 6] =
    ["Support", "Quality", "Sales", "Onboarding", "Billing", "Workforce Management"];
const LOCATIONS: [&str; 6] = ["Porto", "Berlin", "Austin", "Manila", "Kraków", "São Paulo"];
const TITLES: [&str; 5] = ["Agent", "Senior Agent", "Team Lead", "Quality Analyst", "Trainer"];

fn person(number: u64, slug: &str) -> Value {
    let mut dice = Dice(number);
    let (given, family) = (dice.pick(&GIVEN), dice.pick(&FAMILY));
    let name = format!("{given} {family}");
    let mail = format!("{}.{}.{number}@{slug}.example", ascii(given), ascii(family));
    json!({
        "schemas": [user::URN, enterprise::URN, qa_user::URN],
        "userName": mail,
        "externalId": format!("load-{number}"),
        "name": {"givenName": given, "familyName": family, "formatted": name},
        "displayName": name,
        "title": dice.pick(&TITLES),
        "active": !dice.one_in(20),
        "emails": [{"value": mail, "type": "work", "primary": true}],
        "phoneNumbers": [{"value": format!("+1-555-{:07}", number % 10_000_000), "type": "work"}],
        (enterprise::URN): {
            "employeeNumber": format!("{number:06}"),
            "department": dice.pick(&DEPARTMENTS),
            "organization": slug,
        },
        (qa_user::URN): {
            (qa_user::PROFILE): {
                "Location": dice.pick(&LOCATIONS),
                "Team": format!("Team {}", dice.below(40) + 1),
                "Remote": dice.one_in(3),
                "HireDate": format!("20{:02}-{:02}-15T00:00:00.000Z", 10 + dice.below(15), 1 + dice.below(12)),
            },
        },
    })
}

/// Letters that an e-mail address may hold without quoting.
fn ascii(name: &str) -> String {
    let plain = |char: char| match char.to_lowercase().next().unwrap_or(char) {
        'á' => 'a',
        'é' | 'ë' => 'e',
        'í' => 'i',
        'ê' => 'e',
        'ó' => 'o',
        'ü' => 'u',
        other => other,
    };
    name.chars().map(plain).filter(char::is_ascii_lowercase).collect()
}

/// Repeatable numbers that look random (splitmix64).
struct Dice(u64);

impl Dice {
    fn below(&mut self, end: u64) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut mixed = self.0;
        mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        (mixed ^ (mixed >> 31)) % end
    }

    fn one_in(&mut self, chances: u64) -> bool {
        self.below(chances) == 0
    }

    fn pick<'a>(&mut self, choice: &[&'a str]) -> &'a str {
        // Below the length of a short list, so the cast loses nothing.
        choice[self.below(choice.len() as u64) as usize]
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn people_are_repeatable_and_have_mail_addresses() {
        for number in 1..2_000 {
            let one = person(number, "acme");
            assert_eq!(one, person(number, "acme"));
            let mail = one["userName"].as_str().unwrap();
            let legal =
                |char: char| char.is_ascii_lowercase() || char.is_ascii_digit() || ".@".contains(char);
            assert!(mail.chars().all(legal) && mail.ends_with(&format!(".{number}@acme.example")), "{mail}");
        }
    }
}
