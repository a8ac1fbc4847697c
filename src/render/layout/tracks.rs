//! The order of the vertical lines in one channel: few crossings, few tracks.

/// A piece's vertical line: from `from` (where its left end or its first stub is) to `to`; which ends lie on the left.
#[derive(Clone, Copy, Debug)]
pub(super) struct Upright {
    pub piece: usize,
    pub from: f64,
    pub from_left: bool,
    pub to: f64,
    pub to_left: bool,
}

impl Upright {
    fn span(&self) -> (f64, f64) {
        (self.from.min(self.to), self.from.max(self.to))
    }

    /// Heights of stubs on the left and on the right.
    fn stubs(&self, left: bool) -> impl Iterator<Item = f64> {
        [(self.from, self.from_left), (self.to, self.to_left)]
            .into_iter()
            .filter(move |(_, at_left)| *at_left == left)
            .map(|(y, _)| y)
    }
}

/// Crossings between the two if `a` stands left of `b`.
fn crossings(a: &Upright, b: &Upright) -> usize {
    let inside = |y: f64, (low, high): (f64, f64)| y > low && y < high;
    // The right stubs of `a` pass `b`, the left stubs of `b` pass `a`.
    a.stubs(false).filter(|y| inside(*y, b.span())).count() + b.stubs(true).filter(|y| inside(*y, a.span())).count()
}

/// Track of each upright, from 0 on the left, and how many there are.
pub(super) fn assign(uprights: &[Upright]) -> (Vec<usize>, usize) {
    let mut order: Vec<usize> = (0..uprights.len()).collect();
    order.sort_by(|a, b| {
        let (a, b) = (&uprights[*a], &uprights[*b]);
        let key = |u: &Upright| (u.from + u.to, u.from);
        let ((x, y), (z, w)) = (key(a), key(b));
        z.total_cmp(&x).then(w.total_cmp(&y)).then(a.piece.cmp(&b.piece))
    });
    // Insertion by the least number of crossings with those already placed, then swaps of neighbours.
    let mut placed: Vec<usize> = Vec::new();
    for at in order {
        let mut cost = placed.iter().map(|other| crossings(&uprights[at], &uprights[*other])).sum::<usize>();
        let (mut best, mut least) = (0, cost);
        for (number, other) in placed.iter().enumerate() {
            cost += crossings(&uprights[*other], &uprights[at]);
            cost -= crossings(&uprights[at], &uprights[*other]);
            if cost < least {
                (best, least) = (number + 1, cost);
            }
        }
        placed.insert(best, at);
    }
    for _ in 0..placed.len() {
        let mut changed = false;
        for number in 1..placed.len() {
            let (a, b) = (placed[number - 1], placed[number]);
            if crossings(&uprights[b], &uprights[a]) < crossings(&uprights[a], &uprights[b]) {
                placed.swap(number - 1, number);
                changed = true;
            }
        }
        if !changed {
            break;
        }
    }
    // Tracks: as far left as those before allow whose lines it would touch or cross.
    const APART: f64 = 4.0;
    let mut tracks = vec![0; uprights.len()];
    let mut count = 0;
    for (number, at) in placed.iter().enumerate() {
        let (low, high) = uprights[*at].span();
        let mut track = 0;
        for before in placed.iter().take(number) {
            let (other_low, other_high) = uprights[*before].span();
            if low < other_high + APART && other_low < high + APART {
                track = track.max(tracks[*before] + 1);
            }
        }
        tracks[*at] = track;
        count = count.max(track + 1);
    }
    (tracks, count)
}
