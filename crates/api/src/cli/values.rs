//! Values of options and arguments, judged before anything is done.

use chrono::TimeDelta;
use domain::admin::AdminRole;
use domain::principal::Scope;
use domain::role::Role;
use domain::service::tokens::check_overlap;
use domain::tenant::settings::{SETTINGS, Setting};
use domain::tenant::{check_name, check_slug};

/// How long a token lives; none: for ever.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Lifetime(pub(crate) Option<TimeDelta>);

impl Default for Lifetime {
    fn default() -> Self {
        Self(Some(auth::DEFAULT_LIFETIME))
    }
}

impl std::fmt::Display for Lifetime {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self.0 {
            None => f.write_str("never"),
            Some(time) if time.num_hours() % 24 == 0 => write!(f, "{}d", time.num_days()),
            Some(time) => write!(f, "{}h", time.num_hours()),
        }
    }
}

pub(super) fn slug(text: &str) -> Result<String, String> {
    check_slug(text).map(|()| text.to_owned()).map_err(|error| error.to_string())
}

pub(super) fn name(text: &str) -> Result<String, String> {
    check_name(text).map(|()| text.to_owned()).map_err(|error| error.to_string())
}

pub(super) fn assignment(text: &str) -> Result<(String, String), String> {
    let pair = text.split_once('=').filter(|(name, _)| Setting::named(name).is_some());
    pair.map(|(name, value)| (name.to_owned(), value.to_owned())).ok_or_else(|| {
        let names: Vec<&str> = SETTINGS.iter().map(|setting| setting.name).collect();
        format!("KEY=VALUE, where KEY is one of {}", names.join(", "))
    })
}

pub(crate) fn lifetime(text: &str) -> Result<Lifetime, String> {
    if text == "never" {
        return Ok(Lifetime(None));
    }
    let time = span(text).ok_or("a number of days (90d) or hours (12h), or never")?;
    Ok(Lifetime(Some(time)))
}

/// How long a secret goes on beside a new one.
pub(crate) fn overlap(text: &str) -> Result<TimeDelta, String> {
    let time = length(text).ok_or("a number of days (7d) or hours (12h), or 0h")?;
    check_overlap(time).map_err(|error| error.to_string())?;
    Ok(time)
}

/// `90d` or `12h`.
pub(super) fn span(text: &str) -> Option<TimeDelta> {
    length(text).filter(|time| !time.is_zero())
}

fn length(text: &str) -> Option<TimeDelta> {
    let time = |digits: &str, hours: i64| {
        let number = digits.parse::<u16>().ok()?;
        Some(TimeDelta::hours(i64::from(number) * hours))
    };
    let days = text.strip_suffix('d').and_then(|digits| time(digits, 24));
    days.or_else(|| text.strip_suffix('h').and_then(|digits| time(digits, 1)))
}

pub(super) fn scope(text: &str) -> Result<Scope, String> {
    Scope::parse(text).ok_or_else(|| {
        let names: Vec<&str> = Scope::ALL.iter().map(|scope| scope.name()).collect();
        format!("one of {}", names.join(", "))
    })
}

pub(super) fn role(text: &str) -> Result<Role, String> {
    Role::parse(text).ok_or_else(|| {
        let names: Vec<&str> = Role::ALL.iter().map(|role| role.name()).collect();
        format!("one of {}", names.join(", "))
    })
}

pub(super) fn admin_role(text: &str) -> Result<AdminRole, String> {
    AdminRole::parse(text).ok_or_else(|| {
        let names: Vec<&str> = AdminRole::ALL.iter().map(|role| role.name()).collect();
        format!("one of {}", names.join(", "))
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn values_are_judged() {
        assert_eq!(lifetime("90d"), Ok(Lifetime::default()));
        assert_eq!(lifetime("12h").unwrap().to_string(), "12h");
        assert_eq!(lifetime("never"), Ok(Lifetime(None)));
        for wrong in ["", "90", "d", "0d", "-1d", "1w", "999999d", "Never"] {
            assert!(lifetime(wrong).is_err(), "{wrong}");
        }
        for (text, hours) in [("0h", 0), ("0d", 0), ("12h", 12), ("30d", 720)] {
            assert_eq!(overlap(text), Ok(TimeDelta::hours(hours)));
        }
        for wrong in ["", "7", "31d", "721h", "-1d", "never"] {
            assert!(overlap(wrong).is_err(), "{wrong}");
        }
        assert!(assignment("revival=x=y").is_ok_and(|(name, value)| name == "revival" && value == "x=y"));
        for wrong in ["revival", "x=true", "=true", ""] {
            assert!(assignment(wrong).is_err(), "{wrong}");
        }
        assert!(scope("users:read").is_ok() && scope("users").is_err());
        assert!(role("admin").is_ok() && role("Admin").is_err());
    }
}
