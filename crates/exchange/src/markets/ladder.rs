//! One side of the others' book, by price.

use std::collections::BTreeMap;

use flyball_core::domain::{Level, Price, Qty, Side};

/// Levels of one side that are shown to the venue.
const SHOWN: usize = 100;

/// Levels by price.
#[derive(Clone, Debug, Default)]
pub(super) struct Ladder(BTreeMap<Price, Qty>);

impl Ladder {
    /// Set what rests at a price; nothing removes it.
    pub(super) fn set(&mut self, level: Level) {
        if level.qty.is_zero() {
            self.0.remove(&level.price);
        } else {
            self.0.insert(level.price, level.qty);
        }
    }

    /// Set several.
    pub(super) fn set_all(&mut self, levels: &[Level]) {
        for &level in levels {
            self.set(level);
        }
    }

    pub(super) fn clear(&mut self) {
        self.0.clear();
    }

    /// The best level is this one: what was better is gone.
    pub(super) fn cap(&mut self, side: Side, best: Level) {
        self.0.retain(|price, _| !price.better(side, best.price));
        self.set(best);
    }

    /// The best levels, each as `place` puts it on the venue's grid.
    pub(super) fn best(
        &self,
        side: Side,
        place: impl Fn(Price, Qty) -> (Price, Qty),
    ) -> Vec<Level> {
        let put = |(&price, &qty): (&Price, &Qty)| place(price, qty);
        match side {
            Side::Bid => merged(self.0.iter().rev().map(put)),
            Side::Ask => merged(self.0.iter().map(put)),
        }
    }
}

/// Neighbours at one price become one level.
pub(crate) fn merged(levels: impl Iterator<Item = (Price, Qty)>) -> Vec<Level> {
    let mut all: Vec<Level> = Vec::with_capacity(32);
    for (price, qty) in levels {
        let full = all.len() == SHOWN;
        match all.last_mut() {
            Some(last) if last.price == price => last.qty = last.qty.plus(qty),
            _ if full => break,
            _ => all.push(Level { price, qty }),
        }
    }
    all
}
