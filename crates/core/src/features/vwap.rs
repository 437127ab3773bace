use serde::{Deserialize, Serialize};

use super::about::{About, InputKind, Parameter, Values};
use super::window::Ring;
use super::{Feature, Input, float};
use crate::domain::Qty;

/// The volume-weighted average price of the last `period` bars, in ticks: Σ typical × volume ÷
/// Σ volume, where the typical price of a bar is (high + low + close) / 3.
///
/// A bar does not keep what each of its trades paid, so this is the usual approximation from bars,
/// also for bars that we made from trades. NaN when nothing was traded in the window. Berkowitz,
/// Logue and Noser 1988, "The total cost of transactions on the NYSE".
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Vwap {
    bars: Ring<(i64, Qty)>,
    /// Three times the sum of typical price × volume.
    thrice: i128,
    volume: i128,
}

impl Vwap {
    /// What it says of itself.
    pub const ABOUT: About = About {
        name: "vwap",
        doc: "Average of the bars' typical prices, weighted by volume.",
        unit: "ticks",
        inputs: &[InputKind::Bar],
        parameters: &[Parameter::bars("period", 1.0)],
    };

    pub(super) fn new(values: &Values<'_>) -> Self {
        let bars = Ring::new(values.whole("period"), (0, Qty::ZERO));
        Self { bars, thrice: 0, volume: 0 }
    }
}

impl Feature for Vwap {
    #[inline]
    fn update(&mut self, input: &Input<'_>) {
        let Input::Bar { bar, .. } = *input else { return };
        let prices = bar.high.ticks().saturating_add(bar.low.ticks());
        let comes = (prices.saturating_add(bar.close.ticks()), bar.volume);
        let leaves = self.bars.push(comes).unwrap_or((0, Qty::ZERO));
        let value = |(prices, qty): (i64, Qty)| {
            let lots = i128::from(qty.lots());
            (i128::from(prices).wrapping_mul(lots), lots)
        };
        let (comes, leaves) = (value(comes), value(leaves));
        self.thrice = self.thrice.wrapping_add(comes.0).wrapping_sub(leaves.0);
        self.volume = self.volume.wrapping_add(comes.1).wrapping_sub(leaves.1);
    }

    #[inline]
    fn value(&self) -> f64 {
        if self.bars.is_full() {
            float::wide(self.thrice) / (3.0 * float::wide(self.volume))
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
        let typical =
            |bar: &Bar| (bar.high.ticks() + bar.low.ticks() + bar.close.ticks()) as f64 / 3.0;
        let volume = |bar: &Bar| bar.volume.lots() as f64;
        let value = window.iter().map(|bar| typical(bar) * volume(bar)).sum::<f64>();
        Some(value / window.iter().map(volume).sum::<f64>())
    }

    proptest! {
        #[test]
        fn equals_its_twin(bars in twin::bars(), period in 1..9_u32) {
            let parameters = [("period", period.into())];
            twin::on_bars("vwap", &parameters, &bars, |bars| naive(bars, period as usize))?;
        }
    }

    #[test]
    fn does_not_drift() {
        twin::on_many_bars("vwap", &[("period", 100.0)], |bars| naive(bars, 100));
    }
}
