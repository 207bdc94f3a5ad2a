//! Who is calling and what the credential allows.

use std::fmt;
use std::sync::Arc;

use crate::role::Role;
use crate::tenant::Tenant;
use crate::token::Token;
use crate::{Error, Result};

/// What kind of thing a scope speaks of.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Area {
    /// `/Users`.
    Users,
    /// `/Groups`.
    Groups,
    /// `/Usergroups`.
    Usergroups,
    /// `/Roles`, and the role of a user on every path.
    Roles,
    /// The collections of all types that a tenant has defined itself.
    Resources,
}

/// What a credential may do in an area; writing includes reading.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Access {
    /// GET and search.
    Read,
    /// POST, PUT, PATCH, DELETE.
    Write,
}

/// One right of a credential, written `users:write`, `bulk` or `changes:read`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Scope {
    /// A right in an area.
    In(Area, Access),
    /// The bulk endpoint.
    Bulk,
    /// The change feed.
    Changes,
}

impl Scope {
    /// Every scope; what a token has that was made without naming any.
    pub const ALL: [Self; 12] = [
        Self::In(Area::Users, Access::Read),
        Self::In(Area::Users, Access::Write),
        Self::In(Area::Groups, Access::Read),
        Self::In(Area::Groups, Access::Write),
        Self::In(Area::Usergroups, Access::Read),
        Self::In(Area::Usergroups, Access::Write),
        Self::In(Area::Roles, Access::Read),
        Self::In(Area::Roles, Access::Write),
        Self::In(Area::Resources, Access::Read),
        Self::In(Area::Resources, Access::Write),
        Self::Bulk,
        Self::Changes,
    ];

    /// The name on the command line and in the database.
    pub fn name(self) -> &'static str {
        match self {
            Self::In(Area::Users, Access::Read) => "users:read",
            Self::In(Area::Users, Access::Write) => "users:write",
            Self::In(Area::Groups, Access::Read) => "groups:read",
            Self::In(Area::Groups, Access::Write) => "groups:write",
            Self::In(Area::Usergroups, Access::Read) => "usergroups:read",
            Self::In(Area::Usergroups, Access::Write) => "usergroups:write",
            Self::In(Area::Roles, Access::Read) => "roles:read",
            Self::In(Area::Roles, Access::Write) => "roles:write",
            Self::In(Area::Resources, Access::Read) => "resources:read",
            Self::In(Area::Resources, Access::Write) => "resources:write",
            Self::Bulk => "bulk",
            Self::Changes => "changes:read",
        }
    }

    /// The scope with this name.
    pub fn parse(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|scope| scope.name() == name)
    }
}

impl fmt::Display for Scope {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

/// The caller of a request: a tenant and the token that proved it.
#[derive(Clone, Debug)]
pub struct Principal {
    /// The tenant every statement of the request is bound to.
    pub tenant: Arc<Tenant>,
    /// The credential.
    pub token: Arc<Token>,
    /// Whether it was shown by the secret before the present one.
    pub by_previous: bool,
}

impl Principal {
    /// [`Error::Forbidden`] unless the credential has the right.
    pub fn require(&self, area: Area, access: Access) -> Result<()> {
        let scopes = &self.token.scopes;
        let allowed = scopes.contains(&Scope::In(area, Access::Write))
            || (access == Access::Read && scopes.contains(&Scope::In(area, Access::Read)));
        if allowed {
            return Ok(());
        }
        let missing = Scope::In(area, access).name();
        Err(Error::Forbidden(format!("the token lacks the scope {missing}")))
    }

    /// [`Error::Forbidden`] unless the credential may send bulk requests. What each operation needs is asked for then.
    pub fn require_bulk(&self) -> Result<()> {
        let allowed = self.token.scopes.contains(&Scope::Bulk);
        if allowed { Ok(()) } else { Err(Error::Forbidden("the token lacks the scope bulk".into())) }
    }

    /// The one check of every role grant: the scope for roles and the role ceiling of the credential, and
    /// what the tenant leaves to SCIM at all.
    pub fn require_grant(&self, role: Role) -> Result<()> {
        self.require(Area::Roles, Access::Write)
            .map_err(|_| Error::Forbidden("the token may not grant roles".into()))?;
        match self.token.role_ceiling {
            Some(ceiling) if !ceiling.covers(role) => {
                Err(Error::Forbidden(format!("the token may not grant the role {role}")))
            }
            _ if !self.tenant.settings.idp_may_grant(role) => {
                Err(Error::Forbidden(format!("the tenant does not let SCIM grant the role {role}")))
            }
            _ => Ok(()),
        }
    }
}
