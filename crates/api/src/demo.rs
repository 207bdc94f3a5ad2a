//! The first minute with an empty database: a tenant, a token, and a line to paste.

use std::io::{self, IsTerminal};

use domain::contract;
use domain::principal::Scope;
use domain::service::platform;
use domain::service::tokens::{Means, New, Tokens};
use domain::store::Store;
use domain::tenant::Record;

use crate::app::Application;
use crate::cli::Outcome;
use crate::commands::{operator, tenant};
use crate::{clock, out};

/// On a database without tenants creates the tenant `demo` and says how to use it: when asked to (`--demo`),
/// or on a loopback address in front of a person.
pub(crate) fn offer(store: &dyn Store, application: &Application, asked: bool) -> Outcome {
    let wanted = asked || (application.address().ip().is_loopback() && is_in_front_of_a_person());
    if !wanted || !is_empty(store)? {
        return Ok(());
    }
    let Record { tenant, .. } = tenant::create(store, "demo", "Demo")?;
    let new = New {
        name: "demo".into(),
        scopes: Scope::ALL.into_iter().collect(),
        role_ceiling: None,
        lifetime: Some(auth::DEFAULT_LIFETIME),
    };
    let (store, tenant, origin) = (store.tokens(), tenant.id, operator("demo"));
    let tokens = Tokens { store, tenant, means: Means::all(), origin: &origin, now: clock::now() };
    let (_, secret) = auth::issue(&tokens, new)?;
    out::line(text(application.public_url(), secret.reveal()))?;
    Ok(())
}

fn is_empty(store: &dyn Store) -> domain::Result<bool> {
    Ok(platform::list(store.platform(), None, None, 1)?.tenants.is_empty())
}

/// Whoever types `cargo run` tries the program out, also where an editor or a script holds the terminal's ends;
/// cargo tells what it starts where its manifest is.
fn is_in_front_of_a_person() -> bool {
    let is_terminal = io::stdin().is_terminal() && io::stdout().is_terminal();
    is_terminal || std::env::var_os("CARGO_MANIFEST_DIR").is_some()
}

fn text(public_url: &str, token: &str) -> String {
    let (rfc, qa) = (contract::RFC.base, contract::QA.base);
    let user = r#"{"schemas":["urn:ietf:params:scim:schemas:core:2.0:User"],"userName":"ada@example.com","name":{"givenName":"Ada","familyName":"Lovelace"},"emails":[{"value":"ada@example.com","type":"work","primary":true}],"active":true}"#;
    format!(
        "The database is empty: created the tenant demo.

  SCIM 2.0 base URL   {public_url}{rfc}
  QA base URL         {public_url}{qa}
  API token           {token}
                      (valid for {} days, shown this once)

Create a user:

curl -sS -X POST '{public_url}{rfc}/Users' -H 'Authorization: Bearer {token}' -H 'Content-Type: application/scim+json' -d '{user}'
",
        auth::DEFAULT_LIFETIME.num_days()
    )
}
