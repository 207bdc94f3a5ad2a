//! The rows that are compared with baselines, in turns with them.

use crate::database::{Kind, Place};
use crate::promises::best_pgbench;
use crate::results::{Key, Setting};
use crate::run::{PGBENCH, RAW_INSERT, RAW_READ, Run};
use crate::stand::Stand;
use crate::workload::{GET, LOOK_UP, POST, Workload};

/// Clients that `pgbench` is tried with.
const CLIENTS: [u32; 6] = [1, 2, 4, 8, 16, 32];

pub(super) fn run(run: &mut Run, stand: &mut Stand) {
    let kind = stand.kind;
    let site = stand.site(run, Setting::Users(1));
    let [get, look_up, post] = [GET, LOOK_UP, POST].map(|name| run.prepare(&site, Workload::named(name)));
    // More threads write no faster where there is one writer.
    let many = if kind == Kind::Sqlite { 1 } else { 16 };
    // There has to be something to read.
    insert(run, stand, 1);
    let clients = best_clients(run, stand);
    for _ in 0..run.scale.rounds {
        run.constant(kind, 16);
        run.drive(&site, kind, GET, &get, 16);
        run.drive(&site, kind, LOOK_UP, &look_up, 16);
        pgbench(run, stand, clients);
        read(run, stand, 1);
    }
    // On PostgreSQL the promise is about many tenants.
    let tenants = (kind == Kind::Postgres).then(|| {
        let site = stand.site(run, Setting::Tenants(0));
        let requests = run.prepare(&site, Workload::named(POST));
        (site, requests)
    });
    for _ in 0..run.scale.rounds {
        insert(run, stand, 1);
        run.drive(&site, kind, POST, &post, 1);
        run.drive(&site, kind, POST, &post, 64);
        run.drive(&site, kind, POST, &post, 16);
        if many > 1 {
            insert(run, stand, many);
        }
        if let Some((site, requests)) = &tenants {
            run.drive(site, kind, POST, requests, 16);
        }
    }
}

fn insert(run: &mut Run, stand: &mut Stand, threads: u32) {
    let sample = stand.raw.inserts(threads, run.scale.step);
    run.add(baseline(stand, RAW_INSERT, threads), sample);
}

fn read(run: &mut Run, stand: &Stand, threads: u32) {
    let sample = stand.raw.reads(threads, run.scale.step);
    run.add(baseline(stand, RAW_READ, threads), sample);
}

/// Tries all numbers of clients once and returns the best one.
fn best_clients(run: &mut Run, stand: &Stand) -> u32 {
    let Place::Server(postgres) = &stand.place else { return 0 };
    postgres.prepare_pgbench(run.scale.pgbench);
    for clients in CLIENTS {
        pgbench(run, stand, clients);
    }
    best_pgbench(&run.results).unwrap()
}

fn pgbench(run: &mut Run, stand: &Stand, clients: u32) {
    let Place::Server(postgres) = &stand.place else { return };
    let sample = postgres.pgbench(clients, run.scale.step);
    run.add(baseline(stand, PGBENCH, clients), sample);
}

fn baseline(stand: &Stand, what: &'static str, connections: u32) -> Key {
    Key { kind: stand.kind, setting: Setting::Baseline, what, connections }
}
