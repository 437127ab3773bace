use serde::{Deserialize, Serialize};

use super::about::{About, InputKind, Parameter, Values};
use super::smooth::Smooth;
use super::{Feature, Input, float};

/// The exponential moving average of the closes, in ticks: begins with the mean of the first
/// `period` closes, then moves by 2 / (period + 1) of the distance to each close. As TA-Lib's EMA.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Ema {
    average: Smooth,
}

impl Ema {
    /// What it says of itself.
    pub const ABOUT: About = About {
        name: "ema",
        doc: "Exponential moving average of the closes.",
        unit: "ticks",
        inputs: &[InputKind::Bar],
        parameters: &[Parameter::bars("period", 1.0)],
    };

    pub(super) fn new(values: &Values<'_>) -> Self {
        Self { average: Smooth::exponential(values.whole("period")) }
    }
}

impl Feature for Ema {
    #[inline]
    fn update(&mut self, input: &Input<'_>) {
        if let Input::Bar { bar, .. } = *input {
            self.average.push(float::ticks(bar.close));
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

    use crate::features::twin;

    proptest! {
        #[test]
        fn equals_its_twin(bars in twin::bars(), period in 1..9_u32) {
            let weight = 2.0 / (f64::from(period) + 1.0);
            twin::on_bars("ema", &[("period", period.into())], &bars, |bars| {
                twin::smooth(&twin::closes(bars), period as usize, weight)
            })?;
        }
    }

    #[test]
    fn does_not_drift() {
        twin::on_many_bars("ema", &[("period", 100.0)], |bars| {
            twin::smooth(&twin::closes(bars), 100, 2.0 / 101.0)
        });
    }

    #[test]
    fn a_case_by_hand() {
        // Seed (10 + 20 + 30) / 3 = 20, weight 1/2: 20 + (40 − 20)/2 = 30, 30 + (10 − 30)/2 = 20.
        let values = twin::values("ema", &[("period", 3.0)], &[10, 20, 30, 40, 10]);
        assert!(values[..2].iter().all(|value| value.is_nan()));
        assert_eq!(values[2..], [20.0, 30.0, 20.0]);
    }
}
