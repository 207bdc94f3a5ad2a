//! The row of an API token.

use std::collections::BTreeSet;

use diesel::prelude::*;
use domain::id::{TenantId, TokenId};
use domain::principal::Scope;
use domain::role::Role;
use domain::token::{Credential, Digest, Noted, Previous, Token, Use};
use domain::{Error, Result};

use crate::schema::api_tokens;
use crate::types::{At, Id};

/// What a token is, but for how it is used: a change writes all of this.
#[derive(Queryable, Selectable, Insertable, AsChangeset)]
#[diesel(table_name = api_tokens, treat_none_as_default_value = false, treat_none_as_null = true)]
#[diesel(primary_key(tenant_id, id))]
pub(crate) struct TokenRow {
    tenant_id: Id,
    id: Id,
    digest: Vec<u8>,
    name: String,
    scopes: String,
    role_ceiling: Option<String>,
    created_at: At,
    expires_at: Option<At>,
    revoked_at: Option<At>,
    last_four: Option<String>,
    rotated_at: Option<At>,
    previous_digest: Option<Vec<u8>>,
    previous_last_four: Option<String>,
    previous_expires_at: Option<At>,
    previous_used_at: Option<At>,
    warned_days: Option<i64>,
}

/// How it is used.
#[derive(Queryable, Selectable)]
#[diesel(table_name = api_tokens)]
pub(crate) struct UseRow {
    last_used_at: Option<At>,
    last_used_address: Option<String>,
    last_used_agent: Option<String>,
}

/// A token as it is read.
#[derive(Queryable, Selectable)]
#[diesel(table_name = api_tokens)]
pub(crate) struct WholeTokenRow {
    #[diesel(embed)]
    token: TokenRow,
    #[diesel(embed)]
    used: UseRow,
}

/// What a use changes; the time of the previous secret stays where that was not used.
#[derive(AsChangeset)]
#[diesel(table_name = api_tokens)]
pub(crate) struct NotedRow<'a> {
    last_used_at: At,
    last_used_address: &'a str,
    last_used_agent: &'a str,
    previous_used_at: Option<At>,
}

impl<'a> NotedRow<'a> {
    pub(crate) fn new(noted: &'a Noted) -> Self {
        Self {
            last_used_at: At(noted.used.at),
            last_used_address: &noted.used.address,
            last_used_agent: &noted.used.agent,
            previous_used_at: noted.previous.map(At),
        }
    }
}

impl TokenRow {
    pub(crate) fn new(tenant: TenantId, credential: &Credential) -> Self {
        let token = &credential.token;
        let previous = token.previous.as_ref();
        Self {
            tenant_id: Id(tenant.0),
            id: Id(token.id.0),
            digest: credential.digest.to_vec(),
            name: token.name.clone(),
            scopes: token.scopes.iter().map(|scope| scope.name()).collect::<Vec<_>>().join(" "),
            role_ceiling: token.role_ceiling.map(|role| role.name().to_owned()),
            created_at: At(token.created),
            expires_at: token.expires.map(At),
            revoked_at: token.revoked.map(At),
            last_four: token.last_four.clone(),
            rotated_at: token.rotated.map(At),
            previous_digest: credential.previous_digest.map(|digest| digest.to_vec()),
            previous_last_four: previous.and_then(|previous| previous.last_four.clone()),
            previous_expires_at: previous.map(|previous| At(previous.expires)),
            previous_used_at: previous.and_then(|previous| previous.used).map(At),
            warned_days: token.warned,
        }
    }
}

impl WholeTokenRow {
    /// Whether this is the digest of its present secret.
    pub(crate) fn is_present(&self, digest: &Digest) -> bool {
        self.token.digest == digest
    }

    pub(crate) fn meaning(self) -> Result<Token> {
        Ok(self.credential()?.token)
    }

    pub(crate) fn credential(self) -> Result<Credential> {
        let Self { token: row, used } = self;
        // A scope that a newer version of this program has given grants nothing in this one.
        let scopes: BTreeSet<Scope> = row.scopes.split_whitespace().filter_map(Scope::parse).collect();
        let role_ceiling = row.role_ceiling.as_deref().map(|name| {
            // A ceiling that cannot be read must not become "no ceiling".
            Role::parse(name).ok_or_else(|| Error::internal("unknown role ceiling of a token"))
        });
        let rotated = row.rotated_at.map(|at| at.0);
        let previous = row.previous_expires_at.map(|expires| Previous {
            last_four: row.previous_last_four,
            expires: expires.0,
            // What was noted before the last rotation was of a secret that is gone.
            used: row.previous_used_at.map(|at| at.0).filter(|at| rotated.is_none_or(|since| *at >= since)),
        });
        let used = used.last_used_at.map(|at| Use {
            at: at.0,
            address: used.last_used_address.unwrap_or_default(),
            agent: used.last_used_agent.unwrap_or_default(),
        });
        let token = Token {
            id: TokenId(row.id.0),
            name: row.name,
            scopes,
            role_ceiling: role_ceiling.transpose()?,
            created: row.created_at.0,
            expires: row.expires_at.map(|at| at.0),
            revoked: row.revoked_at.map(|at| at.0),
            last_four: row.last_four,
            rotated,
            previous,
            used,
            warned: row.warned_days,
        };
        Ok(Credential {
            token,
            digest: digest(&row.digest)?,
            previous_digest: row.previous_digest.as_deref().map(digest).transpose()?,
        })
    }
}

fn digest(bytes: &[u8]) -> Result<Digest> {
    Digest::try_from(bytes).map_err(Error::internal)
}
