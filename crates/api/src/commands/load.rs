//! `rollcall load`

use std::time::Instant;

use indicatif::{ProgressBar, ProgressStyle};

use super::{open, tenant_named};
use crate::cli::{self, Outcome};
use crate::settings::Settings;
use crate::{load, out};

/// Fills a tenant; the progress goes to stderr, the summary to stdout.
pub(crate) fn run(settings: &Settings, options: &cli::Load) -> Outcome {
    let &cli::Load { ref tenant, users, groups, members } = options;
    let store = open(settings)?;
    let target = tenant_named(&*store, tenant)?;
    let started = Instant::now();
    let bar = bar("{bar:40} {pos}/{len} users, {per_sec}, {eta} left", users)?;
    load::users(&*store, target.clone(), users, &mut |done| bar.inc(done))?;
    bar.finish_and_clear();
    let mut loaded = format!("loaded {users} users");
    if groups > 0 {
        let bar = self::bar(
            "{bar:40} {pos}/{len} groups and members, {per_sec}, {eta} left",
            groups.saturating_mul(members + 1),
        )?;
        load::groups(&*store, target, groups, usize::try_from(members)?, &mut |done| bar.inc(done))?;
        bar.finish_and_clear();
        loaded += &format!(", {groups} groups with {members} members each");
    }
    let seconds = started.elapsed().as_secs_f64();
    out::line(format_args!("{loaded} into tenant {tenant} in {seconds:.1} s"))?;
    Ok(())
}

fn bar(template: &str, length: u64) -> Result<ProgressBar, indicatif::style::TemplateError> {
    Ok(ProgressBar::new(length).with_style(ProgressStyle::with_template(template)?))
}
