use serde::{Deserialize, Serialize};

use super::about::{About, InputKind, Parameter, Values};
use super::path::{Path, Step};
use super::{Feature, Input};

/// Volatility of the mid price per square root of a second, as a log return: the square root of
///
/// Σ r² · 2^(−age / halflife) ÷ ∫ 2^(−age / halflife) d age
///
/// where r are the log changes of the mid, each as old as its message, and the integral runs over
/// the time since the first mid. Multiply by √T for the volatility over T seconds.
///
/// It is realised variance (Andersen, Bollerslev, Diebold and Labys 2003) under an exponential
/// window. It holds every bounce of the mid, so over short times it reads higher than returns over
/// long ones would. It falls while nothing moves. Ready after one half-life. While the book is
/// hidden the value is NaN and the last mid goes on, so the change over the gap counts.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct VolatilityMid {
    halflife_ns: f64,
    path: Path,
    /// The weighted sum of squares when the mid last changed.
    squares: f64,
}

impl VolatilityMid {
    /// What it says of itself.
    pub const ABOUT: About = About {
        name: "volatility_mid",
        doc: "Realised volatility of the mid price, with weights that halve with age.",
        unit: "log return per square root of a second",
        inputs: &[InputKind::Book],
        parameters: &[Parameter::seconds("halflife_s")],
    };

    pub(super) fn new(values: &Values<'_>) -> Self {
        let halflife_ns = values.real("halflife_s") * 1e9;
        Self { halflife_ns, path: Path::new(), squares: 0.0 }
    }

    /// What a weight becomes with age.
    fn decay(&self, age_ns: f64) -> f64 {
        libm::exp2(-age_ns / self.halflife_ns)
    }
}

impl Feature for VolatilityMid {
    #[inline]
    fn update(&mut self, input: &Input<'_>) {
        let Input::Book { best, now_ns, .. } = *input else { return };
        if let Some(Step { from, to, lasted_ns }) = self.path.update(best, now_ns) {
            let change = libm::log(to / from);
            self.squares = self.squares * self.decay(lasted_ns) + change * change;
        }
    }

    #[inline]
    fn value(&self) -> f64 {
        let Some(age_ns) = self.path.age_ns().filter(|age| *age >= self.halflife_ns) else {
            return f64::NAN;
        };
        let squares = self.squares * self.decay(self.path.held_ns());
        let mean_age_s = self.halflife_ns / 1e9 / std::f64::consts::LN_2;
        libm::sqrt(squares / (mean_age_s * (1.0 - self.decay(age_ns))))
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use crate::features::twin::{self, Seen};

    fn naive(seen: &[Seen], halflife: f64) -> Option<f64> {
        let now = seen.last().unwrap();
        now.mid()?;
        let mids: Vec<_> = seen.iter().filter_map(|s| Some((s.age(now), s.mid()?))).collect();
        if mids[0].0 < halflife {
            return None;
        }
        let rate = std::f64::consts::LN_2 / halflife;
        let weight = |age: f64| libm::exp(-age * rate);
        let squares = mids.windows(2).map(|w| libm::log(w[1].1 / w[0].1).powi(2) * weight(w[1].0));
        Some((squares.sum::<f64>() * rate / (1.0 - weight(mids[0].0))).sqrt())
    }

    proptest! {
        #[test]
        fn equals_its_twin(
            steps in twin::steps(), halflife in prop::sample::select(vec![0.5, 4.0])
        ) {
            let parameters = [("halflife_s", halflife)];
            twin::on_books("volatility_mid", &parameters, &steps, |seen| naive(seen, halflife))?;
        }
    }

    #[test]
    fn does_not_drift() {
        twin::on_many_books("volatility_mid", &[("halflife_s", 20.0)], |seen| naive(seen, 20.0));
    }

    #[test]
    fn a_steady_zigzag_has_the_volatility_of_its_steps() {
        // ±1 % every second: variance 1e-4 a second.
        let mut feature = twin::feature("volatility_mid", &[("halflife_s", 60.0)]);
        let mut value = 0.0;
        for second in 0..2000 {
            let bid = if second % 2 == 0 { 10_000 } else { 10_100 };
            value = twin::show(&mut feature, f64::from(second), (bid, 1), (bid + 2, 1));
        }
        assert!((value - 0.01).abs() < 1e-4, "{value}");
    }
}
