//! What is asked of a server with users, one row each.

use serde_json::{Value, json};

use super::client::{encoded, written};
use super::site::{Person, Site, Tenant};
use super::wrk::HOLE;

/// Holders of each badge: a value that few have, whatever the size of the tenant.
pub(super) const HOLDERS: usize = 5;
/// Resources of a page.
const PAGE: u64 = 100;
/// Different requests of a row at most: all users of the middle size.
const MOST: usize = 10_000;
/// Users that are replaced, each as it is but for the title.
const REPLACED: usize = 1_000;

/// A row of the tables.
pub(super) struct Workload {
    pub(super) name: &'static str,
    pub(super) writes: bool,
    /// Resources that one request makes or changes.
    pub(super) resources: u32,
    /// Connections that it is driven at, at most: of what takes long, many at a time only wait for each other.
    pub(super) connections: u32,
    /// What the body of an answer holds.
    pub(super) expect: &'static str,
    make: fn(&Site) -> Vec<String>,
}

impl Workload {
    pub(super) fn requests(&self, site: &Site) -> Vec<String> {
        (self.make)(site)
    }

    /// The one of this name, which exists.
    pub(super) fn named(name: &str) -> &'static Self {
        ALL.iter().find(|workload| workload.name == name).unwrap()
    }
}

const fn read(name: &'static str, expect: &'static str, make: fn(&Site) -> Vec<String>) -> Workload {
    Workload { name, writes: false, resources: 1, connections: 64, expect, make }
}

const fn write(name: &'static str, expect: &'static str, make: fn(&Site) -> Vec<String>) -> Workload {
    Workload { name, writes: true, resources: 1, connections: 64, expect, make }
}

pub(super) const GET: &str = "GET by id";
pub(super) const LOOK_UP: &str = "`userName eq`";
pub(super) const PATCH: &str = "PATCH of one attribute";
pub(super) const POST: &str = "POST";
pub(super) const FIRST_PAGE: &str = "first page of 100, by index";
pub(super) const DEEP_PAGE: &str = "page of 100 at 90 %, by index";
pub(super) const FIRST_CURSOR: &str = "first page of 100, by cursor";
pub(super) const DEEP_CURSOR: &str = "page of 100 at 90 %, by cursor";

/// Reads first: writes change what is read.
pub(super) const ALL: [Workload; 15] = [
    read(GET, r#""userName":""#, |site| each(site, |_, person| format!("GET /scim/v2/Users/{}", person.id))),
    read(LOOK_UP, r#""totalResults":1,"#, |site| {
        each(site, |_, person| filter(&format!(r#"userName eq "{}""#, person.name)))
    }),
    read("`userName eq`, other case", r#""totalResults":1,"#, |site| {
        each(site, |_, person| filter(&format!(r#"userName eq "{}""#, person.name.to_uppercase())))
    }),
    read("`userName eq`, nobody", r#""totalResults":0,"#, |site| {
        each(site, |_, person| filter(&format!(r#"userName eq "no.{}""#, person.name)))
    }),
    read(r#"`emails[type eq "work"].value eq`"#, r#""totalResults":1,"#, |site| {
        each(site, |_, person| filter(&format!(r#"emails[type eq "work"].value eq "{}""#, person.name)))
    }),
    read("`profile.Badge eq`, five have it", r#""totalResults":5,"#, |site| {
        let badges = site.tenant().people.len() / HOLDERS;
        let line = |badge| filter(&format!(r#"profile.Badge eq "badge-{badge}""#));
        (0..badges.min(BADGES)).map(|badge| written(&line(badge), &site.tenant().token, "")).collect()
    }),
    read(FIRST_PAGE, r#""itemsPerPage":100"#, |site| page(site, "startIndex=1")),
    read(DEEP_PAGE, r#""itemsPerPage":100"#, |site| page(site, &format!("startIndex={}", deep(site) + 1))),
    read(FIRST_CURSOR, r#""itemsPerPage":100"#, |site| page(site, "cursor=")),
    read(DEEP_CURSOR, r#""itemsPerPage":100"#, |site| page(site, &format!("cursor={}", deep_cursor(site)))),
    read("first page of 100, by `name.familyName`", r#""itemsPerPage":100"#, |site| {
        page(site, "sortBy=name.familyName")
    }),
    write(PATCH, r#""title":"Lead "#, |site| {
        let people = site.people(MOST);
        people.into_iter().map(|(tenant, person)| patch(tenant, person)).collect()
    }),
    write("PUT", r#""title":"Lead "#, replacements),
    write(POST, r#""id":""#, |site| {
        (0..200).map(|place| post(&site.tenants[place % site.tenants.len()])).collect()
    }),
    Workload {
        resources: 100,
        connections: 16,
        ..write("bulk of 100 POSTs", r#""status":"201""#, |site| vec![bulk(site)])
    },
];

/// Badges that are given out.
pub(super) const BADGES: usize = 20;

/// One request for each of many people.
fn each(site: &Site, line: impl Fn(&Tenant, &Person) -> String) -> Vec<String> {
    let people = site.people(MOST);
    people.into_iter().map(|(tenant, person)| written(&line(tenant, person), &tenant.token, "")).collect()
}

pub(super) fn look_up(tenant: &Tenant, person: &Person) -> String {
    written(&filter(&format!(r#"userName eq "{}""#, person.name)), &tenant.token, "")
}

fn filter(filter: &str) -> String {
    format!("GET /scim/v2/Users?filter={}", encoded(filter))
}

fn page(site: &Site, query: &str) -> Vec<String> {
    vec![written(&format!("GET /scim/v2/Users?count={PAGE}&{query}"), &site.tenant().token, "")]
}

/// How many users stand before nine tenths of the tenant.
fn deep(site: &Site) -> u64 {
    site.tenant().users / 10 * 9
}

/// The cursor of the page there: a walk, as there is no other way to one.
fn deep_cursor(site: &Site) -> String {
    let mut client = site.client();
    let (mut cursor, mut left) = (String::new(), deep(site));
    while left > 0 {
        let step = left.min(1_000);
        let line = format!("GET /scim/v2/Users?attributes=id&count={step}&cursor={cursor}");
        client.ask(&line, None)["nextCursor"].as_str().unwrap().clone_into(&mut cursor);
        left -= step;
    }
    cursor
}

pub(super) fn patch(tenant: &Tenant, person: &Person) -> String {
    let operation = format!(r#"{{"op":"replace","path":"title","value":"Lead {HOLE}"}}"#);
    written(&format!("PATCH /scim/v2/Users/{}", person.id), &tenant.token, &operations(&operation))
}

pub(super) fn operations(operations: &str) -> String {
    format!(r#"{{"schemas":["urn:ietf:params:scim:api:messages:2.0:PatchOp"],"Operations":[{operations}]}}"#)
}

/// Every user as the server shows him, with another title.
fn replacements(site: &Site) -> Vec<String> {
    let mut client = site.client();
    let whole = |(tenant, person): (&Tenant, &Person)| {
        client.be(&tenant.token);
        let mut user = client.ask(&format!("GET /scim/v2/Users/{}", person.id), None);
        user["title"] = Value::from(format!("Lead {HOLE}"));
        written(&format!("PUT /scim/v2/Users/{}", person.id), &tenant.token, &user.to_string())
    };
    site.people(REPLACED).into_iter().map(whole).collect()
}

pub(super) fn post(tenant: &Tenant) -> String {
    written("POST /scim/v2/Users", &tenant.token, &newcomer("", &tenant.slug).to_string())
}

fn bulk(site: &Site) -> String {
    let operation = |number: u32| {
        let data = newcomer(&format!(".{number}"), &site.tenant().slug);
        json!({"method": "POST", "path": "/Users", "bulkId": number.to_string(), "data": data})
    };
    let body = json!({
        "schemas": ["urn:ietf:params:scim:api:messages:2.0:BulkRequest"],
        "Operations": (0..100).map(operation).collect::<Vec<_>>(),
    });
    written("POST /scim/v2/Bulk", &site.tenant().token, &body.to_string())
}

/// Somebody who is not there yet, with the attributes of those whom `rollcall load` makes.
pub(super) fn newcomer(suffix: &str, slug: &str) -> Value {
    let mail = format!("new.{HOLE}{suffix}@{slug}.example");
    json!({
        "schemas": [
            "urn:ietf:params:scim:schemas:core:2.0:User",
            "urn:ietf:params:scim:schemas:extension:enterprise:2.0:User",
            "urn:rollcall:params:scim:schemas:extension:qa:2.0:User",
        ],
        "userName": mail,
        "externalId": format!("new-{HOLE}{suffix}"),
        "name": {"givenName": "Inês", "familyName": "Lindqvist", "formatted": "Inês Lindqvist"},
        "displayName": "Inês Lindqvist",
        "title": "Senior Agent",
        "active": true,
        "emails": [{"value": mail, "type": "work", "primary": true}],
        "phoneNumbers": [{"value": "+1-555-0000000", "type": "work"}],
        "urn:ietf:params:scim:schemas:extension:enterprise:2.0:User": {
            "employeeNumber": "000000", "department": "Quality", "organization": slug,
        },
        "urn:rollcall:params:scim:schemas:extension:qa:2.0:User": {
            "profile": {"Location": "Porto", "Team": "Team 7", "Remote": true},
        },
    })
}
