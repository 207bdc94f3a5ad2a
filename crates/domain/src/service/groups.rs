//! What only groups need of the use cases: steps on their lists, and their text.

use std::collections::HashMap;
use std::fmt::Write;

use super::Call;
use super::sink::Sink;
use super::write::store_change;
use crate::error::excerpt;
use crate::group::{Entry, List, Step};
use crate::id::ResourceId;
use crate::project::group::{Frame, Members, frame};
use crate::project::{Projection, Source};
use crate::resource::Resource;
use crate::resource_type::{Kind, ResourceType};
use crate::store::TenantTx;
use crate::user::Settled;
use crate::{Error, Result, limits};

/// Members that are read and written at a time.
const BATCH: usize = 2_000;
const BATCH_SIZE: i64 = 2_000;
/// Bytes of text that are handed on at a time.
const PIECE: usize = 64 << 10;
/// Users that an audit row names.
const NAMED: usize = 100;

/// What steps have changed in the lists of a group.
#[derive(Debug, Default)]
pub(super) struct ListChange {
    changes: Vec<(List, char, Vec<ResourceId>)>,
}

impl ListChange {
    pub(super) fn is_empty(&self) -> bool {
        self.changes.is_empty()
    }

    /// The names of the lists that changed.
    pub(super) fn names(&self) -> impl Iterator<Item = String> {
        let changed = |list: &List| self.changes.iter().any(|(changed, ..)| changed == list);
        List::ALL.into_iter().filter(changed).map(|list| list.name().to_owned())
    }

    /// Who came and who went, for the audit log: `members +ID -ID`, the first hundred of them.
    pub(super) fn detail(&self) -> Option<String> {
        let mut text = String::new();
        let mut named = 0;
        let mut last = None;
        for (list, sign, users) in &self.changes {
            if last != Some(list) {
                text.push_str(if text.is_empty() { "" } else { " " });
                text.push_str(list.name());
                last = Some(list);
            }
            for user in users.iter().take(NAMED.saturating_sub(named)) {
                // Writing to a string cannot fail.
                let _ = write!(text, " {sign}{user}");
            }
            let left = users.len().saturating_sub(NAMED.saturating_sub(named));
            if left > 0 {
                let _ = write!(text, " {sign}{left} more");
            }
            named += users.len();
        }
        (!text.is_empty()).then_some(text)
    }

    fn push(&mut self, list: List, sign: char, users: Vec<ResourceId>) {
        if !users.is_empty() {
            self.changes.push((list, sign, users));
        }
    }
}

/// Does the steps in order, in bulk, without reading a list.
pub(super) fn apply(
    call: &Call<'_>,
    tx: &mut dyn TenantTx,
    group: ResourceId,
    steps: &[Step],
) -> Result<ListChange> {
    let mut change = ListChange::default();
    for step in steps {
        match step {
            Step::Add(list, references) => {
                let users = known(tx, *list, references)?;
                change.push(*list, '+', tx.add_to_list(group, *list, &users)?);
            }
            Step::Remove(list, references) => {
                let users: Vec<ResourceId> = tx.resolve_users(references)?.into_iter().flatten().collect();
                change.push(*list, '-', tx.remove_from_list(group, *list, &users)?);
            }
            Step::RemoveWhere(list, filter) => {
                // A filter that is more than a comparison of ids is the one thing for which a list is read.
                let mut users = Vec::new();
                each_entry(tx, group, *list, &mut |entry| {
                    users.extend(entry.satisfies(filter, *list, call.base).then_some(entry.user));
                    Ok(())
                })?;
                change.push(*list, '-', tx.remove_from_list(group, *list, &users)?);
            }
            Step::Replace(list, references) => {
                let users = known(tx, *list, references)?;
                let (added, removed) = tx.replace_list(group, *list, &users)?;
                change.push(*list, '-', removed);
                change.push(*list, '+', added);
            }
        }
    }
    let grew = change.changes.iter().any(|(list, sign, _)| *list == List::Members && *sign == '+');
    if grew && member_count(tx, group)? > limits::GROUP_MEMBERS {
        let most = limits::GROUP_MEMBERS;
        return Err(Error::Forbidden(format!("a group has at most {most} members")));
    }
    Ok(change)
}

/// How many members a group has.
pub(super) fn member_count(tx: &mut dyn TenantTx, group: ResourceId) -> Result<i64> {
    Ok(tx.member_counts(&[group])?.first().map_or(0, |&(_, count)| count))
}

/// The users behind references that all have to be known.
pub(super) fn known(tx: &mut dyn TenantTx, list: List, references: &[String]) -> Result<Vec<ResourceId>> {
    let found = tx.resolve_users(references)?;
    let users = references.iter().zip(found).map(|(reference, found)| {
        let unknown =
            || Error::InvalidValue(format!("{} names no user: {:?}", list.name(), excerpt(reference)));
        found.ok_or_else(unknown)
    });
    let mut users: Vec<ResourceId> = users.collect::<Result<_>>()?;
    // One user may be named twice, by id and by name.
    users.sort_unstable();
    users.dedup();
    Ok(users)
}

/// Calls `visit` with each entry of a list, which is read batch by batch.
fn each_entry(
    tx: &mut dyn TenantTx,
    group: ResourceId,
    list: List,
    visit: &mut dyn FnMut(&Entry) -> Result<()>,
) -> Result<()> {
    let mut after = None;
    loop {
        let entries = tx.list_entries(group, list, after, BATCH)?;
        entries.iter().try_for_each(&mut *visit)?;
        after = entries.last().map(|entry| entry.user);
        if entries.len() < BATCH {
            return Ok(());
        }
    }
}

/// Locks the groups a user is in, in the order of ids.
pub(super) fn lock_groups_of(call: &Call<'_>, tx: &mut dyn TenantTx, user: ResourceId) -> Result<()> {
    let mut groups = tx.lists_with(user)?;
    groups.sort_unstable();
    groups.into_iter().try_for_each(|group| find_group(call, tx, group).map(|_| ()))
}

/// Takes a user who is about to be deleted out of every list; each group is a changed resource.
pub(super) fn leave(call: &Call<'_>, tx: &mut dyn TenantTx, user: ResourceId) -> Result<()> {
    let left = tx.leave_lists(user)?;
    for (group, list) in left {
        let Some((resource_type, before)) = find_group(call, tx, group)? else { continue };
        let lists = ListChange { changes: vec![(list, '-', vec![user])] };
        let settled = Settled { document: before.document.clone(), demotes_admin: false };
        store_change(call, resource_type, tx, before, settled, &lists)?;
    }
    Ok(())
}

/// A group of either kind, locked.
fn find_group<'a>(
    call: &'a Call<'_>,
    tx: &mut dyn TenantTx,
    group: ResourceId,
) -> Result<Option<(&'a ResourceType, Resource)>> {
    for resource_type in call.catalog().types() {
        if matches!(resource_type.kind, Kind::Group(_))
            && let Some(found) = tx.find_for_update(resource_type, group)?
        {
            return Ok(Some((resource_type, found)));
        }
    }
    Ok(None)
}

/// A group as the contract writes it, whole.
pub(super) fn text(
    call: &Call<'_>,
    resource_type: &ResourceType,
    tx: &mut dyn TenantTx,
    group: &Source<'_>,
    projection: &Projection,
) -> Result<String> {
    let mut text = Text(String::new());
    write(call, resource_type, tx, std::slice::from_ref(group), projection, &|_| "", &mut text)?;
    Ok(text.0)
}

/// Writes groups one after the other, each behind what `before` gives for its place. Members of small groups are
/// read together, those of a large one batch by batch: no query per group, and no list whole in memory.
pub(super) fn write(
    call: &Call<'_>,
    resource_type: &ResourceType,
    tx: &mut dyn TenantTx,
    groups: &[Source<'_>],
    projection: &Projection,
    before: &dyn Fn(usize) -> &'static str,
    sink: &mut dyn Sink,
) -> Result<()> {
    let ids: Vec<ResourceId> = groups.iter().map(Source::id).collect();
    let mut owners: HashMap<ResourceId, Vec<ResourceId>> = HashMap::new();
    // On `rfc` the owners also decide whether `schemas` names their extension.
    if !call.contract.own_attributes_at_root || projection.wants(resource_type, List::Owners.name()) {
        for (group, owner) in tx.owners_of(&ids)? {
            owners.entry(group).or_default().push(owner);
        }
    }
    let sizes: HashMap<ResourceId, i64> = if projection.wants(resource_type, List::Members.name()) {
        tx.member_counts(&ids)?.into_iter().collect()
    } else {
        HashMap::new()
    };
    let size = |group: &ResourceId| sizes.get(group).copied().unwrap_or(0);
    let members = Members::new(resource_type, call.contract, call.base, projection);
    let mut read: HashMap<ResourceId, Vec<Entry>> = HashMap::new();
    for (place, group) in groups.iter().enumerate() {
        let id = group.id();
        let owners = owners.remove(&id).unwrap_or_default();
        let Frame { head, tail, shows_members } =
            frame(resource_type, call.contract, call.base, group, &owners, projection)?;
        let mut text = format!("{}{head}", before(place));
        if shows_members && size(&id) > 0 {
            let mut first = true;
            let mut write = |entry: &Entry, text: &mut String| {
                text.push_str(if std::mem::take(&mut first) { "" } else { "," });
                members.write(text, entry);
            };
            if size(&id) > BATCH_SIZE {
                each_entry(tx, id, List::Members, &mut |entry| {
                    write(entry, &mut text);
                    if text.len() >= PIECE {
                        sink.text(&text)?;
                        text.clear();
                    }
                    Ok(())
                })?;
            } else {
                if !read.contains_key(&id) {
                    let together = small_ones(&ids[place..], size);
                    for (group, entry) in tx.members_of(&together)? {
                        read.entry(group).or_default().push(entry);
                    }
                }
                for entry in read.remove(&id).unwrap_or_default() {
                    write(&entry, &mut text);
                }
            }
        }
        text.push_str(&tail);
        sink.text(&text)?;
    }
    Ok(())
}

/// From the first group on, those whose members fit into one batch together; large ones are passed over.
fn small_ones(groups: &[ResourceId], size: impl Fn(&ResourceId) -> i64) -> Vec<ResourceId> {
    let mut room = BATCH_SIZE;
    let mut together = Vec::new();
    for group in groups.iter().filter(|group| (1..=BATCH_SIZE).contains(&size(group))) {
        room -= size(group);
        if room < 0 {
            break;
        }
        together.push(*group);
    }
    together
}

/// A reply that is gathered whole.
struct Text(String);

impl Sink for Text {
    fn begin(&mut self, _: super::sink::Head) -> Result<()> {
        Ok(())
    }

    fn text(&mut self, text: &str) -> Result<()> {
        self.0.push_str(text);
        Ok(())
    }
}
