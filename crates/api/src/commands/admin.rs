//! `rollcall admin …`

use std::io::{self, Read};

use auth::password::hasher::Hasher;
use auth::password::{self, Password};
use domain::Error;
use domain::service::admins;
use domain::tenant::Tenant;

use super::{open, operator, tenant_named};
use crate::admin::render;
use crate::cli::{self, Outcome};
use crate::settings::Settings;
use crate::{clock, out};

/// Bytes that are read of a password: more than the longest one has.
const MOST: u64 = 8 << 10;

pub(crate) fn run(settings: &Settings, command: cli::Admin) -> Outcome {
    let store = open(settings)?;
    let (store, origin, now) = (&*store, operator("admin"), clock::now());
    match command {
        cli::Admin::Create { tenant, email, password_stdin: _, role, json } => {
            let tenant = tenant_named(store, &tenant)?;
            let hash = hash(settings, &tenant, &email)?;
            let account = admins::create(store.admins(), tenant.id, &email, role, &hash, &origin, now)?;
            out::line(if json { render::account(&account).to_string() } else { account.id.to_string() })?;
        }
    }
    Ok(())
}

/// What is stored of the password on stdin, if the account may have it.
fn hash(settings: &Settings, tenant: &Tenant, email: &str) -> domain::Result<String> {
    let mut text = String::new();
    let read = io::stdin().lock().take(MOST).read_to_string(&mut text);
    read.map_err(|_| Error::InvalidSyntax("stdin holds no password in UTF-8".into()))?;
    let end = text.trim_end_matches(['\r', '\n']).len();
    text.truncate(end);
    let password = Password::new(text);
    password.judge(&password::Account { email, tenant: &tenant.slug })?;
    Hasher::new(settings.admins.parameters())?.hash(&password)
}
