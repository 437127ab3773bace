//! Prices far from their neighbours.

use std::collections::VecDeque;

use crate::check::Place;

/// Neighbours on each side.
const SIDE: usize = 5;
const WINDOW: usize = 2 * SIDE + 1;

/// One price, or one bar, among its neighbours. In ticks.
#[derive(Clone, Copy, Debug)]
pub(super) struct Point {
    /// What the neighbours are compared by: the price, the close.
    pub(super) price: i64,
    /// The lowest and the highest, which are held against the neighbours.
    pub(super) low: i64,
    pub(super) high: i64,
    pub(super) time_ns: i64,
    pub(super) place: Place,
}

/// A point that is far from the median of its neighbours.
#[derive(Clone, Copy, Debug)]
pub(super) struct Found {
    pub(super) point: Point,
    /// The price of it that is far away.
    pub(super) price: i64,
    pub(super) median: i64,
}

/// Looks at each point when five more have come after it.
#[derive(Clone, Debug)]
pub(super) struct Neighbours {
    window: VecDeque<Point>,
    /// Points at the beginning of the window that have been looked at.
    looked: usize,
    max_move: f64,
}

impl Neighbours {
    /// `max_move`: how far from the median is far, as a fraction of it.
    pub(super) fn new(max_move: f64) -> Self {
        Self { window: VecDeque::with_capacity(WINDOW), looked: 0, max_move }
    }

    pub(super) fn add(&mut self, point: Point, found: &mut impl FnMut(Found)) {
        self.window.push_back(point);
        if self.window.len() == WINDOW {
            // The middle; at the very beginning all before it too.
            self.look(SIDE.saturating_add(1), found);
            self.window.pop_front();
            self.looked = self.looked.saturating_sub(1);
        }
    }

    /// There are no more: look at those that still wait for neighbours.
    pub(super) fn finish(&mut self, found: &mut impl FnMut(Found)) {
        self.look(self.window.len(), found);
    }

    fn look(&mut self, to: usize, found: &mut impl FnMut(Found)) {
        for at in self.looked..to {
            if let (Some(point), Some(median)) = (self.window.get(at), self.median_without(at)) {
                for price in [point.low, point.high] {
                    if self.is_far(price, median) {
                        found(Found { point: *point, price, median });
                        break;
                    }
                }
            }
        }
        self.looked = to;
    }

    /// The middle price of all others; nothing when they are too few to tell.
    fn median_without(&self, without: usize) -> Option<i64> {
        let mut prices = [0; WINDOW];
        let others = self.window.iter().enumerate().filter(|(at, _)| *at != without);
        let mut count = 0_usize;
        for (slot, (_, point)) in prices.iter_mut().zip(others) {
            *slot = point.price;
            count = count.saturating_add(1);
        }
        let prices = prices.get_mut(..count).filter(|_| count >= SIDE)?;
        prices.sort_unstable();
        prices.get(count / 2).copied()
    }

    #[expect(clippy::cast_precision_loss, reason = "a comparison for people")]
    fn is_far(&self, price: i64, median: i64) -> bool {
        price.abs_diff(median) as f64 > self.max_move * median.unsigned_abs() as f64
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn found(prices: &[i64]) -> Vec<(i64, i64)> {
        let mut neighbours = Neighbours::new(0.05);
        let mut all = Vec::new();
        let mut take = |found: Found| all.push((found.point.time_ns, found.price));
        for (at, &price) in (0..).zip(prices) {
            let (low, high, place) = (price, price, Place::Event(0));
            neighbours.add(Point { price, low, high, time_ns: at, place }, &mut take);
        }
        neighbours.finish(&mut take);
        all
    }

    #[test]
    fn a_spike_is_found_wherever_it_is() {
        for at in 0..30 {
            let mut prices = vec![1000; 30];
            prices[at] = 1051;
            assert_eq!(found(&prices), [(at as i64, 1051)], "at {at}");
            prices[at] = 1050;
            assert_eq!(found(&prices), [], "at {at}");
        }
    }

    #[test]
    fn a_trend_and_a_lasting_jump_of_less_are_none() {
        let trend: Vec<_> = (0..200).map(|n| 1000 + n).collect();
        assert_eq!(found(&trend), []);
        assert_eq!(found(&[1000, 2000]), [], "too few to tell");
        assert_eq!(found(&[]), []);
    }
}
