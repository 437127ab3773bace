use serde::{Deserialize, Serialize};

use super::about::{About, InputKind, Parameter, Values};
use super::window::{Moments, Rolling};
use super::{Feature, Input, float};
use crate::domain::Price;

/// Volatility per bar from closes: the sample standard deviation of the last `period` log returns
/// from close to close. It needs `period` + 1 bars. Multiply by √n for the volatility over n bars.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct VolatilityClose {
    previous: Option<Price>,
    returns: Rolling<Moments>,
}

impl VolatilityClose {
    /// What it says of itself.
    pub const ABOUT: About = About {
        name: "volatility_close",
        doc: "Sample standard deviation of log returns from close to close.",
        unit: "log return per bar",
        inputs: &[InputKind::Bar],
        parameters: &[Parameter::bars("period", 2.0)],
    };

    pub(super) fn new(values: &Values<'_>) -> Self {
        Self { previous: None, returns: Rolling::new(values.whole("period")) }
    }
}

impl Feature for VolatilityClose {
    #[inline]
    fn update(&mut self, input: &Input<'_>) {
        let Input::Bar { bar, .. } = *input else { return };
        if let Some(previous) = self.previous.replace(bar.close) {
            self.returns.push(Moments::of(float::log_return(previous, bar.close)));
        }
    }

    #[inline]
    fn value(&self) -> f64 {
        self.returns.summary().map_or(f64::NAN, |moments| libm::sqrt(moments.variance()))
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use crate::domain::Bar;
    use crate::features::twin;

    fn naive(bars: &[Bar], period: usize) -> Option<f64> {
        let closes = twin::closes(twin::last(bars, period + 1)?);
        let returns: Vec<f64> =
            closes.windows(2).map(|pair| libm::log(pair[1] / pair[0])).collect();
        Some(twin::variance(&returns).sqrt())
    }

    proptest! {
        #[test]
        fn equals_its_twin(bars in twin::bars(), period in 2..9_u32) {
            let parameters = [("period", period.into())];
            twin::on_bars("volatility_close", &parameters, &bars, |bars| {
                naive(bars, period as usize)
            })?;
        }
    }

    #[test]
    fn does_not_drift() {
        twin::on_many_bars("volatility_close", &[("period", 100.0)], |bars| naive(bars, 100));
    }

    #[test]
    fn a_case_by_hand() {
        // Returns ln 2 and −ln 2: mean 0, variance 2 ln² 2 / 1.
        let values = twin::values("volatility_close", &[("period", 2.0)], &[100, 200, 100]);
        assert!(values[1].is_nan());
        assert!((values[2] - std::f64::consts::LN_2 * 2_f64.sqrt()).abs() < 1e-12);
    }
}
