//! The black-box tests: the program that `main` starts, over HTTP, on SQLite and on PostgreSQL.
//!
//! `tests/run` runs everything; one test alone: `cargo build && cargo test -p rollcall-tests lists::`.
//! The modules mirror the URLs, then the matters that cut across them.

// A test that cannot go on should stop with the place and the value: that is what unwrap does.
#![allow(clippy::unwrap_used)]

mod support;

mod admins;
mod at_once;
mod attacks;
mod audit;
mod blocks;
mod bulk;
mod cli;
mod conditional;
mod credentials;
mod cursors;
mod database;
mod discovery;
mod faults;
mod filters;
mod groups;
mod guard;
mod honesty;
mod http;
mod idp;
mod limits;
mod lists;
mod matrix;
mod openapi;
mod plans;
mod platform;
mod races;
mod rates;
mod requests;
mod roles;
mod schemas;
mod tenancy;
mod tidy;
mod tokens;
mod tombstones;
mod users;
