//! Windows over the last few items. All room is made at construction.
//!
//! Whole numbers are summed by adding what comes and subtracting what goes, which is exact
//! ([`Ring`]). Floats are never subtracted: [`Rolling`] only ever joins, so nothing drifts and a
//! huge value leaves no trace once it has left the window.

use serde::{Deserialize, Serialize};

/// The last `len` items.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(super) struct Ring<T> {
    slots: Box<[T]>,
    at: usize,
    full: bool,
}

impl<T: Copy> Ring<T> {
    /// Room for `len` items.
    pub(super) fn new(len: u32, blank: T) -> Self {
        Self { slots: vec![blank; len as usize].into(), at: 0, full: len == 0 }
    }

    /// Put an item in; what leaves for it comes back. A ring of length 0 gives back the item.
    #[inline]
    pub(super) fn push(&mut self, item: T) -> Option<T> {
        let Some(slot) = self.slots.get_mut(self.at) else { return Some(item) };
        let oldest = std::mem::replace(slot, item);
        let leaves = self.full.then_some(oldest);
        self.at = self.at.saturating_add(1);
        if self.at == self.slots.len() {
            self.at = 0;
            self.full = true;
        }
        leaves
    }

    /// Whether `len` items are in.
    pub(super) const fn is_full(&self) -> bool {
        self.full
    }

    /// Forget all items.
    pub(super) const fn clear(&mut self) {
        self.at = 0;
        self.full = self.slots.is_empty();
    }
}

/// What is kept of a run of items, such that the summary of two runs gives that of both.
pub(super) trait Summary: Copy {
    /// The summary of no item.
    const EMPTY: Self;

    /// The summary of this run and the one after it.
    #[must_use]
    fn join(self, later: Self) -> Self;
}

/// The summary of the last `len` items, O(1) amortised: blocks of `len` items, in which the older
/// block keeps the summaries of its tails (van Herk 1992; Gil and Werman 1993). Once in `len`
/// pushes the tails are made, `len` joins at a time.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(super) struct Rolling<T> {
    /// Before `at`: items of the block that is being filled. From `at` on: tails of the one before.
    slots: Box<[T]>,
    at: usize,
    /// The summary of the block that is being filled.
    head: T,
    full: bool,
}

impl<T: Summary> Rolling<T> {
    /// A window of `len` items, at least one.
    pub(super) fn new(len: u32) -> Self {
        let slots = vec![T::EMPTY; len.max(1) as usize].into();
        Self { slots, at: 0, head: T::EMPTY, full: false }
    }

    /// Put an item in.
    #[inline]
    pub(super) fn push(&mut self, item: T) {
        if let Some(slot) = self.slots.get_mut(self.at) {
            *slot = item;
        }
        self.head = self.head.join(item);
        self.at = self.at.saturating_add(1);
        if self.at == self.slots.len() {
            self.turn();
        }
    }

    #[cold]
    fn turn(&mut self) {
        let mut tail = T::EMPTY;
        for slot in self.slots.iter_mut().rev() {
            tail = slot.join(tail);
            *slot = tail;
        }
        self.at = 0;
        self.head = T::EMPTY;
        self.full = true;
    }

    /// The summary of the window, once it is full.
    #[inline]
    pub(super) fn summary(&self) -> Option<T> {
        let tail = self.slots.get(self.at).filter(|_| self.full)?;
        Some(tail.join(self.head))
    }
}

/// The sum of a run of floats.
#[derive(Clone, Copy, Debug, Serialize, Deserialize)]
pub(super) struct Sum(pub(super) f64);

impl Summary for Sum {
    const EMPTY: Self = Self(0.0);

    #[inline]
    fn join(self, later: Self) -> Self {
        Self(self.0 + later.0)
    }
}

/// Count, mean and sum of squared distances from the mean of a run of floats.
#[derive(Clone, Copy, Debug, Serialize, Deserialize)]
pub(super) struct Moments {
    count: f64,
    mean: f64,
    squares: f64,
}

impl Moments {
    /// Of one item.
    pub(super) const fn of(item: f64) -> Self {
        Self { count: 1.0, mean: item, squares: 0.0 }
    }

    /// The sample variance: squared distances over one less than the count.
    pub(super) fn variance(self) -> f64 {
        self.squares / (self.count - 1.0)
    }
}

impl Summary for Moments {
    const EMPTY: Self = Self { count: 0.0, mean: 0.0, squares: 0.0 };

    /// Chan, Golub and `LeVeque` 1983.
    #[inline]
    fn join(self, later: Self) -> Self {
        let count = self.count + later.count;
        if count < 1.0 {
            return Self::EMPTY;
        }
        let step = later.mean - self.mean;
        let share = later.count / count;
        let squares = self.squares + later.squares + step * step * self.count * share;
        Self { count, mean: self.mean + step * share, squares }
    }
}

/// The highest of a run of whole numbers.
#[derive(Clone, Copy, Debug, Serialize, Deserialize)]
pub(super) struct Highest(pub(super) i64);

impl Summary for Highest {
    const EMPTY: Self = Self(i64::MIN);

    #[inline]
    fn join(self, later: Self) -> Self {
        Self(self.0.max(later.0))
    }
}

/// The lowest of a run of whole numbers.
#[derive(Clone, Copy, Debug, Serialize, Deserialize)]
pub(super) struct Lowest(pub(super) i64);

impl Summary for Lowest {
    const EMPTY: Self = Self(i64::MAX);

    #[inline]
    fn join(self, later: Self) -> Self {
        Self(self.0.min(later.0))
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn rolling_equals_a_fresh_look_at_the_window(
            items in proptest::collection::vec(-1e6_f64..1e6, 0..200), len in 1_u32..20
        ) {
            let mut sum = Rolling::new(len);
            let mut moments = Rolling::new(len);
            let mut highest = Rolling::new(len);
            let mut lowest = Rolling::new(len);
            for (i, &item) in items.iter().enumerate() {
                sum.push(Sum(item));
                moments.push(Moments::of(item));
                highest.push(Highest(item as i64));
                lowest.push(Lowest(item as i64));
                let Some(from) = (i + 1).checked_sub(len as usize) else {
                    prop_assert!(sum.summary().is_none() && highest.summary().is_none());
                    continue;
                };
                let window = &items[from..=i];
                let n = window.len() as f64;
                let mean = window.iter().sum::<f64>() / n;
                let squares = window.iter().map(|x| (x - mean).powi(2)).sum::<f64>();
                prop_assert!((sum.summary().unwrap().0 - mean * n).abs() < 1e-6);
                let ours = moments.summary().unwrap();
                prop_assert!((ours.mean - mean).abs() < 1e-8);
                prop_assert!((ours.squares - squares).abs() <= 1e-12 * (squares + 1e12));
                let whole = || window.iter().map(|x| *x as i64);
                prop_assert_eq!(Some(highest.summary().unwrap().0), whole().max());
                prop_assert_eq!(Some(lowest.summary().unwrap().0), whole().min());
            }
        }

        #[test]
        fn a_ring_gives_back_what_was_put_in_len_items_ago(
            items in proptest::collection::vec(0..100, 0..60), len in 0_u32..9
        ) {
            let mut ring = Ring::new(len, 0);
            for (i, &item) in items.iter().enumerate() {
                let expected = i.checked_sub(len as usize).map(|ago| items[ago]);
                prop_assert_eq!(ring.push(item), expected);
                prop_assert_eq!(ring.is_full(), i + 1 >= len as usize);
            }
            ring.clear();
            prop_assert_eq!(ring.is_full(), len == 0);
        }
    }

    #[test]
    fn equal_items_have_no_variance_at_all() {
        let mut moments = Rolling::new(7);
        for _ in 0..30 {
            moments.push(Moments::of(0.1));
        }
        assert_eq!(moments.summary().unwrap().variance(), 0.0);
    }
}
