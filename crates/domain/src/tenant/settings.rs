//! What a tenant may decide for itself: one table, read by the platform API, the command line and the documentation.

use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

use crate::contract::Contract;
use crate::error::excerpt;
use crate::role::Role;
use crate::{Error, Result};

/// What a setting takes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// `true` or `false`.
    Boolean,
    /// The name of a role.
    Role,
}

impl Kind {
    /// Its name for people.
    pub fn name(self) -> &'static str {
        match self {
            Self::Boolean => "boolean",
            Self::Role => "role",
        }
    }
}

/// What holds where a tenant has decided nothing.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Unset {
    /// This.
    Boolean(bool),
    /// This.
    Role(Role),
    /// What the contract of the request says.
    Contract,
}

impl Unset {
    /// As JSON; null where the contract decides.
    pub fn value(self) -> Value {
        match self {
            Self::Boolean(value) => value.into(),
            Self::Role(role) => role.name().into(),
            Self::Contract => Value::Null,
        }
    }
}

/// One setting, described.
#[derive(Clone, Copy, Debug)]
pub struct Setting {
    /// Its key in JSON and on the command line.
    pub name: &'static str,
    /// What it takes.
    pub kind: Kind,
    /// What holds unless it is set.
    pub default: Unset,
    /// What it means, for people.
    pub meaning: &'static str,
}

const fn setting(name: &'static str, kind: Kind, default: Unset, meaning: &'static str) -> Setting {
    Setting { name, kind, default, meaning }
}

/// Every setting.
pub static SETTINGS: [Setting; 6] = [
    setting("defaultRole", Kind::Role, Unset::Role(Role::Agent), "The role of a user who is given none."),
    setting(
        "userNameMayChange",
        Kind::Boolean,
        Unset::Contract,
        "Whether `userName` may change; unless set, as the contract says: yes on `rfc`, no on `qa`.",
    ),
    setting(
        "lastAdminMayBeDemoted",
        Kind::Boolean,
        Unset::Boolean(false),
        "Whether the last active admin may be given a lower role.",
    ),
    setting(
        "idpMayGrantAdmin",
        Kind::Boolean,
        Unset::Boolean(true),
        "Whether SCIM may grant the role `admin`; if not, every such grant is 403.",
    ),
    setting(
        "idpMayGrantLimitedAdmin",
        Kind::Boolean,
        Unset::Boolean(true),
        "Whether SCIM may grant the role `limitedAdmin`; if not, every such grant is 403.",
    ),
    setting(
        "revival",
        Kind::Boolean,
        Unset::Boolean(true),
        "Whether a POST brings a deleted user back under the old id; if not, it makes a new user.",
    ),
];

impl Setting {
    /// The setting with this name.
    pub fn named(name: &str) -> Option<&'static Self> {
        SETTINGS.iter().find(|setting| setting.name == name)
    }

    /// The value that a word of the command line stands for; `default` gives the decision back.
    pub fn parse(&self, word: &str) -> Value {
        match (word, self.kind) {
            ("default", _) => Value::Null,
            ("true" | "false", Kind::Boolean) => (word == "true").into(),
            _ => word.into(),
        }
    }

    fn check(&self, value: &Value) -> Result<()> {
        let fits = match self.kind {
            Kind::Boolean => value.is_boolean(),
            Kind::Role => value.as_str().is_some_and(|name| Role::parse(name).is_some()),
        };
        if fits { Ok(()) } else { Err(Error::InvalidValue(format!("{} takes {}", self.name, self.takes()))) }
    }

    fn takes(&self) -> String {
        match self.kind {
            Kind::Boolean => "true or false".into(),
            Kind::Role => format!("one of {}", Role::ALL.map(Role::name).join(", ")),
        }
    }
}

/// What a tenant has decided for itself; stored as JSON, every key optional. The meaning of each stands in
/// [`SETTINGS`].
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default, deny_unknown_fields)]
#[allow(missing_docs, reason = "described in SETTINGS")]
pub struct TenantSettings {
    #[serde(skip_serializing_if = "Option::is_none")]
    pub default_role: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub user_name_may_change: Option<bool>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub last_admin_may_be_demoted: Option<bool>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub idp_may_grant_admin: Option<bool>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub idp_may_grant_limited_admin: Option<bool>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub revival: Option<bool>,
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

    /// Whether SCIM may grant a role at all, whatever the credential allows.
    pub fn idp_may_grant(&self, role: Role) -> bool {
        match role {
            Role::Admin => self.idp_may_grant_admin.unwrap_or(true),
            Role::LimitedAdmin => self.idp_may_grant_limited_admin.unwrap_or(true),
            Role::Grader | Role::Manager | Role::Agent | Role::LimitedAgent => true,
        }
    }

    /// Whether a POST may bring a deleted user back.
    pub fn revival(&self) -> bool {
        self.revival.unwrap_or(true)
    }

    /// These settings after a JSON merge patch (RFC 7396): a key that is absent stays, null gives it back.
    ///
    /// # Errors
    /// [`Error::InvalidValue`] that names the setting.
    pub fn merged(&self, patch: &Value) -> Result<Self> {
        let Value::Object(patch) = patch else {
            return Err(Error::InvalidValue("settings is an object of settings".into()));
        };
        let mut all = self.decided()?;
        for (name, value) in patch {
            let setting = Setting::named(name)
                .ok_or_else(|| Error::InvalidValue(format!("there is no setting {}", excerpt(name))))?;
            if value.is_null() {
                all.remove(name);
            } else {
                setting.check(value)?;
                all.insert(name.clone(), value.clone());
            }
        }
        let merged: Self = serde_json::from_value(Value::Object(all)).map_err(Error::internal)?;
        // Who is given no role gets the default without a grant, so it must not be a way around one.
        if !merged.idp_may_grant(merged.default_role()) {
            let role = merged.default_role();
            return Err(Error::InvalidValue(format!("defaultRole is {role}, which SCIM may not grant")));
        }
        Ok(merged)
    }

    /// Every setting with the value that holds; null where the contract decides.
    pub fn in_force(&self) -> Result<Map<String, Value>> {
        let decided = self.decided()?;
        let value = |one: &Setting| decided.get(one.name).cloned().unwrap_or_else(|| one.default.value());
        Ok(SETTINGS.iter().map(|one| (one.name.to_owned(), value(one))).collect())
    }

    fn decided(&self) -> Result<Map<String, Value>> {
        match serde_json::to_value(self).map_err(Error::internal)? {
            Value::Object(all) => Ok(all),
            _ => Err(Error::internal("settings are an object")),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::contract;
    use serde_json::json;

    #[test]
    fn every_setting_is_described_and_every_description_is_a_setting() {
        let all = json!({
            "defaultRole": "manager", "userNameMayChange": true, "lastAdminMayBeDemoted": true,
            "idpMayGrantAdmin": false, "idpMayGrantLimitedAdmin": false, "revival": false,
        });
        let settings = TenantSettings::default().merged(&all).unwrap();
        assert_eq!(serde_json::to_value(&settings).unwrap(), all);
        assert_eq!(Value::Object(settings.in_force().unwrap()), all);
        let names: Vec<&str> = SETTINGS.iter().map(|one| one.name).collect();
        assert_eq!(all.as_object().unwrap().len(), names.len());
        assert!(names.iter().all(|name| all.get(name).is_some()));
    }

    #[test]
    fn the_described_defaults_are_those_that_hold() {
        let none = TenantSettings::default();
        let named = |name: &str| Setting::named(name).unwrap().default;
        assert_eq!(named("defaultRole"), Unset::Role(none.default_role()));
        assert_eq!(
            named("lastAdminMayBeDemoted"),
            Unset::Boolean(none.last_admin_may_be_demoted == Some(true))
        );
        assert_eq!(named("idpMayGrantAdmin"), Unset::Boolean(none.idp_may_grant(Role::Admin)));
        assert_eq!(named("idpMayGrantLimitedAdmin"), Unset::Boolean(none.idp_may_grant(Role::LimitedAdmin)));
        assert_eq!(named("revival"), Unset::Boolean(none.revival()));
        assert_eq!(named("userNameMayChange"), Unset::Contract);
        for contract in contract::ALL {
            assert_eq!(none.user_name_may_change(contract), contract.user_name_may_change);
        }
    }

    #[test]
    fn a_merge_patch_sets_gives_back_and_leaves() {
        let settings = TenantSettings::default().merged(&json!({"revival": false, "defaultRole": "grader"}));
        let settings = settings.unwrap().merged(&json!({"revival": null})).unwrap();
        assert_eq!(settings, TenantSettings { default_role: Some("grader".into()), ..Default::default() });
    }

    #[test]
    fn wrong_settings_are_refused_by_name() {
        for (wrong, name) in [
            (json!({"revivel": true}), "revivel"),
            (json!({"revival": "yes"}), "revival"),
            (json!({"defaultRole": "emperor"}), "defaultRole"),
            (json!({"defaultRole": true}), "defaultRole"),
            (json!({"defaultRole": "admin", "idpMayGrantAdmin": false}), "defaultRole"),
            (json!([]), "settings"),
        ] {
            let error = TenantSettings::default().merged(&wrong).unwrap_err();
            assert!(matches!(&error, Error::InvalidValue(text) if text.contains(name)), "{wrong}: {error:?}");
        }
    }

    #[test]
    fn words_of_the_command_line() {
        let parse = |name: &str, word: &str| Setting::named(name).unwrap().parse(word);
        assert_eq!(parse("revival", "false"), json!(false));
        assert_eq!(parse("revival", "default"), Value::Null);
        assert_eq!(parse("revival", "no"), json!("no"));
        assert_eq!(parse("defaultRole", "true"), json!("true"));
    }
}
