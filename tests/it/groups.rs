//! `/Groups` and `/Usergroups`: one module per verb, then what cuts across them.

mod create;
mod delete;
mod get;
mod limits;
mod list;
mod patch;
mod replace;
mod rights;
mod users;
