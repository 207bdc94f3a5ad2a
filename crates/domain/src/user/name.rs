//! What a `userName` may look like and when it may change.

use crate::contract::Contract;
use crate::document::Document;
use crate::key::fold;
use crate::tenant::TenantSettings;
use crate::{Error, Result};

/// Judges a `userName` that is new or changed.
pub(super) fn check(
    contract: &Contract,
    settings: &TenantSettings,
    before: Option<&Document>,
    after: &Document,
) -> Result<()> {
    let name = after.text("userName").unwrap_or_default();
    let old = before.and_then(|before| before.text("userName"));
    if old == Some(name) {
        return Ok(());
    }
    if name.chars().any(is_invisible) {
        return Err(refused("must not contain control, zero-width or bidirectional-control characters"));
    }
    if name.trim() != name {
        return Err(refused("must not begin or end with a blank"));
    }
    if contract.user_name_is_email && !is_address(name) {
        return Err(refused("must be an e-mail address"));
    }
    // Another case is the same name.
    let renamed = old.is_some_and(|old| fold(old) != fold(name));
    if renamed && !settings.user_name_may_change(contract) {
        return Err(Error::Mutability("userName may not be changed in this tenant".into()));
    }
    Ok(())
}

/// Whether the text has the form of an e-mail address: something on both sides of the one `@`, and no blanks.
/// Which addresses exist is not for a server to know.
pub(crate) fn is_address(text: &str) -> bool {
    let parts = text.split_once('@');
    let whole = parts.is_some_and(|(local, domain)| !local.is_empty() && !domain.is_empty());
    whole && text.matches('@').count() == 1 && !text.chars().any(|c| c.is_whitespace() || is_invisible(c))
}

/// Characters with which one name can be made to look like another one.
fn is_invisible(c: char) -> bool {
    c.is_control()
        || matches!(c,
            '\u{ad}' | '\u{34f}' | '\u{61c}' | '\u{180e}'
            | '\u{200b}'..='\u{200f}'
            | '\u{2028}'..='\u{202e}'
            | '\u{2060}'..='\u{206f}'
            | '\u{feff}' | '\u{fff9}'..='\u{fffb}'
            | '\u{e0000}'..='\u{e007f}')
}

fn refused(problem: &str) -> Error {
    Error::InvalidValue(format!("userName {problem}"))
}
