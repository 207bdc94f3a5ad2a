//! Conditions on members, owners and groups: they are rows of a table of their own.

use domain::filter::{Op, is_related};
use domain::group::List;
use domain::id::ResourceId;
use domain::key::{Key, fold};
use domain::path::Target;
use domain::resource_type::{self, ResourceType};

use super::super::super::id_text;
use super::{Compiler, Piece};
use crate::types::Id;

/// How an attribute reads a membership.
pub(super) struct Side {
    list: List,
    /// The column of the resource that has the attribute.
    of: &'static str,
    /// The column of the value.
    value: &'static str,
}

impl Side {
    /// The side of `members`, `owners` or `groups`; none for any other attribute.
    pub(super) fn of(resource_type: &ResourceType, target: &Target) -> Option<Self> {
        let (list, of, value) = match List::of(resource_type, target) {
            Some(list) => (list, "group_id", "user_id"),
            None if is_related(resource_type, target) => (List::Members, "user_id", "group_id"),
            None => return None,
        };
        Some(Self { list, of, value })
    }
}

impl Compiler<'_> {
    /// `select` of the ids of the resources that have such a value, or any.
    pub(super) fn membership_set(&mut self, target: &Target, compared: Option<(Op, &Key)>) {
        let Some(side) = Side::of(self.resource_type, target) else {
            return self.sql("SELECT NULL WHERE FALSE");
        };
        let alias = self.alias();
        self.sql(format!("SELECT {alias}.{} FROM memberships {alias} WHERE ", side.of));
        self.membership(&alias, &side, compared);
    }

    /// Whether the row of `resources` has such a value, or any.
    pub(super) fn membership_probe(&mut self, target: &Target, compared: Option<(Op, &Key)>, row: &str) {
        let Some(side) = Side::of(self.resource_type, target) else { return self.sql("FALSE") };
        let alias = self.alias();
        self.sql(format!("EXISTS (SELECT 1 FROM memberships {alias} WHERE "));
        self.membership(&alias, &side, compared);
        self.sql(format!(" AND {alias}.{} = {row}.id", side.of));
        self.end_exists();
    }

    /// A user is meant by the user name too: on the QA contract members are shown so.
    fn user_named(&mut self, column: &str, name: &str) {
        let user = self.alias();
        self.sql(format!("{column} IN (SELECT {user}.id FROM resources {user} WHERE "));
        self.of_tenant(&user);
        self.sql(format!(" AND {user}.resource_type = "));
        self.text(&resource_type::USER.name);
        self.sql(format!(" AND {user}.deleted_at IS NULL AND {user}.name_key = "));
        self.text(fold(name));
        self.sql(")");
    }

    fn membership(&mut self, alias: &str, side: &Side, compared: Option<(Op, &Key)>) {
        self.of_tenant(alias);
        self.sql(format!(" AND {alias}.list = "));
        self.text(side.list.name());
        let Some((op, key)) = compared else { return };
        self.sql(" AND ");
        let column = format!("{alias}.{}", side.value);
        match (op, ResourceId::parse(key.body())) {
            (Op::Eq, Some(id)) => {
                self.sql(format!("{column} = "));
                self.pieces.push(Piece::Id(Id(id.0)));
            }
            (Op::Eq, None) if side.value == "user_id" => self.user_named(&column, key.body()),
            (Op::Eq, None) => self.sql("FALSE"),
            _ => self.plain_text(&id_text(&column), op, key.body()),
        }
    }
}
