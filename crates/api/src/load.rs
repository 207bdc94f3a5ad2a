//! Realistic synthetic people and groups, the same ones for the same numbers, through the write path of every client.

use std::sync::{Arc, mpsc};
use std::thread;

use domain::contract::{Contract, RFC};
use domain::id::ResourceId;
use domain::meta::Precondition;
use domain::principal::{Principal, Scope};
use domain::resource_type::ResourceType;
use domain::schema::{enterprise, group, qa_user, user};
use domain::service::{self, Call, Head, Prepared, Query, Sink};
use domain::store::{self, Store};
use domain::tenant::Tenant;
use domain::token::Token;
use domain::{Error, Result, limits};
use serde_json::{Value, json};

use crate::{clock, commands};

/// The contract whose rules the data follows; the data are the same on both.
static CONTRACT: &Contract = &RFC;

/// Users of one transaction: its flush to disk is shared by all of them.
const BATCH: u64 = 500;

/// Adds so many users to the tenant, behind those it has; `done` is called with the number of each step.
pub(crate) fn users(store: &dyn Store, tenant: Tenant, count: u64, done: &mut dyn FnMut(u64)) -> Result<()> {
    let principal = operator(tenant);
    let mut number = present(store, &principal, principal.tenant.catalog.user())?;
    let mut left = count;
    while left > 0 {
        let made = up_to_taken(store, &principal, number, left, done)?;
        (number, left) = (number + made, left - made);
        // Numbers of users who were deleted or renamed may be taken: then one by one, past those.
        let size = left.min(BATCH);
        number = past_taken(store, &principal, number, size)?;
        left -= size;
        done(size);
    }
    Ok(())
}

/// Adds users, batch by batch, up to the batch that has a number that is taken; returns how many. While some are written, the
/// next ones are made.
fn up_to_taken(
    store: &dyn Store,
    principal: &Principal,
    from: u64,
    count: u64,
    done: &mut dyn FnMut(u64),
) -> Result<u64> {
    thread::scope(|scope| {
        let (give, batches) = mpsc::sync_channel(1);
        scope.spawn(move || {
            let mut number = from;
            while number < from + count {
                let end = (number + BATCH).min(from + count);
                let batch: Result<Vec<Prepared>> =
                    (number + 1..=end).map(|number| prepared(store, principal, number)).collect();
                if give.send(batch).is_err() {
                    return;
                }
                number = end;
            }
        });
        let mut made = 0;
        for batch in batches {
            let batch = batch?;
            match service::create_all(&call(store, principal), principal.tenant.catalog.user(), &batch) {
                Ok(()) => made += batch.len() as u64,
                Err(Error::Uniqueness(_)) => break,
                Err(error) => return Err(error),
            }
            done(batch.len() as u64);
        }
        Ok(made)
    })
}

/// Adds so many users at the next free numbers and returns the last one used.
fn past_taken(store: &dyn Store, principal: &Principal, from: u64, count: u64) -> Result<u64> {
    let (mut number, mut made) = (from, 0);
    while made < count {
        number += 1;
        let prepared = prepared(store, principal, number)?;
        match service::create(&call(store, principal), principal.tenant.catalog.user(), &prepared) {
            Ok(_) => made += 1,
            Err(Error::Uniqueness(_)) => {}
            Err(error) => return Err(error),
        }
    }
    Ok(number)
}

fn prepared(store: &dyn Store, principal: &Principal, number: u64) -> Result<Prepared> {
    let person = Ok(person(number, &principal.tenant.slug));
    service::prepare(&call(store, principal), principal.tenant.catalog.user(), &person, &Query::default())
}

/// Adds so many groups to the tenant, behind those it has, each with so many of its users; `done` is called with
/// the number of groups and members of each step.
///
/// # Errors
/// [`Error::Conflict`] when the tenant has fewer users than a group is to have.
pub(crate) fn groups(
    store: &dyn Store,
    tenant: Tenant,
    count: u64,
    members: usize,
    done: &mut dyn FnMut(u64),
) -> Result<()> {
    let principal = operator(tenant);
    let users = if members == 0 { Vec::new() } else { all_users(store, &principal)? };
    if users.len() < members {
        let (slug, users) = (&principal.tenant.slug, users.len());
        return Err(Error::Conflict(format!(
            "tenant {slug} has {users} users: no group can have {members} of them"
        )));
    }
    let mut number = present(store, &principal, principal.tenant.catalog.group())?;
    for _ in 0..count {
        number = add_group(store, &principal, number, members, &users, done)?;
    }
    Ok(())
}

/// Adds a group at the next free number, which is returned.
fn add_group(
    store: &dyn Store,
    principal: &Principal,
    from: u64,
    members: usize,
    users: &[ResourceId],
    done: &mut dyn FnMut(u64),
) -> Result<u64> {
    // A reply with all members would cost more than adding them.
    let query = Query { excluded_attributes: vec![group::MEMBERS.into()], ..Query::default() };
    let mut number = from;
    let (answer, chosen) = loop {
        number += 1;
        let chosen = spread(number, users, members);
        let first = &chosen[..members.min(limits::MEMBERS)];
        let (call, group) = (call(store, principal), principal.tenant.catalog.group());
        let prepared = service::prepare(&call, group, &Ok(team(number, first)), &query)?;
        match service::create(&call, group, &prepared) {
            Ok(answer) => break (answer, chosen),
            // A group that was deleted or renamed leaves a gap in the count.
            Err(Error::Uniqueness(_)) => {}
            Err(error) => return Err(error),
        }
    };
    let mut requests = chosen.chunks(limits::MEMBERS);
    done(1 + requests.next().map_or(0, <[_]>::len) as u64);
    for more in requests {
        let body = json!({
            "schemas": ["urn:ietf:params:scim:api:messages:2.0:PatchOp"],
            "Operations": [{"op": "add", "path": group::MEMBERS, "value": references(more)}],
        });
        let call = call(store, principal);
        service::patch(
            &call,
            principal.tenant.catalog.group(),
            &answer.id.to_string(),
            &Precondition::default(),
            &Ok(body),
            &query,
        )?;
        done(more.len() as u64);
    }
    Ok(number)
}

/// How many resources of the type the tenant has.
fn present(store: &dyn Store, principal: &Principal, resource_type: &ResourceType) -> Result<u64> {
    let query = Query { count: Some(0), ..Query::default() };
    let mut list = Gathered(String::new());
    service::list(&call(store, principal), resource_type, &query, &mut list)?;
    let list: Value = serde_json::from_str(&list.0).map_err(Error::internal)?;
    list["totalResults"].as_u64().ok_or_else(|| Error::internal("a list without a total"))
}

/// The ids of the tenant's users, the oldest first.
fn all_users(store: &dyn Store, principal: &Principal) -> Result<Vec<ResourceId>> {
    store::read(store, principal.tenant.id, |tx| {
        let mut ids: Vec<ResourceId> = Vec::new();
        service::each(tx, principal.tenant.catalog.user(), None, limits::PAGE, |_, users| {
            ids.extend(users.iter().map(|user| user.id));
            Ok(())
        })?;
        Ok(ids)
    })
}

/// A short reply.
struct Gathered(String);

impl Sink for Gathered {
    fn begin(&mut self, _: Head) -> Result<()> {
        self.0.clear();
        Ok(())
    }

    fn text(&mut self, text: &str) -> Result<()> {
        self.0.push_str(text);
        Ok(())
    }
}

fn call<'a>(store: &'a dyn Store, principal: &'a Principal) -> Call<'a> {
    Call {
        store,
        principal,
        contract: CONTRACT,
        base: CONTRACT.base,
        origin: commands::operator("load"),
        now: clock::now(),
        may_wait: true,
        ahead: None,
    }
}

/// The operator at the command line may do everything; this token is never stored.
fn operator(tenant: Tenant) -> Principal {
    let token = Token::new("load", Scope::ALL.into_iter().collect(), None, clock::now(), None);
    Principal { tenant: Arc::new(tenant), token: Arc::new(token), by_previous: false }
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

fn team(number: u64, members: &[ResourceId]) -> Value {
    let mut dice = Dice(number);
    let (department, location) = (dice.pick(&DEPARTMENTS), dice.pick(&LOCATIONS));
    json!({
        "schemas": [group::URN],
        "displayName": format!("{department} {location} {number}"),
        "externalId": format!("load-group-{number}"),
        (group::MEMBERS): references(members),
    })
}

fn references(users: &[ResourceId]) -> Value {
    users.iter().map(|user| json!({"value": user.to_string()})).collect()
}

/// So many different users from all over the tenant: every so many-th one, round and round. A step that has no
/// divisor in common with their number comes to each of them once.
fn spread(number: u64, users: &[ResourceId], count: usize) -> Vec<ResourceId> {
    let all = users.len() as u64;
    if all == 0 {
        return Vec::new();
    }
    let mut dice = Dice(number);
    let start = dice.below(all);
    let mut step = all / 3 + dice.below(all / 3 + 1);
    while greatest_common_divisor(step, all) != 1 {
        step += 1;
    }
    let place = |turn: u64| (start + turn * step) % all;
    // Below the length of a slice, so the cast loses nothing.
    (0..count as u64).map(|turn| users[place(turn) as usize]).collect()
}

fn greatest_common_divisor(one: u64, other: u64) -> u64 {
    if other == 0 { one } else { greatest_common_divisor(other, one % other) }
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
    use std::collections::HashSet;

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

    #[test]
    fn members_are_repeatable_different_and_from_all_over() {
        let users: Vec<ResourceId> = (0..1_000).map(|_| ResourceId::generate()).collect();
        for number in 1..50 {
            for (all, count) in [(0, 0), (1, 1), (2, 2), (3, 1), (10, 10), (97, 30), (1_000, 1_000)] {
                let users = &users[..all];
                let chosen = spread(number, users, count);
                assert_eq!(chosen, spread(number, users, count));
                let different: HashSet<_> = chosen.iter().map(|user| user.0).collect();
                assert_eq!((chosen.len(), different.len()), (count, count), "{number}: {count} of {all}");
            }
            // Ten of a thousand are not neighbours: some in each half, whatever the first one is.
            let place = |user: &ResourceId| users.iter().position(|known| known == user).unwrap();
            let places: Vec<usize> = spread(number, &users, 10).iter().map(place).collect();
            assert!(places.iter().any(|&place| place < 500) && places.iter().any(|&place| place >= 500));
        }
    }

    #[test]
    fn groups_have_names_of_their_own() {
        let names: HashSet<String> =
            (1..500).map(|number| team(number, &[])["displayName"].to_string()).collect();
        assert_eq!(names.len(), 499);
        assert_eq!(team(7, &[]), team(7, &[]));
    }
}
