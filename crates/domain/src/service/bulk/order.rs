//! In which order operations are done: what is referred to first, as deep as it goes, else in the order of the
//! request. In a circle only that counts which must exist; for the rest an id can be promised.

/// What an operation refers to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Need {
    /// The place of the other operation.
    pub(super) place: usize,
    /// Whether it has to be done before.
    pub(super) must_exist: bool,
}

/// The places of the operations in the order in which they are done.
pub(super) fn order(needs: &[Vec<Need>]) -> Vec<usize> {
    let all: Vec<Vec<usize>> =
        needs.iter().map(|needs| needs.iter().map(|need| need.place).collect()).collect();
    let circles = circles(0..needs.len(), &all);
    let mut circle_of = vec![0; needs.len()];
    for (number, circle) in circles.iter().enumerate() {
        for &place in circle {
            circle_of[place] = number;
        }
    }
    let within: Vec<Vec<usize>> = needs
        .iter()
        .enumerate()
        .map(|(from, needs)| {
            let counts = |need: &&Need| need.must_exist && circle_of[need.place] == circle_of[from];
            needs.iter().filter(counts).map(|need| need.place).collect()
        })
        .collect();
    self::circles(circles.into_iter().flatten(), &within).concat()
}

/// The places, with those that lead to each other in one circle; what is led to comes first, and within a circle the
/// order is that of the request. Tarjan's algorithm with a stack of its own: a chain may be as long as the request.
fn circles(roots: impl Iterator<Item = usize>, edges: &[Vec<usize>]) -> Vec<Vec<usize>> {
    let mut search = Search {
        number: vec![None; edges.len()],
        lowest: vec![0; edges.len()],
        is_open: vec![false; edges.len()],
        open: Vec::new(),
        found: Vec::new(),
    };
    let mut count = 0;
    for root in roots {
        if search.number[root].is_some() {
            continue;
        }
        // The way from the root to here: each place with the edge that is next.
        let mut way = vec![(root, 0)];
        while let Some((place, next)) = way.last_mut() {
            let place = *place;
            if search.number[place].is_none() {
                search.enter(place, count);
                count += 1;
            }
            if let Some(&to) = edges[place].get(*next) {
                *next += 1;
                match search.number[to] {
                    None => way.push((to, 0)),
                    Some(number) if search.is_open[to] => {
                        search.lowest[place] = search.lowest[place].min(number);
                    }
                    Some(_) => {}
                }
            } else {
                way.pop();
                search.leave(place, way.last().map(|&(before, _)| before));
            }
        }
    }
    search.found
}

/// What the search knows of each place.
struct Search {
    /// When it was met.
    number: Vec<Option<usize>>,
    /// The earliest one that is known to be in its circle.
    lowest: Vec<usize>,
    /// Whether its circle is not complete.
    is_open: Vec<bool>,
    open: Vec<usize>,
    found: Vec<Vec<usize>>,
}

impl Search {
    fn enter(&mut self, place: usize, number: usize) {
        self.number[place] = Some(number);
        self.lowest[place] = number;
        self.is_open[place] = true;
        self.open.push(place);
    }

    fn leave(&mut self, place: usize, before: Option<usize>) {
        if let Some(before) = before {
            self.lowest[before] = self.lowest[before].min(self.lowest[place]);
        }
        if self.number[place] != Some(self.lowest[place]) {
            return;
        }
        let start = self.open.iter().rposition(|&open| open == place).unwrap_or_default();
        let mut circle = self.open.split_off(start);
        for &place in &circle {
            self.is_open[place] = false;
        }
        circle.sort_unstable();
        self.found.push(circle);
    }
}

#[cfg(test)]
mod tests;
