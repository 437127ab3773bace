use serde::{Deserialize, Serialize};

use super::about::{About, InputKind, Values};
use super::{Feature, Input, float};
use crate::book::Best;

/// The mid price weighted by what rests on the other side, in ticks:
/// (bid × ask quantity + ask × bid quantity) / (bid quantity + ask quantity).
///
/// It leans towards the side that is about to be used up. NaN when nothing rests at either.
/// Gatheral and Oomen 2010, "Zero-intelligence realized variance estimation", call it the
/// micro-price; Stoikov 2018 the weighted mid.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Microprice {
    best: Option<Best>,
}

impl Microprice {
    /// What it says of itself.
    pub const ABOUT: About = About {
        name: "microprice",
        doc: "Mid price weighted by the quantity on the other side.",
        unit: "ticks",
        inputs: &[InputKind::Book],
        parameters: &[],
    };

    pub(super) const fn new(_: &Values<'_>) -> Self {
        Self { best: None }
    }
}

impl Feature for Microprice {
    #[inline]
    fn update(&mut self, input: &Input<'_>) {
        if let Input::Book { best, .. } = *input {
            self.best = best;
        }
    }

    #[inline]
    fn value(&self) -> f64 {
        let Some(Best { bid, ask }) = self.best else { return f64::NAN };
        let (bid_qty, ask_qty) = (float::lots(bid.qty), float::lots(ask.qty));
        let weighted = float::ticks(bid.price) * ask_qty + float::ticks(ask.price) * bid_qty;
        weighted / (bid_qty + ask_qty)
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use crate::features::twin;

    proptest! {
        #[test]
        fn equals_its_twin(steps in twin::steps()) {
            twin::on_books("microprice", &[], &steps, |seen| {
                let best = seen.last().unwrap().best?;
                let share = best.bid.qty.lots() as f64
                    / (best.bid.qty.lots() as f64 + best.ask.qty.lots() as f64);
                Some(best.bid.price.ticks() as f64 + share * best.spread() as f64)
            })?;
        }
    }
}
