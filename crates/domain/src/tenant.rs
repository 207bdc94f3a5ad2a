//! A tenant: one customer of the platform, its state and its settings.

use std::sync::Arc;

use serde::{Deserialize, Serialize};

use crate::catalog::Catalog;
use crate::contract::Contract;
use crate::cursor::CursorKey;
use crate::id::TenantId;
use crate::principal::Area;
use crate::role::Role;
use crate::{Error, Result};

/// Whether a tenant is served.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum TenantState {
    /// Served.
    Active,
    /// Refused with 403 until resumed.
    Suspended,
    /// Gone for every caller.
    Deleted,
}

impl TenantState {
    /// The name in the database and on the command line.
    pub fn name(self) -> &'static str {
        match self {
            Self::Active => "active",
            Self::Suspended => "suspended",
            Self::Deleted => "deleted",
        }
    }

    /// The state with this name.
    pub fn parse(name: &str) -> Option<Self> {
        [Self::Active, Self::Suspended, Self::Deleted].into_iter().find(|state| state.name() == name)
    }
}

/// What a tenant has decided for itself; stored as JSON, every key optional.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default, deny_unknown_fields)]
pub struct TenantSettings {
    /// Name of the role of a user who was given none; `agent` unless set.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub default_role: Option<String>,
    /// Whether `userName` may be changed; the contract decides unless set.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub user_name_may_change: Option<bool>,
    /// Whether the last active admin may be demoted; no unless set.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub last_admin_may_be_demoted: Option<bool>,
    /// How much the tenant may have.
    #[serde(skip_serializing_if = "Quotas::is_empty")]
    pub quotas: Quotas,
}

/// How much a tenant may have of each; of what is not set, any number. The operator decides it.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default, deny_unknown_fields)]
pub struct Quotas {
    /// Living users.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub users: Option<u32>,
    /// Living groups.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub groups: Option<u32>,
    /// Living user groups.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub usergroups: Option<u32>,
    /// Tokens that are neither revoked nor expired.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub tokens: Option<u32>,
}

impl Quotas {
    /// Whether nothing is set.
    pub fn is_empty(&self) -> bool {
        *self == Self::default()
    }

    /// [`Error::Forbidden`] when a collection has more than the tenant may have.
    pub fn allow_resources(&self, area: Area, endpoint: &str, living: i64) -> Result<()> {
        let most = match area {
            Area::Users => self.users,
            Area::Groups => self.groups,
            Area::Usergroups => self.usergroups,
            Area::Roles | Area::Resources => None,
        };
        allow(most, endpoint, living)
    }

    /// [`Error::Forbidden`] when there are more tokens than the tenant may have.
    pub fn allow_tokens(&self, active: i64) -> Result<()> {
        allow(self.tokens, "active tokens", active)
    }
}

fn allow(most: Option<u32>, what: &str, number: i64) -> Result<()> {
    match most {
        Some(most) if number > i64::from(most) => {
            Err(Error::Forbidden(format!("the quota of the tenant is reached: {most} {what}")))
        }
        _ => Ok(()),
    }
}

impl TenantSettings {
    /// The role of a user who was given none.
    pub fn default_role(&self) -> Role {
        self.default_role.as_deref().and_then(Role::parse).unwrap_or(Role::Agent)
    }

    /// Whether `userName` may be changed through this contract.
    pub fn user_name_may_change(&self, contract: &Contract) -> bool {
        self.user_name_may_change.unwrap_or(contract.user_name_may_change)
    }
}

/// One customer of the platform.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Tenant {
    /// The id; part of every row and of every token.
    pub id: TenantId,
    /// The short unique name used on the command line.
    pub slug: String,
    /// The name for people.
    pub name: String,
    /// Whether it is served.
    pub state: TenantState,
    /// Its own decisions.
    pub settings: TenantSettings,
    /// What proves that a cursor is one of its own.
    pub cursor_key: CursorKey,
    /// What its resources are.
    pub catalog: Arc<Catalog>,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_quota_is_reached_and_not_passed() {
        let quotas = Quotas { users: Some(2), tokens: Some(0), ..Quotas::default() };
        quotas.allow_resources(Area::Users, "Users", 2).unwrap();
        let error = quotas.allow_resources(Area::Users, "Users", 3).unwrap_err();
        assert_eq!(error.to_string(), "the quota of the tenant is reached: 2 Users");
        quotas.allow_resources(Area::Groups, "Groups", i64::MAX).unwrap();
        quotas.allow_tokens(0).unwrap();
        assert!(matches!(quotas.allow_tokens(1), Err(Error::Forbidden(_))));
    }

    #[test]
    fn settings_without_quotas_say_nothing_of_them() {
        let none = TenantSettings::default();
        assert_eq!(serde_json::to_string(&none).unwrap(), "{}");
        let some = TenantSettings { quotas: Quotas { users: Some(5), ..Quotas::default() }, ..none };
        let text = serde_json::to_string(&some).unwrap();
        assert_eq!(text, r#"{"quotas":{"users":5}}"#);
        assert_eq!(serde_json::from_str::<TenantSettings>(&text).unwrap(), some);
        assert!(serde_json::from_str::<TenantSettings>(r#"{"quotas":{"groupies":5}}"#).is_err());
    }
}
