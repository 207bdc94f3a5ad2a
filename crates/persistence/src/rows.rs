//! Rows and what they mean.

pub(crate) mod admins;
mod token;

use std::borrow::Cow;

use diesel::prelude::*;
use domain::audit::{Entry, Head, Row};
use domain::catalog::Catalog;
use domain::cursor::CursorKey;
use domain::id::{PlatformTokenId, ResourceId, TenantId, TokenId};
use domain::meta::{Meta, Version};
use domain::requests::Request;
use domain::resource::Resource;
use domain::store::platform::PlatformToken;
use domain::store::{Actor, Origin};
use domain::stored::Stored;
use domain::tenant::{Purge, Record, Tenant, TenantSettings, TenantState};
use domain::{Error, Result};

use crate::schema::{
    attribute_counts, audit_log, changes, mass_changes, memberships, platform_tokens, profile_keys, requests,
    resources, tenants, unique_values,
};
use crate::types::{At, Id};

pub(crate) use token::{NotedRow, TokenRow, WholeTokenRow};

#[derive(Queryable, Selectable, Insertable)]
#[diesel(table_name = tenants)]
pub(crate) struct TenantRow {
    pub(crate) id: Id,
    pub(crate) slug: String,
    pub(crate) name: String,
    pub(crate) state: String,
    pub(crate) settings: String,
    pub(crate) created_at: At,
    pub(crate) cursor_key: Vec<u8>,
}

/// A tenant as the platform sees it.
#[derive(Queryable, Selectable)]
#[diesel(table_name = tenants)]
pub(crate) struct RecordRow {
    #[diesel(embed)]
    pub(crate) tenant: TenantRow,
    pub(crate) purge_after: Option<At>,
    pub(crate) purge_remaining: Option<i64>,
    pub(crate) purged_at: Option<At>,
}

impl RecordRow {
    pub(crate) fn meaning(self) -> Result<Record> {
        let purge = Purge {
            after: self.purge_after.map(|at| at.0),
            remaining: self.purge_remaining,
            done: self.purged_at.map(|at| at.0),
        };
        let created = self.tenant.created_at.0;
        Ok(Record { tenant: self.tenant.meaning()?, created, purge })
    }
}

#[derive(Queryable, Selectable, Insertable)]
#[diesel(table_name = platform_tokens, treat_none_as_default_value = false)]
pub(crate) struct PlatformTokenRow {
    pub(crate) id: Id,
    pub(crate) digest: Vec<u8>,
    pub(crate) name: String,
    pub(crate) created_at: At,
    pub(crate) expires_at: Option<At>,
    pub(crate) revoked_at: Option<At>,
}

impl PlatformTokenRow {
    pub(crate) fn new(token: &PlatformToken, digest: &[u8; 32]) -> Self {
        Self {
            id: Id(token.id.0),
            digest: digest.to_vec(),
            name: token.name.clone(),
            created_at: At(token.created),
            expires_at: token.expires.map(At),
            revoked_at: token.revoked.map(At),
        }
    }

    pub(crate) fn meaning(self) -> PlatformToken {
        PlatformToken {
            id: PlatformTokenId(self.id.0),
            name: self.name,
            created: self.created_at.0,
            expires: self.expires_at.map(|at| at.0),
            revoked: self.revoked_at.map(|at| at.0),
        }
    }
}

impl TenantRow {
    /// The tenant; what it has defined itself is not in its row.
    pub(crate) fn meaning(self) -> Result<Tenant> {
        let settings: TenantSettings = serde_json::from_str(&self.settings).map_err(Error::internal)?;
        let state =
            TenantState::parse(&self.state).ok_or_else(|| Error::internal("unknown state of a tenant"))?;
        // A key that is too short must not become one that can be guessed.
        let cursor_key = <[u8; 32]>::try_from(self.cursor_key.as_slice()).map_err(Error::internal)?;
        Ok(Tenant {
            id: TenantId(self.id.0),
            slug: self.slug,
            name: self.name,
            state,
            settings,
            cursor_key: CursorKey::new(cursor_key),
            catalog: Catalog::standard(),
        })
    }
}

/// A resource as it is read.
#[derive(Queryable, Selectable)]
#[diesel(table_name = resources)]
pub(crate) struct ResourceRow {
    pub(crate) id: Id,
    pub(crate) document: String,
    pub(crate) version: i64,
    pub(crate) created_at: At,
    pub(crate) modified_at: At,
}

impl ResourceRow {
    /// The resource with its document as text; whether it is in a group is not known.
    pub(crate) fn stored(self) -> Stored {
        Stored {
            id: ResourceId(self.id.0),
            text: self.document,
            meta: Meta {
                created: self.created_at.0,
                modified: self.modified_at.0,
                version: Version(self.version),
            },
            is_alone: false,
        }
    }

    pub(crate) fn meaning(self) -> Result<Resource> {
        self.stored().resource()
    }
}

/// A resource as it is born.
#[derive(Insertable)]
#[diesel(table_name = resources, treat_none_as_default_value = false)]
pub(crate) struct NewResourceRow<'a> {
    pub(crate) tenant_id: Id,
    pub(crate) id: Id,
    pub(crate) resource_type: &'a str,
    pub(crate) name_key: String,
    pub(crate) name: &'a str,
    pub(crate) display: Option<&'a str>,
    pub(crate) external_id: Option<&'a str>,
    pub(crate) document: &'a str,
    pub(crate) version: i64,
    pub(crate) created_at: At,
    pub(crate) modified_at: At,
}

/// The columns of a resource that change.
#[derive(AsChangeset)]
#[diesel(table_name = resources, treat_none_as_null = true)]
pub(crate) struct ResourceChange<'a> {
    pub(crate) display: Option<&'a str>,
    pub(crate) document: &'a str,
    pub(crate) version: i64,
    pub(crate) modified_at: At,
}

/// What a resource is found by, and whether it is.
#[derive(AsChangeset, PartialEq, Eq)]
#[diesel(table_name = resources, treat_none_as_null = true)]
pub(crate) struct ResourceNames<'a> {
    pub(crate) name_key: String,
    pub(crate) name: &'a str,
    pub(crate) external_id: Option<&'a str>,
    pub(crate) deleted_at: Option<At>,
}

/// A row of the index; how several are written at once differs between the databases.
pub(crate) struct ValueRow<'a> {
    pub(crate) tenant_id: Id,
    pub(crate) resource_id: Id,
    pub(crate) path: &'a str,
    pub(crate) ordinal: i32,
    pub(crate) resource_type: &'a str,
    pub(crate) key: Cow<'a, str>,
    pub(crate) full_key: Option<&'a str>,
}

#[derive(Insertable)]
#[diesel(table_name = attribute_counts, treat_none_as_default_value = false)]
pub(crate) struct AttributeCountRow<'a> {
    pub(crate) tenant_id: Id,
    pub(crate) resource_type: &'a str,
    pub(crate) path: &'a str,
    pub(crate) holders: i64,
}

#[derive(Insertable)]
#[diesel(table_name = memberships, treat_none_as_default_value = false)]
pub(crate) struct MembershipRow {
    pub(crate) tenant_id: Id,
    pub(crate) group_id: Id,
    pub(crate) list: &'static str,
    pub(crate) user_id: Id,
}

#[derive(Insertable)]
#[diesel(table_name = profile_keys, treat_none_as_default_value = false)]
pub(crate) struct ProfileKeyRow<'a> {
    pub(crate) tenant_id: Id,
    pub(crate) name_key: String,
    pub(crate) name: &'a str,
    pub(crate) kind: &'static str,
}

#[derive(Insertable)]
#[diesel(table_name = unique_values, treat_none_as_default_value = false)]
pub(crate) struct UniqueRow<'a> {
    pub(crate) tenant_id: Id,
    pub(crate) resource_type: &'a str,
    pub(crate) path: &'a str,
    pub(crate) key: String,
    pub(crate) resource_id: Id,
}

#[derive(Queryable, Selectable, Insertable)]
#[diesel(table_name = audit_log, treat_none_as_default_value = false)]
pub(crate) struct AuditRow {
    pub(crate) tenant_id: Id,
    pub(crate) at: At,
    pub(crate) id: Id,
    pub(crate) actor_id: Option<Id>,
    pub(crate) action: String,
    pub(crate) resource_type: String,
    pub(crate) resource_id: Id,
    pub(crate) old_version: Option<i64>,
    pub(crate) new_version: i64,
    pub(crate) attributes: String,
    pub(crate) request_id: String,
    pub(crate) address: String,
    pub(crate) detail: Option<String>,
    pub(crate) warning: Option<String>,
    pub(crate) seq: Option<i64>,
    pub(crate) hash: Option<Vec<u8>>,
    pub(crate) actor_kind: Option<String>,
}

impl AuditRow {
    /// The row at the end of the chain.
    pub(crate) fn new(tenant: TenantId, head: &Head, entry: &Entry) -> Self {
        let entry = entry.clone();
        Self {
            tenant_id: Id(tenant.0),
            at: At(entry.at),
            id: Id(entry.id),
            actor_id: entry.origin.actor.id().map(Id),
            action: entry.action,
            resource_type: entry.resource_type,
            resource_id: Id(entry.resource_id),
            old_version: entry.old_version,
            new_version: entry.new_version,
            attributes: entry.attributes,
            request_id: entry.origin.request.to_string(),
            address: entry.origin.address,
            detail: entry.detail,
            warning: entry.warning,
            seq: Some(head.seq),
            hash: Some(head.hash.clone()),
            actor_kind: Some(entry.origin.actor.kind().into()),
        }
    }

    /// A row that has a place; one whose hash was taken away is not what was written, and neither is one whose actor is
    /// no actor.
    pub(crate) fn meaning(self) -> Row {
        let id = self.actor_id.map(|id| id.0);
        let actor = match (self.actor_kind.as_deref(), id) {
            (Some(kind), id) => Actor::of(kind, id).unwrap_or(Actor::Nobody),
            (None, Some(id)) => Actor::Token(TokenId(id)),
            (None, None) => Actor::Operator,
        };
        let entry = Entry {
            id: self.id.0,
            at: self.at.0,
            origin: Origin { actor, request: self.request_id.into(), address: self.address },
            action: self.action,
            resource_type: self.resource_type,
            resource_id: self.resource_id.0,
            old_version: self.old_version,
            new_version: self.new_version,
            attributes: self.attributes,
            detail: self.detail,
            warning: self.warning,
        };
        Row { seq: self.seq.unwrap_or_default(), hash: self.hash.unwrap_or_default(), entry }
    }
}

#[derive(Insertable)]
#[diesel(table_name = changes)]
pub(crate) struct ChangeRow<'a> {
    pub(crate) tenant_id: Id,
    pub(crate) seq: i64,
    pub(crate) at: At,
    pub(crate) action: &'static str,
    pub(crate) resource_type: &'a str,
    pub(crate) resource_id: Id,
    pub(crate) version: i64,
}

#[derive(Insertable)]
#[diesel(table_name = mass_changes)]
pub(crate) struct MassChangeRow {
    pub(crate) tenant_id: Id,
    pub(crate) token_id: Id,
    pub(crate) kind: &'static str,
    pub(crate) user_id: Id,
    pub(crate) at: At,
}

#[derive(Queryable, Selectable, Insertable)]
#[diesel(table_name = requests, treat_none_as_default_value = false)]
pub(crate) struct RequestRow {
    pub(crate) tenant_id: Id,
    pub(crate) id: Id,
    pub(crate) at: At,
    pub(crate) request_id: String,
    pub(crate) token_id: Option<Id>,
    pub(crate) method: String,
    pub(crate) path: String,
    pub(crate) status: i32,
    pub(crate) scim_type: Option<String>,
    pub(crate) reason: Option<String>,
    pub(crate) resource_type: Option<String>,
    pub(crate) resource_id: Option<Id>,
    pub(crate) duration_ms: i64,
    pub(crate) address: String,
    pub(crate) user_agent: Option<String>,
    pub(crate) body: Option<String>,
}

impl RequestRow {
    pub(crate) fn new(tenant: TenantId, request: &Request) -> Self {
        let request = request.clone();
        Self {
            tenant_id: Id(tenant.0),
            id: Id(request.id),
            at: At(request.at),
            request_id: request.request,
            token_id: request.token.map(|id| Id(id.0)),
            method: request.method,
            path: request.path,
            status: request.status.into(),
            scim_type: request.scim_type,
            reason: request.reason,
            resource_type: request.resource_type,
            resource_id: request.resource_id.map(|id| Id(id.0)),
            duration_ms: request.duration_ms,
            address: request.address,
            user_agent: request.user_agent,
            body: request.body,
        }
    }

    pub(crate) fn meaning(self) -> Request {
        Request {
            id: self.id.0,
            at: self.at.0,
            request: self.request_id,
            token: self.token_id.map(|id| TokenId(id.0)),
            method: self.method,
            path: self.path,
            status: u16::try_from(self.status).unwrap_or_default(),
            scim_type: self.scim_type,
            reason: self.reason,
            resource_type: self.resource_type,
            resource_id: self.resource_id.map(|id| ResourceId(id.0)),
            duration_ms: self.duration_ms,
            address: self.address,
            user_agent: self.user_agent,
            body: self.body,
        }
    }
}
