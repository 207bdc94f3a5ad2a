//! The same number of users in a few tenants and in many, in turns.

use crate::results::Setting;
use crate::run::Run;
use crate::stand::Stand;
use crate::workload::{GET, LOOK_UP, Workload};

pub(super) fn run(run: &mut Run, stand: &mut Stand) {
    let sites = [0, 1].map(|place| stand.site(run, Setting::Tenants(place)));
    for name in [GET, LOOK_UP] {
        let requests = [0, 1].map(|place: usize| run.prepare(&sites[place], Workload::named(name)));
        for _ in 0..run.scale.rounds {
            for (site, requests) in sites.iter().zip(&requests) {
                run.drive(site, stand.kind, name, requests, 16);
            }
        }
    }
}
