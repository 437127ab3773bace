//! How long something took, counted in buckets whose bounds double. One thread notes, any thread
//! reads; nothing is allocated and nothing waits.

use std::sync::atomic::{AtomicU64, Ordering};

use serde::Serialize;

/// The first bound is 2 to this power: 256 ns.
const FIRST: u32 = 8;
/// Bounds: 256 ns to 34.4 s, each twice the one before.
pub const BOUNDS: usize = 28;
const BUCKETS: usize = BOUNDS + 1;

/// The bounds: a duration lies in the first bucket whose bound it does not exceed, nanoseconds.
pub fn bounds_ns() -> [u64; BOUNDS] {
    let mut bounds = [0; BOUNDS];
    for (bound, power) in bounds.iter_mut().zip(FIRST..) {
        *bound = 1 << power;
    }
    bounds
}

/// The bucket of a duration.
const fn bucket(ns: u64) -> usize {
    // The smallest power of two that is not below it.
    let power = u64::BITS - ns.saturating_sub(1).leading_zeros();
    let place = power.saturating_sub(FIRST) as usize;
    if place > BOUNDS { BOUNDS } else { place }
}

/// Durations of one thing. Each has cache lines of its own: the threads that note do not meet.
#[derive(Debug, Default)]
#[repr(align(128))]
pub struct Histogram {
    counts: [AtomicU64; BUCKETS],
    sum_ns: AtomicU64,
}

impl Histogram {
    /// It took so long. Only one thread may note: adding is not made atomic, only reading is.
    #[inline]
    pub fn note(&self, ns: u64) {
        if let Some(count) = self.counts.get(bucket(ns)) {
            add(count, 1);
        }
        add(&self.sum_ns, ns);
    }

    /// What was counted so far.
    pub fn read(&self) -> Counted {
        let counts = self.counts.iter().map(|count| count.load(Ordering::Relaxed)).collect();
        Counted { counts, sum_ns: self.sum_ns.load(Ordering::Relaxed) }
    }
}

/// Add to a count that only this thread changes: no other can come between.
#[inline]
pub fn add(count: &AtomicU64, more: u64) {
    count.store(count.load(Ordering::Relaxed).wrapping_add(more), Ordering::Relaxed);
}

/// What a histogram had counted when it was read.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
pub struct Counted {
    /// How many lie in each bucket; the last one has no bound.
    pub counts: Vec<u64>,
    /// All of them together, nanoseconds.
    pub sum_ns: u64,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_duration_lies_in_the_first_bucket_whose_bound_it_does_not_exceed() {
        let bounds = bounds_ns();
        assert_eq!((bounds[0], bounds[BOUNDS - 1]), (256, 1 << 35));
        for (place, bound) in bounds.into_iter().enumerate() {
            assert_eq!(bucket(bound), place);
            assert_eq!(bucket(bound + 1), place + 1);
        }
        assert_eq!((bucket(0), bucket(1), bucket(u64::MAX)), (0, 0, BOUNDS));
    }

    #[test]
    fn what_was_noted_is_counted_and_summed() {
        let histogram = Histogram::default();
        for ns in [1, 256, 257, 1 << 40] {
            histogram.note(ns);
        }
        let read = histogram.read();
        assert_eq!(read.counts.iter().sum::<u64>(), 4);
        assert_eq!((read.counts[0], read.counts[1], read.counts[BOUNDS]), (2, 1, 1));
        assert_eq!(read.sum_ns, 1 + 256 + 257 + (1 << 40));
    }
}
