//! The access token of an admin's session: a JWT of fifteen minutes that only this program makes and reads.
//!
//! There is one form of it. The header is compared as a whole with the only one we write, so no other algorithm, no key
//! that a token brings along and no address of a key is ever looked at. What it says holds while its session does,
//! so the caller asks for the session on each request.

use chrono::{DateTime, TimeDelta, Utc};
use domain::id::TenantId;
use domain::{Error, Result};
use jsonwebtoken::{Algorithm, Header, Validation, decode, decode_header, encode};
use serde::{Deserialize, Serialize};
use uuid::Uuid;

use crate::key_ring::KeyRing;
use crate::opaque::Secret;

/// How long a token lives. Nothing is added to it.
pub const LIFETIME: TimeDelta = TimeDelta::minutes(15);
/// How far the clock of the process that made a token may be ahead of ours.
pub const LEEWAY: TimeDelta = TimeDelta::seconds(30);
/// A type of our own (RFC 8725 section 3.11), so that no JWT made for another purpose is one.
const TYPE: &str = "rollcall-access+jwt";
const AUDIENCE: &str = "rollcall-admin";
const ALGORITHM: Algorithm = Algorithm::HS256;
/// Bytes of the longest token. Ours are about half as long.
const LONGEST: usize = 2_048;

/// What a token says: who is signed in, where and as what.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Access {
    /// The account.
    pub account: Uuid,
    /// The tenant of the account.
    pub tenant: TenantId,
    /// The session that the token belongs to.
    pub session: Uuid,
    /// The role of the account when the token was made.
    pub role: String,
}

/// Every claim is required, and none has another type: serde refuses the rest.
#[derive(Serialize, Deserialize)]
struct Claims {
    iss: String,
    aud: String,
    sub: String,
    tid: String,
    sid: String,
    role: String,
    iat: i64,
    nbf: i64,
    exp: i64,
    jti: String,
}

/// Makes and reads access tokens.
pub struct AccessTokens {
    issuer: String,
    validation: Validation,
}

impl AccessTokens {
    /// Tokens of the server with this public address.
    pub fn new(issuer: &str) -> Self {
        let mut validation = Validation::new(ALGORITHM);
        validation.set_required_spec_claims(&["iss", "aud", "sub", "nbf", "exp"]);
        validation.set_issuer(&[issuer]);
        validation.set_audience(&[AUDIENCE]);
        // Time is an argument here: `holds` compares it.
        validation.validate_exp = false;
        validation.validate_nbf = false;
        Self { issuer: issuer.to_owned(), validation }
    }

    /// A token for the session, and when it ends.
    ///
    /// # Errors
    /// [`Error::Internal`] when it cannot be signed.
    pub fn issue(
        &self,
        keys: &KeyRing,
        access: &Access,
        now: DateTime<Utc>,
    ) -> Result<(Secret, DateTime<Utc>)> {
        let end = now + LIFETIME;
        let claims = Claims {
            iss: self.issuer.clone(),
            aud: AUDIENCE.to_owned(),
            sub: access.account.to_string(),
            tid: access.tenant.to_string(),
            sid: access.session.to_string(),
            role: access.role.clone(),
            iat: now.timestamp(),
            nbf: now.timestamp(),
            exp: end.timestamp(),
            jti: Uuid::now_v7().to_string(),
        };
        let key = keys.signer(now);
        let text = encode(&header(&key.id().to_string()), &claims, &key.signing).map_err(Error::internal)?;
        Ok((Secret::new(text), end))
    }

    /// What the token says, if it is one of ours and now is its time.
    ///
    /// # Errors
    /// [`Error::Unauthorized`], the same for every reason.
    pub fn verify(&self, keys: &KeyRing, text: &str, now: DateTime<Utc>) -> Result<Access> {
        self.read(keys, text, now).ok_or(Error::Unauthorized("not an access token of ours, or over"))
    }

    fn read(&self, keys: &KeyRing, text: &str, now: DateTime<Utc>) -> Option<Access> {
        if text.len() > LONGEST {
            return None;
        }
        let found = decode_header(text).ok()?;
        let id = found.kid.as_deref()?;
        if found != header(id) {
            return None;
        }
        let key = keys.find(id, now)?;
        let claims = decode::<Claims>(text, &key.verifying, &self.validation).ok()?.claims;
        if !claims.holds(now.timestamp()) {
            return None;
        }
        canonical(&claims.jti)?;
        Some(Access {
            account: canonical(&claims.sub)?,
            tenant: TenantId(canonical(&claims.tid)?),
            session: canonical(&claims.sid)?,
            role: claims.role,
        })
    }
}

impl Claims {
    /// Whether it is the time of the token, and the token has the lifetime that ours have.
    fn holds(&self, now: i64) -> bool {
        let made = now.saturating_add(LEEWAY.num_seconds());
        self.iat <= made
            && self.nbf <= made
            && now < self.exp
            && self.nbf >= self.iat
            && self.exp.saturating_sub(self.iat) <= LIFETIME.num_seconds()
    }
}

/// The only header there is.
fn header(key: &str) -> Header {
    Header { typ: Some(TYPE.to_owned()), kid: Some(key.to_owned()), ..Header::new(ALGORITHM) }
}

/// An id in the one form in which we write it.
fn canonical(text: &str) -> Option<Uuid> {
    Uuid::try_parse(text).ok().filter(|id| id.to_string() == text)
}

#[cfg(test)]
mod tests;
