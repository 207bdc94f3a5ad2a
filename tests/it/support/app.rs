//! Server, database, tenants and tokens together.

use super::backend::Backend;
use super::db::{self, Tenant, TestDb};
use super::http::{Carrier, Client, QA, RFC};
use super::program::{self, Server};

/// The real program, serving a database of its own that has two tenants.
pub(crate) struct TestApp {
    // The server is dropped, that is stopped, before its database.
    pub(crate) server: Server,
    pub(crate) db: TestDb,
}

impl TestApp {
    pub(crate) fn start(backend: Backend) -> Self {
        let db = TestDb::ready(backend);
        let server = Server::start(&db.folder, &db.url);
        Self { server, db }
    }

    /// The same with settings in the environment of the server.
    pub(crate) fn start_with(backend: Backend, settings: &[(&str, &str)]) -> Self {
        let db = TestDb::ready(backend);
        let mut command = program::command(&db.folder);
        command.args(["serve", "--listen", "127.0.0.1:0", "--database-url", &db.url]);
        command.envs(settings.iter().copied());
        let server = Server::start_with(&db.folder, command);
        Self { server, db }
    }

    /// The tenant most tests work in.
    pub(crate) fn acme(&self) -> &Tenant {
        &self.db.tenants()[0]
    }

    /// The other one.
    pub(crate) fn globex(&self) -> &Tenant {
        &self.db.tenants()[1]
    }

    /// A client of a tenant on a base path.
    pub(crate) fn client(&self, base: &str, tenant: &Tenant) -> Client {
        self.client_with(base, Some(Carrier::Bearer.header(&tenant.token)))
    }

    /// A client with any credential, or none.
    pub(crate) fn client_with(&self, base: &str, credential: Option<(&'static str, String)>) -> Client {
        Client::new(format!("{}{base}", self.server.url), credential)
    }

    /// A client of `acme` on the RFC contract.
    pub(crate) fn rfc(&self) -> Client {
        self.client(RFC, self.acme())
    }

    /// A client of `acme` on the QA contract.
    pub(crate) fn qa(&self) -> Client {
        self.client(QA, self.acme())
    }

    /// A client of `acme` on the RFC contract with a token made with these options.
    pub(crate) fn rfc_with_token(&self, options: &[&str]) -> Client {
        let token = db::create_token(&self.db, self.acme().slug, options);
        self.client_with(RFC, Some(Carrier::Bearer.header(&token)))
    }

    /// Living users of a tenant.
    pub(crate) fn db_users(&self, tenant: &Tenant) -> i64 {
        let tenant = self.db.literal(&tenant.id);
        let condition = format!("tenant_id = {tenant} AND resource_type = 'User' AND deleted_at IS NULL");
        self.db.db_count("resources", &condition)
    }
}
