//! Groups of ten and of a hundred thousand: adding a member, reading without members, and reading whole.

use crate::client::written;
use crate::database::settle;
use crate::memory;
use crate::results::{Key, Setting};
use crate::run::Run;
use crate::site::{Person, group, people_from};
use crate::stand::Stand;
use crate::workload::operations;
use crate::wrk::Requests;

pub(crate) const ADD: &str = "add one member";
pub(crate) const GET_GROUP: &str = "GET without members";
/// MiB while clients read the largest group whole.
pub(crate) const WHOLE_GROUP: &str = "group read whole";
/// So many clients.
const READERS: u32 = 8;

pub(super) fn run(run: &mut Run, stand: &mut Stand) {
    let kind = stand.kind;
    let site = stand.site(run, Setting::Users(2));
    let token = &site.tenant().token;
    let [small, middle, large] = run.scale.members;
    let count = run.scale.small_groups;
    let load = |users: u64, groups: u64, members: u64| {
        let counts = [users, groups, members].map(|number| number.to_string());
        let [users, groups, members] = &counts;
        run.program.cli(
            &site.url,
            &["load", "--tenant", "acme", "--users", users, "--groups", groups, "--members", members],
        );
    };
    load(0, 1, large);
    load(0, 1, middle);
    load(0, count, small);
    let before = total(&site);
    load(run.scale.newcomers, 0, 0);
    settle(&site.url);
    run.say(&format!("{}: groups filled", kind.title()));
    let mut client = site.client();
    let newcomers = people_from(&mut client, before + 1, run.scale.newcomers);
    let groups: [Vec<String>; 3] =
        [3..3 + count, 2..3, 1..2].map(|numbers| numbers.map(|number| group(&mut client, number)).collect());

    // Everybody is added once: adding who is there would be no change.
    let rounds = run.scale.few_rounds() as usize;
    for people in newcomers.chunks(newcomers.len() / rounds).take(rounds) {
        for (place, groups) in groups.iter().enumerate() {
            let adds: Vec<String> =
                people.iter().zip(groups.iter().cycle()).map(|(p, g)| add(token, p, g)).collect();
            let requests = Requests::write_once(&run.folder, &adds);
            let sample = run.wrk.drive(&site.server.address, &requests, 1, run.scale.step);
            run.add(Key { kind, setting: Setting::Groups(place), what: ADD, connections: 1 }, sample);
        }
    }
    let reads = groups.map(|groups| {
        let line = |id: &String| format!("GET /scim/v2/Groups/{id}?excludedAttributes=members");
        let requests: Vec<String> = groups.iter().map(|id| written(&line(id), token, "")).collect();
        let requests = Requests::write(&run.folder, &requests);
        run.check(&site, &requests, r#""displayName":""#);
        (requests, groups)
    });
    for _ in 0..rounds {
        for (place, (requests, _)) in reads.iter().enumerate() {
            let sample = run.wrk.drive(&site.server.address, requests, 1, run.scale.step);
            run.add(Key { kind, setting: Setting::Groups(place), what: GET_GROUP, connections: 1 }, sample);
        }
    }

    let line = format!("GET /scim/v2/Groups/{}", reads[2].1[0]);
    let requests = Requests::write(&run.folder, &[written(&line, token, "")]);
    let time = run.scale.step * 3;
    let (sample, most) = memory::most_during(site.server.id(), || {
        run.wrk.drive(&site.server.address, &requests, READERS, time)
    });
    run.add(Key { kind, setting: Setting::Groups(2), what: WHOLE_GROUP, connections: READERS }, sample);
    run.results.note(kind, WHOLE_GROUP, most);
}

fn add(token: &str, person: &Person, group: &str) -> String {
    let operation = format!(r#"{{"op":"add","path":"members","value":[{{"value":"{}"}}]}}"#, person.id);
    let line = format!("PATCH /scim/v2/Groups/{group}?excludedAttributes=members");
    written(&line, token, &operations(&operation))
}

/// How many users there are.
fn total(site: &crate::site::Site) -> u64 {
    site.client().ask("GET /scim/v2/Users?count=0", None)["totalResults"].as_u64().unwrap()
}
