//! A tenant: one customer of the platform, its state and its settings.

use std::sync::Arc;

use serde::{Deserialize, Serialize};

use crate::catalog::Catalog;
use crate::contract::Contract;
use crate::cursor::CursorKey;
use crate::id::TenantId;
use crate::role::Role;

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
