//! Every row of the middle size, at each number of connections.

use crate::results::Setting;
use crate::run::Run;
use crate::stand::Stand;
use crate::workload::ALL;

pub(super) fn run(run: &mut Run, stand: &mut Stand) {
    let site = stand.site(run, Setting::Users(1));
    for workload in &ALL {
        let requests = run.prepare(&site, workload);
        for connections in [1, 16, 64].into_iter().filter(|&count| count <= workload.connections) {
            // Long requests wait for each other, and some of them have to be answered.
            let waves = if workload.resources > 1 && connections > 1 { 4 } else { 1 };
            let time = run.scale.step * waves;
            run.drive_for(time, &site, stand.kind, workload.name, &requests, connections);
        }
        if workload.resources > 1 {
            // The last one waits behind those that `wrk` has left.
            run.check(&site, &requests, workload.expect);
        }
    }
}
