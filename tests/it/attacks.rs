//! Hostile input, case by case: each test bears the number of its case in `docs/SECURITY.md`.

mod filters;
mod http;
mod injection;
mod json;
mod large;
mod parsers;
mod patch;
mod slow;
