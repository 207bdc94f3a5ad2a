//! `rollcall load`

use std::time::Instant;

use indicatif::{ProgressBar, ProgressStyle};

use super::{open, tenant_named};
use crate::cli::{self, Outcome};
use crate::settings::Settings;
use crate::{load, out};

/// Fills a tenant; the progress goes to stderr, the summary to stdout.
pub(crate) fn run(settings: &Settings, options: &cli::Load) -> Outcome {
    let store = open(settings)?;
    let tenant = tenant_named(&*store, &options.tenant)?;
    let style = ProgressStyle::with_template("{bar:40} {pos}/{len} users, {per_sec}, {eta} left")?;
    let bar = ProgressBar::new(options.users).with_style(style);
    let started = Instant::now();
    load::users(&*store, tenant, options.users, &mut |users| bar.inc(users))?;
    bar.finish_and_clear();
    let seconds = started.elapsed().as_secs_f64();
    let (users, slug) = (options.users, &options.tenant);
    out::line(format_args!("loaded {users} users into tenant {slug} in {seconds:.1} s"))?;
    Ok(())
}
