//! What an admin does with the account that is signed in. A session alone is not enough: whoever finds one open must not
//! make it his, so all of it needs the password.

use chrono::{DateTime, Utc};
use domain::admin::{Account, Hidden, SignedIn, Totp};
use domain::audit::Entry;
use domain::store::Origin;
use domain::store::admins::{self, AdminTx};
use domain::{Error, Result};
use zeroize::Zeroizing;

use super::Sessions;
use super::factor::{Factor, factor, secret};
use crate::opaque::Secret;
use crate::password::{self, Password};
use crate::recovery;
use crate::totp::{self, TotpSecret};

/// The name that authenticator apps show.
const ISSUER: &str = "Rollcall";

/// Somebody who is signed in, and what they type to show that they are who signed in.
pub struct Own<'a> {
    /// Who is signed in.
    pub signed_in: &'a SignedIn,
    /// The password of the account.
    pub password: &'a Password,
    /// A code of the second factor, or a recovery code.
    pub code: Option<&'a str>,
    /// For the audit log.
    pub origin: &'a Origin,
    /// The time of the request.
    pub now: DateTime<Utc>,
}

/// A second factor that is not confirmed yet, shown this once.
pub struct NewTotp {
    /// For people who cannot scan.
    pub secret: Zeroizing<String>,
    /// What a QR code holds.
    pub url: Zeroizing<String>,
}

impl Sessions {
    /// Gives the account another password and ends its other sessions.
    ///
    /// # Errors
    /// [`Error::Forbidden`] for a wrong password or code, [`Error::InvalidValue`] for a new password that it may not be.
    pub fn change_password(&self, own: &Own<'_>, new: &Password) -> Result<()> {
        let stored = self.stored(own)?;
        let SignedIn { tenant, account, session } = own.signed_in;
        new.judge(&password::Account { email: &account.email, tenant: &tenant.slug })?;
        let hash = self.hasher().hash(new)?;
        self.change(own, &stored, true, |tx, account| {
            account.password = Some(Hidden(hash.clone()));
            tx.end_sessions(account.id, Some(*session))?;
            tx.remove_link(account.id)?;
            tx.audit(Entry::admin("admin_password_changed", account, None, own.now, own.origin));
            Ok(())
        })
    }

    /// Makes a second factor, which counts when a code of it has been shown.
    ///
    /// # Errors
    /// As of [`Self::change_password`]; [`Error::Conflict`] when the account has one.
    pub fn begin_totp(&self, own: &Own<'_>) -> Result<NewTotp> {
        let stored = self.stored(own)?;
        let made = TotpSecret::generate()?;
        self.change(own, &stored, false, |_, account| {
            if account.factor().is_some() {
                return Err(Error::Conflict("the account has a second factor: disable it first".into()));
            }
            let secret = Hidden(made.as_bytes().to_vec());
            account.totp = Some(Totp { secret, confirmed: None, step: None });
            Ok(())
        })?;
        let url = made.to_url(ISSUER, &own.signed_in.account.email);
        Ok(NewTotp { secret: made.to_base32(), url })
    }

    /// Lets the second factor count from now on, and gives the recovery codes. Other sessions end.
    ///
    /// # Errors
    /// As of [`Self::change_password`]; [`Error::Conflict`] when there is none to be confirmed.
    pub fn confirm_totp(&self, own: &Own<'_>) -> Result<Vec<Secret>> {
        let stored = self.stored(own)?;
        let codes = recovery::generate()?;
        self.change(own, &stored, false, |tx, account| {
            let open = account.totp.as_mut().filter(|totp| totp.confirmed.is_none());
            let Some(totp) = open else {
                return Err(Error::Conflict("there is no second factor that waits for a code".into()));
            };
            let code = own.code.ok_or_else(|| Error::InvalidValue("code is missing".into()))?;
            let step = totp::verify(&secret(&totp.secret.0)?, code, None, own.now).ok_or_else(wrong)?;
            (totp.confirmed, totp.step) = (Some(own.now), Some(step));
            tx.put_recovery_codes(account.id, &digests(&codes))?;
            tx.end_sessions(account.id, Some(own.signed_in.session))?;
            tx.audit(Entry::admin("admin_totp_enabled", account, None, own.now, own.origin));
            Ok(())
        })?;
        Ok(codes)
    }

    /// Takes the second factor away.
    ///
    /// # Errors
    /// As of [`Self::change_password`].
    pub fn disable_totp(&self, own: &Own<'_>) -> Result<()> {
        let stored = self.stored(own)?;
        self.change(own, &stored, true, |tx, account| {
            if account.totp.take().is_some_and(|totp| totp.confirmed.is_some()) {
                tx.put_recovery_codes(account.id, &[])?;
                tx.end_sessions(account.id, Some(own.signed_in.session))?;
                tx.audit(Entry::admin("admin_totp_disabled", account, None, own.now, own.origin));
            }
            Ok(())
        })
    }

    /// New recovery codes in the place of the old ones.
    ///
    /// # Errors
    /// As of [`Self::change_password`]; [`Error::Conflict`] without a second factor.
    pub fn renew_recovery_codes(&self, own: &Own<'_>) -> Result<Vec<Secret>> {
        let stored = self.stored(own)?;
        let codes = recovery::generate()?;
        self.change(own, &stored, true, |tx, account| {
            if account.factor().is_none() {
                return Err(Error::Conflict("the account has no second factor".into()));
            }
            tx.put_recovery_codes(account.id, &digests(&codes))?;
            tx.audit(Entry::admin("admin_recovery_codes_renewed", account, None, own.now, own.origin));
            Ok(())
        })?;
        Ok(codes)
    }

    /// The hash of the password that was typed, which is the right one. No connection is held while it is made.
    fn stored(&self, own: &Own<'_>) -> Result<String> {
        let SignedIn { tenant, account, .. } = own.signed_in;
        let found = admins::read(self.store.admins(), tenant.id, |tx| tx.account(account.id))?;
        let hash = found.and_then(|account| account.password).ok_or_else(gone)?;
        if self.hasher().verify(own.password, &hash.0)? { Ok(hash.0) } else { Err(wrong()) }
    }

    /// Changes the account while its password is the one that was typed, asking for the second factor where that is
    /// `asked`.
    fn change(
        &self,
        own: &Own<'_>,
        stored: &str,
        asked: bool,
        mut work: impl FnMut(&mut dyn AdminTx, &mut Account) -> Result<()>,
    ) -> Result<()> {
        let Own { signed_in: SignedIn { tenant, account, session }, code, origin, now, .. } = *own;
        admins::write(self.store.admins(), tenant.id, |tx| {
            let mut account = tx.lock_account(account.id)?.filter(Account::is_active).ok_or_else(gone)?;
            if account.password.as_ref().is_none_or(|hash| hash.0 != stored) {
                return Err(wrong());
            }
            // The session may have been ended since the request was let in.
            tx.lock_session(*session)?.ok_or_else(gone)?;
            if asked {
                match factor(tx, &mut account, code, now, origin)? {
                    Factor::Fine => {}
                    Factor::Missing => {
                        return Err(Error::InvalidValue(
                            "code is missing: the account has a second factor".into(),
                        ));
                    }
                    Factor::Wrong => return Err(wrong()),
                }
            }
            work(tx, &mut account)?;
            tx.update_account(&account)
        })
    }
}

fn gone() -> Error {
    Error::Unauthorized("the account or the session has ended meanwhile")
}

impl Own<'_> {
    /// What somebody has sent as the password of the account, which may be of any length.
    ///
    /// # Errors
    /// [`Error::Forbidden`] for what is too long to be one.
    pub fn password(text: String) -> Result<Password> {
        Password::typed(text).map_err(|_| wrong())
    }
}

/// Not 401: the session is good.
fn wrong() -> Error {
    Error::Forbidden("the password or the code is wrong".into())
}

fn digests(codes: &[Secret]) -> Vec<[u8; 32]> {
    codes.iter().map(Secret::digest).collect()
}
