//! What identity providers of several tenants send, mixed.

use crate::client::written;
use crate::memory;
use crate::results::{Key, Setting};
use crate::run::Run;
use crate::site::{Dice, Tenant, group};
use crate::stand::Stand;
use crate::workload::{look_up, operations, patch, post};
use crate::wrk::Requests;

pub(crate) const MIXED: &str = "mixed profile";
/// MiB while it is driven.
pub(crate) const MIXED_MEMORY: &str = "mixed profile";
/// Groups of each tenant, and their members.
const TEAMS: (u64, u64) = (20, 50);
/// Different requests.
const REQUESTS: usize = 20_000;

pub(super) fn run(run: &mut Run, stand: &mut Stand) {
    let site = stand.site(run, Setting::Tenants(0));
    let groups: Vec<Vec<String>> = site
        .tenants
        .iter()
        .map(|tenant| {
            let counts = [TEAMS.0, TEAMS.1.min(tenant.users)].map(|count| count.to_string());
            let [groups, members] = &counts;
            run.program.cli(
                &site.url,
                &["load", "--tenant", &tenant.slug, "--users", "0", "--groups", groups, "--members", members],
            );
            let mut client = site.server.client(&tenant.token);
            (1..=TEAMS.0).map(|number| group(&mut client, number)).collect()
        })
        .collect();
    let mut dice = Dice(11);
    let requests: Vec<String> = (0..REQUESTS)
        .map(|_| {
            let place = dice.below(site.tenants.len());
            one(&mut dice, &site.tenants[place], &groups[place])
        })
        .collect();
    let requests = Requests::write(&run.folder, &requests);
    run.check(&site, &requests, "");
    for connections in [1, 16, 64] {
        // The number of connections that something is promised of is driven for longer.
        for _ in 0..if connections == 16 { run.scale.rounds } else { 1 } {
            let time = run.scale.step * if connections == 16 { 2 } else { 1 };
            let (sample, most) = memory::most_during(site.server.id(), || {
                run.wrk.drive(&site.server.address, &requests, connections, time)
            });
            run.results.note(stand.kind, MIXED_MEMORY, most);
            let key = Key { kind: stand.kind, setting: site.setting, what: MIXED, connections };
            run.add(key, sample);
        }
    }
}

/// Of a hundred requests 60 look somebody up, 20 read, 10 change somebody, 5 make somebody, 5 change a group.
fn one(dice: &mut Dice, tenant: &Tenant, groups: &[String]) -> String {
    let person = &tenant.people[dice.below(tenant.people.len())];
    match dice.below(100) {
        0..60 => look_up(tenant, person),
        60..80 => written(&format!("GET /scim/v2/Users/{}", person.id), &tenant.token, ""),
        80..90 => patch(tenant, person),
        90..95 => post(tenant),
        _ => {
            let line = format!("PATCH /scim/v2/Groups/{}", groups[dice.below(groups.len())]);
            let operation = if dice.below(2) == 0 {
                format!(r#"{{"op":"add","path":"members","value":[{{"value":"{}"}}]}}"#, person.id)
            } else {
                format!(r#"{{"op":"remove","path":"members[value eq \"{}\"]"}}"#, person.id)
            };
            written(&line, &tenant.token, &operations(&operation))
        }
    }
}
