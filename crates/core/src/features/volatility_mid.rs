use serde::{Deserialize, Serialize};

use super::about::{About, InputKind, Parameter, Values};
use super::{Feature, Input, float, mid};

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
    state: Option<State>,
    hidden: bool,
}

#[derive(Clone, Debug, Serialize, Deserialize)]
struct State {
    first_ns: i64,
    /// Since when the mid is what it is.
    since_ns: i64,
    now_ns: i64,
    twice_mid: i64,
    /// The weighted sum of squares at `since_ns`.
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
        Self { halflife_ns: values.real("halflife_s") * 1e9, state: None, hidden: true }
    }

    /// 2^(−the time between / halflife).
    fn decay(&self, from_ns: i64, to_ns: i64) -> f64 {
        libm::exp2(-float::small(to_ns.saturating_sub(from_ns)) / self.halflife_ns)
    }
}

impl Feature for VolatilityMid {
    #[inline]
    fn update(&mut self, input: &Input<'_>) {
        let Input::Book { best, now_ns, .. } = *input else { return };
        let twice_mid = mid::twice(best);
        self.hidden = twice_mid.is_none();
        let Some(mut state) = self.state.take() else {
            self.state = twice_mid.map(|twice_mid| State {
                first_ns: now_ns,
                since_ns: now_ns,
                now_ns,
                twice_mid,
                squares: 0.0,
            });
            return;
        };
        state.now_ns = state.now_ns.max(now_ns);
        if let Some(twice_mid) = twice_mid.filter(|twice| *twice != state.twice_mid) {
            let change = libm::log(float::small(twice_mid) / float::small(state.twice_mid));
            state.squares *= self.decay(state.since_ns, state.now_ns);
            state.squares += change * change;
            state.since_ns = state.now_ns;
            state.twice_mid = twice_mid;
        }
        self.state = Some(state);
    }

    #[inline]
    fn value(&self) -> f64 {
        let Some(state) = self.state.as_ref().filter(|_| !self.hidden) else { return f64::NAN };
        if float::small(state.now_ns.saturating_sub(state.first_ns)) < self.halflife_ns {
            return f64::NAN;
        }
        let squares = state.squares * self.decay(state.since_ns, state.now_ns);
        let halflife_s = self.halflife_ns / 1e9;
        let weights =
            halflife_s / std::f64::consts::LN_2 * (1.0 - self.decay(state.first_ns, state.now_ns));
        libm::sqrt(squares / weights)
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
        fn equals_its_twin(steps in twin::steps(), halflife in prop::sample::select(vec![0.5, 4.0])) {
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
