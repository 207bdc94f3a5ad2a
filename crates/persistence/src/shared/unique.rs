//! Values that no two living resources of a type may share: rows whose primary key is the rule, so that of two
//! requests at the same time one waits for the other and is refused.

use diesel::prelude::*;
use diesel::result::{DatabaseErrorKind, Error as DieselError};
use domain::id::ResourceId;
use domain::index::{self, Unique};
use domain::resource::Resource;
use domain::resource_type::ResourceType;
use domain::{Error, Result};

use super::scope::of_tenant;
use super::tenant_tx::Tx;
use crate::error::from_diesel;
use crate::rows::UniqueRow;
use crate::schema::unique_values;
use crate::types::Id;

impl Tx<'_> {
    /// Takes values for a resource, in order of path; row by row, because the refusal names the attribute.
    pub(super) fn claim(
        &mut self,
        resource_type: &ResourceType,
        id: ResourceId,
        values: &[Unique],
    ) -> Result<()> {
        for value in values {
            let row = self.unique_row(resource_type, id, value);
            diesel::insert_into(unique_values::table).values(&row).execute(self.conn).map_err(|error| {
                match error {
                    DieselError::DatabaseError(DatabaseErrorKind::UniqueViolation, _) => {
                        Error::Uniqueness(format!("another resource has the same {}", value.name))
                    }
                    other => from_diesel(other),
                }
            })?;
        }
        Ok(())
    }

    /// The same where others may have the values; returns the names of those that were taken.
    pub(super) fn claim_free(
        &mut self,
        resource_type: &ResourceType,
        resource: &Resource,
    ) -> Result<Vec<String>> {
        let mut taken = Vec::new();
        for value in index::unique_values(resource_type, &resource.document) {
            let row = self.unique_row(resource_type, resource.id, &value);
            let rows = diesel::insert_into(unique_values::table)
                .values(&row)
                .on_conflict_do_nothing()
                .execute(self.conn)
                .map_err(from_diesel)?;
            taken.extend((rows == 0).then_some(value.name));
        }
        Ok(taken)
    }

    /// Gives back the values that a change has taken away and takes those that it has brought.
    pub(super) fn claim_difference(
        &mut self,
        resource_type: &ResourceType,
        before: &Resource,
        after: &Resource,
    ) -> Result<()> {
        let targets = index::unique_targets(resource_type);
        let [old, new] =
            [before, after].map(|resource| index::unique_values_at(&targets, &resource.document));
        let gone: Vec<&str> =
            old.iter().filter(|value| !new.contains(value)).map(|value| value.path.as_str()).collect();
        if !gone.is_empty() {
            diesel::delete(unique_values::table)
                .filter(of_tenant!(unique_values, self.tenant))
                .filter(unique_values::resource_id.eq(Id(after.id.0)))
                .filter(unique_values::path.eq_any(gone))
                .execute(self.conn)
                .map_err(from_diesel)?;
        }
        let added: Vec<Unique> = new.into_iter().filter(|value| !old.contains(value)).collect();
        self.claim(resource_type, after.id, &added)
    }

    /// Gives back all values of a resource.
    pub(super) fn release(&mut self, id: ResourceId) -> Result<()> {
        diesel::delete(unique_values::table)
            .filter(of_tenant!(unique_values, self.tenant))
            .filter(unique_values::resource_id.eq(Id(id.0)))
            .execute(self.conn)
            .map_err(from_diesel)?;
        Ok(())
    }

    /// Gives back all values of a type at these paths.
    pub(super) fn release_paths(&mut self, resource_type: &ResourceType, paths: &[String]) -> Result<()> {
        if paths.is_empty() {
            return Ok(());
        }
        diesel::delete(unique_values::table)
            .filter(of_tenant!(unique_values, self.tenant))
            .filter(unique_values::resource_type.eq(resource_type.name.as_str()))
            .filter(unique_values::path.eq_any(paths.to_vec()))
            .execute(self.conn)
            .map_err(from_diesel)?;
        Ok(())
    }

    fn unique_row<'a>(
        &self,
        resource_type: &'a ResourceType,
        id: ResourceId,
        value: &'a Unique,
    ) -> UniqueRow<'a> {
        UniqueRow {
            tenant_id: self.id(),
            resource_type: &resource_type.name,
            path: &value.path,
            key: value.key.stored().0.into_owned(),
            resource_id: Id(id.0),
        }
    }
}
