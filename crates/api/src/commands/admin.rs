//! `rollcall admin …`

use std::io::{self, Read};

use auth::password::hasher::Hasher;
use auth::password::{self, Password};
use domain::Error;
use domain::admin::{Account, AdminRole, Link};
use domain::meta::time_text;
use domain::service::admins::Office;
use domain::store::Store;
use domain::tenant::Tenant;
use serde_json::Value;

use super::{open, operator, tenant_named};
use crate::admin::render;
use crate::cli::{self, Outcome};
use crate::settings::Settings;
use crate::{clock, out};

/// Bytes that are read of a password: more than the longest one has.
const MOST: u64 = 8 << 10;

pub(crate) fn run(settings: &Settings, command: cli::Admin) -> Outcome {
    let store = open(settings)?;
    let office = |slug: &str| Ok::<_, Error>(office(&*store, &tenant_named(&*store, slug)?));
    match command {
        cli::Admin::Create { tenant, email, password_stdin: _, role, json } => {
            let tenant = tenant_named(&*store, &tenant)?;
            let hash = hash(settings, &tenant, &email)?;
            let account = self::office(&*store, &tenant).create(&email, role, &hash)?;
            out::line(if json { render::account(&account).to_string() } else { account.id.to_string() })?;
        }
        cli::Admin::Invite { tenant, email, role, json } => {
            let office = office(&tenant)?;
            let secret = auth::link::generate(office.tenant)?;
            let (account, link) = office.invite(&email, role, secret.digest())?;
            show(&account, &link, &secret, json)?;
        }
        cli::Admin::List { tenant, json } => list(&office(&tenant)?.list()?, json)?,
        cli::Admin::SetRole { account: cli::Account { tenant, name, json }, role } => {
            let office = office(&tenant)?;
            report(&office.set_role(&id(&office, &name)?, role)?, json)?;
        }
        cli::Admin::Disable(cli::Account { tenant, name, json }) => {
            let office = office(&tenant)?;
            report(&office.set_disabled(&id(&office, &name)?, true)?, json)?;
        }
        cli::Admin::Enable(cli::Account { tenant, name, json }) => {
            let office = office(&tenant)?;
            report(&office.set_disabled(&id(&office, &name)?, false)?, json)?;
        }
        cli::Admin::Reset { account: cli::Account { tenant, name, json }, remove_totp } => {
            let office = office(&tenant)?;
            let secret = auth::link::generate(office.tenant)?;
            let (account, link) = office.reset(&id(&office, &name)?, remove_totp, secret.digest())?;
            show(&account, &link, &secret, json)?;
        }
        cli::Admin::Delete { account: cli::Account { tenant, name, json }, yes: _ } => {
            let office = office(&tenant)?;
            let account = office.named(&name)?;
            office.delete(&account.id.to_string())?;
            report(&account, json)?;
        }
    }
    Ok(())
}

fn office<'a>(store: &'a dyn Store, tenant: &Tenant) -> Office<'a> {
    let (origin, now) = (operator("admin"), clock::now());
    Office { store: store.admins(), tenant: tenant.id, by: AdminRole::Owner, origin, now }
}

fn id(office: &Office<'_>, name: &str) -> domain::Result<String> {
    Ok(office.named(name)?.id.to_string())
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

fn list(accounts: &[Account], json: bool) -> Outcome {
    if json {
        out::line(Value::Array(accounts.iter().map(render::account).collect()))?;
        return Ok(());
    }
    for account in accounts {
        let signed_in = account.signed_in.map_or_else(|| "never".into(), time_text);
        let (role, state) = (account.role.name(), account.state());
        out::line(format_args!("{}\t{role}\t{state}\t{signed_in}\t{}", account.id, account.email))?;
    }
    Ok(())
}

/// The secret of a link, alone or with the account.
fn show(account: &Account, link: &Link, secret: &auth::Secret, json: bool) -> Outcome {
    if !json {
        out::line(secret.reveal())?;
        return Ok(());
    }
    let mut body = render::account(account);
    body["link"] = render::link(link, secret);
    out::line(body)?;
    Ok(())
}

/// What became of the account.
fn report(account: &Account, json: bool) -> Outcome {
    if json {
        out::line(render::account(account))?;
    }
    Ok(())
}
