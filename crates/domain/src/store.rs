//! The port to the database. Nothing reaches a row but through a transaction that is bound to one tenant.

pub mod admins;
mod by;
pub mod log;
pub mod platform;
pub mod tokens;

use std::sync::Arc;

use chrono::{DateTime, Utc};
use uuid::Uuid;

use crate::audit::{Head, Place, Row, Wanted};
use crate::definition::{Definitions, Kind};
use crate::group::{Entry, List};
use crate::guard::{Departure, Guard, Tally};
use crate::id::{AdminId, PlatformTokenId, ResourceId, TenantId, TokenId};
use crate::index::Derived;
use crate::list::{ListQuery, Page};
use crate::meta::Version;
use crate::project::Membership;
use crate::resource::Resource;
use crate::resource_type::ResourceType;
use crate::role::Role;
use crate::stored::Stored;
use crate::tenant::Tenant;
use crate::token::Found;
use crate::{Error, Result};

pub use by::{By, LookUp};

/// What happened to a resource.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Action {
    /// It was made.
    Created,
    /// It changed.
    Updated,
    /// It was hidden; a tombstone stays.
    Deleted,
    /// A tombstone came back to life.
    Revived,
}

impl Action {
    /// The name in the database.
    pub fn name(self) -> &'static str {
        match self {
            Self::Created => "created",
            Self::Updated => "updated",
            Self::Deleted => "deleted",
            Self::Revived => "revived",
        }
    }
}

/// Who asks for a change.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Actor {
    /// Whoever may start the program.
    Operator,
    /// An API token of the tenant.
    Token(TokenId),
    /// A token of the hosting platform.
    Platform(PlatformTokenId),
    /// An account of a tenant admin.
    Admin(AdminId),
    /// Nobody who could show who they are.
    Nobody,
}

impl Actor {
    /// The kind, as the database knows it.
    pub fn kind(&self) -> &'static str {
        match self {
            Self::Operator => "operator",
            Self::Token(_) => "token",
            Self::Platform(_) => "platform",
            Self::Admin(_) => "admin",
            Self::Nobody => "nobody",
        }
    }

    /// The id of the credential or the account.
    pub fn id(&self) -> Option<Uuid> {
        match self {
            Self::Token(id) => Some(id.0),
            Self::Platform(id) => Some(id.0),
            Self::Admin(id) => Some(id.0),
            Self::Operator | Self::Nobody => None,
        }
    }

    /// Out of kind and id.
    pub fn of(kind: &str, id: Option<Uuid>) -> Option<Self> {
        match (kind, id) {
            ("operator", None) => Some(Self::Operator),
            ("nobody", None) => Some(Self::Nobody),
            ("token", Some(id)) => Some(Self::Token(TokenId(id))),
            ("platform", Some(id)) => Some(Self::Platform(PlatformTokenId(id))),
            ("admin", Some(id)) => Some(Self::Admin(AdminId(id))),
            _ => None,
        }
    }
}

/// Who asked for a change and how, for the audit log.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Origin {
    /// Who.
    pub actor: Actor,
    /// The id of the request.
    pub request: Arc<str>,
    /// The address of the peer.
    pub address: String,
}

/// One committed change, for the audit log and the change feed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Change {
    /// What happened.
    pub action: Action,
    /// To which resource.
    pub id: ResourceId,
    /// Its version before; none at birth.
    pub old_version: Option<Version>,
    /// Its version after.
    pub new_version: Version,
    /// Names of the changed attributes; values are not kept.
    pub attributes: Vec<String>,
    /// Who came to which list and who went, for the audit log.
    pub detail: Option<String>,
    /// Something an admin should look at.
    pub warning: Option<&'static str>,
    /// When.
    pub at: DateTime<Utc>,
}

/// One committed change of what a tenant defines itself, for the audit log.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SchemaChange {
    /// The number of the definitions before.
    pub old_revision: i64,
    /// The number of those that are in force now.
    pub new_revision: i64,
    /// What the change spoke of.
    pub ids: Vec<String>,
    /// What became of each.
    pub detail: String,
    /// When.
    pub at: DateTime<Utc>,
}

/// The type under which a profile key is announced.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum ProfileKind {
    /// Text.
    String,
    /// Truth value.
    Boolean,
    /// Whole number.
    Integer,
    /// Any number.
    Decimal,
}

impl ProfileKind {
    /// The type of a value.
    pub fn of(value: &serde_json::Value) -> Self {
        match value {
            serde_json::Value::Bool(_) => Self::Boolean,
            serde_json::Value::Number(number) if number.is_f64() => Self::Decimal,
            serde_json::Value::Number(_) => Self::Integer,
            _ => Self::String,
        }
    }

    /// The name in `/Schemas` and in the database.
    pub fn name(self) -> &'static str {
        match self {
            Self::String => "string",
            Self::Boolean => "boolean",
            Self::Integer => "integer",
            Self::Decimal => "decimal",
        }
    }

    /// The kind with this name.
    pub fn parse(name: &str) -> Option<Self> {
        [Self::String, Self::Boolean, Self::Integer, Self::Decimal]
            .into_iter()
            .find(|kind| kind.name() == name)
    }
}

/// A key that occurs in the profiles of a tenant's users.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct ProfileKey {
    /// As first written.
    pub name: String,
    /// Type of its first value; a whole number counts as such until the first other number comes.
    pub kind: ProfileKind,
}

/// A transaction bound to one tenant: the only way to a query.
///
/// Writes keep the index of attribute values, the unique names and the counters in step with the document; a
/// second resource of the type with the same name or external id is [`Error::Uniqueness`].
pub trait TenantTx {
    /// The living resource with this id.
    fn find(&mut self, resource_type: &ResourceType, id: ResourceId) -> Result<Option<Stored>>;

    /// The same, read and locked until the transaction ends.
    fn find_for_update(&mut self, resource_type: &ResourceType, id: ResourceId) -> Result<Option<Resource>>;

    /// The youngest tombstone with this external id, or, with none, the one with this name key and no
    /// external id; locked until the transaction ends.
    fn find_tombstone(
        &mut self,
        resource_type: &ResourceType,
        name_key: &str,
        external_id: Option<&str>,
    ) -> Result<Option<Resource>>;

    /// A page of the living resources of the type.
    fn list(&mut self, resource_type: &ResourceType, query: &ListQuery) -> Result<Page>;

    /// Further resources of a list whose total is known.
    fn more(&mut self, resource_type: &ResourceType, query: &ListQuery) -> Result<Vec<Stored>>;

    /// Of these ids the living ones of the type, with their documents; in any order.
    fn find_many(&mut self, resource_type: &ResourceType, ids: &[ResourceId]) -> Result<Vec<Resource>>;

    /// The living users behind these references, each locked so that it cannot be deleted before the transaction
    /// ends: by id, else by user name, else by external id; `None` where there is none. Locks are taken in the
    /// order of ids.
    fn resolve_users(&mut self, references: &[String]) -> Result<Vec<Option<ResourceId>>>;

    /// Adds users to a list of a group; returns those who were not in it.
    fn add_to_list(&mut self, group: ResourceId, list: List, users: &[ResourceId])
    -> Result<Vec<ResourceId>>;

    /// Removes users from a list of a group; returns those who were in it.
    fn remove_from_list(
        &mut self,
        group: ResourceId,
        list: List,
        users: &[ResourceId],
    ) -> Result<Vec<ResourceId>>;

    /// Makes a list exactly these users, as a difference; returns who was added and who was removed.
    fn replace_list(
        &mut self,
        group: ResourceId,
        list: List,
        users: &[ResourceId],
    ) -> Result<(Vec<ResourceId>, Vec<ResourceId>)>;

    /// At most `limit` entries of a list of a group in the order of user ids, those behind `after`.
    fn list_entries(
        &mut self,
        group: ResourceId,
        list: List,
        after: Option<ResourceId>,
        limit: usize,
    ) -> Result<Vec<Entry>>;

    /// How many members these groups have, where they have any; counters, not counts.
    fn member_counts(&mut self, groups: &[ResourceId]) -> Result<Vec<(ResourceId, i64)>>;

    /// The members of these groups, in the order of groups, then of users.
    fn members_of(&mut self, groups: &[ResourceId]) -> Result<Vec<(ResourceId, Entry)>>;

    /// The owners of these groups.
    fn owners_of(&mut self, groups: &[ResourceId]) -> Result<Vec<(ResourceId, ResourceId)>>;

    /// The groups that these users are members of: user, then group. [`Error::WouldWait`] when there are more than `most`.
    fn groups_of(
        &mut self,
        users: &[ResourceId],
        most: Option<usize>,
    ) -> Result<Vec<(ResourceId, Membership)>>;

    /// The groups in one of whose lists the user is.
    fn lists_with(&mut self, user: ResourceId) -> Result<Vec<ResourceId>>;

    /// Takes a user out of every list; returns the groups and lists that were left, in the order of groups.
    fn leave_lists(&mut self, user: ResourceId) -> Result<Vec<(ResourceId, List)>>;

    /// Whether a group of the tenant has an owner: then owners are announced.
    fn has_owners(&mut self) -> Result<bool>;

    /// How many living users have each effective role.
    fn role_counts(&mut self) -> Result<Vec<(Role, usize)>>;

    /// Whether an active admin other than this user is left. Whoever asks holds the lock under which their
    /// number may shrink until the transaction ends, so two cannot both be told yes of each other.
    fn another_active_admin(&mut self, except: ResourceId) -> Result<bool>;

    /// The keys of the profiles, in order of name.
    fn profile_keys(&mut self) -> Result<Vec<ProfileKey>>;

    /// Stores a new resource with what is derived from its document; returns how many living ones of the type there are
    /// now. Nobody else changes that number until the transaction ends.
    fn insert(&mut self, resource_type: &ResourceType, resource: &Resource, derived: &Derived)
    -> Result<i64>;

    /// Stores a changed resource; only what differs from `before` is written to the index.
    fn update(&mut self, resource_type: &ResourceType, before: &Resource, after: &Resource) -> Result<()>;

    /// Stores a tombstone as a living resource again; returns the same as [`TenantTx::insert`].
    fn revive(&mut self, resource_type: &ResourceType, resource: &Resource, derived: &Derived)
    -> Result<i64>;

    /// Turns a resource into a tombstone: in no list, its names free; its document is kept.
    fn bury(&mut self, resource_type: &ResourceType, resource: &Resource) -> Result<()>;

    /// What the tenant has defined itself.
    fn definitions(&mut self) -> Result<Definitions>;

    /// Takes the tenant's counter before anything else, so that no change of a resource commits until the transaction
    /// ends; returns how often the definitions have changed.
    fn lock_definitions(&mut self) -> Result<i64>;

    /// Stores a definition in its canonical form, or with `None` removes it.
    fn put_definition(&mut self, kind: Kind, id: &str, value: Option<&serde_json::Value>) -> Result<()>;

    /// Frees all unique values at these paths of the type.
    fn forget_unique(&mut self, resource_type: &ResourceType, paths: &[String]) -> Result<()>;

    /// Writes the index of a stored resource anew where its type gives other keys than before, and its unique values,
    /// which [`TenantTx::forget_unique`] has freed; returns the names of the attributes whose value another resource
    /// has too.
    fn reindex(&mut self, old: &ResourceType, new: &ResourceType, resource: &Resource)
    -> Result<Vec<String>>;

    /// Puts new definitions in force and appends the audit row.
    fn record_schemas(&mut self, change: &SchemaChange, origin: &Origin) -> Result<()>;

    /// The end of the chain of audit rows.
    fn audit_head(&mut self) -> Result<Head>;

    /// Behind which row the chain begins, once old ones were removed.
    fn audit_base(&mut self) -> Result<Head>;

    /// How many audit rows stand outside the chain.
    fn unchained_audit_rows(&mut self) -> Result<i64>;

    /// At most `count` rows of the chain from a place on.
    fn audit_rows(&mut self, wanted: &Wanted, from: Place, count: usize) -> Result<Vec<Row>>;

    /// Appends the audit row and the change row at the tenant's next position. The last statement of a
    /// change, because it takes the tenant's counter. [`Error::Unavailable`] when the tenant has changed its
    /// definitions since the type was read: the change was judged by rules that are no longer in force.
    fn record(&mut self, resource_type: &ResourceType, change: &Change, origin: &Origin) -> Result<()>;

    /// Remembers that a change takes access away from a user. It is weighed when the work of the transaction is done: one
    /// user too many is [`Guard::refusal`], and the token is held; with a guard that only warns, the audit row of the
    /// change says so.
    fn depart(&mut self, departure: Departure);

    /// The tokens that count now or are held.
    fn tallies(&mut self, guard: &Guard, now: DateTime<Utc>) -> Result<Vec<Tally>>;

    /// Lets a token begin anew, or with `None` every one that is held, with an audit row for each; returns which.
    /// [`Error::NotFound`] for a token that the tenant does not have.
    fn release(&mut self, token: Option<TokenId>, origin: &Origin, at: DateTime<Utc>)
    -> Result<Vec<TokenId>>;
}

/// A piece of work, with its answer.
pub type Task = Box<dyn FnOnce() + Send>;

/// Work inside a transaction. It may run again when the database asks for it, so it only computes and writes
/// through the transaction.
pub type Work<'a> = &'a mut dyn FnMut(&mut dyn TenantTx) -> Result<()>;

/// The database.
pub trait Store: Send + Sync {
    /// Runs `work` in a read-only transaction of the tenant.
    fn read_in(&self, tenant: TenantId, work: Work<'_>) -> Result<()>;

    /// Runs `work`, a read of a few rows, in a read-only transaction of the tenant if that takes microseconds and waits for
    /// nobody, as it does where the database is part of this process.
    ///
    /// # Errors
    /// [`Error::WouldWait`] where it is not so, or not now, beside what the work fails with.
    fn read_at_once(&self, _tenant: TenantId, _work: Work<'_>) -> Result<()> {
        Err(Error::WouldWait)
    }

    /// Ends what this thread holds open for the next [`Self::read_at_once`]. To be called soon after the last one.
    fn end_reads_at_once(&self) {}

    /// One living resource, in one statement and no transaction of its own. With `at_once` as of [`Self::read_at_once`].
    fn find_alone(
        &self,
        tenant: TenantId,
        resource_type: &ResourceType,
        by: By<'_>,
        at_once: bool,
    ) -> Result<Option<Stored>>;

    /// Whether [`Self::find_each`] costs less than as many times [`Self::find_alone`].
    fn finds_together(&self) -> bool {
        false
    }

    /// The living resources of look-ups that are all like the first ([`LookUp::is_like`]), in their order.
    fn find_each(&self, tenant: TenantId, look_ups: &[LookUp]) -> Result<Vec<Option<Stored>>>;

    /// Whether [`Self::read_at_once`] is of any use.
    fn reads_at_once(&self) -> bool {
        false
    }

    /// Runs `work` in a transaction of the tenant; committed and flushed when this returns `Ok`.
    fn write_in(&self, tenant: TenantId, work: Work<'_>) -> Result<()>;

    /// How many writes may be at work at a time, where that has nothing to do with the number of connections: they then wait
    /// for one another, and the more there are the fewer flushes they need.
    fn writers(&self) -> Option<usize> {
        None
    }

    /// Takes work that will write a little, to do it when its turn has come, on a thread for all such work: then many changes
    /// share a flush. A store that has no such thread gives it back.
    fn hand_over(&self, task: Task) -> Option<Task> {
        Some(task)
    }

    /// Whether the database answers.
    fn ping(&self) -> Result<()>;

    /// Tenants as a whole, and the credentials of the platform.
    fn platform(&self) -> &dyn platform::PlatformStore;

    /// The API tokens of tenants.
    fn tokens(&self) -> &dyn tokens::TokenStore;

    /// Accounts of tenant admins.
    fn admins(&self) -> &dyn admins::AdminStore;

    /// Records beside the requests.
    fn log(&self) -> &dyn log::LogStore;

    /// The tenant with this slug, unless deleted.
    fn tenant_named(&self, slug: &str) -> Result<Option<Tenant>>;

    /// How the database would answer a list: its own words, for operators and tests.
    fn explain(
        &self,
        tenant: TenantId,
        resource_type: &ResourceType,
        query: &ListQuery,
    ) -> Result<Vec<String>>;

    /// The tenant and the token behind the digest of a secret, the present one or the one before, whatever their state.
    fn find_token(&self, tenant: TenantId, digest: &[u8; 32]) -> Result<Option<Found>>;

    /// How often what [`Self::find_token`] finds has been changed by anybody, all tenants together; what was not there before
    /// is not counted. What was found after this number was the same goes on being true while it is. None where they are not
    /// counted.
    fn credential_changes(&self) -> Result<Option<i64>> {
        Ok(None)
    }
}

/// [`Store::read_in`] with a value.
pub fn read<T>(
    store: &dyn Store,
    tenant: TenantId,
    mut work: impl FnMut(&mut dyn TenantTx) -> Result<T>,
) -> Result<T> {
    value_of(|value| {
        store.read_in(tenant, &mut |tx| {
            *value = Some(work(tx)?);
            Ok(())
        })
    })
}

/// [`Store::read_at_once`] with a value.
pub fn read_at_once<T>(
    store: &dyn Store,
    tenant: TenantId,
    mut work: impl FnMut(&mut dyn TenantTx) -> Result<T>,
) -> Result<T> {
    value_of(|value| {
        store.read_at_once(tenant, &mut |tx| {
            *value = Some(work(tx)?);
            Ok(())
        })
    })
}

/// [`Store::write_in`] with a value.
pub fn write<T>(
    store: &dyn Store,
    tenant: TenantId,
    mut work: impl FnMut(&mut dyn TenantTx) -> Result<T>,
) -> Result<T> {
    value_of(|value| {
        store.write_in(tenant, &mut |tx| {
            *value = Some(work(tx)?);
            Ok(())
        })
    })
}

/// What the transaction has put into its place.
fn value_of<T>(transaction: impl FnOnce(&mut Option<T>) -> Result<()>) -> Result<T> {
    let mut value = None;
    transaction(&mut value)?;
    value.ok_or_else(|| Error::internal("the transaction ended without running its work"))
}
