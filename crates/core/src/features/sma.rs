use serde::{Deserialize, Serialize};

use super::about::{About, InputKind, Parameter, Values};
use super::window::Ring;
use super::{Feature, Input, float};

/// The mean close of the last `period` bars, in ticks.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Sma {
    period: u32,
    closes: Ring<i64>,
    sum: i128,
}

impl Sma {
    /// What it says of itself.
    pub const ABOUT: About = About {
        name: "sma",
        doc: "Mean close.",
        unit: "ticks",
        inputs: &[InputKind::Bar],
        parameters: &[Parameter::bars("period", 1.0)],
    };

    pub(super) fn new(values: &Values<'_>) -> Self {
        let period = values.whole("period");
        Self { period, closes: Ring::new(period, 0), sum: 0 }
    }
}

impl Feature for Sma {
    #[inline]
    fn update(&mut self, input: &Input<'_>) {
        let Input::Bar { bar, .. } = *input else { return };
        let close = bar.close.ticks();
        let leaves = self.closes.push(close).unwrap_or(0);
        self.sum = self.sum.wrapping_add(close.into()).wrapping_sub(leaves.into());
    }

    #[inline]
    fn value(&self) -> f64 {
        if self.closes.is_full() {
            float::wide(self.sum) / f64::from(self.period)
        } else {
            f64::NAN
        }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use crate::domain::Bar;
    use crate::features::twin;

    fn naive(bars: &[Bar], period: usize) -> Option<f64> {
        let window = twin::last(bars, period)?;
        Some(window.iter().map(|bar| bar.close.ticks() as f64).sum::<f64>() / period as f64)
    }

    proptest! {
        #[test]
        fn equals_its_twin(bars in twin::bars(), period in 1..9_u32) {
            let parameters = [("period", period.into())];
            twin::on_bars("sma", &parameters, &bars, |bars| naive(bars, period as usize))?;
        }
    }

    #[test]
    fn does_not_drift() {
        twin::on_many_bars("sma", &[("period", 100.0)], |bars| naive(bars, 100));
    }
}
