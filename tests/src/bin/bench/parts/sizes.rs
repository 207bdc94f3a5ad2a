//! Every row of the smallest and of the largest tenant, in turns.

use crate::results::Setting;
use crate::run::Run;
use crate::stand::Stand;
use crate::workload::ALL;

pub(super) fn run(run: &mut Run, stand: &mut Stand) {
    let sites = [0, 2].map(|place| stand.site(run, Setting::Users(place)));
    for workload in &ALL {
        let requests = [0, 1].map(|place: usize| run.prepare(&sites[place], workload));
        // Short turns and many of them: what else the machine does slows both alike.
        for _ in 0..2 * run.scale.few_rounds() {
            for (site, requests) in sites.iter().zip(&requests) {
                run.drive_for(run.scale.step / 2, site, stand.kind, workload.name, requests, 1);
            }
        }
    }
}
