//! `rollcall requests …`

use domain::Error;
use domain::id::{ResourceId, TokenId};
use domain::meta::time_text;
use domain::requests::{Request, Wanted};
use domain::service::history::{self, Event};
use domain::service::requests;

use super::{known, open, tenant_named};
use crate::cli::{self, Outcome};
use crate::requests::render;
use crate::settings::Settings;
use crate::{clock, out};

/// Rows that are read at a time.
const BATCH: usize = 500;

pub(crate) fn run(settings: &Settings, command: cli::Requests) -> Outcome {
    let store = open(settings)?;
    match command {
        cli::Requests::List { tenant, user, token, status, request, since, until, json } => {
            let tenant = tenant_named(&*store, &tenant)?;
            let wanted = Wanted {
                resource: known(user.as_deref(), "user", ResourceId::parse)?,
                token: known(token.as_deref(), "token", TokenId::parse)?,
                status,
                request,
                since: since.map(|since| since.before(clock::now())),
                until: until.map(|until| until.before(clock::now())),
            };
            let mut cursor = None;
            loop {
                let page = requests::list(store.log(), tenant.id, &wanted, cursor.as_deref(), BATCH)?;
                for one in &page.requests {
                    if json { out::line(render::request(one))? } else { out::line(tabbed(one))? }
                }
                match page.next {
                    Some(next) => cursor = Some(next),
                    None => return Ok(()),
                }
            }
        }
        cli::Requests::History { tenant, user } => {
            let tenant = tenant_named(&*store, &tenant)?;
            let user = ResourceId::parse(&user)
                .ok_or_else(|| Error::InvalidValue(format!("{user} is no id of a user")))?;
            let mut cursor = None;
            loop {
                let page = history::history(&*store, tenant.id, user, cursor.as_deref(), BATCH)?;
                let names = history::names(&*store, tenant.id, page.events.iter().filter_map(Event::actor))?;
                for event in &page.events {
                    out::line(render::event(event, &names))?;
                }
                match page.next {
                    Some(next) => cursor = Some(next),
                    None => return Ok(()),
                }
            }
        }
        cli::Requests::Show { tenant, id } => {
            let tenant = tenant_named(&*store, &tenant)?;
            let found = requests::get(store.log(), tenant.id, &id)?;
            Ok(out::line(format_args!("{:#}", render::whole(&found)))?)
        }
    }
}

fn tabbed(request: &Request) -> String {
    [
        time_text(request.at),
        request.id.to_string(),
        request.method.clone(),
        request.path.clone(),
        request.status.to_string(),
        request.scim_type.clone().unwrap_or_default(),
        request.token.map(|id| id.to_string()).unwrap_or_default(),
        format!("{} ms", request.duration_ms),
        request.reason.clone().unwrap_or_default(),
    ]
    .join("\t")
}
