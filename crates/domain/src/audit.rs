//! The audit log: what a row says, and the chain that ties each row of a tenant to the one before it.
//!
//! Whoever edits, removes or swaps rows breaks the chain at that place, and whoever cuts off its end is betrayed by the
//! head, which is kept apart from the rows.

pub mod render;
#[cfg(test)]
mod tests;

use chrono::{DateTime, Utc};
use sha2::{Digest, Sha256};
use uuid::Uuid;

use crate::admin::Account;
use crate::guard::Departure;
use crate::id::{AdminId, ResourceId, TenantId, TokenId};
use crate::meta::time_text;
use crate::role::Role;
use crate::store::{Actor, Change, Origin, SchemaChange};
use crate::tenant::{TenantSettings, TenantState};
use crate::token::{Token, warning_text};

/// The version of the encoding that is hashed; the first byte of every hash, so that another one can follow. This one
/// knows operators and tokens only.
const VERSION: u8 = 1;
/// The version for all other actors.
const VERSION_OF_ACTORS: u8 = 2;
/// What the row says that stands for those that were removed.
const AUDIT_TRIMMED: &str = "audit_log_trimmed";

/// What one row of the audit log says.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Entry {
    /// Its own id.
    pub id: Uuid,
    /// When.
    pub at: DateTime<Utc>,
    /// Who asked for it.
    pub origin: Origin,
    /// What happened.
    pub action: String,
    /// The type of what it happened to.
    pub resource_type: String,
    /// The id of that.
    pub resource_id: Uuid,
    /// Its version before; none at birth, and of what has no versions.
    pub old_version: Option<i64>,
    /// Its version after; 0 for what has no versions.
    pub new_version: i64,
    /// Names of what changed, separated by blanks.
    pub attributes: String,
    /// More about it.
    pub detail: Option<String>,
    /// Something an admin should look at.
    pub warning: Option<String>,
}

impl Entry {
    fn new(at: DateTime<Utc>, origin: &Origin, action: &str, resource_type: &str, resource_id: Uuid) -> Self {
        Self {
            id: Uuid::now_v7(),
            at,
            origin: origin.clone(),
            action: action.into(),
            resource_type: resource_type.into(),
            resource_id,
            old_version: None,
            new_version: 0,
            attributes: String::new(),
            detail: None,
            warning: None,
        }
    }

    /// A resource has changed.
    pub fn changed(resource_type: &str, change: &Change, origin: &Origin) -> Self {
        Self {
            old_version: change.old_version.map(|version| version.0),
            new_version: change.new_version.0,
            attributes: change.attributes.join(" "),
            detail: change.detail.clone(),
            warning: change.warning.map(Into::into),
            ..Self::new(change.at, origin, change.action.name(), resource_type, change.id.0)
        }
    }

    /// The tenant has other definitions. They are one thing, and its id is theirs.
    pub fn schemas_applied(tenant: TenantId, change: &SchemaChange, origin: &Origin) -> Self {
        Self {
            old_version: Some(change.old_revision),
            new_version: change.new_revision,
            attributes: change.ids.join(" "),
            detail: Some(change.detail.clone()),
            ..Self::new(change.at, origin, "schema_applied", "Schema", tenant.0)
        }
    }

    /// A token was made; what it may do stands in the detail, so that it is known when the token is gone.
    pub fn token_created(token: &Token, origin: &Origin) -> Self {
        let scopes: Vec<&str> = token.scopes.iter().map(|scope| scope.name()).collect();
        let expires = token.expires.map_or_else(|| "never".into(), time_text);
        let ceiling = token.role_ceiling.map_or("none", Role::name);
        let detail = format!("scopes {} ceiling {ceiling} expires {expires}", scopes.join(","));
        Self {
            detail: Some(detail),
            ..Self::new(token.created, origin, "token_created", "Token", token.id.0)
        }
    }

    /// A token has another name.
    pub fn token_renamed(token: &Token, before: &str, at: DateTime<Utc>, origin: &Origin) -> Self {
        Self {
            attributes: "name".into(),
            detail: Some(format!("{before} -> {}", token.name)),
            ..Self::new(at, origin, "token_renamed", "Token", token.id.0)
        }
    }

    /// A token has another secret; how long the one before goes on and when the token ends stands in the detail.
    pub fn token_rotated(token: &Token, at: DateTime<Utc>, origin: &Origin) -> Self {
        let expires = token.expires.map_or_else(|| "never".into(), time_text);
        let previous = token.previous.as_ref().map_or_else(|| "none".into(), |one| time_text(one.expires));
        Self {
            detail: Some(format!("expires {expires} previous secret until {previous}")),
            ..Self::new(at, origin, "token_rotated", "Token", token.id.0)
        }
    }

    /// A token ends within so many days.
    pub fn token_expires_soon(token: &Token, days: i64, at: DateTime<Utc>, origin: &Origin) -> Self {
        Self {
            detail: Some(format!("expires {}", token.expires.map_or_else(|| "never".into(), time_text))),
            warning: Some(warning_text(days)),
            ..Self::new(at, origin, "token_expires_soon", "Token", token.id.0)
        }
    }

    /// A token was revoked.
    pub fn token_revoked(token: TokenId, at: DateTime<Utc>, origin: &Origin) -> Self {
        Self::new(at, origin, "token_revoked", "Token", token.0)
    }

    /// Something happened to the account of an admin. The detail says who that was, because an account may go; it holds
    /// no secret.
    pub fn admin(
        action: &str,
        account: &Account,
        detail: Option<String>,
        at: DateTime<Utc>,
        origin: &Origin,
    ) -> Self {
        Self { detail, ..Self::new(at, origin, action, "Admin", account.id.0) }
    }

    /// A refresh token of the account came a second time, and its session was ended.
    pub fn admin_session_reused(account: &Account, at: DateTime<Utc>, origin: &Origin) -> Self {
        let warning = "a refresh token was used twice: somebody else may have it";
        let entry = Self::admin("admin_session_reused", account, None, at, origin);
        Self { warning: Some(warning.into()), ..entry }
    }

    /// Somebody was not let in, to an account that there is or to none.
    pub fn sign_in_refused(
        tenant: TenantId,
        account: Option<AdminId>,
        suppressed: u64,
        at: DateTime<Utc>,
        origin: &Origin,
    ) -> Self {
        let (resource_type, id) = account.map_or(("Tenant", tenant.0), |account| ("Admin", account.0));
        Self {
            detail: (suppressed > 0).then(|| format!("{suppressed} more before")),
            ..Self::new(at, origin, "sign_in_refused", resource_type, id)
        }
    }

    /// A tenant has another name.
    pub fn tenant_renamed(
        tenant: TenantId,
        before: &str,
        after: &str,
        at: DateTime<Utc>,
        origin: &Origin,
    ) -> Self {
        Self {
            attributes: "name".into(),
            detail: Some(format!("{before} -> {after}")),
            ..Self::new(at, origin, "tenant_renamed", "Tenant", tenant.0)
        }
    }

    /// A tenant was suspended, resumed or deleted.
    pub fn tenant_state(tenant: TenantId, state: TenantState, at: DateTime<Utc>, origin: &Origin) -> Self {
        let action = match state {
            TenantState::Active => "tenant_resumed",
            TenantState::Suspended => "tenant_suspended",
            TenantState::Deleted => "tenant_deleted",
        };
        Self::new(at, origin, action, "Tenant", tenant.0)
    }

    /// The guard against mass changes holds a token from now on.
    pub fn guard_held(departure: &Departure, limit: i64) -> Self {
        Self {
            detail: Some(format!("user {}", departure.user)),
            warning: Some(departure.guard.warning(limit)),
            ..Self::new(departure.at, &departure.origin, "guard_held", "Token", departure.token.0)
        }
    }

    /// A token may take access away from users again.
    pub fn guard_released(token: TokenId, users: i64, at: DateTime<Utc>, origin: &Origin) -> Self {
        Self {
            detail: Some(format!("users {users}")),
            ..Self::new(at, origin, "guard_released", "Token", token.0)
        }
    }

    /// The log begins behind another row now, and those before it are removed.
    pub fn audit_trimmed(tenant: TenantId, base: &Head, at: DateTime<Utc>, origin: &Origin) -> Self {
        Self { detail: Some(base.text()), ..Self::new(at, origin, AUDIT_TRIMMED, "AuditLog", tenant.0) }
    }

    /// A credential that names the tenant was refused; `token` is the one it is, where it is known, and `suppressed` how
    /// many refusals went by without a row since the last one.
    pub fn authentication_refused(
        tenant: TenantId,
        token: Option<TokenId>,
        reason: &str,
        suppressed: u64,
        at: DateTime<Utc>,
        origin: &Origin,
    ) -> Self {
        let (resource_type, id) = token.map_or(("Tenant", tenant.0), |token| ("Token", token.0));
        let more = if suppressed > 0 { format!("; {suppressed} more before") } else { String::new() };
        Self {
            detail: Some(format!("{reason}{more}")),
            ..Self::new(at, origin, "authentication_refused", resource_type, id)
        }
    }

    /// A tenant has other settings; none when they are the same.
    pub fn tenant_settings(
        tenant: TenantId,
        before: &TenantSettings,
        after: &TenantSettings,
        at: DateTime<Utc>,
        origin: &Origin,
    ) -> crate::Result<Option<Self>> {
        let json = |settings| serde_json::to_value(settings).map_err(crate::Error::internal);
        let (before, after) = (json(before)?, json(after)?);
        let none = serde_json::Map::new();
        let [old, new] = [&before, &after].map(|settings| settings.as_object().unwrap_or(&none));
        let mut names: Vec<&str> = old
            .keys()
            .chain(new.keys())
            .filter(|name| old.get(*name) != new.get(*name))
            .map(String::as_str)
            .collect();
        names.sort_unstable();
        names.dedup();
        Ok((!names.is_empty()).then(|| Self {
            attributes: names.join(" "),
            detail: Some(format!("{before} -> {after}")),
            ..Self::new(at, origin, "tenant_settings_changed", "Tenant", tenant.0)
        }))
    }
}

/// A row as it is stored in the chain.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Row {
    /// Its place, from 1.
    pub seq: i64,
    /// What ties it to the row before; empty when it was taken away.
    pub hash: Vec<u8>,
    /// What it says.
    pub entry: Entry,
}

/// The end of a chain.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Head {
    /// The place of the last row; 0 before the first one.
    pub seq: i64,
    /// Its hash; empty before the first one.
    pub hash: Vec<u8>,
}

impl Head {
    /// Place and hash in one word, as people keep it.
    pub fn text(&self) -> String {
        format!("{}:{}", self.seq, render::hex(&self.hash))
    }

    /// The end of the chain when this row is appended.
    pub fn next(&self, tenant: TenantId, entry: &Entry) -> Self {
        let seq = self.seq + 1;
        let mut fields = Fields(Sha256::new_with_prefix(b"rollcall audit log"));
        let version = match entry.origin.actor {
            Actor::Operator | Actor::Token(_) => VERSION,
            Actor::Platform(_) | Actor::Admin(_) | Actor::Nobody => VERSION_OF_ACTORS,
        };
        fields.add(&[version]);
        fields.add(&self.hash);
        fields.add(tenant.0.as_bytes());
        fields.add(&seq.to_be_bytes());
        fields.add(entry.id.as_bytes());
        // What both databases keep of a time.
        fields.add(&entry.at.timestamp_micros().to_be_bytes());
        if version != VERSION {
            fields.add(entry.origin.actor.kind().as_bytes());
        }
        fields.add_some(entry.origin.actor.id().as_ref().map(|id| id.as_bytes().as_slice()));
        fields.add(entry.origin.request.as_bytes());
        fields.add(entry.origin.address.as_bytes());
        fields.add(entry.action.as_bytes());
        fields.add(entry.resource_type.as_bytes());
        fields.add(entry.resource_id.as_bytes());
        fields.add_some(entry.old_version.map(i64::to_be_bytes).as_ref().map(<[u8; 8]>::as_slice));
        fields.add(&entry.new_version.to_be_bytes());
        fields.add(entry.attributes.as_bytes());
        fields.add_some(entry.detail.as_deref().map(str::as_bytes));
        fields.add_some(entry.warning.as_deref().map(str::as_bytes));
        let hash = std::iter::once(version).chain(fields.0.finalize()).collect();
        Self { seq, hash }
    }
}

/// Fields with their length before them: no two lists of fields give the same bytes.
struct Fields(Sha256);

impl Fields {
    fn add(&mut self, bytes: &[u8]) {
        self.0.update((bytes.len() as u64).to_be_bytes());
        self.0.update(bytes);
    }

    /// No value is something else than an empty one.
    fn add_some(&mut self, bytes: Option<&[u8]>) {
        self.add(&[u8::from(bytes.is_some())]);
        self.add(bytes.unwrap_or_default());
    }
}

/// What is wrong with a row.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Fault {
    /// It is not there.
    Missing,
    /// It, its place or the row before it is not what was written.
    Altered,
    /// It stands behind the head.
    BehindHead,
    /// The head names another hash for it.
    OtherHead,
    /// It is not the one that ended the chain when a head was kept.
    OtherThanKept,
    /// The log begins behind it, and no row says so.
    NoBase,
}

impl Fault {
    /// For people, behind the words "the row".
    pub fn name(self) -> &'static str {
        match self {
            Self::Missing => "is missing",
            Self::Altered => "is not what was written",
            Self::BehindHead => "stands behind the head of the chain",
            Self::OtherHead => "is not the one that the head of the chain names",
            Self::OtherThanKept => "is not the one that the kept head names",
            Self::NoBase => "is not one that the log says it begins behind",
        }
    }
}

/// The first row that is not as it was written.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Flaw {
    /// Its place.
    pub seq: i64,
    /// Its time and id, unless it is missing.
    pub row: Option<(DateTime<Utc>, Uuid)>,
    /// What is wrong.
    pub fault: Fault,
}

/// A walk along a chain.
#[derive(Debug)]
pub struct Walk {
    tenant: TenantId,
    base: Head,
    head: Head,
    kept: Option<Head>,
    reached: Head,
    last: Option<(DateTime<Utc>, Uuid)>,
    /// Whether a row says that the log begins behind the base.
    vouched: bool,
}

impl Walk {
    /// At the beginning of a chain that goes on from `base`, ends with `head` and once ended with `kept`, which somebody
    /// wrote down: a chain that was made anew leads past another hash. What was kept before the base cannot be compared.
    pub fn new(tenant: TenantId, base: Head, head: Head, kept: Option<Head>) -> Self {
        let (reached, vouched) = (base.clone(), base == Head::default());
        Self { tenant, base, head, kept, reached, last: None, vouched }
    }

    /// The place of the last row that was found good.
    pub fn reached(&self) -> i64 {
        self.reached.seq
    }

    /// The next row in the order of places.
    ///
    /// # Errors
    /// What is wrong with it, or with the one that should stand here; the walk ends then.
    pub fn step(&mut self, row: &Row) -> Result<(), Flaw> {
        let named = Some((row.entry.at, row.entry.id));
        let flaw = |seq, row, fault| Err(Flaw { seq, row, fault });
        let expected = self.reached.seq + 1;
        if expected > self.head.seq {
            return flaw(row.seq, named, Fault::BehindHead);
        }
        if row.seq > expected {
            return flaw(expected, None, Fault::Missing);
        }
        let next = self.reached.next(self.tenant, &row.entry);
        if row.seq < expected || next.hash != row.hash {
            return flaw(row.seq, named, Fault::Altered);
        }
        if self.kept.as_ref().is_some_and(|kept| kept.seq == next.seq && kept.hash != next.hash) {
            return flaw(row.seq, named, Fault::OtherThanKept);
        }
        let entry = &row.entry;
        self.vouched |= entry.action == AUDIT_TRIMMED && entry.detail.as_ref() == Some(&self.base.text());
        (self.reached, self.last) = (next, named);
        Ok(())
    }

    /// After the last row.
    ///
    /// # Errors
    /// The row that should still come, by the head or by the one that was kept, or the last one when the head names another.
    pub fn finish(&self) -> Result<(), Flaw> {
        let kept = self.kept.as_ref().map_or(0, |kept| kept.seq);
        if self.reached.seq < self.head.seq.max(kept) {
            return Err(Flaw { seq: self.reached.seq + 1, row: None, fault: Fault::Missing });
        }
        if self.reached != self.head {
            return Err(Flaw { seq: self.reached.seq, row: self.last, fault: Fault::OtherHead });
        }
        if !self.vouched {
            return Err(Flaw { seq: self.base.seq, row: None, fault: Fault::NoBase });
        }
        if self.kept.as_ref().is_some_and(|kept| kept.seq == self.base.seq && *kept != self.base) {
            return Err(Flaw { seq: self.base.seq, row: None, fault: Fault::OtherThanKept });
        }
        Ok(())
    }
}

/// Which rows are asked for; what is none is not asked.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Wanted {
    /// What happened to this.
    pub resource: Option<ResourceId>,
    /// What happened to this, and changes of groups that name it.
    pub about: Option<ResourceId>,
    /// What was done with this credential or account.
    pub actor: Option<Uuid>,
    /// What happened.
    pub action: Option<String>,
    /// Not earlier.
    pub since: Option<DateTime<Utc>>,
    /// Earlier.
    pub until: Option<DateTime<Utc>>,
}

/// Where reading begins, and in which direction it goes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Place {
    /// Behind this place, in the order of the chain.
    After(i64),
    /// Before this place, or at the end of the chain; the youngest first.
    Before(Option<i64>),
}
