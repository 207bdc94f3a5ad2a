//! `rollcall guard …`

use domain::meta::time_text;
use domain::service::guard;

use super::{open, operator, tenant_named};
use crate::cli::{self, Outcome};
use crate::guard::{described, released, token};
use crate::settings::Settings;
use crate::{clock, out};

pub(crate) fn run(settings: &Settings, command: cli::Guard) -> Outcome {
    let store = open(settings)?;
    let (origin, now) = (operator("guard"), clock::now());
    match command {
        cli::Guard::Show { tenant, json } => {
            let tenant = tenant_named(&*store, &tenant)?;
            let (guard, tallies) = guard::show(&*store, &tenant, now)?;
            if json {
                out::line(described(&guard, &tallies))?;
                return Ok(());
            }
            for tally in tallies {
                let held = tally
                    .held
                    .map_or_else(|| "free".into(), |since| format!("held since {}", time_text(since)));
                out::line(format_args!("{}\t{}\t{}\t{held}", tally.token, tally.users, tally.limit))?;
            }
        }
        cli::Guard::Release { tenant, token: id, json } => {
            let tenant = tenant_named(&*store, &tenant)?;
            let id = id.as_deref().map(token).transpose()?;
            let tokens = guard::release(&*store, &tenant, id, &origin, now)?;
            if json {
                out::line(released(&tokens))?;
                return Ok(());
            }
            for token in tokens {
                out::line(token)?;
            }
        }
    }
    Ok(())
}
