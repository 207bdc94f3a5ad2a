//! Who may do what: every line of the URL table with every kind of credential.
//!
//! `matrix/expected.txt` holds the status of each cell, for people to read; a line that is not in it fails. The rules in
//! this file say independently of it who passes the gates. `ROLLCALL_TEST_WRITE=1` writes the file anew.

mod desk;
mod principals;
mod world;

use std::collections::BTreeMap;
use std::fmt::Write;
use std::path::PathBuf;

use crate::platform;
use crate::support::admins::ADMIN;
use crate::support::backend::{Backend, both};
use crate::support::db::project;
use crate::support::http::BASES;
use principals::{Kind, Principal};
use world::{Line, World};

both!(every_line_with_every_credential);

/// What needs no credential; nothing else does.
const PUBLIC: [&str; 4] = ["/docs", "/healthz", "/openapi.json", "/readyz"];

/// Where the credential is in the body.
const OPEN_TO_ADMINS: [&str; 4] = [
    "POST /admin/v1/session",
    "POST /admin/v1/session/refresh",
    "POST /admin/v1/invitations/accept",
    "POST /admin/v1/resets/accept",
];

/// What the gates say.
#[derive(Debug, PartialEq, Eq)]
enum Gate {
    /// What follows is not a matter of rights.
    Passes,
    Refuses(u16),
}

/// The rules, from what a credential is and what the line is about.
fn gate(line: &Line, principal: Kind) -> Gate {
    if PUBLIC.contains(&line.path.as_str()) {
        return Gate::Passes;
    }
    if line.path.starts_with(platform::BASE) {
        return if principal == Kind::Platform { Gate::Passes } else { Gate::Refuses(401) };
    }
    if let Some(pattern) = line.path.strip_prefix(ADMIN) {
        return gate_of_admins(line, pattern, principal);
    }
    let base = BASES.iter().find(|base| line.path.starts_with(*base)).expect("a line stands below a base");
    let collection = line.path[base.len()..].split('/').nth(1).unwrap_or_default();
    let area = match collection {
        "Users" => "users",
        "Groups" => "groups",
        "Usergroups" => "usergroups",
        "Roles" => "roles",
        "{collection}" => "resources",
        other => other,
    };
    match principal {
        Kind::Nobody
        | Kind::Ended
        | Kind::Platform
        | Kind::Admin(_)
        | Kind::ForeignAdmin
        | Kind::SuspendedAdmin => Gate::Refuses(401),
        Kind::Suspended => Gate::Refuses(403),
        Kind::Full | Kind::Foreign => Gate::Passes,
        Kind::Scope(scope) => {
            let passes = match area {
                // A valid credential is enough.
                "ServiceProviderConfig" | "ResourceTypes" | "Schemas" | "Me" => true,
                "Bulk" => scope == "bulk",
                // Of all resource types what may be read; a role is none.
                ".search" => !["bulk", "changes:read", "roles:read", "roles:write"].contains(&scope),
                _ => scope == format!("{area}:write") || (line.reads() && scope == format!("{area}:read")),
            };
            if passes { Gate::Passes } else { Gate::Refuses(403) }
        }
    }
}

/// The same below the base path of tenant admins.
fn gate_of_admins(line: &Line, pattern: &str, principal: Kind) -> Gate {
    let own = ["/session", "/me"].iter().any(|own| pattern.starts_with(own));
    match principal {
        _ if OPEN_TO_ADMINS.contains(&line.to_string().as_str()) => Gate::Passes,
        Kind::Admin("auditor") if !line.reads() && !own => Gate::Refuses(403),
        Kind::Admin(_) | Kind::ForeignAdmin => Gate::Passes,
        Kind::SuspendedAdmin => Gate::Refuses(403),
        _ => Gate::Refuses(401),
    }
}

fn every_line_with_every_credential(backend: Backend) {
    let mut world = World::new(backend);
    let principals = principals::all(&world.app);
    let columns: Vec<&str> = principals.iter().map(|one| one.column).collect();
    let mut seen: BTreeMap<String, Vec<String>> = BTreeMap::new();
    let mut wrong = String::new();
    for line in world.lines() {
        let cells = principals.iter().map(|principal| cell(&mut world, &line, principal, &mut wrong));
        seen.insert(line.to_string(), cells.collect());
    }
    assert!(seen.len() > 80, "{} lines", seen.len());
    assert!(wrong.is_empty(), "what breaks the rules:\n{wrong}");
    if std::env::var_os("ROLLCALL_TEST_WRITE").is_some() {
        std::fs::write(file(), text(&columns, &seen)).expect("the file can be written");
    }
    let difference = difference(&columns, &expected(&columns), &seen);
    assert!(difference.is_empty(), "{difference}\nROLLCALL_TEST_WRITE=1 writes {} anew", file().display());
}

/// What is answered; what breaks a rule is added to `wrong`.
fn cell(world: &mut World, line: &Line, principal: &Principal, wrong: &mut String) -> String {
    let mut complain =
        |text: String| writeln!(wrong, "{line} as {}: {text}", principal.column).expect("memory");
    let target = world.target(line);
    // What a read writes would be seen by the next write.
    let before = (!line.reads()).then(|| world.written());
    let (sent, reply) = world.send(line, &target, principal);
    let (status, done) = (reply.status, (200..300).contains(&reply.status));
    match gate(line, principal.kind) {
        Gate::Refuses(expected) if status != expected => {
            complain(format!("{status} and not {expected}: {}", reply.text));
        }
        Gate::Passes if [401, 403].contains(&status) || (status >= 500 && status != 501) => {
            complain(format!("{status}: {}", reply.text));
        }
        _ => {}
    }
    let inner = world::inner(&reply);
    // Where the credential is the body, what stands beside it is worth nothing.
    let counts = !OPEN_TO_ADMINS.contains(&line.to_string().as_str());
    if counts && principal.may_only_read() && !line.reads() && done && inner.is_none_or(|status| status < 400)
    {
        complain(format!("{status} to a write"));
    }
    // What was sent may be repeated.
    let told = |mark: &&String| reply.text.contains(*mark) && !sent.contains(*mark);
    let stranger = [Kind::Foreign, Kind::ForeignAdmin].contains(&principal.kind);
    if counts && stranger && target.marks.iter().any(|mark| told(&mark)) {
        complain(format!("shows what belongs to another tenant: {}", reply.text));
    }
    let undone = !done || inner.is_some_and(|status| status >= 400);
    if undone && before.is_some_and(|before| world.written() != before) {
        complain(format!("{status}, and something was written"));
    }
    if done && !line.reads() {
        world.forget(line);
    }
    inner.map_or_else(|| status.to_string(), |inner| format!("b{inner}"))
}

fn file() -> PathBuf {
    project().join("tests/it/matrix/expected.txt")
}

/// The first word of the line that names the columns.
const HEAD: &str = "line";

/// The cells of the file by line; the columns have to be those of the test.
fn expected(columns: &[&str]) -> BTreeMap<String, Vec<String>> {
    let text = std::fs::read_to_string(file()).unwrap_or_default();
    let mut lines = text.lines().filter(|line| !line.is_empty() && !line.starts_with('#'));
    let head: Vec<&str> = lines.next().unwrap_or_default().split_whitespace().skip(2).collect();
    assert_eq!(head, columns, "the columns of {}", file().display());
    lines
        .map(|line| {
            let mut words = line.split_whitespace().map(str::to_owned);
            let (method, path) = (words.next().unwrap_or_default(), words.next().unwrap_or_default());
            (format!("{method} {path}"), words.collect())
        })
        .collect()
}

fn text(columns: &[&str], seen: &BTreeMap<String, Vec<String>>) -> String {
    let mut text = principals::LEGEND.to_owned();
    let mut row = |method: &str, path: &str, cells: &[String]| {
        let cells: String = cells.iter().map(|cell| format!(" {cell:>4}")).collect();
        writeln!(text, "{method:<7}{path:<48}{cells}").expect("memory");
    };
    let names: Vec<String> = columns.iter().map(|&column| column.to_owned()).collect();
    row("method", HEAD, &names);
    let mut rows: Vec<_> = seen
        .iter()
        .map(|(line, cells)| (line.split_once(' ').expect("a line has a method"), cells))
        .collect();
    rows.sort_by_key(|((method, path), _)| (*path, *method));
    for ((method, path), cells) in rows {
        row(method, path, cells);
    }
    text
}

fn difference(
    columns: &[&str],
    expected: &BTreeMap<String, Vec<String>>,
    seen: &BTreeMap<String, Vec<String>>,
) -> String {
    let mut text = String::new();
    let none = Vec::new();
    for (line, cells) in seen {
        let Some(known) = expected.get(line) else {
            writeln!(text, "{line} is not in the file").expect("memory");
            continue;
        };
        for (n, column) in columns.iter().enumerate() {
            let (was, is) = (known.get(n), cells.get(n));
            if was != is {
                writeln!(text, "{line} as {column}: expected {was:?}, got {is:?}").expect("memory");
            }
        }
    }
    for line in expected.keys().filter(|line| seen.get(*line).unwrap_or(&none).is_empty()) {
        writeln!(text, "{line} is in the file and not in the table").expect("memory");
    }
    text
}
