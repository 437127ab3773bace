use serde::{Deserialize, Serialize};

use super::about::{About, InputKind, Parameter, Values};
use super::path::{Path, Step};
use super::{Feature, Input};

/// The exponential average of the mid price over time, in ticks: each moment weighs half as much
/// as the one `halflife_s` after it.
///
/// The mid is a step function of time, and this is its exact average: over a stretch of length dt
/// in which the mid was m, the average moves by (1 − 2^(−dt / halflife)) × (m − average). So a new
/// mid counts from its own moment on, and messages that do not move the mid change nothing.
/// Before its first value the mid is taken to have been there always; ready after one half-life.
/// While the book is hidden the value is NaN and the last mid goes on. Eckner 2012, "Algorithms
/// for unevenly spaced time series" (`EMA_last`).
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct EmaMid {
    halflife_ns: f64,
    path: Path,
    /// The average when the mid last changed.
    average: Option<f64>,
}

impl EmaMid {
    /// What it says of itself.
    pub const ABOUT: About = About {
        name: "ema_mid",
        doc: "Exponential average of the mid price over time.",
        unit: "ticks",
        inputs: &[InputKind::Book],
        parameters: &[Parameter::seconds("halflife_s")],
    };

    pub(super) fn new(values: &Values<'_>) -> Self {
        let halflife_ns = values.real("halflife_s") * 1e9;
        Self { halflife_ns, path: Path::new(), average: None }
    }

    /// The average after `mid` has held for a time.
    fn after(&self, mid: f64, held_ns: f64) -> f64 {
        let halflives = held_ns / self.halflife_ns;
        // Both weights are exact on their own, for a price that has jumped by orders of magnitude.
        let before = libm::exp2(-halflives);
        let since = -libm::expm1(-halflives * std::f64::consts::LN_2);
        self.average.map_or(mid, |average| average * before + mid * since)
    }
}

impl Feature for EmaMid {
    #[inline]
    fn update(&mut self, input: &Input<'_>) {
        let Input::Book { best, now_ns, .. } = *input else { return };
        if let Some(Step { from, lasted_ns, .. }) = self.path.update(best, now_ns) {
            self.average = Some(self.after(from, lasted_ns));
        }
    }

    #[inline]
    fn value(&self) -> f64 {
        match self.path.age_ns() {
            Some(age) if age >= self.halflife_ns => {
                self.after(self.path.mid(), self.path.held_ns())
            }
            _ => f64::NAN,
        }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use crate::features::twin::{self, Seen};

    /// The integral of the mid under the kernel, one stretch of constant mid after the other.
    fn naive(seen: &[Seen], halflife: f64) -> Option<f64> {
        let now = seen.last().unwrap();
        now.mid()?;
        let mids: Vec<_> = seen.iter().filter_map(|s| Some((s.age(now), s.mid()?))).collect();
        let (oldest, first_mid) = mids[0];
        if oldest < halflife {
            return None;
        }
        let weight = |age: f64| libm::exp(-age * std::f64::consts::LN_2 / halflife);
        let mut sum = first_mid * weight(oldest);
        for (i, &(from, mid)) in mids.iter().enumerate() {
            let until = mids.get(i + 1).map_or(0.0, |next| next.0);
            sum += mid * (weight(until) - weight(from));
        }
        Some(sum)
    }

    proptest! {
        #[test]
        fn equals_its_twin(
            steps in twin::steps(), halflife in prop::sample::select(vec![0.5, 4.0])
        ) {
            twin::on_books("ema_mid", &[("halflife_s", halflife)], &steps, |s| naive(s, halflife))?;
        }
    }

    #[test]
    fn does_not_drift() {
        twin::on_many_books("ema_mid", &[("halflife_s", 20.0)], |seen| naive(seen, 20.0));
    }

    #[test]
    fn half_the_way_after_one_half_life() {
        let mut feature = twin::feature("ema_mid", &[("halflife_s", 2.0)]);
        let mut value = |seconds, bid| twin::show(&mut feature, seconds, (bid, 1), (bid + 2, 1));
        assert!(value(0.0, 99).is_nan());
        assert_eq!(value(10.0, 99), 100.0);
        assert_eq!(value(10.0, 199), 100.0, "no time has passed at the new price");
        assert_eq!(value(12.0, 199), 150.0);
        assert_eq!(value(14.0, 299), 175.0);
    }
}
