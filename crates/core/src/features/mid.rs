use serde::{Deserialize, Serialize};

use super::about::{About, InputKind, Values};
use super::{Feature, Input, float};
use crate::book::Best;

/// The mid price: (bid + ask) / 2, in ticks.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Mid {
    twice: Option<i64>,
}

/// Twice the mid price in ticks, where there is one above zero.
#[inline]
pub(super) fn twice(best: Option<Best>) -> Option<i64> {
    best.map(Best::twice_mid).filter(|twice| *twice > 0)
}

impl Mid {
    /// What it says of itself.
    pub const ABOUT: About = About {
        name: "mid",
        doc: "Mid price: (bid + ask) / 2.",
        unit: "ticks",
        inputs: &[InputKind::Book],
        parameters: &[],
    };

    pub(super) const fn new(_: &Values<'_>) -> Self {
        Self { twice: None }
    }
}

impl Feature for Mid {
    #[inline]
    fn update(&mut self, input: &Input<'_>) {
        if let Input::Book { best, .. } = *input {
            self.twice = twice(best);
        }
    }

    #[inline]
    fn value(&self) -> f64 {
        self.twice.map_or(f64::NAN, |twice| float::small(twice) / 2.0)
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use crate::features::twin;

    proptest! {
        #[test]
        fn equals_its_twin(steps in twin::steps()) {
            twin::on_books("mid", &[], &steps, |seen| {
                seen.last().unwrap().mid()
            })?;
        }
    }
}
