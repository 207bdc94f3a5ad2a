//! `rollcall tenant …`

use domain::id::TenantId;
use domain::store::Store;
use domain::tenant::{Tenant, TenantSettings, TenantState};
use serde_json::{Value, json};

use super::{open, operator, tenant_named};
use crate::cli::{self, Outcome};
use crate::settings::Settings;
use crate::{clock, out};

pub(crate) fn run(settings: &Settings, command: cli::Tenant) -> Outcome {
    let store = open(settings)?;
    match command {
        cli::Tenant::Create { slug, name, json } => {
            let tenant = create(&*store, &slug, name.as_deref().unwrap_or(&slug))?;
            let described = json!({"id": tenant.id.to_string(), "slug": tenant.slug, "name": tenant.name});
            out::line(if json { described.to_string() } else { tenant.id.to_string() })?;
        }
        cli::Tenant::List { json } => list(&store.tenants()?, json)?,
        cli::Tenant::Suspend { slug, json } => set_state(&*store, &slug, TenantState::Suspended, json)?,
        cli::Tenant::Resume { slug, json } => set_state(&*store, &slug, TenantState::Active, json)?,
        cli::Tenant::Delete { slug, yes: _, json } => set_state(&*store, &slug, TenantState::Deleted, json)?,
    }
    Ok(())
}

/// A new tenant. Its six roles need no rows: they are part of the engine.
pub(crate) fn create(store: &dyn Store, slug: &str, name: &str) -> domain::Result<Tenant> {
    let tenant = Tenant {
        id: TenantId::generate(),
        slug: slug.to_owned(),
        name: name.to_owned(),
        state: TenantState::Active,
        settings: TenantSettings::default(),
        cursor_key: auth::cursor_key()?,
        catalog: domain::catalog::Catalog::standard(),
    };
    store.create_tenant(&tenant, clock::now())?;
    Ok(tenant)
}

fn list(tenants: &[Tenant], json: bool) -> Outcome {
    if json {
        out::line(Value::Array(tenants.iter().map(described).collect()))?;
        return Ok(());
    }
    for tenant in tenants {
        out::line(format_args!("{}\t{}\t{}\t{}", tenant.slug, tenant.state.name(), tenant.id, tenant.name))?;
    }
    Ok(())
}

fn set_state(store: &dyn Store, slug: &str, state: TenantState, json: bool) -> Outcome {
    let tenant = tenant_named(store, slug)?;
    store.set_tenant_state(tenant.id, state, &operator("tenant"), clock::now())?;
    if json {
        out::line(described(&Tenant { state, ..tenant }))?;
    }
    Ok(())
}

fn described(tenant: &Tenant) -> Value {
    json!({
        "id": tenant.id.to_string(), "slug": tenant.slug, "name": tenant.name, "state": tenant.state.name(),
    })
}
