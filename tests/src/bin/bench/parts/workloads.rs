//! Every row of the middle size, at each number of connections.

use crate::results::Setting;
use crate::run::Run;
use crate::stand::Stand;
use crate::workload::ALL;

pub(super) fn run(run: &mut Run, stand: &mut Stand) {
    let site = stand.site(run, Setting::Users(1));
    for workload in &ALL {
        let requests = run.prepare(&site, workload);
        for connections in [1, 16, 64] {
            run.drive(&site, stand.kind, workload.name, &requests, connections);
        }
    }
}
