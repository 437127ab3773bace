use serde::{Deserialize, Serialize};

use super::about::{About, InputKind, Parameter, Values};
use super::window::Ring;
use super::{Feature, Input, float, mid};

/// Steps of the grid within the horizon.
const STEPS: u32 = 64;

/// The log return of the mid price over about `horizon_s`: ln(mid now / mid then).
///
/// "Then" lies on a grid of steps of horizon / 64, counted from 1970: it is the last grid point
/// that is at least one horizon ago, so between 64 and 65 steps ago. The mid at a grid point is
/// the last one from before it. Ready when a mid from before such a point is known. While the book
/// is hidden the value is NaN and the last mid goes on.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct ReturnMid {
    step_ns: i64,
    /// Twice the mid at the last 65 grid points; 0 where there was none.
    grid: Ring<i64>,
    /// Number of the grid's newest point.
    point: i64,
    /// Twice the mid now, the last that was seen, and at the point one horizon ago; 0 for none.
    now: i64,
    held: i64,
    then: i64,
}

impl ReturnMid {
    /// What it says of itself.
    pub const ABOUT: About = About {
        name: "return_mid",
        doc: "Log return of the mid price over a time.",
        unit: "log return",
        inputs: &[InputKind::Book],
        parameters: &[Parameter::seconds("horizon_s")],
    };

    pub(super) fn new(values: &Values<'_>) -> Self {
        let step_ns = values.nanoseconds("horizon_s").checked_div(STEPS.into()).unwrap_or(1).max(1);
        let grid = Ring::new(STEPS, 0);
        Self { step_ns, grid, point: i64::MIN, now: 0, held: 0, then: 0 }
    }
}

impl Feature for ReturnMid {
    #[inline]
    fn update(&mut self, input: &Input<'_>) {
        let Input::Book { best, now_ns, .. } = *input else { return };
        let point = now_ns.checked_div_euclid(self.step_ns).unwrap_or(0);
        // Beyond 65 points the ring holds nothing but the last mid.
        let missing = point.saturating_sub(self.point).clamp(0, i64::from(STEPS).saturating_add(1));
        for _ in 0..missing {
            self.then = self.grid.push(self.held).unwrap_or(0);
        }
        self.point = self.point.max(point);
        self.now = mid::twice(best).unwrap_or(0);
        if self.now > 0 {
            self.held = self.now;
        }
    }

    #[inline]
    fn value(&self) -> f64 {
        if self.now > 0 && self.then > 0 {
            libm::log(float::small(self.now) / float::small(self.then))
        } else {
            f64::NAN
        }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use crate::features::twin::{self, Seen};

    fn naive(seen: &[Seen], horizon_ns: i64) -> Option<f64> {
        let now = seen.last().unwrap();
        let step = horizon_ns / 64;
        let then_ns = (now.now_ns / step - 64) * step;
        let mut before =
            seen.iter().rev().filter(|one| one.now_ns < then_ns && one.mid().is_some());
        Some(libm::log(now.mid()? / before.next()?.mid()?))
    }

    proptest! {
        #[test]
        fn equals_its_twin(
            steps in twin::steps(), horizon in prop::sample::select(vec![1, 8, 64])
        ) {
            let parameters = [("horizon_s", f64::from(horizon))];
            let horizon_ns = i64::from(horizon) * 1_000_000_000;
            twin::on_books("return_mid", &parameters, &steps, |seen| naive(seen, horizon_ns))?;
        }
    }

    #[test]
    fn does_not_drift() {
        twin::on_many_books("return_mid", &[("horizon_s", 64.0)], |s| naive(s, 64_000_000_000));
    }

    #[test]
    fn looks_one_horizon_back() {
        let mut feature = twin::feature("return_mid", &[("horizon_s", 64.0)]);
        let mut value = |seconds, bid| twin::show(&mut feature, seconds, (bid, 1), (bid + 2, 1));
        assert!(value(0.5, 99).is_nan());
        assert!(value(10.0, 199).is_nan());
        assert!(value(64.9, 99).is_nan(), "the point at 0 s has no mid before it");
        assert_eq!(value(65.0, 399), libm::log(4.0), "the point at 1 s");
        assert_eq!(value(74.5, 399), libm::log(4.0), "the point at 10 s, before the change");
        assert_eq!(value(75.0, 399), libm::log(2.0), "the point at 11 s");
    }
}
