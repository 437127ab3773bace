use serde::{Deserialize, Serialize};

use super::about::{About, InputKind, Values};
use super::{Feature, Input, float};
use crate::book::Best;

/// The spread: ask − bid, in ticks.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Spread {
    ticks: Option<i64>,
}

impl Spread {
    /// What it says of itself.
    pub const ABOUT: About = About {
        name: "spread",
        doc: "Best ask less best bid.",
        unit: "ticks",
        inputs: &[InputKind::Book],
        parameters: &[],
    };

    pub(super) const fn new(_: &Values<'_>) -> Self {
        Self { ticks: None }
    }
}

impl Feature for Spread {
    #[inline]
    fn update(&mut self, input: &Input<'_>) {
        if let Input::Book { best, .. } = *input {
            self.ticks = best.map(Best::spread);
        }
    }

    #[inline]
    fn value(&self) -> f64 {
        self.ticks.map_or(f64::NAN, float::small)
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use crate::features::twin;

    proptest! {
        #[test]
        fn equals_its_twin(steps in twin::steps()) {
            twin::on_books("spread", &[], &steps, |seen| {
                let best = seen.last().unwrap().best?;
                Some(best.ask.price.ticks() as f64 - best.bid.price.ticks() as f64)
            })?;
        }
    }
}
