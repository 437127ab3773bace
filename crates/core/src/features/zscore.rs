use serde::{Deserialize, Serialize};

use super::about::{About, InputKind, Parameter, Values};
use super::window::Ring;
use super::{Feature, Input, float};

/// How many sample standard deviations the newest close lies above the mean of the last `period`
/// closes, itself among them: (close − mean) / std. NaN when all are equal.
///
/// The sums are exact: with n closes, std² = (n·Σc² − (Σc)²) / (n·(n − 1)).
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Zscore {
    period: u32,
    closes: Ring<i64>,
    newest: i64,
    sum: i128,
    squares: i128,
}

impl Zscore {
    /// What it says of itself.
    pub const ABOUT: About = About {
        name: "zscore",
        doc: "Distance of the close from the mean close, in standard deviations.",
        unit: "standard deviations",
        inputs: &[InputKind::Bar],
        parameters: &[Parameter::bars("period", 2.0)],
    };

    pub(super) fn new(values: &Values<'_>) -> Self {
        let period = values.whole("period");
        Self { period, closes: Ring::new(period, 0), newest: 0, sum: 0, squares: 0 }
    }
}

impl Feature for Zscore {
    #[inline]
    fn update(&mut self, input: &Input<'_>) {
        let Input::Bar { bar, .. } = *input else { return };
        self.newest = bar.close.ticks();
        let comes = i128::from(self.newest);
        let leaves = i128::from(self.closes.push(self.newest).unwrap_or(0));
        let square = |x: i128| x.wrapping_mul(x);
        self.sum = self.sum.wrapping_add(comes).wrapping_sub(leaves);
        self.squares = self.squares.wrapping_add(square(comes)).wrapping_sub(square(leaves));
    }

    #[inline]
    fn value(&self) -> f64 {
        if !self.closes.is_full() {
            return f64::NAN;
        }
        let n = i128::from(self.period);
        let distance = n.wrapping_mul(self.newest.into()).wrapping_sub(self.sum);
        let scatter = n.wrapping_mul(self.squares).wrapping_sub(self.sum.wrapping_mul(self.sum));
        let n = f64::from(self.period);
        float::wide(distance) / n / libm::sqrt(float::wide(scatter) / (n * (n - 1.0)))
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use crate::domain::Bar;
    use crate::features::twin;

    fn naive(bars: &[Bar], period: usize) -> Option<f64> {
        let closes = twin::closes(twin::last(bars, period)?);
        if closes.iter().all(|close| *close == closes[0]) {
            return None;
        }
        // Counted from the first close, so that floats are exact around huge prices too.
        let closes: Vec<f64> = closes.iter().map(|close| close - closes[0]).collect();
        let mean = closes.iter().sum::<f64>() / period as f64;
        Some((closes.last()? - mean) / twin::variance(&closes).sqrt())
    }

    proptest! {
        #[test]
        fn equals_its_twin(bars in twin::bars(), period in 2..9_u32) {
            let parameters = [("period", period.into())];
            twin::on_bars("zscore", &parameters, &bars, |bars| naive(bars, period as usize))?;
        }
    }

    #[test]
    fn does_not_drift() {
        twin::on_many_bars("zscore", &[("period", 100.0)], |bars| naive(bars, 100));
    }

    #[test]
    fn a_case_by_hand() {
        // 1, 2, 6: mean 3, squared distances 4 + 1 + 9 = 14, std √7.
        let values = twin::values("zscore", &[("period", 3.0)], &[1, 2, 6, 6, 6]);
        assert!((values[2] - 3.0 / 7_f64.sqrt()).abs() < 1e-12);
        assert!(values[4].is_nan(), "nothing scatters");
    }
}
