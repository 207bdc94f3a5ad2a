//! Hostile input, case by case: each test bears the number of its case in `docs/SECURITY.md`.

mod filters;
mod http;
mod injection;
mod isolation;
mod json;
mod large;
mod leaks;
mod parsers;
mod patch;
mod privilege;
mod slow;
