//! How often what a credential finds has been changed, all tenants together: one row, so that whoever remembers thousands of
//! tokens asks one question. What is added is not counted, as nobody remembers what there was not.
//!
//! Not on a cluster: there each change would have to reach every node.

use diesel::prelude::*;
use domain::Result;

use super::super::Conn;
use super::{Mode, Repo};
use crate::error::Failed;
use crate::schema::credential_changes;

impl Repo {
    /// None where they are not counted, nor when somebody has removed the row: then each token is asked for.
    pub(super) fn counted_credential_changes(&self) -> Result<Option<i64>> {
        if !self.is_one_server {
            return Ok(None);
        }
        self.transact(Mode::SignInAlone, Self::nobody(), |conn| {
            Ok(credential_changes::table.select(credential_changes::count).get_result(conn).optional()?)
        })
    }

    /// Counts one; the last thing that a transaction does, because all tenants share the row.
    pub(super) fn count_credential_change(&self, conn: &mut Conn) -> Result<(), Failed> {
        if self.is_one_server {
            diesel::update(credential_changes::table)
                .set(credential_changes::count.eq(credential_changes::count + 1))
                .execute(conn)?;
        }
        Ok(())
    }
}
