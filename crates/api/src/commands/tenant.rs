//! `rollcall tenant …`

use domain::id::TenantId;
use domain::service::platform::{self, New};
use domain::store::Store;
use domain::tenant::settings::{SETTINGS, Setting};
use domain::tenant::{Purge, Record, TenantState};
use serde_json::{Value, json};

use super::{open, operator, tenant_named};
use crate::cli::{self, Outcome};
use crate::platform::render;
use crate::settings::Settings;
use crate::{clock, out};

/// Tenants that are read at a time.
const PAGE: usize = 1_000;

pub(crate) fn run(settings: &Settings, command: cli::Tenant) -> Outcome {
    let store = open(settings)?;
    let (store, keep, origin, now) = (&*store, settings.platform.keep(), operator("tenant"), clock::now());
    match command {
        cli::Tenant::Create { slug, name, json } => {
            let Record { tenant, .. } = create(store, &slug, name.as_deref().unwrap_or(&slug))?;
            let described = json!({"id": tenant.id.to_string(), "slug": tenant.slug, "name": tenant.name});
            out::line(if json { described.to_string() } else { tenant.id.to_string() })?;
        }
        cli::Tenant::List { json } => list(&all(store)?, json)?,
        cli::Tenant::Show { slug, json } => {
            let id = id_of(store, &slug)?;
            show(&platform::get(store.platform(), &id)?, json)?;
        }
        cli::Tenant::Set { slug, settings, json } => {
            let id = id_of(store, &slug)?;
            let patch = Value::Object(settings.into_iter().filter_map(decision).collect());
            let record = platform::update(store.platform(), &id, None, Some(&patch), &origin, now)?;
            report(&record, &slug, json)?;
        }
        cli::Tenant::Suspend { slug, json } => {
            let id = id_of(store, &slug)?;
            report(&platform::set_suspended(store.platform(), &id, true, &origin, now)?, &slug, json)?;
        }
        cli::Tenant::Resume { slug, json } => {
            let id = id_of(store, &slug)?;
            report(&platform::set_suspended(store.platform(), &id, false, &origin, now)?, &slug, json)?;
        }
        cli::Tenant::Delete { slug, yes: _, json } => {
            let id = id_of(store, &slug)?;
            report(&platform::delete(store.platform(), &id, keep, &origin, now)?, &slug, json)?;
        }
        cli::Tenant::Purge { tenant, yes: _, json } => {
            let id = match TenantId::parse(&tenant) {
                Some(id) => id.to_string(),
                None => id_of(store, &tenant)?,
            };
            let deleted = platform::delete(store.platform(), &id, keep, &origin, now)?;
            purge(store, deleted.tenant.id)?;
            report(&platform::get(store.platform(), &id)?, &tenant, json)?;
        }
    }
    Ok(())
}

/// A new tenant with the settings that hold unless somebody decides.
pub(crate) fn create(store: &dyn Store, slug: &str, name: &str) -> domain::Result<Record> {
    let new = New { slug, name, settings: None, cursor_key: auth::cursor_key()? };
    platform::create(store.platform(), new, clock::now())
}

/// All tenants that are not deleted, by slug.
fn all(store: &dyn Store) -> domain::Result<Vec<Record>> {
    let (mut tenants, mut cursor) = (Vec::new(), None::<String>);
    loop {
        let page = platform::list(store.platform(), None, cursor.as_deref(), PAGE)?;
        tenants.extend(page.tenants);
        cursor = page.next;
        if cursor.is_none() {
            tenants.sort_by(|one, other| one.tenant.slug.cmp(&other.tenant.slug));
            return Ok(tenants);
        }
    }
}

fn id_of(store: &dyn Store, slug: &str) -> domain::Result<String> {
    Ok(tenant_named(store, slug)?.id.to_string())
}

fn decision((name, word): (String, String)) -> Option<(String, Value)> {
    let value = Setting::named(&name)?.parse(&word);
    Some((name, value))
}

fn purge(store: &dyn Store, id: TenantId) -> domain::Result<()> {
    loop {
        let Purge { done, .. } = platform::purge_step(store.platform(), id, clock::now())?;
        if done.is_some() {
            return Ok(());
        }
    }
}

fn list(records: &[Record], json: bool) -> Outcome {
    if json {
        let all = records.iter().map(render::tenant).collect::<domain::Result<Vec<_>>>()?;
        out::line(Value::Array(all))?;
        return Ok(());
    }
    for Record { tenant, .. } in records {
        out::line(format_args!("{}\t{}\t{}\t{}", tenant.slug, tenant.state.name(), tenant.id, tenant.name))?;
    }
    Ok(())
}

fn show(record: &Record, json: bool) -> Outcome {
    let described = render::tenant(record)?;
    if json {
        out::line(described)?;
        return Ok(());
    }
    for key in ["id", "slug", "name", "state", "createdAt"] {
        out::line(format_args!("{key}\t{}", word(&described[key])))?;
    }
    for Setting { name, meaning, .. } in &SETTINGS {
        out::line(format_args!("{name}\t{}\t{meaning}", word(&described["settings"][*name])))?;
    }
    Ok(())
}

/// A value as it is written for `tenant set`.
fn word(value: &Value) -> String {
    match value {
        Value::String(text) => text.clone(),
        Value::Null => "default".into(),
        other => other.to_string(),
    }
}

/// What became of the tenant that was called by this name.
fn report(record: &Record, called: &str, json: bool) -> Outcome {
    if json {
        let mut described = render::tenant(record)?;
        if record.tenant.state == TenantState::Deleted && TenantId::parse(called).is_none() {
            described["slug"] = called.into();
        }
        out::line(described)?;
    }
    Ok(())
}
