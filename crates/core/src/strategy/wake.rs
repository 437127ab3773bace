//! What wakes a strategy. It is woken, never polled: the engine consumes the events, and asks for
//! a decision when something that the strategy named has happened.

use serde::{Deserialize, Serialize};

use crate::domain::{ConfigError, DAY, MICROSECOND, NEVER, WakeReason};

/// A feature and the level whose crossing wakes, upwards or downwards.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Crossing {
    /// Index among the strategy's features.
    pub feature: usize,
    /// The level.
    pub level: f64,
}

/// What a strategy named.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
#[expect(clippy::struct_excessive_bools, reason = "each is one thing that can wake")]
pub struct WakeSpec {
    /// At every multiple of this time, counted from 1970.
    pub every_ns: Option<i64>,
    /// When a bar of its series closes.
    pub bar: bool,
    /// When the book changed.
    pub book: bool,
    /// When somebody traded.
    pub trade: bool,
    /// When one of its orders traded.
    pub fill: bool,
    /// When a feature crosses a level.
    pub crossings: Vec<Crossing>,
}

impl WakeSpec {
    /// Check that something wakes it, and that it makes sense.
    ///
    /// # Errors
    ///
    /// [`ConfigError`] when nothing does, or an interval or a crossing is wrong.
    pub fn check(&self, features: usize) -> Result<(), ConfigError> {
        let wrong = |reason: &str| Err(ConfigError::new("wake", reason));
        let any = self.bar || self.book || self.trade || self.fill || self.every_ns.is_some();
        if !any && self.crossings.is_empty() {
            return wrong(
                "a strategy must name what wakes it: every, bar, book, trade, fill, cross",
            );
        }
        if self.every_ns.is_some_and(|ns| !(MICROSECOND..=DAY).contains(&ns)) {
            return wrong("the interval must lie between 1 µs and a day");
        }
        if self.crossings.iter().any(|c| c.feature >= features || !c.level.is_finite()) {
            return wrong("a crossing names a declared feature and a finite level");
        }
        Ok(())
    }
}

/// What a strategy named, and what happened of it since it was woken last.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(super) struct Alarm {
    spec: WakeSpec,
    next_timer_ns: i64,
    above: Vec<Option<bool>>,
    rings: Option<WakeReason>,
}

impl Alarm {
    pub(super) fn new(spec: WakeSpec) -> Self {
        let above = vec![None; spec.crossings.len()];
        let next_timer_ns = if spec.every_ns.is_some() { i64::MIN } else { NEVER };
        Self { spec, next_timer_ns, above, rings: None }
    }

    /// When the timer rings.
    pub(super) const fn timer_ns(&self) -> i64 {
        self.next_timer_ns
    }

    /// Something happened; does it wake?
    #[inline]
    pub(super) const fn heard(&mut self, reason: WakeReason) {
        let wakes = match reason {
            WakeReason::Bar => self.spec.bar,
            WakeReason::Book => self.spec.book,
            WakeReason::Trade => self.spec.trade,
            WakeReason::Fill => self.spec.fill,
            WakeReason::Timer | WakeReason::Cross => true,
        };
        if wakes && self.rings.is_none() {
            self.rings = Some(reason);
        }
    }

    /// Time passed.
    #[inline]
    pub(super) fn tick(&mut self, now_ns: i64) {
        if now_ns < self.next_timer_ns {
            return;
        }
        let Some(every) = self.spec.every_ns else { return };
        let first = self.next_timer_ns == i64::MIN;
        let next = now_ns.div_euclid(every.max(1)).saturating_add(1).saturating_mul(every);
        self.next_timer_ns = next;
        if !first {
            self.heard(WakeReason::Timer);
        }
    }

    /// Features may have moved across a level.
    #[inline]
    pub(super) fn watch(&mut self, value: impl Fn(usize) -> f64) {
        if self.spec.crossings.is_empty() {
            return;
        }
        let mut crossed = false;
        for (crossing, above) in self.spec.crossings.iter().zip(&mut self.above) {
            let value = value(crossing.feature);
            if value.is_nan() {
                continue;
            }
            let now = value > crossing.level;
            crossed |= above.is_some_and(|before| before != now);
            *above = Some(now);
        }
        if crossed {
            self.heard(WakeReason::Cross);
        }
    }

    /// Why the strategy is to be woken, if it is; asked once.
    #[inline]
    pub(super) const fn take(&mut self) -> Option<WakeReason> {
        self.rings.take()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn spec() -> WakeSpec {
        WakeSpec::default()
    }

    #[test]
    fn only_what_was_named_wakes() {
        let mut alarm = Alarm::new(WakeSpec { bar: true, ..spec() });
        alarm.heard(WakeReason::Book);
        alarm.heard(WakeReason::Trade);
        alarm.heard(WakeReason::Fill);
        assert_eq!(alarm.take(), None);
        alarm.heard(WakeReason::Bar);
        assert_eq!((alarm.take(), alarm.take()), (Some(WakeReason::Bar), None));
    }

    #[test]
    fn the_timer_rings_at_multiples_and_never_twice_for_one() {
        let mut alarm = Alarm::new(WakeSpec { every_ns: Some(100_000), ..spec() });
        alarm.tick(150_000);
        assert_eq!((alarm.take(), alarm.timer_ns()), (None, 200_000), "it begins to count");
        alarm.tick(199_999);
        assert_eq!(alarm.take(), None);
        alarm.tick(200_000);
        alarm.tick(250_000);
        assert_eq!((alarm.take(), alarm.take()), (Some(WakeReason::Timer), None));
        alarm.tick(999_999); // several were missed: one wake
        assert_eq!((alarm.take(), alarm.timer_ns()), (Some(WakeReason::Timer), 1_000_000));
    }

    #[test]
    fn a_crossing_wakes_both_ways_and_nan_does_not() {
        let crossings = vec![Crossing { feature: 0, level: 5.0 }];
        let mut alarm = Alarm::new(WakeSpec { crossings, ..spec() });
        let woken: Vec<bool> = [4.0, 6.0, 7.0, f64::NAN, 6.0, 5.0, 4.0]
            .into_iter()
            .map(|value| {
                alarm.watch(|_| value);
                alarm.take().is_some()
            })
            .collect();
        assert_eq!(woken, [false, true, false, false, false, true, false]);
    }

    #[test]
    fn a_strategy_that_nothing_wakes_is_refused() {
        assert!(spec().check(0).is_err());
        assert!(WakeSpec { every_ns: Some(0), ..spec() }.check(0).is_err());
        let crossing =
            |feature, level| WakeSpec { crossings: vec![Crossing { feature, level }], ..spec() };
        assert!(crossing(1, 0.0).check(1).is_err());
        assert!(crossing(0, f64::NAN).check(1).is_err());
        assert!(crossing(0, 0.0).check(1).is_ok());
    }
}
