//! E-mail addresses; on the `qa` contract the primary one is the `userName`.

use serde_json::{Value, json};

use super::name::is_address;
use crate::contract::Contract;
use crate::document::Document;
use crate::key::fold;
use crate::tenant::TenantSettings;
use crate::{Error, Result};

/// Judges changed e-mails and, where the address is the name, keeps both equal.
pub(super) fn settle(
    contract: &Contract,
    settings: &TenantSettings,
    before: Option<&Document>,
    document: &mut Document,
) -> Result<()> {
    if before.and_then(|before| before.get("emails")) != document.get("emails") {
        let values = emails(document).iter().filter_map(|email| email["value"].as_str());
        if values.flat_map(str::chars).any(char::is_control) {
            // A line break in an address is a header in the next mail somebody sends to it.
            return Err(Error::InvalidValue("emails.value must not contain control characters".into()));
        }
    }
    if contract.user_name_is_email {
        agree(contract, settings, before, document)?;
    }
    Ok(())
}

/// The primary e-mail is the `userName`, as far as the request has a say in either.
fn agree(
    contract: &Contract,
    settings: &TenantSettings,
    before: Option<&Document>,
    document: &mut Document,
) -> Result<()> {
    let name = document.text("userName").unwrap_or_default().to_owned();
    let primary = primary(document);
    let agrees = primary.is_some_and(|primary| fold(primary) == fold(&name));
    if agrees {
        return Ok(());
    }
    let folded = |text: Option<&str>| text.map(fold);
    let renamed = before.is_none_or(|before| folded(before.text("userName")) != Some(fold(&name)));
    let readdressed = before.is_none_or(|before| folded(self::primary(before)) != folded(primary));
    match (renamed, readdressed, emails(document).is_empty()) {
        // Neither was touched: the user came through the other contract.
        (false, false, _) => Ok(()),
        // Without e-mails the name is the one.
        (_, true, true) | (true, _, true) => {
            if is_address(&name) {
                document.set("emails", Some(json!([{"value": name, "primary": true}])));
            }
            Ok(())
        }
        (true, false, false) => {
            follow(document, &name);
            Ok(())
        }
        (false, true, false) if !settings.user_name_may_change(contract) => {
            Err(Error::Mutability("the primary e-mail may not be changed in this tenant".into()))
        }
        (_, true, false) => Err(Error::InvalidValue("the primary e-mail must equal the userName".into())),
    }
}

/// The primary e-mail takes the new name.
fn follow(document: &mut Document, name: &str) {
    let mut list = emails(document).to_vec();
    let place = primary_place(&list);
    if let Some(email) = list.get_mut(place) {
        email["value"] = name.into();
    }
    document.set("emails", Some(Value::Array(list)));
}

/// The address of the entry that is marked as primary, else of the first one.
fn primary(document: &Document) -> Option<&str> {
    let list = emails(document);
    list.get(primary_place(list))?.get("value")?.as_str()
}

fn primary_place(list: &[Value]) -> usize {
    list.iter().position(|email| email["primary"] == true).unwrap_or(0)
}

fn emails(document: &Document) -> &[Value] {
    document.get("emails").and_then(Value::as_array).map_or(&[], Vec::as_slice)
}
