//! What a tenant defines itself. Applying is one transaction: the counter of the tenant is taken first, so no change
//! that was judged by the former definitions is committed afterwards; what is stored is held against the new ones;
//! then they are in force for every request that begins.

use chrono::{DateTime, Utc};

use super::list::each;
use crate::catalog::Catalog;
use crate::definition::stored::{Difference, Report};
use crate::definition::{Changed, Definition, Definitions, Outcome, Placed};
use crate::id::TenantId;
use crate::index;
use crate::store::{self, Origin, SchemaChange, Store, TenantTx};
use crate::{Error, Result};

/// Resources that are read at a time.
const BATCH: usize = 200;

/// What an application has done.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Applied {
    /// The number of the definitions that are in force now.
    pub revision: i64,
    /// What became of each definition that was spoken of.
    pub changes: Vec<Changed>,
}

/// Everything the tenant has defined.
pub fn list(store: &dyn Store, tenant: TenantId) -> Result<Definitions> {
    store::read(store, tenant, |tx| tx.definitions())
}

/// Applies the definitions of a file.
///
/// # Errors
/// [`Error::InvalidValue`] with the place for a definition that is wrong, [`Error::Conflict`] for one that does not
/// fit what is stored; nothing has changed then.
pub fn apply(
    store: &dyn Store,
    tenant: TenantId,
    sent: &[Placed],
    origin: &Origin,
    now: DateTime<Utc>,
) -> Result<Applied> {
    change(store, tenant, origin, now, &|known| known.with(sent.to_vec()))
}

/// Removes one definition.
///
/// # Errors
/// [`Error::NotFound`] when there is none with this id; as [`apply`] for one that is still in use.
pub fn remove(
    store: &dyn Store,
    tenant: TenantId,
    id: &str,
    origin: &Origin,
    now: DateTime<Utc>,
) -> Result<Applied> {
    change(store, tenant, origin, now, &|known| {
        let missing = || Error::NotFound(format!("the tenant has defined no {}", crate::error::excerpt(id)));
        known.without(id).map(|(left, gone)| (left, vec![gone])).ok_or_else(missing)
    })
}

/// Makes new definitions of those that are known.
type Edit<'a> = &'a dyn Fn(&Definitions) -> Result<(Definitions, Vec<Changed>)>;

fn change(
    store: &dyn Store,
    tenant: TenantId,
    origin: &Origin,
    now: DateTime<Utc>,
    edit: Edit<'_>,
) -> Result<Applied> {
    store::write(store, tenant, |tx| {
        let revision = tx.lock_definitions()?;
        let before = tx.definitions()?;
        let (after, changes) = edit(&before)?;
        // Judged even when nothing is new: a file that was right once may be no longer.
        let catalog = after.compile(revision + 1)?;
        if changes.iter().all(|change| change.outcome == Outcome::Unchanged) {
            return Ok(Applied { revision, changes });
        }
        fit(tx, &*before.compile(revision)?, &catalog)?;
        for change in &changes {
            let written = match change.outcome {
                Outcome::Unchanged => continue,
                Outcome::Removed => None,
                Outcome::Added | Outcome::Replaced => after.get_of(change.kind, &change.id),
            };
            tx.put_definition(change.kind, &change.id, written.map(Definition::to_value).as_ref())?;
        }
        let change = SchemaChange {
            old_revision: revision,
            new_revision: revision + 1,
            ids: changes.iter().map(|change| change.id.clone()).collect(),
            detail: described(&changes),
            at: now,
        };
        tx.record_schemas(&change, origin)?;
        Ok(Applied { revision: revision + 1, changes })
    })
}

/// Holds what is stored against the new definitions and writes keys anew where their meaning has changed.
fn fit(tx: &mut dyn TenantTx, old: &Catalog, new: &Catalog) -> Result<()> {
    let mut report = Report::default();
    for was in old.types() {
        let Some(is) = new.named(&was.name) else {
            each(tx, was, None, BATCH, |_, resources| {
                resources.iter().for_each(|resource| report.add_orphan(was, resource.id));
                Ok(())
            })?;
            continue;
        };
        let Some(difference) = Difference::new(was, is).filter(Difference::is_felt) else { continue };
        let moves = difference.moves_keys();
        if moves {
            let paths: Vec<String> =
                index::unique_targets(was).iter().map(|target| target.index_path()).collect();
            tx.forget_unique(was, &paths)?;
        }
        each(tx, was, None, BATCH, |tx, resources| {
            for resource in resources {
                difference.judge(resource.id, &resource.document, &mut report);
                let taken = if moves { tx.reindex(was, is, resource)? } else { Vec::new() };
                for name in taken {
                    report.add_duplicate(is, &name, resource.id);
                }
            }
            Ok(())
        })?;
    }
    report.finish()
}

/// `added ID replaced ID`, for the audit log.
fn described(changes: &[Changed]) -> String {
    let words = changes.iter().filter(|change| change.outcome != Outcome::Unchanged);
    words.map(|change| format!("{} {}", change.outcome.name(), change.id)).collect::<Vec<_>>().join(" ")
}
