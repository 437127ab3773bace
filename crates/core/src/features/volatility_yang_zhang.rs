use serde::{Deserialize, Serialize};

use super::about::{About, InputKind, Parameter, Values};
use super::window::{Moments, Rolling, Sum};
use super::{Feature, Input, float};
use crate::domain::Price;

/// Volatility per bar from the four prices of the last n = `period` bars and the close before them:
/// the square root of J + k·B + (1 − k)·R, with k = 0.34 / (1.34 + (n + 1) / (n − 1)).
///
/// J and B are the sample variances of ln(open / previous close) and ln(close / open), R is
/// the mean of ln(high / close)·ln(high / open) + ln(low / close)·ln(low / open) (Rogers and
/// Satchell 1991). Right under drift and jumps between bars. It needs `period` + 1 bars. Yang and
/// Zhang 2000, "Drift-independent volatility estimation based on high, low, open, and close prices".
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct VolatilityYangZhang {
    period: u32,
    previous: Option<Price>,
    jumps: Rolling<Moments>,
    bodies: Rolling<Moments>,
    ranges: Rolling<Sum>,
}

impl VolatilityYangZhang {
    /// What it says of itself.
    pub const ABOUT: About = About {
        name: "volatility_yang_zhang",
        doc: "Volatility from bars, right under drift and jumps between bars (Yang and Zhang).",
        unit: "log return per bar",
        inputs: &[InputKind::Bar],
        parameters: &[Parameter::bars("period", 2.0)],
    };

    pub(super) fn new(values: &Values<'_>) -> Self {
        let period = values.whole("period");
        let moments = Rolling::new(period);
        Self {
            period,
            previous: None,
            jumps: moments.clone(),
            bodies: moments,
            ranges: Rolling::new(period),
        }
    }
}

impl Feature for VolatilityYangZhang {
    #[inline]
    fn update(&mut self, input: &Input<'_>) {
        let Input::Bar { bar, .. } = *input else { return };
        let Some(previous) = self.previous.replace(bar.close) else { return };
        let log = float::log_return;
        self.jumps.push(Moments::of(log(previous, bar.open)));
        self.bodies.push(Moments::of(log(bar.open, bar.close)));
        let high = log(bar.close, bar.high) * log(bar.open, bar.high);
        let low = log(bar.close, bar.low) * log(bar.open, bar.low);
        self.ranges.push(Sum(high + low));
    }

    #[inline]
    fn value(&self) -> f64 {
        let parts = (self.jumps.summary(), self.bodies.summary(), self.ranges.summary());
        let (Some(jumps), Some(bodies), Some(ranges)) = parts else { return f64::NAN };
        let n = f64::from(self.period);
        let k = 0.34 / (1.34 + (n + 1.0) / (n - 1.0));
        libm::sqrt(jumps.variance() + k * bodies.variance() + (1.0 - k) * ranges.0 / n)
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use crate::domain::{Bar, Price};
    use crate::features::twin;

    fn naive(bars: &[Bar], period: usize) -> Option<f64> {
        let window = twin::last(bars, period + 1)?;
        let log = |price: Price| libm::log(price.ticks() as f64);
        let jumps: Vec<f64> = window.windows(2).map(|w| log(w[1].open) - log(w[0].close)).collect();
        let window = &window[1..];
        let bodies: Vec<f64> = window.iter().map(|bar| log(bar.close) - log(bar.open)).collect();
        let range = |bar: &Bar| {
            let [o, h, l, c] = [bar.open, bar.high, bar.low, bar.close].map(log);
            (h - c) * (h - o) + (l - c) * (l - o)
        };
        let n = period as f64;
        let k = 0.34 / (1.34 + (n + 1.0) / (n - 1.0));
        let ranges = window.iter().map(range).sum::<f64>() / n;
        let variance = twin::variance(&jumps) + k * twin::variance(&bodies) + (1.0 - k) * ranges;
        Some(variance.sqrt())
    }

    proptest! {
        #[test]
        fn equals_its_twin(bars in twin::bars(), period in 2..9_u32) {
            twin::on_bars("volatility_yang_zhang", &[("period", period.into())], &bars, |bars| {
                naive(bars, period as usize)
            })?;
        }
    }

    #[test]
    fn does_not_drift() {
        twin::on_many_bars("volatility_yang_zhang", &[("period", 100.0)], |bars| naive(bars, 100));
    }

    #[test]
    fn a_case_by_hand() {
        // Jumps ln 2 and 0: variance ln² 2 / 2. Bodies 0 and ln 2: the same. Ranges: first bar
        // open = close = 200, high 400, low 200: ln² 2; second has none beyond its body: 0.
        // k = 0.34 / (1.34 + 3).
        let bars = [(100, 100, 100, 100), (200, 400, 200, 200), (200, 400, 200, 400)];
        let parameters = [("period", 2.0)];
        let values =
            twin::values_of_bars("volatility_yang_zhang", &parameters, &bars.map(twin::bar));
        let (square, k) = (std::f64::consts::LN_2.powi(2), 0.34 / 4.34);
        let expected = (square / 2.0 + k * square / 2.0 + (1.0 - k) * square / 2.0).sqrt();
        assert!(values[1].is_nan());
        assert!((values[2] - expected).abs() < 1e-12);
    }
}
