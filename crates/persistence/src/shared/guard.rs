//! The guard against mass changes: who has lately lost access by which token. All of it is written under the counter of
//! the tenant, so no two transactions count at the same time.

use std::collections::BTreeMap;

use chrono::{DateTime, Utc};
use diesel::prelude::*;
use domain::audit::Entry;
use domain::guard::{Departure, Guard, Tally};
use domain::id::TokenId;
use domain::store::Origin;
use domain::{Error, Result};

use super::audit::Record;
use super::scope::of_tenant;
use super::tenant_tx::Tx;
use crate::error::from_diesel;
use crate::rows::MassChangeRow;
use crate::schema::{api_tokens, collections, mass_changes, resources};
use crate::types::{At, Id};

/// The user was deactivated or deleted.
const COUNTED: &str = "counted";
/// With this user the limit was passed while the guard was off.
const WARNED: &str = "warned";
/// This user was refused, and the token is held.
const HELD: &str = "held";

/// What is to be done with a departure.
enum Verdict {
    /// Let it go.
    Allowed,
    /// It is one more than this.
    Beyond(i64),
    /// The token is held already.
    Held,
}

/// The rows of a token of one kind.
macro_rules! rows {
    ($self:ident, $token:expr, $kind:expr) => {
        mass_changes::table
            .filter(of_tenant!(mass_changes, $self.tenant))
            .filter(mass_changes::token_id.eq(Id($token.0)))
            .filter(mass_changes::kind.eq($kind))
    };
}

impl Tx<'_> {
    /// Weighs what the work of the transaction has taken access away from. The counter is held already.
    pub(super) fn weigh_departures(&mut self, records: &mut [Record]) -> Result<()> {
        for departure in std::mem::take(&mut self.departures) {
            match self.weigh(&departure)? {
                Verdict::Allowed => {}
                Verdict::Beyond(limit) if !departure.guard.refuses => {
                    self.put(&departure, WARNED)?;
                    let of_user = |record: &&mut Record| record.entry.resource_id == departure.user.0;
                    if let Some(record) = records.iter_mut().rev().find(of_user) {
                        let warnings = [record.entry.warning.take(), Some(departure.guard.warning(limit))];
                        record.entry.warning =
                            Some(warnings.into_iter().flatten().collect::<Vec<_>>().join("; "));
                    }
                }
                Verdict::Beyond(_) | Verdict::Held => {
                    let refusal = departure.guard.refusal();
                    self.refused = Some(departure);
                    return Err(refusal);
                }
            }
        }
        Ok(())
    }

    /// Holds the token of a refused departure, in a transaction of its own: that of the departure has left nothing. It is
    /// weighed again, because the token may have been released meanwhile.
    pub(super) fn hold(&mut self, departure: &Departure) -> Result<()> {
        self.lock_counter()?;
        if let Verdict::Beyond(limit) = self.weigh(departure)? {
            self.put(departure, HELD)?;
            self.append(Entry::guard_held(departure, limit));
        }
        // What was refused does not count.
        let row =
            rows!(self, departure.token, COUNTED).filter(mass_changes::user_id.eq(Id(departure.user.0)));
        diesel::delete(row).execute(self.conn).map_err(from_diesel)?;
        Ok(())
    }

    /// Counts a departure: each user once, however often it lost access.
    fn weigh(&mut self, Departure { user, token, guard, at, .. }: &Departure) -> Result<Verdict> {
        let (since, user) = (At(guard.since(*at)), Id(user.0));
        let kind = if guard.refuses { HELD } else { WARNED };
        // There is one such row of a token at most.
        let noted: Option<At> = rows!(self, token, kind)
            .select(mass_changes::at)
            .get_result(self.conn)
            .optional()
            .map_err(from_diesel)?;
        if !guard.refuses && noted.is_some_and(|noted| noted.0 > since.0) {
            return Ok(Verdict::Allowed);
        }
        let held = guard.refuses && noted.is_some();
        if !held {
            // Nobody asks any more for what has left the window.
            let past = mass_changes::table
                .filter(of_tenant!(mass_changes, self.tenant))
                .filter(mass_changes::token_id.eq(Id(token.0)))
                .filter(mass_changes::kind.ne(HELD))
                .filter(mass_changes::at.le(since));
            diesel::delete(past).execute(self.conn).map_err(from_diesel)?;
        }
        let known = diesel::update(rows!(self, token, COUNTED).filter(mass_changes::user_id.eq(user)))
            .set(mass_changes::at.eq(At(*at)))
            .execute(self.conn)
            .map_err(from_diesel)?;
        if known > 0 {
            return Ok(Verdict::Allowed);
        }
        if held {
            return Ok(Verdict::Held);
        }
        self.insert_row(*token, COUNTED, user, *at)?;
        let counted: i64 = rows!(self, token, COUNTED).count().get_result(self.conn).map_err(from_diesel)?;
        if counted <= guard.users.into() {
            return Ok(Verdict::Allowed);
        }
        let limit = guard.limit(self.living_before(*token, since)?);
        Ok(if counted <= limit { Verdict::Allowed } else { Verdict::Beyond(limit) })
    }

    /// The users who were there before the window began: those who live, and those whom the token has deleted, so that a
    /// share of them does not shrink while it is used up. Nor does it grow with users who are made for that.
    fn living_before(&mut self, token: TokenId, since: At) -> Result<i64> {
        let living: Option<i64> = collections::table
            .filter(of_tenant!(collections, self.tenant))
            .filter(collections::resource_type.eq("User"))
            .select(collections::live)
            .get_result(self.conn)
            .optional()
            .map_err(from_diesel)?;
        let deleted: i64 = rows!(self, token, COUNTED)
            .inner_join(resources::table.on(
                resources::tenant_id.eq(mass_changes::tenant_id).and(resources::id.eq(mass_changes::user_id)),
            ))
            .filter(resources::deleted_at.is_not_null())
            .filter(resources::created_at.le(since))
            .count()
            .get_result(self.conn)
            .map_err(from_diesel)?;
        let young: i64 = resources::table
            .filter(of_tenant!(resources, self.tenant))
            .filter(resources::resource_type.eq("User"))
            .filter(resources::deleted_at.is_null())
            .filter(resources::created_at.gt(since))
            .count()
            .get_result(self.conn)
            .map_err(from_diesel)?;
        Ok(living.unwrap_or(0) - young + deleted)
    }

    fn put(&mut self, departure: &Departure, kind: &'static str) -> Result<()> {
        diesel::delete(rows!(self, departure.token, kind)).execute(self.conn).map_err(from_diesel)?;
        self.insert_row(departure.token, kind, Id(departure.user.0), departure.at)
    }

    fn insert_row(&mut self, token: TokenId, kind: &'static str, user: Id, at: DateTime<Utc>) -> Result<()> {
        let row =
            MassChangeRow { tenant_id: self.id(), token_id: Id(token.0), kind, user_id: user, at: At(at) };
        diesel::insert_into(mass_changes::table).values(&row).execute(self.conn).map_err(from_diesel)?;
        Ok(())
    }

    pub(super) fn read_tallies(&mut self, guard: &Guard, now: DateTime<Utc>) -> Result<Vec<Tally>> {
        let mut tokens: BTreeMap<TokenId, (i64, Option<DateTime<Utc>>)> = BTreeMap::new();
        let counted: Vec<(Id, i64)> = mass_changes::table
            .filter(of_tenant!(mass_changes, self.tenant))
            .filter(mass_changes::kind.eq(COUNTED))
            .filter(mass_changes::at.gt(At(guard.since(now))))
            .group_by(mass_changes::token_id)
            .select((mass_changes::token_id, diesel::dsl::count_star()))
            .load(self.conn)
            .map_err(from_diesel)?;
        for (token, users) in counted {
            tokens.entry(TokenId(token.0)).or_default().0 = users;
        }
        for (token, at) in self.held()? {
            tokens.entry(token).or_default().1 = Some(at);
        }
        let tally = |(token, (users, held))| {
            let limit = guard.limit(self.living_before(token, At(guard.since(now)))?);
            Ok(Tally { token, users, limit, held })
        };
        tokens.into_iter().map(tally).collect()
    }

    pub(super) fn let_go(
        &mut self,
        token: Option<TokenId>,
        origin: &Origin,
        at: DateTime<Utc>,
    ) -> Result<Vec<TokenId>> {
        // Whoever is counting waits here, or is waited for.
        self.lock_counter()?;
        let tokens = match token {
            Some(token) => self.known(token)?,
            None => self.held()?.into_iter().map(|(token, _)| token).collect(),
        };
        let mut released = Vec::new();
        for token in tokens {
            let users: i64 =
                rows!(self, token, COUNTED).count().get_result(self.conn).map_err(from_diesel)?;
            let all = mass_changes::table
                .filter(of_tenant!(mass_changes, self.tenant))
                .filter(mass_changes::token_id.eq(Id(token.0)));
            if diesel::delete(all).execute(self.conn).map_err(from_diesel)? > 0 {
                self.append(Entry::guard_released(token, users, at, origin));
                released.push(token);
            }
        }
        Ok(released)
    }

    fn known(&mut self, token: TokenId) -> Result<Vec<TokenId>> {
        let known: Option<Id> = api_tokens::table
            .filter(of_tenant!(api_tokens, self.tenant))
            .filter(api_tokens::id.eq(Id(token.0)))
            .select(api_tokens::id)
            .get_result(self.conn)
            .optional()
            .map_err(from_diesel)?;
        known.map(|_| vec![token]).ok_or_else(|| Error::NotFound("the tenant has no such token".into()))
    }

    /// The tokens that are held, and since when.
    fn held(&mut self) -> Result<Vec<(TokenId, DateTime<Utc>)>> {
        let held: Vec<(Id, At)> = mass_changes::table
            .filter(of_tenant!(mass_changes, self.tenant))
            .filter(mass_changes::kind.eq(HELD))
            .order(mass_changes::token_id)
            .select((mass_changes::token_id, mass_changes::at))
            .load(self.conn)
            .map_err(from_diesel)?;
        Ok(held.into_iter().map(|(token, at)| (TokenId(token.0), at.0)).collect())
    }
}
