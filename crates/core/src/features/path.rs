//! The mid price as a step function of time: it holds from one change to the next.

use serde::{Deserialize, Serialize};

use super::{float, mid};
use crate::book::Best;

/// A mid price that ended.
#[derive(Clone, Copy, Debug)]
pub(super) struct Step {
    /// It, in ticks.
    pub(super) from: f64,
    /// The mid price after it, in ticks.
    pub(super) to: f64,
    /// How long it held, in nanoseconds.
    pub(super) lasted_ns: f64,
}

/// Where the mid price is, and since when. While the book is hidden the last mid goes on.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(super) struct Path {
    first_ns: i64,
    since_ns: i64,
    now_ns: i64,
    /// Twice the mid, in ticks; 0 before the first.
    twice: i64,
    hidden: bool,
}

impl Path {
    pub(super) const fn new() -> Self {
        Self { first_ns: 0, since_ns: 0, now_ns: 0, twice: 0, hidden: true }
    }

    /// Take in the best prices. Returns the mid that ended, if it changed. Time never runs back.
    #[inline]
    pub(super) fn update(&mut self, best: Option<Best>, now_ns: i64) -> Option<Step> {
        let twice = mid::twice(best);
        self.hidden = twice.is_none();
        if self.twice == 0 {
            self.twice = twice?;
            (self.first_ns, self.since_ns, self.now_ns) = (now_ns, now_ns, now_ns);
            return None;
        }
        self.now_ns = self.now_ns.max(now_ns);
        let twice = twice.filter(|twice| *twice != self.twice)?;
        let (from, lasted_ns) = (self.mid(), self.held_ns());
        self.twice = twice;
        self.since_ns = self.now_ns;
        Some(Step { from, to: self.mid(), lasted_ns })
    }

    /// The mid, in ticks.
    #[inline]
    pub(super) const fn mid(&self) -> f64 {
        float::small(self.twice) / 2.0
    }

    /// How long it has held, in nanoseconds.
    #[inline]
    pub(super) const fn held_ns(&self) -> f64 {
        float::small(self.now_ns.saturating_sub(self.since_ns))
    }

    /// How long there has been a mid, in nanoseconds; `None` while it cannot be seen.
    #[inline]
    pub(super) const fn age_ns(&self) -> Option<f64> {
        if self.hidden {
            None
        } else {
            Some(float::small(self.now_ns.saturating_sub(self.first_ns)))
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::{Level, Price, Qty};

    #[test]
    fn time_never_runs_back() {
        let best = |bid| {
            let level = |ticks| Level { price: Price::from_ticks(ticks), qty: Qty::ZERO };
            Some(Best { bid: level(bid), ask: level(bid + 2) })
        };
        let mut path = Path::new();
        assert!(path.update(best(9), 100).is_none());
        assert!(path.update(best(9), 40).is_none());
        assert_eq!((path.mid(), path.held_ns(), path.age_ns()), (10.0, 0.0, Some(0.0)));
        let step = path.update(best(19), 150).unwrap();
        assert_eq!((step.from, step.to, step.lasted_ns), (10.0, 20.0, 50.0));
        assert!(path.update(None, 160).is_none());
        assert_eq!((path.mid(), path.held_ns(), path.age_ns()), (20.0, 10.0, None));
    }
}
