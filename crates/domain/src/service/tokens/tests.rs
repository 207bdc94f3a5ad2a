use std::sync::Mutex;

use proptest::prelude::*;
use proptest::sample::{select, subsequence};

use super::*;
use crate::principal::Area;
use crate::token::Noted;

/// One token, and what the audit log says of it.
struct OneToken {
    credential: Mutex<Credential>,
    told: Mutex<Vec<Entry>>,
}

impl TokenStore for OneToken {
    fn create_token(&self, _: TenantId, credential: &Credential, _: &Origin) -> Result<()> {
        *self.credential.lock().unwrap() = credential.clone();
        Ok(())
    }

    fn list_tokens(&self, _: TenantId, _: &Wanted) -> Result<Vec<Token>> {
        unreachable!()
    }

    fn token(&self, _: TenantId, _: TokenId) -> Result<Option<Token>> {
        unreachable!()
    }

    fn alter_token(
        &self,
        _: TenantId,
        _: TokenId,
        change: crate::store::tokens::AlterToken<'_>,
    ) -> Result<Option<Token>> {
        let mut credential = self.credential.lock().unwrap();
        let mut changed = credential.clone();
        self.told.lock().unwrap().extend(change(&mut changed)?);
        *credential = changed;
        Ok(Some(credential.token.clone()))
    }

    fn note_uses(&self, _: TenantId, _: &[Noted]) -> Result<()> {
        unreachable!()
    }

    fn tokens_ending(&self, _: TenantId, _: DateTime<Utc>, _: DateTime<Utc>) -> Result<Vec<Token>> {
        Ok(vec![self.credential.lock().unwrap().token.clone()])
    }
}

fn fresh(n: u8) -> Fresh {
    Fresh { digest: [n; 32], last_four: format!("000{n}") }
}

fn day(n: i64) -> DateTime<Utc> {
    DateTime::UNIX_EPOCH + TimeDelta::days(n)
}

/// A token of ninety days with the secret 1, made on day 0.
fn made() -> OneToken {
    let mut token = Token::new("t", BTreeSet::new(), None, day(0), Some(day(90)));
    token.last_four = Some("0001".into());
    let credential = Credential { token, digest: [1; 32], previous_digest: None };
    OneToken { credential: Mutex::new(credential), told: Mutex::default() }
}

fn on<T>(store: &OneToken, now: DateTime<Utc>, work: impl FnOnce(&Tokens<'_>, &str) -> T) -> T {
    let origin = Origin { actor: Actor::Operator, request: "r".into(), address: String::new() };
    let id = store.credential.lock().unwrap().token.id.to_string();
    work(&Tokens { store, tenant: TenantId::generate(), means: Means::all(), origin: &origin, now }, &id)
}

fn rotate(store: &OneToken, at: i64, overlap: i64, n: u8) -> Result<Token> {
    let rotation = Rotation { overlap: TimeDelta::days(overlap), lifetime: None };
    on(store, day(at), |tokens, id| tokens.rotate(id, rotation, &fresh(n)))
}

#[test]
fn a_second_rotation_replaces_the_older_secret() {
    let store = made();
    let token = rotate(&store, 10, 7, 2).unwrap();
    assert_eq!((token.expires, token.rotated), (Some(day(100)), Some(day(10))), "as long as it was made for");
    let previous = token.previous.unwrap();
    assert_eq!((previous.last_four.as_deref(), previous.expires), (Some("0001"), day(17)));
    assert_eq!(token.last_four.as_deref(), Some("0002"));
    let token = rotate(&store, 12, 7, 3).unwrap();
    let credential = store.credential.lock().unwrap().clone();
    assert_eq!((credential.digest, credential.previous_digest), ([3; 32], Some([2; 32])), "two, never three");
    assert_eq!(token.overlap(day(18)).map(|previous| previous.expires), Some(day(19)));
    assert_eq!(token.overlap(day(19)), None);
    let told: Vec<String> = store.told.lock().unwrap().iter().map(|entry| entry.action.clone()).collect();
    assert_eq!(told, ["token_rotated", "token_rotated"]);
}

#[test]
fn a_rotation_prolongs_no_secret() {
    let store = made();
    let token = rotate(&store, 88, 30, 2).unwrap();
    assert_eq!(token.previous.unwrap().expires, day(90), "its own end comes first");
    let token = rotate(&store, 89, 0, 3).unwrap();
    assert_eq!(token.overlap(day(89)), None, "without overlap it ends at once");
    let forever = Rotation { overlap: OVERLAP, lifetime: Some(None) };
    let token = on(&store, day(90), |tokens, id| tokens.rotate(id, forever, &fresh(4))).unwrap();
    assert_eq!((token.expires, token.lifetime()), (None, None));
    assert_eq!(rotate(&store, 91, 1, 5).unwrap().expires, None);
}

#[test]
fn only_what_lives_is_rotated() {
    let store = made();
    for wrong in [limits::TOKEN_OVERLAP_DAYS + 1, -1] {
        assert!(matches!(rotate(&store, 1, wrong, 2), Err(Error::InvalidValue(_))), "{wrong}");
    }
    assert!(matches!(rotate(&store, 90, 7, 2), Err(Error::Conflict(_))), "it has expired");
    rotate(&store, 1, limits::TOKEN_OVERLAP_DAYS, 2).unwrap();
    for day_of in [2, 3] {
        let token = on(&store, day(day_of), |tokens, id| tokens.revoke(id)).unwrap();
        assert_eq!(token.revoked, Some(day(2)), "the first revocation counts");
        assert_eq!(token.overlap(day(day_of)), None, "both secrets are gone");
    }
    assert!(matches!(rotate(&store, 4, 7, 3), Err(Error::Conflict(_))));
    let told: Vec<String> = store.told.lock().unwrap().iter().map(|entry| entry.action.clone()).collect();
    assert_eq!(told, ["token_rotated", "token_revoked"]);
}

#[test]
fn who_may_less_than_a_token_gives_it_no_new_secret() {
    let store = made();
    store.credential.lock().unwrap().token.scopes = [Scope::Bulk].into();
    let rotation = Rotation { overlap: OVERLAP, lifetime: None };
    let result = on(&store, day(1), |tokens, id| {
        let less = Tokens { means: Means::of(BTreeSet::new(), None), ..*tokens };
        less.rotate(id, rotation, &fresh(2))
    });
    assert!(matches!(result, Err(Error::Forbidden(_))));
    assert_eq!(store.credential.lock().unwrap().digest, [1; 32]);
}

#[test]
fn a_name_that_stays_is_no_change() {
    let store = made();
    for _ in 0..2 {
        assert_eq!(on(&store, day(1), |tokens, id| tokens.rename(id, "okta")).unwrap().name, "okta");
    }
    assert!(matches!(
        on(&store, day(1), |tokens, id| tokens.rename(id, "a\nb")),
        Err(Error::InvalidValue(_))
    ));
    let told = store.told.lock().unwrap();
    assert_eq!(told.len(), 1);
    assert_eq!((told[0].action.as_str(), told[0].detail.as_deref()), ("token_renamed", Some("t -> okta")));
}

#[test]
fn warnings_are_told_once() {
    let store = made();
    for at in [59, 60, 60, 84, 84, 89] {
        warn_tenant(&store, TenantId::generate(), day(at)).unwrap();
    }
    let told = store.told.lock().unwrap();
    let warnings: Vec<Option<&str>> = told.iter().map(|entry| entry.warning.as_deref()).collect();
    assert_eq!(
        warnings,
        [Some("expires within 30 days"), Some("expires within 7 days"), Some("expires within 1 day")]
    );
    drop(told);
    rotate(&store, 89, 1, 2).unwrap();
    for at in [100, 149, 150] {
        warn_tenant(&store, TenantId::generate(), day(at)).unwrap();
    }
    assert_eq!(store.told.lock().unwrap().len(), 5, "a new secret has an end of its own");
}

#[test]
fn a_cursor_serves_its_own_tenant_only() {
    let (mine, theirs, id) = (TenantId::generate(), TenantId::generate(), TokenId::generate());
    let cursor = cursor_behind(id, mine);
    assert_eq!(position(&cursor, mine).unwrap(), id);
    for wrong in [cursor_behind(id, theirs).as_str(), "", "x", "!", &cursor[1..], &format!("{cursor}AA")] {
        assert!(matches!(position(wrong, mine), Err(Error::InvalidCursor(_))), "{wrong}");
    }
}

fn scopes() -> impl Strategy<Value = BTreeSet<Scope>> {
    subsequence(Scope::ALL.to_vec(), 0..=Scope::ALL.len()).prop_map(|some| some.into_iter().collect())
}

fn ceiling() -> impl Strategy<Value = Option<Role>> {
    let all: Vec<Option<Role>> = Role::ALL.map(Some).into_iter().chain([None]).collect();
    select(all)
}

/// Everything that these rights open, one by one.
fn opened(scopes: &BTreeSet<Scope>, role_ceiling: Option<Role>) -> BTreeSet<String> {
    let mut opened = BTreeSet::new();
    for scope in scopes {
        opened.insert(scope.to_string());
        if let Scope::In(area, Access::Write) = scope {
            opened.insert(Scope::In(*area, Access::Read).to_string());
        }
        if *scope == Scope::In(Area::Roles, Access::Write) {
            let granted =
                Role::ALL.into_iter().filter(|role| role_ceiling.is_none_or(|top| top.covers(*role)));
            opened.extend(granted.map(|role| format!("grant {role}")));
        }
    }
    opened
}

proptest! {
    /// Nothing is opened by a token that its maker could not open himself. `None` is more than the highest role, for roles
    /// that may come one day.
    #[test]
    fn nobody_hands_on_what_he_has_not(
        own in scopes(), own_ceiling in ceiling(), wanted in scopes(), wanted_ceiling in ceiling()
    ) {
        let allowed = Means::of(own.clone(), own_ceiling).allow(&wanted, wanted_ceiling).is_ok();
        let subset = opened(&wanted, wanted_ceiling).is_subset(&opened(&own, own_ceiling));
        let grants = wanted.contains(&Scope::In(Area::Roles, Access::Write));
        let unbounded = grants && wanted_ceiling.is_none() && own_ceiling.is_some();
        prop_assert_eq!(allowed, subset && !unbounded);
        prop_assert!(Means::all().allow(&wanted, wanted_ceiling).is_ok());
    }
}
