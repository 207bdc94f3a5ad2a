//! The second factor of an account, asked inside the transaction that lets it count.

use chrono::{DateTime, Utc};
use domain::admin::Account;
use domain::audit::Entry;
use domain::store::Origin;
use domain::store::admins::AdminTx;
use domain::{Error, Result};

use crate::recovery;
use crate::totp::{self, SECRET_BYTES, TotpSecret};

/// What became of the second factor.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Factor {
    /// There is none, or the code counts.
    Fine,
    /// There is one, and no code.
    Missing,
    Wrong,
}

/// Judges the code. One of the app is remembered in the account, which the caller stores; a recovery code is gone.
pub(crate) fn factor(
    tx: &mut dyn AdminTx,
    account: &mut Account,
    code: Option<&str>,
    now: DateTime<Utc>,
    origin: &Origin,
) -> Result<Factor> {
    let Some(totp) = account.factor() else { return Ok(Factor::Fine) };
    let Some(code) = code else { return Ok(Factor::Missing) };
    if let Some(step) = totp::verify(&secret(&totp.secret.0)?, code, totp.step, now) {
        if let Some(totp) = &mut account.totp {
            totp.step = Some(step);
        }
        return Ok(Factor::Fine);
    }
    let Some(digest) = recovery::parse(code) else { return Ok(Factor::Wrong) };
    if !tx.use_recovery_code(account.id, &digest)? {
        return Ok(Factor::Wrong);
    }
    let left = tx.recovery_codes(account.id)?;
    let detail = Some(format!("{left} recovery codes left"));
    tx.audit(Entry::admin("admin_recovery_code_used", account, detail, now, origin));
    Ok(Factor::Fine)
}

/// The secret as it was stored.
pub(crate) fn secret(bytes: &[u8]) -> Result<TotpSecret> {
    <[u8; SECRET_BYTES]>::try_from(bytes).map(TotpSecret::from_bytes).map_err(Error::internal)
}
