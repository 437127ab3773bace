//! One side of a book.
//!
//! Prices near the touch lie in a dense ring of ticks with an occupancy bitmap, so that setting a
//! level and finding the next best one are a few instructions. The ring follows the touch; what is
//! out of its reach lies in [`Far`]. Nothing is allocated after construction.

use serde::{Deserialize, Serialize};

use crate::book::BookError;
use crate::book::far::Far;
use crate::domain::{Level, Price, Qty};

/// Ticks that the ring covers. A power of two, and a multiple of the 64 ticks of a bitmap word.
const WINDOW: i64 = 4096;
const MASK: i64 = WINDOW - 1;
const WORDS: i64 = WINDOW / 64;
/// How close the touch may come to the edge of the ring before the ring moves.
const MARGIN: i64 = WINDOW / 16;

/// One side of a book. `BID` decides which end is best.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(super) struct Ladder<const BID: bool> {
    lots: Box<[u64]>,
    occupied: Box<[u64]>,
    /// Lowest tick in the ring; a multiple of 64.
    base: i64,
    best: i64,
    /// Worst tick that was shown since the last clearing.
    reach: i64,
    len: usize,
    far: Far,
}

#[expect(clippy::cast_sign_loss, reason = "masked to the ring")]
const fn slot(tick: i64) -> usize {
    (tick & MASK) as usize
}

#[expect(clippy::cast_sign_loss, reason = "masked to the ring")]
const fn word(tick: i64) -> usize {
    ((tick >> 6) & (WORDS - 1)) as usize
}

const fn bit(tick: i64) -> u64 {
    1 << (tick & 63)
}

impl<const BID: bool> Ladder<BID> {
    const NONE: i64 = if BID { i64::MIN } else { i64::MAX };

    pub(super) fn with_capacity(depth: usize) -> Self {
        Self {
            lots: vec![0; slot(MASK).saturating_add(1)].into(),
            occupied: vec![0; slot(WORDS - 1).saturating_add(1)].into(),
            base: 0,
            best: Self::NONE,
            reach: Self::NONE,
            len: 0,
            far: Far::with_capacity(depth),
        }
    }

    const fn better(a: i64, b: i64) -> bool {
        if BID { a > b } else { a < b }
    }

    const fn in_window(&self, tick: i64) -> bool {
        let offset = tick.wrapping_sub(self.base);
        offset >= 0 && offset < WINDOW
    }

    /// Best price, if any.
    #[inline]
    pub(super) const fn best(&self) -> Option<Price> {
        if self.best == Self::NONE { None } else { Some(Price::from_ticks(self.best)) }
    }

    /// Best price and its quantity.
    #[inline]
    pub(super) fn best_level(&self) -> Option<Level> {
        self.best().map(|price| Level { price, qty: self.qty_at(price) })
    }

    pub(super) const fn len(&self) -> usize {
        self.len
    }

    /// The worst price that was shown since the side was last cleared: what lies beyond it is not
    /// known to be empty.
    pub(super) const fn reach(&self) -> Option<Price> {
        if self.reach == Self::NONE { None } else { Some(Price::from_ticks(self.reach)) }
    }

    /// What rests at `price`.
    #[inline]
    pub(super) fn qty_at(&self, price: Price) -> Qty {
        let tick = price.ticks();
        let lots = if self.in_window(tick) {
            self.lots.get(slot(tick)).copied().unwrap_or(0)
        } else {
            self.far.get(tick)
        };
        Qty::from_lots(lots)
    }

    /// Set a level; zero removes it.
    #[inline]
    pub(super) fn set(&mut self, level: Level) -> Result<(), BookError> {
        let (tick, lots) = (level.price.ticks(), level.qty.lots());
        if !self.in_window(tick) {
            return self.set_far(tick, lots);
        }
        let Some(place) = self.lots.get_mut(slot(tick)) else { return Ok(()) };
        let before = std::mem::replace(place, lots);
        if lots == 0 {
            if before != 0 {
                self.vacate(tick)?;
            }
        } else {
            if before == 0 {
                self.len = self.len.saturating_add(1);
                self.stretch(tick);
                if let Some(word) = self.occupied.get_mut(word(tick)) {
                    *word |= bit(tick);
                }
            }
            if Self::better(tick, self.best) {
                self.best = tick;
            }
        }
        Ok(())
    }

    const fn stretch(&mut self, tick: i64) {
        if self.reach == Self::NONE || Self::better(self.reach, tick) {
            self.reach = tick;
        }
    }

    fn vacate(&mut self, tick: i64) -> Result<(), BookError> {
        self.len = self.len.saturating_sub(1);
        if let Some(word) = self.occupied.get_mut(word(tick)) {
            *word &= !bit(tick);
        }
        if tick != self.best {
            return Ok(());
        }
        self.best = self.next_in_window(tick).unwrap_or(Self::NONE);
        if self.far.len() > 0 && self.near_edge() { self.follow_far() } else { Ok(()) }
    }

    /// Whether the touch is so close to the far end of the ring that levels beyond it matter.
    const fn near_edge(&self) -> bool {
        if self.best == Self::NONE {
            return true;
        }
        let offset = self.best.wrapping_sub(self.base);
        if BID { offset < MARGIN } else { offset >= WINDOW - MARGIN }
    }

    #[cold]
    fn follow_far(&mut self) -> Result<(), BookError> {
        let mut best = self.best;
        for (tick, _) in self.far.iter() {
            if Self::better(tick, best) {
                best = tick;
            }
        }
        if best == Self::NONE { Ok(()) } else { self.centre(best) }
    }

    #[cold]
    fn set_far(&mut self, tick: i64, lots: u64) -> Result<(), BookError> {
        let Some(change) = self.far.set(tick, lots) else {
            return Err(BookError::Full { capacity: self.far.len() });
        };
        self.len = self.len.saturating_add_signed(change);
        if lots > 0 {
            self.stretch(tick);
        }
        if lots > 0 && Self::better(tick, self.best) { self.centre(tick) } else { Ok(()) }
    }

    /// Move the ring so that `tick` lies at a quarter from its better end.
    #[cold]
    fn centre(&mut self, tick: i64) -> Result<(), BookError> {
        let below = if BID { WINDOW / 4 * 3 } else { WINDOW / 4 };
        let base = tick.saturating_sub(below) & !63;
        self.evict(base)?;
        self.base = base;
        let range = (base, base.saturating_add(WINDOW));
        let mut from = 0;
        while let Some((at, tick, lots)) = self.far.take_within(range, from) {
            // Taking one out shifts others back, but never past the slot it was taken from.
            from = at;
            if let Some(place) = self.lots.get_mut(slot(tick)) {
                *place = lots;
            }
            if let Some(word) = self.occupied.get_mut(word(tick)) {
                *word |= bit(tick);
            }
        }
        self.best = tick;
        Ok(())
    }

    /// Take out of the ring what will not be in it when it starts at `base`.
    fn evict(&mut self, base: i64) -> Result<(), BookError> {
        let keep = base..base.saturating_add(WINDOW);
        let mut tick = self.base;
        for _ in 0..WORDS {
            let Some(&bits) = self.occupied.get(word(tick)) else { break };
            if bits != 0 && !keep.contains(&tick) {
                self.evict_word(tick, bits)?;
            }
            tick = tick.saturating_add(64);
        }
        Ok(())
    }

    fn evict_word(&mut self, first: i64, bits: u64) -> Result<(), BookError> {
        let mut bits = bits;
        while bits != 0 {
            let tick = first.saturating_add(i64::from(bits.trailing_zeros()));
            bits &= bits.wrapping_sub(1);
            if let Some(place) = self.lots.get_mut(slot(tick)) {
                let lots = std::mem::take(place);
                if self.far.set(tick, lots).is_none() {
                    return Err(BookError::Full { capacity: self.far.len() });
                }
            }
        }
        if let Some(word) = self.occupied.get_mut(word(first)) {
            *word = 0;
        }
        Ok(())
    }

    /// The next occupied tick that is worse than `tick`, within the ring.
    #[inline]
    fn next_in_window(&self, tick: i64) -> Option<i64> {
        let mut first = tick & !63;
        let mut mask = Self::worse_in_word(tick);
        while self.in_window(first) {
            let bits = self.bits(first) & mask;
            if bits != 0 {
                let offset = if BID {
                    63_u32.wrapping_sub(bits.leading_zeros())
                } else {
                    bits.trailing_zeros()
                };
                return Some(first.saturating_add(i64::from(offset)));
            }
            mask = u64::MAX;
            first = if BID { first.wrapping_sub(64) } else { first.wrapping_add(64) };
        }
        None
    }

    /// The next level that is worse than `tick`, wherever it lies.
    fn next(&self, tick: i64) -> Option<i64> {
        let near = if self.in_window(tick) { self.next_in_window(tick) } else { None };
        if near.is_some() || self.far.len() == 0 {
            return near;
        }
        let worse = self.far.iter().map(|(key, _)| key).filter(|&key| Self::better(tick, key));
        if BID { worse.max() } else { worse.min() }
    }

    /// Put all levels into `all`, from the best to the worst.
    pub(super) fn copy_to(&self, all: &mut Vec<Level>) {
        let level = |tick| Level { price: Price::from_ticks(tick), qty: Qty::ZERO };
        all.clear();
        let mut at = self.best().map(Price::ticks);
        while let Some(tick) = at {
            all.push(Level { qty: self.qty_at(Price::from_ticks(tick)), ..level(tick) });
            at = self.next_in_window(tick);
        }
        let near = all.len();
        all.extend(
            self.far.iter().map(|(tick, lots)| Level { qty: Qty::from_lots(lots), ..level(tick) }),
        );
        if let Some(far) = all.get_mut(near..) {
            far.sort_unstable_by_key(|level| level.price);
            if BID {
                far.reverse();
            }
        }
    }

    /// Forget all but the best `depth` levels.
    pub(super) fn truncate(&mut self, depth: usize) -> Result<(), BookError> {
        while self.len > depth {
            let Some(worst) = self.worst() else { break };
            self.set(Level { price: Price::from_ticks(worst), qty: Qty::ZERO })?;
            // What lies beyond the worst that is left is not known to be empty.
            self.reach = self.worst().unwrap_or(Self::NONE);
        }
        Ok(())
    }

    fn worst(&self) -> Option<i64> {
        let far = self.far.iter().map(|(tick, _)| tick);
        let far = if BID { far.min() } else { far.max() };
        far.or_else(|| {
            (0..WORDS).find_map(|step| {
                let number = if BID { step } else { (WORDS - 1).saturating_sub(step) };
                let first = self.base.saturating_add(number.saturating_mul(64));
                let bits = self.occupied.get(word(first)).copied().filter(|&bits| bits != 0)?;
                let place = if BID { bits.trailing_zeros() } else { 63 ^ bits.leading_zeros() };
                Some(first.saturating_add(i64::from(place)))
            })
        })
    }

    /// Levels from the best to the worst. Beyond the ring every step looks through all far levels:
    /// [`copy_to`](Self::copy_to) is for those who want all of them.
    pub(super) fn iter(&self) -> impl Iterator<Item = Level> + '_ {
        let mut at = self.best().map(Price::ticks);
        std::iter::from_fn(move || {
            let price = Price::from_ticks(at?);
            at = self.next(price.ticks());
            Some(Level { price, qty: self.qty_at(price) })
        })
    }

    /// Lots on the best `most` levels, as far as they lie within `reach` ticks of the best one.
    pub(super) fn lots(&self, most: usize, reach: u64) -> Qty {
        let Some(best) = self.best().map(Price::ticks) else { return Qty::ZERO };
        let (mut sum, mut left, mut last) = (0_u64, most, best);
        // A word of the ring at a time, then whatever lies beyond the ring.
        let mut first = best & !63;
        let mut bits = self.bits(first) & (Self::worse_in_word(best) | bit(best));
        while self.in_window(first) {
            while bits != 0 {
                let place = if BID { 63 ^ bits.leading_zeros() } else { bits.trailing_zeros() };
                last = first | i64::from(place);
                if left == 0 || last.abs_diff(best) > reach {
                    return Qty::from_lots(sum);
                }
                left = left.wrapping_sub(1);
                bits ^= bit(last);
                sum = sum.saturating_add(self.lots.get(slot(last)).copied().unwrap_or(0));
            }
            first = if BID { first.wrapping_sub(64) } else { first.wrapping_add(64) };
            bits = self.bits(first);
        }
        // A best one beyond the ring has not been counted.
        let mut beyond = if left == most { Some(best) } else { self.next(last) };
        while let Some(tick) = beyond.filter(|it| left > 0 && it.abs_diff(best) <= reach) {
            sum = sum.saturating_add(self.qty_at(Price::from_ticks(tick)).lots());
            left = left.wrapping_sub(1);
            beyond = self.next(tick);
        }
        Qty::from_lots(sum)
    }

    fn bits(&self, first: i64) -> u64 {
        self.occupied.get(word(first)).copied().unwrap_or(0)
    }

    /// The ticks of its word that are worse than a tick.
    const fn worse_in_word(tick: i64) -> u64 {
        if BID { bit(tick).wrapping_sub(1) } else { !(bit(tick) | bit(tick).wrapping_sub(1)) }
    }

    pub(super) fn clear(&mut self) {
        if self.len == 0 {
            return;
        }
        let mut tick = self.base;
        for _ in 0..WORDS {
            let bits = self.occupied.get_mut(word(tick)).map_or(0, std::mem::take);
            let mut bits = bits;
            while bits != 0 {
                let at = tick.saturating_add(i64::from(bits.trailing_zeros()));
                bits &= bits.wrapping_sub(1);
                if let Some(place) = self.lots.get_mut(slot(at)) {
                    *place = 0;
                }
            }
            tick = tick.saturating_add(64);
        }
        self.far.clear();
        self.best = Self::NONE;
        self.reach = Self::NONE;
        self.len = 0;
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use proptest::prelude::*;

    use super::*;

    fn check<const BID: bool>(ops: &[(i64, u64)]) -> Result<(), TestCaseError> {
        let mut ladder = Ladder::<BID>::with_capacity(5000);
        let mut naive = BTreeMap::new();
        for &(tick, lots) in ops {
            ladder
                .set(Level { price: Price::from_ticks(tick), qty: Qty::from_lots(lots) })
                .unwrap();
            if lots == 0 {
                naive.remove(&tick);
            } else {
                naive.insert(tick, lots);
            }
            let best = if BID { naive.last_key_value() } else { naive.first_key_value() };
            let best = best.map(|(tick, lots)| (*tick, *lots));
            let ours = ladder.best_level().map(|l| (l.price.ticks(), l.qty.lots()));
            prop_assert_eq!(ours, best);
            prop_assert_eq!(ladder.len(), naive.len());
        }
        let ours: Vec<_> = ladder.iter().map(|l| (l.price.ticks(), l.qty.lots())).collect();
        let mut all: Vec<_> = naive.into_iter().collect();
        if BID {
            all.reverse();
        }
        prop_assert_eq!(&ours, &all);
        for (most, reach) in [(0, 9), (1, u64::MAX), (5, 40), (5_000, 300), (5_000, u64::MAX)] {
            let near = all.iter().take(most).take_while(|it| it.0.abs_diff(all[0].0) <= reach);
            prop_assert_eq!(ladder.lots(most, reach).lots(), near.map(|it| it.1).sum::<u64>());
        }
        let mut copied = vec![];
        ladder.copy_to(&mut copied);
        let copied: Vec<_> = copied.iter().map(|l| (l.price.ticks(), l.qty.lots())).collect();
        prop_assert_eq!(&copied, &all);
        ladder.truncate(7).unwrap();
        all.truncate(7);
        let kept: Vec<_> = ladder.iter().map(|l| (l.price.ticks(), l.qty.lots())).collect();
        prop_assert_eq!((kept, ladder.len()), (all.clone(), all.len()));
        ladder.clear();
        prop_assert!(ladder.best().is_none() && ladder.iter().next().is_none());
        Ok(())
    }

    fn ops() -> impl Strategy<Value = Vec<(i64, u64)>> {
        // Mostly near a wandering touch, sometimes very far, with many deletions.
        let tick = prop_oneof![
            6 => 0_i64..200,
            3 => -9_000_i64..9_000,
            1 => -2_000_000_i64..2_000_000,
        ];
        proptest::collection::vec((tick, 0_u64..3), 0..300)
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(2000))]
        #[test]
        fn bids_equal_a_sorted_map(ops in ops()) {
            check::<true>(&ops)?;
        }

        #[test]
        fn asks_equal_a_sorted_map(ops in ops()) {
            check::<false>(&ops)?;
        }
    }

    #[test]
    fn full_is_an_error_that_leaves_the_rest_readable() {
        let mut ladder = Ladder::<true>::with_capacity(4);
        let level = |tick| Level { price: Price::from_ticks(tick), qty: Qty::from_lots(1) };
        let results: Vec<_> = (0..9).map(|k| ladder.set(level(1_000_000 - k * 10_000))).collect();
        assert!(results.iter().any(Result::is_err));
        assert_eq!(ladder.best(), Some(Price::from_ticks(1_000_000)));
    }
}
