//! The HTTP server and the command line of Rollcall.
//!
//! The path of a request, in reading order: [`app`] starts the server, [`connection`] keeps slow
//! clients from holding it, [`routes`] is the URL table,
//! [`logging`] gives the request its id and its log line, [`authenticate`] its principal, [`rates`] says whether there
//! have been too many, [`extract`] checks the right for the collection, [`body`], [`json`] and [`query`] read what the client sent, [`resources`],
//! [`roles`], [`bulk`] and [`discovery`] call the use case through [`blocking`], tenant by tenant in [`turns`], [`reply`],
//! [`stream`] and [`error`] write the answer; [`refusal`] answers what never became a request.
//!
//! What it says of itself: [`openapi`] is the document, [`docs`] the page.
//!
//! Beside the requests: [`requests`] keeps the provisioning log, [`background`] is how threads of their own work.
//!
//! Beside SCIM: [`platform`] is the API of the hosting platform, [`admin`] that of tenant admins, whose passwords wait in
//! [`hashing`]; both read and write [`plain`] JSON, say the same of [`tokens`] and fail with a [`problem`]. Beside requests, each in
//! a thread of [`background`]: [`uses`] writes down how tokens were used, [`expiry`] tells of those that end soon, [`purge`] removes
//! what deleted tenants leave.
//! [`guard`] is the guard against mass changes as JSON.
//!
//! Beside it: [`settings`], [`cli`] and its [`commands`], [`demo`] and [`load`].

pub mod app;
pub mod cli;
pub mod settings;

mod admin;
mod authenticate;
mod background;
mod blocking;
mod body;
mod bulk;
mod clock;
mod commands;
mod connection;
mod demo;
mod discovery;
mod docs;
mod error;
mod expiry;
mod extract;
mod guard;
mod hashing;
mod health;
mod json;
mod load;
mod logging;
mod look_ups;
mod openapi;
mod out;
mod plain;
mod platform;
mod problem;
mod purge;
mod query;
mod rates;
mod refusal;
mod reply;
mod requests;
mod resources;
mod roles;
mod routes;
mod shards;
mod stream;
mod tokens;
mod turns;
mod uses;

pub use app::Application;
pub use settings::Settings;
