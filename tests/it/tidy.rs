//! The rules of the house that a compiler does not check: who may know whom, and what every file begins with.

use std::path::{Path, PathBuf};
use std::process::Command;

use serde_json::Value;

use crate::support::db::project;

/// Our crates with those of our crates that each may know.
const ARROWS: [(&str, &[&str]); 4] = [
    ("domain", &[]),
    ("auth", &["domain"]),
    ("persistence", &["domain"]),
    ("api", &["domain", "auth", "persistence"]),
];

/// What the engine must not know: HTTP, SQL, settings, the log.
const NOT_FOR_THE_ENGINE: [&str; 12] = [
    "actix",
    "ureq",
    "http",
    "diesel",
    "r2d2",
    "libsqlite3",
    "pq-sys",
    "config",
    "log",
    "env_logger",
    "clap",
    "tokio",
];

/// Name and direct dependencies of every package of the workspace, tests left out.
fn packages() -> Vec<(String, Vec<String>)> {
    let cargo = std::env::var("CARGO").unwrap_or_else(|_| "cargo".into());
    let output = Command::new(cargo)
        .args(["metadata", "--no-deps", "--offline", "--format-version", "1"])
        .current_dir(project())
        .output()
        .unwrap();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    let metadata: Value = serde_json::from_slice(&output.stdout).unwrap();
    let text = |value: &Value| value.as_str().unwrap().to_owned();
    let package = |package: &Value| {
        let all = package["dependencies"].as_array().unwrap().iter();
        // `kind` is null for what the product itself needs.
        let used = all.filter(|dependency| dependency["kind"].is_null());
        (text(&package["name"]), used.map(|dependency| text(&dependency["name"])).collect())
    };
    metadata["packages"].as_array().unwrap().iter().map(package).collect()
}

#[test]
fn crates_know_only_whom_they_may() {
    let packages = packages();
    for (name, may) in ARROWS {
        let (_, dependencies) =
            packages.iter().find(|(package, _)| package == name).expect("the crate exists");
        let ours = dependencies.iter().filter(|one| ARROWS.iter().any(|(crate_name, _)| crate_name == one));
        for dependency in ours {
            assert!(may.contains(&dependency.as_str()), "{name} must not know {dependency}");
        }
    }
    let ours: Vec<&str> =
        packages.iter().map(|(name, _)| name.as_str()).filter(|name| *name != "rollcall-tests").collect();
    assert_eq!(ours.len(), ARROWS.len(), "a crate without an arrow: {ours:?}");
    let (_, engine) = packages.iter().find(|(name, _)| name == "domain").unwrap();
    for dependency in engine {
        let known = NOT_FOR_THE_ENGINE.iter().find(|name| dependency.starts_with(**name));
        assert!(
            known.is_none(),
            "the engine knows neither HTTP nor SQL nor settings nor a log, but {dependency}"
        );
    }
}

fn sources(folder: &Path) -> Vec<PathBuf> {
    let mut found = Vec::new();
    for entry in std::fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            found.extend(sources(&path));
        } else if path.extension().is_some_and(|extension| extension == "rs") {
            found.push(path);
        }
    }
    found
}

/// Every source file of the project with its text.
fn texts(folders: &[&str]) -> Vec<(PathBuf, String)> {
    let all: Vec<PathBuf> = folders.iter().flat_map(|folder| sources(&project().join(folder))).collect();
    assert!(all.len() > 10, "the sources are somewhere else");
    all.into_iter().map(|path| (path.clone(), std::fs::read_to_string(path).unwrap())).collect()
}

#[test]
fn every_module_says_what_it_is() {
    let silent: Vec<PathBuf> = texts(&["crates", "tests"])
        .into_iter()
        // The tests of a module, in a file beside it, need no introduction of their own.
        .filter(|(path, _)| !path.ends_with("tests.rs"))
        .filter(|(_, text)| !text.starts_with("//! "))
        .map(|(path, _)| path)
        .collect();
    assert!(silent.is_empty(), "these files do not begin with a line of `//!`: {silent:#?}");
}

#[test]
fn no_test_is_left_out() {
    // Written in two parts, or this line would find itself.
    for attribute in [concat!("#[ig", "nore"), concat!("#[should_", "panic")] {
        for (path, text) in texts(&["crates", "tests"]) {
            assert!(!text.contains(attribute), "{} has {attribute}", path.display());
        }
    }
}

#[test]
fn the_engine_reads_no_clock() {
    for (path, text) in texts(&["crates/domain/src"]) {
        for call in ["Utc::now", "Local::now", "SystemTime::now", "Instant::now"] {
            assert!(!text.contains(call), "{} calls {call}: time is an argument", path.display());
        }
    }
}

/// The tests that the table of attacks names: case, file, function.
fn named_tests() -> Vec<(u32, String, String)> {
    let table = std::fs::read_to_string(project().join("docs/SECURITY.md")).unwrap();
    let mut tests = Vec::new();
    for line in table.lines().filter(|line| line.starts_with("| ")) {
        let Some(case) = line.split('|').nth(1).and_then(|cell| cell.trim().parse().ok()) else { continue };
        let named = line.split('`').filter_map(|part| part.split_once("::"));
        let row: Vec<_> = named.map(|(file, name)| (case, file.to_owned(), name.to_owned())).collect();
        assert!(!row.is_empty(), "case {case} names no test");
        tests.extend(row);
    }
    tests
}

#[test]
fn the_table_of_attacks_names_tests_that_run() {
    let tests = named_tests();
    assert!(tests.len() > 30, "the table is somewhere else");
    assert!(tests.is_sorted_by_key(|(case, ..)| *case), "the cases are not in order");
    for (case, file, name) in &tests {
        let text = std::fs::read_to_string(project().join(file)).unwrap_or_default();
        let place =
            text.find(&format!("fn {name}(")).unwrap_or_else(|| panic!("case {case}: {file} has no {name}"));
        // A test by itself, or one of those that `both!` names.
        let before = text[..place].trim_end();
        let before = before.strip_suffix("async").unwrap_or(before).trim_end();
        let is_test = before.ends_with("#[test]") || before.ends_with("#[actix_rt::test]");
        let listed = text.match_indices("both!(").any(|(from, _)| {
            let list = text[from..].split(");").next().unwrap_or_default();
            list.split(|c: char| !c.is_alphanumeric() && c != '_').any(|word| word == name)
        });
        assert!(is_test || listed, "case {case}: {name} in {file} is not run");
        if let Some(number) = name.strip_prefix("case_").and_then(|rest| rest.split('_').next()) {
            assert_eq!(number, case.to_string(), "{name} stands in another row");
        }
    }
    for (path, text) in texts(&["tests/it"]) {
        for (from, _) in text.match_indices("\nfn case_") {
            let name = text[from + "\nfn ".len()..].split('(').next().unwrap();
            assert!(
                tests.iter().any(|(.., known)| known == name),
                "{name} of {} is not in the table",
                path.display()
            );
        }
    }
}
