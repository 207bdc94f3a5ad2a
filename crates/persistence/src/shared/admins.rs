//! Whether a tenant has an administrator left.

use diesel::prelude::*;
use domain::id::ResourceId;
use domain::role::Role;
use domain::schema::qa_user;
use domain::{Result, key};

use super::scope::of_tenant;
use super::tenant_tx::Tx;
use super::wrap::Locked;
use crate::error::from_diesel;
use crate::schema::{attribute_values, collections};
use crate::types::Id;

impl Tx<'_> {
    pub(super) fn has_active_admin(&mut self, except: ResourceId) -> Result<bool> {
        // The row of the collection is the lock: whoever else may take an admin away waits here.
        let collection = collections::table
            .filter(of_tenant!(collections, self.tenant))
            .filter(collections::resource_type.eq("User"))
            .select(collections::live);
        let _: Option<i64> = Locked(collection).get_result(self.conn).optional().map_err(from_diesel)?;

        let role_path = format!("{}:{}", qa_user::URN, qa_user::ROLE).to_lowercase();
        let active = diesel::alias!(attribute_values as active);
        let actives = active
            .filter(active.field(attribute_values::tenant_id).eq(attribute_values::tenant_id))
            .filter(active.field(attribute_values::resource_id).eq(attribute_values::resource_id))
            .filter(active.field(attribute_values::path).eq("active"))
            .filter(active.field(attribute_values::key).eq(key::Key::boolean(true).as_str().to_owned()));
        let others = attribute_values::table
            .filter(of_tenant!(attribute_values, self.tenant))
            .filter(attribute_values::resource_type.eq("User"))
            .filter(attribute_values::path.eq(role_path))
            .filter(attribute_values::key.eq(key::Key::text(Role::Admin.name(), true).as_str().to_owned()))
            .filter(attribute_values::resource_id.ne(Id(except.0)))
            .filter(diesel::dsl::exists(actives));
        diesel::select(diesel::dsl::exists(others)).get_result(self.conn).map_err(from_diesel)
    }
}
