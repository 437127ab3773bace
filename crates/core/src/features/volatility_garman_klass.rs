use serde::{Deserialize, Serialize};

use super::about::{About, InputKind, Parameter, Values};
use super::window::{Rolling, Sum};
use super::{Feature, Input, float};

/// Volatility per bar from the four prices of the last `period` bars: the square root of the mean
/// of ½ ln(high / low)² − (2 ln 2 − 1) ln(close / open)².
///
/// For a price without drift and without jumps between bars, more than seven times as efficient as
/// closes. Garman and Klass 1980, "On the estimation of security price volatilities from historical
/// data", their practical estimator.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct VolatilityGarmanKlass {
    period: u32,
    squares: Rolling<Sum>,
}

impl VolatilityGarmanKlass {
    /// What it says of itself.
    pub const ABOUT: About = About {
        name: "volatility_garman_klass",
        doc: "Volatility from all four prices of bars (Garman and Klass).",
        unit: "log return per bar",
        inputs: &[InputKind::Bar],
        parameters: &[Parameter::bars("period", 1.0)],
    };

    pub(super) fn new(values: &Values<'_>) -> Self {
        let period = values.whole("period");
        Self { period, squares: Rolling::new(period) }
    }
}

impl Feature for VolatilityGarmanKlass {
    #[inline]
    fn update(&mut self, input: &Input<'_>) {
        let Input::Bar { bar, .. } = *input else { return };
        let range = float::log_return(bar.low, bar.high);
        let body = float::log_return(bar.open, bar.close);
        let share = 2.0 * std::f64::consts::LN_2 - 1.0;
        self.squares.push(Sum(0.5 * range * range - share * body * body));
    }

    #[inline]
    fn value(&self) -> f64 {
        let Some(Sum(sum)) = self.squares.summary() else { return f64::NAN };
        libm::sqrt(sum / f64::from(self.period))
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use crate::domain::{Bar, Price};
    use crate::features::twin;

    fn naive(bars: &[Bar], period: usize) -> Option<f64> {
        let log = |price: Price| libm::log(price.ticks() as f64);
        let square = |bar: &Bar| {
            let (range, body) = (log(bar.high) - log(bar.low), log(bar.close) - log(bar.open));
            0.5 * range.powi(2) - (2.0 * libm::log(2.0) - 1.0) * body.powi(2)
        };
        let sum = twin::last(bars, period)?.iter().map(square).sum::<f64>();
        Some((sum / period as f64).sqrt())
    }

    proptest! {
        #[test]
        fn equals_its_twin(bars in twin::bars(), period in 1..9_u32) {
            twin::on_bars("volatility_garman_klass", &[("period", period.into())], &bars, |bars| {
                naive(bars, period as usize)
            })?;
        }
    }

    #[test]
    fn does_not_drift() {
        let parameters = [("period", 100.0)];
        twin::on_many_bars("volatility_garman_klass", &parameters, |bars| naive(bars, 100));
    }

    #[test]
    fn a_case_by_hand() {
        // ½ ln² 4 − (2 ln 2 − 1) ln² 2 = ln² 2 (2 − 2 ln 2 + 1).
        let ln2 = std::f64::consts::LN_2;
        let bars = [twin::bar((100, 400, 100, 200))];
        let values = twin::values_of_bars("volatility_garman_klass", &[("period", 1.0)], &bars);
        assert!((values[0] - ln2 * (3.0 - 2.0 * ln2).sqrt()).abs() < 1e-12);
    }
}
