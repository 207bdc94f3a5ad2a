//! What goes together, and what happens to it, with a database that answers when the test says so.

use std::sync::Mutex;
use std::sync::mpsc::{self, Sender};

use chrono::DateTime;
use domain::catalog::Catalog;
use domain::id::ResourceId;
use domain::index::Column;
use domain::key::Key;
use domain::meta::{Meta, Version};
use domain::store::By;
use futures_util::future::{join, join_all};

use super::*;

/// What the database was asked, statement by statement.
type Asked = Arc<Mutex<Vec<Vec<String>>>>;

/// A database in which everybody is found whose name does not begin with `no`. A statement waits for a word before it is
/// answered: it fails with an error if there is one.
struct World {
    look_ups: Arc<LookUps>,
    asked: Asked,
    answers: Sender<Option<fn() -> Error>>,
    tenant: TenantId,
    turns: Arc<Turns>,
}

impl World {
    /// With so many turns for the tenant.
    fn new(turns: usize) -> Self {
        // A tenant has two thirds of the connections.
        let turns = Arc::new(Turns::new(turns * 3 / 2, Duration::from_secs(20)));
        let asked = Asked::default();
        let (answers, to_come) = mpsc::channel::<Option<fn() -> Error>>();
        let to_come = Mutex::new(to_come);
        let seen = Arc::clone(&asked);
        let look_ups = LookUps::new(Arc::clone(&turns), move |_, look_ups| {
            seen.lock().unwrap().push(look_ups.iter().map(name).collect());
            let answer = to_come.lock().unwrap().recv_timeout(Duration::from_secs(20)).unwrap();
            match answer {
                Some(error) => Err(error()),
                None => Ok(look_ups.iter().map(found).collect()),
            }
        });
        Self { look_ups: Arc::new(look_ups), asked, answers, tenant: TenantId::generate(), turns }
    }

    /// The next statement is answered, or the one that waits for it.
    fn answer(&self) {
        self.answers.send(None).unwrap();
    }

    fn fail(&self, error: fn() -> Error) {
        self.answers.send(Some(error)).unwrap();
    }

    /// Looks all of them up at once, in this order.
    fn find_all<'a>(
        &self,
        names: impl IntoIterator<Item = &'a str>,
    ) -> impl Future<Output = Vec<Found>> + 'static {
        self.find_by(names.into_iter().map(|name| (Column::Name, name)))
    }

    fn find_by<'a>(
        &self,
        wanted: impl IntoIterator<Item = (Column, &'a str)>,
    ) -> impl Future<Output = Vec<Found>> + 'static {
        let find = |(column, name)| {
            let (look_ups, tenant, look_up) =
                (Arc::clone(&self.look_ups), self.tenant, look_up(column, name));
            async move { look_ups.find(later(), tenant, look_up).await }
        };
        join_all(wanted.into_iter().map(find).collect::<Vec<_>>())
    }

    /// Waits until so many statements were asked; each with its names in their order.
    async fn asked(&self, statements: usize) -> Vec<Vec<String>> {
        for _ in 0..2_000 {
            let asked = self.asked.lock().unwrap().clone();
            if asked.len() >= statements {
                return asked;
            }
            actix_rt::time::sleep(Duration::from_millis(5)).await;
        }
        panic!("{statements} statements were not asked");
    }

    /// Waits until nothing is on its way.
    async fn is_idle(&self) {
        for _ in 0..2_000 {
            let now = Instant::now();
            if self.look_ups.of.with(self.tenant, now, |queue| queue.is_idle(now)) {
                return;
            }
            actix_rt::time::sleep(Duration::from_millis(5)).await;
        }
        panic!("something is on its way");
    }
}

/// When nobody waits any more.
fn later() -> Instant {
    Instant::now() + Duration::from_secs(60)
}

/// Long enough for what would be done by now.
async fn a_while() {
    actix_rt::time::sleep(20 * PATIENCE).await;
}

fn look_up(column: Column, name: &str) -> LookUp {
    LookUp::new(Catalog::standard().user(), By::Unique(column, &Key::text(name, true)))
}

fn name(look_up: &LookUp) -> String {
    let By::Unique(_, key) = look_up.by() else { panic!("{look_up:?}") };
    key.body().to_owned()
}

fn found(look_up: &LookUp) -> Option<Stored> {
    let name = name(look_up);
    let meta = Meta { created: DateTime::UNIX_EPOCH, modified: DateTime::UNIX_EPOCH, version: Version(1) };
    let text = format!(r#"{{"userName":"{name}"}}"#);
    (!name.starts_with("no")).then(|| Stored { id: ResourceId::generate(), text, meta, is_alone: true })
}

/// Looks these up while another one is on its way, and does something meanwhile.
async fn meanwhile<'a>(
    world: &World,
    wanted: impl IntoIterator<Item = (Column, &'a str)>,
    script: impl Future<Output = ()>,
) -> Vec<Found> {
    let others = async {
        assert_eq!(world.asked(1).await, [["first"]]);
        join(world.find_by(wanted), script).await.0
    };
    join(world.find_all(["first"]), others).await.1
}

/// Names as they are looked up.
fn names<'a>(names: impl IntoIterator<Item = &'a str>) -> impl Iterator<Item = (Column, &'a str)> {
    names.into_iter().map(|name| (Column::Name, name))
}

/// Whose document it is; nobody's is empty.
fn whose(found: Found) -> String {
    let text = found.unwrap().map(|stored| stored.text).unwrap_or_default();
    text.trim_start_matches(r#"{"userName":""#).trim_end_matches("\"}").to_owned()
}

/// The same of all of them.
fn all(found: Vec<Found>) -> Vec<String> {
    found.into_iter().map(whose).collect()
}

fn unavailable(found: &Found) -> bool {
    matches!(found, Err(Error::Unavailable(_)))
}

#[actix_rt::test]
async fn what_comes_meanwhile_goes_together() {
    let world = World::new(1);
    let script = async {
        world.answer();
        // What is on its way may have been found before the write of somebody who asks for the same now.
        assert_eq!(world.asked(2).await[1], ["first", "nobody", "c", "first"]);
        world.answer();
    };
    let found = meanwhile(&world, names(["first", "nobody", "c", "first"]), script).await;
    assert_eq!(all(found), ["first", "", "c", "first"], "each has what was asked for, whoever went with it");
    world.is_idle().await;
}

#[actix_rt::test]
async fn only_what_is_alike_goes_together() {
    let world = World::new(1);
    let script = async {
        (0..4).for_each(|_| world.answer());
        assert_eq!(world.asked(4).await, [vec!["first"], vec!["b", "d"], vec!["c"], vec!["e"]]);
    };
    let (name, external_id) = (Column::Name, Column::ExternalId);
    let wanted = [(name, "b"), (external_id, "c"), (name, "d"), (Column::Id, "e")];
    let found = meanwhile(&world, wanted, script).await;
    assert_eq!(all(found), ["b", "c", "d", "e"]);
}

#[actix_rt::test]
async fn a_statement_has_a_size() {
    let world = World::new(1);
    let users: Vec<String> = (0..3 * MOST - 1).map(|number| format!("user{number}")).collect();
    let script = async {
        (0..4).for_each(|_| world.answer());
        let sizes: Vec<_> = world.asked(4).await.iter().map(Vec::len).collect();
        assert_eq!(sizes, [1, MOST, MOST, MOST - 1]);
    };
    let found = meanwhile(&world, names(users.iter().map(String::as_str)), script).await;
    assert_eq!(all(found), users);
}

#[actix_rt::test]
async fn nobody_waits_long_for_another() {
    let world = World::new(2);
    let script = async {
        assert_eq!(world.asked(2).await[1], ["b", "c"], "although nobody comes and nothing comes back");
        let none_free = async {
            a_while().await;
            assert_eq!(world.asked(2).await.len(), 2, "two are on their way");
            (0..3).for_each(|_| world.answer());
        };
        let (found, ()) = join(world.find_all(["d"]), none_free).await;
        assert_eq!(all(found), ["d"]);
    };
    let found = meanwhile(&world, names(["b", "c"]), script).await;
    assert_eq!(all(found), ["b", "c"]);
    world.is_idle().await;
}

#[actix_rt::test]
async fn a_statement_takes_a_turn() {
    let world = World::new(1);
    let turn = world.turns.take(world.tenant).await.unwrap();
    let script = async {
        a_while().await;
        assert!(world.asked(0).await.is_empty(), "the tenant does something else");
        drop(turn);
        assert_eq!(world.asked(1).await, [["a", "b"]]);
        assert!(world.turns.try_take(world.tenant).is_none());
        world.answer();
    };
    let (found, ()) = join(world.find_all(["a", "b"]), script).await;
    assert_eq!(all(found), ["a", "b"]);
    world.is_idle().await;
    assert!(world.turns.try_take(world.tenant).is_some());
}

#[actix_rt::test]
async fn nobody_waits_for_ever() {
    let world = World::new(1);
    let find = world.look_ups.find(Instant::now() + 5 * PATIENCE, world.tenant, look_up(Column::Name, "a"));
    assert!(unavailable(&find.await));
    world.answer();
    world.is_idle().await;
}

#[actix_rt::test]
async fn what_one_asks_for_is_no_failure_of_others() {
    let world = World::new(1);
    let script = async {
        world.answer();
        // All together, and then each by itself.
        world.fail(|| Error::internal("no such character"));
        world.answer();
        world.fail(|| Error::internal("no such character"));
        world.answer();
    };
    let found = meanwhile(&world, names(["b", "bad", "c"]), script).await;
    let [first, bad, last] = <[Found; 3]>::try_from(found).unwrap();
    assert!(matches!(bad, Err(Error::Internal(_))), "{bad:?}");
    assert_eq!([first, last].map(whose), ["b", "c"]);
    assert_eq!(world.asked(5).await[1..], [vec!["b", "bad", "c"], vec!["b"], vec!["bad"], vec!["c"]]);
}

#[actix_rt::test]
async fn a_database_that_is_away_is_asked_once_for_all() {
    let world = World::new(1);
    let script = async {
        world.answer();
        world.fail(|| Error::unavailable("gone"));
    };
    let found = meanwhile(&world, names(["b", "c"]), script).await;
    assert!(found.iter().all(unavailable), "{found:?}");
    assert_eq!(world.asked(2).await.len(), 2);
    world.is_idle().await;
}

#[actix_rt::test]
async fn a_panic_leaves_the_way_to_others() {
    let world = World::new(1);
    let script = async {
        world.fail(|| panic!("on purpose"));
        assert_eq!(world.asked(2).await[1], ["b"]);
        world.answer();
    };
    let others = async {
        world.asked(1).await;
        join(world.find_all(["b"]), script).await.0
    };
    let (first, others) = join(world.find_all(["a"]), others).await;
    assert!(matches!(first[0], Err(Error::Internal(_))), "{first:?}");
    assert_eq!(all(others), ["b"]);
    world.is_idle().await;
}

#[actix_rt::test]
async fn nobody_is_asked_for_whom_nobody_waits() {
    let world = World::new(1);
    let script = async {
        world.asked(1).await;
        let gone = timeout(Duration::from_millis(20), world.find_all(["b"])).await;
        assert!(gone.is_err());
        world.answer();
    };
    join(world.find_all(["a"]), script).await;
    world.is_idle().await;
    world.answer();
    world.find_all(["c"]).await;
    assert_eq!(world.asked(2).await, [["a"], ["c"]]);
}

#[actix_rt::test]
async fn tenants_do_not_wait_for_each_other() {
    let world = World::new(1);
    let other = TenantId::generate();
    let script = async {
        world.asked(1).await;
        let second = world.look_ups.find(later(), other, look_up(Column::Name, "b"));
        let answer = async {
            assert_eq!(world.asked(2).await, [["a"], ["b"]]);
            (0..2).for_each(|_| world.answer());
        };
        join(second, answer).await.0
    };
    let (first, second) = join(world.find_all(["a"]), script).await;
    assert_eq!((whose(first.into_iter().next().unwrap()), whose(second)), ("a".into(), "b".into()));
}
