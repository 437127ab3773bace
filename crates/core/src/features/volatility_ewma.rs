use serde::{Deserialize, Serialize};

use super::about::{About, InputKind, Parameter, Values};
use super::{Feature, Input, float};
use crate::domain::Price;

/// Volatility per bar from all log returns r from close to close, each weighing `lambda` times as
/// much as the one after it: √(Σ λ^age · r² / Σ λ^age). The mean return is taken as zero.
///
/// Ready after 1 / (1 − lambda) returns, rounded up. J.P. Morgan 1996, "`RiskMetrics` technical
/// document", which takes lambda 0.94 for days and 0.97 for months. There the weights are those of
/// an endless past; here they add up to one over the returns there are, so the start is unbiased.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct VolatilityEwma {
    lambda: f64,
    previous: Option<Price>,
    squares: f64,
    weights: f64,
    /// Returns still to come before it is ready.
    missing: u32,
}

impl VolatilityEwma {
    /// What it says of itself.
    pub const ABOUT: About = About {
        name: "volatility_ewma",
        doc: "Volatility from closes, with weights that fall by the decay a bar (RiskMetrics).",
        unit: "log return per bar",
        inputs: &[InputKind::Bar],
        parameters: &[Parameter {
            name: "decay",
            unit: "weight a bar",
            min: 0.5,
            max: 0.9999,
            whole: false,
            default: Some(0.94),
        }],
    };

    #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "2 to 10 000")]
    pub(super) fn new(values: &Values<'_>) -> Self {
        let lambda = values.real("decay");
        // Less a little, so that rounding does not make 17 out of 16.
        let missing = libm::ceil(1.0 / (1.0 - lambda) - 1e-6) as u32;
        Self { lambda, previous: None, squares: 0.0, weights: 0.0, missing }
    }
}

impl Feature for VolatilityEwma {
    #[inline]
    fn update(&mut self, input: &Input<'_>) {
        let Input::Bar { bar, .. } = *input else { return };
        if let Some(previous) = self.previous.replace(bar.close) {
            let change = float::log_return(previous, bar.close);
            self.squares = self.lambda * self.squares + change * change;
            self.weights = self.lambda * self.weights + 1.0;
            self.missing = self.missing.saturating_sub(1);
        }
    }

    #[inline]
    fn value(&self) -> f64 {
        if self.missing > 0 { f64::NAN } else { libm::sqrt(self.squares / self.weights) }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use crate::domain::Bar;
    use crate::features::twin;

    fn naive(bars: &[Bar], lambda: f64, warm: usize) -> Option<f64> {
        let closes = twin::closes(bars);
        if closes.len() <= warm {
            return None;
        }
        let (mut squares, mut weights, mut weight) = (0.0, 0.0, 1.0);
        for pair in closes.windows(2).rev() {
            squares += weight * libm::log(pair[1] / pair[0]).powi(2);
            weights += weight;
            weight *= lambda;
        }
        Some((squares / weights).sqrt())
    }

    proptest! {
        #[test]
        fn equals_its_twin(
            bars in twin::bars(),
            (lambda, warm) in prop::sample::select(vec![(0.5, 2), (0.8, 5), (0.94, 17)]),
        ) {
            twin::on_bars("volatility_ewma", &[("decay", lambda)], &bars, |bars| {
                naive(bars, lambda, warm)
            })?;
        }
    }

    #[test]
    fn does_not_drift() {
        twin::on_many_bars("volatility_ewma", &[], |bars| naive(bars, 0.94, 17));
    }

    #[test]
    fn a_case_by_hand() {
        // Returns ln 2, then 0: ½ ln² 2 / (½ + 1) = ln² 2 / 3.
        let values = twin::values("volatility_ewma", &[("decay", 0.5)], &[100, 200, 200]);
        assert!(values[1].is_nan());
        assert!((values[2] - std::f64::consts::LN_2 / 3_f64.sqrt()).abs() < 1e-12);
    }
}
