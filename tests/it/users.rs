//! `/Users`: one module per verb.

mod create;
mod get;
mod patch;
mod replace;
mod roles;
