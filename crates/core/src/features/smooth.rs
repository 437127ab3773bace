//! Exponential smoothing that begins with a plain mean, as TA-Lib does.

use serde::{Deserialize, Serialize};

/// The mean of the first `period` items; from then on each item moves it by `weight` × its
/// distance.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(super) struct Smooth {
    period: u32,
    weight: f64,
    seen: u32,
    level: f64,
}

impl Smooth {
    /// With weight 2 / (period + 1): an exponential moving average.
    pub(super) fn exponential(period: u32) -> Self {
        Self::new(period, 2.0 / (f64::from(period) + 1.0))
    }

    /// With weight 1 / period: Wilder's average.
    pub(super) fn wilder(period: u32) -> Self {
        Self::new(period, 1.0 / f64::from(period))
    }

    const fn new(period: u32, weight: f64) -> Self {
        Self { period, weight, seen: 0, level: 0.0 }
    }

    /// Put an item in.
    #[inline]
    pub(super) fn push(&mut self, item: f64) {
        if self.seen < self.period {
            self.seen = self.seen.saturating_add(1);
            self.level += (item - self.level) / f64::from(self.seen);
        } else {
            self.level += (item - self.level) * self.weight;
        }
    }

    /// The average, NaN before `period` items.
    #[inline]
    pub(super) const fn value(&self) -> f64 {
        if self.seen < self.period { f64::NAN } else { self.level }
    }
}
