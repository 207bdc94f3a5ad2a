//! A server on a database that has been filled.

use serde_json::Value;

use super::client::Client;
use super::program::Server;
use super::results::Setting;

/// Somebody who can be asked for.
pub(super) struct Person {
    pub(super) id: String,
    pub(super) name: String,
}

/// A tenant as its identity provider knows it.
pub(super) struct Tenant {
    pub(super) slug: String,
    pub(super) token: String,
    /// Not all of a large one.
    pub(super) people: Vec<Person>,
    /// How many it had when it was filled.
    pub(super) users: u64,
}

/// A server with its tenants.
pub(super) struct Site {
    pub(super) setting: Setting,
    pub(super) url: String,
    pub(super) server: Server,
    pub(super) tenants: Vec<Tenant>,
}

impl Site {
    /// The only tenant, or one of many.
    pub(super) fn tenant(&self) -> &Tenant {
        &self.tenants[0]
    }

    pub(super) fn client(&self) -> Client {
        self.server.client(&self.tenant().token)
    }

    /// So many people at most, of all tenants in turn and otherwise in no order.
    pub(super) fn people(&self, most: usize) -> Vec<(&Tenant, &Person)> {
        let longest = self.tenants.iter().map(|tenant| tenant.people.len()).max().unwrap_or(0);
        let each = most.div_ceil(self.tenants.len()).min(longest);
        let mut dice = Dice(7);
        let mut chosen = Vec::new();
        let mut orders: Vec<Vec<usize>> = self
            .tenants
            .iter()
            .map(|tenant| {
                let mut order: Vec<usize> = (0..tenant.people.len()).collect();
                dice.shuffle(&mut order);
                order
            })
            .collect();
        for _ in 0..each {
            for (tenant, order) in self.tenants.iter().zip(&mut orders) {
                chosen.extend(order.pop().map(|place| (tenant, &tenant.people[place])));
            }
        }
        chosen.truncate(most);
        chosen
    }
}

/// Ids and user names of so many users at most, from all over the tenant.
pub(super) fn people(client: &mut Client, users: u64, most: u64) -> Vec<Person> {
    let page = most.min(1_000);
    let pages = most.min(users).div_ceil(page);
    let stride = users / pages;
    let mut people = Vec::new();
    for number in 0..pages {
        people.extend(people_at(client, number * stride + 1, page));
    }
    people
}

/// All of the so many users from this one on.
pub(super) fn people_from(client: &mut Client, first: u64, count: u64) -> Vec<Person> {
    let mut people = Vec::new();
    while (people.len() as u64) < count {
        people.extend(people_at(
            client,
            first + people.len() as u64,
            (count - people.len() as u64).min(1_000),
        ));
    }
    people
}

fn people_at(client: &mut Client, from: u64, count: u64) -> impl Iterator<Item = Person> {
    let line = format!("GET /scim/v2/Users?attributes=userName&count={count}&startIndex={from}");
    let list = client.ask(&line, None);
    let text = |user: &Value, name: &str| user[name].as_str().unwrap().to_owned();
    let person = |user: &Value| Person { id: text(user, "id"), name: text(user, "userName") };
    list["Resources"].as_array().unwrap().iter().map(person).collect::<Vec<_>>().into_iter()
}

/// The id of the group that `rollcall load` made under a number.
pub(super) fn group(client: &mut Client, number: u64) -> String {
    let filter = format!("externalId%20eq%20%22load-group-{number}%22&excludedAttributes=members");
    let list = client.ask(&format!("GET /scim/v2/Groups?filter={filter}"), None);
    list["Resources"][0]["id"].as_str().expect("the group is there").to_owned()
}

/// Repeatable numbers that look random (splitmix64).
pub(super) struct Dice(pub(super) u64);

impl Dice {
    pub(super) fn below(&mut self, end: usize) -> usize {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut mixed = self.0;
        mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        ((mixed ^ (mixed >> 31)) % end as u64) as usize
    }

    fn shuffle<T>(&mut self, items: &mut [T]) {
        for place in (1..items.len()).rev() {
            items.swap(place, self.below(place + 1));
        }
    }
}
