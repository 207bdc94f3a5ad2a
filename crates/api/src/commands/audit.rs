//! `rollcall audit …`

use std::io::{self, BufWriter, Write};

use domain::Error;
use domain::audit::render::{self, hex};
use domain::audit::{Flaw, Row, Wanted};
use domain::id::{ResourceId, TokenId};
use domain::meta::time_text;
use domain::service::audit::{self, Report};
use serde_json::json;

use super::{known, open, tenant_named};
use crate::cli::{self, Outcome};
use crate::settings::Settings;
use crate::{clock, out};

/// Rows that are read at a time.
const BATCH: usize = 500;

pub(crate) fn run(settings: &Settings, command: cli::Audit) -> Outcome {
    let store = open(settings)?;
    match command {
        cli::Audit::Verify { tenant, head, json } => {
            let tenant = tenant_named(&*store, &tenant)?;
            report(&audit::verify(&*store, tenant.id, head.as_ref())?, json)
        }
        cli::Audit::List { tenant, filters, json } => {
            let tenant = tenant_named(&*store, &tenant)?;
            let wanted = wanted(filters)?;
            let mut after = 0;
            loop {
                let rows = audit::list(&*store, tenant.id, &wanted, after, BATCH)?;
                let Some(last) = rows.last() else { return Ok(()) };
                after = last.seq;
                for row in &rows {
                    if json { out::line(render::json(row))? } else { out::line(tabbed(row))? }
                }
            }
        }
        cli::Audit::Export { tenant, format, filters } => {
            let tenant = tenant_named(&*store, &tenant)?;
            let wanted = wanted(filters)?;
            let mut out = BufWriter::new(io::stdout().lock());
            audit::export(&*store, tenant.id, &wanted, format, &mut |text| {
                out.write_all(text.as_bytes()).map_err(Error::internal)
            })?;
            Ok(out.flush()?)
        }
    }
}

fn wanted(filters: cli::Filters) -> Result<Wanted, Error> {
    let now = clock::now();
    Ok(Wanted {
        resource: known(filters.user.as_deref(), "user", ResourceId::parse)?,
        actor: known(filters.token.as_deref(), "token", TokenId::parse)?.map(|token| token.0),
        action: filters.action,
        since: filters.since.map(|since| since.before(now)),
        until: filters.until.map(|until| until.before(now)),
        ..Wanted::default()
    })
}

/// What was found; a row that is wrong fails the command.
fn report(report: &Report, json: bool) -> Outcome {
    let Report { base, good, unchained, head, flaw } = report;
    let hash = hex(&head.hash);
    if json {
        let flaw = flaw.as_ref().map(|flaw| {
            json!({
                "seq": flaw.seq,
                "at": flaw.row.map(|(at, _)| time_text(at)),
                "id": flaw.row.map(|(_, id)| id.to_string()),
                "fault": flaw.fault.name(),
            })
        });
        out::line(json!({
            "good": good, "unchained": unchained, "base": {"seq": base.seq, "hash": hex(&base.hash)}, "head": {"seq": head.seq, "hash": hash}, "flaw": flaw,
        }))?;
    } else {
        out::line(format_args!("{good} rows are what was written"))?;
        if base.seq > 0 {
            out::line(format_args!("the rows up to {} were removed when they were old enough", base.seq))?;
        }
        if *unchained > 0 {
            out::line(format_args!("{unchained} rows were written before there was a chain"))?;
        }
        out::line(format_args!("the chain ends with {}", head.text()))?;
    }
    flaw.as_ref().map_or(Ok(()), |flaw| Err(told(flaw).into()))
}

fn told(flaw: &Flaw) -> String {
    let Flaw { seq, row, fault } = flaw;
    let named = row.map(|(at, id)| format!(" ({}, {id})", time_text(at))).unwrap_or_default();
    format!("row {seq}{named} of the audit log {}", fault.name())
}

fn tabbed(row: &Row) -> String {
    let entry = &row.entry;
    let actor = entry.origin.actor.id().map_or_else(|| entry.origin.request.to_string(), |id| id.to_string());
    [
        row.seq.to_string(),
        time_text(entry.at),
        entry.action.clone(),
        entry.resource_type.clone(),
        entry.resource_id.to_string(),
        actor,
        entry.attributes.clone(),
        entry.detail.clone().unwrap_or_default(),
        entry.warning.clone().unwrap_or_default(),
    ]
    .join("\t")
}
