use proptest::prelude::*;

use super::*;

const fn hard(place: usize) -> Need {
    Need { place, must_exist: true }
}

const fn soft(place: usize) -> Need {
    Need { place, must_exist: false }
}

fn place_of(order: &[usize], place: usize) -> usize {
    order.iter().position(|&one| one == place).unwrap()
}

#[test]
fn what_is_referred_to_comes_first() {
    assert_eq!(order(&[vec![], vec![], vec![]]), [0, 1, 2]);
    assert_eq!(order(&[vec![hard(2)], vec![soft(0)], vec![]]), [2, 0, 1]);
    // As deep as it goes, then on in the order of the request.
    assert_eq!(order(&[vec![], vec![hard(4), soft(3)], vec![], vec![], vec![hard(3)]]), [0, 3, 4, 1, 2]);
    assert_eq!(order(&[]), Vec::<usize>::new());
}

#[test]
fn in_a_circle_only_what_must_exist_comes_first() {
    assert_eq!(order(&[vec![soft(1)], vec![soft(0)]]), [0, 1]);
    assert_eq!(order(&[vec![soft(0)]]), [0]);
    // A user that names its group, and the group with the user in it, whichever stands first.
    assert_eq!(order(&[vec![soft(1)], vec![hard(0)]]), [0, 1]);
    assert_eq!(order(&[vec![hard(1)], vec![soft(0)]]), [1, 0]);
    // Nobody can be the first: the order of the request.
    assert_eq!(order(&[vec![hard(1)], vec![hard(0)], vec![hard(1)]]), [0, 1, 2]);
}

#[test]
fn a_long_chain_takes_no_deep_stack() {
    const LENGTH: usize = 100_000;
    let chain: Vec<Vec<Need>> = (0..LENGTH)
        .map(|place| (place + 1 < LENGTH).then(|| hard(place + 1)).into_iter().collect())
        .collect();
    assert_eq!(order(&chain), (0..LENGTH).rev().collect::<Vec<_>>());
}

/// References without a circle: each operation refers to some before it, and then all of them change places.
fn shuffled() -> impl Strategy<Value = (Vec<Vec<Need>>, Vec<usize>)> {
    let needs = prop::collection::vec(
        prop::collection::vec((any::<prop::sample::Index>(), any::<bool>()), 0..4),
        1..40,
    );
    let needs = needs.prop_map(|needs| {
        let pick = |place: usize, (index, must_exist): (prop::sample::Index, bool)| {
            (place > 0).then(|| Need { place: index.index(place), must_exist })
        };
        let of = |(place, needs): (usize, Vec<_>)| -> Vec<Need> {
            needs.into_iter().filter_map(|need| pick(place, need)).collect()
        };
        needs.into_iter().enumerate().map(of).collect::<Vec<_>>()
    });
    needs.prop_flat_map(|needs| {
        let places: Vec<usize> = (0..needs.len()).collect();
        (Just(needs), Just(places).prop_shuffle())
    })
}

proptest! {
    #[test]
    fn any_shuffle_without_circles_is_done_whole((needs, places) in shuffled()) {
        let mut moved = vec![Vec::new(); needs.len()];
        for (place, needs) in needs.iter().enumerate() {
            moved[places[place]] =
                needs.iter().map(|need| Need { place: places[need.place], ..*need }).collect();
        }
        let order = order(&moved);
        let mut sorted = order.clone();
        sorted.sort_unstable();
        prop_assert_eq!(sorted, (0..needs.len()).collect::<Vec<_>>());
        for (place, needs) in moved.iter().enumerate() {
            for need in needs {
                prop_assert!(place_of(&order, need.place) < place_of(&order, place));
            }
        }
    }

    #[test]
    fn with_circles_everything_is_done_once(
        pairs in prop::collection::vec((0_usize..20, 0_usize..20, any::<bool>()), 0..60)
    ) {
        let mut needs = vec![Vec::new(); 20];
        for (from, place, must_exist) in pairs {
            needs[from].push(Need { place, must_exist });
        }
        let order = order(&needs);
        let mut sorted = order.clone();
        sorted.sort_unstable();
        prop_assert_eq!(sorted, (0..20).collect::<Vec<_>>());
        // Where what must exist has no circle of its own, it comes first.
        let mut reached: Vec<Vec<bool>> = vec![vec![false; 20]; 20];
        for (from, needs) in needs.iter().enumerate() {
            needs.iter().filter(|need| need.must_exist).for_each(|need| reached[from][need.place] = true);
        }
        for by in 0..20 {
            for from in 0..20 {
                for to in 0..20 {
                    reached[from][to] |= reached[from][by] && reached[by][to];
                }
            }
        }
        for (from, needs) in needs.iter().enumerate() {
            for need in needs.iter().filter(|need| need.must_exist && !reached[need.place][from]) {
                prop_assert!(place_of(&order, need.place) < place_of(&order, from));
            }
        }
    }
}
