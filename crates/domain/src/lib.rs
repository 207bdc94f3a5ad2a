//! The SCIM engine: what a resource is, what may be asked of it and how it changes.
//!
//! No HTTP, no SQL, no clock: time and stores are arguments. (A new id tells the time of its birth: [`id`] makes
//! them.) The modules in reading order:
//!
//! - nouns: [`id`], [`tenant`], [`principal`], [`token`], [`admin`], [`contract`], [`limits`], [`error`]
//! - data that describes data: [`schema`], [`resource_type`], [`catalog`], [`definition`]
//! - a resource: [`document`], [`meta`], [`resource`], [`stored`]
//! - what clients write: [`path`], [`filter`], [`decode`], [`patch`], [`replace`], [`once`], [`list`], [`cursor`]
//! - what the server makes of it: [`key`], [`index`], [`role`], [`user`], [`group`], [`project`]
//! - what has happened: [`audit`], [`requests`], and what must not happen to many at once: [`guard`]
//! - the port to the database and the use cases on it: [`store`], [`service`]

pub mod admin;
pub mod audit;
pub mod catalog;
pub mod contract;
pub mod cursor;
pub mod decode;
pub mod definition;
pub mod document;
pub mod error;
pub mod filter;
pub mod group;
pub mod guard;
pub mod id;
pub mod index;
pub mod key;
pub mod limits;
pub mod list;
pub mod meta;
mod once;
pub mod patch;
pub mod path;
pub mod principal;
pub mod project;
pub mod replace;
pub mod requests;
pub mod resource;
pub mod resource_type;
pub mod role;
pub mod schema;
pub mod service;
pub mod store;
pub mod stored;
pub mod tenant;
pub mod token;
pub mod user;

pub use error::{Error, Result};
