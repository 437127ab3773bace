//! Quantiles of many numbers in little memory.

/// Parts into which each doubling is split: quantiles are right to less than 1 %.
const PARTS_LOG2: u32 = 7;
const PARTS: usize = 1 << PARTS_LOG2;
const BUCKETS: usize = 65 * PARTS;

/// A histogram of distances from the first number that was seen. Numbers that lie close together,
/// however far from zero, are told apart well.
#[derive(Clone, Debug)]
pub(super) struct Quantiles {
    first: i64,
    below: Vec<u64>,
    above: Vec<u64>,
    count: u64,
    min: i64,
    max: i64,
}

fn bucket(distance: u64) -> usize {
    let log2 = distance.checked_ilog2().unwrap_or(0);
    let shift = log2.saturating_sub(PARTS_LOG2);
    let part = usize::try_from(distance >> shift).unwrap_or(PARTS);
    usize::try_from(shift).unwrap_or(0).saturating_mul(PARTS).saturating_add(part)
}

/// The smallest distance in a bucket.
fn distance(bucket: usize) -> i64 {
    if bucket < 2 * PARTS {
        return i64::try_from(bucket).unwrap_or(i64::MAX);
    }
    let shift = (bucket / PARTS).saturating_sub(1);
    let part = bucket.saturating_sub(shift.saturating_mul(PARTS));
    let (part, shift) = (i128::try_from(part).unwrap_or(0), u32::try_from(shift).unwrap_or(0));
    i64::try_from(part.checked_shl(shift).unwrap_or(i128::MAX)).unwrap_or(i64::MAX)
}

impl Quantiles {
    pub(super) const fn new() -> Self {
        Self {
            first: 0,
            below: Vec::new(),
            above: Vec::new(),
            count: 0,
            min: i64::MAX,
            max: i64::MIN,
        }
    }

    pub(super) fn add(&mut self, number: i64) {
        if self.count == 0 {
            self.first = number;
            self.below = vec![0; BUCKETS];
            self.above = vec![0; BUCKETS];
        }
        self.count = self.count.saturating_add(1);
        (self.min, self.max) = (self.min.min(number), self.max.max(number));
        let side = if number < self.first { &mut self.below } else { &mut self.above };
        if let Some(bucket) = side.get_mut(bucket(number.abs_diff(self.first))) {
            *bucket = bucket.saturating_add(1);
        }
    }

    pub(super) const fn count(&self) -> u64 {
        self.count
    }

    pub(super) const fn min(&self) -> i64 {
        self.min
    }

    pub(super) const fn max(&self) -> i64 {
        self.max
    }

    /// The number that `per_mille` of 1000 do not exceed.
    pub(super) fn at(&self, per_mille: u64) -> i64 {
        let wanted = self.count.saturating_mul(per_mille).div_ceil(1000).max(1);
        let below = self.below.iter().enumerate().rev();
        let below = below.map(|(at, count)| (self.first.saturating_sub(distance(at)), count));
        let above = self.above.iter().enumerate();
        let above = above.map(|(at, count)| (self.first.saturating_add(distance(at)), count));
        let mut seen = 0_u64;
        for (number, count) in below.chain(above) {
            seen = seen.saturating_add(*count);
            if seen >= wanted {
                return number.clamp(self.min, self.max);
            }
        }
        self.max
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn buckets_cover_everything_in_order() {
        let mut last = 0;
        for distance_in in
            [0, 1, 127, 128, 255, 256, 257, 1 << 20, (1 << 20) + 1, 1 << 40, u64::MAX]
        {
            let at = bucket(distance_in);
            assert!(at >= last && at < BUCKETS, "{distance_in}: {at}");
            assert!(u64::try_from(distance(at)).unwrap() <= distance_in);
            last = at;
        }
    }

    proptest! {
        #[test]
        fn are_close_to_the_exact_ones(
            base in -2_000_000_000_i64..2_000_000_000,
            spread in proptest::collection::vec(-50_000_000_i64..50_000_000, 1..500),
        ) {
            let mut quantiles = Quantiles::new();
            let mut exact: Vec<_> = spread.iter().map(|it| base + it).collect();
            for number in &exact {
                quantiles.add(*number);
            }
            let first = exact[0];
            exact.sort_unstable();
            for per_mille in [1, 500, 990, 1000] {
                let rank = (exact.len() as u64 * per_mille).div_ceil(1000).max(1) - 1;
                let expected = exact[rank as usize];
                let allowed = expected.abs_diff(first) / 100 + 1;
                let found = quantiles.at(per_mille);
                prop_assert!(found.abs_diff(expected) <= allowed, "{found} {expected} {first}");
            }
            prop_assert_eq!((quantiles.min(), quantiles.max()), (exact[0], exact[exact.len() - 1]));
        }
    }
}
