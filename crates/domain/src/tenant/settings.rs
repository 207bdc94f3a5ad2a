//! What a tenant may decide for itself: one table, read by the platform API, the command line and the documentation.

use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

use crate::contract::Contract;
use crate::error::excerpt;
use crate::guard::Guard;
use crate::principal::Area;
use crate::role::Role;
use crate::{Error, Result};

/// What a setting takes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// `true` or `false`.
    Boolean,
    /// The name of a role.
    Role,
    /// A whole number from 0, or null for any number.
    Count,
    /// A whole number from the first to the second.
    Number(u32, u32),
    /// Days, from this number on, or null for ever.
    Days(u32),
}

impl Kind {
    /// Its name for people.
    pub fn name(self) -> &'static str {
        match self {
            Self::Boolean => "boolean",
            Self::Role => "role",
            Self::Count => "count",
            Self::Number(..) => "number",
            Self::Days(_) => "days",
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
    /// This.
    Number(u32),
    /// What the contract of the request says.
    Contract,
    /// No bound.
    Any,
}

impl Unset {
    /// As JSON; null where the contract decides, or nothing bounds.
    pub fn value(self) -> Value {
        match self {
            Self::Boolean(value) => value.into(),
            Self::Role(role) => role.name().into(),
            Self::Number(number) => number.into(),
            Self::Contract | Self::Any => Value::Null,
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

/// No younger row of the audit log is removed; the database knows it too.
const AUDIT_DAYS: u32 = 30;
/// The longest time in days: a thousand years, which a time can still hold.
pub const MOST_DAYS: u32 = 365_000;

/// Every setting.
pub static SETTINGS: [Setting; 15] = [
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
    setting("maxUsers", Kind::Count, Unset::Any, "How many living users the tenant may have."),
    setting("maxGroups", Kind::Count, Unset::Any, "How many living agent groups the tenant may have."),
    setting("maxUsergroups", Kind::Count, Unset::Any, "How many living user groups the tenant may have."),
    setting(
        "maxTokens",
        Kind::Count,
        Unset::Any,
        "How many API tokens, neither revoked nor expired, the tenant may have.",
    ),
    setting(
        "massChangeGuard",
        Kind::Boolean,
        Unset::Boolean(false),
        "Whether a token that deactivates or deletes too many users is held; if not, the audit log warns.",
    ),
    setting(
        "massChangeUsers",
        Kind::Number(0, u32::MAX),
        Unset::Number(20),
        "How many users a token may deactivate or delete within the window, however few there are.",
    ),
    setting(
        "massChangePercent",
        Kind::Number(0, 100),
        Unset::Number(20),
        "Which share of the living users it may, where that is more.",
    ),
    setting(
        "massChangeMinutes",
        Kind::Number(1, 1_440),
        Unset::Number(10),
        "How many minutes the window has.",
    ),
    setting(
        "auditRetentionDays",
        Kind::Days(AUDIT_DAYS),
        Unset::Any,
        "How many days rows of the audit log are kept, at least 30; for ever unless set.",
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
            (_, Kind::Count | Kind::Number(..) | Kind::Days(_)) => {
                word.parse::<u32>().map_or_else(|_| word.into(), Value::from)
            }
            _ => word.into(),
        }
    }

    fn check(&self, value: &Value) -> Result<()> {
        let number = value.as_u64().and_then(|number| u32::try_from(number).ok());
        let fits = match self.kind {
            Kind::Boolean => value.is_boolean(),
            Kind::Role => value.as_str().is_some_and(|name| Role::parse(name).is_some()),
            Kind::Count => number.is_some(),
            Kind::Number(least, most) => number.is_some_and(|number| (least..=most).contains(&number)),
            Kind::Days(least) => number.is_some_and(|days| (least..=MOST_DAYS).contains(&days)),
        };
        if fits { Ok(()) } else { Err(Error::InvalidValue(format!("{} takes {}", self.name, self.takes()))) }
    }

    fn takes(&self) -> String {
        match self.kind {
            Kind::Boolean => "true or false".into(),
            Kind::Count => format!("a whole number from 0 to {}", u32::MAX),
            Kind::Number(least, most) => format!("a whole number from {least} to {most}"),
            Kind::Days(least) => format!("a number of days from {least} to {MOST_DAYS}"),
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
    #[serde(skip_serializing_if = "Option::is_none")]
    pub max_users: Option<u32>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub max_groups: Option<u32>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub max_usergroups: Option<u32>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub max_tokens: Option<u32>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub mass_change_guard: Option<bool>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub mass_change_users: Option<u32>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub mass_change_percent: Option<u32>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub mass_change_minutes: Option<u32>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub audit_retention_days: Option<u32>,
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

    /// [`Error::Forbidden`] when a collection has more than the tenant may have.
    pub fn allow_resources(&self, area: Area, endpoint: &str, living: i64) -> Result<()> {
        let most = match area {
            Area::Users => self.max_users,
            Area::Groups => self.max_groups,
            Area::Usergroups => self.max_usergroups,
            Area::Roles | Area::Resources => None,
        };
        allow(most, endpoint, living)
    }

    /// [`Error::Forbidden`] when there are more tokens than the tenant may have.
    pub fn allow_tokens(&self, active: i64) -> Result<()> {
        allow(self.max_tokens, "active tokens", active)
    }

    /// Whether a POST may bring a deleted user back.
    pub fn revival(&self) -> bool {
        self.revival.unwrap_or(true)
    }

    /// The guard against mass changes.
    pub fn guard(&self) -> Guard {
        Guard {
            refuses: self.mass_change_guard.unwrap_or(false),
            users: self.mass_change_users.unwrap_or(20),
            percent: self.mass_change_percent.unwrap_or(20),
            minutes: self.mass_change_minutes.unwrap_or(10),
        }
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

fn allow(most: Option<u32>, what: &str, number: i64) -> Result<()> {
    match most {
        Some(most) if number > i64::from(most) => {
            Err(Error::Forbidden(format!("the quota of the tenant is reached: {most} {what}")))
        }
        _ => Ok(()),
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
            "maxUsers": 0, "maxGroups": 1, "maxUsergroups": 2, "maxTokens": u32::MAX,
            "massChangeGuard": true, "massChangeUsers": 0, "massChangePercent": 100, "massChangeMinutes": 1440,
            "auditRetentionDays": 30,
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
        let guard = none.guard();
        assert_eq!(named("massChangeGuard"), Unset::Boolean(guard.refuses));
        assert_eq!(named("massChangeUsers"), Unset::Number(guard.users));
        assert_eq!(named("massChangePercent"), Unset::Number(guard.percent));
        assert_eq!(named("massChangeMinutes"), Unset::Number(guard.minutes));
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
            (json!({"maxUsers": -1}), "maxUsers"),
            (json!({"maxUsers": 1.5}), "maxUsers"),
            (json!({"auditRetentionDays": 29}), "auditRetentionDays"),
            (json!({"auditRetentionDays": MOST_DAYS + 1}), "auditRetentionDays"),
            (json!({"maxUsers": u64::from(u32::MAX) + 1}), "maxUsers"),
            (json!({"massChangePercent": 101}), "massChangePercent"),
            (json!({"massChangeMinutes": 0}), "massChangeMinutes"),
            (json!({"massChangeMinutes": 1_441}), "massChangeMinutes"),
            (json!({"massChangeUsers": "20"}), "massChangeUsers"),
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
        assert_eq!(parse("maxUsers", "12"), json!(12));
        assert_eq!(parse("maxUsers", "-1"), json!("-1"));
        assert_eq!(parse("massChangeMinutes", "12"), json!(12));
    }

    #[test]
    fn a_quota_is_reached_and_not_passed() {
        let settings =
            TenantSettings { max_users: Some(2), max_tokens: Some(0), ..TenantSettings::default() };
        settings.allow_resources(Area::Users, "Users", 2).unwrap();
        let error = settings.allow_resources(Area::Users, "Users", 3).unwrap_err();
        assert_eq!(error.to_string(), "the quota of the tenant is reached: 2 Users");
        settings.allow_resources(Area::Groups, "Groups", i64::MAX).unwrap();
        settings.allow_tokens(0).unwrap();
        assert!(matches!(settings.allow_tokens(1), Err(Error::Forbidden(_))));
    }
}
