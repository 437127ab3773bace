use serde::{Deserialize, Serialize};

use super::about::{About, InputKind, Parameter, Values};
use super::smooth::Smooth;
use super::{Feature, Input, float};

/// Wilder's average true range, in ticks. The true range of a bar runs from the lower of its low
/// and the previous close to the higher of its high and the previous close. Begins with the mean
/// of the first `period` true ranges, then moves by 1 / period of the distance to each.
///
/// Wilder 1978, "New concepts in technical trading systems"; as TA-Lib's ATR, in which the first
/// bar has no true range.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Atr {
    previous: Option<i64>,
    average: Smooth,
}

impl Atr {
    /// What it says of itself.
    pub const ABOUT: About = About {
        name: "atr",
        doc: "Wilder's average true range.",
        unit: "ticks",
        inputs: &[InputKind::Bar],
        parameters: &[Parameter::bars("period", 1.0)],
    };

    pub(super) fn new(values: &Values<'_>) -> Self {
        Self { previous: None, average: Smooth::wilder(values.whole("period")) }
    }
}

impl Feature for Atr {
    #[inline]
    fn update(&mut self, input: &Input<'_>) {
        let Input::Bar { bar, .. } = *input else { return };
        if let Some(previous) = self.previous.replace(bar.close.ticks()) {
            let (high, low) = (bar.high.ticks().max(previous), bar.low.ticks().min(previous));
            self.average.push(float::small(high.saturating_sub(low)));
        }
    }

    #[inline]
    fn value(&self) -> f64 {
        self.average.value()
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use crate::domain::Bar;
    use crate::features::twin;

    fn naive(bars: &[Bar], period: usize) -> Option<f64> {
        let range = |pair: &[Bar]| {
            let (high, low) = (pair[1].high.ticks() as f64, pair[1].low.ticks() as f64);
            let close = pair[0].close.ticks() as f64;
            (high - low).max((high - close).abs()).max((low - close).abs())
        };
        let ranges: Vec<f64> = bars.windows(2).map(range).collect();
        twin::smooth(&ranges, period, 1.0 / period as f64)
    }

    proptest! {
        #[test]
        fn equals_its_twin(bars in twin::bars(), period in 1..9_u32) {
            let parameters = [("period", period.into())];
            twin::on_bars("atr", &parameters, &bars, |bars| naive(bars, period as usize))?;
        }
    }

    #[test]
    fn does_not_drift() {
        twin::on_many_bars("atr", &[("period", 14.0)], |bars| naive(bars, 14));
    }

    #[test]
    fn a_case_by_hand() {
        // Ranges: none; from 10 up to 16: 6; 14 to 18: 4; gap from 15 down to 5: 10.
        // Mean (6 + 4)/2 = 5; then (5 + 10)/2 = 7.5.
        let bars = [(9, 11, 8, 10), (12, 16, 11, 14), (15, 18, 14, 15), (7, 8, 5, 6)];
        let values = twin::values_of_bars("atr", &[("period", 2.0)], &bars.map(twin::bar));
        assert!(values[..2].iter().all(|value| value.is_nan()));
        assert_eq!(values[2..], [5.0, 7.5]);
    }
}
