use serde::{Deserialize, Serialize};

use super::about::{About, InputKind, Parameter, Values};
use super::smooth::Smooth;
use super::{Feature, Input, float};

/// Wilder's relative strength index of the closes, from 0 to 100: 100 × gain / (gain + loss), where
/// gain and loss are Wilder averages (begun with a mean) of the rises and falls over `period` bars.
///
/// Wilder 1978, "New concepts in technical trading systems"; as TA-Lib's RSI, but NaN instead of 0
/// while the price has never moved: 0 would read as oversold.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Rsi {
    previous: Option<i64>,
    gain: Smooth,
    loss: Smooth,
}

impl Rsi {
    /// What it says of itself.
    pub const ABOUT: About = About {
        name: "rsi",
        doc: "Wilder's relative strength index of the closes.",
        unit: "0 to 100",
        inputs: &[InputKind::Bar],
        parameters: &[Parameter::bars("period", 2.0)],
    };

    pub(super) fn new(values: &Values<'_>) -> Self {
        let average = Smooth::wilder(values.whole("period"));
        Self { previous: None, gain: average.clone(), loss: average }
    }
}

impl Feature for Rsi {
    #[inline]
    fn update(&mut self, input: &Input<'_>) {
        let Input::Bar { bar, .. } = *input else { return };
        let close = bar.close.ticks();
        if let Some(previous) = self.previous.replace(close) {
            let change = float::small(close.saturating_sub(previous));
            self.gain.push(change.max(0.0));
            self.loss.push((-change).max(0.0));
        }
    }

    #[inline]
    fn value(&self) -> f64 {
        let gain = self.gain.value();
        100.0 * gain / (gain + self.loss.value())
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use crate::domain::Bar;
    use crate::features::twin;

    fn naive(bars: &[Bar], period: usize) -> Option<f64> {
        let closes = twin::closes(bars);
        let changes: Vec<f64> = closes.windows(2).map(|pair| pair[1] - pair[0]).collect();
        let smooth = |sign: f64| {
            let moves: Vec<f64> = changes.iter().map(|change| (sign * change).max(0.0)).collect();
            twin::smooth(&moves, period, 1.0 / period as f64)
        };
        let (gain, loss) = (smooth(1.0)?, smooth(-1.0)?);
        Some(100.0 - 100.0 / (1.0 + gain / loss))
    }

    proptest! {
        #[test]
        fn equals_its_twin(bars in twin::bars(), period in 2..9_u32) {
            let parameters = [("period", period.into())];
            twin::on_bars("rsi", &parameters, &bars, |bars| naive(bars, period as usize))?;
        }
    }

    #[test]
    fn does_not_drift() {
        twin::on_many_bars("rsi", &[("period", 14.0)], |bars| naive(bars, 14));
    }

    #[test]
    fn a_case_by_hand() {
        // Rises 4, 0, 2, 0 and falls 0, 2, 0, 6. First averages (4 + 0)/2 and (0 + 2)/2: 200/3.
        // Then (2 + 2)/2 = 2 and (1 + 0)/2 = 0.5: 80. Then (2 + 0)/2 = 1, (0.5 + 6)/2 = 3.25.
        let values = twin::values("rsi", &[("period", 2.0)], &[10, 14, 12, 14, 8]);
        assert!(values[..2].iter().all(|value| value.is_nan()));
        let expected = [200.0 / 3.0, 80.0, 100.0 / 4.25];
        assert!(values[2..].iter().zip(expected).all(|(a, b)| (a - b).abs() < 1e-12), "{values:?}");
    }

    #[test]
    fn a_price_that_never_moved_has_none() {
        let values = twin::values("rsi", &[("period", 2.0)], &[10; 9]);
        assert!(values.iter().all(|value| value.is_nan()));
    }
}
