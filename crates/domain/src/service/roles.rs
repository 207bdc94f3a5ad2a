//! `/Roles`: the six roles as resources, and who has them. A role has no document: its members are the users whose
//! effective role it is, so a change of its members is a change of users, through the same checks.

use std::sync::{Arc, LazyLock};

use serde_json::{Map, Value, json};

use super::list::{check_cursor_query, each};
use super::write::store_change;
use super::{Body, Call, Query, as_ref, groups};
use crate::contract::Shape;
use crate::document::Document;
use crate::filter::{Filter, Op};
use crate::group::{self, Entry, List, Step};
use crate::id::ResourceId;
use crate::key::Key;
use crate::limits;
use crate::list::{ListQuery, Start};
use crate::path::Target;
use crate::principal::{Access, Area};
use crate::project::Projection;
use crate::resource::Resource;
use crate::resource_type::{FlatMember, Kind, ResourceType, USER};
use crate::role::Role;
use crate::schema::{qa_user, role};
use crate::store::{self, TenantTx};
use crate::stored::Stored;
use crate::user::{self, Settled};
use crate::{Error, Result};

/// The segment of the path.
pub(super) const ENDPOINT: &str = "Roles";

/// `/Roles`, as paths and projections see it. It is no resource type that is announced: roles are not created.
static ROLE: LazyLock<Arc<ResourceType>> = LazyLock::new(|| {
    Arc::new(ResourceType {
        name: "Role".into(),
        endpoint: ENDPOINT.into(),
        description: "Role".into(),
        schema: role::SCHEMA.clone(),
        extensions: Vec::new(),
        name_attribute: Some("displayName"),
        aliases: &[],
        other_urns: &[],
        area: Area::Roles,
        kind: Kind::Group(FlatMember::Id),
        revision: 0,
    })
});

/// Users that are moved or read at a time.
const BATCH: usize = 500;

/// `GET /Roles`: a ListResponse of the roles by rank, paged by `startIndex` and `count`.
pub fn list(call: &Call<'_>, query: &Query) -> Result<Value> {
    call.principal.require(Area::Roles, Access::Read)?;
    if query.filter.is_some() {
        return Err(Error::InvalidFilter("roles are not filtered: there are six".into()));
    }
    let projection = query.projection(call, &ROLE)?;
    check_cursor(query)?;
    let counts = store::read(call.store, call.principal.tenant.id, |tx| tx.role_counts())?;
    let (offset, count) = query.window(call.contract);
    let page: Vec<Value> = counts
        .into_iter()
        .skip(offset)
        .take(count)
        .map(|(role, members)| Value::Object(shown(call, role, members, &projection)))
        .collect();
    let echo = page.is_empty() && call.contract.empty_page_echoes_count;
    let mut list = json!({
        "schemas": ["urn:ietf:params:scim:api:messages:2.0:ListResponse"],
        "totalResults": Role::ALL.len(),
        "startIndex": offset + 1,
        "itemsPerPage": if echo { count } else { page.len() },
        "Resources": page,
    });
    if let (Some(_), Some(list)) = (&query.cursor, list.as_object_mut()) {
        list.shift_remove("startIndex");
    }
    Ok(list)
}

/// All roles fit one page, so no cursor leads to a second one.
fn check_cursor(query: &Query) -> Result<()> {
    match query.cursor.as_deref() {
        None => Ok(()),
        Some("") => {
            let all = i64::try_from(Role::ALL.len()).unwrap_or(i64::MAX);
            check_cursor_query(query, query.count.is_some_and(|count| count < all))
        }
        Some(_) => Err(Error::InvalidCursor("the roles are one page, which has no nextCursor".into())),
    }
}

/// `GET /Roles/{id}`: the role with a page of its members.
pub fn get(call: &Call<'_>, id: &str, query: &Query) -> Result<Value> {
    call.principal.require(Area::Roles, Access::Read)?;
    let role = Role::parse(id).ok_or_else(Error::no_resource)?;
    let projection = query.projection(call, &ROLE)?;
    store::read(call.store, call.principal.tenant.id, |tx| with_members(call, tx, role, query, &projection))
}

/// `PATCH /Roles/{id}`: moves users to the role (`add`), to the default role (`remove`), or makes the list exact.
pub fn patch(call: &Call<'_>, id: &str, body: &Body, query: &Query) -> Result<Value> {
    call.principal.require(Area::Roles, Access::Write)?;
    let role = Role::parse(id).ok_or_else(Error::no_resource)?;
    let projection = query.projection(call, &ROLE)?;
    let steps = steps(call, role, as_ref(body)?)?;
    store::write(call.store, call.principal.tenant.id, |tx| {
        let mut room = limits::ROLE_MOVES;
        for step in &steps {
            apply(call, tx, role, step, &mut room)?;
        }
        with_members(call, tx, role, query, &projection)
    })
}

/// How many members the body of a PATCH names.
pub(super) fn named(call: &Call<'_>, body: &Value) -> usize {
    group::named(&ROLE, call.contract, true, body)
}

/// Where a role is, under the base path that was asked.
pub(super) fn location(base: &str, id: &str) -> String {
    format!("{base}/{ENDPOINT}/{id}")
}

/// The steps of a PATCH; anything but members is fixed.
fn steps(call: &Call<'_>, role: Role, body: &Value) -> Result<Vec<Step>> {
    let mut before = Document::default();
    before.set("displayName", Some(role.display().into()));
    let edit = group::patch(&ROLE, call.contract, &before, body)?;
    if edit.document != before || names_something_else(role, body) {
        return Err(Error::Mutability("only the members of a role can be changed".into()));
    }
    Ok(edit.steps)
}

/// Whether an operation without path carries more than members and what the client was shown.
fn names_something_else(role: Role, body: &Value) -> bool {
    const KNOWN: [&str; 5] = ["members", "id", "schemas", "meta", "membercount"];
    let field = |object: &Value, name: &str| -> Option<Value> {
        let fields = object.as_object()?;
        fields.iter().find(|(key, _)| key.eq_ignore_ascii_case(name)).map(|(_, value)| value.clone())
    };
    let operations = field(body, "operations");
    operations.iter().filter_map(Value::as_array).flatten().any(|operation| {
        let value = field(operation, "value").filter(|_| field(operation, "path").is_none());
        value.as_ref().and_then(Value::as_object).is_some_and(|object| {
            object.iter().any(|(key, value)| {
                let key = key.to_ascii_lowercase();
                let is_same = key.ends_with("displayname") && value == role.display();
                !is_same && !KNOWN.iter().any(|known| key.ends_with(known))
            })
        })
    })
}

/// `room` is how many users the request may still move.
fn apply(call: &Call<'_>, tx: &mut dyn TenantTx, role: Role, step: &Step, room: &mut usize) -> Result<()> {
    let default = call.principal.tenant.settings.default_role();
    match step {
        Step::Add(list, references) => {
            let users = groups::known(tx, *list, references)?;
            give(call, tx, &users, room, |_| Some(role))
        }
        Step::Remove(_, references) => {
            let users: Vec<ResourceId> = tx.resolve_users(references)?.into_iter().flatten().collect();
            give(call, tx, &users, room, |now| (now == role).then_some(default))
        }
        Step::RemoveWhere(list, filter) => {
            let mut users = members(tx, role)?;
            users.retain(|entry| entry.satisfies(filter, *list, call.base));
            let users: Vec<ResourceId> = users.iter().map(|entry| entry.user).collect();
            give(call, tx, &users, room, |now| (now == role).then_some(default))
        }
        Step::Replace(list, references) => {
            let users = groups::known(tx, *list, references)?;
            // Who comes is there before anybody goes: the last admin may be replaced.
            give(call, tx, &users, room, |_| Some(role))?;
            let mut others: Vec<ResourceId> = members(tx, role)?.iter().map(|entry| entry.user).collect();
            others.retain(|user| !users.contains(user));
            give(call, tx, &others, room, |now| (now == role).then_some(default))
        }
    }
}

/// Gives each user the role that `choose` makes of the present one. In the order of ids, so that two requests wait
/// for each other in one direction only.
fn give(
    call: &Call<'_>,
    tx: &mut dyn TenantTx,
    users: &[ResourceId],
    room: &mut usize,
    choose: impl Fn(Role) -> Option<Role>,
) -> Result<()> {
    *room = room.checked_sub(users.len()).ok_or_else(|| {
        let most = limits::ROLE_MOVES;
        Error::TooLarge(format!("one request moves at most {most} users from or to a role"))
    })?;
    let default = call.principal.tenant.settings.default_role();
    let mut users = users.to_vec();
    users.sort_unstable();
    let resource_type = call.catalog().user();
    for user in users {
        let Some(before) = tx.find_for_update(resource_type, user)? else { continue };
        let now = user::effective_role(&before.document).unwrap_or(default);
        let Some(new) = choose(now).filter(|new| *new != now) else { continue };
        call.principal.require_grant(new)?;
        let mut document = before.document.clone();
        user::give_role(&mut document, Some(new), default);
        let demotes_admin = user::is_active_admin(&before.document) && new != Role::Admin;
        store_change(
            call,
            resource_type,
            tx,
            before,
            Settled { document, demotes_admin },
            &Default::default(),
        )?;
    }
    Ok(())
}

/// Everybody with the role.
fn members(tx: &mut dyn TenantTx, role: Role) -> Result<Vec<Entry>> {
    let mut members = Vec::new();
    each(tx, &USER, Some(&holders(role)?), BATCH, |_, users| {
        members.extend(users.iter().map(entry));
        if members.len() > limits::MEMBERS {
            return Err(Error::TooLarge("too many users have the role to replace or filter them".into()));
        }
        Ok(())
    })?;
    Ok(members)
}

fn entry(user: &Resource) -> Entry {
    let display = user.display().map(str::to_owned);
    Entry { user: user.id, user_name: user.name(&USER).to_owned(), display }
}

/// What the users with a role have in common.
fn holders(role: Role) -> Result<Filter> {
    let target = Target::resolve(&USER, &format!("{}:{}", qa_user::URN, qa_user::ROLE));
    let target = target.ok_or_else(|| Error::internal("the schema has no role"))?;
    Ok(Filter::Compare { target, op: Op::Eq, key: Key::text(role.name(), true) })
}

fn with_members(
    call: &Call<'_>,
    tx: &mut dyn TenantTx,
    role: Role,
    query: &Query,
    projection: &Projection,
) -> Result<Value> {
    let (offset, count) = query.window(call.contract);
    let wanted = ListQuery { filter: Some(holders(role)?), sort: None, start: Start::Index(offset), count };
    let page = tx.list(&USER, &wanted)?;
    let mut body = shown(call, role, page.total, projection);
    if projection.wants(&ROLE, List::Members.name()) {
        let member = |user: &Stored| {
            Ok(match call.contract.shape {
                Shape::Flat => user.id.to_string().into(),
                Shape::Objects => entry(&user.resource()?).as_object(call.base),
            })
        };
        let members: Vec<Value> = page.resources.iter().map(member).collect::<Result<_>>()?;
        let meta = body.shift_remove("meta");
        body.insert(List::Members.name().into(), members.into());
        body.extend(meta.map(|meta| ("meta".to_owned(), meta)));
    }
    Ok(Value::Object(body))
}

/// A role without its members.
fn shown(call: &Call<'_>, role: Role, members: usize, projection: &Projection) -> Map<String, Value> {
    let mut body = Map::new();
    body.insert("schemas".into(), json!([role::URN]));
    body.insert("id".into(), role.name().into());
    if projection.wants(&ROLE, "displayName") {
        body.insert("displayName".into(), role.display().into());
    }
    if projection.wants(&ROLE, role::MEMBER_COUNT) {
        body.insert(role::MEMBER_COUNT.into(), members.into());
    }
    if projection.wants(&ROLE, "meta") {
        let location = location(call.base, role.name());
        body.insert("meta".into(), json!({"resourceType": ROLE.name, "location": location}));
    }
    body
}
