use serde::{Deserialize, Serialize};

use super::about::{About, InputKind, Parameter, Values};
use super::window::{Lowest, Ring, Rolling};
use super::{Feature, Input, float};

/// The lowest low of `period` bars, in ticks; the window ends `offset` bars before the newest.
///
/// With offset 0 the newest bar is in it, so no close is ever below it; a breakout looks at offset
/// 1. The channel of Donchian's four-week rule, 1960.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct DonchianLow {
    delay: Ring<i64>,
    window: Rolling<Lowest>,
}

impl DonchianLow {
    /// What it says of itself.
    pub const ABOUT: About = About {
        name: "donchian_low",
        doc: "The lowest low of a window of bars.",
        unit: "ticks",
        inputs: &[InputKind::Bar],
        parameters: &[Parameter::bars("period", 1.0), Parameter::bars("offset", 0.0).or(0.0)],
    };

    pub(super) fn new(values: &Values<'_>) -> Self {
        let delay = Ring::new(values.whole("offset"), 0);
        Self { delay, window: Rolling::new(values.whole("period")) }
    }
}

impl Feature for DonchianLow {
    #[inline]
    fn update(&mut self, input: &Input<'_>) {
        let Input::Bar { bar, .. } = *input else { return };
        if let Some(ticks) = self.delay.push(bar.low.ticks()) {
            self.window.push(Lowest(ticks));
        }
    }

    #[inline]
    fn value(&self) -> f64 {
        self.window.summary().map_or(f64::NAN, |lowest| float::small(lowest.0))
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use crate::domain::Bar;
    use crate::features::twin;

    fn naive(bars: &[Bar], period: usize, offset: usize) -> Option<f64> {
        let window = twin::last(&bars[..bars.len().checked_sub(offset)?], period)?;
        window.iter().map(|bar| bar.low.ticks() as f64).reduce(f64::min)
    }

    proptest! {
        #[test]
        fn equals_its_twin(bars in twin::bars(), period in 1..9_u32, offset in 0..4_u32) {
            let parameters = [("period", period.into()), ("offset", offset.into())];
            twin::on_bars("donchian_low", &parameters, &bars, |bars| {
                naive(bars, period as usize, offset as usize)
            })?;
        }
    }

    #[test]
    fn does_not_drift() {
        twin::on_many_bars("donchian_low", &[("period", 100.0)], |bars| naive(bars, 100, 0));
    }
}
