//! The sites of one kind of database, each filled when it is first asked for.

use std::rc::Rc;
use std::sync::Mutex;
use std::time::Instant;

use serde_json::{Value, json};

use super::client::Client;
use super::database::{Kind, Place, settle};
use super::raw::Raw;
use super::results::Setting;
use super::run::Run;
use super::site::{Person, Site, Tenant, people};
use super::workload::{BADGES, HOLDERS, newcomer};
use super::wrk::HOLE;

/// Rate of `rollcall load`, in users per second, when the largest tenant was filled.
pub(super) const LOAD: &str = "load";
/// Users of one tenant whose ids are asked for.
const KNOWN: u64 = 10_000;
/// Clients that fill many tenants at a time.
const HANDS: usize = 8;

/// Databases and servers of one kind.
pub(super) struct Stand {
    pub(super) kind: Kind,
    pub(super) place: Place,
    sites: Vec<Rc<Site>>,
    pub(super) raw: Raw,
}

impl Stand {
    pub(super) fn new(run: &Run, kind: Kind) -> Self {
        let place = Place::of(kind, &run.folder);
        let raw = Raw::create(place.make("raw"));
        Self { kind, place, sites: Vec::new(), raw }
    }

    /// The site of this setting, filled if it is not there yet.
    pub(super) fn site(&mut self, run: &mut Run, setting: Setting) -> Rc<Site> {
        if let Some(site) = self.sites.iter().find(|site| site.setting == setting) {
            return Rc::clone(site);
        }
        let began = Instant::now();
        let site = Rc::new(match setting {
            Setting::Users(place) | Setting::Groups(place) => self.one_tenant(run, place),
            Setting::Tenants(0) | Setting::Baseline => self.few_tenants(run),
            Setting::Tenants(_) => self.many_tenants(run),
        });
        let title = run.scale.title(setting);
        run.say(&format!("{}: {title} filled in {:.1} s", self.kind.title(), began.elapsed().as_secs_f64()));
        self.sites.push(Rc::clone(&site));
        site
    }

    /// Ends a site, whose database stays.
    pub(super) fn close(&mut self, site: Rc<Site>) -> Site {
        self.sites.retain(|other| other.setting != site.setting);
        Rc::into_inner(site).expect("nobody else holds it")
    }

    pub(super) fn keep(&mut self, site: Site) -> Rc<Site> {
        let site = Rc::new(site);
        self.sites.push(Rc::clone(&site));
        site
    }

    fn one_tenant(&self, run: &mut Run, place: usize) -> Site {
        let url = self.place.make(&format!("users{place}"));
        let users = run.scale.users[place];
        let token = tenant(run, &url, "acme");
        let began = Instant::now();
        run.program.cli(&url, &["load", "--tenant", "acme", "--users", &users.to_string()]);
        if place == run.scale.users.len() - 1 {
            run.results.note(self.kind, LOAD, users as f64 / began.elapsed().as_secs_f64());
        }
        settle(&url);
        let server = run.program.serve(&url);
        let mut client = server.client(&token);
        let people = people(&mut client, users, KNOWN);
        give_badges(&mut client, &people);
        let acme = Tenant { slug: "acme".into(), token, people, users };
        Site { setting: Setting::Users(place), url, server, tenants: vec![acme] }
    }

    /// Tenants with thousands of users in all.
    fn few_tenants(&self, run: &Run) -> Site {
        let url = self.place.make("tenants0");
        let users = run.scale.tenant_users / run.scale.tenants[0];
        let made: Vec<(String, String)> = (0..run.scale.tenants[0])
            .map(|number| {
                let slug = format!("tenant{number}");
                let token = tenant(run, &url, &slug);
                run.program.cli(&url, &["load", "--tenant", &slug, "--users", &users.to_string()]);
                (slug, token)
            })
            .collect();
        settle(&url);
        let server = run.program.serve(&url);
        let tenants = made.into_iter().map(|(slug, token)| {
            let people = people(&mut server.client(&token), users, KNOWN);
            Tenant { slug, token, people, users }
        });
        let tenants = tenants.collect();
        Site { setting: Setting::Tenants(0), url, server, tenants }
    }

    /// As many users, in tenants of a few, through the API of the platform.
    fn many_tenants(&self, run: &Run) -> Site {
        let url = self.place.make("tenants1");
        let platform = run.program.cli(&url, &["platform-token", "create", "--name", "bench"]);
        let server = run.program.serve(&url);
        let count = run.scale.tenants[1];
        let users = run.scale.tenant_users / count;
        let (next, made) = (Mutex::new(0..count), Mutex::new(Vec::new()));
        std::thread::scope(|scope| {
            for _ in 0..HANDS {
                scope.spawn(|| {
                    let mut client = server.client(&platform);
                    loop {
                        let Some(number) = next.lock().unwrap().next() else { break };
                        let tenant = small_tenant(&mut client, &platform, number, users);
                        made.lock().unwrap().push(tenant);
                    }
                });
            }
        });
        settle(&url);
        Site { setting: Setting::Tenants(1), url, server, tenants: made.into_inner().unwrap() }
    }
}

/// A tenant made at the command line, and its token.
fn tenant(run: &Run, url: &str, slug: &str) -> String {
    run.program.cli(url, &["tenant", "create", slug]);
    run.program.cli(url, &["token", "create", "--tenant", slug, "--name", "bench"])
}

/// Some values that few users have.
fn give_badges(client: &mut Client, people: &[Person]) {
    for (place, person) in people.iter().take(BADGES * HOLDERS).enumerate() {
        let body = json!({
            "schemas": ["urn:ietf:params:scim:api:messages:2.0:PatchOp"],
            "Operations": [
                {"op": "add", "path": "profile.Badge", "value": format!("badge-{}", place / HOLDERS)},
            ],
        });
        client.ask(&format!("PATCH /scim/v2/Users/{}", person.id), Some(&body.to_string()));
    }
}

fn small_tenant(client: &mut Client, platform: &str, number: u64, users: u64) -> Tenant {
    let slug = format!("tenant{number}");
    client.be(platform);
    let made = ask_platform(client, "/tenants", &json!({"slug": slug}));
    let id = made["id"].as_str().unwrap();
    let token = ask_platform(client, &format!("/tenants/{id}/tokens"), &json!({"name": "bench"}));
    let token = token["token"].as_str().unwrap().to_owned();
    client.be(&token);
    let operation = |number: u64| {
        let data = newcomer("", &slug).to_string().replace(HOLE, &format!("{number:013}"));
        let data: Value = serde_json::from_str(&data).unwrap();
        json!({"method": "POST", "path": "/Users", "bulkId": number.to_string(), "data": data})
    };
    let body = json!({
        "schemas": ["urn:ietf:params:scim:api:messages:2.0:BulkRequest"],
        "Operations": (0..users).map(operation).collect::<Vec<_>>(),
    });
    client.ask("POST /scim/v2/Bulk", Some(&body.to_string()));
    let people = people(client, users, users);
    assert_eq!(people.len() as u64, users, "{slug}");
    Tenant { slug, token, people, users }
}

fn ask_platform(client: &mut Client, path: &str, body: &Value) -> Value {
    client.ask_as(&format!("POST /platform/v1{path}"), "application/json", &body.to_string())
}
