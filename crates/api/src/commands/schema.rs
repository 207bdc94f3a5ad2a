//! `rollcall schema …`

use std::path::Path;

use domain::Error;
use domain::definition::{self, Changed, Definition, Definitions, Kind};
use domain::service::schemas::{self, Applied};
use serde_json::{Value, json};

use super::{open, operator, tenant_named};
use crate::cli::{self, Outcome};
use crate::settings::Settings;
use crate::{clock, json as reader, out};

pub(crate) fn run(settings: &Settings, command: cli::Schema) -> Outcome {
    // A wrong file is a wrong file, whatever the database says.
    let sent = match &command {
        cli::Schema::Apply { file, .. } => definition::read(&read(file)?)?,
        _ => Vec::new(),
    };
    let store = open(settings)?;
    let origin = operator("schema");
    let now = clock::now();
    match command {
        cli::Schema::Apply { tenant, file: _, json } => {
            let tenant = tenant_named(&*store, &tenant)?;
            report(&schemas::apply(&*store, tenant.id, &sent, &origin, now)?, json)
        }
        cli::Schema::List { tenant, json } => {
            let tenant = tenant_named(&*store, &tenant)?;
            list(&schemas::list(&*store, tenant.id)?, json)
        }
        cli::Schema::Show { tenant, id, json } => {
            let tenant = tenant_named(&*store, &tenant)?;
            let shown = shown(&schemas::list(&*store, tenant.id)?, id.as_deref())?;
            let text = if json { shown.to_string() } else { serde_json::to_string_pretty(&shown)? };
            Ok(out::line(text)?)
        }
        cli::Schema::Remove { tenant, id, json } => {
            let tenant = tenant_named(&*store, &tenant)?;
            report(&schemas::remove(&*store, tenant.id, &id, &origin, now)?, json)
        }
    }
}

fn read(file: &Path) -> Result<Value, Error> {
    let name = file.display();
    let unreadable = |cause| Error::InvalidValue(format!("{name} cannot be read: {cause}"));
    let bytes = std::fs::read(file).map_err(unreadable)?;
    if bytes.len() > domain::limits::BODY_BYTES {
        let most = domain::limits::BODY_BYTES;
        return Err(Error::TooLarge(format!("{name} has more than {most} bytes")));
    }
    reader::read(&bytes).map_err(|error| Error::InvalidSyntax(format!("{name}: {error}")))
}

fn report(applied: &Applied, json: bool) -> Outcome {
    let described = |change: &Changed| json!({"change": change.outcome.name(), "kind": change.kind.name(), "id": change.id});
    if json {
        let changes: Vec<Value> = applied.changes.iter().map(described).collect();
        out::line(json!({"revision": applied.revision, "changes": changes}))?;
        return Ok(());
    }
    for change in &applied.changes {
        out::line(format_args!("{}\t{}\t{}", change.outcome.name(), change.kind.name(), change.id))?;
    }
    Ok(())
}

fn list(definitions: &Definitions, json: bool) -> Outcome {
    if json {
        let described =
            |known: &Definition| json!({"kind": known.kind().name(), "id": known.id(), "name": known.name()});
        out::line(Value::Array(definitions.all().map(described).collect()))?;
        return Ok(());
    }
    for known in definitions.all() {
        out::line(format_args!("{}\t{}\t{}", known.kind().name(), known.id(), known.name()))?;
    }
    Ok(())
}

/// One definition, or all of them: either may be applied again.
fn shown(definitions: &Definitions, id: Option<&str>) -> Result<Value, Error> {
    let of = |wanted: Kind| -> Vec<Value> {
        definitions.all().filter(|known| known.kind() == wanted).map(Definition::to_value).collect()
    };
    match id {
        None => Ok(json!({"schemas": of(Kind::Schema), "resourceTypes": of(Kind::ResourceType)})),
        Some(id) => {
            let missing = || Error::NotFound(format!("the tenant has defined no {id}"));
            definitions.get(id).map(Definition::to_value).ok_or_else(missing)
        }
    }
}
